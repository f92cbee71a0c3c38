#!/usr/bin/env python3
"""Write mockserver/protojson/tables/*.json: the messages, enums and rpcs of the surface, out of Google's own packages.

    python scripts/generate_schema.py            write the tables
    python scripts/generate_schema.py --check    exit 1, and say what differs, if they are not what would be written

Run it where the packages of requirements/clients/google.txt are installed: `make clients` makes .venvs/google. The
tables hold all that the rpcs of SERVICES lead to, and ROOTS; then what schema_supplement.json says the packages lack;
then what Vertex AI's discovery documents know more of those messages.
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
    "gen_ai_tuning_service": EVERY_RPC,
    "llm_utility_service": EVERY_RPC,
    "metadata_service": "(Get|List|Query)(MetadataStore|Context|Execution|Artifact)",
    "model_garden_service": "(Get|List)PublisherModel",
    "model_service": EVERY_RPC,
    "prediction_service": EVERY_RPC,
    "tensorboard_service": "(Get|List|Read|BatchRead)Tensorboard",
}
# Python package -> its services, with what the names of the wanted rpcs begin with. None: all of them.
SERVICES = {
    "google.ai.generativelanguage_v1": None,
    "google.ai.generativelanguage_v1alpha": None,
    "google.ai.generativelanguage_v1beta": None,
    "google.ai.generativelanguage_v1beta3": None,
    "google.cloud.aiplatform_v1": VERTEX,
    "google.cloud.aiplatform_v1beta1": VERTEX,
}
# Led to by no rpc of these: the services every host adds, what stands in an Any, all of ProtoJSON's special types.
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
DISTRIBUTIONS = {
    "google.ai.generativelanguage": ("google-ai-generativelanguage",),
    "google.cloud.aiplatform": ("google-cloud-aiplatform", "google-api-python-client"),
    "google.iam": ("grpc-google-iam-v1",),
    "google.protobuf": ("protobuf",),
    "google": ("googleapis-common-protos",),
}


def main() -> int:
    """Write the tables, or compare them with what would be written."""
    parser = argparse.ArgumentParser(description="Make the schema tables from Google's packages.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the tables differ")
    check = parser.parse_args().check
    on_disk = {path.name: path.read_text() for path in TABLES.glob("*.json")}
    made = {f"{package}.json": text(package, table) for package, table in generate().tables().items()}
    if not check:
        write(made, stale=on_disk.keys() - made.keys())
        return 0
    differences = list(compare(on_disk, made))
    print(*differences or ["The tables are what the packages say."], sep="\n")
    return 1 if differences else 0


def generate() -> Schema:
    """Everything, from every source."""
    schema = Schema()
    for module in ROOTS:
        read_module(module, schema)
    for package, services in SERVICES.items():
        read_package(package, services, schema)
    schema.supplement(json.loads(SUPPLEMENT.read_text()))
    for package, sibling in DISCOVERY.items():
        read_discovery(package, sibling, schema)
    return schema


def write(made: dict[str, str], *, stale: set[str]) -> None:
    """Put the tables where the server reads them."""
    for name in stale:
        (TABLES / name).unlink()
    for name, content in made.items():
        (TABLES / name).write_text(content)


def compare(on_disk: dict[str, str], made: dict[str, str]) -> Iterator[str]:
    """The lines of each table that differ."""
    for name in sorted({*on_disk, *made}):
        before, after = on_disk.get(name, "").splitlines(), made.get(name, "").splitlines()
        yield from difflib.unified_diff(
            before, after, f"{name} on disk", f"{name} as the packages say", n=0, lineterm=""
        )


def text(package: str, table: Json) -> str:
    """A table as JSON, with a line for each field, enum and rpc, so that a diff says what changed."""
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
