"""What a model could not do in its time. additions.md, "Generating: rules of the 1.0 era"."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from contract_tests.api.test_numbers import DEVELOPER, FLASH_20, VERTEX, answer
from contract_tests.targets import in_process
from mockserver.scripting.answers import Answer, Rule
from mockserver.scripting.scenario import Scenario
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World

Json = dict[str, Any]

USER: Json = {"role": "user", "parts": [{"text": "x"}]}
MODEL: Json = {"role": "model", "parts": [{"text": "y"}]}
IMAGE: Json = {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "eA=="}}]}
VISION = "gemini-1.0-pro-vision-latest"
FUNCTIONS: Json = {"functionDeclarations": [{"name": "f", "description": "d"}]}


@pytest.mark.parametrize("service", [DEVELOPER, VERTEX])
@pytest.mark.parametrize(
    ("contents", "sentence"),
    [
        ([USER, MODEL], "Please ensure that multiturn requests ends with a user role or a function response."),
        ([USER, USER], "Please ensure that multiturn requests alternate between user and model."),
    ],
)
def test_turns_of_the_first_generation_alternate(service: str, contents: list[Json], sentence: str) -> None:
    """Models of 1.0 refuse other orders, later ones answer."""
    assert (400, sentence) == answer(service, "gemini-1.0-pro", {}, contents=contents)
    assert (200, "") == answer(service, "gemini-1.0-pro", {}, contents=[USER, MODEL, USER])
    assert (200, "") == answer(service, FLASH_20, {}, contents=contents)


@pytest.mark.parametrize(
    ("contents", "sentence"),
    [
        ([IMAGE, MODEL, USER], f"Multiturn chat is not enabled for models/{VISION}"),
        ([USER], f"Add an image to use models/{VISION}, or switch your model to a text model."),
    ],
)
def test_vision_models_answer_one_turn_with_an_image(contents: list[Json], sentence: str) -> None:
    """The vision models of 1.0 had no conversations, and nothing to say without an image."""
    assert (400, sentence) == answer(DEVELOPER, VISION, {}, contents=contents)
    assert (200, "") == answer(DEVELOPER, VISION, {}, contents=[IMAGE])


@pytest.mark.parametrize(("as_of", "known"), [("2023-12-28", 4), ("2024-08-28", 5), ("", 5)])
def test_the_safety_categories_are_those_of_the_day(as_of: str, known: int) -> None:
    """The sentence lists four until the middle of 2024, five since, and what it lists is accepted."""
    settings = [{"category": "HARM_CATEGORY_TOXICITY", "threshold": "BLOCK_NONE"}]
    civic = [{"category": "HARM_CATEGORY_CIVIC_INTEGRITY", "threshold": "BLOCK_NONE"}]
    model = "gemini-pro" if as_of else FLASH_20
    status, sentence = answer(DEVELOPER, model, {}, as_of, safetySettings=settings)

    assert (400, known) == (status, sentence.count("HarmCategory."))
    assert (200 if known == 5 else 400) == answer(DEVELOPER, model, {}, as_of, safetySettings=civic)[0]


def test_a_category_is_set_once() -> None:
    """Duplicates are refused, in words of our choice."""
    setting = {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}

    assert 400 == answer(DEVELOPER, FLASH_20, {}, safetySettings=[setting, setting])[0]


@pytest.mark.parametrize("service", [DEVELOPER, VERTEX])
def test_the_first_generation_has_one_tool(service: str) -> None:
    """Two tools are one too many for 1.0 only."""
    tools = [FUNCTIONS, {"codeExecution": {}}]

    assert (400, "At most one tool is supported.") == answer(service, "gemini-1.0-pro", {}, tools=tools)
    assert "At most one" not in answer(service, "gemini-1.5-flash", {}, tools=tools)[1]


def test_a_tool_is_of_one_kind() -> None:
    """Since 2025-12 Vertex AI says which fields of the oneof are set."""
    tools: list[Json] = [{"urlContext": {}, "enterpriseWebSearch": {}}]
    sentence = (
        "The GenerateContentRequest proto is invalid:\n * tools[0].tool_type: one_of 'tool_type' has more than one "
        "initialized field: enterprise_web_search, url_context"
    )

    assert (400, sentence) == answer(VERTEX, "gemini-2.5-flash", {}, tools=tools)
    assert (200, "") == answer(VERTEX, "gemini-2.5-flash", {}, "2025-10-01", tools=tools)


@pytest.mark.parametrize(
    ("model", "as_of", "status"), [("gemini-1.5-flash-002", "2025-03-01", 400), (FLASH_20, "", 200)]
)
def test_an_empty_text_is_accepted_by_now(model: str, as_of: str, status: int) -> None:
    """additions.md, shapes: Vertex AI accepted an empty text part in 2025-08; issues of early 2025 quote a refusal."""
    empty = {"role": "user", "parts": [{"text": ""}]}
    found, sentence = answer(VERTEX, model, {}, as_of, contents=[empty])

    assert status == found
    assert status == 200 or sentence.startswith("Unable to submit request because it has an empty text parameter.")


@pytest.mark.parametrize("service", [DEVELOPER, VERTEX])
@pytest.mark.parametrize("part", [{"thought": True}, {"thoughtSignature": "eA=="}])
def test_a_thought_without_data_is_accepted(service: str, part: Json) -> None:
    """additions.md, shapes; Gemini 3.1 Pro was sent a signature alone in 2026-03."""
    contents = [USER, {"role": "model", "parts": [part]}, USER]

    assert (200, "") == answer(service, "gemini-2.5-flash", {}, contents=[{"role": "user", "parts": [part]}])
    assert (200, "") == answer(service, "gemini-3.1-pro-preview", {}, contents=contents)


@pytest.mark.parametrize(
    "part", [{"toolCall": {"toolType": "URL_CONTEXT"}}, {"toolResponse": {"toolType": "URL_CONTEXT"}}]
)
def test_every_member_of_the_oneof_is_data(part: Json) -> None:
    """What a part may hold is what the schema says, not a list of ours."""
    contents = [USER, {"role": "model", "parts": [part]}, USER]

    assert (200, "") == answer(DEVELOPER, "gemini-3.5-flash", {}, contents=contents)


def whole(
    service: str,
    model: str,
    as_of: str = "",
    *,
    stream: bool = False,
    text: str = "x",
    safetySettings: Sequence[Json] = (),  # noqa: N803 - a member of the request
    **settings: Any,
) -> Any:
    """The answer, or the events of a stream, of a world of that day."""
    world = World(ManualClock(), Settings(as_of=date.fromisoformat(as_of) if as_of else None, seed=1, **settings))
    Scenario(world.store).add_rules(Rule(Answer(chunks=["one ", "two ", "three"])))
    body: Json = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
    if safetySettings:
        body["safetySettings"] = safetySettings
    with in_process(world) as client:
        if service == VERTEX:
            del client.headers["x-goog-api-key"]
            client.headers["authorization"] = "Bearer token"
        if not stream:
            return client.post(f"{service}{model}:generateContent", json=body).json()
        events = client.post(f"{service}{model}:streamGenerateContent?alt=sse", json=body).text
    return [json.loads(event.removeprefix("data: ")) for event in events.split("\r\n\r\n") if event]


@pytest.mark.parametrize(
    ("model", "as_of"), [("gemini-1.0-pro", ""), ("gemini-1.5-flash-002", ""), ("gemini-1.5-flash-001", "2024-06-01")]
)
def test_streams_of_the_first_era_are_plain(model: str, as_of: str) -> None:
    """additions.md, shapes: content alone, then fresh ratings in each event, three counts on the last, and no more."""
    events = whole(VERTEX, model, as_of, stream=True, safety_ratings="real")
    first, second, last = events
    scores = [
        tuple(rating["probabilityScore"] for rating in each["candidates"][0]["safetyRatings"]) for each in events[1:]
    ]

    assert {"candidates": [{"content": {"role": "model", "parts": [{"text": "one "}]}}]} == first
    assert ["content", "safetyRatings"] == list(second["candidates"][0])
    assert scores[0] != scores[1]
    assert ["candidates", "usageMetadata"] == list(last)
    assert ["promptTokenCount", "candidatesTokenCount", "totalTokenCount"] == list(last["usageMetadata"])
    assert ["candidates"] == list(second)


@pytest.mark.parametrize(
    ("model", "as_of", "members"),
    [
        ("gemini-1.5-flash-001", "2024-06-01", []),
        ("gemini-1.5-flash-002", "2024-11-01", ["modelVersion"]),
        ("gemini-2.0-flash", "2025-03-01", ["modelVersion", "createTime", "responseId"]),
        ("gemini-2.0-flash", "2025-08-01", ["modelVersion", "createTime", "responseId"]),
        ("gemini-3.5-flash", "", ["modelVersion", "createTime", "responseId"]),
    ],
)
def test_answers_of_vertex_have_the_members_of_their_day(model: str, as_of: str, members: list[str]) -> None:
    """additions.md, shapes: modelVersion, createTime, the traffic and the thoughts came one after the other."""
    answered = whole(VERTEX, model, as_of, safety_ratings="real")

    assert ["candidates", "usageMetadata", *members] == list(answered)
    assert (as_of in {"2025-08-01", ""}) == ("trafficType" in answered["usageMetadata"])
    assert (as_of.startswith("2024")) == ("safetyRatings" in answered["candidates"][0])
    assert (as_of != "2024-06-01") == ("avgLogprobs" in answered["candidates"][0])
    assert (as_of == "") == ("thoughtsTokenCount" in answered["usageMetadata"])


@pytest.mark.parametrize("service", [DEVELOPER, VERTEX])
def test_models_that_think_count_their_thoughts(service: str) -> None:
    """additions.md, shapes: 2.5 answers with thoughtsTokenCount, and the total counts them; a budget of 0 has none."""
    usage = whole(service, "gemini-2.5-flash")["usageMetadata"]
    counts = [usage[name] for name in ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")]

    assert usage["thoughtsTokenCount"] > 0
    assert usage["totalTokenCount"] == sum(counts)
    assert "thoughtsTokenCount" not in whole(service, FLASH_20)["usageMetadata"]
    assert "thoughtsTokenCount" not in whole(service, "gemini-2.5-flash-lite")["usageMetadata"]


@pytest.mark.parametrize("service", [DEVELOPER, VERTEX])
@pytest.mark.parametrize("model", ["gemini-2.0-flash", "gemini-2.5-flash"])
def test_real_answers_since_the_end_of_2025_are_not_rated(service: str, model: str) -> None:
    """additions.md, shapes: of 126 recorded candidates of both services none carries ratings."""
    assert "safetyRatings" not in whole(service, model, "2026-01-15", safety_ratings="real")["candidates"][0]
    assert "safetyRatings" in whole(VERTEX, model, "2026-01-15")["candidates"][0]


@pytest.mark.parametrize(("as_of", "rated"), [("2025-03-21", True), ("2025-03-22", False), ("2025-08-20", False)])
def test_real_answers_of_2_0_are_not_rated_since_march_2025(as_of: str, rated: bool) -> None:
    """None of 446 answers and 149 streams recorded from that day on has ratings."""
    model = "gemini-2.0-flash"
    (candidate,) = whole(DEVELOPER, model, as_of, safety_ratings="real")["candidates"]
    last = whole(DEVELOPER, model, as_of, stream=True, safety_ratings="real")[-1]["candidates"][0]

    assert [rated, rated] == ["safetyRatings" in candidate, "safetyRatings" in last]


@pytest.mark.parametrize(
    ("as_of", "model", "rated"),
    [
        ("2025-05-14", "gemini-2.0-flash", True),
        ("2025-10-11", "gemini-2.0-flash", True),
        ("2025-10-13", "gemini-2.5-flash", True),
        ("2025-12-19", "gemini-3-flash-preview", False),
        ("2026-08-05", "gemini-2.5-flash", False),
    ],
)
def test_safety_settings_asked_for_ratings_until_2025(as_of: str, model: str, rated: bool) -> None:
    """As recorded on these days; without settings there are none. 2.5 rates every event, and in the order of 1.0."""
    settings = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    asked = whole(DEVELOPER, model, as_of, safety_ratings="real", safetySettings=settings)["candidates"][0]
    events = whole(DEVELOPER, model, as_of, stream=True, safety_ratings="real", safetySettings=settings)
    ratings = asked.get("safetyRatings", [])

    assert rated is ("safetyRatings" in events[-1]["candidates"][0]) is bool(ratings)
    assert "safetyRatings" not in whole(DEVELOPER, model, as_of, safety_ratings="real")["candidates"][0]
    if rated:
        is_new = model == "gemini-2.5-flash"
        assert is_new is ("safetyRatings" in events[0]["candidates"][0])
        assert is_new is (ratings[0]["category"] == "HARM_CATEGORY_SEXUALLY_EXPLICIT")


@pytest.mark.parametrize(("as_of", "tiered"), [("2026-04-02", False), ("2026-05-06", True), ("2026-08-19", True)])
@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3-flash-preview"])
def test_usage_names_the_service_tier(as_of: str, tiered: bool, model: str) -> None:
    """In every answer and every event recorded since May 2026, behind all counts; on no earlier one."""
    messages = [whole(DEVELOPER, model, as_of), *whole(DEVELOPER, model, as_of, stream=True)]

    assert 4 == len(messages)
    assert all(tiered is ("serviceTier" in message["usageMetadata"]) for message in messages)
    assert all(("serviceTier", "standard") == [*message["usageMetadata"].items()][-1] for message in messages if tiered)
    assert "serviceTier" not in whole(VERTEX, model, as_of)["usageMetadata"]


@pytest.mark.parametrize(
    ("as_of", "message"), [("2025-09-24", None), ("2025-10-30", "Model generated function call(s).")]
)
def test_calls_have_a_finish_message_since_october_2025(as_of: str, message: str | None) -> None:
    """None of 63 recorded calls has it until the first of these days, each of 279 from the second on."""
    world = World(ManualClock(), Settings(as_of=date.fromisoformat(as_of), seed=1))
    body = {"contents": [USER], "tools": [FUNCTIONS], "toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}
    with in_process(world) as client:
        (candidate,) = client.post(f"{DEVELOPER}gemini-2.5-flash:generateContent", json=body).json()["candidates"]

    assert "functionCall" in candidate["content"]["parts"][0]
    assert message == candidate.get("finishMessage")


@pytest.mark.parametrize(("as_of", "detailed"), [("2024-11-18", False), ("2025-02-17", True), ("2025-08-01", True)])
def test_usage_of_1_5_is_by_modality_since_2025(as_of: str, detailed: bool) -> None:
    """Recorded in the last event of streams on these days, and in answers in one piece on the last."""
    model = "gemini-1.5-flash"
    answers = [whole(DEVELOPER, model, as_of), whole(DEVELOPER, model, as_of, stream=True)[-1]]

    for member in ("promptTokensDetails", "candidatesTokensDetails"):
        assert [detailed, detailed] == [member in answer["usageMetadata"] for answer in answers]
