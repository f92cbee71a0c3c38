"""The pytest plugin: what it reports of tests that fail, forget the fixture or leave something behind."""

import subprocess
from pathlib import Path

import pytest

from contract_tests.environment import HANGS, ROOT, client_python
from contract_tests.use.pytest_suite import Suite
from mockserver.doors.environment import API_KEYS


@pytest.mark.parametrize(
    ("marker", "sentence"),
    [
        ("clok='manual'", "mockserver marker: there is no option 'clok'; did you mean 'clock'?"),
        ("'manual'", "mockserver marker: 'manual' needs a name: clock='manual'"),
        ("clock='fast'", "mockserver: clock: 'fast' is not manual, real, or a factor up to 1000000x such as 60x"),
        ("sleep=None", "mockserver: sleep: None is not one of virtual, virtual+clock, real"),
        ("answers=[None]", "mockserver: None is not an answer: *"),
        ("sleep='deep'", "mockserver: sleep: 'deep' is not one of virtual, virtual+clock, real"),
        ("answers='none.yaml'", "mockserver: *none.yaml: No such file or directory"),
        ("answers=[{'regx': '.', 'answer': 'a'}]", "mockserver: unknown member 'regx'; the members are *"),
        ("leaks='maybe'", "mockserver: leaks: 'maybe' is not one of ignore, warn, fail"),
        ("seed='x'", "mockserver: seed: 'x' is not a whole number from 0 to *"),
    ],
)
@pytest.mark.parametrize("fixture", ["mockserver", "mockserver_live"])
def test_mistakes_in_the_marker_are_one_sentence(suite: Suite, fixture: str, marker: str, sentence: str) -> None:
    """The test is in error, and says what there is; no traceback through us."""
    ran = suite.run(
        f"""
        @pytest.mark.mockserver({marker})
        def test_nothing({fixture}):
            pass
        """
    )

    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines([sentence])
    ran.stdout.no_fnmatch_line("*Traceback*")


def test_failure_shows_what_was_called(suite: Suite) -> None:
    """The report of a failed test has the calls, what faults did to them, and hints for those that went astray."""
    ran = suite.run(
        """
        def test_fails(mockserver):
            mockserver.fault(Fault("models.list", status=503), Fault("tunedModels.create", status=429))
            mockserver.answer("never")
            get("models")
            requests.post(HOST)
            assert False
        """
    )

    ran.stdout.fnmatch_lines(
        [
            "*calls of mockserver*",
            "*503  models.list  GET /v1beta/models (method='models.list', status=503)",
            "*404  no method  POST /",
            "    hint: *pass project= and location= to genai.Client*",
            "never used: *never*",
            "never used: *tunedModels.create* (0 calls matched it)",
        ]
    )


def test_failed_assertion_is_short(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    """No frame of ours stands around the sentence, and the calls that it lists are not listed again."""
    monkeypatch.delenv("CI", raising=False)  # there pytest's summary has the whole sentence once more
    ran = suite.run(
        """
        def test_fails(mockserver):
            get("models")
            mockserver.calls.assert_called("models.list", status=500)

        def test_typo(mockserver):
            mockserver.fault(Fault("models.lst", status=500))

        def test_number(mockserver):
            mockserver.fault(Fault(status=500, times=0))
        """
    )

    ran.stdout.fnmatch_lines(["E *status was 200, not 500", "E *ValueError: 'models.lst' matches no method; did you *"])
    ran.stdout.no_fnmatch_line("*mockserver/*.py*")
    assert 1 == str(ran.stdout).count("200  models.list  GET /v1beta/models")


def test_failure_names_the_other_server_of_the_test(suite: Suite) -> None:
    """Each of two fixtures has resources of its own: what one of them has, the other one does not find."""
    ran = suite.run(
        """
        def test_fails(mockserver_module, mockserver):
            mockserver_module.add_tuned_model("days")
            get("tunedModels/days")
            get("tunedModels/none")
            assert False
        """
    )

    ran.stdout.fnmatch_lines(
        ["*404  tunedModels.get  GET /v1beta/tunedModels/days", "*it exists in mockserver_module,*"]
    )
    assert 1 == str(ran.stdout).count("it exists in")


FORGOTTEN = """
import google.auth

def test_forgotten(monkeypatch):
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False) if not REQUIRED else None
    credentials, project = google.auth.default(["https://www.googleapis.com/auth/cloud-platform"])
    from google.auth.transport.requests import Request
    credentials.refresh(Request())
"""


@pytest.mark.parametrize(
    ("ini", "sentences"),
    [
        ("", ["E *DefaultCredentialsError*", "this test does not use the fixture mockserver, which *"]),
        ("mockserver_required = yes", ["E *NotServed: *mockserver_required is on; add the fixture mockserver to *"]),
    ],
    ids=["optional", "required"],
)
def test_forgotten_fixture_is_named(ini: str, sentences: list[str], tmp_path: Path) -> None:
    """A client looks for credentials before it asks any host: on a machine without any it finds none."""
    (tmp_path / "pytest.ini").write_text(f"[pytest]\n{ini}\n")
    (tmp_path / "test_forgotten.py").write_text(f"REQUIRED = {bool(ini)}\n{FORGOTTEN}")
    command = [client_python("google"), "-m", "pytest", "-p", "mockserver.pytest_plugin", "-W", "ignore"]
    variables = {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "NO_GCE_CHECK": "true"}
    ran = subprocess.run(
        [*map(str, command)], cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=HANGS, check=False
    )

    pytest.LineMatcher(ran.stdout.splitlines()).fnmatch_lines(sentences)


@pytest.mark.parametrize(
    "message",
    [
        "No API key was provided. Please pass a valid API key.",
        "Provide api_key parameter or set GOOGLE_API_KEY/GEMINI_API_KEY environment variable.",
        "Failed to resolve 'generativelanguage.googleapis.com'",
    ],
)
def test_forgotten_fixture_is_named_for_other_errors(suite: Suite, message: str) -> None:
    """Clients that want a key, and libraries that find no network; the error may have led to another one."""
    ran = suite.run(
        f"""
        def test_forgotten():
            try:
                raise ValueError({message!r})
            except ValueError:
                raise RuntimeError("no model") from None

        def test_other():
            raise RuntimeError("no model")

        def test_with(mockserver):
            raise ValueError({message!r})
        """
    )

    ran.assert_outcomes(failed=3)
    assert 1 == str(ran.stdout).count("this test does not use the fixture mockserver, which answers for Google")


def test_forgotten_fixture_has_a_key(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client without a key would say so, and not that the fixture is missing; a key of the user's own stays."""
    for name in API_KEYS:
        monkeypatch.delenv(name, raising=False)
    test = """
        def test_forgotten():
            assert {KEYS} == {{name: os.environ[name] for name in {NAMES} if name in os.environ}}
        """
    for keys in ({"GOOGLE_API_KEY": "mockserver-key"}, {"GEMINI_API_KEY": "mine"}):
        ran = suite.run(test.format(KEYS=keys, NAMES=API_KEYS), ini="mockserver_required = yes")
        ran.assert_outcomes(passed=1)
        monkeypatch.setenv("GEMINI_API_KEY", "mine")


@pytest.mark.parametrize(
    ("leaks", "outcome"), [("warn", {"passed": 1, "warnings": 1}), ("fail", {"passed": 1, "errors": 1})]
)
def test_leftovers_are_reported_on_request(suite: Suite, leaks: str, outcome: dict[str, int]) -> None:
    """Unfinished jobs, undeleted models, faults and answers that never struck."""
    ran = suite.run(
        """
        def test_untidy(mockserver):
            mockserver.add_tuned_model("running", state="CREATING")
            mockserver.add_tuned_model("done")
            mockserver.answer("unused", text="never asked")
            mockserver.fault(Fault("*.create", status=503))
        """,
        ini=f"mockserver_leaks = {leaks}",
    )

    ran.assert_outcomes(**outcome)
    ran.stdout.fnmatch_lines(
        [
            "*mockserver: the test left something behind",
            "*tunedModels/running is still running",
            "*tunedModels/done was not deleted",
            "*never used: Rule(answer='unused', text='never asked')",
            "*never used: Fault(method='*.create', status=503) (0 calls matched it)",
        ]
    )


def test_tidy_tests_have_nothing_to_report(suite: Suite) -> None:
    """What was finished, deleted, used and struck is not left."""
    ran = suite.run(
        """
        def test_tidy(mockserver):
            name = mockserver.add_tuned_model("done")
            mockserver.answer("used")
            assert ask() == "used"
            assert requests.delete(f"{HOST}/v1beta/{name}?key=any-key").json() == {}
        """,
        ini="mockserver_leaks = fail",
    )

    ran.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("misses", "outcome"),
    [("ignore", {"passed": 4}), ("warn", {"passed": 4, "warnings": 3}), ("fail", {"passed": 4, "errors": 3})],
)
def test_calls_that_lead_nowhere_are_reported_on_request(suite: Suite, misses: str, outcome: dict[str, int]) -> None:
    """Even where the code swallows the error; a call that is refused for a reason of its own is none."""
    ran = suite.run(
        """
        import contextlib
        import socket

        def test_wrong_path(mockserver):
            with contextlib.suppress(Exception):
                get("tuned_models/x").raise_for_status()

        def test_refused_host(mockserver):
            with contextlib.suppress(Exception):
                socket.create_connection(("translate.googleapis.com", 443))

        def test_busy_polling(mockserver):
            mockserver.add_tuned_model("slow", state="CREATING", step=0)
            with contextlib.suppress(Exception):
                while get("tunedModels/slow").json()["state"] == "CREATING":
                    pass

        def test_not_found(mockserver):
            assert get("models/none").status_code == 404
        """,
        ini=f"mockserver_misses = {misses}",
    )

    ran.assert_outcomes(**outcome)
    if misses != "ignore":
        ran.stdout.fnmatch_lines_random(
            [
                "*GET /v1beta/tuned_models/x was answered 404: did you mean GET /v1beta/tunedModels/x?*",
                "*translate.googleapis.com was refused: see NotServed",
                "*tunedModels/slow was polled 100 times while the clock stood still, by *",
            ]
        )


def test_forgetting_the_fixture_can_be_an_error(suite: Suite) -> None:
    """Google's hosts are refused to the whole run, by every library; with a fixture they are answered.

    gRPC reports an error of the plugin that fetches the token as UNAVAILABLE, which Google's clients retry for minutes.
    """
    ran = suite.run(
        """
        import asyncio
        import socket
        import urllib.request
        import aiohttp
        import httpx
        from mockserver.doors.intercept.interceptors import NotServed

        URL = f"{HOST}/v1beta/models?key=any-key"

        async def by_aiohttp():
            async with aiohttp.ClientSession() as session:
                await session.get(URL)

        @pytest.mark.parametrize(
            "ask",
            [
                lambda: requests.get(URL),
                lambda: httpx.get(URL),
                lambda: urllib.request.urlopen(URL),
                lambda: asyncio.run(by_aiohttp()),
            ],
        )
        def test_forgotten(ask):
            with pytest.raises(NotServed, match="add the fixture mockserver to the test"):
                ask()

        def test_unknown_library():
            with pytest.raises(NotServed):
                socket.create_connection(("generativelanguage.googleapis.com", 443))

        def test_grpc():
            import grpc
            channel = grpc.secure_channel("aiplatform.googleapis.com", grpc.ssl_channel_credentials())
            with pytest.raises(grpc.RpcError, match="add the fixture mockserver to the test"):
                channel.unary_unary("/google.cloud.aiplatform.v1.GenAiTuningService/GetTuningJob")(b"", timeout=30)

        class Plugin:
            # As google.auth's: it fetches a token before the call is sent.
            def __call__(self, context, callback):
                requests.post("https://oauth2.googleapis.com/token", data={})

        def test_grpc_with_a_token():
            import grpc
            credentials = grpc.composite_channel_credentials(
                grpc.ssl_channel_credentials(), grpc.metadata_call_credentials(Plugin())
            )
            channel = grpc.secure_channel("aiplatform.googleapis.com", credentials)
            with pytest.raises(grpc.RpcError, match="add the fixture mockserver to the test") as error:
                channel.unary_unary("/google.cloud.aiplatform.v1.GenAiTuningService/GetTuningJob")(b"", timeout=30)

            assert error.value.code() is grpc.StatusCode.FAILED_PRECONDITION
            assert error.value.details().startswith("mockserver: ")

        def test_with(mockserver):
            assert get("models").status_code == 200

        def test_others():
            assert socket.getaddrinfo("192.0.2.1", 80)
        """,
        ini="mockserver_required = yes",
    )

    ran.assert_outcomes(passed=9)


def test_server_that_was_not_reached_says_who_reads_no_variable(suite: Suite) -> None:
    """A server on a socket knows that old libraries were not led to it; the one in process answers them."""
    ran = suite.run(
        """
        def test_live(mockserver_live):
            assert False

        def test_in_process(mockserver):
            assert False
        """
    )

    ran.stdout.fnmatch_lines(
        ["*calls of mockserver_live*", "no calls", "    hint: google-generativeai, vertexai and *"]
    )
    assert 1 == str(ran.stdout).count("hint: ")


def test_key_beside_credentials_is_explained(suite: Suite) -> None:
    """The fixture has put the key there that google-generativeai finds beside the credentials that it was given."""
    ran = suite.run(
        """
        def configure():
            raise ValueError("client_options.api_key and credentials are mutually exclusive")

        def test_credentials(mockserver):
            configure()

        def test_without_a_fixture():
            configure()
        """
    )

    ran.stdout.fnmatch_lines(["*leave it out with @pytest.mark.mockserver(fake_api_key=False)"])
    assert 1 == str(ran.stdout).count("(fake_api_key=False)")


def test_report_says_what_to_do_about_errors_of_clients(suite: Suite) -> None:
    """Of a client without a reference, and of a misspelt name of ours, for which pytest shows no suggestion."""
    ran = suite.run(
        """
        def test_closed(mockserver):
            raise RuntimeError("Cannot send a request, as the client has been closed.")

        def test_upload(mockserver):
            raise AttributeError("'Resource' object has no attribute 'media'")

        def test_typo(mockserver):
            mockserver.answr("x")

        def test_other_typo(mockserver):
            mockserver.report.assert_polit()

        def test_foreign_typo(mockserver):
            "".lowr()
        """
    )

    ran.stdout.fnmatch_lines(
        [
            "keep the client in a variable: Python deletes one that nothing refers to, *",
            "google-generativeai asks for media.upload, which is left out: files are not supported *",
            "MockServer has no 'answr'; did you mean 'answer'?",
            "ClientBehaviour has no 'assert_polit'; did you mean 'assert_polite'?",
        ]
    )
    ran.stdout.no_fnmatch_line("*'lowr'; did you mean*")


def test_report_names_child_processes(suite: Suite) -> None:
    """They do not reach a server without a socket; those of mockserver_live do."""
    ran = suite.run(
        """
        import subprocess, sys

        def test_without_socket(mockserver):
            with pytest.raises(RuntimeError, match="use the fixture mockserver_live"):
                mockserver.env
            subprocess.run([sys.executable, "-c", ""])
            assert False

        def test_with_socket(mockserver):
            with mockserver.live():
                subprocess.run([sys.executable, "-c", ""])
            assert False

        def test_live(mockserver_live):
            subprocess.run([sys.executable, "-c", ""])
            assert False
        """
    )

    advice = "use mockserver_live; google-generativeai and vertexai there need `mockserver run --url URL -- COMMAND`"
    ran.stdout.fnmatch_lines(
        [f"the test started a child process (python*), which the fixture does not reach: {advice}"]
    )
    assert 1 == str(ran.stdout).count("started a child process")


def test_report_folds_polls(suite: Suite) -> None:
    """What came before them stays visible."""
    ran = suite.run(
        """
        def test_fails(mockserver):
            mockserver.add_tuned_model("slow", state="CREATING", step=0)
            get("models")
            for _ in range(30):
                get("tunedModels/slow")
                time.sleep(1)
            assert False
        """
    )

    ran.stdout.fnmatch_lines(
        ["*200  models.list  GET /v1beta/models", "*GET /v1beta/tunedModels/slow  ... and 29 more, the last at 20*"],
        consecutive=True,
    )


def test_unused_fault_names_the_nearest_call(suite: Suite) -> None:
    """Of the same action, or of its own method with another resource."""
    ran = suite.run(
        """
        def test_fails(mockserver):
            get("tunedModels/days")
            mockserver.fault(Fault("models.get", status=503))
            mockserver.fault(Fault("tunedModels.get", resource="tunedModels/weeks", status=503))
            mockserver.fault(Fault("tunedModels.create", status=503))
            assert False
        """
    )

    nearest = "(0 calls matched it; the nearest call was tunedModels.get of tunedModels/days)"
    ran.stdout.fnmatch_lines(
        [f"never used: *models.get*{nearest}", f"never used: *weeks*{nearest}", "*create*(0 calls matched it)"]
    )


def test_misspelt_option_in_the_ini_file_is_named(suite: Suite) -> None:
    """With the one that was meant, which pytest's own warning does not have."""
    ran = suite.run("def test_passes(): pass", ini="mockserver_blok_network = yes")

    ran.stdout.fnmatch_lines(["*there is no option 'blok_network'; did you mean 'block_network'?*"])


def test_failure_at_the_end_shows_what_was_called_on_a_socket(suite: Suite) -> None:
    """The server has another world by then."""
    ran = suite.run(
        """
        import urllib.error
        import urllib.request

        import pytest

        def test_misses(mockserver_live):
            with pytest.raises(urllib.error.HTTPError):
                urllib.request.urlopen(f"{mockserver_live.url}/v1beta/tuned_models/x")

        @pytest.fixture
        def broken(mockserver_live):
            yield
            mockserver_live.add_tuned_model("days")
            assert urllib.request.urlopen(f"{mockserver_live.url}/v1beta/tunedModels/days?key=k").status == 204

        def test_own_fixture(broken):
            pass
        """,
        ini="mockserver_misses = fail",
    )

    ran.assert_outcomes(passed=2, errors=2)
    ran.stdout.fnmatch_lines(["*  404  * /v1beta/tuned_models/x", "    hint: did you mean GET /v1beta/tunedModels/x?*"])
    ran.stdout.fnmatch_lines(["*  200  * /v1beta/tunedModels/days"])
    ran.stdout.no_fnmatch_line("no calls")


@pytest.mark.parametrize("fixture", ["mockserver", "mockserver_live"])
def test_failed_test_has_its_hints_once(suite: Suite, fixture: str) -> None:
    """Its report has them, so the error at its end is a line."""
    ran = suite.run(
        f"""
        import urllib.error
        import urllib.request

        def test_misses({fixture}):
            url = {fixture}.url or "https://generativelanguage.googleapis.com"
            try:
                urllib.request.urlopen(f"{{url}}/v1beta/tuned_models/x")
            except urllib.error.HTTPError:
                pass
            assert False
        """,
        ini="mockserver_misses = fail",
    )

    ran.assert_outcomes(failed=1, errors=1)
    ran.stdout.fnmatch_lines(["mockserver: calls of the test were misses", "the report of the failure has their hints"])
    assert 1 == str(ran.stdout).count("hint: did you mean")
    assert 1 == str(ran.stdout).count(f"calls of {fixture} -")
