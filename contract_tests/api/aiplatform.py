"""Vertex AI as a caller in one project and location sees it."""

from typing import Any

import httpx

from contract_tests.targets import Client
from mockserver.simulation.names import project_number

Json = dict[str, Any]

PROJECT = "my-project"
NUMBER = project_number(PROJECT)
LONG = 4 * 3600.0
"""Longer than any job takes, in seconds."""


class Vertex:
    """A client that sends a token and knows its location. Paths are below the location unless they are full names."""

    def __init__(self, client: Client, *, location: str = "us-central1", version: str = "v1") -> None:
        self.client = client
        self.clock = client.clock
        self.version = version
        self.parent = f"projects/{PROJECT}/locations/{location}"
        self.place = f"projects/{NUMBER}/locations/{location}"

    def ask(self, verb: str, path: str, **options: Any) -> httpx.Response:
        """Send a request as a user."""
        name = path if path.startswith("projects/") else f"{self.parent}/{path}"
        headers = {"authorization": "Bearer token", "content-type": "application/json", "x-goog-api-key": ""}
        headers |= options.pop("headers", {})
        return self.client.request(verb, f"/{self.version}/{name}", headers=headers, **options)

    def get(self, path: str, **params: Any) -> Json:
        """What a GET answers; it has to be 200."""
        return _good(self.ask("GET", path, params=params))

    def post(self, path: str, body: Json | None = None, **params: Any) -> Json:
        """What a POST answers; it has to be 200."""
        return _good(self.ask("POST", path, json=body or {}, params=params))

    def patch(self, path: str, body: Json, **params: Any) -> Json:
        """What a PATCH answers; it has to be 200."""
        return _good(self.ask("PATCH", path, json=body, params=params))

    def delete(self, path: str) -> Json:
        """What a DELETE answers; it has to be 200."""
        return _good(self.ask("DELETE", path))

    def refused(self, verb: str, path: str, **options: Any) -> Json:
        """The `error` of a request that has to be refused."""
        answer = self.ask(verb, path, **options)
        assert answer.status_code >= 400, answer.text
        error: Json = answer.json()["error"]
        return error

    def tune(self, base: str | None = "gemini-2.5-flash", *, epochs: int = 3, **job: Any) -> Json:
        """A new tuning job, supervised unless `job` says otherwise; a member of None is as good as absent."""
        spec: Json = {"trainingDatasetUri": "gs://bucket/train.jsonl", "hyperParameters": {"epochCount": epochs}}
        return self.post("tuningJobs", {"baseModel": base, "supervisedTuningSpec": spec} | job)

    def tuned(self, base: str | None = "gemini-2.5-flash", **job: Any) -> Json:
        """A job that has succeeded."""
        name = self.tune(base, **job)["name"]
        self.clock.advance(LONG)
        done = self.get(name)
        assert done["state"] == "JOB_STATE_SUCCEEDED"
        return done


def _good(answer: httpx.Response) -> Json:
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


def turn(text: str = "hello") -> Json:
    """A body that asks this."""
    return {"contents": [{"role": "user", "parts": [{"text": text}]}]}
