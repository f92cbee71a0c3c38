"""Generated ids look like those of the services: laws of `simulation.names`."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.simulation import names


@given(display_name=st.text(max_size=40), fill=st.booleans(), seed=st.integers())
def test_every_minted_id_is_one_a_caller_might_choose(display_name: str, seed: int, *, fill: bool) -> None:
    """For any display name the id is valid, has at most forty characters, and at least five of them are random."""
    one, other = (names.tuned_model_id(display_name, Random(seed + turn), fill=fill) for turn in (0, 1))

    assert names.is_tuned_model_id(one)
    assert one[-5:] != other[-5:]


def test_minted_ids_begin_as_recorded_ones(transcripts: Path) -> None:
    """The part before the random characters is the recorded one, and so is the length, for every recorded pair."""
    for recorded in json.loads((transcripts / "gemini-auto-ids.json").read_text())["known_display_name"]:
        fill = recorded["when"].startswith("2025")
        minted = names.tuned_model_id(recorded["displayName"], Random(0), fill=fill)
        short = recorded["random"] == 11  # one of 24 has a random part of 11 characters

        assert minted.rpartition("-")[0] == recorded["id"].rpartition("-")[0]
        assert len(minted) == recorded["length"] + short


@pytest.mark.parametrize(
    ("display_name", "slug"),
    [
        ("number generator", "number-generator"),
        ("test_number_generator", "testnumbergenerator"),
        ("Skill set model v2 ATS friendly ", "skill-set-model-v2-ats-friendly-"),
        ("généré", "gnr"),
        ("2 fast", "model-2-fast"),
    ],
)
def test_slugs_keep_letters_digits_and_spaces(display_name: str, slug: str) -> None:
    """Letters and digits stay, in lower case; a space becomes a hyphen; everything else is dropped."""
    minted = names.tuned_model_id(display_name, Random(0))

    assert slug == minted.rpartition("-")[0]


def test_the_random_part_shrinks_at_forty_characters() -> None:
    """As in `fitnesschatpromptcompletiondataset-fglgk`, the whole is cut at forty."""
    minted = names.tuned_model_id("FitnessChatPromptCompletionDataset", Random(0))

    assert re.fullmatch("fitnesschatpromptcompletiondataset-[a-z0-9]{5}", minted)


def test_a_name_without_latin_letters_gets_a_random_id() -> None:
    """The id is random if the name has no usable character."""
    assert re.fullmatch("[a-z][a-z0-9]{11}", names.tuned_model_id("数字生成器", Random(0), fill=True))


@pytest.mark.parametrize("chosen", ["a", "my-model-1", "a" * 40])
def test_ids_a_caller_may_choose(chosen: str) -> None:
    """A letter first, a letter or digit last, hyphens between, forty characters."""
    assert names.is_tuned_model_id(chosen)


@pytest.mark.parametrize("chosen", ["", "1a", "-a", "a-", "A", "a_b", "a" * 41, "a\n"])
def test_ids_a_caller_may_not_choose(chosen: str) -> None:
    """Any other id is invalid."""
    assert not names.is_tuned_model_id(chosen)


@given(seed=st.integers())
def test_identifiers_have_their_recorded_form(seed: int) -> None:
    """Operations are twelve of a-z0-9; Vertex AI numbers have 18 or 19 digits and end in zero bits."""
    rng = Random(seed)
    numbers = {
        33: names.tuning_job_id(rng),
        39: names.model_id(rng),
        32: names.operation_number(rng),
    }

    assert re.fullmatch("[a-z0-9]{12}", names.operation_id(rng))
    assert names.permission_id(rng).isdigit()
    for zeros, number in numbers.items():
        assert len(number) in {18, 19}
        assert int(number) < 2**63
        assert int(number) % 2**zeros == 0


def test_endpoints_are_numbered_like_models() -> None:
    """Both are multiples of 2**39."""
    assert int(names.endpoint_id(Random(3))) % 2**39 == 0


@given(project=st.text(min_size=1))
def test_a_project_keeps_its_number(project: str) -> None:
    """It has twelve digits and depends on the id only; a number stays itself."""
    number = names.project_number(project)

    assert number == names.project_number(number)
    assert number == project or re.fullmatch("[1-9][0-9]{11}", number)


def test_an_unnamed_model_is_called_by_its_base_and_a_uuid() -> None:
    """As `gemini-1.5-pro-002-bf6ead6f-99a5-4ba7-8919-c84a2c30ebbb`."""
    name = names.tuned_display_name("gemini-1.5-pro-002", Random(0))

    assert re.fullmatch("gemini-1.5-pro-002-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", name)


@given(moment=st.datetimes(datetime(2008, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - the zone is hypothesis's to add
def test_experiments_are_stamped_in_pacific_time(moment: datetime) -> None:
    """The timestamp is the local time of Los Angeles, in summer and winter, with microseconds."""
    nanos = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
    expected = moment.astimezone(ZoneInfo("America/Los_Angeles"))

    assert f"tuning-experiment-{expected:%Y%m%d%H%M%S%f}" == names.experiment_id(nanos)


def test_names_of_a_seeded_world_repeat() -> None:
    """The same random generator gives the same ids."""
    once, again = Random(5), Random(5)

    assert names.tuned_model_id("a b", once) == names.tuned_model_id("a b", again)
    assert names.operation_id(once) == names.operation_id(again)
