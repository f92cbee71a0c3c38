"""How hard hypothesis tries: a little in every run, twenty times as hard in `make contract-long`."""

from typing import Any

from hypothesis import HealthCheck, Phase, settings

USUAL = "usual"
LONG = "long"
HASTY = "hasty"
FACTOR = 20


def register() -> None:
    """What holds in every run; and profiles for `--hypothesis-profile`: long, and hasty (any counter-example will do).

    No example has a deadline, nor has finding some: machines differ, and one may be busy with something else.
    """
    settings.register_profile(USUAL, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile(USUAL)
    settings.register_profile(LONG, max_examples=100 * FACTOR)
    settings.register_profile(HASTY, derandomize=True, phases=[Phase.explicit, Phase.generate])


def effort(examples: int, **more: Any) -> settings:
    """So many examples in an ordinary run."""
    is_long = settings.get_current_profile_name() == LONG
    return settings(max_examples=examples * (FACTOR if is_long else 1), **more)
