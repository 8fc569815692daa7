"""The section ``records`` of a map: how long each kind of record about orders is kept."""

from __future__ import annotations

from expunge.core.values.periods import Period, parse_period
from expunge.core.values.record_kind import RecordKind
from expunge.maps.document import words
from expunge.maps.document.form import Form
from expunge.maps.document.nodes import TableNode


def read_records(form: Form, root: TableNode) -> dict[RecordKind, Period]:
    """The section ``records``: kind -> period."""
    value = root.get("records")
    table = form.table(value, "records", words.RECORDS) if value is not None else None
    periods = {}
    for name, entry in table.entries if table else ():
        period = form.parsed(entry, f"records.{name.text}", "bad-period", parse_period)
        if period is not None and name.text in words.RECORDS:
            periods[RecordKind(name.text)] = period
    return periods
