"""The tester's own API under /_mock/: the same as in Python, for every language."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from contract_tests.api.generativelanguage import FLASH, Gemini
from contract_tests.targets import Client, InProcess
from mockserver.app import create_app
from mockserver.control.guard import Guard
from mockserver.control.table import OPERATIONS
from mockserver.state.clock import ManualClock
from mockserver.state.world import World

Json = dict[str, Any]

MODEL = {
    "displayName": "next number",
    "baseModel": FLASH,
    "tuningTask": {
        "hyperparameters": {"epochCount": 5, "batchSize": 2},
        "trainingData": {"examples": {"examples": [{"textInput": str(n), "output": str(n + 1)} for n in range(1, 5)]}},
    },
}


class Control:
    """A program on the server's own machine."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def ask(self, verb: str, path: str, **options: Any) -> httpx.Response:
        headers = {"host": "127.0.0.1"} | options.pop("headers", {})
        return self._client.request(verb, f"/_mock{path}", headers=headers, **options)

    def good(self, verb: str, path: str, **options: Any) -> Json:
        """What a request is answered that has to be 200."""
        answer = self.ask(verb, path, **options)
        assert 200 == answer.status_code, answer.text
        said: Json = answer.json()
        return said

    def refusal(self, verb: str, path: str, **options: Any) -> tuple[int, str]:
        """The number and the words of an error."""
        error = self.ask(verb, path, **options).json()["error"]
        return error["code"], error["message"]


@pytest.fixture
def control(client: Client) -> Control:
    """The control API of the client's world."""
    return Control(client)


@pytest.fixture
def gemini(client: Client) -> Gemini:
    """Somebody with a token."""
    return Gemini(client)


def create(gemini: Gemini, name: str = "next") -> str:
    """A tuned model of ten steps."""
    gemini.good("POST", f"tunedModels?tunedModelId={name}", json=MODEL)
    return f"tunedModels/{name}"


def state(gemini: Gemini, name: str) -> str:
    """What a GET says of a tuned model."""
    said: str = gemini.good("GET", name)["state"]
    return said


def test_health_is_open_to_everybody(client: Client) -> None:
    """A container's health is asked from outside, under whatever name."""
    answer = client.get("/_mock/healthz", headers={"host": "anything.example.com"})

    assert "ok" == answer.json()["status"]


def test_clock_is_told_and_moved(control: Control) -> None:
    """By a sum of units, or to a moment; a manual clock has the factor 0."""
    start = control.good("GET", "/clock")
    advanced = control.good("POST", "/clock/advance", json={"minutes": 5, "seconds": 0.5})
    moved = control.good("POST", "/clock/move_to", json={"time": "2024-03-14T17:00:00+01:00"})

    assert {"now": "2024-03-14T15:00:00Z", "factor": 0} == start
    assert "2024-03-14T15:05:00.500000Z" == advanced["now"]
    assert "2024-03-14T16:00:00Z" == moved["now"]


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        (
            "/faults",
            {"faults": [{"status": 503}, {"method": "tuningJobs.crate", "status": 503}]},
            "faults[1]: 'tuningJobs.crate' matches no method; did you mean 'tuningJobs.create'",
        ),
        ("/clock/move_to", {"time": "2024-03-14T14:00:00Z"}, "time does not go back"),
        ("/clock/move_to", {"time": "9999-01-01T00:00:00Z"}, "time begins on 1970-01-01 and ends on 2262-04-11"),
        ("/clock/advance", {"hours": 1e300}, "time begins on 1970-01-01 and ends on 2262-04-11"),
        ("/clock/move_to", {"time": "2024-03-14T14:00:00"}, "time: Input should have timezone info"),
        ("/clock/advance", {}, "say how far: seconds, minutes or hours"),
        ("/clock/advance", {"seconds": -1}, "seconds: Input should be greater than or equal to 0"),
        ("/clock/advance", {"second": 1}, "second: unknown field"),
    ],
)
def test_time_that_cannot_be_is_refused(control: Control, path: str, body: Json, words: str) -> None:
    """400, and the clock stays where it is."""
    code, message = control.refusal("POST", path, json=body)

    assert 400 == code
    assert words in message
    assert "2024-03-14T15:00:00Z" == control.good("GET", "/clock")["now"]


def test_answers_are_scripted_counted_and_forgotten(control: Control, gemini: Gemini) -> None:
    """POST adds, PUT replaces, DELETE clears; each says what there is."""
    control.good("POST", "/answers", json={"answers": [{"text": "LXIII", "answer": "scripted"}]})
    said = [ask(gemini, "LXIII"), ask(gemini, "another prompt") == "scripted"]
    counted = control.good("GET", "/answers")
    replaced = control.good("PUT", "/answers", json={"answers": [{"answer": {"text": "no", "finish": "SAFETY"}}]})
    control.good("DELETE", "/answers")

    assert ["scripted", False] == said
    assert {"answers": [{"rule": {"answer": "scripted", "text": "LXIII"}, "used": 1}]} == counted
    assert [{"rule": {"answer": {"text": "no", "finish": "SAFETY"}}, "used": 0}] == replaced["answers"]
    assert [] == control.good("GET", "/answers")["answers"]


def ask(gemini: Gemini, text: str) -> str:
    """What the base model answers."""
    body = {"contents": [{"parts": [{"text": text}]}]}
    answer = gemini.good("POST", "models/gemini-2.0-flash:generateContent", json=body)
    said: str = answer["candidates"][0]["content"]["parts"][0]["text"]
    return said


def test_faults_strike_and_are_counted(control: Control, gemini: Gemini) -> None:
    """The next two calls go wrong, the third does not."""
    control.good("POST", "/faults", json={"faults": [{"method": "tunedModels.list", "status": 503, "times": 2}]})
    statuses = [gemini.ask("GET", "tunedModels").status_code for _ in range(3)]
    counted = control.good("GET", "/faults")["faults"]

    assert [503, 503, 200] == statuses
    assert [
        {"fault": {"method": "tunedModels.list", "status": 503, "times": 2}, "matched": 3, "injected": 2}
    ] == counted


def test_faults_can_be_replaced_and_lifted(control: Control, gemini: Gemini) -> None:
    """PUT leaves only what it names; DELETE leaves none."""
    control.good("POST", "/faults", json={"faults": [{"status": 503}]})
    control.good("PUT", "/faults", json={"faults": [{"status": 429}]})
    limited = gemini.ask("GET", "tunedModels").status_code
    control.good("DELETE", "/faults")

    assert 429 == limited
    assert 200 == gemini.ask("GET", "tunedModels").status_code


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        (
            "/answers",
            {"answers": [{"answer": "a"}, {"answer": "b", "regx": "b"}]},
            "answers[1]: unknown member 'regx'",
        ),
        ("/answers", {"answers": [{"answer": "a", "regex": "("}]}, "answers[0]: '(' is not a valid regular expression"),
        ("/answers", [], "body: Input should be a valid dictionary"),
        ("/faults", {"faults": [{"status": 418}]}, "faults[0]: 418 is not a status"),
        ("/faults", {"faults": [{"method": "x"}]}, "faults[0]: a fault needs an effect"),
        ("/faults", {}, "faults: Field required"),
    ],
)
def test_mistakes_in_scripts_are_named(control: Control, path: str, body: Any, words: str) -> None:
    """400 with the entry and what is wrong with it; nothing of it is taken."""
    code, message = control.refusal("POST", path, json=body)

    assert 400 == code
    assert words in message
    assert [] == control.good("GET", path)[path[1:]]


def test_resources_are_added_at_chosen_names(control: Control) -> None:
    """Tuned models and tuning jobs, as from Python: in any state, with the names that were asked for."""
    name = "projects/801452371447/locations/us-central1/tuningJobs/4303478340632707072"
    models = [{"name": "days", "state": "FAILED", "members": {"display_name": "Days"}}, {"name": "weeks"}]
    jobs = [{"name": name, "model": "9030969596621881344", "state": "RUNNING"}]

    assert ["tunedModels/days", "tunedModels/weeks"] == control.good(
        "POST", "/tuned_models", json={"tuned_models": models}
    )["names"]
    assert [name] == control.good("POST", "/tuning_jobs", json={"tuning_jobs": jobs})["names"]
    states = {run["name"]: run["state"] for run in control.good("GET", "/runs")["runs"]}
    assert {"tunedModels/days": "FAILED", "tunedModels/weeks": "SUCCEEDED", name: "RUNNING"} == states


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/tuned_models", {"tuned_models": [{"nam": "days"}]}, "unknown member 'nam'; the members are name, examples"),
        ("/tuned_models", {"tuned_models": [{"members": {"step": 1}}]}, "'step' stands beside `members`, not in it"),
        ("/tuned_models", {"tuned_models": [{"step": "soon"}]}, "step: Input should be a valid integer"),
        ("/tuning_jobs", {"tuning_jobs": [{"members": {"world": 1}}]}, 'Unknown name "world"'),
        ("/tuning_jobs", {"tuning_jobs": [{"location": "nowhere"}]}, "locations/nowhere"),
        ("/tuning_jobs", {}, "tuning_jobs: Field required"),
    ],
)
def test_resources_that_cannot_be_are_refused(control: Control, path: str, body: Any, words: str) -> None:
    """400 with what is wrong; nothing is added."""
    code, message = control.refusal("POST", path, json=body)

    assert 400 == code
    assert words in message
    assert [] == control.good("GET", "/runs")["runs"]


def test_runs_are_seen_and_reached_into(control: Control, gemini: Gemini) -> None:
    """Finished, failed, cancelled: as its owner sees it at once."""
    done, failed, stalled = (create(gemini, name) for name in ("done", "failed", "stalled"))
    control.good("POST", "/runs/finish", json={"name": done})
    control.good("POST", "/runs/fail", json={"name": "failed", "error": "Out of memory.", "code": 8})
    control.good("POST", "/runs/stall", json={"name": stalled, "at_step": 3})
    control.good("POST", "/clock/advance", json={"hours": 1})
    runs = {run["name"]: (run["state"], run["completed_steps"]) for run in control.good("GET", "/runs")["runs"]}
    operation = gemini.good("GET", f"{failed}/operations")["operations"][0]

    assert ("ACTIVE", "FAILED", "CREATING") == tuple(state(gemini, name) for name in (done, failed, stalled))
    assert {done: ("SUCCEEDED", 10), failed: ("FAILED", 0), stalled: ("RUNNING", 3)} == runs
    assert {"code": 8, "message": "Out of memory."} == operation["error"]
    assert "CANCELLED" == control.good("POST", "/runs/cancel", json={"name": stalled})["state"]


def test_runs_that_cannot_be_reached_are_said_so(control: Control, gemini: Gemini) -> None:
    """404 with the names there are, 400 for what has ended or would be in the past."""
    name = create(gemini)
    control.good("POST", "/clock/advance", json={"seconds": 8})
    done = control.good("GET", "/runs")["runs"][0]["completed_steps"]
    wordless = control.refusal("POST", "/runs/fail", json={"name": name, "code": 8})
    too_late = control.refusal("POST", "/runs/stall", json={"name": name, "at_step": 0})
    control.good("POST", "/runs/finish", json={"name": name})

    assert done > 0
    assert (400, "the code 8 needs an error message: set error too") == wordless
    assert (404, f"no tuning job or tuned model is called 'other'; there are: {name}") == control.refusal(
        "POST", "/runs/finish", json={"name": "other"}
    )
    assert (400, f"{name} has completed {done} of 10 steps: it cannot end at step 0") == too_late
    assert (400, f"{name} has already ended: its state is SUCCEEDED") == control.refusal(
        "POST", "/runs/cancel", json={"name": name}
    )
    assert "SUCCEEDED" == control.good("POST", "/runs/finish", json={"name": name})["state"]


def test_calls_are_told_as_they_were_on_the_wire(control: Control, gemini: Gemini) -> None:
    """Method, messages, time and caller; filtered by globs; forgotten on request."""
    create(gemini)
    gemini.ask("GET", "tunedModels/missing")
    calls = control.good("GET", "/calls?method=*.create")["calls"]
    newest = control.good("GET", "/calls?last=1")["calls"]
    refused = control.good("GET", "/calls?status=404")["calls"]
    misspelt = control.ask("GET", "/calls?method=tunedModels.crate")
    control.good("DELETE", "/calls")

    assert ["tunedModels.create"] == [call["method"] for call in calls]
    assert "next" == calls[0]["request"]["tunedModelId"]
    assert 10 == calls[0]["response"]["metadata"]["totalSteps"]
    assert ("user:alice@example.com", "2024-03-14T15:00:00Z") == (calls[0]["caller"], calls[0]["time"])
    assert newest == refused
    assert (400, True) == (misspelt.status_code, "'tunedModels.crate' matches no method" in misspelt.text)
    assert "tunedModels.get" == newest[0]["method"]
    assert [] == control.good("GET", "/calls")["calls"]


def test_streams_are_told_as_lists(control: Control, gemini: Gemini) -> None:
    """Each message that was sent."""
    body = {"contents": [{"parts": [{"text": "Explain how AI works"}]}]}
    gemini.ask("POST", "models/gemini-2.0-flash:streamGenerateContent?alt=sse", json=body).read()
    call = control.good("GET", "/calls")["calls"][0]

    assert len(call["response"]) > 1
    assert all("candidates" in message for message in call["response"])


def test_misses_say_what_to_change(control: Control, gemini: Gemini) -> None:
    """What google-genai sends when it has lost its project, and a rule that does not fit."""
    gemini.ask("POST", "/")
    control.good("POST", "/answers", json={"answers": [{"text": "monday", "answer": "tuesday"}]})
    ask(gemini, "sunday")
    ask(gemini, "monday")
    hints = [miss["hint"] for miss in control.good("GET", "/misses")["calls"]]

    assert 2 == len(hints)
    assert "pass project= and location= to genai.Client" in hints[0]
    assert 'the text is "sunday", not "monday"' in hints[1]


def test_report_says_how_the_client_behaved(control: Control, gemini: Gemini) -> None:
    """Intervals, back-off, what came after the end, and the violations among it."""
    name = create(gemini)
    for seconds in (1, 2, 4, 3600, 10):
        control.good("POST", "/clock/advance", json={"seconds": seconds})
        gemini.good("GET", name)
    report = control.good("GET", "/report?min_interval=5")

    assert [{"resource": name, "intervals": [2, 4, 3600, 10], "after_end": 1, "backs_off": False}] == report["polls"]
    assert [
        f"{name} was polled again after 2 s, sooner than 5 s",
        f"{name} was polled 1 times after it had ended",
    ] == report["violations"]
    assert 400 == control.refusal("GET", "/report?min_interval=often")[0]


def test_report_says_how_the_client_took_failures(control: Control, gemini: Gemini) -> None:
    """Each finding with its call."""
    control.good("POST", "/faults", json={"faults": [{"status": 503, "times": 1}]})
    gemini.client.get("/v1beta/models")
    (finding,) = control.good("GET", "/report")["findings"]

    assert ("did not retry", "models.list failed with 503 and was not sent again") == (
        finding["rule"],
        finding["sentence"],
    )
    assert ("models.list", 503) == (finding["call"]["method"], finding["call"]["status"])


def test_calls_to_cloud_storage_are_listed(control: Control, gemini: Gemini) -> None:
    """With their names and resources."""
    gemini.client.post("/upload/storage/v1/b/my-bucket/o?uploadType=media&name=x", content=b"abc")
    (call,) = control.good("GET", "/calls?method=storage.*")["calls"]

    assert {"bucket": "my-bucket", "name": "x"} == call["request"]
    assert "3" == call["response"]["size"]


def test_reset_forgets_all_but_the_time(control: Control, gemini: Gemini) -> None:
    """Facts, answers, faults and calls; ids repeat, the clock goes on."""
    first = gemini.good("POST", "tunedModels", json=MODEL)["name"]
    control.good("POST", "/answers", json={"answers": [{"answer": "a"}]})
    control.good("POST", "/faults", json={"faults": [{"status": 500, "nth": 7}]})
    control.good("POST", "/clock/advance", json={"hours": 1})
    control.good("POST", "/reset")

    assert [[], [], []] == [control.good("GET", f"/{what}")[what] for what in ("answers", "faults", "calls")]
    assert {} == gemini.good("GET", "tunedModels")
    assert first == gemini.good("POST", "tunedModels", json=MODEL)["name"]
    assert "2024-03-14T16:00:00Z" == control.good("GET", "/clock")["now"]


def test_settings_change_how_the_world_behaves(control: Control, client: Client) -> None:
    """From now on; unknown ones, impossible values and folders of the machine are refused."""
    control.good("PATCH", "/settings", json={"settings": {"auth": "strict", "accepted_credentials": ["key-one"]}})
    accepted = client.get("/v1beta/models").status_code
    refused = client.get("/v1beta/models", headers={"x-goog-api-key": "key-two"}).status_code

    assert (200, 400) == (accepted, refused)
    assert "strict" == control.good("GET", "/settings")["settings"]["auth"]
    assert "accepted_credentials" not in control.good("GET", "/settings")["settings"]
    for bad in ({"auth": "maybe"}, {"sed": 1}, {"gcs_root": "/"}, {"seed": "x"}):
        assert 400 == control.refusal("PATCH", "/settings", json={"settings": bad})[0]


def test_as_of_can_be_set_by_a_date(control: Control, client: Client) -> None:
    """The service of that day."""
    control.good("PATCH", "/settings", json={"settings": {"as_of": "2026-11-01"}})
    answer = client.post("/v1beta/tunedModels", json=MODEL)

    assert "2026-11-01" == control.good("GET", "/settings")["settings"]["as_of"]
    assert 400 <= answer.status_code < 500


def test_worlds_are_apart_and_chosen_by_credentials(control: Control, client: Client) -> None:
    """What a client already sends leads to its world: a key, a token or a project."""
    mine = control.good("POST", "/worlds", json={"name": "mine", "start_time": "2025-01-01T00:00:00Z"})
    client.post(
        "/v1beta/tunedModels?tunedModelId=next", json=MODEL, headers={"x-goog-api-key": mine["api_key"]}
    ).raise_for_status()
    names = {run["name"] for run in control.good("GET", "/runs?world=mine")["runs"]}

    assert "mockserver-mine" == mine["project"]
    assert {"tunedModels/next"} == names
    assert [] == control.good("GET", "/runs")["runs"]
    assert "2025-01-01T00:00:00Z" == control.good("GET", "/clock?world=mine")["now"]
    assert ["default", "mine"] == [world["name"] for world in control.good("GET", "/worlds")["worlds"]]


def test_fork_starts_from_here_and_can_be_dropped(control: Control, gemini: Gemini) -> None:
    """Set up once, go on from there; the original notices nothing."""
    name = create(gemini)
    fork = control.good("POST", "/worlds/fork")["name"]
    control.good("POST", f"/runs/finish?world={fork}", json={"name": name})

    assert "CREATING" == state(gemini, name)
    assert "SUCCEEDED" == control.good("GET", f"/runs?world={fork}")["runs"][0]["state"]
    control.good("DELETE", f"/worlds/{fork}")
    assert 404 == control.refusal("GET", f"/runs?world={fork}")[0]
    assert 404 == control.refusal("DELETE", f"/worlds/{fork}")[0]
    assert 400 == control.refusal("DELETE", "/worlds/default")[0]


@pytest.mark.parametrize("name", ["default", "key", "token", "Upper", "a-b", ""])
def test_names_that_no_world_can_have_are_refused(control: Control, name: str) -> None:
    """Those that the default world's own credentials carry, and what no credential can."""
    assert 400 == control.refusal("POST", "/worlds", json={"name": name})[0]


def test_snapshot_brings_everything_back(control: Control, gemini: Gemini) -> None:
    """Facts, answers, faults, calls, counters and the time; again and again."""
    name = create(gemini)
    control.good("POST", "/answers", json={"answers": [{"answer": "kept", "times": 1}]})
    control.good("PUT", "/snapshots/before.tuning")
    for _ in range(2):
        control.good("POST", "/clock/advance", json={"hours": 1})
        assert "ACTIVE" == state(gemini, name)
        gemini.good("DELETE", name)
        assert "kept" == ask(gemini, "anything")
        control.good("POST", "/snapshots/before.tuning/restore")
        assert "2024-03-14T15:00:00Z" == control.good("GET", "/clock")["now"]
        assert ["tunedModels.create"] == [call["method"] for call in control.good("GET", "/calls")["calls"]]
        assert "CREATING" == state(gemini, name)

    assert ["before.tuning"] == control.good("GET", "/snapshots")["snapshots"]
    control.good("DELETE", "/snapshots/before.tuning")
    assert 404 == control.refusal("POST", "/snapshots/before.tuning/restore")[0]
    assert 404 == control.refusal("DELETE", "/snapshots/before.tuning")[0]


def test_what_there_is_not_is_said(control: Control) -> None:
    """Unknown paths, verbs, parameters, worlds and texts that are no JSON: an error that says so, never a 500."""
    assert (404, "/_mock/nothing does not exist; /_mock/openapi.json lists the operations") == control.refusal(
        "GET", "/nothing"
    )
    assert (400, "/_mock/clock takes GET, not PUT") == control.refusal("PUT", "/clock")
    assert (400, "there is no parameter 'worl'; the parameters are world") == control.refusal("GET", "/clock?worl=mine")
    assert 404 == control.refusal("GET", "/clock?world=nobodys")[0]
    assert 400 == control.refusal("POST", "/faults", content=b"{")[0]
    assert 400 == control.refusal("POST", "/faults", content=b"x" * 10_000_001)[0]


def test_document_describes_every_operation(control: Control) -> None:
    """OpenAPI 3.1, made of the same table: paths, bodies, parameters, and each schema that is referred to."""
    document = control.good("GET", "/openapi.json")
    described = {(verb.upper(), path) for path, verbs in document["paths"].items() for verb in verbs}
    identities = [operation["operationId"] for verbs in document["paths"].values() for operation in verbs.values()]
    schemas = document["components"]["schemas"]

    assert {(operation.verb, operation.path) for operation in OPERATIONS} == described
    assert len(identities) == len(set(identities))
    assert {f"#/components/schemas/{name}" for name in schemas} >= set(references(document))
    assert "seconds" in schemas["Advance"]["properties"]


def references(tree: Any) -> list[str]:
    """Every $ref of a JSON tree."""
    if isinstance(tree, list):
        return [found for each in tree for found in references(each)]
    if not isinstance(tree, dict):
        return []
    own = [tree["$ref"]] if "$ref" in tree else []
    return own + [found for each in tree.values() for found in references(each)]


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "attacker.example.com"},
        {"host": "127.0.0.1.attacker.example.com"},
        {"origin": "https://attacker.example.com"},
        {"origin": "null"},
    ],
)
def test_web_pages_may_not_control_the_server(control: Control, headers: dict[str, str]) -> None:
    """A browser reaches 127.0.0.1 too, under a name of the attacker's or from a page of theirs."""
    assert 403 == control.refusal("POST", "/reset", headers=headers)[0]


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost", "[::1]:8765", "LOCALHOST:1"])
def test_programs_of_this_machine_may(control: Control, host: str) -> None:
    """Under each of its names."""
    control.good("GET", "/clock", headers={"host": host, "origin": f"http://{host}"})


def test_with_a_token_only_who_knows_it_may() -> None:
    """From wherever, under whatever name; health stays open."""
    world = World(ManualClock(datetime(2024, 3, 14, tzinfo=UTC)))
    app = create_app(world, Guard("open-sesame"))
    with httpx.Client(transport=InProcess(app), base_url="http://mock") as client:
        statuses = [
            client.get("/_mock/clock", headers={"host": "mock.example.com", "x-mockserver-token": token}).status_code
            for token in ("", "open", "open-sesame")
        ]
        health = client.get("/_mock/healthz").status_code

    assert [403, 403, 200] == statuses
    assert 200 == health
