"""What docs/spec says about bytes is what the code does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from expunge.adapters.database.journal_chain import chain, genesis
from expunge.core.gate.gate_entry import kind_key
from expunge.core.gate.gate_snapshot import Contents, GatePolicy, PurposeState, former_entry, gate_entry, publish_snapshot
from expunge.core.gate.training_manifest import parse_manifest
from expunge.core.values.periods import Period
from tests.journal_kit import EVENTS

SPEC = Path(__file__).parents[3] / "docs" / "spec"


def test_the_journal_page() -> None:
    page = (SPEC / "journal.md").read_text()
    first = genesis("ord-aaaaaaaaaaaaaaaaaaaa")
    for digest in (first, *(digest for _, digest in chain(first, [b'{"kind":"received"}', b""]))):
        assert f"`{digest.hex()}`" in page


def test_the_event_of_the_journal_page_is_a_vector() -> None:
    page = (SPEC / "journal.md").read_text()
    event = (EVENTS / "holds.jsonl").read_bytes().splitlines()[0]
    assert event.decode() in page.splitlines()
    ((_, digest),) = chain(genesis("holds"), [event])
    assert f"`{digest.hex()}`" in page


def test_the_gate_page() -> None:
    page = (SPEC / "gate-snapshot.md").read_text()
    key, signer = bytes(range(32)), Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
    gone = [gate_entry(key, "profile", "p-17"), gate_entry(key, "account", "ann@example.com")]
    agreed = gate_entry(key, "profile", "p-18")
    purposes = {"train": PurposeState(True, Period(days=90), given=frozenset({agreed})), "answer": PurposeState()}
    noon = datetime(2026, 5, 1, 12, tzinfo=UTC)
    contents = Contents(frozenset(gone), policy=GatePolicy("0" * 64, purposes))
    data = publish_snapshot(contents, key, published=noon, valid_until=noon + timedelta(days=1), sign=signer.sign)
    header, _, rest = data.partition(b"\n")
    entries = [*gone, agreed, former_entry(key, "profile", "p-17"), kind_key(key, "profile")]
    for text in (signer.public_key().public_bytes_raw().hex(), header.decode(), *(entry.hex() for entry in entries), rest[:64].hex()):
        assert text in page
    assert rest[64:] == b"".join([*sorted(gone), agreed])


def test_the_manifest_page() -> None:
    page = (SPEC / "manifest.md").read_text()
    blocks = [block.strip() for block in page.split("```")[3::2]]
    header, signature, entries = blocks
    data = header.encode() + b"\n" + bytes.fromhex(signature) + bytes.fromhex(entries)
    signer = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32).public_key().public_bytes_raw()
    manifest = parse_manifest(data, [signer])
    assert manifest.certificate.public.hex() in page
    assert [manifest.holds(gate_entry(bytes(range(32)), "profile", name)) for name in ("p-17", "p-18", "p-19")] == [True, True, False]
