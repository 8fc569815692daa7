"""Holds: legal reasons to keep named items for a named time. A hold beats erasure for the named items only."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from expunge.core.values.ids import Pseudonym
from expunge.core.values.tags import tagged


@tagged("Hold")
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
    """Item tags (:func:`item_tag`): what is named, or for a whole hold what the dataset held of the subject when it was placed."""
    whole: bool = False
    """Every item of the subject in the dataset, also those that come later."""
    purpose: str = ""
    """The only thing that what is held may be used for; empty where the ground says it."""

    def __post_init__(self) -> None:
        if self.until.tzinfo is None:
            message = "the end of a hold has a time zone"
            raise ValueError(message)
        try:
            self.until.astimezone(UTC)
        except OverflowError as error:
            message = "the end of a hold lies within the years 1 to 9999"
            raise ValueError(message) from error
        if self.until <= self.placed:
            message = "a hold ends after it begins"
            raise ValueError(message)
        if not self.ground.strip() or not self.authority.strip():
            message = "a hold needs a ground and an authority"
            raise ValueError(message)

    def active(self, at: datetime) -> bool:
        """Return whether it binds at that instant. A clock set back cannot shorten it: the engine's instant never goes back."""
        return at < self.until

    def covers(self, dataset: str, names: frozenset[Pseudonym], tag: str) -> bool:
        """Return whether this item stays, whichever of the people in it is to be erased.

        Args:
            dataset: where the item lies.
            names: every pseudonym of the person it was found for, and of those who go with them.
            tag: the item's.
        """
        return self.dataset == dataset and (tag in self.items or (self.whole and self.subject in names))


def item_tag(key: bytes, dataset: str, item: str) -> str:
    """Keyed tag of one item's key in a store; hex, 32 characters."""
    return hmac.new(key, f"expunge/item/1\0{dataset}\0{item}".encode("utf-8", "surrogatepass"), sha256).hexdigest()[:32]


def binding(holds: Iterable[Hold], dataset: str, names: frozenset[Pseudonym], tag: str, at: datetime) -> Hold | None:
    """The hold that keeps this item longest at that instant, or None."""
    return keeping((hold for hold in holds if hold.active(at)), dataset, names, tag)


def keeping(holds: Iterable[Hold], dataset: str, names: frozenset[Pseudonym], tag: str) -> Hold | None:
    """Of holds that all bind, the one that keeps this item longest, or None."""
    found = [hold for hold in holds if hold.covers(dataset, names, tag)]
    return max(found, key=lambda each: (each.until, each.id), default=None)
