"""The loss of a tuning run, step by step: noisy, falling, and the same for the same seeds.

The shape was fitted to eight recorded runs of 2023-09 and 2024-03. Up to convergence it is

    start * exp(-(done / scale) ** power) * noise

with `done` the steps before this one: a slow start and a steep fall at a learning rate of 0.001, an
exponential fall at 0.02. The noise is mostly the batch's - two recorded runs over the same examples
differ by 1 to 2 percent, after an identical first step - and it widens as the loss falls. Then it falls
on slowly: in the last half of a run of 375 steps 149 of 188 losses were above 1e-4, none above 0.008; at the
end values hover around 1e-5, and a few are slightly negative (-1.1145603e-06; 2 of 375 were).

The losses of Vertex AI are other ones: see `VertexLosses`.
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
# The tail: its height, its width in scales, and below which value losses hover.
_TAIL, _TAIL_WIDTH, _HOVERING = 0.0145, 14.0, 6e-5


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
        tail = self._tail(step)
        return _float32(tail if tail > loss or loss < _HOVERING else loss)

    def _tail(self, step: int) -> float:
        """Return the loss after the steep fall."""
        tail = _TAIL * math.exp(-(((step - 1) / self.scale) ** 2) / _TAIL_WIDTH)
        if step == 1 or tail > _HOVERING:
            return 0.0 if step == 1 else tail * math.exp(0.3 * gaussian(self.run_seed, -step))
        if uniform(self.run_seed, -step) < 0.08:
            return -1e-6 * (0.2 + 1.8 * uniform(self.run_seed, step))
        return tail + 2e-6 * math.exp(gaussian(self.run_seed, -step))


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


@dataclass(frozen=True, slots=True)
class VertexLosses:
    """The losses of a run on Vertex AI, of its training and of its validation data.

    Recorded: 7.49 to 0.094 in 67 steps (500 examples, 10 epochs; at least 0.067), and 2.75 to 0.64 in 152, steep at
    first and then slowly; validation begins 10 to 16 percent higher and ends 2.3 to 3 times as high. They are never
    near 0.
    """

    start: float
    decline: float
    steps: int
    shared_seed: int
    run_seed: int

    def train(self, step: int) -> float:
        """Return the loss of the training data at a step (the first is 1), as a float32 value."""
        noise = 0.04 * gaussian(self.shared_seed, step) + (0.008 * gaussian(self.run_seed, step) if step > 1 else 0.0)
        return _float32(self._smooth(step) * math.exp(noise))

    def validation(self, step: int) -> float:
        """Return the loss of the validation data at a step, as a float32 value."""
        ratio = 1.13 + 1.2 * self._share(step) ** 1.5
        return _float32(self._smooth(step) * ratio * math.exp(0.01 * gaussian(self.run_seed, -step)))

    def _smooth(self, step: int) -> float:
        return self.start * math.exp(-self.decline * math.sqrt(self._share(step)))

    def _share(self, step: int) -> float:
        """Return how much of the run is over, from 0 at the first step to 1 at the last."""
        return (step - 1) / max(self.steps - 1, 1)


def vertex_losses(base: str, steps: int, epochs: int, learning_rate: float, data_seed: int, seed: int) -> VertexLosses:
    """Return the losses of a run on a base model.

    A run of ten epochs ends at 1/80 to 1/4 of its first loss [recorded].
    """
    shared_seed = seed_of(data_seed, base.rpartition("/")[2])
    start = 2.7 + 4.8 * uniform(shared_seed, 0)
    speed = min(max(learning_rate / _RATE, 0.1), 4.0) ** 0.3  # our choice: not seen
    decline = (1.45 + 2.9 * uniform(shared_seed, 1)) * min(epochs / 10, 1.0) ** 0.5 * speed
    return VertexLosses(
        start=start,
        decline=min(decline, math.log(start / 0.07)),
        steps=steps,
        shared_seed=shared_seed,
        run_seed=seed_of(seed, base, "own"),
    )


def _float32(value: float) -> float:
    result: float = struct.unpack("f", struct.pack("f", value))[0]
    return result
