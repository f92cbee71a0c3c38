"""google-genai on the Developer API: 1.46.0, the last that sends training data, then 2.x and the newest.

1.x and 2.x speak through httpx; 3.x through httpx2, and through aiohttp when asynchronous.
"""

from pathlib import Path

import pytest

from contract_tests.environment import client_python
from contract_tests.use.conftest import MakeModel
from contract_tests.use.programs import run_python
from contract_tests.use.serving import Served


def test_tuned_model_lives_its_life(served: Served, tmp_path: Path) -> None:
    """Tuned, polled, listed, asked, renamed and deleted; afterwards it is nobody's."""
    said = run_python(client_python("genai-1"), "genai_tuning.py", tmp_path, BASE_URL=served.base_url, API_KEY="genai")

    assert {
        "tunable": "True",
        "state": "JOB_STATE_QUEUED",
        "state afterwards": "JOB_STATE_SUCCEEDED True",
        "tuned model": "True",
        "listed": "True",
        "answer": "sunday",
        "streamed": "sunday",
        "with settings": "monday",
        "renamed": "weekdays",
        "models": "['weekdays']",
        "afterwards": "403 PERMISSION_DENIED",
    } == said


@pytest.mark.parametrize("version", ["genai-2", "genai-3"])
def test_newer_versions_use_tuned_and_base_models(
    version: str, weekdays: MakeModel, served: Served, tmp_path: Path
) -> None:
    """Everything they can do works; what they do wrong gets the real refusal.

    They tune without the data (400), and count tokens of a tuned model, for which there is no method (404).
    """
    python, key = client_python(version), f"models-{version}"
    tuned = weekdays(key)

    said = run_python(python, "genai.py", tmp_path, BASE_URL=served.base_url, API_KEY=key, TUNED_MODEL=tuned)

    assert {
        "tuning": "400 INVALID_ARGUMENT",
        "state": "JOB_STATE_SUCCEEDED",
        "base model": "models/gemini-2.0-flash",
        "tuned model": "days of the week",
        "listed": f"['{tuned}']",
        "answer": "tuesday STOP",
        "streamed": "tuesday",
        "chat": "monday",
        "tokens of tuned": "404 Not Found",
        "base answers": "True gemini-2.0-flash",
        "base streams": "True True",
        "tokens": "True",
        "embedding": "3072",
        "renamed": "renamed",
        "afterwards": "404 NOT_FOUND",
    } == said


@pytest.mark.parametrize("version", ["genai-2", "genai-3"])
def test_newer_versions_do_so_asynchronously(version: str, weekdays: MakeModel, served: Served, tmp_path: Path) -> None:
    """Five answers at once, and streams, through httpx and through aiohttp."""
    python, key = client_python(version), f"async-{version}"
    tuned = weekdays(key)

    said = run_python(python, "genai_async.py", tmp_path, BASE_URL=served.base_url, API_KEY=key, TUNED_MODEL=tuned)

    assert {
        "tuned model": "days of the week",
        "state": "JOB_STATE_SUCCEEDED",
        "answers": "{'tuesday'}",
        "streamed": "monday",
        "tokens": "True",
        "base streams": "True",
    } == said


@pytest.mark.parametrize("version", ["genai-1", "genai-2", "genai-3"])
def test_a_variable_is_enough(version: str, weekdays: MakeModel, served: Served, tmp_path: Path) -> None:
    """Code that names no server finds ours; another variable sends 3.x to the version that has tunedModels."""
    python, key = client_python(version), f"variable-{version}"

    said = run_python(
        python,
        "genai_by_variable.py",
        tmp_path,
        GOOGLE_GEMINI_BASE_URL=served.base_url,
        GOOGLE_GENAI_API_VERSION="v1beta",
        GOOGLE_API_KEY=key,
        TUNED_MODEL=weekdays(key),
    )

    assert {"answer": "tuesday", "state": "JOB_STATE_SUCCEEDED"} == said
