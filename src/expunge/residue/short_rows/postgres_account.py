"""Account for every byte of the files of a PostgreSQL table, and for the log of its server, as far as they may be about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from expunge.ports.optional.placing import CannotTell
from expunge.ports.optional.row_accounts import AccountPart, FileHolds, TableFile
from expunge.residue.short_rows.postgres_btree import METHOD, TreeAccount
from expunge.residue.short_rows.postgres_files import segments
from expunge.residue.short_rows.postgres_heap import HeapAccount
from expunge.residue.short_rows.postgres_log import LogAccount, log_files

_LONG = CannotTell("long values of rows")
_OTHER_INDEX, _EXPRESSION = CannotTell("index of another kind"), CannotTell("index on an expression")


class PostgresAccount:
    """The account of one table with its partitions and indexes. Implements ``ports.optional.row_accounts.AccountReader``."""

    def __init__(self, files: Sequence[TableFile]) -> None:
        """Take the files; nothing is opened."""
        self._files = files

    def parts(self) -> Iterator[AccountPart]:
        """Yield the live rows of the table, and a word for bytes that nothing accounts for. Raises OSError."""
        heaps = dict[str, HeapAccount]()
        for file in self._of(FileHolds.ROWS):
            wanted = frozenset(key for each in self._of(FileHolds.ENTRIES) if each.of == file.relation for key in each.keys)
            heaps[file.relation] = HeapAccount(file, wanted - {0})
            yield from heaps[file.relation].parts()
        for file in self._of(FileHolds.PIECES):
            if any(path.stat().st_size for path in segments(file.path)):
                yield _LONG
        for file in self._of(FileHolds.ENTRIES):
            if file.method != METHOD:
                yield _OTHER_INDEX
            elif 0 in file.keys:
                yield _EXPRESSION
            else:
                yield from TreeAccount(file, heaps.get(file.of) or HeapAccount(file, frozenset(file.keys))).parts()
        relations = {file.relation: heaps.get(file.of or file.relation) for file in self._files if file.relation}
        for file in self._of(FileHolds.LOG):
            yield from LogAccount(file.path, relations).parts()

    def files(self) -> Iterator[Path]:
        """Yield the files of the table, its long values and its indexes, and those of the log."""
        for file in self._files:
            if file.holds is FileHolds.LOG:
                yield from log_files(file.path)
            else:
                yield from segments(file.path)

    def close(self) -> None:
        """Nothing stays open."""

    def _of(self, holds: FileHolds) -> list[TableFile]:
        return [file for file in self._files if file.holds is holds]
