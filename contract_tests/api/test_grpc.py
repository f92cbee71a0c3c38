"""Google's API over gRPC: the same messages and the same errors as over HTTP."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import grpc
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


def over_http(example: Example) -> Heard:
    """What a request gets over HTTP, in the terms of gRPC."""
    with in_process(fork()) as client:
        answer = example.send(client)
    tree = orjson.loads(answer.content)
    if answer.status_code == 200:
        each = tree if isinstance(tree, list) else [tree]
        return Heard([bind_tree(example.route.response, message) for message in each])
    error = (tree[0] if isinstance(tree, list) else tree)["error"]
    status = bind_tree("google.rpc.Status", {"details": error.get("details", [])})
    return Heard([], error["status"], error["message"], status.get("details", []))


def over_grpc(server: GrpcLive, example: Example) -> Heard:
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
        return server.call(example.route.rpc, message, {**KEY, **example.headers})


def differences(server: GrpcLive, requests: Iterable[Example]) -> dict[str, Any]:
    """Where the answers differ."""
    found = {}
    for example in requests:
        http, grpc = over_http(example), over_grpc(server, example)
        if http != grpc:
            found[example.route.template] = http, grpc
    return found


def examples_of(method: str) -> Iterator[Example]:
    """A good request for each route of a method."""
    return (example for example in examples() if method_of(example.route) == method)


def elsewhere(example: Example) -> Iterator[Example]:
    """The same request for a resource that is not there, where that is a path of the route too."""
    match = route_table().match(example.verb, example.path)
    for name in match.path.values() if match else ():
        path = example.path.replace(name, f"{name.rpartition('/')[0]}/1234567890")
        again = route_table().match(example.verb, path)
        if again is not None and again.route == example.route:
            yield replace(example, path=path)


@pytest.mark.parametrize("method", METHODS)
def test_a_good_request_gets_the_same_messages(live_grpc: GrpcLive, method: str) -> None:
    """Or the same refusal, with its details."""
    assert {} == differences(live_grpc, examples_of(method))


@pytest.mark.parametrize("method", METHODS)
def test_a_request_for_what_is_not_there_gets_the_same_error(live_grpc: GrpcLive, method: str) -> None:
    """Or the same answer, of methods that do not mind."""
    absent = [other for example in examples_of(method) for other in elsewhere(example)]

    assert {} == differences(live_grpc, absent)


@pytest.mark.parametrize("method", METHODS)
def test_a_request_of_nobody_gets_the_same_error(live_grpc: GrpcLive, method: str) -> None:
    """With its details."""
    nobody = (replace(example, headers={"x-goog-api-key": ""}) for example in examples_of(method))

    assert {} == differences(live_grpc, nobody)


GET_TUNED_MODEL = "google.ai.generativelanguage.v1beta.ModelService.GetTunedModel"
GET_JOB = "google.cloud.aiplatform.v1.GenAiTuningService.GetTuningJob"
LIST_OPERATIONS = "google.longrunning.Operations.ListOperations"
JOB = "projects/my-project/locations/us-central1/tuningJobs/1"
DEVELOPER, VERTEX = "generativelanguage.googleapis.com", "us-central1-aiplatform.googleapis.com"


@pytest.mark.parametrize(
    ("host", "rpc", "name", "is_served"),
    [
        ("", GET_TUNED_MODEL, "tunedModels/x", True),
        (DEVELOPER, GET_TUNED_MODEL, "tunedModels/x", True),
        (VERTEX, GET_TUNED_MODEL, "tunedModels/x", False),
        ("", GET_JOB, JOB, True),
        (f"{VERTEX}:443", GET_JOB, JOB, True),
        ("aiplatform.us.rep.googleapis.com", GET_JOB, JOB, True),
        (DEVELOPER, GET_JOB, JOB, False),
    ],
)
def test_a_google_host_has_only_its_own_rpcs(host: str, rpc: str, name: str, *, is_served: bool) -> None:
    """additions.md, Hosts: `:authority` decides as the Host header does over HTTP; our own address has all rpcs."""
    server = GrpcLive()
    options = [("grpc.default_authority", host)] if host else None
    bearer = {"authorization": "Bearer user@example.com"}
    try:
        with grpc.insecure_channel(server.target, options=options) as server.channel:
            heard = server.call(rpc, {"name": name}, bearer)
    finally:
        server.stop()

    assert ("NOT_FOUND" if is_served else "UNIMPLEMENTED") == heard.status
    if not is_served:
        path = "/".join(("", *rpc.rsplit(".", 1)))
        shown = host.partition(":")[0]
        assert f"The GRPC target is not implemented on the server, host: {shown}, method: {path}." == heard.sentence


def test_operations_are_those_of_the_called_host() -> None:
    """google.longrunning is on both hosts: the Developer API has no operations of jobs."""
    server = GrpcLive()
    bearer = {"authorization": "Bearer user@example.com"}
    statuses = {}
    for host in (DEVELOPER, VERTEX):
        with grpc.insecure_channel(server.target, options=[("grpc.default_authority", host)]) as server.channel:
            statuses[host] = server.call(LIST_OPERATIONS, {"name": JOB}, bearer).status
    server.stop()

    assert {DEVELOPER: "INVALID_ARGUMENT", VERTEX: "OK"} == statuses
