"""Answers in the form a client asks for: JSON, a word of an enum, a call of its function. On both surfaces."""

import json
from typing import Any

import pytest

from contract_tests.api.aiplatform import Vertex, turn
from contract_tests.api.generativelanguage import Gemini
from contract_tests.targets import Client
from mockserver.scripting.answers import Rule
from mockserver.scripting.scenario import Scenario

Json = dict[str, Any]

RECIPE: Json = {
    "type": "OBJECT",
    "properties": {
        "name": {"type": "STRING"},
        "minutes": {"type": "INTEGER", "minimum": 5},
        "course": {"type": "STRING", "enum": ["starter", "dessert"]},
        "ingredients": {"type": "ARRAY", "items": {"type": "STRING"}, "minItems": "2"},
    },
    "required": ["name", "minutes"],
    "propertyOrdering": ["minutes", "name"],
}
PLAIN_RECIPE: Json = {
    "type": "object",
    "properties": {
        "minutes": {"type": "integer", "minimum": 5},
        "name": {"type": ["null", "string"]},
        "course": {"$ref": "#/$defs/Course"},
        "ingredients": {"type": "array", "items": {"type": "string"}, "minItems": 2},
    },
    "$defs": {"Course": {"enum": ["starter", "dessert"]}},
}
MADE: Json = {"minutes": 5, "name": "name", "course": "starter", "ingredients": ["ingredients", "ingredients"]}
LIGHTS: Json = {"name": "set_lights", "parameters": {"type": "OBJECT", "properties": {"level": {"type": "INTEGER"}}}}
CALLS: Json = {"tools": [{"functionDeclarations": [{"name": "stop"}, LIGHTS]}]}


@pytest.fixture(params=["gemini", "vertex"])
def surface(client: Client, request: pytest.FixtureRequest) -> Gemini | Vertex:
    """The Developer API, then Vertex AI."""
    return Gemini(client) if request.param == "gemini" else Vertex(client)


def ask(surface: Gemini | Vertex, method: str = "generateContent", **request: Any) -> Json:
    """What a model answers that nobody told what to say."""
    model = "models/gemini-2.5-flash"
    where = model if isinstance(surface, Gemini) else f"publishers/google/{model}"
    return surface.post(f"{where}:{method}", turn("Something for tonight?") | request)


def forced(**config: Any) -> Json:
    """A request in which one of the functions must be called."""
    return CALLS | {"toolConfig": {"functionCallingConfig": {"mode": "ANY", **config}}}


def part(answer: Json) -> Json:
    """The one part of an answer."""
    (only,) = answer["candidates"][0]["content"]["parts"]
    return dict(only)


@pytest.mark.parametrize("config", [{"responseSchema": RECIPE}, {"responseJsonSchema": PLAIN_RECIPE}])
def test_json_mode_answers_what_the_schema_asks_for(surface: Gemini | Vertex, config: Json) -> None:
    """In either dialect of schemas, in the order it asks for, and the same every time."""
    config = {"responseMimeType": "application/json"} | config

    text = part(ask(surface, generationConfig=config))["text"]

    assert (MADE, list(MADE)) == (json.loads(text), list(json.loads(text)))
    assert text == part(ask(surface, generationConfig=config))["text"]


def test_json_mode_without_a_schema_is_an_object(surface: Gemini | Vertex) -> None:
    """It says what a plain answer would."""
    text = part(ask(surface, generationConfig={"responseMimeType": "application/json"}))["text"]

    assert "Something for tonight?" in json.loads(text)["answer"]


def test_an_enum_is_answered_with_a_word_of_it(surface: Gemini | Vertex) -> None:
    """Bare, not as a JSON string."""
    config = {"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["Brass", "Strings"]}}

    assert {"text": "Brass"} == part(ask(surface, generationConfig=config))


def test_a_schema_that_nothing_fits_is_said_to_be_one(surface: Gemini | Vertex) -> None:
    """In JSON all the same."""
    schema = {"type": "INTEGER", "minimum": 2, "maximum": 1}
    config = {"responseMimeType": "application/json", "responseSchema": schema}

    assert "no number is within the bounds" in json.loads(part(ask(surface, generationConfig=config))["text"])["answer"]


def test_a_forced_call_is_the_first_function_that_may_be_called(surface: Gemini | Vertex) -> None:
    """With arguments its parameters take; `args` is there when it is empty [recorded 2026-08]."""
    assert {"functionCall": {"name": "stop", "args": {}}} == part(ask(surface, **forced()))
    assert {"functionCall": {"name": "set_lights", "args": {"level": 1}}} == part(
        ask(surface, **forced(allowedFunctionNames=["set_lights"]))
    )


def test_a_forced_call_costs_tokens_and_is_one_piece_of_a_stream(surface: Gemini | Vertex) -> None:
    """It ends with STOP as a text does."""
    events: Any = ask(surface, "streamGenerateContent", **forced())
    (event,) = events

    assert {"functionCall": {"name": "stop", "args": {}}} == part(event)
    assert "STOP" == event["candidates"][0]["finishReason"]
    assert event["usageMetadata"]["candidatesTokenCount"] > 0


def test_functions_that_need_not_be_called_are_not(surface: Gemini | Vertex) -> None:
    """AUTO leaves it to the model, and ours talks."""
    assert "text" in part(ask(surface, **CALLS))
    assert "text" in part(ask(surface, **(CALLS | {"toolConfig": {"functionCallingConfig": {"mode": "AUTO"}}})))


def test_what_a_tester_says_goes_before_any_form(client: Client, surface: Gemini | Vertex) -> None:
    """A rule may break JSON on purpose."""
    Scenario(client.world.store).add(Rule("no JSON"))
    config = {"responseMimeType": "application/json", "responseSchema": RECIPE}

    assert {"text": "no JSON"} == part(ask(surface, generationConfig=config))
    assert {"text": "no JSON"} == part(ask(surface, **forced()))


def test_magic_words_leave_the_form_alone(surface: Gemini | Vertex) -> None:
    """What they do not speak of stays: the call of a function that ends in an unusual way."""
    answer = ask(surface, **(forced() | turn("Lights! [mock: finish=OTHER]")))

    assert "OTHER" == answer["candidates"][0]["finishReason"]
    assert "stop" == part(answer)["functionCall"]["name"]


def test_a_calling_config_needs_functions(client: Client) -> None:
    """Seen on the Developer API in 2025-09."""
    asked = turn("hello") | {"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}

    assert (400, "INVALID_ARGUMENT", "Function calling config is set without function_declarations.") == Gemini(
        client
    ).refused("POST", "models/gemini-2.5-flash:generateContent", json=asked)


NEWEST: Json = {
    "contents": [
        {
            "role": "user",
            "parts": [
                {
                    "text": "x",
                    "thoughtSignature": "eA==",
                    "videoMetadata": {"fps": 1},
                    "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"},
                }
            ],
        }
    ],
    "serviceTier": "flex",
    "tools": [
        {"urlContext": {}},
        {"fileSearch": {"fileSearchStoreNames": ["fileSearchStores/a"]}},
        {"functionDeclarations": [{"name": "f", "description": "d", "parametersJsonSchema": {"type": "object"}}]},
    ],
    "toolConfig": {"functionCallingConfig": {"mode": "VALIDATED"}},
    "generationConfig": {
        "thinkingConfig": {"thinkingLevel": "LOW"},
        "responseMimeType": "application/json",
        "responseSchema": {"type": "OBJECT", "title": "Answer", "properties": {"a": {"type": "STRING", "title": "A"}}},
        "mediaResolution": "MEDIA_RESOLUTION_LOW",
    },
}


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha"])
def test_every_version_takes_the_newest_fields(client: Client, version: str) -> None:
    """What clients send to models of the third generation; litellm sends it to v1alpha."""
    path = f"/{version}/models/gemini-3.5-flash:generateContent"
    schema: dict[str, Any] = {"responseJsonSchema": {"type": "object", "title": "Answer"}}
    config = {name: value for name, value in NEWEST["generationConfig"].items() if name != "responseSchema"}

    newest = client.post(path, json=NEWEST)
    with_json_schema = client.post(path, json=NEWEST | {"generationConfig": config | schema})

    assert (200, 200) == (newest.status_code, with_json_schema.status_code), newest.text + with_json_schema.text
