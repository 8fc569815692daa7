"""The part of a child's data that a family chooses."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from expunge.core.datamap.artefact import DataKind
from expunge.core.families import selection as selections
from expunge.core.families.selection import MOST_ITEMS, Area, ChosenItems, Everything, TimeRange
from expunge.core.values import canonical
from expunge.errors import UsageError

EARLY, LATE = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, 12, 30, tzinfo=UTC)
KINDS = frozenset({DataKind.VOICE, DataKind.TRANSCRIPT})
SELECTIONS = [
    Everything(),
    ChosenItems({"recordings": ("a.flac", "ü\n'\".flac"), "places": ("7",)}),
    TimeRange(KINDS, EARLY, LATE),
    TimeRange(KINDS, until=LATE),
    Area(frozenset({"places"}), 48.1, -0.1, 48.2000001, 11.5),
]


@pytest.mark.parametrize("chosen", SELECTIONS, ids=["everything", "items", "range", "half a range", "area"])
def test_a_selection_survives_the_way_to_the_clerk(chosen: selections.Selection) -> None:
    assert selections.from_json(canonical.decode(canonical.encode(selections.to_json(chosen)))) == chosen


@pytest.mark.parametrize(
    "wrong",
    [
        None, [], {}, {"of": "all"}, {"of": "everything", "keys": {}}, {"of": "items", "keys": {}}, {"of": "items", "keys": {"a": []}},
        {"of": "items", "keys": {"a": [1]}}, {"of": "items", "keys": {"a": "b"}}, {"of": "range", "kinds": ["voice recordings"]},
        {"of": "range", "kinds": ["noises"], "since": "2026-03-01T00:00:00Z"},
        {"of": "range", "kinds": [], "since": "2026-03-01T00:00:00Z"},
        {"of": "range", "kinds": ["models"], "since": "yesterday"},
        {"of": "range", "kinds": ["models"], "since": "2026-03-02T00:00:00Z", "until": "2026-03-01T00:00:00Z"},
        {"of": "area", "datasets": ["places"], "south": "1", "west": "1", "north": "nan", "east": "2"},
        {"of": "area", "datasets": ["places"], "south": "1", "west": "1", "north": "91", "east": "2"},
        {"of": "area", "datasets": ["places"], "south": "3", "west": "1", "north": "2", "east": "2"},
        {"of": "area", "datasets": [], "south": "1", "west": "1", "north": "2", "east": "2"},
        {"of": "area", "datasets": ["places"], "south": 1, "west": "1", "north": "2", "east": "2"},
        {"of": "area", "datasets": ["places"], "south": "1", "west": "1", "north": "2", "east": "2", "more": ""},
    ],
    ids=[f"wrong {at}" for at in range(20)],
)  # fmt: skip
def test_what_is_no_selection_is_refused(wrong: object) -> None:
    with pytest.raises(UsageError) as refused:
        selections.from_json(wrong)  # type: ignore[arg-type]
    assert refused.value.help


def test_a_selection_names_no_more_items_than_one_order_takes() -> None:
    assert ChosenItems({"a": ("x",) * MOST_ITEMS}).items == MOST_ITEMS
    with pytest.raises(UsageError):
        ChosenItems({"a": ("x",) * MOST_ITEMS, "b": ("y",)})


def test_an_area_holds_its_edges_and_reaches_across_the_last_meridian() -> None:
    home = Area(frozenset({"places"}), 48.0, 11.0, 49.0, 12.0)
    assert home.holds(48.0, 11.0)
    assert home.holds(49.0, 12.0)
    assert not home.holds(47.999, 11.5)
    assert not home.holds(48.5, 12.001)
    pacific = Area(frozenset({"places"}), -20.0, 177.0, -10.0, -178.0)
    assert pacific.holds(-15.0, 179.0)
    assert pacific.holds(-15.0, -179.5)
    assert not pacific.holds(-15.0, 0.0)


def test_a_selection_shows_neither_keys_nor_places() -> None:
    assert "flac" not in repr(SELECTIONS[1])
    assert "48" not in repr(SELECTIONS[-1])
