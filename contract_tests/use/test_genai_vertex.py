"""google-genai on Vertex AI: the life of a tuning job, its model and its endpoint; 1.x and the newest."""

from pathlib import Path

import pytest

from contract_tests.environment import client_python
from contract_tests.use.programs import run_python
from contract_tests.use.serving import Served


@pytest.mark.parametrize("version", ["genai-1", "genai-3"])
def test_tuning_job_lives_its_life(version: str, served: Served, tmp_path: Path) -> None:
    """Tuned, cancelled, listed and asked; the model is read, renamed, tuned further and deleted."""
    said = run_python(
        client_python(version), "genai_vertex.py", tmp_path, BASE_URL=served.base_url, PROJECT=f"vertex-{version}"
    )

    assert {
        "state": "JOB_STATE_PENDING",
        "state afterwards": "JOB_STATE_SUCCEEDED",
        "experiment": "contexts",
        "checkpoints": "4",
        "state of the other": "JOB_STATE_CANCELLED",
        "listed": "2",
        "answer": "True",
        "streamed": "True STOP",
        "tokens": "True",
        "base tokens": "True",
        "model": "recipes 1 gemini-2_0-flash-001 True",
        "models": "['recipes']",
        "base models": "True",
        "renamed": "soups",
        "tuned again": "2",
        "afterwards": "404 NOT_FOUND",
    } == said


@pytest.mark.parametrize("version", ["genai-1", "genai-3"])
def test_tuning_job_lives_its_life_asynchronously(version: str, served: Served, tmp_path: Path) -> None:
    """The same through httpx and through aiohttp."""
    said = run_python(
        client_python(version), "genai_vertex_async.py", tmp_path, BASE_URL=served.base_url, PROJECT=f"async-{version}"
    )

    assert {
        "state afterwards": "JOB_STATE_SUCCEEDED",
        "listed": "2",
        "state of the other": "JOB_STATE_CANCELLED",
        "answer": "True",
        "streamed": "True",
        "model": "recipes",
        "models": "['recipes']",
        "renamed": "soups",
        "left": "[]",
    } == said


@pytest.mark.parametrize("version", ["genai-1", "genai-3"])
def test_a_variable_is_enough(version: str, served: Served, tmp_path: Path) -> None:
    """Code that names no server finds ours."""
    said = run_python(
        client_python(version),
        "genai_vertex_by_variable.py",
        tmp_path,
        GOOGLE_VERTEX_BASE_URL=served.base_url,
        PROJECT="variable-project",
    )

    assert {"state": "JOB_STATE_PENDING"} == said
