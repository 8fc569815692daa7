"""The door of the HTTP server's process: the map, and the keeper's door for senders. It opens no journal and no key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from expunge.adapters.host.gc_tuning import RelaxedCollector
from expunge.adapters.keeper.keeper_senders import KeeperSenders
from expunge.bootstrap import keeping
from expunge.bootstrap.clerk.doors import doors_at
from expunge.bootstrap.vault import vault_names
from expunge.core.datamap.datamap import DataMap
from expunge.ports.families.app_door import AppDoor
from expunge.ports.sender_door import SenderDoor
from expunge.ports.vault.sealed_library import Subject


@dataclass(frozen=True)
class Sent:
    """A recording, as its sender names it: by a name, or by values for the placeholders of a path."""

    dataset: str
    name: str = field(repr=False)
    fields: Mapping[str, str] = field(repr=False)
    subjects: tuple[Subject, ...] = field(repr=False)
    """Further people in it."""


class ServerDoor:
    """The map of a server, and the door for its senders. A context manager."""

    def __init__(self, data_map: DataMap, senders: KeeperSenders, apps: AppDoor | None = None) -> None:
        """Composed by :meth:`of`."""
        self.map = data_map
        self.apps = apps
        """The clerk's door for the company's app; None for a map that offers none."""
        self._senders = senders
        self._collecting = RelaxedCollector()

    @classmethod
    def of(cls, data_map: DataMap) -> Self:
        """Open the door of a map, which need not say where stores lie. Keeper and clerk need not run before the first call."""
        place, spec = keeping.place_of_map(data_map), data_map.accounts
        apps = doors_at(keeping.clerk_beside(place)).apps if spec is not None and spec.app is not None else None
        return cls(data_map, KeeperSenders(place), apps)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to the keeper; safe to call twice."""
        self._senders.close()
        self._collecting.end()

    @property
    def senders(self) -> SenderDoor:
        """The door for senders."""
        return self._senders

    @property
    def has_vault(self) -> bool:
        """Whether recordings can come in."""
        return bool(vault_names.datasets_of(self.map))

    def name(self, sent: Sent) -> str:
        """Return a recording's name by a path of its dataset. Raises UsageError where its dataset is in no vault, or nothing fits."""
        dataset = vault_names.dataset_of(self.map, sent.dataset)
        return sent.name or vault_names.named(dataset, sent.fields)
