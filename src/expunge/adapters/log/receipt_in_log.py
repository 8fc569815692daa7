"""Compare a receipt that verified with the log of now, and with heads of it that were kept from before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from expunge.adapters.log.audit import LogAudit, verify_growth
from expunge.adapters.log.log_source import LogSource
from expunge.core import merkle
from expunge.core.log import log_tiles
from expunge.core.log.checkpoint import Checkpoint
from expunge.core.log.trust import TrustPolicy
from expunge.core.review.view_verify import VerifiedViews
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
    _require_origin(verified.checkpoint, kept)
    entry_order.require_in_order(verified.receipt, verified.index, kept)
    return _found(source, policy, verified.checkpoint, {verified.index: verified.leaf_hash}, kept, now)


def find_look(source: LogSource, policy: TrustPolicy, verified: VerifiedViews, kept: Sequence[KeptHead], now: datetime) -> ReceiptInLog:
    """Check the same of the entries that a receipt of a look names. Raises as :func:`find_receipt`."""
    _require_origin(verified.head.head, kept)
    leaves = {each.index: merkle.leaf_hash(each.leaf) for each in verified.receipt.entries}
    return _found(source, policy, verified.head.head, leaves, kept, now)


def _require_origin(own: Checkpoint, kept: Sequence[KeptHead]) -> None:
    for each in kept:
        if each.head.origin != own.origin:
            message = f"{each.name} is of another log than the receipt"
            raise EvidenceInvalid(message, help="give heads of the log that the receipt names")


def _found(
    source: LogSource, policy: TrustPolicy, own: Checkpoint, leaves: Mapping[int, bytes], kept: Sequence[KeptHead], now: datetime
) -> ReceiptInLog:
    """Compare a checkpoint and some entries, by their places, with the log of now."""
    known = {(own.size, own.root), *((each.head.size, each.head.root) for each in kept)}
    audit, view = verify_growth(source, policy, known, now=now)
    if audit.head.origin != own.origin:
        raise EvidenceInvalid("the log is another one than the receipt names")
    for index, leaf_hash in leaves.items():
        if view.leaf_hash(index) != leaf_hash:
            raise EvidenceInvalid(
                "the log has another entry in the place of the receipt", help="keep the receipt: it proves what was there"
            )
        n, within = divmod(index, log_tiles.WIDTH)
        if merkle.leaf_hash(view.bundle(n)[within]) != leaf_hash:
            raise EvidenceInvalid("the log does not serve the receipt's entry any more", help="keep the receipt: it proves what was there")
    seen = audit.signed.witnesses
    cosigned = f", which {', '.join(seen)} cosigned," if seen else ""
    entries = "entry" if len(leaves) == 1 else "entries"
    steps = [
        f"The log of now, {audit.head.size} entries{cosigned or ','} continues the receipt's checkpoint and still holds its {entries}.",
    ]
    if kept:
        steps.append(f"It continues the {len(kept)} head(s) that you kept, and the receipt's date agrees with them.")
    return ReceiptInLog(audit, tuple(steps))
