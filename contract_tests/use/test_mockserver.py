"""MockServer, the handle a tester holds: looking, setting up, reaching into runs, asking what happened."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

import mockserver
from mockserver import Fault, MockServer, Rule
from mockserver.settings import Beginning, Settings, declarations
from mockserver.state.clock import LAST, SystemClock
from mockserver.testing.mock_server import TunedModelState, TuningJobState

Json = dict[str, Any]

GEMINI = "https://generativelanguage.googleapis.com"
VERTEX = "https://us-central1-aiplatform.googleapis.com"
KEY = {"x-goog-api-key": "any-key"}
TOKEN = {"authorization": "Bearer any-token"}
TASK = {"trainingData": {"examples": {"examples": [{"textInput": "monday", "output": "tuesday"}]}}}
MODEL = {"displayName": "days", "baseModel": "models/gemini-1.5-flash-001-tuning", "tuningTask": TASK}


def ask(name: str, text: str = "monday", **headers: str) -> httpx.Response:
    """A tuned model's answer."""
    body = {"contents": [{"parts": [{"text": text}]}]}
    return httpx.post(f"{GEMINI}/v1beta/{name}:generateContent", json=body, headers=headers or KEY)


def test_what_begins_at_the_end_of_time_is_listed() -> None:
    """A fast clock stops there; later ones were created, and in no list."""
    clock = SystemClock(1e6, datetime(2262, 4, 11, 23, 47, tzinfo=UTC))
    while clock.now() < LAST:
        pass
    with MockServer(clock=clock).intercepting():
        model = httpx.post(f"{GEMINI}/v1beta/tunedModels", json=MODEL, headers=KEY).json()["metadata"]["tunedModel"]
        spec = {"trainingDatasetUri": "gs://bucket/train.jsonl"}
        jobs = f"{VERTEX}/v1/projects/test/locations/us-central1/tuningJobs"
        body = {"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": spec}
        job = httpx.post(jobs, json=body, headers=TOKEN).json()["name"]

        models = httpx.get(f"{GEMINI}/v1beta/tunedModels", headers=KEY).json()["tunedModels"]
        assert [model] == [each["name"] for each in models]
        assert [job] == [each["name"] for each in httpx.get(jobs, headers=TOKEN).json()["tuningJobs"]]


def test_public_names_are_listed_and_sorted() -> None:
    """The list is complete, each name is there, and nothing but them is offered."""
    homes = {name: getattr(mockserver, name) for name in mockserver.__all__}

    assert [
        "Answer",
        "BusyPolling",
        "Fault",
        "ManualClock",
        "MockServer",
        "NotServed",
        "Rule",
        "SystemClock",
        "__version__",
        "create_app",
    ] == mockserver.__all__
    assert mockserver.__all__ == dir(mockserver) == sorted(homes)
    assert all(getattr(home, "__name__", name) == name for name, home in homes.items())
    with pytest.raises(AttributeError, match="module 'mockserver' has no attribute 'Mockserver'"):
        _ = mockserver.Mockserver  # type: ignore[attr-defined]  # the test is that there is none


@pytest.mark.parametrize("state", ["CREATING", "ACTIVE", "FAILED"])
def test_tuned_model_can_be_there_in_any_state(state: TunedModelState) -> None:
    """With the past it would have: begun as long ago as it takes, seen alike by GET and directly."""
    with MockServer(seed=1).intercepting() as server:
        name = server.add_tuned_model(
            "days", state=state, examples={str(n): "x" for n in range(20)}, description="mine"
        )
        shown = httpx.get(f"{GEMINI}/v1beta/{name}", headers=KEY).json()

    assert "tunedModels/days" == name
    assert (state, "mine") == (shown["state"], shown["description"])
    assert shown == server.tuned_models[name] == server.tuned_models["days"]
    steps = len(shown["tuningTask"]["snapshots"])
    assert {"CREATING": 12, "ACTIVE": 25, "FAILED": 12}[state] == steps


def test_tuned_model_that_is_added_is_everybodys() -> None:
    """Whatever key or token a test sends may use, list and delete it; with an owner, only they."""
    with MockServer(seed=1).intercepting() as server:
        server.add_tuned_model("open", examples={"monday": "tuesday"})
        server.add_tuned_model("closed", owner="alice@example.com")
        answers = [ask("tunedModels/open", **who).status_code for who in (KEY, TOKEN)]
        refused = [ask("tunedModels/closed", **who).status_code for who in (KEY, TOKEN)]
        listed = httpx.get(f"{GEMINI}/v1beta/tunedModels", headers=TOKEN).json()["tunedModels"]
        alices = ask("tunedModels/closed", authorization="Bearer alice@example.com").status_code
        deleted = httpx.delete(f"{GEMINI}/v1beta/tunedModels/open", headers=KEY)

    assert [200, 200] == answers
    assert [403, 403] == refused
    assert ["tunedModels/open"] == [model["name"] for model in listed]
    assert (200, {}) == (alices, deleted.json())


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLING", "CANCELLED"])
def test_tuning_job_can_be_there_in_any_state(state: TuningJobState) -> None:
    """With the model, the endpoints and the times it would have by then."""
    with MockServer(seed=1).intercepting() as server:
        name = server.add_tuning_job(project="my-project", state=state, tuned_model_display_name="recipes")
        shown = httpx.get(f"{VERTEX}/v1beta1/{name}", headers=TOKEN).json()

    assert (f"JOB_STATE_{state}", "recipes") == (shown["state"], shown["tunedModelDisplayName"])
    assert shown == server.tuning_jobs[name]
    assert (state == "SUCCEEDED") == ("endpoint" in shown.get("tunedModel", {}))
    assert (state in {"SUCCEEDED", "FAILED", "CANCELLED"}) == ("endTime" in shown)


def test_job_that_is_added_serves_its_model() -> None:
    """Its endpoint answers at once."""
    with MockServer(seed=1).intercepting() as server:
        endpoint = server.tuning_jobs[server.add_tuning_job()]["tunedModel"]["endpoint"]
        body = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
        answer = httpx.post(f"{VERTEX}/v1/{endpoint}:generateContent", json=body, headers=TOKEN)

    assert 200 == answer.status_code


JOB = "projects/801452371447/locations/europe-west4/tuningJobs/4303478340632707072"


@pytest.mark.parametrize("full", [True, False])
def test_job_model_and_endpoint_can_be_there_at_chosen_names(*, full: bool) -> None:
    """By full names, or by last segments in a project and a location; continuous tuning finds the model."""
    parent = JOB.partition("/tuningJobs")[0]
    names = {"model": f"{parent}/models/9030969596621881344", "endpoint": f"{parent}/endpoints/3419988128742080512"}
    short = {each: name.rpartition("/")[2] for each, name in names.items()}
    where = {} if full else {"project": "801452371447", "location": "europe-west4"}
    chosen: dict[str, Any] = {"name": JOB if full else JOB.rpartition("/")[2], **(names if full else short), **where}
    with MockServer(seed=1).intercepting() as server:
        name = server.add_tuning_job(**chosen)
        shown = httpx.get(f"{VERTEX}/v1/{JOB}", headers=TOKEN).json()
        body: Json = {
            "preTunedModel": {"tunedModelName": names["model"]},
            "supervisedTuningSpec": {"trainingDatasetUri": "gs://b/o.jsonl"},
        }
        further = httpx.post(f"{VERTEX}/v1/{parent}/tuningJobs", json=body, headers=TOKEN)
        body = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
        answer = httpx.post(f"{VERTEX}/v1/{names['endpoint']}:generateContent", json=body, headers=TOKEN)

    assert JOB == name == shown["name"]
    assert {"model": f"{names['model']}@1", "endpoint": names["endpoint"]} == {
        each: shown["tunedModel"][each] for each in names
    }
    assert (200, 200) == (further.status_code, answer.status_code)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": JOB}, f"{JOB} already exists"),
        ({"name": "projects/p/tuningJobs/1"}, "is not a name like projects/P/locations/L/tuningJobs/ID"),
        ({"name": JOB + "0", "model": "9030"}, "/models/9030 already exists"),
        ({"name": JOB + "0", "model": "projects/1/locations/europe-west4/models/1"}, "is not in projects/801452371447"),
    ],
)
def test_name_that_cannot_be_chosen_is_refused(arguments: Json, words: str) -> None:
    """What is taken, malformed, or elsewhere; and nothing of it is kept."""
    server = MockServer(seed=1)
    server.add_tuning_job(JOB, model="9030")

    with pytest.raises(ValueError, match=re.escape(words)):
        server.add_tuning_job(**arguments)
    assert [JOB] == [*server.tuning_jobs]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"state": "GONE"}, "unknown state 'GONE'; the states are CREATING, ACTIVE"),
        ({"step": 999}, "step must be between 0 and 25, the number of steps, not 999"),
        ({"base_model": "models/none"}, "models/none"),
        ({"examples": {}}, "training_data is not specified"),
        ({"display_name": "x" * 41}, "Request contains an invalid argument"),
        ({"tuning_task": {"colour": "red"}}, "Unknown name .colour. at .tuning_task.: Cannot find field"),
    ],
)
def test_what_cannot_be_there_is_said(arguments: Json, words: str) -> None:
    """In the service's words, where it is the service that would refuse; and nothing is added."""
    server = MockServer()
    with pytest.raises(ValueError, match=words.replace("'", ".")):
        server.add_tuned_model("mine", **arguments)

    assert {} == dict(server.tuned_models)


def test_looking_for_what_is_not_there_says_what_is() -> None:
    """A KeyError that names the others; so does reaching into its run."""
    server = MockServer()
    server.add_tuned_model("mine", state="CREATING")

    with pytest.raises(KeyError, match="there are: tunedModels/mine"):
        _ = server.tuned_models["other"]
    with pytest.raises(
        LookupError, match="no tuning job or tuned model is called 'other'; there are: tunedModels/mine"
    ):
        server.finish("other")


def test_runs_can_be_ended_in_every_way() -> None:
    """In success, in failure now or later, by cancelling, or not at all."""
    server = MockServer(seed=1)
    names = [server.add_tuned_model(name, state="CREATING", step=1) for name in ("done", "now", "later", "stall")]
    job = server.add_tuning_job(state="RUNNING")
    server.finish("done")
    server.fail("now", error="Out of luck.", code="RESOURCE_EXHAUSTED")
    server.fail("later", at_step=5)
    server.stall("stall", at_step=3)
    server.cancel(job)
    at_once = [server.tuned_models[name]["state"] for name in names]
    server.clock.advance(hours=1)
    steps = [len(server.tuned_models[name]["tuningTask"]["snapshots"]) for name in names]

    assert ["ACTIVE", "FAILED", "CREATING", "CREATING"] == at_once
    assert [25, 1, 5, 3] == steps
    assert ["FAILED", "CREATING"] == [server.tuned_models[name]["state"] for name in ("later", "stall")]
    assert "JOB_STATE_CANCELLED" == server.tuning_jobs[job]["state"]


def test_reason_of_a_failure_is_what_the_client_reads() -> None:
    """Words and code of the tester's."""
    with MockServer(seed=1).intercepting() as server:
        operation = httpx.post(f"{GEMINI}/v1beta/tunedModels", json=MODEL, headers=KEY).json()
        server.fail(operation["metadata"]["tunedModel"], error="Out of luck.", code="RESOURCE_EXHAUSTED")
        error = httpx.get(f"{GEMINI}/v1/{operation['name']}", headers=KEY).json()["error"]

    assert {"code": 8, "message": "Out of luck."} == error


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (
            {"error": "Out of luck.", "code": "LUCK"},
            "'LUCK' is not the code of an error; use one of CANCELLED, UNKNOWN",
        ),
        ({"error": "Out of luck.", "code": 0}, "0 is not the code of an error"),
        ({"code": "INTERNAL"}, "the code 'INTERNAL' needs an error message: set error too"),
    ],
)
def test_a_reason_that_is_none_is_refused(reason: Json, words: str) -> None:
    """And the run goes on."""
    server = MockServer()
    name = server.add_tuned_model(state="CREATING")
    with pytest.raises(ValueError, match=words):
        server.fail(name, **reason)

    assert "CREATING" == server.tuned_models[name]["state"]


@pytest.mark.parametrize(
    ("fault", "state", "steps"),
    [
        (Fault("tunedModels.create", fail_at_step=1), "FAILED", 1),
        (Fault("tunedModels.create", stall_at_step=1), "CREATING", 1),
        (Fault("tunedModels.create", never_finish=True), "CREATING", 1),
    ],
)
def test_faults_decide_the_fate_of_the_job_that_a_call_makes(fault: Fault, state: str, steps: int) -> None:
    """The call itself is answered as ever; the next one's job is not concerned."""
    with MockServer(seed=1).intercepting() as server:
        server.fault(fault)
        first, second = (
            httpx.post(f"{GEMINI}/v1beta/tunedModels?tunedModelId={name}", json=MODEL, headers=KEY)
            for name in ("first", "second")
        )
        server.clock.advance(hours=1)
        shown = server.tuned_models["first"]

    assert (200, 200) == (first.status_code, second.status_code)
    assert (state, steps) == (shown["state"], len(shown["tuningTask"]["snapshots"]))
    assert 2 == server.faults[0].injected


def test_calls_can_be_asked_for() -> None:
    """By method, resource, caller, status and what was sent; an assertion that fails says what was called instead."""
    with MockServer(seed=1).intercepting() as server:
        httpx.post(f"{GEMINI}/v1beta/tunedModels?tunedModelId=days", json=MODEL, headers=KEY)
        ask("tunedModels/days")
        httpx.get(f"{GEMINI}/v1beta/tunedModels/days", headers=TOKEN)
    created = server.calls.assert_called("tunedModels.create", times=1, request={"tunedModelId": "days"})[0]

    assert 2 == created.response["metadata"]["totalSteps"]
    assert 400 == server.calls.filter("*.generateContent")[0].status
    assert ["tunedModels.get"] == [call.method for call in server.calls.filter(caller="user:*")]
    with pytest.raises(AssertionError) as failure:
        server.calls.assert_called("tunedModels.delete")
    for words in ("expected tunedModels.delete to be called at least once", "tunedModels.create", "400"):
        assert words in str(failure.value)


def test_impolite_client_is_told_of() -> None:
    """Polls too close together, retries before the time asked for."""
    with MockServer(seed=1).intercepting() as server:
        name = server.add_tuned_model(state="CREATING", step=0)
        server.fault(Fault("tunedModels.get", status=429, retry_after=30, nth=2))
        for _ in range(4):
            httpx.get(f"{GEMINI}/v1beta/{name}", headers=KEY)
            server.clock.advance(2)
    with pytest.raises(AssertionError) as offences:
        server.report.assert_polite(min_interval=5)

    assert f"{name} was polled again after" in str(offences.value)
    assert "tunedModels.get was retried after 2 s, told to wait 30 s" in str(offences.value)


def test_secrets_that_look_real_are_answered_not_kept_and_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    """In a key, a token or a text: no log, no call has them; a fork of the server does not say it again."""
    secrets = {
        "key": "AIza" + "k" * 35,
        "token": "ya29." + "t" * 40,
        "text": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----",
    }
    body = {"contents": [{"parts": [{"text": secrets["text"]}]}]}
    url = f"{GEMINI}/v1beta/models/gemini-2.0-flash:generateContent"
    with MockServer(seed=1).intercepting() as server, caplog.at_level("INFO"):
        statuses = [
            httpx.get(f"{GEMINI}/v1beta/tunedModels", params={"key": secrets["key"]}).status_code,
            httpx.get(
                f"{GEMINI}/v1beta/tunedModels", headers={"authorization": f"Bearer {secrets['token']}"}
            ).status_code,
            httpx.post(url, json=body, headers=KEY).status_code,
            httpx.get(f"{GEMINI}/v1/nothing/{secrets['key']}", headers=KEY).status_code,
        ]
        with server.fork().intercepting():
            httpx.get(f"{GEMINI}/v1beta/tunedModels", params={"key": secrets["key"]})
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("mockserver")]
    kept = str([(call.path, call.caller, call.request, call.response, call.hint) for call in server.calls])

    assert [200, 200, 200, 404] == statuses
    assert 1 == sum("a client sent what looks like a real credential: an API key" in message for message in ours)
    for secret in ("k" * 20, "t" * 20, "MIIEvQIBADANBg"):
        assert secret not in "\n".join(ours)
        assert secret not in kept


@pytest.mark.parametrize("secret", ["AIza" + "k" * 35, "AQ." + "k" * 30])
def test_secrets_that_look_real_can_be_refused(secret: str) -> None:
    """An error that says what to do instead, before anything else is looked at."""
    with MockServer(refuse_real_credentials=True).intercepting() as server:
        refused = httpx.get(f"{GEMINI}/v1beta/models", params={"key": secret})
        taken = httpx.get(f"{GEMINI}/v1beta/models", params={"key": "any-key"})

    assert (400, "FAILED_PRECONDITION") == (refused.status_code, refused.json()["error"]["status"])
    assert "Send a made-up one" in refused.json()["error"]["message"]
    assert secret not in refused.text + str(server.calls[0])
    assert 200 == taken.status_code


def test_it_serves_on_a_socket_until_it_is_stopped() -> None:
    """At `url`; what other machines can reach needs a token to be controlled by."""
    server = MockServer().start()
    health = httpx.get(f"{server.url}/_mock/healthz")
    url = server.url
    server.stop()

    assert "ok" == health.json()["status"]
    assert "" == server.url
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/_mock/healthz")
    with pytest.raises(ValueError, match="set a token to control the server"):
        server.start("0.0.0.0")  # noqa: S104 - it is refused


def test_settings_may_be_texts() -> None:
    """As in a shell or an ini file, with the same mistakes to be made."""
    settings = MockServer(seed="7", magic="no", auth="strict", accepted_credentials="one,two").settings

    assert (7, False, frozenset({"one", "two"})) == (settings.seed, settings.magic, settings.accepted_credentials)
    with pytest.raises(ValueError, match="auth: 'stict' is not one of any, off, strict"):
        MockServer(auth="stict")  # type: ignore[arg-type]  # as a slip would


def test_answers_and_faults_may_be_data() -> None:
    """As in an answers file, and with further conditions; what is neither is refused when it is added."""
    server = MockServer(answers=[{"answer": "a"}])
    server.answer({"answer": "b"}, Rule("c", text="d"), times=1)
    server.fault({"status": 503}, Fault(status=429))

    assert [Rule("a"), Rule("b", times=1), Rule("c", text="d", times=1)] == [each.rule for each in server.answers]
    assert [Fault(status=503), Fault(status=429)] == [each.fault for each in server.faults]
    nothing: Any = None
    for say in (server.answer, server.fault):
        with pytest.raises(TypeError, match=r"None is not an? (answer|fault)"):
            say(nothing)
    for answers in (5, {"answer": "a"}):
        with pytest.raises(TypeError, match="answers must be a list or the path of a file, not"):
            MockServer(answers=answers)  # type: ignore[arg-type]  # as a slip would


def test_a_fault_for_no_method_is_refused_and_none_is_added() -> None:
    """Otherwise the test would pass without the fault."""
    server = MockServer()

    with pytest.raises(ValueError, match=r"'tuningJobs\.crate' matches no method; did you mean"):
        server.fault(Fault(status=503), Fault("tuningJobs.crate", status=429))
    assert () == server.faults


def test_the_end_of_a_method_names_every_form_of_it() -> None:
    """google-genai with a project calls projects.locations.tuningJobs.list, in express mode tuningJobs.list."""
    with MockServer().intercepting() as server:
        server.fault(Fault("tuningJobs.list", status=429))
        long = httpx.get(f"{VERTEX}/v1/projects/p/locations/us-central1/tuningJobs", headers=TOKEN)
        short = httpx.get("https://aiplatform.googleapis.com/v1/tuningJobs", headers=KEY)

    assert [429, 429] == [long.status_code, short.status_code]
    server.calls.assert_called("tuningJobs.list", times=2)


def test_a_model_of_another_key_has_a_hint_and_a_missing_one_has_none() -> None:
    """The service answers 403 and says no more."""
    server = MockServer()
    server.add_tuned_model("days", owner="key-of-ada")
    with server.live():
        statuses = [
            httpx.get(f"{server.url}/v1beta/tunedModels/{name}", headers=KEY).status_code for name in ("days", "none")
        ]

    assert [403, 404] == statuses
    assert ["tunedModels/days"] == [call.resource for call in server.misses]
    assert "belongs to another key or user" in server.misses[0].hint


GEMINI_JOB = {
    "displayName": "days",
    "baseModel": "models/gemini-1.5-flash-001-tuning",
    "tuningTask": {"trainingData": {"examples": {"examples": [{"textInput": "1", "output": "2"}]}}},
}
VERTEX_JOB = {
    "baseModel": "gemini-2.0-flash-001",
    "supervisedTuningSpec": {"trainingDatasetUri": "gs://bucket/train.jsonl"},
}


@pytest.mark.parametrize(
    ("path", "body"),
    [("v1beta/tunedModels", GEMINI_JOB), ("v1/projects/mockserver/locations/us-central1/tuningJobs", VERTEX_JOB)],
    ids=["gemini", "vertex"],
)
@pytest.mark.parametrize(("effect", "is_told"), [("fail_at_step", True), ("stall_at_step", True), ("reached", False)])
def test_a_step_that_is_never_reached_has_a_hint(path: str, body: Json, effect: str, is_told: bool) -> None:
    """The job succeeds: a test whose fault comes too late should say why."""
    server = MockServer()
    server.fault({"method": "*.create", effect: 3000} if is_told else Fault("*.create", fail_at_step=1))
    with server.live():
        answer = httpx.post(f"{server.url}/{path}", headers={"authorization": "Bearer token"}, json=body)

    assert 200 == answer.status_code
    hints = [re.sub("has [0-9]+ steps", "has N steps", miss.hint) for miss in server.misses]
    assert (["the job has N steps: step 3000 is never reached"] if is_told else []) == hints


def test_a_missing_model_that_is_asked_has_a_hint() -> None:
    """The service answers 403, as for another's model: the hint says which of the two it is."""
    server = MockServer()
    server.add_tuned_model("days")
    with server.live():
        url = f"{server.url}/v1beta/tunedModels"
        body = {"contents": [{"parts": [{"text": "1"}]}]}
        answers = [
            httpx.post(f"{url}/{name}:generateContent", headers=KEY, json=body) for name in ("dayz", "something-else")
        ]

    assert [403, 403] == [answer.status_code for answer in answers]
    assert [
        "no tuned model of this name is here; did you mean tunedModels/days? The service answers 403 for missing ones too",
        "no tuned model of this name is here. The service answers 403 for missing ones too",
    ] == [miss.hint for miss in server.misses]


@pytest.mark.parametrize(
    ("agent", "is_told"), [("google-genai-sdk/1.30.0 gl-python/3.11.7", True), ("curl/8.5.0", False)]
)
def test_a_client_that_lost_its_path_reads_why_in_the_page(agent: str, *, is_told: bool) -> None:
    """google-genai shows the beginning of the answer's body; a look at the address is no miss."""
    server = MockServer()
    with server.live():
        answer = httpx.get(f"{server.url}/", headers={"user-agent": agent})

    assert 404 == answer.status_code
    hint = (
        "let GOOGLE_VERTEX_BASE_URL end with /aiplatform.googleapis.com" if is_told else "a browser sees the dashboard"
    )
    assert answer.text.startswith(f"<!-- mockserver: {hint}")
    assert is_told == bool(server.misses)


def test_what_a_test_holds_says_what_it_is() -> None:
    """In a debugger and in the report of a failed assertion."""
    server = MockServer(seed=3, clock="manual", start_time="2024-03-14")
    server.clock.move_to("2024-03-14T15:09:26")
    server.add_tuned_model("days")

    assert "<ManualClock 2024-03-14T15:09:26+00:00, manual>" == repr(server.clock)
    assert f"<MockServer at no socket: 0 calls, {server.clock!r}, seed=3>" == repr(server)
    assert "<gemini.tunedModels: tunedModels/days>" == repr(server.tuned_models)
    assert "<0 calls>" == repr(server.calls)
    with pytest.raises(ValueError, match="moment: 'tomorrow' is not a date or time such as"):
        server.clock.move_to("tomorrow")


def test_mistakes_in_its_making_are_named() -> None:
    """An unknown setting, a word that means nothing, a rule with a member there is none of."""
    with pytest.raises(TypeError, match="there is no setting 'sed'; did you mean 'seed'"):
        MockServer(sed=1)  # type: ignore[call-arg]  # as a slip would
    for name, place in (
        ("busy_polling", r"intercepting\(busy_polling=\.\.\.\)"),
        ("misses", "the pytest marker and the ini file alone"),
        ("port", r"start\(port=\.\.\.\)"),
        ("workers", "`mockserver serve --workers`"),
    ):
        with pytest.raises(TypeError, match=f"there is no setting '{name}' here: it belongs to {place}$"):
            MockServer(**{name: "any"})  # type: ignore[arg-type]  # as somebody might try
    for name in (it for it in declarations(Beginning, Settings) if it != "answers"):
        options: dict[str, Any] = {name: "any"}
        with pytest.raises(
            TypeError, match=rf"there is no option '{name}' here: it belongs to MockServer\({name}=\.\.\.\)$"
        ):
            MockServer().intercepting(**options)
    with pytest.raises(ValueError, match="clock: 'fast' is not manual, real, or a factor"):
        MockServer(clock="fast")
    slip: Any = "vitual"
    with (
        pytest.raises(ValueError, match=r"sleep: 'vitual' is not one of virtual, virtual\+clock, real"),
        MockServer().intercepting(sleep=slip),
    ):
        pass
    with pytest.raises(ValueError, match="unknown member 'regx'"):
        MockServer(answers=[{"regx": ".", "answer": "a"}])


@pytest.mark.parametrize(
    "day", [date(2023, 10, 1), date(2024, 3, 1), date(2024, 10, 1), date(2025, 8, 1), date(2026, 11, 1)]
)
def test_resources_can_be_added_on_every_day(day: date) -> None:
    """A model or a job that was made before the day is there, whichever base model it was made from."""
    server = MockServer(as_of=day, max_concurrent_jobs=1, over_quota="refuse")
    bases = ["models/text-bison-001", "models/gemini-1.0-pro-001", "models/gemini-1.5-flash-001-tuning"]

    models = [server.add_tuned_model(), *(server.add_tuned_model(base_model=base) for base in bases)]
    jobs = [
        server.add_tuning_job(state="RUNNING", base_model=base) for base in ("gemini-2.5-flash", "gemini-1.5-pro-002")
    ]
    jobs.append(server.add_tuning_job())

    assert set(models) == set(server.tuned_models)
    assert set(jobs) == set(server.tuning_jobs)
    assert bases == [server.tuned_models[name]["baseModel"] for name in models[1:]]


def test_an_added_model_is_retired_as_on_that_day() -> None:
    """The base model of an added model answers as long as it did: later it is not found, under its own name [seen]."""
    answers = {}
    for day in (date(2024, 12, 1), date(2025, 8, 1)):
        server = MockServer(as_of=day)
        name = server.add_tuned_model(base_model="models/gemini-1.5-flash-001-tuning")
        with server.intercepting():
            response = ask(name)
        answers[day.year] = response.status_code, response.json().get("error", {}).get("message", "")

    assert (200, "") == answers[2024]
    assert answers[2025][0] == 404
    assert answers[2025][1].startswith("models/gemini-1.5-flash-001-tuning is not found for API version v1beta")


def test_a_refusal_names_the_model_that_was_named() -> None:
    """Whatever the day, the message is about the tester's own model."""
    with pytest.raises(ValueError, match="models/gemini-9-ultra is not found"):
        MockServer(as_of=date(2026, 1, 1)).add_tuned_model(base_model="models/gemini-9-ultra")


@dataclass
class ClientJob:
    """A job as google-genai returns it."""

    name: str | None


def test_jobs_are_given_as_clients_return_them() -> None:
    """By the object, whose name may be None as far as its type says; that is a clear error."""
    server = MockServer()
    job = ClientJob(server.add_tuning_job("43", state="RUNNING"))

    assert "JOB_STATE_RUNNING" == server.tuning_jobs[job]["state"] == server.tuning_jobs[job.name]["state"]
    server.stall(job, at_step=100)
    server.fail(job.name, error="Out of luck.")
    assert "JOB_STATE_FAILED" == server.tuning_jobs[job]["state"]
    for nameless in (None, ClientJob(None)):
        with pytest.raises(TypeError, match="is not the name of a job or model, and has none: pass job"):
            server.finish(nameless)
        with pytest.raises(TypeError, match="and has none"):
            server.tuned_models[nameless]


def test_what_is_not_there_is_named_with_what_is() -> None:
    """In a sentence, which is not printed in quotation marks as that of a KeyError."""
    server = MockServer()
    server.objects["gs://a/b"] = b"x"
    name = server.add_tuned_model("days")
    with pytest.raises(KeyError) as missing:
        server.tuned_models["nope"]
    assert f"there is no 'nope'; there are: {name}" == str(missing.value)
    with pytest.raises(KeyError) as missing:
        server.objects["gs://a/c"]
    assert "there is no object 'gs://a/c'; there are: gs://a/b" == str(missing.value)
    with pytest.raises(TypeError, match="an object is bytes or a text, not dict; training data is a JSON value a line"):
        server.objects["gs://a/b"] = {"a": 1}  # type: ignore[assignment]  # the mistake


def test_unknown_base_model_is_answered_with_the_nearest() -> None:
    """Or with all, if none is near."""
    server = MockServer()
    with pytest.raises(ValueError, match=r"^Base model gemini-9 is not supported\. \(did you mean gemini-2.5-pro\? "):
        server.add_tuning_job(base_model="gemini-9")
    with pytest.raises(ValueError, match=r"is not found .* \(These can be tuned: .*gemini-1\.5-flash-001-tuning"):
        server.add_tuned_model(base_model="models/x")
