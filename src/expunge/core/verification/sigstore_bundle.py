"""A receipt as a Sigstore bundle, version 0.3 (``sigstore/protobuf-specs``, ``sigstore_bundle.proto``), and the trusted root for it.

Both are functions of the receipt's other files, so that whoever holds a receipt can make them. The bundle has the envelope, the entry, its
proof and the signed checkpoint. It has no signed time: the log promises none, and the statement says when it was made.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from expunge.core import note
from expunge.core.log import checkpoint, dsse, signed_head, tlog_proof, trust
from expunge.core.values import b64, canonical
from expunge.core.values.signature import parse_ed25519_pem
from expunge.core.verification import receipt_folder as folder
from expunge.errors import EvidenceInvalid

_BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_ROOT = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
_FIRST = datetime.fromtimestamp(0, UTC)


def bundle(files: Mapping[str, bytes]) -> bytes:
    """Return ``receipt.sigstore.json`` of a receipt, as canonical JSON.

    Args:
        files: of the receipt, by name; the envelope, the proof, the policy and the signer's key are read.

    Raises:
        EvidenceInvalid: where one of them cannot be read, or the log has no P-256 key that signed the checkpoint.
    """
    envelope = dsse.parse(files[folder.ENVELOPE])
    proof = tlog_proof.parse(files[folder.PROOF])
    policy = trust.parse_canonical(files[folder.POLICY])
    # Why these lines alone: whoever adds a witness's line to the proof later does not have to make the bundle again.
    published = signed_head.known_lines(proof.checkpoint, policy)
    signed = note.parse_note(published)
    head = checkpoint.parse(signed.text)
    key = _signed_by(signed, policy, head.origin)
    return canonical.encode(
        {
            "mediaType": _BUNDLE,
            "verificationMaterial": {
                "publicKey": {"hint": envelope.keyid},
                "tlogEntries": [
                    {
                        "logIndex": str(proof.index),
                        "logId": {"keyId": _log_id(key)},
                        "kindVersion": {"kind": "dsse", "version": "0.0.1"},
                        "inclusionProof": {
                            "logIndex": str(proof.index),
                            "rootHash": b64.encode(head.root),
                            "treeSize": str(head.size),
                            "hashes": [b64.encode(each) for each in proof.path],
                            "checkpoint": {"envelope": published.decode()},
                        },
                        "canonicalizedBody": b64.encode(dsse.leaf(envelope, parse_ed25519_pem(files[folder.SIGNER]))),
                    },
                ],
            },
            "dsseEnvelope": {
                "payload": b64.encode(envelope.payload),
                "payloadType": dsse.PAYLOAD_TYPE,
                "signatures": [{"keyid": envelope.keyid, "sig": b64.encode(envelope.signature)}],
            },
        },
    )


def files_of(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return both files of a receipt, by name. Raises EvidenceInvalid as :func:`bundle`."""
    policy = trust.parse_canonical(files[folder.POLICY])
    return {folder.BUNDLE: bundle(files), folder.ROOT: trusted_root(policy)}


def trusted_root(policy: trust.TrustPolicy) -> bytes:
    """Return ``trusted-root.json``, as canonical JSON: the P-256 keys of the logs that a policy names, each with its life."""
    logs = [log.key for log in policy.logs if log.key.algorithm is note.Algorithm.ECDSA_P256]
    return canonical.encode(
        {
            "mediaType": _ROOT,
            "tlogs": [
                {
                    "baseUrl": f"https://{key.name}",
                    "hashAlgorithm": "SHA2_256",
                    "publicKey": {
                        "rawBytes": b64.encode(key.key),
                        "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                        "validFor": _life(policy.life_of(key)),
                    },
                    "logId": {"keyId": _log_id(key)},
                }
                for key in logs
            ],
            "certificateAuthorities": [],
            "ctlogs": [],
            "timestampAuthorities": [],
        },
    )


def _signed_by(signed: note.SignedNote, policy: trust.TrustPolicy, origin: str) -> note.VerifierKey:
    """Return the P-256 key of the log by which a checkpoint is signed."""
    lines = {(line.name, line.key_id) for line in signed.signatures}
    for key in policy.checkpoint_keys(origin):
        if key.algorithm is note.Algorithm.ECDSA_P256 and (key.name, key.id) in lines:
            return key
    raise EvidenceInvalid("no P-256 key of the log signed the checkpoint, and tools of Sigstore take no other", help="use the other files")


def _log_id(key: note.VerifierKey) -> str:
    return b64.encode(sha256(key.key).digest())


def _life(life: trust.KeyLife) -> dict[str, Any]:
    # Why the first moment: a root must say since when, and a policy need not.
    found = {"start": _instant(life.since or _FIRST)}
    return found if life.until is None else {**found, "end": _instant(life.until)}


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
