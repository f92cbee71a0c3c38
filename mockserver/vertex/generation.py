"""generateContent, streamGenerateContent, countTokens and computeTokens, of tuned endpoints and of Google's own models."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from mockserver.catalog import base_models
from mockserver.catalog.base_model import BaseModel
from mockserver.dispatch.routing import Call, Handled, with_hint
from mockserver.generation.outcome import Outcome
from mockserver.generation.pipeline import generate
from mockserver.generation.prompt import count_prompt_tokens, read_prompt
from mockserver.generation.settings import read_settings
from mockserver.limits import SHOWN_TOKENS
from mockserver.rpc.errors import ApiError, Code
from mockserver.scripting.answers import Prompt
from mockserver.simulation.noise import seed_of
from mockserver.simulation.tokens import split, token_id
from mockserver.simulation.tuning import micros
from mockserver.vertex import responses
from mockserver.vertex.endpoints import endpoint_not_found, find_endpoint
from mockserver.vertex.locations import GLOBAL, place_of
from mockserver.vertex.prompts import (
    asks_for_search,
    billable_characters,
    check_contents,
    check_length,
    check_ranges,
)
from mockserver.vertex.responses import Frame
from mockserver.vertex.store import MODELS, TUNING_JOBS

Json = dict[str, Any]

# The longer sentence was seen in 2026, the shorter recorded in 2025; the day between them is our choice.
NEWER_SENTENCE = date(2025, 10, 1)

# The kinds of traffic that a client may ask for in this header, of Google's own models in `global`, as documented in
# 2026 (Flex and Priority PayGo). Elsewhere the header has no effect, nor have other values: our choice.
TRAFFIC_HEADER = "x-vertex-ai-llm-shared-request-type"
TRAFFIC = {"flex": "ON_DEMAND_FLEX", "priority": "ON_DEMAND_PRIORITY"}
STANDARD_TRAFFIC = "ON_DEMAND"

# Seen on a tuned endpoint; the status word is our choice, 400 is seen.
NOT_BY_PREDICT = (
    "Gemini cannot be accessed through Vertex Predict/RawPredict API. Please follow "
    "https://cloud.google.com/vertex-ai/docs/generative-ai/start/quickstarts/quickstart-multimodal for Gemini usage."
)


@dataclass(frozen=True, slots=True)
class Target:
    """The model that a request is for: one of Google's, or a tuned one by its endpoint, with its training examples.

    `base` is None for a model outside the catalog.
    """

    name: str
    base_name: str
    base: BaseModel | None
    examples: Mapping[str, str]

    @property
    def is_tuned(self) -> bool:
        """Whether it is a tuned model."""
        return self.name != self.base_name


def generate_content(call: Call) -> Handled:
    """The whole answer at once."""
    outcome, frame = _answer_request(call)
    return with_hint(responses.unary(outcome, frame), outcome.hint)


def stream_generate_content(call: Call) -> Handled:
    """The answer in chunks."""
    outcome, frame = _answer_request(call)
    return with_hint(responses.stream(outcome, frame), outcome.hint)


def count_tokens(call: Call) -> Json:
    """The tokens of a prompt, and the characters that are billed."""
    count = count_prompt_tokens(_read_prompt(call, _find_target(call)))
    return {
        "totalTokens": count,
        "totalBillableCharacters": billable_characters(call.message),
        "promptTokensDetails": responses.text_tokens(count),
    }


def compute_tokens(call: Call) -> Json:
    """The tokens themselves and their numbers, one list a turn."""
    turns = [(turn.role, split(turn.text)) for turn in _read_prompt(call, _find_target(call)).turns]
    if (count := sum(len(tokens) for _, tokens in turns)) > SHOWN_TOKENS:
        # our choice: not seen
        raise ApiError(Code.INVALID_ARGUMENT, f"The text has {count} tokens, of at most {SHOWN_TOKENS}.")
    return {
        "tokensInfo": [
            {
                "tokens": [token.encode() for token in tokens],
                "tokenIds": [token_id(token) for token in tokens],
                "role": role,
            }
            for role, tokens in turns
        ]
    }


def refuse_predict(call: Call) -> Json:
    """400: Gemini does not take this method. A missing endpoint is 404 before that."""
    _find_target(call)
    raise ApiError(Code.FAILED_PRECONDITION, NOT_BY_PREDICT)


def refuse_model(call: Call) -> Json:
    """400: a tuned model takes requests through its endpoint [seen 2025-11]."""
    place_of(call)
    raise ApiError(
        Code.INVALID_ARGUMENT,
        f"The Model name {call.resource} is malformed and it should be in form of "
        "projects/{project}/locations/{location}/publishers/google/models/{model}",
    )


def _answer_request(call: Call) -> tuple[Outcome, Frame]:
    """The outcome of a GenerateContentRequest for the model in its path."""
    target, message, world = _find_target(call), call.message, call.world
    prompt = _read_prompt(call, target)
    config = message.get("generationConfig", {})
    check_ranges(config, target.base)
    check_length(prompt, target.base)
    settings = read_settings(message, config)
    seed = seed_of(world.settings.seed, "vertex")
    outcome = generate(world, prompt, settings, examples=target.examples, message=message, seed=seed)
    created = micros(call.now)
    frame = Frame(
        version=call.version,
        created=created,
        response_id=responses.response_id(created, world.rng("vertex.responses")),
        # Nothing for a tuned model [recorded 2025-03].
        model_version="" if target.is_tuned else target.base_name.rpartition("/")[2],
        rated=world.settings.safety_ratings == "always" or "safetySettings" in message,
        grounded=asks_for_search(message),
        traffic=_traffic(call, target),
    )
    return outcome, frame


def _read_prompt(call: Call, target: Target) -> Prompt:
    check_contents(call.message.get("contents", ()))
    return read_prompt(call.message, target.name, target.base_name, count_functions=True)


def _traffic(call: Call, target: Target) -> str:
    traffic = TRAFFIC.get(call.options.get(TRAFFIC_HEADER, ""))
    return traffic if traffic and not target.is_tuned and place_of(call).location == GLOBAL else STANDARD_TRAFFIC


def _find_target(call: Call) -> Target:
    name = call.resource
    return _find_published(call, name) if "/models/" in name else _find_tuned(call)


def _find_published(call: Call, name: str) -> Target:
    """One of Google's models; they answer in every location."""
    place_of(call)
    as_of = call.world.settings.as_of
    publisher, _, model = name.rpartition("publishers/")[2].partition("/models/")
    base = base_models.find(model, as_of, vertex=True) if publisher == "google" else None
    if base is None:
        newer = as_of is not None and as_of >= NEWER_SENTENCE
        raise ApiError(Code.NOT_FOUND, f"Publisher Model `{name}` {_NEWER if newer else 'not found.'}")
    own = f"publishers/google/models/{model}"
    return Target(own, own, base, {})


_NEWER = (
    "was not found or your project does not have access to it. Please ensure you are using a valid model version. "
    "For more information, see: https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions"
)


def _find_tuned(call: Call) -> Target:
    """The model that an endpoint serves: the deployment with most of the traffic."""
    served = find_endpoint(call)
    if not served.deployments:
        raise endpoint_not_found(served.endpoint.name)  # our choice: not seen
    traffic = served.endpoint.traffic or {}
    deployment = max(served.deployments, key=lambda each: traffic.get(each.id, 0))
    store = call.world.store
    jobs = (store.get(TUNING_JOBS, name) for name in store.get(MODELS, deployment.model).jobs)
    job = next(job for job in jobs if job.version == deployment.version)
    base = base_models.find(job.base_model.rpartition("/")[2], None, vertex=True)
    return Target(served.endpoint.name, job.base_model, base, job.dataset.completions)
