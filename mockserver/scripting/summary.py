"""A repr without default values: testers set two or three of the many fields of a Fault or an Answer."""

from dataclasses import MISSING, Field, fields
from typing import Any


def summary_repr(record: Any) -> str:
    """Return `Fault(status=503, times=2)` rather than all fields of the dataclass."""
    return f"{type(record).__name__}({describe_fields(record)})"


def describe_fields(record: Any) -> str:
    """Return the arguments of such a repr: `status=503, times=2`."""
    return ", ".join(
        f"{field.name}={value!r}"
        for field in fields(record)
        if (value := getattr(record, field.name)) != _default(field)
    )


def _default(field: Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default
