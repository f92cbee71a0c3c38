"""The printed reference of the Vertex AI tuning API runs as printed, its placeholders filled as it says itself."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from contract_tests.environment import client_python
from contract_tests.use.programs import run, run_bash
from contract_tests.use.seeds import WebRequest, curl_commands, filled, json_bodies, python_programs, seed, web_requests
from contract_tests.use.serving import Served

# The commands ask gcloud for a token.
GCLOUD = "gcloud() { echo any-token; }\n"

BUCKET = "gs://cloud-samples-data/ai-platform/generative_ai/gemini-1_5/text"
VALUES = {
    "TUNING_JOB_REGION": "europe-west4",
    "BASE_MODEL": "gemini-2.0-flash-001",
    "TRAINING_DATASET_URI": f"{BUCKET}/sft_train_data.jsonl",
    "VALIDATION_DATASET_URI": f"{BUCKET}/sft_validation_data.jsonl",
    "EPOCH_COUNT": "4",
    "ADAPTER_SIZE": "ADAPTER_SIZE_FOUR",
    "LEARNING_RATE_MULTIPLIER": "1.0",
    "EXPORT_LAST_CHECKPOINT_ONLY": "true",
    "METRIC_SPEC": "pointwise_metric_spec",
    "METRIC_SPEC_FIELD_NAME": "metric_prompt_template",
    "METRIC_SPEC_FIELD_CONTENT": '"Evaluate the fluency of this sentence: {response}. Give score from 0 to 1."',
    "CLOUD_STORAGE_BUCKET": "gs://my-bucket/evaluation",
    "TUNED_MODEL_DISPLAYNAME": "my tuned model mock-never-finish",
    "KMS_KEY_NAME": "projects/my-project/locations/europe-west4/keyRings/my-kr/cryptoKeys/my-key",
    "SERVICE_ACCOUNT": "tuner@my-project.iam.gserviceaccount.com",
}


class Reference:
    """The seed with everything filled in for one project, and the server in place of the host."""

    def __init__(self, seeds: Path, served: Served, project: str) -> None:
        printed = seed(seeds, "004").replace("https://TUNING_JOB_REGION-aiplatform.googleapis.com", served.base_url)
        self._values = VALUES | {"PROJECT_ID": project}
        self.basic, self.advanced = (filled(body, self._values) for body in json_bodies(printed))
        _, self.create, _, self.list, self.get, self.cancel = curl_commands(printed)
        self.web_requests = web_requests(printed)

    def fill(self, text: str, job: str = "") -> str:
        """A command with its placeholders filled, for a job by its number."""
        return filled(text, self._values | {"TUNING_JOB_ID": job})

    def curl(self, command: str, folder: Path, body: str = "", job: str = "") -> Any:
        """The JSON that a curl command prints, its body in the file it is told to be in."""
        (folder / "request.json").write_text(body)
        return json.loads(run_bash(GCLOUD + self.fill(command, job), folder))

    def invoke(self, request: WebRequest, body: str = "", job: str = "") -> Any:
        """What PowerShell would get for its request."""
        content_type = request.content_type or ("application/x-www-form-urlencoded" if request.method == "POST" else "")
        headers = {"Authorization": "Bearer any-token", "Content-Type": content_type}
        content = body if request.sends_file else None
        answer = httpx.request(request.method, self.fill(request.uri, job), headers=headers, content=content)
        return answer.raise_for_status().json()


def number(job: Any) -> str:
    """A job's own part of its name."""
    return str(job["name"].rpartition("/")[2])


def test_curl_commands_create_list_get_and_cancel(seeds: Path, served: Served, tmp_path: Path) -> None:
    """Trailing commas, both spellings, numbers in quotes, an empty body to cancel."""
    reference = Reference(seeds, served, "curl-project")

    basic = reference.curl(reference.create, tmp_path, reference.basic)
    advanced = reference.curl(reference.create, tmp_path, reference.advanced)
    listed = reference.curl(reference.list, tmp_path)
    got = reference.curl(reference.get, tmp_path, job=number(basic))
    cancelled = reference.curl(reference.cancel, tmp_path, job=number(advanced))

    assert {"trainingDatasetUri": VALUES["TRAINING_DATASET_URI"]} == basic["supervisedTuningSpec"]
    assert "JOB_STATE_PENDING" == basic["state"]
    assert_advanced(advanced)
    assert {number(basic), number(advanced)} == {number(job) for job in listed["tuningJobs"]}
    assert basic["name"] == got["name"]
    assert {} == cancelled


def test_powershell_requests_create_list_get_and_cancel(seeds: Path, served: Served) -> None:
    """The same bodies with their line breaks, and a form without content to cancel."""
    reference = Reference(seeds, served, "powershell-project")
    create, _, listing, get, cancel = reference.web_requests

    basic = reference.invoke(create, reference.basic)
    advanced = reference.invoke(create, reference.advanced)
    listed = reference.invoke(listing)
    got = reference.invoke(get, job=number(basic))
    cancelled = reference.invoke(cancel, job=number(advanced))

    assert "JOB_STATE_PENDING" == basic["state"]
    assert_advanced(advanced)
    assert 2 == len(listed["tuningJobs"])
    assert basic["name"] == got["name"]
    assert {} == cancelled


def assert_advanced(job: Any) -> None:
    """Everything that was set is there, in the spelling of answers."""
    spec = job["supervisedTuningSpec"]
    hyperparameters = {"epochCount": "4", "learningRateMultiplier": 1, "adapterSize": "ADAPTER_SIZE_FOUR"}
    assert hyperparameters == spec["hyperParameters"]
    assert ["AVERAGE", "STANDARD_DEVIATION"] == spec["evaluationConfig"]["metrics"][0]["aggregationMetrics"]
    assert "gs://my-bucket/evaluation" == spec["evaluationConfig"]["outputConfig"]["gcsDestination"]["outputUriPrefix"]
    assert {"kmsKeyName": VALUES["KMS_KEY_NAME"]} == job["encryptionSpec"]
    assert VALUES["TUNED_MODEL_DISPLAYNAME"] == job["tunedModelDisplayName"]


# What a reader of the Python programs adds: values for the names in capitals, and where the server is. A minute
# of a program is a minute of the server's; what the library logs along the way is not the programs'.
SETTING = """\
import logging
import time
import vertexai
from google.oauth2.credentials import Credentials
from vertexai.tuning import sft
logging.disable(logging.INFO)
sleep = time.sleep
time.sleep = lambda seconds: sleep(seconds / 600)
PROJECT_ID = "python-project"
LOCATION = "us-central1"
ELSEWHERE = {{"api_endpoint": {base_url!r}, "api_transport": "rest", "credentials": Credentials(token="any-token")}}
"""

# What the last two programs look at, in place of the job whose number is printed.
FINISHED = "finished = sft_tuning_job.resource_name\n"
RUNNING = f"""\
running = sft.train(
    source_model="gemini-2.0-flash-001",
    train_dataset="{BUCKET}/sft_train_data.jsonl",
    tuned_model_display_name="mock-never-finish",
)
print(running.state.name)
"""
AFTERWARDS = """\
while not job.has_ended:
    job.refresh()
print(job.state.name)
"""


def test_python_programs_print_what_the_reference_shows(seeds: Path, served: Served, tmp_path: Path) -> None:
    """Train plainly and with more set, each to its end; list; get; cancel one that runs."""
    basic, advanced, listing, getting, cancelling = python_programs(seed(seeds, "004"))
    of_job = '"4982013113894174720"'
    programs = (
        SETTING.format(base_url=served.base_url),
        basic + FINISHED + advanced + listing,
        getting.replace(of_job, 'finished.rpartition("/")[2]'),
        RUNNING + cancelling.replace(of_job, 'running.resource_name.rpartition("/")[2]') + AFTERWARDS,
    )
    text = re.sub(r"^vertexai\.init\((.*)\)$", r"vertexai.init(\1, **ELSEWHERE)", "".join(programs), flags=re.MULTILINE)

    lines = run([client_python("google"), "-W", "ignore", "-"], tmp_path, {}, text).splitlines()

    place = r"projects/\d{12}/locations/us-central1"
    trained = (
        rf"{place}/models/\d{{18,19}}@1",
        rf"{place}/endpoints/\d{{18,19}}",
        r"<google\.cloud\.aiplatform\.metadata\.experiment_resources\.Experiment object at 0x\w+>",
    )
    job = (
        r"<vertexai\.tuning\._supervised_tuning\.SupervisedTuningJob object at 0x\w+> ",
        rf"resource name: {place}/tuningJobs/\d{{18,19}}",
    )
    ended = ("JOB_STATE_PENDING", "JOB_STATE_CANCELLED")
    assert_like((*trained, *trained, *job, *job, *job, *ended), lines)


def assert_like(patterns: Sequence[str], lines: Sequence[str]) -> None:
    """Line by line."""
    assert len(patterns) == len(lines), "\n".join(lines)
    for pattern, line in zip(patterns, lines, strict=True):
        assert re.fullmatch(pattern, line), (pattern, line)
