"""Two ways to forge a receipt, done as well as they can be: for the demonstration, and for tests that both are refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from expunge.core import merkle
from expunge.core.evidence import receipt
from expunge.core.log import checkpoint, dsse, trust
from expunge.core.log.tlog_proof import TlogProof
from expunge.core.note import Algorithm, VerifierKey
from expunge.core.values.signature import key_id
from expunge.core.verification import receipt_folder


def tampered(folder: Path, target: Path) -> None:
    """Copy a receipt and change one character of the signed part."""
    files = _files(folder)
    envelope = bytearray(files[receipt_folder.ENVELOPE])
    place = envelope.index(b'"payload":"') + len(b'"payload":"') + 400
    envelope[place] = ord("B") if envelope[place] != ord("B") else ord("C")
    _write(target, {**files, receipt_folder.ENVELOPE: bytes(envelope)})


def resigned(folder: Path, target: Path) -> None:
    """Forge a receipt whole: good for ten years more, with the forger's own key, log and policy.

    In itself it is consistent, and says that it is: only keys got elsewhere (``--trust``) tell it from a real one.
    """
    real = receipt.parse(dsse.parse(_files(folder)[receipt_folder.ENVELOPE]).payload)
    origin = trust.parse_canonical(_files(folder)[receipt_folder.POLICY]).logs[0].key.name
    signer, log, log_p256 = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())
    spki = log_p256.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    keys = checkpoint.log_keys(origin, _raw(log), spki)
    policy = trust.TrustPolicy(
        signers=(VerifierKey(origin, Algorithm.ED25519, _raw(signer)),), logs=tuple(trust.NamedKey(key) for key in keys)
    ).encode()
    forged = replace(
        real,
        valid_until=real.valid_until + timedelta(days=3650),
        signer=key_id(_raw(signer)),
        policy_digest=sha256(policy).hexdigest(),
        nonce=token_bytes(receipt.NONCE_SIZE),
    )
    statement = receipt.build(forged)
    signature = signer.sign(receipt_folder.to_sign(statement))
    leaf = receipt_folder.leaf(statement, signature, _raw(signer))
    head = checkpoint.Checkpoint(origin, 1, merkle.leaf_hash(leaf))
    text = head.text().encode()
    note = checkpoint.signed(head, keys, (log.sign(text), log_p256.sign(text, ec.ECDSA(hashes.SHA256()))))
    _write(target, receipt_folder.assemble(statement, signature, _raw(signer), policy, TlogProof(0, (), note)))


def _raw(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _files(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in receipt_folder.REQUIRED}


def _write(target: Path, files: dict[str, bytes]) -> None:
    target.mkdir(parents=True)
    for name, data in files.items():
        (target / name).write_bytes(data)
