"""Refusals for what is asked: of models that are not there, with members that are none."""

from datetime import date
from typing import Any

import httpx

from contract_tests.api.aiplatform import LONG, turn
from contract_tests.api.generativelanguage import Gemini, say
from contract_tests.api.provocations import (
    FLASH,
    GOOGLE,
    JOB,
    USER,
    VERTEX,
    Json,
    Provocation,
    generate,
    on_vertex,
    request,
    tuning,
)
from contract_tests.targets import Client
from mockserver.state.world import Settings

XGAFV: dict[str, Any] = {"$.xgafv": "9"}
CSV = {"trainingDatasetUri": "gs://bucket/train.csv", "validationDatasetUri": "gs://bucket/valid.csv"}
WIDE = {"trainingDatasetUri": "gs://bucket/train.jsonl", "hyperParameters": {"adapterSize": "ADAPTER_SIZE_THIRTY_TWO"}}
_TUNED_MODEL = {
    "baseModel": "models/gemini-1.0-pro-001",
    "tuningTask": {"trainingData": {"examples": {"examples": [{"textInput": "1", "output": "2"}]}}},
}
LIST = "Call ListModels to see the list of available models and their supported methods."
LIST_2026 = "Call ModelService.ListModels to see the list of available models and their supported methods."
NOT_JSONL = "should be a GCS object of type JSONL."
FOUND = (
    "List of found errors:\t"
    f"1.Field: tuning_job.supervised_tuning_spec.training_dataset_uri; Message: training_dataset_uri {NOT_JSONL}\t"
    f"2.Field: tuning_job.supervised_tuning_spec.validation_dataset_uri; Message: validation_dataset_uri {NOT_JSONL}\t"
)


def _theirs(client: Client) -> httpx.Response:
    """Bob asks Alice's model."""
    Gemini(client).tune(id="mymodel")
    client.clock.advance(3600)
    return Gemini(client, email="bob@example.com").ask("POST", "tunedModels/mymodel:generateContent", json=say("x"))


def _about_theirs(client: Client) -> httpx.Response:
    """Bob reads about Alice's model."""
    Gemini(client).tune(id="generate-num-8122")
    return Gemini(client, email="bob@example.com").ask("GET", "tunedModels/generate-num-8122")


def _over_theirs(client: Client) -> httpx.Response:
    """Bob takes the id of Alice's model."""
    Gemini(client).tune(id="generate-num-4879")
    return Gemini(client, email="bob@example.com").ask(
        "POST", "tunedModels", params={"tunedModelId": "generate-num-4879"}, json=_TUNED_MODEL
    )


def _retired(client: Client) -> httpx.Response:
    """A tuned model whose base model is gone."""
    name = Gemini(client).trained("models/gemini-1.5-flash-001-tuning")
    client.world.settings = Settings(seed=1, as_of=date(2025, 6, 13))
    return Gemini(client).ask("POST", f"{name}:generateContent", json=say("x"))


def _with_instruction(client: Client) -> httpx.Response:
    name = Gemini(client).trained("models/gemini-1.5-flash-001-tuning", id="numbers")
    return Gemini(client).ask(
        "POST", f"{name}:generateContent", json=say("x", systemInstruction={"parts": {"text": "x"}})
    )


def _cancelled(client: Client) -> httpx.Response:
    """Cancel what is cancelled already."""
    job = client.post(f"{VERTEX}/tuningJobs", json=JOB, headers=USER).json()["name"]
    client.post(f"/v1/{job}:cancel", headers=USER)
    client.clock.advance(LONG)
    return client.post(f"/v1/{job}:cancel", headers=USER)


def _tools(**x: Any) -> Json:
    """A function whose parameter x is described so."""
    declaration = {"name": "f", "parameters": {"type": "OBJECT", "properties": {"x": {"type": "STRING", **x}}}}
    return say("x", tools=[{"functionDeclarations": [declaration]}])


def unknown(model: str, version: str = "v1beta", where: str = LIST) -> str:
    """What is said of a model that is not there."""
    return f"models/{model} is not found for API version {version}, or is not supported for generateContent. {where}"


def _renaming_a_cache(client: Client) -> httpx.Response:
    """The name is in the path already."""
    name = "cachedContents/x"
    return client.request("PATCH", f"/v1beta/{name}", json={"name": name, "ttl": "60s"})


def _cached_for_another_model(client: Client) -> httpx.Response:
    """One model has cached what another one is asked with."""
    body = turn("word " * 1100) | {"model": f"{GOOGLE.removeprefix('/v1/')}/gemini-2.5-flash"}
    name = client.post(f"{VERTEX}/cachedContents", json=body, headers=USER).json()["name"]
    return on_vertex("gemini-2.5-pro", turn("x") | {"cachedContent": name})(client)


REFUSED_REQUESTS = (
    # Cached contents.
    Provocation(
        "Not found: cache content metadata 8754364356910645200.",
        404,
        on_vertex(
            "gemini-2.5-flash",
            turn("x") | {"cachedContent": f"{VERTEX.removeprefix('/v1/')}/cachedContents/8754364356910645200"},
        ),
    ),
    Provocation(
        "Invalid CachedContent name: 1234567890.",
        400,
        on_vertex("gemini-2.5-flash", turn("x") | {"cachedContent": "1234567890"}),
    ),
    Provocation("Cached content model does not match the model in the request.", 400, _cached_for_another_model),
    Provocation(
        "Invalid value at 'cached_content' (oneof), oneof field '_name' is already set. Cannot set 'name'",
        400,
        _renaming_a_cache,
    ),
    # Models that are not there.
    Provocation(
        unknown("gemini-5.0-flash", "v1"), 404, request("POST", "/v1/models/gemini-5.0-flash:generateContent", say("x"))
    ),
    Provocation(
        unknown("custom-gemini-2.0-flash"),
        404,
        request("POST", "/v1beta/models/custom-gemini-2.0-flash:streamGenerateContent", say("x"), alt="sse"),
    ),
    Provocation(
        unknown("gemini-3.6-flahs", where=LIST_2026),
        404,
        request("POST", "/v1beta/models/gemini-3.6-flahs:generateContent", say("x")),
        Settings(seed=1, as_of=date(2026, 8, 20)),
    ),
    Provocation(unknown("gemini-1.5-flash-001-tuning"), 404, _retired),
    Provocation(
        "models/gemini-1.5-pro-002 is not found for CREATE TUNED MODEL at API version v1beta.",
        404,
        request(
            "POST", "/v1beta/tunedModels", _TUNED_MODEL | {"displayName": "x", "baseModel": "models/gemini-1.5-pro-002"}
        ),
    ),
    Provocation(
        "Publisher Model `projects/fake-project/locations/us-central1/publishers/google/models/gemini-does-not-exist` not found.",
        404,
        on_vertex("gemini-does-not-exist"),
    ),
    Provocation(
        "Endpoint `projects/575157790123/locations/us-central1/endpoints/7070905402157694976` not found.",
        404,
        request(
            "POST",
            "/v1/projects/575157790123/locations/us-central1/endpoints/7070905402157694976:generateContent",
            turn("x"),
            USER,
        ),
    ),
    # Tuned models and jobs.
    Provocation("You do not have permission to access tuned model tunedModels/mymodel", 403, _theirs),
    Provocation("You do not have permission to access tuned model generate-num-8122", 403, _about_theirs),
    Provocation("You do not have permission to access tuned model generate-num-4879.", 403, _over_theirs),
    Provocation(
        "Tuned model tunedModels/generate-num-8122 does not exist.",
        404,
        request("GET", "/v1beta/tunedModels/generate-num-8122"),
    ),
    Provocation(
        "Tuned model tunedModels/generatenum392-dd0p9rp2dktdfzwgrakk71f7h does not exist.",
        404,
        request("GET", "/v1beta/tunedModels/generatenum392-dd0p9rp2dktdfzwgrakk71f7h"),
    ),
    Provocation(
        "Either tuned_model_id or display_name must be set.", 400, request("POST", "/v1beta/tunedModels", _TUNED_MODEL)
    ),
    Provocation("Developer instruction is not enabled for tunedModels/numbers", 400, _with_instruction),
    Provocation(FOUND, 400, tuning(JOB | {"supervisedTuningSpec": CSV})),
    Provocation(
        "The adapter size is not supported for this base model.", 400, tuning(JOB | {"supervisedTuningSpec": WIDE})
    ),
    Provocation(
        'The TuningJob "projects/1/locations/us-central1/tuningJobs/1" is in state JOB_STATE_CANCELLED and cannot be canceled.',
        400,
        _cancelled,
        numbers=True,
    ),
    Provocation(
        "The TuningJob does not exist.", 404, request("GET", f"{VERTEX}/tuningJobs/2995954652073164800", headers=USER)
    ),
    # What a request for an answer may not hold.
    Provocation(
        "* GenerateContentRequest.model: unexpected model name format\n",
        400,
        request("POST", "/v1beta/models/gemini%20pro:generateContent", turn("x")),
    ),
    Provocation(
        "Json mode is not enabled for models/gemini-pro",
        400,
        request(
            "POST",
            "/v1beta/models/gemini-pro:generateContent",
            turn("x") | {"generationConfig": {"responseMimeType": "application/json"}},
        ),
    ),
    Provocation("* GenerateContentRequest.contents: contents is not specified\n", 400, generate({})),
    Provocation(
        "* GenerateContentRequest.contents[1].parts: contents.parts must not be empty.\n",
        400,
        generate({"contents": [turn("x")["contents"][0], {"role": "user"}]}),
    ),
    Provocation(
        "* GenerateContentRequest.contents[33].parts[0].data: required oneof field 'data' must have one initialized field\n",
        400,
        generate({"contents": [*(33 * turn("x")["contents"]), {"role": "user", "parts": [{}]}]}),
    ),
    Provocation(
        "Please use a valid role: user, model.",
        400,
        generate({"contents": [{"role": "invalid", "parts": [{"text": "x"}]}]}),
    ),
    Provocation(
        "Please use a valid role: user, model.",
        400,
        on_vertex("gemini-2.5-flash", {"contents": [{"role": "invalid", "parts": [{"text": "x"}]}]}),
    ),
    Provocation(
        "Unable to submit request because it has a temperature value of 1000 but the supported range is from 0 (inclusive) "
        "to 2.0001 (exclusive). Update the value and try again.",
        400,
        on_vertex("gemini-2.5-flash", turn("x") | {"generationConfig": {"temperature": 1000}}),
    ),
    Provocation(
        "The input token count (1250074) exceeds the maximum number of tokens allowed (1048576).",
        400,
        on_vertex("gemini-2.5-flash", turn("x " * 1250073)),
    ),
    Provocation(
        "Gemini cannot be accessed through Vertex Predict/RawPredict API. Please follow "
        "https://cloud.google.com/vertex-ai/docs/generative-ai/start/quickstarts/quickstart-multimodal for Gemini usage.",
        400,
        request("POST", f"{GOOGLE}/gemini-2.5-flash:predict", {"instances": [{}]}, USER),
    ),
    # Binding.
    Provocation(
        'Invalid JSON payload received. Unknown name "stream": Cannot find field.', 400, generate(say("x", stream=True))
    ),
    Provocation(
        "Invalid JSON payload received. Unknown name \"cached_content\" at 'generation_config': Cannot find field.",
        400,
        generate(say("x", generation_config={"cached_content": "x"})),
    ),
    Provocation(
        "Invalid value at 'tools[0].function_declarations[0].parameters.properties[0].value.enum[0]' (TYPE_STRING), 1\n"
        "Invalid value at 'tools[0].function_declarations[0].parameters.properties[0].value.enum[1]' (TYPE_STRING), 2",
        400,
        generate(_tools(enum=[1, 2])),
    ),
    Provocation(
        'Invalid JSON payload received. Unknown name "ref" at \'tools[0].function_declarations[0].parameters'
        ".properties[0].value.items': Cannot find field.",
        400,
        generate(_tools(items={"ref": "x"})),
    ),
    Provocation(
        "Invalid value at 'generation_config.thinking_config.thinking_budget' (TYPE_INT32), 19660.800000000003",
        400,
        generate(say("x", generationConfig={"thinkingConfig": {"thinkingBudget": 19660.800000000003}})),
    ),
    Provocation(
        "Invalid value at 'contents[0].parts[1].inline_data.data' (TYPE_BYTES), Base64 decoding failed for \"x\"",
        400,
        generate({"contents": [{"parts": [{"text": "x"}, {"inline_data": {"mime_type": "image/png", "data": "x"}}]}]}),
    ),
    Provocation(
        "Invalid JSON payload received. Unexpected end of string. Expected , or } after key:value pair.\n\n^",
        400,
        generate(b'{"contents": []'),
    ),
    Provocation(
        'Invalid JSON payload received. Unexpected token.\nts": [\n      {\n     \n^',
        400,
        generate(b'ts": [\n      {\n     '),
    ),
    Provocation(
        'Invalid JSON payload received. Unknown name "{"contents":[{"parts":[{"text":"x"}]}]}": Cannot bind query parameter. '
        'Field \'{"contents":[{"parts":[{"text":"x"}]}]}\' could not be found in request message.',
        400,
        lambda client: client.post(
            FLASH,
            content='{"contents":[{"parts":[{"text":"x"}]}]}',
            headers={"content-type": "application/x-www-form-urlencoded"},
        ),
    ),
    # The query.
    Provocation(
        'Invalid JSON payload received. Unknown name "foo": Cannot bind query parameter. '
        "Field 'foo' could not be found in request message.",
        400,
        request("GET", "/v1beta/tunedModels", foo="1"),
    ),
    Provocation(
        "Invalid value at 'page_size' (TYPE_INT32), \"abc\"", 400, request("GET", "/v1beta/tunedModels", pageSize="abc")
    ),
    Provocation("Invalid value \"sse?key=...\" for query parameter 'alt'", 400, generate(alt="sse?key=...")),
    Provocation(
        "Invalid query parameters. Invalid value '9' for system query parameter : $.xgafv",
        400,
        request("GET", "/v1beta/tunedModels", **XGAFV),
    ),
    Provocation("Request contains an invalid argument.", 400, request("GET", "/v1beta/models", fields="bogus")),
    Provocation(
        "Request payload size exceeds the limit: 20971520 bytes.",
        400,
        generate(b'{"x": "' + b"x" * 20_971_520),
        numbers=True,
    ),
)
