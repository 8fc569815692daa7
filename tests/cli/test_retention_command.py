"""``expunge retention`` as a shell sees it: what it says, what it answers in JSON, and its exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from expunge.cli.terminal.exit_codes import Exit
from expunge.core.note import Algorithm, VerifierKey
from tests.cli.running import expunge
from tests.engine.consent.test_approvals import OFFICERS, approve, signed
from tests.engine.household import ANNA, BELA, DINO, SAID, Household, build, copy
from tests.engine.retention.test_retention import aged, events, with_schedules


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Household:
    return build(tmp_path_factory.mktemp("household") / "home")


@pytest.fixture
def home(template: Household, tmp_path: Path) -> Household:
    made = with_schedules(copy(template, tmp_path / "home"))
    events(made, anna=3)
    return made


def test_a_preview_draws_ages_and_changes_nothing(home: Household) -> None:
    aged(home, ANNA, 95)
    aged(home, BELA, 40)
    ran = expunge("retention", "preview", "--set", "voice='30 days'", cwd=home.folder)
    assert ran.code == Exit.CHANGES
    assert "voice: voice, 90 days from modified: 2 items due today" in ran.out
    assert "with 30 days: 2 items more" in ran.out
    assert "█" in ran.out
    assert "accounts: life" in ran.out
    assert "without a time in closed_at" in ran.out
    told = {
        each["dataset"]: each
        for each in expunge("retention", "preview", "--set", "voice=2 years", "--json", cwd=home.folder).json["datasets"]
    }
    assert told["voice"]["due"]["items"] == 2
    assert told["voice"]["proposed"] == {"period": "2 years", "due": {"items": 0, "bytes": 0}}
    assert told["transcripts"]["goes_with"] == "voice"
    assert home.search(*SAID[ANNA], where=("world",))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("voice", "names no period"),
        ("voice=forever", "whole number and a unit"),
        ("voice=0 days", "longer than nothing"),
        ("vioce=3 days", "the map has no retention vioce"),
    ],
)
def test_a_change_that_is_none_is_said(home: Household, change: str, complaint: str) -> None:
    ran = expunge("retention", "preview", "--set", change, cwd=home.folder)
    assert ran.code == Exit.USAGE
    assert complaint in ran.err


def test_a_run_erases_what_is_due_and_leaves_a_receipt(home: Household) -> None:
    aged(home, ANNA, 95)
    assert expunge("retention", "run", "--dry-run", cwd=home.folder).code == Exit.CHANGES
    assert expunge("retention", "run", cwd=home.folder).code == Exit.USAGE, "nobody is there to be asked"
    assert home.search(SAID[ANNA][1], where=("world",))
    ran = expunge("retention", "run", "--yes", "--out", "receipts", cwd=home.folder)
    assert ran.code == Exit.OK, ran.err
    assert "voice: 2 items before" in ran.out
    assert "fulfilled" in ran.out
    assert home.search(SAID[ANNA][1]) == []
    verified = expunge("receipt", "verify", home.folder / "receipts" / "1", cwd=home.folder)
    assert verified.code == Exit.OK, verified.err
    assert expunge("retention", "run", "--yes", cwd=home.folder).out == "nothing has outlived its period\n"
    assert expunge("retention", "preview", cwd=home.folder).code == Exit.OK


def test_a_run_answers_in_json(home: Household) -> None:
    aged(home, ANNA, 95)
    told = expunge("retention", "run", "--yes", "--json", cwd=home.folder).lines[-1]
    assert [(each["dataset"], each["schedule"], each["items"]) for each in told["due"]] == [("voice", "voice", 2)]
    assert [each["state"] for each in told["orders"]] == ["fulfilled"]


def test_unused_profiles_are_flagged_named_on_demand_and_kept(home: Household) -> None:
    told = "member_of: account, inactive_after: 18 months, last_used: {voice: modified}}"
    home.map.write_text(home.map.read_text().replace("key: profile_id, member_of: account}", f"key: profile_id, {told}"))
    aged(home, DINO, 600)
    ran = expunge("retention", "inactive", "--yes", "--names", cwd=home.folder)
    assert ran.code == Exit.OK, ran.err
    assert f"profile:{DINO}: last used" in ran.out
    assert DINO not in expunge("retention", "inactive", "--yes", cwd=home.folder).out
    assert expunge("retention", "keep", f"profile:{DINO}", "--by", "the parent", cwd=home.folder).code == Exit.OK
    again = expunge("retention", "keep", f"profile:{DINO}", "--by", "the parent", cwd=home.folder)
    assert (again.code, "the profile is kept" in again.err) == (Exit.USAGE, True)


def test_a_policy_is_published_and_a_false_sentence_is_loud(home: Household) -> None:
    ran = expunge("retention", "publish", "public", cwd=home.folder)
    assert ran.code == Exit.OK, ran.out
    assert (home.folder / "public" / "policy.html").exists()
    assert expunge("retention", "claims", cwd=home.folder).code == Exit.OK
    aged(home, ANNA, 95)
    ran = expunge("retention", "claims", cwd=home.folder)
    assert ran.code == Exit.FAILED
    assert "CLAIM NOW FALSE: Voice and transcripts are kept for 90 days" in ran.out
    (false,) = [each for each in expunge("retention", "claims", "--json", cwd=home.folder).json["claims"] if not each["true"]]
    assert (false["claim"], false["evidence"]) == ("retention.voice", "2 items overdue")
    ran = expunge("retention", "publish", "later", cwd=home.folder)
    assert (ran.code, (home.folder / "later").exists()) == (Exit.FAILED, False)
    assert "NOT PUBLISHED: 1 of " in ran.out
    assert "(retention.voice: 2 items overdue). Nothing was written." in ran.out
    assert expunge("retention", "publish", "later", "--json", cwd=home.folder).json["published"] is False
    blocked = home.folder / "file"
    blocked.write_text("")
    expunge("retention", "run", "--yes", cwd=home.folder)
    ran = expunge("retention", "publish", blocked / "public", cwd=home.folder)
    assert (ran.code, "cannot be written" in ran.err) == (Exit.FAILED, True)


def test_what_may_be_collected_is_asked_before(home: Household) -> None:
    assert expunge("retention", "may-collect", "voice", cwd=home.folder).code == Exit.OK
    ran = expunge("retention", "may-collect", "voice", "gait", cwd=home.folder)
    assert ran.code == Exit.FAILED
    assert "gait: may NOT be collected" in ran.out


def test_where_plans_need_approval_a_run_waits_for_it_and_then_goes_on(home: Household) -> None:
    keys = {name: VerifierKey(name, Algorithm.ED25519, key.public_key().public_bytes_raw()) for name, key in OFFICERS.items()}
    approvers = "approvers:\n" + "".join(f'  {each}: "{key}"\n' for each, key in keys.items())
    home.map.write_text(home.map.read_text().replace("identities:", f"{approvers}identities:", 1))
    aged(home, ANNA, 95)
    ran = expunge("retention", "run", "--yes", cwd=home.folder)
    assert ran.code == Exit.WAITING
    assert home.search(SAID[ANNA][1], where=("world",)), "nothing is erased before somebody else has looked"
    (order,) = [each["order"] for each in expunge("status", "--json", cwd=home.folder).json["orders"]]
    approve(home, order, "officer", signed(home, order))
    ran = expunge("retention", "run", "--yes", cwd=home.folder)
    assert ran.code == Exit.OK, ran.err
    assert order in ran.out
    assert home.search(SAID[ANNA][1]) == []
