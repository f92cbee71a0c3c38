"""An HTTP request, as a door has read it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mockserver.protojson.reading import is_form

# The verbs that a POST may name in X-HTTP-Method-Override, for URLs too long for GET (Google's HTTP guidelines).
OVERRIDES = frozenset({"GET", "PUT", "PATCH", "DELETE"})


@dataclass(slots=True)  # frozen would cost more than the route does
class HttpRequest:
    """An HTTP request. Header names are lower case; path and query are as on the wire."""

    verb: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def method(self) -> str:
        """Return the verb, or the one that X-HTTP-Method-Override names."""
        override = self.headers.get("x-http-method-override", "").upper()
        return override if self.verb == "POST" and override in OVERRIDES else self.verb

    @property
    def host(self) -> str:
        """Return the host that the client called, in lower case and without a port."""
        return self.headers.get("host", "").partition(":")[0].rstrip(".").lower()

    @property
    def parameters(self) -> str:
        """Return the query; for a GET sent as POST also the form in the body, as google-api-python-client sends it."""
        if self.verb == "GET" or self.method != "GET" or not is_form(self.headers.get("content-type")):
            return self.query
        return "&".join(filter(None, (self.query, self.body.decode("latin-1"))))

    @property
    def target(self) -> str:
        """Return path and query."""
        return f"{self.path}?{self.query}" if self.query else self.path

    def identifying_texts(self) -> Iterator[str]:
        """Yield the texts that identify the client, and so may contain a world's name or a secret."""
        yield self.headers.get("authorization", "")
        yield self.headers.get("x-goog-api-key", "")
        yield self.headers.get("x-goog-user-project", "")
        yield self.path
        yield self.parameters
