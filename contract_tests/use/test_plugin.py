"""The pytest plugin: what its fixtures do for a suite, tested on suites of its own (it is off in this one)."""

import subprocess
import sys

import pytest

from contract_tests.use.pytest_suite import Suite
from contract_tests.use.test_start import OF_THE_PLUGIN


def test_state_never_leaks(suite: Suite) -> None:
    """Each test begins with nothing, and leaves time, network and environment as they were, though it fails.

    What the test itself sets in the environment stays, as it would without the fixture.
    """
    ran = suite.run(
        """
        import socket
        from urllib3.connection import HTTPSConnection

        def outside():
            variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
            return time.sleep, HTTPSConnection.connect, socket.getaddrinfo, variables

        BEFORE = outside()

        @pytest.mark.parametrize("round", [1, 2, 3])
        def test_same_names_again(mockserver, round):
            assert get("tunedModels/mine").status_code == 404
            mockserver.add_tuned_model("mine")
            mockserver.answer("scripted")
            mockserver.fault(Fault(status=503, nth=9))
            assert ask() == "scripted"
            time.sleep(3600)
            os.environ["GOOGLE_CLOUD_PROJECT"] = "another"
            assert round != 2

        def test_without_the_fixture():
            *before, variables = BEFORE
            assert (*before, variables | {"GOOGLE_CLOUD_PROJECT": "another"}) == outside()
        """
    )

    ran.assert_outcomes(passed=3, failed=1)


def test_same_seed_gives_the_same_test(suite: Suite) -> None:
    """Ids repeat from test to test, unless the marker says another seed."""
    ran = suite.run(
        """
        names = []

        @pytest.mark.parametrize("round", [1, 2])
        def test_name(mockserver, round):
            names.append(mockserver.add_tuned_model())

        @pytest.mark.mockserver(seed=7)
        def test_other_name(mockserver):
            names.append(mockserver.add_tuned_model())
            assert names[0] == names[1] != names[2]
        """
    )

    ran.assert_outcomes(passed=3)


def test_marker_sets_the_server_up(suite: Suite) -> None:
    """Clock, day, answers, who may ask; of several markers the nearest one counts, option by option."""
    suite.file("answers.yaml", "answers: [{text: monday, answer: tuesday}]\nfaults: [{status: 503, nth: 3}]")
    ran = suite.run(
        """
        @pytest.mark.mockserver(start_time="2024-03-14T15:00:00Z", seed=3)
        class TestOfThatDay:
            def test_starts_there(self, mockserver):
                assert mockserver.now.isoformat() == "2024-03-14T15:00:00+00:00"

            @pytest.mark.mockserver(seed=4)
            def test_nearest_counts(self, mockserver):
                assert mockserver.settings.seed == 4
                assert mockserver.now.year == 2024

        @pytest.mark.mockserver(as_of="2024-03-14")
        def test_as_of(mockserver):
            names = [model["name"] for model in get("models").json()["models"]]
            assert "models/gemini-1.0-pro-001" in names
            assert "models/gemini-2.0-flash" not in names

        @pytest.mark.mockserver(answers="answers.yaml")
        def test_answers_file(mockserver):
            assert ask("monday") == "tuesday"
            assert len(mockserver.faults) == 1

        @pytest.mark.mockserver(answers=["first", Rule("second", text="2")])
        def test_answers(mockserver):
            assert ask() == "first"

        @pytest.mark.mockserver(auth="strict", accepted_credentials="one,two")
        def test_strict(mockserver):
            assert [get("models", key=key).status_code for key in ("one", "two", "three")] == [200, 200, 400]

        @pytest.mark.mockserver(auth="off")
        def test_off(mockserver):
            assert requests.get(f"{HOST}/v1beta/models").status_code == 200

        @pytest.mark.mockserver(sleep="real")
        def test_real_sleep(mockserver):
            before = mockserver.now
            time.sleep(0.01)
            assert mockserver.now == before

        @pytest.mark.mockserver(clock="1000000x")
        def test_running_clock(mockserver):
            before = mockserver.now
            assert mockserver.now > before
        """
    )

    ran.assert_outcomes(passed=9)


def test_ini_file_says_the_same_for_all(suite: Suite) -> None:
    """Every option of the marker under its name; the marker goes before it."""
    suite.file("answers.yaml", "answers: [{answer: from the file}]")
    ran = suite.run(
        """
        def test_ini(mockserver):
            assert mockserver.now.isoformat() == "2024-03-14T12:00:00+00:00"
            assert (mockserver.settings.seed, mockserver.settings.magic) == (5, False)
            assert ask() == "from the file"

        @pytest.mark.mockserver(seed=6, magic=True)
        def test_marker(mockserver):
            assert (mockserver.settings.seed, mockserver.settings.magic) == (6, True)

        def test_live(mockserver_live):
            assert mockserver_live.settings.seed == 5
        """,
        ini="""
        mockserver_start_time = 2024-03-14T12:00
        mockserver_seed = 5
        mockserver_magic = no
        mockserver_answers = answers.yaml
        mockserver_leaks = ignore
        """,
    )

    ran.assert_outcomes(passed=3)


def test_fixtures_of_any_scope_intercept(suite: Suite) -> None:
    """A session's interceptor that a test fetches stays when the test's own ends, and is gone after the session."""
    ran = suite.run(
        """
        @pytest.fixture(scope="session")
        def whole():
            from mockserver import MockServer
            with MockServer().intercepting() as server:
                yield server
            began = time.monotonic()
            time.sleep(0.001)
            assert time.monotonic() - began >= 0.001

        @pytest.fixture(scope="module")
        def between(whole):
            from mockserver import MockServer
            with MockServer().intercepting() as server:
                yield server

        def test_fetched_inside(mockserver, request):
            began = mockserver.now
            time.sleep(3600)
            assert (mockserver.now - began).total_seconds() == 3600
            between = request.getfixturevalue("between")
            get("models")
            assert len(between.calls) == 1 and not mockserver.calls

        def test_without_its_own(between, whole):
            get("models")
            began = between.now
            time.sleep(60)
            assert len(between.calls) == 2 and (between.now - began).total_seconds() == 60

        def test_with_its_own(mockserver, between):
            get("models")
            assert len(between.calls) == 2 and len(mockserver.calls) == 1
        """
    )

    ran.assert_outcomes(passed=3)


def test_fixtures_of_each_scope_are_set_up_once(suite: Suite) -> None:
    """Set up once, test many; each takes the options of its node, and a test's own fixture comes first."""
    ran = suite.run(
        """
        pytestmark = pytest.mark.mockserver(start_time="2024-03-14")

        @pytest.fixture(scope="module", autouse=True)
        def days(mockserver_module):
            mockserver_module.add_tuned_model("days")

        def test_module(mockserver_module):
            assert get("tunedModels/days").status_code == 200
            assert mockserver_module.now.year == 2024
            time.sleep(60)

        @pytest.mark.mockserver(start_time="2024-05-01")
        class TestClass:
            def test_first(self, mockserver_class):
                mockserver_class.add_tuned_model("nights")
                assert get("tunedModels/days").status_code != 200

            def test_second(self, mockserver_class):
                assert mockserver_class.now.month == 5
                assert get("tunedModels/nights").status_code == 200

        def test_own(mockserver):
            assert get("tunedModels/days").status_code != 200

        def test_session(mockserver_module, mockserver_session):
            assert get("tunedModels/days").status_code != 200
            assert len(mockserver_session.calls) == 1

        def test_module_again(mockserver_module):
            assert mockserver_module.now.minute == 1
            assert mockserver_module.tuned_models["days"]
        """
    )

    ran.assert_outcomes(passed=6)


def test_network_can_be_blocked(suite: Suite) -> None:
    """Other machines are out of reach for every library, this one and Google's hosts are not."""
    ran = suite.run(
        """
        import socket
        import httpx

        @pytest.mark.mockserver(block_network=True)
        def test_blocked(mockserver, mockserver_live):
            with pytest.raises(requests.ConnectionError, match="block_network is on, and example.com is not"):
                requests.get("http://example.com/")
            with pytest.raises(httpx.ConnectError, match="block_network is on, and example.com is not"):
                httpx.get("http://example.com/")
            with pytest.raises(OSError, match="block_network is on, and 192.0.2.1 is not"):
                socket.create_connection(("192.0.2.1", 80))
            assert get("models").status_code == 200
            assert get("models", host=mockserver_live.url).status_code == 200

        def test_not_blocked(mockserver):
            assert socket.getaddrinfo("192.0.2.1", 80)
        """
    )

    ran.assert_outcomes(passed=2)


def test_live_server_is_the_sessions_and_the_world_the_tests(suite: Suite) -> None:
    """One port for all, nothing of the test before; time passes sixty times as fast, and sleeping moves it."""
    ran = suite.run(
        """
        urls = set()

        @pytest.mark.parametrize("round", [1, 2])
        def test_fresh(mockserver_live, round):
            urls.add(mockserver_live.url)
            assert get("tunedModels/mine", host=mockserver_live.url).status_code == 404
            mockserver_live.add_tuned_model("mine")
            assert get("tunedModels/mine", host=mockserver_live.url).status_code == 200
            assert [call.status for call in mockserver_live.calls] == [404, 200]

        def test_time(mockserver_live):
            urls.add(mockserver_live.url)
            name = mockserver_live.add_tuned_model(state="CREATING", step=0)
            time.sleep(3600)
            assert get(name, host=mockserver_live.url).json()["state"] == "ACTIVE"
            assert len(urls) == 1

        @pytest.mark.mockserver(clock="manual", start_time="2024-03-14T15:00:00Z", answers=["scripted"])
        def test_marker(mockserver_live):
            assert ask(host=mockserver_live.url) == "scripted"
            assert mockserver_live.now.isoformat() == "2024-03-14T15:00:00+00:00"
        """
    )

    ran.assert_outcomes(passed=4)


def test_workers_of_xdist_do_not_meet(suite: Suite) -> None:
    """Each has a server of its own, in process and live."""
    ran = suite.run(
        """
        @pytest.mark.parametrize("round", range(8))
        def test_alone(mockserver, round):
            assert mockserver.add_tuned_model("mine") == "tunedModels/mine"
            assert len(mockserver.calls) == 0
            get("tunedModels/mine")
            assert len(mockserver.calls) == 1

        @pytest.mark.parametrize("round", range(8))
        def test_alone_live(mockserver_live, round):
            mockserver_live.add_tuned_model("mine")
            assert get("tunedModels/mine", host=mockserver_live.url).status_code == 200
            assert len(mockserver_live.calls) == 1
        """,
        "-n",
        "2",
    )

    ran.assert_outcomes(passed=16)


def test_asynchronous_tests_sleep_without_waiting(suite: Suite) -> None:
    """Under anyio's plugin, in one loop: tasks that sleep side by side take as long as the longest."""
    ran = suite.run(
        """
        import asyncio
        import anyio
        import httpx

        pytestmark = pytest.mark.anyio

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        async def poll(client, name, seconds):
            while (await client.get(f"{HOST}/v1beta/{name}?key=any-key")).json()["state"] == "CREATING":
                await asyncio.sleep(seconds)

        async def test_together(mockserver):
            names = [mockserver.add_tuned_model(state="CREATING", step=0) for _ in range(3)]
            began = mockserver.now
            async with httpx.AsyncClient() as client:
                await asyncio.gather(*(poll(client, name, 60) for name in names))
            assert (mockserver.now - began).total_seconds() < 900
            mockserver.report.assert_polite(min_interval=60)

        async def test_of_anyio(mockserver):
            began = mockserver.now
            await anyio.sleep(3600)
            assert (mockserver.now - began).total_seconds() == 3600
        """
    )

    ran.assert_outcomes(passed=2)


def test_plugin_can_be_left_out(suite: Suite) -> None:
    """By the name pytest knows it by."""
    ran = suite.run("def test_nothing(mockserver): pass", "-p", "no:mockserver")

    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines(["*fixture 'mockserver' not found*"])


def test_help_knows_fixtures_and_marker(suite: Suite) -> None:
    """What --fixtures and --markers is what they are for; --strict-markers does not mind ours."""
    fixtures = suite.run("def test_nothing(): pass", "--fixtures")
    markers = suite.run("def test_nothing(): pass", "--markers")
    strict = suite.run("@pytest.mark.mockserver(seed=1)\ndef test_nothing(mockserver): pass", "--strict-markers")

    fixtures.stdout.fnmatch_lines(["mockserver --*", "*Google's tuning APIs in this process*", "mockserver_live --*"])
    markers.stdout.fnmatch_lines(["@pytest.mark.mockserver(clock=..., *): set up the fixtures*"])
    strict.assert_outcomes(passed=1)


def test_plugin_loads_nothing_heavy() -> None:
    """It is loaded in every run of our users' suites: with its options it takes the modules of settings, no other."""
    script = (
        "import sys, pytest; before = set(sys.modules); import mockserver.pytest_plugin as plugin; plugin._settings();"
        "print(*set(sys.modules) - before)"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    assert OF_THE_PLUGIN == set(loaded.split())


def test_child_processes_are_led_to_the_live_server(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where their client honours the variable, and past a proxy; in the process of the test nothing changes."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "example.com")
    monkeypatch.delenv("no_proxy", raising=False)
    ran = suite.run(
        """
        import subprocess, sys

        CHILD = '''
        import os, requests
        url = os.environ["GOOGLE_GEMINI_BASE_URL"] + "/v1beta/models"
        print(requests.get(url, headers={"x-goog-api-key": os.environ["GOOGLE_API_KEY"]}).status_code)
        '''.replace("        ", "")

        def test_child(mockserver_live):
            assert subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True).stdout == "200\\n"
            assert len(mockserver_live.calls) == 1
            assert get("models", host=mockserver_live.url).status_code == 200
            assert get("models").status_code == 200
            assert "example.com" in os.environ["NO_PROXY"]

        def test_afterwards():
            assert os.environ["NO_PROXY"] == "example.com"
            assert "no_proxy" not in os.environ
            assert "GOOGLE_GEMINI_BASE_URL" not in os.environ
        """
    )

    ran.assert_outcomes(passed=2)
