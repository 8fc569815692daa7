"""Approvals: signatures over a plan's digest by keys that the map names, Ed25519 or passkeys. A changed plan voids them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from expunge.core import approver_keys, note
from expunge.core.approver_keys import PasskeyKey, is_assertion, parse_approver_key
from expunge.core.evidence.plan_approvals import approval_message
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

RequireHolder = Callable[[PasskeyKey], None]
"""Raises Refused unless a passkey is one of an account of staff that may approve now."""


def no_holder(_: PasskeyKey) -> None:
    """Raise UsageError: here passkeys sign nothing."""
    message = "a passkey signs plans and the destruction of epochs, and nothing else"
    raise UsageError(message, help="sign with an Ed25519 key that the map names")


def any_holder(_: PasskeyKey) -> None:
    """Ask nothing: for what was asked when it was entered."""


def message(order: OrderId, plan: Plan) -> bytes:
    """Return the bytes that an approver signs: the order, the plan's digest, and what people outside the order lose by it, if anything."""
    return approval_message(order, plan.digest, plan.loss.text)


def approve(context: Context, order: OrderId, approver: str, signed: str, holder: RequireHolder = no_holder) -> Run:
    """Enter an approval of the order's current plan.

    Args:
        context: the composition.
        order: the order.
        approver: a name under ``approvers:`` of the map.
        signed: base64 of the Ed25519 signature over :func:`message`, or a passkey's answer about it
            (:func:`expunge.core.approver_keys.passkey_challenge`).
        holder: asked about a passkey that signed.

    Raises:
        UsageError: no such approver, the one who entered the order, or the signature is not one.
        EvidenceInvalid: it does not verify over the current plan's digest, or a passkey's answer was entered for an earlier plan.
        Refused: the passkey is of no account of staff that may approve now.
    """
    recorder = Recorder(context.journal, context.clock, order)
    run = recorder.run
    require_waiting(context, run)
    assert run.plan is not None
    requester = run.received.requester
    if requester and are_one_person(context, approver, requester):
        text = f"{approver} entered the order, so somebody else has to approve its plan"
        others = [each for each in sorted(context.data_map.approvers) if not are_one_person(context, each, requester)]
        raise UsageError(text, help=f"another of {', '.join(others) or 'the approvers: the map names none'}")
    again = f"sign the current digest {run.plan.digest}; an earlier plan's approval is void"
    key = check_signature(context, approver, signed, message(order, run.plan), ("plan", again), holder)
    if run.state is OrderState.PLANNED:
        _require_unused(context, order, signed, again)
        recorder.append(ev.Approved(recorder.now(), run.plan.digest, approver, signed, key))
    return recorder.run


def require_waiting(context: Context, run: Run) -> None:
    """Raise IllegalTransition for an order that waits for no approval, and what speaks against any act for it."""
    if run.plan is None or run.state not in (OrderState.PLANNED, OrderState.APPROVED):
        text = f"an order that is {run.state} waits for no approval"
        raise IllegalTransition(text, help=f"run `expunge plan {run.order}` first")
    guardian_register.require(context, run)


def _require_unused(context: Context, order: OrderId, signed: str, again: str) -> None:
    """Refuse a passkey's answer that an earlier plan of the order was approved by: a plan made anew can have the same digest."""
    if is_assertion(signed) and any(
        isinstance(event, ev.Approved) and event.signature == signed for event in map(ev.decode, context.journal.read(order))
    ):
        raise EvidenceInvalid("this answer of a passkey was used for an earlier plan", help=again)


def are_one_person(context: Context, first: str, second: str) -> bool:
    """Return whether two names are one person's, as far as the map tells: they are the same, or have a key in common."""
    known = context.data_map.approvers
    return first == second or approver_keys.share_a_key(known.get(first, ()), known.get(second, ()))


def check_signature(
    context: Context, approver: str, signed: str, said: bytes, what: tuple[str, str], holder: RequireHolder = no_holder
) -> str:
    """Check a signature by an approver of the map over some bytes, and return the key that it holds by, as the map has it.

    Args:
        context: the composition.
        approver: a name of the map.
        signed: base64 of an Ed25519 signature, or a passkey's answer.
        said: the bytes.
        what: what it should be over, and what to do where it is not.
        holder: asked about a passkey that signed.

    Raises UsageError for no such approver or no signature, EvidenceInvalid where it does not verify, and as ``holder``.
    """
    keys = context.data_map.approvers.get(approver)
    if keys is None:
        text = f"the map names no approver {approver!r}"
        raise UsageError(text, help=f"it names {', '.join(sorted(context.data_map.approvers)) or 'none'}")
    passkeys = is_assertion(signed)
    if not passkeys:
        _bytes_of(signed)
    why = EvidenceInvalid("the map has no key of this kind under the name", help=what[1])
    for text in keys:
        key = parse_approver_key(text)
        if isinstance(key, PasskeyKey) is not passkeys:
            continue
        try:
            approver_keys.verify_approval(key, approver, signed, said)
        except EvidenceInvalid as error:
            why = error
            continue
        if isinstance(key, PasskeyKey):
            holder(key)
        return text
    more = f": {why.message}" if passkeys else ""
    text = f"the signature is not this approver's over this {what[0]}{more}"
    raise EvidenceInvalid(text, help=what[1]) from why


def check_key(key: str, signed: str, said: bytes, what: tuple[str, str], whose: str = "this approver's") -> None:
    """Check a base64 Ed25519 signature by a verifier key that is no approver's; raises as :func:`check_signature`."""
    try:
        signature.verify_ed25519(note.parse_key(key).key, _bytes_of(signed), said)
    except EvidenceInvalid as error:
        text = f"the signature is not {whose} over this {what[0]}"
        raise EvidenceInvalid(text, help=what[1]) from error


def _bytes_of(signed: str) -> bytes:
    try:
        return base64.b64decode(signed, validate=True)
    except binascii.Error as error:
        text = "the signature is not base64"
        raise UsageError(text, help="give the base64 that the signing command printed") from error


def require(context: Context, run: Run) -> None:
    """Raise NeedsApproval when the map names approvers and none has signed the current plan."""
    if context.data_map.approvers and not any(run.plan and approval.digest == run.plan.digest for approval in run.approvals):
        names = ", ".join(sorted(context.data_map.approvers))
        text = f"the plan waits for an approval by one of: {names}"
        raise NeedsApproval(text, help=f"`expunge approve {run.order} --as NAME --signature BASE64` over the plan's digest")
