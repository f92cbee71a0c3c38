"""Training examples for the Developer API: what `tunedModels.create` would say of them."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from mockserver.catalog.base_model import BaseModel
from mockserver.datasets.dataset import distribution
from mockserver.datasets.estimates import developer_estimate
from mockserver.datasets.example_files import Row, Unparsable
from mockserver.datasets.report import Problem, Report
from mockserver.gemini.examples import example_findings
from mockserver.protojson.reading import bind_tree
from mockserver.rpc.errors import ApiError
from mockserver.simulation.tokens import count_tokens

API = "the Gemini Developer API"
USUAL_BASE = "gemini-1.5-flash-001-tuning"
FEWEST_ADVISED = 20

_REQUEST = "google.ai.generativelanguage.v1beta.CreateTunedModelRequest"
_PLACE = re.compile(r"(?<=examples\.examples\[)\d+(?=\])")


def check_examples(file: str, rows: Iterable[Row | Unparsable], base: BaseModel, epochs: int | None) -> Report:
    """Look at every example. Places in the service's words count from 0, lines from 1."""
    problems: list[Problem] = []
    tokens: list[tuple[int, int]] = []
    examples = 0
    for row in rows:
        if isinstance(row, Row) and row.tree is None:
            continue  # Google's parser skips nulls in lists
        found, counts = _examined(examples, row)
        problems += (Problem(row.line, message) for message in found)
        tokens += [counts] if counts and not found else []
        examples += 1
    return Report(
        file=file,
        api=API,
        kind="training examples",
        problems=tuple(problems) if examples else (Problem(1, "holds no examples."),),
        notes=tuple(_notes(examples)),
        examples=examples,
        inputs=distribution([given for given, _ in tokens]),
        outputs=distribution([output for _, output in tokens]),
        estimate=developer_estimate(base, len(tokens), epochs) if tokens else None,
    )


def _examined(index: int, row: Row | Unparsable) -> tuple[list[str], tuple[int, int] | None]:
    """What is wrong with an example; its tokens."""
    if isinstance(row, Unparsable):
        return [row.message], None
    try:
        example = _bound(row.tree)
    except ApiError as refusal:
        return [_PLACE.sub(str(index), finding, count=1) for finding in _findings(refusal)], None
    given, output = example.get("textInput", ""), example.get("output", "")
    return list(example_findings(index, given, output)), (count_tokens(given), count_tokens(output))


def _bound(tree: Any) -> dict[str, Any]:
    """The example as a request would carry it, for the service to find in the place it speaks of."""
    data = {"examples": {"examples": [tree]}}
    request = bind_tree(_REQUEST, {"tunedModel": {"tuningTask": {"trainingData": data}}})
    examples = request["tunedModel"]["tuningTask"]["trainingData"]["examples"].get("examples", ())
    return next(iter(examples), {})


def _findings(refusal: ApiError) -> list[str]:
    found = [each["description"] for detail in refusal.details for each in detail.get("fieldViolations", ())]
    return found or [refusal.message]


def _notes(examples: int) -> Iterator[str]:
    if 0 < examples < FEWEST_ADVISED:
        yield f"has {examples} of the {FEWEST_ADVISED} examples that are advised at least; 100 to 500 are recommended."
