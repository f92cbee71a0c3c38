"""The deliberate mistakes of scripts/mutations.py can still be made: `make mutations` makes them."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from contract_tests.environment import ROOT


def program() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("mutations", ROOT / "scripts" / "mutations.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there for their module
    spec.loader.exec_module(module)
    return module


def test_every_mistake_can_still_be_made() -> None:
    """Each changes exactly one piece of code there is, and names tests there are."""
    mutations = program().MUTATIONS
    counts = {mutation.name: (ROOT / mutation.file).read_text().count(mutation.old) for mutation in mutations}
    missing = [test for mutation in mutations for test in mutation.tests if not Path(ROOT, test).exists()]

    assert dict.fromkeys(counts, 1) == counts
    assert [] == missing
    assert len(mutations) >= 12
