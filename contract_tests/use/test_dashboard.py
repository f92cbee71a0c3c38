"""The dashboard, as a browser and as a program without one see it."""

import gc
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract_tests.environment import HANGS, ROOT, client_python, node, program
from contract_tests.use.serving import Served, serving
from mockserver import Fault, MockServer
from mockserver.gemini.store import TUNED_MODELS

Json = dict[str, Any]

HTML = {"accept": "text/html"}
NASTY = "<script>alert(1)</script>"
PAGES = (
    "/",
    "/ui/traffic",
    "/ui/scenario",
    "/ui/worlds",
    "/ui/connect",
    "/ui/job?name=tunedModels/nasty",
    "/ui/call?number=1",
)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """What a person sees who watches a job in Chromium: see dashboard_browser.py."""
    folder = tmp_path_factory.mktemp("dashboard")
    node()  # axe-core is a package of its environment
    axe = ROOT / "clients" / "node" / "node_modules"
    with serving(folder / "log", "--clock", "manual", "--seed", "7") as served:
        script = Path(__file__).with_name("dashboard_browser.py")
        command = [str(client_python("browser")), str(script), served.base_url, str(program("chromium"))]
        command += [str(axe / "axe-core" / "axe.min.js"), str(folder)]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=HANGS, check=False)
    assert 0 == ran.returncode, ran.stderr
    found: Json = json.loads(ran.stdout)
    return found | {"url": served.base_url, "screenshots": len(list(folder.glob("*.png")))}


@pytest.mark.slow
def test_a_browser_at_the_root_is_led_to_the_dashboard(seen: Json) -> None:
    """It saw an error in JSON."""
    assert f"{seen['url']}/_mock/" == seen["address"]


@pytest.mark.slow
def test_a_job_moves_while_the_clock_advances(seen: Json) -> None:
    """Its bar and its curves, without loading the page again; each point says its value; a failed job says so."""
    assert sorted(map(int, seen["bars"])) == list(map(int, seen["bars"]))
    assert int(seen["bars"][0]) < int(seen["bars"][-1])
    assert seen["dots"][0] < seen["dots"][1]
    assert (2, 1) == (seen["curves"], seen["scale"])
    assert re.fullmatch(r"training: \d+\.?\d* at step 1", seen["hover"])
    assert "JOB_STATE_FAILED" == seen["state"]


@pytest.mark.slow
def test_an_answer_from_the_form_reaches_the_sdk(seen: Json) -> None:
    """And a mistake in a form is a sentence on a page."""
    assert "From the form" == seen["text"]
    assert "'tunedModels.crate' matches no method; did you mean 'tunedModels.create'" in seen["refusal"]


@pytest.mark.slow
def test_the_log_in_a_browser_has_each_call_once(seen: Json) -> None:
    """Newest first, across a lost connection."""
    assert list(range(len(seen["numbers"]), 0, -1)) == seen["numbers"]


@pytest.mark.slow
def test_a_copied_test_passes(seen: Json, tmp_path: Path) -> None:
    """It scripts the exchange that was seen."""
    (tmp_path / "test_copied.py").write_text(seen["pytest"])
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:mockserver",  # it is loaded by its module's name, whether it is installed or not
        "-p",
        "mockserver.pytest_plugin",
        "test_copied.py",
    ]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=HANGS, check=False)

    assert "1 passed" in ran.stdout, ran.stdout + ran.stderr
    assert "From the form" in seen["pytest"]
    assert seen["curl"].startswith(f"curl -X POST {seen['url']}/v1beta1/projects/my-project/")


@pytest.mark.slow
def test_the_model_of_a_job_can_be_tried_on_its_page(seen: Json) -> None:
    """With safety ratings as bars, and the data's statistics as histograms."""
    assert (1, 4) == (seen["tried"], seen["ratings"])
    assert 0 < seen["histograms"]


@pytest.mark.slow
def test_the_dashboard_is_accessible(seen: Json) -> None:
    """axe-core finds nothing serious on any page in either theme; the keyboard starts at the content; 400 pixels do."""
    assert [] == seen["violations"]
    assert "Skip to the content" == seen["focus"]
    assert {400} == set(seen["widths"])
    assert 28 == seen["screenshots"]


@pytest.mark.slow
def test_nothing_of_a_client_is_executed_and_nothing_is_loaded_from_elsewhere(seen: Json) -> None:
    """No dialog, no script error, no violation of the policy, no request to another host."""
    assert [] == seen["problems"]


@pytest.mark.slow
def test_pages_work_without_javascript(seen: Json) -> None:
    """The list can be read, and forms work."""
    assert "2 tuning jobs" in seen["plain"]
    assert NASTY in seen["plain"]
    assert seen["moved"] is True


@pytest.fixture
def server() -> Iterator[MockServer]:
    """A server on a socket with a model whose name is a script, and one call."""
    with MockServer(seed=1).live() as server:
        server.add_tuned_model("nasty", display_name=NASTY, examples={"one": "two"})
        httpx.get(f"{server.url}/v1beta/tunedModels/nasty", headers={"x-goog-api-key": "k"})
        yield server


@contextmanager
def with_token(token: str) -> Iterator[MockServer]:
    """A server that other machines could reach."""
    server = MockServer(seed=1)
    server.start(token=token)
    try:
        yield server
    finally:
        server.stop()


@pytest.mark.parametrize("path", PAGES)
def test_every_page_escapes_what_it_shows_and_allows_only_this_servers_scripts(server: MockServer, path: str) -> None:
    """A display name is text; the policy allows nothing inline and no other host."""
    page = httpx.get(f"{server.url}/_mock{path}", headers=HTML)

    assert 200 == page.status_code
    assert NASTY not in page.text
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in page.headers["content-security-policy"]
    assert "style=" not in page.text
    assert not re.search(r"<[^>]+ on[a-z]+=", page.text)


@pytest.mark.parametrize("path", PAGES)
def test_half_of_a_surrogate_pair_is_shown(server: MockServer, path: str) -> None:
    """Python can give it; UTF-8 cannot encode it."""
    half = "a\ud800b"
    server.answer(half, text=half)
    server.fault(Fault("models.get", status=503, message=half))
    server.add_tuned_model("half", display_name=half, examples={half: half})
    page = httpx.get(f"{server.url}/_mock{path.replace('nasty', 'half')}", headers=HTML)

    assert 200 == page.status_code


def test_what_is_left_of_a_quota_is_shown() -> None:
    """For the model and the project that use it, until it begins anew."""
    body = {"contents": [{"role": "user", "parts": [{"text": "x"}]}]}
    with MockServer(seed=1, requests_per_minute=5).live() as server:
        for _ in range(2):
            path = "/v1beta/models/gemini-2.0-flash:generateContent"
            assert 200 == httpx.post(f"{server.url}{path}", json=body, headers={"x-goog-api-key": "k"}).status_code
        used = httpx.get(f"{server.url}/_mock/ui/scenario", headers=HTML).text
        server.clock.advance(minutes=2)
        later = httpx.get(f"{server.url}/_mock/ui/scenario", headers=HTML).text

    assert "3 of 5" in used
    assert "None is in use" in later


@pytest.mark.parametrize(
    ("project", "shown"),
    [("a/b", "a/b"), ("/", "/"), ("AIza" + "Secretive" * 3 + "Secretiv", "AIza...(39 characters)")],
)
def test_a_quota_is_shown_of_whatever_project_a_client_names(project: str, shown: str) -> None:
    """With slashes, which stand between the project and its model too; without what looks like a real secret."""
    body = {"contents": [{"parts": [{"text": "x"}]}]}
    headers = {"x-goog-api-key": "k", "x-goog-user-project": project}
    with MockServer(requests_per_minute=5).live() as server:
        httpx.post(f"{server.url}/v1beta/models/gemini-2.0-flash:generateContent", json=body, headers=headers)
        page = httpx.get(f"{server.url}/_mock/ui/scenario", headers=HTML)

    assert 200 == page.status_code
    assert f'<td data-label="project">{shown}</td>' in page.text
    assert "4 of 5" in page.text
    assert "Secretive" not in page.text


def test_a_page_shows_what_a_job_trains_with_and_its_checkpoints() -> None:
    """Whoever chose the hyperparameters; a checkpoint with its endpoint."""
    with MockServer(seed=1).live() as server:
        name = server.add_tuning_job(base_model="gemini-2.5-flash")
        page = httpx.get(f"{server.url}/_mock/ui/job", params={"name": name}, headers=HTML).text
        endpoints = [it["endpoint"] for it in server.tuning_jobs[name]["tunedModel"]["checkpoints"]]

    assert re.search(r"<dt>epochs</dt><dd>\d+</dd>\s*<dt>batch size</dt><dd>\d+</dd>", page)
    assert endpoints
    assert all(f": {endpoint}</dd>" in page for endpoint in endpoints)


@pytest.mark.slow
def test_an_hour_of_updates_leaves_the_memory_flat() -> None:
    """Ten thousand calls in the log, and 3,600 updates of the pages that follow them: nothing is kept of a page."""
    key = {"x-goog-api-key": "k"}
    with MockServer(seed=1).live() as server, httpx.Client(base_url=server.url, headers=HTML) as browser:
        server.add_tuning_job(state="RUNNING")
        for _ in range(10_000):
            browser.get("/v1beta/models/gemini-2.0-flash", headers=key)

        def update(times: int) -> int:
            for _ in range(times):
                server.clock.advance(1)
                assert 200 == browser.get("/_mock/").status_code
                assert 200 == browser.get("/_mock/ui/traffic").status_code
            gc.collect()
            return len(gc.get_objects())

        before = update(200)
        after = update(1_600)

    assert after < before * 1.02


def test_programs_at_the_same_addresses_are_answered_as_before(server: MockServer) -> None:
    """Only who asks for HTML gets a page."""
    assert "text/html" in httpx.get(f"{server.url}/_mock/", headers=HTML).headers["content-type"]
    assert 404 == httpx.get(f"{server.url}/_mock/").status_code
    assert 404 == httpx.get(f"{server.url}/").status_code
    google = {"host": "generativelanguage.googleapis.com"}
    assert 404 == httpx.get(f"{server.url}/", headers=HTML | google).status_code


def test_everything_that_a_page_loads_is_small() -> None:
    """All templates, the style and the script together stay below 80 KB."""
    folder = ROOT / "mockserver" / "control" / "dashboard"

    assert sum(path.stat().st_size for kind in ("templates", "static") for path in (folder / kind).iterdir()) < 80_000


def read_events(server: MockServer, count: int, **headers: str) -> list[int]:
    """The ids of the first events of the log."""
    numbers: list[int] = []
    with httpx.stream("GET", f"{server.url}/_mock/ui/events?after=0", headers=headers, timeout=HANGS) as stream:
        for line in stream.iter_lines():
            if line.startswith("id: "):
                numbers.append(int(line[4:]))
            if len(numbers) == count:
                return numbers
    return numbers


def test_a_reader_of_the_log_that_comes_back_misses_nothing_and_sees_nothing_twice(server: MockServer) -> None:
    """Events have the numbers of the calls as ids, and a browser sends the last one when it connects again."""
    for _ in range(3):
        httpx.get(f"{server.url}/v1beta/models", headers={"x-goog-api-key": "k"})
    first = read_events(server, 2)
    for _ in range(2):
        httpx.get(f"{server.url}/v1beta/models", headers={"x-goog-api-key": "k"})
    second = read_events(server, 4, **{"last-event-id": str(first[-1])})

    assert [1, 2, 3, 4, 5, 6] == first + second


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"cookie": "mockserver_token=wrong"}, 401),
        ({"cookie": "mockserver_token=secret"}, 200),
        ({"cookie": "mockserver_token=secret", "origin": "http://evil.example"}, 401),
        ({"x-mockserver-token": "secret"}, 200),
    ],
)
def test_a_server_that_needs_a_token_asks_for_it(headers: dict[str, str], status: int) -> None:
    """A page load cannot send a header: a form sets a cookie, which pages of other sites cannot use."""
    with with_token("secret") as server:
        assert status == httpx.get(f"{server.url}/_mock/", headers=HTML | headers).status_code


def test_the_form_for_the_token_sets_a_strict_cookie() -> None:
    """Programs of a page cannot read it, other sites' pages do not send it; the control API does not accept it."""
    with with_token("secret") as server, httpx.Client(base_url=server.url) as browser:
        wrong = browser.post("/_mock/ui/token", data={"token": "wrong"}, headers=HTML)
        right = browser.post("/_mock/ui/token", data={"token": "secret"}, headers=HTML)
        page = browser.get("/_mock/", headers=HTML)
        api = browser.get("/_mock/runs")

    assert (401, 303, 200, 403) == (wrong.status_code, right.status_code, page.status_code, api.status_code)
    assert "HttpOnly; Path=/_mock; SameSite=strict" in right.headers["set-cookie"]


def test_every_number_that_limits_a_fault_has_a_field(server: MockServer) -> None:
    """The form adds a fault for the second call."""
    page = httpx.get(f"{server.url}/_mock/ui/scenario", headers=HTML).text
    fields = {"faults.0.status": "429", "faults.0.nth": "2", "faults.0.times": "1"}
    form = {"_verb": "POST", "_path": "/faults", "_body": "{}", "_back": "/_mock/", **fields}
    httpx.post(f"{server.url}/_mock/ui/act", data=form, headers=HTML)

    assert all(f'name="{name}"' in page for name in fields)
    assert Fault(status=429, nth=2, times=1) == server.faults[-1].fault


@pytest.mark.parametrize("origin", ["http://evil.example", "null"])
def test_a_page_of_another_site_cannot_use_a_form(server: MockServer, origin: str) -> None:
    """The rules of the control API hold here too."""
    form = {"_verb": "POST", "_path": "/reset", "_body": "{}", "_back": "/_mock/"}
    refused = httpx.post(f"{server.url}/_mock/ui/act", data=form, headers=HTML | {"origin": origin})

    assert 403 == refused.status_code
    assert "tunedModels/nasty" in server.tuned_models


def test_connect_says_how_each_client_gets_an_address_and_credentials(server: MockServer) -> None:
    """First by one command, then each variable, and a client of Vertex AI in Node too."""
    text = unescape(httpx.get(f"{server.url}/_mock/ui/connect", headers=HTML).text)

    command = f'eval "$(mockserver env --url {server.url})"'
    assert -1 < text.find(command) < text.find("export GOOGLE_GEMINI_BASE_URL=")
    assert "mockserver credentials --url" in text
    assert "GOOGLE_CLOUD_PROJECT=mockserver GOOGLE_CLOUD_LOCATION=us-central1" in text
    assert 'new GoogleGenAI({ vertexai: true, project: "mockserver", location: "us-central1"' in text
    assert 'authClient.setCredentials({ access_token: "mockserver-token" })' in text


@pytest.mark.parametrize("back", ["//evil.example/", "/\\evil.example", "https://evil.example", ""])
def test_a_form_returns_to_this_server_only(server: MockServer, back: str) -> None:
    """Whatever the form says."""
    form = {"_verb": "POST", "_path": "/clock/advance", "_body": '{"seconds": 1}', "_back": back}
    done = httpx.post(f"{server.url}/_mock/ui/act", data=form, headers=HTML)

    assert (303, "/") == (done.status_code, done.headers["location"])


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/ui/job?name=nope", 404, "there is no job &#39;nope&#39;"),
        ("/ui/call?number=99", 404, "the log does not have this call any more"),
        ("/ui/call?number=-1", 400, "number must be a number"),
        ("/?world=nope", 404, "there is no world &#39;nope&#39;"),
        ("/ui/nothing", 404, "there is no page /_mock/ui/nothing"),
    ],
)
def test_what_is_wrong_is_said_on_a_page(server: MockServer, path: str, status: int, sentence: str) -> None:
    """With its status."""
    page = httpx.get(f"{server.url}/_mock{path}", headers=HTML)

    assert (status, True) == (page.status_code, sentence in page.text)


def test_the_clock_can_be_paused_and_set_to_another_speed() -> None:
    """By the operation that the page's buttons call; a manual clock has no speed."""
    with MockServer(clock="60x").live() as server:
        paused = httpx.post(f"{server.url}/_mock/clock/rate", json={"factor": 0}).json()
        now = server.clock.now()
        assert (0, now) == (paused["factor"], server.clock.now())
        assert 10.0 == httpx.post(f"{server.url}/_mock/clock/rate", json={"factor": 10}).json()["factor"]
        assert now < server.clock.now()
    with MockServer().live() as server:
        refused = httpx.post(f"{server.url}/_mock/clock/rate", json={"factor": 10})
    assert (400, True) == (refused.status_code, "manual clock" in refused.text)


def test_ten_thousand_jobs_are_shown_a_page_at_a_time(server: MockServer) -> None:
    """The page has fifty of them and says how many there are."""
    store = server._world.store  # noqa: SLF001 - ten thousand creates would take long
    model = store.get(TUNED_MODELS, "tunedModels/nasty")
    for number in range(9_999):
        store.insert(TUNED_MODELS, f"tunedModels/m{number}", replace(model, name=f"tunedModels/m{number}"))
    page = httpx.get(f"{server.url}/_mock/?offset=100", headers=HTML, timeout=HANGS).text

    assert "10000 tuning jobs" in page
    assert 50 == page.count("<progress")
    assert (True, True) == ("offset=50" in page, "offset=150" in page)


def test_the_dashboard_is_loaded_when_somebody_looks(tmp_path: Path) -> None:
    """A server that nobody looks at loads no templates."""
    script = "import sys, mockserver.app; mockserver.app.create_app(); print('jinja2' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert "False" == loaded.stdout.strip()


def test_an_open_page_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """Ctrl-C ends the server while a browser follows the log."""
    served: Served
    with serving(tmp_path / "log") as served:
        stream = httpx.stream("GET", f"{served.base_url}/_mock/ui/events", timeout=HANGS)
        lines = stream.__enter__().iter_lines()
        assert "retry: 1000" == next(lines)
