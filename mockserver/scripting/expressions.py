"""Regular expressions that a tester or a client wrote, matched in time that grows with the text and no faster.

Python's own engine tries every way to match: `(a+)+b` takes twice as long for each further letter. Here an expression
is parsed as Python does, and then either translated for the engine of pydantic's core, which tries all ways at once and
says whether there is a match, or run by a small machine of the same kind, which says where. Neither can look around
or back; such expressions are refused. (RE2, which Google's services use, refuses the same.)
"""

import re
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import Any

from mockserver.limits import EXPRESSION_PLACES

_parser: Any = import_module("re._parser")  # has no types, and an underscore since 3.11; the old name warns

_CATEGORIES = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}


class TooMuchWork(Exception):
    """Matching took more steps than it was given."""


class Expression:
    """A regular expression that is matched in linear time.

    Raises ValueError if it is not valid, cannot be matched in linear time, or is too large.
    """

    def __init__(self, source: str) -> None:
        try:
            tree = _parser.parse(source)
        except (re.error, OverflowError, RecursionError, FutureWarning) as error:
            raise ValueError(f"{source!r} is not a valid regular expression: {error}") from error
        self.source = source
        self.size = 0
        self._code: list[tuple[str, Any, Any]] = []
        try:
            self._emit_all(tree, tree.state.flags)
            self._pattern = self._translated(tree, tree.state.flags)
        except RecursionError:
            raise ValueError(f"{source!r} is nested too deeply") from None
        self._code.append(("match", None, None))

    def searcher(self) -> Callable[[str], bool]:
        """Return a function that tells whether a text has a match anywhere."""
        return linear_searcher(self._pattern)

    def extract(self, text: str, most_steps: int) -> tuple[str | None, int]:
        """Return what the first group matches, or all of the match if there is no group; None if nothing matches.

        The second value is the number of steps it took. Raises TooMuchWork past `most_steps`.
        """
        machine = _Machine(self._code, text, most_steps)
        span = machine.run()
        if span is None:
            return None, machine.steps
        start, end, group_start, group_end = span
        if "save" not in {operation for operation, _, _ in self._code}:
            return text[start:end], machine.steps
        return (None if group_start is None or group_end is None else text[group_start:group_end]), machine.steps

    def _too_large(self) -> ValueError:
        return ValueError(f"{self.source!r} is too large: it has more than {EXPRESSION_PLACES} places")

    def _unsupported(self, operation: object) -> ValueError:
        what = str(operation).lower().replace("_", " ")
        return ValueError(
            f"{self.source!r} needs {what}: look-around, back-references, possessive and atomic parts are not supported"
            " (their time can grow without bound)"
        )

    def _translated(self, tree: Any, flags: int) -> str:
        return "".join(self._translated_item(str(operation), value, flags) for operation, value in tree)

    def _translated_item(self, operation: str, value: Any, flags: int) -> str:
        match operation:
            case "MAX_REPEAT" | "MIN_REPEAT":
                least, most, inner = value
                upper = "" if most is _parser.MAXREPEAT else int(most)
                lazy = "?" if operation == "MIN_REPEAT" else ""
                return f"(?:{self._translated(inner, flags)}){{{int(least)},{upper}}}{lazy}"
            case "SUBPATTERN":
                _, added, removed, inner = value
                return f"(?:{self._translated(inner, (flags | added) & ~removed)})"
            case "BRANCH":
                return f"(?:{'|'.join(self._translated(arm, flags) for arm in value[1])})"
            case "AT":
                return self._translated_place(str(value), flags)
        return self._character(operation, value, flags)

    def _translated_place(self, place: str, flags: int) -> str:
        match place:
            case "AT_BEGINNING":
                return "(?m:^)" if flags & re.MULTILINE else r"\A"
            case "AT_END":
                return "(?m:$)" if flags & re.MULTILINE else r"(?:\n?\z)"
            case "AT_BEGINNING_STRING":
                return r"\A"
            case "AT_END_STRING":
                return r"\z"
            case "AT_BOUNDARY":
                return r"\b"
            case "AT_NON_BOUNDARY":
                return r"\B"
        raise self._unsupported(place)

    def _character(self, operation: str, value: Any, flags: int) -> str:
        """Return what matches one character, in words that both engines know."""
        match operation:
            case "LITERAL":
                text = _escaped(value)
            case "NOT_LITERAL":
                text = f"[^{_escaped(value)}]"
            case "ANY":
                return "(?s:.)" if flags & re.DOTALL else r"[^\n]"
            case "IN":
                text = f"[{''.join(map(_class_member, value))}]"
            case _:
                raise self._unsupported(operation)
        if flags & re.ASCII:
            text = text.replace(r"\d", "0-9").replace(r"\w", "0-9A-Za-z_").replace(r"\s", r"\t-\r ")
            if "\\D" in text or "\\W" in text or "\\S" in text:
                raise self._unsupported("a negated class of ASCII")
        return f"(?i:{text})" if flags & re.IGNORECASE else text

    def _emit(self, operation: str, first: Any = None, second: Any = None) -> int:
        self.size += 1
        if self.size > EXPRESSION_PLACES:
            raise self._too_large()
        self._code.append((operation, first, second))
        return len(self._code) - 1

    def _emit_all(self, tree: Any, flags: int) -> None:
        for operation, value in tree:
            self._emit_item(str(operation), value, flags)

    def _emit_item(self, operation: str, value: Any, flags: int) -> None:
        match operation:
            case "MAX_REPEAT" | "MIN_REPEAT":
                self._emit_repeat(*value, flags=flags, greedy=operation == "MAX_REPEAT")
            case "SUBPATTERN":
                group, added, removed, inner = value
                if group == 1:
                    self._emit("save", 0)
                self._emit_all(inner, (flags | added) & ~removed)
                if group == 1:
                    self._emit("save", 1)
            case "BRANCH":
                ends = []
                for arm in value[1][:-1]:
                    split = self._emit("split")
                    self._emit_all(arm, flags)
                    ends.append(self._emit("jump"))
                    self._code[split] = ("split", split + 1, len(self._code))
                self._emit_all(value[1][-1], flags)
                for end in ends:
                    self._code[end] = ("jump", len(self._code), None)
            case "AT":
                place = str(value)
                self._translated_place(place, flags)
                python = {"AT_BEGINNING": "^", "AT_END": "$", "AT_BEGINNING_STRING": r"\A", "AT_END_STRING": r"\Z"}
                text = python.get(place, r"\b" if place == "AT_BOUNDARY" else r"\B")
                self._emit("place", re.compile(text, flags & re.MULTILINE))
            case _:
                self._emit("character", _one(self._character(operation, value, flags)))

    def _emit_repeat(self, least: int, most: int, inner: Any, *, flags: int, greedy: bool) -> None:
        for _ in range(int(least)):
            self._emit_all(inner, flags)
            self._check_room(int(least))
        splits = []
        endless = most is _parser.MAXREPEAT
        for _ in range(1 if endless else int(most) - int(least)):
            split = self._emit("split")
            splits.append(split)
            self._emit_all(inner, flags)
            if endless:
                self._emit("jump", split)
        for split in splits:
            ways = (split + 1, len(self._code))
            self._code[split] = ("split", *(ways if greedy else reversed(ways)))

    def _check_room(self, times: int) -> None:
        """Raise ValueError for too many repetitions. Those of an empty expression take no place, but time."""
        if times > EXPRESSION_PLACES:
            raise self._too_large()


def linear_searcher(pattern: str) -> Callable[[str], bool]:
    """Return a function that tells whether a text has a match of a pattern in the syntax of the linear engine.

    Raises ValueError.
    """
    from pydantic_core import SchemaError, SchemaValidator, core_schema  # noqa: PLC0415 - takes long to load

    try:
        matches = SchemaValidator(core_schema.str_schema(pattern=pattern)).isinstance_python
    except SchemaError as error:
        raise ValueError(f"{pattern!r} is not a regular expression of linear time: {error}") from error
    # The engine reads UTF-8, which has no bytes for half of a character.
    return lambda text: matches(text if text.isascii() else text.encode(errors="replace").decode())


@lru_cache(maxsize=1024)
def searcher(source: str) -> Callable[[str], bool]:
    """Return what tells whether a text has a match of the expression anywhere. Raises ValueError as Expression does."""
    return Expression(source).searcher()


@lru_cache(maxsize=4096)
def _one(pattern: str) -> Callable[[str], Any]:
    """Return whether one character fits: an engine that backtracks has nowhere to go back to."""
    return re.compile(pattern).match


def _escaped(character: int) -> str:
    return f"\\U{character:08x}"


def _class_member(member: tuple[Any, Any]) -> str:
    operation, value = str(member[0]), member[1]
    match operation:
        case "NEGATE":
            return "^"
        case "LITERAL":
            return _escaped(value)
        case "RANGE":
            return f"{_escaped(value[0])}-{_escaped(value[1])}"
    return _CATEGORIES[str(value)]


class _Machine:
    """Pike's machine: all ways to match go through the text together, the preferred one first."""

    def __init__(self, code: list[tuple[str, Any, Any]], text: str, most_steps: int) -> None:
        self.code = code
        self.text = text
        self.most_steps = most_steps
        self.steps = 0

    def run(self) -> tuple[int, int, int | None, int | None] | None:
        """Start and end of the leftmost match, and of its first group."""
        match = None
        ways: list[tuple[int, tuple[Any, ...]]] = []
        instructions: set[int] = set()
        for place in range(len(self.text) + 1):
            if match is None:
                self._add(ways, instructions, 0, (place, None, None), place)
            elif not ways:
                break
            further: list[tuple[int, tuple[Any, ...]]] = []
            instructions = set()
            for at, saved in ways:
                operation, fits, _ = self.code[at]
                if operation == "match":
                    match = (saved[0], place, saved[1], saved[2])
                    break
                if place < len(self.text) and fits(self.text[place]):
                    self._add(further, instructions, at + 1, saved, place + 1)
            ways = further
        return match

    def _add(
        self,
        ways: list[tuple[int, tuple[Any, ...]]],
        instructions: set[int],
        start: int,
        saved: tuple[Any, ...],
        place: int,
    ) -> None:
        """Follow all that takes no character, the preferred way first."""
        waiting = [(start, saved)]
        while waiting:
            at, saved = waiting.pop()
            if at in instructions:
                continue
            instructions.add(at)
            self.steps += 1
            if self.steps > self.most_steps:
                raise TooMuchWork
            operation, first, second = self.code[at]
            match operation:
                case "jump":
                    waiting.append((first, saved))
                case "split":
                    waiting += [(second, saved), (first, saved)]
                case "save":
                    groups = (saved[0], place, saved[2]) if first == 0 else (saved[0], saved[1], place)
                    waiting.append((at + 1, groups))
                case "place":
                    if first.match(self.text, place):
                        waiting.append((at + 1, saved))
                case _:
                    ways.append((at, saved))
