"""A family withdraws a consent: entered once, and shown to have taken effect by what the gate's own snapshot says."""

from __future__ import annotations

from uuid import UUID

from expunge.core.consent.consent import LastDecision
from expunge.core.consent.consent_rules import may_withdraw
from expunge.engine.accounts import guardian_memberships
from expunge.engine.consent import consent_decisions
from expunge.engine.gate import consent_register, fencing
from expunge.engine.kernel.context import Context
from expunge.engine.subjects.resolving import ResolvedName
from expunge.errors import UsageError


def stop(context: Context, person: ResolvedName, purpose: str, account: str) -> None:
    """End a consent and have the gate refuse. Safe to repeat: it is entered once, and what a fault left undone is done.

    Call it with the right to change. A withdrawal asks for no proof and no credential: it is never harder than giving
    (:func:`expunge.core.consent.consent_rules.may_withdraw`).

    Raises UsageError where there is no consent to end, StateUnavailable where the gate's snapshot could not be written: the withdrawal may
    stand in the journal then, and :func:`stands` tells.
    """
    if stands(context, person, purpose):
        consent_decisions.recover(context)
        fencing.publish(context)
        return
    if purpose in context.data_map.purposes and context.data_map.purposes[purpose].text and _said(context, person, purpose).given is None:
        message = f"nobody has agreed to {purpose}, so it is not allowed, and there is nothing to stop"
        raise UsageError(message, help="go back to the page, which says what is allowed")
    consent_decisions.withdraw(context, person, purpose, _proof(context, person, account), account)


def stands(context: Context, person: ResolvedName, purpose: str) -> bool:
    """Return whether the last word about a purpose is a withdrawal, by the journal."""
    return _said(context, person, purpose).withdrawn is not None


def _proof(context: Context, person: ResolvedName, account: str) -> str:
    """The account's own proof of authority, so that its no stands against another guardian's yes; empty where it has or may use none.

    Why empty in a dispute: no guardian decides then, and everybody may stop.
    """
    consents, subject = consent_register.load(context), person.person.subject
    held = guardian_memberships.proof_of(context, UUID(account), subject)
    if held is None or may_withdraw(consents, subject, held.proven.proof, context.clock.now()) is not None:
        return ""
    return held.proven.proof


def _said(context: Context, person: ResolvedName, purpose: str) -> LastDecision:
    consents = consent_register.load(context)
    return consents.said.get(consents.of(person.person.subject), {}).get(purpose, LastDecision())
