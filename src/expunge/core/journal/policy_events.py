"""Sets of policies that decide about acts of review, and the register of those that were in force (register ``policies``).

A set is kept as bytes, so that a later year can decide with it again (RNG III.E.2, RNG-14). It holds rules and numbers, and nothing of a
person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import TypeAlias

from expunge.core.accounts.review_spec import ReviewLimits
from expunge.core.values import canonical, codec
from expunge.core.values.tags import tagged


@tagged("PolicySet")
@dataclass(frozen=True)
class PolicySet:
    """The texts of a set, with the numbers that they compare facts with."""

    files: Mapping[str, str] = field(repr=False)
    """Name -> text. A shipped file is named ``shipped/…``, a file of the company's own ``own/…``."""
    limits: ReviewLimits

    @cached_property
    def digest(self) -> str:
        """Return the hex SHA-256 over the canonical form."""
        return sha256(canonical.encode(codec.to_json(self))).hexdigest()


@tagged("PolicyPublished")
@dataclass(frozen=True)
class PolicyPublished:
    """From here on this set decides, until the next event."""

    at: datetime
    policies: PolicySet


@tagged("PolicyWithdrawn")
@dataclass(frozen=True)
class PolicyWithdrawn:
    """From here on nothing is granted, until the next event: the set that should decide has a mistake."""

    at: datetime


@tagged("ViewsReplayed")
@dataclass(frozen=True)
class ViewsReplayed:
    """A person held the views of staff against the policies that were in force at each (RNG-14)."""

    at: datetime
    since: datetime
    views: int
    refused: int
    """Views that would have been refused."""
    by: str
    """The person's name, as the person gave it."""


PolicyEvent: TypeAlias = PolicyPublished | PolicyWithdrawn | ViewsReplayed
