"""Write the folder that pipelines need to ask the gate: ``gate.toml``, the gate key, and a signing key that Expunge vouches for."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from expunge import durable
from expunge.adapters.host.disk_errors import guarded
from expunge.core.gate.gate_entry import key_check
from expunge.core.gate.training_manifest import Certificate
from expunge.core.values import canonical
from expunge.errors import Misconfigured, UsageError
from expunge.ports.keys import InstallationKeys

SETTINGS = "gate.toml"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_PIPELINE = '\n[pipeline]\nkey = "pipeline.key"\ncertificate = "pipeline.json"\n'


def issue(folder: Path, name: str, snapshot: Path, keys: InstallationKeys, now: datetime) -> Certificate:
    """Write the folder of one pipeline.

    Args:
        folder: where; made if need be, closed to others.
        name: of the pipeline; stands in every manifest that it signs.
        snapshot: the gate's snapshot, where the pipeline will find it.
        keys: the installation's.
        now: for the certificate.

    Raises:
        UsageError: for a name that is not lower case letters, digits and hyphens.
        Misconfigured: when the folder holds a pipeline's key already: it is never overwritten.
        StateUnavailable: when it cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise UsageError("a pipeline's name is 1 to 63 lower case letters, digits and hyphens", help="such as train-intent")
    if (folder / "pipeline.key").exists():
        message = f"{folder} holds the key of a pipeline already"
        raise Misconfigured(message, help="choose another folder with --to; manifests signed by the key that is there still hold")
    private = Ed25519PrivateKey.generate()
    gate_key = keys.gate_key()
    bare = Certificate(name, private.public_key().public_bytes_raw(), now.replace(microsecond=0), key_check(gate_key))
    certificate = Certificate(bare.name, bare.public, bare.issued, bare.key_check, keys.sign_receipt(bare.message()))
    files = {
        "gate.key": f"{gate_key.hex()}\n".encode(),
        "pipeline.json": canonical.encode(certificate.to_json()) + b"\n",
        SETTINGS: (_settings(snapshot, keys) + 'key = "gate.key"\n' + _PIPELINE).encode(),
        # Why last: as long as it is missing, the folder can be written anew.
        "pipeline.key": f"{private.private_bytes_raw().hex()}\n".encode(),
    }
    with guarded("the pipeline's folder could not be written"):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # commit point: with the last of them, the pipeline can ask and sign.
        durable.write_all([(folder / each, data) for each, data in files.items()], at="gate.pipeline")
    return certificate


def write_settings(folder: Path, snapshot: Path, keys: InstallationKeys) -> None:
    """Write the ``gate.toml`` that names snapshot and signers, and no key, unless it says so already. Raises StateUnavailable."""
    path, data = folder / SETTINGS, _settings(snapshot, keys).encode()
    with guarded("gate.toml could not be written"):
        if not path.exists() or path.read_bytes() != data:
            # commit point: pipelines learn of the new signer from here on.
            durable.write_bytes(path, data, at="gate.settings", mode=0o644)


def _settings(snapshot: Path, keys: InstallationKeys) -> str:
    signers = json.dumps([public.hex() for public in keys.signer_publics()])
    return f"snapshot = {json.dumps(str(snapshot))}\nsigners = {signers}\nmax_age = 60\n"
