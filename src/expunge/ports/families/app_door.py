"""The port of the company's app: what its server asks for a customer, by a token that the company's signed statement was exchanged for.

The web process hands the app's header on, as it came; the clerk checks it at each verb. So code that took the web process over can act for
no customer whose app does not ask just then.

``header`` is the value of ``Authorization``. ``family`` is a handle that the exchange gave, ``order`` an order's id. Every verb raises
AppRefused with an :class:`expunge.core.families.app_access.AppFault` as its reason, ClerkAway where the clerk does not answer now,
StateUnavailable where its state does not, Busy where another process is at it, and StoreUnavailable or CouldNotLook where a store cannot be
read. No message holds an identifier.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from expunge.core.accounts.app_spec import AppScope
from expunge.core.datamap.artefact import DataKind
from expunge.ports.families.held_door import HeldAnswer

MOST_RECORDINGS = 100
"""Recordings of one page of a list."""
MOST_ORDERS = 100
"""Orders of one page of a list."""


@dataclass(frozen=True)
class AppGrant:
    """An access token, shown once."""

    token: str = field(repr=False)
    until: datetime
    scopes: frozenset[AppScope]
    families: tuple[str, ...]
    """Handles, in the order of the statement."""


class AppOrderState(StrEnum):
    """The state of an order, in words for people."""

    RECEIVED = "received"
    """It can be cancelled: nothing was erased."""
    UNDER_WAY = "under way"
    ERASED = "erased"
    """Erased and verified everywhere."""
    IN_PART = "erased in part"
    CANCELLED = "cancelled"
    CAME_BACK = "came back"
    """Data came back after the end; another order erases it."""


@dataclass(frozen=True)
class AppOrder:
    """An order about a family, as an app sees it."""

    order: str
    state: AppOrderState
    everything: bool
    """Whether it reaches everything of the person."""
    received_at: datetime
    earliest: datetime
    """End of the time in which the company waits, so that the person can change their mind."""
    ended_at: datetime | None
    places: int
    """Stores that it erases from; 0 before it was planned."""
    places_done: int
    can_cancel: bool
    has_receipt: bool
    fresh: bool = False
    """Whether this request made it."""


@dataclass(frozen=True)
class AppRecording:
    """A recording of a family, as an app names it to delete it. Nothing of its content is in it."""

    recording: str
    """Its handle, the same for each token of the family."""
    kind: DataKind
    recorded_at: datetime | None
    """When it was recorded, or written; None where neither is known."""
    bytes: int
    seconds: float | None
    """How long it is, where the company wrote that down."""


@dataclass(frozen=True)
class AppConsent:
    """Where one purpose stands that rests on consent."""

    purpose: str
    description: str
    """As the map says it."""
    agreed: bool
    since: datetime | None
    """The time of the last decision; None where there was none."""


class AppDoor(Protocol):
    """See the module."""

    def exchange(self, header: str, statement: str, scope: str) -> AppGrant:
        """Return an access token for a statement; ``scope``: those that are wanted, apart by blanks; empty for all that it names.

        ``header`` shows the app's own token (``expunge token issue NAME --scope families``); raises SenderRefused where it counts not.
        """
        ...

    def end_login(self, header: str, session: str) -> int:
        """End a customer's login (the claim ``sid``): its tokens go, and statements about it count no more.

        Return how many tokens went. ``header`` and errors: as for :meth:`exchange`. Safe to repeat.
        """
        ...

    def end_token(self, header: str) -> None:
        """End the access token that the header shows. Safe to repeat."""
        ...

    def families(self, header: str) -> tuple[str, ...]:
        """Return the handles of the token's families."""
        ...

    def held(self, header: str, family: str) -> HeldAnswer:
        """Return the last count of what is held about a family's person. A first count is waited for for two seconds."""
        ...

    def order(self, header: str, family: str, key: str) -> AppOrder:
        """Order the deletion of everything. The same key within a day gives the same order, also across crashes.

        Where an order for everything of the person can still erase, that one is returned. Durable when it returns.
        """
        ...

    def recordings(self, header: str, family: str, after: str, most: int) -> tuple[tuple[AppRecording, ...], bool]:
        """Return recordings of a family's person, newest first, after one of them (empty: from the newest on), and whether there are more.

        It takes what a deletion takes: the times at which a child spoke are nobody's to read who does not choose what to delete.
        """
        ...

    def delete_recording(self, header: str, family: str, recording: str, key: str) -> AppOrder:
        """Order the deletion of one recording, with everything made from it. Keys and durability: as for :meth:`order`."""
        ...

    def said(self, header: str, event: str) -> tuple[str, AppOrder]:
        """Order the deletion of what a customer just said, by a signed event of the company's assistant. Return the family's handle too.

        The same event gives the same order. ``header`` and errors: as for :meth:`exchange`.
        """
        ...

    def orders(self, header: str, family: str, after: str, most: int) -> tuple[tuple[AppOrder, ...], bool]:
        """Return orders about a family, newest first, after one of them (empty: from the newest on), and whether there are more."""
        ...

    def status(self, header: str, family: str, order: str) -> AppOrder:
        """Return one order."""
        ...

    def cancel(self, header: str, family: str, order: str) -> AppOrder:
        """Cancel an order that has erased nothing. Safe to repeat. Takes a fresh authentication, as an order does."""
        ...

    def receipt(self, header: str, family: str, order: str) -> bytes:
        """Return the receipt of an order for this family's person, as a zip of its folder."""
        ...

    def consents(self, header: str, family: str) -> tuple[AppConsent, ...]:
        """Return where each purpose stands that rests on consent."""
        ...

    def withdraw(self, header: str, family: str, purpose: str) -> AppConsent:
        """Withdraw a consent, at once. Safe to repeat."""
        ...
