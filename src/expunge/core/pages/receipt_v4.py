"""Version 4 of the page that a parent or customer reads: version 3 with the values that stay in rows about nobody."""

from __future__ import annotations

from expunge.core.evidence import receipt as r
from expunge.core.pages import receipt_v1 as v1
from expunge.core.pages import receipt_v3 as v3

_WHY = "<p>A list of cities, or a line that no person wrote, may have a word that this person's data had as well. It stays.</p>\n"


def render(statement: bytes) -> bytes:
    """Return the page, UTF-8, one file without scripts, pictures or network. Raises EvidenceInvalid unless given a statement."""
    page = v3.render(statement).decode("utf-8")
    mark = v1.section_start("What this receipt does not speak about")
    head, _, tail = page.partition(mark)
    return f"{head}{_shared(r.parse(statement))}{mark}{tail}".encode()


def _shared(receipt: r.Receipt) -> str:
    if not receipt.shared_values:
        return ""
    rows = [(v1.text(each.store), v1.text(each.dataset), f"{each.items:,}") for each in receipt.shared_values]
    return v1.section("Values in data about nobody", _WHY + v1.table(("Store", "Where", "Values"), rows))
