"""Recognise the evidence that this installation issued itself, where it lies beside a store: receipts, openings, evidence packs.

A name says nothing. A file is known when this installation would write the very same bytes: those of a receipt as it is issued again from
the journal, an opening whose commitment is in the journal, a pack whose manifest its own key signed and which has not one byte beside what
the manifest names. So no data of people can hide in one.
"""

from __future__ import annotations

import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from expunge.core.evidence.commitment import parse_opening
from expunge.core.evidence.receipt import parse
from expunge.core.log import dsse
from expunge.core.values.ids import OrderId
from expunge.core.values.signature import verify_ed25519
from expunge.core.verification import evidence_pack, receipt_folder
from expunge.engine.execution import issued_receipts
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import Recorder, orders
from expunge.errors import ExpungeError
from expunge.ports.optional.surroundings import NearFile

_LARGEST_OPENING, _LARGEST_FILE, _LARGEST_PACK = 1 << 20, 1 << 24, 1 << 28
_OPENING, _ZIP = b'{"identifiers":', b"PK\3\4"
_OF_ZIPS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, RuntimeError, EOFError)
_BROKEN = (ExpungeError, OSError, ValueError, KeyError, *_OF_ZIPS)
"""What reading a file raises that is no evidence of this installation, whatever it looks like."""


class OwnEvidence:
    """Tells of files whether this installation issued them."""

    def __init__(self, context: Context, signers: tuple[bytes, ...]) -> None:
        """Compare with the journal and the shelf of a context; ``signers``: every key that signed here."""
        self._context = context
        self._signers = signers
        self._issued: dict[Path, frozenset[bytes]] = {}

    def __call__(self, file: NearFile) -> str:
        """Return what a file of this machine is, ``receipt``, ``opening`` or ``evidence pack``; empty for any other."""
        if file.path is None:
            return ""
        try:
            with file.open() as opened:
                head = opened.read(len(_OPENING))
            if head == _OPENING and file.size <= _LARGEST_OPENING and self._is_opening(file.path):
                return "opening"
            if head.startswith(_ZIP) and file.size <= _LARGEST_PACK and self._is_pack(file.path):
                return "evidence pack"
            if file.size <= _LARGEST_FILE and self._is_of_receipt(file.path):
                return "receipt"
        except _BROKEN:
            return ""
        return ""

    @cached_property
    def _commitments(self) -> frozenset[str]:
        runs = (Recorder(self._context.journal, self._context.clock, order).run for order in orders(self._context.journal))
        return frozenset(each for run in runs for each in run.received.commitments)

    def _is_opening(self, path: Path) -> bool:
        return parse_opening(path.read_bytes()).commitment() in self._commitments

    def _is_of_receipt(self, path: Path) -> bool:
        if path.parent not in self._issued:
            self._issued[path.parent] = frozenset(sha256(data).digest() for data in self._issued_there(path.parent))
        return bool(self._issued[path.parent]) and sha256(path.read_bytes()).digest() in self._issued[path.parent]

    def _issued_there(self, folder: Path) -> Iterator[bytes]:
        """The files of the receipt whose envelope lies in a folder, as they are issued now; none where it is no receipt of ours."""
        there = folder / receipt_folder.ENVELOPE
        if not there.is_file() or there.stat().st_size > _LARGEST_FILE:
            return
        try:
            data = there.read_bytes()
            order = OrderId(parse(dsse.parse(data).payload).order)
            for each in issued_receipts.issued(self._context, order):
                files = issued_receipts.folder(self._context, each)
                if files[receipt_folder.ENVELOPE] == data:
                    yield from files.values()
        except _BROKEN:
            return

    def _is_pack(self, path: Path) -> bool:
        """Whether a key of ours signed the manifest, each file is as it says, and the zip holds nothing else, between its files either."""
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if evidence_pack.MANIFEST not in names or len(names) != len(set(names)):
                return False
            # Why before it is read: any zip may call a file of it a manifest, and no more is unpacked than it says.
            if sum(each.file_size for each in archive.infolist()) > _LARGEST_PACK:
                return False
            files = {name: archive.read(name) for name in names}
        manifest = evidence_pack.parse(files[evidence_pack.MANIFEST])
        if files.keys() - evidence_pack.UNLISTED != manifest.files.keys() - evidence_pack.UNLISTED:
            return False
        if any(sha256(files[name]).hexdigest() != digest for name, digest in manifest.files.items()):
            return False
        again = io.BytesIO()
        with zipfile.ZipFile(again, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                archive.writestr(evidence_pack.zip_entry(name), files[name])
        return again.getvalue() == path.read_bytes() and self._signed(files)

    def _signed(self, files: dict[str, bytes]) -> bool:
        said = evidence_pack.to_sign(files[evidence_pack.MANIFEST])
        for key in self._signers:
            try:
                verify_ed25519(key, files[evidence_pack.SIGNATURE], said)
            except ExpungeError:
                continue
            return True
        return False
