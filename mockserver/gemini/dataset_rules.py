"""The rules of the Developer API for training examples, in a create request or in a file that may become one.

The limits are published; the sentences of the service about them were never recorded.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from mockserver.catalog import training_plan
from mockserver.catalog.base_model import BaseModel
from mockserver.datasets.estimates import estimate
from mockserver.datasets.lines import Example, ExampleTurn, Line
from mockserver.datasets.rules import Counts, Estimate, Row
from mockserver.gemini.versions import message_name
from mockserver.protojson.reading import bind_tree
from mockserver.rpc.errors import ApiError, Code
from mockserver.simulation.tokens import count_tokens
from mockserver.simulation.tuning import Failure

INPUT_LENGTH = 40_000
OUTPUT_LENGTH = 5_000

FEWEST_ADVISED = 20

_TRAINING_DATA = "CreateTunedModelRequest.tuned_model.tuning_task.training_data"
_REQUEST = message_name("v1beta", "CreateTunedModelRequest")
_INDEX = re.compile(r"(?<=examples\.examples\[)\d+(?=\])")


def data_violations(inputs: Sequence[str], outputs: Sequence[str]) -> Iterator[str]:
    """Yield every violation of the examples of a request, field by field."""
    if not inputs:
        # google-genai sends no training data since 1.47.0; the field is marked required. # our choice: not seen
        yield f"{_TRAINING_DATA}: training_data is not specified"
        return
    # Most are right, and looking for violations in each of 500 would cost more than reading the request.
    for texts, longest in ((inputs, INPUT_LENGTH), (outputs, OUTPUT_LENGTH)):
        if "" in texts or max(map(len, texts)) > longest:
            break
    else:
        return
    for index, (text_input, output) in enumerate(zip(inputs, outputs, strict=True)):
        yield from example_violations(index, text_input, output)


def example_violations(index: int, text_input: str, output: str) -> Iterator[str]:
    """Yield every violation of the example at this index."""
    path = f"{_TRAINING_DATA}.examples.examples[{index}]"
    if not text_input:
        yield f"{path}.text_input: text_input is not specified"  # our choice: not seen
    if not output:
        yield f"{path}.output: output is not specified"  # our choice: not seen
    if len(text_input) > INPUT_LENGTH:
        yield f"{path}.text_input: must have at most {INPUT_LENGTH} characters"  # our choice: not seen
    if len(output) > OUTPUT_LENGTH:
        yield f"{path}.output: must have at most {OUTPUT_LENGTH} characters"  # our choice: not seen


class GeminiRules:
    """The rules for examples of inputs and outputs."""

    api = "the Gemini Developer API"
    usual_base = "gemini-1.5-flash-001-tuning"
    kind = "training examples"

    def tunes(self, base: BaseModel) -> bool:
        """Return whether the service ever tuned this base model."""
        return base.tunable(None)

    def examine(self, row: Row, place: int) -> Line | None:
        """Return the example of a row, bound as in a request, or its problems; None for a null in a list."""
        if row.problem:
            return Line(row.line, problems=(row.problem,))
        if row.tree is None:
            return None  # Google's parser skips nulls in lists
        try:
            example = _bind_example(row.tree)
        except ApiError as error:
            problems = tuple(_INDEX.sub(str(place), violation, count=1) for violation in _violations_of(error))
            return Line(row.line, problems=problems)
        text_input, output = example.get("textInput", ""), example.get("output", "")
        if problems := tuple(example_violations(place, text_input, output)):
            return Line(row.line, problems=problems)
        tokens = count_tokens(text_input), count_tokens(output)
        turns = ExampleTurn("user", text_input, text_input, tokens[0]), ExampleTurn("model", output, output, tokens[1])
        return Line(row.line, Example(turns, *tokens))

    def sentence(self, problem: str, place: int, examples: int) -> str:  # noqa: ARG002 - it is one already
        """Return the problem as it is: it says its place in the request."""
        return problem

    def drop(self, tokens: int) -> str:  # noqa: ARG002 - the limits are in characters
        """No example is dropped."""
        return ""

    def failure(self, counts: Counts) -> Failure | None:
        """Return the failure of a file without examples."""
        return None if counts.examples else Failure(int(Code.INVALID_ARGUMENT), "holds no examples.")

    def advice(self, examples: int) -> str:
        """Return a note on few examples."""
        if not 0 < examples < FEWEST_ADVISED:
            return ""
        return f"has {examples} of the {FEWEST_ADVISED} examples that are advised at least; 100 to 500 are recommended."

    def estimate(self, base: BaseModel, examples: int, epochs: int | None) -> Estimate:
        """Return the estimate with the hyperparameters that the service chooses, but for the given epochs."""
        plan = training_plan.defaults(base, examples)
        batch = plan.batch
        return estimate(
            base, examples, epochs or plan.epochs, batch, lambda of, seed: training_plan.pace(of, batch, seed)
        )


def _bind_example(tree: Any) -> dict[str, Any]:
    """Bind an example inside a create request, so that errors name its path there."""
    data = {"examples": {"examples": [tree]}}
    request = bind_tree(_REQUEST, {"tunedModel": {"tuningTask": {"trainingData": data}}})
    examples = request["tunedModel"]["tuningTask"]["trainingData"]["examples"].get("examples", ())
    return next(iter(examples), {})


def _violations_of(error: ApiError) -> list[str]:
    violations = [each["description"] for detail in error.details for each in detail.get("fieldViolations", ())]
    return violations or [error.message]
