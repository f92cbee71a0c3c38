"""Makes the record of the tuned model that a create request asks for, its run included.

    check the request -> find the base model -> fill in defaults -> mint names -> the record

Of the errors here, those without a remark were never recorded with their text.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from random import Random
from typing import Any

from mockserver.catalog import base_models, training_plan
from mockserver.catalog.base_model import BaseModel, Shape
from mockserver.catalog.suggestions import describe_tunable
from mockserver.datasets.examples import Examples
from mockserver.dispatch.routing import Call
from mockserver.gemini import errors
from mockserver.gemini.dataset_rules import data_violations
from mockserver.gemini.store import STATES, Permission, Role, TunedModel, find_tuned_model
from mockserver.gemini.training_data import TrainingData, read_training_data
from mockserver.gemini.versions import message_version
from mockserver.limits import TUNING_STEPS
from mockserver.rpc.errors import invalid_argument
from mockserver.simulation import names
from mockserver.simulation.tuning import Run, State, micros

Json = dict[str, Any]

DISPLAY_NAME_LENGTH = 40

_FILLED_SINCE = date(2025, 3, 1)  # between the last id of the old form (2024-12) and the first of the new (2025-05-22)
_HYPERPARAMETERS = "CreateTunedModelRequest.tuned_model.tuning_task.hyperparameters"


def new_tuned_model(call: Call) -> TunedModel:
    """Return the record of the tuned model that a create request asks for.

    Raises ApiError for what the service refuses.
    """
    body, id_ = call.message.get("tunedModel", {}), call.message.get("tunedModelId", "")
    check_names(body, id_)
    base, source = _find_source(call, body)
    data = read_training_data(body)
    hyperparameters, examples = _read_hyperparameters(body, base, data), Examples(data.inputs, data.outputs)
    rng = call.world.rng("gemini.tunedModels")
    name = f"tunedModels/{id_ or _mint_id(call, body['displayName'], base, rng)}"
    owner = Permission(names.permission_id(rng), call.caller.principal, Role.OWNER)
    operation_id = names.operation_id(rng)
    run = _new_run(call, base, hyperparameters, seed=rng.getrandbits(63), examples=len(data), data_seed=examples.seed)
    for directives in call.job_directives(body.get("displayName", ""), body.get("description", "")):
        run = directives.apply_to(run)
    sampling = default_sampling(base)
    return TunedModel(
        name=name,
        operation_id=operation_id,
        version=message_version(call),
        project=call.caller.project,
        run=run,
        base_model=base.name,
        permissions=(owner,),
        source=source,
        display_name=body.get("displayName", ""),
        description=body.get("description", ""),
        temperature=body.get("temperature", sampling["temperature"]),
        top_p=body.get("topP", sampling["top_p"]),
        top_k=body.get("topK", sampling["top_k"]),
        reader_projects=tuple(body.get("readerProjectNumbers", ())),
        learning_rate_multiplier=hyperparameters.get("learningRateMultiplier"),
        examples=examples,
    )


def _read_hyperparameters(body: Json, base: BaseModel, data: TrainingData) -> Json:
    """Return the hyperparameters as the client gave them.

    Raises ApiError for them, the training data or the sampling.
    """
    hyperparameters: Json = body.get("tuningTask", {}).get("hyperparameters", {})
    violations = [
        *data_violations(data.inputs, data.outputs),
        *_hyperparameter_violations(hyperparameters),
        *sampling_violations(body, base),
    ]
    if violations:
        raise errors.invalid_fields(*violations)
    epochs, batch = _epochs_and_batch(hyperparameters, training_plan.defaults(base, len(data)))
    if len(data) * epochs > TUNING_STEPS * batch:
        raise errors.invalid_fields(
            f"{_HYPERPARAMETERS}: must make at most {TUNING_STEPS} steps"
        )  # our choice: not seen
    return hyperparameters


def _new_run(call: Call, base: BaseModel, hyperparameters: Json, *, seed: int, examples: int, data_seed: int) -> Run:
    default = training_plan.defaults(base, examples)
    epochs, batch = _epochs_and_batch(hyperparameters, default)
    multiplier = hyperparameters.get("learningRateMultiplier") or 1.0
    return Run(
        created=micros(call.now),
        seed=seed,
        base=base.id,
        examples=examples,
        epochs=epochs,
        batch=batch,
        learning_rate=hyperparameters.get("learningRate", default.learning_rate * multiplier),
        data_seed=data_seed,
        pace=training_plan.pace(base, batch, seed),
    )


def _epochs_and_batch(hyperparameters: Json, default: training_plan.Hyperparameters) -> tuple[int, int]:
    return hyperparameters.get("epochCount", default.epochs), hyperparameters.get("batchSize", default.batch)


def _mint_id(call: Call, display_name: str, base: BaseModel, rng: Random) -> str:
    """12 random characters until early 2025, as many as fit since; without a day, as in the base model's time."""
    as_of = call.settings.as_of
    fill = base.shape not in {Shape.PALM, Shape.V1_0} if as_of is None else as_of >= _FILLED_SINCE
    return names.tuned_model_id(display_name, rng, fill=fill)


def check_names(body: Mapping[str, Any], id_: str) -> None:
    """Refuse a request without id and display name, and those that are invalid."""
    if not id_ and not body.get("displayName"):
        raise invalid_argument("Either tuned_model_id or display_name must be set.")  # seen: 2024-12-10
    if id_ and not names.is_tuned_model_id(id_):
        pattern = names.TUNED_MODEL_ID.pattern
        # our choice: not seen
        raise errors.invalid_fields(f"CreateTunedModelRequest.tuned_model_id: must match {pattern}")
    check_display_name(body)


def check_display_name(body: Mapping[str, Any]) -> None:
    """Refuse a display name longer than 40 characters, in the words that AI Studio showed (2024-10-17)."""
    if (length := len(body.get("displayName", ""))) > DISPLAY_NAME_LENGTH:
        hint = f"display_name has {length} characters; the service takes at most {DISPLAY_NAME_LENGTH}"
        raise invalid_argument().with_hint(hint)


def _find_source(call: Call, body: Mapping[str, Any]) -> tuple[BaseModel, str]:
    """Return the base model, and the tuned model of it that training continues from, "" for none.

    Continuing from a tuned model worked with text-bison in 2023 and no longer with 1.5 Flash [both seen].
    """
    name = body.get("tunedModelSource", {}).get("tunedModel", "")
    if not name:
        if not body.get("baseModel"):
            # our choice
            raise errors.invalid_fields("CreateTunedModelRequest.tuned_model: source_model is not specified")
        return _find_base_model(call, body["baseModel"]), ""
    model = find_tuned_model(call, name, Role.READER)
    base = _find_base_model(call, model.base_model)
    if base.shape not in {Shape.PALM, Shape.V1_0}:
        # our choice: the status was seen, its text was not
        raise invalid_argument().with_hint(
            f"{name} was tuned from {base.name}: only tuned models of PaLM and Gemini 1.0 can be tuned further"
        )
    state = model.state(call.now)
    if state is not State.SUCCEEDED:
        raise errors.not_active(name, STATES[state])
    return base, name


def _find_base_model(call: Call, name: str) -> BaseModel:
    as_of = call.settings.as_of
    base = base_models.find(name.removeprefix("models/"), as_of)
    if base is None or not name.startswith("models/") or not base.tunable(as_of):
        tunable = [model.name for model in base_models.models(as_of) if model.tunable(as_of)]
        raise errors.not_tunable(name, call).with_hint(describe_tunable(name, tunable, as_of))
    return base


def _hyperparameter_violations(hyperparameters: Mapping[str, Any]) -> Iterator[str]:
    """The published limits are not checked: batches of 2 and 100 epochs were accepted [seen]."""
    for member, field in (
        ("epochCount", "epoch_count"),
        ("batchSize", "batch_size"),
        ("learningRate", "learning_rate"),
        ("learningRateMultiplier", "learning_rate_multiplier"),
    ):
        if member in hyperparameters and not 0 < hyperparameters[member] < float("inf"):
            yield f"{_HYPERPARAMETERS}.{field}: {field} must be positive."  # our choice: not seen


def sampling_violations(body: Mapping[str, Any], base: BaseModel) -> Iterator[str]:
    """Yield every violation of temperature, topP and topK."""  # our choice: not seen
    highest = base.max_temperature or 1.0
    if not 0 <= body.get("temperature", 0) <= highest:
        yield f"TunedModel.temperature: temperature must be in the range [0.0, {highest}]."
    if not 0 <= body.get("topP", 0) <= 1:
        yield "TunedModel.top_p: top_p must be in the range [0.0, 1.0]."
    if body.get("topK", 1) < 1:
        yield "TunedModel.top_k: top_k must be positive."


def default_sampling(base: BaseModel) -> Json:
    """Return the temperature, topP and topK of a tuned model where the request has none: the base model's."""
    return {"temperature": base.temperature, "top_p": base.top_p, "top_k": base.top_k}
