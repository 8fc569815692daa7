"""The service for consent and guardians."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from expunge.adapters.asking.documents import SignedForm
from expunge.adapters.asking.messages import AnswerLinks, EmailPlus, HttpTextGateway, TextPlus, pages_links
from expunge.adapters.outbound.mail_smtp import MailServer
from expunge.bootstrap.accounts.guard_settings import settings_of
from expunge.bootstrap.service import DomainService
from expunge.core.consent import consent_events as ce
from expunge.core.consent.consent import ConsentAnswer, Consents
from expunge.core.consent.consent_requests import OpenAsking
from expunge.core.datamap.datamap import DataMap
from expunge.core.values.ids import OrderId
from expunge.engine.consent import consent_decisions, disclosure_texts, guardian_register, invitations, parental_consent
from expunge.engine.consent.consent_decisions import Agreement, ConsentGrant, WithdrawalResult
from expunge.engine.consent.disclosure_texts import DisclosureText
from expunge.engine.consent.invitations import NewInvitation
from expunge.engine.consent.parental_consent import AskingAnswer, ConsentQuestion
from expunge.engine.families import location_reminders
from expunge.engine.gate import consent_register
from expunge.engine.subjects.resolving import ResolvedName
from expunge.errors import UsageError
from expunge.ports.consent_method import AskingBegun, ConsentMethod, HandedEvidence

__all__ = ["Agreement", "ConsentQuestion", "ConsentService", "NewInvitation"]


class ConsentService(DomainService):
    """Consents, and the guardians who decide for children."""

    def give(self, person: ResolvedName, purpose: str, agreement: Agreement) -> ConsentGrant:
        """Enter a consent; see :func:`expunge.engine.consent.consent_decisions.give`."""
        with self.changing():
            return consent_decisions.give(self.context, person, purpose, agreement)

    def withdraw(self, person: ResolvedName, purpose: str, proof: str = "", account: str = "") -> WithdrawalResult:
        """End a consent at once; see :func:`expunge.engine.consent.consent_decisions.withdraw`."""
        with self.changing():
            return consent_decisions.withdraw(self.context, person, purpose, proof, account)

    def stop_location(self, person: ResolvedName) -> tuple[str, ...]:
        """Switch the collection of whereabouts off; see :func:`expunge.engine.families.location_reminders.switch_off`."""
        with self.changing():
            return location_reminders.switch_off(self.context, person)

    def ask(self, person: ResolvedName, purpose: str) -> ConsentAnswer:
        """Return whether a person's data may be used for a purpose now, as far as consent goes."""
        return consent_decisions.ask(self.context, person, purpose)

    def register(self) -> Consents:
        """Return the register, folded."""
        return consent_register.load(self.context)

    def texts(self) -> tuple[DisclosureText, ...]:
        """Return every version of every text of the map, and whether it is still the text that people agreed to."""
        return disclosure_texts.texts(self.context, self.register())

    def text(self, name: str, version: str) -> bytes:
        """A text as people agreed to it."""
        return disclosure_texts.as_shown(self.context, self.register(), name, version)

    def prove(self, child: ResolvedName, guardian: ResolvedName, *, born: date, method: str, by: str, zone: str = "") -> str:
        """Enter a guardian's authority; returns the proof's id."""
        with self.changing():
            return guardian_register.prove(self.context, child, guardian, born=born, method=method, by=by, zone=zone)

    def end(self, proof: str, why: ce.EndReason, by: str) -> tuple[OrderId, ...]:
        """End an authority; returns the orders that were stopped with it."""
        with self.changing():
            return guardian_register.end(self.context, proof, why, by)

    def freeze(self, child: ResolvedName, *, by: str, reason: str) -> None:
        """Let no guardian see or order anything until :meth:`release`."""
        with self.changing():
            guardian_register.freeze(self.context, child, by=by, reason=reason)

    def release(self, child: ResolvedName, *, by: str, reason: str) -> None:
        """Settle a dispute."""
        with self.changing():
            guardian_register.release(self.context, child, by=by, reason=reason)

    def ask_guardian(self, method: ConsentMethod, question: ConsentQuestion) -> tuple[str, AskingBegun]:
        """Ask a parent by a method; see :func:`expunge.engine.consent.parental_consent.ask`.

        Return the request's id and the document to hand over.
        """
        with self.changing():
            return parental_consent.ask(self.context, method, question)

    def answer(self, method: ConsentMethod, request: str, handed: HandedEvidence) -> AskingAnswer:
        """Take a parent's answer; see :func:`expunge.engine.consent.parental_consent.answer`."""
        with self.changing():
            return parental_consent.answer(self.context, method, request, handed)

    def methods(self) -> dict[str, ConsentMethod]:
        """The ways of asking that the map sets up."""
        return methods_of(self.context.data_map)

    def method(self, name: str) -> ConsentMethod:
        """Return one method. Raises UsageError that lists the methods there are."""
        known = self.methods()
        if name not in known:
            message = f"the map sets up no way of asking called {name!r}"
            raise UsageError(message, help=f"there is {', '.join(sorted(known))}; for others, asking: in the map")
        return known[name]

    def answer_any(self, request: str, token: str, document: bytes = b"", staff: str = "") -> AskingAnswer:
        """Take an answer by whichever way of the map the request was asked in."""
        one = self.asked().get(request)
        if one is None:
            message = "nobody was asked under this id"
            raise UsageError(message, help="`expunge consent asked` lists the open ones")
        return self.answer(self.method(one.asked.method), request, HandedEvidence(token, document, staff))

    def asked(self) -> dict[str, OpenAsking]:
        """Every asking there was, by its id."""
        return parental_consent.pending(self.context)

    def receipt(self, consent: str) -> bytes:
        """The signed receipt of a consent."""
        return consent_decisions.receipt(self.context, consent)

    def evidence(self, request: str) -> bytes:
        """Return the evidence of a parent, while it is kept."""
        return parental_consent.evidence(self.context, request)

    def sweep(self, methods: Mapping[str, ConsentMethod]) -> parental_consent.AskingsSwept:
        """Send due messages, end requests without an answer in time, and delete evidence whose time is up."""
        with self.changing():
            invitations.sweep(self.context)
            return parental_consent.sweep(self.context, methods)

    def invite(self, new: NewInvitation) -> tuple[str, str]:
        """Invite a person to show that they are guardian, or to take over; see :func:`expunge.engine.consent.invitations.invite`.

        Return the invitation's id, and the link for the company to hand over. Raises UsageError where the map has no pages.
        """
        if self.context.data_map.accounts is None:
            raise UsageError("an invitation leads to the pages, and the map has none", help="accounts: {origin: ...} in the map")
        with self.changing():
            name, token = invitations.invite(self.context, new)
        return name, f"{self.context.data_map.accounts.origin}/consent/#{token}"

    def merge(self, source: ResolvedName, into: ResolvedName, *, by: str, reason: str) -> None:
        """Two identities are one person's."""
        with self.changing():
            guardian_register.merge(self.context, source, into, by=by, reason=reason)

    def split(self, subject: ResolvedName, new: ResolvedName, *, by: str, reason: str) -> None:
        """Enter that one identity was two people's."""
        with self.changing():
            guardian_register.split(self.context, subject, new, by=by, reason=reason)


def methods_of(data_map: DataMap) -> dict[str, ConsentMethod]:
    """Return name -> method: the signed form always, methods by message where the map names a server for them.

    Mail goes out by the server of ``asking``, else by that of the pages; links lead to the company's page, else to the pages.
    """
    spec, accounts = data_map.asking, data_map.accounts
    pages = pages_links(accounts.origin) if accounts else None
    links = AnswerLinks(spec.answer, spec.revoke) if spec.answer else pages
    found: list[ConsentMethod] = [SignedForm()]
    if links is None:
        return {each.name: each for each in found}
    if (mail := mail_of(data_map)) is not None:
        found.append(EmailPlus(*mail, links, spec.delay, pages=pages))
    if spec.text_gateway:
        found.append(TextPlus(HttpTextGateway(spec.text_gateway, spec.text_key), links, spec.delay, pages=pages))
    return {each.name: each for each in found}


def mail_of(data_map: DataMap) -> tuple[MailServer, str] | None:
    """Return the mail server for parents and the sender: of ``asking``, else of the pages. None where neither can be used."""
    spec = data_map.asking
    if spec.mail:
        return MailServer.at(spec.mail), spec.sender
    if data_map.accounts is None:
        return None
    settings = settings_of(data_map.accounts)
    return (settings.mail, settings.sender) if settings.mail else None
