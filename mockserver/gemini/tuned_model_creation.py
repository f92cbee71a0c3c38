"""From what a caller asks of `tunedModels.create` to a tuned model whose run has begun.

    refuse what is wrong with the request -> find the base model -> fill in defaults -> mint names -> the record

No refusal of a create request but the four with a source in `refusals` and below was ever recorded with its text.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import chain
from random import Random
from typing import Any

from mockserver.catalog import base_models, training_plan
from mockserver.catalog.base_model import BaseModel, Shape
from mockserver.datasets.examples import Examples
from mockserver.dispatch.routing import Call
from mockserver.gemini import errors
from mockserver.gemini.dataset_rules import data_findings
from mockserver.gemini.examples import training_examples
from mockserver.gemini.store import STATES, Permission, Role, TunedModel, find, own_role
from mockserver.gemini.versions import message_version
from mockserver.rpc.errors import ApiError, invalid_argument
from mockserver.simulation import names
from mockserver.simulation.noise import seed_of_texts
from mockserver.simulation.tuning import Run, State, micros

Json = dict[str, Any]

DISPLAY_NAME_LENGTH = 40
MOST_STEPS = 100_000

_FILLED_SINCE = date(2025, 3, 1)  # between the last id of the old form (2024-12) and the first of the new (2025-05-22)
_HYPERPARAMETERS = "CreateTunedModelRequest.tuned_model.tuning_task.hyperparameters"


@dataclass(frozen=True, slots=True)
class Source:
    """What a new model goes on from: a base model, or a tuned model ("" for none) of it."""

    base: BaseModel
    tuned: str = ""


@dataclass(frozen=True, slots=True)
class Training:
    """The hyperparameters a run goes by. `multiplier` is set when that was given rather than a rate."""

    epochs: int
    batch: int
    learning_rate: float
    multiplier: float | None


def new_tuned_model(call: Call) -> TunedModel:
    """The model a create request asks for, not kept yet. Raises ApiError for what cannot be."""
    asked = call.message.get("tunedModel", {})
    tuned_model_id = call.message.get("tunedModelId", "")
    check_names(asked, tuned_model_id)
    source = _source(call, asked)
    examples = training_examples(asked)
    findings = [*data_findings(examples), *_number_findings(asked), *sampling_findings(asked, source.base)]
    if findings:
        raise errors.invalid(*findings)
    training = _training(asked, source.base, len(examples))
    rng = call.world.rng("gemini.tunedModels")
    name = f"tunedModels/{tuned_model_id or _minted_id(call, asked['displayName'], source.base, rng)}"
    owner = Permission(names.permission_id(rng), call.caller.principal, Role.OWNER)
    return TunedModel(
        name=name,
        operation=f"{name}/operations/{names.operation_id(rng)}",
        version=message_version(call),
        project=call.caller.project,
        run=_run(call, asked, source.base, training, examples, rng),
        base_model=source.base.name,
        permissions=(owner,),
        source=source.tuned,
        learning_rate_multiplier=training.multiplier,
        examples=Examples(examples),
        reader_projects=tuple(asked.get("readerProjectNumbers", ())),
        display_name=asked.get("displayName", ""),
        description=asked.get("description", ""),
        **_sampling(asked, source.base),
    )


def check_names(asked: Mapping[str, Any], tuned_model_id: str) -> None:
    """Refuse a model that could not be called anything, or not what was asked."""
    if not tuned_model_id and not asked.get("displayName"):
        raise invalid_argument("Either tuned_model_id or display_name must be set.")  # seen: 2024-12-10
    if tuned_model_id and not names.is_tuned_model_id(tuned_model_id):
        pattern = names.TUNED_MODEL_ID.pattern
        raise errors.invalid(f"CreateTunedModelRequest.tuned_model_id: must match {pattern}")  # our choice: not seen
    check_display_name(asked)


def check_display_name(asked: Mapping[str, Any]) -> None:
    """Refuse a display name longer than 40 characters, in the words AI Studio showed (2024-10-17)."""
    if len(asked.get("displayName", "")) > DISPLAY_NAME_LENGTH:
        raise invalid_argument()


def sampling_findings(asked: Mapping[str, Any], base: BaseModel) -> Iterator[str]:
    """What is wrong with temperature, topP and topK."""  # our choice: not seen
    highest = base.max_temperature or 1.0
    if not 0 <= asked.get("temperature", 0) <= highest:
        yield f"TunedModel.temperature: temperature must be in the range [0.0, {highest}]."
    if not 0 <= asked.get("topP", 0) <= 1:
        yield "TunedModel.top_p: top_p must be in the range [0.0, 1.0]."
    if asked.get("topK", 1) < 1:
        yield "TunedModel.top_k: top_k must be positive."


def default_sampling(base: BaseModel) -> Json:
    """What a tuned model has for temperature, topP and topK when it is not told: the base model's."""
    return {"temperature": base.temperature, "top_p": base.top_p, "top_k": base.top_k}


def _source(call: Call, asked: Mapping[str, Any]) -> Source:
    tuned = asked.get("tunedModelSource", {}).get("tunedModel", "")
    if tuned:
        return _tuned_source(call, tuned)
    name = asked.get("baseModel", "")
    if not name:
        raise errors.invalid("CreateTunedModelRequest.tuned_model: source_model is not specified")  # our choice
    return Source(_tunable(call, name))


def _tuned_source(call: Call, name: str) -> Source:
    """A tuned model as a beginning: it went with text-bison in 2023 and no longer with 1.5 Flash [both seen]."""
    model = find(call, name, Role.READER)
    base = _tunable(call, model.base_model)
    if base.shape not in {Shape.PALM, Shape.V1_0}:
        raise invalid_argument()  # our choice: the status was seen, its text was not
    state = model.state(call.now)
    if state is not State.SUCCEEDED:
        raise errors.not_active(name, STATES[state])
    return Source(base, name)


def _tunable(call: Call, name: str) -> BaseModel:
    as_of = call.world.settings.as_of
    base = base_models.find(name.removeprefix("models/"), as_of)
    if base is None or not name.startswith("models/") or not base.tunable(as_of):
        raise errors.not_tunable(name, call)
    return base


def _number_findings(asked: Mapping[str, Any]) -> Iterator[str]:
    """Nothing is said of the published bounds: batches of 2 and 100 epochs were accepted [seen]."""
    given = asked.get("tuningTask", {}).get("hyperparameters", {})
    for member, field in (
        ("epochCount", "epoch_count"),
        ("batchSize", "batch_size"),
        ("learningRate", "learning_rate"),
        ("learningRateMultiplier", "learning_rate_multiplier"),
    ):
        if member in given and not 0 < given[member] < float("inf"):
            yield f"{_HYPERPARAMETERS}.{field}: {field} must be positive."  # our choice: not seen


def _training(asked: Mapping[str, Any], base: BaseModel, examples: int) -> Training:
    """The hyperparameters in effect. Raises ApiError for more steps than anybody could want to look at."""
    given = asked.get("tuningTask", {}).get("hyperparameters", {})
    default = training_plan.defaults(base, examples)
    multiplier = given.get("learningRateMultiplier")
    epochs, batch = given.get("epochCount", default.epochs), given.get("batchSize", default.batch)
    if examples * epochs > MOST_STEPS * batch:
        raise errors.invalid(f"{_HYPERPARAMETERS}: must make at most {MOST_STEPS} steps")  # our choice: not seen
    return Training(
        epochs=epochs,
        batch=batch,
        learning_rate=given.get("learningRate", default.learning_rate * (multiplier or 1.0)),
        multiplier=multiplier,
    )


def _run(
    call: Call,
    asked: Mapping[str, Any],
    base: BaseModel,
    training: Training,
    examples: list[tuple[str, str]],
    rng: Random,
) -> Run:
    seed = rng.getrandbits(63)
    run = Run(
        created=micros(call.now),
        seed=seed,
        base=base.id,
        examples=len(examples),
        epochs=training.epochs,
        batch=training.batch,
        learning_rate=training.learning_rate,
        data_seed=seed_of_texts(chain.from_iterable(examples)),
        pace=training_plan.pace(base, training.batch, seed),
    )
    for directives in call.job_directives(asked.get("displayName", ""), asked.get("description", "")):
        run = directives.direct(run)
    return run


def _minted_id(call: Call, display_name: str, base: BaseModel, rng: Random) -> str:
    """12 random characters until early 2025, as many as fit since; without a day, as in the base model's time."""
    as_of = call.world.settings.as_of
    fill = base.shape not in {Shape.PALM, Shape.V1_0} if as_of is None else as_of >= _FILLED_SINCE
    return names.tuned_model_id(display_name, rng, fill=fill)


def _sampling(asked: Mapping[str, Any], base: BaseModel) -> Json:
    given = {"temperature": asked.get("temperature"), "top_p": asked.get("topP"), "top_k": asked.get("topK")}
    return {name: default if given[name] is None else given[name] for name, default in default_sampling(base).items()}


def conflict(call: Call, existing: TunedModel) -> ApiError:
    """The refusal of an id that is taken: by the caller's own model, or by somebody else's."""
    if own_role(existing, call) == Role.OWNER:
        return errors.taken(existing.name)
    return errors.taken_by_another(existing.name)
