"""Replaying recordings: what is no drift though the recorded moment is known to the second only."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from mockserver.recordings.comparison import Grade
from mockserver.recordings.replay import Replay
from mockserver.transcripts.exchange import Exchange, RecordedRequest, RecordedResponse, Transcript

Json = dict[str, Any]

URL = "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/tuningJobs"
NAME = "projects/601265287051/locations/us-central1/tuningJobs/2995954652073164800"
JSON = (("content-type", "application/json; charset=UTF-8"),)
SPEC: Json = {"trainingDatasetUri": "gs://b/t.jsonl"}


def exchange(method: str, url: str, answer: Json, second: str, body: Json | None = None, status: int = 200) -> Exchange:
    """A recorded exchange whose Date header says this second."""
    headers = (("authorization", "Bearer token"), *JSON)
    request = RecordedRequest(method, url, headers, None if body is None else json.dumps(body).encode())
    moment = datetime.fromisoformat(second).astimezone(UTC)
    return Exchange(
        request, RecordedResponse(status, JSON, (json.dumps(answer, indent=2) + "\n").encode()), date=moment
    )


@pytest.mark.parametrize("second", ["2026-10-01T19:43:49+00:00", "2026-10-01T19:43:50+00:00"])
def test_a_job_can_be_created_and_got_in_one_second(second: str) -> None:
    """The job runs 60 ms after its creation; the Date header does not tell whether the get came before or after."""
    times = {"createTime": "2026-10-01T19:43:49.878165Z", "updateTime": "2026-10-01T19:43:49.878165Z"}
    job: Json = {
        "name": NAME,
        "tunedModelDisplayName": "n",
        "baseModel": "gemini-2.5-flash-lite",
        "supervisedTuningSpec": SPEC,
    }
    running = {"startTime": "2026-10-01T19:43:49.950734Z", "updateTime": "2026-10-01T19:43:49.950734Z"}
    sent = {"tunedModelDisplayName": "n", "baseModel": "gemini-2.5-flash-lite", "supervisedTuningSpec": SPEC}
    created = job | {"state": "JOB_STATE_PENDING", **times}
    got = job | {"state": "JOB_STATE_RUNNING", "createTime": times["createTime"], **running}
    transcript = Transcript(
        "t",
        (
            exchange("POST", URL, created, second, sent),
            exchange("GET", f"https://us-central1-aiplatform.googleapis.com/v1/{NAME}", got, second),
        ),
    )

    outcomes = list(Replay(transcript).outcomes())

    assert all(outcome.grade < Grade.DIFFERS for outcome in outcomes), outcomes


def test_a_member_that_nothing_published_has_is_no_drift() -> None:
    """A recorded `turnToken` is in no package and no discovery document."""
    body = {"contents": [{"role": "user", "parts": [{"text": "x"}]}]}
    answer = {"totalTokens": 1, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 1}], "turnToken": "v1:x"}
    url = "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:countTokens"

    (outcome,) = Replay(Transcript("t", (exchange("POST", url, answer, "2026-01-01T00:00:00+00:00", body),))).outcomes()

    assert Grade.SHAPE == outcome.grade, outcome
