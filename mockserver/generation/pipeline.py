"""The one way from a prompt to an outcome, for both services.

A service checks its message, reads prompt and settings, calls `generate` and prints the outcome.
"""

from collections.abc import Mapping
from typing import Any

from mockserver.generation.answer import choose_answer
from mockserver.generation.outcome import Outcome, make_outcome
from mockserver.generation.settings import GenerationSettings
from mockserver.limits import ANSWER_CHARACTERS, LOGPROBS, STOP_SEQUENCES
from mockserver.rpc.errors import invalid_argument
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
    fails, INVALID_ARGUMENT if the answer would be too large.
    """
    if len(settings.stop) > STOP_SEQUENCES:
        # our choice: not seen
        raise invalid_argument(f"There are {len(settings.stop)} stop sequences; at most {STOP_SEQUENCES} are searched.")
    answer, hint = choose_answer(Scenario(world.store), prompt, examples, magic=world.settings.magic, message=message)
    outcome = make_outcome(prompt, answer, settings, seed)
    if len(outcome.candidates) > 1:
        _check_candidates(outcome)
    if settings.logprobs is not None:
        _check_logprobs(outcome, settings.logprobs)
    outcome.hint = hint
    return outcome


def _check_candidates(outcome: Outcome) -> None:
    """Refuse several candidates that are together larger than a request may be."""
    size = sum(len(candidate.text) for candidate in outcome.candidates)
    if size > ANSWER_CHARACTERS:
        raise invalid_argument(  # our choice: not seen
            f"The answer has {len(outcome.candidates)} candidates with {size} characters, of at most {ANSWER_CHARACTERS}."
        )


def _check_logprobs(outcome: Outcome, likely: int) -> None:
    """Refuse log probabilities that would be many times as large as the answer."""
    tokens = sum(candidate.tokens for candidate in outcome.candidates)
    if tokens * (1 + max(likely, 0)) > LOGPROBS:
        raise invalid_argument(  # our choice: not seen
            f"The answer has {tokens} tokens, and with {likely} likely tokens for each it would have more than "
            f"{LOGPROBS} log probabilities. Ask for fewer (logprobs) or for a shorter answer (maxOutputTokens)."
        )
