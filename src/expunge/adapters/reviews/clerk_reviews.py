"""A family's word about reviews, at the clerk: behind the same port as in its process, over a socket."""

from __future__ import annotations

from uuid import UUID

from expunge.adapters.keeper.connection import Connections
from expunge.adapters.keeper.requests import Name
from expunge.adapters.reviews import review_requests as wire
from expunge.core.accounts.asks import Ask
from expunge.core.families.reviews import FamilyReviews
from expunge.errors import UsageError


class ClerkReviews:
    """Implements ``expunge.ports.families.review_door.FamilyReviewDoor``. Threads may share it, and a fork may go on using it."""

    def __init__(self, connections: Connections) -> None:
        """Take the connections, which the doors of a clerk share."""
        self._connections = connections

    def __repr__(self) -> str:
        return "ClerkReviews(…)"

    def reviews(self, account: UUID, family: str, session: bytes) -> FamilyReviews:
        """See the port."""
        return wire.read_reviews(self._connections.ask(wire.ListReviews(str(account), family, session.hex())))

    def deny(self, account: UUID, family: str, request: str) -> None:
        """See the port."""
        self._connections.ask(wire.DenyReview(str(account), family, request))

    def allow(self, permit: str, session: bytes, ask: Ask) -> None:
        """See the port."""
        self._connections.ask(wire.AllowReview(permit, session.hex(), *_asked(ask)))

    def bar(self, account: UUID, family: str, request: str = "") -> None:
        """See the port."""
        self._connections.ask(wire.BarReviews(str(account), family, request))

    def bar_recording(self, account: UUID, family: str, session: bytes, handle: str) -> None:
        """See the port."""
        self._connections.ask(wire.BarRecording(str(account), family, session.hex(), handle))

    def end_bar(self, permit: str, session: bytes, ask: Ask) -> None:
        """See the port."""
        self._connections.ask(wire.EndBar(permit, session.hex(), *_asked(ask)))

    def receipt(self, account: UUID, family: str, session: bytes, look: str) -> dict[str, bytes]:
        """See the port."""
        return wire.read_files(self._connections.ask(wire.LookReceipt(str(account), family, session.hex(), look)))


def _asked(ask: Ask) -> tuple[str, str, tuple[tuple[str, Name], ...]]:
    if ask.family is None:
        raise UsageError("an ask about a review names a family", help="ask with the same version of Expunge as the clerk runs")
    return str(ask.account), ask.family, tuple((name, Name(value)) for name, value in ask.details)
