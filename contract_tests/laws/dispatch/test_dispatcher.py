"""Laws of the dispatcher: the order of its checks, and what becomes of an answer. No transport."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from mockserver.dispatch.dispatcher import CallResult, dispatch
from mockserver.dispatch.request import Request, RequestHead
from mockserver.dispatch.routing import Hinted, Pause, Route
from mockserver.gemini.service import SERVICE
from mockserver.rpc.credentials import Credentials
from mockserver.rpc.errors import ApiError, Code, invalid_argument
from mockserver.scripting.faults import Fault
from mockserver.scripting.scenario import Scenario
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World

Json = dict[str, Any]
OPERATION = "google.longrunning.Operation"


def answer(_: object) -> Json:
    """Return an operation, with a member that no operation has."""
    return {"name": "operations/1", "done": True, "member": "of another version"}


def fail(_: object) -> Json:
    """Have a bug."""
    raise ZeroDivisionError


def refuse(_: object) -> Json:
    """Refuse the call."""
    raise invalid_argument("no")


def refuse_in_stream(_: object) -> Iterator[Json | Pause]:
    """Refuse the call when its first message is wanted."""
    yield Pause(1)
    raise invalid_argument("no")


def call(
    handler: Any,
    *,
    bind: Callable[[], Json] = dict,
    credentials: Credentials = Credentials(key="key"),  # noqa: B008 - frozen
    fault: Fault | None = None,
    method: str = "things.get",
) -> CallResult:
    """The answer to a request that this handler is for."""
    route = Route(method, "GET /v1/things", handler, "google.protobuf.Empty", OPERATION, service=SERVICE.host)
    world = World(ManualClock(datetime(2024, 3, 14, tzinfo=UTC)), Settings(seed=1))
    if fault is not None:
        Scenario(world.store).add_fault(fault, world.clock.now())
    head = RequestHead(
        service=replace(SERVICE, routes=(route,)),
        route=route,
        settings=world.settings,
        resource="",
        credentials=credentials,
        options={},
        verb="GET",
        path="/v1/things",
    )
    return dispatch(Request(head, world, world.clock.now(), bind, secret=""))


def code(answer: CallResult) -> Code | None:
    """The code of an answer that is an error."""
    return answer.result.code if isinstance(answer.result, ApiError) else None


def fail_to_bind() -> Json:
    """Bind nothing."""
    raise invalid_argument("not bound")


def test_a_fault_comes_before_credentials_and_these_before_binding() -> None:
    """The first check that fails is the answer; later ones are not made."""
    nobody = Credentials()
    fault = Fault(status=503)

    assert Code.UNAVAILABLE is code(call(answer, bind=fail_to_bind, credentials=nobody, fault=fault))
    assert Code.PERMISSION_DENIED is code(call(answer, bind=fail_to_bind, credentials=nobody))
    assert Code.INVALID_ARGUMENT is code(call(answer, bind=fail_to_bind))
    assert None is code(call(answer))


def test_an_answer_is_trimmed_to_its_version() -> None:
    """Whatever a handler returns, no member leaves that the response type does not define."""
    assert {"name": "operations/1", "done": True} == call(answer).result


@pytest.mark.parametrize("handler", [refuse, refuse_in_stream])
def test_an_error_before_the_first_message_is_the_whole_answer(handler: Any) -> None:
    """A stream that never began has a real status."""
    assert Code.INVALID_ARGUMENT is code(call(handler))


def test_a_bug_is_the_services_internal_error(caplog: pytest.LogCaptureFixture) -> None:
    """In its words; the traceback is in the log."""
    failed = call(fail)

    assert isinstance(failed.result, ApiError)
    assert (Code.INTERNAL, SERVICE.internal_error) == (failed.result.code, failed.result.message)
    assert "ZeroDivisionError" in caplog.text


def test_a_hint_is_logged_and_not_sent(caplog: pytest.LogCaptureFixture) -> None:
    """It is for the tester: in the log of calls and in the server's log."""
    hinted = call(lambda _: Hinted({"name": "operations/1"}, "look there"))
    hinted.record()

    assert {"name": "operations/1"} == hinted.result
    assert ["look there"] == [entry.hint for entry in hinted.request.world.calls]
    assert "look there" in caplog.text


def test_a_refused_call_that_a_client_is_known_to_spoil_has_a_hint() -> None:
    """google-genai leaves the training data out of a create; nothing is said of other refusals."""
    assert (
        "google-genai since 1.47 and @google/genai leave the training data out"
        in call(refuse, method="tunedModels.create").hint
    )
    assert "" == call(refuse).hint
