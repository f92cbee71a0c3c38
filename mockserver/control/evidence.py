"""The evidence for the server's behaviour."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from mockserver.control.operations import ControlRequest, Operation
from mockserver.inspection import evidence


class EvidenceReport(BaseModel):
    """For each method, error sentence and behaviour: the level of evidence, its source and date."""

    methods: Sequence[Mapping[str, str]]
    sentences: Sequence[Mapping[str, str]]
    behaviours: Sequence[Mapping[str, str]]


def get_evidence(_: ControlRequest) -> EvidenceReport:
    """Return all evidence."""
    rows = evidence.load()
    return EvidenceReport(methods=rows.methods, sentences=rows.sentences, behaviours=rows.behaviours)


OPERATIONS = (
    Operation("GET", "/evidence", "The evidence for what the server does", get_evidence, answer=EvidenceReport),
)
