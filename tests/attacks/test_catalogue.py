"""Identifiers in the catalogue of a database, where constants are written as decimals that no plain search reads."""

from __future__ import annotations

import uuid

import numpy as np
import psycopg
import pytest

from expunge.core.values.ids import Pseudonym
from expunge.residue.matching.matcher import PADDING, Matcher
from expunge.residue.take.tracer import Collector
from tests.estate.estate import Estate

PLACES = (
    (
        "a partition of the person's own",
        "CREATE TABLE parts (who text, n int) PARTITION BY LIST (who); CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN ('{she}')",
        "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = 'parts_1'",
    ),
    (
        "a view of one person",
        "CREATE VIEW one AS SELECT recording_id, seconds FROM recordings WHERE profile_id = '{she}'",
        "SELECT definition FROM pg_views WHERE viewname = 'one'",
    ),
)


@pytest.mark.parametrize(
    ("made", "read"), [pytest.param(*PLACES[0][1:], id=PLACES[0][0], marks=pytest.mark.soak), pytest.param(*PLACES[1][1:], id=PLACES[1][0])]
)
def test_an_identifier_in_the_catalogue_does_not_read_as_gone(estate: Estate, made: str, read: str) -> None:
    she = estate.children[0].profile
    with psycopg.connect(estate.database) as connection:
        connection.execute(made.format(she=she))  # type: ignore[arg-type]
    run = estate.erase(f"profile:{she}")
    with psycopg.connect(estate.database) as connection:
        assert she in str(connection.execute(read).fetchone())  # type: ignore[arg-type]
    assert run.reasons == ("recordings: residue found", "profiles: residue found")
    details = {each.dataset: each.detail for each in estate.receipt(run.order).datasets}
    assert "definitions of views" in details["profiles"]


def test_a_uuid_kept_as_text_is_found_where_it_is_kept_as_16_bytes() -> None:
    who = "5f0c7e52-93a1-4b8e-a6d4-2f91c0b37e18"
    tracer = Collector(bytes(range(32)), 16)
    tracer.text(Pseudonym("s"), "profiles", "profile_id", who)
    traces = tracer.traces()
    data = b"before " + uuid.UUID(who).bytes + b" after"
    padded = np.frombuffer(data + bytes(PADDING), dtype=np.uint8)
    found = Matcher(traces).find(padded, len(data))
    assert {traces.traces[index].form for _, _, alike in found for index in alike.traces} == {"bytes"}
