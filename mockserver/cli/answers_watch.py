"""Reads the answers file again whenever it changes."""

import logging
import threading
from pathlib import Path
from typing import Self

from mockserver.inspection.script import replace_script
from mockserver.scripting.answer_file import BadFile
from mockserver.state.store import Unavailable
from mockserver.state.world import Worlds

log = logging.getLogger("mockserver")

LOOK_SECONDS = 0.5

Signature = tuple[int, int, int] | None


class AnswersWatch:
    """Looks at the file from a thread, in the `with` block. An invalid file is told of, and changes nothing.

    While the store is down, it tries again.
    """

    def __init__(self, worlds: Worlds, file: str) -> None:
        self._worlds = worlds
        self._file = file
        self._read = self._signature()
        self._is_waiting = False  # for the store
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="mockserver-answers", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            self.look()

    def look(self) -> None:
        """Read the file again if it has changed."""
        signature = self._signature()
        if signature == self._read:
            return
        try:
            replace_script(self._worlds.default, self._file)
        except BadFile as error:
            log.warning("%s. The answers and faults from before stay in effect.", error)
        except Unavailable as error:
            if not self._is_waiting:
                log.error("%s is read again once its answers can be stored: %s", self._file, error)  # noqa: TRY400 - the sentence says it all
            self._is_waiting = True
            return
        else:
            log.info("%s was read again: its answers and faults are in effect.", self._file)
        self._read, self._is_waiting = signature, False

    def _signature(self) -> Signature:
        """Return what changes with the file; None if it is not there."""
        try:
            state = Path(self._file).stat()
        except OSError:
            return None
        return state.st_mtime_ns, state.st_size, state.st_ino
