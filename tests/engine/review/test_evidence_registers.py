"""A pack of evidence has the registers of views and openings: checked offline, each event of the log with its row, and nobody named."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from expunge.cli.terminal.evidence_files import read_pack
from expunge.core.accounts.staff import JobFunction
from expunge.core.journal.review_words import ReviewOutcome
from expunge.core.pages import evidence_index
from expunge.core.values import canonical
from expunge.core.verification import evidence_pack, evidence_verify
from expunge.engine.review import requesting
from expunge.engine.review.refusals import ReviewRefused
from expunge.errors import EvidenceInvalid
from tests.engine.families.recorded_company import ANNA, BELA, Company
from tests.engine.reports.packs import rows, without
from tests.engine.review.desk_company import REVIEWER, WHY, DeskCompany, at_desk, copied
from tests.engine.review.test_desk import leased

Files = dict[str, bytes]
Rows = list[dict[str, Any]]


def _packed(office: DeskCompany, target: Path) -> Files:
    office.expunge.records.pack(target, recipient="the Commission", start=None, end=None)
    return dict(read_pack(target))


def _signed(office: DeskCompany, files: Files, **lists: int) -> Files:
    """The same with another manifest of the company's own: what it could hand over that hides something."""
    said = json.loads(files["manifest.json"])
    said["files"] = {name: sha256(data).hexdigest() for name, data in files.items() if name not in evidence_pack.UNLISTED}
    said["lists"] |= lists
    data = canonical.encode(said)
    return {**files, "manifest.json": data, "manifest.sig": office.expunge.context.keys.sign_receipt(evidence_pack.to_sign(data))}


def _listed(files: Files, name: str, said: Rows) -> Files:
    return {**files, f"lists/{name}.json": canonical.encode(said), f"lists/{name}.html": evidence_index.listed(name, said)}


@pytest.fixture(scope="module")
def looked(desk_template: Company, tmp_path_factory: pytest.TempPathFactory) -> tuple[Company, Files]:
    """A lease with three views and a refusal, all in the log; then one view that waits; and a reading by a program."""
    folder = tmp_path_factory.mktemp("registers")
    company = copied(desk_template, folder / "home")
    with at_desk(company) as office:
        lease = leased(office).begun
        for start in (0, 2000, 4000):
            office.fetch(lease.lease, start, start + 2000)
        with pytest.raises(ReviewRefused):
            office.fetch(lease.lease, 0, 2000, office.seat("no account", b"x" * 32))
        requesting.enter_outcome(office.desk, REVIEWER, lease.request, ReviewOutcome.RESOLVED, "")
        office.desk.views.flush()
        other = leased(office).begun
        office.fetch(other.lease)
        return company, _packed(office, folder / "evidence.zip")


@pytest.mark.duty("RNG-14", "RNG-19", "RNG-32")
def test_a_pack_has_each_view_with_its_case_and_who_looked_and_names_nobody(looked: tuple[Company, Files]) -> None:
    company, files = looked
    verified = evidence_verify.verify(files)
    assert verified.registers >= 2
    views = [each for each in rows(files, "views") if each["what"] == "view served"]
    assert [each["sequence"] for each in views] == [0, 1, 2, 0]
    first = views[0]
    assert (first["reviewer"], first["function"], first["case_number"]) == (REVIEWER, JobFunction.REVIEWER.value, "LE-88")
    assert (first["people"], first["first_ms"], first["last_ms"], len(first["approvers"])) == (1, 0, 2000, 1)
    assert {"review requested", "review answered", "lease begun", "view given", "view refused", "outcome entered"} <= {
        each["what"] for each in rows(files, "views")
    }
    everything = b"\n".join(files.values())
    with company.open() as opened:
        names = [opened.resolve(f"profile:{each}").person.subject for each in (ANNA, BELA)]
    assert [each for each in (*names, ANNA, BELA, WHY, "ring-1") if each.encode() in everything] == []


def _left_out(files: Files, views: Rows) -> Files:
    return _listed(files, "views", [each for each in views if (each["what"], each.get("sequence")) != ("view served", 1)])


def _renumbered(files: Files, views: Rows) -> Files:
    return _listed(files, "views", [{**each, "sequence": 9} if each.get("sequence") == 2 else each for each in views])


def _changed(name: str, old: bytes, new: bytes) -> Callable[[Files, Rows], Files]:
    return lambda files, _: {**files, name: files[name].replace(old, new)}


SPOILT: dict[str, tuple[Callable[[Files, Rows], Files], str]] = {
    "a view left out": (_left_out, "no rows"),
    "a view twice": (lambda files, views: _listed(files, "views", [*views, dict(views[2])]), "2 rows"),
    "a view renumbered": (_renumbered, "lacks views"),
    "an entry left out": (lambda files, _: without(files, "registers/views/0/"), "no receipt and no record"),
    "an entry renumbered": (_changed("registers/views/0/leaf.json", b'"number":0', b'"number":7'), "not what was entered"),
    "events moved": (_changed("registers/views/0/events.json", b'"first":0', b'"first":1'), "missing before"),
}
"""What a company could do to a pack -> how, and a word of what the check says."""


@pytest.mark.duty("RNG-14")
@pytest.mark.parametrize("spoilt", list(SPOILT))
def test_what_is_left_out_or_changed_is_named_though_the_company_signs_it_anew(looked: tuple[Company, Files], spoilt: str) -> None:
    (company, files), (spoil, said) = looked, SPOILT[spoilt]
    changed = spoil(files, rows(files, "views"))
    with at_desk(company) as office:
        again = _signed(office, changed, views=len(rows(changed, "views")))
    with pytest.raises(EvidenceInvalid, match=said):
        evidence_verify.verify(again)


def test_an_event_that_the_log_does_not_have_yet_is_listed_as_such(looked: tuple[Company, Files], tmp_path: Path) -> None:
    company, _ = looked
    with at_desk(copied(company, tmp_path / "home")) as office:
        office.desk.views.flush()
        lease = leased(office).begun.lease
        office.fetch(lease)
        office.fetch(lease, 2000, 4000)
        files = _packed(office, tmp_path / "evidence.zip")
    evidence_verify.verify(files)
    entries = {each["entry"] for each in rows(files, "views")}
    assert "not in the log yet" in entries
    assert len(entries) > 2
