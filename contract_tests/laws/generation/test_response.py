"""Answers that are printed by a pattern are those that would be printed without one."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.catalog.base_model import Shape
from mockserver.dispatch.routing import Pause
from mockserver.gemini import responses as gemini_responses
from mockserver.gemini.eras import ERAS
from mockserver.gemini.eras import era_of as gemini_era_of
from mockserver.gemini.versions import message_name as gemini_name
from mockserver.generation.outcome import make_outcome
from mockserver.generation.settings import GenerationSettings
from mockserver.grpc.codec import encode
from mockserver.protojson.variations import Message, Variation
from mockserver.protojson.version_trimming import trim_message
from mockserver.protojson.writing import Style, event_writer, message_writer, write_with
from mockserver.scripting.answers import FINISH_REASONS, Answer, Citation, Prompt, Turn
from mockserver.vertex import responses as vertex_responses
from mockserver.vertex.eras import era_of as vertex_era_of
from mockserver.vertex.versions import VERSIONS
from mockserver.vertex.versions import message_name as vertex_name

texts = st.text(max_size=40) | st.sampled_from(["one two three " * 40, "<b>", "\ud800", "100000007"])
plain_answers = st.builds(Answer, texts)  # half of them, because only these are printed by patterns
answers = plain_answers | st.builds(
    Answer,
    texts,
    parts=st.sampled_from([(), (), ({"text": "a"}, {"text": "b"}), ({"text": "a", "thought": True}, {"text": "b"})]),
    finish=st.sampled_from(FINISH_REASONS),
    ratings=st.sampled_from([{}, {}, {"HARASSMENT": "LOW"}, {"HATE_SPEECH": "HIGH"}]),
    prompt_ratings=st.sampled_from([{}, {}, {"HARASSMENT": "LOW"}]),
    block=st.sampled_from([None, None, None, "SAFETY"]),
    citations=st.sampled_from([(), (), (Citation(0, 1, "https://a.example"),)]),
    usage=st.sampled_from([{}, {}, {"prompt": 0}, {"cached": 5}, {"candidates": 10**12}]),
    logprobs=st.sampled_from([(), (), (("a", 0.0),), (("a", -1.5),), (("a", float("-inf")),)]),
)
settings = st.builds(GenerationSettings, thinking_budget=st.sampled_from([0, -1, 100])) | st.builds(
    GenerationSettings,
    candidates=st.sampled_from([1, 1, 2]),
    max_tokens=st.none() | st.integers(0, 30),
    logprobs=st.sampled_from([None, None, 0, 3]),
    thinking_budget=st.sampled_from([0, -1, 100]),
)
prompts = st.builds(Prompt, st.just("models/a"), turns=st.tuples(st.builds(Turn, st.just("user"), texts)))
days_of_calls = st.dates(date(2023, 12, 1), date(2026, 10, 1))
days = st.none() | days_of_calls

gemini_frames = st.builds(
    gemini_responses.Frame,
    st.builds(gemini_era_of, st.sampled_from(sorted(ERAS)), days, days_of_calls, rated=st.booleans()),
    st.sampled_from(["gemini-1.5-flash-001", "gemini-2.5-pro"]),
    st.sampled_from([0, 0, 258]),
)
vertex_frames = st.builds(
    vertex_responses.Frame,
    version=st.sampled_from(VERSIONS),
    era=st.builds(vertex_era_of, st.sampled_from([None, *Shape]), days),
    model_version=st.sampled_from(["", "gemini-2.0-flash"]),
    has_ratings=st.booleans(),
    always_rated=st.booleans(),
    grounded=st.booleans(),
    traffic=st.just("ON_DEMAND"),
)


def printed(messages: Callable[[], Iterable[Message | Pause]], name: str) -> Any:
    """Return the messages and their bytes, as JSON and for gRPC; of one that cannot be written, the error."""
    result: list[Any] = []
    for message in messages():
        if isinstance(message, Pause):
            result.append(message)
            continue
        trimmed = trim_message(name, message)
        result.append(repr(dict(trimmed)))
        writers = message_writer(name, Style()), event_writer(name, Style(pretty=False, enum_as_int=True))
        for write in (*(partial(write_with, writer) for writer in writers), partial(encode, name)):
            try:
                result.append(write(trimmed))
            except (ValueError, TypeError) as error:
                result.append(repr(error))
    return result


def without_patterns(module: Any, messages: Callable[[], Iterable[Message | Pause]], name: str) -> Any:
    """Return what is printed if no answer is plain."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "plain_values", lambda *_: None)
        return printed(messages, name)


@given(prompts, answers, settings, gemini_frames, st.sampled_from(["v1beta", "v1"]))
def test_the_developer_api_prints_by_a_pattern_what_it_prints_without(
    prompt: Prompt, answer: Answer, asked: GenerationSettings, frame: gemini_responses.Frame, version: str
) -> None:
    """Whole answers and streams, in every era."""
    outcome = make_outcome(prompt, answer, replace(asked, categories=frame.era.categories), 7)
    name = gemini_name(version, "GenerateContentResponse")

    def messages() -> list[Message | Pause]:
        return [
            gemini_responses.print_response(outcome, frame, "id"),
            *gemini_responses.print_stream(outcome, frame, "id"),
        ]

    assert without_patterns(gemini_responses, messages, name) == printed(messages, name)


@given(prompts, answers, settings, vertex_frames, st.integers(0, 2**61))
def test_vertex_ai_prints_by_a_pattern_what_it_prints_without(
    prompt: Prompt, answer: Answer, asked: GenerationSettings, frame: vertex_responses.Frame, now: int
) -> None:
    """Whole answers and streams, in every era."""
    outcome = make_outcome(prompt, answer, asked, 7)
    name, identity = vertex_name(frame.version, "GenerateContentResponse"), vertex_responses.Identity(now, "id")

    def messages() -> list[Message | Pause]:
        return [
            vertex_responses.print_response(outcome, frame, identity),
            *vertex_responses.print_stream(outcome, frame, identity),
        ]

    assert without_patterns(vertex_responses, messages, name) == printed(messages, name)


@pytest.mark.parametrize("thinking_budget", [0, -1])
def test_a_plain_answer_is_printed_by_a_pattern(thinking_budget: int) -> None:
    """The same one as another plain answer."""
    frame = gemini_responses.Frame(gemini_era_of(Shape.V2_5, None, date(2026, 10, 1), rated=True), "gemini-2.5-pro")
    asked = GenerationSettings(thinking_budget=thinking_budget, categories=frame.era.categories)
    prompt = Prompt("models/a", turns=(Turn("user", "Tell me"),))
    one, other = (
        gemini_responses.print_response(make_outcome(prompt, Answer(text), asked, 7), frame, "id")
        for text in ("Yes", "No, not at all")
    )

    assert isinstance(one, Variation)
    assert isinstance(other, Variation)
    assert one.pattern is other.pattern
