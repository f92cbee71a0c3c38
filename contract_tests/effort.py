"""How hard hypothesis tries: a little in every run, twenty times as hard in `make contract-long`."""

from typing import Any

from hypothesis import Phase, settings

LONG = "long"
HASTY = "hasty"
FACTOR = 20


def register() -> None:
    """Profiles for `--hypothesis-profile`: long, and hasty, which is content with any counter-example."""
    settings.register_profile(LONG, max_examples=100 * FACTOR, deadline=None)
    settings.register_profile(HASTY, derandomize=True, phases=[Phase.explicit, Phase.generate])


def effort(examples: int, **more: Any) -> settings:
    """So many examples in an ordinary run. No deadline, for machines differ."""
    is_long = settings.get_current_profile_name() == LONG
    return settings(max_examples=examples * (FACTOR if is_long else 1), deadline=None, **more)
