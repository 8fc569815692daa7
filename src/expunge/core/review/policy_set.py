"""A set of policies as bytes: what decided, so that a later year can decide with it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

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

    @property
    def digest(self) -> str:
        """Return the hex SHA-256 over the canonical form."""
        return sha256(canonical.encode(codec.to_json(self))).hexdigest()
