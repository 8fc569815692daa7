"""The map under which orders were last carried out, kept beside the state. The present map is reviewed against it."""

from __future__ import annotations

import os
from pathlib import Path

from expunge import durable
from expunge.adapters.host.disk_errors import guarded
from expunge.bootstrap.open_state import read_installed
from expunge.core.datamap.datamap import DataMap
from expunge.core.datamap.mapdiff import MapDiff, digest, map_diff
from expunge.errors import UsageError
from expunge.maps import read_map
from expunge.stores import Kinds

APPLIED = "applied.yaml"


def remember(data_map: DataMap, map_digest: str) -> None:
    """Keep the text of a map that orders are being carried out under, as it stands (it may hold a password). Raises StateUnavailable.

    A file that was edited since it was read is not kept: it is not what counts.
    """
    kept = Path(data_map.state) / APPLIED
    with guarded("the map that counts now could not be kept"):
        text = Path(data_map.source).read_bytes()
        if kept.exists() and kept.read_bytes() == text:
            return
        if digest(_read(Path(data_map.source), text)) == map_digest:
            # commit point: from here on this is the map that was applied last.
            durable.write_bytes(kept, text, at="applied.map.write")


def compare(map_path: Path | None) -> tuple[MapDiff, DataMap, DataMap]:
    """Return the differences of the present map from the one applied last, and both maps.

    Raises UsageError where no order was carried out yet.
    """
    now = read_installed(map_path)
    kept = Path(now.state) / APPLIED
    if not kept.is_file():
        message = "no map was applied yet"
        raise UsageError(message, help="name the map to compare with: `expunge map diff OLD`")
    before = _read(Path(now.source), kept.read_bytes())
    return map_diff(before, now), before, now


def _read(path: Path, text: bytes) -> DataMap:
    """A map whose paths count from where it lies, with another text than it has now."""
    return read_map(path, os.environ, kinds=Kinds(), text=text)
