"""An account of the pages shows that it is guardian: what it read, what it chose, what each answer gave, and what no answer gives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest

from expunge.adapters.asking.documents import SignedForm
from expunge.adapters.asking.messages import AnswerLinks, EmailPlus, HttpTextGateway, TextPlus
from expunge.adapters.database.account_register_django import DjangoAccountRegister
from expunge.adapters.database.journal_django import DjangoJournal
from expunge.adapters.outbound.mail_smtp import MailServer
from expunge.bootstrap import Expunge
from expunge.core.accounts.family_events import ByConsent, ByMajority, ByMember
from expunge.core.accounts.memberships import MembershipRole
from expunge.core.consent.consent_events import ConsentAct
from expunge.core.consent.consent_request_events import (
    AskingEnd,
    InvitationEnd,
    NoticeDelivered,
    NoticeFixed,
    NoticeWay,
    ScanOpened,
    ScanRefusal,
)
from expunge.core.consent.scans import ScanFault
from expunge.core.datamap.purposes import Use
from expunge.engine.accounts import guardian_memberships
from expunge.engine.accounts.family_register import FamilyRegister
from expunge.engine.consent import direct_notices, invitations, parental_consent, signed_scans
from expunge.engine.consent.consent_decisions import Agreement
from expunge.engine.consent.invitations import INVITED, NewInvitation
from expunge.engine.consent.parental_consent import ASKED, AccountQuestion, AskingAnswer
from expunge.engine.kernel.journal_streams import CONSENTS, read_register
from expunge.errors import AlreadyThere, NeedsApproval, Refused, StoreUnavailable, UsageError
from expunge.ports.accounts.account_register import AccountRecord
from expunge.ports.consent_method import ConsentMethod, HandedEvidence
from tests.adapters.sinks import Sink, mail_sink, text_sink
from tests.engine.consent.scans import PDF
from tests.engine.consents import BORN, CHILD, asking, day, disclosing, later, prove
from tests.engine.household import ANNA, PEOPLE, Household

LINKS = AnswerLinks("https://owl.example/consent/#{request}.{token}", "https://owl.example/child/")
LINK = re.compile(r"https://owl\.example/consent/#(ask-[0-9a-f]{16})\.([A-Za-z0-9_%-]+)")
ADDRESS = "parent-8K3W5Q@example.org"
PRIYA = str(uuid4())


@dataclass
class Pages:
    """What the clerk has of one opened installation."""

    opened: Expunge
    sink: Sink
    register: DjangoAccountRegister
    families: FamilyRegister
    form: SignedForm = field(default_factory=SignedForm)

    @property
    def mail(self) -> EmailPlus:
        return EmailPlus(MailServer("127.0.0.1", self.sink.port, tls=False), "consent@owl.example", LINKS)

    @property
    def family(self) -> str:
        return str(self.opened.resolve(CHILD).person.subject)

    def account(self) -> UUID:
        account = uuid4()
        self.register.open_account(AccountRecord(account, b"", "en", self.opened.context.clock.now()))
        return account

    def question(self, account: UUID, *purposes: str, language: str = "en") -> AccountQuestion:
        notice = direct_notices.now(self.opened.context, language).digest
        return AccountQuestion(self.opened.resolve(CHILD), str(account), purposes, notice, language, BORN, ADDRESS)

    def ask(self, account: UUID, method: ConsentMethod, *purposes: str) -> str:
        return parental_consent.ask_for_account(self.opened.context, method, self.question(account, *purposes))

    def answer(self, request: str, account: UUID, token: str = "", method: ConsentMethod | None = None) -> AskingAnswer:
        handed = HandedEvidence(token or self.token(), account=str(account))
        return parental_consent.answer(self.opened.context, method or self.mail, request, handed)

    def token(self) -> str:
        found = LINK.search(self.sink.last())
        assert found
        return found[2]

    def prove_by_mail(self, account: UUID, *purposes: str) -> AskingAnswer:
        request = self.ask(account, self.mail, *purposes)
        self.answer(request, account)
        self.pass_(timedelta(hours=24))
        parental_consent.sweep(self.opened.context, {self.mail.name: self.mail})
        return self.answer(request, account)

    def settle(self) -> guardian_memberships.Settled:
        return guardian_memberships.settle(self.opened.context, self.families, self.register)

    def role(self, account: UUID) -> MembershipRole | None:
        found = self.register.membership(account, self.family)
        return found.role if found else None

    def pass_(self, span: timedelta) -> None:
        self.at(self.opened.context.clock.now() + span)

    def at(self, moment: object) -> None:
        later(self.opened, moment)  # type: ignore[arg-type]
        self.families = FamilyRegister(self.opened.context.journal, self.register, self.opened.context.clock)

    def events(self, kind: type) -> list[object]:
        return [event for event in read_register(self.opened.context.journal, CONSENTS) if isinstance(event, kind)]


@pytest.fixture
def family(home: Household) -> Household:
    return asking(home)


@pytest.fixture
def pages(family: Household) -> Iterator[Pages]:
    with mail_sink() as sink, family.open() as opened:
        journal = opened.context.journal
        assert isinstance(journal, DjangoJournal)
        register = DjangoAccountRegister(journal.alias)
        yield Pages(opened, sink, register, FamilyRegister(journal, register, opened.context.clock))
        register.close()


@pytest.mark.duty("COP-03", "COP-05", "COP-07")
def test_two_answers_a_day_apart_make_an_account_guardian_with_the_consents_it_chose(pages: Pages) -> None:
    account = pages.account()
    request = pages.ask(account, pages.mail, "training")
    assert [to for to, _ in pages.sink.messages] == [ADDRESS]
    text = pages.sink.last()
    assert "You can say no." in text, "the disclosure of what was chosen"
    assert "No other company gets it for ends of its own." in text, "and the notice, whole"
    first = pages.answer(request, account)
    assert (first.agreed, first.proof, pages.settle().proven) == (None, "", ())
    pages.pass_(timedelta(hours=24))
    assert parental_consent.sweep(pages.opened.context, {"email plus": pages.mail}).sent == 1
    second = pages.answer(request, account)
    assert second.agreed is not None
    (member,) = pages.settle().proven
    assert (member.account, member.family, member.role) == (account, pages.family, MembershipRole.GUARDIAN)
    assert pages.families.decisions().__next__().by == ByConsent(request, second.proof)
    child = pages.opened.resolve(CHILD)
    answer = pages.opened.consents.ask(child, "training")
    assert answer.holds
    assert answer.given
    assert (answer.given.act, answer.given.proof) == (ConsentAct.TICKED, second.proof)
    assert not pages.opened.consents.ask(child, "review").holds, "a box that was not ticked is no consent"
    assert pages.opened.consents.receipt(answer.given.id) == second.agreed.receipt
    assert pages.settle() == guardian_memberships.Settled(), "once"


@pytest.mark.duty("COP-03")
def test_the_notice_is_counted_kept_and_delivered_or_nothing_is_asked(pages: Pages) -> None:
    account, context = pages.account(), pages.opened.context
    with pytest.raises(UsageError, match="not the one that holds now"):
        parental_consent.ask_for_account(context, pages.mail, replace(pages.question(account, "training"), notice="0" * 64))
    assert not pages.sink.messages
    pages.ask(account, pages.mail, "training")
    pages.ask(pages.account(), pages.form)
    notice = direct_notices.now(context, "en")
    (fixed,) = pages.events(NoticeFixed)
    assert isinstance(fixed, NoticeFixed)
    assert (fixed.version, fixed.sha256) == (1, notice.digest)
    assert direct_notices.as_shown(context, notice.digest).decode() == notice.text
    ways = [event.way for event in pages.events(NoticeDelivered) if isinstance(event, NoticeDelivered)]
    assert ways == [NoticeWay.PAGE, NoticeWay.MAIL, NoticeWay.PAGE, NoticeWay.PAPER]
    parental_consent.ask_for_account(context, pages.form, pages.question(pages.account(), language="es"))
    assert [event.version for event in pages.events(NoticeFixed) if isinstance(event, NoticeFixed)] == [1, 2]
    pages.sink.refuse = "550 no such user"
    before = len(pages.events(NoticeDelivered))
    with pytest.raises(UsageError, match="refuses the address"):
        pages.ask(pages.account(), pages.mail, "training")
    told = pages.events(NoticeDelivered)[before:]
    assert [event.way for event in told if isinstance(event, NoticeDelivered)] == [NoticeWay.PAGE], "what bounced was not delivered"


@pytest.mark.duty("COP-03")
def test_a_notice_that_changed_meanwhile_was_not_delivered(pages: Pages, family: Household) -> None:
    account = pages.account()
    request = pages.ask(account, pages.form)
    number = parental_consent.number_of(pages.opened.context, parental_consent.pending(pages.opened.context)[request])
    object.__setattr__(pages.opened.context, "data_map", replace(pages.opened.context.data_map, consent_wait=timedelta(days=30)))
    assert signed_scans.hand_in(pages.opened.context, pages.form, request, str(account), PDF) is None
    (waiting,) = signed_scans.waiting(pages.opened.context)
    assert waiting.number == number
    answered = signed_scans.accept(pages.opened.context, pages.form, request, waiting.sha256, PRIYA)
    assert (answered.proof, answered.why) == ("", AskingEnd.CHANGED.value)
    assert pages.settle().proven == ()
    with pytest.raises(UsageError, match="no evidence"):
        pages.opened.consents.evidence(request)


@pytest.mark.duty("COP-06")
def test_disclosure_is_a_choice_of_its_own_and_takes_a_stronger_method(pages: Pages, family: Household) -> None:
    disclosing(family)
    with family.open() as opened:
        pages.opened = opened
        account = pages.account()
        notice = direct_notices.now(opened.context, "en").text
        assert "speech laboratories. What for: Partners train models of their own." in notice
        assert "you can agree to all else and say no to it" in notice
        with pytest.raises(UsageError, match="not enough for that"):
            pages.ask(account, pages.mail, "training")
        request = pages.ask(account, pages.form, "training")
        assert signed_scans.hand_in(opened.context, pages.form, request, str(account), PDF) is None
        answered = signed_scans.accept(opened.context, pages.form, request, signed_scans.waiting(opened.context)[0].sha256, PRIYA)
        assert answered.proof
        child = opened.resolve(CHILD)
        held = {name: opened.consents.ask(child, name).holds for name in ("training", "partners", "review")}
        assert held == {"training": True, "partners": False, "review": False}
        assert opened.context.data_map.purposes["partners"].use is Use.TRAINING_BY_OTHERS


@pytest.mark.duty("COP-07")
def test_a_form_is_looked_at_by_another_person_and_its_scan_is_sealed_and_goes(pages: Pages, family: Household) -> None:
    account, context = pages.account(), pages.opened.context
    request = pages.ask(account, pages.form, "training", "review")
    form = parental_consent.form(context, pages.form, parental_consent.pending(context)[request])
    assert form.body == parental_consent.form(context, pages.form, parental_consent.pending(context)[request]).body, "the same number"
    assert signed_scans.hand_in(context, pages.form, request, str(account), b"<html>") is ScanFault.NO_SCAN
    with pytest.raises(UsageError, match="no such request"):
        signed_scans.hand_in(context, pages.form, request, str(uuid4()), PDF)
    assert signed_scans.hand_in(context, pages.form, request, str(account), PDF) is None
    (waiting,) = signed_scans.waiting(context)
    assert f"<code>{waiting.number}</code>" in form.body.decode()
    assert not family.search("signed by 8K3W5Q", where=("state",))
    with pytest.raises(Refused, match="does not check its own form"):
        signed_scans.opened(context, request, str(account))
    assert signed_scans.opened(context, request, PRIYA).data == PDF
    assert [event.by for event in pages.events(ScanOpened) if isinstance(event, ScanOpened)] == [PRIYA]
    with pytest.raises(UsageError, match="another scan was handed in"):
        signed_scans.accept(context, pages.form, request, "0" * 64, PRIYA)
    signed_scans.refuse(context, request, waiting.sha256, ScanRefusal.UNREADABLE, PRIYA)
    assert not signed_scans.waiting(context)
    assert parental_consent.pending(context)[request].refused
    assert signed_scans.hand_in(context, pages.form, request, str(account), PDF) is None
    answered = signed_scans.accept(context, pages.form, request, waiting.sha256, PRIYA)
    assert answered.agreed
    assert len(answered.further) == 1
    assert pages.opened.consents.evidence(request) == PDF
    pages.settle()
    assert pages.role(account) is MembershipRole.GUARDIAN
    pages.pass_(pages.form.evidence_ttl)
    assert parental_consent.sweep(context, {}).evidence_deleted == 1
    with pytest.raises(UsageError, match="no evidence"):
        pages.opened.consents.evidence(request)


def test_a_form_that_no_parent_signed_ends_the_request(pages: Pages) -> None:
    account, context = pages.account(), pages.opened.context
    request = pages.ask(account, pages.form)
    assert signed_scans.hand_in(context, pages.form, request, str(account), PDF) is None
    signed_scans.refuse(context, request, signed_scans.waiting(context)[0].sha256, ScanRefusal.NOT_A_PARENT, PRIYA)
    ended = parental_consent.pending(context)[request].ended
    assert ended
    assert (ended.how, ended.by) == (AskingEnd.NOT_PROVEN, PRIYA)
    assert context.shelf.get(request, ASKED) is None
    assert pages.settle().proven == ()
    with pytest.raises(UsageError, match="over"):
        signed_scans.hand_in(context, pages.form, request, str(account), PDF)


def test_a_link_counts_for_the_account_that_began_and_no_other(pages: Pages) -> None:
    mother, sibling = pages.account(), pages.account()
    request = pages.ask(mother, pages.mail, "training")
    token = pages.token()
    other = pages.ask(sibling, pages.mail, "training")
    with pytest.raises(UsageError, match="for another account"):
        pages.answer(request, sibling, token)
    with pytest.raises(UsageError, match="not that of the last message"):
        pages.answer(other, sibling, token)
    pages.answer(request, mother, token)
    with pytest.raises(UsageError, match="was used already"):
        pages.answer(request, mother, token)


@pytest.mark.duty("COP-09")
def test_a_request_that_is_taken_back_or_runs_out_leaves_no_address(pages: Pages, family: Household) -> None:
    account, context = pages.account(), pages.opened.context
    back, out = pages.ask(account, pages.mail, "training"), pages.ask(account, pages.form)
    assert signed_scans.hand_in(context, pages.form, out, str(account), PDF) is None
    with pytest.raises(UsageError, match="no such request open"):
        parental_consent.withdraw(context, back, str(uuid4()))
    parental_consent.withdraw(context, back, str(account))
    with pytest.raises(UsageError, match="took the request back"):
        pages.answer(back, account)
    pages.pass_(context.data_map.consent_wait)
    assert parental_consent.sweep(context, {}).expired == 1
    assert not signed_scans.waiting(context)
    assert all(context.shelf.get(each, ASKED) is None for each in (back, out))
    assert not family.search(ADDRESS, ANNA, PEOPLE[ANNA], BORN.isoformat(), "signed by 8K3W5Q", where=("state",))


def test_another_guardians_no_stands_and_the_rest_is_agreed_to(pages: Pages) -> None:
    father = prove(pages.opened, guardian="account:acc-south-82LM")
    child = pages.opened.resolve(CHILD)
    pages.opened.consents.give(child, "training", Agreement("app, settings", "ticked", proof=father))
    pages.opened.consents.withdraw(child, "training", father)
    answered = pages.prove_by_mail(pages.account(), "training", "review")
    assert answered.refused == ("training",)
    assert answered.proof
    assert pages.opened.consents.ask(child, "review").holds
    assert not pages.opened.consents.ask(child, "training").holds


def test_in_a_dispute_no_request_begins_or_is_answered(pages: Pages) -> None:
    account, context = pages.account(), pages.opened.context
    request, form = pages.ask(account, pages.mail), pages.ask(account, pages.form)
    pages.opened.consents.freeze(pages.opened.resolve(CHILD), by="a guardian", reason="a guardian disputes it")
    for attempt in (
        lambda: pages.ask(account, pages.mail),
        lambda: pages.answer(request, account),
        lambda: signed_scans.hand_in(context, pages.form, form, str(account), PDF),
        lambda: invitations.invite(context, NewInvitation(pages.opened.resolve(CHILD), ADDRESS)),
    ):
        with pytest.raises(NeedsApproval, match="in dispute"):
            attempt()


def test_an_invited_person_proves_it_at_the_address_of_the_invitation(pages: Pages) -> None:
    context, child = pages.opened.context, pages.opened.resolve(CHILD)
    name, token = invitations.invite(context, NewInvitation(child, ADDRESS, born=BORN))
    father, stranger = pages.account(), pages.account()
    with pytest.raises(UsageError, match="no invitation"):
        invitations.opened(context, token + "x")
    question = replace(pages.question(father), contact="attacker@example.org", born=date(2024, 1, 1))
    request = invitations.take(context, pages.mail, token, question)
    assert pages.sink.messages[-1][0] == ADDRESS, "never where the account says"
    with pytest.raises(AlreadyThere):
        invitations.take(context, pages.mail, token, question)
    with pytest.raises(UsageError, match="another account is using"):
        invitations.take(context, pages.mail, token, replace(question, account=str(stranger)))
    pages.answer(request, father)
    pages.pass_(timedelta(hours=24))
    parental_consent.sweep(context, {pages.mail.name: pages.mail})
    answered = pages.answer(request, father)
    assert (answered.agreed, bool(answered.proof)) == (None, True), "guardian, and no consent that was not chosen"
    pages.settle()
    assert pages.role(father) is MembershipRole.GUARDIAN
    ended = invitations.known(context)[name].ended
    assert ended
    assert ended.how is InvitationEnd.TAKEN
    assert context.shelf.get(name, INVITED) is None  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="invitation is over"):
        invitations.opened(context, token)


def test_an_invitation_that_nobody_takes_leaves_nothing(pages: Pages, family: Household) -> None:
    context, child = pages.opened.context, pages.opened.resolve(CHILD)
    invitations.invite(context, NewInvitation(child, ADDRESS, born=BORN))

    def refused(_: str) -> None:
        raise StoreUnavailable("the mail server is away", help="later")

    with pytest.raises(StoreUnavailable):
        invitations.invite(context, NewInvitation(child, ADDRESS), refused)
    pages.pass_(context.data_map.consent_wait)
    assert invitations.sweep(context) == 1
    assert not family.search(ADDRESS, ANNA, BORN.isoformat(), where=("state",))


def test_a_guardian_who_steps_down_is_guardian_no_more_and_stays_so(pages: Pages) -> None:
    account = pages.account()
    pages.prove_by_mail(account, "training")
    pages.settle()
    child = pages.opened.resolve(CHILD)
    assert pages.opened.consents.ask(child, "training").holds
    pages.pass_(timedelta(seconds=1))
    guardian_memberships.step_down(pages.opened.context, pages.families, account, child.person.subject)
    assert pages.role(account) is MembershipRole.FORMER
    assert not pages.opened.consents.ask(child, "training").holds, "no guardian stands behind it any more"
    assert pages.settle() == guardian_memberships.Settled()
    assert pages.role(account) is MembershipRole.FORMER
    *_, last = pages.families.decisions()
    assert last.by == ByMember()


def test_on_the_day_of_majority_guardians_are_former_and_the_young_person_takes_over(pages: Pages) -> None:
    context, child = pages.opened.context, pages.opened.resolve(CHILD)
    mother, anna = pages.account(), pages.account()
    pages.prove_by_mail(mother, "training")
    pages.settle()
    with pytest.raises(UsageError, match="far away"):
        invitations.invite(context, NewInvitation(child, "anna@example.org", str(mother), oneself=True))
    pages.at(day(2033, 6, 14))
    _, token = invitations.invite(context, NewInvitation(child, "anna@example.org", str(mother), oneself=True))
    with pytest.raises(UsageError, match="has not come"):
        guardian_memberships.take_over(context, pages.families, token, anna)
    with pytest.raises(UsageError, match="for the young person"):
        invitations.take(context, pages.mail, token, pages.question(anna))
    assert pages.settle().came_of_age == ()
    pages.at(day(2033, 6, 15))
    (former,) = pages.settle().came_of_age
    assert (former.account, former.role) == (mother, MembershipRole.FORMER)
    taken = guardian_memberships.take_over(context, pages.families, token, anna)
    assert taken
    assert pages.role(anna) is MembershipRole.SELF
    assert not pages.opened.consents.ask(child, "training").holds, "what a guardian agreed to holds for nobody of age"
    *_, last = pages.families.decisions()
    assert last.by == ByMajority()
    with pytest.raises(UsageError, match="invitation is over"):
        guardian_memberships.take_over(context, pages.families, token, mother)


def test_text_plus_over_a_gateway_that_is_away_refuses_or_takes(pages: Pages) -> None:
    account, context = pages.account(), pages.opened.context
    with text_sink() as gateway:
        method = TextPlus(HttpTextGateway(f"http://127.0.0.1:{gateway.port}/messages", "secret"), LINKS)
        for odd in ("0171 555", "+1415", "+14155550100x", "\uff0b14155550100"):
            with pytest.raises(UsageError, match="no telephone number"):
                parental_consent.ask_for_account(context, method, replace(pages.question(account), contact=odd))
        gateway.refuse = "503"
        with pytest.raises(StoreUnavailable):
            parental_consent.ask_for_account(context, method, replace(pages.question(account, "review"), contact="+14155550100"))
        gateway.refuse = ""
        assert parental_consent.sweep(context, {method.name: method}).sent == 1
        ((to, text),) = gateway.messages
        assert to == "+14155550100"
        found = LINK.search(text)
        assert found
        assert "second message follows" in pages.answer(found[1], account, found[2], method).why
