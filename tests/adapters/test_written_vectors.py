"""What docs/spec says about bytes is what the code does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from expunge.adapters.journal_chain import chain, genesis
from expunge.core.gate_snapshot import gate_entry, publish_snapshot

SPEC = Path(__file__).parents[2] / "docs" / "spec"


def test_the_journal_page() -> None:
    page = (SPEC / "journal.md").read_text()
    first = genesis("ord-aaaaaaaaaaaaaaaaaaaa")
    for digest in (first, *(digest for _, digest in chain(first, [b'{"kind":"received"}', b""]))):
        assert f"`{digest.hex()}`" in page


def test_the_gate_page() -> None:
    page = (SPEC / "gate-snapshot.md").read_text()
    key, signer = bytes(range(32)), Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
    entries = [gate_entry(key, "profile", "p-17"), gate_entry(key, "account", "ann@example.com")]
    noon = datetime(2026, 5, 1, 12, tzinfo=UTC)
    data = publish_snapshot(entries, key, published=noon, valid_until=noon + timedelta(days=1), sign=signer.sign)
    header, _, rest = data.partition(b"\n")
    for text in (signer.public_key().public_bytes_raw().hex(), header.decode(), *(entry.hex() for entry in entries), rest[32:].hex()):
        assert text in page
    assert rest[:32] == b"".join(sorted(entries))
