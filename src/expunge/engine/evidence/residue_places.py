"""The places of residue, kept for the operator under the order's key. File names can be identifiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from expunge.core.values import canonical
from expunge.core.values.ids import OrderId
from expunge.engine.evidence import hits_by_place
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.others_items import field_of
from expunge.engine.kernel.shelf_words import shelf_word
from expunge.ports.optional.placing import CannotTell, LiveRows, Lying, NothingLive, PlacingStore, SchemaPlace, SomeRow, TableFiles
from expunge.ports.scanner import Residue


@dataclass(frozen=True)
class ResiduePlace:
    """One place, for the operator's terminal."""

    store: str
    path: str = field(repr=False)
    offset: int
    hidden: str
    dataset: str
    part: str


@dataclass(frozen=True)
class ResidueGroup:
    """All places of residue in one table of a file, or in one file."""

    store: str
    path: str = field(repr=False)
    table: str
    """Empty where no page reader names one."""
    lying: str
    """What lies there: ``live rows``, ``free page`` ...; empty where no page reader says it."""
    places: int
    of: tuple[str, ...]
    """Where it came from: fields of the map."""


def keep(context: Context, order: OrderId, store: str, places: Sequence[Residue], lying: Mapping[Residue, Sequence[Lying]]) -> None:
    """Keep the places found in one store, in place of those of an earlier look: how many lie where, and a few of each window one by one."""
    name = f"residue-{shelf_word(store)}.sealed"
    if not places:
        context.shelf.remove(order, name)
        return
    few: list[canonical.Json] = [
        [_written(place), place.offset, place.hidden, place.trace.dataset, place.trace.part] for place in hits_by_place.a_few(places)
    ]
    body: canonical.Json = {"groups": _grouped(context, store, places, lying), "places": few}
    context.shelf.put(order, name, context.keys.seal(order, name, canonical.encode(body)))


def _written(place: Residue) -> str:
    return str(place.path).encode("utf-8", "backslashreplace").decode()


def _grouped(context: Context, store: str, places: Sequence[Residue], lying: Mapping[Residue, Sequence[Lying]]) -> list[canonical.Json]:
    counts: dict[tuple[str, str, str], int] = {}
    fields: dict[tuple[str, str, str], set[str]] = {}
    names: dict[tuple[str, Path], str] = {}
    for place in places:
        relation, what = _told(lying.get(place, ()))
        if (relation, place.path) not in names:
            names[relation, place.path] = _table(context, store, place.path, relation)
        table = names[relation, place.path]
        # Why not of a relation that is the file itself: it has no rows but itself.
        group = (_written(place), table, what if table or not relation else "")
        counts[group] = counts.get(group, 0) + 1
        fields.setdefault(group, set()).add(field_of(place.trace))
    return [[*group, counts[group], sorted(fields[group])] for group in sorted(counts)]


def _told(lying: Sequence[Lying]) -> tuple[str, str]:
    """The relation that lies at a place, and what of it; both empty where nothing tells it."""
    for each in lying:
        match each:
            case LiveRows(relation):
                return relation, "live rows"
            case SomeRow(relation):
                return relation, "a value of the whole table"
            case NothingLive(why) | CannotTell(why):
                return "", why
            case SchemaPlace():
                return "", "text of the schema"
    return "", ""


def _table(context: Context, store: str, path: Path, relation: str) -> str:
    """The table whose relation lies at a place of a file; empty for a relation that is the file itself."""
    try:
        opened = context.open_store(store)
        for dataset in context.data_map.datasets_of(store) if relation and isinstance(opened, PlacingStore) else ():
            if dataset.table and isinstance(opened, PlacingStore) and opened.relates(dataset, relation):
                return dataset.table
        if isinstance(opened, TableFiles):
            return opened.table_in(path)
    except store_calls.TROUBLE:
        return ""
    return "" if path.as_posix().endswith(relation) else relation


def places(context: Context, order: OrderId) -> tuple[ResiduePlace, ...]:
    """Return places that the last round found, a few of each window; empty after the order's key died."""
    return tuple(
        ResiduePlace(store, str(path), int(offset), str(hidden), str(dataset), str(part))
        for store, body in _bodies(context, order)
        for path, offset, hidden, dataset, part in (body if isinstance(body, list) else body["places"])
    )


def groups(context: Context, order: OrderId) -> tuple[ResidueGroup, ...]:
    """Return where the last round found residue, by store, file and table; empty after the order's key died."""
    return tuple(
        ResidueGroup(store, str(path), str(table), str(lying), int(count), tuple(map(str, fields)))
        for store, body in _bodies(context, order)
        for path, table, lying, count, fields in (body["groups"] if isinstance(body, dict) else ())
    )


def _bodies(context: Context, order: OrderId) -> list[tuple[str, Any]]:
    """Store -> what was kept of it; a list of places in the form of versions before there were groups."""
    found = []
    named = {shelf_word(store): store for store in context.data_map.stores}
    for name in context.shelf.names(order):
        data = context.shelf.get(order, name) if name.startswith("residue-") else None
        if data is None:
            continue
        word = name.removeprefix("residue-").removesuffix(".sealed")
        found.append((named.get(word, word), canonical.decode(context.keys.open(order, name, data))))
    return found
