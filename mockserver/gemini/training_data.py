"""The training data of a tuned model, as `tunedModels.create` takes it."""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

_PAIR = itemgetter("textInput", "output")


def read_training_data(tuned_model: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return input and output of every example; of an example of several turns, its last two."""
    data = tuned_model.get("tuningTask", {}).get("trainingData", {}).get("examples", {})
    examples = data.get("examples", ())
    try:
        single = [*map(_PAIR, examples)]
    except KeyError:  # an empty text is not in the message
        single = [(example.get("textInput", ""), example.get("output", "")) for example in examples]
    return single + [_last_turns(example) for example in data.get("multiturnExamples", ())]


def _last_turns(example: Mapping[str, Any]) -> tuple[str, str]:
    """Return the last two turns of a multi-turn example, a message of v1alpha."""
    texts = ["".join(part.get("text", "") for part in turn.get("parts", ())) for turn in example.get("contents", ())]
    text_input, output = ["", "", *texts][-2:]
    return text_input, output
