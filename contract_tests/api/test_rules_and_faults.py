"""Rules and faults act in the same way in both services, over HTTP and over gRPC."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from contract_tests.api.surfaces import MODELS, TURN, Arrived, Surface, surfaces
from contract_tests.environment import HANGS
from mockserver.app import create_app
from mockserver.scripting.answers import Answer, Prompt, Rule
from mockserver.scripting.faults import Fault
from mockserver.scripting.scenario import Scenario
from mockserver.settings import LONGEST_SECONDS
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World

EVERYWHERE = pytest.mark.parametrize("ask", [pytest.param(ask, id=name) for name, ask in surfaces()])


def new_world(*rules: Rule) -> World:
    """Return a world with these rules."""
    world = World(ManualClock(), Settings(seed=1))
    Scenario(world.store).add_rules(*rules)
    return world


@EVERYWHERE
def test_a_predicate_is_called_only_if_the_other_conditions_hold(ask: Surface) -> None:
    """It may rely on them, also while the nearest rule is looked for."""
    world = new_world(Rule("third", turn=2, predicate=lambda prompt: prompt.turns[2].text == "x"))

    arrived = ask(world)

    assert "" == arrived.error
    assert "but it is turn 1, not 2" in next(iter(world.calls)).hint


@EVERYWHERE
def test_a_predicate_is_called_once_for_a_prompt(ask: Surface) -> None:
    """Also if it is false, and the nearest rule is reported."""
    prompts: list[Prompt] = []

    def predicate(prompt: Prompt) -> bool:
        prompts.append(prompt)
        return False

    world = new_world(Rule("never", predicate=predicate))

    ask(world)

    assert 1 == len(prompts)


@EVERYWHERE
def test_predicates_are_never_called_concurrently(ask: Surface) -> None:
    """They need no lock of their own. Functions that answer may wait for each other, so they are."""
    running = threading.Semaphore(1)
    alone: list[bool] = []

    def predicate(_: Prompt) -> bool:
        alone.append(running.acquire(blocking=False))
        threading.Event().wait(0.05)  # enough for the other thread to come in
        running.release()
        return True

    world = new_world(Rule("yes", predicate=predicate))
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(ask, world) for _ in range(2)]

    assert [Arrived(["yes"])] * 2 == [each.result(HANGS) for each in both]
    assert [True, True] == alone


TWO = Rule(Answer(chunks=("one ", "two")))


def inject(world: World, fault: Fault) -> World:
    """Inject a fault into all calls of a world."""
    Scenario(world.store).add_fault(fault, world.clock.now())
    return world


@EVERYWHERE
@pytest.mark.parametrize(
    ("chunks", "arrived"),
    [
        (0, Arrived([], is_broken=True)),
        (1, Arrived(["one "], is_broken=True)),
        (2, Arrived(["one ", "two"], is_broken=True)),
        (3, Arrived(["one ", "two"])),
    ],
)
def test_a_stream_breaks_after_so_many_messages(ask: Surface, chunks: int, arrived: Arrived) -> None:
    """Also after the last one; what closes an array is no message."""
    world = inject(new_world(TWO), Fault(cut_after_chunks=chunks))

    assert arrived == ask(world, stream=True)
    assert arrived.texts == [_text(message) for message in next(iter(world.calls)).response]


def _text(message: dict[str, Any]) -> str:
    return "".join(part["text"] for part in message["candidates"][0]["content"]["parts"])


@EVERYWHERE
def test_every_message_of_a_stream_is_delayed(ask: Surface) -> None:
    """And nothing else."""
    world = inject(new_world(TWO), Fault(chunk_delay_seconds=5))

    assert Arrived(["one ", "two"], waits=[5.0, 5.0]) == ask(world, stream=True)


@EVERYWHERE
def test_a_whole_answer_has_no_chunks(ask: Surface) -> None:
    """Faults of a stream do nothing to it."""
    world = inject(new_world(TWO), Fault(cut_after_chunks=0, chunk_delay_seconds=5))

    assert Arrived(["one two"]) == ask(world)


@EVERYWHERE
@pytest.mark.parametrize(
    "fault", [Fault(latency_seconds=LONGEST_SECONDS - 1), Fault(chunk_delay_seconds=LONGEST_SECONDS - 1)]
)
def test_delays_add_up_to_the_longest_that_a_fault_may_have(ask: Surface, fault: Fault) -> None:
    """However many faults there are."""
    world = new_world(Rule(Answer(chunks=("one",))))
    for _ in range(2):
        inject(world, fault)

    assert Arrived(["one"], waits=[LONGEST_SECONDS]) == ask(world, stream=True)


@pytest.mark.parametrize("service", MODELS)
@pytest.mark.parametrize("fault", [Fault(reset=True), Fault(truncate=True), Fault(cut_after_chunks=1)])
def test_a_plain_asgi_server_cannot_break_a_connection(service: str, fault: Fault) -> None:
    """The error says so, and names the doors that can."""
    app = create_app(inject(new_world(TWO), fault))
    path = f"/{MODELS[service][0]}:{'streamGenerateContent' if fault.cut_after_chunks else 'generateContent'}"

    async def ask() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            await client.post(path, json=TURN, headers={"authorization": "Bearer alice@example.com"})

    with pytest.raises(RuntimeError, match=r"this ASGI server cannot do.*mockserver serve"):
        asyncio.run(ask())
