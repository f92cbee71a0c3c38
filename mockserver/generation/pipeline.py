"""The path of every generate request, whichever service it came through: prompt, scenario, answer, outcome.

A surface checks its message in the real order and words, reads prompt and settings, calls `generate` and prints the
outcome.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mockserver.generation.answer import choose_answer
from mockserver.generation.outcome import Outcome, make_outcome
from mockserver.generation.settings import GenerationSettings
from mockserver.scripting.answers import Prompt
from mockserver.scripting.scenario import Scenario
from mockserver.state.world import World


def generate(
    world: World,
    prompt: Prompt,
    settings: GenerationSettings,
    *,
    examples: Mapping[str, str],
    message: Mapping[str, Any],
    seed: int,
) -> Outcome:
    """The outcome of a prompt to a model with these training examples. `message` says which form its answer must have.

    Raises ApiError INTERNAL if a function of the tester's fails.
    """
    answer, hint = choose_answer(Scenario(world.store), prompt, examples, magic=world.settings.magic, message=message)
    outcome = make_outcome(prompt, answer, settings, seed)
    return replace(outcome, hint=hint) if hint else outcome
