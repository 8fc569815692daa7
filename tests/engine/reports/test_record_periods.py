"""Records of requests, answers and actions are kept for a time of their own; what is past it is told, and never erased in silence."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from expunge import Expunge, clock
from expunge.core.datamap.mapdiff import map_diff
from expunge.core.values.periods import Period
from expunge.core.values.record_kind import RecordKind
from expunge.maps.reading.reader import read_map
from expunge.stores import Kinds
from tests.cli.running import expunge as command
from tests.engine.household import ANNA, Household
from tests.engine.reports.packs import FIRST, Set, check, erase, rows

LATER = FIRST.replace(year=2036) + timedelta(days=1)
LONGER = "records: {requests: 10 years}\n"


@pytest.mark.duty("AMZ-21", "RNG-32")
def test_what_is_past_its_period_is_told_and_stays(home: Household, tmp_path: Path) -> None:
    home.write_map(extra=LONGER)
    erase(home, FIRST, f"profile:{ANNA}")
    with Expunge.open(home.map, clock=Set(LATER - timedelta(days=2))) as expunge:
        assert [each for each in expunge.dues.all() if each.clock == "records"] == []
    with Expunge.open(home.map, clock=Set(LATER)) as expunge:
        ages = {each.kind: each for each in expunge.records.ages()}
        assert (ages[RecordKind.REQUESTS].period, ages[RecordKind.REQUESTS].past) == (Period(months=120), 0)
        answers = ages[RecordKind.ANSWERS]
        assert (answers.period, answers.records, answers.past, answers.since) == (Period(months=60), 2, 2, FIRST.replace(year=2036))
        told = {each.what: each.why for each in expunge.dues.all() if each.clock == "records"}
        assert told.keys() == {"records of answers", "records of actions", "records of deadlines"}
        assert "2 of 2 are older than 5 years; nothing erases them by itself" in told["records of answers"]
        expunge.sweep()
        expunge.records.pack(tmp_path / "all.zip")
    from expunge.cli.terminal.evidence_files import read_pack

    files = dict(read_pack(tmp_path / "all.zip"))
    assert (check(files).receipts, len(rows(files, "answers"))) == (1, 2)


def test_the_command_shows_each_kind_with_its_period(home: Household) -> None:
    home.write_map(extra=LONGER)
    erase(home, clock.now(), f"profile:{ANNA}")
    said = {each["kind"]: each for each in command("evidence", "records", "--map", home.map, "--json").json["records"]}
    assert (said["requests"]["period"], said["requests"]["records"], said["requests"]["past"]) == ("10 years", 1, 0)
    assert (said["answers"]["period"], said["answers"]["records"]) == ("5 years", 2)
    assert "10 years" in command("evidence", "records", "--map", home.map).out


def test_a_map_that_keeps_records_for_a_shorter_time_is_marked_and_a_wrong_kind_is_refused(home: Household) -> None:
    def read(extra: str):  # type: ignore[no-untyped-def]
        home.write_map(extra=extra)
        return read_map(home.map, {}, kinds=Kinds())

    (change,) = map_diff(read(LONGER), read("records: {requests: 1 year}\n"))
    assert change.weaker == ("records of orders are kept for a shorter time",)
    (longer,) = map_diff(read(""), read(LONGER))
    assert longer.weaker == ()
    home.write_map(extra="records: {answer: 1 year}\n")
    refused = command("check", "--map", home.map)
    assert "records has no key 'answer'" in refused.out + refused.err
