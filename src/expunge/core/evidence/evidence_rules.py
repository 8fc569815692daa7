"""The rules by which evidence shows something: one table, for issuing and for verifying.

A receipt that keeps its form can still show nothing: *gone* after a look at no file, a probe that tried no path. Issuing never states such
an entry: it becomes *unable*, with the rule as its detail (:func:`mended`). Verifying refuses it by name (:func:`require`). Each rule has
the version of the page from which on it holds. Version 1 means that no version of this tool ever issued what the rule refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from expunge.core.datamap.datamap import EraseAct
from expunge.core.datamap.grounding import Grounding
from expunge.core.evidence.receipt import DatasetEntry, Probe, Receipt, Result, Scan, ScanMode, ScanVerdict
from expunge.core.evidence.unread_places import bucket
from expunge.core.values.outcome import Reason
from expunge.errors import EvidenceInvalid

HARMLESS = frozenset({"symlink", "socket", "fifo", "device", "vanished"})
"""Reasons to leave something unread that leave no bytes of the store unread: what these are holds none, or lies where it is read."""


@dataclass(frozen=True)
class EvidenceRule:
    """One rule that each entry of a receipt has to keep."""

    name: str
    page: int
    """Version of the page from which on receipts keep it."""
    says: str
    """The rule, as a sentence without a stop."""
    broken: Callable[[DatasetEntry], bool]


def _tried_nothing(entry: DatasetEntry) -> bool:
    return entry.done and entry.probe is not None and not any(path.strip() for path in entry.probe.paths)


def _below_zero(entry: DatasetEntry) -> bool:
    counts = [entry.items]
    if entry.probe is not None:
        counts.append(entry.probe.items_found)
    if entry.scan is not None:
        counts += [entry.scan.files, entry.scan.bytes, entry.scan.decoded_bytes, *(each.count for each in entry.scan.skipped)]
    return min(counts) < 0


def _gone(entry: DatasetEntry) -> Scan | None:
    return entry.scan if entry.scan is not None and entry.scan.verdict is ScanVerdict.GONE else None


def _read_nothing(entry: DatasetEntry) -> bool:
    scan = _gone(entry)
    return scan is not None and scan.files <= 0 and not scan.no_controls


def _uncontrolled(entry: DatasetEntry) -> bool:
    scan = _gone(entry)
    return scan is not None and scan.controls_found <= 0 and not scan.no_controls


def _skipping(entry: DatasetEntry) -> bool:
    scan = _gone(entry)
    return scan is not None and any(each.count > 0 and each.reason not in HARMLESS for each in scan.skipped)


def _sampled(entry: DatasetEntry) -> bool:
    return entry.claimed >= Grounding.SCRUBBED and entry.scan is not None and entry.scan.mode is ScanMode.SAMPLE


def _cleared_by_sample(entry: DatasetEntry) -> bool:
    scan = _gone(entry)
    return scan is not None and scan.mode is ScanMode.SAMPLE


def _later_look(entry: DatasetEntry) -> bool:
    return entry.scan is not None and entry.scan.mode is ScanMode.CHANGED


def _kept_and_erased(entry: DatasetEntry) -> bool:
    return entry.outcome is Result.ERASED and entry.act is EraseAct.KEEP


def _accounted_unread(entry: DatasetEntry) -> bool:
    scan = entry.scan
    account = scan.accounted if scan is not None else None
    return scan is not None and account is not None and (account.files > scan.files or account.bytes > scan.bytes)


def _counted(entry: DatasetEntry) -> bool:
    return entry != _coarse(entry)


def _coarse(entry: DatasetEntry) -> DatasetEntry:
    if entry.scan is None:
        return entry
    scan = entry.scan
    ranges = replace(
        scan,
        traces_taken=bucket(scan.traces_taken),
        traces_usable=bucket(scan.traces_usable),
        found=bucket(scan.found),
        values=bucket(scan.values),
        values_looked_for=bucket(scan.values_looked_for),
    )
    return replace(entry, scan=ranges)


RULES = (
    EvidenceRule("paths", 4, "what is erased or absent was read again in at least one way", _tried_nothing),
    EvidenceRule("counts", 1, "no count is below zero", _below_zero),
    EvidenceRule("files", 4, "a scan that says gone read at least one file, unless nobody stays in the store", _read_nothing),
    EvidenceRule("controls", 4, "a scan that says gone found a control, unless nobody stays whose content could be one", _uncontrolled),
    EvidenceRule("skipped", 4, "a scan that says gone left nothing unread that may hold bytes of the store", _skipping),
    EvidenceRule("sample", 1, "a sample shows nothing deeper than removed", _sampled),
    EvidenceRule("sample-gone", 1, "a sample never says gone: what it did not read may hold anything", _cleared_by_sample),
    EvidenceRule("changed", 1, "a receipt rests on no later look, which reads only what changed since another", _later_look),
    EvidenceRule("keep", 4, "what is erased was not to be kept", _kept_and_erased),
    EvidenceRule("accounted", 4, "what is accounted for byte by byte is no more than the scan read", _accounted_unread),
    EvidenceRule("buckets", 4, "numbers of traces and values are powers of ten, as the same content has the same everywhere", _counted),
)


def broken(receipt: Receipt) -> Iterator[tuple[EvidenceRule, DatasetEntry]]:
    """Yield each rule of the receipt's version that an entry breaks, with the entry."""
    for rule in RULES:
        if receipt.tool.page >= rule.page:
            yield from ((rule, each) for each in receipt.datasets if rule.broken(each))


def later(page: int) -> tuple[EvidenceRule, ...]:
    """Return the rules that receipts of a version of the page need not keep."""
    return tuple(rule for rule in RULES if page < rule.page)


def require(receipt: Receipt) -> None:
    """Raise EvidenceInvalid, with the rule's name, for a receipt with an entry that breaks a rule of its version."""
    for rule, entry in broken(receipt):
        message = f"the evidence for {entry.dataset} shows nothing: rule `{rule.name}` asks that {rule.says}"
        raise EvidenceInvalid(message, help="whoever signed this claims what was not shown; ask the company by another way")


def mended(entry: DatasetEntry) -> DatasetEntry:
    """Return the entry as it may be issued: its traces in buckets, and *unable*, with the rule, where its evidence shows nothing."""
    entry = _coarse(entry)
    rule = next((each for each in RULES if each.broken(entry)), None)
    if rule is None:
        return entry
    gone = _gone(entry)
    scan = entry.scan if gone is None else replace(gone, verdict=ScanVerdict.CANNOT_TELL, accounted=None)
    if _later_look(entry):
        scan = None
    unable = replace(
        entry,
        outcome=Result.UNABLE,
        items=max(0, entry.items) if entry.outcome in (Result.ERASED, Result.UNABLE) else 0,
        claimed=Grounding.NONE,
        scan=scan,
        reason=entry.reason or Reason.CANNOT_TELL,
        detail=entry.detail or f"what was looked at shows nothing: {rule.says}",
    )
    return replace(unable, probe=Probe((), 0, "its counts are impossible"), scan=None) if _below_zero(unable) else unable
