"""Footers whose bounds are not those of the rows."""

from __future__ import annotations

import os

from expunge.core.values.copy import Copy
from tests.stores.parquet.test_parquet_store import Lake, lake

__all__ = ["lake"]


def test_a_row_outside_of_what_the_footer_says_is_seen_by_the_probe(lake: Lake) -> None:
    lake.declares("sorted", "{part}.parquet")
    path = lake.has("a.parquet", {"person": [f"p{number:04}" for number in range(1000)]}, row_group_size=100)
    data = path.read_bytes()
    foot = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    assert data[foot:].count(b"p0700") > 0 < data[foot:].count(b"p0799")
    path.write_bytes(data[:foot] + data[foot:].replace(b"p0700", b"p0000").replace(b"p0799", b"p0001"))
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert lake.locate("p0777") == []
    (selector,) = lake.selectors("p0777")
    assert lake.probe([Copy("sorted", selector.subject, (), 0, selector=selector)]) == [1]
