"""What clients read behind a job's `experiment`, and Google's list of models."""

import itertools
from typing import Any

import pytest

from contract_tests.api.aiplatform import Vertex
from contract_tests.targets import Client

Json = dict[str, Any]

SPEC = {"trainingDatasetUri": "gs://b/t.jsonl", "validationDatasetUri": "gs://b/v.jsonl"}


def test_the_experiment_of_a_job_can_be_read(client: Client) -> None:
    """Clients want a schema and metadata, and a tensorboard behind it."""
    vertex = Vertex(client)
    name = vertex.tuned()["experiment"]

    context = vertex.get(name)

    assert name == context["name"]
    assert "system.Experiment" == context["schemaTitle"]
    assert context["metadata"]["backing_tensorboard_resource"] == vertex.get("tensorboards")["tensorboards"][0]["name"]


def test_the_tensorboard_is_as_old_as_the_first_job(client: Client) -> None:
    """Whenever it is read."""
    vertex = Vertex(client)
    job = vertex.tune()
    vertex.clock.advance(600)
    vertex.tune()
    vertex.clock.advance(36_000)

    (board,) = vertex.get("tensorboards")["tensorboards"]

    assert job["createTime"] == board["createTime"]


def test_the_run_is_a_child_of_the_experiment(client: Client) -> None:
    """Found by the filters google-cloud-aiplatform makes."""
    vertex = Vertex(client)
    name = vertex.tuned()["experiment"]
    vertex.tuned()
    text = f'schema_title="system.ExperimentRun" AND parent_contexts:"{name}"'

    (run,) = vertex.get("metadataStores/default/contexts", filter=text)["contexts"]

    assert [name] == run["parentContexts"]
    assert run["name"].startswith(f"{name}-")
    either = '(schema_title="system.Experiment" OR schema_title="system.ExperimentRun")'
    assert 4 == len(vertex.get("metadataStores/default/contexts", filter=either)["contexts"])
    assert {} == vertex.get("metadataStores/default/executions", filter=f'in_context("{name}")')


@pytest.mark.parametrize(("by_context", "epochs"), [(False, 60), (True, 3)])
def test_metrics_are_on_the_tensorboard(client: Client, *, by_context: bool, epochs: int) -> None:
    """Loss for every step, of the validation data for 1, 10, 20, ... and the last [recorded 2025-03].

    Of a short run it is measured at the first and the last step only.

    Older programs name the run by its context, newer ones by what is left of it without the experiment's name.
    """
    vertex = Vertex(client)
    job = vertex.tuned(supervisedTuningSpec=SPEC | {"hyperParameters": {"epochCount": epochs}})
    context = vertex.get(job["experiment"])
    experiment = context["name"].rpartition("/")[2]
    text = f'parent_contexts:"{context["name"]}"'
    run_context = vertex.get("metadataStores/default/contexts", filter=text)["contexts"][0]["name"].rpartition("/")[2]
    board = context["metadata"]["backing_tensorboard_resource"]
    run = run_context if by_context else run_context.removeprefix(f"{experiment}-")
    name = vertex.get(f"{board}/experiments/{experiment}/runs/{run}")["name"]

    series = vertex.get(f"{board}/experiments/{experiment}/runs/{run}/timeSeries")["tensorboardTimeSeries"]
    names = {each["displayName"]: each["name"] for each in series}
    read = vertex.get(f"{board}:batchRead", timeSeries=list(names.values()))["timeSeriesData"]
    values = {each["tensorboardTimeSeriesId"]: each["values"] for each in read}
    train, evaluation = (
        values[names[metric].rpartition("/")[2]] for metric in ("/train_total_loss", "/eval_total_loss")
    )

    total = int(job["tunedModel"]["checkpoints"][-1]["step"])
    assert all(each["name"].startswith(f"{name}/timeSeries/") for each in series)
    assert [str(step) for step in range(1, total + 1)] == [value["step"] for value in train]
    measured = map(str, range(10, total, 10)) if epochs == 60 else ()
    assert (total >= 100) == (epochs == 60)
    assert ["1", *measured, str(total)] == [value["step"] for value in evaluation]
    assert train[0]["scalar"]["value"] > train[-1]["scalar"]["value"]
    assert train == vertex.get(f"{names['/train_total_loss']}:read")["timeSeriesData"]["values"]


def test_no_measured_step_vanishes(client: Client) -> None:
    """What was read while the job ran is the beginning of what is read at its end."""
    vertex = Vertex(client)
    name = vertex.tune(supervisedTuningSpec=SPEC | {"hyperParameters": {"epochCount": 60}})["name"]
    vertex.clock.advance(270)
    experiment = vertex.get(name)["experiment"].rpartition("/")[2]
    board = vertex.get("tensorboards")["tensorboards"][0]["name"]
    run = vertex.get(f"{board}/experiments/{experiment}/runs")["tensorboardRuns"][0]["name"]
    read: list[list[Json]] = []
    while not read or vertex.get(name)["state"] == "JOB_STATE_RUNNING":
        read.append(vertex.get(f"{run}/timeSeries/3:read")["timeSeriesData"].get("values", []))
        vertex.clock.advance(7)

    assert len(read[-1]) > 5
    assert all(later[: len(sooner)] == sooner for sooner, later in itertools.pairwise(read))


def test_an_artifact_ties_the_two_runs_together(client: Client) -> None:
    """Its id is what google-cloud-aiplatform makes of the run's; its metadata names the run on the tensorboard."""
    vertex = Vertex(client)
    name = vertex.tuned()["experiment"]
    run = vertex.get("metadataStores/default/contexts", filter=f'parent_contexts:"{name}"')["contexts"][0]
    number = run["name"].rpartition("/")[2]

    artifact = vertex.get(f"metadataStores/default/artifacts/{number}-tb-run")

    assert "google.VertexTensorboardRun" == artifact["schemaTitle"]
    assert artifact["metadata"]["vertex_experiment_tracking"] is True
    assert artifact["metadata"]["resourceName"] == vertex.get(artifact["metadata"]["resourceName"])["name"]
    assert {"artifacts": [artifact]} == vertex.get("metadataStores/default/artifacts")


def test_without_validation_data_nothing_is_evaluated(client: Client) -> None:
    """Only the training metrics are there [documented]."""
    vertex = Vertex(client)
    vertex.tuned()
    board = vertex.get("tensorboards")["tensorboards"][0]["name"]
    experiment = vertex.get(f"{board}/experiments")["tensorboardExperiments"][0]["name"]
    run = vertex.get(f"{experiment}/runs")["tensorboardRuns"][0]["name"]

    series = vertex.get(f"{run}/timeSeries")["tensorboardTimeSeries"]

    assert ["/train_total_loss", "/train_fraction_of_correct_next_step_preds"] == [
        each["displayName"] for each in series
    ]


@pytest.mark.parametrize(
    "path",
    [
        "metadataStores/default/contexts/tuning-experiment-1",
        "metadataStores/default/executions/1",
        "metadataStores/default/artifacts/1",
        "tensorboards/1",
        "tensorboards/1/experiments/2",
        "tensorboards/1/experiments/2/runs/3",
        "tensorboards/1/experiments/2/runs/3/timeSeries/4",
    ],
)
def test_what_no_job_has_written_is_not_found(client: Client, path: str) -> None:
    """404 that names it."""
    vertex = Vertex(client)
    vertex.tuned()

    error = vertex.refused("GET", path)

    assert "NOT_FOUND" == error["status"]
    assert f"{vertex.place}/{path} not found." in error["message"]


@pytest.mark.parametrize(
    ("parent", "children"),
    [
        ("metadataStores/mine", ("/contexts", "/executions", "/artifacts")),
        ("tensorboards/1", ("/experiments", ":batchRead?timeSeries=x")),
    ],
)
def test_what_is_not_there_holds_nothing(client: Client, parent: str, children: tuple[str, ...]) -> None:
    """There are the default metadata store and the tensorboard of the location, and no others."""
    vertex = Vertex(client)
    vertex.tuned()

    for child in children:
        error = vertex.refused("GET", parent + child)

        assert error["message"].endswith(f" {vertex.place}/{parent} not found.")


def test_googles_models_are_listed(client: Client) -> None:
    """In v1beta1, with an API key or a token, in pages; each can be got."""
    first = client.get("/v1beta1/publishers/google/models", params={"pageSize": 3}).json()
    rest = client.get("/v1beta1/publishers/google/models", params={"pageToken": first["nextPageToken"]}).json()
    models = [*first["publisherModels"], *rest["publisherModels"]]
    one = client.get("/v1/publishers/google/models/gemini-2.5-flash").json()

    assert 3 == len(first["publisherModels"])
    assert one in models
    assert ("publishers/google/models/gemini-2.5-flash", "GA") == (one["name"], one["launchStage"])
    assert {} == client.get("/v1beta1/publishers/nobody/models").json()
    assert 404 == client.get("/v1/publishers/google/models/gemini-9").status_code
    assert "text/html; charset=UTF-8" == client.get("/v1/publishers/google/models").headers["content-type"]


def test_googles_models_are_filtered_and_ordered(client: Client) -> None:
    """As any list: by a filter and an order, of which a page token holds for one."""

    def ids(**params: Any) -> list[str]:
        answer = client.get("/v1beta1/publishers/google/models", params={"pageSize": 1000, **params}).json()
        return [model["name"].rpartition("/")[2] for model in answer.get("publisherModels", ())]

    assert [each for each in ids() if "gemini-2.5" in each] == ids(filter="name:gemini-2.5")
    assert sorted(ids(), reverse=True) == ids(orderBy="name desc")
    page = client.get("/v1beta1/publishers/google/models", params={"pageSize": 2}).json()
    assert ids()[2:] == ids(pageToken=page["nextPageToken"])
    for wrong in ({"filter": "(("}, {"orderBy": "nothing"}, {"filter": "name:x", "pageToken": page["nextPageToken"]}):
        assert 400 == client.get("/v1beta1/publishers/google/models", params=wrong).status_code


def test_every_list_behind_a_job_is_filtered(client: Client) -> None:
    """By a member of its resources; a filter that cannot be read is refused, in an empty list too."""
    vertex = Vertex(client)
    job = vertex.tuned()
    endpoint = job["tunedModel"]["endpoint"]
    vertex.delete(endpoint)
    (board,) = vertex.get("tensorboards")["tensorboards"]
    (experiment,) = vertex.get(f"{board['name']}/experiments")["tensorboardExperiments"]
    (run,) = vertex.get(f"{experiment['name']}/runs")["tensorboardRuns"]
    store = "metadataStores/default"
    for path in (
        "operations",
        "tensorboards",
        f"{board['name']}/experiments",
        f"{experiment['name']}/runs",
        f"{run['name']}/timeSeries",
        f"{store}/contexts",
        f"{store}/artifacts",
    ):
        (resources,) = vertex.get(path).values()
        name = resources[-1]["name"]

        (found,) = vertex.get(path, filter=f'name="{name}"').values()
        assert [name] == [each["name"] for each in found]
        assert {} == vertex.get(path, filter='name="nothing"')
        if path != "operations":  # the only list here that has no order
            (rising,), (falling,) = (vertex.get(path, orderBy=f"display_name{end}").values() for end in ("", " desc"))
            assert [each["name"] for each in rising] == [each["name"] for each in reversed(falling)]
            assert 400 == vertex.refused("GET", path, params={"orderBy": "nothing"})["code"]
    assert 400 == vertex.refused("GET", f"{store}/executions", params={"filter": "(("})["code"]
    assert vertex.get("operations") == vertex.get("operations", filter="done=true")
    assert {} == vertex.get("operations", filter="done=false")


def test_a_page_of_a_tensorboard_has_50_experiments(client: Client) -> None:
    """Unless more are asked for (tensorboard_service.proto); of contexts it has 100 (metadata_service.proto)."""
    vertex = Vertex(client)
    for _ in range(51):
        vertex.tune()
    vertex.clock.advance(3600)
    (board,) = vertex.get("tensorboards")["tensorboards"]
    path = f"{board['name']}/experiments"

    first, all_ = vertex.get(path), vertex.get(path, pageSize=1000)

    assert (50, 51) == (len(first["tensorboardExperiments"]), len(all_["tensorboardExperiments"]))
    assert 1 == len(vertex.get(path, pageToken=first["nextPageToken"])["tensorboardExperiments"])
    assert 100 == len(vertex.get("metadataStores/default/contexts")["contexts"])
