"""Guardians in the clerk's process: each verb looks the role up, acts on the registers, and tells the other guardians."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from uuid import UUID

from expunge.adapters.asking.messages import InvitationMail
from expunge.bootstrap.accounts.staff_desks import directory
from expunge.bootstrap.clerk.household import Household
from expunge.bootstrap.consents import mail_of, methods_of
from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.accounts.hand_over import address_digest
from expunge.core.accounts.letter_texts import LetterKind
from expunge.core.accounts.memberships import Membership, MembershipRole
from expunge.core.accounts.staff import StaffRight
from expunge.core.consent.consent_request_events import ScanRefusal
from expunge.core.consent.consent_requests import OpenAsking
from expunge.core.consent.guardian_faults import GuardianFault, refused
from expunge.core.consent.scans import ScanFault
from expunge.core.datamap.purposes import discloses
from expunge.core.values.ids import Pseudonym
from expunge.engine.accounts import guardian_memberships
from expunge.engine.accounts.family_register import FamilyRegister
from expunge.engine.accounts.guardian_memberships import Settled
from expunge.engine.consent import (
    consent_decisions,
    direct_notices,
    guardian_register,
    guardian_views,
    invitations,
    parental_consent,
    signed_scans,
)
from expunge.engine.consent.invitations import NewInvitation, OpenedInvitation
from expunge.engine.consent.parental_consent import AccountQuestion
from expunge.engine.gate import consent_register
from expunge.engine.kernel.context import Context
from expunge.engine.subjects.resolving import ResolvedName
from expunge.errors import (
    AlreadyThere,
    NeedsApproval,
    NotPermitted,
    NotResolved,
    Refused,
    StoreUnavailable,
    UsageError,
)
from expunge.ports.consent_method import ConsentMethod, HandedEvidence
from expunge.ports.families.guardian_door import (
    ACCEPT,
    DISPUTE,
    INVITE,
    INVITE_SUBJECT,
    STEP_DOWN,
    Chosen,
    GuardiansCard,
    NoticeCard,
    RequestCard,
    ScanCard,
)

_MESSAGES = {"email plus": GuardianFault.ADDRESS, "text plus": GuardianFault.NUMBER}
"""Method -> the fault where a message of it cannot reach the account."""


@dataclass(frozen=True)
class LocalGuardians:
    """Implements ``expunge.ports.families.guardian_door.GuardianDoor``."""

    household: Household

    def guardians(self, account: UUID, family: str) -> GuardiansCard:
        """See the port."""
        self.household.require_member(account, family)
        self.settle()
        families = self._families()
        decisions = (each for each in families.decisions() if each.family == family)
        members = self.household.register.members(family)
        return guardian_views.guardians(self._context, account, Pseudonym(family), members, decisions)

    def notice(self, account: UUID, family: str, language: str) -> NoticeCard:
        """See the port."""
        self.household.require_member(account, family, MembershipRole.GUARDIAN)
        known = guardian_views.born_known(self._context, Pseudonym(family))
        return guardian_views.notice(self._context, self._methods(), language, born_known=known)

    def ask(self, account: UUID, family: str, chosen: Chosen) -> str:
        """See the port."""
        self.household.require_member(account, family, MembershipRole.GUARDIAN)
        method = self._method(chosen)
        own = (one for one in parental_consent.pending(self._context).values() if one.account and one.account.account == str(account))
        if any(one.asked.subject == family and one.ended is None and self._now < one.asked.expires for one in own):
            raise refused(GuardianFault.UNDER_WAY, "this account is answering a request about the child already")
        contact = self._address(account) if method.name == "email plus" else chosen.number if method.name == "text plus" else ""
        child, born = self._person(family), _born(chosen)
        self._require_birthday(child, account, born, chosen.zone)
        question = AccountQuestion(child, str(account), chosen.purposes, chosen.notice, chosen.language, born, contact, chosen.zone)
        with self._asking(method, chosen):
            return parental_consent.ask_for_account(self._context, method, question)

    def requests(self, account: UUID) -> tuple[RequestCard, ...]:
        """See the port."""
        self.settle()
        return guardian_views.requests(self._context, account)

    def withdraw(self, account: UUID, request: str) -> None:
        """See the port."""
        one = self._own(account, request)
        if one.ended is None:
            with self.household.expunge.consents.changing():
                parental_consent.withdraw(self._context, request, str(account))

    def form(self, account: UUID, request: str) -> tuple[str, bytes]:
        """See the port."""
        one = self._open(account, request)
        try:
            begun = parental_consent.form(self._context, self._methods()[one.asked.method], one)
        except (KeyError, UsageError):
            raise refused(GuardianFault.CANNOT, "this request has no form") from None
        return begun.media_type, begun.body

    def hand_in(self, account: UUID, request: str, document: bytes) -> ScanFault | None:
        """See the port."""
        one = self._open(account, request)
        method = self._methods().get(one.asked.method)
        if method is None:
            raise refused(GuardianFault.METHOD, "this way of asking is not set up any more")
        with self._changing():
            return signed_scans.hand_in(self._context, method, request, str(account), document)

    def look(self, account: UUID, request: str, token: str, language: str) -> NoticeCard:
        """See the port."""
        one = self._answerable(account, request, token)
        assert one.account is not None
        chosen = {each.purpose for each in one.purposes}
        card = guardian_views.notice(self._context, self._methods(), one.account.language or language, born_known=True)
        if card.digest != one.account.notice:
            raise refused(GuardianFault.NOTICE_CHANGED, "what was asked has changed since", "begin another request")
        return NoticeCard(
            card.language,
            card.digest,
            card.sections,
            tuple(each for each in card.purposes if each.name in chosen),
            tuple(each for each in card.methods if each.name == one.asked.method),
            asks_birthday=False,
            asks_number=False,
            expires=one.asked.expires,
        )

    def answer(self, account: UUID, request: str, token: str) -> RequestCard:
        """See the port."""
        one = self._answerable(account, request, token)
        method = self._methods().get(one.asked.method)
        if method is None:
            raise refused(GuardianFault.METHOD, "this way of asking is not set up any more")
        with self._changing():
            parental_consent.answer(self._context, method, request, HandedEvidence(token, account=str(account)))
        if method.delay <= timedelta(0):
            self.sweep()
        self.settle()
        return guardian_views.card(self._context, parental_consent.pending(self._context)[request])

    def invitation(self, account: UUID, token: str, language: str) -> NoticeCard:
        """See the port."""
        invited = self._invitation(account, token)
        event = invited.invitation.invited
        card = guardian_views.notice(self._context, self._reaching(invited), language, born_known=invited.born is not None)
        if self._is_guardian(account, event.subject) and not event.oneself:
            raise refused(GuardianFault.ALREADY, "this account is guardian of the child already")
        return NoticeCard(
            card.language,
            card.digest,
            card.sections,
            card.purposes,
            card.methods,
            card.asks_birthday,
            asks_number=False,
            oneself=event.oneself,
            expires=event.expires,
        )

    def take(self, account: UUID, token: str, chosen: Chosen) -> str:
        """See the port."""
        invited = self._invitation(account, token)
        method = self._reaching(invited).get(chosen.method)
        if method is None:
            raise refused(GuardianFault.METHOD, "the invitation names no address for this way")
        born = _born(chosen)
        self._require_birthday(invited.child, account, invited.born or born, invited.zone or chosen.zone)
        question = AccountQuestion(invited.child, str(account), chosen.purposes, chosen.notice, chosen.language, born, zone=chosen.zone)
        with self._asking(method, chosen):
            return invitations.take(self._context, method, token, question)

    def take_over(self, account: UUID, token: str) -> None:
        """See the port."""
        self._invitation(account, token)
        try:
            with self._changing():
                guardian_memberships.take_over(self._context, self._families(), token, account)
        except UsageError:
            raise refused(GuardianFault.NOT_YET, "the young person does not decide alone yet", "open the link on that day") from None
        self.settle()

    def invite(self, permit: str, session: bytes, ask: Ask, address: str, language: str) -> None:
        """See the port."""
        act = ask.detail("act")
        family = self._change(ask, INVITE, INVITE_SUBJECT)
        if not hmac.compare_digest(ask.detail("address"), sha256(address.encode()).hexdigest()):
            raise NotPermitted("the ask is not to invite this address", help="begin again on the page")
        mail = mail_of(self.household.expunge.map)
        accounts = self.household.expunge.map.accounts
        if mail is None or accounts is None:
            raise refused(GuardianFault.AWAY, "no message goes out: the map names no mail server")
        oneself = act == INVITE_SUBJECT
        days = self._context.data_map.consent_wait.days
        new = NewInvitation(self._person(family), address, str(ask.account), oneself=oneself)

        def send(token: str) -> None:
            InvitationMail(*mail).send(address, f"{accounts.origin}/consent/#{token}", days, language, oneself=oneself)

        self.household.permits.use_permit(permit, session, ask)
        try:
            with self._changing():
                invitations.invite(self._context, new, send)
        except StoreUnavailable:
            raise refused(GuardianFault.AWAY, "the message cannot leave now", "try again in a few minutes") from None
        except UsageError:
            raise refused(GuardianFault.NOT_YET if oneself else GuardianFault.ADDRESS, "the person cannot be invited so") from None

    def step_down(self, permit: str, session: bytes, ask: Ask) -> None:
        """See the port."""
        family = self._change(ask, STEP_DOWN)
        others = self._others(family, ask.account)
        self.household.permits.use_permit(permit, session, ask)
        with self._changing():
            guardian_memberships.step_down(self._context, self._families(), ask.account, Pseudonym(family))
        self._tell([ask.account], LetterKind.MEMBERSHIP_CHANGED)
        self._tell(others, LetterKind.GUARDIAN_LEFT)

    def dispute(self, permit: str, session: bytes, ask: Ask) -> None:
        """See the port."""
        family = self._change(ask, DISPUTE)
        child = self._person(family)
        consents = consent_register.load(self._context)
        if consents.of(child.person.subject) in consents.frozen:
            return
        self.household.permits.use_permit(permit, session, ask)
        try:
            with self.household.expunge.consents.changing():
                guardian_register.freeze(self._context, child, by=guardian_views.BY_A_GUARDIAN, reason="guardians do not agree")
        except UsageError:
            # It is frozen already.
            return
        self._tell([ask.account, *self._others(family, ask.account)], LetterKind.DISPUTE_BEGUN)

    def receipt(self, account: UUID, request: str, consent: str) -> bytes:
        """See the port."""
        one = self._own(account, request)
        if one.agreed is None or consent not in one.agreed.consents:
            raise NotPermitted("this request gave no such consent", help="look at the list of the account's requests")
        return consent_decisions.receipt(self._context, consent)

    def waiting(self, staff: UUID) -> tuple[ScanCard, ...]:
        """See the port."""
        self._require_checker(staff)
        purposes = self._context.data_map.purposes
        return tuple(
            ScanCard(
                each.request,
                each.handed,
                each.expires,
                each.media_type,
                each.sha256,
                each.number,
                tuple(purposes[name].description if name in purposes else name for name in each.purposes if name),
            )
            for each in signed_scans.waiting(self._context)
        )

    def scan(self, staff: UUID, request: str) -> tuple[str, bytes]:
        """See the port."""
        self._require_checker(staff)
        directory(self._context.journal, self._context.clock, secrets.token_bytes).note_use(str(staff), StaffRight.CHECK_FORMS)
        with self._checking():
            scan = signed_scans.opened(self._context, request, str(staff))
        return scan.media_type, scan.data

    def decide(self, permit: str, session: bytes, ask: Ask) -> None:
        """See the port."""
        if ask.kind is not AskKind.APPROVAL or ask.family is not None:
            raise NotPermitted("a form is checked by an ask to approve", help="begin again on the page")
        self._require_checker(ask.account)
        request, digest, decision = ask.detail("request"), ask.detail("scan"), ask.detail("decision")
        if decision != ACCEPT and decision not in ScanRefusal.__members__:
            raise NotPermitted("the decision about a form is none", help="begin again on the page")
        self.household.permits.use_permit(permit, session, ask)
        with self._checking(), self.household.expunge.consents.changing():
            if decision == ACCEPT:
                one = parental_consent.pending(self._context).get(request)
                method = self._methods().get(one.asked.method) if one else None
                if method is None:
                    raise refused(GuardianFault.OVER, "no scan waits under this request")
                signed_scans.accept(self._context, method, request, digest, str(ask.account))
            else:
                signed_scans.refuse(self._context, request, digest, ScanRefusal[decision], str(ask.account))
        self.settle()

    def go_round(self) -> None:
        """Do what is due without a request: messages, ends, evidence whose time is up, and memberships."""
        self.sweep()
        self.settle()

    def sweep(self) -> None:
        """Send messages that are due, end what nobody answered, and delete evidence whose time is up."""
        self.household.expunge.consents.sweep(self._methods())

    def settle(self) -> Settled:
        """Give and end the memberships that the register of guardians owes, and write to those whom it concerns."""
        settled = guardian_memberships.settle(self._context, self._families(), self.household.register)
        for member in settled.proven:
            self._tell([member.account], LetterKind.MEMBERSHIP_CHANGED)
            self._tell(self._others(member.family, member.account), LetterKind.GUARDIAN_PROVEN)
        self._tell([member.account for member in settled.came_of_age], LetterKind.CAME_OF_AGE)
        for family in {member.family for member in settled.came_of_age}:
            own = [each.account for each in self.household.register.members(family) if each.role is MembershipRole.SELF]
            self._tell(own, LetterKind.MEMBERSHIP_CHANGED)
        return settled

    @property
    def _context(self) -> Context:
        return self.household.expunge.context

    def _families(self) -> FamilyRegister:
        return FamilyRegister(self._context.journal, self.household.register, self._context.clock)

    def _methods(self) -> dict[str, ConsentMethod]:
        return methods_of(self.household.expunge.map)

    def _method(self, chosen: Chosen) -> ConsentMethod:
        method = self._methods().get(chosen.method)
        if method is None:
            raise refused(GuardianFault.METHOD, "the company has not set up this way")
        return method

    def _person(self, family: str) -> ResolvedName:
        """Return the child. Raises GuardianshipRefused where nothing of them is held: no order and no consent could be about them."""
        try:
            return self.household.person(family)
        except NotResolved:
            raise refused(GuardianFault.CANNOT, "nothing of this person is held", "open the company's app") from None

    def _reaching(self, invited: OpenedInvitation) -> dict[str, ConsentMethod]:
        """Return the methods that an invitation can be answered by: those whose messages go to its address, and the form."""
        reached = "text plus" if invited.contact.startswith("+") else "email plus" if invited.contact else ""
        return {name: method for name, method in self._methods().items() if name not in _MESSAGES or name == reached}

    def _address(self, account: UUID) -> str:
        """Return the proven mail address of an account, as the keeper's tables have it."""
        record = self.household.owners.record_of(account)
        if record.proven_at is None or not record.address:
            raise refused(GuardianFault.ADDRESS, "the account has no proven mail address", "confirm the address first")
        return self.household.owners.address_of(record)

    def _own(self, account: UUID, request: str) -> OpenAsking:
        one = parental_consent.pending(self._context).get(request)
        if one is None or one.account is None:
            raise refused(GuardianFault.NO_LINK, "there is no such request")
        if one.account.account != str(account):
            raise refused(GuardianFault.OTHER_ACCOUNT, "this request is another account's", "log in with the account that began it")
        return one

    def _open(self, account: UUID, request: str) -> OpenAsking:
        one = self._own(account, request)
        if one.agreed is not None:
            raise refused(GuardianFault.DONE, "this request was agreed to")
        if one.ended is not None or self._now >= one.asked.expires:
            raise refused(GuardianFault.OVER, "this request is over", "begin another one")
        return one

    def _answerable(self, account: UUID, request: str, token: str) -> OpenAsking:
        one = self._open(account, request)
        if one.sent is None or one.refuses(token, self._now) is not None:
            later = one.done > 0
            raise refused(GuardianFault.USED if later else GuardianFault.NO_LINK, "the token is not that of the last message")
        return one

    def _invitation(self, account: UUID, token: str) -> OpenedInvitation:
        """Return the invitation of a link, for the account that it may count for. Raises GuardianshipRefused.

        A link passes through the web process. Where it was sent by mail, it counts for the account with that proven address alone: code in
        that process cannot take it for an account of its own.
        """
        try:
            invited = invitations.opened(self._context, token)
        except UsageError:
            known = invitations.by_token(self._context, token)
            fault = GuardianFault.NO_LINK if known is None else GuardianFault.OVER
            raise refused(fault, "this link is no invitation that can be taken", "ask for another one") from None
        if "@" in invited.contact and not self._reads(account, invited.contact):
            message = "the invitation went to a mail address that is not proven to be this account's"
            raise refused(GuardianFault.OTHER_ACCOUNT, message, "log in with the account of that address, or sign up with it")
        return invited

    def _reads(self, account: UUID, address: str) -> bool:
        """Return whether a mail address is the proven one of an account, as the keeper's tables have it."""
        record = self.household.register.account(account)
        if record is None or record.proven_at is None or not record.address:
            return False
        return hmac.compare_digest(address_digest(self.household.owners.address_of(record)), address_digest(address))

    @property
    def _now(self) -> datetime:
        return self._context.clock.now()

    def _change(self, ask: Ask, *acts: str) -> str:
        """Return the family of an ask to change guardians. Raises NotPermitted for any other ask, and for another role."""
        if ask.kind is not AskKind.CHANGE_OF_GUARDIAN or ask.family is None or ask.detail("act") not in acts:
            raise NotPermitted("the ask is not to do this", help="begin again on the page")
        self.household.require_member(ask.account, ask.family, MembershipRole.GUARDIAN)
        return ask.family

    def _is_guardian(self, account: UUID, family: str) -> bool:
        held = guardian_memberships.proof_of(self._context, account, Pseudonym(family))
        member = self.household.register.membership(account, family)
        return held is not None and member is not None and member.role is MembershipRole.GUARDIAN

    def _others(self, family: str, account: UUID) -> list[UUID]:
        members: tuple[Membership, ...] = self.household.register.members(family)
        return [each.account for each in members if each.role is MembershipRole.GUARDIAN and each.account != account]

    def _tell(self, accounts: list[UUID], kind: LetterKind) -> None:
        for account in accounts:
            record = self.household.register.account(account)
            if record is not None:
                self.household.owners.tell(record, kind, self._context.clock.now())

    def _require_checker(self, staff: UUID) -> None:
        if not directory(self._context.journal, self._context.clock, secrets.token_bytes).may(str(staff), StaffRight.CHECK_FORMS):
            message = f"this takes the right {StaffRight.CHECK_FORMS.value}, and the account does not have it now"
            raise NotPermitted(message, help="an administrator grants rights")

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Have the right to change registers, and say of a dispute that it is one."""
        try:
            with self.household.expunge.consents.changing():
                yield
        except NeedsApproval:
            raise refused(GuardianFault.DISPUTE, "guardians of the child are in dispute", "the company ends it") from None

    @contextmanager
    def _asking(self, method: ConsentMethod, chosen: Chosen) -> Iterator[None]:
        """As :meth:`_changing`, and say why an account cannot be asked."""
        if chosen.notice != direct_notices.now(self._context, chosen.language).digest:
            raise refused(GuardianFault.NOTICE_CHANGED, "the notice that was shown is not the one that holds now", "read it again")
        if not method.allows_disclosure and discloses(self._context.data_map.purposes.values()):
            raise refused(GuardianFault.METHOD, "data goes to third parties, and this way is not enough for that")
        try:
            with self._changing():
                yield
        except StoreUnavailable:
            raise refused(GuardianFault.AWAY, "the message cannot leave now; it is tried again by itself") from None
        except AlreadyThere:
            raise refused(GuardianFault.UNDER_WAY, "this account is answering already") from None
        except UsageError:
            raise refused(_MESSAGES.get(method.name, GuardianFault.CANNOT), "the account cannot be asked so") from None

    def _require_birthday(self, child: ResolvedName, account: UUID, born: date | None, zone: str) -> None:
        if guardian_views.born_known(self._context, child.person.subject):
            return
        guardian = parental_consent.guardian_of(self._context, str(account))
        try:
            if born is not None:
                guardian_register.require_child(self._context, child, guardian, born, zone)
        except UsageError:
            born = None
        if born is None:
            raise refused(GuardianFault.BIRTHDAY, "the birthday is missing, or that of a person who decides alone")

    @contextmanager
    def _checking(self) -> Iterator[None]:
        """Say why a form cannot be looked at or decided about."""
        try:
            yield
        except NeedsApproval:
            raise refused(GuardianFault.DISPUTE, "guardians of the child are in dispute", "the company ends it") from None
        except Refused:
            raise NotPermitted("an account does not check its own form", help="another member of staff looks at it") from None
        except UsageError:
            raise refused(GuardianFault.OVER, "no such scan waits any more", "look at the list again") from None


def _born(chosen: Chosen) -> date | None:
    try:
        return date.fromisoformat(chosen.born) if chosen.born else None
    except ValueError:
        raise refused(GuardianFault.BIRTHDAY, "the birthday is no date", "write it as 2017-05-04") from None
