"""Resources that a tester puts into a world as data: the entries of `tuned_models` and `tuning_jobs`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class NewTunedModel:
    """A tuned model to add: the arguments of `MockServer.add_tuned_model`, and the `members` that a create sets."""

    name: str = ""
    examples: Mapping[str, str] | None = None
    state: str = "ACTIVE"
    step: int | None = None
    error: str | None = None
    owner: str = ""
    members: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewTuningJob:
    """A tuning job to add: the arguments of `MockServer.add_tuning_job`, and the `members` that a create sets."""

    name: str = ""
    model: str = ""
    endpoint: str = ""
    project: str = ""
    location: str = "us-central1"
    state: str = "SUCCEEDED"
    step: int | None = None
    error: str | None = None
    members: Mapping[str, Any] = field(default_factory=dict)
