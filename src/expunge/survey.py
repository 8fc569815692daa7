"""The verbs that need a data map and its stores, and no state of Expunge's own: propose, check, draw, compare, audit a log.

Like ``bootstrap`` a composition root: it may know every room.
"""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from expunge import durable
from expunge.adapters.log.audit import LogAudit, verify_growth, verify_log
from expunge.adapters.log.log_source import FolderSource, HttpSource, LogSource
from expunge.adapters.log.receipt_in_log import ReceiptInLog, find_look, find_receipt
from expunge.adapters.log.watch_folder import WatchFolder
from expunge.adapters.log.watching import LogAlarm, LogLook, WatchLimits, cry, look
from expunge.adapters.log.witness import Witness
from expunge.adapters.state import accounts_check
from expunge.adapters.state.accounts_database import AccountsDatabase, accounts_database
from expunge.core.datamap.datamap import DataMap, StoreSpec, Undecided
from expunge.core.datamap.mapdiff import MapDiff, map_diff
from expunge.core.discovery.coordinates import names_place
from expunge.core.log.trust import TrustPolicy
from expunge.core.retention import collection_permission
from expunge.core.retention.collection_permission import CollectionAnswer, RequirementAnswer
from expunge.core.review.view_verify import VerifiedViews
from expunge.core.values.copy import Finding, FindingKind
from expunge.core.verification.entry_order import KeptHead
from expunge.core.verification.receipt_verify import VerifiedReceipt
from expunge.engine.opaque import opaque_check
from expunge.engine.retention import content_kinds, dry_locate, map_check, schema_check
from expunge.engine.retention.dry_locate import SampledPeople
from expunge.errors import ExpungeError, UsageError
from expunge.maps import MapFault, examine, find_map, read_map
from expunge.maps.document.edits import CannotEdit
from expunge.maps.drawing.picture import draw_lineage
from expunge.maps.drawing.tree import LineageBranch, lineage_tree, tree_text
from expunge.maps.proposal.fides_import import LossNote
from expunge.maps.proposal.from_fides import propose_from_fides
from expunge.maps.proposal.proposal import propose_map
from expunge.maps.review.answers import answered, settled
from expunge.maps.review.open_questions import MapQuestion, open_questions
from expunge.ports.optional.table_survey import ColumnType, SurveyedTable, TableSurvey
from expunge.ports.recognition import Recognise
from expunge.ports.store import Store
from expunge.residue.opaque.recognition import recognise
from expunge.residue.scanning.scanner import ResidueScanner
from expunge.stores import SURVEYED, Kinds, OpenStores, lake_columns, open_survey, own_kinds

__all__ = [
    "AccountsDatabase",
    "CheckedMap",
    "LineageBranch",
    "LogAlarm",
    "LogAudit",
    "LogLook",
    "LossNote",
    "MapFault",
    "MapQuestion",
    "MapReview",
    "ReceiptInLog",
    "SampledPeople",
    "TableCounts",
    "WatchLimits",
    "Witness",
    "accounts_database",
    "audit",
    "check",
    "compare",
    "cry",
    "decide",
    "drawing",
    "import_fides",
    "locate_map",
    "log_source",
    "may_collect",
    "may_require",
    "propose",
    "read",
    "receipt_in_log",
    "review",
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
    samples: tuple[SampledPeople, ...] = ()
    """What orders for some people would find."""

    @property
    def sound(self) -> bool:
        """Nothing was found that is more than a note."""
        return not self.faults and not self.guesses and all(finding.kind is FindingKind.NOTE for finding in self.findings)


@dataclass(frozen=True)
class _Places:
    data_map: DataMap
    open_store: Callable[[str], Store]
    recognise: Recognise = recognise


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
        found_there = map_check.check(places)
        found_there += tuple(schema_check.findings(reading.map, _tables_of(reading.map, reading.map.datasets)))
        found_there += tuple(_points(places))
        samples = dry_locate.sampled(places) if map_check.followable(found_there) else ()
        found_there += tuple(accounts_check.findings(reading.map))
        findings = (*found_there, *opaque_check.findings(places, ResidueScanner(processes=1).unread))
    finally:
        stores.close()
    lines = {store.name: store.line for store in reading.map.stores.values()}
    guesses = tuple(MapFault(str(found), each.line, each.what, each.fix, OPEN_GUESS) for each in reading.map.guesses)
    return CheckedMap(found, (), guesses, findings, len(reading.map.stores), len(reading.map.datasets), lines, samples)


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


def may_require(purpose: str, dataset: str, path: Path | None = None) -> RequirementAnswer:
    """Whether a purpose may be refused to whoever does not give a dataset.

    See :func:`expunge.core.retention.collection_permission.may_require`.

    Raises Misconfigured for a map with faults: then nothing may be required.
    """
    return collection_permission.may_require(read(path), purpose, dataset)


def compare(before: Path, after: Path | None) -> tuple[MapDiff, DataMap, DataMap]:
    """How the second map (the nearest one, when None) differs from the first; both maps."""
    old, new = read(before), read(after)
    return map_diff(old, new), old, new


@dataclass(frozen=True)
class TableCounts:
    """The size and the columns of a table that a question is about."""

    rows: int
    columns: tuple[str, ...]


@dataclass(frozen=True)
class MapReview:
    """A map with what it leaves to a person."""

    path: Path
    text: bytes
    """The file as it was read."""
    questions: tuple[MapQuestion, ...]
    counts: Mapping[str, TableCounts]
    """Dataset -> what its table has now; without those whose store cannot be read."""


def review(path: Path | None, *, counted: bool = True) -> MapReview:
    """Return the open questions of a map, with counts of the tables that they are about where ``counted``.

    Raises Misconfigured for a map with faults.
    """
    found = locate_map(path)
    text = found.read_bytes()
    data_map = read_map(found, os.environ, kinds=Kinds(), text=text)
    questions = open_questions(text.decode("utf-8-sig"), data_map)
    asked = {each.name for each in questions if each.section == "datasets"}
    tables = _tables_of(data_map, asked) if counted and asked else {}
    counts = {name: TableCounts(table.rows, tuple(column.name for column in table.columns)) for name, table in tables.items()}
    return MapReview(found, text, questions, counts)


def decide(reviewed: MapReview, question: MapQuestion, answer: str, *, settles: bool = False) -> MapReview:
    """Write an answer into the map, whole or not at all; return the review of the map as it is then.

    ``settles``: with it everything about this retention is decided. Raises UsageError for an answer that cannot be written, and for a map
    that another program changed since it was read.
    """
    if reviewed.path.read_bytes() != reviewed.text:
        message = f"{reviewed.path} was changed by another program since it was read; this answer is not in it"
        raise UsageError(message, help="run the same command again")
    mark = codecs.BOM_UTF8 if reviewed.text.startswith(codecs.BOM_UTF8) else b""
    try:
        counts = reviewed.counts.get(question.name)
        text = answered(reviewed.text.decode("utf-8-sig"), question, answer, counts.columns if counts else ())
        data = mark + (settled(text, question) if settles else text).encode()
    except (CannotEdit, UnicodeEncodeError) as error:
        raise UsageError(str(error), help="answer again, or change the file by hand") from error
    before = {(each.rule, each.what) for each in examine(reviewed.path, os.environ, kinds=Kinds(), text=reviewed.text).faults}
    reading = examine(reviewed.path, os.environ, kinds=Kinds(), text=data)
    new = [each for each in reading.faults if (each.rule, each.what) not in before]
    if new or reading.map is None:
        raise UsageError(new[0].what if new else "the map could not be read any more", help=new[0].write_instead if new else "")
    return reviewed if data == reviewed.text else _with_text(reviewed, data, reading.map)


def take_back(reviewed: MapReview, before: MapReview) -> MapReview:
    """Write the map as it was before an answer; return the review of it. Raises UsageError as :func:`decide`."""
    if reviewed.path.read_bytes() != reviewed.text:
        message = f"{reviewed.path} was changed by another program since it was read; nothing is taken back"
        raise UsageError(message, help="run the same command again")
    reading = examine(reviewed.path, os.environ, kinds=Kinds(), text=before.text)
    return reviewed if before.text == reviewed.text or reading.map is None else _with_text(reviewed, before.text, reading.map)


def _with_text(reviewed: MapReview, data: bytes, data_map: DataMap) -> MapReview:
    """Write the text of a map in the place of another; return the review of it. Raises UsageError for a file that may not be written."""
    target = reviewed.path.resolve()
    if not target.stat().st_mode & 0o222 or not os.access(target, os.W_OK):
        message = f"{reviewed.path} may not be written: this answer is not in it"
        raise UsageError(message, help=f"chmod u+w {reviewed.path}, or answer for a copy of it with --map")
    durable.write_bytes(target, data, at="map.review.answer", mode=stat.S_IMODE(target.stat().st_mode))
    return replace(reviewed, text=data, questions=open_questions(data.decode("utf-8-sig"), data_map))


def _points(places: _Places) -> Iterator[Finding]:
    """What columns of a type that no trace reads as text (``point``, ``geometry``) say of places."""
    for name, table in _tables_of(places.data_map, places.data_map.datasets).items():
        dataset = places.data_map.datasets[name]
        columns = [each.name for each in table.columns if each.type is ColumnType.OTHER]
        if columns:
            with suppress(ExpungeError, OSError), _survey(places.data_map.stores[dataset.store]) as opened:
                samples = {column: opened.sampled(table.name, column, _SAMPLED) for column in columns if names_place(column)}
                yield from content_kinds.of_points(places, dataset, samples)


_SAMPLED = 40


def _survey(store: StoreSpec) -> AbstractContextManager[TableSurvey]:
    """Open a store of the map that can be surveyed."""
    where = store.url if store.kind == "postgres" else Path(store.url.removeprefix("sqlite:///"))
    return open_survey(store.kind, where, store.name)


def _tables_of(data_map: DataMap, asked: Collection[str]) -> dict[str, SurveyedTable]:
    """Dataset -> its table, for those of some datasets whose store can be surveyed and reached."""
    found: dict[str, SurveyedTable] = {}
    for store in data_map.stores.values():
        datasets = [each for each in data_map.datasets_of(store.name) if each.name in asked and each.table]
        if not datasets or store.kind not in SURVEYED:
            continue
        with suppress(ExpungeError, OSError), _survey(store) as opened:
            tables = {table.name.casefold().removeprefix("public."): table for table in opened.tables()}
            named = ((each.name, tables.get(each.table.casefold().removeprefix("public."))) for each in datasets)
            found |= {name: table for name, table in named if table is not None}
    return found


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


def look_in_log(source: LogSource, policy: TrustPolicy, verified: VerifiedViews, kept: Sequence[KeptHead], now: datetime) -> ReceiptInLog:
    """Compare a receipt of a look with the log of now; see :func:`expunge.adapters.log.receipt_in_log.find_look`."""
    return find_look(source, policy, verified, kept, now)


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
