"""The numbers of a generation config, held to the range of the model and the day, on both services.

additions.md, "Generating: numbers out of range".
"""

from datetime import date
from typing import Any

import pytest

from contract_tests.targets import in_process
from mockserver.catalog import ranges
from mockserver.catalog.base_models import rows
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World

Json = dict[str, Any]

TURN = {"role": "user", "parts": [{"text": "x"}]}
DEVELOPER, VERTEX = "/v1beta/models/", "/v1/projects/p/locations/us-central1/publishers/google/models/"


def answer(service: str, model: str, config: Json, as_of: str = "", **more: Any) -> tuple[int, str]:
    """Status and message of the answer to a request with this config."""
    world = World(ManualClock(), Settings(as_of=date.fromisoformat(as_of) if as_of else None))
    with in_process(world) as client:
        if service == VERTEX:
            del client.headers["x-goog-api-key"]
            client.headers["authorization"] = "Bearer token"
        body = {"contents": [TURN], "generationConfig": config, **more}
        response = client.post(f"{service}{model}:generateContent", json=body)
    return response.status_code, response.json().get("error", {}).get("message", "")


def out_of_range(field: str, value: str, low: str, high: str) -> str:
    """The sentence of both services."""
    return (
        f"Unable to submit request because it has a {field} value of {value} but the supported range is from {low} "
        f"(inclusive) to {high} (exclusive). Update the value and try again."
    )


STOPS = [str(number) for number in range(20)]
LEARN = "Learn more: https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/gemini"
PRO, FLASH_15, FLASH_20, FLASH_25 = "gemini-1.0-pro", "gemini-1.5-flash-002", "gemini-2.0-flash", "gemini-2.5-flash"


@pytest.mark.parametrize(
    ("service", "model", "config", "as_of", "sentence"),
    [
        (VERTEX, FLASH_25, {"stopSequences": STOPS[:6]}, "2025-09-10", out_of_range("stopSequences", "6", "1", "6")),
        (VERTEX, FLASH_15, {"stopSequences": STOPS[:17]}, "2024-11-10", out_of_range("stopSequences", "17", "1", "17")),
        (
            VERTEX,
            "gemini-2.5-flash-lite",
            {"maxOutputTokens": 65536},
            "2026-08-19",
            out_of_range("maxOutputTokens", "65536", "1", "65536"),
        ),
        (
            DEVELOPER,
            FLASH_15,
            {"maxOutputTokens": 8193},
            "2024-12-10",
            out_of_range("maxOutputTokens", "8193", "1", "8193"),
        ),
        (DEVELOPER, FLASH_20, {"maxOutputTokens": 0}, "", out_of_range("maxOutputTokens", "0", "1", "8193")),
        (DEVELOPER, FLASH_20, {"temperature": 2.1}, "", out_of_range("temperature", "2.1", "0", "2.0001")),
        (VERTEX, PRO, {"temperature": 1.5}, "2024-03-10", out_of_range("temperature", "1.5", "0", "1.0001")),
        (VERTEX, FLASH_25, {"topP": 1.5}, "", out_of_range("topP", "1.5", "0", "1.0001")),
        (VERTEX, FLASH_20, {"topK": 41}, "", out_of_range("topK", "41", "1", "41")),
        (DEVELOPER, FLASH_25, {"topK": 0}, "", out_of_range("topK", "0", "1", "65")),
        (VERTEX, FLASH_25, {"presencePenalty": 2}, "", out_of_range("presencePenalty", "2", "-2", "2")),
        (DEVELOPER, FLASH_20, {"frequencyPenalty": -2.5}, "", out_of_range("frequencyPenalty", "-2.5", "-2", "2")),
        (
            VERTEX,
            FLASH_25,
            {"responseLogprobs": True, "logprobs": 21},
            "",
            out_of_range("logprobs", "21", "0", "21"),
        ),
        (VERTEX, FLASH_25, {"candidateCount": 9}, "", out_of_range("candidateCount", "9", "1", "9")),
        (DEVELOPER, "gemini-pro", {"candidateCount": 2}, "2024-03-10", "Only one candidate can be specified"),
        (
            VERTEX,
            "gemini-1.5-pro-001",
            {"candidateCount": 3},
            "2024-07-10",
            (
                "Unable to submit request because candidateCount must be 1 but the entered value was 3. Update the "
                "candidateCount value and try again."
            ),
        ),
        (
            DEVELOPER,
            "gemini-3-flash-preview",
            {"candidateCount": 2},
            "",
            "Multiple candidates is not enabled for this model",
        ),
        (
            DEVELOPER,
            FLASH_15,
            {"temperature": 5},
            "2024-10-10",
            "* GenerateContentRequest.generation_config.temperature: temperature must be in the range [0.0, 2.0].\n",
        ),
        (DEVELOPER, FLASH_25, {"presencePenalty": 0.5}, "", f"Penalty is not enabled for models/{FLASH_25}"),
        (DEVELOPER, "gemini-3.5-flash", {"frequencyPenalty": 1}, "", "Penalty is not enabled for this model"),
        (DEVELOPER, FLASH_25, {"responseLogprobs": True}, "", f"Logprobs is not enabled for models/{FLASH_25}"),
        (DEVELOPER, FLASH_20, {"logprobs": 0}, "", "logprobs can only be set when response_logprobs is true."),
        (
            DEVELOPER,
            "gemini-2.5-pro",
            {"thinkingConfig": {"thinkingBudget": 0}},
            "",
            "Budget 0 is invalid. This model only works in thinking mode.",
        ),
        (
            DEVELOPER,
            "gemini-2.5-pro",
            {"thinkingConfig": {"thinkingBudget": 64000}},
            "",
            "The thinking budget 64000 is invalid. Please choose a value between 128 and 32768.",
        ),
        (
            DEVELOPER,
            FLASH_20,
            {"thinkingConfig": {"thinkingBudget": 0}},
            "",
            f"Thinking is not enabled for models/{FLASH_20}",
        ),
        (
            VERTEX,
            "gemini-2.5-flash-lite",
            {"thinkingConfig": {"thinkingBudget": 256}},
            "",
            (
                "Unable to submit request because thinking_budget is out of range; supported values are integers from 512 to "
                f"24576. {LEARN}"
            ),
        ),
        (
            VERTEX,
            FLASH_20,
            {"thinkingConfig": {"includeThoughts": True}},
            "",
            f"Unable to submit request because thinking is not supported by this model. {LEARN}",
        ),
    ],
)
def test_a_number_out_of_range_is_refused(service: str, model: str, config: Json, as_of: str, sentence: str) -> None:
    """In the sentence of that service and day, with the value and the bounds."""
    assert (400, sentence) == answer(service, model, config, as_of)


@pytest.mark.parametrize(
    ("service", "model", "config", "as_of"),
    [
        (VERTEX, FLASH_25, {"stopSequences": STOPS[:5], "candidateCount": 0, "maxOutputTokens": 65535}, ""),
        (VERTEX, FLASH_25, {"responseLogprobs": True, "logprobs": 0}, ""),
        (VERTEX, "gemini-3.1-pro-preview", {"candidateCount": 4}, ""),
        (VERTEX, FLASH_15, {"stopSequences": STOPS[:16]}, "2024-11-10"),
        (DEVELOPER, FLASH_25, {"candidateCount": 8, "presencePenalty": 0, "frequencyPenalty": 0, "topK": 64}, ""),
        (DEVELOPER, FLASH_20, {"presencePenalty": 0.5, "temperature": 2, "topP": 1, "seed": -5}, ""),
        (DEVELOPER, FLASH_25, {"thinkingConfig": {"thinkingBudget": -1}}, ""),
        (DEVELOPER, FLASH_25, {"thinkingConfig": {"thinkingBudget": 0}}, ""),
        (DEVELOPER, "gemini-3.5-flash", {"thinkingConfig": {"thinkingLevel": "LOW"}}, ""),
    ],
)
def test_the_numbers_at_the_bounds_are_accepted(service: str, model: str, config: Json, as_of: str) -> None:
    """A bound is inclusive or exclusive as the sentence says; 0 candidates, and penalties of 0, are as good as none."""
    assert (200, "") == answer(service, model, config, as_of)


@pytest.mark.parametrize("service", ["vertex", "developer"])
@pytest.mark.parametrize("base", rows(), ids=lambda base: f"{base.id}-{base.released}")
def test_every_model_accepts_its_own_defaults(service: ranges.ServiceName, base: Any) -> None:
    """What a model's resource lists as its sampling and its limit is in its ranges, on every day."""
    own = {
        "temperature": base.temperature,
        "top_p": base.top_p,
        "max_output_tokens": base.output_token_limit - 1 or 1,
        "candidate_count": 1,
    }
    if service == "developer":
        own["top_k"] = base.top_k
    values = {name: value for name, value in own.items() if value is not None}
    for as_of in (None, date(2024, 3, 1), date(2024, 12, 1), date(2026, 11, 1)):
        assert [] == [*ranges.violations(values, service, base, as_of)]


def test_every_range_has_a_source() -> None:
    """No bound without a source and a date."""
    assert all(row["source"] and row["date"] for row in ranges.rows())
