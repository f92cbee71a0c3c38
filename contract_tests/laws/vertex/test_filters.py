"""Filters: laws of `vertex.filters`."""

import re

from hypothesis import given
from hypothesis import strategies as st

from mockserver.vertex.filters import compile_filter

LETTERS = st.text(alphabet="ab", max_size=12)


@given(LETTERS, st.text(alphabet="ab*", max_size=8))
def test_a_star_stands_for_any_text(name: str, pattern: str) -> None:
    """As `.*` does in an expression; at the ends, between, and next to another star."""
    fits = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name) is not None

    test = compile_filter(f'display_name="{pattern}"')

    assert test is not None
    assert fits == test({"displayName": name})
