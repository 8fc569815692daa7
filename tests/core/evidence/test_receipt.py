"""Receipts that can only be built honest, and from which nothing can be guessed."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from datetime import timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.datamap.datamap import EraseAct
from expunge.core.datamap.grounding import Grounding
from expunge.core.evidence import commitment, receipt
from expunge.core.evidence.receipt import Result, ScanMode, ScanVerdict, Verdict
from expunge.core.values.order import OrderKind
from expunge.core.values.outcome import Reason
from expunge.errors import EvidenceInvalid
from tests.evidence_kit import IDENTIFIERS, OPENING, SeededKeys, absent, at, entry, for_some_items, fulfilled, in_part, issue, scan


@pytest.mark.parametrize(
    "said", [fulfilled(), in_part(), fulfilled(datasets=(absent(),), times=receipt.ReceiptTimes(at(1), at(2), None, at(3)))]
)
def test_a_receipt_comes_back_from_its_bytes_and_has_one_byte_form(said: receipt.Receipt) -> None:
    statement = receipt.build(said)
    assert receipt.parse(statement) == said
    assert receipt.build(receipt.parse(statement)) == statement


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.integers(1, 2**53 - 1))
def test_any_text_and_count_comes_back(text: str, count: int) -> None:
    said = in_part(out_of_scope=(text,), datasets=(entry(text, items=count), in_part().datasets[1]), kept=())
    assert receipt.parse(receipt.build(said)) == said


def test_times_of_other_zones_are_written_in_utc() -> None:
    zone = timezone(timedelta(hours=2))
    moved = replace(fulfilled().times, requested=fulfilled().times.requested.astimezone(zone))
    assert receipt.build(fulfilled(times=moved)) == receipt.build(fulfilled())


DISHONEST = {
    "no list of what is out of scope": lambda: fulfilled(out_of_scope=()),
    "an empty sentence out of scope": lambda: fulfilled(out_of_scope=("",)),
    "no dataset": lambda: fulfilled(datasets=()),
    "page 7 without its reach": lambda: for_some_items(reach=None),
    "a reach before page 7": lambda: fulfilled(reach=receipt.ReceiptReach.PERSON),
    "a class of items in an order about a person": lambda: for_some_items(reach=receipt.ReceiptReach.CLASS),
    "everything of a person in an order about a class": lambda: for_some_items(
        order_kind=OrderKind.EXPIRY, reach=receipt.ReceiptReach.PERSON
    ),
    "done with a failure": lambda: in_part(verdict=Verdict.FULFILLED),
    "done with something kept": lambda: in_part(verdict=Verdict.FULFILLED, datasets=(entry("invoices"),)),
    "in part with nothing left": lambda: fulfilled(verdict=Verdict.IN_PART),
    "a dataset twice": lambda: fulfilled(datasets=(entry(), entry())),
    "kept without a ground": lambda: in_part(kept=()),
    "kept elsewhere": lambda: in_part(kept=(replace(in_part().kept[0], dataset="other"),)),
    "erased without a time": lambda: fulfilled(times=replace(fulfilled().times, erased=None)),
    "times backwards": lambda: replace(fulfilled().times, fenced=at(8)),
    "valid until yesterday": lambda: fulfilled(valid_until=at(9, 51)),
    "erased nothing": lambda: entry(items=0),
    "erased at no depth": lambda: entry(claimed=Grounding.NONE, asked=Grounding.NONE),
    "erased less deeply than asked": lambda: entry(claimed=Grounding.REMOVED),
    "erased without a probe": lambda: entry(probe=None),
    "erased with a probe that found something": lambda: entry(probe=receipt.Probe(("table",), 1, "")),
    "erased with a probe that could not look": lambda: entry(probe=receipt.Probe(("table",), 0, "locked")),
    "scrubbed without a scan": lambda: entry(scan=None),
    "erased with residue": lambda: entry(scan=scan(found=1, verdict=ScanVerdict.PRESENT)),
    "erased with a scan that cannot tell": lambda: entry(scan=scan(controls_found=0, verdict=ScanVerdict.CANNOT_TELL)),
    "erased with a reason": lambda: entry(reason=Reason.LOCKED),
    "unable without a reason": lambda: entry(outcome=Result.UNABLE),
    "absent with items": lambda: replace(absent(), items=1),
    "absent with residue": lambda: replace(absent(), scan=scan(found=1, verdict=ScanVerdict.PRESENT)),
    "absent without looking": lambda: replace(absent(), probe=None),
    "gone though found": lambda: scan(found=1),
    "gone without usable traces": lambda: scan(traces_usable=0),
    "accounted for, and not gone": lambda: scan(traces_usable=0, verdict=ScanVerdict.CANNOT_TELL, accounted=receipt.Accounted(1, 4096)),
    "accounted for beside traces": lambda: scan(accounted=receipt.Accounted(1, 4096)),
    "nothing accounted for": lambda: receipt.Accounted(0, 0),
    "gone though the controls were missed": lambda: scan(controls_found=0),
    "more values looked for than there are": lambda: scan(values=10, values_looked_for=100, share=100),
    "a share in single percent": lambda: scan(values=10, values_looked_for=10, share=99),
    "a share of no values": lambda: scan(share=100),
    "present though not found": lambda: scan(verdict=ScanVerdict.PRESENT),
    "more usable traces than taken": lambda: scan(traces_taken=1),
    "changed since when": lambda: scan(mode=ScanMode.CHANGED),
    "kept of nothing": lambda: replace(in_part().kept[0], items=0),
    "a commitment that is no digest": lambda: fulfilled(commitment="mia@example.org"),
    "a short nonce": lambda: fulfilled(nonce=b"short"),
    "an empty order": lambda: fulfilled(order=""),
}


@pytest.mark.parametrize("make", DISHONEST.values(), ids=DISHONEST.keys())
@pytest.mark.duty("NST-01")
def test_a_receipt_that_contradicts_itself_cannot_be_built(make) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r"\w"):
        make()


@pytest.mark.duty("NST-03")
def test_shallow_erasure_is_allowed_where_no_more_was_asked_and_only_the_probe_could_look() -> None:
    shallow = entry(claimed=Grounding.REMOVED, asked=Grounding.REMOVED, scan=None, act=EraseAct.DESTROY)
    assert fulfilled(datasets=(shallow,)).verdict is Verdict.FULFILLED


def test_times_with_parts_of_seconds_or_without_a_zone_are_refused() -> None:
    for when in (at(9).replace(microsecond=1), at(9).replace(tzinfo=None)):
        with pytest.raises((ValueError, TypeError)):
            receipt.build(fulfilled(times=receipt.ReceiptTimes(when, at(9, 3), at(9, 40), at(9, 52))))


def guesses() -> set[str]:
    """Everything that the people behind the receipt could be looked up by, and what is often near it."""
    values = {value for _, value in IDENTIFIERS} | {
        "mia",
        "Mia",
        "mia@example.org",
        "MIA@EXAMPLE.ORG",
        "kid-7f3a",
        "SN-00412",
        "+1 555 0100",
        "52.5200,13.4050",
        "turn on the night light please",
        *map(str, range(1000)),
    }
    prefixes = (
        "",
        "user:",
        "profile:",
        "profile/",
        "email:",
        "mailto:",
        "subject:",
        "expunge:",
        "profile\0",
        "email\0",
    )
    return {prefix + value for prefix in prefixes for value in values} | {kind + value for kind, value in IDENTIFIERS}


def spellings(digest: bytes) -> set[str]:
    plain = base64.b64encode(digest).decode().rstrip("=")
    made = {
        digest.hex(),
        plain,
        plain.replace("+", "-").replace("/", "_"),
        base64.b32encode(digest).decode().rstrip("=").lower(),
        digest.hex()[:16],
    }
    return {each.lower() for each in made}


def test_a_list_of_all_guesses_matches_nothing_in_a_receipt_or_its_leaf() -> None:
    files = issue(in_part())
    text = b"\n".join(files.values()).decode("utf-8", "replace") + json.dumps(json.loads(receipt.build(in_part())))
    words = {each.lower() for each in re.findall(r"[A-Za-z0-9+/_=-]{12,}", text)}
    tokens = {each.rstrip("=") for each in words}
    tokens |= {each[:16] for each in tokens} | {each[-32:] for each in tokens}
    algorithms = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "blake2b", "blake2s")
    lower = text.lower()
    for guess in guesses():
        if len(guess) >= 8:
            assert guess.lower() not in lower
        for name in algorithms:
            digest = hashlib.new(name, guess.encode()).digest()
            assert not tokens & spellings(digest), name
            assert not tokens & spellings(digest[:16]), name
    assert hashlib.sha256(OPENING).hexdigest() not in tokens
    assert commitment.commit(bytes(32), IDENTIFIERS) not in tokens


def test_the_search_for_guesses_would_find_an_unsalted_hash() -> None:
    leaky = fulfilled(commitment=hashlib.sha256(b"mia@example.org").hexdigest())
    tokens = {each.lower() for each in re.findall(r"[A-Za-z0-9+/_=-]{12,}", receipt.build(leaky).decode())}
    assert tokens & spellings(hashlib.sha256(b"mia@example.org").digest())


def test_two_receipts_for_one_person_cannot_be_linked_by_their_commitments() -> None:
    assert commitment.commit(OPENING, IDENTIFIERS) != commitment.commit(bytes(32), IDENTIFIERS)


def test_commitments_open_for_the_right_identifiers_in_any_order_and_no_others() -> None:
    made = commitment.commit(OPENING, IDENTIFIERS)
    commitment.verify(made, OPENING, [*reversed(IDENTIFIERS), IDENTIFIERS[0]])
    wrong = ((OPENING, IDENTIFIERS[:1]), (bytes(32), IDENTIFIERS), (b"", IDENTIFIERS), (OPENING, [("profil", "ekid-7f3a"), IDENTIFIERS[1]]))
    for opening, pairs in wrong:
        with pytest.raises(EvidenceInvalid):
            commitment.verify(made, opening, pairs)


@given(st.sets(st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))))
def test_openings_come_back_from_their_bytes(pairs: set[tuple[str, str]]) -> None:
    opening = commitment.Opening(OPENING, tuple(sorted(pairs)))
    again = commitment.parse_opening(opening.encode())
    assert again == opening
    again.verify(opening.commitment())
    assert "mia" not in repr(opening)


def test_signing_twice_gives_one_envelope() -> None:
    first, second = issue(fulfilled()), issue(fulfilled(), SeededKeys())
    assert first == second
