"""What a model could not do in its time. additions.md, "Generating: rules of the 1.0 era"."""

from typing import Any

import pytest

from contract_tests.api.test_numbers import DEVELOPER, FLASH_20, VERTEX, answer

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
    tools = [FUNCTIONS, {"googleSearchRetrieval": {}}]

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
    """additions.md, shapes: Vertex AI accepted an empty text part in 2025-08; issues of early 2025 quote the refusal."""
    empty = {"role": "user", "parts": [{"text": ""}]}
    found, sentence = answer(VERTEX, model, {}, as_of, contents=[empty])

    assert status == found
    assert status == 200 or sentence.startswith("Unable to submit request because it has an empty text parameter.")


@pytest.mark.parametrize("service", [DEVELOPER, VERTEX])
def test_a_thought_without_data_is_accepted(service: str) -> None:
    """additions.md, shapes."""
    assert (200, "") == answer(
        service, "gemini-2.5-flash", {}, contents=[{"role": "user", "parts": [{"thought": True}]}]
    )


@pytest.mark.parametrize(
    "part", [{"toolCall": {"toolType": "URL_CONTEXT"}}, {"toolResponse": {"toolType": "URL_CONTEXT"}}]
)
def test_every_member_of_the_oneof_is_data(part: Json) -> None:
    """What a part may hold is what the schema says, not a list of ours."""
    contents = [USER, {"role": "model", "parts": [part]}, USER]

    assert (200, "") == answer(DEVELOPER, "gemini-3.5-flash", {}, contents=contents)
