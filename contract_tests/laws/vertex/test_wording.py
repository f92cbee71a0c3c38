"""Laws of what Vertex AI's answers are made of: filters, etags, response ids."""

from base64 import urlsafe_b64decode
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.rpc.errors import ApiError, Code
from mockserver.simulation.names import project_number
from mockserver.vertex.etags import check_etag, etag
from mockserver.vertex.filters import ListRow, OrderBy, apply_read_mask, compile_filter
from mockserver.vertex.locations import canonical_name, serving_location
from mockserver.vertex.responses import response_id

Json = dict[str, Any]

MODEL: Json = {
    "displayName": "my model",
    "labels": {"tune-type": "sft", "team": "a"},
    "done": True,
    "tags": ["x"],
    "createTime": 1_700_000_000_000_000_000,  # 2023-11-14T22:13:20Z
    "epochs": 10,
    "genieSource": {"baseModel": {"uriPrefix": "gs://x"}},
}


@given(st.text(alphabet="ab_.:=!<>()\"'\\*,&- ANDORNOT", max_size=30))
def test_every_text_is_a_filter_or_an_error(text: str) -> None:
    """Nothing else happens to it."""
    fits, code = None, Code.OK
    try:
        test = compile_filter(text)
        fits = test is None or test(MODEL)
    except ApiError as error:
        code = error.code

    assert fits in (True, False, None)
    assert code in {Code.OK, Code.INVALID_ARGUMENT}


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ('display_name="my model"', True),
        ("display_name='my model'", True),
        ("displayName:my", True),
        ('display_name="my*"', True),
        ("labels.team=a AND labels.tune-type:*", True),
        ("labels.team=b OR labels.tune-type:*", True),
        ("labels.team=b labels.tune-type:*", False),
        ("NOT (labels.team=b)", True),
        ("labels.team!=a", False),
        ("labels.none!=a", True),
        ("missing:*", False),
        ("done=true", True),
        ("tags:x", True),
        ("tags:y", False),
        ("display_name>=my", True),
        ("display_name<my", False),
        ('create_time>"2023-11-14T22:13:19Z"', True),
        ('create_time<="2023-11-14T22:13:19.999Z"', False),
        ('create_time="2023-11-14T23:13:20+01:00"', True),
        ('create_time>"yesterday"', False),
        ("epochs>9", True),
        ("epochs=10", True),
        ("epochs<9.5", False),
        ("genie_source.base_model.uri_prefix:gs", True),
        ("genieSource.baseModel.uriPrefix:http", False),
        ("display_name.x=my", False),
    ],
)
def test_filters_say_what_they_mean(text: str, *, fits: bool) -> None:
    """AIP-160, and either spelling of a field."""
    test = compile_filter(text)

    assert fits == (test is None or test(MODEL))


def test_an_order_keeps_what_is_equal_in_place() -> None:
    """The first field counts most."""
    rows: list[Json] = [
        {"displayName": "b", "createTime": 1},
        {"displayName": "a", "createTime": 2},
        {"displayName": "a"},
    ]

    order = OrderBy("display_name, create_time desc", ["displayName", "createTime"])
    named = [ListRow(str(place), place, partial(dict, row), dict) for place, row in enumerate(rows)]

    assert ["1", "2", "0"] == [row.name for row in order.sort(named, None)]


@pytest.mark.parametrize("text", ["other", "display_name sideways", "display_name asc desc"])
def test_what_is_no_order_is_refused(text: str) -> None:
    """Unknown fields and directions."""
    with pytest.raises(ApiError, match="order_by"):
        OrderBy(text, ["displayName"])


def test_a_mask_always_keeps_the_name() -> None:
    """A resource without its name would be of no use."""
    assert {"name": "n", "labels": {}} == apply_read_mask({"name": "n", "labels": {}, "x": 1}, ["labels.a"])
    assert {"name": "n", "x": 1} == apply_read_mask({"name": "n", "x": 1}, ["*"])


@given(st.text(), st.text())
def test_an_etag_is_as_good_as_what_it_stands_for(one: str, other: str) -> None:
    """The same facts, the same etag, and no other ones; it looks like the real ones."""
    assert (one == other) == (etag(one) == etag(other))
    assert 51 == len(urlsafe_b64decode(etag(one)))
    assert etag(one).startswith("AMEw9y")


def test_a_change_to_something_else_is_refused() -> None:
    """409 for another etag, nothing for the same one or none."""
    stored = {"name": "n", "etag": "e"}
    check_etag({}, stored)
    check_etag({"etag": "e"}, stored)
    with pytest.raises(ApiError) as refused:
        check_etag({"etag": "f"}, stored)

    assert Code.ABORTED is refused.value.code


@given(st.integers(0, 2**32 - 1), st.integers(0, 999_999), st.binary(min_size=8, max_size=8))
def test_a_response_id_can_be_read_back(seconds: int, micros: int, noise: bytes) -> None:
    """Four bytes of seconds, then varints: microseconds, a server, a random number."""
    created = seconds * 1_000_000_000 + micros * 1000

    raw = urlsafe_b64decode(response_id(created, noise) + "===")

    assert seconds == int.from_bytes(raw[:4], "little")
    assert micros == _varints(raw[4:])[0]
    assert 3 == len(_varints(raw[4:]))


def _varints(raw: bytes) -> list[int]:
    numbers, number, shift = [], 0, 0
    for byte in raw:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(number)
            number = shift = 0
    return numbers


@pytest.mark.parametrize(
    ("location", "base", "served"),
    [
        ("us-central1", "gemini-2.5-flash", "us-central1"),
        ("us-central1", "gemini-3.5-flash", "us"),
        ("europe-west4", "gemini-3.1-flash-lite", "eu"),
        ("asia-east1", "gemini-3.5-flash", "asia-east1"),
    ],
)
def test_a_model_is_served_where_its_generation_is(location: str, base: str, served: str) -> None:
    """Gemini 3 on the multi-regions [documented]."""
    assert served == serving_location(location, base)


def test_only_projects_are_renamed() -> None:
    """A name of another kind is left alone."""
    assert "projects/123/x" == canonical_name("projects/123/x")
    assert "publishers/google/models/m" == canonical_name("publishers/google/models/m")
    assert f"projects/{project_number('p')}/x" == canonical_name("projects/p/x")
