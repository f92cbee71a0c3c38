"""The event loop that our own servers run in: its time goes on while a test freezes the machine's."""

import asyncio
from importlib.util import find_spec

from mockserver.state.clock import Machine


class EventLoop(asyncio.SelectorEventLoop):
    """asyncio's loop, whose timers go by the functions that were there when mockserver was imported."""

    def time(self) -> float:
        """The machine's seconds."""
        return Machine.perf_counter()


def uvicorn_loop() -> str:
    """What uvicorn is to run in, by the name it knows: uvloop where it is installed, which asks nobody for the time."""
    return "uvloop" if find_spec("uvloop") else f"{__name__}:{EventLoop.__name__}"
