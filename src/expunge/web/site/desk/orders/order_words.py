"""The words for orders, their plans and what keeps a person from approving one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from expunge.core.orders.plan import StepKind
from expunge.core.values.order import OrderKind, OrderState
from expunge.ports.review.order_desk import ApprovalBar, ApprovalCard, OrderCard, PlanLine


@dataclass(frozen=True)
class StateLook:
    """How a state reads, and how it looks."""

    words: str | Promise
    look: str
    """Class of the mark."""


KINDS: Mapping[OrderKind, str | Promise] = {
    OrderKind.ERASURE: gettext_lazy("Erase data of a person"),
    OrderKind.WITHDRAWAL: gettext_lazy("Erase after a consent was taken back"),
    OrderKind.EXPIRY: gettext_lazy("Erase what is too old to keep"),
    OrderKind.INACTIVITY: gettext_lazy("Erase a profile that is not used"),
    OrderKind.DISGORGEMENT: gettext_lazy("Erase by order of a court or regulator"),
}
STATES: Mapping[OrderState, StateLook] = {
    OrderState.RECEIVED: StateLook(gettext_lazy("received"), ""),
    OrderState.FENCED: StateLook(gettext_lazy("received, not planned yet"), ""),
    OrderState.PLANNED: StateLook(gettext_lazy("planned"), ""),
    OrderState.APPROVED: StateLook(gettext_lazy("approved"), "good"),
    OrderState.RUNNING: StateLook(gettext_lazy("being erased"), ""),
    OrderState.FULFILLED: StateLook(gettext_lazy("erased and verified"), "good"),
    OrderState.IN_PART: StateLook(gettext_lazy("done in part"), "caution"),
    OrderState.CANCELLED: StateLook(gettext_lazy("stopped"), "caution"),
    OrderState.REOPENED: StateLook(gettext_lazy("data came back"), "caution"),
}
BARS: Mapping[ApprovalBar, str | Promise] = {
    ApprovalBar.NO_PLAN: gettext_lazy("There is no plan yet. It is made before anything can be approved."),
    ApprovalBar.NONE_ASKED: gettext_lazy("The data map names no approvers: this plan waits for no approval."),
    ApprovalBar.NO_RIGHT: gettext_lazy("Your account may follow orders, and not approve them."),
    ApprovalBar.NO_KEY: gettext_lazy(
        "The data map names none of your confirmed passkeys, so you cannot sign. The operator adds the line that expunge approvers prints."
    ),
    ApprovalBar.OWN_ORDER: gettext_lazy("You entered this order. Another person approves its plan."),
}
_DOES: Mapping[StepKind, str | Promise] = {
    StepKind.ERASE: gettext_lazy("Erase"),
    StepKind.DESTROY: gettext_lazy("Erase as a whole"),
    StepKind.FORGET: gettext_lazy("Make it forget"),
    StepKind.REBUILD: gettext_lazy("Make anew without it"),
    StepKind.RETRAIN: gettext_lazy("Train anew without it"),
    StepKind.KEEP: gettext_lazy("Stays"),
    StepKind.MANUAL: gettext_lazy("By hand"),
}
_DEPTHS: Mapping[str, str | Promise] = {
    "hidden": gettext_lazy("no ordinary read returns it"),
    "removed": gettext_lazy("no file in use holds it"),
    "scrubbed": gettext_lazy("no trace in any file of the system"),
    "device": gettext_lazy("the disk or its key is gone"),
}


def state_of(card: OrderCard) -> StateLook:
    """Return how the state of an order reads."""
    return StateLook(gettext_lazy("waits for an approval"), "caution") if card.waits else STATES[card.state]


def approved_by(approval: ApprovalCard) -> str:
    """Return who approved, and by what."""
    said = _("passkey of %(name)s") if approval.by_passkey else _("Ed25519 key of %(name)s")
    return said % {"name": approval.approver}


def does(line: PlanLine) -> str:
    """Return what a step does to its dataset."""
    return str(_DOES.get(line.kind, line.kind.value))


def how_much(line: PlanLine) -> str:
    """Return the items that a step found; empty where none are counted."""
    if line.items is None:
        return ""
    return ngettext("%(number)s item", "%(number)s items", line.items) % {"number": f"{line.items:,}"}


def how_deep(line: PlanLine) -> str:
    """Return how thoroughly a step erases; empty where it erases nothing."""
    return str(_DEPTHS.get(line.depth, ""))
