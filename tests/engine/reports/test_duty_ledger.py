"""The ledger: what people did, as signed records in the log, and what they still owe by the clocks of the orders."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from expunge import Expunge, faults
from expunge.cli.terminal.evidence_files import read_pack
from expunge.core.datamap.clocks import ClockState
from expunge.core.verification import ledger_record
from expunge.core.verification.ledger_record import LedgerKind
from expunge.errors import EvidenceInvalid, UsageError
from tests.cli.running import expunge as command
from tests.cli.running import invoke
from tests.engine.household import ANNA, Household
from tests.engine.reports.packs import Set, check, erase, rows, signed_again, without

ENTRY = datetime(2031, 5, 2, 12, tzinfo=UTC)
LAWS = (
    "laws: [ring-training, ring-order-handed-over, ring-acknowledged, ring-request-for-records, ring-certification, ring-report, {more}]\n"
)
CLOCKS = LAWS.format(more="ring-change, ring-order-acknowledged, alexa-order-handed-over")
PAPER = sha256(b"a signed paper").hexdigest()
NO_ROLES = (
    *("Anna Miller born 1990-01-01 HIV", "anna miller born 1990-01-01", "born 19900101", "born 1 jan 90", "jan-1-90", "mia@owl.example"),
    *("call 030-1234", "https://owl.example", "manager  of deletion", "a b c d e f", "x" * 31, "rôle", "manager\n", "-", "1 manager"),
)
NAME = "Wilhelmina Thistledown"


@contextmanager
def at(home: Household, when: datetime = ENTRY) -> Iterator[Expunge]:
    with Expunge.open(home.map, clock=Set(when)) as expunge:
        yield expunge


def owed(home: Household, when: datetime = ENTRY) -> dict[str, tuple[str, ClockState]]:
    """Clock -> the day on which it ends, and how it stands."""
    with at(home, when) as expunge:
        return {each.clock: (f"{each.at:%Y-%m-%d}", each.standing) for each in expunge.dues.all()}


def enter(home: Household, kind: LedgerKind, when: date = ENTRY.date(), *about: str, paper: str = PAPER, **said: str) -> str:
    with at(home) as expunge:
        return expunge.records.enter(kind, when, about=about, document=paper, **said).record.id


@pytest.fixture
def company(home: Household) -> Household:
    home.write_map(extra=CLOCKS)
    return home


@pytest.mark.duty("AMZ-15", "RNG-15")
def test_training_is_due_a_year_after_the_role_began_and_a_year_after_the_last_one(company: Household) -> None:
    assert "ring-training" not in owed(company)
    role = enter(company, LedgerKind.ROLE, date(2030, 9, 1), role="deletion manager", person=NAME)
    assert owed(company)["ring-training"] == ("2031-09-01", ClockState.RUNNING)
    assert owed(company, datetime(2031, 9, 1, 4, tzinfo=UTC))["ring-training"][1] is ClockState.OVERDUE
    enter(company, LedgerKind.TRAINING, date(2031, 3, 15), role)
    enter(company, LedgerKind.TRAINING, date(2030, 10, 1), role)
    assert owed(company)["ring-training"] == ("2032-03-15", ClockState.RUNNING)
    enter(company, LedgerKind.ROLE_ENDED, date(2031, 4, 1), role)
    assert "ring-training" not in owed(company)


@pytest.mark.duty("AMZ-19", "RNG-31")
def test_an_order_is_handed_to_each_role_and_acknowledged_in_time(company: Household) -> None:
    early = enter(company, LedgerKind.ROLE, date(2029, 1, 1), role="deletion manager", person=NAME)
    order = enter(company, LedgerKind.ORDER, date(2031, 4, 20), role="ftc-v-ring")
    now = owed(company)
    assert now["ring-order-handed-over"] == ("2031-05-20", ClockState.RUNNING)
    assert now["alexa-order-handed-over"] == ("2031-04-30", ClockState.OVERDUE)
    assert now["ring-order-acknowledged"][0] == "2031-04-27"
    handed = enter(company, LedgerKind.HAND_OVER, date(2031, 4, 25), order, early)
    assert {"ring-order-handed-over", "alexa-order-handed-over"} & owed(company).keys() == set()
    assert owed(company)["ring-acknowledged"] == ("2031-05-25", ClockState.RUNNING)
    enter(company, LedgerKind.ACKNOWLEDGEMENT, date(2031, 5, 1), handed, signed_by="deletion manager")
    assert "ring-acknowledged" not in owed(company)
    # Who begins after the entry has it before they begin: at the latest on that day.
    enter(company, LedgerKind.ROLE, date(2031, 5, 1), role="deletion manager", person="Ottokar Feather")
    assert owed(company)["alexa-order-handed-over"] == ("2031-05-02", ClockState.OVERDUE)
    enter(company, LedgerKind.ORDER_ACKNOWLEDGED, date(2031, 4, 22), order, signed_by="officer")
    assert "ring-order-acknowledged" not in owed(company)


@pytest.mark.duty("AMZ-18", "RNG-28", "AMZ-20", "RNG-31")
def test_certifications_fall_due_each_year_and_a_report_and_a_notice_once(company: Household) -> None:
    order = enter(company, LedgerKind.ORDER, date(2030, 5, 10), role="ftc-v-ring")
    now = owed(company)
    assert (now["ring-certification"][0], now["ring-report"][0]) == ("2031-05-10", "2031-05-10")
    enter(company, LedgerKind.CERTIFICATION, date(2031, 5, 1), order, signed_by="principal executive officer")
    enter(company, LedgerKind.REPORT, date(2031, 5, 1), order, signed_by="principal executive officer")
    assert owed(company)["ring-certification"] == ("2032-05-01", ClockState.RUNNING)
    assert "ring-report" not in owed(company)
    change = enter(company, LedgerKind.CHANGE, date(2031, 5, 1), role="point of contact")
    assert owed(company)["ring-change"] == ("2031-05-15", ClockState.RUNNING)
    enter(company, LedgerKind.NOTICE, date(2031, 5, 2), change, signed_by="officer")
    assert "ring-change" not in owed(company)


@pytest.mark.duty("AMZ-22", "RNG-33")
def test_a_request_for_records_is_due_in_14_days_until_it_is_answered(company: Household) -> None:
    request = enter(company, LedgerKind.REQUEST, date(2031, 4, 28), role="the commission")
    assert owed(company)["ring-request-for-records"] == ("2031-05-12", ClockState.RUNNING)
    assert owed(company, datetime(2031, 5, 12, 4, tzinfo=UTC))["ring-request-for-records"][1] is ClockState.OVERDUE
    enter(company, LedgerKind.ANSWER, date(2031, 5, 1), request)
    assert "ring-request-for-records" not in owed(company)


@pytest.mark.duty("AMZ-15", "AMZ-19")
def test_records_are_in_the_log_and_in_the_pack_and_one_that_is_left_out_is_named(company: Household, tmp_path: Path) -> None:
    role = enter(company, LedgerKind.ROLE, role="deletion manager", person=NAME)
    erase(company, ENTRY, f"profile:{ANNA}")
    training = enter(company, LedgerKind.TRAINING, ENTRY.date(), role)
    with at(company) as expunge:
        assert expunge.rollback is None
        assert expunge.records.verify_ledger() == (role, training)
        assert [each.logged.index for each in expunge.records.ledger() if each.logged] == [0, 2]
        assert len({each.record.person for each in expunge.records.ledger()}) == 1
        expunge.records.pack(tmp_path / "evidence.zip")
    files = dict(read_pack(tmp_path / "evidence.zip"))
    assert (check(files).receipts, check(files).ledger) == (1, 2)
    assert [(each["what"], each["about"], each["entry"]) for each in rows(files, "ledger")] == [("role", [], 0), ("training", [role], 2)]
    with pytest.raises(EvidenceInvalid, match="entry 2 of the log has no receipt and no record in the pack"):
        check(signed_again(company, without(files, f"ledger/{training}/")))
    everything = b"\n".join(files.values()).lower()
    assert b"wilhelmina" not in everything
    assert company.search(NAME, "Wilhelmina", where=("state",)) == []


@pytest.mark.parametrize("passes", [1, 2])
def test_a_crash_leaves_one_record_and_one_leaf(company: Household, passes: int) -> None:
    with at(company) as expunge, faults.arm("journal.register:before", "fail", passes), pytest.raises(OSError, match="failpoint"):
        expunge.records.enter(LedgerKind.ROLE, ENTRY.date(), role="deletion manager")
    with at(company) as expunge:
        assert expunge.rollback is None
        known = expunge.records.verify_ledger()
        assert len(known) == passes - 1
        assert expunge.context.log.head().size == passes - 1
        expunge.records.enter(LedgerKind.ROLE, ENTRY.date(), role="deletion manager")
        assert expunge.context.log.head().size == passes


def test_a_journal_that_forgot_a_record_is_noticed(company: Household, tmp_path: Path) -> None:
    shutil.copytree(company.state, tmp_path / "before")
    enter(company, LedgerKind.ROLE, role="deletion manager")
    for path in company.state.glob("state.db*"):
        path.unlink()
    for path in (tmp_path / "before").glob("state.db*"):
        shutil.copy(path, company.state / path.name)
    with at(company) as expunge:
        assert expunge.rollback is not None


def test_what_makes_no_sense_is_refused(company: Household) -> None:
    role = enter(company, LedgerKind.ROLE, role="deletion manager")
    for kind, about, said, why in (
        *((LedgerKind.ROLE, (), {"role": words}, "at most 5 words of small letters") for words in NO_ROLES),
        (LedgerKind.ASSURANCE, (), {"role": "a provider", "signed_by": "Anna Miller"}, "at most 5 words of small letters"),
        (LedgerKind.ROLE, (), {}, "says nobody"),
        (LedgerKind.TRAINING, (), {}, "one of kind role"),
        (LedgerKind.TRAINING, ("led-0000000000000000",), {}, "one of kind role"),
        (LedgerKind.HAND_OVER, (role, role), {}, "order and one of kind role, in this sequence"),
        (LedgerKind.ASSURANCE, (), {"role": "a provider", "paper": ""}, "needs the document"),
    ):
        with pytest.raises(UsageError, match=why):
            enter(company, kind, ENTRY.date(), *about, **said)
    with pytest.raises(UsageError, match="has not come"):
        enter(company, LedgerKind.ROLE, date(2031, 6, 1), role="deletion manager")
    enter(company, LedgerKind.ROLE_ENDED, ENTRY.date(), role)
    with pytest.raises(UsageError, match="has ended"):
        enter(company, LedgerKind.TRAINING, ENTRY.date(), role)


def test_no_byte_of_a_record_can_be_changed(company: Household) -> None:
    enter(company, LedgerKind.ASSURANCE, role="a provider", signed_by="counsel")
    with at(company) as expunge:
        (files,) = (each.files for each in expunge.records.ledger())
    envelope, signer = files[ledger_record.RECORD], files[ledger_record.SIGNER]
    assert ledger_record.verify(envelope, signer).record.document == PAPER
    for place in range(0, len(envelope), 7):
        changed = envelope[:place] + bytes([envelope[place] ^ 1]) + envelope[place + 1 :]
        with pytest.raises(EvidenceInvalid):
            ledger_record.verify(changed, signer)


def test_the_commands_add_list_and_verify(company: Household, tmp_path: Path) -> None:
    (tmp_path / "signed.pdf").write_bytes(b"a signed paper")
    made = command(
        "ledger", "add", "role", "--on", "2026-01-05", "--role", "deletion manager", "--person", NAME, "--map", company.map, "--json"
    )
    assert made.code == 0, made.err
    missing = command("ledger", "add", "role", "--on", "2026-01-05", "--person", "-", "--map", company.map)
    assert (missing.code, "no name was given" in missing.err) == (2, True), missing.err
    told = ("--about", made.json["id"], "--document", tmp_path / "signed.pdf", "--signed-by", "trainer")
    assert command("ledger", "add", "training", "--on", "2026-02-01", *told, "--map", company.map).code == 0
    listed = command("ledger", "list", "--map", company.map, "--json").json["records"]
    assert [(each["kind"], each["document"], each["entry"]) for each in listed] == [("role", "", 0), ("training", PAPER, 1)]
    assert listed[0]["person"] == listed[1]["person"]
    assert NAME not in command("ledger", "list", "--map", company.map).out
    assert "2 records" in command("ledger", "verify", "--map", company.map).out
    assert command("ledger", "add", "lesson", "--on", "2026-02-01", "--map", company.map).code == 2


def test_a_name_is_read_from_stdin_where_it_is_not_to_stand_in_the_shell_s_history(company: Household) -> None:
    arguments = ["ledger", "add", "role", "--on", "2026-01-05", "--person", "-", "--map", str(company.map), "--json"]
    done = invoke(*arguments, typed=f"{NAME}\n")
    assert done.exit_code == 0, done.stderr
    named = enter(company, LedgerKind.ROLE, person=NAME)
    with at(company) as expunge:
        people = {each.record.id: each.record.person for each in expunge.records.ledger()}
    assert json.loads(done.stdout)["person"] == people[named]


@pytest.mark.duty("AMZ-19", "RNG-31")
def test_obligations_say_what_the_ledger_lacks_and_what_is_overdue(company: Household) -> None:
    def said(duty: str, when: datetime = ENTRY) -> tuple[str, str]:
        with at(company, when) as expunge:
            return next((each.today.value, each.why) for each in expunge.dues.obligations() if each.duty.id == duty)

    assert "no order is entered in the ledger" in said("AMZ-19")[1]
    order = enter(company, LedgerKind.ORDER, date(2031, 4, 30), role="ftc-v-ring")
    role = enter(company, LedgerKind.ROLE, date(2031, 4, 1), role="deletion manager")
    assert said("AMZ-19")[0] == "met"
    late = datetime(2031, 5, 12, tzinfo=UTC)
    assert f"order {order} for role {role} (deletion manager) (alexa-order-handed-over)" in said("AMZ-19", late)[1]
    enter(company, LedgerKind.REQUEST, date(2031, 4, 28), role="the commission")
    assert (said("RNG-33")[0], said("RNG-33", late)[0]) == ("met", "no")
    company.write_map()
    assert "names no clock" in said("AMZ-19")[1]
