"""vertexai.tuning.sft of google-cloud-aiplatform 1.x over REST, and the use of its models and endpoints."""

import re
from pathlib import Path

from contract_tests.environment import client_python
from contract_tests.use.programs import run_python
from contract_tests.use.serving import Served


def test_tuning_job_lives_its_life(served: Served, tmp_path: Path) -> None:
    """Trained, refreshed to its end, cancelled, listed, found again; asked; undeployed and deleted."""
    said = run_python(
        client_python("google"), "tuning_job.py", tmp_path, BASE_URL=served.base_url, PROJECT="sft-project"
    )

    place = r"projects/\d{12}/locations/us-central1"
    assert re.fullmatch(rf"{place}/models/\d{{18,19}}@1", said["model"])
    assert re.fullmatch(rf"{place}/endpoints/\d{{18,19}}", said["endpoint"])
    assert re.fullmatch(r"tuning-experiment-\d{20}", said["experiment"])
    assert {
        "state": "JOB_STATE_PENDING",
        "state afterwards": "JOB_STATE_SUCCEEDED",
        "succeeded": "True",
        "experiment type": "Experiment",
        "state of the other": "JOB_STATE_CANCELLED CANCELED",
        "listed": "['JOB_STATE_CANCELLED', 'JOB_STATE_SUCCEEDED']",
        "found again": "True",
        "answer": "True",
        "streamed": "True",
        "registered": "recipes 1",
        "deployed": "1",
        "left": "[]",
    }.items() <= said.items()
