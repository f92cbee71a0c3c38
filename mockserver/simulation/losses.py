"""The loss of a tuning run, step by step: noisy, falling, and the same for the same seeds.

The shape was fitted to eight recorded runs of 2023-09 and 2024-03. Up to convergence it is

    start * exp(-(done / scale) ** power) * noise

with `done` the steps before this one: a slow start and a steep fall at a learning rate of 0.001, an
exponential fall at 0.02. The noise is mostly the batch's - two recorded runs over the same examples
differ by 1 to 2 percent, after an identical first step - and it widens as the loss falls. At the
end values hover around 1e-5, and a few are slightly negative (-1.1145603e-06 was recorded).
"""

import math
import struct
from dataclasses import dataclass

from mockserver.simulation.noise import gaussian, seed_of, uniform

_RATE = 0.001  # the learning rate of the runs that gave the scales below
_FASTEST = 20.0  # at this multiple of that rate the fall is exponential
_STARTS = {"text": 6.9, "gemini-1.0": 5.2}  # loss of the first steps, by family
_SCALES = {"text": 40.0, "gemini-1.0": 16.5}  # steps until the loss has fallen to 1/e, by family
_START, _SCALE = 4.4, 18.0  # our choice: not seen (1.5 and later)
_FLOOR = 3e-6


@dataclass(frozen=True, slots=True)
class Losses:
    """The series of one run. Two runs over the same data have the same `shared_seed`, and so the same step 1."""

    start: float
    scale: float
    power: float
    spread: float
    shared_seed: int
    run_seed: int

    def at(self, step: int) -> float:
        """Return the mean loss of a step (the first is 1), as a float32 value."""
        decline = ((step - 1) / self.scale) ** self.power
        spread = self.spread + 0.12 * min(decline, 6.0)
        noise = spread * gaussian(self.shared_seed, step)
        if step > 1:
            noise += 0.008 * gaussian(self.run_seed, step)
        loss = self.start * math.exp(noise - decline)
        if decline > 6.0:
            loss += _FLOOR * (math.exp(1.5 * gaussian(self.run_seed, -step)) - 0.7)
        return _float32(loss)


def losses(base: str, batch: int, learning_rate: float, data_seed: int, seed: int) -> Losses:
    """Return the series of a run on a base model, by its id (`text-bison-001`, with or without `models/`)."""
    model = base.rpartition("/")[2]
    family = "text" if model.startswith("text") else model[:10]
    speed = max(learning_rate, 1e-9) / _RATE
    shared_seed = seed_of(data_seed, model, batch)
    return Losses(
        start=_STARTS.get(family, _START) * (0.85 + 0.3 * uniform(shared_seed, 0)),
        scale=_SCALES.get(family, _SCALE) * speed**-0.93,
        power=min(2.0, max(1.0, 2.0 - math.log(speed) / math.log(_FASTEST))),
        spread=0.36 / math.sqrt(max(batch, 1)),
        shared_seed=shared_seed,
        run_seed=seed_of(seed, model, "own"),
    )


def _float32(value: float) -> float:
    narrowed: float = struct.unpack("f", struct.pack("f", value))[0]
    return narrowed
