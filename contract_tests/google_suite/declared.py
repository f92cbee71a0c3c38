"""The failures that are declared, and the resources that Google's tests expect in its project: two data files."""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

FAILURES: list[dict[str, Any]] = json.loads((HERE / "failures.json").read_text())
"""Groups of tests that fail: the `kind` of the reason, why, and the test ids. `only` is for one of the two runs."""

RESOURCES: dict[str, Any] = json.loads((HERE / "resources.json").read_text())
"""Arguments of `add_tuned_model` and `add_tuning_job`, and names of cached contents."""

KINDS = ("out of scope", "host-internal", "evidence")


def declared_reasons(*, over_a_socket: bool) -> dict[str, str]:
    """Return the reason of each declared failure of a run, by test id."""
    run = "socket" if over_a_socket else "in process"
    return {
        test: f"{group['kind']}: {group['why']}"
        for group in FAILURES
        if group.get("only", run) == run
        for test in group["tests"]
    }
