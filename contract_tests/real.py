"""The real services as a target: what it takes to ask them, and what is done to them.

    make test ARGS="contract_tests/api/test_real.py --target real"

| variable | what |
|---|---|
| GOOGLE_API_KEY | a key of the Gemini API: without it nothing is asked of the Developer API |
| MOCKSERVER_REAL_PROJECT | the project on Vertex AI; never taken from anywhere else |
| MOCKSERVER_REAL_TOKEN | an access token for it; without it gcloud gives that of the default credentials |
| MOCKSERVER_REAL_LOCATION | us-central1 if not set |
| MOCKSERVER_REAL_DATASET | gs://... .jsonl: with it one tuning job is created and cancelled at once, without it none |
| MOCKSERVER_REAL_URL | another server in place of Google's, to rehearse |

Without a key and without a project the run is refused.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from contract_tests.targets import Client, in_process
from mockserver.state.clock import ManualClock, today
from mockserver.state.world import Settings, World

Json = dict[str, Any]

PREFIX = "mockserver-contract-"
"""What everything is called that is made; what is called otherwise is not touched."""

GEMINI = "https://generativelanguage.googleapis.com"


@dataclass(frozen=True, slots=True)
class Access:
    """What the environment allows."""

    key: str = ""
    project: str = ""
    token: str = ""
    location: str = "us-central1"
    dataset: str = ""
    url: str = ""

    @property
    def plan(self) -> list[str]:
        """What will be done, in words."""
        lines = []
        if self.key:
            lines.append(f"{self.gemini}: reads and refused requests with your API key; what is made is deleted")
        if self.project:
            lines.append(f"{self.vertex}: reads and refused requests in the project {self.project}")
        if self.project and self.dataset:
            lines.append(f"one tuning job {PREFIX}..., trained on {self.dataset}, cancelled as soon as it is there")
        return lines

    @property
    def gemini(self) -> str:
        """Where the Developer API is."""
        return self.url or GEMINI

    @property
    def vertex(self) -> str:
        """Where Vertex AI is."""
        return self.url or f"https://{self.location}-aiplatform.googleapis.com"

    @property
    def parent(self) -> str:
        """The location, as names begin with it."""
        return f"projects/{self.project}/locations/{self.location}"


def access(environment: Mapping[str, str]) -> Access:
    """What these variables allow. LookupError, saying what is missing, if that is nothing."""
    key, project = environment.get("GOOGLE_API_KEY", ""), environment.get("MOCKSERVER_REAL_PROJECT", "")
    if not key and not project:
        msg = "--target real needs GOOGLE_API_KEY for the Developer API, or MOCKSERVER_REAL_PROJECT for Vertex AI"
        raise LookupError(msg)
    token = environment.get("MOCKSERVER_REAL_TOKEN") or (_default_token() if project else "")
    if project and not token:
        msg = "MOCKSERVER_REAL_PROJECT needs MOCKSERVER_REAL_TOKEN, or gcloud with application default credentials"
        raise LookupError(msg)
    return Access(
        key,
        project,
        token,
        environment.get("MOCKSERVER_REAL_LOCATION", "us-central1"),
        environment.get("MOCKSERVER_REAL_DATASET", ""),
        environment.get("MOCKSERVER_REAL_URL", ""),
    )


def _default_token() -> str:
    if shutil.which("gcloud") is None:
        return ""
    command = ["gcloud", "auth", "application-default", "print-access-token"]
    return subprocess.run(command, capture_output=True, check=False, text=True).stdout.strip()


class Pair:
    """The real service and the emulator as of today: the same request to both."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._real = httpx.Client(base_url=url, headers=dict(headers), timeout=60)
        self._headers = dict(headers)

    def real(self, verb: str, path: str, **options: Any) -> httpx.Response:
        """What the real service answers."""
        return self._real.request(verb, path, **options)

    def both(self, verb: str, path: str, **options: Any) -> tuple[httpx.Response, httpx.Response]:
        """What the real service answers, and what the emulator does."""
        with emulator() as client:
            client.headers.update(self._headers)
            return self.real(verb, path, **options), client.request(verb, path, **options)

    def close(self) -> None:
        """Be done."""
        self._real.close()


@contextmanager
def emulator() -> Iterator[Client]:
    """A new world as of today."""
    now = datetime.combine(today(), datetime.min.time(), tzinfo=UTC)
    with in_process(World(ManualClock(now), Settings(seed=1, as_of=today()))) as client:
        yield client


def error(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, its word and the sentence; of an answer that is no JSON the status alone."""
    if not answer.headers.get("content-type", "").startswith("application/json"):
        return answer.status_code, "", ""
    said: Json = answer.json()["error"]
    return answer.status_code, said["status"], said["message"]


def shape(tree: Any) -> Any:
    """Members and types, without values; of a list its first element."""
    if isinstance(tree, dict):
        return {name: shape(value) for name, value in tree.items()}
    if isinstance(tree, list):
        return [shape(item) for item in tree[:1]]
    return type(tree).__name__


def of_environment() -> Access:
    """What this process's environment allows."""
    return access(os.environ)
