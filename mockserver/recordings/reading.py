"""Recordings from files: JSON and YAML of any recorder, the traces of Go's httprr."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from mockserver.recordings.exchange import (
    Exchange,
    NothingToReplay,
    Request,
    Response,
    Transcript,
    Unreadable,
    date_of,
    lower,
)
from mockserver.recordings.formats import Finder, unzipped
from mockserver.scripting.yaml_aliases import AliasBomb, check_aliases

SUFFIXES = (".json", ".txt", ".yaml", ".yml", ".httprr")

# What only a reply has at its outermost, or somebody's note of one.
_REPLY_MEMBERS = frozenset({"body", "candidates", "error", "promptFeedback", "totalTokens"})

_TRACE = b"httprr trace v1\n"
_SOURCE = re.compile(r"SOURCE: [^\n]*\n")
_RECORDER = re.compile(r"(?m)^(?:http_)?interactions:")


def files(folder: Path) -> list[Path]:
    """The files of a folder and those below it that may be recordings, by name; a file is itself."""
    if folder.is_file():
        return [folder]
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in SUFFIXES)


def read(path: Path) -> Transcript:
    """The exchanges of a file. Raises NothingToReplay when it is about something else, Unreadable when it is broken."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from None
    if raw.startswith(_TRACE):
        return Transcript(path.name, tuple(_trace(raw)))
    finder = Finder(path.parent)
    try:
        data = _data(path, raw)
        exchanges = tuple(finder.find(data))
    except RecursionError:
        raise Unreadable("nested too deeply") from None
    remarks = _remarks(finder)
    if not exchanges and isinstance(data, dict) and data.keys() & _REPLY_MEMBERS:
        raise NothingToReplay("a reply without its request")
    if not exchanges:
        raise NothingToReplay("; ".join(remarks) or "data, and no request with its reply among it")
    return Transcript(path.name, exchanges, tuple(remarks))


def _data(path: Path, raw: bytes) -> Any:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("neither text nor a trace of httprr") from None
    text = _SOURCE.sub("", text, count=1) if text.startswith("SOURCE: ") else text
    if path.suffix == ".json":
        try:
            tree = json.loads(text)
        except ValueError as error:
            raise Unreadable(f"not JSON: {error}") from None
        if isinstance(tree, dict) and tree.get("kind") == "discovery#restDescription":
            raise NothingToReplay("a discovery document")
        return tree
    if path.suffix in {".yaml", ".yml"} or _RECORDER.search(text):
        try:
            check_aliases(text)
            return yaml.safe_load(text)
        except AliasBomb as bomb:
            raise Unreadable(str(bomb)) from None
        except yaml.YAMLError as error:
            raise Unreadable(f"not YAML: {' '.join(str(error).split())}") from None
    if text.lstrip().startswith(("{", "[", "data:")):
        raise NothingToReplay("a reply without its request")
    raise NothingToReplay("text, and no recorder's")


def _remarks(finder: Finder) -> list[str]:
    """What of a file is no exchange, in words."""
    remarks = []
    if finder.described:
        shown = "; ".join(f'"{text}"' for text in finder.described[:3])
        more = f" and {len(finder.described) - 3} more" if len(finder.described) > 3 else ""
        remarks.append(f"{len(finder.described)} requests are told in words: {shown}{more}")
    elif finder.replies_alone:
        remarks.append(f"{finder.replies_alone} replies without their requests")
    return remarks


def _trace(raw: bytes) -> Iterator[Exchange]:
    """The exchanges of a trace: before each, the lengths of its request and of its reply."""
    rest = raw[len(_TRACE) :]
    while rest.strip():
        lengths, _, rest = rest.partition(b"\n")
        found = re.fullmatch(rb"(\d+) (\d+)", lengths)
        if found is None or len(rest) < int(found[1]) + int(found[2]):
            raise Unreadable("a trace of httprr that is cut off")
        asked, told = int(found[1]), int(found[1]) + int(found[2])
        yield _traced(rest[:asked], rest[asked:told])
        rest = rest[told:]


def _traced(asked: bytes, told: bytes) -> Exchange:
    line, headers, body = _message(asked)
    method, _, target = line.partition(" ")
    url = target.rpartition(" ")[0]
    host = next((value for name, value in headers if name == "host"), "localhost")
    request = Request(method, url if url.startswith("http") else f"https://{host}{url}", headers, body)
    line, headers, body = _message(told)
    status = re.match(r"HTTP/\S+ (\d{3})", line)
    if status is None:
        raise Unreadable(f"a trace of httprr with the status line {line!r}")
    return Exchange(request, Response(int(status[1]), headers, body), date=date_of(headers))


def _message(raw: bytes) -> tuple[str, tuple[tuple[str, str], ...], bytes]:
    """The first line, headers and body of an HTTP message."""
    head, _, body = raw.replace(b"\r\n", b"\n", raw.partition(b"\r\n\r\n")[0].count(b"\r\n") + 2).partition(b"\n\n")
    line, *fields = head.decode("latin-1").split("\n")
    headers = lower((name, value.strip()) for name, _, value in (field.partition(":") for field in fields))
    chunked = any(name == "transfer-encoding" and "chunked" in value for name, value in headers)
    return line, headers, unzipped(_joined(body) if chunked else body)


def _joined(body: bytes) -> bytes:
    """A body without the marks of chunked encoding; one that has none is itself."""
    whole = b""
    rest = body
    while found := re.match(rb"([0-9a-fA-F]+)[^\n]*\n", rest):
        size = int(found[1], 16)
        whole += rest[found.end() : found.end() + size]
        rest = rest[found.end() + size :].lstrip(b"\r\n")
        if size == 0:
            return whole
    return body
