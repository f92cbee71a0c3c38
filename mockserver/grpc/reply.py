"""Replies of the gRPC face: messages in bytes, with pauses between them, and what a fault does to them."""

import logging
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

from mockserver.dispatch.dispatcher import BUG, CallResult
from mockserver.dispatch.recorded_reply import RecordedReply
from mockserver.dispatch.routing import Cut, Pause, Route
from mockserver.grpc.codec import encode
from mockserver.protojson.field_mask import apply_fields_mask
from mockserver.protojson.reading import bind_tree
from mockserver.protojson.variations import Message, Variation
from mockserver.rpc import outages
from mockserver.rpc.errors import ApiError, Code
from mockserver.scripting.faults import Fault
from mockserver.state.clock import Clock
from mockserver.state.store import Unavailable

log = logging.getLogger("mockserver")

Piece = bytes | Pause
Pieces = Generator[Piece, None, None]
Whole = tuple[bytes]
"""The pieces of a reply that is one message and no more, as most are."""


@dataclass(slots=True)
class GrpcReply:
    """A reply for a door to send: messages in bytes, with pauses on the clock before and between them.

    If the pieces raise ApiError, the call ends with its status.
    """

    pieces: Pieces | Whole
    clock: Clock

    def close(self) -> None:
        """End the reply, whether or not all of it was sent."""
        if not isinstance(self.pieces, tuple):
            self.pieces.close()


def encode_recording(recorded: RecordedReply, route: Route) -> Pieces:
    """Encode a recorded reply. Raises its error, if it has one, after its messages."""
    for piece in recorded.pieces:
        yield piece if isinstance(piece, Pause) else encode(route.response, piece)
    if recorded.error is not None:
        raise recorded.error


def raise_error(error: ApiError) -> Pieces:
    """Raise an error as soon as the first piece of a reply is wanted."""
    yield from ()
    raise error


def print_answer(answer: CallResult, mask: str) -> Pieces | Whole:
    """Print an answer and log the call; the messages of a stream are logged after they have been sent.

    Raises Unavailable if there is no log.
    """
    if answer.fault is not None or _is_stream(answer):
        return _print_pieces(answer, mask)
    try:
        return (_encode_whole(answer, mask),)
    except ApiError as error:
        return raise_error(error)
    finally:
        answer.record()


def _print_pieces(answer: CallResult, mask: str) -> Pieces:
    entry = answer.record() if _is_stream(answer) else None
    try:
        messages = encode_messages(answer, mask)
        yield from messages if answer.fault is None else inject_fault(answer.fault, messages)
    finally:
        if entry is not None:
            answer.record_stream_end(entry)
        else:
            _record(answer)


_WHOLE = dict, Variation, ApiError
"""The classes of results that are no streams."""


def _is_stream(answer: CallResult) -> bool:
    return not isinstance(answer.result, _WHOLE)


def _record(answer: CallResult) -> None:
    try:
        answer.record()
    except Unavailable as error:
        log.error("%s", error)  # noqa: TRY400 - the sentence says it all
        raise outages.overloaded() from None


def encode_messages(answer: CallResult, mask: str) -> Iterator[Piece]:
    """Yield the messages in bytes. Raises ApiError, the internal one for a bug of ours."""
    if not _is_stream(answer):
        yield _encode_whole(answer, mask)
        return
    messages: Any = answer.result
    try:
        for item in messages:
            yield _encode_item(answer, item, mask)
    except ApiError:
        raise
    except Exception:  # a bug of ours, in the encoder
        log.exception(BUG, answer.request.head.route.id)
        raise answer.request.internal_error from None


def _encode_item(answer: CallResult, item: Message | Pause | Cut, mask: str) -> Piece:
    if isinstance(item, Pause):
        return item
    if isinstance(item, Cut):
        raise connection_lost()
    return _encode_message(answer, item, mask)


def _encode_whole(answer: CallResult, mask: str) -> bytes:
    """Return the one message in bytes. Raises ApiError; for a bug of ours the internal one, which the log has then."""
    message: Any = answer.result
    if isinstance(message, ApiError):
        raise message
    try:
        return _encode_message(answer, message, mask)
    except ApiError:
        raise
    except Exception:  # a bug of ours, in the encoder
        log.exception(BUG, answer.request.head.route.id)
        answer.result = error = answer.request.internal_error
        raise error from None


def _encode_message(answer: CallResult, message: Message, mask: str) -> bytes:
    response = answer.request.head.route.response
    return encode(response, apply_fields_mask(response, message, mask) if mask else message)


def inject_fault(fault: Fault, pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Inject the effects of a fault on the connection and the body. Raises ApiError for a lost connection.

    The dispatcher has injected those on the messages of a stream.
    """
    if fault.latency_seconds:
        yield Pause(fault.latency_seconds)
    if fault.reset:
        raise connection_lost("Stream removed (recvmsg:Connection reset by peer (104))")
    if fault.truncate:
        raise connection_lost()
    yield from (GARBLED if fault.garble and isinstance(piece, bytes) else piece for piece in pieces)


GARBLED = b"\xff" * 16
"""Bytes that are not a message of any type."""


def connection_lost(how: str = "Stream removed (Socket closed)") -> ApiError:
    """Return the error of grpcio 1.85's clients for a broken connection; a server cannot break that of one call."""
    return ApiError(Code.UNAVAILABLE, how)


def status_details(error: ApiError) -> bytes:
    """Return the google.rpc.Status for `grpc-status-details-bin`, if the error has details; else nothing."""
    if not error.details:
        return b""
    return encode("google.rpc.Status", bind_tree("google.rpc.Status", error.status))
