"""The names of safety categories and levels, as testers write them.

They are Google's without the prefixes: category "HARASSMENT" is HARM_CATEGORY_HARASSMENT on the wire, level "LOW" is
the probability LOW and the severity HARM_SEVERITY_LOW.
"""

from mockserver.scripting.names import checked_name

GEMINI_CATEGORIES = ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT")
PALM_CATEGORIES = ("DEROGATORY", "TOXICITY", "VIOLENCE", "SEXUAL", "MEDICAL", "DANGEROUS")
CATEGORIES = (*GEMINI_CATEGORIES, "CIVIC_INTEGRITY", "JAILBREAK", *PALM_CATEGORIES)
LEVELS = ("NEGLIGIBLE", "LOW", "MEDIUM", "HIGH")


def category_name(word: str) -> str:
    """Return the short name of a category, given with or without its prefix, in any case.

    ValueError lists all names.
    """
    return checked_name("safety category", word, word.upper().removeprefix("HARM_CATEGORY_"), CATEGORIES)


def level_name(word: str) -> str:
    """Return the short name of a level, given in any case. ValueError lists all names."""
    return checked_name("safety level", word, word.upper().removeprefix("HARM_SEVERITY_"), LEVELS)
