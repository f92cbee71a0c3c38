"""The event loop that our own servers run in: its time goes on while a test freezes the machine's."""

import asyncio
from importlib.util import find_spec

from mockserver.state.clock import Machine


class EventLoop(asyncio.SelectorEventLoop):
    """asyncio's loop, whose timers go by the functions that were there when mockserver was imported."""

    def time(self) -> float:
        """Return the machine's seconds."""
        return Machine.perf_counter()


def uvicorn_loop() -> str:
    """Return the name of uvicorn's event loop: uvloop where it is installed, which does not ask Python for the time."""
    return "uvloop" if find_spec("uvloop") else f"{__name__}:{EventLoop.__name__}"
