"""One server for everybody who runs programs against it, as a user would start it."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract_tests.environment import shared
from contract_tests.use.pytest_suite import Suite
from contract_tests.use.serving import Served, serving

# Programs that wait five seconds between polls wait fifty minutes of the server's time.
FAST = ("--clock", "600x", "--seed", "1")

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "monday")
WEEKDAYS: dict[str, Any] = {
    "displayName": "days of the week",
    "baseModel": "models/gemini-1.5-flash-001-tuning",
    "tuningTask": {
        "hyperparameters": {"epochCount": 1, "batchSize": 4},
        "trainingData": {"examples": {"examples": [{"textInput": a, "output": b} for a, b in pairwise(DAYS)]}},
    },
}

MakeModel = Callable[[str], str]


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose hour lasts six seconds. Tests keep apart by the keys and projects they use."""
    with serving(tmp_path_factory.mktemp("served") / "log", *FAST) as server:
        yield server


@pytest.fixture(scope="session")
def seeds() -> Path:
    """The folder of printed tutorials."""
    return shared("seeds")


@pytest.fixture(scope="session")
def weekdays(served: Served) -> MakeModel:
    """Makes an API key a tuned model that knows which day follows, and gives its name once it is ACTIVE."""

    def make(key: str) -> str:
        with httpx.Client(base_url=f"{served.base_url}/v1beta", headers={"x-goog-api-key": key}) as client:
            created = client.post(f"/tunedModels?tunedModelId={key}", json=WEEKDAYS).raise_for_status().json()
            name: str = created["metadata"]["tunedModel"]
            while "CREATING" == client.get(f"/{name}").json()["state"]:
                pass  # fifty milliseconds at our clock's speed
        return name

    return make


@pytest.fixture
def suite(pytester: pytest.Pytester) -> Suite:
    """An empty suite, for tests of the plugin."""
    return Suite(pytester)
