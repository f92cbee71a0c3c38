"""The metrics of reinforcement tuning, step by step: noisy, and the same for the same seeds.

Their names are documented, their values are our choice: not seen. Rewards are between -1 and 1 and rise, answers become
longer, and computing a reward takes about a second.
"""

import math
from dataclasses import dataclass

from mockserver.simulation.noise import gaussian, seed_of, uniform


@dataclass(frozen=True, slots=True)
class Rewards:
    """The series of one run of so many steps."""

    steps: int
    seed: int

    def mean_reward(self, step: int, *, validation: bool = False) -> float:
        """Return the mean reward at a step (the first is 1); that of the validation data is a little lower."""
        low, high = 0.1 + 0.2 * uniform(self.seed, 0), 0.6 + 0.3 * uniform(self.seed, 1)
        rise = (high - low) * (1 - math.exp(-3 * self._share(step)))
        return max(-1.0, min(1.0, low + rise - 0.04 * validation + 0.02 * self._noise(step, "reward", validation)))

    def generation_length(self, step: int, *, validation: bool = False) -> float:
        """Return the mean number of tokens of the responses, thoughts included."""
        return self.thinking_length(step, validation=validation) + 180 + 12 * self._noise(step, "text", validation)

    def thinking_length(self, step: int, *, validation: bool = False) -> float:
        """Return the mean number of tokens of the thoughts."""
        return 600 + 400 * self._share(step) + 30 * self._noise(step, "thoughts", validation)

    def latency(self, step: int, *, validation: bool = False, share: float = 1.0) -> float:
        """Return the seconds that it took to compute a reward; `share` is how many times the mean."""
        return share * (0.8 + 0.1 * self._noise(step, "latency", validation))

    def _share(self, step: int) -> float:
        return (step - 1) / max(self.steps - 1, 1)

    def _noise(self, step: int, name: str, validation: bool) -> float:  # noqa: FBT001 - private
        return gaussian(seed_of(self.seed, name, validation), step)
