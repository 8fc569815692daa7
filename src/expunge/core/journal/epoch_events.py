"""The register of epochs: who approved that one is destroyed, that it was, and when keys were wrapped anew. No event names a person."""

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


EpochEvent: TypeAlias = EpochApproved | EpochEnding | EpochDestroyed | EpochRotated
