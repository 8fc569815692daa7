"""Holds: legal reasons to keep named items for a named time. A hold beats erasure for the named items only."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from expunge.core.ids import Pseudonym


@dataclass(frozen=True)
class Hold:
    """One hold. It names items by keyed tags, never by path or key, because those can be identifiers."""

    id: str
    dataset: str
    subject: Pseudonym
    ground: str
    """Why, for the receipt: authority and matter, no identifier."""
    authority: str
    placed: datetime
    until: datetime
    items: frozenset[str]
    """Item tags (:func:`item_tag`); empty means every item of the subject in the dataset."""

    def __post_init__(self) -> None:
        if self.until <= self.placed:
            message = "a hold ends after it begins"
            raise ValueError(message)
        if not self.ground.strip() or not self.authority.strip():
            message = "a hold needs a ground and an authority"
            raise ValueError(message)

    def active(self, at: datetime) -> bool:
        """Whether it binds at that instant. A clock set back cannot shorten it: the engine's instant never goes back."""
        return at < self.until

    def covers(self, dataset: str, subject: Pseudonym, tag: str) -> bool:
        """Whether this item of this subject is named."""
        return self.dataset == dataset and self.subject == subject and (not self.items or tag in self.items)


def item_tag(key: bytes, dataset: str, item: str) -> str:
    """Keyed tag of one item's key in a store; hex, 32 characters."""
    return hmac.new(key, f"expunge/item/1\0{dataset}\0{item}".encode("utf-8", "surrogatepass"), sha256).hexdigest()[:32]


def binding(holds: Iterable[Hold], dataset: str, subject: Pseudonym, tag: str, at: datetime) -> Hold | None:
    """The hold that keeps this item longest at that instant, or None."""
    found = [each for each in holds if each.active(at) and each.covers(dataset, subject, tag)]
    return max(found, key=lambda each: (each.until, each.id), default=None)
