"""Opening the vault of an installation for programs: in this process, or through the keeper, then without state and keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from expunge.bootstrap import Expunge
from expunge.bootstrap.keeping import needs_keeper, open_vault_door
from expunge.bootstrap.open_state import read_installed
from expunge.bootstrap.state_folder import require_keys
from expunge.bootstrap.vault.kept_vault import KeptVault
from expunge.bootstrap.vault.service import VaultService
from expunge.errors import KeystoreLocked

Vault: TypeAlias = VaultService | KeptVault


@dataclass(frozen=True)
class OpenedVault:
    """A vault that is open."""

    vault: Vault
    close: Callable[[], None]
    installation: Expunge | None = None
    """Absent where the keys are in the keeper."""

    def whole(self) -> Expunge:
        """Return the installation. Raises KeystoreLocked where the keys are in the keeper."""
        if self.installation is None:
            message = "the keeper has the keys of the vault, and does for others no more than let them read and send recordings in"
            raise KeystoreLocked(message, help="give the passphrase to this program: EXPUNGE_PASSPHRASE")
        return self.installation


def open_vault(map_path: Path | str | None = None, *, passphrase: str | None = None) -> OpenedVault:
    """Open the vault of a map. Raises as :meth:`Expunge.open`.

    Args:
        map_path: the data map; None walks up from the working folder.
        passphrase: of the keystore, where it has one; without it the keeper is asked.
    """
    data_map = read_installed(map_path)
    state = Path(data_map.state)
    require_keys(state)
    if passphrase is None and needs_keeper(state):
        door = open_vault_door(state)
        return OpenedVault(KeptVault(data_map, door), door.close)
    opened = Expunge.open(map_path, passphrase=passphrase)
    return OpenedVault(opened.vault, opened.close, opened)
