"""What came of an attack: how much was tried and refused, what went wrong, and the longest that anything took."""

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st


def resident_bytes() -> int:
    """What the process holds in memory now, 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * resource.getpagesize()


@dataclass
class Tally:
    """The count of one kind of attack."""

    tried: int = 0
    refused: int = 0
    errors: list[str] = field(default_factory=list)
    worst_seconds: float = 0.0
    worst: str = ""

    def status(self, name: str, ask: Callable[[], int]) -> int:
        """Count what was asked by its status; an AssertionError, or any other, is an error of the server."""
        status = 0

        def noted() -> None:
            nonlocal status
            status = ask()

        self.act(name, noted)
        self.refused += 400 <= status < 500
        return status

    def act(self, name: str, do: Callable[[], Any]) -> None:
        """Count one attack, and note how long it took."""
        self.tried += 1
        start = time.perf_counter()  # noqa: TID251 - the machine's: it is what an attack is after
        try:
            do()
        except Exception as error:  # noqa: BLE001 - whatever it is goes into the table
            self.errors.append(f"{name}: {error!r}"[:2000])
        self.note_seconds(name, time.perf_counter() - start)  # noqa: TID251 - as above

    def note_seconds(self, name: str, seconds: float) -> None:
        """Note how long something took."""
        if seconds > self.worst_seconds:
            self.worst_seconds, self.worst = seconds, name

    def expect(self, name: str, *, right: bool) -> None:
        """Note an error if something is not right."""
        if not right:
            self.errors.append(name)

    def hypothesis(self, strategy: st.SearchStrategy[Any], ask: Callable[[Any], int], *, examples: int) -> None:
        """Count what is asked with so many examples; the smallest one that goes wrong is the error."""

        @settings(
            max_examples=examples,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
            database=None,
        )
        @given(strategy)
        def all_of_them(example: Any) -> None:
            start = time.perf_counter()  # noqa: TID251 - as above
            status = ask(example)
            self.note_seconds(repr(example)[:200], time.perf_counter() - start)  # noqa: TID251 - as above
            self.tried += 1
            self.refused += 400 <= status < 500

        try:
            all_of_them()
        except Exception as error:  # noqa: BLE001 - as above
            self.errors.append(f"{error!r}"[:2000])
