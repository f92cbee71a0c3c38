"""A file of training data, whatever it is for: what it holds is seen from its name and its first example."""

import errno
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from mockserver.catalog import base_models
from mockserver.catalog.base_model import BaseModel
from mockserver.datasets.example_files import Row, Unparsable, csv_rows, json_rows, line_rows
from mockserver.datasets.files import LARGEST_FILE, LONGEST_LINE, read_lines
from mockserver.datasets.lines import ANYTHING, Kind, accepted
from mockserver.datasets.report import Report
from mockserver.gemini import dataset_check as developer
from mockserver.settings import BadOption
from mockserver.vertex import dataset_check as vertex


class Form(Enum):
    """What a file can be: JSONL for Vertex AI, or examples for the Developer API in one of three formats."""

    SUPERVISED = Kind.SUPERVISED
    PREFERENCE = Kind.PREFERENCE
    PROMPTS = Kind.PROMPTS
    LINES = "lines"
    DOCUMENT = "document"
    TABLE = "table"


_TOLD_BY = (
    (Form.LINES, ("text_input", "textInput")),
    (Form.DOCUMENT, ("tunedModel", "tuned_model", "trainingData", "training_data", "examples")),
    (Form.PREFERENCE, ("completions",)),
    (Form.PROMPTS, ("references",)),
)
"""The members that tell what an example is for."""


def check(path: Path, *, base_model: str | None = None, epochs: int | None = None) -> Report:
    """What the service would say of a file.

    Of a base model is asked what it can be tuned with; of none, whether any can. Raises OSError for a file that cannot
    be read, BadOption for a base model that is not tuned with such data.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):  # a device may never end, a pipe cannot be read twice
        raise OSError(errno.EINVAL, "not a regular file")
    name = str(path).encode(errors="replace").decode()
    with path.open("rb") as file:
        form = _form(path.suffix.lower(), file)
        file.seek(0)
        if not isinstance(form.value, Kind):
            base = _base(base_model or developer.USUAL_BASE, vertex_ai=False)
            return developer.check_examples(name, _rows(form, _whole(file)), base, epochs)
        base = _base(base_model or vertex.USUAL_BASE, vertex_ai=True)
        accepts = accepted(base.id) if base_model else ANYTHING
        return vertex.check_lines(name, read_lines(file, form.value, accepts), form.value, base, epochs)


def _whole(file: BinaryIO) -> bytes:
    raw = file.read(LARGEST_FILE + 1)
    if len(raw) > LARGEST_FILE:
        raise OSError(errno.EFBIG, f"larger than {LARGEST_FILE >> 30} GB")
    return raw


def _form(suffix: str, file: BinaryIO) -> Form:
    if suffix == ".csv":
        return Form.TABLE
    while line := file.readline(LONGEST_LINE):
        if not line.strip():
            continue
        if suffix != ".jsonl" and line.lstrip().startswith(b"["):
            return Form.DOCUMENT
        tree = _parsed(line)
        if isinstance(tree, Mapping):
            return next((form for form, members in _TOLD_BY if any(each in tree for each in members)), Form.SUPERVISED)
        if suffix == ".json":
            return Form.DOCUMENT
    return Form.SUPERVISED


def _parsed(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


def _rows(form: Form, raw: bytes) -> Iterator[Row | Unparsable]:
    if form is Form.TABLE:
        yield from csv_rows(raw)
    elif form is Form.LINES:
        yield from line_rows(raw)
    else:
        try:
            yield from json_rows(raw)
        except Unparsable as error:
            yield error


def _base(name: str, *, vertex_ai: bool) -> BaseModel:
    """The base model of that name, if the API tunes it."""
    tuned = [model for model in base_models.models(None, vertex=vertex_ai) if _tunes(model, vertex_ai=vertex_ai)]
    for model in tuned:
        if model.id == name.rpartition("/")[2]:
            return model
    api = vertex.API if vertex_ai else developer.API
    raise BadOption(f"base-model: {name!r} is not tuned with such data; {api} tunes {', '.join(m.id for m in tuned)}")


def _tunes(model: BaseModel, *, vertex_ai: bool) -> bool:
    return model.vertex_tunable if vertex_ai else model.tunable(None)
