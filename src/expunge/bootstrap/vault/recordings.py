"""Recordings that come in from elsewhere: a door for programs without keys, which the keeper of the state folder stands behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from expunge.adapters.keeper.keeper_vault import KeeperVault
from expunge.adapters.keeper.place import KeeperPlace
from expunge.bootstrap.open_state import KEYS, read_installed
from expunge.bootstrap.vault import vault_names
from expunge.core.datamap.datamap import DataMap
from expunge.ports.vault.sealed_library import Subject
from expunge.ports.vault.vault_door import VaultDoor


@dataclass(frozen=True)
class Sent:
    """A recording, as its sender names it: by a name, or by values for the placeholders of a path."""

    dataset: str
    name: str = field(repr=False)
    fields: Mapping[str, str] = field(repr=False)
    subjects: tuple[Subject, ...] = field(repr=False)
    """Further people in it."""


class RecordingsDoor:
    """Names recordings by the map, and hands them to the keeper. It holds no key."""

    def __init__(self, data_map: DataMap, vault: VaultDoor) -> None:
        """Composed by :meth:`open`."""
        self._map = data_map
        self.vault = vault

    @classmethod
    def open(cls, map_path: Path | str | None = None) -> Self:
        """Open the door of a map. The keeper need not run before the first call. Raises Misconfigured."""
        data_map = read_installed(map_path)
        return cls(data_map, KeeperVault(place_of_map(data_map)))

    def name(self, sent: Sent) -> str:
        """Return a recording's name by a path of its dataset. Raises UsageError where its dataset is in no vault, or nothing fits."""
        dataset = vault_names.dataset_of(self._map, sent.dataset)
        return sent.name or vault_names.named(dataset, sent.fields)


def place_of_map(data_map: DataMap) -> KeeperPlace:
    """Return the place of the keeper of a map's state folder."""
    state = Path(data_map.state).absolute()
    return KeeperPlace(state, state / KEYS)
