"""projects.locations.tuningJobs: creating, watching, listing and cancelling jobs."""

import re
from typing import Any

import pytest

from contract_tests.api.aiplatform import LONG, NUMBER, PROJECT, Vertex
from contract_tests.targets import Client
from mockserver.inspection import run_control
from mockserver.state.world import Settings

Json = dict[str, Any]

SPEC: Json = {"trainingDatasetUri": "gs://bucket/train.jsonl"}


def test_create_answers_the_job_as_it_was_sent(client: Client) -> None:
    """The answer to create is the job: what was sent, a number, a state and two equal times, in the schema's order."""
    sent = {"tuned_model_display_name": "mine", "baseModel": "gemini-2.5-flash-lite", "labels": {"team": "a"}}

    job = Vertex(client).post(
        "tuningJobs", sent | {"supervisedTuningSpec": SPEC | {"hyper_parameters": {"epoch_count": "4"}}}
    )

    assert [
        "name", "tunedModelDisplayName", "baseModel", "supervisedTuningSpec", "state", "createTime", "updateTime", "labels",
    ] == list(job)  # fmt: skip
    assert SPEC | {"hyperParameters": {"epochCount": "4"}} == job["supervisedTuningSpec"]
    assert "JOB_STATE_PENDING" == job["state"]
    assert job["createTime"] == job["updateTime"]


def test_names_come_back_with_the_project_number(client: Client) -> None:
    """Whatever a client calls its project, names have the number, and a 18 or 19 digit multiple of 2**33."""
    vertex = Vertex(client)

    name = vertex.tune()["name"]

    found = re.fullmatch(rf"projects/{NUMBER}/locations/us-central1/tuningJobs/(\d{{18,19}})", name)
    assert found is not None
    assert 0 == int(found[1]) % 2**33
    assert name == vertex.get(f"tuningJobs/{found[1]}")["name"] == vertex.get(name)["name"]


def test_empty_hyperparameters_come_back_empty(client: Client) -> None:
    """Defaults are not filled in before the job has trained; an empty message that was sent is echoed [seen]."""
    job = Vertex(client).tune(supervisedTuningSpec=SPEC | {"hyperParameters": {}})

    assert {} == job["supervisedTuningSpec"]["hyperParameters"]


def test_a_job_without_a_display_name_gets_one(client: Client) -> None:
    """It is the base model and a UUID [seen]."""
    job = Vertex(client).tune("gemini-1.5-pro-002")

    assert re.fullmatch(r"gemini-1\.5-pro-002-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", job["tunedModelDisplayName"])


def test_output_only_members_are_ignored(client: Client) -> None:
    """A state, a name or a tuned model in the request changes nothing (AIP-203)."""
    job = Vertex(client).tune(name="nonsense", state="JOB_STATE_SUCCEEDED", tunedModel={"model": "x"})

    assert "JOB_STATE_PENDING" == job["state"]
    assert "tunedModel" not in job
    assert job["name"].startswith("projects/")


def test_a_service_account_shows_up_later_and_keeps_the_last_checkpoint_only(client: Client) -> None:
    """It is not in the answer to create, but 31 s later; and exportLastCheckpointOnly is there unasked [seen]."""
    vertex = Vertex(client)

    created = vertex.tune(serviceAccount="sa@my-project.iam.gserviceaccount.com")
    vertex.clock.advance(10)
    early = vertex.get(created["name"])
    vertex.clock.advance(25)
    late = vertex.get(created["name"])

    assert created["supervisedTuningSpec"]["exportLastCheckpointOnly"] is True
    assert "serviceAccount" not in created
    assert "serviceAccount" not in early
    assert "sa@my-project.iam.gserviceaccount.com" == late["serviceAccount"]
    assert early["updateTime"] < late["updateTime"]


def test_the_first_look_after_create_says_running(client: Client) -> None:
    """A job runs within 72 ms; its update time is its start then."""
    vertex = Vertex(client)
    name = vertex.tune()["name"]
    vertex.clock.advance(0.1)

    job = vertex.get(name)

    assert "JOB_STATE_RUNNING" == job["state"]
    assert job["createTime"][:-1] < job["startTime"][:-1] == job["updateTime"][:-1]


def test_a_job_names_its_experiment_after_a_while(client: Client) -> None:
    """Not in the answer to create, which breaks a client; 1.3 s after the start, stamped on Pacific time.

    additions.md, vertex 2.1.
    """
    vertex = Vertex(client)
    created = vertex.tune()
    vertex.clock.advance(1.2)
    early = vertex.get(created["name"])
    vertex.clock.advance(0.3)

    experiment = vertex.get(created["name"])["experiment"]

    assert "experiment" not in created | early
    stamp = r"2024031408000[01]\d{6}"  # 15:00:00 UTC is 8:00:00 in California
    assert re.fullmatch(rf"{vertex.place}/metadataStores/default/contexts/tuning-experiment-{stamp}", experiment)


def test_a_job_that_succeeds_shows_everything(client: Client) -> None:
    """Hyperparameters, times, model, endpoint, checkpoints and statistics; the end is the last update."""
    vertex = Vertex(client)

    job = vertex.tuned(epochs=2)

    assert {"epochCount": "2", "learningRateMultiplier": 1, "adapterSize": "ADAPTER_SIZE_FOUR"} == job[
        "supervisedTuningSpec"
    ]["hyperParameters"]
    assert job["endTime"] == job["updateTime"]
    assert re.fullmatch(rf"{vertex.place}/models/\d+@1", job["tunedModel"]["model"])
    assert ["1", "2"] == [each["epoch"] for each in job["tunedModel"]["checkpoints"]]
    assert job["tunedModel"]["endpoint"] == job["tunedModel"]["checkpoints"][-1]["endpoint"]
    stats = job["tuningDataStats"]["supervisedTuningDataStats"]
    sums = [int(stats[f"user{kind}TokenDistribution"]["sum"]) for kind in ("Input", "Output")]
    assert str(sum(sums)) == stats["totalBillableTokenCount"]


def test_checkpoints_appear_one_by_one(client: Client) -> None:
    """Each is deployed as its step is done; the default endpoint comes last, with success."""
    vertex = Vertex(client)
    name = vertex.tune(epochs=4)["name"]
    seen = []
    while "endpoint" not in (tuned := vertex.get(name).get("tunedModel", {})):
        seen.append(len(tuned.get("checkpoints", [])))
        vertex.clock.advance(2)

    assert [0, 1, 2, 3] == sorted(set(seen))
    assert seen == sorted(seen)


def test_many_epochs_make_ten_checkpoints(client: Client) -> None:
    """About ten, evenly spaced, the last exact."""
    checkpoints = Vertex(client).tuned(epochs=40)["tunedModel"]["checkpoints"]

    assert [str(epoch) for epoch in range(4, 41, 4)] == [each["epoch"] for each in checkpoints]


def test_only_the_last_checkpoint_may_be_wanted(client: Client) -> None:
    """Then the tuned model has a model and an endpoint, and no checkpoints."""
    spec = SPEC | {"exportLastCheckpointOnly": True}

    tuned = Vertex(client).tuned(supervisedTuningSpec=spec)["tunedModel"]

    assert ["model", "endpoint"] == list(tuned)


def test_the_last_updated_job_is_listed_first(client: Client) -> None:
    """Not the youngest: the order is that of updateTime, descending [seen]."""
    vertex = Vertex(client)
    old = vertex.tune()["name"]
    vertex.clock.advance(100)
    young = vertex.tune()["name"]
    vertex.clock.advance(10)
    vertex.post(f"{old}:cancel")
    vertex.clock.advance(10)

    jobs = vertex.get("tuningJobs")["tuningJobs"]

    assert [old, young] == [job["name"] for job in jobs]


def test_of_what_was_made_at_one_moment_the_youngest_is_listed_first(client: Client) -> None:
    """On a clock that stands still too, page by page."""
    vertex = Vertex(client)
    made = [vertex.tune(epochs=1)["name"] for _ in range(5)]
    first = vertex.get("tuningJobs", pageSize=3)
    second = vertex.get("tuningJobs", pageSize=3, pageToken=first["nextPageToken"])
    endpoints = [vertex.post("endpoints", {"displayName": name})["response"]["name"] for name in "abc"]

    assert made[::-1] == [job["name"] for page in (first, second) for job in page["tuningJobs"]]
    assert endpoints[::-1] == [endpoint["name"] for endpoint in vertex.get("endpoints")["endpoints"]]


def test_a_list_is_of_one_location_and_empty_is_an_empty_object(client: Client) -> None:
    """No key at all for nothing [seen]."""
    Vertex(client).tune()

    listed = Vertex(client, location="europe-west4").get("tuningJobs")

    assert {} == listed


def test_a_list_comes_in_pages(client: Client) -> None:
    """Every job once, the last page without a token."""
    vertex = Vertex(client)
    names = set()
    for _ in range(5):
        names.add(vertex.tune()["name"])
        vertex.clock.advance(1)
    first = vertex.get("tuningJobs", pageSize=2)
    second = vertex.get("tuningJobs", pageSize=2, pageToken=first["nextPageToken"])
    third = vertex.get("tuningJobs", pageSize=2, pageToken=second["nextPageToken"])

    seen = [job["name"] for page in (first, second, third) for job in page["tuningJobs"]]
    assert 5 == len(seen)
    assert names == set(seen)
    assert "nextPageToken" not in third


def test_a_job_that_is_updated_while_pages_are_turned_is_listed_once(client: Client) -> None:
    """The order is that of the moment of the first page; a job that was created since is on none of them."""
    vertex = Vertex(client)
    made = []
    for _ in range(4):
        made.append(vertex.tune()["name"])
        vertex.clock.advance(20)
    first = vertex.get("tuningJobs", pageSize=2)
    vertex.clock.advance(60)
    for name in made:
        vertex.post(f"{name}:cancel")
        vertex.clock.advance(1)
    vertex.tune()
    rest = vertex.get("tuningJobs", pageSize=9, pageToken=first["nextPageToken"])

    assert sorted(made) == sorted(job["name"] for page in (first, rest) for job in page["tuningJobs"])
    assert {"JOB_STATE_CANCELLED"} == {job["state"] for job in rest["tuningJobs"]}


def test_a_job_that_ends_between_pages_is_listed_once_though_the_clock_stands(client: Client) -> None:
    """Of two that end at one moment one ended before the first page, and stands where it did then."""
    vertex = Vertex(client)
    made = []
    for _ in range(4):
        made.append(vertex.tune()["name"])
        vertex.clock.advance(20)
    run_control.fail(client.world, made[0])
    first = vertex.get("tuningJobs", pageSize=2)
    run_control.fail(client.world, made[1])
    rest = vertex.get("tuningJobs", pageSize=9, pageToken=first["nextPageToken"])

    assert made[0] == first["tuningJobs"][0]["name"]
    assert sorted(made) == sorted(job["name"] for page in (first, rest) for job in page["tuningJobs"])


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ('state="JOB_STATE_CANCELLED"', False),
        ("state=JOB_STATE_RUNNING", True),
        ("labels.team=a", True),
        ("labels.team:*", True),
        ("labels.other:*", False),
        ('tuned_model_display_name="one" AND labels.team=a', True),
        ("tunedModelDisplayName=on*", True),
        ("NOT labels.team=a", False),
    ],
)
def test_a_list_may_be_filtered(client: Client, text: str, *, fits: bool) -> None:
    """By state, display name and labels, in either spelling."""
    vertex = Vertex(client)
    vertex.tune(tunedModelDisplayName="one", labels={"team": "a"})
    vertex.clock.advance(1)

    listed = vertex.get("tuningJobs", filter=text)

    assert fits == bool(listed)


def test_a_cancelled_job_winds_down_and_ends(client: Client) -> None:
    """CANCELLING, updated no more; then CANCELLED with error 1 "CANCELED" [recorded 2026-10]."""
    vertex = Vertex(client)
    name = vertex.tune()["name"]
    vertex.clock.advance(0.5)
    running = vertex.get(name)
    answer = vertex.post(f"{name}:cancel")
    vertex.clock.advance(10)
    stopping = vertex.get(name)
    vertex.clock.advance(60)
    stopped = vertex.get(name)

    assert {} == answer
    assert running | {"state": "JOB_STATE_CANCELLING"} == stopping
    assert "JOB_STATE_CANCELLED" == stopped["state"]
    assert {"code": 1, "message": "CANCELED"} == stopped["error"]
    assert stopped["endTime"] == stopped["updateTime"]
    assert not stopped.keys() & {"tunedModel", "experiment", "tuningDataStats"}


def test_a_job_cancelled_late_ends_soon_and_names_its_model(client: Client) -> None:
    """After 42 s it took 0.9 s, and the model that never was had a name [recorded 2026-10]."""
    vertex = Vertex(client)
    name = vertex.tune()["name"]
    vertex.clock.advance(42)
    vertex.post(f"{name}:cancel")
    vertex.clock.advance(4)

    job = vertex.get(name)

    assert "JOB_STATE_CANCELLED" == job["state"]
    assert ["model"] == list(job["tunedModel"])


def test_a_job_cancelled_before_it_ran_never_started(client: Client) -> None:
    """No startTime [seen]."""
    vertex = Vertex(client)
    name = vertex.tune()["name"]
    vertex.post(f"{name}:cancel")
    vertex.clock.advance(5)

    job = vertex.get(name)

    assert "JOB_STATE_CANCELLED" == job["state"]
    assert "startTime" not in job


@pytest.mark.parametrize("body", [b"", b"{}", None])
def test_cancel_takes_any_empty_body(client: Client, body: bytes | None) -> None:
    """Curl sends `-d ""`, google-genai nothing, others an object; the answer is `{}` and a newline, three bytes."""
    vertex = Vertex(client)
    name = vertex.tune()["name"]

    answer = vertex.ask("POST", f"{name}:cancel", content=body)

    assert b"{}\n" == answer.content


@pytest.mark.parametrize(("seconds", "state"), [(0.0, "CANCELLING"), (LONG, "CANCELLED")])
def test_a_job_is_cancelled_once(client: Client, seconds: float, state: str) -> None:
    """The sentence was recorded for CANCELLED."""
    vertex = Vertex(client)
    name = vertex.tune()["name"]
    vertex.clock.advance(1)
    vertex.post(f"{name}:cancel")
    vertex.clock.advance(seconds)

    error = vertex.refused("POST", f"{name}:cancel")

    assert {
        "code": 400,
        "message": f'The TuningJob "{name}" is in state JOB_STATE_{state} and cannot be canceled.',
        "status": "FAILED_PRECONDITION",
    } == error


def test_an_unknown_job_does_not_exist(client: Client) -> None:
    """The sentence is that of its siblings, custom and hyperparameter tuning jobs."""
    vertex = Vertex(client)

    errors = [vertex.refused("GET", "tuningJobs/1"), vertex.refused("POST", "tuningJobs/1:cancel")]

    assert [{"code": 404, "message": "The TuningJob does not exist.", "status": "NOT_FOUND"}] * 2 == errors


def test_a_job_is_in_its_project_and_location_only(client: Client) -> None:
    """Elsewhere it does not exist."""
    vertex = Vertex(client)
    name = vertex.tune()["name"]

    elsewhere = [name.replace("us-central1", "europe-west4"), name.replace(NUMBER, "another-project")]

    assert [404, 404] == [vertex.ask("GET", other).status_code for other in elsewhere]


def test_there_is_no_delete(client: Client) -> None:
    """A tuning job is neither deleted nor patched: the page of an unrouted path."""
    vertex = Vertex(client)
    name = vertex.tune()["name"]

    answers = [vertex.ask("DELETE", name), vertex.ask("PATCH", name, json={})]

    assert [404, 404] == [answer.status_code for answer in answers]
    assert all(answer.headers["content-type"].startswith("text/html") for answer in answers)


@pytest.mark.parametrize("location", ["me-central2", "mars-north1"])
def test_a_denied_or_unknown_location_is_refused(client: Client, location: str) -> None:
    """Both the same way, the first as recorded in 2026-10."""
    error = Vertex(client, location=location).refused("GET", "tuningJobs")

    sentence = f"Permission denied on 'locations/{location}' (or it may not exist)."
    assert (403, "PERMISSION_DENIED", sentence) == (error["code"], error["status"], error["message"])
    info, localized, link = error["details"]
    assert "LOCATION_POLICY_VIOLATED" == info["reason"]
    assert {"consumer": f"projects/{PROJECT}", "service": "", "location": location} == info["metadata"]
    assert sentence == localized["message"]
    assert ["description"] == list(link["links"][0])


def test_global_does_not_tune(client: Client) -> None:
    """It is a location for generating."""
    error = Vertex(client, location="global").refused(
        "POST", "tuningJobs", json={"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": SPEC}
    )

    assert (400, "FAILED_PRECONDITION") == (error["code"], error["status"])


@pytest.mark.parametrize("settings", [Settings(seed=1, max_concurrent_jobs=1)])
def test_jobs_over_the_quota_wait(client: Client) -> None:
    """They stay PENDING, in v1beta1 WAITING_FOR_QUOTA, in whatever region, until one ends."""
    vertex = Vertex(client)
    first = vertex.tune()["name"]
    second = Vertex(vertex.client, location="europe-west4", version="v1beta1")
    name = second.tune()["name"]
    vertex.clock.advance(60)
    waiting = second.get(name)
    vertex.post(f"{first}:cancel")
    vertex.clock.advance(60)
    running = second.get(name)

    assert ("JOB_STATE_PENDING", "TUNING_JOB_STATE_WAITING_FOR_QUOTA") == (waiting["state"], waiting["tuningJobState"])
    assert "JOB_STATE_RUNNING" == running["state"]


@pytest.mark.parametrize("settings", [Settings(seed=1, max_concurrent_jobs=1, over_quota="refuse")])
def test_jobs_over_the_quota_may_be_refused(client: Client) -> None:
    """With 429, if the server is told so."""
    vertex = Vertex(client)
    vertex.tune()

    error = vertex.refused("POST", "tuningJobs", json={"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": SPEC})

    assert (429, "RESOURCE_EXHAUSTED") == (error["code"], error["status"])


def test_express_mode_needs_no_project(client: Client) -> None:
    """With an API key, create and go on by the name that came back: the key's own project takes its key."""
    created = client.post("/v1beta1/tuningJobs", json={"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": SPEC})
    name = created.json()["name"]

    by_name = client.get(f"/v1beta1/{name}")
    by_id = client.get(f"/v1beta1/tuningJobs/{name.rpartition('/')[2]}")
    listed = client.get("/v1beta1/tuningJobs")

    assert [200, 200] == [created.status_code, by_name.status_code]
    assert by_name.json() == by_id.json() == listed.json()["tuningJobs"][0]


def test_an_api_key_is_no_good_in_another_project(client: Client) -> None:
    """The real 401."""
    error = client.get(f"/v1/projects/{PROJECT}/locations/us-central1/tuningJobs").json()["error"]

    assert (401, "UNAUTHENTICATED") == (error["code"], error["status"])
    assert error["message"].startswith("API keys are not supported by this API.")
    assert "google.cloud.aiplatform.v1.GenAiTuningService.ListTuningJobs" == error["details"][0]["metadata"]["method"]


def test_v1_does_not_tell_what_only_v1beta1_knows(client: Client) -> None:
    """The batch size, the detailed state and the steps of a job are left out, not printed empty."""
    beta = Vertex(client, version="v1beta1")
    name = beta.tune(supervisedTuningSpec=SPEC | {"hyperParameters": {"batchSize": 8, "epochCount": 2}})["name"]
    beta.clock.advance(300)

    told, kept = beta.get(name), Vertex(client).get(name)

    assert {"epochCount": "2", "batchSize": "8"} == told["supervisedTuningSpec"]["hyperParameters"]
    assert {"epochCount": "2"} == kept["supervisedTuningSpec"]["hyperParameters"]
    assert {"tuningJobState", "tuningJobMetadata"} <= told.keys()
    assert not kept.keys() & {"tuningJobState", "tuningJobMetadata"}


@pytest.mark.parametrize("base", ["gemini-2.0-flash", "gemini-2.5-flash-002", "gemini-1.5-flash-001", "gemini-9"])
def test_a_base_model_that_is_not_tuned_is_refused(client: Client, base: str) -> None:
    """additions.md, vertex 4: without "The", without "for tuning", without details."""
    error = Vertex(client).refused(
        "POST", "tuningJobs", json={"baseModel": base, "supervisedTuningSpec": {"trainingDatasetUri": "gs://b/t.jsonl"}}
    )

    sentence = f"Base model {base} is not supported."
    assert {"code": 400, "message": sentence, "status": "INVALID_ARGUMENT"} == error


def test_a_job_that_succeeded_names_its_metrics(client: Client) -> None:
    """additions.md, vertex 2.1: Google's own test expects `gcsMetricsUri`; jobs of the older models had none."""
    vertex = Vertex(client)
    created = vertex.tune("gemini-2.5-flash")
    vertex.clock.advance(LONG)
    new, old = vertex.get(created["name"]), vertex.tuned("gemini-1.5-flash-002")

    assert "gcsMetricsUri" not in created
    assert re.fullmatch(r"gs://[^/]+/.+\.jsonl", new["gcsMetricsUri"])
    assert "gcsMetricsUri" not in old
