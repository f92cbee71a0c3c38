"""Asking tuned endpoints and Google's own models on Vertex AI."""

import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest

from contract_tests.api.aiplatform import PROJECT, Vertex, turn
from contract_tests.targets import Client
from mockserver.scripting.answers import Answer, Rule
from mockserver.scripting.scenario import Scenario
from mockserver.state.world import Settings

Json = dict[str, Any]

FLASH = "publishers/google/models/gemini-2.5-flash"
REAL = pytest.mark.parametrize("settings", [Settings(seed=1, safety_ratings="real")])


def ask(vertex: Vertex, text: str = "hello", model: str = FLASH, **more: Any) -> Json:
    """What a model answers."""
    return vertex.post(f"{model}:generateContent", turn(text) | more)


def events(body: str) -> list[Json]:
    """The messages of a stream of events."""
    return [json.loads(event.removeprefix("data: ")) for event in body.split("\r\n\r\n") if event]


@REAL
def test_an_answer_has_the_recorded_shape(client: Client) -> None:
    """Members and their order as recorded from 2025 on: no index, no ratings unless asked."""
    Scenario(client.world.store).add_rules(Rule(Answer("LXIV")))

    answer = ask(Vertex(client))

    assert ["candidates", "usageMetadata", "modelVersion", "createTime", "responseId"] == list(answer)
    candidate = answer["candidates"][0]
    assert ["content", "finishReason", "avgLogprobs"] == list(candidate)
    assert ["role", "parts"] == list(candidate["content"])
    assert [
        "promptTokenCount", "candidatesTokenCount", "totalTokenCount", "trafficType", "promptTokensDetails",
        "candidatesTokensDetails", "thoughtsTokenCount",
    ] == list(answer["usageMetadata"])  # fmt: skip
    assert ("ON_DEMAND", "gemini-2.5-flash") == (answer["usageMetadata"]["trafficType"], answer["modelVersion"])


def test_answers_are_rated_in_the_dialect_of_vertex(client: Client) -> None:
    """A double rates by default: four categories in the recorded order, with scores and severity."""
    ratings = ask(Vertex(client))["candidates"][0]["safetyRatings"]

    assert ["HATE_SPEECH", "DANGEROUS_CONTENT", "HARASSMENT", "SEXUALLY_EXPLICIT"] == [
        rating["category"].removeprefix("HARM_CATEGORY_") for rating in ratings
    ]
    assert ["category", "probability", "probabilityScore", "severity", "severityScore"] == list(ratings[0])


@REAL
def test_real_answers_are_rated_when_asked_or_blocked(client: Client) -> None:
    """`blocked` stands between probability and its score [seen]."""
    Scenario(client.world.store).add_rules(Rule(Answer("Ouch", ratings={"HARASSMENT": "HIGH"}), text="insult me"))
    vertex = Vertex(client)
    settings = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_LOW_AND_ABOVE"}]

    plain = ask(vertex)["candidates"][0]
    asked = ask(vertex, safetySettings=settings)["candidates"][0]
    blocked = ask(vertex, "insult me")["candidates"][0]

    assert "safetyRatings" not in plain
    assert 4 == len(asked["safetyRatings"])
    assert "SAFETY" == blocked["finishReason"]
    assert ["category", "probability", "blocked", "probabilityScore", "severity", "severityScore"] == list(
        blocked["safetyRatings"][2]
    )


@REAL
def test_a_blocked_prompt_has_no_candidates(client: Client) -> None:
    """Feedback, and usage that knows the kind of traffic only [recorded 2026-05]."""
    Scenario(client.world.store).add_rules(Rule(Answer(block="MODEL_ARMOR")))

    answer = ask(Vertex(client))

    assert ["promptFeedback", "usageMetadata", "modelVersion", "createTime", "responseId"] == list(answer)
    assert {
        "blockReason": "MODEL_ARMOR",
        "blockReasonMessage": "The prompt violated Prompt Injection and Jailbreak filters.",
    } == answer["promptFeedback"]
    assert {"trafficType": "ON_DEMAND"} == answer["usageMetadata"]


def test_the_response_id_holds_the_time_of_creation(client: Client) -> None:
    """Its first four bytes are the seconds, the varint behind them the microseconds [93 of 93 recorded]."""
    client.clock.advance(0.123456)

    answer = ask(Vertex(client))

    raw = urlsafe_b64decode(answer["responseId"] + "==")
    assert "2024-03-14T15:00:00.123456Z" == answer["createTime"]
    assert 1710428400 == int.from_bytes(raw[:4], "little")
    assert 123456 == sum((byte & 0x7F) << (7 * place) for place, byte in enumerate(raw[4:7]))
    assert 20 <= len(answer["responseId"]) <= 23


@REAL
def test_a_tuned_endpoint_has_no_model_version(client: Client) -> None:
    """As recorded in 2025-03."""
    vertex = Vertex(client)
    endpoint = vertex.tuned()["tunedModel"]["endpoint"]

    answer = ask(vertex, model=endpoint)

    assert ["candidates", "usageMetadata", "createTime", "responseId"] == list(answer)


def test_a_rule_can_be_for_one_endpoint(client: Client) -> None:
    """By its number; other models go on as before."""
    vertex = Vertex(client)
    endpoint = vertex.tuned()["tunedModel"]["endpoint"]
    Scenario(client.world.store).add_rules(Rule(Answer("tuned"), model=endpoint.rpartition("/")[2]))

    assert "tuned" == ask(vertex, model=endpoint)["candidates"][0]["content"]["parts"][0]["text"]
    assert "tuned" != ask(vertex)["candidates"][0]["content"]["parts"][0]["text"]


@REAL
def test_a_stream_of_events_ends_with_the_reason_and_the_costs(client: Client) -> None:
    """Before that, usage is the kind of traffic; time and id stay the same [recorded 2025-10]."""
    Scenario(client.world.store).add_rules(Rule(Answer(chunks=["When ", "systems ", "hum"], delays=[0, 1, 1])))

    answer = Vertex(client).ask("POST", f"{FLASH}:streamGenerateContent?alt=sse", json=turn())

    messages = events(answer.text)
    assert "text/event-stream" == answer.headers["content-type"]
    assert answer.text.startswith('data: {"candidates": [{"content": {"role": "model","parts": [{"text": "When "}]}}],')
    assert ["When ", "systems ", "hum"] == [
        message["candidates"][0]["content"]["parts"][0]["text"] for message in messages
    ]
    assert [{"trafficType": "ON_DEMAND"}] * 2 == [message["usageMetadata"] for message in messages[:-1]]
    assert [None, None, "STOP"] == [message["candidates"][0].get("finishReason") for message in messages]
    assert 1 == len({(message["createTime"], message["responseId"]) for message in messages})
    assert {"promptTokenCount", "candidatesTokenCount", "totalTokenCount"} < messages[-1]["usageMetadata"].keys()


def test_without_events_a_stream_is_an_array(client: Client) -> None:
    """As the GAPIC clients read it."""
    answer = Vertex(client).ask("POST", f"{FLASH}:streamGenerateContent", json=turn())

    assert "application/json; charset=UTF-8" == answer.headers["content-type"]
    assert "".join(
        part["text"] for message in answer.json() for part in message["candidates"][0]["content"]["parts"]
    ).startswith("Mock answer")


def test_a_stream_that_cannot_begin_is_an_error(client: Client) -> None:
    """With its real status; an array of one error without alt=sse."""
    vertex = Vertex(client)

    plain = vertex.ask("POST", "endpoints/1:streamGenerateContent", json=turn())
    sse = vertex.ask("POST", "endpoints/1:streamGenerateContent?alt=sse", json=turn())

    assert [404, 404] == [plain.status_code, sse.status_code]
    assert plain.json()[0] == sse.json()


def test_magic_words_of_a_prompt_ask_for_a_fault(client: Client) -> None:
    """For clients that reach nothing but the API."""
    error = Vertex(client).refused("POST", f"{FLASH}:generateContent", json=turn("hello [mock: error=503]"))

    assert (503, "UNAVAILABLE") == (error["code"], error["status"])


@pytest.mark.parametrize(
    ("text", "system", "tokens", "characters"),
    [
        ("What is the capital of France?", "You are a helpful chatbot.", 13, 47),
        ("What is the capital of France?", "", 7, 25),
        ("Say this is a test", "", 5, 14),
    ],
)
def test_tokens_are_counted_as_recorded(client: Client, text: str, system: str, tokens: int, characters: int) -> None:
    """White space is not billed."""
    instruction = {"systemInstruction": {"role": "user", "parts": [{"text": system}]}} if system else {}

    answer = Vertex(client, version="v1beta1").post(f"{FLASH}:countTokens", turn(text) | instruction)

    assert {
        "totalTokens": tokens,
        "totalBillableCharacters": characters,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens}],
    } == answer
    assert ["totalTokens", "totalBillableCharacters", "promptTokensDetails"] == list(answer)


def test_declared_functions_are_counted_as_recorded(client: Client) -> None:
    """Six tokens and the characters of the name, for one without a description and without parameters."""
    vertex = Vertex(client, version="v1beta1")
    ask = (
        "What is the largest city in the user country? Use the get_user_country tool and then your own world knowledge."
    )
    declared = {"name": "get_user_country", "description": "", "parameters": {"type": "OBJECT", "properties": {}}}
    body = turn(ask) | {
        "systemInstruction": {"role": "user", "parts": [{"text": "You are a chatbot."}]},
        "tools": [{"functionDeclarations": [declared]}],
        "generationConfig": {"max_output_tokens": 100},
    }

    answer = vertex.post("publishers/google/models/gemini-2.0-flash:countTokens", body)

    assert (36, 123) == (answer["totalTokens"], answer["totalBillableCharacters"])
    tool = {"functionDeclarations": [declared | {"parameters": {"properties": {"city": {"description": "a name"}}}}]}
    more = vertex.post("publishers/google/models/gemini-2.0-flash:countTokens", body | {"tools": tool})
    assert (39, 132) == (more["totalTokens"], more["totalBillableCharacters"])


def test_an_answer_that_may_search_is_grounded(client: Client) -> None:
    """Recorded in 2026-06 of an answer that needed no search: an empty message, and no average of probabilities."""
    vertex = Vertex(client, version="v1beta1")

    (candidate,) = vertex.post(f"{FLASH}:generateContent", turn() | {"tools": [{"googleSearch": {}}]})["candidates"]

    assert {} == candidate["groundingMetadata"]
    assert "avgLogprobs" not in candidate


def test_tokens_can_be_seen(client: Client) -> None:
    """As bytes in base64, with their numbers as int64."""
    info = Vertex(client).post(f"{FLASH}:computeTokens", turn("hi there"))["tokensInfo"]

    assert [("user", ["aGk=", "IHRoZXJl"])] == [(each["role"], each["tokens"]) for each in info]
    assert all(isinstance(number, str) for number in info[0]["tokenIds"])


def test_log_probabilities_are_given_when_asked(client: Client) -> None:
    """Chosen tokens and as many alternatives as wanted."""
    config = {"responseLogprobs": True, "logprobs": 3}

    result = ask(Vertex(client), generationConfig=config)["candidates"][0]["logprobsResult"]

    assert {3} == {len(place["candidates"]) for place in result["topCandidates"]}
    assert [place["candidates"][0] for place in result["topCandidates"]] == result["chosenCandidates"]


@pytest.mark.parametrize("content", [{"parts": [{"text": "x"}]}, {"role": "invalid_role", "parts": [{"text": "x"}]}])
def test_a_role_is_required(client: Client, content: Json) -> None:
    """Unlike on the Developer API [recorded 2025-08]."""
    error = Vertex(client).refused("POST", f"{FLASH}:generateContent", json={"contents": [content]})

    assert {"code": 400, "message": "Please use a valid role: user, model.", "status": "INVALID_ARGUMENT"} == error


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (
            {"temperature": 1000.0},
            "it has a temperature value of 1000 but the supported range is from 0 (inclusive) to 2.0001 (exclusive).",
        ),
        (
            {"maxOutputTokens": 100000},
            "it has a maxOutputTokens value of 100000 but the supported range is from 1 (inclusive) to 65537 (exclusive).",
        ),
    ],
)
def test_numbers_have_ranges(client: Client, config: Json, sentence: str) -> None:
    """The first sentence was recorded, the second quoted by many."""
    error = Vertex(client).refused("POST", f"{FLASH}:generateContent", json=turn() | {"generationConfig": config})

    assert f"Unable to submit request because {sentence} Update the value and try again." == error["message"]


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ([], "at least one contents field is required"),
        ([{"role": "user"}], "it must include at least one parts field"),
    ],
)
def test_there_has_to_be_something_to_answer(client: Client, contents: list[Json], words: str) -> None:
    """In words that were met in 2025."""
    error = Vertex(client).refused("POST", f"{FLASH}:generateContent", json={"contents": contents})

    assert error["message"].startswith(f"Unable to submit request because {words}")


def test_a_prompt_can_be_too_long(client: Client) -> None:
    """The counts are in the sentence [recorded 2026-08]."""
    error = Vertex(client).refused("POST", f"{FLASH}:generateContent", json=turn("a" + " a" * 1_048_576))

    assert "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576)." == error["message"]


@pytest.mark.parametrize("name", [f"projects/{PROJECT}/locations/us-central1/", ""])
def test_an_unknown_model_is_not_found(client: Client, name: str) -> None:
    """The name as it was sent, in backticks [recorded 2025-08]."""
    model = f"{name}publishers/google/models/gemini-does-not-exist"
    headers = {"authorization": "Bearer token"}

    error = client.post(f"/v1/{model}:generateContent", json=turn(), headers=headers).json()["error"]

    assert {"code": 404, "message": f"Publisher Model `{model}` not found.", "status": "NOT_FOUND"} == error


@pytest.mark.parametrize("verb", ["predict", "rawPredict"])
def test_gemini_is_not_asked_by_predict(client: Client, verb: str) -> None:
    """400; a model that is not there is not found all the same."""
    vertex = Vertex(client)
    endpoint = vertex.tuned()["tunedModel"]["endpoint"]

    error = vertex.refused("POST", f"{endpoint}:{verb}", json={"instances": [{}]} if verb == "predict" else {})

    assert 400 == error["code"]
    assert error["message"].startswith("Gemini cannot be accessed through Vertex Predict/RawPredict API.")
    assert 404 == vertex.ask("POST", f"endpoints/1:{verb}", json={}).status_code


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_express_mode_asks_without_a_project(client: Client, version: str) -> None:
    """With an API key, a model of Google's or an endpoint of the key's own project."""
    spec = {"trainingDatasetUri": "gs://b/t.jsonl"}
    job = client.post(
        f"/{version}/tuningJobs", json={"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": spec}
    ).json()
    client.clock.advance(10000)
    endpoint = client.get(f"/{version}/{job['name']}").json()["tunedModel"]["endpoint"]

    asked = [f"{FLASH}", f"endpoints/{endpoint.rpartition('/')[2]}", endpoint]

    assert [200] * 3 == [client.post(f"/{version}/{it}:generateContent", json=turn()).status_code for it in asked]
    assert [200] * 3 == [client.post(f"/{version}/{it}:countTokens", json=turn()).status_code for it in asked]


@pytest.mark.parametrize("location", ["global", "us", "europe-west4"])
def test_googles_models_answer_everywhere(client: Client, location: str) -> None:
    """In every region, in the multi-regions and in global."""
    assert "candidates" in ask(Vertex(client, location=location))


@pytest.mark.parametrize(
    ("location", "asked", "traffic"),
    [
        ("global", "flex", "ON_DEMAND_FLEX"),
        ("global", "priority", "ON_DEMAND_PRIORITY"),
        ("global", "fast", "ON_DEMAND"),
        ("us-central1", "flex", "ON_DEMAND"),
    ],
)
def test_the_kind_of_traffic_is_asked_for_by_a_header(client: Client, location: str, asked: str, traffic: str) -> None:
    """Every message of a stream says which it was."""
    Scenario(client.world.store).add_rules(Rule(Answer(chunks=["one ", "two ", "three"])))
    headers = {"X-Vertex-AI-LLM-Shared-Request-Type": asked}

    path = f"{FLASH}:streamGenerateContent?alt=sse"
    messages = events(Vertex(client, location=location).ask("POST", path, json=turn(), headers=headers).text)

    assert [traffic] * 3 == [message["usageMetadata"]["trafficType"] for message in messages]


def test_enums_can_be_numbers(client: Client) -> None:
    """As the GAPIC clients ask for them."""
    path = f"{FLASH}:generateContent?%24alt=json%3Benum-encoding%3Dint"

    answer = Vertex(client).ask("POST", path, json=turn()).json()

    assert 1 == answer["candidates"][0]["finishReason"]
    assert 1 == answer["usageMetadata"]["trafficType"] == answer["usageMetadata"]["promptTokensDetails"][0]["modality"]


def test_a_finish_reason_vertex_has_not_is_another(client: Client) -> None:
    """LANGUAGE is a word of the Developer API only."""
    Scenario(client.world.store).add_rules(Rule(Answer("x", finish="LANGUAGE")))

    assert "OTHER" == ask(Vertex(client))["candidates"][0]["finishReason"]


def test_a_category_that_vertex_has_not_is_left_out(client: Client) -> None:
    """TOXICITY is PaLM's; the ratings beside it are printed."""
    Scenario(client.world.store).add_rules(Rule(Answer("x", ratings={"TOXICITY": "LOW", "HARASSMENT": "LOW"})))
    (candidate,) = ask(Vertex(client))["candidates"]
    levels = {rating["category"]: rating["probability"] for rating in candidate["safetyRatings"]}

    assert 4 == len(levels)
    assert "LOW" == levels["HARM_CATEGORY_HARASSMENT"]


def test_an_answer_may_be_a_function_call(client: Client) -> None:
    """Parts go out as the tester wrote them."""
    call = {"functionCall": {"name": "f", "args": {"x": 1}}}
    Scenario(client.world.store).add_rules(Rule(Answer(parts=[call])))

    assert [call] == ask(Vertex(client))["candidates"][0]["content"]["parts"]


EMBEDDER = "publishers/google/models/text-embedding-004"


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_embedding_models_answer_predict(client: Client, version: str) -> None:
    """additions.md, shapes: only Gemini models refuse it.

    Every text has a vector, its tokens and its own truncation.
    """
    vertex = Vertex(client, version=version)
    body = {"instances": [{"content": "What is your name?", "task_type": "RETRIEVAL_QUERY"}, {"content": "x"}]}

    answer = vertex.post(f"{EMBEDDER}:predict", body)
    shorter = vertex.post(f"{EMBEDDER}:predict", body | {"parameters": {"outputDimensionality": 10}})

    first, second = (each["embeddings"] for each in answer["predictions"])
    assert {"truncated": False, "token_count": 5} == first["statistics"]
    assert (768, 768, 10) == (
        len(first["values"]),
        len(second["values"]),
        len(shorter["predictions"][0]["embeddings"]["values"]),
    )
    assert {"billableCharacterCount": 16} == answer["metadata"]
    gemini = vertex.refused("POST", "publishers/google/models/gemini-2.5-flash:predict", json=body)
    assert gemini["message"].startswith("Gemini cannot be accessed through Vertex Predict/RawPredict API.")


def test_embedding_models_answer_embed_content(client: Client) -> None:
    """One content, its vector and its tokens, with a project and in express mode."""
    body = {"content": {"parts": [{"text": "What is your name?"}]}, "outputDimensionality": 10}

    answer = Vertex(client).post("publishers/google/models/gemini-embedding-001:embedContent", body)
    express = client.post("/v1/publishers/google/models/gemini-embedding-001:embedContent", json=body)

    assert 10 == len(answer["embedding"]["values"])
    assert {"promptTokenCount": 5, "totalTokenCount": 5} == {
        name: count for name, count in answer["usageMetadata"].items() if name.endswith("Count")
    }
    assert answer == express.json()
    assert 400 == Vertex(client).refused("POST", f"{FLASH}:embedContent", json=body)["code"]


@pytest.mark.parametrize(
    ("count", "parameters", "words"),
    [
        (251, {}, "it has a batchSize value of 251 but the supported range is from 1 (inclusive) to 251 (exclusive)"),
        (
            1,
            {"outputDimensionality": 769},
            "it has a outputDimensionality value of 769 but the supported range is from 1",
        ),
    ],
)
def test_embeddings_have_ranges(client: Client, count: int, parameters: Json, words: str) -> None:
    """additions.md, numbers out of range: a request has 250 texts at most."""
    body = {"instances": [{"content": "x"}] * count, "parameters": parameters}

    error = Vertex(client).refused("POST", f"{EMBEDDER}:predict", json=body)

    assert error["message"].startswith(f"Unable to submit request because {words}")
