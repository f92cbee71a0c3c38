"""A dataset and its statistics.

The distributions follow the statistics of two real jobs (500 and 90 examples, five distributions): means are exact,
the other figures are numbers of the population, and the buckets are six equal ranges of whole numbers, without the
empty ones.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random

from mockserver.datasets.examples import Examples
from mockserver.datasets.lines import Example, ExampleTurn, Line
from mockserver.datasets.rules import Counts, Rules
from mockserver.simulation.tuning import Failure

BUCKETS = 6
SHOWN = 3
"""How many examples the statistics show. Three were seen; that they are the first ones is our choice."""
SHOWN_TEXT = 400
"""How long their texts are at most: truncated ones were seen as 397 characters and "..."."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """The count of numbers from `left` to `right`, both included."""

    count: int
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class Distribution:
    """The distribution of the numbers of a population."""

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
    """An example as statistics show it: turns as role and text, and the answers of preference data with scores."""

    turns: tuple[tuple[str, str], ...]
    completions: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Statistics:
    """The statistics of the training data of a job.

    `examples` counts all of them. `truncated` are the positions (from 1) of examples that are too long: no distribution
    counts them. Only preference data has `scores` and `score_variance`.
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

    def __hash__(self) -> int:
        """Return a hash of what tells datasets apart: what is made of statistics is looked up by them."""
        return hash((self.examples, self.inputs.total, self.outputs.total))

    @property
    def billable_tokens(self) -> int:
        """Return inputs and outputs once, whatever the epochs: 94474 + 2420 were 96894."""
        return int(self.inputs.total + self.outputs.total)

    @property
    def trained(self) -> int:
        """Return the number of examples of an epoch; at least 1, so that every run has steps before it fails."""
        return max(self.examples - len(self.truncated), 1)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset: its statistics, the failure of every run that uses it, if any, and its outputs by prompt.

    `refusal` is the sentence with which the service refuses a request to tune on it, "" if the form of its rows is
    right.
    """

    statistics: Statistics
    failure: Failure | None = None
    completions: Mapping[str, str] = field(default_factory=dict)
    refusal: str = ""
    multimodal: bool = False


def collect(lines: Iterable[Line], rules: Rules) -> Dataset:
    """Collect the lines of a dataset. The rules decide which examples are dropped and whether every job fails."""
    collector = _Collector(rules)
    for line in lines:
        collector.add(line)
    counts, refusal = collector.counts, ""
    if counts.first_formless is not None:
        place, line = counts.first_formless
        refusal = rules.sentence(line.form_problem, place, counts.examples)
    return Dataset(
        collector.statistics(),
        rules.failure(counts),
        Examples(collector.exchanges, collector.exchanges.values()),
        refusal,
        bool(counts.multimodal),
    )


def unreadable(failure: Failure) -> Dataset:
    """Return an empty dataset with the reason why it could not be read."""
    empty = distribution(())
    return Dataset(Statistics(0, empty, empty, empty), failure)


def distribution(population: Sequence[float]) -> Distribution:
    """Compute the distribution of the numbers, with percentiles by nearest rank; without numbers all are 0."""
    ranked = sorted(population)
    if not ranked:
        return Distribution(0, 0, 0, 0, 0, 0, 0, ())
    return Distribution(
        total=sum(ranked),
        least=ranked[0],
        most=ranked[-1],
        mean=sum(ranked) / len(ranked),
        median=_percentile(ranked, 50),
        p5=_percentile(ranked, 5),
        p95=_percentile(ranked, 95),
        buckets=_buckets(ranked),
    )


@lru_cache(maxsize=64)  # a test makes many jobs of one URI, and drawing a dataset is most of what a create costs
def synthesize(uri: str, *, preference: bool = False) -> Dataset:
    """Make up a dataset for a URI that cannot be read; it is always the same for the URI.

    Google's own samples have 500 examples, others between 100 and 500.
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
        samples=tuple(_synthetic(uri, number, preference=preference) for number in range(1, SHOWN + 1)),
        scores=distribution([0.0, 1.0] * examples) if preference else None,
        score_variance=distribution([0.25] * examples) if preference else None,
    )
    return Dataset(statistics)


class _Collector:
    """Collects counts, outputs and the first few texts of a dataset, a line at a time."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._inputs: list[int] = []
        self._outputs: list[int] = []
        self._messages: list[int] = []
        self._preferences = 0
        self._samples: list[Sample] = []
        self.counts = Counts()
        self.exchanges: dict[str, str] = {}

    def add(self, line: Line) -> None:
        """Count one more line."""
        self.counts.examples += 1
        if line.example is not None:
            self._add_example(line.example)
            return
        if self.counts.first_wrong is None:
            self.counts.first_wrong = self.counts.examples, line
        if self.counts.first_formless is None and line.form_problem:
            self.counts.first_formless = self.counts.examples, line

    def _add_example(self, example: Example) -> None:
        if reason := self._rules.drop(example.tokens_in + example.tokens_out):
            self.counts.dropped.append((self.counts.examples, reason))
            return
        self.counts.usable += 1
        self.counts.multimodal += example.multimodal
        self._inputs.append(example.tokens_in)
        self._outputs.append(example.tokens_out)
        self._messages.append(len(example.turns))
        self._preferences += bool(example.completions)
        for prompt, output in example.exchanges():
            self.exchanges.setdefault(prompt, output)
        if len(self._samples) < SHOWN:
            self._samples.append(_sample(example))

    def statistics(self) -> Statistics:
        """Return the statistics of the lines so far."""
        return Statistics(
            examples=self.counts.examples,
            inputs=distribution(self._inputs),
            outputs=distribution(self._outputs),
            messages=distribution(self._messages),
            samples=tuple(self._samples),
            truncated=tuple(place for place, _ in self.counts.dropped),
            dropped_reasons=tuple(reason for _, reason in self.counts.dropped),
            # valid examples have one completion of score 0 and one of score 1
            scores=distribution([0.0, 1.0] * self._preferences) if self._preferences else None,
            score_variance=distribution([0.25] * self._preferences) if self._preferences else None,
        )


def _sample(example: Example) -> Sample:
    return Sample(
        turns=tuple((turn.role, _shorten(turn)) for turn in example.turns),
        completions=tuple((score, _shorten(turn)) for score, turn in example.completions),
    )


def _shorten(turn: ExampleTurn) -> str:
    return turn.preview if len(turn.preview) <= SHOWN_TEXT else turn.preview[: SHOWN_TEXT - 3] + "..."


def _synthetic(uri: str, number: int, *, preference: bool) -> Sample:
    prompt, answer = f"Synthetic prompt {number} of {uri}", f"Synthetic answer {number} of {uri}"
    if preference:
        return Sample((("user", prompt),), ((1.0, answer), (0.0, f"Worse {answer[0].lower()}{answer[1:]}")))
    return Sample((("user", prompt), ("model", answer)))


def _length(rng: Random, middle: int) -> int:
    """Draw a number of tokens: most are near the middle, a few many times as large, as in the recorded jobs."""
    return max(3, round(middle * rng.lognormvariate(0, 0.6)))


def _percentile(ranked: Sequence[float], percent: int) -> float:
    return ranked[max(-(-percent * len(ranked) // 100), 1) - 1]


def _buckets(ranked: Sequence[float]) -> tuple[Bucket, ...]:
    least, most = int(ranked[0]), int(ranked[-1])
    if least == most or any(number != int(number) for number in ranked):
        return (Bucket(len(ranked), ranked[0], ranked[-1]),)
    span = most - least + 1
    edges = [-(-(BUCKETS * least + index * span) // BUCKETS) for index in range(BUCKETS + 1)]
    starts = [bisect_left(ranked, edge) for edge in edges]
    buckets = (
        Bucket(starts[index + 1] - starts[index], edges[index], edges[index + 1] - 1) for index in range(BUCKETS)
    )
    return tuple(bucket for bucket in buckets if bucket.count)
