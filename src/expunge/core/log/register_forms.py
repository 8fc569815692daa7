"""The leaves of the transparency log that commit to registers of the journal: their forms, and how one is read."""

from __future__ import annotations

from expunge.core.values import canonical
from expunge.core.values.record_kind import RecordKind
from expunge.errors import EvidenceInvalid

VIEWS = "expunge.views/1"
INCIDENTS = "expunge.incidents/1"
KINDS = {VIEWS: RecordKind.VIEWS, INCIDENTS: RecordKind.INCIDENTS}
"""Form -> the list of an evidence pack that has the events behind it."""


def leaf(form: str, number: int, root: str) -> bytes:
    """Return a leaf: the form, the number of the entry among those of its register, and the hex root, as canonical JSON."""
    return canonical.encode({"form": form, "number": number, "root": root})


def read(data: bytes) -> tuple[str, int, str] | None:
    """Return form, number and root of a leaf; None for a leaf of another form."""
    try:
        body = canonical.decode(data)
    except EvidenceInvalid:
        return None
    match body:
        case {"form": str(form), "number": int(number), "root": str(root)} if form in KINDS and leaf(form, number, root) == data:
            return form, number, root
    return None
