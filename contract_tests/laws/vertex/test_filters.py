"""Filters: laws of `vertex.filters`."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.limits import FILTER_DEPTH
from mockserver.rpc.errors import ApiError
from mockserver.vertex.filters import compile_filter

Json = dict[str, Any]


def fits(text: str, resource: Json) -> bool:
    """Whether a filter keeps a resource."""
    test = compile_filter(text)
    assert test is not None
    return test(resource)


LETTERS = st.text(alphabet="ab", max_size=12)


@given(LETTERS, st.text(alphabet="ab*", max_size=8))
def test_a_star_stands_for_any_text(name: str, pattern: str) -> None:
    """As `.*` does in an expression; at the ends, between, and next to another star."""
    matches = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name) is not None

    assert matches == fits(f'display_name="{pattern}"', {"displayName": name})


@pytest.mark.parametrize("sign", ["NOT ", "-", "- "])
@pytest.mark.parametrize("term", ["labels.team=a", 'labels."team"=a', "(labels.team=a)", "labels:team"])
def test_a_minus_negates_as_not_does(sign: str, term: str) -> None:
    """AIP-160: they can be used interchangeably; the sign may stand right before the field."""
    resources: list[Json] = [{"labels": {"team": "a"}}, {"labels": {}}]

    assert [True, False] == [fits(term, each) for each in resources]
    assert [False, True] == [fits(sign + term, each) for each in resources]
    assert [False, True] == [fits(f"{sign}{term} {sign}{term}", each) for each in resources]


def test_a_value_may_begin_with_a_minus() -> None:
    """There it is a sign, or a letter as any other."""
    assert [True, False] == [fits("score>=-1", {"score": score}) for score in (-0.5, -2)]
    assert fits("name=-x", {"name": "-x"})


def test_signs_are_counted_as_what_they_open() -> None:
    """Reading each takes a place on the stack."""
    with pytest.raises(ApiError):
        compile_filter(f"{'-' * (FILTER_DEPTH + 1)}a=b")


@pytest.mark.parametrize(
    ("text", "is_kept"),
    [
        ("metadata.step.number_value = 3.0", True),
        ("metadata.step.numberValue > 3", False),
        ("metadata.step.string_value = 3", False),
        ('metadata."loss:1".number_value < 1', True),
        ('metadata."a.b".c.bool_value = true', True),
        ('metadata."a.b"."c".bool_value = true', True),
        ('metadata.name.string_value = "x" AND metadata."loss:1".numberValue:*', True),
        ("metadata.missing.number_value = 3", False),
    ],
)
def test_a_value_of_a_struct_is_followed_by_its_kind(text: str, *, is_kept: bool) -> None:
    """metadata_service.proto: `metadata.<field_name>.<type_value>`, with a name in quotes if need be."""
    metadata = {"step": 3.0, "name": "x", "loss:1": 0.5, "a.b": {"c": True}}

    assert is_kept is fits(text, {"metadata": metadata})
