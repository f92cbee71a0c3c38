"""Patterns for method ids: a short one names every form of a method, and one that matches nothing is an error."""

import pytest

from mockserver.inspection.services import method_ids
from mockserver.rpc.method_ids import check_method_pattern, matches_method

CREATE = "projects.locations.tuningJobs.create"


@pytest.mark.parametrize("pattern", [CREATE, "tuningJobs.create", "*.create", "create", "*", "tuningJobs.*"])
def test_a_pattern_matches_the_whole_id_or_its_end(pattern: str) -> None:
    """People write the short name; a client with a project calls the long one."""
    assert matches_method(CREATE, pattern)


@pytest.mark.parametrize("pattern", ["Jobs.create", "tuningJobs", "tuningJobs.crate", "projects.tuningJobs.create", ""])
def test_a_pattern_begins_at_a_word(pattern: str) -> None:
    """The end of an id begins behind a dot."""
    assert not matches_method(CREATE, pattern)


def test_every_method_is_matched_by_itself_and_by_its_last_two_words() -> None:
    """This is how a tester names it."""
    for method in method_ids():
        check_method_pattern(method, method_ids())
        check_method_pattern(".".join(method.split(".")[-2:]), method_ids())


def test_a_pattern_that_matches_no_method_is_an_error_that_names_the_nearest() -> None:
    """A typo would otherwise inject nothing, in silence."""
    with pytest.raises(ValueError, match=r"^'tuningJobs.crate' matches no method; did you mean 'tuningJobs.create' or"):
        check_method_pattern("tuningJobs.crate", method_ids())
    with pytest.raises(ValueError, match=r"^'q\*' matches no method; see docs/methods.md$"):
        check_method_pattern("q*", method_ids())
