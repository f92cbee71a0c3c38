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
IN_A_PROMPT = f"""Answer as JSON. As an example, {{"properties": {{"foo": {{"type": "string"}}}}}} is a schema.
Here is the schema: {{braces}} are not.
```
{json.dumps(PLAIN_RECIPE, indent=2)}
```"""
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


@pytest.mark.parametrize("system", [False, True])
def test_json_mode_answers_what_a_schema_in_the_prompt_asks_for(surface: Gemini | Vertex, *, system: bool) -> None:
    """Frameworks write a schema into the prompt or the system instruction, the last after an example of one."""
    config = {"responseMimeType": "application/json"}
    told = {"systemInstruction": {"parts": [{"text": IN_A_PROMPT}]}} if system else turn(IN_A_PROMPT)

    assert json.loads(part(ask(surface, generationConfig=config, **told))["text"]) == MADE


@pytest.mark.parametrize("text", ["{" * 5_000, '{"a":' * 5_000, '{"properties": {"a": {"$ref": "#/nowhere"}}}', "{1"])
def test_json_mode_is_an_object_whatever_the_prompt_has(surface: Gemini | Vertex, text: str) -> None:
    """What looks like a schema and is none."""
    answer = ask(surface, generationConfig={"responseMimeType": "application/json"}, **turn(text))

    assert isinstance(json.loads(part(answer)["text"]), dict)


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


WEATHER: Json = {
    "name": "get_current_weather",
    "description": "Get the current weather in a city",
    "parameters": {
        "type": "OBJECT",
        "properties": {"location": {"type": "STRING"}, "unit": {"type": "STRING", "enum": ["C", "F"]}},
    },
}
DIVIDE: Json = {
    "name": "divide",
    "description": "Divide two integers.",
    "parametersJsonSchema": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"$ref": "#/$defs/Divisor"}},
        "required": ["a", "b"],
        "$defs": {"Divisor": {"type": "integer", "minimum": 1}},
    },
}


def tools(*functions: Json, **config: Any) -> Json:
    """The tools of a request, and how they may be called."""
    return {"tools": [{"functionDeclarations": [*functions]}], "toolConfig": {"functionCallingConfig": config}}


def calls(answer: Json) -> list[Json]:
    """The function calls of an answer."""
    return [each["functionCall"] for each in answer["candidates"][0]["content"]["parts"] if "functionCall" in each]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("What is the weather in New York?", [("get_current_weather", {"location": "New York"})]),
        ("Current Task: What is the weather in Oslo?", [("get_current_weather", {"location": "Oslo"})]),
        ("weather for Oslo in F", [("get_current_weather", {"location": "Oslo", "unit": "F"})]),
        ("what is 1000/2?", [("divide", {"a": 1000, "b": 2})]),
        ("Please use divide on 9 and 3", [("divide", {"a": 9, "b": 3})]),
        (
            "Divide 1000 by 2. And tell me the weather in London.",
            [("divide", {"a": 1000, "b": 2}), ("get_current_weather", {"location": "London"})],
        ),
        ("Who won the 1955 world cup?", []),
        ("what is 1000*2?", []),
    ],
)
@pytest.mark.parametrize("mode", [None, "AUTO", "VALIDATED", "NONE"])
def test_a_prompt_that_fits_a_function_gets_a_call(
    surface: Gemini | Vertex, prompt: str, expected: list[tuple[str, Json]], mode: str | None
) -> None:
    """By words of its name or description, in the order of the prompt, with arguments from it; else text."""
    config = {} if mode is None else {"mode": mode}
    answer = ask(surface, **turn(prompt), **tools(WEATHER, DIVIDE, **config))

    assert ([] if mode == "NONE" else expected) == [(call["name"], call["args"]) for call in calls(answer)]
    if not expected or mode == "NONE":
        assert "text" in part(answer)


def result(name: str, /, **response: Any) -> Json:
    """The turn of a client that has called a function."""
    return {"role": "user", "parts": [{"functionResponse": {"name": name, "response": response}}]}


@pytest.mark.parametrize(
    ("response", "text"),
    [
        ({"result": "It is sunny in Oslo."}, "It is sunny in Oslo."),
        ({"result": 501}, "501.0."),
        ({"sky": "blue", "degrees": 20, "days": [1, 2]}, "sky: blue, degrees: 20.0, days: [1.0, 2.0]."),
        ({}, "get_current_weather returned nothing."),
        ({"return_value": "sunny"}, "sunny."),
        ({"name": "get_current_weather", "content": "sunny"}, "sunny."),
        ({"name": "Oslo", "content": "sunny"}, "name: Oslo, content: sunny."),
        ({"output": [{"text": "Sunny,"}, {"text": "and warm"}]}, "Sunny, and warm."),
    ],
)
def test_a_result_is_followed_by_text_that_uses_it(surface: Gemini | Vertex, response: Json, text: str) -> None:
    """The loop of an agent ends, also where the prompt fits a function. Numbers are doubles, as in a Struct."""
    question = {"role": "user", "parts": [{"text": "What is the weather in Oslo?"}]}
    called = {"role": "model", "parts": [{"functionCall": {"name": "get_current_weather", "args": {}}}]}
    contents = [question, called, result("get_current_weather", **response)]

    assert {"text": text} == part(ask(surface, contents=contents, **tools(WEATHER)))


def test_a_result_is_told_with_the_texts_that_the_call_had(surface: Gemini | Vertex) -> None:
    """Unless the result has them itself."""
    question = {"role": "user", "parts": [{"text": "What is the weather in Oslo and in Bergen?"}]}
    called = [
        {"functionCall": {"name": name, "args": {"city": city}}} for name, city in (("f", "Oslo"), ("g", "Bergen"))
    ]
    results = [result("f", result="windy")["parts"][0], result("g", result="Bergen is wet")["parts"][0]]
    contents = [question, {"role": "model", "parts": called}, {"role": "user", "parts": results}]

    assert {"text": "Oslo: windy. Bergen is wet."} == part(ask(surface, contents=contents, **tools(WEATHER)))


@pytest.mark.parametrize(("thinking", "thoughts"), [({"includeThoughts": True}, 1), ({}, 0)])
def test_thoughts_come_before_the_answer_if_asked_for(surface: Gemini | Vertex, thinking: Json, thoughts: int) -> None:
    """A part that says that it is a thought; its tokens are counted apart."""
    answer = ask(surface, generationConfig={"thinkingConfig": thinking})
    told = [each.get("thought", False) for each in answer["candidates"][0]["content"]["parts"]]

    assert [True] * thoughts + [False] == told
    assert answer["usageMetadata"]["totalTokenCount"] > answer["usageMetadata"]["promptTokenCount"]


def test_a_result_in_json_mode_is_followed_by_json(surface: Gemini | Vertex) -> None:
    """The form that is asked for goes before the result."""
    config = {"responseMimeType": "application/json", "responseSchema": RECIPE}
    contents = [*turn("What is the weather?")["contents"], result("get_current_weather", result="sunny")]

    assert dict is type(
        json.loads(part(ask(surface, contents=contents, generationConfig=config, **tools(WEATHER)))["text"])
    )


def test_an_agent_that_must_call_comes_to_its_last_function(surface: Gemini | Vertex) -> None:
    """Each function that has no result yet, in their order; then the last one, which takes the final answer."""
    final = {"name": "final_answer", "parameters": {"type": "OBJECT", "properties": {"answer": {"type": "STRING"}}}}
    contents = turn("Is it warm in Oslo?")["contents"]
    called = []
    for _ in range(4):
        (call,) = calls(ask(surface, contents=contents, **tools(WEATHER, DIVIDE, final, mode="ANY")))
        called.append(call["name"])
        contents = [*contents, {"role": "model", "parts": [{"functionCall": call}]}, result(call["name"], result="ok")]

    assert ["get_current_weather", "divide", "final_answer", "final_answer"] == called


@pytest.mark.parametrize("quote", ["'", '"'])
def test_an_agent_that_writes_calls_down_comes_to_its_last_function(surface: Gemini | Vertex, quote: str) -> None:
    """Some frameworks tell the model of its calls and their results in text; the final answer has the last result."""
    final = {"name": "final_answer", "parameters": {"type": "OBJECT", "properties": {"answer": {"type": "STRING"}}}}
    written = f"Calling tools:\n[{{'function': {{'name': {quote}get_current_weather{quote}}}}}]"
    contents = [
        *turn("Is it warm in Oslo? Give a final_answer.")["contents"],
        {"role": "model", "parts": [{"text": written}]},
        *turn("Observation: 20 degrees")["contents"],
    ]

    (call,) = calls(ask(surface, contents=contents, **tools(WEATHER, final, mode="ANY")))

    assert {"name": "final_answer", "args": {"answer": "Observation: 20 degrees"}} == call


def test_calls_have_a_finish_message_on_the_developer_api(client: Client) -> None:
    """Of models since 2.5; text has none."""
    asked = turn("weather in Oslo?") | tools(WEATHER)
    answers = [
        Gemini(client).post(f"models/{model}:generateContent", asked)["candidates"][0]
        for model in ("gemini-2.5-flash", "gemini-1.5-flash")
    ]

    assert ["Model generated function call(s).", None] == [each.get("finishMessage") for each in answers]
    assert "finishMessage" not in ask(Gemini(client), **tools(WEATHER))["candidates"][0]


def test_what_a_tester_says_goes_before_any_form(client: Client, surface: Gemini | Vertex) -> None:
    """A rule may break JSON on purpose."""
    Scenario(client.world.store).add_rules(Rule("no JSON"))
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
