"""Reads recordings from files: JSON and YAML of any recorder, traces of Go's httprr."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from mockserver.scripting.yaml_aliases import AliasBomb, check_aliases
from mockserver.transcripts.exchange import (
    Exchange,
    NothingToReplay,
    RecordedRequest,
    RecordedResponse,
    Transcript,
    UnreadableFile,
    lower_names,
    parse_date,
)
from mockserver.transcripts.formats import ExchangeFinder, decompress

SUFFIXES = (".json", ".txt", ".yaml", ".yml", ".httprr")

# Members that only a response has at its root, or a note about one.
_REPLY_MEMBERS = frozenset({"body", "candidates", "error", "promptFeedback", "totalTokens"})

_TRACE = b"httprr trace v1\n"
_RECORDER = re.compile(r"(?m)^(?:http_)?interactions:")


def find_files(folder: Path) -> list[Path]:
    """Return the files below a folder that may be recordings, by name; for a file, the file."""
    if folder.is_file():
        return [folder]
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in SUFFIXES)


def read(path: Path) -> Transcript:
    """Read the exchanges of a file. Raises NothingToReplay if it has none, UnreadableFile if it is broken."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UnreadableFile(error.strerror or str(error)) from None
    if raw.startswith(_TRACE):
        return Transcript(path.name, tuple(_parse_trace(raw)))
    finder = ExchangeFinder(path.parent)
    try:
        data = _parse_data(path, raw)
        exchanges = tuple(finder.find(data))
    except RecursionError:
        raise UnreadableFile("nested too deeply") from None
    remarks = _remarks(finder)
    if not exchanges and isinstance(data, dict) and data.keys() & _REPLY_MEMBERS:
        raise NothingToReplay("a response without its request")
    if not exchanges:
        raise NothingToReplay("; ".join(remarks) or "no request with its response")
    return Transcript(path.name, exchanges, tuple(remarks))


def _parse_data(path: Path, raw: bytes) -> Any:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFile("neither text nor a trace of httprr") from None
    text = text.partition("\n")[2] if text.startswith("SOURCE: ") and "\n" in text else text
    if path.suffix == ".json":
        try:
            tree = json.loads(text)
        except ValueError as error:
            raise UnreadableFile(f"not JSON: {error}") from None
        if isinstance(tree, dict) and tree.get("kind") == "discovery#restDescription":
            raise NothingToReplay("a discovery document")
        return tree
    if path.suffix in {".yaml", ".yml"} or _RECORDER.search(text):
        try:
            check_aliases(text)
            return yaml.safe_load(text)
        except AliasBomb as bomb:
            raise UnreadableFile(str(bomb)) from None
        except yaml.YAMLError as error:
            raise UnreadableFile(f"not YAML: {' '.join(str(error).split())}") from None
    if text.lstrip().startswith(("{", "[", "data:")):
        raise NothingToReplay("a response without its request")
    raise NothingToReplay("text that no recorder writes")


def _remarks(finder: ExchangeFinder) -> list[str]:
    """Describe what in a file is not an exchange."""
    remarks = []
    if finder.described:
        examples = "; ".join(f'"{text}"' for text in finder.described[:3])
        more = f" and {len(finder.described) - 3} more" if len(finder.described) > 3 else ""
        remarks.append(f"{len(finder.described)} requests are described in words: {examples}{more}")
    elif finder.lone_responses:
        remarks.append(f"{finder.lone_responses} responses without their requests")
    return remarks


def _parse_trace(raw: bytes) -> Iterator[Exchange]:
    """Parse a trace: before each exchange it has the lengths of the request and of the response."""
    rest = raw[len(_TRACE) :]
    while rest.strip():
        lengths, _, rest = rest.partition(b"\n")
        match = re.fullmatch(rb"(\d+) (\d+)", lengths)
        if match is None or len(rest) < int(match[1]) + int(match[2]):
            raise UnreadableFile("a truncated trace of httprr")
        request_end, end = int(match[1]), int(match[1]) + int(match[2])
        yield _parse_exchange(rest[:request_end], rest[request_end:end])
        rest = rest[end:]


def _parse_exchange(raw_request: bytes, raw_response: bytes) -> Exchange:
    line, headers, body = _parse_http(raw_request)
    method, _, target = line.partition(" ")
    url = target.rpartition(" ")[0]
    host = next((value for name, value in headers if name == "host"), "localhost")
    request = RecordedRequest(method, url if url.startswith("http") else f"https://{host}{url}", headers, body)
    line, headers, body = _parse_http(raw_response)
    status = re.match(r"HTTP/\S+ (\d{3})", line)
    if status is None:
        raise UnreadableFile(f"a trace of httprr with the status line {line!r}")
    return Exchange(request, RecordedResponse(int(status[1]), headers, body), date=parse_date(headers))


def _parse_http(raw: bytes) -> tuple[str, tuple[tuple[str, str], ...], bytes]:
    """Return the first line, the headers and the body of an HTTP message."""
    head, _, body = raw.replace(b"\r\n", b"\n", raw.partition(b"\r\n\r\n")[0].count(b"\r\n") + 2).partition(b"\n\n")
    line, *fields = head.decode("latin-1").split("\n")
    headers = lower_names((name, value.strip()) for name, _, value in (field.partition(":") for field in fields))
    chunked = any(name == "transfer-encoding" and "chunked" in value for name, value in headers)
    return line, headers, decompress(_join_chunks(body) if chunked else body)


def _join_chunks(body: bytes) -> bytes:
    """Decode chunked encoding; return any other body unchanged."""
    decoded = b""
    rest = body
    while match := re.match(rb"([0-9a-fA-F]++)[^\n]*+\n", rest):
        size = int(match[1], 16)
        decoded += rest[match.end() : match.end() + size]
        rest = rest[match.end() + size :].lstrip(b"\r\n")
        if size == 0:
            return decoded
    return body
