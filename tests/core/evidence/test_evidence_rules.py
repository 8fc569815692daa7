"""Evidence that shows nothing is refused although the real keys signed it, and is never issued."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.datamap.datamap import EraseAct
from expunge.core.datamap.grounding import Grounding
from expunge.core.evidence import evidence_rules, receipt
from expunge.core.evidence.receipt import NOBODY_STAYS, Accounted, DatasetEntry, Probe, Result, ScanMode, ScanVerdict, Skipped
from expunge.core.evidence.unread_places import bucket
from expunge.core.pages import LATEST
from expunge.core.values.outcome import Reason
from expunge.core.verification.receipt_verify import verify
from expunge.errors import EvidenceInvalid
from tests.evidence_kit import SeededKeys, absent, at, entry, in_ranges, issue, of_now
from tests.evidence_vectors import HERE, RECEIPTS

TRUST = SeededKeys().policy().encode()
NOBODY = {"controls_found": 0, "controls_asked": 0}
SHORT = {"traces_taken": 0, "traces_usable": 0}
FORGED: Mapping[str, tuple[DatasetEntry, ...]] = {
    "paths": (
        entry(scan=in_ranges(), probe=Probe((), 0, "")),
        entry(scan=in_ranges(), probe=Probe(("", " "), 0, "")),
        replace(absent(), probe=Probe((), 0, "")),
    ),
    "counts": (
        entry(scan=in_ranges(files=-1)),
        entry(scan=in_ranges(bytes=-1)),
        entry(scan=in_ranges(decoded_bytes=-1)),
        entry(scan=in_ranges(skipped=(Skipped("socket", -1),))),
        entry(
            outcome=Result.UNABLE,
            items=0,
            claimed=Grounding.NONE,
            scan=None,
            reason=Reason.LOCKED,
            detail="locked",
            probe=Probe(("table",), -1, ""),
        ),
    ),
    "files": (entry(scan=in_ranges(files=0)),),
    "controls": (entry(scan=in_ranges(**NOBODY)),),
    "skipped": tuple(entry(scan=in_ranges(skipped=(Skipped(word, 1),))) for word in ("permission", "encrypted", "corrupt", "any new word")),
    "sample": (entry(scan=in_ranges(mode=ScanMode.SAMPLE)),),
    "sample-gone": (entry(scan=in_ranges(mode=ScanMode.SAMPLE), claimed=Grounding.REMOVED, asked=Grounding.REMOVED),),
    "changed": (entry(scan=in_ranges(mode=ScanMode.CHANGED, since=at(9))),),
    "keep": (entry(scan=in_ranges(), act=EraseAct.KEEP),),
    "accounted": (
        entry(scan=in_ranges(**SHORT, files=1, accounted=Accounted(2, 4096))),
        entry(scan=in_ranges(**SHORT, bytes=4096, accounted=Accounted(1, 8192))),
    ),
    "buckets": (
        entry(scan=in_ranges(traces_taken=210)),
        entry(scan=in_ranges(traces_usable=99)),
        entry(scan=in_ranges(values=3000, values_looked_for=1000, share=100)),
        entry(outcome=Result.UNABLE, items=0, reason=Reason.RESIDUE, scan=in_ranges(found=4, verdict=ScanVerdict.PRESENT)),
    ),
}
HONEST = (
    entry(scan=in_ranges()),
    entry(scan=in_ranges(**NOBODY, no_controls=NOBODY_STAYS)),
    entry(scan=in_ranges(**NOBODY, no_controls=NOBODY_STAYS, files=0, bytes=0, decoded_bytes=0)),
    entry(scan=in_ranges(skipped=(Skipped("socket", 2), Skipped("symlink", 1)))),
    entry(scan=in_ranges(mode=ScanMode.SAMPLE, verdict=ScanVerdict.CANNOT_TELL), claimed=Grounding.REMOVED, asked=Grounding.REMOVED),
    entry(scan=in_ranges(**SHORT, accounted=Accounted(1, 8192))),
    entry(scan=in_ranges(traces_usable=0, accounted=Accounted(1, 8192))),
    entry(scan=None, claimed=Grounding.REMOVED, asked=Grounding.REMOVED),
    absent(),
)
CASES = [pytest.param(name, each, id=f"{name}-{at}") for name, entries in FORGED.items() for at, each in enumerate(entries)]


def test_every_rule_has_a_forgery() -> None:
    assert set(FORGED) == {rule.name for rule in evidence_rules.RULES}


@pytest.mark.parametrize(("name", "forged"), CASES)
def test_evidence_that_shows_nothing_is_refused_by_the_name_of_its_rule_though_the_real_keys_signed_it(
    name: str, forged: DatasetEntry
) -> None:
    with pytest.raises(EvidenceInvalid, match=f"rule `{name}`"):
        verify(issue(of_now(forged)), TRUST)


@pytest.mark.parametrize(("name", "forged"), CASES)
def test_the_same_is_never_issued(name: str, forged: DatasetEntry) -> None:
    mended = evidence_rules.mended(forged)
    assert verify(issue(of_now(mended)), TRUST).trusted
    if name == "buckets":
        assert mended.outcome is forged.outcome
    else:
        assert mended.outcome is Result.UNABLE
        assert mended.detail == forged.detail or "shows nothing" in mended.detail


@pytest.mark.parametrize("honest", HONEST)
def test_what_shows_something_is_issued_as_it_is(honest: DatasetEntry) -> None:
    assert evidence_rules.mended(honest) == honest
    assert verify(issue(of_now(honest)), TRUST).trusted


@pytest.mark.parametrize(("name", "forged"), CASES)
def test_receipts_of_older_pages_are_held_to_the_rules_of_their_version_and_that_is_said(name: str, forged: DatasetEntry) -> None:
    rule = next(each for each in evidence_rules.RULES if each.name == name)
    files = issue(of_now(forged, page=3))
    if rule.page <= 3:
        with pytest.raises(EvidenceInvalid, match=f"rule `{name}`"):
            verify(files, TRUST)
    else:
        assert any("page 3" in step and name in step for step in verify(files, TRUST).steps)


@pytest.mark.parametrize("name", RECEIPTS)
def test_what_was_released_keeps_the_rules_of_its_version(name: str) -> None:
    folder = {path.name: path.read_bytes() for path in (HERE / name).iterdir()}
    evidence_rules.require(verify(folder, TRUST).receipt)


def test_nobody_stays_only_where_no_control_was_asked_for() -> None:
    for changes in ({"no_controls": NOBODY_STAYS}, {**NOBODY, "no_controls": "nobody knows"}):
        with pytest.raises(ValueError, match=r"control"):
            in_ranges(**changes)


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_buckets_keep_the_order_of_counts_and_nothing_but_their_size(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert bucket(low) <= bucket(high) <= high
    assert (bucket(one) == 0) == (one == 0)
    assert bucket(bucket(one)) == bucket(one)
    assert high < 10 * bucket(high) or high == 0


def test_the_page_gives_ranges_and_says_that_there_was_no_control() -> None:
    alone = entry("faces", scan=in_ranges(**NOBODY, no_controls=NOBODY_STAYS))
    page = issue(of_now(entry(scan=in_ranges()), alone, page=LATEST))["receipt.html"].decode()
    assert page.count("for 100 to 999 of 100 to 999 traces") == 2
    assert page.count("Control: none, since nobody stays here") == page.count("found for 3 of 3") == 1


def test_the_page_says_that_every_byte_is_accounted_for() -> None:
    short = entry(scan=in_ranges(**SHORT, accounted=Accounted(1, 8192)))
    page = issue(of_now(short, page=LATEST))["receipt.html"].decode()
    assert "<strong>Every byte is accounted for</strong> (8.1 kB of files)" in page


def test_old_receipts_come_back_without_the_fields_that_came_later() -> None:
    said = of_now(entry(), page=3)
    assert b"no_controls" not in receipt.build(said)
    assert b"accounted" not in receipt.build(said)
    assert receipt.parse(receipt.build(said)) == said
