"""Random programs over the whole API, in process and over a socket, held to each other and to plain Python."""

from typing import Any

from hypothesis import HealthCheck
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from contract_tests.api.plain_models import EVERYONE, PENDING, RANKS, SUCCEEDED, TunedModel, TuningJob, total_steps
from contract_tests.api.twins import Twins
from contract_tests.effort import effort
from contract_tests.targets import Live
from mockserver.state.world import Settings

Json = dict[str, Any]

USERS = ("alice@example.com", "bob@example.com", "carol@example.com")
USER = st.sampled_from(USERS)
SOMEBODY = st.sampled_from((*USERS, EVERYONE))
EPOCHS = 2
TEXT = st.text(max_size=12)
PLACE = "/v1/projects/my-project/locations/us-central1"


class Api(RuleBasedStateMachine):
    """Both surfaces, and what is expected of them."""

    names: Bundle[str] = Bundle("names")
    jobs: Bundle[str] = Bundle("jobs")

    def __init__(self, live: Live) -> None:
        super().__init__()
        self.twins = Twins(live, Settings(seed=11))
        self.models: dict[str, TunedModel] = {}
        self.made: dict[str, TuningJob] = {}

    def teardown(self) -> None:
        self.twins.stop()

    def allowed(
        self, name: str, user: str, rank: int, status: int, verb: str, path: str, **options: Any
    ) -> Json | None:
        """What a user of that rank is answered; None for a refusal: 404 or `status` if nothing is there, else 403."""
        answer = self.twins.ask(verb, path, user, **options)
        model = self.models.get(name)
        if model is None or model.rank(user) < rank:
            assert answer.status_code == (status if model is None else 403), answer.text
            return None
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body

    # The Developer API.

    @initialize(target=names)
    def begin(self) -> Any:
        """Two models to speak of, the second shared."""
        mine = self.tune(USERS[0], "", examples=15, batch=4)
        theirs = self.tune(USERS[1], "b-1", examples=3, batch=2)
        self.share_with(theirs or "", USERS[1], USERS[0], "READER")
        return multiple(mine, theirs)

    @rule(
        target=names,
        user=USER,
        id=st.sampled_from(("", "a", "b-1")),
        examples=st.integers(1, 20),
        batch=st.integers(1, 4),
    )
    def create(self, user: str, id: str, examples: int, batch: int) -> Any:
        """A new model, unless its id is somebody's."""
        name = self.tune(user, id, examples=examples, batch=batch)
        return multiple() if name is None else name

    def tune(self, user: str, id: str, *, examples: int, batch: int) -> str | None:
        """The name of a new model, None where there is one already."""
        answers = {f"after {number}?": str(number + 1) for number in range(examples)}
        data = [{"textInput": question, "output": answer} for question, answer in answers.items()]
        task = {
            "hyperparameters": {"epochCount": EPOCHS, "batchSize": batch},
            "trainingData": {"examples": {"examples": data}},
        }
        body = {"displayName": "numbers", "baseModel": "models/gemini-1.0-pro-001", "tuningTask": task}
        made = self.twins.ask("POST", "/v1beta/tunedModels", user, json=body, params={"tunedModelId": id} if id else {})
        taken = self.models.get(f"tunedModels/{id}")
        if taken is not None:
            assert made.status_code == (409 if taken.roles.get(user) == "OWNER" else 403)
            return None
        operation = made.json()
        name: str = operation["metadata"]["tunedModel"]
        steps = total_steps(examples, EPOCHS, batch)
        assert (steps, None) == (operation["metadata"]["totalSteps"], operation["metadata"].get("completedSteps"))
        self.models[name] = TunedModel(
            name, operation["name"], examples, EPOCHS, batch, steps, {user: "OWNER"}, answers
        )
        return name

    @rule(name=names, user=USER)
    def get(self, name: str, user: str) -> None:
        """A model as it is now."""
        shown = self.allowed(name, user, 1, 404, "GET", f"/v1beta/{name}")
        if shown is not None:
            self.models[name].observe(shown, self.twins.now)

    @rule(user=USER, size=st.integers(1, 4))
    def list_models(self, user: str, size: int) -> None:
        """Pages joined equal the list: the user's and those shared with them, oldest first."""
        whole = self.twins.good("GET", "/v1beta/tunedModels", user, params={"pageSize": 1000}).get("tunedModels", [])
        expected = {name for name, model in self.models.items() if user in model.roles}
        assert self.twins.pages("/v1beta/tunedModels", user, size, "tunedModels") == whole
        assert {shown["name"] for shown in whole} == expected
        assert [shown["createTime"] for shown in whole] == sorted(shown["createTime"] for shown in whole)
        for shown in whole:
            self.models[shown["name"]].observe(shown, self.twins.now)

    @rule(name=names, user=USER, member=st.sampled_from(("displayName", "description")), text=TEXT, snake=st.booleans())
    def patch(self, name: str, user: str, member: str, text: str, snake: bool) -> None:
        """What is written is read; snake_case is as good as camelCase."""
        spelt = {"displayName": "display_name"}.get(member, member) if snake else member
        options = {"json": {spelt: text}, "params": {"updateMask": spelt}}
        shown = self.allowed(name, user, 2, 404, "PATCH", f"/v1beta/{name}", **options)
        if shown is not None:
            self.models[name].texts[member] = text
            self.models[name].observe(shown, self.twins.now)

    @rule(name=names, user=USER, to=SOMEBODY, role=st.sampled_from(("READER", "WRITER")))
    def share(self, name: str, user: str, to: str, role: str) -> None:
        """A permission a grantee."""
        self.share_with(name, user, to, role)

    def share_with(self, name: str, user: str, to: str, role: str) -> None:
        """Let the user share with somebody or everyone."""
        path, model = f"/v1beta/{name}/permissions", self.models.get(name)
        grantee = {"granteeType": "EVERYONE"} if to == EVERYONE else {"granteeType": "USER", "emailAddress": to}
        if model is not None and model.rank(user) >= 2 and to in model.roles:
            assert self.twins.ask("POST", path, user, json={"role": role, **grantee}).status_code == 409
            return
        given = self.allowed(name, user, 2, 404, "POST", path, json={"role": role, **grantee})
        if given is not None:
            assert {"name": given["name"], "role": role, **grantee} == given
            self.models[name].roles[to] = role
            self.models[name].permissions[to] = given["name"]

    @rule(name=names, user=USER, of=SOMEBODY, role=st.sampled_from(("READER", "WRITER", None)))
    def reconsider(self, name: str, user: str, of: str, role: str | None) -> None:
        """Another role for a grantee, or none."""
        model = self.models.get(name)
        if model is None or of not in model.permissions:
            return
        path = f"/v1beta/{model.permissions[of]}"
        if role is None:
            given = self.allowed(name, user, 2, 404, "DELETE", path)
        else:
            given = self.allowed(name, user, 2, 404, "PATCH", path, json={"role": role}, params={"updateMask": "role"})
        if given is not None:
            model.roles.pop(of)
            if role is None:
                model.permissions.pop(of)
            else:
                model.roles[of] = given["role"]

    @rule(name=names, user=USER, size=st.integers(1, 3))
    def list_permissions(self, name: str, user: str, size: int) -> None:
        """Everybody's role, and only the model's writers are told."""
        path = f"/v1beta/{name}/permissions"
        if self.allowed(name, user, 2, 404, "GET", path) is not None:
            found = self.twins.pages(path, user, size, "permissions")
            assert {it.get("emailAddress", EVERYONE): it["role"] for it in found} == self.models[name].roles

    @rule(name=names, user=USER, heir=USER)
    def transfer(self, name: str, user: str, heir: str) -> None:
        """The old owner becomes a writer."""
        path = f"/v1beta/{name}:transferOwnership"
        if self.allowed(name, user, 3, 404, "POST", path, json={"emailAddress": heir}) is not None and heir != user:
            found = self.twins.good("GET", f"/v1beta/{name}/permissions", heir)["permissions"]
            self.models[name].roles |= {user: "WRITER", heir: "OWNER"}
            self.models[name].permissions = {
                it.get("emailAddress", EVERYONE): it["name"] for it in found if it["role"] != "OWNER"
            }

    @rule(name=names, user=USER, number=st.integers(0, 25))
    def generate(self, name: str, user: str, number: int) -> None:
        """A model that is ready knows what it was taught."""
        model = self.models.get(name)
        question, path = f"after {number}?", f"/v1beta/{name}:generateContent"
        body = {"contents": [{"parts": [{"text": question}]}]}
        if model is not None and model.rank(user) >= 1:
            state = self.twins.good("GET", f"/v1beta/{name}", user)["state"]
            answer = self.twins.ask("POST", path, user, json=body)
            assert answer.status_code == (200 if state == "ACTIVE" else 400)
            if state == "ACTIVE" and question in model.answers:
                [candidate] = answer.json()["candidates"]
                assert model.answers[question] == candidate["content"]["parts"][0]["text"]
        else:
            assert self.twins.ask("POST", path, user, json=body).status_code == 403

    @rule(name=names, user=USER, version=st.sampled_from(("v1", "v1beta")))
    def poll(self, name: str, user: str, version: str) -> None:
        """The operation lags behind its model, and ends with it."""
        model = self.models.get(name)
        if model is None or not (operation := self.allowed(name, user, 1, 404, "GET", f"/{version}/{model.operation}")):
            return
        shown = self.twins.good("GET", f"/v1beta/{name}", user)
        metadata = operation["metadata"]
        done = shown["tuningTask"].get("snapshots", [])
        assert metadata.get("snapshots", []) == done[: metadata.get("completedSteps", 0)]
        assert metadata["totalSteps"] == model.steps
        assert operation.get("done", False) == (shown["state"] != "CREATING")
        assert ("response" in operation) == (shown["state"] == "ACTIVE")

    @rule(name=names, user=USER)
    def cancel(self, name: str, user: str) -> None:
        """A run that has not ended fails; one that has stays."""
        model = self.models.get(name)
        if model is None:
            return
        state = self.twins.good("GET", f"/v1beta/{name}", owner(model))["state"]
        if self.allowed(name, user, 2, 404, "POST", f"/v1/{model.operation}:cancel") is not None:
            model.cancelled = model.cancelled or state == "CREATING"

    @rule(name=names, user=USER)
    def delete(self, name: str, user: str) -> None:
        """What was deleted never was."""
        if self.allowed(name, user, 3, 404, "DELETE", f"/v1beta/{name}") is not None:
            del self.models[name]

    # Vertex AI.

    @initialize(target=jobs)
    def begin_job(self) -> str:
        """A job to speak of."""
        return self.new_job(2)

    @rule(target=jobs, epochs=st.integers(1, 4))
    def create_job(self, epochs: int) -> str:
        """Another."""
        return self.new_job(epochs)

    def new_job(self, epochs: int) -> str:
        """The name of a new job, which begins pending."""
        spec = {"trainingDatasetUri": "gs://bucket/train.jsonl", "hyperParameters": {"epochCount": epochs}}
        body = {"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": spec}
        job = TuningJob(self.twins.good("POST", f"{PLACE}/tuningJobs", USERS[0], json=body))
        assert (PENDING, job.seen["createTime"]) == (job.seen["state"], job.seen["updateTime"])
        self.made[job.name] = job
        return job.name

    @rule(name=jobs)
    def get_job(self, name: str) -> None:
        """Only legal transitions, times in order, and ended is ended."""
        self.made[name].observe(self.twins.good("GET", f"/v1/{name}", USERS[0]), self.twins.now)

    @rule(size=st.integers(1, 4))
    def list_jobs(self, size: int) -> None:
        """Pages joined equal the list of all jobs."""
        path = f"{PLACE}/tuningJobs"
        whole = self.twins.good("GET", path, USERS[0]).get("tuningJobs", [])
        assert self.twins.pages(path, USERS[0], size, "tuningJobs") == whole
        assert {shown["name"] for shown in whole} == self.made.keys()
        for shown in whole:
            self.made[shown["name"]].observe(shown, self.twins.now)

    @rule(name=jobs)
    def cancel_job(self, name: str) -> None:
        """Once, and not what has ended."""
        job = self.made[name]
        job.observe(self.twins.good("GET", f"/v1/{name}", USERS[0]), self.twins.now)
        answer = self.twins.ask("POST", f"/v1/{name}:cancel", USERS[0])
        assert answer.status_code == (200 if job.can_be_cancelled else 400)
        job.cancelled = job.cancelled or answer.status_code == 200

    @rule(name=jobs)
    def ask_endpoint(self, name: str) -> None:
        """A job that succeeded has an endpoint that answers."""
        job = self.made[name]
        if job.seen["state"] == SUCCEEDED:
            body = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
            path = f"/v1/{job.seen['tunedModel']['endpoint']}:generateContent"
            assert self.twins.good("POST", path, USERS[0], json=body)["candidates"]

    # What happens to both.

    @rule(seconds=st.sampled_from((0.0, 0.04, 1.0, 5.0, 31.0, 61.0, 300.0, 4000.0)))
    def advance(self, seconds: float) -> None:
        """Time passes."""
        self.twins.advance(seconds)

    @precondition(lambda self: self.models or self.made)
    @rule()
    def restart(self) -> None:
        """New servers go on with what was kept."""
        self.twins.restart()


def owner(model: TunedModel) -> str:
    """Whose it is."""
    return max(model.roles, key=lambda user: RANKS[model.roles[user]])


def test_any_program_runs_alike_everywhere(live: Live) -> None:
    """The same bytes in process and over a socket, and nothing that plain Python does not expect."""

    class Program(Api):
        def __init__(self) -> None:
            super().__init__(live)

    run_state_machine_as_test(
        Program, settings=effort(60, stateful_step_count=50, suppress_health_check=list(HealthCheck))
    )
