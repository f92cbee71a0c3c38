"""Two processes on one database answer as one server that answers one request at a time."""

import math
from pathlib import Path

import pytest

from contract_tests.postgres import postgres
from contract_tests.use.histories import CONFLICT, MISSING, OK, UNKNOWN, Operation, is_linearizable, record


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_histories_of_concurrent_clients_are_linearizable(kind: str, tmp_path: Path) -> None:
    """Although one of the processes is killed in each round."""
    store = f"sqlite:///{tmp_path}/store.db" if kind == "sqlite" else postgres().create_database("histories")
    histories = record(3, ["--store", store], tmp_path)
    operations = [operation for history in histories.values() for operation in history]

    assert [] == [model for model, history in histories.items() if not is_linearizable(history)]
    assert len(operations) > 30
    assert {OK, CONFLICT, MISSING} <= {operation.result for operation in operations}


@pytest.mark.parametrize(
    ("possible", "history"),
    [
        (True, [("create", "a", 0, 1, OK), ("get", "a", 2, 3, OK)]),
        (False, [("create", "a", 0, 1, OK), ("get", "", 2, 3, MISSING)]),
        (True, [("create", "a", 0, 5, OK), ("get", "", 2, 3, MISSING)]),
        (False, [("create", "a", 0, 5, OK), ("create", "b", 1, 6, OK)]),
        (True, [("create", "a", 0, 5, OK), ("delete", "", 1, 6, OK), ("create", "b", 1, 6, OK)]),
        (False, [("create", "a", 0, 1, OK), ("patch", "b", 2, 3, OK), ("get", "a", 4, 5, OK)]),
        (True, [("create", "a", 0, 1, OK), ("patch", "b", 2, math.inf, UNKNOWN), ("get", "a", 4, 5, OK)]),
        (True, [("create", "a", 0, 1, OK), ("patch", "b", 2, math.inf, UNKNOWN), ("get", "b", 4, 5, OK)]),
        (
            False,
            [
                ("create", "a", 0, 1, OK),
                ("patch", "b", 2, math.inf, UNKNOWN),
                ("get", "b", 4, 5, OK),
                ("get", "a", 6, 7, OK),
            ],
        ),
    ],
)
def test_the_checker_knows_what_is_possible(possible: bool, history: list[tuple[str, str, float, float, str]]) -> None:
    """A lost write, a stale read, two winners; and what a request without an answer may have done."""
    assert possible == is_linearizable([Operation(*each) for each in history])
