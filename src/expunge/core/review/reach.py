"""Who could reach recordings past the review desk, and what each would see: recordings, their ciphertext only, or the keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Reached(StrEnum):
    """What a way leads to."""

    RECORDINGS = "recordings"
    """In the clear, or the transcripts of them."""
    CIPHERTEXT = "ciphertext only"
    KEYS = "keys"
    """With which sealed recordings can be decrypted, by who reaches their files too."""
    UNSEEN = "could not look"


@dataclass(frozen=True)
class Reach:
    """One way past the desk."""

    store: str
    datasets: tuple[str, ...]
    reached: Reached
    who: str
    how: str
    """What lets them; of a place that could not be looked at, what and why."""
    where: str
    mend: str
    own: bool = False
    """Whether the way is there by construction: the service's own account, the administrator."""
    accounts: frozenset[str] = field(default=frozenset())
    """The accounts of this machine that could take it, as far as they can be told."""

    @property
    def around(self) -> bool:
        """Whether it leads round the desk, and can be closed."""
        return self.reached in {Reached.RECORDINGS, Reached.KEYS} and not self.own


def ciphertext_only(reaches: Sequence[Reach]) -> frozenset[str]:
    """Return the accounts of this machine that reach sealed files, and neither keys nor recordings in the clear (RNG III.E.3)."""
    sealed, able = set[str](), set[str]()
    for each in reaches:
        (sealed if each.reached is Reached.CIPHERTEXT else able).update(each.accounts)
    return frozenset(sealed - able)
