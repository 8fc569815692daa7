"""The roll-up as a file in the state folder."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from expunge import durable
from expunge.adapters.noticing.daily_rollup import DailyRollup
from expunge.core.noticing.looks import Need
from expunge.ports.noticing.rollups import RollupMark, ViewRollup


class RollupFile:
    """Implements :class:`expunge.ports.noticing.rollups.RollupShelf`."""

    def __init__(self, path: Path) -> None:
        """Read nothing yet."""
        self._path = path

    def load(self) -> tuple[RollupMark, ViewRollup]:
        """See the port."""
        try:
            said, rollup = DailyRollup.from_bytes(self._path.read_bytes())
            return RollupMark(**said), rollup  # type: ignore[arg-type]
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
            # What cannot be read is made anew: the journal has all of it.
            return RollupMark(), DailyRollup()

    def empty(self) -> ViewRollup:
        """See the port."""
        return DailyRollup()

    def keep(self, mark: RollupMark, rollup: ViewRollup, needs: Mapping[str, Need]) -> None:
        """See the port."""
        assert isinstance(rollup, DailyRollup)
        self._path.parent.mkdir(mode=0o700, exist_ok=True)
        durable.write_bytes(self._path, rollup.to_bytes(asdict(mark), needs), at="noticing.rollup")
