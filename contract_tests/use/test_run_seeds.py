"""The printed tutorials under `mockserver run`: no line is changed, those with gcloud and Google's hosts included.

They run where no packet can leave the machine.
"""

import json
import re
from pathlib import Path

import pytest

from contract_tests.environment import client_python, program
from contract_tests.use.notebook import as_python
from contract_tests.use.programs import NOTEBOOK
from contract_tests.use.seeds import (
    curl_commands,
    filled,
    json_bodies,
    python_programs,
    python_statements,
    section,
    seed,
)
from contract_tests.use.test_run import run_alone
from contract_tests.use.test_seed_programs import A_MOMENT, CELLS, key_tutorial, printed_answer
from contract_tests.use.test_seed_tuning_jobs import AFTERWARDS, FINISHED, RUNNING, VALUES, assert_like


@pytest.mark.parametrize("number", ["001", "003"])
def test_curl_cells(number: str, seeds: Path, tmp_path: Path) -> None:
    """`bash quickstart.sh`: variables with a token of gcloud's, list, create, state, answer."""
    text = seed(seeds, number)
    list_models, create, get, generate = curl_commands(text)
    # The tutorial reads the name in Python, and advises readers at a terminal to use a JSON parser of theirs.
    name = "export modelname=$(jq -r .metadata.tunedModel tunemodel.json)"
    parts = (
        section(text, "export access_token", "export base_url"),
        list_models,
        create,
        name,
        A_MOMENT + get,
        "echo ---",
        generate,
    )
    (tmp_path / "quickstart.sh").write_text("\n".join(parts))

    printed = run_alone(tmp_path, "--", program("bash"), "quickstart.sh")
    rest, answer = printed.split("---\n")

    assert rest.startswith("{}\n")
    assert '"totalSteps": 38' in rest
    assert rest.endswith('  "state": "ACTIVE",\n')
    assert printed_answer(seeds) == json.loads(answer)


@pytest.mark.parametrize("number", ["001", "003"])
def test_python_cells(number: str, seeds: Path, tmp_path: Path) -> None:
    """The notebook from the cell that logs in with gcloud to the last answer."""
    text = as_python(seed(seeds, number))
    cells = python_statements(text, ("try:", "access_token = ", "project = ", "base_url = ", *CELLS))

    printed = run_alone(tmp_path, "--", client_python("generativeai"), NOTEBOOK, text=cells)

    assert "Credentials saved to file: [" in printed
    assert "<Response [200]>\n" in printed
    assert re.search(r"^100\.00% - \{'step': 19, 'epoch': 5, 'meanLoss': ", printed, re.MULTILINE)
    assert "'text': '七'" in printed


def test_tutorial_with_a_key(seeds: Path, tmp_path: Path) -> None:
    """The key is in the environment, as the tutorial supposes."""
    (tmp_path / "quickstart.sh").write_text(key_tutorial(seed(seeds, "002")))

    printed = run_alone(tmp_path, "--", program("bash"), "quickstart.sh")

    assert "Tuning...100%\n" in printed
    assert '"text": "LXIV"' in printed
    assert printed.endswith("{}\n")


def test_reference_with_curl(seeds: Path, tmp_path: Path) -> None:
    """A tuning job is created and cancelled by the printed commands, with tokens that gcloud prints."""
    values = VALUES | {"PROJECT_ID": "my-project"}
    text = seed(seeds, "004")
    _, create, _, list_jobs, _, cancel = curl_commands(text)
    (tmp_path / "request.json").write_text(filled(json_bodies(text)[1], values))
    parts = (
        filled(create, values) + " > job.json",
        "jq -r .state job.json",
        "job=$(jq -r .name job.json)",
        filled(cancel, values).replace("TUNING_JOB_ID", "${job##*/}"),
        filled(list_jobs, values) + " | jq '.tuningJobs | length'",
    )

    assert "JOB_STATE_PENDING\n{}\n1\n" == run_alone(tmp_path, "--", program("bash"), "-c", "\n".join(parts))


# What a reader adds who does not want to wait for a minute that is a tenth of a second of the server's.
SETTING = """\
import logging
import time
import vertexai
from vertexai.tuning import sft
logging.disable(logging.INFO)
sleep = time.sleep
time.sleep = lambda seconds: sleep(seconds / 600)
PROJECT_ID = "my-project"
LOCATION = "us-central1"
"""


def test_reference_with_vertexai(seeds: Path, tmp_path: Path) -> None:
    """The programs of vertexai.tuning.sft, over its default transport, gRPC."""
    basic, advanced, listing, getting, cancelling = python_programs(seed(seeds, "004"))
    of_job = '"4982013113894174720"'
    programs = (
        SETTING,
        basic + FINISHED + advanced + listing,
        getting.replace(of_job, 'finished.rpartition("/")[2]'),
        RUNNING + cancelling.replace(of_job, 'running.resource_name.rpartition("/")[2]') + AFTERWARDS,
    )

    printed = run_alone(tmp_path, "--", client_python("google"), "-W", "ignore", "-", text="".join(programs))

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
    assert_like(
        (*trained, *trained, *job, *job, *job, "JOB_STATE_PENDING", "JOB_STATE_CANCELLED"), printed.splitlines()
    )
