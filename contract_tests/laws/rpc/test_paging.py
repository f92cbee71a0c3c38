"""Pages: cut anywhere, they are the list."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.rpc.errors import ApiError, Code
from mockserver.rpc.paging import Token, mint_token, page, parse_token


@dataclass(frozen=True)
class Item:
    """Something listed: a name and when it was made."""

    name: str
    created: int


def of_numbers(numbers: list[int]) -> list[Item]:
    """Items in the order they were made, several in one moment."""
    items = [Item(f"things/{index}", number) for index, number in enumerate(numbers)]
    return sorted(items, key=lambda item: (item.created, item.name))


def cut(
    items: list[Item], size: int | None, token: str | None, scope: str = "things", *, ranked: bool = True
) -> tuple[list[Item], str | None]:
    """One page, of two by default and five at most."""
    return page(
        items,
        key=lambda item: item.name,
        rank=(lambda item: item.created) if ranked else None,
        page_size=size,
        page_token=token,
        default=2,
        maximum=5,
        scope=scope,
    )


numbers = st.lists(st.integers(-3, 3), max_size=20)
sizes = st.lists(st.integers(0, 9), min_size=1)


@given(numbers, sizes, st.booleans())
def test_pages_joined_are_the_list(made: list[int], wanted: list[int], ranked: bool) -> None:
    """Whatever the sizes, which may change from page to page; no page but the last is short."""
    items = of_numbers(made)
    joined: list[Item] = []
    token: str | None = None
    for turn in range(len(items) + 1):
        size = wanted[turn % len(wanted)]
        taken, token = cut(items, size, token, ranked=ranked)
        joined += taken
        if token is None:
            break
        assert len(taken) == min(size or 2, 5)

    assert token is None
    assert items == joined


@given(numbers, st.sets(st.integers(0, 19)))
def test_a_ranked_list_goes_on_though_members_vanish(made: list[int], gone: set[int]) -> None:
    """Deleting while listing skips nothing and repeats nothing."""
    items = of_numbers(made)
    first, token = cut(items, 3, None)
    left = [item for item in items if int(item.name.removeprefix("things/")) not in gone]
    rest, _ = cut(left, 5, token) if token else ([], None)

    assert [item for item in left if item not in first][:5] == rest


@given(numbers, st.integers(1, 5), st.integers(-3, 3))
def test_what_is_added_at_the_end_is_listed_later(made: list[int], size: int, late: int) -> None:
    """An item made while somebody turns pages comes where its time puts it, and moves nothing else."""
    items = of_numbers(made)
    first, token = cut(items, size, None)
    more = sorted([*items, Item("things/new", max([late, *made]))], key=lambda item: (item.created, item.name))
    rest = cut(more, 5, token)[0] if token else more[len(first) :][:5]

    assert more[len(first) :][:5] == rest


@pytest.mark.parametrize(("size", "count"), [(None, 2), (0, 2), (1, 1), (5, 5), (6, 5), (2**31 - 1, 5)])
def test_the_size_has_a_default_and_a_maximum(size: int | None, count: int) -> None:
    """Absent and zero are the default, too many are the maximum (AIP-158)."""
    assert count == len(cut(of_numbers([0] * 9), size, None)[0])


def test_an_empty_list_is_one_page() -> None:
    """Without a token."""
    assert ([], None) == cut([], None, None)


def refusal(size: int | None, token: str | None, scope: str = "things") -> ApiError:
    """The error of a page that cannot be had."""
    with pytest.raises(ApiError) as caught:
        cut(of_numbers([1, 2, 3]), size, token, scope)
    return caught.value


def test_a_negative_size_is_refused() -> None:
    """The sentence measured on Firestore."""
    error = refusal(-1, None)

    assert (Code.INVALID_ARGUMENT, "Page size must be nonnegative.") == (error.code, error.message)


@pytest.mark.parametrize(
    "token", ["null", "X?key=K", "\u00e9", "Cg", "Ch9tb2R", "AAAA", "=", mint_token(Token("things/1"))]
)
def test_what_is_no_token_of_this_list_is_refused(token: str) -> None:
    """Garbage, a cut token, the seeds' token with a key behind it, a token without the rank."""
    error = refusal(1, token)

    assert (Code.INVALID_ARGUMENT, "Invalid page token.") == (error.code, error.message)


@pytest.mark.parametrize("scope", ["models", "thing", "things/0/permissions", "things?filter=owner:me"])
def test_a_token_of_another_list_is_refused(scope: str) -> None:
    """Of another collection, or of this one with other arguments."""
    _, token = cut(of_numbers([1, 2, 3]), 1, None)
    _, of_other = cut(of_numbers([1, 2, 3]), 1, None, "things?filter=owner:you")

    assert refusal(1, token, scope).message == refusal(1, of_other, scope).message == "Invalid page token."


def test_a_token_whose_item_is_gone_is_refused_without_a_rank() -> None:
    """There is no telling where to go on."""
    with pytest.raises(ApiError, match="Invalid page token"):
        cut(of_numbers([1]), 1, mint_token(Token("things/7")), ranked=False)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ch9tb2RlbHMvdmVvLTMuMS1nZW5lcmF0ZS1wcmV2aWV3", "models/veo-3.1-generate-preview"),
        ("Ch5tb2RlbHMvaW1hZ2VuLTQuMC1nZW5lcmF0ZS0wMDE=", "models/imagen-4.0-generate-001"),
    ],
)
def test_tokens_are_made_as_list_models_makes_them(text: str, name: str) -> None:
    """Two real tokens: base64 of field 1, the last name; with the padding."""
    assert text == mint_token(Token(name))
    assert Token(name) == parse_token(text)


@given(
    st.text(),
    st.none() | st.integers(-(2**127), 2**127),
    st.none() | st.integers(0, 2**32),
    st.lists(st.integers(0, 2**32)).map(tuple),
)
def test_a_token_says_what_it_was_made_of(
    name: str, rank: int | None, arguments: int | None, changed: tuple[int, ...]
) -> None:
    """With its padding or without."""
    token = Token(name, rank, arguments, changed=changed)
    text = mint_token(token)

    assert [token, token] == [parse_token(text), parse_token(text.rstrip("="))]


@given(st.text())
def test_any_text_is_a_token_or_none(text: str) -> None:
    """Nothing a client sends is a failure of ours."""
    assert parse_token(text) is None or isinstance(parse_token(text), Token)
