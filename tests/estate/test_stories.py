"""Whole orders over PostgreSQL, S3, Parquet and SQLite at once: what must go goes from every file of every server."""

from __future__ import annotations

import psycopg
import pytest

from expunge.core.datamap.grounding import Grounding
from expunge.core.evidence.receipt import Result
from expunge.core.values.ids import StepId
from expunge.core.values.order import OrderState
from expunge.engine.kernel.context import Progress
from tests.estate.estate import Estate


def test_a_child_goes_from_every_server_as_deep_as_each_place_reaches_and_nobody_else_changes(estate: Estate) -> None:
    child, others = estate.children[0], estate.children[1:]
    before = estate.logical()
    assert estate.search(*child.strings)
    run = estate.erase(f"profile:{child.profile}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert estate.search(*child.strings) == []
    gone = before - estate.logical()
    assert gone
    mine = (*child.strings, *child.recordings)
    assert all(any(each in row for each in mine) for row in gone), "somebody else's data changed"
    assert estate.logical() <= before
    assert estate.search(*(each.profile for each in others))
    said = estate.receipt(run.order)
    erased = {each.dataset: each for each in said.datasets if each.outcome is Result.ERASED}
    assert set(erased) == {"profiles", "recordings", "transcripts", "voice", "events", "training", "places"}
    assert erased["voice"].claimed is Grounding.REMOVED
    assert {each.claimed for name, each in erased.items() if name != "voice"} == {Grounding.SCRUBBED}
    assert any("audio" in each and "disks" in each for each in said.out_of_scope)


@pytest.mark.soak
def test_rows_that_refer_to_others_go_first_whatever_their_datasets_are_called(estate: Estate) -> None:
    with psycopg.connect(estate.database) as connection:
        connection.execute("CREATE TABLE zones (zone_id text PRIMARY KEY, profile_id text REFERENCES profiles, recorded_at timestamptz)")
        connection.execute(
            "CREATE TABLE visits (visit_id text PRIMARY KEY, zone_id text REFERENCES zones, profile_id text, recorded_at timestamptz)"
        )
        for each in estate.children:
            connection.execute("INSERT INTO zones VALUES (%s, %s, NULL)", (f"zone-{each.profile}", each.profile))
            connection.execute(
                "INSERT INTO visits VALUES (%s, %s, %s, NULL)", (f"visit-{each.profile}", f"zone-{each.profile}", each.profile)
            )
    text = estate.map.read_text()
    more = "".join(
        f"  {name}: {{store: app, table: {table}, subject: {{profile: profile_id}}, retention: voice}}\n"
        for name, table in (("a_zones", "zones"), ("b_visits", "visits"))
    )
    estate.map.write_text(text + more)
    child = estate.children[2]
    run = estate.erase(f"profile:{child.profile}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert estate.search(f"zone-{child.profile}", f"visit-{child.profile}") == []


@pytest.mark.soak
def test_rows_that_moved_since_they_were_traced_are_looked_for_everywhere_and_go(estate: Estate) -> None:
    def moves(progress: Progress) -> None:
        if (progress.step, progress.state) == ("look:app", "start"):
            with psycopg.connect(estate.database, autocommit=True) as connection:
                for table in ("accounts", "profiles", "recordings", "transcripts"):
                    connection.execute(f"VACUUM FULL {table}")

    looked = []
    for child, report in zip(estate.children, (None, moves), strict=False):
        (order,) = estate.ordered(f"profile:{child.profile}")
        with estate.open() as opened:
            run = opened.apply(order, **({"report": report} if report else {}))
        assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
        assert estate.search(*child.strings) == []
        looked.append(run.current.steps[StepId("look:app")].counts["bytes"])
    assert looked[0] * 10 < looked[1], "where they were said to lie, and everywhere"
