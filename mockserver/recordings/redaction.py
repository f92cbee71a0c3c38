"""Redacts the secrets in recordings. What is not known to be harmless is dropped.

All exchanges are read first, so that a key found in one header is replaced in every body too. Each secret has one
placeholder, the same everywhere. The texts of prompts, answers and datasets are not secret and stay.
"""

import base64
import binascii
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from html import unescape
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus, urlsplit, urlunsplit

import orjson

from mockserver.recordings import secret_detectors
from mockserver.recordings.secret_detectors import HARMLESS_HEADERS, Kind, Secret, kind_of_member, kind_of_name
from mockserver.transcripts.exchange import Exchange, Headers

DROPPED = "scrubbed"

# The first word of placeholders; the others are for recordings in which the first one is a secret.
_PREFIXES = (DROPPED, "hidden", "masked")

# Shorter secrets are replaced in their own position only, and not wherever the same letters occur.
_MIN_LENGTH = 6

# If a project has one of these names, only whole words are replaced.
_PUBLIC_WORDS = (
    "generativelanguage aiplatform googleapis gemini models tunedmodels projects locations publishers tuning"
)

_TEXT_TYPES = re.compile(r"json|text|javascript|xml|x-www-form-urlencoded|^$")
_BASE64 = re.compile(r"[\w+-]{16,}={0,2}|[\w+/-]{16,}={0,2}")


class Redactor:
    """Replaces the secrets of one recording by placeholders."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._secrets: dict[str, Kind] = {}
        self._placeholders: dict[str, str] = {}
        self._spellings: dict[str, str] = {}
        self._opaque_words: dict[str, str] = {}
        self._pattern = re.compile(r"(?!)")
        self.failures: list[str] = []
        """Which exchanges could not be redacted, by their number, and the kind of error: its words may be secret."""
        for secret in secrets:
            self._add(secret)

    @property
    def counts(self) -> Counter[Kind]:
        """How many different secrets of each kind were found."""
        return Counter(self._secrets.values())

    def redact(self, exchanges: Sequence[Exchange]) -> list[Exchange]:
        """Return the exchanges without their secrets.

        One that cannot be redacted is left out, and counts among the `failures`: the others may have cost money.
        """
        searched = self._try_each(enumerate(exchanges, 1), self._search)
        self._assign_placeholders()
        return [redacted for _, redacted in self._try_each(searched, self._redact_exchange)]

    def _try_each(
        self, exchanges: Iterable[tuple[int, Exchange]], do: Callable[[Exchange], Exchange]
    ) -> list[tuple[int, Exchange]]:
        """Return what `do` makes of each numbered exchange, and note those of which it makes nothing."""
        done: list[tuple[int, Exchange]] = []
        for number, exchange in exchanges:
            try:
                done.append((number, do(exchange)))
            except Exception as error:  # noqa: BLE001 - a bug of ours, whose traceback may have a secret
                self.failures.append(f"exchange {number} ({type(error).__name__})")
        return done

    def _search(self, exchange: Exchange) -> Exchange:
        """Add the secrets of an exchange, and return it."""
        for secret in secret_detectors.find_in_exchange(exchange):
            self._add(secret)
        return exchange

    def _add(self, secret: Secret) -> None:
        if secret.text not in {"", "-", "*"}:
            self._secrets.setdefault(secret.text, secret_detectors.kind_of_text(secret))

    def _assign_placeholders(self) -> None:
        """Assign each secret a placeholder that contains no secret, and build the pattern of all their spellings."""
        numbers: Counter[Kind] = Counter()
        long_secrets = [text for text in self._secrets if len(text) >= _MIN_LENGTH]
        prefix = next((word for word in _PREFIXES if not any(text in word for text in long_secrets)), "")
        for text, kind in self._secrets.items():
            while True:
                numbers[kind] += 1
                placeholder = _format_placeholder(prefix, kind, numbers[kind], len(text))
                if placeholder not in self._secrets:
                    break
            self._placeholders[text] = placeholder
        self._spellings = {
            spelling: placeholder for text, placeholder in self._placeholders.items() for spelling in _spellings(text)
        }
        longest_first = sorted(self._spellings, key=len, reverse=True)
        self._pattern = re.compile("|".join(f"(?:{_spelling_pattern(text)})" for text in longest_first) or r"(?!)")

    def redact_text(self, text: str) -> str:
        """Replace every secret in a text."""
        clean = self._pattern.sub(lambda match: self._spellings[match[0]], text)
        return _BASE64.sub(lambda match: self._redact_opaque(match[0]), clean)

    def _redact_opaque(self, opaque: str) -> str:
        """Replace a word that may be base64 if it decodes to a secret."""
        if not any(self._contains_secret(text) for text in _decode_base64(opaque)):
            return opaque
        return self._opaque_words.setdefault(opaque, f"scrubbed-opaque-{len(self._opaque_words) + 1}")

    def _contains_secret(self, text: str) -> bool:
        return bool(self._pattern.search(text)) or any(
            kind != "project" and pattern.search(text) for kind, pattern in secret_detectors.PATTERNS
        )

    def _redact_exchange(self, exchange: Exchange) -> Exchange:
        request, response = exchange.request, exchange.response
        return replace(
            exchange,
            request=replace(
                request,
                url=self._redact_url(request.url),
                headers=self._redact_headers(request.headers),
                body=self._redact_body(request.body or b"", request.headers),
            ),
            response=replace(
                response,
                headers=self._redact_headers(response.headers),
                body=self._redact_body(response.body, response.headers),
            ),
        )

    def _redact_url(self, url: str) -> str:
        parts = urlsplit(url)
        host = self.redact_text(parts.netloc.rpartition("@")[2])
        path = self._redact_quoted(parts.path, unquote, lambda text: quote(text, safe="/:@$,;=~!*'()"))
        query = "&".join(self._redact_pair(pair) for pair in parts.query.split("&"))
        return urlunsplit((parts.scheme, host, path, query, ""))

    def _redact_pair(self, pair: str) -> str:
        name, equals, value = pair.partition("=")
        placeholder = self._placeholders.get(unquote_plus(value))
        if placeholder and (kind_of_name(unquote(name)) or name in {"key", "code"}):
            return f"{name}={placeholder}"
        return self.redact_text(unquote(name)) + equals + self._redact_quoted(value, unquote_plus, quote_plus)

    def _redact_quoted(self, text: str, decode: Any, encode: Any) -> str:
        """Redact a percent-encoded text; return it unchanged if it contains no secret."""
        plain = decode(text)
        clean = self.redact_text(plain)
        return text if clean == plain and self.redact_text(text) == text else encode(clean)

    def _redact_headers(self, headers: Headers) -> Headers:
        return tuple((name, self._redact_header(name, value)) for name, value in headers)

    def _redact_header(self, name: str, value: str) -> str:
        if name in {"authorization", "proxy-authorization"}:
            scheme, space, secret = value.partition(" ")
            return f"{scheme} {self._placeholders.get(secret.strip(), DROPPED)}" if space else DROPPED
        if name in {"x-goog-api-key", "x-goog-user-project"}:
            return self._placeholders.get(value, DROPPED)
        if name not in HARMLESS_HEADERS:
            return DROPPED
        return self._redact_quoted(value, unquote, quote)

    def _redact_body(self, body: bytes, headers: Headers) -> bytes:
        """Redact a text body; replace any other, or one that still contains a secret, by a description."""
        type_ = next((value for name, value in headers if name == "content-type"), "")
        try:
            text = body.decode()
        except UnicodeDecodeError:
            return _describe_omitted(body, type_)
        if not _TEXT_TYPES.search(type_.partition(";")[0]):
            return _describe_omitted(body, type_)
        clean = self._redact_body_text(text)
        return _describe_omitted(body, type_) if self._still_contains_secret(clean) else clean.encode()

    def _redact_body_text(self, text: str) -> str:
        if secret_detectors.parse_json(text) is not None:
            return self._redact_json(text)
        if text.startswith("data:"):
            return re.sub(r"(?m)^data:[^\r\n]*", lambda line: "data:" + self._redact_json(line[0][5:]), text)
        if "=" in text and not re.search(r"\s", text):
            return "&".join(self._redact_pair(pair) for pair in text.split("&"))
        return self.redact_text(text)

    def _redact_json(self, text: str) -> str:
        """Redact JSON as text if its value is then clean, else redact its value and write it again."""
        tree = secret_detectors.parse_json(text)
        if tree is None:
            return self.redact_text(text)
        clean = self.redact_text(text)
        return clean if secret_detectors.parse_json(clean) == self._redact_tree(tree) else self._rewrite_json(text)

    def _rewrite_json(self, text: str) -> str:
        """Parse, redact and write JSON again; numbers keep all their digits."""
        tree = json.loads(text, parse_float=orjson.Fragment, parse_int=_small_int)
        pretty = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE if "\n" in text else 0
        return orjson.dumps(self._redact_tree(tree), option=pretty).decode()

    def _redact_tree(self, tree: Any, kind: Kind | None = None) -> Any:
        if isinstance(tree, dict):
            return {
                self.redact_text(name): self._redact_tree(value, kind_of_member(name, tree))
                for name, value in tree.items()
            }
        if isinstance(tree, list):
            return [self._redact_tree(item, kind) for item in tree]
        if isinstance(tree, bool) or not isinstance(tree, str | int):
            return tree
        if kind is not None and str(tree) in self._placeholders:
            placeholder = self._placeholders[str(tree)]
            return int(placeholder) if isinstance(tree, int) and placeholder.isdigit() else placeholder
        if isinstance(tree, int):
            clean = self.redact_text(str(tree))
            return int(clean) if clean.isdigit() else tree
        inner = secret_detectors.parse_json(tree)
        return self.redact_text(tree) if inner is None else self._redact_json(tree)

    def _still_contains_secret(self, text: str) -> bool:
        """Return whether the text still contains a secret in any encoding."""
        return any(
            self._pattern.search(decoded) for decoded in (text, unquote(text), unescape(text), _unescape_json(text))
        )


def _format_placeholder(prefix: str, kind: Kind, number: int, length: int) -> str:
    if kind == "email":
        return f"{prefix}-{number}@example.com"
    if kind == "number":
        return f"1{number:0{max(length, 2) - 1}d}"
    return f"{prefix}-{kind}-{number}"


def _spellings(text: str) -> Iterator[str]:
    """Yield the spellings of a text: plain, in a URL, in JSON."""
    quoted = quote(text, errors=_HALVES), quote(text, safe="", errors=_HALVES), quote_plus(text, errors=_HALVES)
    plain = {text, *quoted, json.dumps(text)[1:-1]}
    yield from plain | {spelling.lower() for spelling in plain if "%" in spelling}


_HALVES = "surrogatepass"
"""How to quote a text that JSON has given half a character."""


def _spelling_pattern(text: str) -> str:
    """Return the pattern of a spelling: a long one matches anywhere, a short one only after `projects/`."""
    exact = re.escape(text)
    if text.isdigit():
        return rf"(?<!\d){exact}(?!\d)" if len(text) >= _MIN_LENGTH else rf"(?<=projects/){exact}(?!\w)"
    if len(text) < _MIN_LENGTH:
        return rf"(?<=projects/){exact}(?![\w-])"
    return rf"(?<![\w-]){exact}(?![\w-])" if text.lower() in _PUBLIC_WORDS else exact


def _decode_base64(opaque: str) -> Iterator[str]:
    for word in {opaque, *opaque.split("/")}:
        plain = word.rstrip("=").replace("-", "+").replace("_", "/")
        try:
            yield base64.b64decode(plain + "=" * (-len(plain) % 4)).decode("latin-1")
        except binascii.Error:
            continue


def _unescape_json(text: str) -> str:
    """Replace JSON's escapes in a text that need not be JSON."""
    letters = re.sub(r"\\u([0-9a-fA-F]{4})", lambda escape: chr(int(escape[1], 16)), text)
    return letters.replace("\\/", "/")


def _small_int(digits: str) -> int | orjson.Fragment:
    return int(digits) if len(digits) < 19 else orjson.Fragment(digits)


def _describe_omitted(body: bytes, content_type: str) -> bytes:
    return f"[{len(body)} bytes of {content_type or 'unnamed type'} left out]".encode()
