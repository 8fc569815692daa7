"""What a look for undeclared places needs beside the map and its stores; the composition roots hand it over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from expunge.engine.opaque.unread_places import Account
from expunge.ports.map_entries import MapEntries
from expunge.ports.optional.surroundings import NearFile
from expunge.ports.optional.table_survey import TableSurvey
from expunge.ports.recognition import Recognise


@dataclass(frozen=True)
class DiscoveryReaders:
    """The readers of what no map declares."""

    open_survey: Callable[[str, Path | str, str], AbstractContextManager[TableSurvey]]
    """Opens a store of tables: kind, place, name for messages. Raises Misconfigured, StoreUnavailable."""
    lake_columns: Callable[[Path], Mapping[str, frozenset[str]]]
    """Reads columns of a Parquet file. Raises Misconfigured, StoreUnavailable."""
    recognise: Recognise
    account: Account
    """Tells bytes that nobody can read; of the scanner."""
    said: Callable[[bytes], Iterable[bytes]]
    """Tells what bytes say in other forms, or hold packed; of the scanner."""
    entries: MapEntries
    random: Callable[[int], bytes]
    evidence: Callable[[NearFile], str] = lambda _: ""
    """Tells of a file what evidence of this installation itself it is, proven and not by its name; empty for any other."""
    own: frozenset[Path] = frozenset()
    """Folders and files of Expunge itself: its state, the map, the ledger of trainings."""
    places: Callable[[str], frozenset[Path]] = lambda _: frozenset()
    """The local places of a store of the map, by the declaration of its kind."""
