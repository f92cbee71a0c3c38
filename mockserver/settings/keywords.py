"""The error for a misspelt keyword names the one that was meant; Python's own names only the wrong one."""

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

C = TypeVar("C", bound=Callable[..., Any])


def check_keywords(**meant: str) -> Callable[[C], C]:
    """Decorate a function or a class: an unknown keyword is a TypeError that names the nearest one.

    `meant` are keywords that others use for the same, and what they are called here.
    """

    def decorate(decorated: C) -> C:
        function: Any = vars(decorated)["__init__"] if isinstance(decorated, type) else decorated
        names = frozenset(_keywords(function))
        spellings = names | set(map(_camel_case, _members(function)))
        name = decorated.__name__

        @functools.wraps(function)
        def call(*args: Any, **keywords: Any) -> Any:
            __tracebackhide__ = True
            if not keywords.keys() <= spellings:
                raise TypeError(
                    f"{name}: {_describe(next(name for name in keywords if name not in spellings), names, meant)}"
                )
            return function(*args, **keywords)

        if isinstance(decorated, type):
            type.__setattr__(decorated, "__init__", call)
            return decorated
        return cast("C", call)

    return decorate


def _keywords(function: Callable[..., Any]) -> Iterator[str]:
    """Yield the names that a function takes as keywords, those of `**more: Unpack[Filter]` too."""
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is not parameter.VAR_KEYWORD:
            yield name
    yield from _members(function)


def _members(function: Callable[..., Any]) -> Iterator[str]:
    """Yield the names of the TypedDict that types `**more`."""
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            yield from parameter.annotation.__args__[0].__annotations__


def _camel_case(name: str) -> str:
    """Return the name that a member has in JSON: baseModel for base_model."""
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def _describe(wrong: str, names: frozenset[str], meant: dict[str, str]) -> str:
    from mockserver.settings import unknown_names  # noqa: PLC0415 - only a mistake needs it

    if wrong in meant:
        return f"there is no keyword {wrong!r}; did you mean {meant[wrong]!r}?"
    return unknown_names([wrong], sorted(names - {"self"}), "keyword")
