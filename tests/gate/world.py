"""A snapshot to ask, with everything it can say of a person."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from expunge.core.gate.gate_entry import key_check
from expunge.core.gate.gate_snapshot import Contents, GatePolicy, PurposeState, former_entry, gate_entry, publish_snapshot
from expunge.core.gate.training_manifest import Certificate
from expunge.core.values.periods import Period
from expunge.gate import Gate
from expunge.gate.manifests import Pipeline

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
KEY = bytes(range(32))
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
PUBLIC = SIGNER.public_key().public_bytes_raw()
PIPELINE = Ed25519PrivateKey.from_private_bytes(bytes([8]) * 32)
HOUR = timedelta(hours=1)

GONE, LONG_GONE, DISPUTED, AGREED, CHANGED_MIND, OVER, SILENT = (
    "p-gone", "p-long-gone", "p-disputed", "p-agreed", "p-changed-mind", "p-over", "p-silent",
)  # fmt: skip
EVERYBODY = (GONE, LONG_GONE, DISPUTED, AGREED, CHANGED_MIND, OVER, SILENT)


def entries(*names: str) -> frozenset[bytes]:
    return frozenset(gate_entry(KEY, "profile", name) for name in names)


def contents(gone: Iterable[str] = (GONE,), *, purposes: bool = True) -> Contents:
    states = {
        "answer": PurposeState(),
        "train": PurposeState(True, Period(days=90), entries(AGREED, CHANGED_MIND, OVER), entries(CHANGED_MIND), entries(OVER)),
    }
    policy = GatePolicy("f" * 64, states if purposes else None, entries(DISPUTED))
    return Contents(entries(*gone), frozenset({former_entry(KEY, "profile", LONG_GONE)}), policy)


def publish(path: Path, what: Contents | None = None, at: datetime = NOW, lasts: timedelta = timedelta(days=1)) -> Path:
    """Write the snapshot as a publisher does: under another name, then renamed."""
    data = publish_snapshot(what or contents(), KEY, published=at, valid_until=at + lasts, sign=SIGNER.sign)
    fresh = path.with_name("fresh")
    fresh.write_bytes(data)
    fresh.replace(path)
    return path


def gate(path: Path, now: datetime = NOW) -> Gate:
    return Gate(path, KEY, (PUBLIC,), HOUR, now=lambda: now)


def pipeline(signer: Ed25519PrivateKey = SIGNER, key: bytes = KEY) -> Pipeline:
    bare = Certificate("train-intent", PIPELINE.public_key().public_bytes_raw(), NOW, key_check(key))
    certificate = Certificate(bare.name, bare.public, bare.issued, bare.key_check, signer.sign(bare.message()))
    return Pipeline(certificate, PIPELINE.sign)
