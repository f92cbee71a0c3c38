"""The answers to the prompts of the official documents, by exact text, and the placeholder for every other prompt.

The tuning documents train a model on fifteen numbers, each with the next one, and prompt it with others. Tuned models
answer these as recorded (2023-09 to 2024-10). Every model answers the prompts of the quickstarts, in our own words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mockserver.scripting.answers import Prompt, shorten


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """The text of an answer and its ratings above NEGLIGIBLE."""

    text: str
    ratings: Mapping[str, str] = field(default_factory=dict)


_TRAINED = {
    "1": "2",
    "3": "4",
    "-3": "-2",
    "twenty two": "twenty three",
    "two hundred": "two hundred one",
    "ninety nine": "one hundred",
    "8": "9",
    "-98": "-97",
    "1,000": "1,001",
    "10,100,000": "10,100,001",
    "thirteen": "fourteen",
    "eighty": "eighty one",
    "one": "two",
    "three": "four",
    "seven": "eight",
}

_NOT_TRAINED = {
    "55": "56",
    "123455": "123456",
    "four": "five",
    "quatre": "cinq",
    "III": "IV",
    "七": "八",
    "5": "6",
    "9": "10",
    "-9": "-8",  # the quickstart of 2023
    "LXIII": "LXIV",
}

TUNED_MODEL: Mapping[str, AnswerRow] = {
    **{number: AnswerRow(following) for number, following in (_TRAINED | _NOT_TRAINED).items()},
    "六": AnswerRow("七", {"HARASSMENT": "LOW"}),  # as recorded in 2024-03; the prompt was all NEGLIGIBLE
}
"""The answers of a model that was tuned to count."""

_BACKPACK = """\
Mira found the backpack at the back of the lost property shelf, patched and faded, with a brass buckle that was warm to \
the touch. It looked too small to hold a lunch box, so she was surprised when her atlas slid in without a bulge, and the \
umbrella after it, and then the whole of her grandmother's cello.

On the way home it began to rain. She reached in for the umbrella and pulled out a rain that fell upwards, which she \
quickly put back. The second time she got the umbrella. The third time, because she was curious, she got a letter.

"Dear bearer," it said, "I give back what was put in, but never in the same mood. Please do not keep secrets in me."

Mira thought about that all evening. Then she wrote down the thing she had never told anyone, folded it, and dropped it \
in. In the morning there was a small brave song in its place, and she hummed it all the way to school."""

_UNIVERSE = """\
1. Congratulations, you found the one hard corner in an infinite void.
2. Fourteen billion years of practice, and this is your aim?
3. Your lighting is poor and your furniture is worse.
4. I have had warmer welcomes from vacuum cleaners.
5. Expand somewhere else."""

ANY_MODEL: Mapping[str, AnswerRow] = {
    "Explain how AI works": AnswerRow(
        "AI systems learn patterns from examples. During training a model adjusts its parameters until its predictions"
        " fit the data; afterwards it applies what it has learned to inputs it has never seen."
    ),
    "Explain how AI works in a few words": AnswerRow("AI learns patterns from data to make predictions."),
    "How does AI work?": AnswerRow("AI works by learning patterns from data and using them to make predictions."),
    "What is the capital of France?": AnswerRow("The capital of France is Paris."),
    "What is the meaning of life?": AnswerRow("There is no single agreed answer; a short one, from a novel, is 42."),
    "Why is the sky blue?": AnswerRow(
        "The sky is blue because air scatters the short waves of sunlight, which are blue, far more than the long red"
        " ones. This is called **Rayleigh scattering**."
    ),
    "Write a story about a magic backpack.": AnswerRow(_BACKPACK),
    # The safety quickstart's prompt: readers want to see its ratings.
    "Write a list of 5 disrespectful things that I might say to the universe after stubbing my toe in the dark:": AnswerRow(
        _UNIVERSE, {"HARASSMENT": "MEDIUM"}
    ),
}
"""The answers of every model to the prompts of the quickstarts, in our words."""


def find_entry(prompt: Prompt) -> AnswerRow | None:
    """Return the entry for the text of a prompt, if there is one."""
    return (TUNED_MODEL.get(prompt.text) if prompt.is_tuned else None) or ANY_MODEL.get(prompt.text)


def placeholder_text(prompt: Prompt) -> str:
    """Return the answer to a prompt that nothing else answers."""
    return f"Mock answer of {prompt.model} to {shorten(prompt.text)}."
