"""Checks a file of training data by the rules of the services, without a request."""

import errno
from dataclasses import replace
from pathlib import Path

from mockserver.catalog import base_models
from mockserver.catalog.base_model import BaseModel
from mockserver.datasets.checking import check
from mockserver.datasets.file_format import detect_format, read_format
from mockserver.datasets.lines import Kind
from mockserver.datasets.report import Report
from mockserver.datasets.rules import Rules
from mockserver.gemini.dataset_rules import GeminiRules
from mockserver.settings import BadOption
from mockserver.vertex.dataset_rules import VertexRules, rules_for


def check_file(path: Path, *, base_model: str | None = None, epochs: int | None = None) -> Report:
    """Check a file by the rules of the service that uses its format.

    The report is about tuning this base model. Without one, it is about the usual base model; about the newest that
    accepts the data if the usual one does not; a note says so. Raises OSError for a file that
    cannot be read, BadOption for a base model that cannot be tuned with such data.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):  # a device may never end, a pipe cannot be read twice
        raise OSError(errno.EINVAL, "not a regular file")
    name = str(path).encode(errors="replace").decode()
    with path.open("rb") as file:
        file_format = detect_format(path.suffix.lower(), file)

        def check_for(rules: Rules, base: BaseModel) -> Report:
            file.seek(0)
            return check(name, read_format(file_format, file), rules, base, epochs)

        if not isinstance(file_format.value, Kind):
            rules = GeminiRules()
            return check_for(rules, _find_base(base_model or rules.usual_base, rules))
        kind, any_model = file_format.value, VertexRules(file_format.value)
        base = _find_base(base_model or any_model.usual_base, any_model)
        report = check_for(any_model if base_model is None else rules_for(kind, base.id), base)
        if base_model is not None or report.problems:
            return report
        refused = check_for(rules_for(kind, base.id), base)
        if not refused.problems:
            return refused
        for candidate in reversed(_tuned(any_model)):
            accepted = check_for(rules_for(kind, candidate.id), candidate)
            if not accepted.problems:
                note = f"{base.id} does not accept this data; --base-model {base.id} lists the problems"
                return replace(accepted, notes=(*accepted.notes, note))
        return replace(refused, notes=(*refused.notes, "no base model of Google's accepts this data"))


def _tuned(rules: Rules) -> list[BaseModel]:
    return [it for it in base_models.models(None, vertex=isinstance(rules, VertexRules)) if rules.tunes(it)]


def _find_base(name: str, rules: Rules) -> BaseModel:
    """Find the base model of that name. BadOption if the service does not tune it with such data."""
    tuned = _tuned(rules)
    for model in tuned:
        if model.id == name.rpartition("/")[2]:
            return model
    ids = ", ".join(model.id for model in tuned)
    raise BadOption(
        f"{name!r} is not a base model that {rules.api} tunes with this data; those are {ids}", "--base-model"
    )
