"""generateContent, streamGenerateContent, countTokens, computeTokens: of tuned endpoints and of Google's models."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import lru_cache
from typing import Any

from mockserver.catalog.base_model import BaseModel
from mockserver.dispatch.routing import Call, Handled, with_hint
from mockserver.generation.cached_content import with_cached_content
from mockserver.generation.outcome import Outcome
from mockserver.generation.pipeline import ModelRequest, generate
from mockserver.generation.prompt import count_prompt_tokens, read_prompt
from mockserver.generation.requests import check_request, list_parts, searches_and_calls
from mockserver.generation.settings import read_settings
from mockserver.generation.turns import check_turns
from mockserver.limits import SHOWN_TOKENS
from mockserver.protojson.memoized import once
from mockserver.rpc.errors import ApiError, Code, invalid_argument
from mockserver.scripting.answers import Prompt
from mockserver.simulation.noise import seed_of
from mockserver.simulation.tokens import split, token_id
from mockserver.simulation.tuning import micros
from mockserver.vertex import responses
from mockserver.vertex.cached_contents import find_requested
from mockserver.vertex.eras import era_of
from mockserver.vertex.errors import not_found
from mockserver.vertex.locations import GLOBAL, find_location
from mockserver.vertex.prompts import (
    asks_for_search,
    billable_characters,
    check_contents,
    check_files,
    check_length,
    check_numbers,
    check_tools,
)
from mockserver.vertex.responses import Frame, Identity
from mockserver.vertex.targets import Target, find_target

Json = dict[str, Any]

# The kinds of traffic that a client may ask for in this header, of Google's own models in `global`, as documented in
# 2026 (Flex and Priority PayGo). Elsewhere the header has no effect, nor have other values: our choice.
TRAFFIC_HEADER = "x-vertex-ai-llm-shared-request-type"
TRAFFIC = {"flex": "ON_DEMAND_FLEX", "priority": "ON_DEMAND_PRIORITY"}
STANDARD_TRAFFIC = "ON_DEMAND"

# Seen on a tuned endpoint; the status word in bodies of 2024 [google-cloud-dotnet issue 11576].
PREDICT_REFUSAL = (
    "Gemini cannot be accessed through Vertex Predict/RawPredict API. Please follow "
    "https://cloud.google.com/vertex-ai/docs/generative-ai/start/quickstarts/quickstart-multimodal for Gemini usage."
)
SEARCH_AND_CALLS = "Multiple tools are supported only when they are all search tools."  # litellm issue 26682


MODEL_NOT_FOUND_SINCE = date(2026, 1, 1)
"""From when on a model's own generateContent is 404. Between two sights; the day is our choice: not seen."""


def generate_content(call: Call) -> Handled:
    """Answer in one message."""
    outcome, frame, identity = answer_request(call)
    return with_hint(responses.print_response(outcome, frame, identity), outcome.hint)


def stream_generate_content(call: Call) -> Handled:
    """Answer in chunks."""
    outcome, frame, identity = answer_request(call)
    return with_hint(responses.print_stream(outcome, frame, identity), outcome.hint)


def count_tokens(call: Call) -> Json:
    """Count the tokens of a prompt, and the characters that are billed."""
    count = count_prompt_tokens(_read_prompt(call, find_target(call)))
    return {
        "totalTokens": count,
        "totalBillableCharacters": billable_characters(call.message),
        "promptTokensDetails": responses.text_tokens(count),
    }


def compute_tokens(call: Call) -> Json:
    """List the tokens of every turn, with their numbers."""
    turns = [(turn.role, split(turn.text)) for turn in _read_prompt(call, find_target(call)).turns]
    if (count := sum(len(tokens) for _, tokens in turns)) > SHOWN_TOKENS:
        # our choice: not seen
        raise invalid_argument(f"The text has {count} tokens, of at most {SHOWN_TOKENS}.")
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
    """400: Gemini does not support this method. A missing endpoint is 404 before that."""
    base = find_target(call).base
    if base is not None and base.embedding_dimensions is not None:
        # our choice: not seen
        raise ApiError(
            Code.UNIMPLEMENTED, f"{call.route.id} of embedding models is not served; predict and rawPredict are."
        )
    raise ApiError(Code.FAILED_PRECONDITION, PREDICT_REFUSAL)


def refuse_model(call: Call) -> Json:
    """400: a tuned model takes requests through its endpoint [seen 2025-11]; 404 since [Google's tests, 2026-10]."""
    find_location(call)
    if call.day >= MODEL_NOT_FOUND_SINCE:
        raise not_found("Model", call.resource)  # the form is our choice: not seen
    raise ApiError(
        Code.INVALID_ARGUMENT,
        f"The Model name {call.resource} is malformed and it should be in form of "
        "projects/{project}/locations/{location}/publishers/google/models/{model}",
    )


def answer_request(call: Call) -> tuple[Outcome, Frame, Identity]:
    """Generate the outcome of a GenerateContentRequest by the model in its path.

    With it come what its messages are like, and what identifies it.
    """
    target, message, world, as_of = find_target(call), call.message, call.world, call.settings.as_of
    if target.base is not None and target.base.embedding_dimensions:
        # seen 2025-04 to 2025-09, of models that other methods ask
        method = call.route.id.rpartition(".")[2]
        raise ApiError(Code.FAILED_PRECONDITION, f"{target.base.id} is not supported in the {method} API.")
    key = target.name, target.base_name, target.base and target.base.id, as_of
    once(message, (_check, *key), lambda: _check(message, target.base, as_of))
    cached = find_requested(call, target)
    if cached is not None:
        message = with_cached_content(message, cached)
    always_rated, traffic = call.settings.safety_ratings == "always", _traffic(call, target)
    request, frame = once(
        message,
        (_read_request, *key, call.version, always_rated, traffic),
        lambda: _read_request(message, target, call, always_rated=always_rated, traffic=traffic),
    )
    outcome = generate(world, request, examples=target.examples, seed=_seed(call.settings.seed))
    if cached is not None:
        outcome = replace(outcome, cached_tokens=outcome.cached_tokens or cached.tokens)
    created = micros(call.now)
    noise = world.random_bytes("vertex.responses", 8)
    return outcome, frame, Identity(created, responses.response_id(created, noise))


@lru_cache(maxsize=16)
def _seed(seed: int) -> int:
    return seed_of(seed, "vertex")


def _check(message: Mapping[str, Any], base: BaseModel | None, as_of: date | None) -> None:
    """Refuse what no model could answer on that day, or this one. Raises ApiError."""
    check_contents(message.get("contents", ()), base, as_of)
    parts = list_parts(message)
    check_files(parts)
    check_request(message, parts)
    check_turns(message["contents"], base)
    check_numbers(message.get("generationConfig", {}), base, as_of)
    check_tools(message.get("tools", ()), base, as_of)
    if searches_and_calls(message):
        raise invalid_argument(SEARCH_AND_CALLS)


def _read_request(
    message: Mapping[str, Any], target: Target, call: Call, *, always_rated: bool, traffic: str
) -> tuple[ModelRequest, Frame]:
    """Read what a request asks of a model, and what the messages of the answer are like."""
    base = target.base
    prompt = read_prompt(message, target.name, target.base_name, count_functions=True)
    check_length(prompt, base)
    settings = read_settings(message, message.get("generationConfig", {}), base=base)
    era = era_of(base.shape if base else None, call.settings.as_of)
    frame = responses.frame_of(
        version=call.version,
        era=era,
        # Nothing for a tuned model [recorded 2025-03].
        model_version="" if target.is_tuned else target.base_name.rpartition("/")[2],
        has_ratings=always_rated or era.has_ratings or "safetySettings" in message,
        always_rated=always_rated,
        grounded=asks_for_search(message),
        traffic=traffic,
    )
    return ModelRequest(prompt, settings, message), frame


def _read_prompt(call: Call, target: Target) -> Prompt:
    check_contents(call.message.get("contents", ()), target.base, call.settings.as_of)
    return read_prompt(call.message, target.name, target.base_name, count_functions=True)


def _traffic(call: Call, target: Target) -> str:
    traffic = TRAFFIC.get(call.options.get(TRAFFIC_HEADER, ""))
    return traffic if traffic and not target.is_tuned and find_location(call).id == GLOBAL else STANDARD_TRAFFIC
