"""The resources of a tuned model and its operation at a moment.

The model's own snapshots are those of this moment; the operation's metadata is refreshed about once a minute.
"""

from functools import lru_cache
from typing import Any

from mockserver.dispatch.routing import Call
from mockserver.gemini.store import STATES, TunedModel
from mockserver.gemini.versions import type_url
from mockserver.protojson.memoized import MemoizedList, Views
from mockserver.rpc.errors import Code
from mockserver.rpc.outages import INTERNAL_DEVELOPER
from mockserver.simulation.tuning import Failure, Progress, Run, State, observe_refreshed, snapshots
from mockserver.state.clock import Nanos

Json = dict[str, Any]

CANCELLED = Failure(int(Code.CANCELLED), "The operation was cancelled.")  # seen as an error; here our choice
UNEXPLAINED = Failure(int(Code.INTERNAL), INTERNAL_DEVELOPER)  # seen as an error; here our choice

CACHED_STEPS = 1000
"""Snapshots of runs up to so many steps are cached: a step takes half a kilobyte."""


_RESOURCES = Views()
_OPERATIONS = Views()


def poll_tuned_model(model: TunedModel, now: Nanos) -> Json:
    """Return the resource for a client that gets it again and again."""
    progress = model.progress(now)
    return _RESOURCES.show(model, progress, lambda: _show_tuned_model(model, progress))


def poll_operation(model: TunedModel, call: Call) -> Json:
    """Return the operation for a client that gets it again and again."""
    progress = _operation_progress(model, call)
    return _OPERATIONS.show(model, progress, lambda: _show_operation(model, progress))


def show_tuned_model(model: TunedModel, now: Nanos) -> Json:
    """Return the resource. Training data is input only: no answer has it."""
    return _show_tuned_model(model, model.progress(now))


def _show_tuned_model(model: TunedModel, progress: Progress) -> Json:
    return {
        "name": model.name,
        **_source(model),
        "displayName": model.display_name,
        "description": model.description,
        "state": STATES[progress.state],
        "createTime": model.run.created,
        "updateTime": progress.updated,
        "tuningTask": _tuning_task(model, progress),
        **_sampling(model),
        "readerProjectNumbers": list(model.reader_projects),
    }


def show_operation(model: TunedModel, call: Call) -> Json:
    """Return the operation that makes the model. `done` is absent until it is true [seen]."""
    return _show_operation(model, _operation_progress(model, call))


def _operation_progress(model: TunedModel, call: Call) -> Progress:
    return observe_refreshed(model.run, call.now, call.settings.metadata_refresh_seconds)


def _show_operation(model: TunedModel, progress: Progress) -> Json:
    metadata = {
        "@type": type_url(model.version, "CreateTunedModelMetadata"),
        "totalSteps": progress.total_steps,
        "completedSteps": progress.completed_steps,
        "completedPercent": 100 * progress.completed_steps / progress.total_steps,
        "snapshots": _snapshots(model.run, progress),
        "tunedModel": model.name,
    }
    running: Json = {"name": model.operation, "metadata": metadata}
    return running | {"done": True} | _result(model, progress) if progress.state.terminal else running


def _result(model: TunedModel, progress: Progress) -> Json:
    if progress.state is State.SUCCEEDED:
        response = {"@type": type_url(model.version, "TunedModel"), **_show_tuned_model(model, progress)}
        return {"response": response}
    failure = CANCELLED if progress.state is State.CANCELLED else progress.failure or UNEXPLAINED
    return {"error": {"code": failure.code, "message": failure.message}}


def _source(model: TunedModel) -> Json:
    """Return the member of the oneof: that of a model tuned from a tuned one has the base model too [seen: 2023-09]."""
    if model.source:
        return {"tunedModelSource": {"tunedModel": model.source, "baseModel": model.base_model}}
    return {"baseModel": model.base_model}


def _tuning_task(model: TunedModel, progress: Progress) -> Json:
    times: Json = {}
    if progress.started is not None:
        times["startTime"] = progress.started
    if progress.state is State.SUCCEEDED:  # nothing is known of the other ends; only this one is a completion
        times["completeTime"] = progress.ended
    return {
        **times,
        "snapshots": _snapshots(model.run, progress),
        "hyperparameters": _hyperparameters(model),
    }


def _hyperparameters(model: TunedModel) -> Json:
    """Return the hyperparameters in effect, as in every recorded resource. A multiplier is echoed."""
    # That a multiplier is echoed is our choice: not seen.
    run = model.run
    multiplier = model.learning_rate_multiplier
    rate = {"learningRate": run.learning_rate} if multiplier is None else {"learningRateMultiplier": multiplier}
    return {"epochCount": run.epochs, "batchSize": run.batch, **rate}


def _snapshots(run: Run, progress: Progress) -> list[Json]:
    if not progress.completed_steps:
        return []
    is_cached = progress.completed_steps <= CACHED_STEPS
    return _cached_snapshots(run, progress) if is_cached else _new_snapshots(run, progress)


def _new_snapshots(run: Run, progress: Progress) -> MemoizedList:
    return MemoizedList(
        {"step": each.step, "epoch": each.epoch, "meanLoss": each.mean_loss, "computeTime": each.computed}
        for each in snapshots(run, progress)
    )


_cached_snapshots = lru_cache(maxsize=64)(_new_snapshots)


def _sampling(model: TunedModel) -> Json:
    sampling = {"temperature": model.temperature, "topP": model.top_p, "topK": model.top_k}
    return {name: value for name, value in sampling.items() if value is not None}
