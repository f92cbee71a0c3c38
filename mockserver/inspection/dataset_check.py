"""What the services would say of a file of training data, without a request."""

import errno
from pathlib import Path

from mockserver.catalog import base_models
from mockserver.catalog.base_model import BaseModel
from mockserver.datasets.checking import check
from mockserver.datasets.forms import Form, find_form, read_form
from mockserver.datasets.lines import Kind
from mockserver.datasets.report import Report
from mockserver.datasets.rules import Rules
from mockserver.gemini.dataset_rules import GeminiRules
from mockserver.settings import BadOption
from mockserver.vertex.dataset_rules import VertexRules, rules_for


def check_file(path: Path, *, base_model: str | None = None, epochs: int | None = None) -> Report:
    """The report on a file, by the rules of the service that its form is for.

    With a base model, the report says what that can be tuned with; without, whether any can. Raises OSError for a file
    that cannot be read, BadOption for a base model that is not tuned with such data.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):  # a device may never end, a pipe cannot be read twice
        raise OSError(errno.EINVAL, "not a regular file")
    name = str(path).encode(errors="replace").decode()
    with path.open("rb") as file:
        form = find_form(path.suffix.lower(), file)
        file.seek(0)
        rules = _rules(form, base_model)
        return check(name, read_form(form, file), rules, _base(base_model or rules.usual_base, rules), epochs)


def _rules(form: Form, base_model: str | None) -> Rules:
    if not isinstance(form.value, Kind):
        return GeminiRules()
    return rules_for(form.value, base_model) if base_model else VertexRules(form.value)


def _base(name: str, rules: Rules) -> BaseModel:
    """The base model of that name, if the service tunes it."""
    of_vertex = isinstance(rules, VertexRules)
    tuned = [model for model in base_models.models(None, vertex=of_vertex) if rules.tunes(model)]
    for model in tuned:
        if model.id == name.rpartition("/")[2]:
            return model
    known = ", ".join(model.id for model in tuned)
    raise BadOption(f"{name!r} is not tuned with such data; {rules.api} tunes {known}", "--base-model")
