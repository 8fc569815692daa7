"""Makes real receipts with keys made here: no installation, no database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from expunge.core import merkle
from expunge.core.datamap.datamap import EraseAct
from expunge.core.datamap.grounding import Grounding
from expunge.core.evidence import commitment
from expunge.core.evidence import receipt as rc
from expunge.core.log import checkpoint, trust
from expunge.core.log.tlog_proof import TlogProof
from expunge.core.note import Algorithm, VerifierKey
from expunge.core.values.ids import OrderId, PlanDigest
from expunge.core.values.order import OrderKind
from expunge.core.values.signature import key_id
from expunge.core.verification import receipt_folder

ORIGIN = "log.example/voices"
WHEN = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


class Company:
    """A signer and a log with one entry."""

    def __init__(self, seed: int = 1) -> None:
        self.signer = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        self.log = Ed25519PrivateKey.from_private_bytes(bytes([seed + 100]) * 32)
        self.log_p256 = ec.derive_private_key(seed + 1000, ec.SECP256R1())

    @property
    def public(self) -> bytes:
        return self.signer.public_key().public_bytes_raw()

    def policy(self) -> bytes:
        keys = self.log_keys()
        return trust.TrustPolicy(
            (VerifierKey("signer.example", Algorithm.ED25519, self.public),), tuple(trust.NamedKey(key) for key in keys)
        ).encode()

    def log_keys(self) -> tuple[VerifierKey, VerifierKey]:
        p256 = self.log_p256.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return checkpoint.log_keys(ORIGIN, self.log.public_key().public_bytes_raw(), p256)

    def issue(self, folder: Path, **changes: object) -> Path:
        """Write a receipt into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        statement = rc.build(a_receipt(self, **changes))
        signature = self.signer.sign(receipt_folder.to_sign(statement))
        leaf = receipt_folder.leaf(statement, signature, self.public)
        head = checkpoint.Checkpoint(ORIGIN, 1, merkle.leaf_hash(leaf))
        text = head.text().encode()
        signed = checkpoint.signed(head, self.log_keys(), (self.log.sign(text), self.log_p256.sign(text, ec.ECDSA(hashes.SHA256()))))
        files = receipt_folder.assemble(statement, signature, self.public, self.policy(), TlogProof(0, (), signed))
        for name, data in files.items():
            (folder / name).write_bytes(data)
        return folder


def a_receipt(company: Company, **changes: object) -> rc.Receipt:
    probe = rc.Probe(("listing", "open"), 0, "")
    scan = rc.Scan("expunge 0.1.0", rc.ScanMode.ALL, None, 12, 34_567, 8_000, 40, 38, 0, 5, 5, (), rc.ScanVerdict.GONE)
    entry = rc.DatasetEntry(
        "recordings", "media", "files", EraseAct.ERASE, rc.Result.ERASED, 7, Grounding.SCRUBBED, Grounding.SCRUBBED, probe, scan, None, ""
    )
    fields: dict[str, object] = {
        "order": OrderId("ord-abcdefghijklmnopqrst"),
        "order_kind": OrderKind.ERASURE,
        "commitment": commitment.commit(b"\x07" * 32, [("profile", "p-17")]),
        "verdict": rc.Verdict.FULFILLED,
        "times": rc.ReceiptTimes(WHEN, WHEN, WHEN, WHEN),
        "datasets": (entry,),
        "kept": (),
        "out_of_scope": ("backups of media until 2026-04-01",),
        "valid_until": WHEN + timedelta(days=3650),
        "tool": rc.Tool("expunge", "0.1.0", 1),
        "signer": key_id(company.public),
        "log": ORIGIN,
        "policy_digest": sha256(company.policy()).hexdigest(),
        "plan_digest": PlanDigest("0" * 64),
        "nonce": b"\x09" * 32,
    }
    return rc.Receipt(**{**fields, **changes})  # type: ignore[arg-type]
