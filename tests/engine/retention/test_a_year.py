"""A year in seconds: thousands of subjects, a clock that is set on by hand; retention, holds and inactivity keep their dates throughout."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from expunge.bootstrap import Expunge
from expunge.core.retention.inactivity import GONE
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.core.values.periods import Period, end_of

PEOPLE, CLIPS = 3000, 9000
DAY = timedelta(days=1)
START = datetime(2031, 1, 10, tzinfo=UTC)
KEPT, UNUSED = Period(days=90), Period(months=18)
MAP = """\
version: 1
state: ./state
identities:
  profile: {dataset: profiles, key: profile_id, inactive_after: 18 months, last_used: {sessions: at}}
stores:
  app: {kind: sqlite, url: "sqlite:///app.db"}
retention:
  voice: {period: 90 days, from: recorded_at, purpose: answer, need: the service}
  life: {period: 10 years, from: made_at, purpose: keep the account, need: contract}
datasets:
  profiles: {store: app, table: profiles, subject: {profile: profile_id}, retention: life}
  sessions: {store: app, table: sessions, subject: {profile: profile_id}, retention: life}
  clips: {store: app, table: clips, subject: {profile: profile_id}, retention: voice}
"""


class Clock:
    """A clock that the test sets on."""

    at = START

    def now(self) -> datetime:
        return self.at


def company(folder: Path) -> random.Random:
    chance = random.Random(4)
    with closing(sqlite3.connect(folder / "app.db")) as db, db:
        db.executescript(
            """
            CREATE TABLE profiles (profile_id TEXT PRIMARY KEY, made_at TEXT);
            CREATE TABLE sessions (id INTEGER PRIMARY KEY, profile_id TEXT, at TEXT, made_at TEXT);
            CREATE TABLE clips (id INTEGER PRIMARY KEY, profile_id TEXT, recorded_at TEXT, text TEXT);
            CREATE INDEX by_time ON clips (recorded_at);
            """
        )
        for number in range(PEOPLE):
            name = f"profile-{number:05}-{chance.randrange(16**8):08x}"
            # One in a hundred has been away for long, some of them not quite long enough yet.
            away = chance.randrange(500, 800) if number % 100 == 0 else chance.randrange(40)
            db.execute("INSERT INTO profiles VALUES (?, ?)", (name, (START - 900 * DAY).isoformat()))
            db.execute("INSERT INTO sessions (profile_id, at) VALUES (?, ?)", (name, (START - away * DAY).isoformat()))
        names = [row[0] for row in db.execute("SELECT profile_id FROM profiles")]
        for _ in range(CLIPS):
            made = START + chance.uniform(-80, 400) * DAY
            row = (chance.choice(names), made.isoformat(), f"said {chance.randbytes(12).hex()} to the kettle")
            db.execute("INSERT INTO clips (profile_id, recorded_at, text) VALUES (?, ?, ?)", row)
    (folder / "expunge.yaml").write_text(MAP)
    return chance


def rows(folder: Path, sql: str) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(folder / "app.db")) as db:
        return list(db.execute(sql))


def carried_out(opened: Expunge, given_up: tuple[OrderId, ...]) -> int:
    """Carry out what is due; how many orders a hold left in part."""
    opened.run_due()
    retired = opened.retention.retire()
    for order in (*given_up, *retired.orders):
        opened.plan(order)
    # Those for single people share a round; an order about a class goes by itself.
    runs = [*(opened.apply_all(given_up) if given_up else ()), *map(opened.apply, retired.orders)]
    in_part = [each for each in runs if each.state is OrderState.IN_PART]
    assert {each.reasons for each in in_part} <= {("clips: kept, a dispute",)}
    assert len(retired.orders) <= 1, "one order, and so one receipt, a run"
    return len(in_part)


def nothing_early_or_late(folder: Path, now: datetime, everything: dict[str, datetime], whose: dict[str, str], held: str) -> None:
    there = {row[0] for row in rows(folder, "SELECT id FROM clips")}
    people = {row[0] for row in rows(folder, "SELECT profile_id FROM profiles")}
    expected = {clip for clip, made in everything.items() if whose[clip] == held or end_of(made, KEPT) > now}
    assert there == {clip for clip in expected if whose[clip] in people}


@pytest.mark.soak
@pytest.mark.duty("AMZ-01", "AMZ-02", "COP-15", "FAIL-04")
def test_a_year_of_monthly_runs_keeps_every_date(tmp_path: Path) -> None:
    """Nothing goes early, nothing is there late but what is held, every flag ends within 90 days, and each run leaves one receipt."""
    chance = company(tmp_path)
    clock = Clock()
    Expunge.init(tmp_path / "expunge.yaml")
    held, kept_on, back = "", set[str](), set[str]()
    flagged_at: dict[str, datetime] = {}
    in_part = 0
    everything = {row[0]: datetime.fromisoformat(row[1]) for row in rows(tmp_path, "SELECT id, recorded_at FROM clips")}
    whose = dict(rows(tmp_path, "SELECT id, profile_id FROM clips"))
    for month in range(12):
        with Expunge.open(tmp_path / "expunge.yaml", clock=clock) as opened:
            if month == 2:
                held = whose[min(whose)]
                person = opened.resolve(f"profile:{held}")
                opened.holds.place(person, "clips", ground="a dispute", authority="counsel", until=clock.at + 120 * DAY)
            watched = opened.retention.watch()
            for name in (value.partition(":")[2] for value in watched.named.values()):
                flagged_at[name] = clock.at
                match chance.randrange(3):
                    case 0:
                        opened.retention.keep(opened.resolve(f"profile:{name}"), "the parent")
                        kept_on.add(name)
                    case 1:
                        back.add(name)
            in_part += carried_out(opened, watched.orders)
            claims = {each.claim.id: each for each in opened.retention.claims()}
            assert claims["inactive.profile"].true, claims["inactive.profile"].evidence
            is_held = month in range(2, 6)
            assert claims["retention.voice"].true or is_held, claims["retention.voice"].evidence
        nothing_early_or_late(tmp_path, clock.at, everything, whose, held if is_held else "")
        people = {row[0] for row in rows(tmp_path, "SELECT profile_id FROM profiles")}
        assert kept_on | back <= people
        late = {name for name, at in flagged_at.items() if clock.at >= at + GONE} - kept_on - back
        assert not late & people, "gone within 90 days of the flag"
        with closing(sqlite3.connect(tmp_path / "app.db")) as db, db:
            # Those who come back do so late, a day before it would be too late; everybody else uses it as they always do.
            clock.at += 30 * DAY
            db.execute("UPDATE sessions SET at = ? WHERE at > ?", ((clock.at - DAY).isoformat(), (START - 100 * DAY).isoformat()))
            for name in back:
                if flagged_at[name] + 59 * DAY < clock.at:
                    db.execute("UPDATE sessions SET at = ? WHERE profile_id = ?", ((clock.at - DAY).isoformat(), name))
    assert in_part == 1, "what is held is said once"
    assert len(flagged_at) > 20
    assert kept_on
    assert back
    assert set(flagged_at) - kept_on - back, "some were given up"
    assert any(end_of(at, UNUSED) > START for at in flagged_at.values())
