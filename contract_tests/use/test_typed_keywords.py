"""What a misspelt or impossible keyword of the handle says: to a type checker here, and to a program that runs.

mypy checks this file (`make types`): an `ignore` that hides no error is an error itself, so that each of these lines
must be refused by the types.
"""

import inspect

import pytest

import mockserver
from mockserver import MockServer
from mockserver.scripting.answers import Rule
from mockserver.settings import InterceptionSettings, Settings, declarations
from mockserver.testing.keywords import InterceptionKeywords, WorldKeywords
from mockserver.testing.mock_server import Conditions


def test_good_keywords_are_typed() -> None:
    """Texts and values alike."""
    server = MockServer(seed=7, auth="off", as_of="2024-03-14", magic="no", answers=["scripted"])
    server.answer("never", text="hello", times=1)
    server.calls.assert_not_called(status=500)

    with server.intercepting(sleep="real", block_network=True):
        assert (7, False) == (server.settings.seed, server.settings.magic)


def test_misspelt_keywords_are_refused() -> None:
    """Each is an error that says which keyword."""
    server = MockServer()

    with pytest.raises(TypeError, match="sede"):
        MockServer(sede=7)  # type: ignore[call-arg]  # the mistake
    with pytest.raises(TypeError, match="txt"):
        server.answer("scripted", txt="hello")  # type: ignore[call-arg]  # as above
    with pytest.raises(TypeError, match="time"):
        server.calls.assert_called(time=2)  # type: ignore[call-arg]  # as above
    with pytest.raises(TypeError, match="stat"):
        server.calls.assert_not_called(stat=200)  # type: ignore[call-arg]  # as above
    with (
        pytest.raises(TypeError, match="there is no option 'slep'; did you mean 'sleep'"),
        server.intercepting(slep="real"),  # type: ignore[call-arg]  # as above
    ):
        pass
    with pytest.raises(TypeError, match="'stat'; did you mean 'state'"):
        server.add_tuned_model(stat="ACTIVE")  # type: ignore[call-arg]  # as above
    with pytest.raises(TypeError, match="base_modell"):
        server.add_tuning_job(base_modell="gemini-2.0-flash-001")  # type: ignore[call-arg]  # as above
    with pytest.raises(TypeError, match="sede"), server.fresh_world(sede=7):  # type: ignore[call-arg]  # as above
        pass


def test_impossible_values_are_refused() -> None:
    """Words that a setting does not have, and values of another type."""
    with pytest.raises(ValueError, match="unknown state 'RUNING'; did you mean 'RUNNING'"):
        MockServer().add_tuning_job(state="RUNING")  # type: ignore[arg-type]  # as above
    with pytest.raises(ValueError, match="auth: 'stict' is not one of any, off, strict"):
        MockServer(auth="stict")  # type: ignore[arg-type]  # as above
    with pytest.raises(ValueError, match=r"seed: 1\.5 is not a whole number"):
        MockServer(seed=1.5)  # type: ignore[arg-type]  # as above
    with (
        pytest.raises(ValueError, match=r"sleep: 'deep' is not one of virtual, virtual\+clock, real"),
        MockServer().intercepting(sleep="deep"),  # type: ignore[arg-type]  # as above
    ):
        pass


def test_keywords_are_all_there_are() -> None:
    """Those of the settings, of interception and of a rule."""
    world = {"clock", "start_time"} | declarations(Settings).keys()
    interception = declarations(InterceptionSettings).keys() - {"leaks", "misses"}

    assert world == WorldKeywords.__annotations__.keys()
    assert interception == InterceptionKeywords.__annotations__.keys()
    assert set(Rule.__dataclass_fields__) - {"answer"} == Conditions.__annotations__.keys()


def test_docstrings_stand_alone() -> None:
    """`help()` and editors show a public name's own docstring, which does not send the reader to another module."""
    public = [getattr(mockserver, name) for name in mockserver.__all__ if not name.startswith("_")]
    members = [
        member
        for each in public
        if inspect.isclass(each)
        for name, member in vars(each).items()
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property))
    ]

    for each in [*public, *members]:
        assert each.__doc__, each
        assert "see `" not in each.__doc__ or "see `settings.seed`" in each.__doc__, each
