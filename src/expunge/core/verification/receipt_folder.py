"""The files of one receipt, made from a statement, a signature and a proof. All but the proof are functions of the first two.

``receipt.dsse.json`` holds everything. The others repeat parts of it in the forms that other tools read.
"""

from __future__ import annotations

from expunge.core.log import dsse
from expunge.core.log.tlog_proof import TlogProof
from expunge.core.pages import render
from expunge.core.values.signature import ed25519_pem, key_id

ENVELOPE = "receipt.dsse.json"
PAE = "receipt.pae"
SIGNATURE = "receipt.sig"
PROOF = "receipt.tlog-proof"
POLICY = "trust-policy.txt"
SIGNER = "signer.pem"
PAGE = "receipt.html"
REQUIRED = (ENVELOPE, PAE, SIGNATURE, PROOF, POLICY, SIGNER, PAGE)
OPENING = "opening.json"
BUNDLE = "receipt.sigstore.json"
ROOT = "trusted-root.json"
BESIDE = frozenset({"export", "export.zip", "before.json"})
"""Files that may lie beside a receipt and say nothing about it; their content is not read."""
OPTIONAL = frozenset({OPENING, BUNDLE, ROOT, *BESIDE})


def to_sign(statement: bytes) -> bytes:
    """The bytes that the signer signs (DSSE PAE)."""
    return dsse.pae(statement)


def envelope(statement: bytes, signature: bytes, signer_public: bytes) -> dsse.Envelope:
    """The envelope of a signed statement; Ed25519 is deterministic, so the same statement and key give the same envelope."""
    return dsse.Envelope(statement, signature, key_id(signer_public))


def leaf(statement: bytes, signature: bytes, signer_public: bytes) -> bytes:
    """The leaf to append to the log."""
    return dsse.leaf(envelope(statement, signature, signer_public), signer_public)


def assemble(statement: bytes, signature: bytes, signer_public: bytes, policy: bytes, proof: TlogProof) -> dict[str, bytes]:
    """Return all seven files, by name.

    Args:
        statement: from :func:`expunge.core.evidence.receipt.build`.
        signature: 64 bytes over :func:`to_sign`.
        signer_public: raw Ed25519 key, 32 bytes.
        policy: ``trust-policy.txt``, whose digest is in the statement.
        proof: of the leaf.
    """
    return {
        ENVELOPE: envelope(statement, signature, signer_public).encode(),
        PAE: to_sign(statement),
        SIGNATURE: signature,
        PROOF: proof.encode(),
        POLICY: policy,
        SIGNER: ed25519_pem(signer_public),
        PAGE: render(statement),
    }
