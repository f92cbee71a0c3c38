"""Detects secrets: by position, by the name of a header, member or parameter, and by pattern."""

import json
import re
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from mockserver.transcripts.exchange import Exchange, Headers

Kind = Literal["key", "token", "cookie", "secret", "project", "number", "email"]


class Secret(NamedTuple):
    """A text that must not be written, and its kind."""

    kind: Kind
    text: str


# Headers without personal data. Of any other header only the name is written.
HARMLESS_HEADERS = frozenset((
    "accept", "accept-charset", "accept-encoding", "accept-ranges", "access-control-allow-headers",
    "access-control-allow-methods", "access-control-allow-origin", "access-control-expose-headers",
    "access-control-max-age", "access-control-request-headers", "access-control-request-method", "age",
    "alt-svc", "cache-control", "connection", "content-disposition", "content-encoding", "content-language",
    "content-length", "content-type", "date", "expires", "host", "pragma", "retry-after", "server",
    "server-timing", "transfer-encoding", "user-agent", "vary", "www-authenticate", "x-content-type-options",
    "x-frame-options", "x-gemini-service-tier", "x-goog-api-client", "x-goog-fieldmask",
    "x-goog-request-params", "x-http-method-override", "x-xss-protection",
))  # fmt: skip

_KEY_HEADERS = frozenset({"x-goog-api-key", "x-api-key", "api-key"})
_CREDENTIAL_HEADER = re.compile(r"auth|key|token|secret|cookie|session|signature|credential|password|cert")

# Names of JSON members and of parameters, in lower case and without _ - and dots.
_SECRET_ENDINGS = (
    "accesskey", "apikey", "assertion", "authorization", "clientid", "clientsecret", "cookie", "credential",
    "credentials", "password", "privatekey", "privatekeyid", "secret", "token",
)  # fmt: skip
_PROJECT_NAMES = frozenset(
    {"project", "projectid", "projectnumber", "quotaprojectid", "userproject", "xgooguserproject"}
)
_EMAIL_NAMES = frozenset({"email", "emailaddress", "quotauser"})

# A pattern that begins with a repetition has a look-behind and a possessive quantifier: base64 of an image is one word
# of millions of letters, and without them a match would be tried from each letter.
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]++@[\w-]+(?:\.[\w-]+)+")
_PROJECT = r"((?:[\w.-]+\.[a-z]+:)?[\w-]+)"
PATTERNS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("secret", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)),
    ("key", re.compile(r"\b(?:AIza[\w-]{10,}|AQ\.[\w.-]{10,})")),
    ("token", re.compile(r"\bya29\.[\w.-]{4,}|\b1//[\w-]{10,}")),
    # A word that has one `eyJ` and no dot behind it has no token behind another one either.
    ("token", re.compile(r"(?<![\w-])(?:(?!\beyJ)[\w-])*+(eyJ[\w-]{6,}+\.[\w-]{6,}(?:\.[\w-]*)?)")),
    ("token", re.compile(r"\b[Bb]earer\s+(?!realm=|error=|token\b|authentication\b)([^\s\"',;<>]{6,})")),
    ("secret", re.compile(r"\bGOCSPX-[\w-]{6,}|(?<![\w-])[\w-]++\.apps\.googleusercontent\.com")),
    ("secret", re.compile(r"\b(?:key|api_key|access_token|oauth_token|client_secret)=([^&\s\"'\\<>]+)")),
    ("project", re.compile(r"@([a-z][a-z0-9-]*)\.(?:[a-z]+\.)?iam\.gserviceaccount\.com\b")),
    ("project", re.compile(r"\b(\d{6,})(?:-compute)?@[\w.-]*gserviceaccount\.com|\bservice-(\d{6,})@")),
    ("email", _EMAIL),
    ("project", re.compile(rf"\bprojects/{_PROJECT}")),
    ("project", re.compile(rf"\bproject(?:_id|_number|Id|Number)?={_PROJECT}")),
    ("project", re.compile(r"\b[Pp]roject(?:[ _](?:number|id))?[ :=#]+(\d{6,})|\bresource project ([a-z][a-z0-9-]*)")),
)


def find_in_exchange(exchange: Exchange) -> Iterator[Secret]:
    """Yield every secret in an exchange."""
    request, response = exchange.request, exchange.response
    yield from find_in_url(request.url)
    yield from find_in_headers(request.headers)
    yield from find_in_headers(response.headers)
    for body in (request.body or b"", response.body):
        yield from find_in_body(body.decode("utf-8", "replace"))


def find_in_url(url: str) -> Iterator[Secret]:
    """Yield the secrets in a URL: before the host, in the path, in the query, by name or by pattern."""
    parts = urlsplit(url)
    if parts.password:
        yield Secret("secret", unquote(parts.password))
    yield from find_in_text(unquote(parts.path))
    yield from _find_in_pairs(parts.query)


def _find_in_pairs(query: str) -> Iterator[Secret]:
    for name, value in parse_qsl(query, keep_blank_values=True):
        if kind := kind_of_name(name) or ("key" if name == "key" else "token" if name == "code" else None):
            yield Secret(kind, value)
        yield from find_in_text(value)


def find_in_headers(headers: Headers) -> Iterator[Secret]:
    """Yield every value of a credential header, and what matches a pattern in any other header."""
    for name, value in headers:
        if name in {"cookie", "set-cookie"}:
            yield from (Secret("cookie", part.partition("=")[2].strip()) for part in value.split(";") if "=" in part)
        elif name in {"authorization", "proxy-authorization"}:
            yield Secret("token", value.partition(" ")[2].strip() or value)
        elif name in _KEY_HEADERS:
            yield Secret("key", value)
        elif name == "x-goog-user-project":
            yield Secret("project", value)
        elif name not in HARMLESS_HEADERS and _CREDENTIAL_HEADER.search(name):
            yield Secret("secret", value)
        yield from find_in_text(value)
        yield from find_in_text(unquote(value))


def find_in_body(text: str) -> Iterator[Secret]:
    """Yield the secrets in a body: JSON, JSON in JSON, events, a form, or plain text."""
    documents = parse_body(text)
    for document in documents:
        yield from find_in_tree(document)
    if not documents:
        yield from _find_in_pairs(text)
        yield from find_in_text(text)


def parse_body(text: str) -> list[Any]:
    """Return the JSON values of a body: itself, or one for each event of a stream."""
    whole = parse_json(text)
    if whole is not None:
        return [whole]
    lines = (line.removeprefix("data:") for line in text.splitlines() if line.startswith("data:"))
    return [document for document in map(parse_json, lines) if document is not None]


def parse_json(text: str) -> Any:
    """Parse a JSON object or list; None for any other text."""
    if text.lstrip()[:1] not in {"{", "["}:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def find_in_tree(tree: Any, kind: Kind | None = None) -> Iterator[Secret]:
    """Yield the secrets in parsed JSON. `kind` is derived from the name of its member."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from find_in_text(name)
            yield from find_in_tree(value, kind_of_member(name, tree))
    elif isinstance(tree, list):
        for item in tree:
            yield from find_in_tree(item, kind)
    elif kind is not None and isinstance(tree, str | int) and not isinstance(tree, bool):
        yield Secret(kind, str(tree))
    if isinstance(tree, str):
        inner = parse_json(tree)
        yield from find_in_text(tree) if inner is None else find_in_tree(inner)


def kind_of_member(name: str, siblings: dict[str, Any]) -> Kind | None:
    """Return the kind of secret in a member, by its name. Tokens of a model's vocabulary are not secrets."""
    return None if siblings.keys() & {"logProbability", "tokenId"} else kind_of_name(name)


def kind_of_name(name: str) -> Kind | None:
    """Return the kind of secret in a member or parameter of this name; None if it is not secret."""
    plain = re.sub(r"[_.\-$]", "", name).lower()
    if plain in _PROJECT_NAMES or plain.endswith("projectnumbers"):
        return "project"
    if plain in _EMAIL_NAMES:
        return "email"
    if plain.endswith(_SECRET_ENDINGS):
        return "token" if plain.endswith("token") else "key" if plain.endswith("apikey") else "secret"
    return None


def kind_of_text(secret: Secret) -> Kind:
    """Return the kind of a secret, more exactly if its text shows it."""
    if _EMAIL.fullmatch(secret.text):
        return "email"
    return "number" if secret.kind == "project" and secret.text.isdigit() else secret.kind


def find_in_text(text: str) -> Iterator[Secret]:
    """Yield the secrets in a plain text, by pattern."""
    for kind, pattern in PATTERNS:
        for match in pattern.finditer(text):
            yield Secret(kind, next((group for group in match.groups() if group), match[0]))
