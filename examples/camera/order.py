"""The order itself, carried out by the command line: shown first, entered, each limb planned and applied, and the statement drafted."""

from __future__ import annotations

import re
from dataclasses import dataclass

from examples.common.estate import ROOT, CommandFailed, Estate

ORDER_FILE = ROOT / "orders/ring.yaml"
_ORDER, _STANDING = re.compile(r"ord-[a-z2-7]{20}"), re.compile(r"dis-[0-9a-f]{16}")


@dataclass(frozen=True)
class Carried:
    """What came of it."""

    preview: str
    orders: tuple[str, ...]
    verified: tuple[str, ...]
    """What `expunge receipt verify` says of each order's receipt."""
    statement: str
    """Folder of the draft, below the estate's."""


def carry_out(estate: Estate) -> Carried:
    """Have the camera order done. Raises CommandFailed where any of it does not end as it must."""
    estate.expunge("check")
    estate.expunge("init")
    (estate.folder / "published-policy.txt").write_text(estate.expunge("log", "policy"), "utf-8")
    preview = estate.expunge("order", "disgorge", str(ORDER_FILE), "--preview")
    entered = estate.expunge("order", "disgorge", str(ORDER_FILE), "--yes", "--json")
    standing = _STANDING.search(entered)
    orders = tuple(dict.fromkeys(_ORDER.findall(entered)))
    if standing is None or not orders:
        raise CommandFailed("the order was entered and made nothing to erase")
    for each in orders:
        estate.expunge("plan", each)
    verified = []
    for each in orders:
        estate.expunge("apply", each, "--yes", "--out", f"receipts/{each}")
        verified.append(estate.expunge("receipt", "verify", f"receipts/{each}/1", "--trust", "published-policy.txt"))
    estate.expunge("order", "statement", standing.group(), "--out", "statement")
    return Carried(preview, orders, tuple(verified), "statement")
