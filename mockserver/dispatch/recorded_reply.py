"""A recorded answer as messages, for a transport that has no HTTP reply."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mockserver.dispatch.routing import Json, Pause, Route
from mockserver.rpc.errors import ApiError
from mockserver.state.world import World


@dataclass(frozen=True, slots=True)
class RecordedReply:
    """The messages of an answer with the recorded pauses before them, or the error that it was.

    `logged` is what the log of calls keeps of it. `hint` says why there is no recorded answer where one is required.
    """

    pieces: Sequence[Json | Pause] = ()
    error: ApiError | None = None
    logged: Any = None
    hint: str = ""


FindRecorded = Callable[[World, Route, Json], RecordedReply | None]
"""Returns the recorded answer to the message of a route; None if the emulator answers."""
