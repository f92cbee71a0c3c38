"""The rules of Vertex AI for training data in JSONL: for a line, and for a whole dataset."""

from mockserver.catalog import training_plan
from mockserver.catalog.base_model import BaseModel
from mockserver.datasets.estimates import estimate
from mockserver.datasets.lines import MISSING_FIELD, Kind, Line, unusable
from mockserver.datasets.rules import Counts, Estimate, Row
from mockserver.rpc.errors import Code
from mockserver.simulation.tuning import Failure
from mockserver.vertex.dataset_lines import ANYTHING, AcceptedData, accepted_data, examine_line

# Published limits.
MOST_TOKENS = 131_072
MOST_EXAMPLES = 10_000_000
MOST_MULTIMODAL_EXAMPLES = 300_000
MOST_VALIDATION_EXAMPLES = 5_000
FREE_VALIDATION_EXAMPLES = 1_000
"""Above this number, there may be as many as 30 % of the training examples."""

FEWEST_ADVISED = 100


class VertexRules:
    """The rules for one kind of data, with what a base model accepts in it."""

    api = "Vertex AI"
    usual_base = "gemini-2.5-flash"

    def __init__(self, data: Kind, accepts: AcceptedData = ANYTHING) -> None:
        self.kind = f"{data.value} tuning data"
        self._data = data
        self._accepts = accepts

    def tunes(self, base: BaseModel) -> bool:
        """Return whether the service tunes this base model."""
        return base.vertex_tunable

    def examine(self, row: Row, place: int) -> Line:  # noqa: ARG002 - a line's own sentences do not say its place
        """Return the example of a line, or its problems."""
        if row.problem:
            return unusable(row.line, row.text, row.problem)
        return examine_line(row.line, row.tree, row.text, self._data, self._accepts)

    def sentence(self, problem: str, place: int, examples: int) -> str:
        """Return the sentence about a problem, in the form that was seen: of a missing field it counts rows from 0."""
        if problem.startswith(MISSING_FIELD):
            return f"Row: {place - 1}. {problem}"
        return f"Dataset example {place} of {examples} {problem}"

    def drop(self, tokens: int) -> str:
        """Return the reason for which an example of so many tokens is dropped; "" if it is not."""
        if tokens <= MOST_TOKENS:
            return ""
        return f"The example has {tokens} tokens. The maximum is {MOST_TOKENS}."  # our choice: not seen

    def failure(self, counts: Counts) -> Failure | None:
        """Return the failure of every run over the data.

        The form of the first sentence was seen, the others are our choice.
        """
        if counts.first_wrong is not None:
            place, line = counts.first_wrong
            return _invalid(f"{self.sentence(line.problems[0], place, counts.examples)} JSON: {line.json}")
        if not counts.examples:
            return _invalid("The dataset contains no examples.")
        if not counts.usable:
            return _invalid(f"All examples of the dataset were dropped. {counts.dropped[0][1]}")
        if counts.examples > MOST_EXAMPLES:
            return _invalid(f"The dataset has {counts.examples} examples. The maximum is {MOST_EXAMPLES}.")
        if counts.multimodal and counts.examples > MOST_MULTIMODAL_EXAMPLES:
            return _invalid(
                f"The dataset has {counts.examples} multimodal examples. The maximum is {MOST_MULTIMODAL_EXAMPLES}."
            )
        return None

    def advice(self, examples: int) -> str:
        """Return a note on few examples."""
        return (
            f"has {examples} of the {FEWEST_ADVISED} examples that are advised at least."
            if 0 < examples < FEWEST_ADVISED
            else ""
        )

    def estimate(self, base: BaseModel, examples: int, epochs: int | None) -> Estimate:
        """Return the estimate from PENDING until the endpoint exists."""
        plan = training_plan.vertex_defaults(base, examples)
        return estimate(base, examples, epochs or plan.epochs, plan.batch, training_plan.vertex_pace)


def rules_for(data: Kind, base_model: str) -> VertexRules:
    """Return the rules for the data of a job with this base model."""
    return VertexRules(data, accepted_data(base_model.rpartition("/")[2]))


def missing_dataset(uri: str) -> Failure:
    """Return the failure of a job whose dataset does not exist."""
    # our choice: not seen
    return Failure(
        int(Code.NOT_FOUND), f"The dataset {uri} does not exist, or the service agent is not allowed to read it."
    )


def oversized_validation(validation: int, training: int) -> Failure | None:
    """Return the failure of a job with too many validation examples: documented limits, words of our choice."""
    share = training * 3 // 10
    most = min(MOST_VALIDATION_EXAMPLES, share) if validation > FREE_VALIDATION_EXAMPLES else MOST_VALIDATION_EXAMPLES
    if validation <= most:
        return None
    return _invalid(f"The validation dataset has {validation} examples. The maximum for this job is {most}.")


def _invalid(message: str) -> Failure:
    return Failure(int(Code.INVALID_ARGUMENT), message)
