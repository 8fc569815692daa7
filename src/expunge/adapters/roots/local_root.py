"""A root in a local folder: each epoch's key in a file, wrapped under a root key that lies plain beside it or behind a passphrase.

A copy of the folder, made before an epoch was destroyed, opens that epoch, together with the passphrase. So keep the folder out of every
backup that lives longer than keys may take to become irrecoverable. A token or a key service has no such copies.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from expunge import durable
from expunge.adapters.keys import key_files
from expunge.adapters.roots.epoch_files import EpochFiles
from expunge.errors import KeystoreLocked, Misconfigured


class LocalRoot:
    """Implements :class:`expunge.ports.vault.root_keys.RootKeys` in one folder."""

    copyable = True

    def __init__(self, folder: Path, passphrase: str | None = None) -> None:
        """Open a root, or make it.

        Raises:
            KeystoreLocked: the passphrase is missing or wrong.
            Misconfigured: others can read the folder, or epochs lie there without their root key.
            RootUnavailable: the disk does not answer.
            StateCorrupt: the root file was changed.
        """
        self._files = EpochFiles(folder)
        with self._files.changing():
            self._root = self._opened(folder / key_files.ROOT_FILE, passphrase)

    def __repr__(self) -> str:
        return "LocalRoot(…)"

    def epochs(self) -> Mapping[int, datetime]:
        """Return the living epochs and when each was made. Raises RootUnavailable."""
        return self._files.epochs()

    def make(self, epoch: int) -> None:
        """Make an epoch's key. Raises KeyDestroyed, RootUnavailable."""
        with self._files.changing():
            self._files.refuse_destroyed(epoch)
            if not self._files.path(epoch).exists():
                self._files.write(epoch, key_files.wrap(self._root, _place(epoch), secrets.token_bytes(32)))

    def open(self, epoch: int) -> bytes:
        """Return an epoch's key. Raises KeyDestroyed, KeyUnknown, RootUnavailable, StateCorrupt."""
        return key_files.unwrap(self._root, _place(epoch), self._files.read(epoch))

    def destroy(self, epoch: int) -> None:
        """Destroy an epoch's key: its file is overwritten and removed. Raises RootUnavailable."""
        with self._files.changing():
            self._files.mark(epoch)
            self._files.wipe(epoch)

    def _opened(self, path: Path, passphrase: str | None) -> bytes:
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            if self._files.epochs():
                raise Misconfigured(f"{path.parent} has epochs and no root key", help=f"put {path.name} back from its backup") from None  # noqa: EM102
            root = secrets.token_bytes(32)
            # commit point: the root key is on the device before an epoch is made under it.
            durable.write_bytes(path, key_files.root_bytes(root, passphrase, None), at="roots.create")
            return root
        try:
            return key_files.open_root(data, passphrase)[0]
        except KeystoreLocked as error:
            raise KeystoreLocked(error.message.replace("keystore", "root of the vault"), help=error.help) from None


def _place(epoch: int) -> str:
    return f"vault/epoch-{epoch}.key"
