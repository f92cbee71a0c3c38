"""models: get and list."""

from datetime import date
from functools import lru_cache, partial
from typing import Any

from mockserver.catalog import base_models
from mockserver.catalog.base_model import BaseModel
from mockserver.dispatch.lists import list_response
from mockserver.dispatch.routing import Call
from mockserver.gemini import errors
from mockserver.protojson.memoized import MemoizedMessage

Json = dict[str, Any]

THINKING_SINCE = date(2025, 6, 1)
"""From this day on models have `thinking`; none had it on 2025-05-20."""  # our choice: not seen


def get_model(call: Call) -> Json:
    """Return a base model."""
    name = call.message["name"]
    base = base_models.find_listed(name.removeprefix("models/"), call.settings.as_of)
    if base is None:
        raise errors.model_not_found(name, call)
    return show_model(base, has_thinking=_has_thinking(call))


def list_models(call: Call) -> Json:
    """List the base models; tuned models are a collection of their own."""
    return list_response(
        call,
        "models",
        base_models.models(call.settings.as_of),
        show=partial(show_model, has_thinking=_has_thinking(call)),
        key=lambda base: base.name,
        default=50,
        maximum=1000,
        scope="models",
    )


def _has_thinking(call: Call) -> bool:
    return call.settings.as_of is None or call.settings.as_of >= THINKING_SINCE


@lru_cache(maxsize=256)
def show_model(base: BaseModel, *, has_thinking: bool) -> MemoizedMessage:
    """Return the resource. `baseModelId` is in the schema and in no answer [seen: 24,403 bytes of ListModels]."""
    sampling = {
        "temperature": base.temperature,
        "topP": base.top_p,
        "topK": base.top_k,
        "maxTemperature": base.max_temperature,
    }
    members = {
        "name": base.name,
        "version": base.version,
        "displayName": base.display_name,
        "description": base.description,
        "inputTokenLimit": base.input_token_limit,
        "outputTokenLimit": base.output_token_limit,
        "supportedGenerationMethods": list(base.methods),
        **{name: value for name, value in sampling.items() if value is not None},
        "thinking": base.thinking and has_thinking,
    }
    return MemoizedMessage(members)
