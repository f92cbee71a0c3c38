"""The model of a request, for all methods that generate or count: a tuned endpoint, or one of Google's models."""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from mockserver.catalog import base_models
from mockserver.catalog.base_model import BaseModel
from mockserver.catalog.suggestions import ask_for
from mockserver.dispatch.routing import Call
from mockserver.rpc.errors import ApiError, Code
from mockserver.vertex.errors import endpoint_not_found
from mockserver.vertex.locations import find_location, resource_name
from mockserver.vertex.records import MODELS, TUNING_JOBS
from mockserver.vertex.store import find_endpoint

# The longer sentence was seen in 2026, the shorter recorded in 2025; the day between them is our choice.
NEWER_SENTENCE_SINCE = date(2025, 10, 1)
NEWER_SENTENCE = (
    "was not found or your project does not have access to it. Please ensure you are using a valid model version. "
    "For more information, see: https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions"
)


NO_EXAMPLES: Mapping[str, str] = {}
"""The training examples of Google's models: one object, by which a request that comes again is known."""


class Target(NamedTuple):
    """The model that a request is for: one of Google's, or a tuned one by its endpoint, with its training examples.

    `base` is None for a model outside the catalog.
    """

    name: str
    base_name: str
    base: BaseModel | None
    examples: Mapping[str, str]

    @property
    def is_tuned(self) -> bool:
        """Whether it is a tuned model."""
        return self.name != self.base_name


def find_target(call: Call) -> Target:
    """Return the model in the path of a request. Raises 404."""
    return find_published_model(call, call.resource) if "/models/" in call.resource else _find_tuned(call)


def find_published_model(call: Call, resource: str) -> Target:
    """Return one of Google's models; they answer in every location. Raises 404."""
    find_location(call)
    as_of = call.settings.as_of
    publisher, _, model = resource.rpartition("publishers/")[2].partition("/models/")
    base = base_models.find(model, as_of, vertex=True) if publisher == "google" else None
    if base is None:
        is_newer = as_of is not None and as_of >= NEWER_SENTENCE_SINCE
        missing = ApiError(
            Code.NOT_FOUND, f"Publisher Model `{resource}` {NEWER_SENTENCE if is_newer else 'not found.'}"
        )
        raise missing.with_hint(describe_missing_model(publisher, model, as_of))
    name = f"publishers/google/models/{model}"
    return Target(name, name, base, NO_EXAMPLES)


def describe_missing_model(publisher: str, model: str, as_of: date | None) -> str:
    """Return a hint for a publisher's model that does not answer on that day."""
    if publisher != "google":
        return "only Google's models are here"
    names = [each.id for each in base_models.models(as_of, vertex=True) if each.available(as_of)]
    retired = base_models.find(model, None, vertex=True)
    if as_of is not None and retired is not None:
        return f"{model} does not answer as of {as_of}: leave out --as-of (as_of), and there are models of all dates"
    return f"{ask_for(model, names)}These are here: {', '.join(names)}"


def _find_tuned(call: Call) -> Target:
    """Return the model that an endpoint serves: the deployment with most of the traffic."""
    active = find_endpoint(call, resource_name(call))
    endpoint = active.endpoint
    if not active.deployments:
        # our choice: not seen
        raise endpoint_not_found(endpoint.name).with_hint("no model is deployed on this endpoint")
    traffic = endpoint.traffic or {}
    deployment = max(active.deployments, key=lambda each: traffic.get(each.id, 0))
    store = call.world.store
    jobs = (store.get(TUNING_JOBS, name) for name in store.get(MODELS, deployment.model).jobs)
    job = next(job for job in jobs if job.version == deployment.version)
    base = base_models.find(job.base_model.rpartition("/")[2], None, vertex=True)
    return Target(endpoint.name, job.base_model, base, job.dataset.completions)
