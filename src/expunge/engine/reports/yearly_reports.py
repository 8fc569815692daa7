"""Draft a yearly certification or compliance report from an evidence pack of that year: each number is counted in a file of the pack."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from expunge.core.datamap.clocks import ClockState
from expunge.core.disgorgement.sworn_statement import StatementEvidence, StatementLine
from expunge.core.pages import yearly_report
from expunge.core.pages.yearly_report import EVIDENCE, ReportKind, ReportPart, YearlyReport
from expunge.core.values.record_kind import RecordKind
from expunge.core.verification import evidence_pack
from expunge.core.verification.ledger_record import LedgerKind
from expunge.engine.kernel.context import Context
from expunge.engine.reports import all_deadlines, estate_duties, evidence_packing, record_lists
from expunge.engine.reports.evidence_packing import PackedEvidence, Put, WantedEvidence
from expunge.engine.retention import published_policy
from expunge.errors import StateCorrupt, UsageError

MOST_LINKED = 20
"""Receipts that one number links to one by one; all of them are in the list that it links to."""
OUTSIDE = (
    "What was done without Expunge, or before it was used here.",
    "Complaints, marketing, and who looked at recordings: Expunge keeps no records of them.",
    "That every request reached Expunge: it knows those alone that were entered.",
    "What whoever signs knows themself, and what the experts know on whom they rely.",
)


@dataclass(frozen=True)
class _Pack:
    """The pack, as far as numbers need it."""

    rows: dict[RecordKind, list[dict[str, Any]]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    digests: dict[str, str] = field(default_factory=dict)

    def take(self, name: str, data: bytes) -> None:
        self.names.add(f"{EVIDENCE}/{name}")
        if name.startswith(evidence_pack.LISTS) and name.endswith(".json"):
            self.rows[RecordKind(name.removeprefix(evidence_pack.LISTS).removesuffix(".json"))] = json.loads(data)
            self.digests[name] = sha256(data).hexdigest()
        elif name == evidence_pack.MANIFEST:
            self.digests[name] = sha256(data).hexdigest()

    def lists(self, kind: RecordKind) -> StatementEvidence:
        path = f"{evidence_pack.LISTS}{kind.value}"
        return StatementEvidence(f"list of {kind.value}", f"{EVIDENCE}/{path}.html", f"{path}.json, SHA-256 {self.digests[f'{path}.json']}")

    def line(self, kind: RecordKind, rows: list[dict[str, Any]], text: str) -> StatementLine:
        """A number of rows of a list: it leads to the list, and to the receipts or log entries that the rows name."""
        named = [each for each in rows if each.get("receipt")][:MOST_LINKED]
        receipts = [
            StatementEvidence(each["receipt"], f"{EVIDENCE}/{each['receipt']}/receipt.html", f"entry {each['entry']} of the log")
            for each in named
        ]
        records = [each for each in rows if kind is RecordKind.LEDGER and isinstance(each["entry"], int)][:MOST_LINKED]
        ledger = [
            StatementEvidence(
                each["id"], f"{EVIDENCE}/{evidence_pack.LEDGER}{each['id']}/record.dsse.json", f"entry {each['entry']} of the log"
            )
            for each in records
            if f"{EVIDENCE}/{evidence_pack.LEDGER}{each['id']}/record.dsse.json" in self.names
        ]
        return StatementLine(len(rows), text, (self.lists(kind), *receipts, *ledger))


def draft(context: Context, kind: ReportKind, year: int, trust_policy: str, put: Put) -> tuple[YearlyReport, PackedEvidence]:
    """Draft a report of one year; hand the draft, and the files of the evidence below ``evidence/``, to ``put``.

    Raises UsageError for a year that has not begun; else as the packing of evidence.
    """
    now = context.clock.now().replace(microsecond=0)
    try:
        start, end = (datetime(each, 1, 1, tzinfo=UTC) for each in (year, year + 1))
    except ValueError as error:
        raise UsageError("that is no year", help="--year 2026") from error
    if start > now:
        message = f"the year {year} has not begun"
        raise UsageError(message, help="a report is about what was done")
    pack = _Pack()

    def beside(name: str, data: bytes) -> None:
        pack.take(name, data)
        put(f"{EVIDENCE}/{name}", data)

    packed = evidence_packing.pack(context, WantedEvidence(f"{kind.value} {year}", start, end), trust_policy, beside)
    since = record_lists.collect(context).since
    recorded = since is not None and since < end
    parts = tuple(_parts(context, pack)) if recorded else ()
    if kind is ReportKind.CERTIFICATION:
        parts = (*parts, _standing(context, now))
    unshown = (*_time(year, since, start, end, now), *_unknown(packed), *OUTSIDE)
    report = YearlyReport(kind, year, now, pack.digests[evidence_pack.MANIFEST], parts, unshown)
    if not set(yearly_report.links(report)) <= pack.names:
        message = "a number of the report leads to evidence that is not there"
        raise StateCorrupt(message, help="restore the state folder")
    put(f"{kind.value}.md", yearly_report.markdown(report).encode())
    put(f"{kind.value}.html", yearly_report.html(report).encode())
    return report, packed


def _time(year: int, since: datetime | None, start: datetime, end: datetime, now: datetime) -> Iterator[str]:
    """What of the year no record can be there of."""
    if since is None or since >= end:
        yield f"Anything of {year}: this installation has no record of that time, and no number can be given."
        return
    if since > start:
        yield f"The time before {since:%Y-%m-%d}: the first record was made then, and the numbers begin there."
    if now < end:
        yield f"The rest of {year}: the year is not over, and the numbers end on {now:%Y-%m-%d}."


def _unknown(packed: PackedEvidence) -> Iterator[str]:
    if packed.unknown:
        yield f"What was entered in the log as {', '.join(map(str, packed.unknown))}: this installation does not have it."


def _parts(context: Context, pack: _Pack) -> Iterator[ReportPart]:
    yield _requests(pack)
    yield _answers(pack)
    yield _deadlines(context, pack)
    yield _entered(pack, RecordKind.CONSENTS, "Consents", () if context.data_map.purposes else ("the map declares no purposes",))
    yield _entered(pack, RecordKind.HOLDS, "Holds", ())
    yield _entered(pack, RecordKind.RECIPIENTS, "Recipients", () if context.data_map.recipients else ("the map declares no recipients",))
    yield _entered(pack, RecordKind.DESTRUCTION, "Orders of destruction", ())
    yield _ledger(pack)


def _requests(pack: _Pack) -> ReportPart:
    rows = pack.rows[RecordKind.REQUESTS]
    lines = [pack.line(RecordKind.REQUESTS, rows, "orders were received")]
    lines += [pack.line(RecordKind.REQUESTS, some, f"of them: {name}") for name, some in _by(rows, "kind").items()]
    return ReportPart("Requests", tuple(lines))


def _answers(pack: _Pack) -> ReportPart:
    receipts = [each for each in pack.rows[RecordKind.ANSWERS] if each["what"] == "receipt"]
    lines = [pack.line(RecordKind.ANSWERS, receipts, "receipts were issued")]
    lines += [pack.line(RecordKind.ANSWERS, some, f"of them say: {name}") for name, some in _by(receipts, "verdict").items()]
    refused = pack.rows[RecordKind.REFUSALS]
    lines += [pack.line(RecordKind.REFUSALS, some, f"times an order ended: {name}") for name, some in _by(refused, "what").items()]
    reasons = Counter(reason for each in refused for reason in each["reasons"])
    return ReportPart(
        "Answers", tuple(lines), tuple(f"Reason given {_times(number)}: {reason}" for reason, number in sorted(reasons.items()))
    )


def _deadlines(context: Context, pack: _Pack) -> ReportPart:
    if not context.data_map.laws:
        return ReportPart("Deadlines", (), unshown=("the map names no clocks, so that no deadline was counted",))
    rows = pack.rows[RecordKind.DEADLINES]
    found = _by(rows, "what")
    lines = (
        [pack.line(RecordKind.DEADLINES, found.get(word, []), f"deadlines {word}") for word in ("kept", "missed", "running")]
        if rows
        else []
    )
    notes = (f"Counted by the clocks that the map names now: {', '.join(sorted(context.data_map.laws))}.",)
    unshown = () if rows else ("no clock of the map ran for any order of the year",)
    return ReportPart("Deadlines", tuple(lines), notes, unshown)


def _entered(pack: _Pack, kind: RecordKind, title: str, without: tuple[str, ...]) -> ReportPart:
    """Count each kind of event of a list; of a list without rows no number is given."""
    rows = pack.rows[kind]
    lines = tuple(pack.line(kind, some, name) for name, some in _by(rows, "what").items())
    return ReportPart(title, lines, unshown=() if rows else (*without, "none was entered here, which does not show that there was none"))


def _ledger(pack: _Pack) -> ReportPart:
    found = _by(pack.rows[RecordKind.LEDGER], "what")
    lines = tuple(pack.line(RecordKind.LEDGER, some, f"ledger records: {name}") for name, some in found.items())
    lacking = [kind.value for kind in LedgerKind if kind.value not in found]
    unshown = (f"{', '.join(lacking)}: no record was entered in the year",) if lacking else ()
    return ReportPart("What people did", lines, unshown=unshown)


def _standing(context: Context, now: datetime) -> ReportPart:
    """What is open on the day of the draft: whoever certifies has to disclose it, or to mend it first."""
    late = [each for each in all_deadlines.everything(context) if each.standing is ClockState.OVERDUE]
    unmet = [each for each in estate_duties.look(context) if each.unmet]
    false = published_policy.published(context).false
    notes = [f"Overdue: {each.what}: {each.duty} ({each.clock}, {each.source})" for each in late]
    notes += [f"Said in public, and found not to be true: {name}, since {at:%Y-%m-%d}" for name, at in sorted(false.items())]
    notes += [f"Not met here: {each.duty.id} ({each.duty.duty}): {each.why}" for each in unmet]
    notes.append(
        f"This is how it stood on {now:%Y-%m-%d}, by `expunge due` and `expunge obligations`. What is not listed was not found here."
    )
    return ReportPart("Open, to be disclosed or mended", (), tuple(notes))


def _by(rows: Iterable[Mapping[str, Any]], name: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for each in rows:
        found.setdefault(str(each[name]), []).append(dict(each))
    return dict(sorted(found.items()))


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"
