"""The authored exchanges of fixtures/exchanges, step by step."""

from collections import Counter
from pathlib import Path

import pytest

from contract_tests.exchanges import AGREEMENTS, CERTAINTIES, Conversation, conversations, steps
from contract_tests.targets import Client
from mockserver.state.world import Settings


@pytest.fixture
def settings() -> Settings:
    """A world whose answers are rated where recorded ones are."""
    return Settings(seed=1, safety_ratings="real")


@pytest.mark.parametrize("path", conversations(), ids=lambda path: path.stem)
def test_an_exchange_is_answered_as_it_says(client: Client, path: Path) -> None:
    """Each step agrees as exactly as it says it must."""
    conversation = Conversation()
    for step in steps(path):
        if "advance" in step:
            client.clock.advance(step["advance"])
        else:
            conversation.agrees(step, conversation.ask(client, step["request"]))


def test_every_step_says_how_sure_it_is() -> None:
    """Agreement, certainty and source; every kind of agreement is asked for somewhere."""
    told = [step for path in conversations() for step in steps(path) if "advance" not in step]
    agreements = Counter(step["agreement"] for step in told)

    assert set(AGREEMENTS) == agreements.keys()
    assert {step["certainty"] for step in told} <= set(CERTAINTIES)
    assert all(step["source"] and step["about"] for step in told)
