"""Commitments to the register of reviews: one changed, lost or moved event is noticed, and a proof shows one event alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from expunge.core.journal.review_events import ReviewsCommitted
from expunge.core.review import commitment
from expunge.errors import EvidenceInvalid

SALT = bytes(range(32))
EVENTS = [b'{"is":"ViewServed","sequence":%d}' % number for number in range(7)]


def committed(events: list[bytes], first: int = 3) -> ReviewsCommitted:
    """Return an entry that commits to some events."""
    root = commitment.root_of(SALT, first, events).hex()
    return ReviewsCommitted(datetime(2026, 11, 30, tzinfo=UTC), 5, first, len(events), SALT.hex(), root, 9)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_each_event_is_proven(count: int) -> None:
    entry = committed(EVENTS[:count])
    for place in range(count):
        proof = commitment.prove(entry, EVENTS[:count], 3 + place)
        assert proof.event == EVENTS[place]
        commitment.verify(proof)


@pytest.mark.parametrize("change", ["event", "salt", "index", "path", "root"])
def test_another_proof_is_refused(change: str) -> None:
    proof = commitment.prove(committed(EVENTS), EVENTS, 5)
    other = {
        "event": replace(proof, event=proof.event + b" "),
        "salt": replace(proof, salt=bytes(32)),
        "index": replace(proof, index=proof.index + 1),
        "path": replace(proof, path=proof.path[:-1]),
        "root": replace(proof, committed=replace(proof.committed, root="00" * 32)),
    }[change]
    with pytest.raises(EvidenceInvalid):
        commitment.verify(other)


@pytest.mark.parametrize(
    "events",
    [EVENTS[1:], EVENTS[:-1], [*EVENTS[:2], b"{}", *EVENTS[3:]], EVENTS[::-1]],
    ids=["first-lost", "last-lost", "changed", "moved"],
)
def test_a_register_that_was_changed_proves_nothing(events: list[bytes]) -> None:
    with pytest.raises(EvidenceInvalid):
        commitment.prove(committed(EVENTS), events, 3)


def test_the_same_event_has_another_leaf_at_each_place_and_under_each_salt() -> None:
    leaves = {commitment.salted(salt, place, EVENTS[0]) for salt in (SALT, bytes(32)) for place in range(4)}
    assert len(leaves) == 8


def test_the_log_holds_a_number_and_a_root_alone() -> None:
    entry = committed(EVENTS)
    leaf = commitment.log_leaf(entry)
    assert leaf == b'{"form":"expunge.views/1","number":5,"root":"%s"}' % entry.root.encode()
    assert commitment.number_in(leaf) == 5


@pytest.mark.parametrize("leaf", [b"", b"{}", b'{"form":"other","number":5}', b'{"form":"expunge.views/1","number":"5"}', b"[1]"])
def test_a_leaf_of_another_form_has_no_number(leaf: bytes) -> None:
    assert commitment.number_in(leaf) is None
