"""generateContent and its kin, on tuned endpoints and on Google's own models."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from mockserver.catalog import catalog
from mockserver.catalog.catalog import BaseModel
from mockserver.dispatch.routing import Call, Pause
from mockserver.generation.canned import choose_answer
from mockserver.generation.outcome import Outcome, generate, prompt_tokens
from mockserver.generation.structured_output import formal_answer
from mockserver.rpc.errors import ApiError, Code
from mockserver.scripting.answers import Prompt
from mockserver.scripting.scenario import Scenario
from mockserver.simulation import tokens
from mockserver.simulation.noise import seed_of
from mockserver.simulation.tuning import micros
from mockserver.vertex import responses
from mockserver.vertex.endpoints import endpoint_not_found, find_endpoint
from mockserver.vertex.locations import GLOBAL, place_of
from mockserver.vertex.prompts import asks_for_search, billable_characters, check_length, read_prompt, read_settings
from mockserver.vertex.responses import Frame
from mockserver.vertex.store import MODELS, TUNING_JOBS, Deployment

Json = dict[str, Any]

# The longer sentence was met in 2026, the shorter recorded in 2025; the day between them is our choice.
NEWER_SENTENCE = date(2025, 10, 1)

# What a client may ask for in this header where it asks Google's own models in `global`, as documented in 2026
# (Flex and Priority PayGo). Elsewhere, and of other words, nothing is said: our choice.
TRAFFIC_HEADER = "x-vertex-ai-llm-shared-request-type"
TRAFFIC = {"flex": "ON_DEMAND_FLEX", "priority": "ON_DEMAND_PRIORITY"}
STANDARD_TRAFFIC = "ON_DEMAND"

# Seen on a tuned endpoint; the status word is our choice, 400 is seen.
NOT_BY_PREDICT = (
    "Gemini cannot be accessed through Vertex Predict/RawPredict API. Please follow "
    "https://cloud.google.com/vertex-ai/docs/generative-ai/start/quickstarts/quickstart-multimodal for Gemini usage."
)


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked. `name` as a rule of a tester may match it; a tuned one has another `base_name`.

    `base` is None for a model outside the catalog.
    """

    name: str
    base_name: str
    base: BaseModel | None
    examples: Mapping[str, str]

    @property
    def model_version(self) -> str:
        """What `modelVersion` says: the publisher's model; nothing for a tuned one [recorded 2025-03]."""
        return self.base_name.rpartition("/")[2] if self.name == self.base_name else ""


def generate_content(call: Call) -> Json:
    """The whole answer at once."""
    target = _target(call)
    return responses.unary(_outcome(call, target), _frame(call, target))


def stream_generate_content(call: Call) -> Iterator[Json | Pause]:
    """The answer in pieces."""
    target = _target(call)
    return responses.stream(_outcome(call, target), _frame(call, target))


def count_tokens(call: Call) -> Json:
    """The tokens of a prompt, and its characters that are billed."""
    prompt = _prompt(call, _target(call))
    count = prompt_tokens(prompt)
    return {
        "totalTokens": count,
        "totalBillableCharacters": billable_characters(call.message),
        "promptTokensDetails": responses.text_tokens(count),
    }


def compute_tokens(call: Call) -> Json:
    """The tokens themselves and their numbers, one list a turn."""
    prompt = _prompt(call, _target(call))
    return {
        "tokensInfo": [
            {
                "tokens": [token.encode() for token in tokens.split(turn.text)],
                "tokenIds": [tokens.token_id(token) for token in tokens.split(turn.text)],
                "role": turn.role,
            }
            for turn in prompt.turns
        ]
    }


def refuse_predict(call: Call) -> Json:
    """400: Gemini is not asked this way. What is not there is still not found."""
    _target(call)
    raise ApiError(Code.FAILED_PRECONDITION, NOT_BY_PREDICT)


def refuse_model(call: Call) -> Json:
    """400: a tuned model is asked through its endpoint [seen 2025-11]."""
    place_of(call)
    raise ApiError(
        Code.INVALID_ARGUMENT,
        f"The Model name {call.path['model']} is malformed and it should be in form of "
        "projects/{project}/locations/{location}/publishers/google/models/{model}",
    )


def _target(call: Call) -> Target:
    name = next(iter(call.path.values()))
    return _published(call, name) if "/models/" in name else _tuned(call)


def _published(call: Call, name: str) -> Target:
    """One of Google's models; the location is not looked at further, they answer everywhere."""
    place_of(call)
    as_of = call.world.settings.as_of
    publisher, _, model = name.rpartition("publishers/")[2].partition("/models/")
    base = catalog.find(model, as_of, vertex=True) if publisher == "google" else None
    if base is None:
        newer = as_of is not None and as_of >= NEWER_SENTENCE
        raise ApiError(Code.NOT_FOUND, f"Publisher Model `{name}` {_NEWER if newer else 'not found.'}")
    own = f"publishers/google/models/{model}"
    return Target(own, own, base, {})


_NEWER = (
    "was not found or your project does not have access to it. Please ensure you are using a valid model version. "
    "For more information, see: https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions"
)


def _tuned(call: Call) -> Target:
    """What an endpoint serves: the deployment with most of the traffic."""
    served = find_endpoint(call)
    if not served.deployments:
        raise endpoint_not_found(served.endpoint.name)  # our choice: not seen
    traffic = served.endpoint.traffic or {}
    deployment = max(served.deployments, key=lambda each: traffic.get(each.id, 0))
    return _deployed(call, served.endpoint.name, deployment)


def _deployed(call: Call, endpoint: str, deployment: Deployment) -> Target:
    store = call.world.store
    jobs = (store.get(TUNING_JOBS, name) for name in store.get(MODELS, deployment.model).jobs)
    job = next(job for job in jobs if job.version == deployment.version)
    base = catalog.find(job.base_model.rpartition("/")[2], None, vertex=True)
    return Target(endpoint, job.base_model, base, job.dataset.completions)


def _prompt(call: Call, target: Target) -> Prompt:
    return read_prompt(call.message, target.name, target.base_name)


def _outcome(call: Call, target: Target) -> Outcome:
    world = call.world
    prompt = _prompt(call, target)
    settings = read_settings(call.message, target.base)
    check_length(prompt, target.base)
    form = formal_answer(call.message, prompt)
    answer = choose_answer(Scenario(world.store), prompt, target.examples, magic=world.settings.magic, otherwise=form)
    return generate(prompt, answer, settings, seed_of(world.settings.seed, "vertex"))


def _frame(call: Call, target: Target) -> Frame:
    created = micros(call.now)
    return Frame(
        version=call.version,
        created=created,
        response_id=responses.response_id(created, call.world.rng("vertex.responses")),
        model_version=target.model_version,
        rated=call.world.settings.safety_ratings == "always" or "safetySettings" in call.message,
        grounded=asks_for_search(call.message),
        traffic=_traffic(call, target),
    )


def _traffic(call: Call, target: Target) -> str:
    asked = TRAFFIC.get(call.headers.get(TRAFFIC_HEADER, ""))
    return asked if asked and target.model_version and place_of(call).location == GLOBAL else STANDARD_TRAFFIC
