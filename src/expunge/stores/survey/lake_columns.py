"""Survey a Parquet file that no map declares yet: its columns, and some values of each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from expunge.errors import StoreUnavailable

_MOST = 5_000


def columns(path: Path) -> Mapping[str, frozenset[str]]:
    """Return column -> values as text, of the first rows. Raises StoreUnavailable."""
    try:
        with pq.ParquetFile(path) as file:
            batch = next(file.iter_batches(batch_size=_MOST), None)
            names = file.schema_arrow.names
    except (OSError, pa.ArrowException) as error:
        message = f"a Parquet file cannot be read: {type(error).__name__}"
        raise StoreUnavailable(message, help="it may be damaged or encrypted; describe the lake by hand") from None
    if batch is None:
        return dict.fromkeys(names, frozenset())
    return {name: _values(batch.column(name)) for name in names}


def _values(column: pa.Array) -> frozenset[str]:
    if pa.types.is_integer(column.type) or pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return frozenset(str(value) for value in column.unique().to_pylist() if value is not None)
    return frozenset()
