"""Recertification as an operator sees it: what falls due, what lapsed, what is not used, and what a pack of evidence says of it."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from expunge import clock
from expunge.bootstrap import Expunge
from expunge.bootstrap.accounts.staffing import NewEquivalence
from expunge.core.accounts.staff import JobFunction, StaffRight
from expunge.core.accounts.staff_acts import ConfirmRights, EndEquivalence, InviteStaff, RevokeRights
from expunge.core.accounts.staff_events import AccessMethod, StaffReason
from expunge.core.accounts.staff_state import StaffStanding
from expunge.core.datamap.clocks import ClockState
from expunge.core.note import Algorithm, VerifierKey
from expunge.core.values.copy import Finding, FindingKind
from expunge.errors import EvidenceInvalid, Refused, UsageError
from tests.cli.running import expunge
from tests.engine.household import Household
from tests.engine.reports.packs import Set, check, packed

R, F = StaffRight, JobFunction
NOON = datetime(2031, 5, 2, 12, tzinfo=UTC)
HEAD = Ed25519PrivateKey.from_private_bytes(sha256(b"programme head").digest())
OTHER = Ed25519PrivateKey.from_private_bytes(sha256(b"another approver").digest())


def approvers(home: Household) -> None:
    """The map names the programme head and another approver."""
    keys = {"programme-head": HEAD, "officer": OTHER}
    lines = (f'  {name}: "{VerifierKey(name, Algorithm.ED25519, key.public_key().public_bytes_raw())}"\n' for name, key in keys.items())
    home.map.write_text(home.map.read_text() + "approvers:\n" + "".join(lines))


def comes(opened: Expunge, label: str, function: JobFunction) -> str:
    return opened.staff.directory().redeem(opened.staff.decide(InviteStaff(label, function)).secret)


def of_staff(found: tuple[Finding, ...]) -> list[tuple[FindingKind, str, str]]:
    return [(each.kind, each.where, each.what) for each in found if each.store == "staff"]


@pytest.mark.duty("RNG-18", "AMZ-16", "FAIL-05")
def test_what_falls_due_is_announced_and_what_lapsed_or_is_not_used_is_named(home: Household) -> None:
    clock = Set(NOON)
    with Expunge.open(home.map, clock=clock) as opened:
        assert of_staff(opened.check()) == []
        comes(opened, "admin-1", F.ADMINISTRATOR)
        desk = comes(opened, "desk-1", F.REVIEWER)
        directory = opened.staff.directory()
        for month in range(11):
            clock.at = NOON + timedelta(days=30 * month)
            directory.note_use(desk, R.REQUEST_VIEWS)
        found = {where: (kind, what) for kind, where, what in of_staff(opened.check()) if kind is FindingKind.NOTE}
        assert found == {"desk-1": (FindingKind.NOTE, "rights of desk-1 were not used for 90 days: see-views")}
        idle = [what for kind, where, what in of_staff(opened.check()) if where == "admin-1"]
        assert idle == ["admin-1 was not seen for 90 days, and is closed"]
        assert [each.used.isoformat() if each.used else None for each in opened.staff.review().rights if each.account == desk] == [
            clock.at.date().isoformat(),
            None,
        ]
        due = {each.what: each for each in opened.dues.all() if each.clock == "staff"}
        assert due["rights of desk-1 as reviewer"].at is not None
        assert due["rights of desk-1 as reviewer"].standing is ClockState.RUNNING
        clock.at = NOON + timedelta(days=337)
        directory.note_seen(desk)
        soon = [what for kind, where, what in of_staff(opened.check()) if kind is FindingKind.STAFF and where == "desk-1"]
        assert soon == ["rights of desk-1 lapse on 2032-05-02 unless they are confirmed: request-views, see-views"]
        keep = ConfirmRights(desk, F.REVIEWER, (R.REQUEST_VIEWS,), (R.SEE_VIEWS,), StaffReason.UNUSED, "SEC-3")
        opened.staff.decide(keep)
        assert [each for each in of_staff(opened.check()) if each[1] == "desk-1"] == []
        reviewed = opened.staff.review()
        assert [(each.what, each.rights, each.reference) for each in reviewed.decisions] == [
            ("kept", ("request-views",), "SEC-3"),
            ("revoked", ("see-views",), "SEC-3"),
        ]
        assert directory.rights(desk) == {R.REQUEST_VIEWS}, "the proof of a revocation: it gives nothing any more"
        clock.at = NOON + timedelta(days=366)
        lapsed = [what for kind, where, what in of_staff(opened.check()) if where == "admin-1" and "lapsed" in what]
        assert lapsed == ["rights of admin-1 lapsed, because they were not confirmed for twelve months: manage-staff, read-staff"]
        due = {each.what: each for each in opened.dues.all() if each.clock == "staff"}
        assert due["rights of admin-1 as administrator"].standing is ClockState.OVERDUE
        assert due["rights of desk-1 as reviewer"].standing is ClockState.RUNNING
        for right in (R.MANAGE_STAFF, R.READ_STAFF):
            opened.staff.decide(RevokeRights(opened.staff.named("admin-1"), F.ADMINISTRATOR, (right,), StaffReason.LEFT))
        assert not [each for each in opened.dues.all() if each.clock == "staff" and each.standing.overdue]


@pytest.mark.duty("AMZ-16", "FAIL-05")
def test_a_pack_of_evidence_has_the_register_the_last_recertification_and_what_is_not_used(home: Household, tmp_path: Path) -> None:
    clock = Set(NOON)
    with Expunge.open(home.map, clock=clock) as opened:
        comes(opened, "admin-1", F.ADMINISTRATOR)
        desk = comes(opened, "desk-1", F.REVIEWER)
        clock.at += timedelta(days=80)
        opened.staff.directory().note_use(desk, R.REQUEST_VIEWS)
        clock.at += timedelta(days=20)
        opened.staff.decide(ConfirmRights(desk, F.REVIEWER, (R.REQUEST_VIEWS, R.SEE_VIEWS), (), StaffReason.NEEDED, "SEC-3"))
    files = packed(home, tmp_path / "evidence.zip")
    check(files)
    said = json.loads(files["policy/staff.json"])
    assert [(each["label"], each["seen"]) for each in said["accounts"]] == [("admin-1", None), ("desk-1", "2031-07-21")]
    rights = {(each["function"], each["right"]): each for each in said["rights"]}
    assert rights["reviewer", "request-views"]["used"] == "2031-07-21"
    assert rights["reviewer", "see-views"]["confirmed"] == "2031-08-10T12:00:00Z"
    assert [(each["what"], each["rights"], each["by"], each["reference"]) for each in said["recertification"]] == [
        ("kept", ["request-views", "see-views"], "at the machine", "SEC-3")
    ]
    held = {(each["function"], each["right"]) for each in said["rights"] if each["holds"] == "held"}
    assert held == {("reviewer", "request-views"), ("reviewer", "see-views")}, "the rest lapsed by the day of the pack"
    assert {(each["function"], each["right"], each["used"]) for each in said["unused"]} == {
        ("reviewer", "request-views", "2031-07-21"),
        ("reviewer", "see-views", None),
    }


@pytest.mark.duty("RNG-17")
def test_an_equivalence_is_what_the_programme_head_signed_and_ends(home: Household) -> None:
    """Not another approver, not over another explanation, not for longer than a year; and it ends on its day."""
    approvers(home)
    clock = Set(NOON)
    with Expunge.open(home.map, clock=clock) as opened:
        desk = comes(opened, "desk-1", F.REVIEWER)
        until = NOON + timedelta(days=90)
        new = opened.staff.equivalence("desk-1", AccessMethod.TOTP, b"why codes are as good here", "SEC-17", until)
        assert desk in new.message.decode()

        def sign(key: Ed25519PrivateKey, what: NewEquivalence) -> str:
            return base64.b64encode(key.sign(what.message)).decode()

        other = opened.staff.equivalence("desk-1", AccessMethod.TOTP, b"another text", "SEC-17", until)
        for signed in (sign(OTHER, new), sign(HEAD, other)):
            with pytest.raises(EvidenceInvalid):
                opened.staff.record_equivalence(new, signed)
        for ends in (NOON, NOON + timedelta(days=367)):
            with pytest.raises(UsageError, match="within twelve months"):
                opened.staff.equivalence("desk-1", AccessMethod.TOTP, b"why", "SEC-17", ends)
        with pytest.raises(UsageError, match="reference"):
            opened.staff.equivalence("desk-1", AccessMethod.TOTP, b"why", "the paper of Ann Lee", until)
        invited = opened.staff.decide(InviteStaff("desk-2", F.REVIEWER)).account
        early = NewEquivalence(invited, AccessMethod.TOTP, new.digest, "SEC-17", until)
        with pytest.raises(Refused, match="not enrolled"):
            opened.staff.record_equivalence(early, sign(HEAD, early))
        directory = opened.staff.directory()

        def counts() -> AccessMethod | None:
            member = directory.member(desk)
            return member.equivalence if member else None

        assert counts() is None
        opened.staff.record_equivalence(new, sign(HEAD, new))
        assert counts() is AccessMethod.TOTP
        opened.staff.decide(EndEquivalence(desk))
        assert counts() is None
        opened.staff.record_equivalence(new, sign(HEAD, new))
        clock.at = until - timedelta(seconds=1)
        assert counts() is AccessMethod.TOTP
        clock.at = until
        assert counts() is None, "on its day it has ended"
        with pytest.raises(Refused, match="no equivalence holds"):
            opened.staff.decide(EndEquivalence(desk))
        member = directory.member(desk)
        assert member is not None
        assert member.standing is StaffStanding.ACTIVE, "an equivalence that ended closes no account by itself"


def test_no_equivalence_where_the_map_names_no_programme_head(home: Household) -> None:
    with Expunge.open(home.map, clock=Set(NOON)) as opened:
        desk = comes(opened, "desk-1", F.REVIEWER)
        new = NewEquivalence(desk, AccessMethod.TOTP, "0" * 64, "SEC-17", NOON + timedelta(days=9))
        with pytest.raises(UsageError, match="programme-head"):
            opened.staff.record_equivalence(new, "")


def test_the_clock_does_not_go_back_behind_what_was_written_before_a_day_was_noted(home: Household) -> None:
    """A note of use says a day alone: its midnight is no sign of how late it was."""
    with Expunge.open(home.map, clock=Set(NOON)) as opened:
        desk = comes(opened, "desk-1", F.REVIEWER)
        opened.staff.directory().note_use(desk, R.REQUEST_VIEWS)
    with Expunge.open(home.map, clock=Set(NOON - timedelta(hours=6))) as opened:
        assert opened.context.clock.now() == NOON


def test_the_command_line_tells_and_decides(home: Household, tmp_path: Path) -> None:
    """Every verb, in words and in JSON; a secret is shown once, and what is refused has its own exit code."""
    approvers(home)
    key = tmp_path / "head.pem"
    key.write_bytes(HEAD.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "why.md").write_text("Codes and a locked room.\n")

    def run(*arguments: str, code: int = 0) -> str:
        ran = expunge("staff", *arguments, env={"EXPUNGE_MAP": str(home.map)})
        assert ran.code == code, ran.out + ran.err
        return ran.out + ran.err

    assert "no account of staff" in run("list")
    assert "officer" in run("functions")
    first = run("first-link").split()[0]
    made = json.loads(run("invite", "desk-1", "--function", "reviewer", "--user", "priya", "--json"))
    with home.open() as opened:
        admin = opened.staff.directory().redeem(first)
        desk = opened.staff.directory().redeem(made["secret"])
    assert made["account"] == desk
    assert "the first administrator is enrolled" in run("first-link", code=1)
    listed = json.loads(run("list", "--json"))["accounts"]
    assert [(each["label"], each["standing"], each["user"]) for each in listed] == [
        ("first-administrator", "active", None),
        ("desk-1", "active", "priya"),
    ]
    assert made["secret"] not in run("list", "--json")
    assert "enter-orders" in run("grant", "desk-1", "--function", "operator", "--reference", "HR-7")
    assert "see-views" not in run("revoke", "desk-1", "--function", "reviewer", "--right", "see-views", "--reason", "unused")
    assert "suspended; may nothing now" in run("suspend", desk[:8], "--reason", "away")
    assert "active" in run("restore", desk)
    assert "last account" in run("suspend", "first-administrator", "--reason", "left", code=1)
    review = json.loads(run("review", "--json"))
    assert {(each["label"], each["right"]) for each in review["rights"]} >= {("desk-1", "enter-orders"), ("desk-1", "request-views")}
    assert "no right of staff is open" in run("review", "--open")
    assert "each right has to be kept or revoked" in run("confirm", "desk-1", "--function", "operator", "--keep", "enter-orders", code=2)
    said = run("confirm", "desk-1", "--function", "operator", "--keep", "all", "--revoke", "follow-orders")
    assert "follow-orders" not in said
    assert "kept enter-orders, execute-orders as operator: needed" in run("review")
    explained = ("equivalence", "desk-1", str(tmp_path / "why.md"), "--method", "totp", "--reference", "SEC-17")
    until = ("--until", (clock.now() + timedelta(days=60)).date().isoformat())
    assert "expunge equivalence/1" in run(*explained, *until, "--message")
    assert "totp counts until" in run(*explained, *until, "--key", str(key))
    assert json.loads(run("list", "--json"))["accounts"][1]["equivalence"]["reference"] == "SEC-17"
    assert "active" in run("equivalence", "desk-1", "--end")
    assert "choose one of" in run("invite", "desk-2", "--function", "king", code=2)
    assert "no account of that name" in run("restore", "nobody", code=2)
    assert "invited" in run("invite", "desk-3", "--function", "operator")
    assert "expired" in run("withdraw", "desk-3")
    assert admin in run("list")
