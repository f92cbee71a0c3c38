"""What becomes of an answer: laws of `generation.outcome`."""

import json
from itertools import pairwise
from pathlib import Path

import yaml
from hypothesis import given
from hypothesis import strategies as st

from mockserver.generation.answer import default_answer
from mockserver.generation.outcome import Chunk, Outcome, make_outcome
from mockserver.generation.safety import THRESHOLDS
from mockserver.generation.settings import GenerationSettings
from mockserver.scripting.answers import FINISH_REASONS, Answer, Citation, Prompt, Turn, visible_text
from mockserver.scripting.safety import GEMINI_CATEGORIES, LEVELS
from mockserver.simulation.tokens import count_tokens

PROMPT = Prompt("tunedModels/a", "models/b", (Turn("user", "Tell me"),))
LONG = "".join(f"Sentence {number} says a little more than the one before it. " for number in range(40))

ratings = st.dictionaries(st.sampled_from(GEMINI_CATEGORIES), st.sampled_from(LEVELS))
answers = st.builds(
    Answer,
    st.text() | st.just(LONG),
    finish=st.sampled_from(FINISH_REASONS),
    ratings=ratings,
    prompt_ratings=ratings,
    others=st.lists(st.text(), max_size=2),
)
settings = st.builds(
    GenerationSettings,
    candidates=st.integers(1, 4),
    max_tokens=st.none() | st.integers(0, 30),
    stop=st.lists(st.text(max_size=2), max_size=3),
    thresholds=st.dictionaries(st.sampled_from(GEMINI_CATEGORIES), st.sampled_from(THRESHOLDS)),
    logprobs=st.none() | st.integers(0, 5),
)


def outcome(answer: Answer, **asked: object) -> Outcome:
    """What becomes of the answer under these settings."""
    return make_outcome(PROMPT, answer, GenerationSettings(**asked), 7)  # type: ignore[arg-type]  # of many kinds


def chunks(answer: Answer, **asked: object) -> tuple[Chunk, ...]:
    """The chunks of its first candidate."""
    return outcome(answer, **asked).candidates[0].chunks


def text_of(chunk: Chunk) -> str:
    """The text of the parts."""
    return "".join(map(visible_text, chunk.parts))


@given(answers, settings, st.integers())
def test_the_same_seed_has_the_same_outcome(answer: Answer, asked: GenerationSettings, seed: int) -> None:
    """There is no other source of chance."""
    assert make_outcome(PROMPT, answer, asked, seed) == make_outcome(PROMPT, answer, asked, seed)


@given(answers, settings)
def test_chunks_joined_are_the_text(answer: Answer, asked: GenerationSettings) -> None:
    """And their tokens are its tokens; there is always a chunk, to say that it is over."""
    for candidate in make_outcome(PROMPT, answer, asked, 7).candidates:
        assert candidate.text == "".join(map(text_of, candidate.chunks))
        assert candidate.tokens == sum(chunk.tokens for chunk in candidate.chunks)
        assert candidate.chunks


@given(answers, settings)
def test_a_candidate_is_a_beginning_of_its_answer_within_every_limit(answer: Answer, asked: GenerationSettings) -> None:
    """Cut by tokens, by stop sequences, by safety; never changed, never beyond."""
    texts = [answer.text, *answer.others]
    for index, candidate in enumerate(make_outcome(PROMPT, answer, asked, 7).candidates):
        whole = texts[index] if index < len(texts) else answer.text

        assert whole.startswith(candidate.text)
        assert asked.max_tokens is None or candidate.tokens <= asked.max_tokens
        assert not any(stop and stop in candidate.text for stop in asked.stop)
        assert candidate.tokens == count_tokens(candidate.text)


@given(answers, settings)
def test_a_prompt_is_answered_or_blocked(answer: Answer, asked: GenerationSettings) -> None:
    """Blocked, it has no candidates and no tokens; answered, it has as many as were asked for."""
    found = make_outcome(PROMPT, answer, asked, 7)

    assert (found.block is not None) == any(rating.blocked for rating in found.prompt_ratings.values())
    assert len(found.candidates) == (0 if found.block else asked.candidates)
    assert found.candidate_tokens == sum(candidate.tokens for candidate in found.candidates)
    assert found.total_tokens == found.prompt_tokens + found.candidate_tokens


@given(st.sampled_from(LEVELS))
def test_a_stricter_threshold_never_unblocks_an_answer(level: str) -> None:
    """Nor a prompt."""
    blocked = []
    for threshold in THRESHOLDS:
        thresholds = {"HARASSMENT": threshold}
        candidate = outcome(Answer(LONG, ratings={"HARASSMENT": level}), thresholds=thresholds).candidates[0]
        prompt = outcome(Answer(LONG, prompt_ratings={"HARASSMENT": level}), thresholds=thresholds)
        blocked.append((candidate.finish == "SAFETY", prompt.block == "SAFETY"))

    assert all(strict >= lax for strict, lax in pairwise(blocked))


@given(answers, settings)
def test_log_probabilities_are_of_the_tokens(answer: Answer, asked: GenerationSettings) -> None:
    """One for each token of the text, never above 0, with the average the answer carries."""
    for candidate in make_outcome(PROMPT, answer, asked, 7).candidates:
        assert (candidate.avg_logprob is None) == (candidate.text == "")
        assert candidate.avg_logprob is None or candidate.avg_logprob < 0
        if candidate.logprobs is None:
            assert asked.logprobs is None
            continue
        chosen, top = candidate.logprobs["chosenCandidates"], candidate.logprobs["topCandidates"]

        assert candidate.text == "".join(token["token"] for token in chosen)
        assert len(top) == (len(chosen) if asked.logprobs else 0)
        for token, likely in zip(chosen, (place["candidates"] for place in top), strict=False):
            values = [other["logProbability"] for other in likely]

            assert likely[0] == token
            assert len(likely) == len({other["token"] for other in likely}) == asked.logprobs
            assert sorted(values[1:], reverse=True) == values[1:]


def test_a_text_that_is_just_long_enough_is_whole() -> None:
    """The limit itself is within the limit."""
    exact = outcome(Answer("one two three"), max_tokens=3).candidates[0]
    less = outcome(Answer("one two three"), max_tokens=2).candidates[0]

    assert ("one two three", "STOP") == (exact.text, exact.finish)
    assert ("one two", "MAX_TOKENS") == (less.text, less.finish)


def test_the_first_stop_sequence_ends_the_text_before_it() -> None:
    """Whatever the order they were asked for in."""
    candidate = outcome(Answer("one, two. three"), stop=[".", ","]).candidates[0]

    assert ("one", "STOP") == (candidate.text, candidate.finish)


def test_a_blocked_answer_keeps_what_had_been_said() -> None:
    """The recordings of blocked candidates have a text; the offending category is marked."""
    candidate = outcome(Answer("one two three four", ratings={"HATE_SPEECH": "HIGH"})).candidates[0]

    assert ("one two", "SAFETY") == (candidate.text, candidate.finish)
    assert [category for category, rating in candidate.ratings.items() if rating.blocked] == ["HATE_SPEECH"]


def test_a_scripted_end_is_kept_whatever_the_client_allows() -> None:
    """A tester who says SAFETY gets SAFETY, with the text as written."""
    said = Answer("No", finish="SAFETY", ratings={"HARASSMENT": "HIGH"})
    candidate = outcome(said, thresholds={"HARASSMENT": "OFF"}).candidates[0]

    assert ("No", "SAFETY") == (candidate.text, candidate.finish)
    assert candidate.ratings["HARASSMENT"].blocked


def test_a_scripted_block_is_kept_whatever_the_client_allows() -> None:
    """With its reason and without an answer."""
    found = outcome(Answer("unheard", block="PROHIBITED_CONTENT"))

    assert ("PROHIBITED_CONTENT", ()) == (found.block, found.candidates)


def test_scripted_chunks_and_delays_are_the_stream() -> None:
    """As written, as far as the text goes."""
    answer = Answer(chunks=["Once ", "upon ", "a time"], delays=[0, 0.5])
    whole = chunks(answer)
    cut = chunks(answer, max_tokens=2)

    assert [(text_of(chunk), chunk.delay_seconds) for chunk in whole] == [("Once ", 0), ("upon ", 0.5), ("a time", 0.0)]
    assert [text_of(chunk) for chunk in cut] == ["Once ", "upon"]


def test_a_longer_text_comes_in_several_chunks() -> None:
    """The fallback's sentence too, so that a streaming client has something to put together."""
    assert len(chunks(default_answer(PROMPT, {}))) > 1
    assert len(chunks(Answer("LXIV"))) == 1
    assert [1, 16, 16, 32, 32, 44, 44, 60, 60] == [chunk.tokens for chunk in chunks(Answer(LONG))][:9]


def test_parts_that_are_no_text_stay_where_they_are() -> None:
    """Up to where the text is cut."""
    call = {"functionCall": {"name": "look", "args": {}}}
    answer = Answer(parts=[{"text": "I will look"}, call, {"text": " and tell"}])

    assert outcome(answer).candidates[0].parts == tuple(answer.parts)
    assert outcome(answer, max_tokens=4).candidates[0].parts == ({"text": "I will look"}, call, {"text": " and"})
    assert outcome(answer, max_tokens=2).candidates[0].parts == ({"text": "I will"},)


def test_thoughts_are_counted_apart_and_never_cut() -> None:
    """They are parts of the answer and none of its text."""
    thought = {"text": "I count on.", "thought": True}
    found = outcome(Answer(parts=[thought, {"text": "sixty four"}]), max_tokens=1)
    candidate = found.candidates[0]

    assert (thought, {"text": "sixty"}) == candidate.parts
    assert ("sixty", 1, 4) == (candidate.text, found.candidate_tokens, found.thought_tokens)
    assert [chunk.parts for chunk in candidate.chunks] == [(thought,), ({"text": "sixty"},)]


def test_citations_beyond_the_cut_are_gone() -> None:
    """A citation of what was not said cites nothing."""
    answer = Answer("one two three", citations=[Citation(0, 3), Citation(8, 13)])

    assert outcome(answer, max_tokens=2).candidates[0].citations == (Citation(0, 3),)


def test_further_candidates_say_what_they_are_told() -> None:
    """And what the first one says when they are told nothing."""
    found = outcome(Answer("one", others=["two"]), candidates=3)

    assert ["one", "two", "one"] == [candidate.text for candidate in found.candidates]


def test_scripted_usage_is_believed() -> None:
    """Count by count; the others are counted."""
    found = outcome(Answer("one two", usage={"prompt": 1000, "thoughts": 20, "cached": 900}))

    assert (1000, 2, 20, 900, 1022) == (
        found.prompt_tokens,
        found.candidate_tokens,
        found.thought_tokens,
        found.cached_tokens,
        found.total_tokens,
    )


def test_scripted_log_probabilities_are_given_to_who_asks() -> None:
    """The average is theirs even for who does not."""
    answer = Answer("LXIV", logprobs=[("LX", -0.5), ("IV", -1.5)])
    quiet = outcome(answer).candidates[0]
    asked = outcome(answer, logprobs=0).candidates[0]

    assert quiet.logprobs is None
    assert quiet.avg_logprob == -1.0
    assert asked.logprobs is not None
    assert [("LX", -0.5), ("IV", -1.5)] == [
        (token["token"], token["logProbability"]) for token in asked.logprobs["chosenCandidates"]
    ]


def test_counts_are_near_those_of_longer_recordings(transcripts: Path) -> None:
    """Within five percent of what the real tokenizer counted, over a poem of 388 tokens."""
    interactions = yaml.safe_load((transcripts / "vertex-gc-genai-streaming.txt").read_text().partition("\n")[2])
    body = interactions["interactions"][0]["response"]["body"]["string"]
    messages = [json.loads(event.removeprefix("data: ")) for event in body.split("\r\n\r\n") if event]
    text = "".join(message["candidates"][0]["content"]["parts"][0]["text"] for message in messages)
    tokens = messages[-1]["usageMetadata"]["candidatesTokenCount"]

    assert abs(count_tokens(text) - tokens) <= 0.05 * tokens
