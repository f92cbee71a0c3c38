"""A request as a door read it from its client, and what of it the dispatcher needs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from mockserver.protojson.reading import is_form

# What POST may say in X-HTTP-Method-Override, for URLs too long to GET (Google's HTTP guidelines).
OVERRIDES = frozenset({"GET", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True)
class HttpRequest:
    """Header names are lower case; path and query as on the wire."""

    verb: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def method(self) -> str:
        """The verb meant."""
        other = self.headers.get("x-http-method-override", "").upper()
        return other if self.verb == "POST" and other in OVERRIDES else self.verb

    @cached_property
    def parameters(self) -> str:
        """The query; of a GET sent as a POST, the form in its body too, as google-api-python-client has it."""
        if self.verb == "GET" or self.method != "GET" or not is_form(self.headers.get("content-type")):
            return self.query
        return "&".join(filter(None, (self.query, self.body.decode("latin-1"))))

    @property
    def target(self) -> str:
        """Path and query."""
        return f"{self.path}?{self.query}" if self.query else self.path

    def identifying_texts(self) -> Iterator[str]:
        """What may carry a world's name, or a secret: everything a client sends to say who it is."""
        yield self.headers.get("authorization", "")
        yield self.headers.get("x-goog-api-key", "")
        yield self.headers.get("x-goog-user-project", "")
        yield self.path
        yield self.parameters
