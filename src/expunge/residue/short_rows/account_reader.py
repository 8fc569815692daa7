"""Choose what accounts for the files of a table, by the content of the first."""

from __future__ import annotations

import os
from collections.abc import Sequence

from expunge import descriptors
from expunge.ports.optional.row_accounts import AccountReader, FileHolds, TableFile
from expunge.residue.placing.sqlite_pages import MAGIC
from expunge.residue.placing.sqlite_records import DamagedPage
from expunge.residue.short_rows.lake_account import LakeAccount
from expunge.residue.short_rows.postgres_account import PostgresAccount
from expunge.residue.short_rows.sqlite_account import SqliteAccount


def open_account(files: Sequence[TableFile]) -> AccountReader | None:
    """Return what accounts for the files of one table; None where no reader knows their kind. Raises OSError."""
    if any(file.holds is FileHolds.ROWS for file in files):
        return PostgresAccount(files)
    if all(file.holds is FileHolds.LAKE for file in files):
        return LakeAccount(files)
    if len(files) != 1:
        return None
    path = files[0].path
    with descriptors.reading(path) as file:
        head = os.pread(file, len(MAGIC), 0)
    try:
        return SqliteAccount(files[0]) if head == MAGIC else None
    except DamagedPage:
        return None
