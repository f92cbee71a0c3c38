"""The import hook: a function runs after a module, however the module comes to be imported."""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mockserver.doors.import_hook import after_import

NAME = "imported_late"


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A module that can be imported and has not been."""
    (tmp_path / f"{NAME}.py").write_text("VALUE = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop(NAME, None)


def test_a_module_that_was_looked_for_first_is_seen() -> None:
    """Libraries ask `find_spec` whether an optional one is there, and import it afterwards."""
    seen: list[object] = []
    with after_import([NAME], lambda name: seen.append(sys.modules[name].VALUE)):
        assert importlib.util.find_spec(NAME) is not None
        assert importlib.util.find_spec(NAME) is not None
        assert [] == seen
        importlib.import_module(NAME)

    assert [1] == seen


def test_a_spec_that_was_found_inside_can_be_executed_afterwards() -> None:
    """Nobody is told then."""
    seen: list[str] = []
    with after_import([NAME], seen.append):
        spec = importlib.util.find_spec(NAME)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    assert 1 == module.VALUE
    assert [] == seen


def test_the_loader_is_the_one_that_was_found() -> None:
    """Its type, and all that it is asked for afterwards, such as resources and sources."""
    without = importlib.util.find_spec(NAME)
    with after_import([NAME], lambda _: None):
        module = importlib.import_module(NAME)
    spec = module.__spec__
    assert spec is not None
    assert without is not None

    assert type(without.loader) is type(spec.loader)
    assert spec.loader is module.__loader__
    assert vars(without.loader) == vars(spec.loader)


def test_a_module_that_is_thrown_away_is_seen_again() -> None:
    """A test may do so to have a fresh one."""
    seen: list[str] = []
    with after_import([NAME], seen.append):
        importlib.import_module(NAME)
        del sys.modules[NAME]
        importlib.import_module(NAME)

    assert [NAME, NAME] == seen


def test_a_module_that_cannot_be_found_is_not() -> None:
    """As without us."""
    with after_import(["no_such_module"], lambda _: None):
        assert importlib.util.find_spec("no_such_module") is None
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("no_such_module")


def test_several_hooks_wait_for_the_same_module() -> None:
    """Each is told, and asking for a module that is not there ends."""
    seen: list[str] = []
    with after_import([NAME, "missing"], seen.append), after_import([NAME, "missing"], seen.append):
        assert importlib.util.find_spec("missing") is None
        importlib.import_module(NAME)

    assert [NAME, NAME] == seen
