"""The fixtures of the pytest plugin; loaded when a test requests one."""

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mockserver.inspection.evidence import find_unseen_answers
from mockserver.settings import Beginning, By, InterceptionSettings, Settings, declarations, read_settings
from mockserver.state.calls import RecordedCall
from mockserver.testing.mock_server import MockServer


class Options:
    """The options of the ini file and the marker, for `MockServer` and for the interception."""

    def __init__(self, values: Mapping[str, Any], root: Path) -> None:
        values = {name: _below_root(value, root) if name in _PATHS else value for name, value in values.items()}
        self.interception = read_settings(InterceptionSettings, values)
        settings = declarations(Beginning, Settings, by=By.TEST)
        self.server: dict[str, Any] = {name: value for name, value in values.items() if name in settings}


@contextlib.contextmanager
def in_process(
    values: Mapping[str, Any], root: Path, has_failed: Callable[[], bool] = lambda: False
) -> Iterator[MockServer]:
    """Run a server in this process that answers the test's requests to Google's hosts.

    A test that `has_failed` has a report with its calls, and gets one line of its misses.
    """
    with _usage_errors():
        options = Options(values, root)
        server = MockServer(**{"seed": 0} | options.server)
    with _intercepting(server, options.interception):
        yield server
    _report(server, options.interception, is_short=has_failed())


@contextlib.contextmanager
def on_socket(
    server: MockServer, values: Mapping[str, Any], root: Path, has_failed: Callable[[], bool] = lambda: False
) -> Iterator[MockServer]:
    """Replace the worlds of the session's server by a new one for this test. For `has_failed` see `in_process`."""
    with contextlib.ExitStack() as stack:
        with _usage_errors():
            options = Options(values, root)
            defaults: dict[str, Any] = {"seed": 0, "clock": declarations(Beginning)["clock"].live_default}
            stack.enter_context(server.fresh_world(**defaults | options.server))
        stack.enter_context(_intercepting(server, options.interception))
        yield server
        _report(server, options.interception, is_short=has_failed())


def _intercepting(server: MockServer, options: InterceptionSettings) -> contextlib.AbstractContextManager[MockServer]:
    return server.intercepting(
        sleep=options.sleep,
        busy_polling=options.busy_polling,
        fake_api_key=options.fake_api_key,
        block_network=options.block_network,
    )


def refuse_outside() -> Callable[[], None]:
    """Refuse Google's hosts while nothing newer intercepts. Returns the function that ends this.

    Where the environment names no credentials, project or API key, it gets made-up ones: Google's libraries look for
    them before they ask any host, and their error would not name the fixture.
    """
    from mockserver.doors.environment import API_KEYS, changed, write_credentials  # noqa: PLC0415 - few runs need it
    from mockserver.doors.intercept import intercepting  # noqa: PLC0415 - see above
    from mockserver.doors.intercept.interceptors import Interceptor, NotServed  # noqa: PLC0415 - see above

    def refuse(*_: object) -> None:
        raise NotServed(
            "mockserver: a host of Google's was about to be reached outside of the fixtures, and the ini option"
            " mockserver_required is on; add the fixture mockserver to the test"
        )

    server = MockServer()
    stack = contextlib.ExitStack()
    defaults = {
        "GOOGLE_APPLICATION_CREDENTIALS": str(write_credentials(server.credentials)),
        "GOOGLE_CLOUD_PROJECT": server.credentials.project,
    }
    if not any(os.environ.get(name) for name in API_KEYS):
        defaults["GOOGLE_API_KEY"] = server.credentials.api_key
    stack.enter_context(changed({name: value for name, value in defaults.items() if not os.environ.get(name)}))
    stack.enter_context(intercepting(Interceptor(server.app, server.clock, server.grpc_face, refuse)))
    return stack.close


def describe_calls(server: MockServer, others: Mapping[str, MockServer], error: BaseException | None) -> str:
    """Describe the newest calls, with hints, and what was scripted and never used, for the report of a failed test.

    A call that another server of the test could have answered says so. Calls that the `error` lists are not repeated,
    unless they have a hint.
    """
    calls = server.calls
    is_listed = bool(calls) and str(calls) in str(error)
    described = calls.describe()
    lines = ["..."] if len(described) > 20 and not is_listed else []
    for call, line in described[-20:]:
        hints = [call.hint, *_find_elsewhere(call, others)]
        hint_lines = [f"    hint: {hint}" for hint in hints if hint]
        if hint_lines or not is_listed:
            lines += [line, *hint_lines]
    if not lines and not is_listed:
        lines = ["no calls", *([f"    hint: {_NOT_LED}"] if server.url else [])]
    if programs := ", ".join(dict.fromkeys(server.child_processes)):
        lines.append(
            f"the test started a child process ({programs}), which the fixture does not reach: use mockserver_live;"
            " google-generativeai and vertexai there need `mockserver run --url URL -- COMMAND`"
        )
    return "\n".join([*lines, *server.leftovers.unused()])


_NOT_LED = (
    "google-generativeai, vertexai and clients with Google's hosts in their code read no variable for the address. A child"
    " process with one is led here by `mockserver run --url URL -- COMMAND`, with the server's url; in this process give"
    " the client api_endpoint and REST, or use the fixture mockserver"
)


def _find_elsewhere(call: RecordedCall, others: Mapping[str, MockServer]) -> Iterator[str]:
    """Yield a sentence for each other server that has the resource which a call did not find."""
    last = call.resource.rpartition("/")[2]
    if call.status not in {403, 404} or not last:
        return
    for name, server in others.items():
        if f"/{last}'" in str((*server.tuned_models.values(), *server.tuning_jobs.values())):
            yield f"it exists in {name}, which is another server with resources of its own"


def warn_of_unseen_answers(server: MockServer) -> None:
    """Warn if the test received an error message that the real service was never seen to send."""
    for sentence in find_unseen_answers(server.calls):
        warnings.warn(pytest.PytestWarning(f"mockserver: {sentence}"), stacklevel=1)


_PATHS = ("answers", "gcs_root", "recordings")
"""Settings that are paths: in the ini file and the marker they are relative to pytest's root directory."""


def _below_root(value: Any, root: Path) -> Any:
    return root / value if isinstance(value, str) else value


@contextlib.contextmanager
def _usage_errors() -> Iterator[None]:
    """Turn invalid options into a test failure without a traceback."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise pytest.fail.Exception(f"mockserver: {error}", pytrace=False) from None


def _report(server: MockServer, options: InterceptionSettings, *, is_short: bool) -> None:
    """Tell the test of its misses and leftovers, as the options say; all of them before it fails."""
    failures = []
    misses = _describe_misses(server)
    for reaction, what, lines in (
        (options.misses, "calls of the test were misses", SEE_FAILURE if misses and is_short else misses),
        (options.leaks, "the test left something behind", str(server.leftovers) if server.leftovers else ""),
    ):
        message = f"mockserver: {what}\n{lines}"
        if lines and reaction == "warn":
            warnings.warn(pytest.PytestWarning(message), stacklevel=1)
        elif lines and reaction == "fail":
            failures.append(message)
    if failures:
        pytest.fail("\n".join(failures), pytrace=False)


SEE_FAILURE = "the report of the failure has their hints"
"""What a test that has failed already is told of its misses."""


def _describe_misses(server: MockServer) -> str:
    lines = [f"{call.verb} {call.path} was answered {call.status}: {call.hint}" for call in server.misses]
    lines += [f"{host} was refused: see NotServed" for host in dict.fromkeys(server.refused_hosts)]
    lines += dict.fromkeys(server.busy_polls)
    return "\n".join(lines)
