"""Put an evidence pack together: receipts of a time with their proofs, the policy in force, lists by kind, and a signed manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from hashlib import sha256

from expunge.core import merkle
from expunge.core.evidence import receipt
from expunge.core.log import dsse
from expunge.core.pages import evidence_index
from expunge.core.pages.evidence_index import ReceiptLine
from expunge.core.values import canonical, codec
from expunge.core.values.record_kind import RecordKind
from expunge.core.values.signature import ed25519_pem
from expunge.core.verification import entry_order, evidence_lists, evidence_pack, ledger_record, receipt_folder, register_entry
from expunge.core.verification.evidence_pack import EvidenceManifest, LogEntry, LogRange
from expunge.engine.accounts import family_register, staff_review
from expunge.engine.consent import disclosure_texts
from expunge.engine.execution import issued_receipts
from expunge.engine.execution.issued_receipts import IssuedReceipt
from expunge.engine.gate import consent_register
from expunge.engine.kernel.context import Context
from expunge.engine.reports import duty_ledger, record_lists
from expunge.engine.reports.duty_ledger import LedgerEntry
from expunge.engine.reports.record_lists import LoggedReceipt, RecordLists, Row
from expunge.engine.retention import published_policy
from expunge.errors import UsageError
from expunge.ports.log import LogHead


@dataclass(frozen=True)
class WantedEvidence:
    """What is asked for."""

    recipient: str = ""
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class PackedEvidence:
    """What was put together."""

    manifest: EvidenceManifest
    receipts: int
    unknown: tuple[int, ...]
    """Covered entries of the log that this installation does not have: the pack does not hold, and says so."""


@dataclass(frozen=True)
class _Logged:
    """What one entry of the log stands for."""

    at: datetime
    folder: str
    files: Callable[[], Mapping[str, bytes]]
    """Reads its files: name in the folder -> content."""
    rows: tuple[tuple[RecordKind, Row], ...]
    """Its rows: one among the answers or in the ledger, or one for each event of a register."""
    line: ReceiptLine | None = None
    """Its line on the first page, for a receipt."""
    begins: datetime | None = None
    """When the first event behind it was entered, for an entry about a register."""


Put = Callable[[str, bytes], None]
"""Takes one file: path in the pack, content."""


def pack(context: Context, wanted: WantedEvidence, trust_policy: str, put: Put) -> PackedEvidence:
    """Hand every file of a pack to ``put``, the manifest and its signature last.

    Raises UsageError for a time that ends before it begins or has not begun; StateCorrupt where the files of an issued receipt are missing.
    """
    if wanted.start and wanted.end and wanted.start >= wanted.end:
        message = "the time ends before it begins"
        raise UsageError(message, help="--from 2026-01-01 --to 2026-02-01: the last day is not in it")
    now = context.clock.now().replace(microsecond=0)
    if wanted.start and wanted.start >= now:
        message = "the time has not begun"
        raise UsageError(message, help="--from is the first day, of which there can be evidence")
    # Why no later end: a pack cannot cover a time that has not been.
    wanted = replace(wanted, end=min(wanted.end, now)) if wanted.end else wanted
    digests: dict[str, str] = {}

    def add(name: str, data: bytes) -> None:
        digests[name] = sha256(data).hexdigest()
        put(name, data)

    lists = record_lists.collect(context, wanted.start, wanted.end)
    head = context.log.head()
    known = _known(context, lists)
    first, past = _covered(known, head.size, wanted)
    _list_covered(lists, [row for index in range(first, past) if index in known for row in known[index].rows])
    entries, lines = _entries(context, known, head, first, past, add)
    add(evidence_pack.CHECKPOINT, head.checkpoint)
    add(evidence_pack.ENTRIES, evidence_pack.encode_entries(entries))
    add(evidence_pack.SIGNER, ed25519_pem(context.keys.signer_public()))
    add(evidence_pack.POLICY, trust_policy.encode())
    for name, data in _policy(context):
        add(name, data)
    counts = {}
    for kind, rows in lists.rows.items():
        counts[kind.value] = len(rows)
        add(f"{evidence_pack.LISTS}{kind.value}.json", canonical.encode(rows))
        add(f"{evidence_pack.LISTS}{kind.value}.html", evidence_index.listed(kind.value, rows))
    now = max(now, context.clock.now().replace(microsecond=0))
    unknown = tuple(each.index for each in entries if not each.folder)
    since = lists.since.replace(microsecond=0) if lists.since else None
    log = LogRange(context.log.origin, head.size, head.root.hex(), first, past)
    period = wanted.recipient, wanted.start, wanted.end
    manifest = EvidenceManifest(now, *period, log, counts, digests, f"expunge {context.version}", since)
    add(evidence_pack.INDEX, evidence_index.index(evidence_lists.summary(manifest, lines, unknown)))
    data = manifest.encode()
    put(evidence_pack.MANIFEST, data)
    put(evidence_pack.SIGNATURE, context.keys.sign_receipt(evidence_pack.to_sign(data)))
    return PackedEvidence(manifest, len(lines), unknown)


def _known(context: Context, lists: RecordLists) -> dict[int, _Logged]:
    """Index -> what this installation has of that entry of the log."""
    found = {
        each.index: _Logged(
            each.at,
            each.folder,
            partial(_receipt_files, context, each),
            ((RecordKind.ANSWERS, each.row),),
            ReceiptLine(each.folder, each.order, each.verdict, each.verified, each.index),
        )
        for each in lists.receipts
    }
    for name, entry in duty_ledger.entries(context).items():
        if entry.logged is not None:
            folder, row = f"{evidence_pack.LEDGER}{name}", record_lists.ledger_row(entry)
            found[entry.logged.index] = _Logged(entry.logged.at, folder, partial(_ledger_files, entry), ((RecordKind.LEDGER, row),))
    for each in lists.committed:
        rows = tuple((each.kind, row) for row in each.rows)
        found[each.index] = _Logged(each.at, each.folder, partial(dict, each.files), rows, begins=each.begins)
    return found


def _list_covered(lists: RecordLists, covered: list[tuple[RecordKind, Row]]) -> None:
    """Have each list exactly the receipts, records and events of the covered part, which is widened at its edges."""
    lists.rows[RecordKind.ANSWERS] = [row for row in lists.rows[RecordKind.ANSWERS] if row["what"] != "receipt"]
    lists.rows[RecordKind.LEDGER] = []
    for kind, row in covered:
        lists.rows[kind].append(row)
    for kind in {RecordKind.ANSWERS, RecordKind.LEDGER, *register_entry.KINDS}:
        lists.rows[kind].sort(key=lambda row: str(row["at"]))


def _ledger_files(entry: LedgerEntry) -> Mapping[str, bytes]:
    return entry.files


def _receipt_files(context: Context, logged: LoggedReceipt) -> Mapping[str, bytes]:
    which = IssuedReceipt(logged.order, logged.round, logged.number, logged.subject, logged.index)
    found = issued_receipts.folder(context, which)
    return {name: found[name] for name in receipt_folder.REQUIRED}


def _covered(known: Mapping[int, _Logged], size: int, wanted: WantedEvidence) -> tuple[int, int]:
    """Return the part of the log that holds everything of the time, ended where the next entry itself speaks of a time outside it."""
    here = [
        index
        for index, each in known.items()
        if (wanted.start is None or each.at >= wanted.start) and (wanted.end is None or (each.begins or each.at) < wanted.end)
    ]
    before = [index for index, each in known.items() if wanted.start is not None and each.at < wanted.start]
    first = 0 if wanted.start is None else min(here, default=max(before, default=-1) + 1)
    past = size if wanted.end is None else max(here, default=first - 1) + 1
    # Why an entry about a register is no edge: it speaks of no time, and so does not show that the period begins or ends there.
    while wanted.start is not None and first > 0 and not (_is_edge(known, first - 1) and _said(known[first - 1]) < wanted.start):
        first -= 1
    while wanted.end is not None and past < size and not (_is_edge(known, past) and _said(known[past]) >= wanted.end):
        past += 1
    return first, max(first, past)


def _is_edge(known: Mapping[int, _Logged], index: int) -> bool:
    return index in known and known[index].begins is None


def _said(logged: _Logged) -> datetime:
    """The last time of which a receipt or record speaks."""
    files = logged.files()
    if ledger_record.RECORD in files:
        return ledger_record.parse(dsse.parse(files[ledger_record.RECORD]).payload).entered
    return entry_order.latest_time(receipt.parse(dsse.parse(files[receipt_folder.ENVELOPE]).payload))


def _entries(
    context: Context, known: Mapping[int, _Logged], head: LogHead, first: int, past: int, add: Put
) -> tuple[tuple[LogEntry, ...], list[ReceiptLine]]:
    """Add what was entered in the covered part, and next to it, and return the entries with their proofs."""
    beside = [index for index in (first - 1, past) if 0 <= index < head.size]
    indexes = sorted([*range(first, past), *beside])
    paths = context.log.prove_all(indexes, head.size) if indexes else ()
    entries, lines = [], []
    for index, path in zip(indexes, paths, strict=True):
        logged = known.get(index)
        folder = "" if logged is None else f"{evidence_pack.BESIDE}{index}" if index in beside else logged.folder
        entries.append(LogEntry(index, merkle.leaf_hash(context.log.entry(index)), path, folder))
        if logged is None:
            continue
        for name, data in logged.files().items():
            add(f"{folder}/{name}", data)
        if logged.line is not None and index not in beside:
            lines.append(logged.line)
    return tuple(entries), lines


def _policy(context: Context) -> Iterator[tuple[str, bytes]]:
    """The retention policy by the map and as published, the texts that people agree to, the rights of staff, decisions about families."""
    made = published_policy.policy(context)
    yield "policy/retention.html", made.html.encode()
    yield "policy/retention.md", made.markdown.encode()
    public = published_policy.published(context)
    at = codec.instant(public.at.replace(microsecond=0)) if public.at else None
    yield "policy/published.json", canonical.encode({"at": at, "false": sorted(public.false), "sentences": dict(public.sentences)})
    yield "policy/staff.json", canonical.encode(staff_review.statement(context))
    yield "policy/families.json", canonical.encode(family_register.statement(context.journal))
    consents = consent_register.load(context)
    for name, versions in sorted(context.data_map.texts.items()):
        data = disclosure_texts.as_shown(context, consents, name, versions[-1].version)
        yield f"policy/texts/{name}-{sha256(data).hexdigest()[:16]}.txt", data
