"""A list that is settled is a list like any other, only cheaper the second time."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mockserver.protojson.memoized import Settled
from mockserver.protojson.version_trimming import known
from mockserver.protojson.writing import Style, write

TASK = "google.ai.generativelanguage.v1beta.TuningTask"

snapshots = st.lists(
    st.fixed_dictionaries(
        {"step": st.integers(0, 9), "meanLoss": st.floats(0, 9, width=32)},
        optional={"epoch": st.integers(0, 9), "computeTime": st.integers(0, 10**18), "unheardOf": st.just(1)},
    ),
    max_size=4,
)


@given(snapshots, st.booleans())
def test_settled_lists_are_limited_and_written_as_any_other(items: list[Any], pretty: bool) -> None:
    """To the same bytes, at the first look and at the second."""
    style = Style(pretty=pretty)
    expected = write(TASK, known(TASK, {"snapshots": items}), style)
    settled = {"snapshots": Settled(items)}

    assert [expected] * 2 == [write(TASK, known(TASK, settled), style) for _ in range(2)]


def test_what_is_made_of_a_settled_list_is_made_once() -> None:
    """By each maker, that is."""
    seen: list[list[int]] = []

    def count(items: list[int]) -> int:
        seen.append(items)
        return len(items)

    settled = Settled([1, 2, 3])

    assert [3, 3, 6] == [settled.made(count), settled.made(count), settled.made(sum)]
    assert [[1, 2, 3]] == seen


def test_a_settled_list_that_is_known_whole_stays_itself() -> None:
    """So nothing is kept twice."""
    settled = Settled([{"step": 1}])

    assert known(TASK, {"snapshots": settled})["snapshots"] is settled
