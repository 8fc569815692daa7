"""Asking parents, over a real mail server: two answers, a while apart, and nothing of whom was asked stays behind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256

import pytest

from expunge import faults
from expunge.adapters.asking.documents import SignedForm
from expunge.adapters.asking.messages import AnswerLinks, EmailPlus
from expunge.adapters.outbound.mail_smtp import MailServer
from expunge.bootstrap import Expunge
from expunge.core.consent.consent import ConsentReason
from expunge.core.consent.consent_events import EndReason
from expunge.core.consent.consent_request_events import AskingEnd
from expunge.core.consent.consent_requests import token_hash
from expunge.engine.consent.consent_decisions import Agreement
from expunge.engine.consent.parental_consent import ASKED, AskingAnswer, ConsentQuestion
from expunge.errors import KeyDestroyed, NeedsApproval, StoreUnavailable, UsageError
from expunge.ports.consent_method import AskingBegun, HandedEvidence
from expunge.testing.forked import in_child
from tests.adapters.sinks import Sink, mail_sink
from tests.engine.consents import BORN, CHILD, PARENT, PURPOSES, asking, disclosing, later, prove
from tests.engine.household import ANNA, PEOPLE, Household

LINK = re.compile(r"https://owl\.example/consent/(ask-[0-9a-f]{16})/([A-Za-z0-9_%-]+)")
ADDRESS = "parent-8K3W5Q@example.org"
SCAN = b"%PDF-1.7 signed by the parent 8K3W5Q"


@dataclass
class Parent:
    """A family, a mail server, and a way of asking."""

    home: Household
    sink: Sink

    @property
    def method(self) -> EmailPlus:
        return EmailPlus(MailServer("127.0.0.1", self.sink.port, tls=False), "consent@owl.example", AnswerLinks(
            "https://owl.example/consent/{request}/{token}", "https://owl.example/consent"))  # fmt: skip

    def question(self, opened: Expunge, purpose: str = "training") -> ConsentQuestion:
        return ConsentQuestion(opened.resolve(CHILD), opened.resolve(PARENT), purpose, BORN, ADDRESS)

    def ask(self, opened: Expunge, purpose: str = "training") -> str:
        return opened.consents.ask_guardian(self.method, self.question(opened, purpose))[0]

    def token(self) -> str:
        found = LINK.search(self.sink.last())
        assert found
        return found[2]

    def answer(self, opened: Expunge, request: str, token: str = "") -> AskingAnswer:
        return opened.consents.answer(self.method, request, HandedEvidence(token or self.token()))

    def sweep(self, opened: Expunge) -> tuple[int, int, int, int, int]:
        swept = opened.consents.sweep({self.method.name: self.method, "signed form": SignedForm()})
        return swept.sent, swept.expired, swept.ended, swept.evidence_deleted, swept.unsent

    def why(self, opened: Expunge) -> ConsentReason:
        return opened.consents.ask(opened.resolve(CHILD), "training").why


@pytest.fixture
def parent(home: Household) -> Iterator[Parent]:
    with mail_sink() as sink:
        yield Parent(asking(home), sink)


def forward(opened: Expunge, span: timedelta) -> None:
    later(opened, opened.context.clock.now() + span)


@pytest.mark.duty("COP-07", "COP-08")
def test_a_parent_agrees_by_two_answers_a_day_apart_and_is_told_how_to_take_it_back(parent: Parent) -> None:
    with parent.home.open() as opened:
        request = parent.ask(opened)
        assert "You can say no." in parent.sink.last(), "the whole disclosure stands in the message"
        first = parent.answer(opened, request)
        assert (first.agreed, parent.why(opened)) == (None, ConsentReason.NEVER), "one answer is not enough"
        assert parent.sweep(opened) == (0, 0, 0, 0, 0), "not before the day is over"
        forward(opened, timedelta(hours=24))
        assert parent.sweep(opened) == (1, 0, 0, 0, 0)
        assert parent.sweep(opened) == (0, 0, 0, 0, 0), "once"
        assert "take this back at any time, as easily as you gave it: https://owl.example/consent" in parent.sink.last()
        second = parent.answer(opened, request)
        assert second.agreed is not None
        answer = opened.consents.ask(opened.resolve(CHILD), "training")
        assert (answer.holds, answer.given and answer.given.method) == (True, "email plus")
        assert [to for to, _ in parent.sink.messages] == [ADDRESS, ADDRESS]
        (guardianship,) = opened.consents.register().guardianships.values()
        assert guardianship.proven.method == "email plus"
        assert answer.given
        assert answer.given.proof == guardianship.proven.proof
        opened.consents.withdraw(opened.resolve(CHILD), "training", guardianship.proven.proof)
        assert parent.why(opened) is ConsentReason.WITHDRAWN


def test_a_token_is_used_once_and_only_the_last_one_counts(parent: Parent) -> None:
    with parent.home.open() as opened:
        request = parent.ask(opened)
        first = parent.token()
        with pytest.raises(UsageError, match="not that of the last message"):
            parent.answer(opened, request, "guessed")
        parent.answer(opened, request)
        with pytest.raises(UsageError, match="was used already"):
            parent.answer(opened, request, first)
        forward(opened, timedelta(hours=24))
        parent.sweep(opened)
        with pytest.raises(UsageError, match="not that of the last message"):
            parent.answer(opened, request, first)
        parent.answer(opened, request)
        with pytest.raises(UsageError, match="over: agreed"):
            parent.answer(opened, request)
        with pytest.raises(UsageError, match="nobody was asked under this id"):
            parent.answer(opened, "ask-0000000000000000", first)
        with pytest.raises(UsageError, match="nobody was asked under this id in this way"):
            opened.consents.answer(SignedForm(), request, HandedEvidence(first))


def test_of_a_token_only_its_hash_is_kept(parent: Parent) -> None:
    with parent.home.open() as opened:
        request = parent.ask(opened)
        token = parent.token()
        sent = opened.consents.asked()[request].sent
        assert sent is not None
        assert sent.token == token_hash(token)
    assert not parent.home.search(token, ADDRESS, ANNA, PEOPLE[ANNA], BORN.isoformat(), where=("state",))


@pytest.mark.duty("COP-09")
@pytest.mark.parametrize("answered", [False, True], ids=["no answer", "one answer"])
def test_who_does_not_agree_in_time_is_forgotten(parent: Parent, answered: bool) -> None:
    with parent.home.open() as opened:
        request = parent.ask(opened)
        if answered:
            parent.answer(opened, request)
        sealed = opened.context.shelf.get(request, ASKED)
        assert sealed is not None
        forward(opened, timedelta(days=14))
        with pytest.raises(UsageError, match="nobody agreed in time"):
            parent.answer(opened, request)
        assert parent.sweep(opened) == (0, 1, 0, 0, 0)
        assert opened.context.shelf.get(request, ASKED) is None
        with pytest.raises(KeyDestroyed):
            opened.context.keys.open(request, ASKED, sealed)
        ended = opened.consents.asked()[request].ended
        assert ended is not None
        assert ended.how is AskingEnd.EXPIRED
        assert parent.why(opened) is ConsentReason.NEVER


@pytest.mark.duty("COP-08")
def test_a_weak_way_of_asking_is_refused_ended_and_void_while_data_goes_to_third_parties(parent: Parent) -> None:
    with parent.home.open() as opened:
        done, open_one = parent.ask(opened), ""
        parent.answer(opened, done)
        forward(opened, timedelta(hours=24))
        parent.sweep(opened)
        parent.answer(opened, done)
        open_one = parent.ask(opened, "review")
        late = parent.token()
        now = opened.context.clock.now()
    disclosing(parent.home)
    with parent.home.open() as opened:
        later(opened, now)
        assert parent.why(opened) is ConsentReason.METHOD, "what was agreed to by a message does not carry disclosure"
        with pytest.raises(UsageError, match="not enough for that"):
            parent.ask(opened)
        parent.answer(opened, open_one, late)
        assert parent.sweep(opened) == (0, 0, 1, 0, 0)
        ended = opened.consents.asked()[open_one].ended
        assert ended is not None
        assert ended.how is AskingEnd.NOT_ENOUGH


def test_a_text_that_changed_while_a_parent_was_asked_is_agreed_to_by_nobody(parent: Parent) -> None:
    with parent.home.open() as opened:
        request = parent.ask(opened)
        parent.answer(opened, request)
        now = opened.context.clock.now()
    parent.home.write_map(more=PURPOSES.replace("datasets: [voice, profiles]", "datasets: [voice, profiles, transcripts]"))
    with parent.home.open() as opened:
        later(opened, now + timedelta(hours=25))
        parent.sweep(opened)
        assert parent.answer(opened, request).why == AskingEnd.CHANGED.value
        assert parent.why(opened) is ConsentReason.NEVER
        assert not opened.consents.register().guardianships
        assert opened.context.shelf.get(request, ASKED) is None


def test_a_message_that_could_not_leave_is_sent_later(parent: Parent) -> None:
    with parent.home.open() as opened:
        parent.sink.refuse = "451 later"
        port, parent.sink.port = parent.sink.port, 1
        with pytest.raises(StoreUnavailable):
            parent.ask(opened)
        assert parent.sweep(opened) == (0, 0, 0, 0, 1)
        parent.sink.port, parent.sink.refuse = port, ""
        assert parent.sweep(opened) == (1, 0, 0, 0, 0)
        (request,) = opened.consents.asked()
        assert "second message follows" in parent.answer(opened, request).why


@pytest.mark.parametrize("point", ["journal.register:before", "journal.register:after"])
def test_a_crash_while_the_last_answer_is_taken_leaves_all_of_it_or_nothing(parent: Parent, point: str) -> None:
    with parent.home.open() as opened:
        request = parent.ask(opened)
    token = parent.token()
    parent.home.write_map(more=PURPOSES)

    def last_answer() -> None:
        with parent.home.open() as opened, faults.arm(point, "kill"):
            method = replace(SignedForm(), name="email plus")
            opened.consents.answer(method, request, HandedEvidence(token, SCAN, "priya"))

    ended = in_child(last_answer)
    assert ended.killed_by == 9, ended.error
    with parent.home.open() as opened:
        one = opened.consents.asked()[request]
        agreed = parent.why(opened) is ConsentReason.AGREED
        assert agreed == (one.ended is not None) == bool(opened.consents.register().guardianships) == (point.endswith("after"))
        parent.sweep(opened)
        assert (opened.context.shelf.get(request, ASKED) is None) == agreed


@pytest.mark.duty("COP-07")
def test_a_signed_form_carries_disclosure_and_its_scan_goes_when_its_time_is_up(parent: Parent) -> None:
    disclosing(parent.home)
    form = SignedForm(evidence_ttl=timedelta(days=30))
    with parent.home.open() as opened:
        request, begun = opened.consents.ask_guardian(form, replace(parent.question(opened, "partners"), contact=""))
        number = re.search(r"<code>(.+)</code>", begun.body.decode())
        assert number
        unsigned = opened.consents.ask_guardian(form, parent.question(opened))
        other = re.search(r"<code>(.+)</code>", unsigned[1].body.decode())
        assert other
        refused = opened.consents.answer(form, unsigned[0], HandedEvidence(other[1], SCAN))
        assert (refused.agreed, refused.why) == (None, "nobody of the staff has looked at it")
        assert opened.consents.answer(form, request, HandedEvidence(number[1], SCAN, "priya")).agreed
        assert opened.consents.ask(opened.resolve(CHILD), "partners").holds
        assert opened.consents.evidence(request) == SCAN
        with pytest.raises(UsageError, match="no evidence"):
            opened.consents.evidence(unsigned[0])
        forward(opened, timedelta(days=30))
        assert parent.sweep(opened) == (0, 0, 0, 1, 0)
        with pytest.raises(UsageError, match="no evidence"):
            opened.consents.evidence(request)
        one = opened.consents.asked()[request]
        assert one.evidence is not None
        assert (one.evidence.sha256, one.evidence_gone) == (sha256(SCAN).hexdigest(), True), "what it was can still be told"
        assert opened.consents.ask(opened.resolve(CHILD), "partners").holds
    assert not parent.home.search("8K3W5Q", where=("state",))


def test_a_guardian_who_is_known_is_not_proven_twice(parent: Parent) -> None:
    with parent.home.open() as opened:
        proof = prove(opened)
        request, begun = opened.consents.ask_guardian(SignedForm(), parent.question(opened))
        assert opened.consents.answer(SignedForm(), request, HandedEvidence(number_of(begun), SCAN, "priya")).agreed
        assert list(opened.consents.register().guardianships) == [proof]


def number_of(begun: AskingBegun) -> str:
    found = re.search(r"<code>(.+)</code>", begun.body.decode())
    assert found
    return found[1]


def test_nobody_is_asked_and_nobody_answers_during_a_dispute(parent: Parent) -> None:
    with parent.home.open() as opened:
        request = parent.ask(opened)
        opened.consents.freeze(opened.resolve(CHILD), by="priya", reason="two court papers")
        with pytest.raises(NeedsApproval, match="in dispute"):
            parent.ask(opened)
        with pytest.raises(NeedsApproval, match="in dispute"):
            parent.answer(opened, request)
        opened.consents.release(opened.resolve(CHILD), by="priya", reason="settled")
        assert parent.answer(opened, request)


def test_the_other_guardians_no_stands_against_an_answer(parent: Parent) -> None:
    with parent.home.open() as opened:
        father = prove(opened, guardian="account:acc-south-82LM")
        child = opened.resolve(CHILD)
        opened.consents.give(child, "training", Agreement("app, settings", "ticked", proof=father))
        opened.consents.withdraw(child, "training", father)
        request, begun = opened.consents.ask_guardian(SignedForm(), parent.question(opened))
        handed = HandedEvidence(number_of(begun), SCAN, "priya")
        with pytest.raises(UsageError, match="another guardian said no"):
            opened.consents.answer(SignedForm(), request, handed)
        assert parent.why(opened) is ConsentReason.WITHDRAWN
        assert [path.name for path in (parent.home.state / "orders").iterdir() if path.name.startswith("grd-")] == [father]
        opened.consents.end(father, EndReason.CUSTODY, "priya")
        assert opened.consents.answer(SignedForm(), request, handed).agreed, "the number still counts: nothing was taken of it"


@pytest.mark.parametrize(("purpose", "what"), [("keeping", "no purpose that rests on consent"), ("nothing", "no purpose")])
def test_what_nobody_is_asked_for(parent: Parent, purpose: str, what: str) -> None:
    with parent.home.open() as opened:
        with pytest.raises(UsageError, match=what):
            parent.ask(opened, purpose)
        assert not opened.consents.asked()
        assert not parent.sink.messages


def test_a_bad_address_leaves_nothing_that_is_never_cleared(parent: Parent) -> None:
    with parent.home.open() as opened:
        with pytest.raises(UsageError, match="no e-mail address"):
            opened.consents.ask_guardian(parent.method, replace(parent.question(opened), contact="nowhere"))
        ((request, one),) = opened.consents.asked().items()
        assert one.ended is not None
        assert one.ended.how is AskingEnd.NOT_REACHED
        assert opened.context.shelf.get(request, ASKED) is None


def test_an_address_that_is_refused_at_the_second_message_ends_that_asking_and_no_other(parent: Parent) -> None:
    with parent.home.open() as opened:
        for purpose in ("training", "review"):
            parent.answer(opened, parent.ask(opened, purpose))
        forward(opened, timedelta(hours=24))
        parent.sink.refuse = "550 no such user"
        assert parent.sweep(opened) == (0, 0, 2, 0, 0)
        assert {each.ended and each.ended.how for each in opened.consents.asked().values()} == {AskingEnd.NOT_REACHED}
