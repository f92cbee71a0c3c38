"""Adding tuned models and tuning jobs, in any state, without a request to the services."""

from typing import Any

from pydantic import BaseModel, Field

from mockserver.control.operations import Body, ControlRequest, Json, Operation, translate_errors
from mockserver.inspection.script import add_resources
from mockserver.scripting.answer_file import parse
from mockserver.scripting.new_resources import NewTunedModel, NewTuningJob


class NewTunedModels(Body):
    """Tuned models to add: the entries of `tuned_models` in an answers file."""

    tuned_models: list[Json] = Field(description="each with name, examples, state, step, error, owner, members")


class NewTuningJobs(Body):
    """Tuning jobs to add: the entries of `tuning_jobs` in an answers file."""

    tuning_jobs: list[Json] = Field(
        description="each with name, model, endpoint, project, location, state, step, error, members"
    )


class Added(BaseModel):
    """The names of what was added."""

    names: list[str]


def add_tuned_models(request: ControlRequest) -> Added:
    """Add tuned models of the Developer API."""
    return _add(request, NewTunedModel, request.body.tuned_models)


def add_tuning_jobs(request: ControlRequest) -> Added:
    """Add tuning jobs of Vertex AI, with their models and endpoints."""
    return _add(request, NewTuningJob, request.body.tuning_jobs)


def _add(request: ControlRequest, kind: type[Any], entries: list[Json]) -> Added:
    with translate_errors():
        return Added(names=add_resources(request.world, [parse(kind, entry) for entry in entries]))


OPERATIONS = (
    Operation("POST", "/tuned_models", "Add tuned models", add_tuned_models, NewTunedModels, answer=Added),
    Operation("POST", "/tuning_jobs", "Add tuning jobs", add_tuning_jobs, NewTuningJobs, answer=Added),
)
