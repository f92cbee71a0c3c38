"""Estimates how long tuning takes, by the pace of recorded runs of the base model."""

from collections.abc import Callable

from mockserver.catalog.base_model import BaseModel
from mockserver.datasets.rules import Estimate
from mockserver.simulation.tuning import NEVER, SECOND, Pace, Run, observe

_SEED = 0  # any seed: runs differ by a few percent


def estimate(
    base: BaseModel, examples: int, epochs: int, batch: int, pace: Callable[[BaseModel, int], Pace]
) -> Estimate:
    """Estimate the steps and seconds of a run. `pace` returns the service's pace for a base model and a seed."""
    run = Run(
        created=0,
        seed=_SEED,
        base=base.id,
        examples=examples,
        epochs=epochs,
        batch=batch,
        learning_rate=1.0,
        data_seed=_SEED,
        pace=pace(base, _SEED),
    )
    progress = observe(run, NEVER - 1)
    return Estimate(base.id, epochs, batch, run.total_steps, (progress.ended or 0) / SECOND)
