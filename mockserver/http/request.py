"""An HTTP request, as a door has read it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mockserver.protojson.reading import is_form
from mockserver.rpc.hosts import host_without_port

# The verbs that a POST may name in X-HTTP-Method-Override, for URLs too long for GET (Google's HTTP guidelines).
OVERRIDES = frozenset({"GET", "PUT", "PATCH", "DELETE"})


UNRECORDED = "mockserver.unrecorded"
"""The ASGI extension of a request that a library made by itself: answered, but not recorded, without faults."""


@dataclass(slots=True)  # frozen would cost more than the route does
class HttpRequest:
    """An HTTP request. Header names are lower case; path and query are as on the wire.

    `sent_verb` is the verb on the wire, `verb` that verb or the one that X-HTTP-Method-Override names. `parameters` is
    the query; for a GET sent as POST also the form in the body, as google-api-python-client sends it.
    """

    sent_verb: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    is_unrecorded: bool = False
    verb: str = field(init=False)
    parameters: str = field(init=False)

    @property
    def host(self) -> str:
        """Return the host that the client called, in lower case and without a port."""
        return host_without_port(self.headers.get("host", ""))

    def __post_init__(self) -> None:
        self.verb, self.parameters = self.sent_verb, self.query
        if self.sent_verb == "POST" and "x-http-method-override" in self.headers:
            override = self.headers["x-http-method-override"].upper()
            self.verb = override if override in OVERRIDES else self.sent_verb
            if self.verb == "GET" and is_form(self.headers.get("content-type")):
                self.parameters = "&".join(filter(None, (self.query, self.body.decode("latin-1"))))

    @property
    def target(self) -> str:
        """Return path and query."""
        return f"{self.path}?{self.query}" if self.query else self.path

    def identifying_texts(self) -> tuple[str, ...]:
        """Return the texts that identify the client, and so may contain a world's name or a secret."""
        text = self.headers.get
        return (
            text("authorization", ""),
            text("x-goog-api-key", ""),
            text("x-goog-user-project", ""),
            self.path,
            self.parameters,
        )
