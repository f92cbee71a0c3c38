"""generateContent, streamGenerateContent and countTokens, of base models and of tuned ones alike."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from mockserver.dispatch.routing import Call, Handled, with_hint
from mockserver.gemini import responses
from mockserver.gemini.cached_contents import find_requested
from mockserver.gemini.eras import ERAS, era_of, is_rated
from mockserver.gemini.errors import invalid_fields
from mockserver.gemini.prompts import check_enabled, check_form, check_length, content_violations
from mockserver.gemini.responses import Frame
from mockserver.gemini.targets import Target, find_target
from mockserver.generation.cached_content import with_cached_content
from mockserver.generation.outcome import Outcome
from mockserver.generation.pipeline import ModelRequest, generate
from mockserver.generation.prompt import count_prompt_tokens, read_prompt
from mockserver.generation.settings import read_settings
from mockserver.protojson.memoized import once

Json = dict[str, Any]


def generate_content(call: Call) -> Handled:
    """Answer in one message."""
    outcome, frame, response_id = answer_request(call, call.message)
    return with_hint(responses.print_response(outcome, frame, response_id), outcome.hint)


def stream_generate_content(call: Call) -> Handled:
    """Answer in chunks."""
    outcome, frame, response_id = answer_request(call, call.message)
    return with_hint(responses.print_stream(outcome, frame, response_id), outcome.hint)


def count_tokens(call: Call) -> Json:
    """Count the tokens of a prompt: of bare `contents`, or of a whole generate request."""
    message = call.message
    request = message.get("generateContentRequest")
    if request is not None and message.get("contents"):
        # our choice: not seen
        raise invalid_fields("CountTokensRequest: only one of contents and generate_content_request may be set")
    path = "CountTokensRequest" if request is None else "CountTokensRequest.generate_content_request"
    if request is None:
        request = message
    if violations := [*content_violations(request.get("contents", ()), f"{path}.contents")]:
        raise invalid_fields(*violations)
    target = find_target(call, message["model"], "countTokens")
    prompt = read_prompt(request, target.name, target.base.name)
    total = count_prompt_tokens(prompt)
    count: Json = {"totalTokens": total}
    era = ERAS.get(target.base.shape)
    if era and era.details:
        count["promptTokensDetails"] = responses.by_modality(total, prompt.other_tokens)
    return count


def answer_request(call: Call, message: Mapping[str, Any]) -> tuple[Outcome, Frame, str]:
    """Generate the outcome of `message`, a GenerateContentRequest, by the model that it names.

    With it come what its messages are like, and their response id.
    """
    as_of, world = call.settings.as_of, call.world
    once(message, (check_form, as_of), lambda: check_form(message, as_of))
    target = find_target(call, message["model"], "generateContent")
    key = target.name, target.base.id, as_of
    once(message, (check_enabled, *key), lambda: check_enabled(target, message, as_of))
    cached = find_requested(call, target, message)
    if cached is not None:
        message = with_cached_content(message, cached)
    always = call.settings.safety_ratings != "real"
    day = call.day
    request, frame = once(
        message,
        (_read_request, *key, day, always),
        lambda: _read_request(message, target, as_of, day, always=always),
    )
    outcome = generate(world, request, examples=target.examples, seed=call.settings.seed)
    if cached is not None:
        outcome = replace(outcome, cached_tokens=outcome.cached_tokens or cached.tokens)
    if not frame.era.response_id:
        return outcome, frame, ""
    return outcome, frame, responses.response_id(call.now, world.random_bytes("gemini.responses", 13))


def _read_request(
    message: Mapping[str, Any], target: Target, as_of: date | None, day: date, *, always: bool
) -> tuple[ModelRequest, Frame]:
    """Read what a request asks of a model on a day, and what the messages of the answer are like.

    `always`: answers have the ratings of the model's own time.
    """
    base = target.base
    rated = (always and ERAS[base.shape].has_ratings) or is_rated(base.shape, day, asked="safetySettings" in message)
    era = era_of(base.shape, as_of, day, rated=rated)
    prompt = read_prompt(message, target.name, base.name)
    check_length(prompt, base)
    settings = read_settings(
        message,
        message.get("generationConfig", {}),
        default_threshold=era.default_threshold,
        categories=era.categories,
        base=base,
    )
    model_version = base.answers_as or base.id  # of a tuned model: our choice, not seen
    frame = responses.frame_of(era, model_version, prompt.other_tokens)
    return ModelRequest(prompt, settings, message), frame
