"""What the Developer API's models answer: requests refused, limits kept, batches, embeddings, PaLM. No HTTP."""

import math
from datetime import date
from typing import Any

import pytest

from contract_tests.laws.gemini.calls import (
    BISON,
    BOB,
    FLASH,
    PRO,
    advance,
    invoke,
    new_world,
    refusal,
    stream,
    trained,
    tune,
)
from mockserver.scripting.answers import Answer, Rule
from mockserver.scripting.scenario import Scenario
from mockserver.state.world import World

Json = dict[str, Any]

GENERATE = "models.generateContent"
TUNED = "tunedModels.generateContent"
LATEST = "models/gemini-2.0-flash"


def say(text: str, **members: Any) -> Json:
    """A generate request of one user turn."""
    return {"contents": [{"parts": [{"text": text}]}], **members}


def text_of(answer: Json) -> str:
    """The text of the first candidate."""
    text: str = "".join(part["text"] for part in answer["candidates"][0]["content"]["parts"])
    return text


def test_a_tuned_model_answers_as_it_was_trained() -> None:
    """A training input gets its output, the quickstarts' others theirs, and the rest a plain sentence."""
    world = new_world()
    name = trained(world)
    answers = [text_of(invoke(world, TUNED, {"model": name, **say(text)})) for text in ("7", "LXIII", "六", "what?")]

    assert ["8", "LXIV", "七"] == answers[:3]
    assert name in answers[3]
    assert "what?" in answers[3]


def test_a_model_that_is_not_ready_says_so() -> None:
    """While CREATING, and when the run has failed, it answers nothing. The words are our choice."""
    world = new_world()
    creating, failed = tune(world), tune(world, description="mock-fail-at-step-1")
    early = refusal(world, TUNED, {"model": creating, **say("1")})
    advance(world, 3600)

    assert ("FAILED_PRECONDITION", f"Tuned model {creating} is not active. Its state is CREATING.") == early
    assert "FAILED_PRECONDITION" == refusal(world, TUNED, {"model": failed, **say("1")})[0]


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ({}, "* GenerateContentRequest.contents: contents is not specified\n"),
        (
            {"contents": [{"parts": [{"text": "a"}]}, {"role": "user"}]},
            "* GenerateContentRequest.contents[1].parts: contents.parts must not be empty.\n",
        ),
        (
            {"contents": [{"parts": [{}]}]},
            (
                "* GenerateContentRequest.contents[0].parts[0].data: "
                "required oneof field 'data' must have one initialized field\n"
            ),
        ),
        (
            {"contents": [{}, {"parts": [{}]}]},
            (
                "* GenerateContentRequest.contents[0].parts: contents.parts must not be empty.\n"
                "* GenerateContentRequest.contents[1].parts[0].data: "
                "required oneof field 'data' must have one initialized field\n"
            ),
        ),
        (
            say("a") | {"contents": [{"role": "system", "parts": [{"text": "a"}]}]},
            "Please use a valid role: user, model.",
        ),
        (
            say("a", generationConfig={"temperature": 5.0}),
            (
                "Unable to submit request because it has a temperature value of 5 but the supported range is from 0 (inclusive) "
                "to 2.0001 (exclusive). Update the value and try again."
            ),
        ),
        (
            say("a", safetySettings=[{"category": "HARM_CATEGORY_VIOLENCE", "threshold": "BLOCK_NONE"}]),
            (
                "* GenerateContentRequest.safety_settings[0]: element predicate failed: $.category in "
                "(HarmCategory.HARM_CATEGORY_HATE_SPEECH, HarmCategory.HARM_CATEGORY_SEXUALLY_EXPLICIT, "
                "HarmCategory.HARM_CATEGORY_DANGEROUS_CONTENT, HarmCategory.HARM_CATEGORY_HARASSMENT, "
                "HarmCategory.HARM_CATEGORY_CIVIC_INTEGRITY)\n"
            ),
        ),
    ],
)
def test_requests_are_refused_in_the_real_words(message: Json, sentence: str) -> None:
    """All that is wrong is said at once, a line each, with the newline at the end that was seen."""
    assert ("INVALID_ARGUMENT", sentence) == refusal(new_world(), GENERATE, {"model": LATEST, **message})


def test_a_model_has_a_proper_name() -> None:
    """One that cannot be a model's is refused before it is looked for."""
    error = refusal(new_world(), GENERATE, {"model": "models/a b", "contents": []})

    assert "INVALID_ARGUMENT" == error[0]
    assert error[1].splitlines() == [
        "* GenerateContentRequest.model: unexpected model name format",
        "* GenerateContentRequest.contents: contents is not specified",
    ]


@pytest.mark.parametrize(
    ("as_of", "listing"),
    [(None, "ListModels"), (date(2025, 8, 16), "ListModels"), (date(2026, 8, 19), "ModelService.ListModels")],
)
def test_unknown_models_are_not_found_in_the_words_of_the_day(as_of: date | None, listing: str) -> None:
    """The sentence named the service only in 2026; so did the retired models."""
    sentence = (
        "models/gemini-pro-max is not found for API version v1, or is not supported for generateContent. "
        f"Call {listing} to see the list of available models and their supported methods."
    )
    message = {"model": "models/gemini-pro-max", **say("a")}

    assert ("NOT_FOUND", sentence) == refusal(new_world(as_of=as_of), GENERATE, message, "v1")


@pytest.mark.parametrize(
    ("members", "what"),
    [
        ({"systemInstruction": {"parts": [{"text": "be"}]}}, "Developer instruction"),
        ({"generationConfig": {"responseMimeType": "application/json"}}, "Json mode"),
        ({"tools": [{"functionDeclarations": [{"name": "f"}]}]}, "Function calling"),
        ({"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": b"x"}}]}]}, "Image input modality"),
    ],
)
def test_tuned_models_have_limits(members: Json, what: str) -> None:
    """No instructions, no JSON mode, no tools, text only; the tuned model is named. Base models have them."""
    world = new_world()
    name = trained(world, FLASH)

    assert ("INVALID_ARGUMENT", f"{what} is not enabled for {name}") == refusal(
        world, TUNED, {"model": name, **say("a"), **members}
    )
    assert invoke(world, GENERATE, {"model": LATEST, **say("a"), **members})["candidates"]


def test_a_long_prompt_is_too_long_for_a_tuned_model() -> None:
    """40,000 characters are the documented limit; a base model has another."""
    world = new_world()
    message = say("a" * 40_001)

    assert "INVALID_ARGUMENT" == refusal(world, TUNED, {"model": trained(world), **message})[0]
    assert invoke(world, GENERATE, {"model": LATEST, **message})["candidates"]


def test_conversations_work_with_tuned_models() -> None:
    """Several turns are answered by the last one, as users of 1.5 Flash found [seen]."""
    world = new_world()
    turns = [
        {"role": "user", "parts": [{"text": "1"}]},
        {"role": "model", "parts": [{"text": "2"}]},
        {"role": "user", "parts": [{"text": "5"}]},
    ]

    assert "6" == text_of(invoke(world, TUNED, {"model": trained(world, FLASH), "contents": turns}))


def test_limits_of_a_request_are_kept() -> None:
    """Stop sequences, the number of tokens and of candidates."""
    world = new_world()
    Scenario(world.store).add_rules(Rule(Answer("one two three four five", others=["another"])))
    configs: list[Json] = [{"stopSequences": ["three"]}, {"maxOutputTokens": 2}, {"candidateCount": 2}]
    messages = [{"model": LATEST, **say("a", generationConfig=config)} for config in configs]
    stopped, cut, two = (invoke(world, GENERATE, message) for message in messages)

    assert ("one two ", "STOP") == (text_of(stopped), stopped["candidates"][0]["finishReason"])
    assert ("one two", "MAX_TOKENS") == (text_of(cut), cut["candidates"][0]["finishReason"])
    assert [0, 1] == [candidate["index"] for candidate in two["candidates"]]
    assert "another" == two["candidates"][1]["content"]["parts"][0]["text"]


@pytest.mark.parametrize(
    ("threshold", "blocked"),
    [("BLOCK_LOW_AND_ABOVE", True), ("BLOCK_MEDIUM_AND_ABOVE", True), ("BLOCK_ONLY_HIGH", False), ("OFF", False)],
)
def test_thresholds_block_what_reaches_them(threshold: str, blocked: bool) -> None:
    """`safetySettings` are held against the rating of the answer."""
    world = new_world()
    Scenario(world.store).add_rules(Rule(Answer("something harsh to say", ratings={"HARASSMENT": "MEDIUM"})))
    settings = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": threshold}]
    candidate = invoke(world, GENERATE, {"model": LATEST, **say("a", safetySettings=settings)})["candidates"][0]
    rating = next(each for each in candidate["safetyRatings"] if each["category"] == "HARM_CATEGORY_HARASSMENT")

    assert ("SAFETY" if blocked else "STOP") == candidate["finishReason"]
    assert blocked == rating.get("blocked", False)


def test_events_joined_are_the_answer() -> None:
    """Whatever the era, a stream says what the whole answer says, and ends as it does."""
    for model in ("gemini-pro", "gemini-1.5-flash", "gemini-2.0-flash", "gemini-2.5-flash"):
        world = new_world()
        message = {"model": f"models/{model}", **say("Tell me something that takes more than one event, please.")}
        whole = invoke(world, GENERATE, message)
        events = [event for event in stream(world, "models.streamGenerateContent", message) if isinstance(event, dict)]

        assert len(events) > 1
        assert text_of(whole) == "".join(map(text_of, events))
        assert whole["candidates"][0]["finishReason"] == events[-1]["candidates"][0]["finishReason"]
        assert whole.get("usageMetadata") == events[-1].get("usageMetadata")


def test_words_the_api_has_not_become_other() -> None:
    """A scripted reason of Vertex AI's alone is OTHER here, and its categories are left out."""
    world = new_world()
    Scenario(world.store).add_rules(Rule(Answer("a", finish="MODEL_ARMOR", ratings={"JAILBREAK": "HIGH"}), call=1))
    Scenario(world.store).add_rules(Rule(Answer(block="MODEL_ARMOR")))
    first, second = (invoke(world, GENERATE, {"model": LATEST, **say("a")}) for _ in range(2))

    assert "OTHER" == first["candidates"][0]["finishReason"]
    assert "OTHER" == second["promptFeedback"]["blockReason"]


def test_scripted_parts_are_read_as_a_requests_would_be() -> None:
    """Base64 in a scripted part becomes bytes, as everywhere inside."""
    world = new_world()
    Scenario(world.store).add_rules(Rule(Answer(parts=[{"inlineData": {"mimeType": "image/png", "data": "eA=="}}])))

    assert {"mimeType": "image/png", "data": b"x"} == invoke(world, GENERATE, {"model": LATEST, **say("a")})[
        "candidates"
    ][0]["content"]["parts"][0]["inlineData"]


def test_palm_completes_text() -> None:
    """text-bison answers generateText with six ratings of its own, and nothing else; Gemini has no such method."""
    world = new_world()
    name = trained(world, BISON)
    answer = invoke(world, "tunedModels.generateText", {"model": name, "prompt": {"text": "3"}})
    completion = answer["candidates"][0]

    assert "4" == completion["output"]
    assert 6 == len(completion["safetyRatings"])
    assert "NOT_FOUND" == refusal(world, TUNED, {"model": name, **say("a")})[0]
    message = {"model": trained(world, PRO), "prompt": {"text": "3"}}
    assert "NOT_FOUND" == refusal(world, "tunedModels.generateText", message)[0]


def test_palm_filters_what_it_does_not_say() -> None:
    """A blocked completion is left out, and said why."""
    world = new_world()
    Scenario(world.store).add_rules(Rule(Answer("harm", ratings={"TOXICITY": "HIGH"})))
    answer = invoke(world, "models.generateText", {"model": BISON, "prompt": {"text": "3"}})

    assert [] == answer["candidates"]
    assert [{"reason": "SAFETY"}] == answer["filters"]
    assert "HARM_CATEGORY_TOXICITY" == answer["safetyFeedback"][0]["rating"]["category"]


def test_tokens_are_counted_alike() -> None:
    """The method says what generateContent would, of bare contents or of a whole request."""
    world = new_world()
    message = say("How many tokens are in here?")
    usage = invoke(world, GENERATE, {"model": LATEST, **message})["usageMetadata"]
    bare = invoke(world, "models.countTokens", {"model": LATEST, **message})
    whole = invoke(world, "models.countTokens", {"model": LATEST, "generateContentRequest": message})

    assert usage["promptTokenCount"] == bare["totalTokens"] == whole["totalTokens"]
    assert "INVALID_ARGUMENT" == refusal(world, "models.countTokens", {"model": LATEST})[0]


@pytest.mark.parametrize(
    ("model", "requested", "dimensions"),
    [("text-embedding-004", None, 768), ("gemini-embedding-001", None, 3072), ("gemini-embedding-001", 256, 256)],
)
def test_embeddings_are_unit_vectors(model: str, requested: int | None, dimensions: int) -> None:
    """As many dimensions as the model has or the client wants, and of length one."""
    message: Json = {"model": f"models/{model}", "content": {"parts": [{"text": "Hello"}]}}
    message |= {"outputDimensionality": requested} if requested else {}
    values = invoke(new_world(), "models.embedContent", message)["embedding"]["values"]

    assert dimensions == len(values)
    assert math.isclose(1, math.hypot(*values), rel_tol=1e-6)


def test_a_batch_of_embeddings_is_each_of_them() -> None:
    """Every request names the model again, in the real words if it does not."""
    world, model = new_world(), "models/text-embedding-004"
    one: Json = {"model": model, "content": {"parts": [{"text": "Hello"}]}}
    batch = invoke(world, "models.batchEmbedContents", {"model": model, "requests": [one, one]})

    assert [invoke(world, "models.embedContent", one)["embedding"]] * 2 == batch["embeddings"]
    unnamed = {"model": model, "requests": [{"content": one["content"]}]}
    sentence = "* BatchEmbedContentsRequest.requests[0].model: model is not specified\n"
    assert ("INVALID_ARGUMENT", sentence) == refusal(world, "models.batchEmbedContents", unnamed)


@pytest.mark.parametrize(
    ("as_of", "members"),
    [
        (date(2024, 5, 20), {"candidates"}),
        (date(2024, 7, 1), {"candidates", "usageMetadata"}),
        (date(2024, 11, 1), {"candidates", "usageMetadata", "modelVersion"}),
        (date(2025, 8, 1), {"candidates", "usageMetadata", "modelVersion", "responseId"}),
    ],
)
def test_answers_grew_over_the_years(as_of: date, members: set[str]) -> None:
    """Of one and the same model."""
    message = {"model": "models/gemini-1.5-flash", "contents": [{"parts": [{"text": "1"}]}]}
    answer = invoke(new_world(as_of=as_of), GENERATE, message)

    assert members == set(answer)
    assert ("modelVersion" in members) == ("avgLogprobs" in answer["candidates"][0])


def begin_batch(world: World, name: str, texts: list[str]) -> Json:
    """Create a batch of generate requests."""
    requests = [{"request": say(text), "metadata": {"key": text}} for text in texts]
    batch = {"model": name, "displayName": "b", "inputConfig": {"requests": {"requests": requests}}}
    return invoke(world, "tunedModels.batchGenerateContent", {"batch": batch})


def test_a_batch_is_answered_in_time() -> None:
    """PENDING, RUNNING, SUCCEEDED; then every request has its answer or its error, in order."""
    world = new_world()
    name = trained(world)
    begun = begin_batch(world, name, ["1", "2"])
    seen = []
    for _ in range(3):
        operation = invoke(world, "batches.get", {"name": begun["name"]})
        seen.append((operation["metadata"]["state"], operation.get("done", False)))
        advance(world, 60)
    last = invoke(world, "batches.get", {"name": begun["name"]})
    responses = last["response"]["inlinedResponses"]["inlinedResponses"]

    assert [("BATCH_STATE_PENDING", False), ("BATCH_STATE_RUNNING", False), ("BATCH_STATE_SUCCEEDED", True)] == seen
    assert ["2", "3"] == [text_of(each["response"]) for each in responses]
    assert [{"key": "1"}, {"key": "2"}] == [each["metadata"] for each in responses]
    assert {"requestCount": 2, "successfulRequestCount": 2, "failedRequestCount": 0} == last["metadata"]["batchStats"]


def test_a_batch_holds_the_errors_of_its_requests() -> None:
    """One that cannot be answered is an error among the answers."""
    world = new_world()
    begun = begin_batch(world, trained(world), ["1"])
    requests = {"requests": {"requests": [{"request": {"contents": []}}, {"request": say("1")}]}}
    batch = {"model": LATEST, "displayName": "b", "inputConfig": requests}
    begun = invoke(world, "models.batchGenerateContent", {"batch": batch})
    advance(world, 100)
    operation = invoke(world, "batches.get", {"name": begun["name"]})
    responses = operation["response"]["inlinedResponses"]["inlinedResponses"]

    assert 3 == responses[0]["error"]["code"]
    assert "response" in responses[1]
    assert 1 == operation["metadata"]["batchStats"]["failedRequestCount"]


def test_batches_are_listed_newest_first() -> None:
    """And a page goes on where it was though its last member is gone."""
    world = new_world()
    model = trained(world)
    names = []
    for text in ("1", "2", "3"):
        names.append(begin_batch(world, model, [text])["name"])
        advance(world, 1)
    page = invoke(world, "batches.list", {"name": "batches", "pageSize": 2})
    invoke(world, "batches.delete", {"name": names[1]})
    rest = invoke(world, "batches.list", {"name": "batches", "pageToken": page["nextPageToken"]})

    assert [names[2], names[1]] == [each["name"] for each in page["operations"]]
    assert [names[0]] == [each["name"] for each in rest["operations"]]


def test_a_batch_is_its_makers() -> None:
    """It can be listed, cancelled and deleted by who made it; for others it is not there."""
    world = new_world()
    name = begin_batch(world, trained(world), ["1"])["name"]

    assert "NOT_FOUND" == refusal(world, "batches.get", {"name": name}, bearer=BOB)[0]
    assert {} == invoke(world, "batches.cancel", {"name": name})
    assert "BATCH_STATE_CANCELLED" == invoke(world, "batches.get", {"name": name})["metadata"]["state"]
    assert [name] == [each["name"] for each in invoke(world, "batches.list", {"name": "batches"})["operations"]]
    assert {} == invoke(world, "batches.delete", {"name": name})
    assert "NOT_FOUND" == refusal(world, "batches.get", {"name": name})[0]


def test_contents_are_embedded_later_too() -> None:
    """Embedding a batch is an operation of the same kind."""
    world, model = new_world(), "models/gemini-embedding-001"
    requests = [{"request": {"content": {"parts": [{"text": "a"}]}}}]
    batch = {"model": model, "displayName": "b", "inputConfig": {"requests": {"requests": requests}}}
    begun = invoke(world, "models.asyncBatchEmbedContent", {"batch": batch})
    advance(world, 100)
    operation = invoke(world, "batches.get", {"name": begun["name"]})

    assert operation["response"]["@type"].endswith("v1main.EmbedContentBatchOutput")
    inlined = operation["response"]["inlinedResponses"]["inlinedResponses"]
    assert 3072 == len(inlined[0]["response"]["embedding"]["values"])


def test_a_tuned_model_embeds_nothing() -> None:
    """The route is there, and no tuned model can do what it is for."""
    world = new_world()
    name = trained(world, FLASH)
    requests = [{"request": {"content": {"parts": [{"text": "a"}]}}}]
    batch = {"model": name, "inputConfig": {"requests": {"requests": requests}}}

    assert "NOT_FOUND" == refusal(world, "tunedModels.asyncBatchEmbedContent", {"batch": batch})[0]
