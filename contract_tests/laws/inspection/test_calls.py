"""Questions to the log of calls: laws of `inspection.calls`."""

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.laws.state.test_calls import call
from mockserver.inspection.calls import Calls
from mockserver.inspection.services import route_table
from mockserver.scripting.faults import Fault
from mockserver.state.clock import ManualClock
from mockserver.testing.mock_server import MockServer

LIFE = Calls(
    [
        call("tunedModels.create", 0, verb="POST", path="/v1beta/tunedModels", request={"tunedModelId": "next"}),
        call(at=1.5, caller="key:1234"),
        call(at=4, path="/v1beta/tunedModels/other", status=403),
        call("models.generateContent", 4, verb="POST", path="/v1beta/models/gemini:generateContent", fault="503"),
        call("", 9, verb="POST", path="/", status=404, request=None, hint="pass project="),
    ]
)


@pytest.mark.parametrize(
    ("conditions", "places"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"method": "tunedModels.get"}, [1, 2]),
        ({"method": "tunedModels.*"}, [0, 1, 2]),
        ({"method": "*.get", "status": 200}, [1]),
        ({"method": ""}, [4]),
        ({"resource": "tunedModels/*"}, [1, 2]),
        ({"resource": "models/gemini"}, [3]),
        ({"caller": "key:*"}, [1]),
        ({"status": 404}, [4]),
        ({"request": {"tunedModelId": "next"}}, [0]),
        ({"request": {}}, [0, 1, 2, 3]),
        ({"method": "tunedModels.delete"}, []),
        ({"method": "get"}, [1, 2]),
    ],
)
def test_a_filter_keeps_what_fits_all_of_it(conditions: dict[str, Any], places: list[int]) -> None:
    """Names are globs, in their own case; a call without a message holds nothing."""
    assert [LIFE[place] for place in places] == list(LIFE.filter(**conditions))


@pytest.mark.parametrize("ask", [LIFE.filter, LIFE.assert_called, LIFE.assert_not_called])
def test_a_method_that_does_not_exist_is_an_error(ask: Callable[[str], object]) -> None:
    """`assert_not_called` with a typo would always pass."""
    with pytest.raises(ValueError, match=r"'tunedmodels.get' matches no method; did you mean 'tunedModels.get'"):
        ask("tunedmodels.get")


@pytest.mark.parametrize(
    ("client_call", "methods"),
    [
        ("client.tunings.tune", "'tunedModels.create' or 'tuningJobs.create'"),
        ("tunings.cancel()", "'tunedModels.operations.cancel' or 'tuningJobs.cancel'"),
        ("sft.train", "'tuningJobs.create'"),
        ("genai.create_tuned_model", "'tunedModels.create'"),
        ("generate_content", "'*.generateContent'"),
    ],
)
def test_the_call_of_a_client_is_answered_with_its_methods(client_call: str, methods: str) -> None:
    """Testers know the names in their own code."""
    with pytest.raises(ValueError, match=re.escape(f"{client_call!r} matches no method; did you mean {methods}?")):
        LIFE.filter(client_call)


def test_every_client_call_is_answered_with_a_method_that_exists() -> None:
    """A suggestion that is an error itself helps nobody."""
    for service in route_table().services.values():
        assert service.client_calls
        for method in service.client_calls.values():
            Calls([]).filter(method)


ANY: Any = SimpleNamespace(LIFE=LIFE, Fault=Fault, ManualClock=ManualClock, MockServer=MockServer)
"""What type checkers do not know: they find the same mistakes."""


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        (lambda: ANY.LIFE.assert_called(count=1), "assert_called: there is no keyword 'count'; did you mean 'times'?"),
        (lambda: ANY.LIFE.assert_called(stat=1), "assert_called: there is no keyword 'stat'; did you mean 'status'?"),
        (lambda: ANY.LIFE.filter(sttus=200), "filter: there is no keyword 'sttus'; did you mean 'status'?"),
        (lambda: ANY.Fault(code=429), "Fault: there is no keyword 'code'; did you mean 'status'?"),
        (lambda: ANY.Fault(staus=429), "Fault: there is no keyword 'staus'; did you mean 'status'?"),
        (lambda: ANY.ManualClock().advance(minute=1), "advance: there is no keyword 'minute'; did you mean 'minutes'?"),
        (
            lambda: ANY.ManualClock().advance(days=1),
            "advance: there is no keyword 'days'; the keywords are hours, minutes, seconds",
        ),
        (
            lambda: ANY.MockServer().answers("x"),
            "answers and faults list what there is; answer(...) and fault(...) add one",
        ),
        (
            lambda: ANY.MockServer().add_tuned_model("days", sate="FAILED"),
            "add_tuned_model: there is no keyword 'sate'; did you mean 'state'?",
        ),
        (
            lambda: ANY.MockServer().add_tuning_job(baseModl="gemini-2.0-flash-001"),
            "add_tuning_job: there is no keyword 'baseModl'; did you mean 'base_model'?",
        ),
        (
            lambda: ANY.MockServer().fault("tunedModels.create", status=429),
            "fault has no keyword 'status': pass a Fault, as in fault(Fault(METHOD, status=429))",
        ),
        (
            lambda: ANY.MockServer().fault("tunedModels.create"),
            "'tunedModels.create' is not a fault: pass a Fault, as in fault(Fault(METHOD, status=429))",
        ),
    ],
)
def test_a_wrong_keyword_is_answered_with_the_right_one(mistake: Any, sentence: str) -> None:
    """Python says only that the keyword is unexpected."""
    with pytest.raises(TypeError, match=re.escape(sentence)):
        mistake()


def test_members_may_have_the_names_of_json() -> None:
    """As in an answers file."""
    server: Any = MockServer()
    server.add_tuned_model("days", displayName="Days", base_model="models/gemini-1.5-flash-001-tuning")

    assert "Days" == server.tuned_models["days"]["displayName"]


REQUEST = {"tunedModel": {"displayName": "next", "tuningTask": {"examples": [{"i": "1", "o": "2"}, {"i": "2"}]}}}


@pytest.mark.parametrize(
    ("wanted", "holds"),
    [
        (REQUEST, True),
        ({"tunedModel": {"displayName": "next"}}, True),
        ({"tunedModel": {"tuningTask": {"examples": [{"i": "1"}, {}]}}}, True),
        ({"tunedModel": {"tuningTask": {"examples": ({"o": "2"}, {})}}}, True),
        ({"tunedModel": {"tuningTask": {"examples": [{"i": "1"}]}}}, False),
        ({"tunedModel": {"tuningTask": {"examples": [{"i": "2"}, {"i": "1"}]}}}, False),
        ({"tunedModel": {"displayName": "NEXT"}}, False),
        ({"tunedModel": {"description": ""}}, False),
        ({"tunedModel": "next"}, False),
        ({"tunedModel": {"displayName": {"n": "next"}}}, False),
    ],
)
def test_a_request_is_asked_for_by_what_it_holds_at_least(wanted: dict[str, Any], *, holds: bool) -> None:
    """Members as deep as they are named; lists element by element, all of them."""
    assert holds == bool(Calls([call(request=REQUEST)]).filter(request=wanted))


def test_what_was_called_is_given_back() -> None:
    """So that a test may look further."""
    assert list(LIFE.filter("tunedModels.get")) == list(LIFE.assert_called("tunedModels.get"))
    assert 1.5 == LIFE.assert_called("tunedModels.*", times=3).intervals()[0]
    assert 5 == len(LIFE.assert_called())
    assert 0 == len(LIFE.assert_called("tunedModels.delete", times=0))


def test_a_failure_says_what_was_called_instead() -> None:
    """Every call in the order it came: when, how it ended, which it was, and what a fault did to it."""
    with pytest.raises(AssertionError) as failed:
        LIFE.assert_called("tunedModels.create", times=2, status=200)

    assert str(failed.value) == (
        "expected tunedModels.create status=200 to be called 2 times, but it was called 1 times. All calls:\n"
        "2024-03-14T15:00:00+00:00  200  tunedModels.create  POST /v1beta/tunedModels\n"
        "2024-03-14T15:00:01+00:00  200  tunedModels.get  GET /v1beta/tunedModels/next\n"
        "2024-03-14T15:00:04+00:00  403  tunedModels.get  GET /v1beta/tunedModels/other\n"
        "2024-03-14T15:00:04+00:00  200  models.generateContent  POST /v1beta/models/gemini:generateContent (503)\n"
        "2024-03-14T15:00:09+00:00  404  no method  POST /"
    )


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("tunedModels.delete", "expected tunedModels.delete to be called at least once, but it was called 0 times"),
        ("models.*", "expected models.* to be called at least once, but it was called 0 times"),
    ],
)
def test_nothing_called_is_a_failure(method: str, words: str) -> None:
    """Also where nothing at all was."""
    with pytest.raises(AssertionError, match=f"{words}. All calls:\nno calls$".replace("*", r"\*")):
        Calls([]).assert_called(method)


def test_what_must_not_be_called() -> None:
    """Fails when it was, and says so; else is content."""
    LIFE.assert_not_called("tunedModels.delete")
    LIFE.assert_not_called("tunedModels.create", status=500)
    with pytest.raises(AssertionError, match=r"expected tunedModels\.create to be called 0 times, but it was called 1"):
        LIFE.assert_not_called("tunedModels.create")


def test_a_misspelt_condition_is_told() -> None:
    """Rather than passing because nothing fits."""
    with pytest.raises(TypeError, match="caler"):
        LIFE.assert_not_called("tunedModels.create", caler="key:*")  # type: ignore[call-arg]  # the mistake


def test_calls_are_a_sequence() -> None:
    """Of which a slice is calls again."""
    assert "tunedModels.create" == LIFE[0].method
    assert "pass project=" == LIFE[-1].hint
    assert [0.0, 5.0] == LIFE[2:].intervals()
    assert "no calls" == str(LIFE[:0])


@given(st.lists(st.floats(0, 1e6), max_size=20))
def test_intervals_add_up_to_the_whole(moments: list[float]) -> None:
    """One less than there are calls."""
    calls = Calls(call(at=moment) for moment in sorted(moments))

    assert max(0, len(moments) - 1) == len(calls.intervals())
    assert all(interval >= 0 for interval in calls.intervals())
    if moments:
        assert sum(calls.intervals()) == pytest.approx(max(moments) - min(moments), abs=1e-6)


TUNE = Calls(
    [
        call(
            "tuningJobs.create",
            request={"tuningJob": {"baseModel": "gemini-2.5-flash", "epochs": 3, "tags": [*"abc"]}, "parent": "p"},
        ),
        call("tuningJobs.create", request={"tuningJob": {"baseModel": "gemini-2.0-flash-001"}}, status=403),
    ]
)


@pytest.mark.parametrize(
    "request_part",
    [
        {"baseModel": "gemini-2.5-flash"},
        {"base_model": "gemini-2.5-flash", "epochs": 3},
        {"tuningJob": {"baseModel": "gemini-2.5-flash"}},
        {"tuning_job": {"base_model": "gemini-2.5-flash"}, "parent": "p"},
        {"base_model": "gemini-2.5-flash", "parent": "p"},
    ],
)
def test_the_json_body_of_a_request_is_enough(request_part: dict[str, Any]) -> None:
    """As the client sends it, and in the whole message with what the path and the query say; in either spelling."""
    assert [TUNE[0]] == list(TUNE.assert_called("tuningJobs.create", times=1, request=request_part))


@pytest.mark.parametrize(
    ("conditions", "sentence"),
    [
        ({"request": {"baseModel": "gemini-2.5-flash", "epochs": 4}}, "request.epochs was 3, not 4"),
        (
            {"request": {"description": "x"}},
            "request has no 'description'; it has 'baseModel', 'epochs', 'tags', 'parent'",
        ),
        ({"request": {"tuningJob": {"baseModel": "b"}}}, "request.tuningJob.baseModel was 'gemini-2.5-flash', not 'b'"),
        ({"request": {"tags": ["a", "b"]}}, "request.tags has 3 elements, not 2"),
        ({"status": 500}, "status was 200, not 500"),
        ({"caller": "key:*"}, "caller was 'user:alice@example.com', not 'key:*'"),
    ],
)
def test_a_failed_assertion_says_how_the_nearest_call_differs(conditions: Any, sentence: str) -> None:
    """The call with the fewest differences, and each member that differs."""
    with pytest.raises(AssertionError, match=re.escape(f"but:\n  {sentence}\nAll calls:")):
        TUNE.assert_called("tuningJobs.create", **conditions)
