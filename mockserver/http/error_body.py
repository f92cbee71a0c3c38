"""Errors as JSON, as HTTP clients get them."""

from typing import Any

from mockserver.protojson.layout import dumps
from mockserver.rpc.errors import ApiError, Legacy

Json = dict[str, Any]


def error_body(error: ApiError, xgafv: str | None = None) -> bytes:
    """Return the JSON of an error: always indented, and with errors[] only for `$.xgafv=1` [measured]."""
    body: Json = {"code": error.code.http, "message": error.message}
    if xgafv == "1":
        body["errors"] = [_legacy_entry(error.legacy, error.message)]
    body["status"] = error.code.name
    if error.details:
        body["details"] = error.details
    return dumps({"error": body})


def _legacy_entry(legacy: Legacy, message: str) -> Json:
    """Return the one entry of errors[]; without a message of its own it has the error's message."""
    entry: Json = {"message": legacy.message or message}
    if legacy.domain:
        entry["domain"] = legacy.domain
    entry["reason"] = legacy.reason
    if legacy.header:
        entry |= {"location": legacy.header, "locationType": "header"}
    return entry
