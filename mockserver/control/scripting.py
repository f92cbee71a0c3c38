"""What a world is told to answer, and which of its calls are to go wrong."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, Field

from mockserver.control.operations import Asked, Body, Done, Json, Operation, invalid
from mockserver.scripting.answer_file import parse
from mockserver.scripting.answers import Answer, Rule
from mockserver.scripting.faults import Fault, FaultRecord
from mockserver.scripting.scenario import AnswerRecord

T = TypeVar("T")


class AnswerRules(Body):
    """Answers and when to give them: the entries of `answers` in an answers file."""

    answers: list[Json] = Field(description="each with `answer` and the conditions of a rule: model, text, regex ...")


class Faults(Body):
    """Faults: the entries of `faults` in an answers file."""

    faults: list[Json] = Field(description="each with what strikes, such as status, and when, such as method or times")


class ShownAnswer(BaseModel):
    """A scripted answer, and how often it was used."""

    rule: Json
    used: int


class ShownAnswers(BaseModel):
    """The scripted answers, in the order in which they are tried."""

    answers: list[ShownAnswer]


class ShownFault(BaseModel):
    """A fault, how many calls concerned it and how many of them it struck."""

    fault: Json
    seen: int
    struck: int


class ShownFaults(BaseModel):
    """The faults, in the order in which they see a call."""

    faults: list[ShownFault]


def list_answers(asked: Asked) -> ShownAnswers:
    """The answers there are."""
    return ShownAnswers(answers=[_answer(record) for record in asked.world.scenario.answers])


def add_answers(asked: Asked) -> ShownAnswers:
    """Further answers, after those that are there."""
    asked.world.scenario.add(*_parsed(Rule, "answers", asked.body.answers))
    return list_answers(asked)


def replace_answers(asked: Asked) -> ShownAnswers:
    """These answers and no others."""
    asked.world.scenario.replace(_parsed(Rule, "answers", asked.body.answers))
    return list_answers(asked)


def delete_answers(asked: Asked) -> Done:
    """No scripted answers any more."""
    asked.world.scenario.replace(())
    return Done()


def list_faults(asked: Asked) -> ShownFaults:
    """The faults there are."""
    return ShownFaults(faults=[_fault(record) for record in asked.world.scenario.faults])


def add_faults(asked: Asked) -> ShownFaults:
    """Further faults, from now on."""
    for fault in _parsed(Fault, "faults", asked.body.faults):
        asked.world.scenario.add_fault(fault, asked.world.clock.now())
    return list_faults(asked)


def replace_faults(asked: Asked) -> ShownFaults:
    """These faults and no others, from now on."""
    since = asked.world.clock.now()
    records = [FaultRecord(fault, since) for fault in _parsed(Fault, "faults", asked.body.faults)]
    asked.world.scenario.replace_faults(records)
    return list_faults(asked)


def delete_faults(asked: Asked) -> Done:
    """No faults any more."""
    asked.world.scenario.replace_faults()
    return Done()


def _parsed(kind: type[T], name: str, entries: Sequence[Json]) -> list[T]:
    """All entries, or a 400 that names the first bad one."""
    made = []
    for place, entry in enumerate(entries):
        try:
            made.append(parse(kind, entry))
        except ValueError as error:
            raise invalid(f"{name}[{place}]: {error}") from None
    return made


def _answer(record: AnswerRecord) -> ShownAnswer:
    return ShownAnswer(rule=_told(record.rule), used=record.used)


def _fault(record: FaultRecord) -> ShownFault:
    return ShownFault(fault=_told(record.fault), seen=record.seen, struck=record.struck)


def _told(record: Any) -> Json:
    """The members that were set. A function, which only Python can give, is shown by its name."""
    shown: Json = {}
    for member in fields(record):
        value = getattr(record, member.name)
        if callable(value):
            value = getattr(value, "__name__", repr(value))
        elif isinstance(value, Answer):
            value = _told(value)
        if value != member.default and value not in ((), {}):
            shown[member.name] = _as_json(value)
    return shown


def _as_json(value: Any) -> Any:
    """The value as JSON holds it: in Python a test may give anything, and a list of answers is always shown."""
    try:
        return orjson.loads(orjson.dumps(value, default=repr, option=orjson.OPT_NON_STR_KEYS))
    except TypeError:  # too deep, or half of a character
        return ascii(value)


OPERATIONS = (
    Operation("GET", "/answers", "The scripted answers", list_answers, answer=ShownAnswers),
    Operation("POST", "/answers", "Scenario further answers", add_answers, AnswerRules, answer=ShownAnswers),
    Operation("PUT", "/answers", "Scenario these answers only", replace_answers, AnswerRules, answer=ShownAnswers),
    Operation("DELETE", "/answers", "Scenario no answers", delete_answers),
    Operation("GET", "/faults", "The faults", list_faults, answer=ShownFaults),
    Operation("POST", "/faults", "Let further calls go wrong", add_faults, Faults, answer=ShownFaults),
    Operation("PUT", "/faults", "Let these calls only go wrong", replace_faults, Faults, answer=ShownFaults),
    Operation("DELETE", "/faults", "Let no calls go wrong", delete_faults),
)
