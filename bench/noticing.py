"""Find the day of FAIL-07 among ten million views: sum them by day, judge the last one, and name the man.

Beside it, in the same run, SQLite groups the same views by reviewer, day, recording and case, from a table in memory: the sum alone, with
no rule. The views are drawn: two hundred reviewers, 65 days, 26 leases a day of 30 views of two seconds; one more man on the last day. How
fast events of a journal are read as looks is another row, measured with fewer of them.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np

from bench.result import Result
from expunge.adapters.noticing.daily_rollup import COLUMNS, DailyRollup, Ints, Rows
from expunge.adapters.noticing.rule_file import shipped_rules
from expunge.core.accounts.review_spec import WorkingHours
from expunge.core.accounts.staff import JobFunction
from expunge.core.journal import events as journalled
from expunge.core.journal.peek import read_flat
from expunge.core.journal.review_events import ViewServed
from expunge.core.journal.review_words import CaseKind, Clarity, ReviewPurpose, Room, Sound
from expunge.core.noticing.judging import judge
from expunge.core.noticing.looks import LookReader
from expunge.core.noticing.rules import WINDOW_DAYS
from expunge.core.values.ids import Pseudonym

REVIEWERS, DAYS, LEASES, VIEWS = 200, 65, 26, 30
FIRST, PART, READ = date(2026, 9, 7).toordinal(), 1_000_000, 20_000


def run() -> list[Result]:
    rows, names = _views()
    begun = time.perf_counter()
    rollup = DailyRollup(names)
    for start in range(0, len(rows), PART):
        rollup.take_rows(rows.where(np.arange(start, min(start + PART, len(rows)))))
    summed = time.perf_counter() - begun
    last = date.fromordinal(FIRST + DAYS - 1)
    days = rollup.days(date.fromordinal(last.toordinal() - WINDOW_DAYS))
    found = [each.day.reviewer for each in judge(days, [last], shipped_rules()) if each.finding]
    took = time.perf_counter() - begun
    if found != ["the man"]:
        message = f"found {found}"
        raise AssertionError(message)
    plain, groups = _grouped(rows)
    note = f"{len(rows)} views, {summed:.1f} s to sum them to {len(rollup.rows)} rows; SQLite makes {groups} and judges nothing"
    return [
        Result("finding the FAIL-07 day among 10 M views", took, "s", plain, "SQLite GROUP BY", 10.0, better="lower", note=note),
        Result("views read from the journal's bytes as looks", _read_rate(), "1/s", note="one thread; a kept roll-up reads new ones alone"),
    ]


def _views() -> tuple[Rows, list[str]]:
    draw = np.random.default_rng(7)
    people = np.arange(1, REVIEWERS + 1)
    day = np.repeat(np.arange(FIRST, FIRST + DAYS), REVIEWERS * LEASES)
    reviewer = np.tile(np.repeat(people, LEASES), DAYS)
    count = len(day)
    again = draw.random(count) < 0.08
    household = np.where(again, 0, np.arange(count)) + REVIEWERS + 10
    # A household again: the one of the lease before, which is the same reviewer's but for the first of a day.
    household[1:] = np.where(again[1:], household[:-1], household[1:])
    top = int(household.max()) + 1
    private = draw.random(count) < 0.03
    mine, women = 45, 14
    columns = {
        "day": np.append(day, np.full(mine, FIRST + DAYS - 1)),
        "reviewer": np.append(reviewer, np.full(mine, REVIEWERS + 1)),
        "household": np.append(household, top + draw.integers(0, women, mine)),
        "private": np.append(private, np.ones(mine, np.bool_)),
    }
    count += mine
    lease = np.arange(count)
    views = {name: np.repeat(column, VIEWS) for name, column in columns.items()}
    made = {name: np.zeros(count * VIEWS, np.int64) for name in COLUMNS}
    made |= {name: views[name] for name in ("day", "reviewer", "household")}
    # The views of a day come in any order: reviewers look at the same time.
    mixed = np.lexsort((draw.random(count * VIEWS), views["day"]))
    made["function"] += REVIEWERS + 2
    made["recording"] = np.repeat(lease, VIEWS) + top + women
    made["case"] = made["recording"] + count
    made["begins"][::VIEWS] = 1
    made["views"] += 1
    made["shown_ms"] += 2000
    made["private_ms"] = np.where(views["private"], 2000, 0)
    names = ["", *(f"reviewer {number}" for number in people), "the man", "reviewer"]
    names += [str(number) for number in range(len(names), int(made["case"].max()) + 1)]
    return Rows(made).where(mixed), names


def _grouped(rows: Rows) -> tuple[float, int]:
    """Return the seconds that SQLite takes to group the views, and its groups. Filling the table does not count."""
    columns = ("day", "reviewer", "household", "recording", "case", "begins", "shown_ms", "private_ms")
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(f"create table views ({', '.join(f'c{number} integer' for number in range(len(columns)))})")
        for start in range(0, len(rows), PART):
            part: list[Ints] = [rows[name][start : start + PART] for name in columns]
            marks = ", ".join("?" * len(columns))
            database.executemany(f"insert into views values ({marks})", zip(*(each.tolist() for each in part), strict=True))
        begun = time.perf_counter()
        query = "select c0, c1, c2, c3, c4, sum(c5), sum(c6), sum(c7), count(*) from views group by c0, c1, c2, c3, c4"
        groups = sum(1 for _ in database.execute(query))
        return time.perf_counter() - begun, groups


def _read_rate() -> float:
    at, child = datetime(2026, 11, 30, 9, tzinfo=UTC), (Pseudonym("cd" * 16),)
    view = ViewServed(
        at, 0, "1b" * 8, "0a" * 8, "reviewer", JobFunction.REVIEWER, ReviewPurpose.HARM, CaseKind.SUPPORT, "LE-88", (), "bell", "ab" * 16,
        child, 0, 2000, Clarity.PIXELATED, Sound.MUTE, Room.OUTDOOR, break_glass=False, policy="",
    )  # fmt: skip
    data = [journalled.encode(replace(view, sequence=number)) for number in range(READ)]
    reader, rollup = LookReader(WorkingHours()), DailyRollup()
    begun = time.perf_counter()
    rollup.take([look for each in data if (look := reader.take(read_flat(each, ViewServed))) is not None])
    return READ / (time.perf_counter() - begun)
