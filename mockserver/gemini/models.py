"""models: list and get; and the model that a request of any other method is for."""

from dataclasses import dataclass
from typing import Any

from mockserver.catalog import base_models
from mockserver.catalog.base_model import BaseModel
from mockserver.datasets.examples import Examples
from mockserver.dispatch.routing import Call
from mockserver.gemini import errors
from mockserver.gemini.store import STATES, find_to_use
from mockserver.rpc.paging import page
from mockserver.simulation.tuning import State

Json = dict[str, Any]

NO_EXAMPLES = Examples()


@dataclass(frozen=True, slots=True)
class Target:
    """The model that a request is for: a base model, or a tuned one with its training examples."""

    name: str
    base: BaseModel
    examples: Examples

    @property
    def is_tuned(self) -> bool:
        """Whether it is a tuned model."""
        return self.name.startswith("tunedModels/")


def model(base: BaseModel) -> Json:
    """The resource. `baseModelId` is in the schema and in no answer [seen: 24,403 bytes of ListModels]."""
    sampling = {
        "temperature": base.temperature,
        "topP": base.top_p,
        "topK": base.top_k,
        "maxTemperature": base.max_temperature,
    }
    return {
        "name": base.name,
        "version": base.version,
        "displayName": base.display_name,
        "description": base.description,
        "inputTokenLimit": base.input_token_limit,
        "outputTokenLimit": base.output_token_limit,
        "supportedGenerationMethods": list(base.methods),
        **{name: value for name, value in sampling.items() if value is not None},
        "thinking": base.thinking,
    }


def list_models(call: Call) -> Json:
    """The base models there are; tuned models are a collection of their own."""
    models, token = page(
        base_models.models(call.world.settings.as_of),
        key=lambda base: base.name,
        page_size=call.message.get("pageSize"),
        page_token=call.message.get("pageToken"),
        default=50,
        maximum=1000,
        scope="models",
    )
    listing: Json = {"models": [model(base) for base in models]}
    return listing | ({"nextPageToken": token} if token else {})


def get_model(call: Call) -> Json:
    """A base model."""
    name = call.message["name"]
    base = base_models.find(name.removeprefix("models/"), call.world.settings.as_of)
    if base is None:
        raise errors.no_such_model(name, call)
    return model(base)


def find_target(call: Call, name: str, method: str) -> Target:
    """The model of that name, which can do what `method` ("generateContent") says.

    Refuses, in the order of the real checks: other people's models, models that are not ready, retired ones.
    """
    if not name.startswith("tunedModels/"):
        return Target(name, _find_able(call, name, method), NO_EXAMPLES)
    tuned = find_to_use(call, name)
    base = _find_able(call, tuned.base_model, method)
    state = tuned.state(call.now)
    if state is not State.SUCCEEDED:
        raise errors.not_active(name, STATES[state])
    return Target(name, base, tuned.examples)


def _find_able(call: Call, name: str, method: str) -> BaseModel:
    base = base_models.find(name.removeprefix("models/"), call.world.settings.as_of)
    if base is None or method not in base.methods:
        raise errors.not_supported(name, call)
    return base
