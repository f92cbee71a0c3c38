"""What a tuning job may ask for, and the errors for what it may not."""

from typing import Any

import httpx
import pytest

from contract_tests.api.aiplatform import LONG, Vertex
from contract_tests.targets import Client

Json = dict[str, Any]

GOOD: Json = {"trainingDatasetUri": "gs://bucket/train.jsonl"}
SPEC = "tuning_job.supervised_tuning_spec"


def refused(vertex: Vertex, **job: Any) -> Json:
    """The error of a create with this body."""
    return vertex.refused("POST", "tuningJobs", json=job)


def test_data_has_to_be_a_jsonl_object(client: Client) -> None:
    """Every wrong URI at once, in words that were seen; tabs included."""
    spec = {"trainingDatasetUri": "gs://bucket/train.csv", "validationDatasetUri": "/local/validation.jsonl"}

    error = refused(Vertex(client), baseModel="gemini-2.5-flash", supervisedTuningSpec=spec)

    violations = [
        {"field": f"{SPEC}.{name}", "description": f"{name} should be a GCS object of type JSONL."}
        for name in ("training_dataset_uri", "validation_dataset_uri")
    ]
    assert {
        "code": 400,
        "message": "List of found errors:"
        f"\t1.Field: {SPEC}.training_dataset_uri; Message: training_dataset_uri should be a GCS object of type JSONL."
        f"\t2.Field: {SPEC}.validation_dataset_uri; Message: validation_dataset_uri should be a GCS object of type JSONL."
        "\t",
        "status": "INVALID_ARGUMENT",
        "details": [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations}],
    } == error


@pytest.mark.parametrize(
    "uri", ["gs://bucket/train.jsonl", "gs://b/deep/er/a b.jsonl", "projects/p/locations/us-central1/datasets/1"]
)
def test_data_may_lie_in_a_bucket_or_a_dataset(client: Client, uri: str) -> None:
    """A multimodal dataset has a resource name."""
    job = Vertex(client).tune(supervisedTuningSpec={"trainingDatasetUri": uri})

    assert uri == job["supervisedTuningSpec"]["trainingDatasetUri"]


def test_an_empty_text_is_as_good_as_none(client: Client) -> None:
    """Programs that fill in a form send them; proto3 cannot tell the two apart."""
    spec = {**GOOD, "validationDatasetUri": ""}
    job = Vertex(client).tuned(supervisedTuningSpec=spec, tunedModelDisplayName="", labels={})

    assert GOOD.items() <= job["supervisedTuningSpec"].items()
    assert {"validationDatasetUri"}.isdisjoint(job["supervisedTuningSpec"])
    assert job["tunedModelDisplayName"].startswith("gemini-")


@pytest.mark.parametrize(
    ("job", "fields"),
    [
        ({}, ["tuning_job.base_model", f"{SPEC}.training_dataset_uri"]),
        ({"baseModel": "gemini-2.5-flash"}, [f"{SPEC}.training_dataset_uri"]),
        ({"supervisedTuningSpec": GOOD}, ["tuning_job.base_model"]),
        (
            {"baseModel": "gemini-2.5-flash", "preferenceOptimizationSpec": {}},
            ["tuning_job.preference_optimization_spec.training_dataset_uri"],
        ),
        ({"preTunedModel": {}, "supervisedTuningSpec": GOOD}, ["tuning_job.pre_tuned_model.tuned_model_name"]),
        (
            {"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": GOOD | {"evaluationConfig": {}}},
            [f"{SPEC}.evaluation_config.metrics", f"{SPEC}.evaluation_config.output_config"],
        ),
        (
            {
                "baseModel": "gemini-2.5-flash",
                "supervisedTuningSpec": GOOD
                | {"evaluationConfig": {"metrics": {"predefinedMetricSpec": {}}, "outputConfig": {}}},
            },
            [f"{SPEC}.evaluation_config.output_config.gcs_destination.output_uri_prefix"],
        ),
    ],
)
def test_a_model_and_data_are_required(client: Client, job: Json, fields: list[str]) -> None:
    """The words are those of a sibling method."""
    error = refused(Vertex(client), **job)

    assert [{"field": field, "description": "Required field is not set."} for field in fields] == error["details"][0][
        "fieldViolations"
    ]


@pytest.mark.parametrize("size", ["ADAPTER_SIZE_THIRTY_TWO", 5, 77, -1])
def test_an_adapter_size_has_to_suit_the_model(client: Client, size: str | int) -> None:
    """No details [seen 2025-06]. A number that is no size gets through the front end, and suits no model."""
    spec = GOOD | {"hyperParameters": {"adapterSize": size}}

    error = refused(Vertex(client), baseModel="gemini-2.0-flash-001", supervisedTuningSpec=spec)

    assert {
        "code": 400,
        "message": "The adapter size is not supported for this base model.",
        "status": "INVALID_ARGUMENT",
    } == error


@pytest.mark.parametrize(
    "base",
    [
        "gemini-2.0-flash-001",
        "publishers/google/models/gemini-2.5-flash",
        "projects/p/locations/us-central1/publishers/google/models/gemini-2.5-flash",
        "translation-llm-002",
        "google/gemma3@gemma-3-27b-it",
        "publishers/google/models/gemma3@gemma-3-27b-it",
        "meta/llama3_1@llama-3.1-8b-instruct",
        "projects/p/locations/us-central1/publishers/meta/models/llama3_1@llama-3.1-8b-instruct",
    ],
)
def test_a_base_model_may_be_named_in_full(client: Client, base: str) -> None:
    """It comes back as it was sent."""
    assert base == Vertex(client).tune(base)["baseModel"]


@pytest.mark.parametrize(
    "base",
    [
        "gemini-2.0-flash-exp",
        "gemini-9",
        "models/gemini-9",
        "publishers/google/models/gemini-9",
        "projects/p/locations/us-central1/models/1",
        "BASE_MODEL",
        "gpt-4",
    ],
)
def test_other_models_are_not_tuned(client: Client, base: str) -> None:
    """A placeholder left in a document is one of them."""
    error = refused(Vertex(client), baseModel=base, supervisedTuningSpec=GOOD)

    assert (400, "INVALID_ARGUMENT") == (error["code"], error["status"])
    assert base in error["message"]


def test_a_placeholder_for_a_number_is_a_binding_error(client: Client) -> None:
    """Before anything else is looked at."""
    spec = GOOD | {"hyperParameters": {"epochCount": "EPOCH_COUNT"}}

    error = refused(Vertex(client), baseModel="BASE_MODEL", supervisedTuningSpec=spec)

    assert f"Invalid value at '{SPEC}.hyper_parameters.epoch_count' (TYPE_INT64), \"EPOCH_COUNT\"" == error["message"]


@pytest.mark.parametrize(
    "sent",
    [{"epochCount": -1}, {"epochCount": 10**9}, {"learningRateMultiplier": -0.5}, {"learningRateMultiplier": "NaN"}],
)
def test_numbers_have_to_make_sense(client: Client, sent: Json) -> None:
    """The service has limits too; what it says of them is not known."""
    spec = GOOD | {"hyperParameters": sent}

    error = refused(Vertex(client), baseModel="gemini-2.5-flash", supervisedTuningSpec=spec)

    assert error["details"][0]["fieldViolations"][0]["field"].startswith(f"{SPEC}.hyper_parameters.")


@pytest.mark.parametrize(
    ("sent", "chosen"),
    [
        ({}, {"epochCount", "learningRateMultiplier", "adapterSize"}),
        ({"epochCount": 0, "adapterSize": 0}, {"epochCount", "learningRateMultiplier", "adapterSize"}),
        ({"learningRate": 0.1, "batchSize": 2}, {"epochCount", "learningRate", "adapterSize", "batchSize"}),
    ],
)
def test_what_nobody_chose_the_service_chooses(client: Client, sent: Json, chosen: set[str]) -> None:
    """A zero is no choice; a learning rate takes the place of its multiplier."""
    job = Vertex(client, version="v1beta1").tuned(supervisedTuningSpec=GOOD | {"hyperParameters": sent})

    assert chosen == set(job["supervisedTuningSpec"]["hyperParameters"])


@pytest.mark.parametrize("labels", [{"Team": "a"}, {"team": "A"}, {"k" * 65: "v"}, {"k": "v" * 65}, {"a b": ""}])
def test_labels_have_a_form(client: Client, labels: Json) -> None:
    """At most 64 characters, no upper case."""
    error = refused(Vertex(client), baseModel="gemini-2.5-flash", supervisedTuningSpec=GOOD, labels=labels)

    assert "tuning_job.labels" == error["details"][0]["fieldViolations"][0]["field"]


def test_what_a_job_makes_has_labels_of_the_same_form(client: Client) -> None:
    """Models and endpoints, which a caller may label too."""
    vertex = Vertex(client)
    tuned = vertex.tuned()["tunedModel"]
    requests = [("PATCH", tuned["model"], "model"), ("PATCH", tuned["endpoint"], "endpoint")]
    for verb, path, resource in (*requests, ("POST", "endpoints", "endpoint")):
        error = vertex.refused(verb, path, json={"displayName": "a", "labels": {"Team": "a"}})

        assert f"{resource}.labels" == error["details"][0]["fieldViolations"][0]["field"]


@pytest.mark.parametrize("labels", [{"équipe": "été-1"}, {"команда": "а"}, {"チーム": "日本_1"}, {"a": ""}])
def test_labels_may_be_in_any_language(client: Client, labels: Json) -> None:
    """International characters are allowed (tuning_job.proto), at the beginning of a key too."""
    assert labels == Vertex(client).tune(labels=labels)["labels"]


def test_a_display_name_is_128_characters_at_most(client: Client) -> None:
    """Characters, not bytes."""
    vertex = Vertex(client)
    body = {"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": GOOD}

    assert "å" * 128 == vertex.tune(tunedModelDisplayName="å" * 128)["tunedModelDisplayName"]
    assert 400 == refused(vertex, **body, tunedModelDisplayName="a" * 129)["code"]


def test_preference_tuning_runs_like_any_other(client: Client) -> None:
    """Its statistics are of another type: sums are doubles, counts strings, scores are there."""
    spec = GOOD | {"hyperParameters": {"beta": 0.1, "epochCount": 2}}

    job = Vertex(client).tuned(supervisedTuningSpec=None, preferenceOptimizationSpec=spec)

    assert 0.1 == job["preferenceOptimizationSpec"]["hyperParameters"]["beta"]
    stats = job["tuningDataStats"]["preferenceOptimizationDataStats"]
    assert isinstance(stats["userInputTokenDistribution"]["sum"], int)
    assert isinstance(stats["userInputTokenDistribution"]["buckets"][0]["count"], str)
    assert (0.5, 1) == (stats["scoresDistribution"]["mean"], stats["scoresDistribution"]["max"])


@pytest.mark.parametrize(
    ("base", "spec", "given", "kind"),
    [
        ("", "distillationSpec", {"studentModel": "gemma-1.1-2b-it", "baseTeacherModel": "x", **GOOD}, "distillation"),
        ("gemini-2.0-flash-001", "distillationSpec", {"promptDatasetUri": "gs://b/p.jsonl"}, "distillation"),
        ("a/b", "partnerModelTuningSpec", GOOD | {"hyperParameters": {"epochCount": "3", "x": [1]}}, "partner"),
        ("gemini-2.5-flash", "reinforcementTuningSpec", GOOD, "reinforcement"),
        ("veo-3.0-generate-001", "veoTuningSpec", GOOD, "veo"),
        ("veo-3.0-generate-001", "veoLoraTuningSpec", GOOD, "veo-lora"),
        ("gemini-2.5-flash", "fullFineTuningSpec", GOOD, "full"),
        ("meta/llama3_1@llama-3.1-8b", "supervisedTuningSpec", GOOD | {"tuningMode": "TUNING_MODE_FULL"}, "sft"),
    ],
)
def test_every_kind_of_tuning_lives_its_life(client: Client, base: str, spec: str, given: Json, kind: str) -> None:
    """The kinds of v1beta1 succeed too, with a model, an endpoint and a label of their kind."""
    vertex = Vertex(client, version="v1beta1")

    job = vertex.tuned(base or None, **{"supervisedTuningSpec": None, spec: given})

    model = vertex.get(job["tunedModel"]["model"])
    assert kind == model["labels"]["tune-type"]
    checkpoints = {each["endpoint"] for each in job["tunedModel"].get("checkpoints", [])}
    endpoints = {job["tunedModel"]["endpoint"]} | checkpoints
    assert endpoints == {each["endpoint"] for each in model["deployedModels"]}
    assert (kind == "reinforcement") == bool(checkpoints)


def test_reinforcement_tuning_has_the_documented_defaults(client: Client) -> None:
    """additions.md, vertex 2: batch 32, 16 samples, epochs by the prompts, HIGH thinking; rewards are its metrics."""
    vertex = Vertex(client, version="v1beta1")
    spec = GOOD | {"validationDatasetUri": "gs://b/v.jsonl", "hyperParameters": {"evaluateInterval": 7}}

    job = vertex.tuned("gemini-2.5-flash", supervisedTuningSpec=None, reinforcementTuningSpec=spec)
    run = vertex.get(f"{vertex.get('tensorboards')['tensorboards'][0]['name']}/experiments")["tensorboardExperiments"]
    runs = vertex.get(f"{run[0]['name']}/runs")["tensorboardRuns"]
    series = vertex.get(f"{runs[0]['name']}/timeSeries")["tensorboardTimeSeries"]
    names = {each["displayName"]: each["name"] for each in series}
    rewards = vertex.get(f"{names['/train_mean_reward']}:read")["timeSeriesData"]["values"]
    evaluated = vertex.get(f"{names['/eval_mean_reward']}:read")["timeSeriesData"]["values"]

    sent = job["reinforcementTuningSpec"]["hyperParameters"]
    assert (32, 16, 32768, "HIGH", "ADAPTER_SIZE_SIXTEEN", 1) == tuple(
        sent[name]
        for name in (
            "batchSize",
            "samplesPerPrompt",
            "maxOutputTokens",
            "thinkingLevel",
            "adapterSize",
            "learningRateMultiplier",
        )
    )
    assert 1 <= int(sent["epochCount"]) <= 10
    assert rewards[0]["scalar"]["value"] < rewards[-1]["scalar"]["value"] <= 1
    assert all(int(value["step"]) % 7 == 0 for value in evaluated[:-1])
    assert "/train_total_loss" not in names
    assert {"/eval_generation_length", "/train_p95_reward_latency", "/eval_thinking_token_length"} <= names.keys()


@pytest.mark.parametrize(
    ("hyperparameters", "field"),
    [
        ({"learningRateMultiplier": 0.2}, "learning_rate_multiplier"),
        ({"learningRateMultiplier": 4.5}, "learning_rate_multiplier"),
        ({"thinkingLevel": "LOW"}, "thinking_level"),
        ({"stepCount": 501}, "step_count"),
        ({"batchSize": 3, "samplesPerPrompt": 4}, "batch_size"),
        ({"batchSize": 512, "samplesPerPrompt": 32}, "batch_size"),
        ({"maxOutputTokens": 32769}, "max_output_tokens"),
    ],
)
def test_reinforcement_tuning_has_limits(client: Client, hyperparameters: Json, field: str) -> None:
    """additions.md, vertex 2 [documented]: batch times samples is divisible by 16 and at most 8,192, and so on."""
    vertex = Vertex(client, version="v1beta1")
    spec = GOOD | {"hyperParameters": hyperparameters}

    error = refused(vertex, baseModel="gemini-2.5-flash", reinforcementTuningSpec=spec)

    path = f"tuning_job.reinforcement_tuning_spec.hyper_parameters.{field}"
    assert error["message"].startswith(f"List of found errors:\t1.Field: {path}; Message: ")


@pytest.mark.parametrize(("sent", "steps"), [({"stepCount": 21}, 21), ({"epochCount": 10_000, "batchSize": 1}, 500)])
def test_reinforcement_tuning_takes_the_steps_that_were_asked(client: Client, sent: Json, steps: int) -> None:
    """`stepCount` is exact, and no job takes more than 500 [documented]; checkpoints are as far apart as was asked."""
    vertex = Vertex(client, version="v1beta1")
    spec = GOOD | {"hyperParameters": sent | {"checkpointInterval": 8 if steps == 21 else 100}}

    job = vertex.tuned("gemini-2.5-flash", supervisedTuningSpec=None, reinforcementTuningSpec=spec)

    saved = [int(each["step"]) for each in job["tunedModel"]["checkpoints"]]
    assert ([8, 16, 21] if steps == 21 else [100, 200, 300, 400, 500]) == saved


def test_a_zero_is_no_learning_rate(client: Client) -> None:
    """Of two rates that exclude each other, one of zero is as good as unset (proto3)."""
    vertex = Vertex(client, version="v1beta1")

    def status(rate: float, multiplier: float) -> int:
        rates = {"learningRate": rate, "learningRateMultiplier": multiplier}
        spec = {"trainingDatasetUri": "gs://bucket/train.jsonl", "hyperParameters": rates}
        body = {"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": spec}
        return vertex.ask("POST", "tuningJobs", json=body).status_code

    assert [200, 200, 400] == [status(0, 2), status(0.1, 0), status(0.1, 2)]


def test_distillation_takes_what_the_newest_library_sends(client: Client) -> None:
    """additions.md, vertex 3: `sftLossWeightMultiplier` and `distillationSamplingSpec` are fields."""
    vertex = Vertex(client, version="v1beta1")
    spec = {"promptDatasetUri": "gs://b/p.jsonl", "hyperParameters": {"sftLossWeightMultiplier": 0.5, "epochCount": 2}}
    sampling = {"promptDatasetUri": "gs://b/p.jsonl", "hyperparameters": {"epochCount": 1}}

    distilled = vertex.tuned("gemini-2.5-flash", supervisedTuningSpec=None, distillationSpec=spec)
    sampled = vertex.tuned("gemini-2.5-flash", supervisedTuningSpec=None, distillationSamplingSpec=sampling)

    assert 0.5 == distilled["distillationSpec"]["hyperParameters"]["sftLossWeightMultiplier"]
    assert "1" == sampled["distillationSamplingSpec"]["hyperparameters"]["epochCount"]


def test_two_kinds_of_tuning_are_one_too_many(client: Client) -> None:
    """They are members of one oneof."""
    error = refused(
        Vertex(client), baseModel="gemini-2.5-flash", supervisedTuningSpec=GOOD, preferenceOptimizationSpec=GOOD
    )

    assert "oneof field 'tuning_spec' is already set. Cannot set 'preferenceOptimizationSpec'" in error["message"]


def test_tuning_goes_on_from_a_tuned_model(client: Client) -> None:
    """The next version of the same model, under the same name, serving on an endpoint of its own."""
    vertex = Vertex(client)
    first = vertex.tuned(tunedModelDisplayName="mine")

    second = vertex.tuned(None, preTunedModel={"tunedModelName": first["tunedModel"]["model"]})

    assert first["tunedModel"]["model"].replace("@1", "@2") == second["tunedModel"]["model"]
    assert "mine" == second["tunedModelDisplayName"]
    assert {"tunedModelName": first["tunedModel"]["model"], "baseModel": "gemini-2.5-flash"} == second["preTunedModel"]
    assert first["tunedModel"]["endpoint"] != second["tunedModel"]["endpoint"]


def test_going_on_under_another_name_makes_another_model(client: Client) -> None:
    """With a display name of its own it starts at version 1."""
    vertex = Vertex(client)
    first = vertex.tuned(tunedModelDisplayName="mine")
    parent = {"tunedModelName": first["tunedModel"]["model"], "checkpointId": "1"}

    second = vertex.tuned(None, preTunedModel=parent, tunedModelDisplayName="other")

    assert second["tunedModel"]["model"].endswith("@1")
    assert first["tunedModel"]["model"] != second["tunedModel"]["model"]


def test_tuning_goes_on_under_the_name_the_model_has_by_now(client: Client) -> None:
    """Sent or not, that name makes another version, not another model."""
    vertex = Vertex(client)
    model = vertex.tuned(tunedModelDisplayName="old")["tunedModel"]["model"]
    vertex.patch(model, {"displayName": "new"}, updateMask="displayName")
    parent = {"tunedModelName": model}

    unnamed, named, other = (
        vertex.tuned(None, preTunedModel=parent, **name)
        for name in ({}, {"tunedModelDisplayName": "new"}, {"tunedModelDisplayName": "old"})
    )

    assert "new" == unnamed["tunedModelDisplayName"]
    assert [model[:-1] + "2", model[:-1] + "3"] == [each["tunedModel"]["model"] for each in (unnamed, named)]
    assert other["tunedModel"]["model"].endswith("@1")


@pytest.mark.parametrize(
    "place", ["projects/other/locations/us-central1", "projects/my-project/locations/europe-west4"]
)
def test_going_on_elsewhere_leaves_the_model_alone(client: Client, place: str) -> None:
    """A job makes its model where it runs."""
    vertex = Vertex(client)
    model = vertex.tuned()["tunedModel"]["model"]
    sent = {"preTunedModel": {"tunedModelName": model}, "supervisedTuningSpec": GOOD}

    name = vertex.post(f"{place}/tuningJobs", sent)["name"]
    vertex.clock.advance(LONG)

    made = vertex.get(name)["tunedModel"]["model"]
    assert (made.partition("/models/")[0], made[-2:]) == (name.partition("/tuningJobs/")[0], "@1")
    assert 1 == len(vertex.get(f"{model}:listVersions")["models"])


def test_nothing_goes_on_from_nothing(client: Client) -> None:
    """A model that is not there is not found."""
    parent = {"tunedModelName": "projects/p/locations/us-central1/models/1@1"}

    error = refused(Vertex(client), preTunedModel=parent, supervisedTuningSpec=GOOD)

    assert (404, "NOT_FOUND") == (error["code"], error["status"])


def test_a_rebase_is_an_operation_that_ends_with_its_job(client: Client) -> None:
    """The new job is like the old one; the operation answers with it in the end."""
    vertex = Vertex(client)
    old = vertex.tuned(tunedModelDisplayName="mine")
    begun = vertex.post("tuningJobs:rebaseTunedModel", {"tunedModelRef": {"tuningJob": old["name"]}})
    job = begun["name"].partition("/operations/")[0]
    early = vertex.get(begun["name"])
    vertex.clock.advance(4 * 3600)
    late = vertex.get(begun["name"])

    assert begun == early
    assert "done" not in early
    assert (
        "type.googleapis.com/google.cloud.aiplatform.v1.RebaseTunedModelOperationMetadata" == early["metadata"]["@type"]
    )
    assert late["done"] is True
    assert {"@type": "type.googleapis.com/google.cloud.aiplatform.v1.TuningJob", **vertex.get(job)} == late["response"]
    assert "mine" == late["response"]["tunedModelDisplayName"]


def test_a_reward_can_be_tried(client: Client) -> None:
    """Matching strings is scored as the schema says: references filled in, rewards kept within 1."""
    scorer = {
        "stringMatchExpression": {"matchOperation": "PARTIAL_MATCH", "expression": "{{references.answer}}"},
        "correctAnswerReward": 2.0,
        "wrongAnswerReward": -0.5,
    }
    body = {
        "example": {"contents": [{"role": "user", "parts": [{"text": "2+2?"}]}], "references": {"answer": "4"}},
        "singleRewardConfig": {"rewardName": "right", "stringMatchRewardScorer": scorer},
    }
    vertex = Vertex(client, version="v1beta1")

    def reward(text: str) -> Json:
        response = {"role": "model", "parts": [{"text": text}]}
        return vertex.post("tuningJobs:validateReinforcementTuningReward", body | {"sampleResponse": response})

    assert {"overallReward": 1} == reward("It is 4.")
    assert {"overallReward": -0.5} == reward("It is 5.")


def tried(client: Client, expression: str, response: str, **reward: Any) -> httpx.Response:
    """The answer of trying a reward for what an expression finds in a response."""
    match = {"matchOperation": "REGEX_CONTAINS", "expression": expression}
    body = {
        "example": {"contents": [{"role": "user", "parts": [{"text": "2+2?"}]}]},
        "sampleResponse": {"role": "model", "parts": [{"text": response}]},
        "singleRewardConfig": {
            "stringMatchRewardScorer": {"stringMatchExpression": match, "correctAnswerReward": 1.0},
            **reward,
        },
    }
    return Vertex(client, version="v1beta1").ask("POST", "tuningJobs:validateReinforcementTuningReward", json=body)


def parsing(expression: str) -> Json:
    """A reward that is for a part of the response."""
    return {"parseResponseConfig": {"parseType": "REGEX_EXTRACT", "regexExtractExpression": expression}}


@pytest.mark.parametrize(
    ("expression", "response", "reward"),
    [
        (r"\d+", "It is 4.", 1),
        (r"\d+", "It is four.", 0),
        (r"[*+]{2}", "a*+b", 1),
        (r"a+?b\++", "aab+", 1),
        (r"^(?:a|a)*$", "a" * 5000 + "b", 0),
    ],
)
def test_an_expression_is_searched_for(client: Client, expression: str, response: str, reward: int) -> None:
    """Wherever it may be; one that would keep a backtracking engine busy for ever takes no time."""
    assert reward == tried(client, expression, response).json().get("overallReward", 0)


@pytest.mark.parametrize(
    ("expression", "response", "reward"),
    [(r"is (\d)", "is 4", 1), (r"\d", "is 4", 1), ("(4)?5", "5", 0), ("x", "is 4", 0)],
)
def test_a_part_of_a_response_may_be_scored(client: Client, expression: str, response: str, reward: int) -> None:
    """That of the first group; without any, all that matched."""
    assert reward == tried(client, "^4$", response, **parsing(expression)).json().get("overallReward", 0)


@pytest.mark.parametrize(
    "expression", ["a(?=b)", "(?<!a)b", r"(a)\1", "a++", "a{2}{3}", "(?>a)", "(", r"a\Z", "a{9,1}"]
)
def test_what_re2_refuses_is_refused(client: Client, expression: str) -> None:
    """To search for it, and to extract by it."""
    for answer in (tried(client, expression, "aab"), tried(client, "a", "aab", **parsing(expression))):
        error = answer.json()["error"]

        assert (400, "INVALID_ARGUMENT") == (answer.status_code, error["status"])
        assert f"{expression} is no regular expression." in error["message"]


def test_only_so_much_of_a_response_is_parsed(client: Client) -> None:
    """It is searched at any length."""
    response = "a" * 10_001

    assert 200 == tried(client, "a", response).status_code
    assert 400 == tried(client, "a", response, **parsing("a")).status_code


def test_a_composite_reward_is_made_of_rewards(client: Client) -> None:
    """One that is left out is missed."""
    composite = {"compositeRewardConfig": {"weightedRewardConfigs": [{"weight": 1}]}}
    body = {"example": {"references": {"answer": "4"}}, "sampleResponse": {"parts": [{"text": "4"}]}, **composite}

    error = Vertex(client, version="v1beta1").refused("POST", "tuningJobs:validateReinforcementTuningReward", json=body)

    assert "reward_config; Message: Required field is not set." in error["message"]
