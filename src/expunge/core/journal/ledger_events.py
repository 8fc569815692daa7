"""Events of the ledger of duties that people do (register ``ledger``). They hold a signed record: no name and no content."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from expunge.core.values.tags import tagged


@tagged("LedgerStated")
@dataclass(frozen=True)
class LedgerStated:
    """Commit point of a record: its bytes and their signature are fixed, so that a crash cannot lead to two different ones."""

    at: datetime
    id: str
    """``led-`` and 16 hex digits."""
    statement: str
    """The canonical bytes of the record, as text."""
    signature: str
    """Base64, as in the DSSE envelope."""
    signer: str
    """Base64 of the signer's raw Ed25519 key, which may be replaced later."""
    log_size: int
    """Size of the log before: where to look for the leaf after a crash."""


@tagged("LedgerLogged")
@dataclass(frozen=True)
class LedgerLogged:
    """The record's leaf is in the log under a published checkpoint."""

    at: datetime
    id: str
    index: int
    size: int
    root: str


LedgerEvent: TypeAlias = LedgerStated | LedgerLogged
