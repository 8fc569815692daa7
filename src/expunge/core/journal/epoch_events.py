"""The registers of epochs and of heads: who approved that an epoch is destroyed, that it was, and how far the register of key deaths went.

No event names a person whose data it is about.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from expunge.core.values.tags import tagged


@tagged("EpochApproved")
@dataclass(frozen=True)
class EpochApproved:
    """An approver of the map signed the destruction of an epoch. Register ``epochs``."""

    at: datetime
    epoch: int
    digest: str
    """Hex SHA-256 of what is destroyed."""
    approver: str
    signature: str
    """Base64 Ed25519."""


@tagged("EpochEnding")
@dataclass(frozen=True)
class EpochEnding:
    """The destruction of an epoch's key begins, with the approval of several people. Register ``epochs``."""

    at: datetime
    epoch: int
    digest: str
    approvers: tuple[str, ...]
    user: str
    """Name of the account of the operating system that does it."""


@tagged("EpochDestroyed")
@dataclass(frozen=True)
class EpochDestroyed:
    """An epoch's key was destroyed. Register ``epochs``."""

    at: datetime
    epoch: int


@tagged("EpochRotated")
@dataclass(frozen=True)
class EpochRotated:
    """Every living key was wrapped anew under an epoch. Register ``epochs``."""

    at: datetime
    epoch: int
    keys: int
    user: str


@tagged("ShredsEntered")
@dataclass(frozen=True)
class ShredsEntered:
    """The register of key deaths went so far. Register ``shreds``: one that is shorter later, or differs, is an older copy or another."""

    at: datetime
    number: int
    """Of its last entry."""
    digest: str
    """Hex SHA-256 over all entries."""


@tagged("ShredsAccepted")
@dataclass(frozen=True)
class ShredsAccepted:
    """A person decided to go on with a register of key deaths that is older than the journal says. Register ``shreds``."""

    at: datetime
    number: int
    digest: str
    by: str
    reason: str


EpochEvent: TypeAlias = EpochApproved | EpochEnding | EpochDestroyed | EpochRotated | ShredsEntered | ShredsAccepted
