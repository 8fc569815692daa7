"""Columns of other libraries, as identifiers and instants. A library is imported only after a caller passes an object of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from expunge.errors import UsageError
from expunge.gate.entry_hashes import Texts
from expunge.gate.entry_list import Mask

AT_ONCE = 1 << 14
"""Rows."""


def texts_of_values(values: Sequence[object]) -> Texts:
    """Return identifiers from Python values: text, whole numbers, or None for an unknown subject. Raises UsageError for anything else."""
    encoded = [_encoded(value) for value in values]
    known = [each or b"" for each in encoded]
    lengths = np.fromiter(map(len, known), np.int64, len(known))
    starts = np.cumsum(lengths) - lengths
    data = np.frombuffer(b"".join(known), np.uint8)
    return Texts(data, starts, lengths, np.fromiter((each is not None for each in encoded), np.bool_, len(encoded)))


def missing(value: object) -> bool:
    """Return whether it stands for no value: None, a value unequal to itself (NaN, NaT), or one without a truth value (pandas' NA)."""
    try:
        return value is None or bool(value != value)
    except TypeError:
        return True


def _encoded(value: object) -> bytes | None:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value).encode()
    if isinstance(value, bytes):
        return value
    if missing(value):
        return None
    message = f"a subject is text or a whole number, not {type(value).__name__}"
    raise UsageError(message, help="turn the column into text that stands in the stores as it is")


def arrow_texts(column: Any) -> Iterator[Texts]:
    """Yield identifiers of an Arrow array, some thousand at a time. Raises UsageError for a type that holds no identifiers.

    The array may be chunked.
    """
    import pyarrow as pa

    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    for chunk in chunks:
        plain = _plain(chunk)
        for at in range(0, len(plain), AT_ONCE):
            yield _texts(plain.slice(at, AT_ONCE))


def _plain(array: Any) -> Any:
    """As text or bytes with offsets."""
    import pyarrow as pa

    kind = array.type
    if pa.types.is_dictionary(kind):
        return _plain(array.dictionary_decode())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return array
    if pa.types.is_integer(kind) or pa.types.is_null(kind):
        return array.cast(pa.large_string())
    message = f"a subject is text or a whole number, not {kind}"
    raise UsageError(message, help="cast the column to text that stands in the stores as it is")


def _texts(array: Any) -> Texts:
    import pyarrow as pa

    wide = pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)
    validity, offsets, data = array.buffers()
    places = np.frombuffer(offsets, np.int64 if wide else np.int32)[array.offset : array.offset + len(array) + 1].astype(np.int64)
    raw = np.frombuffer(data, np.uint8) if data is not None and data.size else np.empty(0, np.uint8)
    valid = np.ones(len(array), np.bool_) if validity is None or not array.null_count else array.is_valid().to_numpy(zero_copy_only=False)
    return Texts(raw, places[:-1], np.diff(places), valid)


def arrow_instants(column: Any) -> tuple[NDArray[np.int64], Mask]:
    """Microseconds since 1970 and whether there is one, of a column of dates or times; without a zone they are taken for UTC.

    Raises UsageError for other types.
    """
    import pyarrow as pa

    if not (pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)):
        message = f"a time is a date or a timestamp, not {column.type}"
        raise UsageError(message, help="cast the column first")
    cast = column.cast(pa.timestamp("us"), safe=False) if pa.types.is_date(column.type) else column
    micros = cast.cast(pa.timestamp("us", "UTC"), safe=False).cast(pa.int64())
    if isinstance(micros, pa.ChunkedArray):
        micros = micros.combine_chunks()
    return micros.fill_null(0).to_numpy(zero_copy_only=False), micros.is_valid().to_numpy(zero_copy_only=False)


def micros(at: datetime) -> int:
    """An instant as microseconds since 1970."""
    known = at if at.tzinfo else at.replace(tzinfo=UTC)
    return round((known - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)
