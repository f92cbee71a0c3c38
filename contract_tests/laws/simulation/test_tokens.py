"""Tokens and embeddings are functions of a text: laws of `simulation.tokens` and `generation.embeddings`."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.generation.embeddings import embed
from mockserver.simulation.tokens import count_tokens, split, token_id

texts = st.text()


@given(texts)
def test_joined_tokens_are_the_text(text: str) -> None:
    """Nothing is lost or added."""
    assert text == "".join(split(text))
    assert all(split(text))


@given(texts | st.text(" \n\tA1a.é七", max_size=40))
def test_a_text_has_as_many_tokens_as_are_counted(text: str) -> None:
    """They are counted by words, of which each is split once."""
    assert len(split(text)) == count_tokens(text)
    assert len(split(f"{text} {text}" * 200)) == count_tokens(f"{text} {text}" * 200)


@given(texts, texts)
def test_tokens_of_two_texts_joined_are_about_those_of_both(first: str, second: str) -> None:
    """A token or two may merge or part where the texts meet, no more."""
    joined = count_tokens(first + second)

    assert max(count_tokens(first), count_tokens(second)) - 1 <= joined
    assert joined <= count_tokens(first) + count_tokens(second) + 1


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (5, "Say this is a test"),
        (5, "This is a test."),
        (7, "What is the capital of France?"),
        (6, "You are a helpful chatbot."),
        (7, "The capital of France is Paris."),
        (8, "The capital of France is Paris.\n"),
        (8, "The capital of France is **Paris**."),
        (7, "What is 2+2?"),
        (8, "What is 2 + 2?"),
        (7, "2 + 2 = 4"),
        (8, "2 + 2 = 4\n"),
        (5, "Reply with exactly: OK"),
        (1, "OK"),
        (2, "Percy\n"),
    ],
)
def test_counts_are_the_recorded_ones(tokens: int, text: str) -> None:
    """What real answers of 2024-11 to 2026-06 said in usageMetadata and countTokens."""
    assert tokens == count_tokens(text)


def test_the_recorded_pieces_are_the_tokens() -> None:
    """Log probabilities were recorded token by token."""
    assert ("2", " +", " ", "2", " =", " ", "4") == split("2 + 2 = 4")


@given(texts)
def test_a_token_has_one_number(text: str) -> None:
    """A number below the size of the vocabulary, the same each time."""
    assert token_id(text) == token_id(text)
    assert 0 <= token_id(text) < 256_000


@given(texts, st.integers(1, 800))
def test_an_embedding_is_a_unit_vector(text: str, dimensions: int) -> None:
    """Of the length asked for, whatever the text, empty or not."""
    vector = embed(text, dimensions)

    assert dimensions == len(vector)
    assert math.isclose(1.0, math.hypot(*vector))


@given(texts, st.sampled_from([256, 768, 1536, 3072]))
def test_an_embedding_is_dense(text: str, dimensions: int) -> None:
    """As real ones are: hardly two coordinates are alike, none is nothing, none stands out."""
    vector = embed(text, dimensions)

    assert dimensions - len(set(vector)) < dimensions / 50
    assert 0.0 not in vector
    assert max(map(abs, vector)) < 8 / math.sqrt(dimensions)


@given(texts, st.integers(1, 3072))
def test_a_short_embedding_points_where_a_long_one_begins(text: str, dimensions: int) -> None:
    """It is the beginning of the longest, and of length 1 again."""
    beginning = embed(text, 3072)[:dimensions]
    length = math.hypot(*beginning)

    assert embed(text, dimensions) == pytest.approx([value / length for value in beginning])


@given(texts)
def test_an_embedding_belongs_to_its_text(text: str) -> None:
    """The same text, the same vector."""
    assert embed(text, 64) == embed(text, 64)


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("The cat sat on the mat", "A cat sat on a mat", "Interest rates rose sharply"),
        ("tune a model", "tuning models", "boil an egg"),
        ("六と七", "六と八", "quatre et cinq"),
    ],
)
@pytest.mark.parametrize("dimensions", [768, 3072])
def test_similar_texts_lie_nearer(text: str, near: str, far: str, dimensions: int) -> None:
    """Texts that share words and letters are nearer than texts that do not."""
    here, beside, away = (embed(words, dimensions) for words in (text, near, far))

    assert _similarity(here, away) < _similarity(here, beside) - 0.1


def test_an_embedding_without_dimensions_is_refused() -> None:
    """There is no vector of no dimensions."""
    with pytest.raises(ValueError, match="dimensions must be at least 1, not 0"):
        embed("text", 0)


def _similarity(one: list[float], other: list[float]) -> float:
    """The cosine of two unit vectors."""
    return sum(x * y for x, y in zip(one, other, strict=True))
