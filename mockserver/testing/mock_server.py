"""MockServer: the handle a tester holds. One line a method; what it does lives elsewhere."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from mockserver import settings as declared
from mockserver.app import create_app
from mockserver.control.guard import Guard
from mockserver.inspection import resources, run_control
from mockserver.inspection.client_behaviour import Report
from mockserver.inspection.leftovers import Leftovers, leftovers
from mockserver.inspection.resources import Resources
from mockserver.inspection.services import route_table
from mockserver.rpc.errors import Code
from mockserver.rpc.loopback import is_loopback
from mockserver.scripting.answers import Answer, Prompt, Rule
from mockserver.scripting.faults import Fault, FaultRecord
from mockserver.scripting.scenario import AnswerRecord
from mockserver.simulation.tuning import Failure
from mockserver.state.calls import Calls
from mockserver.state.clock import Clock, to_datetime, today
from mockserver.state.world import Settings, Snapshot, World, WorldCredentials, Worlds

if TYPE_CHECKING:
    from mockserver.grpc.face import GrpcFace

SLEEPS = ("virtual", "real")

Said = Answer | str | Callable[[Prompt], Answer | str]
Answers = Sequence[Said | Rule | Mapping[str, Any]]


class MockServer:
    """A world of the Gemini tuning APIs, and the ways into it.

        with MockServer().live() as server: ...         on a socket, at server.url
        with MockServer().intercepting() as server: ...     in this process, without one

    `clock` is a Clock, or `manual`, `real` or a factor such as `60x`. Times given as text are ISO 8601.
    `answers` are answers, rules, their members as in an answers file, or the path of such a file, whose
    faults count too. The rest are the fields of `Settings`; a server without a `seed` throws one: see
    `settings.seed`. Raises BadOption for a text that means nothing, TypeError for an unknown setting.
    """

    def __init__(
        self,
        *,
        clock: Clock | str = "manual",
        start_time: datetime | str | None = None,
        as_of: date | str | None = None,
        answers: Answers | str | Path = (),
        **settings: Any,
    ) -> None:
        self._enter(Worlds(_new_world(clock=clock, start_time=start_time, as_of=as_of, **settings)))
        self.script(answers)

    def _enter(self, worlds: Worlds) -> None:
        """Be the handle of these worlds' default one."""
        self._worlds = worlds
        self._doors = contextlib.ExitStack()
        self.app = create_app(worlds)
        self.url = ""
        self.grpc_target = ""

    @property
    def _world(self) -> World:
        return self._worlds.default

    # Time and settings

    @property
    def clock(self) -> Clock:
        """The world's clock: `advance(minutes=5)`, `move_to(...)`."""
        return self._world.clock

    @property
    def now(self) -> datetime:
        """What the clock says."""
        return to_datetime(self.clock.now())

    @property
    def settings(self) -> Settings:
        """How the world behaves."""
        return self._world.settings

    @property
    def credentials(self) -> WorldCredentials:
        """A project, a key and a token that lead to this world on a server that holds many."""
        return self._world.credentials

    # Asking

    @property
    def calls(self) -> Calls:
        """What was asked and answered, oldest first."""
        return self._world.calls.so_far()

    @property
    def misses(self) -> Calls:
        """Calls that did not get what they were after, each with a `hint` of what to change."""
        return Calls(call for call in self.calls if call.hint)

    @property
    def report(self) -> Report:
        """How the client behaved: `assert_polite(min_interval=5)`."""
        return Report(self.calls)

    @property
    def tuned_models(self) -> Resources:
        """The tuned models by name, each as a GET would show it now; the last part of a name is enough."""
        return resources.tuned_models(self._world)

    @property
    def tuning_jobs(self) -> Resources:
        """The tuning jobs by name, each as a GET would show it now; the last part of a name is enough."""
        return resources.tuning_jobs(self._world)

    @property
    def leftovers(self) -> Leftovers:
        """Unfinished jobs, undeleted models, answers and faults that never struck; false if there are none."""
        return leftovers(self._world)

    # Telling it what to say, and what is to go wrong

    @property
    def answers(self) -> tuple[AnswerRecord, ...]:
        """Each scripted answer, with how often it was used."""
        return self._world.scenario.answers

    @property
    def faults(self) -> tuple[FaultRecord, ...]:
        """Each fault, with how many calls it has seen and struck."""
        return self._world.scenario.faults

    def answer(self, *answers: Said | Rule | Mapping[str, Any], **when: Any) -> None:
        """Scenario answers; `when` are the conditions of `Rule`: model, text, regex, predicate, turn, call, times."""
        self._world.scenario.add(*(replace(_rule(it), **when) for it in answers))

    def script(self, answers: Answers | str | Path) -> None:
        """Scenario many: answers, rules and their members as data, or all that an answers file holds."""
        if isinstance(answers, str | Path):
            from mockserver.scripting.answer_file import read_answers

            scripted = read_answers(answers)
            self._world.scenario.add(*scripted.answers)
            self.fault(*scripted.faults)
        elif isinstance(answers, Mapping) or not isinstance(answers, Iterable):
            raise TypeError(f"answers are a list or the name of a file, not {answers!r}")
        else:
            self.answer(*answers)

    def fault(self, *faults: Fault | Mapping[str, Any]) -> None:
        """Let calls go wrong, from now on: each a Fault, or its members as in an answers file."""
        for fault in map(_fault, faults):
            self._world.scenario.add_fault(fault, self.clock.now())

    # Reaching into runs, and setting up

    def finish(self, name: str) -> None:
        """End a tuned model's or tuning job's run now, in success."""
        run_control.finish(self._world, name)

    def cancel(self, name: str) -> None:
        """Cancel a run now, as its owner would."""
        run_control.cancel(self._world, name)

    def fail(
        self, name: str, *, at_step: int | None = None, error: str | None = None, code: int | str | None = None
    ) -> None:
        """Let a run fail: now, or once it has done `at_step` steps. Without an `error` it has the usual words and code.

        `code` is a google.rpc code, by name or number, of an error; INTERNAL if none is given.
        """
        run_control.fail(self._world, name, at_step=at_step, error=_failure(error, code))

    def stall(self, name: str, *, at_step: int) -> None:
        """Let a run do that many steps and never end."""
        run_control.stall(self._world, name, at_step=at_step)

    def add_tuned_model(
        self, name: str = "", *, state: str = "ACTIVE", step: int | None = None, error: str | None = None, **model: Any
    ) -> str:
        """Put a tuned model there and give its name: see `direct.add_tuned_model`."""
        return resources.add_tuned_model(self._world, name, state=state, step=step, error=_failure(error), **model)

    def add_tuning_job(
        self, *, state: str = "SUCCEEDED", step: int | None = None, error: str | None = None, **job: Any
    ) -> str:
        """Put a tuning job there and give its name: see `direct.add_tuning_job`."""
        return resources.add_tuning_job(self._world, state=state, step=step, error=_failure(error), **job)

    # The world as a whole

    def reset(self) -> None:
        """Forget every fact, answer, fault and call; the clock goes on from where it stands."""
        self._world.reset()

    def snapshot(self) -> Snapshot:
        """Everything as it is now, to be put back to."""
        return self._world.snapshot()

    def restore(self, snapshot: Snapshot) -> None:
        """Be as the snapshot says, the time included."""
        self._world.restore(snapshot)

    def fork(self) -> "MockServer":
        """A handle on a world of its own that starts from this one's facts and moment.

        Who sends its `credentials` to this server is in there; so is everybody inside its own `intercepting()`.
        """
        twin = object.__new__(type(self))
        world = self._world.fork(self._worlds.mint())
        self._worlds.add(world)
        twin._enter(self._worlds.around(world))
        twin.url, twin.grpc_target = self.url, self.grpc_target
        return twin

    def drop(self) -> None:
        """Forget a forked world altogether: its credentials lead to the default one again."""
        self._worlds.drop(self._world.name)

    # Ways in

    def start(
        self, host: str = "127.0.0.1", port: int = 0, *, token: str | None = None, grpc_port: int | None = None
    ) -> Self:
        """Serve on a socket, at `url`, until `stop()`. Other machines need the `token` to control it, if they can.

        With a `grpc_port`, where 0 is a free one, serve gRPC too, in plaintext, at `grpc_target`.
        Raises ValueError for an address that others can reach when there is no token.
        """
        from mockserver.doors.live import LiveServer

        if not is_loopback(host) and token is None:
            raise ValueError(f"{host} can be reached from other machines: say which token is to control the server")
        if grpc_port is not None:
            from mockserver.doors.grpc_port import open_port

            self.grpc_target, stop = open_port(self._worlds, host, grpc_port)
            self._doors.callback(stop)
        door = LiveServer(create_app(self._worlds, Guard(token)), host, port)
        self.url = door.start()
        self._doors.callback(door.stop)
        return self

    def stop(self) -> None:
        """Stop serving on a socket."""
        self.url = self.grpc_target = ""
        self._doors.close()

    @contextlib.contextmanager
    def live(self, host: str = "127.0.0.1", port: int = 0, *, grpc: bool = False) -> Iterator[Self]:
        """Serve on a socket while inside; `url` is where, and `grpc_target` for gRPC if that is asked for."""
        self.start(host, port, grpc_port=0 if grpc else None)
        try:
            yield self
        finally:
            self.stop()

    @contextlib.contextmanager
    def intercepting(
        self, *, sleep: Literal["virtual", "real"] = "virtual", block_network: bool = False
    ) -> Iterator[Self]:
        """Answer this process's requests to Google's hosts while inside, with fake credentials in place.

        `sleep` virtual lets `time.sleep` and `asyncio.sleep` of this thread move the clock instead of waiting.
        `block_network` refuses to look up or connect to any other machine.
        """
        declared.one_of("sleep", sleep, SLEEPS)
        from mockserver.doors.blocked_network import blocked
        from mockserver.doors.environment import environment
        from mockserver.doors.intercept import intercepting
        from mockserver.doors.intercept.interceptors import Interceptor
        from mockserver.doors.virtual_sleep import virtual_sleep

        ours = self.credentials
        with contextlib.ExitStack() as stack:
            stack.enter_context(environment(ours.project, ours.api_key, ours.token))
            stack.enter_context(intercepting(Interceptor(self.app, self.clock, self._grpc_face)))
            if block_network:
                stack.enter_context(blocked())
            if sleep == "virtual":
                stack.enter_context(virtual_sleep(self.clock))
            yield self

    def _grpc_face(self) -> "GrpcFace":
        from mockserver.grpc.face import GrpcFace

        return GrpcFace(self._worlds, route_table())

    @contextlib.contextmanager
    def renewed(self, *, answers: Answers | str | Path = (), **arguments: Any) -> Iterator[Self]:
        """Have a fresh world in place of all there are while inside, made of the constructor's arguments."""
        with self._worlds.renewed(_new_world(**arguments)):
            self.script(answers)
            yield self


def _new_world(
    *,
    clock: Clock | str = "manual",
    start_time: datetime | str | None = None,
    as_of: date | str | None = None,
    **settings: Any,
) -> World:
    start = (
        start_time if start_time is None or isinstance(start_time, datetime) else declared.parse_moment(str(start_time))
    )
    day = as_of if as_of is None or isinstance(as_of, date) else declared.parse_as_of(str(as_of), today())
    if not isinstance(clock, Clock):
        clock = declared.parse_clock(str(clock), declared.start_of(day, start, today()))
    unknown = settings.keys() - {field.name for field in fields(Settings)}
    if unknown:
        known = ", ".join(field.name for field in fields(Settings))
        raise TypeError(f"unknown setting {', '.join(sorted(unknown))}; the settings are {known}")
    read = {name: declared.parse_setting(name, it) if isinstance(it, str) else it for name, it in settings.items()}
    return World(clock, Settings(**{"seed": declared.any_seed(), **read, "as_of": day}))


def _rule(answer: Said | Rule | Mapping[str, Any]) -> Rule:
    if isinstance(answer, Mapping):
        from mockserver.scripting.answer_file import parse

        return parse(Rule, answer)
    if not (isinstance(answer, Rule | Answer | str) or callable(answer)):
        raise TypeError(
            f"{answer!r} is no answer: an Answer, a text, a function, a Rule or a mapping of its members is"
        )
    return answer if isinstance(answer, Rule) else Rule(answer)


def _fault(fault: Fault | Mapping[str, Any]) -> Fault:
    if isinstance(fault, Mapping):
        from mockserver.scripting.answer_file import parse

        return parse(Fault, fault)
    if not isinstance(fault, Fault):
        raise TypeError(f"{fault!r} is no fault: a Fault or a mapping of its members is")
    return fault


def _failure(error: str | None, code: int | str | None = None) -> Failure | None:
    if error is None:
        if code is not None:
            raise ValueError(f"the code {code!r} needs an error with words of its own")
        return None
    if code is None:
        code = Code.INTERNAL
    bad = [known for known in Code if known is not Code.OK]
    found = next((known for known in bad if code in {known.name, known.value}), None)
    if found is None:
        raise ValueError(f"nothing fails with the code {code!r}; there are {', '.join(known.name for known in bad)}")
    return Failure(int(found), error)
