"""Places that nothing accounts for: what a receipt may say of them, and what it may not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from expunge.core.evidence import receipt
from expunge.core.evidence.receipt import ScanVerdict
from expunge.core.evidence.trace_evidence import Figures
from expunge.core.evidence.unread_places import PlaceKind, UnreadPlace, blocking
from expunge.core.pages import render
from tests.evidence_kit import fulfilled

DECLARED = UnreadPlace("media", PlaceKind.OPAQUE, "backups/*.age", "a key for each month", 10, 1_000_000, 10, 1_000_000)
IGNORED = UnreadPlace("media", PlaceKind.IGNORED, "tmp/*", "scratch", 100, 10_000, 0, 0)
UNSAID = UnreadPlace("media", PlaceKind.UNDECLARED, "", "", 1, 1000, 0, 0)


def with_places(*places: UnreadPlace) -> receipt.Receipt:
    like = fulfilled()
    return replace(like, unread=places, tool=replace(like.tool, page=4))


def test_what_nobody_can_read_keeps_a_scan_from_telling() -> None:
    seen = Figures(taken=9, usable=9, found=0, controls_asked=2, controls_found=2)
    assert seen.verdict is ScanVerdict.GONE
    assert replace(seen, opaque=1).verdict is ScanVerdict.CANNOT_TELL
    assert replace(seen, opaque=1, found=1).verdict is ScanVerdict.PRESENT


@pytest.mark.parametrize(
    "changed",
    [
        {"files": 12},
        {"unread_bytes": 999},
        {"files": -1},
        {"unread_files": 1000},
        {"reason": ""},
        {"pattern": ""},
        {"store": ""},
        {"kind": PlaceKind.UNDECLARED},
    ],
)
def test_a_place_is_whole_and_its_counts_are_powers_of_ten(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="place"):
        replace(DECLARED, **changed)


def test_places_survive_the_statement_and_stand_on_the_page() -> None:
    made = with_places(DECLARED, IGNORED, UNSAID)
    statement = receipt.build(made)
    assert receipt.parse(statement) == made
    page = render(statement).decode()
    for word in ("backups/*.age", "a key for each month", "declared as unreadable", "scratch", "not declared"):
        assert word in page
    assert "Places that nothing accounts for" not in render(receipt.build(with_places())).decode()


def test_a_receipt_that_says_gone_beside_what_nobody_can_read_contradicts_itself() -> None:
    bad = replace(UNSAID, unread_files=1, unread_bytes=1000)
    assert blocking([DECLARED, IGNORED, UNSAID]) == frozenset()
    assert blocking([bad]) == {"media"}
    with pytest.raises(ValueError, match="nobody could read"):
        with_places(bad)
    with_places(replace(bad, store="elsewhere"))
