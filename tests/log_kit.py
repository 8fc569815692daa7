"""Seeded witnesses, logs on disk by a seeded operator, and real servers on loopback, for tests about logs seen from outside."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from expunge.adapters.log.tile_log import TileLog
from expunge.cli.services.log_server import LogServer
from expunge.core.evidence import receipt
from expunge.core.evidence.receipt import Receipt
from expunge.core.log import trust
from expunge.core.log.tlog_proof import TlogProof
from expunge.core.note import Algorithm, NoteSignature, VerifierKey, parse_note
from expunge.core.verification import receipt_folder
from tests.evidence_kit import ORIGIN, SeededKeys, fulfilled, raw

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


class SeededWitness:
    """A witness, the same for the same seed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.secret = SeededKeys(name).log
        self.key = VerifierKey(f"{name}.example", Algorithm.COSIGNATURE, raw(self.secret))

    def line(self, note: bytes, seconds: int) -> NoteSignature:
        signed = b"cosignature/v1\ntime %d\n" % seconds + parse_note(note).text.encode()
        return NoteSignature(self.key.name, self.key.id, seconds.to_bytes(8, "big") + self.secret.sign(signed))

    def cosign(self, note: bytes, at: datetime = NOW) -> bytes:
        return with_lines(note, self.line(note, int(at.timestamp())))


def with_lines(note: bytes, *lines: NoteSignature) -> bytes:
    parsed = parse_note(note)
    return parsed._replace(signatures=(*parsed.signatures, *lines)).encode()


def without_lines(note: bytes, *names: str) -> bytes:
    parsed = parse_note(note)
    return parsed._replace(signatures=tuple(line for line in parsed.signatures if line.name not in names)).encode()


def asking(policy: trust.TrustPolicy, witnesses: Sequence[SeededWitness], needed: str = "all") -> trust.TrustPolicy:
    """The policy with witnesses, and a quorum over them."""
    named = tuple(trust.NamedKey(witness.key, name=witness.name) for witness in witnesses)
    group = trust.Group("quorum", needed, tuple(witness.name for witness in witnesses))
    return replace(policy, witnesses=named, groups=(group,), quorum="quorum")


def grown(folder: Path, size: int, *, origin: str = ORIGIN, seed: str = "nightowl", fork_at: int | None = None) -> TileLog:
    """A log of ``size`` entries by the seeded operator; from ``fork_at`` on its entries are others."""
    log = TileLog(folder, origin, SeededKeys(seed))  # type: ignore[arg-type]
    start = log.head().size
    entries = [b"%s %d" % (b"entry" if fork_at is None or n < fork_at else b"other", n) for n in range(start, size)]
    log.append(entries)
    return log


class Operator:
    """Whoever holds every key of an installation and writes its log: honest, unless asked otherwise."""

    def __init__(self, folder: Path, seed: str = "nightowl") -> None:
        self.folder = folder
        self.keys = SeededKeys(seed)
        self.log = TileLog(folder, ORIGIN, self.keys)  # type: ignore[arg-type]

    @property
    def policy(self) -> trust.TrustPolicy:
        return self.keys.policy()

    def issue(self, to: Path, said: Receipt) -> Path:
        """Enter a receipt and write its folder, with a proof under the head of now."""
        statement, signature = self.signed(said)
        (index,) = self.log.append([receipt_folder.leaf(statement, signature, self.keys.signer_public())])
        head = self.log.head()
        proof = TlogProof(index, self.log.prove_inclusion(index, head.size), head.checkpoint)
        to.mkdir(parents=True)
        for name, data in receipt_folder.assemble(statement, signature, self.keys.signer_public(), self.policy.encode(), proof).items():
            (to / name).write_bytes(data)
        return to

    def signed(self, said: Receipt) -> tuple[bytes, bytes]:
        statement = receipt.build(said)
        return statement, self.keys.sign_receipt(receipt_folder.to_sign(statement))

    def cosigned(self, *witnesses: SeededWitness, at: datetime) -> bytes:
        """Have witnesses cosign the head of now; it is published with their lines."""
        path = self.folder / "checkpoint"
        for witness in witnesses:
            path.write_bytes(witness.cosign(path.read_bytes(), at))
        return path.read_bytes()


def dated(when: datetime, number: int = 0) -> Receipt:
    """A receipt that says it was verified at ``when``, of another person for each number."""
    when = when.replace(microsecond=0)
    times = receipt.ReceiptTimes(*(when - timedelta(hours=hours) for hours in (3, 2, 1, 0)))
    return fulfilled(times=times, valid_until=when + timedelta(days=30), nonce=sha256(b"%d" % number).digest())


@contextmanager
def running(server: ThreadingHTTPServer) -> Iterator[str]:
    """Run a server on a thread; its address."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a log's folder as ``expunge log serve`` does."""
    with running(LogServer(folder, "127.0.0.1", 0)) as url:
        yield url


def answering(handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    """A server of one's own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    return server


def minutes(count: int) -> timedelta:
    return timedelta(minutes=count)
