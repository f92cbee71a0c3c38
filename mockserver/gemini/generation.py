"""generateContent and streamGenerateContent, of base models and of tuned ones alike."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from typing import Any

from mockserver.dispatch.routing import Call, Pause
from mockserver.gemini.eras import ERAS, era_of
from mockserver.gemini.models import Subject, subject
from mockserver.gemini.prompts import check_enabled, check_form, read_prompt
from mockserver.gemini.responses import Frame, events, whole
from mockserver.generation.canned import choose_answer
from mockserver.generation.outcome import GenerationSettings, Outcome, generate
from mockserver.generation.structured_output import formal_answer
from mockserver.protojson.version_trimming import known
from mockserver.scripting.scenario import Scenario
from mockserver.state.clock import SECOND

Json = dict[str, Any]


def generate_content(call: Call) -> Json:
    """The answer of a model, in one piece."""
    return known(call.route.response, whole(*answer(call, call.message)))


def stream_generate_content(call: Call) -> Iterator[Json | Pause]:
    """The answer of a model, in several."""
    return _known(call, events(*answer(call, call.message)))


def answer(call: Call, message: Mapping[str, Any]) -> tuple[Frame, Outcome]:
    """What the model named in `message`, a GenerateContentRequest, answers to it."""
    check_form(message)
    asked = subject(call, message["model"], "generateContent")
    check_enabled(asked, message)
    prompt = read_prompt(asked, message)
    era = era_of(asked.base.shape, call.world.settings.as_of)
    form = formal_answer(message, prompt)
    said = choose_answer(
        Scenario(call.world.store), prompt, asked.examples, magic=call.world.settings.magic, otherwise=form
    )
    outcome = generate(prompt, said, _settings(asked, message), call.world.settings.seed)
    frame = Frame(
        era=era,
        model_version=asked.base.answers_as or asked.base.id,  # of a tuned model: our choice, not seen
        response_id=_response_id(call) if era.response_id else "",
        image_tokens=sum(turn.other_tokens for turn in prompt.turns),
    )
    return frame, outcome


def thresholds(message: Mapping[str, Any]) -> dict[str, str]:
    """The thresholds a client sets, by the short names of their categories; the last one of a category wins."""
    return {
        str(setting.get("category", "")).removeprefix("HARM_CATEGORY_"): str(setting.get("threshold", ""))
        for setting in message.get("safetySettings", ())
    }


def _settings(asked: Subject, message: Mapping[str, Any]) -> GenerationSettings:
    config = message.get("generationConfig", {})
    era = ERAS[asked.base.shape]
    return GenerationSettings(
        candidates=config.get("candidateCount", 1),
        max_tokens=config.get("maxOutputTokens"),
        stop=tuple(config.get("stopSequences", ())),
        thresholds=thresholds(message),
        default_threshold=era.default_threshold,
        categories=era.categories,
        logprobs=config.get("logprobs", 0) if config.get("responseLogprobs") else None,
    )


def _response_id(call: Call) -> str:
    """Seconds and noise: recorded ids of 23 characters begin with the time of their response."""
    noise = call.world.rng("gemini.responses").randbytes(13)
    raw = (call.now // SECOND % 2**32).to_bytes(4, "little") + noise
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _known(call: Call, messages: Iterator[Json | Pause]) -> Iterator[Json | Pause]:
    for message in messages:
        yield message if isinstance(message, Pause) else known(call.route.response, message)
