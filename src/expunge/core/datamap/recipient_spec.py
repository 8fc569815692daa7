"""A recipient of people's data, as the map declares it."""

from __future__ import annotations

from dataclasses import dataclass, field

from expunge.core.values.periods import Period

MONTH = Period(days=30)


@dataclass(frozen=True)
class RecipientSpec:
    """One recipient as the map declares it."""

    name: str
    gets: tuple[str, ...]
    """Datasets that are handed to it, whole or in part."""
    url: str = field(default="", repr=False)
    """Where instructions are posted; empty: somebody carries them there. May hold a password: never shown or logged."""
    probe: str = field(default="", repr=False)
    """Where it can be asked how much it still holds; empty: it cannot."""
    key: str = ""
    """Verifier key (C2SP signed-note) of its confirmations; empty: somebody here attests them."""
    within: Period = MONTH
    """How long it has to confirm; then it is chased."""
    line: int = 0
    """Line of the map, for messages."""
