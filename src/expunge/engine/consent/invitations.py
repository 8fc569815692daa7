"""Invitations: a person is asked to show that they are guardian of a child, or the young person to take over their own data.

The link has a token of which only the hash is kept. Who the child is and where the invited person is reached lie sealed under the
invitation, and die with it.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from expunge.core.consent import consent_request_events as ae
from expunge.core.consent.consent_requests import Invitation, fold_invitations, token_hash
from expunge.core.datamap.person import Person
from expunge.core.values import canonical
from expunge.core.values.ids import OrderId
from expunge.engine.consent import parental_consent
from expunge.engine.consent.parental_consent import AccountQuestion
from expunge.engine.gate import consent_register
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import CONSENTS, read_register, register
from expunge.engine.subjects import gate_identity
from expunge.engine.subjects.resolving import ResolvedName
from expunge.errors import AlreadyThere, StateCorrupt, StoreUnavailable, UsageError
from expunge.ports.consent_method import ConsentMethod

INVITED = "invited.sealed"
_FAR = timedelta(days=366)
"""How long before the day from which the young person decides alone they can be invited: until then the link lies in a mailbox."""
TAKEN_OVER_WITHIN = timedelta(days=90)
"""How long the young person has after the day from which they decide alone."""


@dataclass(frozen=True)
class NewInvitation:
    """The invitation of one person."""

    child: ResolvedName
    contact: str = field(default="", repr=False)
    """The mail address or number of the invited person; empty where the link is handed over by the one who asks for it."""
    account: str = ""
    """The account of the guardian who invites; empty for the company."""
    born: date | None = field(default=None, repr=False)
    zone: str = ""
    oneself: bool = False


@dataclass(frozen=True)
class OpenedInvitation:
    """An invitation with what lies sealed for it."""

    invitation: Invitation
    child: ResolvedName
    contact: str = field(repr=False)
    born: date | None = field(repr=False)
    zone: str


def invite(context: Context, new: NewInvitation, send: Callable[[str], None] | None = None) -> tuple[str, str]:
    """Invite a person. Return the invitation's id and the token of its link.

    Args:
        context: the composition.
        new: the invitation.
        send: sends the link's token to the contact; the invitation ends where it raises UsageError.

    Raises UsageError, NeedsApproval during a dispute, StoreUnavailable where the message cannot leave now: nothing is left then.
    """
    consents = consent_register.load(context)
    consent_register.require_no_dispute(context, consents, [new.child.person])
    if context.data_map.guardians.get(new.child.kind) is None:
        message = f"by the map no guardian decides for a {new.child.kind}"
        raise UsageError(message, help=f"guardians: {{{new.child.kind}: 13 years}} in the map, with the age that the law names")
    now = context.clock.now()
    expires = now + context.data_map.consent_wait
    if new.oneself:
        grown = consents.decides_alone_from(new.child.person.subject, now)
        if grown > now + _FAR:
            raise UsageError("the day from which this person decides alone is far away or unknown", help="invite them in its year")
        expires = max(grown, now) + TAKEN_OVER_WITHIN
    name = OrderId("inv-" + context.random(8).hex())
    token = base64.urlsafe_b64encode(context.random(24)).decode()
    sealed = {"person": new.child.person.to_json(), "kind": new.child.kind, "contact": new.contact, "zone": new.zone}
    sealed["born"] = consent_register.birthday_of(new.born, new.zone).isoformat() if new.born else ""
    context.shelf.put(name, INVITED, context.keys.seal(name, INVITED, canonical.encode(sealed)))
    entry = gate_identity.entry_of(context, new.child)
    subject = new.child.person.subject
    invited = ae.GuardianInvited(now, name, subject, new.child.kind, entry, token_hash(token), new.account, expires, new.oneself)
    # commit point: the link counts from here on.
    register(context.journal, CONSENTS, invited)
    if send is not None:
        try:
            send(token)
        except (UsageError, StoreUnavailable):
            end(context, name, ae.InvitationEnd.NOT_REACHED)
            raise
    return name, token


def known(context: Context) -> dict[str, Invitation]:
    """Return every invitation, by its id."""
    return fold_invitations(read_register(context.journal, CONSENTS))


def by_token(context: Context, token: str) -> Invitation | None:
    """Return the invitation of a link's token, also where it is over; None where the token is of none."""
    digest = token_hash(token)
    return next((each for each in known(context).values() if hmac.compare_digest(each.invited.token, digest)), None)


def opened(context: Context, token: str) -> OpenedInvitation:
    """Return the invitation of a link's token. Raises UsageError where it is none, was taken, or is over."""
    found = by_token(context, token)
    if found is None:
        raise UsageError("this link belongs to no invitation", help="open the link of the message whole, or ask for another invitation")
    if not found.open_at(context.clock.now()):
        raise UsageError("this invitation is over", help="ask for another one")
    name = OrderId(found.invited.invitation)
    sealed = context.shelf.get(name, INVITED)
    value = canonical.decode(context.keys.open(name, INVITED, sealed)) if sealed is not None else None
    if not isinstance(value, Mapping):
        raise StateCorrupt("what is needed to go on with this invitation is missing", help="invite anew; nothing was changed")
    child = ResolvedName(str(value["kind"]), Person.from_json(value["person"]), known=True)
    born = date.fromisoformat(str(value["born"])) if value["born"] else None
    return OpenedInvitation(found, child, str(value["contact"]), born, str(value["zone"]))


def take(context: Context, method: ConsentMethod, token: str, question: AccountQuestion) -> str:
    """Begin the request of an account that was invited. Return its id; the invitation ends when it is agreed to.

    Args:
        context: the composition.
        method: by which the account shows that it is guardian.
        token: of the link.
        question: what the account chose. The child and the address are those of the invitation, never those of the question.

    Raises UsageError for a link that does not count or that another account is using, and as
    :func:`expunge.engine.consent.parental_consent.ask_for_account`.
    """
    invited = opened(context, token)
    if invited.invitation.invited.oneself:
        raise UsageError("this link is for the young person", help="open the link that was sent to you yourself")
    name = invited.invitation.invited.invitation
    for one in parental_consent.pending(context).values():
        if one.account is None or one.account.invitation != name or one.ended is not None or context.clock.now() >= one.asked.expires:
            continue
        if one.account.account != question.account:
            raise UsageError("another account is using this link", help="log in with that account, or ask for another invitation")
        raise AlreadyThere("this account is answering the invitation already", help="go on with the request that is open")
    own = replace(
        question,
        child=invited.child,
        contact=invited.contact or question.contact,
        born=invited.born or question.born,
        zone=invited.zone or question.zone,
        invitation=name,
    )
    return parental_consent.ask_for_account(context, method, own)


def end(context: Context, invitation: str, how: ae.InvitationEnd) -> None:
    """End an invitation that is open; what lay sealed for it dies. Ending it again changes nothing."""
    found = known(context).get(invitation)
    if found is not None and found.ended is None:
        register(context.journal, CONSENTS, ae.InvitationEnded(context.clock.now(), invitation, how))
    if context.shelf.get(OrderId(invitation), INVITED) is not None:
        parental_consent.forget(context, OrderId(invitation), INVITED)


def sweep(context: Context) -> int:
    """End invitations whose time is up, and finish what a crash left. Return how many ended."""
    ended = 0
    for name, each in known(context).items():
        if each.ended is None and not each.open_at(context.clock.now()):
            end(context, name, ae.InvitationEnd.EXPIRED)
            ended += 1
        elif each.ended is not None:
            end(context, name, each.ended.how)
    return ended
