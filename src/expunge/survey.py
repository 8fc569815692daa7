"""The verbs that need a data map and its stores, and no state of Expunge's own: propose, check, draw, compare, audit a log.

Like ``bootstrap`` a composition root: it may know every room.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from expunge.adapters.log.audit import LogAudit, verify_growth, verify_log
from expunge.adapters.log.log_source import FolderSource, HttpSource, LogSource
from expunge.adapters.log.receipt_in_log import ReceiptInLog, find_receipt
from expunge.adapters.log.watch_folder import WatchFolder
from expunge.adapters.log.watching import LogAlarm, LogLook, WatchLimits, cry, look
from expunge.adapters.log.witness import Witness
from expunge.core.datamap.datamap import DataMap, Undecided
from expunge.core.datamap.mapdiff import MapDiff, map_diff
from expunge.core.log.trust import TrustPolicy
from expunge.core.retention import collection_permission
from expunge.core.retention.collection_permission import CollectionAnswer
from expunge.core.values.copy import Finding, FindingKind
from expunge.core.verification.entry_order import KeptHead
from expunge.core.verification.receipt_verify import VerifiedReceipt
from expunge.engine.opaque import opaque_check
from expunge.engine.retention import map_check
from expunge.errors import UsageError
from expunge.maps import MapFault, examine, find_map, read_map
from expunge.maps.drawing.picture import draw_lineage
from expunge.maps.drawing.tree import LineageBranch, lineage_tree, tree_text
from expunge.maps.proposal.fides_import import LossNote
from expunge.maps.proposal.from_fides import propose_from_fides
from expunge.maps.proposal.proposal import propose_map
from expunge.ports.store import Store
from expunge.residue import ResidueScanner
from expunge.stores import Kinds, OpenStores, lake_columns, open_survey, own_kinds

__all__ = [
    "CheckedMap",
    "LineageBranch",
    "LogAlarm",
    "LogAudit",
    "LogLook",
    "LossNote",
    "MapFault",
    "ReceiptInLog",
    "WatchLimits",
    "Witness",
    "audit",
    "check",
    "compare",
    "cry",
    "drawing",
    "import_fides",
    "locate_map",
    "log_source",
    "may_collect",
    "propose",
    "read",
    "receipt_in_log",
    "tree",
    "tree_lines",
    "watch_log",
    "watched_heads",
]


OPEN_GUESS = "open-guess"
"""The rule of a guess that nobody has decided; such a map can be used, but for planning."""


@dataclass(frozen=True)
class CheckedMap:
    """A map held against itself and against what is really there."""

    path: Path
    faults: tuple[MapFault, ...]
    """What is wrong in the map itself; then no store was opened."""
    guesses: tuple[MapFault, ...]
    """What a proposal guessed and no person has decided yet."""
    findings: tuple[Finding, ...]
    """What is wrong, or not declared, in the stores."""
    stores: int
    datasets: int
    lines: Mapping[str, int] = field(default_factory=dict)
    """Store -> the line of the map that declares it."""

    @property
    def sound(self) -> bool:
        """Nothing was found that is more than a note."""
        return not self.faults and not self.guesses and all(finding.kind is FindingKind.NOTE for finding in self.findings)


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
        return CheckedMap(found, reading.faults, (), (), 0, 0)
    stores = OpenStores(reading.map)
    try:
        places = _Places(reading.map, stores)
        findings = (*map_check.check(places), *opaque_check.findings(places, ResidueScanner(processes=1).unread))
    finally:
        stores.close()
    lines = {store.name: store.line for store in reading.map.stores.values()}
    guesses = tuple(MapFault(str(found), each.line, each.what, each.fix, OPEN_GUESS) for each in reading.map.guesses)
    return CheckedMap(found, (), guesses, findings, len(reading.map.stores), len(reading.map.datasets), lines)


def unreadable(path: Path) -> tuple[Finding, ...]:
    """Return what no order could be sure of in the stores of a first map, with a line for ``opaque:`` each.

    Datasets of which nobody has decided whose they are count as not declared: what cannot be read helps to decide.
    """
    found = examine(path, os.environ, kinds=Kinds()).map
    if found is None:
        return ()
    decided = {name: each for name, each in found.datasets.items() if not isinstance(each.subject, Undecided)}
    data_map = replace(found, datasets=decided)
    stores = OpenStores(data_map)
    try:
        return tuple(opaque_check.findings(_Places(data_map, stores), ResidueScanner(processes=1).unread))
    finally:
        stores.close()


def may_collect(data_type: str, path: Path | None = None) -> CollectionAnswer:
    """Whether a type of data has a schedule, and so may be collected; see :func:`expunge.core.retention.collection_permission.may_collect`.

    Raises Misconfigured for a map with faults: then nothing may be collected.
    """
    return collection_permission.may_collect(read(path), data_type)


def compare(before: Path, after: Path | None) -> tuple[MapDiff, DataMap, DataMap]:
    """How the second map (the nearest one, when None) differs from the first; both maps."""
    old, new = read(before), read(after)
    return map_diff(old, new), old, new


@contextmanager
def log_source(where: str) -> Iterator[LogSource]:
    """Open the files of a log in a folder, or under an address that begins with http. Raises UsageError for what is neither."""
    if where.startswith(("http://", "https://")):
        with HttpSource(where) as source:
            yield source
        return
    if not Path(where).is_dir():
        message = "there is no such folder, and it is no address that begins with https://"
        raise UsageError(message, help="name a log's folder, or the address under which its checkpoint lies")
    yield FolderSource(Path(where))


def audit(
    source: LogSource, policy: TrustPolicy, known: Iterable[tuple[int, bytes]], now: datetime, *, heads_only: bool = False
) -> LogAudit:
    """Check a whole log, or only its head and earlier ones; see :mod:`expunge.adapters.log.audit`."""
    if heads_only:
        return verify_growth(source, policy, known, now=now)[0]
    return verify_log(source, policy, known, now=now)


def watched_heads(folder: Path, policy: TrustPolicy, now: datetime) -> list[KeptHead]:
    """The heads of a log that a watch kept in a folder, smallest first. Raises EvidenceInvalid for one that the log did not sign."""
    return WatchFolder(folder).heads(policy, now)


def watch_log(source: LogSource, policy: TrustPolicy, folder: Path, now: datetime, limits: WatchLimits) -> LogLook:
    """Look at a log once, and compare it with what was kept in a folder; see :func:`expunge.adapters.log.watching.look`."""
    return look(source, policy, WatchFolder(folder), now, limits)


def receipt_in_log(
    source: LogSource, policy: TrustPolicy, verified: VerifiedReceipt, kept: Sequence[KeptHead], now: datetime
) -> ReceiptInLog:
    """Compare a receipt with the log of now; see :func:`expunge.adapters.log.receipt_in_log.find_receipt`."""
    return find_receipt(source, policy, verified, kept, now)


def tree(data_map: DataMap) -> tuple[LineageBranch, ...]:
    """The lineage as a tree of values."""
    return lineage_tree(data_map)


def tree_lines(data_map: DataMap) -> str:
    """The lineage as text."""
    return tree_text(lineage_tree(data_map))


def drawing(data_map: DataMap) -> str:
    """The lineage as an SVG file."""
    return draw_lineage(data_map)


def propose(targets: Sequence[str], map_file: Path) -> str:
    """Return the text of a first map for folders, databases and buckets, to be written to ``map_file``.

    Raises UsageError for what is none, StoreUnavailable for what cannot be read, Misconfigured where a client is not installed.
    """
    return propose_map(targets, map_file.absolute().parent, open_survey, lake_columns, os.environ)


def import_fides(folder: Path) -> tuple[str, tuple[LossNote, ...]]:
    """The text of a first map from Fides datasets, and what could not be carried into it. Raises UsageError where there is none."""
    return propose_from_fides(folder, (word for word, kind in own_kinds().items() if kind.layouts))
