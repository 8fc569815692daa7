"""Observed lineage on its way to the journal: written by groups, answered for only when it is on the device."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from expunge import faults
from expunge.adapters.database.journal_django import DjangoJournal, open_journal
from expunge.adapters.host.clocks import MonotonicClock, SystemClock
from expunge.adapters.state.url import sqlite_url
from expunge.core.lineage.observations import Observation, RunStage
from expunge.engine.kernel.journal_streams import LINEAGE
from expunge.engine.lineage.observed_lineage import Intake, sightings
from expunge.ports.sender_door import IntakeResult

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[DjangoJournal]:
    with open_journal(sqlite_url(tmp_path / "state.db")) as opened:
        yield opened


@pytest.fixture
def intake(journal: DjangoJournal) -> Intake:
    return Intake(journal, MonotonicClock(SystemClock(), None, lambda _: None))


def observation(number: int) -> Observation:
    return Observation(f"run-{number}", NOON, RunStage.COMPLETE, "job", ("s3://lake/in",), (f"s3://lake/out-{number}",))


def at_once(intake: Intake, journal: DjangoJournal, count: int) -> list[IntakeResult | str]:
    """So many threads hand one observation each, and all wait before the first may write; what each of them was told."""
    told: list[IntakeResult | str] = []

    def hand(number: int) -> None:
        try:
            told.append(intake.take([observation(number)]))
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing was answered for
            told.append(type(error).__name__)
        finally:
            journal.close()

    threads = [threading.Thread(target=hand, args=(number,)) for number in range(count)]
    with intake._turn:
        for each in threads:
            each.start()
        while len(intake._pending) < count:
            time.sleep(0.01)
    for each in threads:
        each.join()
    return told


def test_those_who_wait_at_once_share_one_write(intake: Intake, journal: DjangoJournal) -> None:
    assert at_once(intake, journal, 8) == [IntakeResult(1, 0)] * 8
    assert journal.length(LINEAGE) == 1
    assert sightings(journal).names == {"s3://lake/in", *(f"s3://lake/out-{number}" for number in range(8))}


@pytest.mark.parametrize("action", ["full", "fail"])
def test_where_a_write_fails_nobody_who_shared_it_is_told_that_it_was_taken(intake: Intake, journal: DjangoJournal, action: str) -> None:
    with faults.arm("journal.transaction:before", action):
        told = at_once(intake, journal, 6)
    assert all(isinstance(each, str) for each in told), told
    assert journal.length(LINEAGE) == 0
    assert [intake.take([observation(number)]) for number in range(6)] == [IntakeResult(1, 0)] * 6
    assert intake.take([observation(0), observation(0), observation(9)]) == IntakeResult(1, 2)
    assert len(sightings(journal).flows) == 7
