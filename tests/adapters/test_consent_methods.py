"""Each way of asking keeps the promises of its port; messages go over real sockets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from expunge.adapters.asking import documents, wording
from expunge.adapters.asking.messages import AnswerLinks, EmailPlus, HttpTextGateway, TextPlus
from expunge.adapters.outbound.mail_smtp import MailServer
from expunge.errors import Misconfigured, StoreUnavailable, UsageError
from expunge.ports.consent_method import Asking, AskingBegun, ConsentMethod, HandedEvidence
from expunge.testing import ConsentMethodSuite
from expunge.testing.consent_method_suite import ASKING
from tests.adapters.sinks import Sink, mail_sink, text_sink

LINKS = AnswerLinks("https://owl.example/consent/{request}/{token}", "https://owl.example/consent")
LINK = re.compile(r"https://owl\.example/consent/ask-[0-9a-f]{16}/([A-Za-z0-9_%-]+)")
SCAN = b"%PDF-1.7 a signed form"


class Plus(ConsentMethodSuite):
    """What both methods by message have in common."""

    sink: Sink

    def seen_by_parent(self, begun: AskingBegun) -> str:
        assert not begun.body
        return self.sink.last()

    def right(self, asking: Asking, begun: AskingBegun) -> HandedEvidence:
        link = LINK.search(self.sink.last()) if self.sink.messages else None
        return HandedEvidence(link[1] if link else asking.token)

    def wrong(self, asking: Asking, begun: AskingBegun) -> list[HandedEvidence]:
        return [HandedEvidence("tok_other"), HandedEvidence("")]


class TestEmailPlus(Plus):
    @pytest.fixture(autouse=True)
    def _server(self) -> Iterator[None]:
        with mail_sink() as self.sink:
            yield

    def method(self) -> ConsentMethod:
        return EmailPlus(MailServer("127.0.0.1", self.sink.port, tls=False), "Owl <consent@owl.example>", LINKS)

    def broken(self) -> ConsentMethod:
        return EmailPlus(MailServer("127.0.0.1", 1, tls=False), "consent@owl.example", LINKS)

    @pytest.mark.duty("COP-03")
    def test_the_whole_disclosure_stands_before_the_question(self) -> None:
        self.method().begin(self.asking)
        ((to, text),) = self.sink.messages
        assert to == ASKING.contact
        assert text.splitlines()[:3] == ASKING.disclosure.splitlines()
        assert "If you do nothing, you have not agreed, and your address is deleted after that time" in " ".join(text.split())
        assert "This is about: recordings, transcripts. It is handed to: speech laboratories." in text
        assert self.sink.headers[0]["Auto-Submitted"] == "auto-generated"

    @pytest.mark.parametrize(
        "contact", ["", "parent", "a@b@c", "a@example.org, b@example.org", "a@example.org\nBcc: x@example.org", "<a@example.org>"]
    )
    def test_what_is_no_single_address_gets_no_message(self, contact: str) -> None:
        with pytest.raises(UsageError, match="no e-mail address"):
            self.method().begin(replace(ASKING, contact=contact))
        assert not self.sink.messages

    def test_an_address_that_the_server_refuses_is_the_askers_to_mend(self) -> None:
        self.sink.refuse = "550 no such user"
        with pytest.raises(UsageError, match="refuses the address") as caught:
            self.method().begin(ASKING)
        assert ASKING.contact not in str(caught.value)

    def test_a_server_that_is_too_busy_is_asked_again_later(self) -> None:
        with pytest.raises(StoreUnavailable, match="did not take the message"):
            self.broken().begin(ASKING)


class TestTextPlus(Plus):
    contact = "+14155550100"

    @pytest.fixture(autouse=True)
    def _gateway(self) -> Iterator[None]:
        with text_sink() as self.sink:
            yield

    def gateway(self) -> HttpTextGateway:
        return HttpTextGateway(f"http://127.0.0.1:{self.sink.port}/messages", "secret-9D4F")

    def method(self) -> ConsentMethod:
        return TextPlus(self.gateway(), LINKS)

    def broken(self) -> ConsentMethod:
        return TextPlus(HttpTextGateway("http://127.0.0.1:1/", "k"), LINKS)

    def test_the_gateway_is_told_who_and_what_and_knows_who_asks(self) -> None:
        self.method().begin(self.asking)
        ((to, text),) = self.sink.messages
        assert to == self.contact
        assert len(text) < 320
        assert self.sink.headers[0]["Authorization"] == "Bearer secret-9D4F"
        assert "secret" not in repr(self.gateway())

    @pytest.mark.parametrize(
        ("status", "error"),
        [("400", UsageError), ("404", UsageError), ("401", StoreUnavailable), ("429", StoreUnavailable), ("503", StoreUnavailable)],
    )
    def test_what_the_gateway_answers_says_whose_trouble_it_is(self, status: str, error: type[Exception]) -> None:
        self.sink.refuse = status
        with pytest.raises(error):
            self.method().begin(self.asking)

    @pytest.mark.parametrize("contact", ["", "0171 555", "14155550100", "+1415555010000000", "+1415\n"])
    def test_what_is_no_number_gets_no_message(self, contact: str) -> None:
        with pytest.raises(UsageError, match="no telephone number"):
            self.method().begin(replace(ASKING, contact=contact))

    def test_a_gateway_without_encryption_is_refused(self) -> None:
        with pytest.raises(Misconfigured, match="without encryption"):
            HttpTextGateway("http://sms.example/", "k").send("+14155550100", "text")


class TestSignedForm(ConsentMethodSuite):
    def method(self) -> ConsentMethod:
        return documents.SignedForm()

    def right(self, asking: Asking, begun: AskingBegun) -> HandedEvidence:
        return HandedEvidence(asking.token, SCAN, "priya")

    def wrong(self, asking: Asking, begun: AskingBegun) -> list[HandedEvidence]:
        token = asking.token
        too_big = SCAN + bytes(documents.MOST_BYTES)
        return [
            HandedEvidence(token),
            HandedEvidence(token, b"MZ", "priya"),
            HandedEvidence(token, SCAN, " "),
            HandedEvidence(token, too_big, "priya"),
            HandedEvidence("x", SCAN, "p"),
        ]

    def test_nothing_in_the_text_becomes_markup(self) -> None:
        page = wording.form(replace(ASKING, disclosure="<script>alert(1)</script>", purpose="<b>x", token="t&"))
        assert "<script" not in page
        assert "<b>" not in page


@dataclass
class Desk:
    """Somebody outside who knows one right answer."""

    reachable: bool = True

    def begin(self, reference: str, contact: str) -> AskingBegun:
        return AskingBegun("text/plain", f"go to https://checks.example/{reference}".encode())

    def decide(self, reference: str, document: bytes) -> documents.ServiceDecision:
        if not self.reachable:
            raise StoreUnavailable("the service does not answer", help="try again later")
        right = document == b"four of four"
        return documents.ServiceDecision(right, "" if right else "the answers were not right")


class Outside(ConsentMethodSuite):
    tells = False
    make = staticmethod(documents.knowledge_questions)

    def method(self) -> ConsentMethod:
        return self.make(Desk())

    def broken(self) -> ConsentMethod:
        return self.make(Desk(reachable=False))

    def right(self, asking: Asking, begun: AskingBegun) -> HandedEvidence:
        return HandedEvidence(asking.token, b"four of four", "priya")

    def wrong(self, asking: Asking, begun: AskingBegun) -> list[HandedEvidence]:
        return [HandedEvidence(asking.token, b"one of four", "priya"), HandedEvidence(asking.token)]


class TestKnowledgeQuestions(Outside):
    pass


class TestCard(Outside):
    make = staticmethod(documents.card)


class TestGovernmentId(Outside):
    make = staticmethod(documents.government_id)


class TestFaceMatch(Outside):
    make = staticmethod(documents.face_match)

    def wrong(self, asking: Asking, begun: AskingBegun) -> list[HandedEvidence]:
        return [*super().wrong(asking, begun), HandedEvidence(asking.token, b"four of four")]


@pytest.mark.parametrize(
    ("answer", "revoke"), [("http://owl.example/{token}", "x"), ("https://owl.example/", "x"), ("https://owl.example/{token}", " ")]
)
def test_links_are_encrypted_carry_the_token_and_say_how_to_take_it_back(answer: str, revoke: str) -> None:
    with pytest.raises(Misconfigured):
        AnswerLinks(answer, revoke)
