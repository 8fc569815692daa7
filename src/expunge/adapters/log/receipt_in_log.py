"""Compare a receipt that verified with the log of now, and with heads of it that were kept from before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from expunge.adapters.log.audit import LogAudit, verify_growth
from expunge.adapters.log.log_source import LogSource
from expunge.core import merkle
from expunge.core.log import log_tiles
from expunge.core.log.trust import TrustPolicy
from expunge.core.verification import entry_order
from expunge.core.verification.entry_order import KeptHead
from expunge.core.verification.receipt_verify import VerifiedReceipt
from expunge.errors import EvidenceInvalid


@dataclass(frozen=True)
class ReceiptInLog:
    """A receipt that the log of now still has."""

    audit: LogAudit
    steps: tuple[str, ...]
    """What was checked, in order, as sentences."""


def find_receipt(
    source: LogSource, policy: TrustPolicy, verified: VerifiedReceipt, kept: Sequence[KeptHead], now: datetime
) -> ReceiptInLog:
    """Check that the log of now contains a receipt, continues its checkpoint and the heads that were kept, and serves its entry.

    Only the tiles and the bundle of entries that this takes are read.

    Raises:
        EvidenceInvalid: the log was forked, rolled back or robbed of the entry, its head is not signed and cosigned as the policy asks, or
            the receipt is dated back.
        LogUnreached, StateUnavailable: the log does not answer, or the disk fails.
    """
    own = verified.checkpoint
    for each in kept:
        if each.head.origin != own.origin:
            message = f"{each.name} is of another log than the receipt"
            raise EvidenceInvalid(message, help="give heads of the log that the receipt names")
    entry_order.require_in_order(verified.receipt, verified.index, kept)
    known = {(own.size, own.root), *((each.head.size, each.head.root) for each in kept)}
    audit, view = verify_growth(source, policy, known, now=now)
    if audit.head.origin != own.origin:
        raise EvidenceInvalid("the log is another one than the receipt names")
    if view.leaf_hash(verified.index) != verified.leaf_hash:
        raise EvidenceInvalid("the log has another entry in the place of the receipt", help="keep the receipt: it proves what was there")
    n, within = divmod(verified.index, log_tiles.WIDTH)
    if merkle.leaf_hash(view.bundle(n)[within]) != verified.leaf_hash:
        raise EvidenceInvalid("the log does not serve the receipt's entry any more", help="keep the receipt: it proves what was there")
    seen = audit.signed.witnesses
    cosigned = f", which {', '.join(seen)} cosigned," if seen else ""
    steps = [
        f"The log of now, {audit.head.size} entries{cosigned or ','} continues the receipt's checkpoint and still holds its entry.",
    ]
    if kept:
        steps.append(f"It continues the {len(kept)} head(s) that you kept, and the receipt's date agrees with them.")
    return ReceiptInLog(audit, tuple(steps))
