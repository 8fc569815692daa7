"""The layout of an evidence pack and its signed manifest: what the pack is about, which part of the log it covers, a hash for each file."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from expunge.core.evidence.receipt_codec import instant
from expunge.core.log import dsse
from expunge.core.values import b64, canonical, codec
from expunge.core.values.record_kind import RecordKind
from expunge.errors import EvidenceInvalid

SCHEMA = "expunge.evidence/2"
EARLIER = {"expunge.evidence/1": frozenset({RecordKind.VIEWS, RecordKind.OPENINGS, RecordKind.INCIDENTS})}
"""Earlier schema -> the lists that its packs do not have."""
PAYLOAD_TYPE = "application/vnd.expunge.evidence+json"
MANIFEST, SIGNATURE, SIGNER, POLICY, INDEX = "manifest.json", "manifest.sig", "signer.pem", "trust-policy.txt", "index.html"
CHECKPOINT, ENTRIES = "log/checkpoint.txt", "log/entries.json"
RECEIPTS, BESIDE, LEDGER, LISTS, STATED = "receipts/", "beside/", "ledger/", "lists/", "policy/"
UNLISTED = frozenset({MANIFEST, SIGNATURE})
"""The files that the manifest cannot name."""
_ENTRY_TIME = (1980, 1, 1, 0, 0, 0)
"""Entries carry no time of their own, so that the same content gives the same archive."""


def zip_entry(name: str) -> zipfile.ZipInfo:
    """Return the entry of a file in a pack's zip: the same for the same name, whenever it is written."""
    info = zipfile.ZipInfo(name, _ENTRY_TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    return info


@dataclass(frozen=True)
class LogRange:
    """The part of the log that a pack covers: every entry from ``first`` up to ``past``, which is the first one beyond it."""

    origin: str
    size: int
    root: str
    """Hex, of the tree of ``size`` entries."""
    first: int
    past: int


@dataclass(frozen=True)
class EvidenceManifest:
    """The content of ``manifest.json``."""

    made: datetime
    recipient: str
    """For whom it was made; empty where nobody said."""
    start: datetime | None
    """The period begins here; None: with the first entry."""
    end: datetime | None
    """The period ends before this; None: with the last entry."""
    log: LogRange
    lists: Mapping[str, int]
    """List -> rows."""
    files: Mapping[str, str]
    """File -> hex SHA-256, of every file but the manifest and its signature."""
    tool: str
    since: datetime | None
    """When the first record of any time was made here; None where there is none."""
    schema: str = SCHEMA

    @property
    def kinds(self) -> tuple[RecordKind, ...]:
        """Return the lists that a pack of its schema has."""
        return tuple(kind for kind in RecordKind if kind not in EARLIER.get(self.schema, ()))

    def encode(self) -> bytes:
        """The manifest's canonical bytes."""
        log: canonical.Json = {
            "first": self.log.first,
            "origin": self.log.origin,
            "past": self.log.past,
            "root": self.log.root,
            "size": self.log.size,
        }
        return canonical.encode(
            {
                "files": dict(self.files),
                "for": self.recipient,
                "from": instant(self.start) if self.start else None,
                "lists": dict(self.lists),
                "log": log,
                "made": instant(self.made),
                "schema": self.schema,
                "since": instant(self.since) if self.since else None,
                "to": instant(self.end) if self.end else None,
                "tool": self.tool,
            }
        )


@dataclass(frozen=True)
class LogEntry:
    """One entry of the log, its proof under the pack's checkpoint, and the folder of the pack that holds what was entered."""

    index: int
    leaf: bytes
    """Hash of the leaf."""
    path: tuple[bytes, ...]
    folder: str
    """``receipts/ORDER/ROUND-NUMBER``, ``ledger/ID``, ``registers/LIST/NUMBER``, ``beside/INDEX``;
    empty where this installation does not have it."""


def to_sign(manifest: bytes) -> bytes:
    """The bytes that the installation signs (DSSE PAE)."""
    return dsse.pae(manifest, PAYLOAD_TYPE)


def parse(data: bytes) -> EvidenceManifest:
    """Read a manifest, verifying nothing. Raises EvidenceInvalid unless :meth:`EvidenceManifest.encode` gives the same bytes."""
    match canonical.decode(data):
        case {
            "files": dict(files),
            "for": str(recipient),
            "from": (str() | None) as start,
            "lists": dict(lists),
            "log": {"first": int(first), "origin": str(origin), "past": int(past), "root": str(root), "size": int(size)},
            "made": str(made),
            "schema": str(schema),
            "since": (str() | None) as since,
            "to": (str() | None) as end,
            "tool": str(tool),
        } if all(isinstance(each, str) for each in files.values()) and all(type(each) is int for each in lists.values()):
            log = LogRange(origin, size, root, first, past)
            times = _time(start) if start else None, _time(end) if end else None
            manifest = EvidenceManifest(_time(made), recipient, *times, log, lists, files, tool, _time(since) if since else None, schema)
        case _:
            raise EvidenceInvalid("not a manifest of an evidence pack", help="see docs/spec/evidence-pack.md")
    if schema != SCHEMA and schema not in EARLIER:
        raise EvidenceInvalid("the pack is of a form that this version does not know", help="check it with a newer version of expunge")
    if not 0 <= first <= past <= size or _encoded(manifest) != data:
        raise EvidenceInvalid("the manifest has fields that do not belong there, or contradict each other")
    if manifest.start is not None and manifest.end is not None and manifest.start >= manifest.end:
        raise EvidenceInvalid("the manifest names a time that ends before it begins")
    if manifest.made < max(each for each in (manifest.start, manifest.end, manifest.since, manifest.made) if each is not None):
        raise EvidenceInvalid("the pack says that it was made before the time ended that it covers")
    return manifest


def encode_entries(entries: tuple[LogEntry, ...]) -> bytes:
    """Return the bytes of ``log/entries.json``."""
    listed: canonical.Json = [
        {"folder": each.folder, "index": each.index, "leaf": each.leaf.hex(), "path": [b64.encode(one) for one in each.path]}
        for each in entries
    ]
    return canonical.encode(listed)


def parse_entries(data: bytes) -> tuple[LogEntry, ...]:
    """Read ``log/entries.json``. Raises EvidenceInvalid."""
    listed = canonical.decode(data)
    if not isinstance(listed, list):
        raise EvidenceInvalid("the list of log entries is no list")
    return tuple(_entry(each) for each in listed)


def _entry(value: canonical.Json) -> LogEntry:
    match value:
        case {"folder": str(folder), "index": int(index), "leaf": str(leaf), "path": list(path)} if len(leaf) == 64:
            try:
                return LogEntry(index, bytes.fromhex(leaf), tuple(b64.decode(str(each)) for each in path), folder)
            except ValueError as error:
                raise EvidenceInvalid("the leaf hash of a log entry is malformed") from error
        case _:
            raise EvidenceInvalid("a log entry is malformed")


def _encoded(manifest: EvidenceManifest) -> bytes:
    try:
        return manifest.encode()
    except ValueError as error:
        raise EvidenceInvalid("a time in the manifest is finer than seconds, or a number is too large") from error


def _time(text: str) -> datetime:
    try:
        return codec.parse_instant(text)
    except ValueError as error:
        raise EvidenceInvalid("a time in the manifest cannot be read") from error
