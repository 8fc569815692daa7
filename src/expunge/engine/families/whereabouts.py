"""Read the places that are held of one child: of every dataset that the categories of the map say is about geolocation (AMZ-06)."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any

from expunge.core.datamap.datamap import AboutNobody, Dataset, Inherited
from expunge.core.datamap.person import Person
from expunge.core.datamap.protected_kinds import ProtectedKind, in_scope
from expunge.core.discovery import coordinates
from expunge.core.families.selection import Area, ChosenItems
from expunge.core.families.whereabouts import Place, gridded, is_place
from expunge.core.retention.retention_rules import rule_of
from expunge.core.values.copy import Copy
from expunge.core.values.outcome import Reason
from expunge.core.values.scope import Scope
from expunge.core.values.timestamps import moment
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.subjects import locating
from expunge.errors import UsageError

MOST = 50_000
"""Places that one look reads: a page shows no more, and an area is chosen among these."""
_PAGE = 500
_ROWS = "application/jsonl"
_EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Whereabouts:
    """The places of a child."""

    places: tuple[Place, ...]
    """Newest first; those without a time last."""
    unread: int = 0
    """Items of geolocation in which no pair of coordinates was found."""
    cut: bool = False
    """Whether there are more than :data:`MOST`."""
    not_looked: tuple[tuple[str, Reason], ...] = ()
    """(dataset, why) of those that could not be read: what they hold is not known, and not nothing."""


def datasets(context: Context) -> tuple[str, ...]:
    """Return the datasets about geolocation whose items are of single people, in the order of the map."""
    found = next(each.datasets for each in in_scope(context.data_map) if each.kind is ProtectedKind.LOCATION)
    kept = context.data_map.datasets
    return tuple(name for name in found if not isinstance(kept[name].subject, AboutNobody | Inherited))


def look(context: Context, person: Person) -> Whereabouts:
    """Read the places of a person. It never raises for a store that is away: that dataset is named, with the reason."""
    names = datasets(context)
    if not names:
        return Whereabouts(())
    located = locating.locate(context, (person,), scope=Scope("a look at places", tuple(sorted(names))))
    places: list[Place] = []
    unread, cut = 0, False
    away = {name: unable.reason for name, unable in located.failed.items() if name in names}
    for name in names:
        dataset = context.data_map.datasets[name]
        for copy in located.held_in(name) if name not in away else ():
            try:
                for place in _places(context, dataset, copy):
                    if len(places) >= MOST:
                        cut = True
                        break
                    if place is None:
                        unread += 1
                    else:
                        places.append(place)
            except store_calls.TROUBLE as error:
                away[name] = store_calls.as_unable(error).reason
                break
    places.sort(key=lambda each: each.at or _EARLIEST, reverse=True)
    return Whereabouts(tuple(places), unread, cut, tuple(sorted(away.items())))


def within(found: Whereabouts, area: Area) -> ChosenItems:
    """Return the items whose places lie in an area. Raises UsageError where there are none, and as :func:`chosen`."""
    return chosen([each for each in found.places if each.dataset in area.datasets and area.holds(each.latitude, each.longitude)])


def in_squares(found: Whereabouts, squares: Collection[tuple[int, int]]) -> ChosenItems:
    """Return the items whose places lie in some squares of the picture, by row and column. Raises UsageError as :func:`chosen`."""
    drawn = gridded(found.places)
    lie = drawn[1] if drawn is not None else ()
    return chosen([place for place, square in zip(found.places, lie, strict=True) if square in squares])


def chosen(places: Sequence[Place]) -> ChosenItems:
    """Return places as the items that they are.

    Raises UsageError for none, and for a place whose store names no single record: an order for it would take its neighbours along.
    """
    if not places:
        raise UsageError("no place was chosen", help="choose places of the list, or a larger area")
    if any(not each.key for each in places):
        message = "some of these places lie in files with many records, which are deleted by a range of time alone"
        raise UsageError(message, help="choose a range of time on the page for deleting")
    keys: dict[str, dict[str, None]] = {}
    for each in places:
        keys.setdefault(each.dataset, {})[each.key] = None
    return ChosenItems({name: tuple(held) for name, held in keys.items()})


def _places(context: Context, dataset: Dataset, copy: Copy) -> Iterator[Place | None]:
    """Yield the place of each item of a copy; None for an item without one."""
    start = rule_of(context.data_map, dataset).field
    field = dataset.collected or start
    # Where one key names several records, no record has a key of its own.
    single = copy.items == len(copy.keys)
    for begin in range(0, len(copy.keys), _PAGE):
        keys = copy.keys[begin : begin + _PAGE]
        rows = list(_rows(context, dataset, replace(copy, keys=keys, items=len(keys) if single else copy.items)))
        if not single:
            yield from (_place(dataset.name, "", row, field) for row in rows)
        elif len(rows) == len(keys):
            yield from (_place(dataset.name, key, row, field) for key, row in zip_longest(keys, rows))
        else:
            # An item has gone meanwhile: which row is whose is asked one by one.
            for key in keys:
                for row in _rows(context, dataset, replace(copy, keys=(key,), items=1)):
                    yield _place(dataset.name, key, row, field)


def _rows(context: Context, dataset: Dataset, copy: Copy) -> Iterator[Mapping[str, Any]]:
    for item in store_calls.export(context.open_store(dataset.store), dataset, copy):
        if item.media_type != _ROWS and not dataset.format:
            continue
        for line in b"".join(item.chunks).splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict):
                yield row


def _place(dataset: str, key: str, row: Mapping[str, Any], field: str) -> Place | None:
    found = _coordinates(row)
    return None if found is None else Place(dataset, key, *found, moment(row.get(field)))


def _coordinates(row: Mapping[str, Any]) -> tuple[float, float] | None:
    """The first pair of columns named after latitude and longitude, else the first column of whole places, that holds a place."""
    for north, east in coordinates.pairs(tuple(row)):
        found = coordinates.degrees(row[north]), coordinates.degrees(row[east])
        if found[0] is not None and found[1] is not None and is_place(found[0], found[1]):
            return found[0], found[1]
    for name, value in row.items():
        if coordinates.names_place(name) and (point := coordinates.point(value)) is not None and is_place(*point):
            return point
    return None
