"""Recipients of people's data: told with a signature, chased, asked; nothing more goes to one that has not settled."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from expunge import Expunge, clock
from expunge.core.datamap.clocks import ClockState
from expunge.core.journal.recipient_ledger import InstructionState, RecipientAnswer
from expunge.core.note import Algorithm, VerifierKey
from expunge.core.values import canonical
from expunge.core.values.order import OrderState
from expunge.core.verification import receipt_verify
from expunge.errors import EvidenceInvalid, Undelivered, UsageError
from expunge.gate import GateReason, Subject
from tests.cli.running import expunge as command
from tests.engine.household import ANNA, BELA, SAID, Household, strings_of
from tests.engine.recipients.test_dues import Set

NOON = clock.now().replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=1)


class Acme:
    """A recipient with a machine of its own."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.status = 202
        self.answer: bytes = b'{"held": 0}'
        self.paths: list[str] = []
        self.key = Ed25519PrivateKey.generate()

    @contextmanager
    def listening(self) -> Iterator[str]:
        acme = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                acme.paths.append(self.path)
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/erase":
                    acme.got.append(json.loads(body))
                self.send_response(acme.status)
                if 300 <= acme.status < 400:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(acme.answer if self.path == "/held" else b"")

            def log_message(self, *_: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    @property
    def verifier(self) -> str:
        return str(self.public)

    @property
    def public(self) -> VerifierKey:
        return VerifierKey("acme", Algorithm.ED25519, self.key.public_key().public_bytes_raw())

    def confirmation(self, order: str, digest: str, answer: str = "done") -> bytes:
        text = f"expunge confirmation/1\n{order}\n{digest}\n{answer}\n"
        signature = base64.b64encode(self.public.id + self.key.sign(text.encode())).decode()
        return f"{text}\n\N{EM DASH} acme {signature}\n".encode()


@pytest.fixture
def acme() -> Acme:
    return Acme()


def ordered(home: Household, acme: Acme, address: str, *, clock: Set | None = None) -> str:
    said = f'gets: [transcripts, voice], url: "{address}/erase", probe: "{address}/held", key: {acme.verifier}, within: 30 days'
    home.write_map(extra=f"recipients:\n  acme: {{{said}}}\n")
    with Expunge.open(home.map, clock=clock or Set(NOON)) as expunge:
        order = expunge.order_erase([expunge.resolve(f"profile:{ANNA}")]).order
        expunge.plan(order)
        assert expunge.apply(order).state is OrderState.FULFILLED
    return order


@pytest.mark.duty("DSG-05")
def test_a_recipient_is_told_whom_to_erase_with_a_signature_that_it_can_check(home: Household, acme: Acme) -> None:
    with acme.listening() as address:
        order = ordered(home, acme, address)
        with home.open() as expunge:
            (sent,) = expunge.recipients.send()
            public = expunge.context.keys.signer_public()
            (known,) = expunge.recipients.all()
    assert sent.trouble == ""
    (letter,) = acme.got
    said = letter["instruction"]
    assert ["profile", ANNA] in said["identifiers"]
    assert said["datasets"] == ["transcripts", "voice"]
    body = canonical.encode(said)
    Ed25519PublicKey.from_public_bytes(public).verify(base64.b64decode(letter["signature"]), b"expunge/instruction/1\0" + body)
    assert sha256(body).hexdigest() == known.digest
    assert known.stands is InstructionState.TOLD
    assert all(ANNA not in path for path in acme.paths), "nobody stands in an address"
    assert said["order"] == order


@pytest.mark.duty("DSG-05")
def test_nothing_more_goes_to_it_until_it_has_confirmed(home: Household, acme: Acme) -> None:
    with acme.listening() as address:
        order = ordered(home, acme, address)
        with home.open() as expunge:
            assert not expunge.recipients.may_share("acme")
            expunge.recipients.send()
            assert not expunge.recipients.may_share("acme"), "told is not done"
            (known,) = expunge.recipients.all()
            partly = expunge.recipients.confirm(order, "acme", signed=acme.confirmation(order, known.digest, "in part"))
            assert partly is InstructionState.IN_PART
            assert not expunge.recipients.may_share("acme")
            assert expunge.recipients.confirm(order, "acme", signed=acme.confirmation(order, known.digest)) is InstructionState.CONFIRMED
            assert expunge.recipients.may_share("acme")


@pytest.mark.duty("DSG-05")
def test_the_gate_closes_the_purposes_that_hand_data_to_it(home: Household, acme: Acme) -> None:
    with acme.listening() as address:
        said = f'gets: [transcripts], url: "{address}/erase", key: {acme.verifier}'
        purpose = "description: shown to advertisers, needs: legitimate interests, use: disclosure, datasets: [transcripts]"
        home.write_map(
            extra=f"recipients:\n  acme: {{{said}}}\npurposes:\n  advertise: {{{purpose}, recipients: [acme]}}\n"
            "  answer: {description: answered, needs: contract, use: collection, datasets: [voice]}\n"
        )
        bela = Subject("profile", BELA)
        with home.open() as expunge:
            expunge.gate_publish()
            assert expunge.gate().may_use(bela, "advertise")
            order = expunge.order_erase([expunge.resolve(f"profile:{ANNA}")]).order
            expunge.plan(order)
            expunge.apply(order)
            (known,) = expunge.recipients.all()
            assert expunge.gate().may_use(bela, "advertise").reason is GateReason.CLOSED
            assert [each.reason for each in expunge.gate().may_use_each([bela], "advertise")] == [GateReason.CLOSED]
            assert expunge.gate().may_use(bela, "answer"), "what goes to nobody else goes on"
            expunge.recipients.confirm(order, "acme", signed=acme.confirmation(order, known.digest))
            assert expunge.gate().may_use(bela, "advertise")


@pytest.mark.duty("FAIL-13")
def test_a_recipient_that_says_done_and_still_holds_it_is_not_believed(home: Household, acme: Acme) -> None:
    with acme.listening() as address:
        order = ordered(home, acme, address)
        with home.open() as expunge:
            (known,) = expunge.recipients.all()
            expunge.recipients.confirm(order, "acme", signed=acme.confirmation(order, known.digest))
            acme.answer = b'{"held": 3}'
            assert expunge.recipients.ask(order, "acme") is InstructionState.HOLDS
            assert not expunge.recipients.may_share("acme")
            again = expunge.recipients.confirm(order, "acme", signed=acme.confirmation(order, known.digest))
            assert again is InstructionState.HOLDS, "its word does not undo what was seen"
            acme.answer = b'{"held": 0}'
            assert expunge.recipients.ask(order, "acme") is InstructionState.PROBED
            assert expunge.recipients.may_share("acme")


def test_confirmations_that_are_forged_or_meant_for_another_order_are_refused(home: Household, acme: Acme) -> None:
    with acme.listening() as address:
        order = ordered(home, acme, address)
        with home.open() as expunge:
            (known,) = expunge.recipients.all()
            stranger = Acme()
            for signed in (
                stranger.confirmation(order, known.digest),
                acme.confirmation(order, "0" * 64),
                acme.confirmation("ord-another", known.digest),
                acme.confirmation(order, known.digest).replace(b"done", b"in part"),
                b"done",
            ):
                with pytest.raises(EvidenceInvalid):
                    expunge.recipients.confirm(order, "acme", signed=signed)
            with pytest.raises(UsageError, match="signed by the recipient, or attested"):
                expunge.recipients.confirm(order, "acme")
            with pytest.raises(UsageError, match="stand for it by name"):
                expunge.recipients.confirm(order, "acme", answer=RecipientAnswer.DONE, by="signature")
            assert expunge.recipients.confirm(order, "acme", answer=RecipientAnswer.DONE, by="R. Officer") is InstructionState.ATTESTED


@pytest.mark.parametrize("status", [301, 404, 500])
def test_what_was_not_taken_is_sent_again(home: Household, acme: Acme, status: int) -> None:
    with acme.listening() as address:
        ordered(home, acme, address)
        acme.status = status
        with home.open() as expunge:
            (sent,) = expunge.recipients.send()
            assert str(status) in sent.trouble
            assert expunge.recipients.all()[0].stands is InstructionState.TO_SEND
            assert acme.paths == ["/erase"], "no redirect is followed with people in it"
            acme.status = 200
            (sent,) = expunge.recipients.send()
            assert sent.trouble == ""
            assert expunge.recipients.send() == (), "and not once more"


def test_a_machine_that_is_gone_or_talks_nonsense_is_could_not_tell(home: Household, acme: Acme) -> None:
    with acme.listening() as address:
        order = ordered(home, acme, address)
        acme.answer = b'{"held": "none"}'
        with home.open() as expunge, pytest.raises(Undelivered, match="is not"):
            expunge.recipients.ask(order, "acme")
    with home.open() as expunge:
        with pytest.raises(Undelivered, match="could not be reached"):
            expunge.recipients.ask(order, "acme")
        (sent,) = expunge.recipients.send()
        assert "could not be reached" in sent.trouble
        assert expunge.recipients.all()[0].stands is InstructionState.TO_SEND


def test_people_are_not_posted_in_the_clear_to_other_machines(home: Household, acme: Acme) -> None:
    ordered(home, acme, "http://acme.example")
    with home.open() as expunge:
        (sent,) = expunge.recipients.send()
    assert "over https" in sent.trouble


@pytest.mark.duty("DSG-05")
def test_a_recipient_that_only_the_traffic_shows_is_told_too(home: Household) -> None:
    with home.open() as expunge:
        expunge.recipients.saw("shadow-analytics", "transcripts", "the egress proxy")
    run = home.erase(f"profile:{ANNA}")
    with home.open() as expunge:
        (known,) = expunge.recipients.all()
        assert (known.recipient, known.datasets) == ("shadow-analytics", ("transcripts",))
        letter = expunge.recipients.letter(run.order, "shadow-analytics")
        assert ANNA.encode() in letter.body
        expunge.recipients.carried(run.order, "shadow-analytics", "a courier")
        assert expunge.recipients.all()[0].stands is InstructionState.TOLD


def test_who_was_handed_nothing_of_this_person_learns_nothing_about_them(home: Household, acme: Acme) -> None:
    with home.open() as expunge:
        expunge.recipients.saw("shadow-analytics", "transcripts", "the egress proxy")
    home.erase("profile:prf-who-was-never-here")
    with home.open() as expunge:
        assert expunge.recipients.all() == ()


@pytest.mark.duty("TIM-01", "TIM-04")
def test_the_receipt_names_who_was_instructed_and_the_chase_is_counted(home: Household, acme: Acme) -> None:
    clock = Set(NOON)
    with acme.listening() as address:
        order = ordered(home, acme, address, clock=clock)
    with Expunge.open(home.map, clock=clock) as expunge:
        files = expunge.receipt_folder(order)
        made = receipt_verify.verify(files, files["trust-policy.txt"], at=None).receipt
        assert any("recipient acme, which was handed transcripts, voice: instructed" in each for each in made.out_of_scope)
        (owed,) = expunge.dues.all()
        assert owed.what == f"recipient acme, order {order}"
        clock.at = NOON + timedelta(days=31)
        (owed,) = expunge.dues.all()
        assert owed.standing is ClockState.OVERDUE
        expunge.recipients.confirm(order, "acme", answer=RecipientAnswer.DONE, by="R. Officer")
        assert expunge.dues.all() == ()


def test_instructions_die_with_the_traces_and_lie_sealed_until_then(home: Household, acme: Acme) -> None:
    clock = Set(NOON)
    with acme.listening() as address:
        order = ordered(home, acme, address, clock=clock)
    assert home.search(*strings_of(ANNA), *SAID[ANNA]) == []
    clock.at = NOON + timedelta(days=91)
    with Expunge.open(home.map, clock=clock) as expunge:
        assert expunge.sweep().traces_ended == 1
        with pytest.raises(UsageError, match="destroyed"):
            expunge.recipients.letter(order, "acme")
    assert not list(home.state.rglob("*instruction*"))


def test_a_crash_between_instruction_and_round_makes_one_instruction(home: Household, acme: Acme) -> None:
    with acme.listening() as address:
        order = ordered(home, acme, address)
    with home.open() as expunge:
        assert [each.order for each in expunge.recipients.all()] == [order]
        expunge.apply(order)
        assert [each.order for each in expunge.recipients.all()] == [order]


def test_the_command_line_sends_shows_and_asks(home: Household, acme: Acme, tmp_path: Any) -> None:
    at = ("--map", str(home.map))
    with acme.listening() as address:
        order = ordered(home, acme, address)
        listed = command("recipient", "list", *at, "--json").json
        assert listed["may_share"] == {"acme": False}
        assert command("recipient", "send", *at).out.strip() == f"{order} to acme: handed over"
        shown = command("recipient", "show", order, "acme", "--out", tmp_path / "letter.json", *at)
        assert shown.code == 0
        assert ANNA in (tmp_path / "letter.json").read_text()
        assert (tmp_path / "letter.json").stat().st_mode & 0o77 == 0
        assert command("recipient", "show", order, "acme", "--out", tmp_path / "letter.json", *at).code == 2
        acme.answer = b'{"held": 2}'
        assert command("recipient", "ask", order, "acme", *at).code == 4
        (tmp_path / "note").write_bytes(acme.confirmation(order, listed["instructions"][0]["digest"]))
        acme.answer = b'{"held": 0}'
        assert command("recipient", "ask", order, "acme", *at).code == 0
        done = command("recipient", "confirm", order, "acme", "--signed", tmp_path / "note", *at)
        assert done.code == 0
    assert command("recipient", "confirm", order, "nobody", "--answer", "done", "--by", "me", *at).code == 2
    assert command("recipient", "confirm", order, "acme", "--answer", "yes", "--by", "me", *at).code == 2


def test_an_instruction_that_nothing_sends_says_how_to_hand_it_over(home: Household, acme: Acme) -> None:
    order = ordered(home, acme, "https://acme.example")
    home.map.write_text(home.map.read_text().replace('url: "https://acme.example/erase", ', ""))
    at = ("--map", str(home.map))
    how = f"`expunge recipient show {order} acme --out FILE`, carry it there, then `expunge recipient carried {order} acme --by NAME`"
    for said in (("status",), ("status", order), ("recipient", "send")):
        assert how in command(*said, *at).out
    due = command("due", *at, "--json").json["due"]
    assert how in next(each["why"] for each in due if each["what"] == f"recipient acme, order {order}")
    assert command("recipient", "carried", order, "acme", "--by", "the courier", *at).code == 0
    assert how not in command("status", *at).out
    assert command("recipient", "send", *at).out.strip() == "nothing to send"
