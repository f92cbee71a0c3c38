"""Errors as HTTP clients get them: the JSON envelope."""

from typing import Any

from mockserver.protojson.layout import dumps
from mockserver.rpc.errors import ApiError, Legacy

Json = dict[str, Any]


def error_body(error: ApiError, xgafv: str | None = None) -> bytes:
    """The envelope: pretty whatever `prettyPrint` says; with errors[] for `$.xgafv=1` only [measured]."""
    body: Json = {"code": error.code.http, "message": error.message}
    if xgafv == "1":
        body["errors"] = [_legacy_entry(error.legacy, error.message)]
    body["status"] = error.code.name
    if error.details:
        body["details"] = error.details
    return dumps({"error": body})


def _legacy_entry(legacy: Legacy, message: str) -> Json:
    """The one entry of errors[]; its message is the error's own where it has no shorter one."""
    entry: Json = {"message": legacy.message or message}
    if legacy.domain:
        entry["domain"] = legacy.domain
    entry["reason"] = legacy.reason
    if legacy.header:
        entry |= {"location": legacy.header, "locationType": "header"}
    return entry
