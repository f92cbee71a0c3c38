"""The one way from a prompt to an outcome, for both services.

A service checks its message, reads prompt and settings, calls `generate` and prints the outcome.
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
    """Return the outcome of a prompt to a model with these training examples.

    `message` is the request, which may ask for structured output. Raises ApiError INTERNAL if a function of the tester
    fails.
    """
    answer, hint = choose_answer(Scenario(world.store), prompt, examples, magic=world.settings.magic, message=message)
    outcome = make_outcome(prompt, answer, settings, seed)
    return replace(outcome, hint=hint) if hint else outcome
