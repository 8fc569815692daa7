"""Version 3 of the page that a parent or customer reads: version 2 with the rows of other people that named the person.

Released: do not change it, add a version 4 beside it.
"""

from __future__ import annotations

from collections.abc import Callable

from expunge.core.datamap.mentions import MentionAct
from expunge.core.evidence import receipt as r
from expunge.core.pages import receipt_v1 as v1
from expunge.core.pages import receipt_v2 as v2

_ACT = {
    MentionAct.NULL: "The name was taken out; nothing stands in its place.",
    MentionAct.REPLACE: "The name was taken out; a stand-in that means no person is in its place.",
    MentionAct.KEEP: "It stays: the record is another person's.",
}


def render(statement: bytes, told: Callable[[r.ModelEntry], str] | None = None) -> bytes:
    """Return the page, UTF-8, one file without scripts, pictures or network. Raises EvidenceInvalid unless given a statement.

    ``told``: as for version 2.
    """
    page = v2.render(statement, told).decode("utf-8")
    mentions = _mentions(r.parse(statement))
    mark = v1.section_start("What this receipt does not speak about")
    head, _, tail = page.partition(mark)
    return f"{head}{mentions}{mark}{tail}".encode()


def _mentions(receipt: r.Receipt) -> str:
    if not receipt.mentions:
        return ""
    staying = sum(each.items for each in receipt.mentions if each.act is MentionAct.KEEP)
    verb = ("mentions", "it stays") if staying == 1 else ("mention", "they stay")
    records = f"{staying:,} record{'' if staying == 1 else 's'}"
    told = f"<p>{records} of other people {verb[0]} this person; {verb[1]}.</p>\n" if staying else ""
    rows = [(v1.text(each.dataset), v1.text(each.column), f"{each.items:,}", _ACT[each.act]) for each in receipt.mentions]
    table = v1.table(("Where", "Column", "Records", "What became of it"), rows)
    return v1.section("Records of other people that name the person", told + table)
