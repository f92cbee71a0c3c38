"""Rules and faults act in the same way in both services, over HTTP and over gRPC."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from contract_tests.api.surfaces import Arrived, Surface, surfaces
from contract_tests.environment import HANGS
from mockserver.scripting.answers import Answer, Prompt, Rule
from mockserver.scripting.scenario import Scenario
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World

EVERYWHERE = pytest.mark.parametrize("ask", [pytest.param(ask, id=name) for name, ask in surfaces()])


def new_world(*rules: Rule) -> World:
    """Return a world with these rules."""
    world = World(ManualClock(), Settings(seed=1))
    Scenario(world.store).add(*rules)
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
def test_functions_of_a_test_are_never_called_concurrently(ask: Surface) -> None:
    """Neither predicates nor answers: they need no lock of their own."""
    running = threading.Semaphore(1)
    alone: list[bool] = []

    def answer(_: Prompt) -> Answer:
        alone.append(running.acquire(blocking=False))
        threading.Event().wait(0.05)  # enough for the other thread to come in
        running.release()
        return Answer("yes")

    world = new_world(Rule(answer))
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(ask, world) for _ in range(2)]

    assert [Arrived(["yes"])] * 2 == [each.result(HANGS) for each in both]
    assert [True, True] == alone
