"""The port of orders as the pages of staff ask for them: each verb names the account and its web session, and is believed neither.

Nothing here names a person: an order is named by its random id, and what it reaches by counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from expunge.core.orders.plan import StepKind
from expunge.core.values.order import OrderKind, OrderState
from expunge.ports.review.desk_door import DeskCaller

MOST_ORDERS = 500
"""Orders in one answer, the newest."""


class ApprovalBar(StrEnum):
    """What keeps an account from approving the plan of an order."""

    NO_PLAN = "no plan"
    """The order has no plan yet."""
    NOT_WAITING = "not waiting"
    """It is approved, under way, or has ended."""
    NONE_ASKED = "none asked"
    """The map names no approvers, so no plan waits for any."""
    NO_RIGHT = "no right"
    """The account has no right to approve plans."""
    NO_KEY = "no key"
    """The map names none of the account's confirmed passkeys."""
    OWN_ORDER = "own order"
    """The same person entered the order."""


@dataclass(frozen=True)
class ApprovalCard:
    """An approval of an order's plan."""

    approver: str
    """The name in the map."""
    by_passkey: bool
    at: datetime


@dataclass(frozen=True)
class OrderCard:
    """An order as lists show it."""

    order: str
    kind: OrderKind
    state: OrderState
    received: datetime
    due: datetime | None
    """The earliest date of the clocks that still run for it."""
    people: int
    waits: bool
    """Whether its plan waits for an approval."""
    approvals: tuple[ApprovalCard, ...]
    receipts: int
    """People whose receipt was issued."""
    ended: datetime | None = None


@dataclass(frozen=True)
class PlanLine:
    """A step of a plan that does something to a dataset, or leaves it on purpose."""

    kind: StepKind
    dataset: str
    items: int | None
    """Items that were located when the plan was made; None where none are counted."""
    depth: str
    """The depth aimed at, as a word of the map; ``none`` for steps that erase nothing."""
    note: str
    """The ground on which it stays, or what a person has to do by hand."""


@dataclass(frozen=True)
class StorePart:
    """The steps of a plan in one store."""

    store: str
    lines: tuple[PlanLine, ...]

    @property
    def erased(self) -> int:
        """Return how many items go."""
        return sum(each.items or 0 for each in self.lines if each.kind not in (StepKind.KEEP, StepKind.MANUAL))


@dataclass(frozen=True)
class PlanCard:
    """The plan of an order."""

    digest: str
    """Hex SHA-256 of its canonical bytes."""
    made: datetime
    stores: tuple[StorePart, ...]
    holds: int
    """Legal holds that bind."""
    unknown_places: int
    """Places that pipelines took data to and the map lacks."""
    loss: str
    """What people outside the order lose by it; empty where nobody loses anything."""
    message: str
    """What an approver signs, exactly."""


@dataclass(frozen=True)
class OrderPage:
    """An order as its own page shows it."""

    card: OrderCard
    reach: str
    """How far it reaches, in the words of its scope; empty for everything of its people."""
    channel: str
    """How it came in: ``cli``, ``portal``."""
    earliest: datetime
    """Nothing is erased before it."""
    problems: tuple[str, ...]
    """Why it ended in part, was stopped, or could not be started."""
    plan: PlanCard | None
    approvers: tuple[str, ...]
    """The names in the map."""
    own_name: str
    """The name in the map of one of the account's passkeys; empty for none."""
    bar: ApprovalBar | None
    """What keeps the account from approving; None where it may."""
    reads_receipts: bool
    """Whether the account may read receipts."""


@dataclass(frozen=True)
class SigningAsk:
    """What a browser asks a passkey to sign."""

    challenge: bytes
    """:func:`expunge.core.approver_keys.passkey_challenge` of the message, under the account's name in the map."""
    relying_party: str
    credentials: tuple[bytes, ...] = field(repr=False)
    """Ids of the passkeys that count."""


class OrderDeskDoor(Protocol):
    """Orders for staff. Safe between threads.

    Each verb raises DeskRefused where the login of the caller has ended or its account lacks the right, KeeperAway and StateUnavailable.
    """

    def orders(self, caller: DeskCaller) -> tuple[OrderCard, ...]:
        """Return orders: those whose plan waits for an approval first, then the newest; at most :data:`MOST_ORDERS`."""
        ...

    def order(self, caller: DeskCaller, order: str) -> OrderPage:
        """Return one order. Raises UsageError where there is none of that id."""
        ...

    def begin_approval(self, caller: DeskCaller, order: str, digest: str) -> SigningAsk:
        """Return what the account's passkey signs to approve the plan of that digest.

        Raises UsageError, and IllegalTransition where the plan is another one by now or waits for no approval of this account.
        """
        ...

    def approve(self, caller: DeskCaller, order: str, digest: str, response: bytes) -> OrderPage:
        """Enter the approval that a passkey signed.

        Args:
            caller: who approves.
            order: the order.
            digest: of the plan that the page showed.
            response: the browser's AuthenticationResponseJSON.

        Raises as :meth:`begin_approval`; EvidenceInvalid where the answer does not hold, CredentialCopied where the counter of the security
        key went back, Refused where the passkey does not count any more.
        """
        ...

    def receipt(self, caller: DeskCaller, order: str, number: int) -> dict[str, bytes]:
        """Return the files of the receipt of the n-th person of an order, counted from 1. Raises UsageError where there is none."""
        ...
