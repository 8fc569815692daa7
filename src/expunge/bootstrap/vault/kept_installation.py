"""The installation inside the keeper: opened at the first request about a recording, and anew when its map has changed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from expunge.bootstrap import Expunge
from expunge.bootstrap.serving.followed_map import OfMap
from expunge.bootstrap.vault.doors import OPENINGS, UPLOADS, LocalDoors
from expunge.bootstrap.vault.service import VaultService
from expunge.bootstrap.vault.sessions import SessionLimits
from expunge.gate import Gate

_GATE_LASTS = 10.0
"""Seconds after which the gate is opened anew: the signer may have been rotated."""


@dataclass(frozen=True)
class _Installation:
    expunge: Expunge
    vault: VaultService


class _LastingGate:
    """Opens the gate now and then; a snapshot is read again whenever it changes."""

    def __init__(self, expunge: Expunge) -> None:
        self._expunge = expunge
        self._gate: Gate | None = None
        self._until = 0.0

    def __call__(self) -> Gate:
        if self._gate is None or time.monotonic() >= self._until:
            self._gate, self._until = self._expunge.gates.open(), time.monotonic() + _GATE_LASTS
        return self._gate


class KeptInstallation(LocalDoors):
    """The doors of the installation of a map, in a process that may open its keys. Opens nothing before the first call."""

    def __init__(
        self, map_path: Path, passphrase: str | None, openings: SessionLimits = OPENINGS, uploads: SessionLimits = UPLOADS
    ) -> None:
        """Open nothing yet.

        Args:
            map_path: the data map.
            passphrase: of the keystore, where it has one; it also protects the root of the vault.
            openings: limits of openings.
            uploads: limits of uploads.
        """
        super().__init__(self._used, openings, uploads)
        self._passphrase = passphrase
        self._installation = OfMap(map_path, self._opened, lambda each: each.expunge.close(), self.end_all)

    def close(self) -> None:
        """End all openings and uploads, and close the installation."""
        super().close()
        self._installation.close()

    @contextmanager
    def _used(self) -> Iterator[VaultService]:
        """Give the service of the map as it is now, for the length of a block. Raises as :meth:`Expunge.open`."""
        with self._installation.used() as used:
            used.expunge.stay()
            yield used.vault

    def _opened(self, map_path: Path) -> _Installation:
        expunge = Expunge.open(map_path, passphrase=self._passphrase)
        return _Installation(expunge, replace(expunge.vault, gate=_LastingGate(expunge)))
