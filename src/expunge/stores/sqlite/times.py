"""Time windows over tables: a condition that an index can serve selects candidate rows, then each row is tested."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from expunge.core.values.copy import Selector
from expunge.core.values.scope import Window
from expunge.core.values.timestamps import MILLISECONDS, SECONDS, moment
from expunge.stores.sqlite.catalogue import SqliteField, SqliteTable

_LEAST, _MOST = datetime(1, 1, 3, tzinfo=UTC), datetime(9999, 12, 29, tzinfo=UTC)
_DAY = timedelta(days=1)


class TimeConditions:
    """The values that selectors test besides the subject's values: times as they are stored, and texts that spare."""

    def __init__(self, table: SqliteTable, selectors: Collection[Selector]) -> None:
        """Resolve the fields.

        Raises:
            NotInSqliteSchema: when the table has no such field.
        """
        self.fields = [table.require(name) for name in sorted({name for selector in selectors for name in selector.beside})]
        self.columns = tuple(sql for field in self.fields for sql in (field.sql, field.text))
        """SQL over the alias ``t``: two for each field."""
        self.narrows = any(selector.narrowed for selector in selectors)
        """Whether any selector has such conditions."""

    def admits(self, selector: Selector, values: Sequence[Any]) -> bool:
        """Return whether a row, given by its values of :attr:`columns`, passes the conditions that narrow a selector."""
        if not selector.narrowed:
            return True
        stored = {each.name: values[2 * at] for at, each in enumerate(self.fields)}
        texts = {each.name: values[2 * at + 1] for at, each in enumerate(self.fields)}
        return selector.admits(lambda name: moment(stored[name]), lambda name: [texts[name]])


def may_hold(field: SqliteField, window: Window | None) -> tuple[str, tuple[Any, ...]]:
    """A condition that every row of a window meets (and a few others may), and its parameters.

    Whatever a time may be stored as is a range of its own: dates as text, in either form and in whatever zone, and numbers of one
    length, so that it is the same order as text.
    """
    if window is None:
        return "1", ()
    bounds = list(_ranges(window))
    condition = " OR ".join(f"({field.sql} >= ? AND {field.sql} < ?)" for _ in bounds)
    return f"({condition})", tuple(each for pair in bounds for each in pair)


def _ranges(window: Window) -> Iterator[tuple[str | int, str | int]]:
    # Text may be a day ahead of UTC or behind it.
    since = max(window.since or _LEAST, _LEAST) - _DAY
    until = min(window.until or _MOST, _MOST) + 2 * _DAY
    for form in (date.isoformat, lambda day: day.isoformat().replace("-", "")):
        yield form(since.astimezone(UTC).date()), form(until.astimezone(UTC).date())
    for per_second, (least, most) in ((1, SECONDS), (1000, MILLISECONDS)):
        low = least if window.since is None else max(least, int(window.since.timestamp()) * per_second)
        high = most if window.until is None else min(most, (int(window.until.timestamp()) + 1) * per_second)
        edges = [each for each in (10**9,) if low < each < high]
        for start, end in zip([low, *edges], [*edges, high], strict=True):
            if start < end:
                yield start, end
