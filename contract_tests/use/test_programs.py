"""The programs of ours that take after the printed tutorials, for those who have no tutorials at hand."""

from pathlib import Path

from contract_tests.environment import client_python, program
from contract_tests.use.programs import PROGRAMS, run, run_python, said
from contract_tests.use.serving import Served


def test_quickstart_with_curl(served: Served, tmp_path: Path) -> None:
    """Create, poll to 100, ACTIVE, an answer from the training data, {} on delete, then 404."""
    lines = run(
        [program("bash"), PROGRAMS / "quickstart.sh"], tmp_path, {"BASE_URL": served.base_url, "API_KEY": "quickstart"}
    )

    assert lines.startswith("{}\n")
    assert {
        "steps": "14",
        "percent": "100",
        "state": "ACTIVE",
        "answer": "friday",
        "deleted": "{}",
        "afterwards": "NOT_FOUND",
    } == said(lines)


def test_quickstart_with_requests(served: Served, tmp_path: Path) -> None:
    """The last of nine steps, then ACTIVE; ratings in the order of 2024-03."""
    shown = run_python(
        client_python("generativeai"),
        "quickstart.py",
        tmp_path,
        BASE_URL=served.base_url,
        ACCESS_TOKEN="quickstart@example.com",
        PROJECT="quickstart-project",
    )

    harms = ("SEXUALLY_EXPLICIT", "HATE_SPEECH", "HARASSMENT", "DANGEROUS_CONTENT")
    assert {
        "steps": "9",
        "percent": "100",
        "last step": "9 in epoch 5",
        "state afterwards": "ACTIVE",
        "answer": "monday",
        "rated": str([f"HARM_CATEGORY_{harm}" for harm in harms]),
    } == shown


def test_tuning_jobs_with_curl(served: Served, tmp_path: Path) -> None:
    """Created plainly and in full, listed, cancelled; the other one's endpoint answers."""
    lines = run(
        [program("bash"), PROGRAMS / "tuning_jobs.sh"],
        tmp_path,
        {"BASE_URL": served.base_url, "ACCESS_TOKEN": "any-token", "PROJECT": "kitchen"},
    )

    assert {
        "created": "JOB_STATE_PENDING",
        "advanced": '{"epochCount":"4","learningRateMultiplier":1,"adapterSize":"ADAPTER_SIZE_FOUR"}',
        "listed": "2",
        "cancelled": "{}",
        "error": '{"code":1,"message":"CANCELED"}',
        "finished": "STOP",
    } == said(lines)
