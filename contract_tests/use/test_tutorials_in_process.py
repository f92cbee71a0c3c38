"""The Python of the printed tutorials, unchanged, under the fixture: real host names, real sleeping loops, no time."""

from pathlib import Path

import pytest

from contract_tests.environment import client_python
from contract_tests.use.seeds import python_programs, python_statements, seed
from contract_tests.use.suites import OURS, Ran, as_test, run_text
from contract_tests.use.test_seed_programs import CELLS, HOST

SETTING = f"base_url = {HOST!r}\naccess_token = 'any-token'\nproject = 'my-project'"


CHECKS = """
assert 'ACTIVE' == mockserver.tuned_models[name]['state']
assert '七' == m.json()['candidates'][0]['content']['parts'][0]['text']
(polled,) = mockserver.report.polls
assert {5.0} == set(polled.intervals)
mockserver.report.assert_polite(min_interval=5)
"""


def told(ran: Ran) -> None:
    """Say how long the program took; how fast a machine is proves nothing, so it is not asserted."""
    print(f"\nthe program took {1000 * ran.seconds('test_program'):.0f} ms")  # noqa: T201 - for who runs it with -s


@pytest.mark.parametrize("number", ["001", "003"])
def test_cells_of_the_developer_api_run_as_printed(number: str, seeds: Path, tmp_path: Path) -> None:
    """They poll every five seconds until 100.00%, and ask the tuned model."""
    cells = python_statements(seed(seeds, number), CELLS)
    imports = "import json, pprint, requests, time\n"

    ran = run_text(OURS, imports + as_test(f"{cells}\n{CHECKS}", SETTING), tmp_path, "-s")

    told(ran)
    assert "100.00% - {'step': 19, 'epoch': 5, " in ran.output


@pytest.mark.parametrize("index", [0, 1])
def test_programs_of_vertex_ai_run_as_printed(index: int, seeds: Path, tmp_path: Path) -> None:
    """They look once a minute until the job has ended, and print its model, its endpoint and its experiment."""
    program = python_programs(seed(seeds, "004"))[index]
    rest = "import vertexai\nvertexai.init(api_transport='rest')\nPROJECT_ID = 'my-project'"
    checks = "assert 'JOB_STATE_SUCCEEDED' == mockserver.tuning_jobs[sft_tuning_job.resource_name]['state']"

    ran = run_text(client_python("google"), as_test(f"{program}\n{checks}", rest), tmp_path, "-s", "-W", "ignore")

    told(ran)
    assert "/models/" in ran.output
    assert "experiment_resources.Experiment object" in ran.output
