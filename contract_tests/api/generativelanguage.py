"""The Developer API as somebody with a token, or with a key, sees it."""

from typing import Any

import httpx

from contract_tests.targets import Client

Json = dict[str, Any]

PRO = "models/gemini-1.0-pro-001"
FLASH = "models/gemini-1.5-flash-001-tuning"
LONG = 3600.0
"""Longer than any run takes, in seconds."""


class Gemini:
    """A client that sends a token of a user, or with `email=None` the key it has."""

    def __init__(self, client: Client, *, email: str | None = "alice@example.com", version: str = "v1beta") -> None:
        self.client = client
        self.clock = client.clock
        self.version = version
        self._headers = {"content-type": "application/json"}
        if email is not None:
            self._headers |= {"authorization": f"Bearer {email}", "x-goog-api-key": ""}

    def ask(self, verb: str, path: str, **options: Any) -> httpx.Response:
        """Send a request. A path that begins with a slash names its own version."""
        where = path if path.startswith("/") else f"/{self.version}/{path}"
        return self.client.request(verb, where, headers=self._headers, **options)

    def good(self, verb: str, path: str, **options: Any) -> Json:
        """What a request is answered that has to be 200."""
        answer = self.ask(verb, path, **options)
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body

    def get(self, path: str, **params: Any) -> Json:
        """What a GET answers; it has to be 200."""
        return self.good("GET", path, params=params)

    def post(self, path: str, body: Json | None = None, **params: Any) -> Json:
        """What a POST answers; it has to be 200."""
        return self.good("POST", path, json=body or {}, params=params)

    def refused(self, verb: str, path: str, **options: Any) -> tuple[int, str, str]:
        """HTTP status, status and sentence of a request that has to be refused; it has no details."""
        answer = self.ask(verb, path, **options)
        error = answer.json()["error"]
        assert answer.status_code == error["code"] >= 400, answer.text
        assert "details" not in error, answer.text
        return answer.status_code, error["status"], error["message"]

    def tune(self, base: str = PRO, *, examples: int = 15, batch: int = 4, epochs: int = 5, **members: Any) -> Json:
        """The operation of a new run."""
        hyperparameters = {"batchSize": batch, "epochCount": epochs, "learningRate": 0.001}
        data = [{"textInput": str(number), "output": str(number + 1)} for number in range(examples)]
        task = {"hyperparameters": hyperparameters, "trainingData": {"examples": {"examples": data}}}
        body = {"displayName": "number generator", "baseModel": base, "tuningTask": task} | members
        params = {"tunedModelId": body.pop("id")} if "id" in body else {}
        return self.post("tunedModels", {k: v for k, v in body.items() if v is not None}, **params)

    def trained(self, base: str = PRO, **members: Any) -> str:
        """The name of a tuned model that is ready."""
        name: str = self.tune(base, **members)["metadata"]["tunedModel"]
        self.clock.advance(LONG)
        return name


def say(text: str, **members: Any) -> Json:
    """A generate request of one user turn, without a role as in every old sample."""
    return {"contents": [{"parts": [{"text": text}]}]} | members
