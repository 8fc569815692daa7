"""The verbs that need a data map and its stores, and no state of Expunge's own: propose, check, draw, compare, audit a log.

Like ``bootstrap`` a composition root: it may know every room.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from expunge.adapters.log.audit import LogAudit, verify_log
from expunge.core.datamap.datamap import DataMap
from expunge.core.datamap.mapdiff import MapDiff, map_diff
from expunge.core.note import VerifierKey
from expunge.core.retention import collection_permission
from expunge.core.retention.collection_permission import CollectionAnswer
from expunge.core.values.copy import Finding, FindingKind
from expunge.engine.retention import map_check
from expunge.maps import MapFault, examine, find_map, read_map
from expunge.maps.drawing.picture import draw_lineage
from expunge.maps.drawing.tree import LineageBranch, lineage_tree, tree_text
from expunge.maps.proposal.fides_import import LossNote
from expunge.maps.proposal.from_fides import propose_from_fides
from expunge.maps.proposal.proposal import propose_map
from expunge.ports.store import Store
from expunge.stores import Kinds, OpenStores, own_kinds

__all__ = [
    "CheckedMap",
    "LineageBranch",
    "LogAudit",
    "LossNote",
    "MapFault",
    "audit",
    "check",
    "compare",
    "drawing",
    "import_fides",
    "locate_map",
    "may_collect",
    "propose",
    "read",
    "tree",
    "tree_lines",
]


@dataclass(frozen=True)
class CheckedMap:
    """A map held against itself and against what is really there."""

    path: Path
    faults: tuple[MapFault, ...]
    """What is wrong in the map itself; then no store was opened."""
    findings: tuple[Finding, ...]
    """What is wrong, or not declared, in the stores."""
    stores: int
    datasets: int
    lines: Mapping[str, int] = field(default_factory=dict)
    """Store -> the line of the map that declares it."""

    @property
    def sound(self) -> bool:
        """Nothing was found that is more than a note."""
        return not self.faults and all(finding.kind is FindingKind.NOTE for finding in self.findings)


@dataclass(frozen=True)
class _Places:
    data_map: DataMap
    open_store: Callable[[str], Store]


def locate_map(path: Path | None) -> Path:
    """The map named, or the nearest ``expunge.yaml`` at or above the working folder. Raises Misconfigured when there is none."""
    return find_map(Path.cwd()) if path is None else path


def read(path: Path | None) -> DataMap:
    """A map that must be sound. Raises Misconfigured with every fault."""
    return read_map(locate_map(path), os.environ, kinds=Kinds())


def check(path: Path | None) -> CheckedMap:
    """Read a map; where it is sound, open every store and compare it with the map."""
    found = locate_map(path)
    reading = examine(found, os.environ, kinds=Kinds())
    if reading.faults or reading.map is None:
        return CheckedMap(found, reading.faults, (), 0, 0)
    stores = OpenStores(reading.map)
    try:
        findings = map_check.check(_Places(reading.map, stores))
    finally:
        stores.close()
    lines = {store.name: store.line for store in reading.map.stores.values()}
    return CheckedMap(found, (), findings, len(reading.map.stores), len(reading.map.datasets), lines)


def may_collect(data_type: str, path: Path | None = None) -> CollectionAnswer:
    """Whether a type of data has a schedule, and so may be collected; see :func:`expunge.core.retention.collection_permission.may_collect`.

    Raises Misconfigured for a map with faults: then nothing may be collected.
    """
    return collection_permission.may_collect(read(path), data_type)


def compare(before: Path, after: Path | None) -> tuple[MapDiff, DataMap, DataMap]:
    """How the second map (the nearest one, when None) differs from the first; both maps."""
    old, new = read(before), read(after)
    return map_diff(old, new), old, new


def audit(folder: Path, keys: Sequence[VerifierKey], known: Iterable[tuple[int, bytes]]) -> LogAudit:
    """Check a whole log on disk; see :func:`expunge.adapters.log.audit.verify_log`."""
    return verify_log(folder, keys, known)


def tree(data_map: DataMap) -> tuple[LineageBranch, ...]:
    """The lineage as a tree of values."""
    return lineage_tree(data_map)


def tree_lines(data_map: DataMap) -> str:
    """The lineage as text."""
    return tree_text(lineage_tree(data_map))


def drawing(data_map: DataMap) -> str:
    """The lineage as an SVG file."""
    return draw_lineage(data_map)


def propose(target: Path, map_file: Path) -> str:
    """The text of a first map for a folder or SQLite file, to be written to ``map_file``. Raises UsageError, StoreUnavailable."""
    return propose_map(target, map_file.absolute().parent)


def import_fides(folder: Path) -> tuple[str, tuple[LossNote, ...]]:
    """The text of a first map from Fides datasets, and what could not be carried into it. Raises UsageError where there is none."""
    return propose_from_fides(folder, (word for word, kind in own_kinds().items() if kind.layouts))
