"""The training data of a tuned model, as `tunedModels.create` takes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mockserver.protojson.text_rows import TextRows


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The inputs of the examples and their outputs, in the order of the examples."""

    inputs: Sequence[str]
    outputs: Sequence[str]

    def __len__(self) -> int:
        return len(self.inputs)


def read_training_data(tuned_model: Mapping[str, Any]) -> TrainingData:
    """Return input and output of every example; of an example of several turns, its last two."""
    data = tuned_model.get("tuningTask", {}).get("trainingData", {}).get("examples", {})
    examples, turns = data.get("examples", ()), [*map(_last_turns, data.get("multiturnExamples", ()))]
    inputs, outputs = _column(examples, "textInput"), _column(examples, "output")
    if turns:
        inputs = inputs + [text for text, _ in turns]
        outputs = outputs + [text for _, text in turns]
    return TrainingData(inputs, outputs)


def _column(examples: Sequence[Mapping[str, str]], member: str) -> list[str]:
    if isinstance(examples, TextRows) and member in examples.columns:
        return examples.columns[member]
    return [example.get(member, "") for example in examples]  # an empty text is not in the message


def _last_turns(example: Mapping[str, Any]) -> tuple[str, str]:
    """Return the last two turns of a multi-turn example, a message of v1alpha."""
    texts = ["".join(part.get("text", "") for part in turn.get("parts", ())) for turn in example.get("contents", ())]
    text_input, output = ["", "", *texts][-2:]
    return text_input, output
