"""The installation inside the keeper: opened at the first request about a recording, and anew when its map has changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from expunge.bootstrap import Expunge
from expunge.bootstrap.vault.doors import OPENINGS, UPLOADS, LocalDoors
from expunge.bootstrap.vault.service import VaultService
from expunge.bootstrap.vault.sessions import SessionLimits
from expunge.errors import Misconfigured
from expunge.gate import Gate

_GATE_LASTS = 10.0
"""Seconds after which the gate is opened anew: the signer may have been rotated."""
_Stamp = tuple[int, int, int, int]


@dataclass
class _Opened:
    """An installation, and the number of calls that use it."""

    expunge: Expunge
    vault: VaultService
    stamp: _Stamp
    users: int = 0
    superseded: bool = False


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
        self._map_path, self._passphrase = map_path, passphrase
        self._opening = threading.Lock()
        self._counting = threading.Lock()
        self._current: _Opened | None = None

    def close(self) -> None:
        """End all openings and uploads, and close the installation."""
        super().close()
        with self._opening:
            current, self._current = self._current, None
        if current is not None:
            self._supersede(current)

    @contextmanager
    def _used(self) -> Iterator[VaultService]:
        """Give the service of the map as it is now, for the length of a block. Raises as :meth:`Expunge.open`."""
        with self._opening:
            opened = self._of_today()
            with self._counting:
                opened.users += 1
        try:
            opened.expunge.stay()
            yield opened.vault
        finally:
            with self._counting:
                opened.users -= 1
            self._close_if_idle(opened)

    def _of_today(self) -> _Opened:
        stamp = self._stamp()
        current = self._current
        if current is not None and current.stamp == stamp:
            return current
        expunge = Expunge.open(self._map_path, passphrase=self._passphrase)
        vault = replace(expunge.vault, gate=_LastingGate(expunge))
        self._current = _Opened(expunge, vault, stamp)
        if current is not None:
            # Why all end: they were begun by another map.
            self.end_all()
            self._supersede(current)
        return self._current

    def _stamp(self) -> _Stamp:
        try:
            status = self._map_path.stat()
        except OSError as error:
            message = f"the keeper cannot read its map: {error.strerror}"
            raise Misconfigured(message, help="put it back, or restart the keeper with another") from error
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns

    def _supersede(self, opened: _Opened) -> None:
        with self._counting:
            opened.superseded = True
        self._close_if_idle(opened)

    def _close_if_idle(self, opened: _Opened) -> None:
        with self._counting:
            idle = opened.superseded and not opened.users
            opened.superseded = opened.superseded and not idle
        if idle:
            # Why once more: a call that began before the map changed may have begun one by the old map meanwhile.
            self.end_all()
            opened.expunge.close()
