"""Reads answers, faults and resources from a YAML or JSON file, or from the body of a control request.

    answers:
      - text: LXIII                     # the exact prompt; or regex:, model:, turn:, call:, times:
        answer: LXIV
      - model: support-*
        answer:
          text: I would rather not say.
          finish: SAFETY
          ratings: {HARASSMENT: HIGH}
    faults:
      - method: tunedModels.create
        status: 429
        retry_after: 30
    tuned_models:
      - name: days
        state: FAILED
        members: {display_name: Days}
    tuning_jobs:
      - name: projects/123456789012/locations/us-central1/tuningJobs/4303478340632707072
        model: "9030969596621881344"

The members are those of `Rule`, `Answer`, `Fault`, `NewTunedModel` and `NewTuningJob`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import orjson
import yaml
from pydantic import TypeAdapter, ValidationError

from mockserver.scripting.answers import Answer, Citation, Rule
from mockserver.scripting.faults import Fault
from mockserver.scripting.new_resources import NewTunedModel, NewTuningJob
from mockserver.scripting.yaml_aliases import AliasBomb, check_aliases

T = TypeVar("T")

_INNER: Mapping[tuple[type[Any], str], type[Any]] = {(Rule, "answer"): Answer, (Answer, "citations"): Citation}

SECTIONS: Mapping[str, type[Any]] = {
    "answers": Rule,
    "faults": Fault,
    "tuned_models": NewTunedModel,
    "tuning_jobs": NewTuningJob,
}
"""The lists of a file, and what their entries are."""

_LISTS = ", ".join(f"`{name}`" for name in SECTIONS)

# An answer may be a text, an object or, in Python, a function. Pydantic reports an error for each; these are left out.
_OTHER_TYPES = frozenset({"string_type", "callable_type", "dataclass_type"})


class BadFile(ValueError):
    """An invalid answers file; the message names the file, the line and the entry."""


@dataclass(frozen=True, slots=True)
class AnswersFile:
    """The rules, faults and resources of a file."""

    answers: tuple[Rule, ...] = ()
    faults: tuple[Fault, ...] = ()
    tuned_models: tuple[NewTunedModel, ...] = ()
    tuning_jobs: tuple[NewTuningJob, ...] = ()


def read_answers(path: str | Path) -> AnswersFile:
    """Read the rules, faults and resources of a file. Raises BadFile."""
    text = _text(path)
    try:
        data, tree = _read(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadFile(f"{path}:{line}: {error.problem}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise BadFile(f"{path}:{line}: the character U+{error.character:04X} is not allowed in YAML") from None
    except (ValueError, AliasBomb) as error:
        raise BadFile(f"{path}: {error}") from None
    except RecursionError:
        raise BadFile(f"{path}: lists and objects are nested too deeply") from None
    _check_sections(path, data, tree)
    lines = _lines(tree)
    return AnswersFile(**{name: tuple(_entries(path, lines, name, data, kind)) for name, kind in SECTIONS.items()})


def parse(kind: type[T], entry: Any) -> T:
    """Parse an entry of one of the lists from data. Raises ValueError; its message names the member."""
    _check_members(kind, entry)
    try:
        value: T = _adapter(cast("Any", kind)).validate_python(entry)
    except ValidationError as errors:
        details = errors.errors()
        relevant = [error for error in details if error["type"] not in _OTHER_TYPES] or details[:1]
        raise ValueError("; ".join(dict.fromkeys(map(_describe_error, relevant)))) from None
    return value


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    """Return the checker of an entry, from a cache: creating one takes a thousand times as long as using it."""
    return TypeAdapter(kind)


def _check_members(kind: type[Any], entry: Any) -> None:
    """Refuse unknown members, which pydantic accepts for plain dataclasses."""
    if not isinstance(entry, Mapping):
        return
    members = [field.name for field in fields(kind)]
    for name, value in entry.items():
        if name not in members:
            raise ValueError(f"unknown member {name!r}; the members are {', '.join(members)}")
        if inner := _INNER.get((kind, name)):
            for part in value if isinstance(value, list) else [value]:
                _check_members(inner, part)


def _describe_error(error: Any) -> str:
    member = ".".join(str(step) for step in error["loc"] if step not in {"str", "Answer", "callable[...]"})
    message = error["msg"].removeprefix("Value error, ")
    if (member, error["type"]) == ("answer", "dataclass_type"):
        message = f"{error['input']!r} is neither a text nor an object; put a text in quotes"
    return f"{member}: {message}" if member else message


class _Loader(yaml.SafeLoader):
    """YAML that reads a date as a text: a prompt may be a date, and no member is one."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _text(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(f"{path}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}") from None


def _read(text: str) -> tuple[Any, Any]:
    """Return the data of a file, {} if it is empty, and its YAML nodes, which have line numbers."""
    try:
        # YAML refuses two things that JSON allows: tabs as indentation, and the escape of a lone surrogate.
        return orjson.loads(text), yaml.compose(text.replace("\t", " "), _Loader)
    except orjson.JSONDecodeError:
        check_aliases(text, _Loader)
        data = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
        return {} if data is None else data, yaml.compose(text, _Loader)


def _check_sections(path: str | Path, data: Any, tree: Any) -> None:
    if not isinstance(data, Mapping):
        raise BadFile(f"{path}:1: a file must be an object with the lists {_LISTS}, not a {type(data).__name__}")
    keys = [key for key, _ in tree.value] if data else []
    lines = {key.value: key.start_mark.line + 1 for key in keys}
    for name, entries in data.items():
        location = f"{path}:{lines.get(str(name), 1)}"
        if name not in SECTIONS:
            raise BadFile(f"{location}: unknown list `{name}`; the lists are {_LISTS}")
        if entries is not None and not isinstance(entries, list):
            raise BadFile(f"{location}: `{name}` must be a list, not a {type(entries).__name__}")
    if len(lines) < len(keys):
        duplicate = max(lines, key=[key.value for key in keys].count)
        raise BadFile(f"{path}:{lines[duplicate]}: there is more than one list `{duplicate}`")


def _entries(
    path: str | Path, lines: Mapping[tuple[str, int], int], section: str, data: Mapping[str, Any], kind: type[T]
) -> Iterator[T]:
    for number, entry in enumerate(data.get(section) or ()):
        try:
            yield parse(kind, entry)
        except ValueError as error:
            raise BadFile(f"{path}:{lines[section, number]}: {section}[{number}]: {error}") from None


def _lines(tree: Any) -> dict[tuple[str, int], int]:
    """Return the line of each entry, from 1, by section and index."""
    if tree is None or not isinstance(tree, yaml.MappingNode):
        return {}
    return {
        (key.value, number): entry.start_mark.line + 1
        for key, value in tree.value
        if isinstance(value, yaml.SequenceNode)
        for number, entry in enumerate(value.value)
    }
