"""Say where residue lies: by store, then by table or file, every place counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from expunge.cli.terminal import output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from expunge.bootstrap import Expunge
    from expunge.core.values.ids import OrderId
    from expunge.engine.evidence.residue_places import ResidueGroup

MOST_FILES = 20
"""Files of a store that are named one by one; more are counted by folder."""


def told(expunge: Expunge, order: OrderId, *, verbose: bool) -> list[str]:
    """Return the lines for the residue of an order; with ``verbose`` a few offsets of each window as well."""
    groups, lines = expunge.residue_groups(order), list[str]()
    for store in sorted({each.store for each in groups}):
        mine = [each for each in groups if each.store == store]
        lines.append(f"residue in {store}: {output.count(sum(each.places for each in mine), 'place')}")
        lines += [f"  {line}" for line in _lines(mine)]
    if verbose or not groups:
        found = (f"residue in {each.store}: {each.path} at {each.offset}, {each.hidden}" for each in expunge.residue(order))
        lines += [output.visible(line) for line in dict.fromkeys(found)]
    if lines:
        lines.append("remove what lies there, or declare it in the map (`expunge check` prints lines to paste)")
        lines.append(f"then, to look again: expunge apply {order}")
    return lines


def as_values(expunge: Expunge, order: OrderId) -> dict[str, Any]:
    """Return the residue of an order as JSON values: a few places one by one, and all of them in groups."""
    return {
        "residue": [
            {"store": each.store, "path": each.path, "offset": each.offset, "hidden": each.hidden} for each in expunge.residue(order)
        ],
        "residue_groups": [
            {"store": each.store, "path": each.path, "table": each.table, "lying": each.lying, "places": each.places, "of": each.of}
            for each in expunge.residue_groups(order)
        ],
    }


def _lines(groups: Sequence[ResidueGroup]) -> list[str]:
    """A line for each table or file of a store; for each folder where that would be very many."""
    tables = [f"table {each.table}" if each.table else "" for each in groups]
    files = [each.path for each in groups]
    many = len(set(files)) > MOST_FILES
    counts: dict[tuple[str, str, str], int] = {}
    held: dict[tuple[str, str, str], set[str]] = {}
    inside: dict[tuple[str, str, str], set[str]] = {}
    for each, table, path in zip(groups, tables, files, strict=True):
        key = (f"{path.rpartition('/')[0]}/" if many and not table else path, table, each.lying)
        counts[key] = counts.get(key, 0) + each.places
        held.setdefault(key, set()).update(each.of)
        inside.setdefault(key, set()).add(path)
    return [
        f"{_place(key, len(inside[key]))}: {output.count(counts[key], 'place')}, of {', '.join(sorted(held[key]))}"
        for key in sorted(counts)
    ]


def _place(key: tuple[str, str, str], files: int) -> str:
    path, table, lying = key
    said = [part for part in (table, lying) if part]
    where = output.visible(path) + (f" ({output.count(files, 'file')})" if path.endswith("/") else "")
    return f"{', '.join(said)} in {where}" if said else where
