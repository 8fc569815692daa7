"""A year of people who ask to be forgotten, while retention runs and a court holds: every deadline is met on its last day but one.

The company lives on while the clock moves: every month people say new things, and one of them asks.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from expunge import Expunge
from expunge.core.datamap.clocks import ClockState
from expunge.core.values.order import OrderState
from tests.engine.recipients.test_dues import Set

PEOPLE = 500
BEGIN = datetime(2028, 1, 1, 6, tzinfo=UTC)
"""A leap year."""
KEPT = timedelta(days=90)
FIRST = 1200
"""Sayings of the two months before: more of them expire together, twice, than the store takes in one page (``PAGE`` of its ``content``)."""
MAP = """\
version: 1
state: ./state
laws: [gdpr-answer, hold-further-statement]
identities:
  profile: {dataset: profiles, key: profile_id}
stores:
  app: {kind: sqlite, url: "sqlite:///app.db"}
retention:
  life: {period: 10 years, from: joined_at, purpose: keep the account, need: contract}
  voice: {period: 90 days, from: said_at, purpose: answer the request, need: the service itself}
datasets:
  profiles: {store: app, table: profiles, subject: {profile: profile_id}, retention: life}
  sayings: {store: app, table: sayings, subject: {profile: profile_id}, retention: voice}
  words:
    store: app
    table: words
    subject: {through: sayings, via: saying_id}
    derived_from: [sayings]
    on_erase: erase
"""


class Company:
    def __init__(self, folder: Path) -> None:
        self.folder, self.clock, self.chance = folder, Set(BEGIN), random.Random(7)
        self.number = 0
        (folder / "expunge.yaml").write_text(MAP)
        with self.database() as db:
            db.execute("CREATE TABLE profiles (profile_id TEXT PRIMARY KEY, joined_at TEXT NOT NULL)")
            db.execute("CREATE TABLE sayings (saying_id INTEGER PRIMARY KEY, profile_id TEXT NOT NULL, said_at TEXT NOT NULL)")
            db.execute("CREATE TABLE words (word_id INTEGER PRIMARY KEY, saying_id INTEGER NOT NULL, text TEXT NOT NULL)")
            db.execute("CREATE INDEX said ON sayings (said_at)")
            joined = (BEGIN - timedelta(days=400)).isoformat()
            db.executemany("INSERT INTO profiles VALUES (?, ?)", [(f"prf-{each:05d}-year", joined) for each in range(PEOPLE)])
        Expunge.init(folder / "expunge.yaml")

    @contextmanager
    def database(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.folder / "app.db")) as db, db:
            yield db

    def open(self) -> Expunge:
        return Expunge.open(self.folder / "expunge.yaml", clock=self.clock)

    def talk(self, since: datetime, until: datetime, sayings: int = 150) -> None:
        """People who are still there say something at moments between the two."""
        with self.database() as db:
            names = [name for (name,) in db.execute("SELECT profile_id FROM profiles")]
            for _ in range(sayings):
                self.number += 1
                at = since + (until - since) * self.chance.random()
                db.execute("INSERT INTO sayings VALUES (?, ?, ?)", (self.number, self.chance.choice(names), at.isoformat()))
                db.execute("INSERT INTO words VALUES (?, ?, ?)", (self.number, self.number, f"saying {self.number} {self.chance.random()}"))

    def oldest(self, *, but: frozenset[str] = frozenset()) -> datetime:
        """When the oldest saying was said that anybody but these people said."""
        with self.database() as db:
            rows = db.execute("SELECT profile_id, said_at FROM sayings").fetchall()
        return min(datetime.fromisoformat(at) for name, at in rows if name not in but)

    def count(self, name: str) -> int:
        with self.database() as db:
            return int(db.execute("SELECT count(*) FROM sayings WHERE profile_id = ?", (name,)).fetchone()[0])

    def dangling(self) -> int:
        with self.database() as db:
            return int(db.execute("SELECT count(*) FROM words WHERE saying_id NOT IN (SELECT saying_id FROM sayings)").fetchone()[0])


def expire(company: Company) -> list[OrderState]:
    """What `expunge apply --due` and `expunge retention run` do; how their new orders ended."""
    ended = []
    with company.open() as expunge:
        expunge.run_due()
        orders = expunge.retention.retire().orders
        for order in orders:
            expunge.plan(order)
            ended.append(expunge.apply(order).state)
            assert len(expunge.receipts(order)) == 1, "one receipt a run"
    return ended


@pytest.mark.soak
@pytest.mark.duty("COP-15", "FAIL-04", "DSG-04")
def test_deadlines_holds_and_periods_keep_out_of_each_others_way_for_a_year(tmp_path: Path) -> None:
    company = Company(tmp_path)
    held, until = "prf-00007-year", BEGIN + timedelta(days=200)
    company.talk(BEGIN - timedelta(days=60), BEGIN, FIRST)
    with company.database() as db:
        db.execute("INSERT INTO sayings VALUES (0, ?, ?)", (held, (BEGIN - timedelta(days=59)).isoformat()))
        db.execute("INSERT INTO words VALUES (0, 0, 'what the court wants to hear')")
    with company.open() as expunge:
        expunge.holds.place(expunge.resolve(f"profile:{held}"), "sayings", ground="evidence", authority="court", until=until)
    expired: list[OrderState] = []
    forgotten: list[str] = []
    for month in range(12):
        company.clock.at = BEGIN + timedelta(days=30 * (month + 1))
        now = company.clock.at
        company.talk(now - timedelta(days=30), now)
        expired += expire(company)
        kept = frozenset({held}) if now < until else frozenset()
        assert company.oldest(but=kept) >= now - KEPT, "nothing outlives its period, whoever said it"
        assert company.dangling() == 0, "what is found through it goes along"
        with company.database() as db:
            assert (db.execute("SELECT count(*) FROM sayings WHERE saying_id = 0").fetchone()[0] == 1) == (now < until)
        forgotten.append(ask_to_be_forgotten(company, f"prf-{100 + month:05d}-year"))
    assert expired.count(OrderState.FULFILLED) >= 7
    assert expired.count(OrderState.IN_PART) == 1, "what is held is said once"
    with company.open() as expunge:
        assert all(run.state is OrderState.FULFILLED for run in expunge.orders())
        owed = {each.clock: each.standing for each in expunge.dues.all()}
        # The court's hold is over, and was not stated yet; retention ran 27 days ago, and what outlived its period since then is there.
        assert owed == {"hold-further-statement": ClockState.OVERDUE, "voice": ClockState.OVERDUE}
        assert not expunge.sweep().came_back
    assert [company.count(each) for each in forgotten] == [0] * 12


def ask_to_be_forgotten(company: Company, name: str) -> str:
    """Somebody asks; the order waits 29 days, while its month runs, and is carried out on the last day but one."""
    with company.open() as expunge:
        order = expunge.order_erase([expunge.resolve(f"profile:{name}")]).order
        (running,) = [each for each in expunge.dues.all() if each.what == f"order {order}"]
        assert running.at is not None
        company.clock.at += timedelta(days=27)
        assert {each.standing for each in expunge.dues.all() if each.what == f"order {order}"} == {ClockState.RUNNING}
        expunge.plan(order)
        assert expunge.apply(order).state is OrderState.FULFILLED
        assert [each for each in expunge.dues.all() if each.what == f"order {order}"] == []
    return name
