"""The steps of an order that web hooks tell the company's app of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from expunge.core.journal import events as ev
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.order import OrderState


class StepName(StrEnum):
    """The type of a web hook's message."""

    RECEIVED = "order.received"
    EXTENDED = "order.extended"
    """It takes longer than its first due date."""
    ENDED = "order.ended"
    CANCELLED = "order.cancelled"
    REOPENED = "order.reopened"
    """Data came back."""


STEPS = (ev.Received, ev.Extended, ev.Ended, ev.Cancelled, ev.Reopened)
"""The events of an order that are such steps."""


@dataclass(frozen=True)
class OrderStep:
    """One step of one order."""

    order: OrderId
    name: StepName
    at: datetime
    subjects: tuple[Pseudonym, ...]
    in_part: bool = False
    """Of an end: whether something was not erased or not verified."""

    def message_id(self, hook: str) -> str:
        """Return the id of the message about it to a web hook: found again after a crash, it is the same."""
        return "msg_" + sha256(f"{hook}\n{self.order}\n{self.name}\n{self.at.isoformat()}".encode()).hexdigest()[:32]


def step_of(event: object, order: OrderId, subjects: tuple[Pseudonym, ...]) -> OrderStep | None:
    """Return the step that an event of an order is; None for one that is none."""
    match event:
        case ev.Received():
            return OrderStep(order, StepName.RECEIVED, event.at, subjects)
        case ev.Extended():
            return OrderStep(order, StepName.EXTENDED, event.at, subjects)
        case ev.Ended():
            return OrderStep(order, StepName.ENDED, event.at, subjects, event.state is not OrderState.FULFILLED)
        case ev.Cancelled():
            return OrderStep(order, StepName.CANCELLED, event.at, subjects)
        case ev.Reopened():
            return OrderStep(order, StepName.REOPENED, event.at, subjects)
        case _:
            return None
