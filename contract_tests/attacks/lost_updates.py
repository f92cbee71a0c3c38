"""Attacks with many threads at once: what they change is all there afterwards, and what they check holds.

Sixty-four threads work on one resource, and the interpreter switches between them as often as it can. What each thread
wrote last is its own, so it can be told whether it was lost. (contract_tests/api/test_concurrency.py has two requests
in the worst order; here the order is left to luck, and there is a lot of it.)
"""

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from contract_tests.attacks.tally import Tally
from mockserver.app import create_app
from mockserver.doors.inprocess import AppRequest, send_request
from mockserver.scripting.answers import Answer, Rule
from mockserver.scripting.scenario import Scenario
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World

Json = dict[str, Any]

THREADS = 64
SWITCH_SECONDS = 1e-6
PLACE = "projects/p/locations/us-central1"
JOB = {"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": {"trainingDatasetUri": "gs://bucket/train.jsonl"}}
EXPECTED = {200, 400, 404, 409, 429}
"""What somebody who comes too late may be told; nothing else."""


class Contest:
    """A world, and threads that change it at once."""

    def __init__(self, tally: Tally, rounds: int, **settings: Any) -> None:
        self.tally = tally
        self.rounds = max(rounds // THREADS, 1)
        self.world = World(ManualClock(), Settings(seed=1, **settings))
        self.app = create_app(self.world)
        self._lock = threading.Lock()

    def ask(self, verb: str, path: str, body: Json | None = None) -> tuple[int, Json]:
        """Status and body of an answer."""
        content = json.dumps(body or {}).encode() if verb in {"POST", "PATCH"} else b""
        headers = [
            ("authorization", "Bearer alice@example.com"),
            ("content-type", "application/json"),
            ("content-length", str(len(content))),
        ]
        start = time.perf_counter()  # noqa: TID251 - the machine's: it is what an attack is after
        answer = send_request(self.app, AppRequest(verb, f"http://mock/{path}", headers, content))
        said = json.loads(b"".join(answer.pieces))
        took = time.perf_counter() - start  # noqa: TID251 - as above
        with self._lock:
            self.tally.tried += 1
            self.tally.worst_seconds = max(took, self.tally.worst_seconds)
            self.tally.refused += 400 <= answer.status < 500
            if answer.status not in EXPECTED:
                self.tally.errors.append(f"{verb} {path}: {answer.status} {said}"[:500])
        return answer.status, said

    def good(self, verb: str, path: str, body: Json | None = None) -> Json:
        """The body of an answer that has to be 200."""
        status, said = self.ask(verb, path, body)
        assert status == 200, (verb, path, said)
        return said

    def model(self, versions: int = 1) -> str:
        """The name of a model in the registry that has some versions."""
        name, request = "", dict[str, Any](JOB)
        for _ in range(versions):
            job = self.good("POST", f"v1/{PLACE}/tuningJobs", request)["name"]
            self.world.clock.advance(4 * 3600)
            name = self.good("GET", f"v1/{job}")["tunedModel"]["model"].partition("@")[0]
            request = {**JOB, "preTunedModel": {"tunedModelName": name}}
            del request["baseModel"]
        return name

    def endpoint(self) -> str:
        """The name of an endpoint with nothing on it."""
        name: str = self.good("POST", f"v1/{PLACE}/endpoints", {"displayName": "e"})["response"]["name"]
        return name

    def compete(self, act: Callable[[int], object], threads: int = THREADS) -> None:
        """`act(number)` in every thread, all beginning at one moment."""
        start = threading.Barrier(threads)

        def run(number: int) -> None:
            start.wait()
            act(number)

        with ThreadPoolExecutor(threads) as pool:
            for done in [pool.submit(run, number) for number in range(threads)]:
                done.result()

    def expect(self, name: str, expected: object, found: object) -> None:
        """Note what is not as it should be."""
        self.tally.expect(f"{name}: {expected!r} expected, {found!r} found"[:500], right=expected == found)


def edits_of_models(contest: Contest) -> None:
    """`models.patch`: every member ends as its own thread left it."""
    model = contest.model()
    _edit(contest, model, ("displayName", "description", "versionDescription", "labels"))


def edits_of_endpoints(contest: Contest) -> None:
    """`endpoints.patch`: the same."""
    _edit(contest, contest.endpoint(), ("displayName", "description", "labels"))


def _edit(contest: Contest, name: str, members: tuple[str, ...]) -> None:
    last: dict[str, object] = {}
    turns = {member: threading.Lock() for member in members}

    def edit(number: int) -> None:
        member = members[number % len(members)]
        for turn in range(contest.rounds):
            text = f"{number}-{turn}"
            value: object = {"a": text} if member == "labels" else text
            with turns[member]:  # so that it is known who came last
                contest.good("PATCH", f"v1/{name}?updateMask={member}", {member: value})
                last[member] = value
                assert value == contest.good("GET", f"v1/{name}")[member], "what was just written is not there"

    contest.compete(edit)
    shown = contest.good("GET", f"v1/{name}")
    for member in members:
        contest.expect(f"{name} {member}", last[member], shown.get(member))


def deployments(contest: Contest) -> None:
    """Deploying against undeploying: what a thread has deployed and left is there."""
    model, endpoint = contest.model(), contest.endpoint()
    left: list[set[str]] = [set() for _ in range(THREADS)]

    def deploy(number: int) -> None:
        for turn in range(contest.rounds):
            name = f"d{number}-{turn}"
            contest.good("POST", f"v1/{endpoint}:deployModel", {"deployedModel": {"model": model, "id": name}})
            left[number].add(name)
            if turn < contest.rounds - 1:  # nobody splits traffic, so every one can be undeployed
                contest.good("POST", f"v1/{endpoint}:undeployModel", {"deployedModelId": name})
                left[number].remove(name)

    contest.compete(deploy)
    deployed = [each["id"] for each in contest.good("GET", f"v1/{endpoint}")["deployedModels"]]
    contest.expect("deployed twice", len(set(deployed)), len(deployed))
    contest.expect("deployed", set().union(*left), set(deployed))
    known = contest.good("GET", f"v1/{model}")["deployedModels"]
    contest.expect(
        "known to the model", set(deployed), {it["deployedModelId"] for it in known if it["endpoint"] == endpoint}
    )


def splits(contest: Contest) -> None:
    """Traffic splits against undeploying: a model stays undeployed, and all of the traffic goes to deployed ones."""
    model, endpoint = contest.model(), contest.endpoint()
    contest.good("POST", f"v1/{endpoint}:deployModel", {"deployedModel": {"model": model, "id": "base"}})

    def move(number: int) -> None:
        name = f"d{number // 4}"
        for turn in range(contest.rounds):
            if number % 4:
                split = {"trafficSplit": {"base": 50, name: 50}}
                contest.ask("PATCH", f"v1/{endpoint}?updateMask=trafficSplit", split)
            elif turn % 2:
                undeploy = {"deployedModelId": name, "trafficSplit": {"base": 100}}
                contest.good("POST", f"v1/{endpoint}:undeployModel", undeploy)
            else:
                contest.good("POST", f"v1/{endpoint}:deployModel", {"deployedModel": {"model": model, "id": name}})
            there = _checked_split(contest, endpoint)[1]
            assert number % 4 or (name in there) is not bool(turn % 2), f"{name} is there, or is not, against its owner"

    contest.compete(move)


def _checked_split(contest: Contest, endpoint: str) -> tuple[Json, set[str]]:
    """The traffic split and what is deployed, which fit each other."""
    shown = contest.good("GET", f"v1/{endpoint}")
    split: Json = shown.get("trafficSplit", {})
    there = {each["id"] for each in shown.get("deployedModels", [])}
    contest.tally.expect(f"traffic {split} to {there}", right=split.keys() <= there)
    contest.tally.expect(f"traffic {split}", right=sum(split.values()) == (100 if split else 0))
    return split, there


def aliases(contest: Contest) -> None:
    """Version aliases: each is where its own thread put it, and there is always one default version."""
    model = contest.model(versions=4)

    def move(number: int) -> None:
        for turn in range(contest.rounds):
            version = (number + turn) % 3 + 1
            mine = [f"mine-{number}", "default"] if number % 2 else [f"mine-{number}"]
            contest.good("POST", f"v1/{model}@{version}:mergeVersionAliases", {"versionAliases": mine})
            assert str(version) == contest.good("GET", f"v1/{model}@mine-{number}")["versionId"], "an alias moved"
            if number % 8 == 0:
                contest.ask("DELETE", f"v1/{model}@4:deleteVersion")
            contest.good("GET", f"v1/{model}")

    contest.compete(move)
    versions = contest.good("GET", f"v1/{model}:listVersions")["models"]
    found = [alias for version in versions for alias in version["versionAliases"]]
    contest.expect("aliases", sorted([*(f"mine-{number}" for number in range(THREADS)), "default"]), sorted(found))


def quotas(contest: Contest) -> None:
    """As many jobs as there are places are taken, all others refused; again when those have ended."""
    for _ in range(contest.rounds):
        taken: list[int] = []
        contest.compete(lambda _: taken.append(contest.ask("POST", f"v1/{PLACE}/tuningJobs", JOB)[0]))  # noqa: B023 - done at once
        contest.expect("jobs under the quota", {200: 3, 429: THREADS - 3}, Counter(taken))
        contest.world.clock.advance(4 * 3600)


def permissions(contest: Contest) -> None:
    """Sharing with many at once: everybody has the one permission they were given, and the model's ids are unique."""
    body = {
        "displayName": "x",
        "baseModel": "models/gemini-1.0-pro-001",
        "tuningTask": {"trainingData": {"examples": {"examples": [{"textInput": "1", "output": "2"}]}}},
    }
    for turn in range(contest.rounds):
        path, made = f"v1beta/tunedModels/shared-{turn}", list[int]()

        def share(number: int) -> None:
            made.append(contest.ask("POST", f"v1beta/tunedModels?tunedModelId=shared-{turn}", body)[0])  # noqa: B023 - as above
            role = {"granteeType": "USER", "emailAddress": f"user-{number % 32}@example.com", "role": "READER"}
            made.append(contest.ask("POST", f"{path}/permissions", role)[0])  # noqa: B023 - as above

        contest.compete(share)
        found = contest.good("GET", f"{path}/permissions?pageSize=1000")["permissions"]
        contest.expect("answers", {200: 33, 409: 2 * THREADS - 33}, Counter(made))
        contest.expect("permissions", 33, len({each["name"] for each in found}))
        contest.expect("grantees", 33, len({each["emailAddress"] for each in found}))


def uses_of_answers(contest: Contest) -> None:
    """An answer that is there so many times is given so often, and every call is in the log."""
    prompt = {"contents": [{"parts": [{"text": "x"}]}]}
    given, asked = list[str](), len(contest.world.calls)
    times = contest.rounds * THREADS // 2
    Scenario(contest.world.store).add_rules(Rule(Answer("scarce"), times=times))

    def generate(_: int) -> None:
        for _ in range(contest.rounds):
            answer = contest.good("POST", "v1beta/models/gemini-2.0-flash:generateContent", prompt)
            given.append(answer["candidates"][0]["content"]["parts"][0]["text"])

    contest.compete(generate)
    contest.expect("scarce answers", times, given.count("scarce"))
    contest.expect("calls in the log", min(asked + contest.rounds * THREADS, 10_000), len(contest.world.calls))


CONTESTS: dict[Callable[[Contest], None], Json] = {
    edits_of_models: {},
    edits_of_endpoints: {},
    deployments: {},
    splits: {},
    aliases: {},
    quotas: {"max_concurrent_jobs": 3, "over_quota": "refuse"},
    permissions: {},
    uses_of_answers: {},
}


@contextmanager
def frequent_switches() -> Iterator[None]:
    """The interpreter switches between threads as often as it can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def attack(tally: Tally, *, long: bool) -> None:
    """Every contest, with ten thousand rounds of all threads together in the long form."""
    for contest, settings in CONTESTS.items():
        try:
            with frequent_switches():
                contest(Contest(tally, 10_000 if long else 128, **settings))
        except Exception as error:  # noqa: BLE001 - whatever it is goes into the table
            tally.errors.append(f"{contest.__name__}: {error!r}"[:2000])
