"""Secrets out of recordings. What is not known to be harmless does not get in.

All exchanges are read first, so that a key seen in one header is found in every body too; then each secret becomes
one placeholder, the same everywhere. What prompts, answers and datasets say is not a secret and stays.
"""

import base64
import binascii
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from html import unescape
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus, urlsplit, urlunsplit

import orjson

from mockserver.recordings import secret_detectors
from mockserver.recordings.exchange import Exchange, Headers
from mockserver.recordings.secret_detectors import HARMLESS_HEADERS, Kind, Secret, kind_of_member, kind_of_name

DROPPED = "scrubbed"

# How placeholders begin; the second and third are for recordings in which the first is a secret.
_PREFIXES = (DROPPED, "hidden", "masked")

# Shorter ones are replaced where they stand, and not wherever the same letters happen to be.
_TELLING = 6

# A project may be called like one of these; then only the whole word is taken for it.
_PUBLIC_WORDS = (
    "generativelanguage aiplatform googleapis gemini models tunedmodels projects locations publishers tuning"
)

_TEXTS = re.compile(r"json|text|javascript|xml|x-www-form-urlencoded|^$")
_BASE64 = re.compile(r"[\w+-]{16,}={0,2}|[\w+/-]{16,}={0,2}")


class Scrubber:
    """Placeholders for the secrets of one recording."""

    def __init__(self, known: Iterable[Secret] = ()) -> None:
        self._learned: dict[str, Kind] = {}
        self._placeholders: dict[str, str] = {}
        self._spelled: dict[str, str] = {}
        self._opaque: dict[str, str] = {}
        self._finder = re.compile(r"(?!)")
        for secret in known:
            self._learn(secret)

    @property
    def found(self) -> Counter[Kind]:
        """How many different secrets of each kind there were."""
        return Counter(self._learned.values())

    def scrub(self, exchanges: Sequence[Exchange]) -> list[Exchange]:
        """The same exchanges without a secret in them."""
        for exchange in exchanges:
            for secret in secret_detectors.in_exchange(exchange):
                self._learn(secret)
        self._mint()
        return [self._exchange(exchange) for exchange in exchanges]

    def _learn(self, secret: Secret) -> None:
        if secret.text not in {"", "-", "*"}:
            self._learned.setdefault(secret.text, secret_detectors.kind_of_text(secret))

    def _mint(self) -> None:
        """Give each secret a placeholder in which none is to be found, and find them in any of their spellings."""
        minted: Counter[Kind] = Counter()
        telling = [text for text in self._learned if len(text) >= _TELLING]
        prefix = next((word for word in _PREFIXES if not any(text in word for text in telling)), "")
        for text, kind in self._learned.items():
            while True:
                minted[kind] += 1
                placeholder = _placeholder(prefix, kind, minted[kind], len(text))
                if placeholder not in self._learned:
                    break
            self._placeholders[text] = placeholder
        self._spelled = {
            spelling: placeholder for text, placeholder in self._placeholders.items() for spelling in _spellings(text)
        }
        longest_first = sorted(self._spelled, key=len, reverse=True)
        self._finder = re.compile("|".join(f"(?:{_bounded(text)})" for text in longest_first) or r"(?!)")

    def text(self, text: str) -> str:
        """A text with every secret in it replaced."""
        clean = self._finder.sub(lambda found: self._spelled[found[0]], text)
        return _BASE64.sub(lambda found: self._unless_telling(found[0]), clean)

    def _unless_telling(self, opaque: str) -> str:
        """A word that may be base64, unless a secret comes out when it is decoded."""
        if not any(self._tells(decoded) for decoded in _decoded(opaque)):
            return opaque
        return self._opaque.setdefault(opaque, f"scrubbed-opaque-{len(self._opaque) + 1}")

    def _tells(self, text: str) -> bool:
        return bool(self._finder.search(text)) or any(
            kind != "project" and pattern.search(text) for kind, pattern in secret_detectors.PATTERNS
        )

    def _exchange(self, exchange: Exchange) -> Exchange:
        request, response = exchange.request, exchange.response
        return replace(
            exchange,
            request=replace(
                request,
                url=self._url(request.url),
                headers=self._headers(request.headers),
                body=self._body(request.body or b"", request.headers),
            ),
            response=replace(
                response,
                headers=self._headers(response.headers),
                body=self._body(response.body, response.headers),
            ),
        )

    def _url(self, url: str) -> str:
        parts = urlsplit(url)
        host = self.text(parts.netloc.rpartition("@")[2])
        path = self._unquoted(parts.path, unquote, lambda text: quote(text, safe="/:@$,;=~!*'()"))
        query = "&".join(self._pair(pair) for pair in parts.query.split("&"))
        return urlunsplit((parts.scheme, host, path, query, ""))

    def _pair(self, pair: str) -> str:
        name, equals, value = pair.partition("=")
        placeholder = self._placeholders.get(unquote_plus(value))
        if placeholder and (kind_of_name(unquote(name)) or name in {"key", "code"}):
            return f"{name}={placeholder}"
        return self.text(unquote(name)) + equals + self._unquoted(value, unquote_plus, quote_plus)

    def _unquoted(self, text: str, decode: Any, encode: Any) -> str:
        """The text as it is if there is nothing in it, else scrubbed where it can be read."""
        plain = decode(text)
        clean = self.text(plain)
        return text if clean == plain and self.text(text) == text else encode(clean)

    def _headers(self, headers: Headers) -> Headers:
        return tuple((name, self._header(name, value)) for name, value in headers)

    def _header(self, name: str, value: str) -> str:
        if name in {"authorization", "proxy-authorization"}:
            scheme, space, secret = value.partition(" ")
            return f"{scheme} {self._placeholders[secret.strip()]}" if space and secret.strip() else DROPPED
        if name in {"x-goog-api-key", "x-goog-user-project"}:
            return self._placeholders.get(value, DROPPED)
        if name not in HARMLESS_HEADERS:
            return DROPPED
        return self._unquoted(value, unquote, quote)

    def _body(self, body: bytes, headers: Headers) -> bytes:
        """A body that can be read and is clean, else words that say what stood there."""
        type_ = next((value for name, value in headers if name == "content-type"), "")
        try:
            text = body.decode()
        except UnicodeDecodeError:
            return _left_out(body, type_)
        if not _TEXTS.search(type_.partition(";")[0]):
            return _left_out(body, type_)
        clean = self._readable(text)
        return _left_out(body, type_) if self._leaks(clean) else clean.encode()

    def _readable(self, text: str) -> str:
        if secret_detectors.parsed(text) is not None:
            return self._json(text)
        if text.startswith("data:"):
            return re.sub(r"(?m)^data:[^\r\n]*", lambda line: "data:" + self._json(line[0][5:]), text)
        if "=" in text and not re.search(r"\s", text):
            return "&".join(self._pair(pair) for pair in text.split("&"))
        return self.text(text)

    def _json(self, text: str) -> str:
        """The text with secrets replaced where that is enough; else written anew from what it means."""
        tree = secret_detectors.parsed(text)
        if tree is None:
            return self.text(text)
        clean = self.text(text)
        return clean if secret_detectors.parsed(clean) == self._tree(tree) else self._anew(text)

    def _anew(self, text: str) -> str:
        """JSON read, scrubbed and written again, its numbers to the last digit."""
        tree = json.loads(text, parse_float=orjson.Fragment, parse_int=_small_int)
        pretty = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE if "\n" in text else 0
        return orjson.dumps(self._tree(tree), option=pretty).decode()

    def _tree(self, tree: Any, kind: Kind | None = None) -> Any:
        if isinstance(tree, dict):
            return {self.text(name): self._tree(value, kind_of_member(name, tree)) for name, value in tree.items()}
        if isinstance(tree, list):
            return [self._tree(item, kind) for item in tree]
        if isinstance(tree, bool) or not isinstance(tree, str | int):
            return tree
        if kind is not None and str(tree) in self._placeholders:
            placeholder = self._placeholders[str(tree)]
            return int(placeholder) if isinstance(tree, int) and placeholder.isdigit() else placeholder
        if isinstance(tree, int):
            clean = self.text(str(tree))
            return int(clean) if clean.isdigit() else tree
        inner = secret_detectors.parsed(tree)
        return self.text(tree) if inner is None else self._json(tree)

    def _leaks(self, text: str) -> bool:
        """Whether a secret can still be read out of the text in some way."""
        return any(self._finder.search(view) for view in (text, unquote(text), unescape(text), _unescaped(text)))


def _placeholder(prefix: str, kind: Kind, number: int, length: int) -> str:
    if kind == "email":
        return f"{prefix}-{number}@example.com"
    if kind == "number":
        return f"1{number:0{max(length, 2) - 1}d}"
    return f"{prefix}-{kind}-{number}"


def _spellings(text: str) -> Iterator[str]:
    """How a text may be written: plainly, in a URL, in JSON."""
    plain = {text, quote(text), quote(text, safe=""), quote_plus(text), json.dumps(text)[1:-1]}
    yield from plain | {spelling.lower() for spelling in plain if "%" in spelling}


def _bounded(text: str) -> str:
    """A pattern for a spelling: anywhere if it tells enough, else as a whole word or only after `projects/`."""
    exact = re.escape(text)
    if text.isdigit():
        return rf"(?<!\d){exact}(?!\d)" if len(text) >= _TELLING else rf"(?<=projects/){exact}(?!\w)"
    if len(text) < _TELLING:
        return rf"(?<=projects/){exact}(?![\w-])"
    return rf"(?<![\w-]){exact}(?![\w-])" if text.lower() in _PUBLIC_WORDS else exact


def _decoded(opaque: str) -> Iterator[str]:
    for piece in {opaque, *opaque.split("/")}:
        plain = piece.rstrip("=").replace("-", "+").replace("_", "/")
        try:
            yield base64.b64decode(plain + "=" * (-len(plain) % 4)).decode("latin-1")
        except binascii.Error:
            continue


def _unescaped(text: str) -> str:
    """What JSON's escapes stand for, in text that may be no JSON."""
    letters = re.sub(r"\\u([0-9a-fA-F]{4})", lambda escape: chr(int(escape[1], 16)), text)
    return letters.replace("\\/", "/")


def _small_int(digits: str) -> int | orjson.Fragment:
    return int(digits) if len(digits) < 19 else orjson.Fragment(digits)


def _left_out(body: bytes, content_type: str) -> bytes:
    return f"[{len(body)} bytes of {content_type or 'unnamed type'} left out]".encode()
