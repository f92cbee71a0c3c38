"""`MockServer`: the handle of a tester. Its methods call other rooms."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal, Never, Self, TypedDict, TypeVar, Unpack

from mockserver.app import create_app
from mockserver.control.guard import Guard
from mockserver.datasets.storage import served_at
from mockserver.http.host_guard import HostGuard
from mockserver.inspection import resources, run_control, script
from mockserver.inspection.busy_polling import PollWatch
from mockserver.inspection.calls import Calls
from mockserver.inspection.client_behaviour import ClientBehaviour
from mockserver.inspection.leftovers import Leftovers, find_leftovers
from mockserver.inspection.names import JobLike
from mockserver.inspection.objects import StoredObjects, create_bucket, looked_before_creation
from mockserver.inspection.resources import Resources
from mockserver.inspection.script import AnswerLike, Answers
from mockserver.inspection.services import route_table
from mockserver.rpc.hosts import is_loopback
from mockserver.scripting.answers import Prompt, Rule
from mockserver.scripting.faults import Fault, FaultRecord
from mockserver.scripting.scenario import AnswerRecord, Scenario
from mockserver.settings import InterceptionSettings, Settings, read_settings, unknown_names, unknown_settings
from mockserver.settings.keywords import check_keywords
from mockserver.state.clock import Clock, to_datetime
from mockserver.state.new_world import new_world
from mockserver.state.store import Snapshot
from mockserver.state.world import World, WorldCredentials, Worlds
from mockserver.testing.interception import Interception
from mockserver.testing.keywords import InterceptionKeywords, TunedModelKeywords, TuningJobKeywords, WorldKeywords

if TYPE_CHECKING:
    from mockserver.doors.grpc_port import LazyPort
    from mockserver.grpc.face import GrpcFace


class Conditions(TypedDict, total=False):
    """When an answer is used: all of these must hold.

    `model` is a glob for the model's name or its last part; `text` is the exact prompt, `regex` an expression that is
    searched in it, `predicate` a function of it; `turn` is the number of the user's turn, `call` the number of the call
    of that model, both from 1; `times` is how often the answer is used at most.
    """

    model: str
    text: str
    regex: str
    predicate: Callable[[Prompt], bool]
    turn: int
    call: int
    times: int


T = TypeVar("T")

TunedModelState = Literal["CREATING", "ACTIVE", "FAILED"]
TuningJobState = Literal[
    "PENDING",
    "RUNNING",
    "SUCCEEDED",
    "FAILED",
    "CANCELLING",
    "CANCELLED",
    "JOB_STATE_PENDING",
    "JOB_STATE_RUNNING",
    "JOB_STATE_SUCCEEDED",
    "JOB_STATE_FAILED",
    "JOB_STATE_CANCELLING",
    "JOB_STATE_CANCELLED",
]


class Listed(tuple[T, ...]):
    """The scripted answers, or the faults, as a tuple; to call it is a mistake that says what to call."""

    __slots__ = ()

    if not TYPE_CHECKING:  # a type checker knows that a tuple cannot be called

        def __call__(self, *_: object, **__: object) -> None:
            """Raise TypeError: there is `answer` and `fault` to add one."""
            __tracebackhide__ = True
            raise TypeError("answers and faults list what there is; answer(...) and fault(...) add one")


class MockServer:
    """A world of the Gemini tuning APIs, and the ways into it.

        with MockServer().live() as server: ...         on a socket, at server.url
        with MockServer().intercepting() as server: ...     in this process, without one

    `clock` is a Clock, or `manual` (the default), `real` or a factor such as `60x`. Times may be ISO 8601 texts.
    `answers` is a list of answers, rules or their members as in an answers file, or the path of such a file, which may
    have faults too. The other keywords are the fields of `Settings`. Without a `seed`, the server gets a random one:
    see `settings.seed`. Raises BadOption for an invalid value, TypeError for an unknown setting.
    """

    def __init__(self, *, answers: Answers | str | Path = (), **settings: Unpack[WorldKeywords]) -> None:
        self._use(Worlds(new_world(settings)))
        self.script(answers)

    def _use(self, worlds: Worlds) -> None:
        """Use these worlds: the handle is that of the default one."""
        self._worlds = worlds
        self._doors = contextlib.ExitStack()
        self._refused_hosts: list[str] = []
        self._busy_polls: list[str] = []
        self._child_processes: list[str] = []
        self.app = create_app(worlds)
        self.url = ""
        self._grpc_port: LazyPort | None = None
        self._grpc_face: GrpcFace | None = None
        self._folder = Path()

    def __repr__(self) -> str:
        where = self.url or "no socket"
        return f"<MockServer at {where}: {len(self.calls)} calls, {self.clock!r}, seed={self.settings.seed}>"

    @property
    def _world(self) -> World:
        return self._worlds.default

    # Time and settings

    @property
    def clock(self) -> Clock:
        """Return the world's clock: `advance(minutes=5)`, `move_to("2030-01-01")`."""
        return self._world.clock

    @property
    def now(self) -> datetime:
        """Return the time of the world's clock."""
        return to_datetime(self.clock.now())

    @property
    def settings(self) -> Settings:
        """Return the settings of the world."""
        return self._world.settings

    @property
    def credentials(self) -> WorldCredentials:
        """Return the project, key and token that choose this world on a server with several worlds."""
        return self._world.credentials

    # Inspection

    @property
    def calls(self) -> Calls:
        """Return the log of calls, oldest first: `calls.assert_called("tuningJobs.create", times=1)`."""
        return Calls(self._world.calls)

    @property
    def misses(self) -> Calls:
        """Return the calls that failed for a reason that the server can explain: each has a `hint` what to change.

        A look whether a bucket exists is none if the bucket was created since.
        """
        return Calls(call for call in self.calls if call.hint and not looked_before_creation(self._world, call))

    @property
    def refused_hosts(self) -> tuple[str, ...]:
        """Return the hosts of Google's that were refused: not answered here, or not through the library that asked."""
        return tuple(self._refused_hosts)

    @property
    def busy_polls(self) -> tuple[str, ...]:
        """Return the errors for polling without sleeping (BusyPolling); the code under test may have swallowed them."""
        return tuple(self._busy_polls)

    @property
    def child_processes(self) -> tuple[str, ...]:
        """Return the programs of child processes that were started while requests were intercepted, without a socket.

        They do not reach this server.
        """
        return tuple(self._child_processes)

    @property
    def report(self) -> ClientBehaviour:
        """Return how the client behaved: `polls`, `retries`, `assert_polite(min_interval=5, backs_off=True)`."""
        return ClientBehaviour(self.calls)

    @property
    def tuned_models(self) -> Resources:
        """Return the tuned models by name, each as GET returns it now; the last segment of a name is enough."""
        return resources.tuned_models(self._world)

    @property
    def tuning_jobs(self) -> Resources:
        """Return the tuning jobs by name, each as GET returns it now; the last segment of a name is enough."""
        return resources.tuning_jobs(self._world)

    @property
    def objects(self) -> StoredObjects:
        """Return the objects of Cloud Storage by URI: `mockserver.objects["gs://bucket/train.jsonl"] = rows`."""
        return StoredObjects(self._world)

    def create_bucket(self, name: str) -> None:
        """Create a bucket of Cloud Storage, which `unknown_buckets="missing"` requires; one that exists stays as it is.

            mockserver.create_bucket("my-bucket")

        Raises ValueError for a name that no bucket can have.
        """
        __tracebackhide__ = True
        create_bucket(self._world, name)

    @property
    def leftovers(self) -> Leftovers:
        """Return unfinished jobs, undeleted models, and unused answers and faults; false if there are none."""
        return find_leftovers(self._world)

    # Answers and faults

    @property
    def answers(self) -> tuple[AnswerRecord, ...]:
        """Return the scripted answers with how often each was used."""
        return Listed(Scenario(self._world.store).answers)

    @property
    def faults(self) -> tuple[FaultRecord, ...]:
        """Return the faults with how many calls each `matched`, and into how many it was `injected`."""
        return Listed(Scenario(self._world.store).faults)

    def answer(self, *answers: AnswerLike | Rule | Mapping[str, Any], **when: Unpack[Conditions]) -> None:
        """Script what models answer, from now on. The first answer whose conditions hold is used.

            mockserver.answer("LXIV", text="LXIII")
            mockserver.answer(Answer("No.", finish="SAFETY"), regex="(?i)secret", times=1)
            mockserver.answer(lambda prompt: prompt.text.upper(), model="models/gemini-*")

        An answer is a text, an Answer, a function of the prompt that returns one of them, a Rule, or the members of a
        rule as in an answers file. Conditions: `model` is a glob, `text` the exact prompt, `regex` is searched in it,
        `predicate` is a function of it, `turn` and `call` count from 1, `times` is how often it is used at most.
        """
        __tracebackhide__ = True
        if unknown := unknown_names(when, Conditions.__annotations__, "condition"):
            raise TypeError(unknown)
        script.add_answers(self._world, answers, **when)

    def script(self, answers: Answers | str | Path) -> None:
        """Script a list of answers, rules or their members as data, or everything in an answers file."""
        script.script(self._world, answers)

    def fault(self, *faults: Fault | Mapping[str, Any], **members: Never) -> None:
        """Inject faults from now on: each is a Fault, or its members as in an answers file.

            mockserver.fault(Fault("tuningJobs.create", status=429, retry_after=30, times=1))
            mockserver.fault(Fault("tuningJobs.create", fail_at_step=3))

        Raises ValueError for a method that does not exist.
        """
        __tracebackhide__ = True
        if members:
            raise TypeError(f"fault has no keyword {next(iter(members))!r}: {script.PASS_A_FAULT}")
        script.add_faults(self._world, faults)

    # Run control and setup

    def finish(self, name: JobLike) -> None:
        """Finish the run of a tuned model or tuning job now, successfully.

        Here and below, it is given by its name, the last segment of it, or the job that a client has returned.
        """
        run_control.finish(self._world, name)

    def cancel(self, name: JobLike) -> None:
        """Cancel the run now, as its owner would."""
        run_control.cancel(self._world, name)

    def fail(
        self, name: JobLike, *, at_step: int | None = None, error: str | None = None, code: int | str | None = None
    ) -> None:
        """Make the run fail: now, or after `at_step` steps. Without an `error` it has the service's usual one.

        `code` is the google.rpc code of the `error`, by name or number; INTERNAL by default.
        """
        run_control.fail(self._world, name, at_step=at_step, error=run_control.failure(error, code))

    def stall(self, name: JobLike, *, at_step: int) -> None:
        """Stop the progress of the run after that many steps; it never ends."""
        run_control.stall(self._world, name, at_step=at_step)

    @check_keywords()
    def add_tuned_model(
        self,
        name: str = "",
        *,
        examples: Mapping[str, str] | None = None,
        state: TunedModelState = "ACTIVE",
        step: int | None = None,
        error: str | None = None,
        owner: str = "",
        **members: Unpack[TunedModelKeywords],
    ) -> str:
        """Add a tuned model of the Developer API, with a matching past, and return its name.

            mockserver.add_tuned_model("days", examples={"monday": "tuesday"})
            mockserver.add_tuned_model("slow", state="CREATING", step=0)

        `state` is CREATING, ACTIVE or FAILED; `step` is the current step, or the one after which it failed (default:
        half of them), with the message `error`. `owner` is an e-mail address or an API key; without one everybody owns
        the model. Other keywords are members of the resource, such as display_name, base_model or tuning_task.
        Raises ValueError for what the service would refuse.
        """
        failure = run_control.failure(error)
        return resources.add_tuned_model(
            self._world, name, examples=examples, state=state, step=step, error=failure, owner=owner, **members
        )

    @check_keywords()
    def add_tuning_job(  # noqa: PLR0913 - all but the name are given by name
        self,
        name: str = "",
        *,
        model: str = "",
        endpoint: str = "",
        project: str = "",
        location: str = "us-central1",
        state: TuningJobState = "SUCCEEDED",
        step: int | None = None,
        error: str | None = None,
        **members: Unpack[TuningJobKeywords],
    ) -> str:
        """Add a tuning job of Vertex AI, with the model and the endpoints it has in that state, and return its name.

            mockserver.add_tuning_job(state="RUNNING", base_model="gemini-2.0-flash-001")

        `state` is PENDING, RUNNING, SUCCEEDED, FAILED, CANCELLING or CANCELLED, with or without JOB_STATE_ before it;
        `step` is the current step, or the one after which it failed (default: half of them), with the message `error`.
        Other keywords are members of the resource, such as base_model or supervised_tuning_spec.
        Raises ValueError for what the service would refuse.
        """
        failure = run_control.failure(error)
        return resources.add_tuning_job(
            self._world,
            name,
            model=model,
            endpoint=endpoint,
            project=project,
            location=location,
            state=state,
            step=step,
            error=failure,
            **members,
        )

    # Worlds

    def reset(self) -> None:
        """Delete all resources, answers, faults and calls; settings and clock stay as they are."""
        self._world.reset()
        self._forget_notes()

    def _forget_notes(self) -> None:
        for notes in (self._refused_hosts, self._busy_polls, self._child_processes):
            notes.clear()

    def snapshot(self) -> Snapshot:
        """Return a copy of the world as it is now, for `restore`."""
        return self._world.snapshot()

    def restore(self, snapshot: Snapshot) -> None:
        """Return to a snapshot, its time included; refused hosts, busy polls and child processes are forgotten."""
        self._world.restore(snapshot)
        self._forget_notes()

    def fork(self) -> "MockServer":
        """Return a handle on an independent world with the same contents and time.

        Requests with its `credentials` use that world, and so do all requests inside of its own `intercepting()`.
        """
        copy = object.__new__(type(self))
        world = self._world.fork(self._worlds.new_name())
        self._worlds.add(world)
        copy._use(self._worlds.with_default(world))
        copy.url, copy._grpc_port, copy._folder = self.url, self._grpc_port, self._folder
        return copy

    def drop(self) -> None:
        """Forget a forked world altogether: its credentials lead to the default one again."""
        self._worlds.drop(self._world.name)

    # Ways in

    @property
    def grpc_target(self) -> str:
        """Return where gRPC is served, in plaintext, as `host:port`; "" if the server is not on a socket.

        The port is opened when this is first read. Raises RuntimeError if it cannot be, for example without grpcio.
        """
        return self._grpc_port.target if self._grpc_port else ""

    @property
    def env(self) -> dict[str, str]:
        """Return the variables with which another process uses this world: base URLs, keys, credentials, a project.

        Behind a proxy the process reaches it all the same: NO_PROXY is that of this process, and this machine.
        Raises RuntimeError if the server is not on a socket.
        """
        if not self.url:
            raise RuntimeError(
                "other processes need a socket: use the fixture mockserver_live, or with mockserver.live(): ..."
            )
        from mockserver.doors.child_environment import server_environment
        from mockserver.doors.credentials_file import external_account, write
        from mockserver.doors.environment import NO_PROXY, without_proxy

        credentials = self.credentials
        file = write(self._folder / f"{credentials.project}.json", external_account(self.url, credentials))
        direct = {name: without_proxy(os.environ.get(name, "")) for name in NO_PROXY}
        return {**server_environment(self.url, credentials, file), **direct}

    def start(
        self, host: str = "127.0.0.1", port: int = 0, *, token: str | None = None, grpc_port: int | None = None
    ) -> Self:
        """Serve on a socket, at `url`, until `stop()`. Other machines need the `token` to control it, if they can.

        gRPC is served at `grpc_target`: on `grpc_port` at once, or without one on a free port when it is first used.
        Raises ValueError for an address that others can reach when there is no token, OSError for one that is in use.
        """
        from mockserver.doors.grpc_port import LazyPort
        from mockserver.doors.live import LiveServer

        if not is_loopback(host) and token is None:
            raise ValueError(f"other machines can connect to {host}: set a token to control the server")
        host_guard = HostGuard() if is_loopback(host) else None
        door = LiveServer(create_app(self._worlds, Guard(token), host_guard), host, port)
        self.url = door.start()
        self._doors.callback(door.stop)
        self._doors.enter_context(served_at(self.url))
        self._folder = Path(self._doors.enter_context(TemporaryDirectory(prefix="mockserver-")))
        self._grpc_port = LazyPort(self._worlds, host, grpc_port or 0)
        self._doors.callback(self._grpc_port.close)
        if grpc_port is not None:
            self._open_grpc_port()
        return self

    def _open_grpc_port(self) -> None:
        try:
            _ = self.grpc_target
        except BaseException:  # whatever ends the start, the HTTP port is closed again
            self.stop()
            raise

    def stop(self) -> None:
        """Stop serving on a socket."""
        self.url, self._grpc_port = "", None
        self._doors.close()

    @contextlib.contextmanager
    def live(self, host: str = "127.0.0.1", port: int = 0, *, grpc: bool = False) -> Iterator[Self]:
        """Serve on a socket, at `url`, in the `with` block; with `grpc` at once at `grpc_target`, too."""
        self.start(host, port, grpc_port=0 if grpc else None)
        try:
            yield self
        finally:
            self.stop()

    def intercepting(self, **options: Unpack[InterceptionKeywords]) -> Interception[Self]:
        """Answer this process's requests to Google's hosts, with fake credentials in the environment.

            with server.intercepting(): ...     in a block
            @server.intercepting()              in a function of any kind, such as a fixture, or each test of a class
            server.intercepting().start()       until its stop(), between two cells of a notebook for example

        With `sleep="virtual"`, the default, whoever sleeps moves the clock instead of waiting, in this thread and in
        those that are started inside. With `sleep="virtual+clock"` the machine's clocks follow; with `sleep="real"`
        sleepers wait. `busy_polling` is what happens to code that polls without sleeping. `block_network=True` refuses
        connections to all other machines.
        """
        if unknown := unknown_settings(options, InterceptionKeywords.__annotations__, "option"):
            raise TypeError(unknown)
        settings = read_settings(InterceptionSettings, options)
        return Interception(self, lambda: self._intercept(settings))

    @contextlib.contextmanager
    def _intercept(self, settings: InterceptionSettings) -> Iterator[None]:
        from mockserver.doors.blocked_network import blocked
        from mockserver.doors.child_processes import children_noted
        from mockserver.doors.environment import environment
        from mockserver.doors.intercept import intercepting
        from mockserver.doors.intercept.interceptors import Interceptor
        from mockserver.doors.virtual_sleep import virtual_sleep

        with contextlib.ExitStack() as stack:
            stack.enter_context(environment(self.credentials, self.url, adds_key=settings.fake_api_key))
            watch = PollWatch(self._world, self.clock, settings.busy_polling, self._busy_polls.append)
            interceptor = Interceptor(self.app, self.clock, self.grpc_face, watch.note, self._refused_hosts.append)
            stack.enter_context(intercepting(interceptor))
            stack.enter_context(children_noted(self._note_child))
            if settings.block_network:
                stack.enter_context(blocked())
            if settings.sleep != "real":
                has_clocks = settings.sleep == "virtual+clock"
                stack.enter_context(virtual_sleep(self.clock, has_clocks=has_clocks))
            yield

    def _note_child(self, program: str) -> None:
        if not self.url:
            self._child_processes.append(program)

    def grpc_face(self) -> "GrpcFace":
        """Return what answers calls over gRPC, without a socket: always the same, which keeps what clients repeat."""
        if self._grpc_face is None:
            from mockserver.grpc.face import GrpcFace
            from mockserver.http.recorded_messages import find_recorded

            table = route_table()
            self._grpc_face = GrpcFace(self._worlds, table, find_recorded=find_recorded(table))
        return self._grpc_face

    def pinned(self) -> "MockServer":
        """Return a handle on the world of now, which stays there to be read when `fresh_world` has ended."""
        handle = object.__new__(type(self))
        vars(handle).update(vars(self), _worlds=self._worlds.with_default(self._world), _grpc_face=None)
        return handle

    @contextlib.contextmanager
    def fresh_world(self, *, answers: Answers | str | Path = (), **settings: Unpack[WorldKeywords]) -> Iterator[Self]:
        """Replace all worlds by a new one in the `with` block; the arguments are the constructor's."""
        self._forget_notes()
        with self._worlds.replaced(new_world(settings)):
            self.script(answers)
            yield self
