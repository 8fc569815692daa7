"""Version 5 of the page that a parent or customer reads: version 4 with the records of other people that hold the same text.

It says as well which records lead to nobody known. Where data of other people, or about nobody, holds something that was the person's as
well, it does not say that no trace is in any file.

Released: do not change it, add a version 6 beside it.
"""

from __future__ import annotations

from expunge.core.evidence import receipt as r
from expunge.core.evidence.unread_places import bucket
from expunge.core.pages import receipt_v1 as v1
from expunge.core.pages import receipt_v4 as v4

_OTHERS = (
    "<p>{} or more records of other people hold text that this person's data had as well: a sentence that they quote, a name "
    "that they wrote, a city that both live in. The records are theirs, and stay as they are.</p>\n"
)
_LOST = (
    "<p>The company says whose the records of these data sets are, and some of them name nobody whom it knows. No request reaches these. "
    "Whether any is of this person, this receipt cannot tell.</p>\n"
)
_DEEPEST = "No trace of it is in any file of the system: not"
_BUT_OTHERS = "No trace of it is in any file of the system, but for what data of other people holds as well and is told below: not"
_CLEAN = "<strong>no trace found</strong>"
_CLEAN_BUT_OTHERS = "<strong>no trace found outside data of other people</strong>"


def render(statement: bytes) -> bytes:
    """Return the page, UTF-8, one file without scripts, pictures or network. Raises EvidenceInvalid unless given a statement."""
    page = v4.render(statement).decode("utf-8")
    receipt = r.parse(statement)
    if receipt.stays_with_others:
        page = page.replace(_DEEPEST, _BUT_OTHERS, 1).replace(_CLEAN, _CLEAN_BUT_OTHERS)
    mark = v1.section_start("What this receipt does not speak about")
    head, _, tail = page.partition(mark)
    return f"{head}{_others(receipt)}{_orphaned(receipt)}{mark}{tail}".encode()


def scanned(receipt: r.Receipt, scan: r.Scan) -> str:
    """Return what a scan did, and what it says."""
    said = v4.scanned(scan)
    return said.replace(_CLEAN, _CLEAN_BUT_OTHERS) if receipt.stays_with_others else said


def _orphaned(receipt: r.Receipt) -> str:
    if not receipt.orphaned:
        return ""
    rows = [(v1.text(each.store), v1.text(each.dataset), f"{each.items:,} or more") for each in receipt.orphaned]
    return v1.section("Records that lead to nobody known", _LOST + v1.table(("Store", "Where", "Records"), rows))


def _others(receipt: r.Receipt) -> str:
    if not receipt.others_text:
        return ""
    heads = ("Store", "Where", "Records", "What this person had in")
    rows = [
        (v1.text(each.store), v1.text(each.dataset), f"{each.items:,} or more", v1.text(", ".join(each.fields)))
        for each in receipt.others_text
    ]
    told = _OTHERS.format(f"{bucket(sum(each.items for each in receipt.others_text)):,}")
    return v1.section("Records of other people with the same text", told + v1.table(heads, rows))
