"""Datasets that jobs find in buckets: their statistics, what is wrong with them, and what a model learns from them."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from contract_tests.api.aiplatform import LONG, Vertex, turn
from contract_tests.environment import ROOT
from contract_tests.neighbour import Neighbour, serving
from contract_tests.targets import Client
from mockserver.state.world import Settings

Json = dict[str, Any]

DATASETS = ROOT / "fixtures" / "datasets"
URI = "gs://lindholm/tuning/train.jsonl"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of the buckets."""
    (tmp_path / "lindholm" / "tuning").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def settings(root: Path) -> Settings:
    """A world that looks for gs:// objects there."""
    return Settings(seed=1, gcs_root=root)


def store(root: Path, raw: bytes, uri: str = URI) -> str:
    """Put an object into a bucket."""
    path = root / uri.removeprefix("gs://")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    return uri


def fixture(name: str) -> bytes:
    """An authored dataset."""
    return (DATASETS / name).read_bytes()


def tuned_on(client: Client, uri: str = URI, base: str = "gemini-2.0-flash-001", **spec: Any) -> Json:
    """A job over this dataset that has ended."""
    vertex = Vertex(client)
    created = vertex.tune(base, supervisedTuningSpec={"trainingDatasetUri": uri} | spec)
    client.clock.advance(LONG)
    return vertex.get(created["name"])


def supervised(job: Json) -> Json:
    """The statistics of a supervised job's data."""
    assert "JOB_STATE_SUCCEEDED" == job["state"], job.get("error")
    stats: Json = job["tuningDataStats"]["supervisedTuningDataStats"]
    return stats


# The populations behind recorded statistics are not known, but one that fits can be found, if there is one.


def population(recorded: Json) -> list[int]:
    """Whole numbers whose distribution must be the recorded one."""
    buckets = [(int(each["count"]), int(each["left"]), int(each["right"])) for each in recorded["buckets"]]
    least = [left for count, left, _ in buckets for _ in range(count)]
    most = [right for count, _, right in buckets for _ in range(count)]
    size = len(least)
    known = {1: "min", size: "max"} | {-(-size * percent // 100): name for percent, name in _RANKS.items()}
    for rank, name in known.items():
        value = int(recorded[name])
        least[rank - 1 :] = [max(value, each) for each in least[rank - 1 :]]
        most[:rank] = [min(value, each) for each in most[:rank]]
    missing = int(recorded["sum"]) - sum(least)
    for place in reversed(range(size)):
        more = min(missing, most[place] - least[place])
        least[place] += more
        missing -= more
    assert 0 == missing
    return least


_RANKS = {5: "p5", 50: "median", 95: "p95"}


def lines(inputs: Sequence[int], outputs: Sequence[int], *parts: Json) -> bytes:
    """Examples of so many tokens in and out, with these parts before the text."""
    examples = (
        {"contents": [_turn("user", given, *parts), _turn("model", wanted)]}
        for given, wanted in zip(inputs, outputs, strict=True)
    )
    return b"".join(json.dumps(example).encode() + b"\n" for example in examples)


def _turn(role: str, tokens: int, *parts: Json) -> Json:
    return {"role": role, "parts": [*parts, {"text": " ".join(["ferry"] * tokens)}]}


def recorded_text(transcripts: Path) -> Json:
    """500 examples of text; the job failed later, at its endpoint."""
    text = (transcripts / "vertex-tuningjobs-rest-failed-2024-11.txt").read_text(encoding="utf-8")
    found = re.search(r"^/\*\n(\{.*?^\})", text, re.DOTALL | re.MULTILINE)
    assert found is not None
    job = json.loads(found[1])
    stats: Json = job["tuningDataStats"]["supervisedTuningDataStats"]
    return stats


def recorded_images(transcripts: Path) -> Json:
    """90 examples of an image and a question."""
    recording = json.loads((transcripts / "vertex-nb-image-2025-03-10.json").read_text(encoding="utf-8"))
    done = next(item["value"] for item in recording["items"] if "tuningDataStats" in item["value"])
    stats: Json = done["tuningDataStats"]["supervisedTuningDataStats"]
    return stats


@pytest.mark.parametrize("recorded", [recorded_text, recorded_images])
def test_statistics_are_the_recorded_ones_for_such_data(
    client: Client, root: Path, transcripts: Path, recorded: Callable[[Path], Json]
) -> None:
    """All numbers of a recorded job come out again, member by member, of data with as many tokens."""
    expected = recorded(transcripts)
    inputs = population(expected["userInputTokenDistribution"])
    outputs = population(expected["userOutputTokenDistribution"])
    if recorded is recorded_images:
        image = {"fileData": {"mimeType": "image/jpeg", "fileUri": "gs://lindholm/cat.jpg"}}
        store(root, lines([tokens - 258 for tokens in inputs], outputs, image))
    else:
        store(root, lines(inputs, outputs))

    stats = supervised(tuned_on(client))

    assert list(expected) == list(stats)
    assert {name: value for name, value in expected.items() if name != "userDatasetExamples"} == {
        name: value for name, value in stats.items() if name != "userDatasetExamples"
    }
    assert [each["role"] for each in expected["userDatasetExamples"]] == [
        each["role"] for each in stats["userDatasetExamples"]
    ]


def test_steps_follow_from_the_examples(client: Client, root: Path) -> None:
    """The default epochs and the pace are those of a dataset of that size."""
    store(root, fixture("support.jsonl") * 5)

    job = tuned_on(client)

    assert "120" == supervised(job)["tuningDatasetExampleCount"]
    assert "10" == job["supervisedTuningSpec"]["hyperParameters"]["epochCount"]


def test_media_are_shown_as_placeholders(client: Client, root: Path) -> None:
    """A file is <media0> before the text beside it, as in the recorded job."""
    store(root, fixture("media.jsonl"))

    stats = supervised(tuned_on(client))

    assert "<media0>Which quay is this?" == stats["userDatasetExamples"][0]["parts"][0]["text"]
    assert "<media0><media1>What has changed?" == stats["userDatasetExamples"][2]["parts"][0]["text"]


def test_preference_data_has_statistics_of_its_own(client: Client, root: Path) -> None:
    """Their sums are doubles and their counts strings, the other way round than elsewhere; examples have scores."""
    store(root, fixture("preferences.jsonl"))
    vertex = Vertex(client)
    spec = {"preferenceOptimizationSpec": {"trainingDatasetUri": URI}}
    name = vertex.post("tuningJobs", {"baseModel": "gemini-2.5-flash"} | spec)["name"]
    client.clock.advance(LONG)

    stats = vertex.get(name)["tuningDataStats"]["preferenceOptimizationDataStats"]

    assert {"count": "5", "left": 1, "right": 1} == stats["scoresDistribution"]["buckets"][-1]
    assert 5 == stats["scoresDistribution"]["sum"]
    assert 5 * 0.25 == stats["scoreVariancePerExampleDistribution"]["sum"]
    assert [1, 0] == [each.get("score", 0) for each in stats["userDatasetExamples"][0]["completions"]]
    assert 3 == len(stats["userDatasetExamples"])


def test_wrong_content_fails_the_run_and_not_the_request(client: Client, root: Path) -> None:
    """Create looks at the form of the rows only; the job fails later, code 3, with the example's place and JSON."""
    store(root, fixture("functions.jsonl"))
    vertex = Vertex(client)

    created = vertex.tune("gemini-2.5-flash", supervisedTuningSpec={"trainingDatasetUri": URI})
    client.clock.advance(10)
    running = vertex.get(created["name"])
    client.clock.advance(170)
    failed = vertex.get(created["name"])

    assert ["JOB_STATE_PENDING", "JOB_STATE_RUNNING", "JOB_STATE_FAILED"] == [
        job["state"] for job in (created, running, failed)
    ]
    assert 3 == failed["error"]["code"]
    assert failed["error"]["message"].startswith(
        "Dataset example 1 of 3 contains an unsupported modality [function call] in the “parts” field, which is not "
        'supported by this model. The supported modalities are: [image, PDF document, audio, video]. JSON: {"'
    )
    assert "tuningDataStats" not in failed
    assert "endpoint" not in failed.get("tunedModel", {})


@pytest.mark.parametrize(
    ("rows", "row"),
    [
        ([{"input_text": "a", "output_text": "b"}], 0),
        ([{"contents": [_turn("user", 1), _turn("model", 1)]}, {"messages": []}], 1),
        ([{"contents": [_turn("user", 1), _turn("model", 1)]}, {}, {}], 1),
    ],
)
@pytest.mark.parametrize("base", ["gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite"])
def test_rows_without_contents_refuse_the_request(
    client: Client, root: Path, rows: list[Json], row: int, base: str
) -> None:
    """additions.md, vertex 4: create looks at the form of the rows, which it counts from 0; no job is there."""
    store(root, b"".join(json.dumps(each).encode() + b"\n" for each in rows))
    vertex = Vertex(client)
    body = {"baseModel": base, "supervisedTuningSpec": {"trainingDatasetUri": URI}}

    error = vertex.refused("POST", "tuningJobs", json=body)

    sentence = f"Row: {row}. Missing required `contents` field."
    assert {"code": 400, "message": sentence, "status": "INVALID_ARGUMENT"} == error
    assert {} == vertex.get("tuningJobs")


def test_validation_rows_without_contents_refuse_the_request(client: Client, root: Path) -> None:
    """The form of their rows is looked at when the job is created, as that of training data."""
    store(root, fixture("support.jsonl"))
    uri = store(root, b'{"input_text": "a", "output_text": "b"}\n', "gs://lindholm/tuning/validation.jsonl")
    spec = {"trainingDatasetUri": URI, "validationDatasetUri": uri}

    error = Vertex(client).refused(
        "POST", "tuningJobs", json={"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": spec}
    )

    assert "Row: 0. Missing required `contents` field." == error["message"]


@pytest.mark.parametrize(
    "uri",
    [
        "gs://lindholm/tuning/missing.jsonl",
        "gs://nowhere/train.jsonl",
        "gs://lindholm/../secret.jsonl",
        "gs://../lindholm/tuning/train.jsonl",
        "gs://lindholm//tuning/train.jsonl",
        "gs://lindholm/tuning/./train.jsonl",
        "gs://lindholm/a\u0000b.jsonl",
        "gs://lindholm/" + "long" * 500 + ".jsonl",
        "gs://lindholm/folder.jsonl",
    ],
)
def test_what_is_not_in_a_bucket_fails_the_run(client: Client, root: Path, uri: str) -> None:
    """A file beside the buckets, or reached by a detour, is in none."""
    store(root, fixture("support.jsonl"))
    (root / "secret.jsonl").write_bytes(fixture("support.jsonl"))
    (root / "lindholm" / "folder.jsonl").mkdir()

    job = tuned_on(client, uri)

    assert "JOB_STATE_FAILED" == job["state"]
    assert 5 == job["error"]["code"]
    assert uri in job["error"]["message"]


def test_no_link_leads_out_of_the_buckets(client: Client, root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What lies elsewhere is not quoted to whoever asks; links within them are followed."""
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.jsonl").write_bytes(b"secret")
    store(root, fixture("support.jsonl"))
    bucket = root / "lindholm"
    (bucket / "file.jsonl").symlink_to(outside / "secret.jsonl")
    (bucket / "folder").symlink_to(outside)
    (bucket / "same.jsonl").symlink_to(root.joinpath(*URI.removeprefix("gs://").split("/")))

    for name in ("file.jsonl", "folder/secret.jsonl"):
        error = tuned_on(client, f"gs://lindholm/{name}")["error"]

        assert 5 == error["code"]
        assert "JSON" not in error["message"]
    assert "JOB_STATE_SUCCEEDED" == tuned_on(client, "gs://lindholm/same.jsonl")["state"]


def test_what_may_not_be_read_is_as_good_as_missing(
    client: Client, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the same words, which name both: a real service agent without a role meets them too."""

    def refuse(path: Path, *_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    store(root, fixture("support.jsonl"))
    monkeypatch.setattr(Path, "open", refuse)

    error = tuned_on(client)["error"]

    assert (5, True) == (error["code"], error["message"].endswith("or the service agent is not allowed to read it."))


@pytest.mark.parametrize("name", ["2026-10-01T10:00:00.jsonl", "100%.jsonl", "a*?#[b].jsonl", "a b.jsonl"])
def test_an_object_may_have_any_name_a_file_may_have(client: Client, root: Path, name: str) -> None:
    """Nothing in it means anything else."""
    store(root, fixture("support.jsonl"), f"gs://lindholm/{name}")

    assert "JOB_STATE_SUCCEEDED" == tuned_on(client, f"gs://lindholm/{name}")["state"]


@pytest.mark.parametrize("validation", [b"no JSON", None])
def test_validation_data_is_looked_at_too(client: Client, root: Path, validation: bytes | None) -> None:
    """A run cannot succeed with a validation dataset that is wrong or missing."""
    store(root, fixture("support.jsonl"))
    uri = "gs://lindholm/tuning/validation.jsonl"
    if validation:
        store(root, validation, uri)

    assert "JOB_STATE_FAILED" == tuned_on(client, validationDatasetUri=uri)["state"]


def test_public_samples_are_there_for_everybody(client: Client) -> None:
    """The documentation's programs run, whatever is in the folder."""
    uri = "gs://cloud-samples-data/ai-platform/generative_ai/gemini-1_5/text/sft_train_data.jsonl"

    stats = supervised(tuned_on(client, uri, validationDatasetUri=uri.replace("train", "validation")))

    assert "500" == stats["tuningDatasetExampleCount"]


def test_the_endpoint_answers_prompts_it_was_tuned_on(client: Client, root: Path) -> None:
    """With the completions of the dataset; anything else as any model would."""
    store(root, fixture("support.jsonl"))
    endpoint = tuned_on(client)["tunedModel"]["endpoint"]

    learned, other = (
        Vertex(client).post(f"{endpoint}:generateContent", turn(text))["candidates"][0]["content"]["parts"][0]["text"]
        for text in ("Are dogs allowed?", "Are cats allowed?")
    )

    assert "Dogs are welcome on a lead, outside and in the forward saloon." == learned
    assert learned != other


class Emulator:
    """Cloud Storage's JSON API, as far as a client that reads objects sees it."""

    def __init__(self, objects: Mapping[str, bytes], redirect: str = "") -> None:
        self.asked: list[str] = []
        self._objects = objects
        self._redirect = redirect

    @contextmanager
    def run(self) -> Iterator[str]:
        """Serve; the URL."""
        emulator = self

        class Handler(Neighbour):
            def get(self) -> None:
                emulator.asked.append(self.path)
                found = re.fullmatch(r"/storage/v1/b/([^/]+)/o/([^/?]+)\?alt=media", self.path)
                body = emulator._objects.get("/".join(map(unquote, found.groups()))) if found else None
                status = 302 if emulator._redirect else 200 if body is not None else 404
                self.answer(status, body or b"", location=emulator._redirect)

        with serving(Handler) as url:
            yield url


@pytest.mark.parametrize("scheme", ["http://", ""])
def test_the_storage_emulator_is_asked(client: Client, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    """For what is not in the folder, over the official protocol: an object's name is one segment."""
    emulator = Emulator({"other/tuning/träin.jsonl": fixture("support.jsonl")})
    with emulator.run() as url:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", scheme + url.removeprefix("http://"))
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        found = tuned_on(client, "gs://other/tuning/träin.jsonl")
        missing = tuned_on(client, "gs://other/tuning/none.jsonl")

    assert "24" == supervised(found)["tuningDatasetExampleCount"]
    assert ("JOB_STATE_FAILED", 5) == (missing["state"], missing["error"]["code"])
    assert "/storage/v1/b/other/o/tuning%2Ftr%C3%A4in.jsonl?alt=media" == emulator.asked[0]


def test_the_storage_emulator_leads_nowhere_else(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A redirection is not followed; the job fails and says what the emulator answered."""
    elsewhere = Emulator({})
    with elsewhere.run() as other, Emulator({}, redirect=f"{other}/storage/v1/b/other/o/a?alt=media").run() as url:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
        job = tuned_on(client, "gs://other/a.jsonl")

    assert f"Mock: STORAGE_EMULATOR_HOST={url} answered 302." == job["error"]["message"]
    assert [] == elsewhere.asked


@pytest.mark.parametrize(
    "host",
    ["https://storage.googleapis.com", "storage.googleapis.com:443", "https://www.googleapis.com.", "http://127.0.0.1:1", "x://y", "http://[", "http://"],
)  # fmt: skip
def test_no_emulator_no_dataset(client: Client, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """Where there is none the job fails and says so; Google's own storage is not asked whatever the variable says."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", host)

    job = tuned_on(client, "gs://other/a.jsonl")

    assert "JOB_STATE_FAILED" == job["state"]
    assert job["error"]["message"].startswith(f"Mock: STORAGE_EMULATOR_HOST={host} cannot be reached: ")
