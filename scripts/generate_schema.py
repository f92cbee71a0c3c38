#!/usr/bin/env python3
"""Writes mockserver/protojson/tables/*.json: the messages, enums and rpcs of the surface, from Google's packages.

    python scripts/generate_schema.py            write the tables
    python scripts/generate_schema.py --check    write nothing; print the differences and exit 1 if there are any

It needs the packages of requirements/clients/google.txt: `make clients` creates .venvs/google. The tables contain all
types that the rpcs of SERVICES use, and ROOTS; then the additions of schema_supplement.json; then what v1beta has and
v1alpha lacks; then the members that only Vertex AI's discovery documents have.
"""

import argparse
import difflib
import json
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from schema_discovery import DISCOVERY, read_discovery
from schema_packages import read_module, read_package
from schema_rows import Json, Schema

HERE = Path(__file__).resolve().parent
TABLES = HERE.parent / "mockserver" / "protojson" / "tables"
SUPPLEMENT = HERE / "schema_supplement.json"

EVERY_RPC = ""
VERTEX = {
    "endpoint_service": EVERY_RPC,
    "gen_ai_cache_service": EVERY_RPC,
    "gen_ai_tuning_service": EVERY_RPC,
    "llm_utility_service": EVERY_RPC,
    "metadata_service": "(Get|List|Query)(MetadataStore|Context|Execution|Artifact)",
    "model_garden_service": "(Get|List)PublisherModel",
    "model_service": EVERY_RPC,
    "prediction_service": EVERY_RPC,
    "tensorboard_service": "(Get|List|Read|BatchRead)Tensorboard",
}
# Python package -> its services, with a pattern for the start of the wanted rpc names. None: all of them.
SERVICES = {
    "google.ai.generativelanguage_v1": None,
    "google.ai.generativelanguage_v1alpha": None,
    "google.ai.generativelanguage_v1beta": None,
    "google.ai.generativelanguage_v1beta3": None,
    "google.cloud.aiplatform_v1": VERTEX,
    "google.cloud.aiplatform_v1beta1": VERTEX,
}
# Not used by any of these rpcs: the services that every host adds, contents of an Any, the special types of ProtoJSON.
ROOTS = (
    "google.api.httpbody_pb2",
    "google.iam.v1.iam_policy_pb2",
    "google.longrunning.operations_pb2",
    "google.protobuf.any_pb2",
    "google.protobuf.duration_pb2",
    "google.protobuf.empty_pb2",
    "google.protobuf.field_mask_pb2",
    "google.protobuf.struct_pb2",
    "google.protobuf.timestamp_pb2",
    "google.protobuf.wrappers_pb2",
    "google.rpc.error_details_pb2",
    "google.rpc.status_pb2",
    "google.type.interval_pb2",
)
# Packages that are published late. What clients send to the newer version is taken by the older one too: litellm sends
# requests to 3.x models to v1alpha [seen 2026].
COMPLETED = {"google.ai.generativelanguage.v1alpha": "google.ai.generativelanguage.v1beta"}
DISTRIBUTIONS = {
    "google.ai.generativelanguage": ("google-ai-generativelanguage",),
    "google.cloud.aiplatform": ("google-cloud-aiplatform", "google-api-python-client"),
    "google.iam": ("grpc-google-iam-v1",),
    "google.protobuf": ("protobuf",),
    "google": ("googleapis-common-protos",),
}


def main() -> int:
    """Write the tables, or compare them with the generated ones."""
    parser = argparse.ArgumentParser(description="Make the schema tables from Google's packages.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the tables differ")
    check = parser.parse_args().check
    on_disk = {path.name: path.read_text() for path in TABLES.glob("*.json")}
    generated = {f"{package}.json": format_table(package, table) for package, table in generate().tables().items()}
    if not check:
        write(generated, stale=on_disk.keys() - generated.keys())
        return 0
    differences = list(compare(on_disk, generated))
    print(*differences or ["The tables are up to date."], sep="\n")
    return 1 if differences else 0


def generate() -> Schema:
    """Return the schema from all sources."""
    schema = Schema()
    for module in ROOTS:
        read_module(module, schema)
    for package, services in SERVICES.items():
        read_package(package, services, schema)
    schema.supplement(json.loads(SUPPLEMENT.read_text()))
    for older, newer in COMPLETED.items():
        schema.complete(older, newer)
    for package, sibling in DISCOVERY.items():
        read_discovery(package, sibling, schema)
    return schema


def write(generated: dict[str, str], *, stale: set[str]) -> None:
    """Write the tables and delete stale ones."""
    for name in stale:
        (TABLES / name).unlink()
    for name, content in generated.items():
        (TABLES / name).write_text(content)


def compare(on_disk: dict[str, str], generated: dict[str, str]) -> Iterator[str]:
    """Yield the lines of each table that differ."""
    for name in sorted({*on_disk, *generated}):
        before, after = on_disk.get(name, "").splitlines(), generated.get(name, "").splitlines()
        yield from difflib.unified_diff(before, after, f"{name} on disk", f"{name} generated", n=0, lineterm="")


def format_table(package: str, table: Json) -> str:
    """Format a table as JSON with a line for each field, enum and rpc, so that a diff shows what changed."""
    messages = ",\n".join(f"{quote(name)}: {lines(rows)}" for name, rows in table["messages"].items())
    enums = ",\n".join(f"{quote(name)}: {quote(values)}" for name, values in table["enums"].items())
    members = (
        f'"package": {quote(package)}',
        f'"sources": {quote(sources(package))}',
        f'"messages": {{\n{messages}\n}}',
        f'"enums": {{\n{enums}\n}}',
        f'"rpcs": {lines(table["rpcs"])}',
    )
    return "{\n" + ",\n".join(members) + "\n}\n"


def lines(rows: list[Json]) -> str:
    """A JSON list with a line for each row."""
    return "[\n" + ",\n".join(f"  {quote(row)}" for row in rows) + "\n]" if rows else "[]"


def quote(value: object) -> str:
    """JSON on one line."""
    return json.dumps(value, ensure_ascii=False)


def sources(package: str) -> list[str]:
    """The distributions a table was made from, with their versions."""
    names = next(names for prefix, names in DISTRIBUTIONS.items() if package.startswith(prefix))
    return [f"{name} {version(name)}" for name in names]


if __name__ == "__main__":
    sys.exit(main())
