"""Tuning data: what can be said of a dataset once it has been read.

The distributions follow the statistics of two real jobs (500 and 90 examples, five distributions):
means are exact, the other figures are numbers of the population itself, and the buckets are six equal
spans of whole numbers of which the empty ones are left out.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random

from mockserver.datasets.examples import Examples
from mockserver.datasets.lines import Example, Line, Turn
from mockserver.datasets.rules import Counts, Rules
from mockserver.simulation.tuning import Failure

BUCKETS = 6
SHOWN = 3
"""How many examples the statistics show; the first ones, which is our choice: three were seen."""
SHOWN_TEXT = 400
"""How long a text of theirs is at most: cut ones were seen as 397 characters and "..."."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many numbers lie from `left` to `right`, both included."""

    count: int
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class Distribution:
    """How the numbers of a population lie."""

    total: float
    least: float
    most: float
    mean: float
    median: float
    p5: float
    p95: float
    buckets: tuple[Bucket, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """An example as statistics show it: turns as role and text, and the answers of preference data with their scores."""

    turns: tuple[tuple[str, str], ...]
    completions: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the service says of the training data when a job has used it.

    `examples` counts all of them; those too long, by their place in `truncated` (from 1), are in no
    distribution. `scores` and `score_variance` are there for preference data only.
    """

    examples: int
    inputs: Distribution
    outputs: Distribution
    messages: Distribution
    samples: tuple[Sample, ...] = ()
    truncated: tuple[int, ...] = ()
    dropped_reasons: tuple[str, ...] = ()
    scores: Distribution | None = None
    score_variance: Distribution | None = None

    @property
    def billable_tokens(self) -> int:
        """Inputs and outputs once, whatever the epochs: 94474 + 2420 were 96894."""
        return int(self.inputs.total + self.outputs.total)

    @property
    def trained(self) -> int:
        """How many examples a run goes through in an epoch. One that must fail for want of any is on its way to one."""
        return max(self.examples - len(self.truncated), 1)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset as a run finds it: its statistics, why no run over it can succeed, and its answers by prompt."""

    statistics: Statistics
    failure: Failure | None = None
    completions: Mapping[str, str] = field(default_factory=dict)


def collect(lines: Iterable[Line], rules: Rules) -> Dataset:
    """The dataset that these lines make. By the rules, examples are dropped, and a job over the dataset fails."""
    collection = _Collection(rules)
    for line in lines:
        collection.add(line)
    failure = rules.failure(collection.counts)
    return Dataset(collection.statistics(), failure, Examples(collection.exchanges.items()))


def unreadable(failure: Failure) -> Dataset:
    """A dataset of which nothing is known but why it could not be read."""
    nothing = distribution(())
    return Dataset(Statistics(0, nothing, nothing, nothing), failure)


def distribution(population: Sequence[float]) -> Distribution:
    """The distribution of the numbers; percentiles by nearest rank. Of no numbers, zeros and no buckets."""
    ranked = sorted(population)
    if not ranked:
        return Distribution(0, 0, 0, 0, 0, 0, 0, ())
    return Distribution(
        total=sum(ranked),
        least=ranked[0],
        most=ranked[-1],
        mean=sum(ranked) / len(ranked),
        median=_ranked(ranked, 50),
        p5=_ranked(ranked, 5),
        p95=_ranked(ranked, 95),
        buckets=_buckets(ranked),
    )


@lru_cache(maxsize=64)  # a test makes many jobs of one URI, and drawing a dataset is most of what a create costs
def synthesize(uri: str, *, preference: bool = False) -> Dataset:
    """A dataset nobody can look into: always the same one for a URI.

    Google's own samples hold 500 examples, any other as many hundred as its name decides.
    """
    rng = Random(uri)
    examples = 500 if uri.startswith("gs://cloud-samples-data/") else rng.randrange(100, 501)
    inputs = [_length(rng, 400) for _ in range(examples)]
    outputs = [_length(rng, 40) for _ in range(examples)]
    statistics = Statistics(
        examples=examples,
        inputs=distribution(inputs),
        outputs=distribution(outputs),
        messages=distribution([1 if preference else 2] * examples),
        samples=tuple(_synthetic(uri, place, preference=preference) for place in range(1, SHOWN + 1)),
        scores=distribution([0.0, 1.0] * examples) if preference else None,
        score_variance=distribution([0.25] * examples) if preference else None,
    )
    return Dataset(statistics)


class _Collection:
    """What is kept of a dataset while its lines go by: numbers, the answers, and the first few texts."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._inputs: list[int] = []
        self._outputs: list[int] = []
        self._messages: list[int] = []
        self._compared = 0
        self._samples: list[Sample] = []
        self.counts = Counts()
        self.exchanges: dict[str, str] = {}

    def add(self, line: Line) -> None:
        """Count one more line."""
        self.counts.examples += 1
        if line.example is not None:
            self._add_example(line.example)
        elif self.counts.first_wrong is None:
            self.counts.first_wrong = self.counts.examples, line

    def _add_example(self, example: Example) -> None:
        if reason := self._rules.drop(example.tokens_in + example.tokens_out):
            self.counts.dropped.append((self.counts.examples, reason))
            return
        self.counts.usable += 1
        self.counts.multimodal += example.multimodal
        self._inputs.append(example.tokens_in)
        self._outputs.append(example.tokens_out)
        self._messages.append(len(example.turns))
        self._compared += bool(example.completions)
        for given, wanted in example.exchanges():
            self.exchanges.setdefault(given, wanted)
        if len(self._samples) < SHOWN:
            self._samples.append(_sample(example))

    def statistics(self) -> Statistics:
        """What there is to say of the examples so far."""
        return Statistics(
            examples=self.counts.examples,
            inputs=distribution(self._inputs),
            outputs=distribution(self._outputs),
            messages=distribution(self._messages),
            samples=tuple(self._samples),
            truncated=tuple(place for place, _ in self.counts.dropped),
            dropped_reasons=tuple(reason for _, reason in self.counts.dropped),
            # one answer of score 0 and one of score 1 each, in data nothing is wrong with
            scores=distribution([0.0, 1.0] * self._compared) if self._compared else None,
            score_variance=distribution([0.25] * self._compared) if self._compared else None,
        )


def _sample(example: Example) -> Sample:
    return Sample(
        turns=tuple((turn.role, _cut(turn)) for turn in example.turns),
        completions=tuple((score, _cut(turn)) for score, turn in example.completions),
    )


def _cut(turn: Turn) -> str:
    return turn.shown if len(turn.shown) <= SHOWN_TEXT else turn.shown[: SHOWN_TEXT - 3] + "..."


def _synthetic(uri: str, place: int, *, preference: bool) -> Sample:
    prompt, answer = f"Synthetic prompt {place} of {uri}", f"Synthetic answer {place} of {uri}"
    if preference:
        return Sample((("user", prompt),), ((1.0, answer), (0.0, f"Worse {answer[0].lower()}{answer[1:]}")))
    return Sample((("user", prompt), ("model", answer)))


def _length(rng: Random, middle: int) -> int:
    """A number of tokens: most near the middle, a few many times as long, as in the recorded jobs."""
    return max(3, round(middle * rng.lognormvariate(0, 0.6)))


def _ranked(ranked: Sequence[float], percent: int) -> float:
    return ranked[max(-(-percent * len(ranked) // 100), 1) - 1]


def _buckets(ranked: Sequence[float]) -> tuple[Bucket, ...]:
    least, most = int(ranked[0]), int(ranked[-1])
    if least == most or any(number != int(number) for number in ranked):
        return (Bucket(len(ranked), ranked[0], ranked[-1]),)
    span = most - least + 1
    edges = [-(-(BUCKETS * least + place * span) // BUCKETS) for place in range(BUCKETS + 1)]
    places = [bisect_left(ranked, edge) for edge in edges]
    counted = (
        Bucket(places[index + 1] - places[index], edges[index], edges[index + 1] - 1) for index in range(BUCKETS)
    )
    return tuple(bucket for bucket in counted if bucket.count)
