"""What the control API will not be talked into: each is a 400 that says why, and nothing of it is done."""

import re
from typing import Any

import pytest

from contract_tests.api.test_control import Control
from contract_tests.targets import Client
from mockserver.state.world import Settings
from mockserver.testing.mock_server import MockServer

Json = dict[str, Any]


@pytest.fixture
def control(client: Client) -> Control:
    """The control API of the client's world."""
    return Control(client)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"factor": 1e308}, "factor: Input should be less than or equal to 1000000"),
        ({"factor": -1}, "factor: Input should be greater than or equal to 0"),
        ({"start_time": "9999-12-31T00:00:00Z"}, "time begins on 1970-01-01 and ends on 2262-04-11"),
        ({"start_time": "0001-01-01T00:00:00+14:00"}, "time begins on 1970-01-01 and ends on 2262-04-11"),
        ({"start_time": "2024-03-14"}, "start_time: Input should have timezone info"),
        ({"settings": {"max_concurrent_jobs": 0}}, "max_concurrent_jobs: 0 is not a whole number from 1 to 10000"),
        ({"colour": "red"}, "colour: unknown field"),
    ],
)
def test_worlds_that_cannot_be_are_not_made(control: Control, body: Json, words: str) -> None:
    """Not even half: their name is free."""
    code, message = control.refusal("POST", "/worlds", json={"name": "mine"} | body)

    assert 400 == code
    assert words in message
    assert ["default"] == [world["name"] for world in control.good("GET", "/worlds")["worlds"]]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"max_concurrent_jobs": 0}, "max_concurrent_jobs: 0 is not a whole number from 1 to 10000"),
        (
            {"metadata_refresh_seconds": -1},
            "metadata_refresh_seconds: -1 is not a number of seconds from 0 to 31536000",
        ),
        (
            {"metadata_refresh_seconds": 1e308},
            "metadata_refresh_seconds: 1e+308 is not a number of seconds from 0 to 31536000",
        ),
    ],
)
def test_numbers_that_cannot_be_set_are_refused(control: Control, changes: Json, words: str) -> None:
    """Over HTTP as in Python; of two settings neither is changed when one cannot be."""
    before = control.good("GET", "/settings")
    code, message = control.refusal("PATCH", "/settings", json={"settings": {"seed": 7} | changes})

    assert 400 == code
    assert words in message
    assert before == control.good("GET", "/settings")
    for make in (Settings, MockServer):
        with pytest.raises(ValueError, match=re.escape(words)):
            make(**changes)


@pytest.mark.parametrize(
    "content", [b"[]", b"null", b"\xff\xfe", b'{"seconds": NaN}', b'{"seconds": "soon"}', b"{} {}"]
)
def test_bodies_that_are_no_object_are_refused(control: Control, content: bytes) -> None:
    """Whatever they are."""
    assert 400 == control.refusal("POST", "/clock/advance", content=content)[0]


@pytest.mark.parametrize("query", ["last=many", "last=-1", "last=1e400", "status=nan", "method=*&color=red"])
def test_parameters_that_are_no_number_are_refused(control: Control, query: str) -> None:
    """As are those there are not."""
    assert 400 == control.refusal("GET", f"/calls?{query}")[0]


def test_a_world_keeps_a_hundred_snapshots(control: Control) -> None:
    """One more has to take the place of another."""
    for number in range(100):
        control.good("PUT", f"/snapshots/{number}")

    assert (400, "a world has at most 100 snapshots: delete one") == control.refusal("PUT", "/snapshots/more")
    control.good("PUT", "/snapshots/7")
    control.good("DELETE", "/snapshots/7")
    control.good("PUT", "/snapshots/more")
    assert 100 == len(control.good("GET", "/snapshots")["snapshots"])


def test_snapshots_are_a_worlds_own(control: Control) -> None:
    """What is done to one world by a snapshot, no other notices."""
    fork = control.good("POST", "/worlds/fork")["name"]
    control.good("PUT", f"/snapshots/start?world={fork}")
    control.good("POST", f"/clock/advance?world={fork}", json={"hours": 1})
    control.good("POST", "/clock/advance", json={"hours": 2})
    control.good("POST", f"/snapshots/start/restore?world={fork}")

    assert [] == control.good("GET", "/snapshots")["snapshots"]
    assert 404 == control.refusal("POST", "/snapshots/start/restore")[0]
    assert "2024-03-14T15:00:00Z" == control.good("GET", f"/clock?world={fork}")["now"]
    assert "2024-03-14T17:00:00Z" == control.good("GET", "/clock")["now"]
