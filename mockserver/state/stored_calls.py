"""A call of the log as a database has it: JSON, and what it has in common with others by itself."""

import json
from typing import Any, NamedTuple

from mockserver.rpc.redaction import find_real_secret, redact_fields
from mockserver.state.calls import RecordedCall
from mockserver.state.clock import Nanos
from mockserver.state.codec import decode_value, join_value, split_value, write_tree

Json = dict[str, Any]


class StoredCall(NamedTuple):
    """A call as it is stored: the time of its answer, on the machine's clock in nanoseconds, and texts in JSON.

    `request` and `response` are what other calls may have too, or empty: see `codec.split_value`.
    """

    time: Nanos
    text: str
    request: str = ""
    response: str = ""


def encode_call(call: RecordedCall, time: Nanos) -> StoredCall:
    """Return a call as it is stored. A codec that goes by the types of the fields takes twice as long."""
    request, own_request = split_value(call.request)
    response, own_response = split_value(call.response)
    tree = {
        "method": call.method,
        "verb": call.verb,
        "path": call.path,
        "time": call.time,
        "caller": call.caller,
        "request": own_request,
        "status": call.status,
        "response": own_response,
    }
    if call.fault:
        tree["fault"] = call.fault
    if call.hint:
        tree["hint"] = call.hint
    if call.retry_after:
        tree["retry_after"] = call.retry_after
    return StoredCall(time, write_tree(tree), request, response)


def tree_of(stored: StoredCall) -> Json:
    """Return the JSON of a call, whole."""
    tree: Json = json.loads(stored.text)
    tree["request"] = join_value(stored.request, tree["request"])
    tree["response"] = join_value(stored.response, tree["response"])
    return tree


def decode_call(stored: StoredCall) -> RecordedCall:
    """Return the call without what looks like a real secret, as the log in memory does."""
    tree = tree_of(stored)
    request, response = tree["request"], decode_value(tree["response"])
    if isinstance(request, list):  # before version 4 of the database: its members
        request = {name: decode_value(value) for name, value in request}
    else:
        request = decode_value(request)
    call = RecordedCall(**{**tree, "request": request, "response": response})
    _, *texts = stored
    return redact_fields(call) if any(map(find_real_secret, texts)) else call
