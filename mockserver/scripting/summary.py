"""A repr that says only what was set: what testers write has many fields, of which they set two."""

from dataclasses import MISSING, Field, fields
from typing import Any


def summary_repr(record: Any) -> str:
    """`Fault(status=503, times=2)` rather than all sixteen fields of a dataclass."""
    return f"{type(record).__name__}({told(record)})"


def told(record: Any) -> str:
    """What stands between the brackets."""
    return ", ".join(
        f"{field.name}={value!r}"
        for field in fields(record)
        if (value := getattr(record, field.name)) != _default(field)
    )


def _default(field: Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default
