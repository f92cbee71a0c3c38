"""@google/genai from Node, on both services."""

from contract_tests.environment import node
from contract_tests.use.conftest import MakeModel
from contract_tests.use.programs import run_node
from contract_tests.use.serving import Served


def test_tuned_and_base_models_are_used(weekdays: MakeModel, served: Served) -> None:
    """On v1beta everything; on v1 generating alone, and the real 404 for reading what v1 does not have."""
    program, tuned = node(), weekdays("node-models")

    said = run_node(program, "genai.mjs", BASE_URL=served.base_url, API_KEY="node-models", TUNED_MODEL=tuned)

    assert {
        "tuning": "400",
        "state": "JOB_STATE_SUCCEEDED",
        "tuned model": "days of the week",
        "answer": "tuesday STOP",
        "streamed": "tuesday",
        "tokens": "true",
        "listed": tuned,
        "renamed": "weekdays",
        "answer on v1": "saturday",
        "read on v1": "404",
        "afterwards": "404",
    } == said


def test_tuning_job_lives_its_life(served: Served) -> None:
    """Tuned, cancelled, listed and asked; the model is read, renamed and deleted."""
    said = run_node(node(), "genai_vertex.mjs", BASE_URL=served.base_url, PROJECT="node-project")

    assert {
        "state": "JOB_STATE_PENDING",
        "state afterwards": "JOB_STATE_SUCCEEDED",
        "state of the other": "JOB_STATE_CANCELLED",
        "listed": "2",
        "answer": "true",
        "streamed": "true",
        "model": "recipes gemini-2_0-flash-001",
        "models": "recipes",
        "renamed": "soups",
        "afterwards": "404",
    } == said
