"""A witness of other people's logs: it cosigns a checkpoint only after the log proved that it only grew since the last one.

Its folder holds ``witness.key``, and for each log ``HASH/checkpoint``, the last checkpoint that it cosigned, with its cosignature; HASH is
the SHA-256 of the log's origin. That file is on the device before an answer goes out. ``HASH/evidence-*.request`` are requests that the log
signed and that contradict it.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from expunge import clock, durable
from expunge.adapters.host.file_lock import FileLock
from expunge.core import note
from expunge.core.log import checkpoint, witness_protocol
from expunge.core.log.trust import TrustPolicy
from expunge.core.log.witness_protocol import AddCheckpoint, Refusal, WitnessStatus
from expunge.core.note import Algorithm, VerifierKey
from expunge.errors import Busy, EvidenceInvalid, Misconfigured, StateCorrupt

KEY_FILE = "witness.key"
CHECKPOINT = "checkpoint"
_MOST_EVIDENCE = 100
"""Requests kept for each log; whoever holds its key could fill the disk with more."""


@dataclass(frozen=True)
class WitnessAnswer:
    """What goes back to the log."""

    status: WitnessStatus
    body: bytes
    content_type: str = "text/plain; charset=utf-8"


class Witness:
    """One witness. Several threads and processes may use one folder.

    Args:
        folder: its key and what it saw. Never put it back from an older copy: it would cosign a fork. Make a new witness instead.
        name: the name of its key, and of its cosignatures.
        policy: the logs that it cosigns.
        now: the time.

    Raises:
        Misconfigured: the key can be read by others, or belongs to a witness of another name. StateCorrupt: it is no key.
    """

    def __init__(self, folder: Path, name: str, policy: TrustPolicy, *, now: Callable[[], datetime] = clock.now) -> None:
        self._folder = folder
        self._keys = tuple(log.key for log in policy.logs)
        self._now = now
        self._secret = _key(folder)
        self.key = VerifierKey(name, Algorithm.COSIGNATURE, self._secret.public_key().public_bytes_raw())
        self._thread = threading.Lock()
        self._lock = FileLock(folder / ".lock", wait=20.0, busy="another process answers for this witness")

    def add_checkpoint(self, body: bytes) -> WitnessAnswer:
        """Answer one request of C2SP tlog-witness. A disk that fails is an answer as well, and then nothing was cosigned."""
        try:
            request = witness_protocol.parse_request(body)
            with self._thread, self._lock.held():
                line = self._cosign(request)
        except Refusal as refusal:
            if refusal.status is WitnessStatus.CONFLICT:
                return WitnessAnswer(refusal.status, b"%d\n" % (refusal.size or 0), witness_protocol.SIZE_TYPE)
            return WitnessAnswer(refusal.status, f"{refusal.why}\n".encode())
        except (OSError, Busy, StateCorrupt):
            return WitnessAnswer(WitnessStatus.UNAVAILABLE, b"the witness cannot keep what it sees now\n")
        return WitnessAnswer(WitnessStatus.COSIGNED, line.encode())

    def latest(self, log: str) -> bytes | None:
        """The last checkpoint of a log that was cosigned, by the SHA-256 of its origin in hex; None where there is none."""
        try:
            return (self._folder / log / CHECKPOINT).read_bytes() if len(log) == 64 and log.isalnum() else None
        except OSError:
            return None

    def _cosign(self, request: AddCheckpoint) -> str:
        origin = checkpoint.parse(note.parse_note(request.note).text).origin
        folder = self._folder / sha256(origin.encode()).hexdigest()
        last, cosigned = self._last(folder, origin)
        try:
            witness_protocol.check_request(request, self._keys, last)
        except Refusal as refusal:
            if refusal.status is WitnessStatus.INCONSISTENT:
                self._keep_evidence(folder, request)
            raise
        seconds = int(self._now().timestamp())
        if cosigned is not None and seconds < cosigned:
            raise Refusal(WitnessStatus.UNAVAILABLE, "the witness's clock went back")
        signature = self._secret.sign(witness_protocol.cosigned_text(request.note, seconds))
        line = witness_protocol.cosignature_line(self.key, seconds, signature)
        kept, _ = witness_protocol.with_cosignatures(self._by_log(request.note, origin), line.encode(), self.key)
        if not folder.is_dir():
            folder.mkdir()
            durable.fsync_directory(self._folder, at="witness.log.folder")
        durable.write_bytes(folder / CHECKPOINT, kept, at="witness.keep", mode=0o644)
        # commit point: whatever this witness cosigns from here on continues that checkpoint. Only now may the cosignature go out.
        return line

    def _by_log(self, signed: bytes, origin: str) -> bytes:
        """The checkpoint with the lines by trusted keys of the log alone."""
        return note.open_note(signed, [key for key in self._keys if key.name == origin]).encode()

    def _last(self, folder: Path, origin: str) -> tuple[checkpoint.Checkpoint | None, int | None]:
        """The last checkpoint cosigned, and the second of that."""
        try:
            data = (folder / CHECKPOINT).read_bytes()
        except FileNotFoundError:
            return None, None
        try:
            opened = note.open_note(data, [self.key])
            head = checkpoint.parse(opened.text)
        except EvidenceInvalid as error:
            message = f"what the witness cosigned last of {origin} cannot be read"
            raise StateCorrupt(message, help="make a new witness, with a new key: this one could cosign a fork") from error
        return head, int.from_bytes(opened.signatures[0].signature[:8], "big")

    def _keep_evidence(self, folder: Path, request: AddCheckpoint) -> None:
        if folder.is_dir() and len(list(folder.glob("evidence-*"))) < _MOST_EVIDENCE:
            data = request.encode()
            durable.write_bytes(folder / f"evidence-{sha256(data).hexdigest()[:16]}.request", data, at="witness.evidence", mode=0o644)


def _key(folder: Path) -> Ed25519PrivateKey:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / KEY_FILE
    if not path.exists():
        if any(folder.glob(f"*/{CHECKPOINT}")):
            message = f"{KEY_FILE} is missing, though this witness has cosigned"
            raise StateCorrupt(message, help="put the key back, or make a new witness in a new folder")
        # commit point: the key is on the device before anything is cosigned with it.
        durable.write_bytes(path, os.urandom(32).hex().encode() + b"\n", at="witness.key")
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        message = f"{path} can be read by other users"
        raise Misconfigured(message, help=f"chmod 600 {path}")
    try:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text("ascii")))
    except ValueError:
        message = f"{KEY_FILE} is no key"
        raise StateCorrupt(message, help="put it back from its backup, or make a new witness in a new folder") from None
