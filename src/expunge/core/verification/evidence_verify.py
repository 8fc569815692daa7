"""Check an evidence pack offline and purely: its signature, each file, each receipt, and that no receipt of its part of the log is missing.

The log's numbers are what counts: an entry of the covered part that the pack does not hold is named, so that nothing can be left out in
silence. Everything that is wrong is named at once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from expunge.core import merkle
from expunge.core.evidence.receipt import Receipt
from expunge.core.log import signed_head
from expunge.core.log.trust import TrustPolicy
from expunge.core.log.trust import parse as parse_policy
from expunge.core.values.signature import parse_ed25519_pem, verify_ed25519
from expunge.core.verification import entry_order, evidence_lists, ledger_record, receipt_verify, register_entry
from expunge.core.verification import evidence_pack as pack
from expunge.core.verification.evidence_lists import CoveredEntry
from expunge.core.verification.evidence_pack import EvidenceManifest, LogEntry
from expunge.core.verification.ledger_record import LedgerRecord
from expunge.core.verification.register_entry import RegisterEntry
from expunge.errors import EvidenceInvalid

_FIXED = frozenset({pack.SIGNER, pack.POLICY, pack.INDEX, pack.CHECKPOINT, pack.ENTRIES})
"""Files that every pack has, besides the manifest, its signature, and the lists."""
_FORMS = ("json", "html")
_HOLDING = (pack.RECEIPTS, pack.BESIDE, pack.LEDGER, register_entry.FOLDER)
_ROUND = re.compile(r"[0-9]+-[0-9]+")
MOST_NAMED = 20
"""Faults that the message names; the answer has all of them."""


@dataclass(frozen=True)
class EnteredItem:
    """What one entry of the log stands for, with a valid signature."""

    at: datetime | None
    """The last time of which it speaks; None for an entry about a register, which speaks of none."""
    leaf_hash: bytes
    signer: bytes | None
    """None for an entry about a register: the log alone vouches for it."""
    said: Receipt | LedgerRecord | RegisterEntry


@dataclass(frozen=True)
class VerifiedPack:
    """A pack that was looked through."""

    manifest: EvidenceManifest
    receipts: int
    ledger: int
    registers: int
    """Entries of the log about views and incidents."""
    trusted: bool
    """Whether the keys were got elsewhere; else they came along and prove only that the files belong together."""
    steps: tuple[str, ...] = field(default=())
    """What was checked, in order, as sentences."""


def verify(files: Mapping[str, bytes], trust: bytes | None = None, *, at: datetime | None = None) -> VerifiedPack:
    """Check a pack.

    Args:
        files: path in the pack -> content; a mapping that reads each when it is asked for will do.
        trust: keys got elsewhere, in the form of ``trust-policy.txt``; None to check against the keys that came along.
        at: the time of checking.

    Raises:
        EvidenceInvalid: when anything is wrong; the message names every file, receipt and entry concerned, up to :data:`MOST_NAMED`.
    """
    manifest, policy = _signed(files, trust)
    faults = [*_files(files, manifest)]
    entries = _entries(files, faults)
    _check_log(files, manifest, policy, entries, faults, at)
    items = dict(_contents(files, manifest, entries, policy, trust, at, faults))
    faults += [*_missing(manifest, entries), *_uncounted(manifest, entries), *_edges(manifest, entries, items)]
    covered = _covered(manifest, entries, items)
    faults += [*_made(manifest, covered, items), *evidence_lists.faults(files, manifest, covered)]
    # Why only then: pages are made of what was verified, and a page made of less shows nothing.
    faults += [] if faults else evidence_lists.pages(files, manifest, covered)
    if faults:
        more = f"; and {len(faults) - MOST_NAMED} more" if len(faults) > MOST_NAMED else ""
        message = f"the evidence pack does not hold: {'; '.join(faults[:MOST_NAMED])}{more}"
        raise EvidenceInvalid(message, help="ask for the pack again; a receipt that is missing or wrong has to be explained")
    receipts = sum(isinstance(each.entered, Receipt) for each in covered)
    records = sum(isinstance(each.entered, LedgerRecord) for each in covered)
    counts, trusted = (receipts, records, len(covered) - receipts - records), trust is not None
    return VerifiedPack(manifest, *counts, trusted, tuple(_steps(manifest, counts, trusted=trusted)))


def _signed(files: Mapping[str, bytes], trust: bytes | None) -> tuple[EvidenceManifest, TrustPolicy]:
    """The manifest, signed by a key that the policy names. Nothing else is looked at before."""
    gone = [name for name in (pack.MANIFEST, pack.SIGNATURE, pack.SIGNER, pack.POLICY) if name not in files]
    if gone:
        message = f"the evidence pack is not whole: {', '.join(gone)} missing"
        raise EvidenceInvalid(message, help="use the file as it was handed over")
    policy = parse_policy(files[pack.POLICY] if trust is None else trust)
    public = parse_ed25519_pem(files[pack.SIGNER])
    try:
        verify_ed25519(public, files[pack.SIGNATURE], pack.to_sign(files[pack.MANIFEST]))
    except EvidenceInvalid as error:
        message = f"{pack.MANIFEST} is not what {pack.SIGNER} signed"
        raise EvidenceInvalid(message, help="it was changed; ask for the pack again") from error
    if public not in {key.key for key in policy.signers}:
        raise EvidenceInvalid(
            "the signer of the pack is not one that the trust policy names", help="it may be a forgery; ask the company by another way"
        )
    return pack.parse(files[pack.MANIFEST]), policy


def _files(files: Mapping[str, bytes], manifest: EvidenceManifest) -> Iterator[str]:
    """The manifest names exactly the files that are there, each with its hash, and none that has no place in a pack."""
    for name in sorted(manifest.files.keys() - files.keys()):
        yield f"{name} is missing"
    for name in sorted(files.keys() - manifest.files.keys() - pack.UNLISTED):
        yield f"{name} is not named by the manifest"
    for name in sorted(manifest.files.keys() & files.keys()):
        if sha256(files[name]).hexdigest() != manifest.files[name]:
            yield f"{name} was changed"
    folders, fixed = (*_HOLDING, pack.STATED), _FIXED | {f"{pack.LISTS}{kind.value}.{form}" for kind in manifest.kinds for form in _FORMS}
    yield from (f"{name} has no place in a pack" for name in sorted(manifest.files.keys() - fixed) if not name.startswith(folders))
    yield from (f"{name} is not named by the manifest" for name in sorted(fixed - manifest.files.keys() - files.keys()))


def _entries(files: Mapping[str, bytes], faults: list[str]) -> tuple[LogEntry, ...]:
    if pack.ENTRIES not in files:
        return ()
    try:
        entries = pack.parse_entries(files[pack.ENTRIES])
    except EvidenceInvalid as error:
        faults.append(f"{pack.ENTRIES}: {error.message}")
        return ()
    if len({each.index for each in entries}) != len(entries):
        faults.append(f"{pack.ENTRIES} lists an entry twice")
    return entries


def _check_log(
    files: Mapping[str, bytes],
    manifest: EvidenceManifest,
    policy: TrustPolicy,
    entries: Iterable[LogEntry],
    faults: list[str],
    at: datetime | None,
) -> None:
    """The newest checkpoint is the log's own, and each entry is in the tree that it signs."""
    if pack.CHECKPOINT not in files:
        return
    try:
        opened = signed_head.open_earlier(files[pack.CHECKPOINT], policy, now=at)
    except EvidenceInvalid as error:
        faults.append(f"{pack.CHECKPOINT}: {error.message}")
        return
    head = opened.head
    if (head.origin, head.size, head.root.hex()) != (manifest.log.origin, manifest.log.size, manifest.log.root):
        faults.append(f"{pack.CHECKPOINT} is not the head of the log that the manifest names")
    if opened.seen is not None and opened.seen > manifest.made + signed_head.CLOCKS_APART:
        faults.append(f"the pack says that it was made before a witness saw {pack.CHECKPOINT}")
    for each in entries:
        try:
            merkle.verify_inclusion(each.leaf, each.index, head.size, each.path, head.root)
        except EvidenceInvalid as error:
            faults.append(f"entry {each.index} of the log is not under the checkpoint: {error.message}")


def _contents(
    files: Mapping[str, bytes],
    manifest: EvidenceManifest,
    entries: Iterable[LogEntry],
    policy: TrustPolicy,
    trust: bytes | None,
    at: datetime | None,
    faults: list[str],
) -> Iterator[tuple[int, EnteredItem]]:
    """Each entry's receipt or record verifies, and is the one that was entered there."""
    inside = (name for name in manifest.files if name in files and name.startswith(_HOLDING))
    paths: dict[str, list[str]] = {}
    for name in inside:
        paths.setdefault(name.rpartition("/")[0], []).append(name)
    signers = {key.key for key in policy.signers}
    for each in entries:
        if not each.folder or each.folder not in paths:
            continue
        folder = {name.rpartition("/")[2]: files[name] for name in paths[each.folder]}
        try:
            item = _item(folder, trust, at)
        except EvidenceInvalid as error:
            faults.append(f"{each.folder} does not verify: {error.message}")
            continue
        if item.signer is not None and item.signer not in signers:
            faults.append(f"{each.folder} is signed by a key that the trust policy does not name")
        elif item.leaf_hash != each.leaf:
            faults.append(f"{each.folder} is not what was entered in the log as entry {each.index}")
        else:
            yield each.index, item


def _item(folder: Mapping[str, bytes], trust: bytes | None, at: datetime | None) -> EnteredItem:
    if ledger_record.RECORD in folder:
        if folder.keys() != {ledger_record.RECORD, ledger_record.SIGNER}:
            raise EvidenceInvalid("a ledger record is its envelope and its signer's key")
        record = ledger_record.verify(folder[ledger_record.RECORD], folder[ledger_record.SIGNER])
        return EnteredItem(record.record.entered, record.leaf_hash, record.signer, record.record)
    if register_entry.LEAF in folder:
        entry = register_entry.parse(folder)
        return EnteredItem(None, entry.leaf_hash, None, entry)
    found = receipt_verify.verify(folder, trust, at=at)
    signer = parse_ed25519_pem(folder["signer.pem"])
    return EnteredItem(entry_order.latest_time(found.receipt), found.leaf_hash, signer, found.receipt)


def _missing(manifest: EvidenceManifest, entries: Iterable[LogEntry]) -> Iterator[str]:
    """Count against the log: each number of the covered part has its entry, and each entry its receipt or record."""
    known = {each.index: each for each in entries}
    named = {name.rpartition("/")[0] for name in manifest.files}
    for index in range(manifest.log.first, manifest.log.past):
        if index not in known:
            yield f"entry {index} of the log is missing"
        elif known[index].folder not in named or not known[index].folder.startswith((pack.RECEIPTS, pack.LEDGER, register_entry.FOLDER)):
            yield f"entry {index} of the log has no receipt and no record in the pack"


def _uncounted(manifest: EvidenceManifest, entries: Iterable[LogEntry]) -> Iterator[str]:
    """No receipt or record is in the pack that the log does not count, and none is counted for two entries."""
    counted = Counter(each.folder for each in entries if each.folder)
    yield from (f"{folder} stands for more than one entry of the log" for folder, times in sorted(counted.items()) if times > 1)
    here = {name.rpartition("/")[0] for name in manifest.files if name.startswith(_HOLDING)}
    yield from (f"{folder} stands for no entry of the log" for folder in sorted(here - counted.keys()))


def _edges(manifest: EvidenceManifest, entries: Iterable[LogEntry], items: Mapping[int, EnteredItem]) -> Iterator[str]:
    """What lies next to the covered part shows that it begins and ends where the period does."""
    log, known = manifest.log, {each.index: each.folder for each in entries}
    beside = {index for index in (log.first - 1, log.past) if 0 <= index < log.size}
    for index in sorted(beside & known.keys()):
        if known[index] not in ("", f"{pack.BESIDE}{index}"):
            yield f"entry {index} of the log lies beside the part that is covered, and {known[index]} is not where it belongs"
    beyond = sorted(index for index in known.keys() - beside if not log.first <= index < log.past)
    yield from (f"entry {index} of the log is listed, and lies beyond the part that is covered" for index in beyond)
    if manifest.start is None and log.first:
        yield f"the pack begins with entry {log.first} of the log, and says that it begins with the first"
    if manifest.end is None and log.past != log.size:
        yield f"the pack ends before entry {log.past} of the log, and says that it ends with the last"
    if manifest.start is not None and log.first:
        before = items.get(log.first - 1)
        if before is None or before.at is None:
            yield f"entry {log.first - 1} of the log is not there, which shows that the period begins after it"
        elif before.at >= manifest.start:
            yield f"entry {log.first - 1} of the log belongs to the period and is left out"
    if manifest.end is not None and log.past < log.size:
        after = items.get(log.past)
        if after is None or after.at is None:
            yield f"entry {log.past} of the log is not there, which shows that the period ends before it"
        elif after.at < manifest.end:
            yield f"entry {log.past} of the log belongs to the period and is left out"


def _covered(manifest: EvidenceManifest, entries: Iterable[LogEntry], items: Mapping[int, EnteredItem]) -> list[CoveredEntry]:
    """Return what was verified of the covered part, in the log's order."""
    log = manifest.log
    inside = sorted((each for each in entries if log.first <= each.index < log.past and each.index in items), key=lambda each: each.index)
    return [CoveredEntry(each.index, each.folder, items[each.index].said) for each in inside]


def _made(manifest: EvidenceManifest, covered: Iterable[CoveredEntry], items: Mapping[int, EnteredItem]) -> Iterator[str]:
    """A pack is made after all that it covers, and each folder of it has the name of what lies in it."""
    for each in covered:
        said, at = each.entered, items[each.index].at
        if at is not None and at > manifest.made + signed_head.CLOCKS_APART:
            yield f"the pack says that it was made before {each.folder}"
        if isinstance(said, RegisterEntry):
            if each.folder != said.folder:
                yield f"{each.folder} is about another register than its name says"
            continue
        owner = f"{pack.RECEIPTS}{said.order}/" if isinstance(said, Receipt) else f"{pack.LEDGER}{said.id}"
        rest = each.folder.removeprefix(owner)
        if not each.folder.startswith(owner) or (not _ROUND.fullmatch(rest) if isinstance(said, Receipt) else rest):
            yield f"{each.folder} is of another order or record than its name says"


def _steps(manifest: EvidenceManifest, counts: tuple[int, int, int], *, trusted: bool) -> Iterator[str]:
    log, (receipts, records, registers) = manifest.log, counts
    keys = "that you gave" if trusted else "that came along with it"
    yield f"The manifest is signed by a key of the trust policy {keys}."
    yield f"Each of its {len(manifest.files):,} files is there and unchanged, and there is no other."
    yield f"The checkpoint of {log.size:,} entries is signed by the log {log.origin}."
    covered = f"entries {log.first} to {log.past - 1}" if log.past > log.first else "no entry"
    yield f"It covers {covered} of the log: {receipts:,} receipts and {records:,} ledger records, each verified, none missing."
    if registers:
        yield f"{registers:,} entries commit to views of staff and to incidents: each event behind them has its one row, none missing."
    if manifest.start is not None or manifest.end is not None:
        yield "The entries next to them say times outside the period, so that none of the period is left out at its edges."
    yield "The first page and the pages of the lists show what was verified. The lists have each receipt, each record and its order once."
    yield f"What {pack.STATED} holds, and what the lists say besides, is the company's own statement: nothing here shows that it is true."
    if not trusted:
        yield "The keys came along with the pack: to know who signed, check it against keys that you got elsewhere."
