"""Child processes that the code under test starts: nothing is intercepted there."""

import contextlib
import functools
import os
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

from mockserver.doors.patching import replaced


@contextlib.contextmanager
def children_noted(note: Callable[[str], None]) -> Iterator[None]:
    """While inside, tell `note` the program of each child process that is started by `subprocess` or asyncio."""
    original = subprocess.Popen.__init__

    @functools.wraps(original)
    def init(self: Any, args: Any, *rest: Any, **keywords: Any) -> None:
        first = args if isinstance(args, str | bytes | os.PathLike) else next(iter(args), "")
        words = os.fsdecode(first).split(maxsplit=1) or [""]
        note(os.path.basename(words[0]))  # noqa: PTH119 - it may be no path at all
        original(self, args, *rest, **keywords)

    with replaced(subprocess.Popen, "__init__", init):
        yield
