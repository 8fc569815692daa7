"""Approvals: Ed25519 signatures over a plan's digest by keys that the map names. A changed plan voids them."""

from __future__ import annotations

import base64
import binascii

from expunge.core import note
from expunge.core.journal import events as ev
from expunge.core.orders.plan import Plan
from expunge.core.orders.run import Run
from expunge.core.values import signature
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.engine.consent import guardian_register
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import Recorder
from expunge.errors import EvidenceInvalid, IllegalTransition, NeedsApproval, UsageError


def message(order: OrderId, plan: Plan) -> bytes:
    """Return the bytes that an approver signs: the order, the plan's digest, and what people outside the order lose by it, if anything."""
    loss = f"{plan.loss.text}\n" if plan.loss.people else ""
    return f"expunge approval/1\n{order}\n{plan.digest}\n{loss}".encode()


def approve(context: Context, order: OrderId, approver: str, signed: str) -> Run:
    """Enter an approval of the order's current plan.

    Args:
        context: the composition.
        order: the order.
        approver: a name under ``approvers:`` of the map.
        signed: base64 of the Ed25519 signature over :func:`message`.

    Raises:
        UsageError: no such approver, or the signature is not one.
        EvidenceInvalid: it does not verify over the current plan's digest.
    """
    recorder = Recorder(context.journal, context.clock, order)
    run = recorder.run
    if run.plan is None or run.state not in (OrderState.PLANNED, OrderState.APPROVED):
        text = f"an order that is {run.state} waits for no approval"
        raise IllegalTransition(text, help=f"run `expunge plan {order}` first")
    guardian_register.require(context, run)
    if approver == run.received.requester:
        text = f"{approver} entered the order, so somebody else has to approve its plan"
        raise UsageError(text, help=f"another of {', '.join(sorted(context.data_map.approvers))}")
    again = f"sign the current digest {run.plan.digest}; an earlier plan's approval is void"
    check_signature(context, approver, signed, message(order, run.plan), ("plan", again))
    if run.state is OrderState.PLANNED:
        recorder.append(ev.Approved(recorder.now(), run.plan.digest, approver, signed))
    return recorder.run


def check_signature(context: Context, approver: str, signed: str, said: bytes, what: tuple[str, str]) -> None:
    """Check a base64 Ed25519 signature by an approver of the map over some bytes.

    Raises UsageError for no such approver or no signature, EvidenceInvalid where it does not verify: ``what`` it should be over, and what
    to do about that.
    """
    key = context.data_map.approvers.get(approver)
    if key is None:
        text = f"the map names no approver {approver!r}"
        raise UsageError(text, help=f"it names {', '.join(sorted(context.data_map.approvers)) or 'none'}")
    check_key(key, signed, said, what)


def check_key(key: str, signed: str, said: bytes, what: tuple[str, str], whose: str = "this approver's") -> None:
    """Check a base64 Ed25519 signature by a verifier key; raises as :func:`check_signature`."""
    try:
        data = base64.b64decode(signed, validate=True)
    except binascii.Error as error:
        text = "the signature is not base64"
        raise UsageError(text, help="give the base64 that the signing command printed") from error
    try:
        signature.verify_ed25519(note.parse_key(key).key, data, said)
    except EvidenceInvalid as error:
        text = f"the signature is not {whose} over this {what[0]}"
        raise EvidenceInvalid(text, help=what[1]) from error


def require(context: Context, run: Run) -> None:
    """Raise NeedsApproval when the map names approvers and none has signed the current plan."""
    if context.data_map.approvers and not any(run.plan and approval.digest == run.plan.digest for approval in run.approvals):
        names = ", ".join(sorted(context.data_map.approvers))
        text = f"the plan waits for an approval by one of: {names}"
        raise NeedsApproval(text, help=f"`expunge approve {run.order} --as NAME --signature BASE64` over the plan's digest")
