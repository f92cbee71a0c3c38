"""Names of resources as testers pass them: a text, or the resource that a client has returned."""

from typing import Protocol


class Named(Protocol):
    """A resource of a client library, such as google-genai's TuningJob: its name is None before it is created."""

    @property
    def name(self) -> str | None:
        """Return the name."""


JobLike = str | Named | None
"""A job or model by its name, or as a client has returned it. None, which that one's name may be, is a TypeError."""


class NoSuchName(KeyError):
    """There is nothing of that name. The message is printed as it is, not quoted as that of a KeyError."""

    def __str__(self) -> str:
        return str(self.args[0])


MOST_NAMES = 20
"""So many names an error lists."""


def read_name(resource: JobLike) -> str:
    """Return the name of a resource. Raises TypeError if it has none."""
    __tracebackhide__ = True
    name = resource if isinstance(resource, str) else getattr(resource, "name", None)
    if not isinstance(name, str):
        raise TypeError(
            f"{resource!r} is not the name of a job or model, and has none: pass job.name, or the job itself"
        )
    return name


def list_names(names: list[str]) -> str:
    """Return the names for an error."""
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more or "none"
