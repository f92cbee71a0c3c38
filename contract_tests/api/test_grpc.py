"""Google's API over gRPC: the same messages and the same errors as over HTTP."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pytest

from contract_tests.api.everything import Example, examples, fork
from contract_tests.grpc_client import KEY, GrpcLive, Heard
from contract_tests.harvest import method_of
from contract_tests.targets import in_process
from mockserver.inspection.services import route_table
from mockserver.protojson.reading import bind_tree, read_request

METHODS = sorted({method_of(route) for route in route_table().routes if not route.lenient})


@pytest.fixture(scope="module")
def live_grpc() -> Iterator[GrpcLive]:
    """A server on a port."""
    server = GrpcLive()
    yield server
    server.stop()


def over_http(example: Example, headers: Mapping[str, str]) -> Heard:
    """What a request gets over HTTP, in the terms of gRPC."""
    with in_process(fork()) as client:
        answer = client.request(
            example.verb, example.path, params=example.params, json=example.body, headers={**KEY, **headers}
        )
    tree = orjson.loads(answer.content)
    if answer.status_code == 200:
        each = tree if isinstance(tree, list) else [tree]
        return Heard([bind_tree(example.route.response, message) for message in each])
    error = (tree[0] if isinstance(tree, list) else tree)["error"]
    status = bind_tree("google.rpc.Status", {"details": error.get("details", [])})
    return Heard([], error["status"], error["message"], status.get("details", []))


def over_grpc(server: GrpcLive, example: Example, headers: Mapping[str, str]) -> Heard:
    """What the same message gets over gRPC."""
    match = route_table().match(example.verb, example.path)
    assert match is not None
    message = read_request(
        example.route.request,
        body=None if example.body is None else orjson.dumps(example.body),
        body_field=example.route.body,
        path=match.path,
        query=list(example.params.items()),
    )
    with server.serving(fork()):
        return server.call(example.route.rpc, message, {**KEY, **headers})


def differences(server: GrpcLive, method: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Where the answers differ, of the routes of a method."""
    found = {}
    for example in examples():
        if method_of(example.route) == method:
            sent = example.headers if headers is None else headers
            http, grpc = over_http(example, sent), over_grpc(server, example, sent)
            if http != grpc:
                found[example.route.template] = http, grpc
    return found


@pytest.mark.parametrize("method", METHODS)
def test_a_good_request_gets_the_same_messages(live_grpc: GrpcLive, method: str) -> None:
    """Or the same refusal, with its details."""
    assert {} == differences(live_grpc, method)


@pytest.mark.parametrize("method", METHODS)
def test_a_request_of_nobody_gets_the_same_error(live_grpc: GrpcLive, method: str) -> None:
    """With its details."""
    assert {} == differences(live_grpc, method, {"x-goog-api-key": ""})
