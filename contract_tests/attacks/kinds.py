"""Which kinds of attack there are."""

import pkgutil
from importlib import import_module
from pathlib import Path


def kinds() -> list[str]:
    """The modules of this folder that attack."""
    names = sorted(info.name for info in pkgutil.iter_modules([str(Path(__file__).parent)]))
    modules = [name for name in names if name != "__main__" and not name.startswith("test_")]
    return [name for name in modules if hasattr(import_module(f"contract_tests.attacks.{name}"), "attack")]
