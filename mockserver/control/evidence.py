"""The control API on how sure we are of what the server does."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from mockserver.control.operations import Asked, Operation
from mockserver.inspection import evidence


class ShownEvidence(BaseModel):
    """By method, by sentence of an error, by behaviour: a level, and the source and date of what is known."""

    methods: Sequence[Mapping[str, str]]
    sentences: Sequence[Mapping[str, str]]
    behaviours: Sequence[Mapping[str, str]]


def get_evidence(_: Asked) -> ShownEvidence:
    """All that is known."""
    known = evidence.load()
    return ShownEvidence(methods=known.methods, sentences=known.sentences, behaviours=known.behaviours)


OPERATIONS = (
    Operation("GET", "/evidence", "How sure we are of what the server does", get_evidence, answer=ShownEvidence),
)
