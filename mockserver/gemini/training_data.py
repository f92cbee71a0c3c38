"""The training examples of `tunedModels.create`."""

from collections.abc import Mapping
from typing import Any


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
