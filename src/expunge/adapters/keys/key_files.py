"""Key files: wrapped, replaced, and destroyed; and the root file that opens them.

A key file is 8 bytes of magic, a 12-byte nonce, and AES-256-GCM ciphertext and tag under the root key. Its place in the keystore
(``orders/ord-….order``) is the associated data, so that a file moved to another name does not open.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shlex
import stat
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from expunge import durable
from expunge.core.values import canonical
from expunge.errors import EvidenceInvalid, KeystoreLocked, Misconfigured, StateCorrupt

MAGIC = b"EXPKEY1\n"
ROOT_FILE = "root.json"
ROOT_FORMAT = "expunge.root/1"
_NONCE = 12
_SCRYPT = {"n": 2**17, "r": 8, "p": 1}
"""128 MiB and about a third of a second: what a guesser pays for each guess (RFC 7914)."""
_SCRYPT_MOST = 2**20
_HEX = re.compile(r"(?:[0-9a-f]{2})+")


def wrap(root: bytes, place: str, key: bytes) -> bytes:
    """Seal ``key`` under the root key for one place in the keystore."""
    nonce = secrets.token_bytes(_NONCE)
    return MAGIC + nonce + AESGCM(root).encrypt(nonce, key, _bound(place))


def unwrap(root: bytes, place: str, data: bytes) -> bytes:
    """Open the output of :func:`wrap`. Raises StateCorrupt when it does not authenticate."""
    if not data.startswith(MAGIC):
        message = f"not a key file: {Path(place).name}"
        raise StateCorrupt(message, help=_RESTORE)
    try:
        return AESGCM(root).decrypt(data[8 : 8 + _NONCE], data[8 + _NONCE :], _bound(place))
    except (InvalidTag, ValueError):
        message = f"a key file does not open under the root key: {Path(place).name}"
        raise StateCorrupt(message, help=_RESTORE) from None


_RESTORE = "it was damaged, moved, or belongs to another keystore; restore keys/ from its backup"


def _bound(place: str) -> bytes:
    return b"expunge/key/1\0" + place.encode()


def wipe(path: Path) -> None:
    """Destroy a file: overwrite, force to the device, remove the name, force that. Done already is success."""
    wipe_all([path])


def wipe_all(paths: Sequence[Path]) -> None:
    """Destroy several files."""
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            _blank(os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC))
        # crash here: the bytes are gone and the name is left; the next open removes it.
        durable.unlink(path, at="keys.wipe.name")
    for folder in dict.fromkeys(path.parent for path in paths):
        durable.fsync_directory(folder, at="keys.wipe.folder")


def replace_wiping(path: Path, data: bytes) -> None:
    """Replace a file whole or not at all, then overwrite the bytes that it held before, which have no name any more."""
    try:
        old: int | None = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        old = None
    try:
        durable.write_bytes(path, data, at="keys.replace")
    except BaseException:
        if old is not None:
            os.close(old)
        raise
    if old is not None:
        _blank(old)


def _blank(descriptor: int) -> None:
    with os.fdopen(descriptor, "wb") as file:
        file.write(bytes(os.fstat(descriptor).st_size))
        file.flush()
        durable.fsync(file, at="keys.wipe.overwrite")


def sweep(folder: Path) -> None:
    """Destroy temporaries that a crash left in ``folder``. Call it under the keystore's lock only."""
    for path in folder.glob(f"{durable.TEMPORARY_PREFIX}*"):
        wipe(path)


def root_bytes(root: bytes, passphrase: str | None, previous: bytes | None) -> bytes:
    """Return the root file: the root key, plain or wrapped by a passphrase, and the previous one while files are being re-wrapped."""
    kdf: dict[str, canonical.Json] | None = None
    held = root
    if passphrase is not None:
        salt = secrets.token_bytes(16)
        kdf = {"name": "scrypt", "salt": salt.hex(), **_SCRYPT}
        held = wrap(_stretch(passphrase, salt, _SCRYPT), ROOT_FILE, root)
    before = None if previous is None else wrap(root, f"{ROOT_FILE}/previous", previous).hex()
    return canonical.encode({"format": ROOT_FORMAT, "kdf": kdf, "key": held.hex(), "previous": before})


def open_root(data: bytes, passphrase: str | None) -> tuple[bytes, bytes | None]:
    """Return the root key and the previous one, if a re-wrapping was under way.

    Raises:
        KeystoreLocked: a passphrase is needed, wrong, or given where there is none.
        StateCorrupt: the file is not a root file.
    """
    kdf, held, previous = _parse_root(data)
    if kdf is None:
        if passphrase is not None:
            raise KeystoreLocked("this keystore has no passphrase", help="open it without one, or set one with a new root key")
        root = held
    else:
        root = _unlock(kdf, held, passphrase)
    if len(root) != 32:
        raise StateCorrupt("the root key has the wrong length", help=_RESTORE)
    return root, None if previous is None else unwrap(root, f"{ROOT_FILE}/previous", previous)


def is_wrapped(data: bytes) -> bool:
    """Return whether a root file needs a passphrase. Raises StateCorrupt when it is no root file."""
    return _parse_root(data)[0] is not None


def _unlock(kdf: Mapping[str, canonical.Json], held: bytes, passphrase: str | None) -> bytes:
    if passphrase is None:
        raise KeystoreLocked("the keystore is locked by a passphrase", help="give its passphrase")
    numbers = {name: _small(kdf.get(name)) for name in _SCRYPT}
    key = _stretch(passphrase, _unhex(kdf.get("salt")), numbers)
    try:
        return unwrap(key, ROOT_FILE, held)
    except StateCorrupt:
        raise KeystoreLocked("the passphrase does not open the keystore", help="try again; without it no key can be read") from None


def _parse_root(data: bytes) -> tuple[Mapping[str, canonical.Json] | None, bytes, bytes | None]:
    try:
        value = canonical.decode(data)
    except EvidenceInvalid:
        raise StateCorrupt("the keystore's root file cannot be read", help=_RESTORE) from None
    if not isinstance(value, Mapping) or value.get("format") != ROOT_FORMAT or set(value) != {"format", "kdf", "key", "previous"}:
        raise StateCorrupt("the keystore's root file has another format", help="it was written by another version of Expunge")
    kdf = value["kdf"]
    if kdf is not None and (not isinstance(kdf, Mapping) or kdf.get("name") != "scrypt"):
        raise StateCorrupt("the keystore's root file names an unknown way of wrapping", help=_RESTORE)
    previous = value["previous"]
    return kdf, _unhex(value["key"]), None if previous is None else _unhex(previous)


def _unhex(value: canonical.Json) -> bytes:
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise StateCorrupt("the keystore's root file cannot be read", help=_RESTORE)
    return bytes.fromhex(value)


def _small(value: canonical.Json) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _SCRYPT_MOST:
        raise StateCorrupt("the keystore's root file asks for an impossible amount of work", help=_RESTORE)
    return value


def _stretch(passphrase: str, salt: bytes, cost: Mapping[str, int]) -> bytes:
    text = unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogatepass")
    return Scrypt(salt=salt, length=32, n=cost["n"], r=cost["r"], p=cost["p"]).derive(text)


def check_permissions(folder: Path) -> None:
    """Refuse a keystore that others can read. Raises Misconfigured with the command that mends it."""
    if not folder.is_dir():
        message = f"there is no keystore at {folder}"
        raise Misconfigured(message, help="make one with: expunge init")
    for path in (folder, *sorted(folder.iterdir()), *sorted((folder / "orders").iterdir())):
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue  # a temporary of another process
        _check_one(folder, path, status)


def _check_one(folder: Path, path: Path, status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        message = f"{path} is a symbolic link inside the keystore"
        raise Misconfigured(message, help="put the file itself there")
    if status.st_uid != os.geteuid():
        message = f"{path} belongs to another user"
        raise Misconfigured(message, help=f"run as that user, or: chown -R {os.geteuid()} {folder}")
    if status.st_mode & 0o077:
        mode = "700" if stat.S_ISDIR(status.st_mode) else "600"
        message = f"{path} can be read by other users"
        raise Misconfigured(message, help=f"chmod {mode} {shlex.quote(str(path))}")
