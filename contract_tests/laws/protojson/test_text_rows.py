"""Objects of the same texts are bound as a list of columns, which is the same list to everybody else."""

import copy
import json
import pickle
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mockserver.protojson.reading import read_body
from mockserver.protojson.text_rows import FEWEST_ROWS, TextRows, find_text_rows

EXAMPLES = "google.ai.generativelanguage.v1beta.TuningExamples"
FIELDS = frozenset({"textInput", "output"})

rows = st.sampled_from([["textInput", "output"], ["output", "textInput"], ["output"]]).flatmap(
    lambda names: st.lists(
        st.fixed_dictionaries({name: st.text() | st.sampled_from(["", "a\x1fb", "\x1f"]) for name in names}),
        min_size=FEWEST_ROWS,
        max_size=FEWEST_ROWS + 4,
    )
)


@given(rows)
def test_columns_are_the_texts_of_the_messages(messages: list[dict[str, str]]) -> None:
    """In their order, for each field."""
    found = find_text_rows(messages, FIELDS)

    assert isinstance(found, TextRows)
    assert messages == found
    assert {name: [each[name] for each in messages] for name in messages[0]} == found.columns


@given(rows, st.sampled_from([pickle.loads, copy.deepcopy]))
@example([{"output": "\ud800"}] * FEWEST_ROWS, pickle.loads)
def test_a_pickle_is_of_a_plain_list(messages: list[dict[str, str]], load: Any) -> None:
    """Whatever the texts contain: the log of calls shows the messages, their members in the order of the first one."""
    found = find_text_rows(messages, FIELDS)
    copied = load(pickle.dumps(found)) if load is pickle.loads else load(found)

    assert (list, messages) == (type(copied), copied)


@pytest.mark.parametrize(
    "other",
    [
        {"textInput": "1"},
        {"textInput": "1", "output": 2},
        {"textInput": "1", "output": None},
        {"textInput": "1", "output": "2", "input": "3"},
        {"textInput": "1", "output": "2", "text_input": "3"},
        {},
        None,
        "textInput",
        [["textInput", "1"]],
        7,
    ],
)
@pytest.mark.parametrize("place", [0, 5, FEWEST_ROWS - 1])
def test_one_that_is_different_makes_it_an_ordinary_list(other: Any, place: int) -> None:
    """So all of them are bound one by one."""
    messages: list[Any] = [{"textInput": "1", "output": "2"} for _ in range(FEWEST_ROWS)]
    messages[place] = other

    assert find_text_rows(messages, FIELDS) is None


def test_training_data_is_bound_so() -> None:
    """Fewer examples are a plain list."""
    one = {"textInput": "1", "output": "2"}
    many, few = ([one] * number for number in (FEWEST_ROWS, FEWEST_ROWS - 1))

    assert (TextRows, many) == (
        type(bound := read_body(EXAMPLES, json.dumps({"examples": many}).encode())["examples"]),
        bound,
    )
    assert (list, few) == (
        type(bound := read_body(EXAMPLES, json.dumps({"examples": few}).encode())["examples"]),
        bound,
    )
