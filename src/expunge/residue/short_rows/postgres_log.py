"""Account for the write-ahead log of a PostgreSQL server, as far as it is about the files of one table.

A purge gives a table new files and leaves no record from before. A record that names a file which is gone was written before, or is about
another table that was rewritten since: that cannot be told. One about a file that is there is accounted for where the rows that it wrote
are live.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from expunge.ports.optional.placing import CannotTell, LiveRows, Lying, NothingLive, SomeRow
from expunge.ports.optional.row_accounts import AccountPart
from expunge.residue.placing.postgres_wal import LogRecord, PostgresLogPlaces
from expunge.residue.short_rows.postgres_heap import HeapAccount

_NAME = re.compile(r"[0-9A-F]{24}")
_GONE, _UNREAD = CannotTell("log of files that are gone"), CannotTell("log record")
_CLEARED, _NO_ROW = CannotTell("log of rows that were cleared away"), CannotTell("log record of no live row")
_TRIES, _PAUSE = 5, 0.1
_NO_CONTENT = frozenset({"map of pages", "log record without rows", "free space", "index page"})
"""What a record may hold that is no content of rows."""
_PLACE = re.compile(r"\((\d+),(\d+)\)")


def log_files(folder: Path) -> list[Path]:
    """Return the files of a log, in order."""
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))


@dataclass
class LogAccount:
    """The account of the log, for one table."""

    folder: Path
    relations: Mapping[str, HeapAccount | None]
    """The table's relations -> the table or partition whose rows they name; None for long values."""

    def parts(self) -> Iterator[AccountPart]:
        """Yield a word for each kind of record that is not accounted for. Raises OSError."""
        for path in log_files(self.folder):
            for left in reversed(range(_TRIES)):
                found = list(self._file(path))
                # Why again: the server may be writing the record at the end just now.
                if not left or not any(isinstance(each, NothingLive) for each in found):
                    yield from found
                    break
                time.sleep(_PAUSE)

    def _file(self, path: Path) -> Iterator[AccountPart]:
        with closing(PostgresLogPlaces(path)) as log:
            for each in log.walk():
                if isinstance(each, NothingLive):
                    yield each
                else:
                    yield from self._record(each)

    def _record(self, record: LogRecord) -> Iterator[AccountPart]:
        if not record.relations:
            yield from (each for each in record.lying if isinstance(each, CannotTell))
            return
        own = [name for _, name in record.relations if name in self.relations]
        if any(not name or not self._is_there(name) for _, name in record.relations):
            yield _GONE
        elif own and record.cleared:
            yield _CLEARED
        elif own:
            yield from (why for each in record.lying if (why := self._why(each)) is not None)

    def _why(self, lying: Lying) -> AccountPart | None:
        """Return a word for what lies in a record about the table; None where it is accounted for."""
        if isinstance(lying, LiveRows):
            heap = self.relations.get(lying.relation)
            places = (_PLACE.fullmatch(row) for row in lying.rows if not row.startswith("toast "))
            live = heap is not None and all(place is not None and heap.at((int(place[1]), int(place[2]))) is not None for place in places)
            return None if live else _NO_ROW
        if isinstance(lying, NothingLive) and lying.why in _NO_CONTENT:
            return None
        # Why: without a record that cleared rows away, each row that was written since is there still, and a dead one is named on its page.
        if isinstance(lying, SomeRow) and lying.relation in self.relations:
            return None
        return lying if isinstance(lying, CannotTell) else _NO_ROW

    def _is_there(self, name: str) -> bool:
        return (self.folder.parent / name).exists()
