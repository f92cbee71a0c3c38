"""Prints an answer as an HTTP reply, whole or as a stream, with the effects of an injected fault."""

import gzip
import logging
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import chain

from mockserver.dispatch.dispatcher import BUG, CallResult
from mockserver.dispatch.routing import Cut, Pause
from mockserver.http.error_body import error_body
from mockserver.http.headers import EVENTS, JSON, SCRIPT, Headers, ReplyHead, retry_after_seconds
from mockserver.http.parameters import SystemParameters
from mockserver.http.request import HttpHead
from mockserver.protojson.field_mask import apply_fields_mask
from mockserver.protojson.reading import HTTP_BODY
from mockserver.protojson.variations import Message, Variation, Writer
from mockserver.protojson.writing import (
    ARRAY_CLOSE,
    ARRAY_OPEN,
    ARRAY_SEPARATOR,
    event_writer,
    message_writer,
    write_with,
)
from mockserver.rpc.errors import ApiError
from mockserver.scripting.faults import Fault
from mockserver.state.clock import Clock, Nanos

log = logging.getLogger("mockserver")


TEMPLATE = "mockserver.template"
"""Where the ASGI app leaves the template of the reply in the scope of a request."""

Piece = bytes | Pause | Cut


class Pieces:
    """The pieces of a streamed body. At the end, or when it is closed early, it calls `record`."""

    def __init__(self, pieces: Iterator[Piece], record: Callable[[], None] | None = None) -> None:
        self._pieces = pieces
        self._record = record

    def __iter__(self) -> Iterator[Piece]:
        return chain(self._pieces, self._end())

    def _end(self) -> Iterator[Piece]:
        self.close()
        yield from ()

    def close(self) -> None:
        """Stop the stream."""
        if self._record is not None:
            record, self._record = self._record, None
            record()


@dataclass(slots=True)
class HttpReply:
    """A reply for a door to send: with a whole body, or the pieces of a stream with pauses.

    The door first waits `delay_seconds` on the clock. With `reset` it breaks the connection instead. `template` is that
    of the method, such as "GET /v1beta/{name=tunedModels/*}", or "" without one.
    """

    status: int
    headers: Headers
    body: bytes | Pieces
    clock: Clock
    delay_seconds: float = 0.0
    reset: bool = False
    template: str = ""

    def close(self) -> None:
        """Stop the stream, if the body is one."""
        if isinstance(self.body, Pieces):
            self.body.close()


@dataclass(slots=True)
class Printer:
    """Prints the reply to one request. Without a method `answer` is None, and the headers are those of no service."""

    http: HttpHead
    parameters: SystemParameters
    reply: ReplyHead
    now: Nanos
    clock: Clock
    answer: CallResult | None = None

    def print(self, answer: CallResult) -> HttpReply:
        """Print an answer and log the call; the messages of a stream are logged after they have been sent."""
        result = answer.result
        if isinstance(result, ApiError):
            answer.record(retry_after_seconds(result.headers.items()))
            return self.print_error(result)
        if not isinstance(result, dict | Variation):
            return self._print_stream(answer, result)
        response = answer.request.head.route.response
        is_raw = response == HTTP_BODY
        body = result["data"] if is_raw else self._write(message_writer(response, self.parameters.style), result)
        answer.record()
        return self._print_whole(200, body, content_type=result["contentType"] if is_raw else JSON)

    def print_error(self, error: ApiError) -> HttpReply:
        """Print an error, in the format of the method's answers."""
        status, body = error.code.http, error_body(error, self.parameters.xgafv)
        if self.answer is not None and self.answer.request.head.route.stream:
            if self.parameters.alt == "sse":
                head = self.reply._replace(gzip=False)
                body = self._garbled(body)
                return self._reply(status, head.error(self.now, len(body), EVENTS, extra=error.headers), body)
            body = ARRAY_OPEN + body + ARRAY_CLOSE
        return self._print_whole(status, body, error.headers)

    def print_page(self, status: int, page: bytes) -> HttpReply:
        """Print a page of the outermost server."""
        return self._reply(status, self.reply.page(self.now, len(page)), page)

    def _print_whole(
        self, status: int, body: bytes, extra: Mapping[str, str] | None = None, content_type: str = JSON
    ) -> HttpReply:
        body = self._garbled(body)
        if callback := self.parameters.callback:
            # JSONP: a script cannot read the status, so errors have 200 too [measured].
            body = f"// API callback\n{callback}(".encode() + body.removesuffix(b"\n") + b"\n);"
            status, content_type = 200, SCRIPT
        if self.reply.gzip:
            body = gzip.compress(body, compresslevel=1, mtime=0)
        tier = None if self.reply.tiered_since is None else self._tier(status, self.reply.tiered_since)
        if status == 200:
            headers = self.reply.success(self.now, len(body), content_type, tier)
        else:
            headers = self.reply.error(self.now, len(body), content_type, tier, extra)
        return self._reply(status, headers, body)

    def _print_stream(self, answer: CallResult, messages: Iterator[Message | Pause | Cut]) -> HttpReply:
        entry = answer.record()
        pieces = self._encode_stream(answer, messages)
        if answer.fault is not None:
            pieces = inject_into_pieces(answer.fault, pieces)
        if self.parameters.alt == "sse":
            headers = self.reply.events(self.now)
        else:
            headers = self.reply.success(self.now)
            pieces = compress(pieces) if self.reply.gzip else pieces
        return self._reply(200, headers, Pieces(pieces, lambda: answer.record_stream_end(entry)))

    def _garbled(self, body: bytes) -> bytes:
        """Return the body, or one that cannot be read if the fault says so."""
        is_garbled = self.answer is not None and self.answer.fault is not None and self.answer.fault.garble
        return garble(body) if is_garbled else body

    def _encode_stream(self, answer: CallResult, messages: Iterator[Message | Pause | Cut]) -> Iterator[Piece]:
        """Yield events, or the elements of an array.

        An error after the first message is not wrapped in either [seen].
        """
        sse = self.parameters.alt == "sse"
        writer = (event_writer if sse else message_writer)(answer.request.head.route.response, self.parameters.style)
        write = partial(self._write if self.http.mask else write_with, writer)
        separator = b"" if sse else ARRAY_OPEN
        try:
            for message in messages:
                if isinstance(message, Pause):
                    yield message
                    continue
                if isinstance(message, Cut):
                    yield message
                    return
                yield separator + write(message)
                separator = b"" if sse else ARRAY_SEPARATOR
        except ApiError as error:
            yield separator + error_body(error, self.parameters.xgafv)
        except Exception:  # a bug of ours, in the encoder
            log.exception(BUG, answer.request.head.route.id)
            yield separator + error_body(answer.request.internal_error, self.parameters.xgafv)
        if not sse:
            yield (ARRAY_OPEN if separator == ARRAY_OPEN else b"") + ARRAY_CLOSE

    def _write(self, writer: Writer, message: Message) -> bytes:
        """Write a message of the answer, or the members that the request's field mask selects."""
        if self.http.mask and self.answer is not None:
            return writer(apply_fields_mask(self.answer.request.head.route.response, message, self.http.mask))
        return write_with(writer, message)

    def _tier(self, status: int, since: date) -> str | None:
        """Return the service tier of a call that reached the model: one with an answer, or a 429 [both seen]."""
        is_tiered = status in {200, 429} and self.answer is not None and self.answer.request.day >= since
        return "standard" if is_tiered else None

    def _reply(self, status: int, headers: Headers, body: bytes | Pieces) -> HttpReply:
        if self.http.sent_verb == "HEAD" and isinstance(body, bytes):
            body = b""  # although the headers are those of GET
        if self.answer is None:
            return HttpReply(status, headers, body, self.clock)
        fault, template = self.answer.fault, self.answer.request.head.route.template
        if fault is None:
            return HttpReply(status, headers, body, self.clock, template=template)
        if fault.truncate and isinstance(body, bytes):
            body = Pieces(truncate(body))
        return HttpReply(status, headers, body, self.clock, fault.latency_seconds, fault.reset, template)


def compress(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Compress each piece so that it can be read when it arrives [seen: 15 of 19 arrays; events are not compressed]."""
    packer = zlib.compressobj(1, wbits=16 + zlib.MAX_WBITS)
    for piece in pieces:
        yield packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH) if isinstance(piece, bytes) else piece
    yield packer.flush()


def truncate(body: bytes) -> Iterator[Piece]:
    """Yield half of a body, then break the connection."""
    yield body[: len(body) // 2]
    yield Cut()


def inject_into_pieces(fault: Fault, pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Garble each piece of a stream, or break the connection in the middle of the first, if the fault says so."""
    for piece in pieces:
        if not isinstance(piece, bytes):
            yield piece
        elif fault.truncate:
            yield from truncate(piece)
            return
        else:
            yield garble(piece) if fault.garble else piece


def garble(body: bytes) -> bytes:
    """Return a body of the same length that is not JSON."""
    middle = len(body) // 2
    return body[:middle] + b"\x00#" + body[middle + 2 :]
