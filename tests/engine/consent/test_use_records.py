"""A use of location without a review that holds, and children's data for a recipient without a written assurance, are refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from expunge import clock
from expunge.bootstrap.use_records import Assurance, UseReview
from expunge.core.consent.use_records import SECTIONS, RecordKind, ReviewDecision
from expunge.core.note import Algorithm, VerifierKey
from expunge.errors import EvidenceInvalid, UsageError
from expunge.gate import Subject
from expunge.gate.decisions import GateReason
from tests.cli.running import expunge as command
from tests.engine.consents import later
from tests.engine.household import ANNA, Household

MORE = """\
purposes:
  answering: {description: answer what was asked, needs: contract, use: collection, datasets: [transcripts]}
  weather: {description: tell the weather where somebody is, needs: contract, use: collection, datasets: [participants]}
  sharing: {description: have partners make it better, needs: contract, use: disclosure, datasets: [events], recipients: [Skylark]}
recipients: {Skylark: {gets: [events], key: "SKYLARK"}}
guardians: {profile: 13 years}
approvers: {priya: "PRIYA"}
"""
STATEMENT = {name: f"what we say about {name} in a sentence" for name in SECTIONS}
PRIYA, SKYLARK, STRANGER = (Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2, 3))


def key_of(private: Ed25519PrivateKey, name: str) -> str:
    return str(VerifierKey(name, Algorithm.ED25519, private.public_key().public_bytes_raw()))


@pytest.fixture
def asked(home: Household) -> Household:
    """A household that tells the weather by whereabouts, and hands events of children to a partner."""
    text = home.map.read_text().replace("  participants: {store", "  participants: {categories: [user.location.precise], store", 1)
    home.map.write_text(text + MORE.replace("SKYLARK", key_of(SKYLARK, "skylark")).replace("PRIYA", key_of(PRIYA, "priya")))
    return home


def signed(private: Ed25519PrivateKey, said: bytes) -> str:
    return base64.b64encode(private.sign(said)).decode()


def soon(days: int = 300) -> datetime:
    return clock.now().replace(microsecond=0) + timedelta(days=days)


def reviewed(
    home: Household, decision: ReviewDecision = ReviewDecision.APPROVED, statement: dict[str, str] | None = None, days: int = 300
) -> None:
    review = UseReview("weather", decision, statement or STATEMENT, soon(days))
    with home.open() as opened:
        opened.uses.review(review, "priya", signed(PRIYA, opened.uses.message_of_review(review)))


def assured(home: Household, by: str = "Skylark", private: Ed25519PrivateKey = SKYLARK) -> None:
    given = Assurance("Skylark", b"We keep children's data secret, and erase it when asked.", soon())
    with home.open() as opened:
        opened.uses.assure(given, by, signed(private, opened.uses.message_of_assurance(given)))


def answers(home: Household, ahead: timedelta = timedelta()) -> dict[str, GateReason]:
    """What the gate says of one child for each purpose, alone and by the column, some time ahead."""
    with home.open() as opened:
        if ahead:
            later(opened, clock.now() + ahead)
        opened.gates.publish()
        gate = opened.gates.open()
        object.__setattr__(gate, "_now", opened.context.clock.now)
        found = {}
        for purpose in ("answering", "weather", "sharing"):
            found[purpose] = gate.may_use(Subject("profile", ANNA), purpose).reason
            passed = gate.allowed(pa.table({"who": [ANNA]}), "who", "profile", purpose)
            assert list(passed.tally.refused) == ([] if found[purpose] is GateReason.PERMITTED else [found[purpose]])
    return found


def owed(home: Household, ahead: timedelta = timedelta()) -> dict[str, str]:
    with home.open() as opened:
        if ahead:
            later(opened, clock.now() + ahead)
        return {each.what: f"{each.standing.value}: {each.why}" for each in opened.dues.all() if each.clock in ("review", "assurance")}


def today(home: Household) -> Iterator[str]:
    with home.open() as opened:
        return iter([each.today.value for each in opened.dues.obligations() if each.duty.id in ("AMZ-13", "COP-14")])


@pytest.mark.duty("AMZ-13", "COP-14")
def test_the_gate_refuses_what_no_record_allows_and_says_which(asked: Household) -> None:
    assert answers(asked) == {
        "answering": GateReason.PERMITTED,
        "weather": GateReason.NOT_REVIEWED,
        "sharing": GateReason.NO_ASSURANCE,
    }
    assert list(today(asked)) == ["no", "no"]
    assert owed(asked)["use of location weather"] == "overdue: no review of this use of location is entered; the gate refuses it"
    with asked.open() as opened:
        assert not opened.recipients.may_share("Skylark")
    reviewed(asked)
    assured(asked)
    assert set(answers(asked).values()) == {GateReason.PERMITTED}
    assert list(today(asked)) == ["met", "met"]
    with asked.open() as opened:
        assert opened.recipients.may_share("Skylark")


@pytest.mark.duty("AMZ-13", "COP-14")
def test_a_record_lapses_and_due_tells_when(asked: Household) -> None:
    reviewed(asked)
    assured(asked)
    assert set(owed(asked).values()) == {"running: it holds until then"}
    late = timedelta(days=301)
    assert answers(asked, late) == {
        "answering": GateReason.PERMITTED,
        "weather": GateReason.NOT_REVIEWED,
        "sharing": GateReason.NO_ASSURANCE,
    }
    found = owed(asked, late)
    assert found["use of location weather"].startswith("overdue: its review lapsed on ")
    assert found["recipient Skylark"].startswith("overdue: its written assurance lapsed on ")


@pytest.mark.duty("AMZ-13", "COP-14")
def test_a_snapshot_ends_with_the_first_record_that_lapses(asked: Household) -> None:
    reviewed(asked, days=2)
    assured(asked)
    with asked.open() as opened:
        opened.gates.publish()
        gate = opened.gates.open(max_age=timedelta(days=30))
        for passed, reason in ((timedelta(days=1), GateReason.PERMITTED), (timedelta(days=2), GateReason.STALE)):
            now = clock.now() + passed
            object.__setattr__(gate, "_now", lambda now=now: now)
            assert gate.may_use(Subject("profile", ANNA), "weather").reason is reason
    # A record without which nothing passes anyhow ends nothing.
    reviewed(asked, decision=ReviewDecision.REJECTED, days=2)
    with asked.open() as opened:
        opened.gates.publish()
        object.__setattr__(gate, "_now", lambda: clock.now() + timedelta(days=3))
        assert gate.may_use(Subject("profile", ANNA), "answering").reason is GateReason.PERMITTED


@pytest.mark.duty("AMZ-13")
def test_a_review_is_of_one_use_and_another_use_needs_another(asked: Household) -> None:
    reviewed(asked)
    asked.map.write_text(
        asked.map.read_text().replace("use: collection, datasets: [participants]", "use: training, datasets: [participants]")
    )
    assert answers(asked)["weather"] is GateReason.NOT_REVIEWED
    assert "the use has changed since its review" in owed(asked)["use of location weather"]


@pytest.mark.duty("AMZ-13")
def test_whereabouts_that_no_purpose_uses_cannot_be_reviewed(asked: Household) -> None:
    reviewed(asked)
    text = asked.map.read_text().replace("  events:\n", "  events:\n    categories: [user.location]\n", 1)
    asked.map.write_text(text.replace("datasets: [events], recipients", "datasets: [voice], recipients"))
    with asked.open() as opened:
        said = next(each for each in opened.dues.obligations() if each.duty.id == "AMZ-13")
    assert (said.today.value, said.why.partition(",")[0]) == ("no", "no purpose says what events is used for")


@pytest.mark.duty("AMZ-13")
def test_a_use_that_the_review_rejects_stays_refused(asked: Household) -> None:
    reviewed(asked, ReviewDecision.REJECTED)
    assert answers(asked)["weather"] is GateReason.NOT_REVIEWED
    reviewed(asked, ReviewDecision.CONDITIONAL, {**STATEMENT, "conditions": "only while somebody asks for the weather"})
    assert answers(asked)["weather"] is GateReason.PERMITTED
    with asked.open() as opened:
        opened.uses.end(RecordKind.REVIEW, "weather", by="priya", reason="a safeguard failed")
    assert answers(asked)["weather"] is GateReason.NOT_REVIEWED


@pytest.mark.duty("AMZ-13")
@pytest.mark.parametrize("section", SECTIONS)
def test_a_statement_says_everything_that_is_asked_for(asked: Household, section: str) -> None:
    with pytest.raises(UsageError, match=section):
        reviewed(asked, statement={**STATEMENT, section: "none"})


@pytest.mark.duty("AMZ-13", "COP-14")
def test_records_are_signed_by_whom_the_map_names_and_end_within_a_year(asked: Household) -> None:
    with pytest.raises(EvidenceInvalid, match="not the recipient's"):
        assured(asked, private=STRANGER)
    with pytest.raises(UsageError, match="no approver"):
        assured(asked, by="nobody")
    assured(asked, "priya", PRIYA)
    review = UseReview("weather", ReviewDecision.APPROVED, STATEMENT, soon())
    with asked.open() as opened:
        said = opened.uses.message_of_review(review)
        with pytest.raises(EvidenceInvalid, match="not this approver's"):
            opened.uses.review(UseReview("weather", ReviewDecision.APPROVED, STATEMENT, soon(299)), "priya", signed(PRIYA, said))
        with pytest.raises(UsageError, match="12 months"):
            opened.uses.message_of_review(UseReview("weather", ReviewDecision.APPROVED, STATEMENT, soon(400)))
        with pytest.raises(UsageError, match="no purpose 'answering' that uses geolocation"):
            opened.uses.message_of_review(UseReview("answering", ReviewDecision.APPROVED, STATEMENT, soon()))


@pytest.mark.duty("COP-14")
def test_an_assurance_covers_what_it_was_given_for_and_no_more(asked: Household) -> None:
    assured(asked)
    asked.map.write_text(asked.map.read_text().replace("gets: [events]", "gets: [events, voice]"))
    assert answers(asked)["sharing"] is GateReason.NO_ASSURANCE
    assert "does not cover voice" in owed(asked)["recipient Skylark"]
    with asked.open() as opened:
        assert not opened.recipients.may_share("Skylark")


@pytest.mark.duty("COP-14")
def test_who_gets_no_data_of_children_needs_no_assurance(asked: Household) -> None:
    asked.map.write_text(asked.map.read_text().replace("guardians: {profile: 13 years}\n", ""))
    assert answers(asked)["sharing"] is GateReason.PERMITTED


def test_everything_that_is_wrong_with_a_review_is_told_at_once(asked: Household, tmp_path: Path) -> None:
    review = tmp_path / "review.yaml"
    review.write_text(
        json.dumps({"purpose": "wether", "decision": "yes", "until": "next year", **STATEMENT, SECTIONS[0]: "none", "mood": "good"})
    )
    ran = command("review", "enter", review, "--map", asked.map)
    assert ran.code == 2
    for part in (
        "no purpose 'wether'",
        "decision: yes is none of",
        "until: next year is no date",
        f"too little, of {SECTIONS[0]}",
        "for: mood",
    ):
        assert part in ran.err, ran.err
    assert "say who signs" in ran.err
    review.write_text("{}")
    ran = command("review", "message", review, "--map", asked.map)
    assert all(f"{name} is missing" in ran.err for name in ("purpose", "decision", "until"))
    assert all(section in ran.err for section in SECTIONS)


@pytest.mark.duty("AMZ-13", "COP-14")
def test_both_are_entered_and_shown_on_the_command_line(asked: Household, tmp_path: Path) -> None:
    key, review, paper = tmp_path / "priya.pem", tmp_path / "review.yaml", tmp_path / "assurance.txt"
    key.write_bytes(PRIYA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    review.write_text(json.dumps({"purpose": "weather", "decision": "approved", "until": f"{soon():%Y-%m-%d}", **STATEMENT}))
    paper.write_text("We keep children's data secret.")
    until = f"{soon():%Y-%m-%d}"
    before = command("review", "list", "--json", "--map", asked.map).json["reviews"]
    assert before == [{"purpose": "weather", "holds": False, "until": None, "lacks": "no review of this use of location is entered"}]
    assert command("review", "message", review, "--map", asked.map).out.startswith("expunge review/1\nweather\n")
    assert command("review", "enter", review, "--as", "priya", "--key", key, "--map", asked.map).code == 0
    assert command("review", "list", "--json", "--map", asked.map).json["reviews"][0]["holds"] is True
    told = ("recipient", "assure", "Skylark", paper, "--until", until, "--map", asked.map)
    assert command(*told, "--message").out.startswith("expunge assurance/1\nSkylark\nevents\n")
    assert command(*told, "--as", "priya", "--key", key, "--json").json["datasets"] == ["events"]
    assert command("recipient", "assurances", "--json", "--map", asked.map).json["assurances"][0]["holds"] is True
    assert command("recipient", "unassure", "Skylark", "--by", "priya", "--reason", "it was sold", "--map", asked.map).code == 0
    assert command("recipient", "assurances", "--json", "--map", asked.map).json["assurances"][0]["holds"] is False
    assert command("review", "end", "weather", "--by", "priya", "--reason", "a safeguard failed", "--map", asked.map).code == 0
    assert command("due", "--map", asked.map).code == 1
