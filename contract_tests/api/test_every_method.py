"""Every method of every version answers, in a world that has one of everything."""

import pytest

from contract_tests.api.everything import examples, fork
from contract_tests.harvest import HARVEST, method_of
from contract_tests.targets import OURS, Live, in_process
from mockserver.inspection.services import route_table

METHODS = sorted({method_of(route) for route in route_table().routes if not route.lenient})


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("target", OURS)
def test_a_method_answers_in_every_version(
    live: Live, target: str, method: str, request: pytest.FixtureRequest
) -> None:
    """With 200, or the refusal it is there for."""
    expected, actual = {}, {}
    for example in examples():
        if method_of(example.route) == method:
            harvest = request.config.stash[HARVEST]
            opened = in_process(fork(), harvest) if target == "inprocess" else live.client(fork(), harvest)
            with opened as client:
                answer = example.send(client)
            expected[example.route.template] = example.status, ""
            actual[example.route.template] = answer.status_code, answer.text * (answer.status_code != example.status)

    assert expected == actual
