"""What a tuned model takes in memory beside its texts: counted in bytes, which are the same on every machine."""

import gc
import tracemalloc
from functools import _lru_cache_wrapper

import pytest

from contract_tests.laws.test_growth import new_world, send
from mockserver.protojson.memoized import Views

NAMES = 64
"""The characters of its name and its display name."""


def clear_caches() -> None:
    """Clear the caches of the package that have a bound: what is in them does not grow with the models."""
    for cached in [each for each in gc.get_objects() if isinstance(each, _lru_cache_wrapper)]:
        if cached.cache_parameters()["maxsize"] is not None and cached.__module__.startswith("mockserver."):
            cached.cache_clear()
    for views in [each for each in gc.get_objects() if isinstance(each, Views)]:
        views._views.clear()  # noqa: SLF001 - it has a bound too
    gc.collect()


@pytest.mark.parametrize(("examples", "most"), [(20, 1_600), (500, 3_600)])
def test_a_tuned_model_takes_little_beside_its_texts(examples: int, most: int) -> None:
    """The log of calls and the bounded caches do not count."""
    world, models = new_world(), 100
    pairs = [{"textInput": f"question {place}", "output": f"answer {place}"} for place in range(examples)]
    texts = sum(len(text) for pair in pairs for text in pair.values())
    model = {
        "displayName": "first",
        "baseModel": "models/gemini-1.5-flash-001-tuning",
        "tuningTask": {"trainingData": {"examples": {"examples": pairs}}},
    }
    for _ in range(3):
        send(world, "POST", "/v1beta/tunedModels", model)
    world.calls.clear()
    clear_caches()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(models):
            send(world, "POST", "/v1beta/tunedModels", model)
        world.calls.clear()
        clear_caches()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (after - before) / models - texts - NAMES < most
