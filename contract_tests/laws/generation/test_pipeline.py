"""A request that comes again is answered as if it were new, whatever has changed in its world meanwhile."""

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from mockserver.app import create_app
from mockserver.doors.inprocess import AppRequest, send_request
from mockserver.limits import REPEATED_REQUESTS
from mockserver.protojson import reading
from mockserver.scripting.answers import Answer, Rule
from mockserver.scripting.faults import Fault
from mockserver.scripting.scenario import Scenario
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World

LOCATION = "/v1/projects/p/locations/us-central1"
PUBLISHED = f"{LOCATION}/publishers/google/models"
TUNED = "/v1beta/tunedModels/counter"

METHODS = [
    f"/v1beta/models/{model}:generateContent" for model in ("gemini-2.0-flash", "gemini-1.5-flash", "gemini-2.5-flash")
]
METHODS += [f"{TUNED}:generateContent", "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"]
METHODS += [f"/v1beta/models/gemini-2.0-flash:{method}" for method in ("countTokens", "batchEmbedContents")]
METHODS += [f"{PUBLISHED}/gemini-2.5-flash:{method}" for method in ("generateContent", "streamGenerateContent")]

PROMPTS = ["1", "[mock: finish=SAFETY] x", "[mock: error=429] x"]
CONFIGS: list[dict[str, Any]] = [
    {},
    {"generationConfig": {"maxOutputTokens": 3}},
    {"safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]},
    {"tools": [{"functionDeclarations": [{"name": "f", "description": "d"}]}]},
]


class Story:
    """A world, and what its requests were answered."""

    def __init__(self) -> None:
        self.clock = ManualClock(datetime(2026, 10, 1, tzinfo=UTC))
        self.world = World(self.clock, Settings(seed=1))
        self._app = create_app(self.world)
        self.answers: list[Any] = []

    def send(self, verb: str, path: str, message: Any = None) -> None:
        """Send a request."""
        body = json.dumps(message).encode() if message is not None else b""
        headers = [("authorization", "Bearer a@b.example"), ("content-type", "application/json")]
        headers.append(("content-length", str(len(body))))
        reply = send_request(self._app, AppRequest(verb, f"http://127.0.0.1{path}", headers, body))
        self.answers.append((reply.status, b"".join(reply.pieces)))

    def change(self, **members: Any) -> None:
        """Change the settings of the world."""
        self.world.settings = replace(self.world.settings, **members)

    def tune(self, output: str) -> None:
        """Tune the model anew, under the same name."""
        self.send("DELETE", TUNED)
        examples = {"examples": [{"textInput": str(number), "output": output} for number in range(20)]}
        task = {"trainingData": {"examples": examples}}
        model = {"baseModel": "models/gemini-1.5-flash-001-tuning", "tuningTask": task}
        self.send("POST", "/v1beta/tunedModels?tunedModelId=counter", model)
        self.clock.advance(hours=2)

    def ask(self) -> None:
        """Send every request: fewer than are kept."""
        assert len(METHODS) * len(PROMPTS) * len(CONFIGS) < REPEATED_REQUESTS
        for path, prompt, config in itertools.product(METHODS, PROMPTS, CONFIGS):
            self.send("POST", path, {"contents": [{"role": "user", "parts": [{"text": prompt}]}], **config})


def _add_rule(story: Story) -> None:
    Scenario(story.world.store).add_rules(Rule(Answer("scripted"), text="1", times=20))


def _add_fault(story: Story) -> None:
    Scenario(story.world.store).add_fault(Fault(status=503, times=20), story.world.clock.now())


CHANGES: dict[str, Callable[[Story], None]] = {
    "nothing": lambda _: None,
    "time": lambda story: story.clock.advance(hours=25),
    "training data": lambda story: story.tune("two"),
    "a rule": _add_rule,
    "a fault": _add_fault,
    "no records": lambda story: story.world.reset(),
    "no magic": lambda story: story.change(magic=False),
    "another seed": lambda story: story.change(seed=2),
    "real ratings": lambda story: story.change(safety_ratings="real"),
    "an as-of day": lambda story: story.change(as_of=date(2024, 6, 1)),
    "a later as-of day": lambda story: story.change(as_of=date(2025, 7, 1)),
}


def tell(change: Callable[[Story], None]) -> Any:
    """Return the answers and the log of a story in which something changes between requests that are the same."""
    story = Story()
    story.tune("one")
    story.ask()
    story.ask()  # what comes only once is not kept
    change(story)
    story.ask()
    story.ask()
    return story.answers, list(map(repr, story.world.calls))


@pytest.mark.parametrize("name", CHANGES)
def test_a_request_that_comes_again_is_answered_as_if_it_were_new(name: str) -> None:
    """By the rules, the settings, the time and the training data that there are then, in answers and in the log."""
    told = tell(CHANGES[name])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "REPEATED_BYTES", 0)

        assert tell(CHANGES[name]) == told
