"""Bodies whose fate is known, one by one.

Our own are in fixtures/protojson.json, each with the rule it follows. The recorded ones (made by driving
protobuf 3.21's C++, with what production does differently) are read from beside the checkout.
"""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from contract_tests.environment import ROOT, SHARED
from mockserver.protojson.reading import bind_tree, read_body
from mockserver.protojson.writing import write
from mockserver.rpc.errors import ApiError

Json = dict[str, Any]

OWN = ROOT / "fixtures" / "protojson.json"
RECORDED = SHARED / "transcripts" / "wire-protojson-vectors.json"


def vectors(path: Path) -> list[Any]:
    """Return the vectors of a file by id, or one to leave out where the file is missing."""
    if not path.is_file():
        return [pytest.param({}, id=path.stem, marks=pytest.mark.recordings)]
    return [pytest.param(vector, id=vector["id"]) for vector in json.loads(path.read_text())["vectors"]]


def verdict(vector: Json) -> Json:
    """Return our result for the body in the format of the vectors; `parsed` is the natural message."""
    body = b64decode(vector["body_b64"]) if "body_b64" in vector else vector["body"].encode()
    try:
        return {"status": 200, "parsed": read_body(vector["message"], body, body_field=vector["body_field"])}
    except ApiError as error:
        refused: Json = {"status": error.code.http, "error_message": error.message}
        if error.details:
            refused["field_violations"] = error.details[0]["fieldViolations"]
        return refused


def expected(vector: Json) -> Json:
    """Return the result that the vector expects; its canonical JSON becomes the natural message."""
    known: Json = {name: vector[name] for name in ("status", "error_message", "field_violations") if name in vector}
    if "parsed" in vector:
        known["parsed"] = bind_tree(vector["message"], vector["parsed"])
    return known


@pytest.mark.parametrize("vector", vectors(OWN))
def test_an_authored_body_meets_its_fate(vector: Json) -> None:
    """Every body of our own is bound or refused as its rule says."""
    assert expected(vector) == verdict(vector)


@pytest.mark.parametrize("vector", vectors(RECORDED))
def test_a_recorded_body_meets_its_fate(vector: Json) -> None:
    """Every recorded body is bound or refused as it was: status, sentence, violations, values."""
    assert expected(vector) == verdict(vector)


@pytest.mark.parametrize("vector", [*vectors(OWN), *vectors(RECORDED)])
def test_what_is_bound_is_written_and_read_back_the_same(vector: Json) -> None:
    """Writing a bound message and reading that gives the same bytes again."""
    result = verdict(vector)
    if "parsed" not in result:
        return
    message = vector["message"]

    written = write(message, result["parsed"])

    assert written == write(message, read_body(message, written))
