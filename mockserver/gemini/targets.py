"""The model that a request is for, of all methods that generate, count or embed."""

from typing import NamedTuple

from mockserver.catalog import base_models
from mockserver.catalog.base_model import BaseModel
from mockserver.datasets.examples import Examples
from mockserver.dispatch.routing import Call
from mockserver.gemini import errors
from mockserver.gemini.store import STATES, find_generating_model
from mockserver.simulation.tuning import State

NO_EXAMPLES = Examples()


class Target(NamedTuple):
    """The model that a request is for: a base model, or a tuned one with its training examples."""

    name: str
    base: BaseModel
    examples: Examples

    @property
    def is_tuned(self) -> bool:
        """Whether it is a tuned model."""
        return self.name.startswith("tunedModels/")


def find_target(call: Call, name: str, method: str) -> Target:
    """Return the model of that name, if it supports the method, such as "generateContent".

    Refuses, in the order of the real checks: other people's models, retired ones, models that are not ready.
    """
    if not name.startswith("tunedModels/"):
        return Target(name, _find_base_model(call, name, method), NO_EXAMPLES)
    tuned = find_generating_model(call, name)
    base = _find_base_model(call, tuned.base_model, method)
    state = tuned.state(call.now)
    if state is not State.SUCCEEDED:
        raise errors.not_active(name, STATES[state])
    return Target(name, base, tuned.examples)


def _find_base_model(call: Call, name: str, method: str) -> BaseModel:
    base = base_models.find(name.removeprefix("models/"), call.settings.as_of)
    if base is None or method not in base.methods:
        raise errors.not_supported(name, call)
    return base
