"""Laws of `rpc.method_ids`: which texts fit pieces with gaps."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.rpc.method_ids import fits_pieces

texts = st.text("ab", max_size=8)


@pytest.mark.parametrize("gap", [0, 1])
@given(texts, st.lists(st.text("ab", max_size=3), min_size=1, max_size=5))
def test_a_text_fits_as_it_would_fit_an_expression(gap: int, text: str, pieces: list[str]) -> None:
    """In which each gap is a star, or a plus."""
    expression = f".{{{gap},}}".join(map(re.escape, pieces))

    assert (re.fullmatch(expression, text) is not None) == fits_pieces(text, pieces, gap=gap)


def test_a_long_text_takes_linear_time() -> None:
    """An expression would try every place of each piece."""
    assert not fits_pieces("a" * 100_000, ["", *["a"] * 1000, "b"])
