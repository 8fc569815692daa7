"""Memberships that follow from the register of guardians: a request that was agreed to gives one, the day of majority ends them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from expunge.core.accounts.family_events import ByConsent, ByMajority, ByMember
from expunge.core.accounts.memberships import Membership, MembershipRole
from expunge.core.consent.consent import Guardianship
from expunge.core.consent.consent_events import EndReason
from expunge.core.consent.consent_request_events import InvitationEnd
from expunge.core.consent.consent_requests import OpenAsking
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.engine.accounts.family_register import FamilyRegister
from expunge.engine.consent import guardian_register, invitations, parental_consent
from expunge.engine.gate import consent_register
from expunge.engine.kernel.context import Context
from expunge.errors import UsageError
from expunge.ports.accounts.account_register import AccountRegister


@dataclass(frozen=True)
class Settled:
    """The memberships that changed."""

    proven: tuple[Membership, ...] = ()
    """Accounts that are guardian now."""
    came_of_age: tuple[Membership, ...] = ()
    """Accounts that are guardian no more, because the child decides alone."""


def proof_of(context: Context, account: UUID, subject: Pseudonym) -> Guardianship | None:
    """Return the authority in force that an account of the pages has proven over a child; None where it has none."""
    consents = consent_register.load(context)
    own = parental_consent.guardian_of(context, str(account))
    return next((each for each in consents.guardians_of(subject, context.clock.now()) if each.proven.guardian == own), None)


def settle(context: Context, families: FamilyRegister, accounts: AccountRegister) -> Settled:
    """Give and end the memberships that the register of guardians owes. Safe to call again after any crash."""
    return Settled(_proven(context, families), _came_of_age(context, families, accounts))


def _proven(context: Context, families: FamilyRegister) -> tuple[Membership, ...]:
    agreed = [(request, one) for request, one in parental_consent.pending(context).items() if one.agreed is not None]
    if not agreed:
        return ()
    decided: dict[tuple[str, str], datetime] = {(each.account, each.family): each.at for each in families.decisions()}
    changed: list[Membership] = []
    for request, one in agreed:
        changed += _owed(context, families, request, one, decided)
    return tuple(changed)


def _owed(
    context: Context, families: FamilyRegister, request: str, one: OpenAsking, decided: dict[tuple[str, str], datetime]
) -> tuple[Membership, ...]:
    assert one.account is not None
    assert one.agreed is not None
    account, subject = one.account.account, one.asked.subject
    last = decided.get((account, str(subject)))
    held = proof_of(context, UUID(account), subject)
    # Why the time: a later end of the membership stands, whatever was agreed to before.
    if held is None or (last is not None and last >= one.agreed.at):
        return ()
    if one.account.invitation:
        invitations.end(context, one.account.invitation, InvitationEnd.TAKEN)
    try:
        return families.decide(UUID(account), [(str(subject), MembershipRole.GUARDIAN)], ByConsent(request, one.agreed.proof))
    except UsageError:
        # The account was closed meanwhile.
        return ()


def _came_of_age(context: Context, families: FamilyRegister, accounts: AccountRegister) -> tuple[Membership, ...]:
    guardian_register.grow_up(context)
    consents, now = consent_register.load(context), context.clock.now()
    grown: dict[Pseudonym, datetime] = {}
    for guardianship in consents.guardianships.values():
        ended, child = guardianship.ended, guardianship.proven.child
        if ended is not None and ended.why is EndReason.GREW_UP and not consents.guardians_of(child, now):
            grown[child] = max(ended.at, grown.get(child, ended.at))
    changed: list[Membership] = []
    for child, at in grown.items():
        for member in accounts.members(str(child)):
            if member.role is MembershipRole.GUARDIAN and member.since <= at:
                changed += families.decide(member.account, [(str(child), MembershipRole.FORMER)], ByMajority())
    return tuple(changed)


def step_down(context: Context, families: FamilyRegister, account: UUID, subject: Pseudonym) -> tuple[OrderId, ...]:
    """End what an account has over a child: its authority, then its membership. Return the orders that were stopped with it."""
    stopped: tuple[OrderId, ...] = ()
    while (held := proof_of(context, account, subject)) is not None:
        stopped += guardian_register.end(context, held.proven.proof, EndReason.RESIGNED, "the guardian, on the pages")
    families.decide(account, [(str(subject), MembershipRole.FORMER)], ByMember())
    return stopped


def take_over(context: Context, families: FamilyRegister, token: str, account: UUID) -> Membership | None:
    """Make an account the subject's own, by the link of an invitation. Return None where it is that already.

    Raises UsageError for a link that does not count, or before the day from which the subject decides alone.
    """
    invited = invitations.opened(context, token)
    subject = invited.child.person.subject
    if not invited.invitation.invited.oneself:
        raise UsageError("this link is for a guardian", help="open the link that was sent to you yourself")
    guardian_register.grow_up(context)
    consents, now = consent_register.load(context), context.clock.now()
    if consents.guardians_of(subject, now) or now < consents.decides_alone_from(subject, now):
        raise UsageError("the day from which this person decides alone has not come", help="open the link again on that day")
    changed = families.decide(account, [(str(subject), MembershipRole.SELF)], ByMajority())
    invitations.end(context, invited.invitation.invited.invitation, InvitationEnd.TAKEN)
    return changed[0] if changed else None
