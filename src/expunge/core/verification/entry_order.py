"""What the order of a log's entries says about the dates in a receipt: who kept an older head sees that one is dated back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from expunge.core.evidence.receipt import Receipt
from expunge.core.evidence.receipt_codec import instant
from expunge.core.log.checkpoint import Checkpoint
from expunge.core.log.signed_head import CLOCKS_APART
from expunge.core.log.trust import KeyLife
from expunge.errors import EvidenceInvalid

ENTRY_LAG = timedelta(days=1)
"""A receipt is entered, and its checkpoint cosigned, within a day of its last look."""


@dataclass(frozen=True)
class KeptHead:
    """A head of the log that somebody kept, and when the log stood there."""

    name: str
    """Where it was kept: a file or a folder."""
    head: Checkpoint
    entries: int
    """Entries of this index and above were not shown yet at ``seen``."""
    seen: datetime | None
    """None where nothing says when."""


def require_in_order(receipt: Receipt, index: int, kept: Iterable[KeptHead]) -> None:
    """Raise EvidenceInvalid where a receipt claims a time long before one at which the log, without it, was seen."""
    said = latest_time(receipt)
    for each in kept:
        if each.seen is not None and index >= each.entries and said < each.seen - ENTRY_LAG:
            message = (
                f"the receipt is dated back: it says {instant(said)}, but it is entry {index}, and the log that {each.name} shows had "
                f"{each.entries} entries still at {instant(each.seen.replace(microsecond=0))}"
            )
            raise EvidenceInvalid(message, help="keep both: together they prove it")


def require_within(receipt: Receipt, life: KeyLife, seen: datetime | None) -> None:
    """Raise EvidenceInvalid for a receipt whose time lies outside the life of its signer's key, or after its checkpoint was cosigned.

    Args:
        receipt: the receipt.
        life: of the key that signed it.
        seen: when a witness first saw the checkpoint that covers it; None where none did.
    """
    said = latest_time(receipt)
    if life.since is not None and said < life.since - ENTRY_LAG:
        message = f"the receipt says {instant(said)}, but its signer's key is of {instant(life.since)}: it is dated back"
        raise EvidenceInvalid(message, help="do not rely on its dates; ask the company by another way")
    if life.until is not None and said > life.until + ENTRY_LAG:
        message = f"the receipt says {instant(said)}, but its signer's key was replaced at {instant(life.until)}"
        raise EvidenceInvalid(message, help="somebody signed with a key that should be gone; ask the company by another way")
    if seen is not None and said > seen + CLOCKS_APART:
        message = f"the receipt says {instant(said)}, but a witness saw its checkpoint at {instant(seen)} already"
        raise EvidenceInvalid(message, help="do not rely on its dates")


def latest_time(receipt: Receipt) -> datetime:
    """The last time of which a receipt speaks."""
    return receipt.times.verified or receipt.times.fenced
