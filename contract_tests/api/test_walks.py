"""Walks over lists while things change: an item that is there from begin to end is seen exactly once.

The lists are those of the route table, all of them. Every walk is under way while resources are created, changed and
deleted and runs go on: by requests, by testers, and by the clock, which often stands still.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar

from hypothesis import HealthCheck
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from contract_tests.api.aiplatform import Vertex
from contract_tests.api.everything import BODIES, JOB, PLACE, examples, furnished
from contract_tests.api.generativelanguage import Gemini, say
from contract_tests.effort import effort
from contract_tests.targets import Client, in_process
from mockserver.inspection import run_control
from mockserver.state.world import World

Json = dict[str, Any]

WITHOUT_A_SECOND_PAGE = {
    "projects.locations.metadataStores.executions.list": "there are none",
    "projects.locations.tensorboards.list": "a location has one",
    "projects.locations.tensorboards.experiments.runs.list": "an experiment has one",
    "tunedModels.operations.list": "a tuned model has one",
    "projects.locations.tuningJobs.operations.list": "a job has the one that began it",
    "endpoints.operations.list": "nobody updates an endpoint without a project here",
    "tuningJobs.operations.list": "nobody rebases a job without a project here",
}
"""Lists that are read too, but never need a token; and why."""

ORDERS = ("create_time", "create_time desc")
"""Only what does not change: whoever orders a list by a name, and renames, moves items between its pages."""

MODEL, ENDPOINT, TUNED = f"{PLACE}/models/*", f"{PLACE}/endpoints/*", "tunedModels/*"
NUMBER = st.integers(0, 7)


@dataclass
class Walk:
    """A list that somebody reads page by page."""

    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    token: str = ""
    pages: int = 0
    stayed: set[str] = field(default_factory=set)
    seen: Counter[str] = field(default_factory=Counter)

    def whole(self, client: Client) -> list[str]:
        """Everything that is in the list now."""
        return self._read(client, pageSize="1000")[0]

    def turn(self, client: Client, size: int) -> None:
        """Read the next page.

        After the last: everything that has been there all the time was seen once; begin again.
        """
        if not self.token:
            self.stayed, self.seen, self.pages = set(self.whole(client)), Counter(), 0
        names, self.token = self._read(client, pageSize=str(size), pageToken=self.token)
        self.pages += 1
        self.seen.update(names)
        if not self.token:
            assert max(self.seen.values(), default=1) == 1, (self.method, self.seen)
            assert self.stayed <= self.seen.keys(), (self.method, self.stayed - self.seen.keys())

    def look(self, client: Client) -> None:
        """Something has changed: what is not there any more has not stayed."""
        if self.token:
            self.stayed &= set(self.whole(client))

    def _read(self, client: Client, **paging: str) -> tuple[list[str], str]:
        answer = client.get(self.path, params={**self.params, **paging}, headers=self.headers)
        if answer.status_code in {403, 404}:
            return [], ""  # what it is a list of is gone, or somebody else's
        assert answer.status_code == 200, (self.method, answer.text)
        body: Json = answer.json()
        token = body.pop("nextPageToken", "")
        return [self._key(item) for items in body.values() for item in items], token

    def _key(self, item: Json) -> str:
        """What is the same of an item as long as it is there. Versions of a model all have the model's name."""
        member = {"listVersions": "versionId", "listCheckpoints": "checkpointId"}
        return str(item[member.get(self.method.rpartition(".")[2], "name")])


@cache
def lists() -> Mapping[str, Walk]:
    """A walk for every list in the route table, and for orders that do not change."""
    found = {}
    for example in examples():
        method = example.route.id
        if method.rpartition(".")[2].startswith("list") and method not in found:  # the other versions do the same
            found[method] = Walk(method, example.path, {}, example.headers)
            if method in {"projects.locations.models.list", "projects.locations.endpoints.list"}:
                for order in ORDERS:
                    found[f"{method} {order}"] = Walk(method, example.path, {"orderBy": order}, example.headers)
    return found


@cache
def crowded() -> World:
    """The world with one of everything, and with several of most."""
    world = furnished()[0].fork("crowded")
    names = furnished()[1]
    with in_process(world) as client:
        gemini, vertex = Gemini(client), Vertex(client)
        for _ in range(4):
            vertex.tuned(None, preTunedModel={"tunedModelName": names[MODEL]})
            vertex.tuned()
        for number in (2, 3):
            vertex.delete(f"{names[MODEL]}@{number}:deleteVersion")
        for number in range(3):
            gemini.tune(id=f"tuned-{number}")
            share(gemini, names[TUNED], f"user-{number}@example.com")
            batch(gemini)
            vertex.post("endpoints", {"displayName": f"endpoint {number}"})
            gemini.post("cachedContents", BODIES[" cachedContents.create"])
            vertex.post("cachedContents", BODIES["locations.cachedContents.create"])
            vertex.tune()
            vertex.post(f"{names[ENDPOINT]}:update", {"endpoint": {"displayName": f"e{number}"}})
            vertex.post("tuningJobs:rebaseTunedModel", {"tunedModelRef": {"tuningJob": names[f"{PLACE}/tuningJobs/*"]}})
            client.post("/v1/tuningJobs", json=JOB)
            world.clock.advance(0.5)
    return world


def share(gemini: Gemini, model: str, email: str) -> None:
    """Make somebody a reader; whoever is one already stays it."""
    gemini.ask("POST", f"{model}/permissions", json={"granteeType": "USER", "emailAddress": email, "role": "READER"})


def batch(gemini: Gemini) -> None:
    """Create a batch."""
    requests = {"requests": {"requests": [{"request": say("x")}]}}
    gemini.post("models/gemini-2.0-flash:batchGenerateContent", {"batch": {"inputConfig": requests}})


class Walks(RuleBasedStateMachine):
    """All walks at once, and everything that may happen meanwhile. What is refused has not happened."""

    pages: ClassVar[Counter[str]]

    @initialize(size=st.integers(1, 3))
    def begin(self, size: int) -> None:
        """Open every walk."""
        self.world = crowded().fork("walked")
        self.client = in_process(self.world)
        self.gemini, self.vertex = Gemini(self.client), Vertex(self.client)
        self.names = furnished()[1]
        self.walks = [Walk(it.method, it.path, it.params, it.headers) for it in lists().values()]
        self.turn(size)

    def teardown(self) -> None:
        if not hasattr(self, "walks"):
            return
        for walk in self.walks:
            while walk.token:
                walk.turn(self.client, 3)
        self.client.close()

    def change(self, act: Callable[[], object]) -> None:
        """Let something happen."""
        act()
        for walk in self.walks:
            walk.look(self.client)

    def one_of(self, method: str, number: int) -> str:
        """The name of something in a list now."""
        whole = next(walk for walk in self.walks if walk.method == method).whole(self.client)
        return whole[number % len(whole)] if whole else "none"

    @rule(size=st.integers(1, 3))
    def turn(self, size: int) -> None:
        """Everybody turns a page."""
        for walk in self.walks:
            walk.turn(self.client, size)
            self.pages[walk.method] = max(walk.pages, self.pages[walk.method])

    @rule(seconds=st.sampled_from([0.001, 0.5, 20.0, 90.0, 600.0, 4000.0]))
    def advance(self, seconds: float) -> None:
        """Runs go on and batches end: operations, models, endpoints and experiments appear."""
        self.change(lambda: self.world.clock.advance(seconds))

    @rule(what=st.integers(0, 6), number=NUMBER)
    def create(self, what: int, number: int) -> None:
        """Something new."""
        job = self.one_of("projects.locations.tuningJobs.list", number)
        self.change(
            (
                self.gemini.tune,
                lambda: batch(self.gemini),
                lambda: share(self.gemini, self.names[TUNED], f"new-{number}@example.com"),
                self.vertex.tune,
                lambda: self.vertex.post("endpoints", {"displayName": "new"}),
                lambda: self.vertex.ask("POST", f"{self.names[ENDPOINT]}:update", json={"endpoint": {"labels": {}}}),
                lambda: self.vertex.ask(
                    "POST", "tuningJobs:rebaseTunedModel", json={"tunedModelRef": {"tuningJob": job}}
                ),
            )[what]
        )

    @rule(what=st.integers(0, 8), number=NUMBER)
    def edit(self, what: int, number: int) -> None:
        """Something is not as it was, and stays in its lists."""
        tuned = self.one_of("tunedModels.list", number)
        permission = self.one_of("tunedModels.permissions.list", number)
        endpoint = self.one_of("projects.locations.endpoints.list", number)
        model = self.one_of("projects.locations.models.list", number)
        version = self.one_of("projects.locations.models.listVersions", number)
        aliases = {"versionAliases": ["default"]}
        new, role = {"displayName": "new"}, {"role": "WRITER"}
        self.change(
            (
                lambda: self.gemini.ask("PATCH", tuned, json=new),
                lambda: self.gemini.ask("PATCH", permission, json=role, params={"updateMask": "role"}),
                lambda: self.gemini.ask(
                    "POST", f"{tuned}:transferOwnership", json={"emailAddress": "user-1@example.com"}
                ),
                lambda: self.vertex.ask("PATCH", endpoint, json=new),
                lambda: self.vertex.ask("PATCH", model, json=new),
                lambda: self.vertex.ask("POST", f"{self.names[MODEL]}@{version}:mergeVersionAliases", json=aliases),
                lambda: self.vertex.ask("POST", f"{endpoint}:deployModel", json={"deployedModel": {"model": model}}),
                lambda: self.gemini.ask("POST", f"/v1beta/{self.one_of('batches.list', number)}:cancel"),
                lambda: self.gemini.ask("POST", f"/v1/{self.one_of('operations.list', number)}:cancel"),
            )[what]
        )

    @rule(what=st.integers(0, 4), number=NUMBER)
    def hurry(self, what: int, number: int) -> None:
        """A job ends, or will: its owner or a tester wants it so."""
        name = self.one_of("projects.locations.tuningJobs.list", number)
        acts = (
            lambda: self.vertex.ask("POST", f"{name}:cancel"),
            lambda: run_control.finish(self.world, name),
            lambda: run_control.fail(self.world, name),
            lambda: run_control.fail(self.world, name, at_step=number),
            lambda: run_control.stall(self.world, name, at_step=number),
        )
        try:
            self.change(acts[what])
        except (LookupError, ValueError):
            return  # there is none, or it has ended

    @rule(what=st.integers(0, 5), number=NUMBER)
    def delete(self, what: int, number: int) -> None:
        """Something goes, perhaps what a token names."""
        version = self.one_of("projects.locations.models.listVersions", number)
        self.change(
            (
                lambda: self.gemini.ask("DELETE", self.one_of("tunedModels.permissions.list", number)),
                lambda: self.gemini.ask("DELETE", self.one_of("tunedModels.list", number)),
                lambda: self.gemini.ask("DELETE", self.one_of("batches.list", number)),
                lambda: self.vertex.ask("DELETE", self.one_of("projects.locations.endpoints.list", number)),
                lambda: self.vertex.ask("DELETE", f"{self.names[MODEL]}@{version}:deleteVersion"),
                lambda: self.vertex.ask("DELETE", self.one_of("projects.locations.operations.list", number)),
            )[what]
        )


def test_a_walk_sees_what_is_there_all_the_time_once() -> None:
    """Every list of both services, whatever happens between its pages.

    The programs are the same in every run: which lists they read to a second page is a part of the law.
    """

    class Program(Walks):
        pages: ClassVar[Counter[str]] = Counter()

    run_state_machine_as_test(
        Program, settings=effort(8, stateful_step_count=25, derandomize=True, suppress_health_check=list(HealthCheck))
    )

    alone = {method for method, most in Program.pages.items() if most < 2}
    assert WITHOUT_A_SECOND_PAGE.keys() == alone
