"""What the Developer API says of training examples: in a create request, and in a file that may become one.

The bounds are published; how the service words that they are passed was never recorded.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from mockserver.catalog import training_plan
from mockserver.catalog.base_model import BaseModel
from mockserver.datasets.estimates import estimate
from mockserver.datasets.lines import Example, Line, Turn
from mockserver.datasets.rules import Counts, Estimate, Row
from mockserver.protojson.reading import bind_tree
from mockserver.rpc.errors import ApiError, Code
from mockserver.simulation.tokens import count_tokens
from mockserver.simulation.tuning import Failure

INPUT_LENGTH = 40_000
OUTPUT_LENGTH = 5_000

FEWEST_ADVISED = 20

_TRAINING_DATA = "CreateTunedModelRequest.tuned_model.tuning_task.training_data"
_REQUEST = "google.ai.generativelanguage.v1beta.CreateTunedModelRequest"
_PLACE = re.compile(r"(?<=examples\.examples\[)\d+(?=\])")


def data_findings(examples: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Everything wrong with the examples of a request, field by field."""
    if not examples:
        # google-genai sends no training data since 1.47.0; the field is marked required. # our choice: not seen
        yield f"{_TRAINING_DATA}: training_data is not specified"
    for index, (given, output) in enumerate(examples):
        # Most are right, and 500 findings nobody finds cost more than reading the request.
        if not (0 < len(given) <= INPUT_LENGTH and 0 < len(output) <= OUTPUT_LENGTH):
            yield from example_findings(index, given, output)


def example_findings(index: int, given: str, output: str) -> Iterator[str]:
    """What is wrong with the example at this place, counted from 0."""
    place = f"{_TRAINING_DATA}.examples.examples[{index}]"
    if not given:
        yield f"{place}.text_input: text_input is not specified"  # our choice: not seen
    if not output:
        yield f"{place}.output: output is not specified"  # our choice: not seen
    if len(given) > INPUT_LENGTH:
        yield f"{place}.text_input: must have at most {INPUT_LENGTH} characters"  # our choice: not seen
    if len(output) > OUTPUT_LENGTH:
        yield f"{place}.output: must have at most {OUTPUT_LENGTH} characters"  # our choice: not seen


class GeminiRules:
    """The rules for examples of inputs and outputs."""

    api = "the Gemini Developer API"
    usual_base = "gemini-1.5-flash-001-tuning"
    kind = "training examples"

    def tunes(self, base: BaseModel) -> bool:
        """Whether the service ever tuned this base model."""
        return base.tunable(None)

    def examine(self, row: Row, place: int) -> Line | None:
        """The example of a row, bound as a request would be, or its problems. A null in a list does not count."""
        if row.problem:
            return Line(row.line, problems=(row.problem,))
        if row.tree is None:
            return None  # Google's parser skips nulls in lists
        try:
            example = _bound(row.tree)
        except ApiError as refusal:
            problems = (_PLACE.sub(str(place), finding, count=1) for finding in _findings(refusal))
            return Line(row.line, problems=tuple(problems))
        given, output = example.get("textInput", ""), example.get("output", "")
        if found := tuple(example_findings(place, given, output)):
            return Line(row.line, problems=found)
        tokens = count_tokens(given), count_tokens(output)
        turns = Turn("user", given, given, tokens[0]), Turn("model", output, output, tokens[1])
        return Line(row.line, Example(turns, *tokens))

    def sentence(self, problem: str, place: int, examples: int) -> str:  # noqa: ARG002 - it is one already
        """The problem, which says its place in the request."""
        return problem

    def drop(self, tokens: int) -> str:  # noqa: ARG002 - the limits are in characters
        """No example is dropped."""
        return ""

    def failure(self, counts: Counts) -> Failure | None:
        """The file holds nothing."""
        return None if counts.examples else Failure(int(Code.INVALID_ARGUMENT), "holds no examples.")

    def advice(self, examples: int) -> str:
        """A note on few examples."""
        if not 0 < examples < FEWEST_ADVISED:
            return ""
        return f"has {examples} of the {FEWEST_ADVISED} examples that are advised at least; 100 to 500 are recommended."

    def estimate(self, base: BaseModel, examples: int, epochs: int | None) -> Estimate:
        """With the hyperparameters the service chooses, but for epochs that are given."""
        chosen = training_plan.defaults(base, examples)
        batch = chosen.batch
        return estimate(
            base, examples, epochs or chosen.epochs, batch, lambda of, seed: training_plan.pace(of, batch, seed)
        )


def _bound(tree: Any) -> dict[str, Any]:
    """The example as a request would carry it, for the service to find in the place it speaks of."""
    data = {"examples": {"examples": [tree]}}
    request = bind_tree(_REQUEST, {"tunedModel": {"tuningTask": {"trainingData": data}}})
    examples = request["tunedModel"]["tuningTask"]["trainingData"]["examples"].get("examples", ())
    return next(iter(examples), {})


def _findings(refusal: ApiError) -> list[str]:
    found = [each["description"] for detail in refusal.details for each in detail.get("fieldViolations", ())]
    return found or [refusal.message]
