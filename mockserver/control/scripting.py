"""The scripted answers and the faults of a world."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, Field

from mockserver.control.operations import Body, ControlRequest, Empty, Json, Operation, invalid_argument
from mockserver.inspection.script import check_method
from mockserver.scripting.answer_file import parse
from mockserver.scripting.answers import Answer, Rule
from mockserver.scripting.faults import Fault, FaultRecord
from mockserver.scripting.scenario import AnswerRecord, Scenario

T = TypeVar("T")


class NewAnswers(Body):
    """Scripted answers with their conditions: the entries of `answers` in an answers file."""

    answers: list[Json] = Field(description="each with `answer` and the conditions of a rule: model, text, regex ...")


class NewFaults(Body):
    """Faults: the entries of `faults` in an answers file."""

    faults: list[Json] = Field(
        description="each with its effect, such as status, and its conditions, such as method or times"
    )


class AnswerState(BaseModel):
    """A scripted answer, and how often it was used."""

    rule: Json
    used: int


class AnswerList(BaseModel):
    """The scripted answers, in the order of evaluation."""

    answers: list[AnswerState]


class FaultState(BaseModel):
    """A fault, how many calls it matched, and into how many it was injected."""

    fault: Json
    matched: int
    injected: int


class FaultList(BaseModel):
    """The faults, in the order of evaluation."""

    faults: list[FaultState]


def list_answers(request: ControlRequest) -> AnswerList:
    """Return the scripted answers."""
    return AnswerList(answers=[_answer(record) for record in Scenario(request.world.store).answers])


def add_answers(request: ControlRequest) -> AnswerList:
    """Add answers after the existing ones."""
    Scenario(request.world.store).add_rules(*_parse_entries(Rule, "answers", request.body.answers))
    return list_answers(request)


def replace_answers(request: ControlRequest) -> AnswerList:
    """Replace all answers by these."""
    Scenario(request.world.store).replace_rules(_parse_entries(Rule, "answers", request.body.answers))
    return list_answers(request)


def delete_answers(request: ControlRequest) -> Empty:
    """Delete all answers."""
    Scenario(request.world.store).replace_rules(())
    return Empty()


def list_faults(request: ControlRequest) -> FaultList:
    """Return the faults."""
    return FaultList(faults=[_fault(record) for record in Scenario(request.world.store).faults])


def add_faults(request: ControlRequest) -> FaultList:
    """Add faults, effective from now on."""
    for fault in _parse_faults(request.body.faults):
        Scenario(request.world.store).add_fault(fault, request.world.clock.now())
    return list_faults(request)


def replace_faults(request: ControlRequest) -> FaultList:
    """Replace all faults by these, effective from now on."""
    since = request.world.clock.now()
    records = [FaultRecord(fault, since) for fault in _parse_faults(request.body.faults)]
    Scenario(request.world.store).replace_faults(records)
    return list_faults(request)


def delete_faults(request: ControlRequest) -> Empty:
    """Delete all faults."""
    Scenario(request.world.store).replace_faults()
    return Empty()


def _parse_faults(entries: Sequence[Json]) -> list[Fault]:
    return _parse_entries(Fault, "faults", entries, check_method)


def _parse_entries(
    kind: type[T], name: str, entries: Sequence[Json], check: Callable[[T], T] = lambda entry: entry
) -> list[T]:
    """Parse and check all entries; 400 with the first invalid one."""
    values = []
    for index, entry in enumerate(entries):
        try:
            values.append(check(parse(kind, entry)))
        except ValueError as error:
            raise invalid_argument(f"{name}[{index}]: {error}") from None
    return values


def _answer(record: AnswerRecord) -> AnswerState:
    return AnswerState(rule=_set_members(record.rule), used=record.used)


def _fault(record: FaultRecord) -> FaultState:
    return FaultState(fault=_set_members(record.fault), matched=record.matched, injected=record.injected)


def _set_members(record: Any) -> Json:
    """Return the members that were set. A function, which only Python can set, is represented by its name."""
    members: Json = {}
    for member in fields(record):
        value = getattr(record, member.name)
        if callable(value):
            value = getattr(value, "__name__", repr(value))
        elif isinstance(value, Answer):
            value = _set_members(value)
        if value != member.default and value not in ((), {}):
            members[member.name] = _as_json(value)
    return members


def _as_json(value: Any) -> Any:
    """Return the value as JSON holds it: in Python a test may give anything, and a list of answers is always shown."""
    try:
        return orjson.loads(orjson.dumps(value, default=repr, option=orjson.OPT_NON_STR_KEYS))
    except TypeError:  # too deep, or half of a character
        return ascii(value)


OPERATIONS = (
    Operation("GET", "/answers", "List the scripted answers", list_answers, answer=AnswerList),
    Operation("POST", "/answers", "Add scripted answers", add_answers, NewAnswers, answer=AnswerList),
    Operation("PUT", "/answers", "Replace the scripted answers", replace_answers, NewAnswers, answer=AnswerList),
    Operation("DELETE", "/answers", "Delete the scripted answers", delete_answers),
    Operation("GET", "/faults", "List the faults", list_faults, answer=FaultList),
    Operation("POST", "/faults", "Add faults", add_faults, NewFaults, answer=FaultList),
    Operation("PUT", "/faults", "Replace the faults", replace_faults, NewFaults, answer=FaultList),
    Operation("DELETE", "/faults", "Delete the faults", delete_faults),
)
