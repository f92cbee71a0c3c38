"""The default hyperparameters of each service for a base model, and the pace of a run."""

from dataclasses import dataclass

from mockserver.catalog.base_model import BaseModel, Shape, VertexTuning
from mockserver.simulation.noise import seed_of, uniform
from mockserver.simulation.tuning import Pace


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """The default hyperparameters of the Developer API."""

    epochs: int
    batch: int
    learning_rate: float


@dataclass(frozen=True, slots=True)
class VertexHyperparameters:
    """The default hyperparameters of Vertex AI. Callers cannot choose the batch size there."""

    epochs: int
    batch: int
    learning_rate_multiplier: float
    adapter_size: int


def defaults(base: BaseModel, examples: int) -> Hyperparameters:
    """Return the default hyperparameters of the Developer API.

    The published rule is "based on the number of training examples" without the number; 1000 is our
    choice: not seen. PaLM had other values (comments of the proto until 2024-03).
    """
    many = examples >= 1000
    if base.shape is Shape.PALM:
        return Hyperparameters(10, 64, 0.0002) if many else Hyperparameters(10, 16, 0.002)
    return Hyperparameters(5, 16, 0.0002) if many else Hyperparameters(5, 4, 0.001)


def vertex_defaults(base: BaseModel, examples: int) -> VertexHyperparameters:
    """Return the default hyperparameters of Vertex AI. ValueError for a model that it never tuned.

    Finished jobs had 10 epochs with 500 examples and 40 with 90; the border is our choice: not seen.
    """
    tuning = _vertex_tuning(base)
    epochs = 10 if examples >= 100 else 40
    batch = max(1, min(tuning.largest_batch, examples // 5))
    return VertexHyperparameters(epochs, batch, tuning.learning_rate_multiplier, tuning.adapter_size)


def pace(base: BaseModel, batch: int, seed: int) -> Pace:
    """Return the pace of a run on the Developer API, within the bounds of the recorded runs.

    Start 0.08-1.1 s after creation, first snapshot 1.8-5.1 s after that, end 0.08-0.47 s after the
    last; text-bison took 1.17-1.48 s a step at batch size 4 and 2.64 s at 16, 1.5 Flash 2.34 s at 4.
    """
    pace_seed = seed_of(seed, base.id, "pace")
    step = base.step_seconds * (0.68 + 0.08 * batch) * _between(0.94, 1.06, pace_seed, 0)
    return Pace(
        start_seconds=_between(0.08, 1.1, pace_seed, 1),
        first_step_seconds=_between(1.8, 4.4, pace_seed, 2),
        step_seconds=step,
        finish_seconds=_between(0.08, 0.47, pace_seed, 3),
    )


def vertex_pace(base: BaseModel, seed: int) -> Pace:
    """Return the pace of a job on Vertex AI, within the bounds of the recorded jobs.

    It runs 37-72 ms after creation; its update time moves then, at +1.07 s and at +31 s. Reading the
    data and deploying the model take about 7 minutes together. A cancelled job ended 0.9-3.7 s
    after the call, or, cancelled at once, as often 60.5 s after its start.
    """
    pace_seed = seed_of(seed, base.id, "vertex pace")
    return Pace(
        start_seconds=_between(0.037, 0.072, pace_seed, 1),
        first_step_seconds=_between(235.0, 265.0, pace_seed, 2),
        step_seconds=_vertex_tuning(base).step_seconds * _between(0.98, 1.02, pace_seed, 0),
        finish_seconds=_between(150.0, 180.0, pace_seed, 3),
        cancel_seconds=_between(0.9, 3.7, pace_seed, 4),
        early_cancel_seconds=_between(60.43, 60.51, pace_seed, 5) if uniform(pace_seed, 6) < 0.5 else 0.0,
        touches=(0.0, 1.07, 31.0),
        grain=1000,
    )


def _vertex_tuning(base: BaseModel) -> VertexTuning:
    if base.vertex is None:
        raise ValueError(f"{base.id} cannot be tuned on Vertex AI")
    return base.vertex


def _between(least: float, most: float, seed: int, index: int) -> float:
    return least + (most - least) * uniform(seed, index)
