"""Hold the lists and pages of an evidence pack against its receipts and records: which rows there are, and what each may say.

Every kind of list is there, an empty one too. What a receipt or a record says is said once in its list, and nothing else is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from expunge.core.evidence.receipt import Receipt
from expunge.core.log.signed_head import CLOCKS_APART
from expunge.core.pages import evidence_index
from expunge.core.pages.evidence_index import PackSummary, ReceiptLine
from expunge.core.values import canonical, codec
from expunge.core.values.order import OrderState
from expunge.core.values.record_kind import RecordKind
from expunge.core.verification import entry_order, register_entry
from expunge.core.verification import evidence_pack as pack
from expunge.core.verification.evidence_pack import EvidenceManifest
from expunge.core.verification.ledger_record import LedgerRecord
from expunge.core.verification.register_entry import RegisterEntry
from expunge.errors import EvidenceInvalid

Row = dict[str, Any]
_ENDS = frozenset(state.value for state in OrderState)
_ENDED = {"order": str, "reasons": list}
SHAPES: Mapping[RecordKind, tuple[tuple[frozenset[str], Mapping[str, type]], ...]] = {
    RecordKind.REQUESTS: (
        (
            frozenset({"received"}),
            {"order": str, "kind": str, "cause": str, "channel": str, "people": int, "datasets": list, "follows": str},
        ),
    ),
    RecordKind.ANSWERS: (
        (frozenset({"receipt"}), {"order": str, "verdict": str, "receipt": str, "entry": int}),
        (_ENDS, _ENDED),
        (frozenset({"extension told"}), _ENDED),
        (frozenset({"reopened: data came back"}), {"order": str, "by": str}),
    ),
    RecordKind.REFUSALS: ((_ENDS - {OrderState.FULFILLED}, _ENDED),),
}
"""List -> the shapes of its rows: what a row may say of itself (``what``), and its fields besides ``at``. Other lists have rows of any
fields that are texts, numbers and lists of texts."""


@dataclass(frozen=True)
class CoveredEntry:
    """One verified receipt or record of the covered part."""

    index: int
    folder: str
    entered: Receipt | LedgerRecord | RegisterEntry

    @property
    def row(self) -> Row:
        """Return the one row that its list has of it, without ``at``."""
        said = self.entered
        assert not isinstance(said, RegisterEntry)
        if isinstance(said, Receipt):
            words = {"what": "receipt", "order": said.order, "verdict": said.verdict.value}
            return {**words, "receipt": self.folder, "entry": self.index}
        holder = {"id": said.id, "on": said.on.isoformat(), "role": said.role, "person": said.person, "about": list(said.about)}
        papers = {"signed_by": said.signed_by, "sha256": said.document}
        return {"what": said.kind.value, **holder, **papers, "entry": self.index}


def faults(files: Mapping[str, bytes], manifest: EvidenceManifest, covered: Sequence[CoveredEntry]) -> Iterator[str]:
    """Name every list that is not there, and every row that is missing, of another shape, or says what no receipt or record says."""
    wanted = {kind.value for kind in manifest.kinds}
    yield from (f"the manifest does not count the list {name}" for name in sorted(wanted - manifest.lists.keys()))
    yield from (f"the manifest counts a list {name}, which is none" for name in sorted(manifest.lists.keys() - wanted))
    lists: dict[RecordKind, list[Row]] = {}
    for kind in manifest.kinds:
        found: list[Row] = []
        faults = list(_read(files, manifest, kind, found))
        yield from faults
        if not faults:
            lists[kind] = found
    receipts = [each for each in covered if isinstance(each.entered, Receipt)]
    records = [each for each in covered if isinstance(each.entered, LedgerRecord)]
    if RecordKind.ANSWERS in lists:
        yield from _tied(RecordKind.ANSWERS, [row for row in lists[RecordKind.ANSWERS] if row["what"] == "receipt"], receipts)
    if RecordKind.LEDGER in lists:
        yield from _tied(RecordKind.LEDGER, lists[RecordKind.LEDGER], records)
    for kind in sorted(register_entry.KINDS & lists.keys()):
        entries = [(each.index, each.entered) for each in covered if isinstance(each.entered, RegisterEntry) and each.entered.kind is kind]
        yield from register_entry.faults(kind, entries, lists[kind], whole=manifest.start is None)
    if RecordKind.REQUESTS in lists:
        yield from _requests(manifest, lists[RecordKind.REQUESTS], receipts)
    if {RecordKind.ANSWERS, RecordKind.REFUSALS} <= lists.keys():
        yield from _refusals(lists)
    if len(lists) == len(manifest.kinds):
        yield from _since(manifest, lists)


def pages(files: Mapping[str, bytes], manifest: EvidenceManifest, covered: Iterable[CoveredEntry]) -> Iterator[str]:
    """Name every page that is not the one made of what was verified. For a pack that has no fault besides."""
    lines = [
        ReceiptLine(each.folder, each.entered.order, each.entered.verdict.value, verified_at(each.entered), each.index)
        for each in covered
        if isinstance(each.entered, Receipt)
    ]
    made = {pack.INDEX: evidence_index.index(summary(manifest, lines))}
    for kind in manifest.kinds:
        rows: Any = canonical.decode(files[f"{pack.LISTS}{kind.value}.json"])
        made[f"{pack.LISTS}{kind.value}.html"] = evidence_index.listed(kind.value, rows)
    yield from (f"{name} does not show what the rest of the pack says" for name, data in made.items() if files.get(name) != data)


def summary(manifest: EvidenceManifest, lines: Sequence[ReceiptLine], unknown: Sequence[int] = ()) -> PackSummary:
    """Return what the first page says of a pack.

    Args:
        manifest: of the pack; it may lack the first page itself.
        lines: of the receipts of the covered part, in the log's order.
        unknown: entries that the pack does not hold.
    """
    log, period = manifest.log, (manifest.recipient, manifest.start, manifest.end, manifest.since)
    policy = sorted(name for name in manifest.files if name.startswith(pack.STATED))
    lists = {kind.value: manifest.lists[kind.value] for kind in manifest.kinds}
    return PackSummary(manifest.made, *period, log.origin, log.size, log.first, log.past, lists, lines, policy, unknown)


def verified_at(receipt: Receipt) -> str:
    """Return when a receipt's last look ended; empty where nothing could be looked at."""
    return codec.instant(receipt.times.verified) if receipt.times.verified else ""


def _read(files: Mapping[str, bytes], manifest: EvidenceManifest, kind: RecordKind, found: list[Row]) -> Iterator[str]:
    """Read one list into ``found``; name what is wrong with it or with a row alone."""
    path = f"{pack.LISTS}{kind.value}.json"
    for name in (path, f"{pack.LISTS}{kind.value}.html"):
        if name not in manifest.files:
            yield f"{name} is missing"
    if path not in files or path not in manifest.files:
        return
    try:
        rows = canonical.decode(files[path])
    except EvidenceInvalid as error:
        yield f"{path}: {error.message}"
        return
    if not isinstance(rows, list) or len(rows) != manifest.lists.get(kind.value):
        yield f"{path} has not the {manifest.lists.get(kind.value, 0)} rows that the manifest counts"
        return
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict) or not _shaped(kind, row):
            yield f"row {number} of {path} is of no shape that this list has"
            continue
        at = codec.parse_instant(row["at"])
        # Why not these: the stretch of the log is widened at its edges, and its receipts and records are listed with it.
        tied = kind is RecordKind.LEDGER or row["what"] == "receipt" or (kind in register_entry.KINDS and type(row.get("entry")) is int)
        early, late = manifest.start is not None and at < manifest.start, manifest.end is not None and at >= manifest.end
        if not tied and (early or late):
            yield f"row {number} of {path} is of a time that the pack does not cover"
        if at > manifest.made + CLOCKS_APART:
            yield f"row {number} of {path} is of a time after the pack was made"
        found.append(row)


def _shaped(kind: RecordKind, row: Row) -> bool:
    match row:
        case {"at": str(at), "what": str(what)}:
            rest = {name: value for name, value in row.items() if name not in ("at", "what")}
        case _:
            return False
    try:
        codec.parse_instant(at)
    except ValueError:
        return False
    if not all(_plain(value) for value in rest.values()):
        return False
    if kind not in SHAPES:
        return True
    return any(what in whats and {name: type(each) for name, each in rest.items()} == fields for whats, fields in SHAPES[kind])


def _plain(value: object) -> bool:
    return type(value) in (str, int) or (isinstance(value, list) and all(isinstance(each, str) for each in value))


def _tied(kind: RecordKind, rows: Iterable[Row], covered: Iterable[CoveredEntry]) -> Iterator[str]:
    """Each receipt or record has exactly one row, and each row its receipt or record."""
    path = f"{pack.LISTS}{kind.value}.json"
    word = "record" if kind is RecordKind.LEDGER else "receipt"
    known = {each.index: each for each in covered}
    times: Counter[int] = Counter()
    for row in rows:
        at, rest = codec.parse_instant(row["at"]), {name: value for name, value in row.items() if name != "at"}
        index = row.get("entry")
        entry = known.get(index) if type(index) is int else None
        if entry is None or canonical.encode(rest) != canonical.encode(entry.row) or not _dated(entry, at):
            yield f"{path} says of {row.get('receipt', row.get('id', 'a row'))} what no {word} of the pack says"
        else:
            times[entry.index] += 1
    for index, each in sorted(known.items()):
        if times[index] > 1:
            yield f"{path} has {each.folder} more than once"
        elif not times[index]:
            yield f"{path} has no row for {each.folder}"


def _dated(entry: CoveredEntry, at: datetime) -> bool:
    if isinstance(entry.entered, RegisterEntry):
        return False
    if isinstance(entry.entered, LedgerRecord):
        return at == entry.entered.entered
    return at >= entry_order.latest_time(entry.entered) - entry_order.ENTRY_LAG


def _requests(manifest: EvidenceManifest, rows: Iterable[Row], receipts: Iterable[CoveredEntry]) -> Iterator[str]:
    """No order was received twice, and one of which the pack has a receipt was received when that says."""
    path = f"{pack.LISTS}{RecordKind.REQUESTS.value}.json"
    received: dict[str, list[str]] = {}
    for row in rows:
        received.setdefault(row["order"], []).append(row["at"])
    yield from (f"{path} has order {order} more than once" for order, times in sorted(received.items()) if len(times) > 1)
    requested = {each.entered.order: each.entered.times.requested for each in receipts if isinstance(each.entered, Receipt)}
    for order, at in sorted(requested.items()):
        inside = (manifest.start is None or at >= manifest.start) and (manifest.end is None or at < manifest.end)
        if order not in received and inside:
            yield f"{path} has no row for order {order}, of which the pack has a receipt"
        if any(codec.parse_instant(each) != at for each in received.get(order, ())):
            yield f"{path} says that order {order} was received at another time than its receipt says"


def _refusals(lists: Mapping[RecordKind, Sequence[Row]]) -> Iterator[str]:
    """The refusals are the ends among the answers that are not full ones."""
    refused = Counter(canonical.encode(row) for row in lists[RecordKind.REFUSALS])
    ends = _ENDS - {OrderState.FULFILLED}
    answered = Counter(canonical.encode(row) for row in lists[RecordKind.ANSWERS] if row["what"] in ends)
    if refused != answered:
        yield f"{pack.LISTS}{RecordKind.REFUSALS.value}.json has other ends than {pack.LISTS}{RecordKind.ANSWERS.value}.json"


def _since(manifest: EvidenceManifest, lists: Mapping[RecordKind, Sequence[Row]]) -> Iterator[str]:
    """The first record of any time is not later than one that is listed; in a pack from the beginning it is listed."""
    first = min((codec.parse_instant(row["at"]) for rows in lists.values() for row in rows), default=None)
    if first is None:
        return
    if manifest.since is None or manifest.since > first or (manifest.start is None and manifest.since != first):
        yield f"{pack.MANIFEST} says another time of the first record than the lists show"
