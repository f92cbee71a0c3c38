"""Recorded messages, converted to natural values and written again, are the recorded bytes."""

import json
from base64 import b64decode
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from mockserver.protojson import schema
from mockserver.protojson.layout import dumps
from mockserver.protojson.schema import Field, FieldType
from mockserver.protojson.writing import PRETTY, Style, event_writer, to_json, write

GL = "google.ai.generativelanguage.v1beta"
ANSWER = f"{GL}.GenerateContentResponse"
# Of v1: the published v1beta1 has no trafficType, which the real v1beta1 answers.
VERTEX_ANSWER = "google.cloud.aiplatform.v1.GenerateContentResponse"
OPERATION = "google.longrunning.Operation"

# Types of Google's own, of which there is no published descriptor.
UNPUBLISHED = {"type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch"}


def natural(message: str, tree: dict[str, Any]) -> dict[str, Any]:
    """Convert a message's JSON tree to natural values, the inverse of writing."""
    fields = schema.message(message).by_name
    return {name: natural_field(fields[name], value) for name, value in tree.items()}


def natural_field(field: Field, value: Any) -> Any:
    """A member's value, which may be a map or a list."""
    if field.map:
        item = schema.message(field.type_name).by_name["value"]
        return {key: natural_one(item, one) for key, one in value.items()}
    return [natural_one(field, one) for one in value] if field.repeated else natural_one(field, value)


def natural_one(field: Field, value: Any) -> Any:
    """One value of a field."""
    match field.kind, field.type_name:
        case FieldType.INT64, _:
            return int(value)
        case FieldType.BYTES, _:
            return b64decode(value)
        case FieldType.MESSAGE, "google.protobuf.Timestamp":
            seconds, _, fraction = value.removesuffix("Z").partition(".")
            return int(datetime.fromisoformat(f"{seconds}+00:00").timestamp()) * 10**9 + int(fraction.ljust(9, "0"))
        case FieldType.MESSAGE, "google.protobuf.Struct":
            return value
        case FieldType.MESSAGE, "google.protobuf.Any":
            url = value.pop("@type")
            return {"@type": url, **natural(url.rpartition("/")[2], value)}
        case FieldType.MESSAGE, name:
            return natural(name, value)
        case _:
            return value


def bodies(transcripts: Path) -> Iterator[tuple[str, str]]:
    """Message and text of every body whose bytes were kept."""
    for path in sorted(transcripts.glob("gemini-*unary*.json")):
        yield ANSWER, path.read_text()
    for row in json.loads((transcripts / "wire-lro.json").read_text()).values():
        if not any(url in row["body"] for url in UNPUBLISHED):
            yield OPERATION, row["body"]
    for row in json.loads((transcripts / "wire-bytecounts.json").read_text()):
        if "body" in row:
            yield OPERATION if row["id"].startswith("create") else f"{GL}.TunedModel", row["body"]


def streams(transcripts: Path) -> Iterator[tuple[str, str]]:
    """Message and text of every stream whose bytes were kept."""
    for path in sorted(transcripts.glob("gemini-*.raw.txt")):
        yield ANSWER, path.read_text()
    for row in json.loads((transcripts / "wire-streaming.json").read_text()):
        if row.get("exact_bytes"):
            yield VERTEX_ANSWER if "vertex" in row["id"] else ANSWER, row["body"]


def jobs(tree: Any) -> Iterator[dict[str, Any]]:
    """Every tuning job in a tree."""
    if isinstance(tree, dict):
        if "/tuningJobs/" in str(tree.get("name", "")):
            yield tree
        else:
            for value in tree.values():
                yield from jobs(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from jobs(value)


def test_recorded_bodies_are_written_again(transcripts: Path) -> None:
    """Answers, operations and a tuned model: order, omissions, number forms, escapes."""
    recorded = list(bodies(transcripts))

    assert recorded
    for message, text in recorded:
        assert text.rstrip("\n") + "\n" == write(message, natural(message, json.loads(text))).decode()


def test_recorded_events_are_written_again(transcripts: Path) -> None:
    """One line each, of both services."""
    recorded = [
        (message, line.removeprefix("data: "))
        for message, text in streams(transcripts)
        for line in text.splitlines()
        if line.startswith("data: ")
    ]

    assert recorded
    for message, line in recorded:
        assert f"data: {line}\r\n\r\n" == event_writer(message, PRETTY)(natural(message, json.loads(line))).decode()


def test_recorded_arrays_are_written_again(transcripts: Path) -> None:
    """Streams without alt=sse, asked for with enums as numbers."""
    recorded = [text for _, text in streams(transcripts) if text.startswith("[{") and '"modality": 1' in text]

    assert recorded
    for text in recorded:
        messages = [natural(ANSWER, tree) for tree in json.loads(text)]
        items = [write(ANSWER, message, Style(enum_as_int=True)).decode() for message in messages]
        assert text == "[" + ",\r\n".join(items) + "]"


def test_recorded_tuning_jobs_keep_their_order(transcripts: Path) -> None:
    """Members of a job, down to its statistics, by field number; int64 as strings."""
    job = "google.cloud.aiplatform.v1.TuningJob"
    recorded = [
        tree
        for path in sorted(transcripts.glob("vertex-tuningjobs-*.json"))
        for tree in jobs(json.loads(path.read_text()))
    ]

    assert recorded
    for tree in recorded:
        text = json.dumps(tree)
        assert text == json.dumps(json.loads(dumps(to_json(job, natural(job, tree)))))
