"""The keystore on local disk: one folder, mode 0700, one small wrapped file for each key.

::

    root.json              the root key: plain, or wrapped by a passphrase (scrypt)
    pseudonym.key          never rotated: suppressions would be orphaned
    signer-N.key, .pub     the highest N signs; of the others only the public half is left
    log-N.key, .pub        Ed25519 and P-256 together, so that they rotate together
    signer-N.since, log-N.since    when the key was made: a published trust policy says since when it counts
    orders/ID.order|trace|contact
    destroyed/ID.order|…   an empty file for each key destroyed: never made again, and destroyed again if a backup brings it back

Recovery is the normal path: every open finishes the work that a crash interrupted (a re-wrapping, a rotation, a destruction).
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from expunge import clock, durable
from expunge.adapters.host.disk_errors import guarded
from expunge.adapters.host.file_lock import FileLock
from expunge.adapters.keys import key_files, key_material
from expunge.core.values.ids import OrderId
from expunge.errors import KeyDestroyed, KeystoreLocked, Misconfigured, StateCorrupt

_ORDER = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_NUMBERED = re.compile(r"(signer|log)-([1-9][0-9]{0,8})\.(key|pub)")
_STAGING = f"{durable.TEMPORARY_PREFIX}keystore-"
_BUSY = "another process is changing the keystore"
_LONGEST_WAIT = 30.0
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_RESTORE = "restore keys/ from its backup"


def create(folder: Path, passphrase: str | None = None) -> LocalKeys:
    """Make a keystore and open it.

    It is built under another name and renamed, so that a crash leaves a whole keystore or none.

    Raises:
        Misconfigured: when ``folder`` exists and is not empty (a keystore is never overwritten).
    """
    with guarded("the keystore could not be made"):
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(folder.parent / ".keystore.lock", wait=_LONGEST_WAIT, busy=_BUSY).held():
            _remove_unfinished(folder.parent)
            if folder.exists() and any(folder.iterdir()):
                message = f"{folder} is not empty"
                raise Misconfigured(message, help="open the keystore that is there, or choose another folder")
            staging = folder.parent / f"{_STAGING}{secrets.token_hex(8)}"
            for part in (staging, staging / "orders", staging / "destroyed"):
                part.mkdir(mode=0o700)
            root = secrets.token_bytes(32)
            fresh = {
                "pseudonym.key": secrets.token_bytes(32),
                "signer-1.key": key_material.new_signer(),
                "log-1.key": key_material.new_log(),
            }
            for name, key in fresh.items():
                durable.write_bytes(staging / name, key_files.wrap(root, name, key), at="keys.create.key")
            for kind in ("signer", "log"):
                durable.write_bytes(staging / f"{kind}-1.since", _time_text(None), at="keys.create.since")
            durable.write_bytes(staging / key_files.ROOT_FILE, key_files.root_bytes(root, passphrase, None), at="keys.create.root")
            # commit point: the keystore exists under its name.
            durable.replace(staging, folder, at="keys.create.swap")
            durable.fsync_directory(folder.parent, at="keys.create.folder")
    return open_keystore(folder, passphrase)


def open_keystore(folder: Path, passphrase: str | None = None) -> LocalKeys:
    """Open a keystore and finish the work that a crash interrupted.

    Raises:
        Misconfigured: it does not exist, or its permissions let others in (``help`` holds the command to run).
        KeystoreLocked: the passphrase is missing or wrong.
        StateCorrupt: a file of it cannot be read.
        Busy: another process kept changing it for half a minute.
    """
    with guarded("the keystore could not be opened"):
        key_files.check_permissions(folder)
        lock = FileLock(folder / ".lock", wait=_LONGEST_WAIT, busy=_BUSY)
        with lock.held():
            try:
                data = (folder / key_files.ROOT_FILE).read_bytes()
            except FileNotFoundError:
                message = f"{folder} holds no root key"
                raise Misconfigured(message, help="restore root.json from the backup of keys/") from None
            root, previous = key_files.open_root(data, passphrase)
            keys = LocalKeys(folder, root, sha256(data).digest(), lock)
            keys._recover(previous, passphrase)  # noqa: SLF001 - the two halves of opening
    return keys


def is_locked(folder: Path) -> bool:
    """Return whether a keystore needs a passphrase. One that cannot be read is not said to: opening it says what is wrong."""
    try:
        return key_files.is_wrapped((folder / key_files.ROOT_FILE).read_bytes())
    except OSError:
        return False


class LocalKeys:
    """Implements ``expunge.ports.keys.InstallationKeys``; made by :func:`create` and :func:`open_keystore`.

    Safe between threads and processes: every key is made, replaced or destroyed under the keystore's lock.
    """

    def __init__(self, folder: Path, root: bytes, root_digest: bytes, lock: FileLock) -> None:
        self._folder = folder
        self._root = root
        self._previous: bytes | None = None
        """The root key before a re-wrapping that has begun and not ended; some files may still be under it."""
        self._root_digest = root_digest
        self._lock = lock

    def __repr__(self) -> str:
        return "LocalKeys(…)"

    def close(self) -> None:
        """Nothing is held open between two calls."""

    def pseudonym_key(self) -> bytes:
        """32 bytes, the same for the life of the keystore."""
        return self._read("pseudonym.key")

    def gate_key(self) -> bytes:
        """32 bytes for suppression entries: HMAC-SHA-256 of a label under the pseudonym key, which cannot be had back from it."""
        return hmac.new(self.pseudonym_key(), b"expunge/gate/1", sha256).digest()

    def index_key(self) -> bytes:
        """32 bytes for the hashes of the locate index, derived like :meth:`gate_key`."""
        return hmac.new(self.pseudonym_key(), b"expunge/index/1", sha256).digest()

    def vault_key(self) -> bytes:
        """32 bytes for the ids under which the vault knows people, derived like :meth:`gate_key`."""
        return hmac.new(self.pseudonym_key(), b"expunge/vault/1", sha256).digest()

    def account_key(self) -> bytes:
        """32 bytes for the sealed fields of accounts, derived like :meth:`gate_key`. It never leaves this process."""
        return hmac.new(self.pseudonym_key(), b"expunge/accounts/1", sha256).digest()

    def sign_receipt(self, data: bytes) -> bytes:
        """Ed25519 over ``data`` by the current signer."""
        return self.sign_receipts([data])[0]

    def sign_receipts(self, data: Sequence[bytes]) -> tuple[bytes, ...]:
        """Ed25519 over each by the current signer, which is read once for all."""
        return tuple(map(key_material.signer(self._current("signer")).sign, data))

    def signer_public(self) -> bytes:
        """Raw Ed25519 public key of the current signer, 32 bytes."""
        return key_material.publics("signer", self._current("signer"))[0]

    def signer_publics(self) -> tuple[bytes, ...]:
        """Public keys of all signers, oldest first, the current one last, as a trust policy for older receipts lists them."""
        old = (line for number in self._listed("signer", "pub") for line in self._public_lines("signer", number))
        return tuple(dict.fromkeys([*old, self.signer_public()]))

    def sign_checkpoint(self, data: bytes) -> bytes:
        """Ed25519 over ``data`` by the current log key."""
        return key_material.log_pair(self._current("log"))[0].sign(data)

    def log_public(self) -> bytes:
        """Raw Ed25519 public key of the log, 32 bytes."""
        return key_material.publics("log", self._current("log"))[0]

    def sign_checkpoint_p256(self, data: bytes) -> bytes:
        """ECDSA over SHA-256 by the log's P-256 key, DER; deterministic (RFC 6979) where the library can."""
        return key_material.sign_p256(key_material.log_pair(self._current("log"))[1], data)

    def log_public_p256(self) -> bytes:
        """SubjectPublicKeyInfo (DER) of the log's P-256 key."""
        return key_material.publics("log", self._current("log"))[1]

    def log_publics(self) -> tuple[tuple[bytes, bytes], ...]:
        """(Ed25519 raw, P-256 SubjectPublicKeyInfo) of all log keys, oldest first, the current pair last."""
        old = [tuple(self._public_lines("log", number)) for number in self._listed("log", "pub")]
        pairs = [(pair[0], pair[1]) for pair in old if len(pair) == 2]
        return tuple(dict.fromkeys([*pairs, (self.log_public(), self.log_public_p256())]))

    def signer_starts(self) -> tuple[tuple[bytes, datetime | None], ...]:
        """Every key of :meth:`signer_publics` and since when it signs; None where an older version made it."""
        return tuple(zip(self.signer_publics(), self._starts("signer"), strict=True))

    def log_starts(self) -> tuple[tuple[tuple[bytes, bytes], datetime | None], ...]:
        """Every pair of :meth:`log_publics` and since when it signs; None where an older version made it."""
        return tuple(zip(self.log_publics(), self._starts("log"), strict=True))

    def seal(self, order: OrderId, purpose: str, plaintext: bytes) -> bytes:
        """Encrypt under the order's key, made at first use. Raises KeyDestroyed after :meth:`destroy_order`."""
        return key_material.seal(self._made(order, "order"), order, purpose, plaintext)

    def open(self, order: OrderId, purpose: str, sealed: bytes) -> bytes:
        """Decrypt; raises KeyDestroyed after :meth:`destroy_order`, StateCorrupt when it does not authenticate."""
        return key_material.open_sealed(self._existing(order, "order"), order, purpose, sealed)

    def destroy_order(self, order: OrderId) -> None:
        """Destroy the order's key; after this returns it is in no file of the keystore, wrapped or not."""
        self._destroy([order], "order")

    def destroy_orders(self, orders: Sequence[OrderId]) -> None:
        """Destroy the keys of several orders, each as :meth:`destroy_order` does."""
        self._destroy(orders, "order")

    def trace_key(self, order: OrderId) -> bytes:
        """32 bytes, made at first use; raises KeyDestroyed after :meth:`destroy_trace_key`."""
        return self._made(order, "trace")

    def destroy_trace_key(self, order: OrderId) -> None:
        """Destroy the trace key."""
        self._destroy([order], "trace")

    def seal_contact(self, order: OrderId, plaintext: bytes) -> bytes:
        """Encrypt a contact address under its own key, made at first use. Raises KeyDestroyed after :meth:`destroy_contact`."""
        return key_material.seal(self._made(order, "contact"), order, "contact", plaintext)

    def open_contact(self, order: OrderId, sealed: bytes) -> bytes:
        """Decrypt it; raises KeyDestroyed after :meth:`destroy_contact`, StateCorrupt when it does not authenticate."""
        return key_material.open_sealed(self._existing(order, "contact"), order, "contact", sealed)

    def destroy_contact(self, order: OrderId) -> None:
        """Destroy the contact key."""
        self._destroy([order], "contact")

    def rotate_signer(self, at: datetime | None = None) -> bytes:
        """Replace the signer as of now, or ``at``; the old private key is destroyed, its public key kept. Returns the new public key."""
        self._rotate("signer", key_material.new_signer(), at)
        return self.signer_public()

    def rotate_log(self, at: datetime | None = None) -> tuple[bytes, bytes]:
        """Replace both log keys together, as of now or ``at``; returns the new ones (Ed25519 raw, P-256 SubjectPublicKeyInfo)."""
        self._rotate("log", key_material.new_log(), at)
        return self.log_public(), self.log_public_p256()

    def rotate_root(self, passphrase: str | None = None) -> None:
        """Make a new root key, wrap every key under it, and protect it by ``passphrase`` (None: a plain file).

        The new passphrase counts from the first durable step on; the next open finishes what a crash interrupts.
        """
        with self._changing("the root key could not be rotated"):
            self._finish_destroying()
            self._rewrap()
            before, self._root = self._root, secrets.token_bytes(32)
            self._previous = before
            try:
                # commit point: from here on the new root key counts; it holds the old one until every file is re-wrapped.
                self._write_root(passphrase)
            except BaseException:
                self._previous, self._root = None, before
                raise
            self._rewrap()
            self._write_root(passphrase)

    # ---- files -------------------------------------------------------------------------------------------------

    @contextmanager
    def _changing(self, what: str) -> Iterator[None]:
        with guarded(what), self._lock.held():
            self._check_root()
            yield

    def _check_root(self) -> None:
        if sha256((self._folder / key_files.ROOT_FILE).read_bytes()).digest() != self._root_digest:
            raise KeystoreLocked("the root key was rotated by another process", help="open the keystore again")

    def _write_root(self, passphrase: str | None) -> None:
        data = key_files.root_bytes(self._root, passphrase, self._previous)
        key_files.replace_wiping(self._folder / key_files.ROOT_FILE, data)
        self._root_digest = sha256(data).digest()

    def _read(self, place: str) -> bytes:
        with guarded("a key could not be read"):
            try:
                data = (self._folder / place).read_bytes()
            except FileNotFoundError:
                message = f"the keystore lacks {Path(place).name}"
                raise StateCorrupt(message, help=_RESTORE) from None
            try:
                return self._unwrap(place, data)
            except StateCorrupt:
                self._check_root()
                raise

    def _unwrap(self, place: str, data: bytes) -> bytes:
        try:
            return key_files.unwrap(self._root, place, data)
        except StateCorrupt:
            if self._previous is None:
                raise
            return key_files.unwrap(self._previous, place, data)

    def _write(self, place: str, key: bytes) -> None:
        durable.write_bytes(self._folder / place, key_files.wrap(self._root, place, key), at="keys.make")

    # ---- signer and log ----------------------------------------------------------------------------------------

    def _listed(self, kind: str, suffix: str) -> list[int]:
        with guarded("the keystore could not be read"):
            matches = (_NUMBERED.fullmatch(path.name) for path in self._folder.iterdir())
            return sorted(int(match[2]) for match in matches if match and match[1] == kind and match[3] == suffix)

    def _numbers(self, kind: str) -> list[int]:
        numbers = self._listed(kind, "key")
        if not numbers:
            message = f"the keystore lacks its {kind} key"
            raise StateCorrupt(message, help=_RESTORE)
        return numbers

    def _current(self, kind: str) -> bytes:
        for _ in range(3):
            number = self._numbers(kind)[-1]
            try:
                return self._read(f"{kind}-{number}.key")
            except StateCorrupt:
                # a rotation in another process may have destroyed it between listing and reading
                if self._numbers(kind)[-1] == number:
                    raise
        message = f"the {kind} key keeps changing"
        raise StateCorrupt(message, help="another process rotates it in a loop")

    def _public_lines(self, kind: str, number: int) -> list[bytes]:
        with guarded("the keystore could not be read"):
            return [bytes.fromhex(line) for line in (self._folder / f"{kind}-{number}.pub").read_text("ascii").splitlines()]

    def _rotate(self, kind: str, key: bytes, at: datetime | None) -> None:
        with self._changing(f"the {kind} key could not be rotated"):
            number = self._numbers(kind)[-1]
            self._keep_public(kind, number)
            durable.write_bytes(self._folder / f"{kind}-{number + 1}.since", _time_text(at), at="keys.since")
            # commit point: the next number signs from here on.
            self._write(f"{kind}-{number + 1}.key", key)
            key_files.wipe(self._folder / f"{kind}-{number}.key")

    def _keep_public(self, kind: str, number: int) -> None:
        publics = key_material.publics(kind, self._read(f"{kind}-{number}.key"))
        text = "".join(f"{public.hex()}\n" for public in publics)
        durable.write_bytes(self._folder / f"{kind}-{number}.pub", text.encode(), at="keys.public")

    def _starts(self, kind: str) -> tuple[datetime | None, ...]:
        numbers = dict.fromkeys([*self._listed(kind, "pub"), self._numbers(kind)[-1]])
        return tuple(self._since(kind, number) for number in numbers)

    def _since(self, kind: str, number: int) -> datetime | None:
        with guarded("the keystore could not be read"):
            try:
                text = (self._folder / f"{kind}-{number}.since").read_text("ascii")
                return datetime.strptime(text, f"{_TIME}\n").replace(tzinfo=UTC)
            except FileNotFoundError:
                return None
            except ValueError:
                message = f"{kind}-{number}.since is no time"
                raise StateCorrupt(message, help=_RESTORE) from None

    # ---- keys of orders ----------------------------------------------------------------------------------------

    def _made(self, order: OrderId, kind: str) -> bytes:
        place = _place(order, kind)
        if not self._destroyed(place) and (self._folder / place).exists():
            return self._existing(order, kind)
        with self._changing("a key could not be made"):
            if not self._destroyed(place) and not (self._folder / place).exists():
                # commit point: the key is on the device before anything is sealed under it.
                self._write(place, secrets.token_bytes(32))
        return self._existing(order, kind)

    def _existing(self, order: OrderId, kind: str) -> bytes:
        place = _place(order, kind)
        try:
            self._refuse_destroyed(place, kind)
            return self._read(place)
        except StateCorrupt:
            self._refuse_destroyed(place, kind)  # destroyed by another process while it was being read
            raise

    def _refuse_destroyed(self, place: str, kind: str) -> None:
        if self._destroyed(place):
            message = f"the {kind} key of this order was destroyed"
            raise KeyDestroyed(message, help="what it sealed cannot be read any more; that was the purpose")

    def _destroyed(self, place: str) -> bool:
        return self._mark(place).exists()

    def _mark(self, place: str) -> Path:
        return self._folder / "destroyed" / Path(place).name

    def _destroy(self, orders: Sequence[OrderId], kind: str) -> None:
        places = [_place(order, kind) for order in orders]
        with self._changing("a key could not be destroyed"):
            # commit point: from here on the keys count as destroyed; the next open finishes what a crash leaves.
            durable.write_all([(self._mark(place), b"") for place in places if not self._destroyed(place)], at="keys.destroy.mark")
            key_files.wipe_all([self._folder / place for place in places])

    def orders(self) -> dict[OrderId, frozenset[str]]:
        """Return the orders that keys were made for, each with the kinds of its keys (``trace``), and of those destroyed (``-trace``)."""
        found: dict[OrderId, set[str]] = {}
        for folder, sign in (("orders", ""), ("destroyed", "-")):
            with guarded("the keys of orders could not be listed"):
                names = [path.name for path in (self._folder / folder).iterdir()]
            for order, _, kind in (name.rpartition(".") for name in names):
                if kind in {"order", "trace", "contact"} and _ORDER.fullmatch(order):
                    found.setdefault(OrderId(order), set()).add(f"{sign}{kind}")
        return {order: frozenset(kinds) for order, kinds in found.items()}

    # ---- recovery ----------------------------------------------------------------------------------------------

    def _recover(self, previous: bytes | None, passphrase: str | None) -> None:
        self._finish_destroying()
        if previous is not None:
            self._previous = previous
            self._rewrap()
            self._write_root(passphrase)

    def _finish_destroying(self) -> None:
        for folder in (self._folder, self._folder / "orders", self._folder / "destroyed"):
            key_files.sweep(folder)
        for path in sorted((self._folder / "orders").iterdir()):
            if self._mark(path.name).exists():
                key_files.wipe(path)
        for kind in ("signer", "log"):
            for number in self._numbers(kind)[:-1]:
                if not (self._folder / f"{kind}-{number}.pub").exists():
                    self._keep_public(kind, number)
                key_files.wipe(self._folder / f"{kind}-{number}.key")

    def _rewrap(self) -> None:
        if self._previous is None:
            return
        orders = [f"orders/{path.name}" for path in (self._folder / "orders").iterdir() if not self._destroyed(path.name)]
        for place in sorted([path.name for path in self._folder.glob("*.key")] + orders):
            data = (self._folder / place).read_bytes()
            try:
                key_files.unwrap(self._root, place, data)
            except StateCorrupt:
                key = key_files.unwrap(self._previous, place, data)
                key_files.replace_wiping(self._folder / place, key_files.wrap(self._root, place, key))
        self._previous = None


def _time_text(at: datetime | None) -> bytes:
    return f"{(at or clock.now()).astimezone(UTC).strftime(_TIME)}\n".encode("ascii")


def _place(order: OrderId, kind: str) -> str:
    if not _ORDER.fullmatch(order):
        raise ValueError("not an order id")
    return f"orders/{order}.{kind}"


def _remove_unfinished(parent: Path) -> None:
    for staging in parent.glob(f"{_STAGING}*"):
        inside = sorted(staging.rglob("*"), reverse=True)
        for path in (path for path in inside if not path.is_dir()):
            key_files.wipe(path)
        for path in (*(path for path in inside if path.is_dir()), staging):
            durable.rmdir(path, at="keys.create.unfinished")
