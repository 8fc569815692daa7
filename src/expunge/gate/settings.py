"""``gate.toml``: where a pipeline finds the snapshot, the gate key, the signers and its own key.

::

    snapshot = "/srv/expunge/gate/snapshot"
    signers = ["ea4a6c63..."]     # raw Ed25519 public keys, hex
    key = "gate.key"              # 64 hex digits in a file; paths count from the folder of gate.toml
    max_age = 60                  # seconds

    [pipeline]
    key = "pipeline.key"          # 64 hex digits in a file: the Ed25519 seed
    certificate = "pipeline.json"

The environment comes first: ``EXPUNGE_GATE`` names the file; ``EXPUNGE_GATE_SNAPSHOT``, ``EXPUNGE_GATE_KEY`` (64 hex digits),
``EXPUNGE_GATE_SIGNERS`` (hex, with commas between) and ``EXPUNGE_GATE_MAX_AGE`` (seconds) stand for single lines of it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from expunge.core.gate.training_manifest import read_certificate
from expunge.core.values import canonical
from expunge.errors import EvidenceInvalid, Misconfigured
from expunge.gate.file_gate import MAX_AGE, Gate
from expunge.gate.manifests import Pipeline

NAME = "gate.toml"
FILE, SNAPSHOT, KEY, SIGNERS, AGE = (f"EXPUNGE_GATE{part}" for part in ("", "_SNAPSHOT", "_KEY", "_SIGNERS", "_MAX_AGE"))
_PLACES = (NAME, f"gate/{NAME}", f".expunge/gate/{NAME}")
_HELP = "run `expunge gate key NAME`, which writes one, and set EXPUNGE_GATE to its path"


@dataclass(frozen=True)
class Settings:
    """The settings of a pipeline."""

    snapshot: Path
    key: bytes = field(repr=False)
    signers: tuple[bytes, ...]
    max_age: timedelta
    pipeline: Pipeline | None

    def gate(self) -> Gate:
        """The gate over the snapshot."""
        return Gate(self.snapshot, self.key, self.signers, self.max_age)


def find(environ: Mapping[str, str], folder: Path) -> Path | None:
    """The ``gate.toml`` that the environment names, or that stands in ``folder``, in ``.expunge/gate`` there, or in a folder above."""
    if environ.get(FILE):
        return Path(environ[FILE])
    candidates = (above / place for above in (folder, *folder.parents) for place in _PLACES)
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def has_key(environ: Mapping[str, str], folder: Path) -> bool:
    """Return whether a pipeline's own settings are there: a gate key, not only the snapshot and signers of an installation."""
    path = find(environ, folder)
    return bool(environ.get(KEY)) or (path is not None and "key" in _parsed(path))


def read(environ: Mapping[str, str], folder: Path) -> Settings:
    """Read the settings from the environment and the file.

    Raises:
        Misconfigured: when a setting is missing or cannot be read; it names the setting and where it is looked for.
    """
    path = find(environ, folder)
    values = _parsed(path) if path is not None else {}
    home = path.parent if path is not None else folder
    where = str(path) if path is not None else "the environment"
    snapshot = environ.get(SNAPSHOT) or _text(values, "snapshot", where)
    if not snapshot:
        message = f"{where} does not say where the gate's snapshot is"
        raise Misconfigured(message, help=_HELP)
    key = environ.get(KEY) or _secret(home, values.get("key"), where)
    if not key:
        message = f"{where} names no gate key"
        raise Misconfigured(message, help=_HELP)
    signers = environ[SIGNERS].split(",") if environ.get(SIGNERS) else values.get("signers", [])
    if not isinstance(signers, list) or not signers:
        message = f"{where} names no signers"
        raise Misconfigured(message, help=_HELP)
    publics = tuple(_bytes(signer, f"a signer in {where}") for signer in signers)
    age = environ.get(AGE) or values.get("max_age", MAX_AGE.total_seconds())
    pipeline = _pipeline(home, values["pipeline"], publics, where) if "pipeline" in values else None
    return Settings(home / snapshot, _bytes(key, f"the gate key of {where}"), publics, _seconds(age, where), pipeline)


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"{path} is not TOML: {error}"
    raise Misconfigured(message, help=_HELP)


def _text(values: Mapping[str, Any], name: str, where: str) -> str:
    value = values.get(name, "")
    if not isinstance(value, str):
        message = f"{name} in {where} is not text"
        raise Misconfigured(message, help=_HELP)
    return value


def _secret(home: Path, name: object, where: str) -> str:
    if not isinstance(name, str) or not name:
        return ""
    try:
        return (home / name).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        message = f"the key file that {where} names cannot be read"
        raise Misconfigured(message, help=_HELP) from None


def _bytes(digits: object, what: str) -> bytes:
    try:
        value = bytes.fromhex(str(digits).strip())
    except ValueError:
        value = b""
    if len(value) != 32:
        message = f"{what} is not 32 bytes in hex"
        raise Misconfigured(message, help=_HELP)
    return value


def _seconds(age: object, where: str) -> timedelta:
    try:
        seconds = float(str(age))
        if not 0 < seconds <= 7 * 86400:
            raise ValueError("out of range")
    except ValueError:
        message = f"max_age in {where} is not a number of seconds up to a week"
        raise Misconfigured(message, help="60 is usual: so long an erased person may still pass") from None
    return timedelta(seconds=seconds)


def _pipeline(home: Path, values: object, signers: tuple[bytes, ...], where: str) -> Pipeline:
    if not isinstance(values, dict):
        message = f"[pipeline] in {where} is no table"
        raise Misconfigured(message, help=_HELP)
    seed = _bytes(_secret(home, values.get("key"), where), f"the pipeline's key of {where}")
    key = Ed25519PrivateKey.from_private_bytes(seed)
    try:
        data = (home / str(values.get("certificate"))).read_bytes()
        certificate = read_certificate(canonical.decode(data.strip()), signers)
    except (OSError, EvidenceInvalid) as error:
        message = f"the pipeline's certificate that {where} names does not hold: {error}"
        raise Misconfigured(message, help=_HELP) from None
    if certificate.public != key.public_key().public_bytes_raw():
        message = f"the pipeline's key and certificate of {where} do not belong together"
        raise Misconfigured(message, help=_HELP)
    return Pipeline(certificate, key.sign)
