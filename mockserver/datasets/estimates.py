"""How long tuning would take, by the pace of the base models' recorded runs."""

from mockserver.catalog import training_plan
from mockserver.catalog.base_model import BaseModel
from mockserver.datasets.report import Estimate
from mockserver.simulation.tuning import NEVER, SECOND, Pace, Run, observe

_SEED = 0  # one of the runs there could be; they differ by a few percent


def developer_estimate(base: BaseModel, examples: int, epochs: int | None) -> Estimate:
    """Of a tuned model: with the hyperparameters the service chooses, but for epochs that are given."""
    chosen = training_plan.defaults(base, examples)
    return _estimate(
        base, examples, epochs or chosen.epochs, chosen.batch, training_plan.pace(base, chosen.batch, _SEED)
    )


def vertex_estimate(base: BaseModel, examples: int, epochs: int | None) -> Estimate:
    """Of a tuning job, likewise, from PENDING until its endpoint is there."""
    chosen = training_plan.vertex_defaults(base, examples)
    return _estimate(base, examples, epochs or chosen.epochs, chosen.batch, training_plan.vertex_pace(base, _SEED))


def _estimate(base: BaseModel, examples: int, epochs: int, batch: int, pace: Pace) -> Estimate:
    run = Run(
        created=0,
        seed=_SEED,
        base=base.id,
        examples=examples,
        epochs=epochs,
        batch=batch,
        learning_rate=1.0,
        data_seed=_SEED,
        pace=pace,
    )
    progress = observe(run, NEVER - 1)
    return Estimate(base.id, epochs, batch, run.total_steps, (progress.ended or 0) / SECOND)
