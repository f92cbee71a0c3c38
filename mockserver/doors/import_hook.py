"""Runs a function after a module was imported. A library that is imported during a test is patched in time this way."""

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import ModuleType
from typing import Any


@contextmanager
def after_import(names: Sequence[str], run: Callable[[str], None]) -> Iterator[None]:
    """While inside, call `run(name)` when one of the named modules has been executed."""
    finder = _Finder(frozenset(names), run)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        finder.run = None
        sys.meta_path.remove(finder)


@contextmanager
def patched_when_imported(patches: Mapping[str, Callable[[Any], AbstractContextManager[None]]]) -> Iterator[None]:
    """While inside, these modules are patched: those that are loaded now, and others as soon as they are."""
    with ExitStack() as stack:

        def patch(name: str) -> None:
            stack.enter_context(patches[name](sys.modules[name]))

        stack.enter_context(after_import(list(patches), patch))
        for name in patches:
            if name in sys.modules:
                patch(name)
        yield


class _Finder(importlib.abc.MetaPathFinder):
    """Returns the spec that the finders behind it have. Its loader calls `run` after it has executed the module."""

    def __init__(self, names: frozenset[str], run: Callable[[str], None]) -> None:
        self._names = names
        self.run: Callable[[str], None] | None = run

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Called for an import, and also by code that only asks whether the module is there."""
        if fullname not in self._names:
            return None
        finders = list(sys.meta_path)
        # Only those behind it: another one of ours would ask this one again, without end.
        behind = finders[finders.index(self) + 1 :] if self in finders else finders
        asked = (finder.find_spec(fullname, path, target) for finder in behind if hasattr(finder, "find_spec"))
        spec = next(filter(None, asked), None)
        if spec is not None and spec.loader is not None:
            self._extend(spec.loader, fullname)
        return spec

    def _extend(self, loader: importlib.abc.Loader, fullname: str) -> None:
        """Give this one loader another `exec_module`, so that the spec keeps the loader that it was found with."""
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            if module.__name__ != fullname:  # a loader may serve many modules
                execute(module)
                return
            vars(loader).pop("exec_module", None)
            execute(module)
            if self.run is not None:
                self.run(fullname)

        loader.exec_module = exec_module  # type: ignore[method-assign]  # an attribute of this instance only
