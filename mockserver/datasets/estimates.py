"""How long tuning would take, by the pace of the base models' recorded runs."""

from collections.abc import Callable

from mockserver.catalog.base_model import BaseModel
from mockserver.datasets.rules import Estimate
from mockserver.simulation.tuning import NEVER, SECOND, Pace, Run, observe

_SEED = 0  # one of the runs there could be; they differ by a few percent


def estimate(
    base: BaseModel, examples: int, epochs: int, batch: int, pace: Callable[[BaseModel, int], Pace]
) -> Estimate:
    """The steps and seconds of a run; `pace` is the service's for a base model and a seed."""
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
