"""Orders: the obligations, the states they pass through, and the one table of legal transitions."""

from __future__ import annotations

from enum import StrEnum

from expunge.errors import IllegalTransition


class OrderKind(StrEnum):
    """The kind of an order's origin."""

    ERASURE = "erasure"
    WITHDRAWAL = "withdrawal"
    EXPIRY = "expiry"
    INACTIVITY = "inactivity"
    DISGORGEMENT = "disgorgement"


class OrderState(StrEnum):
    """The state of an order."""

    RECEIVED = "received"
    """Journalled: we owe this person."""
    FENCED = "fenced"
    """No new data of the subject passes anything that asks."""
    PLANNED = "planned"
    APPROVED = "approved"
    RUNNING = "running"
    FULFILLED = "fulfilled"
    IN_PART = "in part"
    """Ended for now with something not erased or not verified; ``apply`` takes it up again."""
    CANCELLED = "cancelled"
    REOPENED = "reopened"
    """Data came back after the order had been fulfilled."""


TRANSITIONS: dict[OrderState, frozenset[OrderState]] = {
    OrderState.RECEIVED: frozenset({OrderState.FENCED, OrderState.CANCELLED}),
    OrderState.FENCED: frozenset({OrderState.PLANNED, OrderState.CANCELLED}),
    OrderState.PLANNED: frozenset({OrderState.PLANNED, OrderState.APPROVED, OrderState.RUNNING, OrderState.CANCELLED}),
    OrderState.APPROVED: frozenset({OrderState.PLANNED, OrderState.RUNNING, OrderState.CANCELLED}),
    OrderState.RUNNING: frozenset({OrderState.RUNNING, OrderState.FULFILLED, OrderState.IN_PART, OrderState.CANCELLED}),
    OrderState.IN_PART: frozenset({OrderState.PLANNED, OrderState.REOPENED}),
    OrderState.FULFILLED: frozenset({OrderState.REOPENED}),
    OrderState.REOPENED: frozenset(),
    OrderState.CANCELLED: frozenset(),
}
"""From each state, the states that may follow. An order in part is planned again before it runs again; a reopened one is followed by a
new order, because the identifiers of the old one died with its key."""

ENDED = frozenset({OrderState.FULFILLED, OrderState.IN_PART, OrderState.CANCELLED, OrderState.REOPENED})


def check_transition(now: OrderState, then: OrderState) -> None:
    """Raise IllegalTransition unless ``then`` may follow ``now``."""
    if then not in TRANSITIONS[now]:
        message = f"an order that is {now} cannot become {then}"
        raise IllegalTransition(message, help=_HELP.get(now, "see `expunge status`"))


_HELP = {
    OrderState.CANCELLED: "it was cancelled; make a new order",
    OrderState.FULFILLED: "it is done; a new order for the same person always works",
    OrderState.REOPENED: "data came back; the follow-up order shown by `expunge status` erases it again",
    OrderState.RUNNING: "erasing has begun and cannot be undone; `expunge apply` resumes it",
    OrderState.FENCED: "run `expunge plan` first",
}
