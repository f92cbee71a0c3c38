"""A server whose store is a database: what it has acknowledged outlives it, and several are one."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract_tests.postgres import Postgres, postgres
from contract_tests.use.kills import BASE, EXAMPLES, kill_again_and_again
from contract_tests.use.serving import serving
from contract_tests.use.store_soak import soak
from mockserver.cli.main import main
from mockserver.rpc.outages import OVERLOADED
from mockserver.state.store import Unavailable

JOBS = "/v1/projects/mine/locations/us-central1/tuningJobs"
JOB = {
    "baseModel": "gemini-2.0-flash-001",
    "supervisedTuningSpec": {"trainingDatasetUri": "gs://mockserver/train.jsonl"},
}
PROMPT = {"contents": [{"parts": [{"text": "hello"}]}]}
GENERATE = "/v1beta/models/gemini-1.5-flash:generateContent"
MODEL = {"displayName": "days", "baseModel": BASE, "tuningTask": {"trainingData": EXAMPLES}}


@dataclass(frozen=True)
class Place:
    """Where servers store everything: the options that say so, and a folder for their logs."""

    folder: Path
    options: tuple[str, ...]


def place(kind: str, folder: Path) -> Place:
    """A new, empty store."""
    folder.mkdir(exist_ok=True)
    if kind == "sqlite":
        return Place(folder, ("--data-dir", str(folder)))
    return Place(folder, ("--store", postgres().create_database(f"use{next(_numbers)}")))


_numbers = itertools.count()


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty store of each kind that survives its server."""
    return place(request.param, tmp_path / "store")


@contextmanager
def server(store: Place, *options: str, end_with: signal.Signals = signal.SIGINT) -> Iterator[httpx.Client]:
    """A client of a new server on this store. Several may run at a time."""
    number = len(list(store.folder.glob("log-*")))
    headers = {"authorization": "Bearer any-token"}
    with (
        serving(store.folder / f"log-{number}", *store.options, *options, end_with=end_with) as served,
        httpx.Client(base_url=served.base_url, headers=headers, timeout=60) as client,
    ):
        (store.folder / "pid").write_text(str(served.pid))
        yield client


@contextmanager
def two_servers(store: Place, *options: str) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """Clients of two servers on one store."""
    with ExitStack() as stack:
        yield (
            stack.enter_context(server(store, *options)),
            stack.enter_context(server(store, *options)),
        )


def ok(answer: httpx.Response) -> Any:
    """The JSON of an answer, which must be 200."""
    assert 200 == answer.status_code, answer.text
    return answer.json()


def create(client: httpx.Client, **query: str) -> httpx.Response:
    """The answer to the creation of a tuned model."""
    return client.post("/v1beta/tunedModels", json=MODEL, params=query)


def test_a_job_goes_on_after_the_server_was_killed_in_its_middle(store: Place) -> None:
    """Over the same operation, at the same progress."""
    with server(store, "--clock", "manual", "--seed", "3", end_with=signal.SIGKILL) as client:
        operation = ok(create(client))["name"]
        job = ok(client.post(JOBS, json=JOB))["name"]
        ok(client.post("/_mock/clock/advance", json={"minutes": 2}))
        before = ok(client.get(f"/v1beta/{operation}")), ok(client.get(f"/v1/{job}"))
    with server(store, "--clock", "manual") as client:
        after = ok(client.get(f"/v1beta/{operation}")), ok(client.get(f"/v1/{job}"))
        ok(client.post("/_mock/clock/advance", json={"hours": 3}))
        ended = ok(client.get(f"/v1beta/{operation}")), ok(client.get(f"/v1/{job}"))

    assert before == after
    assert "JOB_STATE_RUNNING" == before[1]["state"]
    assert (True, "JOB_STATE_SUCCEEDED") == (ended[0]["done"], ended[1]["state"])


def test_a_running_clock_goes_on_while_no_server_runs(store: Place) -> None:
    """At its speed, which the store has; a given speed holds from then on."""
    with server(store, "--clock", "600x", end_with=signal.SIGKILL) as client:
        first = ok(client.get("/_mock/clock"))
    with server(store) as client:
        second = ok(client.get("/_mock/clock"))
    with server(store, "--clock", "1x") as client:
        third = ok(client.get("/_mock/clock"))

    assert first["now"] < second["now"] < third["now"]
    assert [600, 600, 1] == [clock["factor"] for clock in (first, second, third)]


def test_greeting_shows_the_clock_of_the_stored_world(tmp_path: Path) -> None:
    """A server without options shows the speed that its world has, not the default one."""
    greetings = []
    for index, options in enumerate((("--clock", "600x"), ())):
        with serving(tmp_path / f"log-{index}", "--data-dir", str(tmp_path / "data"), *options) as served:
            greetings.append(served.greeting)

    for greeting in greetings:
        assert re.search(r"^  time .*, running at 600x$", greeting, re.MULTILINE), greeting


def test_an_answers_file_is_read_for_a_new_store_only(tmp_path: Path) -> None:
    """And with one that is not new, the server says so, once, however many processes it has."""
    (tmp_path / "answers.yaml").write_text("answers: [{text: LXIII, answer: LXIV}]")
    options = ("--data-dir", str(tmp_path / "data"), "--answers", str(tmp_path / "answers.yaml"), "--workers", "2")
    warnings = []
    for log in (tmp_path / "first", tmp_path / "second"):
        with serving(log, *options):
            pass
        warnings.append(log.read_text().count("answers.yaml was not read: the store has answers"))

    assert [0, 1] == warnings


def test_everything_a_tester_has_said_is_there_after_a_kill(store: Place) -> None:
    """Settings, answers and faults with their counts, worlds, snapshots, the log of calls."""

    def look(client: httpx.Client) -> list[Any]:
        paths = ("settings", "answers", "faults", "worlds", "snapshots", "calls", "calls?world=mine", "runs")
        return [ok(client.get(f"/_mock/{path}")) for path in paths]

    with server(store, "--clock", "manual", "--seed", "3", end_with=signal.SIGKILL) as client:
        ok(client.patch("/_mock/settings", json={"settings": {"max_concurrent_jobs": 2}}))
        ok(client.post("/_mock/answers", json={"answers": [{"answer": "hi", "times": 3}]}))
        ok(client.post("/_mock/faults", json={"faults": [{"method": "models.get", "status": 503}]}))
        ok(client.put("/_mock/snapshots/before"))
        mine = ok(client.post("/_mock/worlds/fork", json={"name": "mine"}))
        ok(client.post(GENERATE, json=PROMPT))
        ok(client.post(GENERATE, json=PROMPT, headers={"authorization": f"Bearer {mine['token']}"}))
        ok(create(client))
        before = look(client)
    with server(store, "--clock", "manual") as client:
        after = look(client)
        ok(client.post("/_mock/snapshots/before/restore"))
        restored = ok(client.get("/_mock/runs"))["runs"], ok(client.get("/_mock/answers"))["answers"][0]["used"]

    assert before == after
    assert ([], 0) == restored
    assert 1 == after[1]["answers"][0]["used"]
    assert ["default", "mine"] == [world["name"] for world in after[3]["worlds"]]
    assert ["models.generateContent"] == [call["method"] for call in after[6]["calls"]]


def test_what_was_acknowledged_survives_kills(store: Place) -> None:
    """Whatever the server was doing; `make kills` does it 200 times."""
    tally = kill_again_and_again(3, store.options, store.folder)

    assert () == tally.lost
    assert tally.acknowledged > 20


def test_two_servers_on_one_store_are_one(store: Place, tmp_path: Path) -> None:
    """The same ids from one seed, one clock, one script, one quota, the same worlds."""
    options = ("--clock", "30x", "--seed", "3", "--over-quota", "refuse", "--max-concurrent-jobs", "2")
    with server(place("sqlite", tmp_path / "alone"), *options) as alone:
        expected = [ok(create(alone))["name"] for _ in range(4)]
    with two_servers(store, *options) as (one, other):
        made = [ok(create(client))["name"] for client in (one, other, one, other)]
        listed = [
            sorted(it["name"] for it in ok(client.get("/v1beta/tunedModels"))["tunedModels"]) for client in (one, other)
        ]
        quota = [client.post(JOBS, json=JOB).status_code for client in (one, other, one, other)]
        ok(one.post("/_mock/answers", json={"answers": [{"answer": "only once", "times": 1}]}))
        texts = [
            ok(client.post(GENERATE, json=PROMPT))["candidates"][0]["content"]["parts"][0]["text"]
            for client in (other, one)
        ]
        ok(other.post("/_mock/clock/rate", json={"factor": 0}))
        moments = [ok(client.get("/_mock/clock")) for client in (one, other)]
        mine = ok(other.post("/_mock/worlds", json={"name": "mine"}))
        ok(one.get("/v1beta/tunedModels", headers={"authorization": f"Bearer {mine['token']}"}))
        calls = [len(ok(client.get("/_mock/calls?world=mine"))["calls"]) for client in (one, other)]
        numbers = [len(ok(client.get("/_mock/calls"))["calls"]) for client in (one, other)]
        ok(one.delete("/_mock/worlds/mine"))
        gone = [client.get("/_mock/calls?world=mine").status_code for client in (one, other)]

    assert expected == made
    assert listed[0] == listed[1]
    assert 4 == len(listed[0])
    assert [200, 200, 429, 429] == quota
    assert "only once" == texts[0] != texts[1]
    assert moments[0] == moments[1]
    assert [1, 1] == calls
    assert numbers[0] == numbers[1] == 4 + 2 + 4 + 2
    assert [404, 404] == gone


def test_of_two_creators_of_an_id_one_wins(store: Place) -> None:
    """Over two servers, whoever comes first; and of those who delete it, one."""
    with two_servers(store) as clients, ThreadPoolExecutor(2) as pool:
        for number in range(20):
            name = f"mine-{number}"
            answers = list(pool.map(lambda client: create(client, tunedModelId=name).status_code, clients))  # noqa: B023 - used at once
            deleted = list(
                pool.map(lambda client: client.delete(f"/v1beta/tunedModels/{name}").status_code, clients)  # noqa: B023 - used at once
            )

            assert [200, 409] == sorted(answers)
            assert 200 == min(deleted) != max(deleted)


@pytest.mark.parametrize("kinds", [("sqlite", "sqlite"), ("sqlite", "postgresql"), ("postgresql", "sqlite")])
def test_an_export_is_the_whole_server(tmp_path: Path, kinds: tuple[str, str]) -> None:
    """Imported into an empty store, it answers the same; a store that has something is not overwritten."""
    old, new = (place(kind, tmp_path / f"{number}") for number, kind in enumerate(kinds))
    file = str(tmp_path / "state.json")
    paths = ("/v1beta/tunedModels", "/_mock/calls", "/_mock/snapshots", "/_mock/settings", "/_mock/clock")

    def state(action: str, store: Place) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mockserver", "state", action, file, *store.options]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    with server(old, "--clock", "manual", "--seed", "5") as client:
        ok(create(client))
        ok(client.put("/_mock/snapshots/now"))
        before = [ok(client.get(path)) for path in paths]
    exported, imported, again = state("export", old), state("import", new), state("import", new)
    with server(new, "--clock", "manual") as client:
        after = [ok(client.get(path)) for path in paths]

    assert [0, 0, 2] == [exported.returncode, imported.returncode, again.returncode]
    assert "the store is not empty" in again.stderr
    assert before[0] == after[0]
    assert before[2:] == after[2:]
    assert before[1]["calls"] == after[1]["calls"][: len(before[1]["calls"])]
    assert "mockserver state" == json.loads(Path(file).read_text())["format"]


def test_a_lost_database_is_503_until_it_is_back(tmp_path: Path) -> None:
    """In the service's words, at once, and not for the health check; afterwards everything is there."""
    database = Postgres()
    try:
        store = Place(tmp_path, ("--store", database.url()))
        with server(store, "--clock", "manual") as client:
            name = ok(create(client))["metadata"]["tunedModel"]
            database.stop()
            lost = [client.get(f"/v1beta/{name}"), create(client), client.get("/_mock/clock")]
            health = [client.get(f"/_mock/{path}").status_code for path in ("healthz", "readyz")]
            database.start()
            back, ready = _wait_for(client, f"/v1beta/{name}"), client.get("/_mock/readyz")
    finally:
        database.remove()

    assert [503, 503, 503] == [answer.status_code for answer in lost]
    assert {"code": 503, "message": OVERLOADED, "status": "UNAVAILABLE"} == lost[0].json()["error"]
    assert max(answer.elapsed.total_seconds() for answer in lost) < 10
    assert [200, 503] == health
    assert (200, "ready") == (ready.status_code, ready.json()["status"])
    assert name == back["name"]


def _wait_for(client: httpx.Client, path: str) -> Any:
    """The first answer that is not 503."""
    while (answer := client.get(path)).status_code == 503:
        time.sleep(0.05)  # noqa: TID251 - for another process
    return ok(answer)


def test_several_workers_are_one_server(store: Place) -> None:
    """Whichever answers; one that is killed is replaced, and nothing that was acknowledged is lost."""
    with server(store, "--workers", "2", "--clock", "manual") as client:
        parent = int(store.folder.joinpath("pid").read_text())
        while len(first := _children(parent)) < 2:  # the greeting comes before the second worker
            time.sleep(0.05)  # noqa: TID251 - for another process
        names = []
        for number in range(40):
            headers = {"connection": "close"}  # so that the next request is a connection for any worker
            names.append(ok(client.post("/v1beta/tunedModels", json=MODEL, headers=headers))["metadata"]["tunedModel"])
            if number == 20:
                os.kill(first[0], signal.SIGKILL)
                while len(_children(parent)) < 2 or first[0] in _children(parent):
                    time.sleep(0.05)  # noqa: TID251 - for another process
        found = [ok(client.get(f"/v1beta/{name}"))["name"] for name in names]
        calls = len(ok(client.get("/_mock/calls?method=tunedModels.create"))["calls"])

    assert names == found
    assert 40 == calls


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_that_is_stopped_writes_its_log_of_calls(store: Place, workers: str) -> None:
    """To its end: those calls too that it would have written a moment later."""
    with server(store, "--workers", workers) as client:
        for _ in range(5):
            ok(client.get("/v1beta/tunedModels"))
    with server(store) as client:
        calls = ok(client.get("/_mock/calls?method=tunedModels.list"))["calls"]

    assert 5 == len(calls)


def test_workers_that_cannot_start_are_given_up() -> None:
    """The log says why."""
    program = """if True:
        from mockserver.doors.live import open_sockets
        from mockserver.doors.workers import serve_by_workers
        from mockserver.state.clock import stopwatch
        def fail(place):
            raise LookupError("nothing to serve")
        raise SystemExit(serve_by_workers(fail, open_sockets("127.0.0.1", 0), 2, stopwatch, bool))"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)

    assert 1 == ran.returncode
    assert "LookupError: nothing to serve" in ran.stderr
    assert "giving up" in ran.stderr


def _children(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--workers", "2"), "several processes need a store that they can share"),
        (("--store", "mysql://x/y"), "a store is memory:, sqlite:///FILE or postgresql://..."),
        (("--store", "sqlite:////no/such/folder/x.db"), "cannot open the store"),
        (("--store", "sqlite:///x.db?synchronous=OFF"), "takes only ?synchronous=NORMAL or FULL"),
        (("--store", f"sqlite:///{__file__}"), "cannot open the store"),
        (("--data-dir", __file__), "cannot create the directory"),
    ],
)
def test_a_store_that_cannot_be_used_is_refused_with_a_sentence(options: tuple[str, str], sentence: str) -> None:
    """Before anything is served."""
    command = [sys.executable, "-m", "mockserver", "serve", "--port", "0", *options]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)

    assert 2 == ran.returncode
    assert sentence in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("place", "words", "sentence"),
    [
        ("mockserver.state.sql_worlds.shared_token", "serve --port 0", "serve: --store: cannot open the store: locked"),
        (
            "mockserver.inspection.script.script",
            "serve --port 0 --answers answers.yaml",
            "serve: --store: cannot store the answers of answers.yaml: locked",
        ),
        (
            "mockserver.state.document.export_state",
            "state export -",
            "state: --store: cannot export the state: locked",
        ),
    ],
)
def test_a_store_that_goes_down_while_a_command_opens_it_is_a_sentence(
    place: str,
    words: str,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """After it could be opened, and without a traceback."""

    def fail(*_: object, **__: object) -> None:
        raise Unavailable("locked")

    monkeypatch.setattr(place, fail)

    assert 2 == main([*words.split(), "--data-dir", str(tmp_path)])
    assert f"mockserver {sentence}\n" == capsys.readouterr().err


def test_workers_at_full_load_answer_without_an_error(store: Place) -> None:
    """For some seconds; `make store-soak` does it for ten minutes."""
    tally = soak(2.0, list(store.options), 2, store.folder)

    assert () == tally.errors
    assert tally.requests > 20
    assert 3 == len(tally.memory)
