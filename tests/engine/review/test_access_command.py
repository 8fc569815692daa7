"""The commands of an officer: rules and their examples, sets of earlier days, training, and the replay of a year."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest

from expunge import clock
from expunge.bootstrap import Expunge
from expunge.core.journal.review_events import ViewServed
from expunge.core.journal.review_words import Clarity, ReviewPurpose
from expunge.core.review.statements import ACCESS_ROLE, purpose_role
from expunge.engine.kernel.journal_streams import REVIEWS, read_register, register
from expunge.engine.reports import all_deadlines
from expunge.errors import Misconfigured
from tests.cli.running import expunge as command
from tests.engine.families.recorded_company import Company
from tests.engine.review.desk_company import OFFICER, PURPOSES, REVIEWER, at_desk
from tests.engine.review.test_desk import leased

DESK = """review:
  hours: {days: [monday, tuesday, wednesday, thursday, friday, saturday, sunday], from: "00:00", until: "24:00"}
  lease: 15 minutes
  policies: ./policies
"""
OWN = '@id("no-colour")\n@reason("This company shows no colour.")\nforbid (principal, action, resource)\nwhen { context.clarity > 1 };\n'
EXAMPLES = "- {case: colour, act: step up, refused: [no-colour]}\n"


@pytest.fixture
def officer(desk_home: Company) -> Company:
    folder = desk_home.folder / "policies"
    folder.mkdir()
    (folder / "ours.cedar").write_text(OWN)
    (folder / "ours.examples.yaml").write_text(EXAMPLES)
    desk_home.write_map(PURPOSES + DESK)
    return desk_home


def test_rules_are_shown_with_their_reasons_and_what_they_are_about(officer: Company) -> None:
    said = command("access", "policy", "show", "--json", "--map", officer.folder / "expunge.yaml").json
    rules = {rule["rule"]: rule for rule in said["rules"]}
    assert rules["no-colour"]["file"] == "own/ours.cedar"
    assert rules["two-people-approve"]["acts"] == ["activate", "step up", "view"]
    assert {name for name, rule in rules.items() if rule["permits"]} == {
        "may-request", "may-approve", "customer-consented", "customer-allowed", "another-person-approved", "emergency",
    }  # fmt: skip
    shown = command("access", "policy", "show", "--map", officer.folder / "expunge.yaml").out
    assert "no-colour" in shown
    assert command("access", "policy", "show", "--file", "own/ours.cedar", "--map", officer.folder / "expunge.yaml").out == OWN
    assert "trainedDays?: Long" in command("access", "policy", "show", "--schema", "--map", officer.folder / "expunge.yaml").out
    assert command("access", "policy", "show", "--file", "no.cedar", "--map", officer.folder / "expunge.yaml").code == 2


def test_examples_are_tried_by_the_command_and_by_check(officer: Company) -> None:
    said = command("access", "policy", "test", "--json", "--map", officer.folder / "expunge.yaml")
    assert (said.code, said.json["wrong"], said.json["untried"]) == (0, [], [])
    (officer.folder / "policies" / "ours.examples.yaml").write_text(EXAMPLES.replace("step up", "view"))
    wrong = command("access", "policy", "test", "--map", officer.folder / "expunge.yaml")
    assert wrong.code == 1
    told = "own/ours.examples.yaml:1: colour: expected refused by no-colour, and the answer is allowed by another-person-approved"
    assert told in wrong.out
    checked = command("check", "--json", "--map", officer.folder / "expunge.yaml")
    assert checked.code == 1
    assert told in checked.out
    (officer.folder / "policies" / "ours.cedar").write_text(OWN.replace("context.clarity", "context.clearness"))
    checked = command("check", "--json", "--map", officer.folder / "expunge.yaml")
    assert "own/ours.cedar:1: " in checked.out
    assert "nothing is granted" in checked.out
    assert command("access", "policy", "ask", "view", "--map", officer.folder / "expunge.yaml").code == 1


def test_the_rules_are_asked_about_a_case_and_an_earlier_set_as_well(officer: Company) -> None:
    said = command("access", "policy", "ask", "step up", "child=true", "clarity=clear", "--json", "--map", officer.folder / "expunge.yaml")
    assert (said.code, said.json["allowed"]) == (1, False)
    assert [reason["rule"] for reason in said.json["reasons"]] == ["no-colour", "two-people-approve"]
    assert command("access", "policy", "ask", "view", "--map", officer.folder / "expunge.yaml").out.startswith("allowed")
    assert command("access", "policy", "ask", "view", "room=attic", "--map", officer.folder / "expunge.yaml").code == 2
    assert command("access", "policy", "ask", "stare", "--map", officer.folder / "expunge.yaml").code == 2
    assert command("access", "policy", "ask", "view", "bedroom", "--map", officer.folder / "expunge.yaml").code == 2
    with officer.open() as opened:
        strict = opened.policies.in_force().digest
    (officer.folder / "policies" / "ours.cedar").unlink()
    (officer.folder / "policies" / "ours.examples.yaml").unlink()
    with officer.open() as opened:
        assert opened.policies.in_force().digest != strict
    ask = ("access", "policy", "ask", "step up")
    assert command(*ask, "--map", officer.folder / "expunge.yaml").code == 0
    assert command(*ask, "--digest", strict[:12], "--map", officer.folder / "expunge.yaml").code == 1
    assert command(*ask, "--at", "2020-01-01", "--map", officer.folder / "expunge.yaml").out.splitlines()[1].startswith("  no-policies:")
    sets = command("access", "policy", "history", "--json", "--map", officer.folder / "expunge.yaml").json["sets"]
    assert len(sets) == 2
    assert sets[0]["digest"] == strict


@pytest.mark.duty("RNG-10", "RNG-11", "RNG-15", "AMZ-15")
def test_training_and_statements_are_entered_and_shown_by_account(officer: Company, tmp_path: Path) -> None:
    where = officer.folder / "expunge.yaml"

    def standing() -> dict[tuple[str, str, str | None], str]:
        found = command("staff", "training", "--json", "--map", where).json["records"]
        return {(each["label"], each["kind"], each["purpose"]): each["standing"] for each in found}

    assert standing()["desk-0", "training", None] == "missing"
    purpose, paper = ReviewPurpose.HARM.value, tmp_path / "paper.txt"
    paper.write_text(command("staff", "attest", "desk-0", "--for", purpose, "--text", "--map", where).out)
    assert purpose in paper.read_text()
    assert command("staff", "train", "desk-0", "--map", where).code == 0
    assert command("staff", "train", "desk-0", "--for", purpose, "--on", "2020-01-31", "--map", where).code == 0
    assert command("staff", "attest", "desk-0", "--for", purpose, "--map", where).code == 2
    entered = command("staff", "attest", "desk-0", "--for", purpose, "--document", paper, "--json", "--map", where).json
    assert entered["role"] == f"review {purpose}"
    told = standing()
    assert told["desk-0", "training", None] == told["desk-0", "attestation", purpose] == "current"
    assert told["desk-0", "training", purpose] == "lapsed"
    assert command("staff", "train", "desk-0", "--for", "curiosity", "--map", where).code == 2
    assert command("staff", "train", "desk-0", "--on", "tomorrow", "--map", where).code == 2
    people = {each["label"]: each for each in command("access", "people", "--json", "--map", where).json["people"]}
    assert {label for label, each in people.items() if each["sees"]} == set(), "the training for the purpose has lapsed"
    assert command("staff", "train", "desk-0", "--for", purpose, "--map", where).code == 0
    people = {each["label"]: each for each in command("access", "people", "--json", "--map", where).json["people"]}
    assert {label for label, each in people.items() if each["sees"]} == {"desk-0"}
    assert (people["desk-0"]["purposes"], people["desk-2"]["rights"]) == ([purpose], ["approve-views"])
    assert "desk-0" in command("access", "people", "--map", where).out
    assert "desk-4" not in people, "an operator has no right about views"
    assert command("staff", "train", "desk-0", "--for", ReviewPurpose.LAW.value, "--on", "2020-01-31", "--map", where).code == 0
    opened = command("staff", "training", "--open", "--map", where).out
    assert "lapsed" in opened
    assert "current" not in opened
    assert command("ledger", "verify", "--map", where).code == 0


@pytest.mark.duty("RNG-14")
def test_a_replay_finds_a_planted_breach_is_entered_and_is_due_again_in_a_year(officer: Company) -> None:
    with at_desk(officer) as office:
        today = office.clock.now().astimezone(UTC).date()
        for account in (REVIEWER, OFFICER):
            office.expunge.reviewers.train(account, ACCESS_ROLE, today)
        office.expunge.reviewers.train(REVIEWER, purpose_role(ReviewPurpose.HARM), today)
        office.expunge.reviewers.attest(REVIEWER, ReviewPurpose.HARM, today)
        office.policy.digest = office.expunge.policies.in_force().digest
        lease = leased(office)
        office.fetch(lease.begun.lease)
    assert command("access", "replay", "--map", officer.folder / "expunge.yaml").out.startswith("1 view since")
    assert deadline(officer) == ("they never were", False)
    with officer.open() as opened:
        (view,) = (each for each in at_views(opened))
        register(opened.context.journal, REVIEWS, replace(view, sequence=1, clarity=Clarity.FACES_HIDDEN))
    found = command("access", "replay", "--by", "priya", "--json", "--map", officer.folder / "expunge.yaml")
    assert (found.code, found.json["views"], found.json["refused"]) == (1, 2, 1)
    assert found.json["rules"] == {"no-colour": 1}
    assert found.json["listed"][0]["sequence"] == 1
    assert "no-colour" in command("access", "replay", "--map", officer.folder / "expunge.yaml").out
    assert deadline(officer) == ("", False)


def at_views(opened: Expunge) -> list[ViewServed]:
    return [each for each in read_register(opened.context.journal, REVIEWS) if isinstance(each, ViewServed)]


def deadline(company: Company) -> tuple[str, bool]:
    """Why the replay of views is due, and whether it is late."""
    with company.open() as opened:
        (found,) = all_deadlines.of_views(opened.context)
        assert found.at is not None
        assert found.at > clock.now()
        return found.why, found.standing.overdue


def test_without_the_package_nothing_is_granted_and_check_says_what_to_install(officer: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "expunge.adapters.policy.policy_folder", None)
    checked = command("check", "--json", "--map", officer.folder / "expunge.yaml")
    assert checked.code == 1
    assert "expunge[desk]" in checked.out
    asked = command("access", "policy", "ask", "view", "--map", officer.folder / "expunge.yaml")
    assert asked.code == 1
    assert "expunge[desk]" in asked.err
    with officer.open() as opened, pytest.raises(Misconfigured, match="not installed"):
        opened.policies.in_force()
