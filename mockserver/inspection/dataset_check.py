"""Checks a file of training data by the rules of the services, without a request."""

import errno
from pathlib import Path

from mockserver.catalog import base_models
from mockserver.catalog.base_model import BaseModel
from mockserver.datasets.checking import check
from mockserver.datasets.file_format import FileFormat, detect_format, read_format
from mockserver.datasets.lines import Kind
from mockserver.datasets.report import Report
from mockserver.datasets.rules import Rules
from mockserver.gemini.dataset_rules import GeminiRules
from mockserver.settings import BadOption
from mockserver.vertex.dataset_rules import VertexRules, rules_for


def check_file(path: Path, *, base_model: str | None = None, epochs: int | None = None) -> Report:
    """Check a file by the rules of the service that uses its format.

    The report is about tuning this base model, or without one any base model. Raises OSError for a file that cannot be
    read, BadOption for a base model that cannot be tuned with such data.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):  # a device may never end, a pipe cannot be read twice
        raise OSError(errno.EINVAL, "not a regular file")
    name = str(path).encode(errors="replace").decode()
    with path.open("rb") as file:
        file_format = detect_format(path.suffix.lower(), file)
        file.seek(0)
        rules = _rules(file_format, base_model)
        base = _find_base(base_model or rules.usual_base, rules)
        return check(name, read_format(file_format, file), rules, base, epochs)


def _rules(file_format: FileFormat, base_model: str | None) -> Rules:
    if not isinstance(file_format.value, Kind):
        return GeminiRules()
    return rules_for(file_format.value, base_model) if base_model else VertexRules(file_format.value)


def _find_base(name: str, rules: Rules) -> BaseModel:
    """Find the base model of that name. BadOption if the service does not tune it with such data."""
    of_vertex = isinstance(rules, VertexRules)
    tuned = [model for model in base_models.models(None, vertex=of_vertex) if rules.tunes(model)]
    for model in tuned:
        if model.id == name.rpartition("/")[2]:
            return model
    ids = ", ".join(model.id for model in tuned)
    raise BadOption(
        f"{name!r} is not a base model that {rules.api} tunes with this data; those are {ids}", "--base-model"
    )
