"""Adds answers, faults and resources to a world without a request: as objects, as data, or from a file."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

from mockserver.inspection.resources import add_tuned_model, add_tuning_job
from mockserver.inspection.run_control import failure
from mockserver.inspection.services import check_pattern, job_creations, matching_methods, streams
from mockserver.rpc.method_ids import matches_method
from mockserver.scripting.answers import Answer, Prompt, Rule
from mockserver.scripting.faults import Fault, FaultRecord
from mockserver.scripting.new_resources import NewTunedModel, NewTuningJob
from mockserver.scripting.scenario import Scenario
from mockserver.state.world import World

T = TypeVar("T", Rule, Fault)

AnswerLike = Answer | str | Callable[[Prompt], Answer | str]
Answers = Sequence[AnswerLike | Rule | Mapping[str, Any]]


def script(world: World, answers: Answers | str | Path) -> None:
    """Add the answers of a list, or everything that a file has. Raises BadFile, TypeError, ValueError."""
    if isinstance(answers, str | Path):
        from mockserver.scripting.answer_file import BadFile, read_answers

        scripted = read_answers(answers)
        try:
            add_answers(world, scripted.answers)
            add_faults(world, scripted.faults)
            add_resources(world, (*scripted.tuned_models, *scripted.tuning_jobs))
        except ValueError as error:
            raise BadFile(f"{answers}: {error}") from None
    elif isinstance(answers, Mapping) or not isinstance(answers, Iterable):
        raise TypeError(f"answers must be a list or the path of a file, not {answers!r}")
    else:
        add_answers(world, answers)


def replace_script(world: World, file: str | Path) -> None:
    """Replace all answers and faults by those of a file; its resources are not added again.

    Raises BadFile for a file that cannot be used; then nothing changes.
    """
    from mockserver.scripting.answer_file import BadFile, read_answers

    scripted = read_answers(file)
    scenario, now = Scenario(world.store), world.clock.now()
    try:
        faults = [FaultRecord(check_method(fault), since=now) for fault in scripted.faults]
        scenario.replace_rules(scripted.answers)
    except ValueError as error:
        raise BadFile(f"{file}: {error}") from None
    scenario.replace_faults(faults)


def add_answers(world: World, answers: Answers, **conditions: Any) -> None:
    """Add answers and rules. The conditions are added to each."""
    Scenario(world.store).add_rules(*(replace(_rule(answer), **conditions) for answer in answers))


def add_faults(world: World, faults: Iterable[Fault | Mapping[str, Any]]) -> None:
    """Add faults, effective from now on. ValueError for one that matches no method; then none is added."""
    __tracebackhide__ = True
    for fault in list(map(check_method, map(_fault, faults))):
        Scenario(world.store).add_fault(fault, world.clock.now())


def add_resources(world: World, resources: Iterable[NewTunedModel | NewTuningJob]) -> list[str]:
    """Add tuned models and tuning jobs, and return their names. ValueError for what the service would refuse."""
    return [_add_resource(world, resource) for resource in resources]


def _add_resource(world: World, resource: NewTunedModel | NewTuningJob) -> str:
    arguments = {each.name: getattr(resource, each.name) for each in fields(resource) if each.name != "members"}
    arguments["error"] = failure(resource.error)
    for name in resource.members.keys() & arguments.keys():
        raise ValueError(f"{name!r} stands beside `members`, not in it")
    if isinstance(resource, NewTunedModel):
        return add_tuned_model(world, **arguments, **resource.members)
    return add_tuning_job(world, **arguments, **resource.members)


def check_method(fault: Fault) -> Fault:
    """Return the fault. ValueError if no method matches it, or an effect can happen in none of those."""
    __tracebackhide__ = True
    check_pattern(fault.method)
    methods = matching_methods(fault.method)
    if fault.stream_effects and not any(map(streams, methods)):
        raise ValueError(
            f"{' and '.join(fault.stream_effects)}: {fault.method!r} answers with no stream;"
            " use a method that does, such as '*.streamGenerateContent'"
        )
    creations = job_creations()
    if fault.job_effects and not any(matches_method(method, each) for method in methods for each in creations):
        raise ValueError(
            f"{' and '.join(fault.job_effects)}: {fault.method!r} creates no job; use {' or '.join(map(repr, creations))}"
        )
    return fault


def _rule(answer: AnswerLike | Rule | Mapping[str, Any]) -> Rule:
    __tracebackhide__ = True
    if isinstance(answer, Mapping):
        return _parse(Rule, answer)
    if not (isinstance(answer, Rule | Answer | str) or callable(answer)):
        raise TypeError(
            f"{answer!r} is not an answer: use an Answer, a text, a function, a Rule or a mapping of a rule's members"
        )
    return answer if isinstance(answer, Rule) else Rule(answer)


PASS_A_FAULT = "pass a Fault, as in fault(Fault(METHOD, status=429))"


def _fault(fault: Fault | Mapping[str, Any]) -> Fault:
    __tracebackhide__ = True
    if isinstance(fault, Mapping):
        return _parse(Fault, fault)
    if not isinstance(fault, Fault):
        raise TypeError(f"{fault!r} is not a fault: {PASS_A_FAULT}, or a mapping of its members")
    return fault


def _parse(kind: type[T], members: Mapping[str, Any]) -> T:
    from mockserver.scripting.answer_file import parse

    return parse(kind, members)
