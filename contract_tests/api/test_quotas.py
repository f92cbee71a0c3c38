"""Quotas of requests and tokens: the service's own 429, and when it ends."""

from dataclasses import replace
from datetime import date
from typing import Any

import httpx
import pytest

from contract_tests.targets import Client

PREFIX = "/v1beta/models"
FLASH = "gemini-2.5-flash"
VERTEX = "/v1/projects/mine/locations/us-central1/publishers/google/models/gemini-2.0-flash-001"
BEARER = {"authorization": "Bearer any-token"}


def limit(client: Client, **quotas: Any) -> None:
    """Set quotas of the client's world."""
    client.world.settings = replace(client.world.settings, **quotas)


def ask(client: Client, model: str = FLASH, *, text: str = "Say this is a test", **more: Any) -> httpx.Response:
    """Ask the Developer API."""
    body = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
    return client.post(f"{PREFIX}/{model}:generateContent", json=body, **more)


def refusal(answer: httpx.Response) -> dict[str, Any]:
    """The error of a 429."""
    assert 429 == answer.status_code
    error: dict[str, Any] = answer.json()["error"]
    return error


def delay(answer: httpx.Response) -> float:
    """What RetryInfo says."""
    return float(refusal(answer)["details"][-1]["retryDelay"].removesuffix("s"))


def test_a_request_too_many_gets_the_real_429(client: Client) -> None:
    """It names metric, limit and model; the details are Help, QuotaFailure, RetryInfo, in this order [seen]."""
    limit(client, requests_per_minute=2)
    assert [200, 200] == [ask(client).status_code for _ in range(2)]
    client.clock.advance(11.060064301)
    answer = ask(client)
    error = refusal(answer)

    assert (
        "You exceeded your current quota, please check your plan and billing details. For more information on this "
        "error, head to: https://ai.google.dev/gemini-api/docs/rate-limits. To monitor your current usage, head to: "
        "https://ai.dev/rate-limit. \n"
        "* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 2, "
        "model: gemini-2.5-flash\n"
        "Please retry in 48.939935699s."
    ) == error["message"]
    assert ["Help", "QuotaFailure", "RetryInfo"] == [each["@type"].rpartition(".")[2] for each in error["details"]]
    assert [
        {
            "quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
            "quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
            "quotaDimensions": {"model": FLASH, "location": "global"},
            "quotaValue": "2",
        }
    ] == error["details"][1]["violations"]
    assert "48s" == error["details"][2]["retryDelay"]
    assert "retry-after" not in answer.headers


@pytest.mark.parametrize(
    ("as_of", "end", "details"),
    [
        ("2025-07-21", "rate-limits.", ["QuotaFailure", "Help", "RetryInfo"]),
        ("2025-09-14", "rate-limits.", ["QuotaFailure", "Help", "RetryInfo"]),
        ("2025-09-24", "rate-limits.{line}{retry}", ["QuotaFailure", "Help", "RetryInfo"]),
        (
            "2025-11-03",
            "rate-limits. To monitor your current usage, head to: https://ai.dev/usage?tab=rate-limit. {line}{retry}",
            ["Help", "QuotaFailure", "RetryInfo"],
        ),
        (
            "2026-01-09",
            "rate-limits. To monitor your current usage, head to: https://ai.dev/rate-limit. {line}, model: {model}{retry}",
            ["Help", "QuotaFailure", "RetryInfo"],
        ),
    ],
)
def test_a_429_has_the_words_of_its_day(client: Client, as_of: str, end: str, details: list[str]) -> None:
    """As recorded on each of these days."""
    limit(client, requests_per_minute=0, as_of=date.fromisoformat(as_of))
    error = refusal(ask(client))
    line = (
        "\n* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 0"
    )
    start = "You exceeded your current quota, please check your plan and billing details. For more information on this error"
    _, _, retry = error["message"].partition("\nPlease retry in ")

    words = end.format(line=line, model=FLASH, retry=f"\nPlease retry in {retry}")
    assert f"{start}, head to: https://ai.google.dev/gemini-api/docs/{words}" == error["message"]
    assert details == [each["@type"].rpartition(".")[2] for each in error["details"]]


def test_every_exceeded_quota_has_its_line(client: Client) -> None:
    """Four lines of two metrics, and a limit of 0 without quotaValue, as in bodies of 2026 [seen]."""
    limit(client, requests_per_minute=0, requests_per_day=0, tokens_per_minute=0, tokens_per_day=0)
    error = refusal(ask(client))
    violations = error["details"][1]["violations"]

    assert 4 == error["message"].count("\n* Quota exceeded for metric: ")
    assert 2 == error["message"].count("generate_content_free_tier_requests, limit: 0, model: gemini-2.5-flash")
    assert 4 == len({each["quotaId"] for each in violations})
    assert not any("quotaValue" in each for each in violations)


@pytest.mark.parametrize("used_seconds", [0, 0.5, 12.25, 59])
def test_who_waits_as_long_as_told_is_served(client: Client, used_seconds: float) -> None:
    """Although RetryInfo has whole seconds; who comes a second sooner is not, and does not make it longer."""
    limit(client, requests_per_minute=1)
    ask(client)
    client.clock.advance(used_seconds)
    told = delay(ask(client))
    client.clock.advance(max(told - 1, 0))
    early = ask(client)
    client.clock.advance(min(told, 1))

    assert [429, 200, 429] == [early.status_code, ask(client).status_code, ask(client).status_code]


def test_a_day_ends_at_eight(client: Client) -> None:
    """At midnight in California, whenever it began."""
    limit(client, requests_per_day=1)
    ask(client)

    assert 17 * 3600 == delay(ask(client))  # it is 15:00
    client.clock.advance(hours=16)
    assert 429 == ask(client).status_code
    client.clock.advance(hours=1)
    assert [200, 429] == [ask(client).status_code for _ in range(2)]


def test_tokens_are_those_of_count_tokens(client: Client) -> None:
    """A prompt that would exceed the rest is refused and costs nothing; a shorter one is served."""
    limit(client, tokens_per_minute=12)
    counted = client.post(
        f"{PREFIX}/{FLASH}:countTokens", json={"contents": [{"parts": [{"text": "Say this is a test"}]}]}
    )
    assert 5 == counted.json()["totalTokens"]

    answers = [ask(client), ask(client), ask(client), ask(client, text="Say this")]
    assert [200, 200, 429, 200] == [answer.status_code for answer in answers]
    assert "free_tier_input_token_count, limit: 12" in refusal(answers[2])["message"]


def test_models_and_projects_are_counted_apart(client: Client) -> None:
    """Streams and embeddings count as well, counting tokens and other methods do not."""
    limit(client, requests_per_minute=1)

    assert 200 == ask(client).status_code
    assert 200 == ask(client, "gemini-2.0-flash").status_code
    assert 200 == ask(client, headers={"x-goog-api-key": "key-two"}).status_code
    assert 429 == ask(client).status_code
    body = {"contents": [{"parts": [{"text": "Say"}]}]}
    assert 429 == client.post(f"{PREFIX}/{FLASH}:streamGenerateContent", json=body).status_code
    assert [200, 200] == [client.post(f"{PREFIX}/{FLASH}:countTokens", json=body).status_code for _ in range(2)]
    assert [200, 200] == [client.get(f"{PREFIX}/{FLASH}").status_code for _ in range(2)]
    embed = {"content": {"parts": [{"text": "Say"}]}}
    embedded = [client.post(f"{PREFIX}/text-embedding-004:embedContent", json=embed) for _ in range(2)]
    assert [200, 429] == [answer.status_code for answer in embedded]


def test_a_batch_of_embeddings_counts_all_its_tokens(client: Client) -> None:
    """Not only the first ones'."""
    limit(client, tokens_per_minute=9)
    model = "models/text-embedding-004"
    one = {"model": model, "content": {"parts": [{"text": "Say this is a test"}]}}

    assert 429 == client.post(f"/v1beta/{model}:batchEmbedContents", json={"requests": [one, one]}).status_code
    assert 200 == client.post(f"/v1beta/{model}:batchEmbedContents", json={"requests": [one]}).status_code


def test_vertex_has_its_own_sentence(client: Client) -> None:
    """It names metric and base model, has no details [seen], and lasts a minute too."""
    limit(client, requests_per_minute=1)
    body = {"contents": [{"role": "user", "parts": [{"text": "Say"}]}]}

    def ask_vertex(url: str = VERTEX) -> httpx.Response:
        return client.post(f"{url}:generateContent", json=body, headers=BEARER)

    assert 200 == ask_vertex().status_code
    error = refusal(ask_vertex())
    assert (
        "Quota exceeded for aiplatform.googleapis.com/generate_content_requests_per_minute_per_project_per_base_model "
        "with base model: gemini-2.0-flash-001. Please submit a quota increase request. "
        "https://cloud.google.com/vertex-ai/docs/generative-ai/quotas-genai."
    ) == error["message"]
    assert "details" not in error
    assert 200 == ask_vertex(VERTEX.replace("mine", "theirs")).status_code
    client.clock.advance(60)
    assert 200 == ask_vertex().status_code


def test_a_refused_request_costs_nothing(client: Client) -> None:
    """A minute is over after sixty seconds, however often somebody asked in between."""
    limit(client, requests_per_minute=1)
    ask(client)
    for _ in range(59):
        client.clock.advance(1)
        assert 429 == ask(client).status_code
    client.clock.advance(1)

    assert 200 == ask(client).status_code


def test_a_reset_forgets_what_was_used(client: Client) -> None:
    """A snapshot keeps it."""
    limit(client, requests_per_minute=1)
    ask(client)
    snapshot = client.world.snapshot()
    client.world.reset()

    assert 200 == ask(client).status_code
    client.world.restore(snapshot)
    assert 429 == ask(client).status_code
