from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from expunge.core.values.hold import Hold, binding, item_tag
from expunge.core.values.ids import Pseudonym, pseudonym
from expunge.core.values.maintenance_window import inside

ANNA = Pseudonym("a" * 32)
JANUARY = datetime(2026, 1, 1, tzinfo=UTC)


def hold(name: str = "hold-1", days: int = 30, items: frozenset[str] = frozenset()) -> Hold:
    return Hold(name, "recordings", ANNA, "matter 7", "district court", JANUARY, JANUARY + timedelta(days=days), items, whole=not items)


def test_a_hold_binds_until_its_end_and_not_after() -> None:
    assert hold().active(JANUARY + timedelta(days=29, hours=23))
    assert not hold().active(JANUARY + timedelta(days=30))


def test_a_hold_names_items_and_beats_erasure_for_those_alone() -> None:
    one, other = item_tag(bytes(32), "recordings", "v/1.wav"), item_tag(bytes(32), "recordings", "v/2.wav")
    holds = [hold(items=frozenset({one}))]
    assert binding(holds, "recordings", frozenset({ANNA}), one, JANUARY) is not None
    assert binding(holds, "recordings", frozenset({ANNA}), other, JANUARY) is None
    assert binding(holds, "transcripts", frozenset({ANNA}), one, JANUARY) is None
    assert binding(holds, "recordings", frozenset({Pseudonym("b" * 32)}), one, JANUARY) is not None, "whoever else is in the item"


def test_a_whole_hold_keeps_what_comes_later_for_the_subject_under_any_of_their_names() -> None:
    later = item_tag(bytes(32), "recordings", "v/3.wav")
    assert binding([hold()], "recordings", frozenset({Pseudonym("b" * 32), ANNA}), later, JANUARY) is not None
    assert binding([hold()], "recordings", frozenset({Pseudonym("b" * 32)}), later, JANUARY) is None


def test_of_two_holds_the_one_that_ends_last_binds() -> None:
    found = binding([hold("hold-1", 30), hold("hold-2", 60)], "recordings", frozenset({ANNA}), "t", JANUARY)
    assert found is not None
    assert found.id == "hold-2"


@pytest.mark.parametrize(
    ("ground", "authority", "days"), [("", "court", 1), ("matter", " ", 1), ("matter", "court", 0), ("matter", "court", -1)]
)
def test_a_hold_without_ground_authority_or_end_does_not_exist(ground: str, authority: str, days: int) -> None:
    with pytest.raises(ValueError, match="hold"):
        Hold("h", "recordings", ANNA, ground, authority, JANUARY, JANUARY + timedelta(days=days), frozenset())


def test_tags_and_pseudonyms_say_nothing_without_the_key() -> None:
    assert item_tag(b"1" * 32, "d", "k") != item_tag(b"2" * 32, "d", "k")
    assert pseudonym(b"1" * 32, "profile", "p") != pseudonym(b"2" * 32, "profile", "p")
    assert pseudonym(b"1" * 32, "profile", "p") != pseudonym(b"1" * 32, "account", "p")
    assert pseudonym(b"1" * 32, "ab", "c") != pseudonym(b"1" * 32, "a", "bc")


@pytest.mark.parametrize(
    ("window", "hour", "open_"),
    [("02:00-05:00", 3, True), ("02:00-05:00", 5, False), ("22:00-04:00", 23, True), ("22:00-04:00", 3, True), ("22:00-04:00", 12, False)],
)
def test_a_window_may_cross_midnight(window: str, hour: int, open_: bool) -> None:
    assert inside(window, JANUARY.replace(hour=hour)) is open_


@pytest.mark.parametrize("window", ["2:00-05:00", "02:00", "02:00-05:61", "25:00-26:00"])
def test_a_window_of_another_form_is_refused(window: str) -> None:
    with pytest.raises(ValueError, match=r"time of day|window|unpack|invalid literal"):
        inside(window, JANUARY)
