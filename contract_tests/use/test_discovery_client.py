"""google-api-python-client has no static document of the Developer API: it asks the server for one."""

from pathlib import Path

from contract_tests.environment import client_python
from contract_tests.use.programs import PROGRAMS, run, said
from contract_tests.use.serving import Served


def test_a_client_builds_itself_from_our_documents(served: Served, tmp_path: Path) -> None:
    """Create, poll, ask, page and delete on one service, create and cancel on the other."""
    program = [client_python("google"), PROGRAMS / "discovery.py"]

    output = said(run(program, tmp_path, {"base_url": served.base_url}))

    assert output["operation"].startswith("tunedModels/by-discovery/operations/")
    assert {
        "state": "ACTIVE",
        "answer": "8",
        "page": "2",
        "next": "2",
        "deleted": "{}",
        "job": "JOB_STATE_PENDING",
        "cancelled": "True",
    } == {name: output[name] for name in output if name != "operation"}
