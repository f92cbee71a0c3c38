"""generateContent and streamGenerateContent: our answers beside recorded ones, member for member and byte for byte."""

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from contract_tests.api.conftest import START
from contract_tests.api.generativelanguage import FLASH, PRO, Gemini, say
from contract_tests.targets import Client, in_process
from mockserver.scripting.answers import Answer, Citation, Rule
from mockserver.scripting.scenario import Scenario
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World

Json = dict[str, Any]

# A recorded answer, whole or as events, and a model of ours that answered in that shape.
WHOLE = [
    ("gemini-1.0era-unary-success-basic-reply-short.json", "gemini-pro"),
    ("gemini-1.0era-unary-success-citations.json", "gemini-pro"),
    ("gemini-1.0era-unary-failure-finish-reason-safety.json", "gemini-pro"),
    ("gemini-1.0era-unary-failure-prompt-blocked-safety.json", "gemini-pro"),
    ("gemini-unary-2.0-flash.json", "gemini-2.0-flash"),
    ("gemini-unary-1.5plus-safety-finish.json", "gemini-2.0-flash"),
]
EVENTS = [
    ("gemini-1.0era-streaming-success-basic-reply-short.raw.txt", "gemini-pro"),
    ("gemini-1.0era-streaming-success-basic-reply-long.raw.txt", "gemini-pro"),
    ("gemini-1.0era-streaming-failure-finish-reason-safety.raw.txt", "gemini-pro"),
    ("gemini-1.0era-streaming-failure-prompt-blocked-safety.raw.txt", "gemini-pro"),
    ("gemini-stream-sse-prompt-blocked.raw.txt", "gemini-pro"),
]


def scripted(messages: list[Json]) -> Answer:
    """An answer that says what was recorded, as far as a tester can say it."""
    first, last = messages[0], messages[-1]
    feedback = first.get("promptFeedback", {})
    usage = last.get("usageMetadata", {})
    counts = {"prompt": usage.get("promptTokenCount"), "candidates": usage.get("candidatesTokenCount")}
    common: Json = {
        "prompt_ratings": _levels(feedback.get("safetyRatings", [])),
        "block": feedback.get("blockReason"),
        "usage": {name: count for name, count in counts.items() if count is not None},
    }
    if "candidates" not in first:
        return Answer(**common)
    candidate = last["candidates"][0]
    sources = candidate.get("citationMetadata", {}).get("citationSources", [])
    return Answer(
        chunks=[_text(message) for message in messages],
        finish=candidate.get("finishReason", "STOP"),
        ratings=_levels(candidate["safetyRatings"]),
        citations=[
            Citation(source["startIndex"], source["endIndex"], source["uri"], source["license"]) for source in sources
        ],
        **common,
    )


def settled(message: Json) -> Json:
    """A message without what no tester can ask for, or what an older recording left out."""
    message = json.loads(json.dumps(message))
    message.pop("responseId", None)
    for candidate in message.get("candidates", []):
        candidate["content"]["role"] = "model"  # left out by some base models of early 2024
        candidate.pop("avgLogprobs", None)
    if "candidates" in message:  # one recording has no reason
        message["candidates"] = [
            {"content": candidate.pop("content"), "finishReason": candidate.pop("finishReason", "STOP"), **candidate}
            for candidate in message["candidates"]
        ]
    return message


@pytest.mark.parametrize(("file", "model"), WHOLE)
def test_whole_answers_are_shaped_as_recorded(client: Client, transcripts: Path, file: str, model: str) -> None:
    """Told to say what a recording says, a model of its era says it with the same members in the same order."""
    recorded = json.loads((transcripts / file).read_text())
    Scenario(client.world.store).add_rules(Rule(scripted([recorded])))

    said = Gemini(client, email=None).post(f"models/{model}:generateContent", say("x"))

    assert json.dumps(settled(recorded)) == json.dumps(settled(said))


@pytest.mark.parametrize(("file", "model"), EVENTS)
def test_events_are_shaped_as_recorded(client: Client, transcripts: Path, file: str, model: str) -> None:
    """The same of a stream, event for event."""
    recorded = list(_events((transcripts / file).read_text()))
    Scenario(client.world.store).add_rules(Rule(scripted(recorded)))

    answer = Gemini(client, email=None).ask("POST", f"models/{model}:streamGenerateContent?alt=sse", json=say("x"))

    assert [json.dumps(settled(event)) for event in recorded] == [
        json.dumps(settled(event)) for event in _events(answer.text)
    ]


def test_an_array_is_as_recorded_to_the_byte(client: Client, transcripts: Path) -> None:
    """A stream without `alt=sse`, of 1.5 Flash in November 2024; only the version it calls itself differs."""
    recorded = (transcripts / "gemini-stream-jsonarray-1.5-flash-2024-11.raw.txt").read_bytes()
    Scenario(client.world.store).add_rules(Rule(scripted(json.loads(recorded))))

    answer = Gemini(client, email=None).ask("POST", "models/gemini-1.5-flash-002:streamGenerateContent", json=say("x"))

    assert recorded == answer.content


def test_a_lone_event_of_2_5_is_as_recorded_to_the_byte(client: Client, transcripts: Path) -> None:
    """Of February 2026: no ratings, an index, thoughts counted; only the id differs."""
    recorded = _recorded(transcripts, "sse-gl-ok")
    usage = {"prompt": 11, "candidates": 1, "thoughts": 33}
    Scenario(client.world.store).add_rules(Rule(Answer("Paris", usage=usage)))

    answer = Gemini(client, email=None).ask(
        "POST", "models/gemini-2.5-flash:streamGenerateContent?alt=sse", json=say("x")
    )

    ids = re.compile('"responseId": "[A-Za-z0-9_-]{23}"')
    assert ids.sub("", recorded) == ids.sub("", answer.text)


def test_a_long_stream_of_2_0_is_shaped_as_recorded(client: Client, transcripts: Path) -> None:
    """Of August 2025: ratings from the second event on, and counts of the answer in the last one only."""
    recorded = json.loads(_recorded(transcripts, "array-gl-2"))
    Scenario(client.world.store).add_rules(Rule(Answer(chunks=[_text(event) for event in recorded])))

    answer = Gemini(client, email=None).ask(
        "POST",
        "models/gemini-2.0-flash:streamGenerateContent",
        params={"$alt": "json;enum-encoding=int"},
        json=say("x"),
    )

    assert [_uncounted(event) for event in recorded] == [_uncounted(event) for event in answer.json()]


def test_answers_with_numbers_for_enums_are_as_recorded(client: Client, transcripts: Path) -> None:
    """`$alt=json;enum-encoding=int`, recorded from Google's Go client in August 2025."""
    text = (transcripts / "gemini-http-generateContent-enumint.httprr.txt").read_text()
    recorded, _ = json.JSONDecoder().raw_decode(text, text.index('{\n  "candidates"'))
    Scenario(client.world.store).add_rules(Rule(Answer("2 + 2 = 4\n")))

    said = Gemini(client, email=None).post(
        "models/gemini-2.0-flash:generateContent", say("What is 2 + 2?"), **{"$alt": "json;enum-encoding=int"}
    )

    assert json.dumps(settled(recorded)) == json.dumps(settled(said))
    assert len(recorded["responseId"]) == len(said["responseId"])


def test_a_tuned_1_0_model_answers_as_in_the_quickstart(client: Client) -> None:
    """The whole body of 2024-03, in which the answer is rated LOW for harassment and the prompt is not."""
    gemini = Gemini(client)

    answer = gemini.ask("POST", f"{gemini.trained(PRO)}:generateContent", json=say("六"))

    names = ("SEXUALLY_EXPLICIT", "HATE_SPEECH", "HARASSMENT", "DANGEROUS_CONTENT")
    prompt = [{"category": f"HARM_CATEGORY_{name}", "probability": "NEGLIGIBLE"} for name in names]
    rated = [rating | ({"probability": "LOW"} if "HARASSMENT" in rating["category"] else {}) for rating in prompt]
    content = {"parts": [{"text": "七"}], "role": "model"}
    candidate = {"content": content, "finishReason": "STOP", "index": 0, "safetyRatings": rated}
    body = {"candidates": [candidate], "promptFeedback": {"safetyRatings": prompt}}
    assert json.dumps(body, indent=2, ensure_ascii=False) + "\n" == answer.text


def test_a_tuned_1_5_model_answers_as_its_sisters_did(client: Client) -> None:
    """Usage, a version, a mean log probability; no feedback on the prompt and no index."""
    gemini = Gemini(client)

    said = gemini.post(f"{gemini.trained(FLASH)}:generateContent", say("3"))

    assert ["candidates", "usageMetadata", "modelVersion"] == list(said)
    assert ["content", "finishReason", "safetyRatings", "avgLogprobs"] == list(said["candidates"][0])
    assert ["promptTokenCount", "candidatesTokenCount", "totalTokenCount"] == list(said["usageMetadata"])
    assert [
        "HARM_CATEGORY_HATE_SPEECH",
        "HARM_CATEGORY_DANGEROUS_CONTENT",
        "HARM_CATEGORY_HARASSMENT",
        "HARM_CATEGORY_SEXUALLY_EXPLICIT",
    ] == [rating["category"] for rating in said["candidates"][0]["safetyRatings"]]


def test_a_2_5_stream_counts_as_it_goes(client: Client) -> None:
    """An index, no ratings, and usage that grows from event to event [recorded: 2025-10, 2026-02]."""
    answer = Gemini(client, email=None).ask(
        "POST", "models/gemini-2.5-flash:streamGenerateContent?alt=sse", json=say("Say something that takes a while.")
    )

    events = list(_events(answer.text))
    counts = [event["usageMetadata"]["candidatesTokenCount"] for event in events]
    assert counts == sorted(set(counts))
    assert 1 == len({event["responseId"] for event in events})
    assert [{"content", "index"}] * (len(events) - 1) == [set(event["candidates"][0]) for event in events[:-1]]
    assert {"content", "finishReason", "index"} == set(events[-1]["candidates"][0])


def test_delays_pass_on_the_worlds_clock(client: Client) -> None:
    """A scripted wait between two events is the clock's, not the machine's."""
    Scenario(client.world.store).add_rules(Rule(Answer(chunks=["one ", "two"], delays=[0, 60])))
    before = client.clock.now()

    answer = Gemini(client, email=None).ask("POST", "models/gemini-pro:streamGenerateContent?alt=sse", json=say("x"))

    assert 2 == len(list(_events(answer.text)))
    assert 60 * 10**9 <= client.clock.now() - before


@pytest.mark.parametrize("alt", ["", "?alt=sse"])
def test_a_refused_stream_is_one_error(client: Client, alt: str) -> None:
    """With a real status; bare for events, in an array otherwise [both seen]."""
    answer = Gemini(client, email=None).ask("POST", f"models/custom-gemini:streamGenerateContent{alt}", json=say("x"))

    body = json.loads(answer.text)
    error = body["error"] if alt else body[0]["error"]
    assert (404, 404) == (answer.status_code, error["code"])
    assert error["message"].startswith("models/custom-gemini is not found for API version v1beta")
    assert ("text/event-stream" if alt else "application/json; charset=UTF-8") == answer.headers["content-type"]


def test_streams_of_tuned_models_came_in_october_2024() -> None:
    """Before, the path was an empty 404 [seen: 2024-09-12]."""
    for day, status in ((date(2024, 9, 12), 404), (date(2024, 11, 1), 200)):
        gemini = Gemini(in_process(World(ManualClock(START), Settings(as_of=day))))

        assert status == gemini.ask("POST", f"{gemini.trained(FLASH)}:streamGenerateContent", json=say("x")).status_code


def test_a_tuned_model_answers_on_v1(client: Client) -> None:
    """Generating is all that v1 does with tuned models, besides their operations."""
    gemini = Gemini(client)
    name = gemini.trained()

    assert "4" == _text(gemini.post(f"/v1/{name}:generateContent", say("3")))


def test_a_lone_object_is_a_list(client: Client) -> None:
    """`contents` and `parts` as objects, as the oldest samples send them [seen]."""
    body = {"contents": {"parts": {"text": "LXIII"}}}

    gemini = Gemini(client)

    assert "LXIV" == _text(gemini.post(f"{gemini.trained()}:generateContent", body))


def test_logprobs_are_given_to_who_asks(client: Client) -> None:
    """The chosen tokens, and the likely ones when a number of them is wanted."""
    config = {"responseLogprobs": True, "logprobs": 2}

    said = Gemini(client, email=None).post("models/gemini-2.0-flash:generateContent", say("x", generationConfig=config))

    result = said["candidates"][0]["logprobsResult"]
    assert len(result["chosenCandidates"]) == len(result["topCandidates"])
    assert 2 == len(result["topCandidates"][0]["candidates"])
    assert "".join(token["token"] for token in result["chosenCandidates"]) == _text(said)


def test_batches_are_operations(client: Client) -> None:
    """As recorded in December 2025: types of v1main, counts as strings, `{}` for what is cancelled or deleted."""
    gemini = Gemini(client)
    requests = [{"request": say(text), "metadata": {"key": text}} for text in ("1", "2")]
    batch = {"display_name": "b", "input_config": {"requests": {"requests": requests}}}

    begun = gemini.post(f"{gemini.trained()}:batchGenerateContent", {"batch": batch})
    client.clock.advance(100)
    done = gemini.get(begun["name"])

    assert [done] == gemini.get("batches", filter="done=true")["operations"]
    assert {} == gemini.get("batches", filter="done=false")
    assert 400 == gemini.refused("GET", "batches", params={"filter": "what"})[0]
    assert re.fullmatch(r"batches/[a-z0-9]{36}", begun["name"])
    assert ["@type", "model", "displayName", "createTime", "updateTime", "batchStats", "state", "name"] == list(
        begun["metadata"]
    )
    assert {"requestCount": "2", "pendingRequestCount": "2"} == begun["metadata"]["batchStats"]
    assert done["response"]["@type"].endswith("google.ai.generativelanguage.v1main.GenerateContentBatchOutput")
    responses = done["response"]["inlinedResponses"]["inlinedResponses"]
    assert ["2", "3"] == [_text(each["response"]) for each in responses]
    assert (
        b"{}\n" == gemini.ask("POST", f"{begun['name']}:cancel").content == gemini.ask("DELETE", begun["name"]).content
    )


def _events(text: str) -> Iterator[Json]:
    """The messages of a recorded stream of events; recordings have line ends of their own."""
    for line in text.splitlines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


def _recorded(transcripts: Path, wanted: str) -> str:
    """The body of a recorded stream."""
    recordings = json.loads((transcripts / "wire-streaming.json").read_text())
    body: str = next(each["body"] for each in recordings if each["id"] == wanted)
    return body


def _uncounted(message: Json) -> str:
    """A message with all numbers of tokens the same."""
    return re.sub(r'("\w+[cC]ount": )\d+', r"\g<1>1", json.dumps(settled(message)))


def _text(message: Json) -> str:
    parts = message["candidates"][0]["content"]["parts"]
    return "".join(part["text"] for part in parts)


def _levels(ratings: list[Json]) -> dict[str, str]:
    return {rating["category"]: rating["probability"] for rating in ratings}


@pytest.mark.parametrize(
    "more",
    [
        {"systemInstruction": {"parts": [{"text": "be brief"}]}},
        {"generationConfig": {"responseModalities": ["TEXT"], "responseMimeType": "application/json"}},
        {"tools": [{"functionDeclarations": [{"name": "sum", "parameters": {"type": "OBJECT"}}]}]},
    ],
)
def test_v1_takes_what_the_newest_libraries_send_there(client: Client, more: Json) -> None:
    """google-genai 3.x speaks v1 by default, and says the same there as on v1beta."""
    answers = [
        Gemini(client, version=version).post("models/gemini-2.0-flash:generateContent", say("hi") | more)
        for version in ("v1", "v1beta")
    ]

    assert answers[0]["candidates"] == answers[1]["candidates"]


@pytest.mark.parametrize(
    ("model", "most", "words"),
    [
        ("models/gemini-2.0-flash", 1_048_575, "The input token count (1048576)"),
        ("models/gemini-2.5-flash", 1_048_576, "The input token count"),
        ("", 16_383, "The input token count (16384)"),
    ],
)
def test_a_prompt_can_be_too_long(client: Client, model: str, most: int, words: str) -> None:
    """In the words recorded of 2.0 Flash in 2025 and of 2.5 Flash in 2026; a tuned model has the limit of its base."""
    gemini = Gemini(client)
    model = model or gemini.trained(FLASH)

    error = gemini.refused("POST", f"{model}:generateContent", json=say("a" + " a" * most))
    counted = gemini.post("models/gemini-2.5-flash:countTokens", say("a" + " a" * most))

    sentence = f"{words} exceeds the maximum number of tokens allowed ({most})."
    assert (400, "INVALID_ARGUMENT", sentence) == error[:3]
    assert most + 1 == counted["totalTokens"]
    if most < 100_000:
        assert 200 == gemini.ask("POST", f"{model}:generateContent", json=say("a" + " a" * (most - 1))).status_code
