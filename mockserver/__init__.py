"""A local mock server and test double for Google's Gemini tuning APIs.

The names below are imported on first use, so importing the package is cheap.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mockserver.app import create_app
    from mockserver.doors.intercept.interceptors import NotServed
    from mockserver.inspection.busy_polling import BusyPolling
    from mockserver.scripting.answers import Answer, Rule
    from mockserver.scripting.faults import Fault
    from mockserver.state.clock import ManualClock, SystemClock
    from mockserver.testing.mock_server import MockServer

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "BusyPolling",
    "Fault",
    "ManualClock",
    "MockServer",
    "NotServed",
    "Rule",
    "SystemClock",
    "__version__",
    "create_app",
]

_HOMES = {
    "Answer": "mockserver.scripting.answers",
    "BusyPolling": "mockserver.inspection.busy_polling",
    "Fault": "mockserver.scripting.faults",
    "ManualClock": "mockserver.state.clock",
    "MockServer": "mockserver.testing.mock_server",
    "NotServed": "mockserver.doors.intercept.interceptors",
    "Rule": "mockserver.scripting.answers",
    "SystemClock": "mockserver.state.clock",
    "create_app": "mockserver.app",
}


if not TYPE_CHECKING:  # a type checker reads the imports above

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib
        import warnings

        from mockserver.settings.name_conflict import describe_archive, describe_conflict

        if sentence := describe_archive():
            raise ImportError(sentence)
        if sentence := describe_conflict():
            warnings.warn(sentence, ImportWarning, stacklevel=2)
        return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
