"""The port of a family's word about reviews: requests of staff to see a recording, bars, and the receipt of a look.

To deny and to bar stop something: a membership is enough, and they are never harder than to allow. To allow a request and to end a bar take
a permit, for an ask of the kind :attr:`~expunge.core.accounts.asks.AskKind.REVIEW`. A recording is told within an opening alone.

Every verb raises NotPermitted without a membership, ClerkAway where the clerk does not answer now, StateUnavailable where its state does
not, and UsageError for what is not known. No message holds an identifier.
"""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from expunge.core.accounts.asks import Ask
from expunge.core.families.reviews import FamilyReviews

ALLOW, END_BAR = "request", "bar"
"""The detail of an ask: the id of the request that is allowed, or the name of the bar that ends."""


class FamilyReviewDoor(Protocol):
    """See the module."""

    def reviews(self, account: UUID, family: str, session: bytes) -> FamilyReviews:
        """Return the requests and the bars of a family. Recordings are named within an opening; asking does not lengthen it."""
        ...

    def deny(self, account: UUID, family: str, request: str) -> None:
        """Deny a request; what is seen on the family's word stops at once. Safe to repeat. Raises IllegalTransition if it is too late."""
        ...

    def allow(self, permit: str, session: bytes, ask: Ask) -> None:
        """Allow the request that an ask names.

        Raises IllegalTransition where it waits for no answer, or is about another person as well; NeedsApproval while guardians are in
        dispute; and what the permit's end raises.
        """
        ...

    def bar(self, account: UUID, family: str, request: str = "") -> None:
        """Bar review of the recording of a request; without one, of every recording. What is seen on the family's word stops at once."""
        ...

    def bar_recording(self, account: UUID, family: str, session: bytes, handle: str) -> None:
        """Bar review of a recording of the timeline. Raises OpeningNeeded, ItemGone."""
        ...

    def end_bar(self, permit: str, session: bytes, ask: Ask) -> None:
        """End the bar that an ask names. Raises NeedsApproval while guardians are in dispute, and what the permit's end raises."""
        ...

    def receipt(self, account: UUID, family: str, session: bytes, look: str) -> dict[str, bytes]:
        """Return the files of the receipt of a look of staff, by name.

        Raises OpeningNeeded, NeedsApproval while guardians are in dispute, UsageError for a look of another family or one that is not in
        the log yet.
        """
        ...
