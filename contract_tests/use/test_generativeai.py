"""google-generativeai 0.8.6 over REST: a tuned model from birth to death, and its permissions."""

from pathlib import Path

from contract_tests.environment import client_python
from contract_tests.use.programs import run_python
from contract_tests.use.serving import Served


def test_tuned_model_lives_its_life(served: Served, tmp_path: Path) -> None:
    """Created, watched, listed, asked, renamed and deleted, as the library's quickstart does it."""
    said = run_python(
        client_python("generativeai"), "generativeai.py", tmp_path, BASE_URL=served.base_url, API_KEY="generativeai"
    )

    assert {
        "base": "models/gemini-1.5-flash-001-tuning",
        "tuned model": "tunedModels/days-of-the-week",
        "steps": "14",
        "again": "Conflict",
        "state afterwards": "ACTIVE",
        "snapshots": "14 to epoch 8",
        "listed": "['tunedModels/days-of-the-week']",
        "answer": "saturday",
        "streamed": "saturday",
        "chat": "monday",
        "tokens": "True",
        "renamed": "weekdays",
        "read again": "renamed",
        "deleted": "None",
        "afterwards": "403",
    } == said


def test_permissions_are_given_changed_and_taken(served: Served, tmp_path: Path) -> None:
    """Paged lists, a reader who becomes a writer, everyone, and a new owner, whose predecessor stays a writer."""
    said = run_python(client_python("generativeai"), "generativeai_permissions.py", tmp_path, BASE_URL=served.base_url)

    assert {
        "at first": "[('OWNER', 'owner@example.com')]",
        "created": "READER reader@example.com EVERYONE",
        "listed": "['OWNER', 'READER', 'READER']",
        "updated": "WRITER",
        "left": "['OWNER']",
        "transferred": "[('OWNER', 'heir@example.com'), ('WRITER', 'owner@example.com')]",
    } == said
