"""Version 8 of the page that a parent or customer reads: version 7, and who approved the plan before anything was erased.

Released: do not change it, add a version 9 beside it.
"""

from __future__ import annotations

from expunge.core.evidence import receipt as r
from expunge.core.pages import receipt_v1 as v1
from expunge.core.pages import receipt_v6 as v6

_BEHIND = v1.section_start("Questions, complaints, and checking it")


def render(statement: bytes) -> bytes:
    """Return the page, UTF-8, one file without scripts, pictures or network. Raises EvidenceInvalid unless given a statement."""
    before, heading, after = v6.render(statement).decode().partition(_BEHIND)
    return f"{before}{_approved(r.parse(statement))}{heading}{after}".encode()


def _approved(receipt: r.Receipt) -> str:
    """Return who approved the plan; nothing where the map asked for no approval."""
    lines = "".join(f"<li>Approved by {v1.text(each.way)}, on {v1.moment(each.at)}.</li>\n" for each in receipt.approvals)
    told = "<p>The plan of what is erased was signed before anything was erased. The signatures are part of this receipt.</p>\n"
    return v1.section("Who approved it", f"{told}<ul>\n{lines}</ul>\n") if lines else ""
