"""The training examples of `tunedModels.create`: what they are, and what is wrong with them.

The bounds are published; how the service words that they are passed was never recorded.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

INPUT_LENGTH = 40_000
OUTPUT_LENGTH = 5_000

_TRAINING_DATA = "CreateTunedModelRequest.tuned_model.tuning_task.training_data"


def training_examples(asked: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Input and output of every example of a tuned model, those of several turns by their last two."""
    data = asked.get("tuningTask", {}).get("trainingData", {}).get("examples", {})
    single = [(example.get("textInput", ""), example.get("output", "")) for example in data.get("examples", ())]
    return single + [_last_exchange(example) for example in data.get("multiturnExamples", ())]


def _last_exchange(example: Mapping[str, Any]) -> tuple[str, str]:
    """The last two turns of a multi-turn example, a message of v1alpha."""
    texts = ["".join(part.get("text", "") for part in turn.get("parts", ())) for turn in example.get("contents", ())]
    given, output = ["", "", *texts][-2:]
    return given, output


def data_findings(examples: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Everything wrong with the examples, field by field."""
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
