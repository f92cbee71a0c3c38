"""The one way from a prompt to an outcome, for both services.

A service checks its message, reads prompt and settings, calls `generate` and prints the outcome.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mockserver.generation.answer import unscripted_answer
from mockserver.generation.outcome import Outcome, make_outcome
from mockserver.generation.settings import GenerationSettings
from mockserver.limits import ANSWER_CHARACTERS, LOGPROBS, STOP_SEQUENCES
from mockserver.rpc.errors import invalid_argument
from mockserver.scripting.answers import Prompt
from mockserver.scripting.scenario import Scenario
from mockserver.state.world import World

KEPT_TOKENS = 2048
"""The length of an answer up to which its outcome is kept."""


@dataclass(slots=True, eq=False)
class ModelRequest:
    """What a generate request asks of a model. `message` is the request, which may ask for structured output.

    Of a request that comes again, as in the tests of a suite, the last outcome is kept in which no rule of the tester
    has a part: it is the same again, and nobody may change it.
    """

    prompt: Prompt
    settings: GenerationSettings
    message: Mapping[str, Any]
    _last: tuple[Mapping[str, str], bool, int, Outcome] | None = None

    def unscripted_outcome(self, examples: Mapping[str, str], *, magic: bool, seed: int) -> Outcome:
        """Return the outcome if no rule matches."""
        if last := self._last:
            last_examples, last_magic, last_seed, outcome = last
            if examples is last_examples and magic is last_magic and seed == last_seed:
                return outcome
        answer = unscripted_answer(self.prompt, examples, magic=magic, message=self.message)
        outcome = make_outcome(self.prompt, answer, self.settings, seed)
        if sum([candidate.tokens for candidate in outcome.candidates]) <= KEPT_TOKENS:
            self._last = examples, magic, seed, outcome
        return outcome


def generate(world: World, request: ModelRequest, *, examples: Mapping[str, str], seed: int) -> Outcome:
    """Return the outcome of a request to a model with these training examples.

    Raises ApiError INTERNAL if a function of the tester fails, INVALID_ARGUMENT if the answer would be too large.
    """
    settings = request.settings
    if len(settings.stop) > STOP_SEQUENCES:
        # our choice: not seen
        raise invalid_argument(f"There are {len(settings.stop)} stop sequences; at most {STOP_SEQUENCES} are searched.")
    answer, hint = Scenario(world.store).choose_answer(request.prompt)
    if answer is None:
        outcome = request.unscripted_outcome(examples, magic=world.settings.magic, seed=seed)
    else:
        outcome = make_outcome(request.prompt, answer, settings, seed)
    if len(outcome.candidates) > 1:
        _check_candidates(outcome)
    if settings.logprobs is not None:
        _check_logprobs(outcome, settings.logprobs)
    return replace(outcome, hint=hint) if hint else outcome


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
