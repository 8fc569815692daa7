"""Survey a folder of LanceDB tables that no map declares yet. Such tables have no keys."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import lance
import pyarrow as pa

from expunge.errors import StoreUnavailable
from expunge.ports.optional.table_survey import ColumnType, SurveyedColumn, SurveyedTable

_ENDING = ".lance"


class LanceSurvey:
    """Implements :class:`expunge.ports.optional.table_survey.TableSurvey`."""

    def __init__(self, folder: Path, store: str) -> None:
        """Read the tables of a folder; ``store`` is the name for messages."""
        self._folder = folder
        self._store = store

    def tables(self) -> tuple[SurveyedTable, ...]:
        """Return the tables, by name."""
        names = sorted(path.name.removesuffix(_ENDING) for path in self._folder.iterdir() if path.name.endswith(_ENDING))
        found = []
        for name in names:
            opened = self._opened(name)
            columns = tuple(SurveyedColumn(each.name, _type(each.type)) for each in opened.schema)
            found.append(SurveyedTable(name, columns, rows=opened.count_rows()))
        return tuple(found)

    def sampled(self, table: str, column: str, most: int) -> frozenset[str]:
        """Return some of the values."""
        opened = self._opened(table)
        if pa.types.is_nested(opened.schema.field(column).type):
            # Why none: vectors name nobody, and there is no order in which they could be compared.
            return frozenset()
        rows = opened.to_table(columns=[column], limit=20 * most).column(0)
        return frozenset(str(value) for value in rows.unique().to_pylist()[:most] if value is not None)

    def held(self, table: str, column: str, values: Collection[str]) -> int:
        """Return how many of the values stand there."""
        wanted, found = frozenset(values), set[str]()
        for batch in self._opened(table).to_batches(columns=[column]):
            found |= wanted & {str(value) for value in batch.column(0).to_pylist()}
        return len(found)

    def heads(self, table: str, column: str, most: int, length: int) -> tuple[bytes, ...]:
        """Return the first bytes of some values."""
        opened = self._opened(table)
        kind = opened.schema.field(column).type
        if not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
            return ()
        rows = opened.to_table(columns=[column], limit=most).column(0)
        return tuple(value[:length] for value in rows.to_pylist() if value)

    def unreadable(self) -> tuple[str, ...]:
        """Return none: a table that cannot be read raises."""
        return ()

    def _opened(self, name: str) -> lance.LanceDataset:
        try:
            return lance.dataset(str(self._folder / f"{name}{_ENDING}"))
        except (OSError, ValueError) as error:
            message = f"a table of store {self._store} cannot be read: {type(error).__name__}"
            raise StoreUnavailable(message, help="it may be damaged; try again, or describe it by hand") from None


@contextmanager
def survey_lance(folder: Path, store: str) -> Iterator[LanceSurvey]:
    """Open a folder of tables."""
    yield LanceSurvey(folder, store)


def _type(arrow: pa.DataType) -> ColumnType:
    if pa.types.is_integer(arrow) or pa.types.is_floating(arrow):
        return ColumnType.NUMBER
    if pa.types.is_string(arrow) or pa.types.is_large_string(arrow):
        return ColumnType.TEXT
    return ColumnType.TIME if pa.types.is_temporal(arrow) else ColumnType.OTHER
