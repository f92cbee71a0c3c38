"""The gRPC face on a port: faults, deadlines, worlds, metadata, and what tools ask of a gRPC server."""

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import grpc
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from contract_tests.environment import HANGS
from contract_tests.grpc_client import KEY, GrpcLive, method
from contract_tests.laws.protojson.shapes import messages
from mockserver.dispatch.routing import path_variables
from mockserver.grpc.codec import BadMessage, decode, encode
from mockserver.grpc.reply import GARBLED
from mockserver.grpc.server import LARGEST_MESSAGE
from mockserver.inspection.services import route_table
from mockserver.limits import REQUEST_BYTES
from mockserver.protojson import schema
from mockserver.protojson.reading import bind_tree
from mockserver.rpc.errors import ApiError, Code
from mockserver.scripting.answers import Answer, Rule
from mockserver.scripting.faults import Fault
from mockserver.scripting.scenario import Scenario
from mockserver.state.clock import ManualClock, SystemClock
from mockserver.state.world import Settings, World, Worlds

BETA = "google.ai.generativelanguage.v1beta"
VERTEX = "google.cloud.aiplatform.v1"
GET_MODEL = f"{BETA}.ModelService.GetModel"
LIST_TUNED_MODELS = f"{BETA}.ModelService.ListTunedModels"
CREATE_TUNED_MODEL = f"{BETA}.ModelService.CreateTunedModel"
STREAM = f"{BETA}.GenerativeService.StreamGenerateContent"
GENERATE = f"{BETA}.GenerativeService.GenerateContent"
MODEL = {"name": "models/gemini-2.0-flash"}
PROMPT = {"model": "models/gemini-2.0-flash", "contents": [{"parts": [{"text": "x"}]}]}
TUNED = {
    "baseModel": "models/gemini-1.0-pro-001",
    "tuningTask": {"trainingData": {"examples": {"examples": [{"textInput": "1", "output": "2"}]}}},
}

NAMES = (
    "tunedModels/a",
    "tunedModels/a/permissions/b",
    "tunedModels/a/operations/b",
    "models/gemini-2.0-flash",
    "projects/p/locations/us-central1",
    "projects/p/locations/us-central1/tuningJobs/1",
    "projects/p/locations/us-central1/endpoints/1",
    "projects/p/locations/us-central1/models/1",
    "publishers/google/models/gemini-2.5-flash",
    "tuningJobs/1",
    "endpoints/1",
    "",
)

RPCS = sorted({route.rpc for route in route_table().routes})


@pytest.fixture(scope="module")
def server() -> Iterator[GrpcLive]:
    """A server on a port."""
    server = GrpcLive()
    yield server
    server.stop()


@pytest.fixture
def world(server: GrpcLive) -> Iterator[World]:
    """A fresh world that it serves."""
    world = World(ManualClock(), Settings())
    with server.serving(world):
        yield world


def told(world: World, *faults: Fault) -> None:
    """Inject faults from now on."""
    for fault in faults:
        Scenario(world.store).add_fault(fault, world.clock.now())


# Faults


def test_a_status_fault_has_its_details(server: GrpcLive, world: World) -> None:
    """As over HTTP."""
    told(world, Fault(status=429, retry_after=30))

    heard = server.call(GET_MODEL, MODEL)

    assert "RESOURCE_EXHAUSTED" == heard.status
    assert 30_000_000_000 == heard.details[-1]["retryDelay"]


def test_latency_passes_on_the_clock_of_the_world(server: GrpcLive, world: World) -> None:
    """A manual one is moved, and nobody waits."""
    told(world, Fault(latency_seconds=40))
    start = world.clock.now()

    assert "OK" == server.call(GET_MODEL, MODEL, timeout=60).status

    assert 40_000_000_000 == world.clock.now() - start


def test_a_deadline_counts_the_time_that_a_manual_clock_skips(server: GrpcLive, world: World) -> None:
    """A real client would have given up."""
    told(world, Fault(latency_seconds=90))

    assert "DEADLINE_EXCEEDED" == server.call(GET_MODEL, MODEL, timeout=60).status


@pytest.mark.parametrize("chunks", [0, 1])
def test_a_stream_is_cut_after_some_messages(server: GrpcLive, world: World, chunks: int) -> None:
    """As if the connection had broken."""
    told(world, Fault(cut_after_chunks=chunks))

    heard = server.call(STREAM, PROMPT)

    assert (chunks, "UNAVAILABLE") == (len(heard.messages), heard.status)


def test_a_status_comes_between_the_messages_of_a_stream(server: GrpcLive, world: World) -> None:
    """After as many as it says."""
    told(world, Fault(status=503, after_chunks=1))

    heard = server.call(STREAM, PROMPT)

    assert (1, "UNAVAILABLE") == (len(heard.messages), heard.status)


def test_chunks_are_delayed_on_the_clock(server: GrpcLive, world: World) -> None:
    """Each."""
    told(world, Fault(chunk_delay_seconds=5))
    start = world.clock.now()

    heard = server.call(STREAM, PROMPT)

    assert 5_000_000_000 * len(heard.messages) == world.clock.now() - start


@pytest.mark.parametrize("fault", [Fault(reset=True), Fault(truncate=True)])
def test_a_broken_connection_is_unavailable(server: GrpcLive, world: World, fault: Fault) -> None:
    """So grpcio's clients say; the log has the answer that was not heard."""
    told(world, fault)

    assert "UNAVAILABLE" == server.call(GET_MODEL, MODEL).status

    assert [200] == [call.status for call in world.calls]


def test_a_garbled_answer_is_no_message(server: GrpcLive, world: World) -> None:
    """Whatever type is expected."""
    told(world, Fault(garble=True))

    with pytest.raises(BadMessage):
        server.call(GET_MODEL, MODEL)
    for name in ("google.protobuf.Empty", f"{BETA}.Model", "google.longrunning.Operation"):
        with pytest.raises(BadMessage):
            decode(name, GARBLED)


def test_the_messages_of_a_stream_are_truncated_and_garbled(server: GrpcLive, world: World) -> None:
    """As those of HTTP: the first does not arrive whole, and none can be read."""
    told(world, Fault(truncate=True, times=1), Fault(garble=True, chunk_delay_seconds=1))

    heard = server.call(STREAM, PROMPT)
    assert ([], "UNAVAILABLE") == (heard.messages, heard.status)
    with pytest.raises(BadMessage):
        server.call(STREAM, PROMPT)


# Calls that end early


def test_a_cancelled_stream_stops_and_is_written_down(server: GrpcLive) -> None:
    """Long before the pause that it was in would have been over."""
    world = World(SystemClock())
    told(world, Fault(chunk_delay_seconds=3600))
    with server.serving(world):
        stream = server.channel.unary_stream(method(STREAM))(
            encode(f"{BETA}.GenerateContentRequest", PROMPT), metadata=tuple(KEY.items())
        )
        wait_until(lambda: Scenario(world.store).faults[0].injected == 1)
        stream.cancel()
        wait_until(lambda: len(list(world.calls)) == 1)

    assert ["models.streamGenerateContent"] == [call.method for call in world.calls]


def test_a_deadline_ends_a_call_that_waits(server: GrpcLive) -> None:
    """On the machine's own time, by grpcio."""
    world = World(SystemClock())
    told(world, Fault(latency_seconds=3600))
    with server.serving(world):
        assert "DEADLINE_EXCEEDED" == server.call(GET_MODEL, MODEL, timeout=0.2).status
        wait_until(lambda: len(list(world.calls)) == 1)


def test_a_server_that_stops_waits_for_no_pause() -> None:
    """However long it would have been."""
    server = GrpcLive()
    world = World(SystemClock())
    told(world, Fault(latency_seconds=3600))
    with server.serving(world), ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(server.call, GET_MODEL, MODEL)
        wait_until(lambda: Scenario(world.store).faults[0].injected == 1)
        server.stop()

    assert waiting.result().status in {"CANCELLED", "UNAVAILABLE"}


def wait_until(happened: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    for _ in range(HANGS * 100):
        if happened():
            return
        threading.Event().wait(0.01)
    raise TimeoutError


def test_a_thousand_streams_at_once_end_clean(server: GrpcLive, world: World) -> None:
    """Each whole, and in the log."""
    Scenario(world.store).add_rules(Rule(Answer(chunks=("a", "b", "c"))))
    call = server.channel.unary_stream(method(STREAM))
    request = encode(f"{BETA}.GenerateContentRequest", PROMPT)

    streams = [call(request, metadata=tuple(KEY.items())) for _ in range(1000)]
    lengths = {len(list(stream)) for stream in streams}

    assert {3} == lengths
    assert {grpc.StatusCode.OK} == {stream.code() for stream in streams}
    wait_until(lambda: len(list(world.calls)) == 1000)


# Who asks, and in which world


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"x-goog-api-key": "mockserver-w1"}, {}),
        ({"authorization": "Bearer mockserver-w1"}, {}),
        (KEY | {"x-goog-user-project": "mockserver-w1"}, {}),
        (KEY | {"x-goog-request-params": "parent=projects%2Fmockserver-w1"}, {}),
    ],
)
def test_a_world_is_chosen_by_metadata(metadata: dict[str, str], message: dict[str, Any]) -> None:
    """As over HTTP by headers."""
    worlds = Worlds(World(ManualClock()))
    fork = World(ManualClock(), name="w1")
    worlds.add(fork)
    server = GrpcLive(worlds)

    server.call(LIST_TUNED_MODELS, message, metadata)
    server.stop()

    assert (0, 1) == (len(list(worlds.default.calls)), len(list(fork.calls)))


def test_a_world_is_chosen_by_a_name_in_the_message() -> None:
    """The project in the name of a parent, say."""
    worlds = Worlds(World(ManualClock()))
    fork = World(ManualClock(), name="w1")
    worlds.add(fork)
    server = GrpcLive(worlds)

    server.call(
        f"{VERTEX}.GenAiTuningService.ListTuningJobs",
        {"parent": "projects/mockserver-w1/locations/us-central1"},
        {"authorization": "Bearer t"},
    )
    server.stop()

    assert ["projects.locations.tuningJobs.list"] == [call.method for call in fork.calls]


def test_the_log_has_the_path_that_http_would_have(server: GrpcLive, world: World) -> None:
    """So that resources are found in it, whatever the transport."""
    server.call(GENERATE, PROMPT)

    (call,) = world.calls
    assert ("GRPC", "/v1beta/models/gemini-2.0-flash:generateContent") == (call.verb, call.path)
    assert ("models/gemini-2.0-flash", "key:") == (call.resource, call.caller[:4])


def test_a_credential_that_looks_real_is_refused_where_it_is_not_wanted(server: GrpcLive) -> None:
    """And not kept."""
    world = World(ManualClock(), Settings(refuse_real_credentials=True))
    secret = "AIza" + "x" * 35

    with server.serving(world):
        heard = server.call(GET_MODEL, MODEL, {"x-goog-api-key": secret})

    assert "FAILED_PRECONDITION" == heard.status
    assert secret not in repr(next(iter(world.calls)))


# What is asked


def test_a_field_mask_narrows_the_answer(server: GrpcLive, world: World) -> None:
    """X-Goog-FieldMask, which clients send as metadata."""
    heard = server.call(GET_MODEL, MODEL, KEY | {"x-goog-fieldmask": "displayName"})

    assert [{"displayName": "Gemini 2.0 Flash"}] == heard.messages


def test_a_bad_field_mask_changes_nothing(server: GrpcLive, world: World) -> None:
    """It is refused before the method is asked."""
    heard = server.call(CREATE_TUNED_MODEL, {"tunedModel": TUNED}, KEY | {"x-goog-fieldmask": "nonsense"})

    assert "INVALID_ARGUMENT" == heard.status
    assert [{}] == server.call(LIST_TUNED_MODELS, {}).messages


def test_a_request_may_be_compressed(server: GrpcLive, world: World) -> None:
    """By gzip or deflate."""
    for how in (grpc.Compression.Gzip, grpc.Compression.Deflate):
        assert "OK" == server.call(GENERATE, PROMPT, compression=how).status


def test_a_request_that_is_too_large_is_refused_in_googles_words(server: GrpcLive, world: World) -> None:
    """Not in grpcio's."""
    large = PROMPT | {"contents": [{"parts": [{"text": "x" * REQUEST_BYTES}]}]}

    heard = server.call(GENERATE, large)

    assert ("INVALID_ARGUMENT", f"Request payload size exceeds the limit: {REQUEST_BYTES} bytes.") == (
        heard.status,
        heard.sentence,
    )


def test_a_message_that_is_far_too_large_is_not_even_read(server: GrpcLive) -> None:
    """Or one call could fill the memory."""
    assert "RESOURCE_EXHAUSTED" == server.send(GENERATE, b"x" * (LARGEST_MESSAGE + 1)).status


def test_bytes_that_are_no_message_are_refused_once_the_caller_is_known(server: GrpcLive, world: World) -> None:
    """In the dispatcher's order of checks."""
    assert "PERMISSION_DENIED" == server.send(GET_MODEL, b"\xff", {}).status
    assert "INVALID_ARGUMENT" == server.send(GET_MODEL, b"\xff").status


def test_a_name_that_no_path_could_have_is_refused(server: GrpcLive, world: World) -> None:
    """Not answered by a method for other names, such as that for jobs without a project."""
    for name in ("", "nonsense", "tunedModels/a/b"):
        assert "INVALID_ARGUMENT" == server.call(GET_MODEL, {"name": name}).status
    create = f"{VERTEX}.GenAiTuningService.CreateTuningJob"
    job = {"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": {"trainingDatasetUri": "gs://bucket/train.jsonl"}}
    assert "INVALID_ARGUMENT" == server.call(create, {"parent": "nonsense", "tuningJob": job}).status
    assert "OK" == server.call(create, {"tuningJob": job}).status


@pytest.mark.parametrize(
    ("rpc", "message", "sentence"),
    [
        (
            "GenAiTuningService.GetTuningJob",
            {"name": "jobs/1"},
            "1.Field: name; Message: Invalid TuningJob resource name.",
        ),
        ("GenAiTuningService.GetTuningJob", {}, "1.Field: name; Message: Required field is not set."),
        ("EndpointService.UpdateEndpoint", {}, "1.Field: endpoint.name; Message: Required field is not set."),
        ("ModelService.ListModels", {"parent": "p"}, "1.Field: parent; Message: Invalid Location resource name."),
    ],
)
def test_vertex_says_which_name_is_wrong(
    server: GrpcLive, world: World, rpc: str, message: dict[str, Any], sentence: str
) -> None:
    """In the words that its sessions were recorded to have over gRPC."""
    heard = server.call(f"{VERTEX}.{rpc}", message, {"authorization": "Bearer t"})

    assert f"List of found errors:\t{sentence}\t" == heard.sentence
    assert ["type.googleapis.com/google.rpc.BadRequest"] == [detail["@type"] for detail in heard.details]


@pytest.mark.parametrize(
    ("rpc", "hint"),
    [
        (f"{BETA}.ModelService.GetTunedModell", "no method has a name like it"),
        ("google.ai.generativelanguage.v1.ModelService.GetTunedModel", f"nearest: {BETA}.ModelService.GetTunedModel"),
    ],
)
def test_an_rpc_that_is_not_served_is_unimplemented(
    server: GrpcLive, world: World, rpc: str, hint: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With a hint in the log of calls."""
    with pytest.raises(grpc.RpcError) as refused:
        server.channel.unary_unary(method(rpc))(b"", timeout=HANGS)

    sentence = "The GRPC target is not implemented on the server, host: generativelanguage.googleapis.com, method: "
    assert (grpc.StatusCode.UNIMPLEMENTED, sentence + method(rpc) + ".") == (
        refused.value.code(),
        refused.value.details(),
    )
    assert next(iter(world.calls)).hint.startswith(hint)
    assert hint in caplog.text


def test_an_rpc_of_a_later_day_is_unimplemented(server: GrpcLive) -> None:
    """In a world that is as of a day."""
    world = World(ManualClock(), Settings(as_of=date(2025, 1, 1)))
    with server.serving(world):
        heard = server.call(f"{BETA}.GenerativeService.BatchGenerateContent", {"batch": {"model": "models/x"}})

    assert "UNIMPLEMENTED" == heard.status
    assert "is not served as of 2025-01-01" in next(iter(world.calls)).hint


def test_a_bug_of_ours_is_the_services_internal_error(
    server: GrpcLive, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With the traceback in the log, whose line about the call says so too; that of a stream is written before."""
    Scenario(world.store).add_rules(Rule(Answer(text="a")))
    monkeypatch.setattr("mockserver.grpc.reply.encode", lambda name, _: {}[name])
    caplog.set_level(logging.INFO)

    for rpc in (GENERATE, STREAM):
        assert "INTERNAL" == server.call(rpc, PROMPT).status

    assert 2 == caplog.text.count("this is a bug in the mock server")
    assert ["INTERNAL", "OK"] == [line.split()[1] for line in caplog.messages if " ms" in line]


def test_half_of_a_surrogate_pair_is_answered_as_over_http(server: GrpcLive, world: World) -> None:
    """With U+FFFD in its place: a test in Python can give one, and UTF-8 has none."""
    Scenario(world.store).add_rules(Rule(Answer(text="a\udc80b")))

    for rpc in (GENERATE, STREAM):
        heard = server.call(rpc, PROMPT)
        contents = [message["candidates"][0]["content"] for message in heard.messages]
        assert ("OK", "a\ufffdb") == (heard.status, "".join(content["parts"][0]["text"] for content in contents))


@given(st.sampled_from(RPCS), st.binary(max_size=100))
def test_fuzzed_bytes_never_break_the_face(server: GrpcLive, rpc: str, body: bytes) -> None:
    """They are refused, or mean something."""
    bugs = Bugs()
    logging.getLogger("mockserver").addHandler(bugs)
    with server.serving(World(ManualClock(), Settings(magic=False))):
        heard = server.send(rpc, body)
    logging.getLogger("mockserver").removeHandler(bugs)

    assert heard.status in {"OK", *Code.__members__} - {"UNKNOWN", "INTERNAL"}
    assert [] == bugs.records


@given(st.sampled_from(RPCS).flatmap(lambda rpc: st.tuples(st.just(rpc), messages(schema.rpc(rpc).request))), st.data())
def test_any_message_gets_an_answer(server: GrpcLive, case: tuple[str, Any], data: st.DataObject) -> None:
    """Also one of which a path could not have been made."""
    rpc, tree = case
    try:
        message = bind_tree(schema.rpc(rpc).request, tree)
    except ApiError:
        reject()
    for place in {place for route in route_table().routes_of(rpc) for place, _ in path_variables(route.path)}:
        if data.draw(st.integers(0, 9)) and all(isinstance(message.get(name, {}), dict) for name in place[:-1]):
            *parents, last = place
            holder = message
            for name in parents:
                holder = holder.setdefault(name, {})
            holder[last] = data.draw(st.sampled_from(NAMES))

    bugs = Bugs()
    logging.getLogger("mockserver").addHandler(bugs)
    with server.serving(World(ManualClock(), Settings(magic=False))):
        heard = server.call(rpc, message)
    logging.getLogger("mockserver").removeHandler(bugs)

    assert heard.status in {"OK", *Code.__members__} - {"UNKNOWN", "INTERNAL"}
    assert [] == bugs.records


class Bugs(logging.Handler):
    """Keeps what is logged as a bug of ours."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.records.append(record.getMessage())
