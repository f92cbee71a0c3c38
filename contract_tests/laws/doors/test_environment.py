"""The environment of a test: each variable is put back by its name, and what others have set stays."""

import os
from contextlib import ExitStack
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver import MockServer
from mockserver.datasets.storage import served_at
from mockserver.doors.environment import NO_PROXY, changed, changes, environment, without_proxy

NAMES = ("MOCKSERVER_LAW_A", "MOCKSERVER_LAW_B")
values = st.none() | st.sampled_from(["x", "y", "z"])


def now() -> dict[str, str | None]:
    """The variables this is about."""
    return {name: os.environ.get(name) for name in NAMES}


@given(
    st.fixed_dictionaries(dict.fromkeys(NAMES, values)),
    st.lists(st.dictionaries(st.sampled_from(NAMES), values), min_size=1, max_size=5),
    st.randoms(use_true_random=False),
)
def test_changes_end_in_any_order(
    before: dict[str, str | None], layers: list[dict[str, str | None]], rng: Random
) -> None:
    """The newest that is left counts, for each variable; in the end it is what it was."""
    with changed(before):
        inside = []
        for layer in layers:
            stack = ExitStack()
            stack.enter_context(changed(dict(layer)))
            inside.append((layer, stack))
        rng.shuffle(order := list(inside))
        for layer, stack in order:
            stack.close()
            inside.remove((layer, stack))
            expected = dict(before)
            for left, _ in inside:
                expected |= left
            assert expected == now()

    assert dict.fromkeys(NAMES) == now()


@pytest.mark.parametrize("theirs", [None, "theirs"])
def test_what_somebody_else_sets_stays(theirs: str | None) -> None:
    """Also if it was set between two changes of ours."""
    name = NAMES[0]
    with changed({name: "original"}):
        with changed({name: "outer"}):
            if theirs is None:
                del os.environ[name]
            else:
                os.environ[name] = theirs
            with changed({name: "inner"}):
                assert "inner" == os.environ[name]
            assert theirs == os.environ.get(name)
        assert theirs == os.environ.get(name)
    os.environ.pop(name, None)


def test_made_up_values_of_an_outer_server_are_replaced() -> None:
    """They lead to its world."""
    given = {"GOOGLE_CLOUD_PROJECT": "mockserver-outer", "GEMINI_API_KEY": "mockserver-outer-key"}

    assert {
        "GOOGLE_CLOUD_PROJECT": "p",
        "GOOGLE_CLOUD_LOCATION": "us-central1",
        "GEMINI_API_KEY": None,
        "GOOGLE_API_KEY": "k",
        "GOOGLE_APPLICATION_CREDENTIALS": "f",
        **dict.fromkeys(("GOOGLE_GEMINI_BASE_URL", "GOOGLE_VERTEX_BASE_URL", "STORAGE_EMULATOR_HOST")),
        **dict.fromkeys(("NO_PROXY", "no_proxy"), "googleapis.com,.googleapis.com"),
    } == changes("p", "k", "f", given)


@pytest.mark.parametrize("own", [{}, {"GOOGLE_CLOUD_PROJECT": "mine", "GEMINI_API_KEY": "mine", "NO_PROXY": "here"}])
@pytest.mark.parametrize("addresses", [("", ""), ("", "http://127.0.0.1:2"), ("http://127.0.0.1:1", "")])
def test_environments_of_two_servers_end_in_any_order(own: dict[str, str | None], addresses: tuple[str, str]) -> None:
    """The one that is left has all that it would have alone, and in the end everything is as before."""

    def variables() -> dict[str, str]:
        own_names = ("GOOGLE", "GEMINI", "STORAGE", "NO_PROXY", "no_proxy")
        return {name: value for name, value in os.environ.items() if name.startswith(own_names)}

    credentials = MockServer().credentials
    with served_at("http://127.0.0.1:1"), changed(dict.fromkeys(("GOOGLE_CLOUD_PROJECT", *NO_PROXY)) | own):
        before = variables()
        with environment(credentials, addresses[1]):
            alone = variables()
        first, second = ExitStack(), ExitStack()
        first.enter_context(environment(credentials, addresses[0]))
        second.enter_context(environment(credentials, addresses[1]))
        first.close()
        left = variables()
        second.close()

        for name in NO_PROXY:  # it may list more
            assert set(alone.pop(name).split(",")) <= set(left.pop(name).split(","))
        assert alone == left
        assert before == variables()


@pytest.mark.parametrize("theirs", ["", "http://localhost:9023", "http://127.0.0.1:1"])
def test_children_are_led_to_the_address(theirs: str) -> None:
    """Both services and Cloud Storage, but a tester's own emulator stays; one of ours that is around does not."""
    url = "http://127.0.0.1:2"
    with served_at("http://127.0.0.1:1"):
        variables = changes("p", "k", "f", {"STORAGE_EMULATOR_HOST": theirs} if theirs else {}, url)
        in_process = changes("p", "k", "f", {"STORAGE_EMULATOR_HOST": theirs} if theirs else {})

    assert url == variables["GOOGLE_GEMINI_BASE_URL"]
    assert f"{url}/aiplatform.googleapis.com" == variables["GOOGLE_VERTEX_BASE_URL"]
    is_own = theirs.endswith(":1")
    assert (url if is_own or not theirs else theirs) == variables["STORAGE_EMULATOR_HOST"]
    assert (None if is_own or not theirs else theirs) == in_process["STORAGE_EMULATOR_HOST"]


def test_an_earlier_servers_address_is_no_emulator() -> None:
    """`mockserver env` in a shell sets both variables; that server may have stopped since."""
    earlier = {"STORAGE_EMULATOR_HOST": "http://localhost:1", "MOCKSERVER_URL": "http://127.0.0.1:1"}

    assert changes("p", "k", "f", earlier)["STORAGE_EMULATOR_HOST"] is None
    assert "http://127.0.0.1:2" == changes("p", "k", "f", earlier, "http://127.0.0.1:2")["STORAGE_EMULATOR_HOST"]
    other = earlier | {"MOCKSERVER_URL": "http://127.0.0.1:3"}
    assert "http://localhost:1" == changes("p", "k", "f", other)["STORAGE_EMULATOR_HOST"]


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        ("", "127.0.0.1,localhost,::1"),
        ("example.com, localhost", "example.com,localhost,127.0.0.1,::1"),
        ("*", "*"),
    ],
)
def test_this_machine_is_reached_without_a_proxy(hosts: str, expected: str) -> None:
    """Beside the hosts that were listed before; Google's are looked up here too, and so refused."""
    assert expected == without_proxy(hosts)
    for address in ("", "http://127.0.0.1:1"):
        value = changes("p", "k", "f", {"NO_PROXY": hosts}, address).get("NO_PROXY") or hosts
        assert set(value.split(",")) >= {"*"} if hosts == "*" else {"googleapis.com", ".googleapis.com"}
