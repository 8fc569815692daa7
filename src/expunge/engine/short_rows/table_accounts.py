"""Account for every byte of the files of a dataset's table, after the purge.

Rows of small integers and flags have no window that a scan could look for. They are gone where every byte that is there is accounted for:

1. The store says in which files the table lies, the scanner's own readers take these apart: live rows, entries of indexes that are those of
   live rows, headers and pointers, zeros, copies of live rows. Anything else has a word.
2. Each row that pages have is read through the store's normal reads. One that they do not return is not accounted for. That normal reads
   return none of the erased people's is what the probe says.
3. Files of the store that are copies, logs and leftovers of an earlier time may hold nothing.
4. The store knows no other place that may hold values of rows that are gone: tables that triggers write to, samples, abandoned files.
"""

from __future__ import annotations

from contextlib import closing

from expunge.core.datamap.datamap import Dataset
from expunge.core.evidence.row_account import RowAccount
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.short_rows import older_files
from expunge.ports.optional.placing import LiveRows
from expunge.ports.optional.row_accounts import AccountedStore

_NOT_RETURNED = "rows that normal reads do not return"


def account(context: Context, dataset: Dataset) -> RowAccount | None:
    """Return the account of a dataset; None where its store cannot say in which files its table lies, or no reader knows them.

    Raises what stores raise when they cannot look, and OSError.
    """
    opened = context.open_store(dataset.store)
    if not isinstance(opened, AccountedStore):
        return None
    # (1) Take the files apart.
    files = opened.table_files(dataset)
    reader = context.scanner.account(files) if files else None
    if reader is None:
        return None
    with closing(reader):
        sizes = [size for path in reader.files() if (size := path.stat().st_size)]
        left = dict[str, None]()
        rows = 0
        for part in reader.parts():
            if not isinstance(part, LiveRows):
                left[part.why] = None
                continue
            # (2) Read the rows.
            returned = opened.returned(dataset, part)
            rows += returned
            if returned != len(part.rows):
                left[_NOT_RETURNED] = None
    # (3) Look for what is older.
    ignored = (each.pattern for each in context.data_map.ignore if each.store == dataset.store)
    left.update(dict.fromkeys(older_files.with_bytes(store_calls.raw(opened), ignored)))
    # (4) Ask for other places.
    left.update(dict.fromkeys(opened.elsewhere(dataset)))
    return RowAccount(len(sizes), sum(sizes), rows, tuple(left))
