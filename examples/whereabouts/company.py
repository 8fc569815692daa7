"""A maker of children's watches in small: who was where, in a database; two models of it; and the heatmap that it publishes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from examples.common import commands
from examples.common.estate import Estate
from examples.whereabouts.trails import Person, Visit, household_people, trail

WORK = "examples.whereabouts.work"
DAYS = 28
K = 10
"""People who must have been in a cell before it is published."""
SEED = 20260907

_MAP = """\
version: 1
identities:
  account: {{dataset: accounts, key: account_id, also: [email]}}
  profile: {{dataset: profiles, key: profile_id, member_of: account}}
stores:
  app:    {{kind: sqlite, url: "sqlite:///world/app.db"}}
  models: {{kind: files, url: ./world/models}}
  site:   {{kind: files, url: ./world/site}}
retention:
  places: {{period: 30 days, from: at, purpose: show parents where a child is, need: the service itself}}
datasets:
  accounts: {{store: app, table: accounts, subject: {{account: account_id}}, retention: places}}
  profiles: {{store: app, table: profiles, subject: {{profile: profile_id}}, retention: places}}
  visits:
    store: app
    table: visits
    subject: {{profile: profile_id}}
    categories: [user.location.precise]
    retention: places
  heatmap:                       # how often anybody was where, and when
    store: models
    path: heatmap.safetensors
    kind: model
    derived_from: [visits]
    on_erase: {{forget: {{command: "{command}", prove: "{command}", environment: [{environment}]}}}}
  next_place:                    # where somebody goes from where they are
    store: models
    path: next_place.safetensors
    kind: model
    derived_from: [visits]
    on_erase: {{forget: {{command: "{command}", prove: "{command}", environment: [{environment}]}}}}
  published:                     # what the town's planners may fetch
    store: site
    path: heatmap.json
    derived_from: [heatmap]
    on_erase: {{rebuild: {{command: "{command}", prove: "{command}", environment: [{environment}]}}}}
"""


@dataclass(frozen=True)
class Town:
    """Who lives there and was where."""

    people: list[Person]
    trails: dict[str, list[Visit]]
    """Profile -> visits in order of time."""
    child: Person
    """Who is erased."""


def build(estate: Estate, *, small: bool) -> Town:
    """Fill ``world/`` and write the map."""
    random = np.random.default_rng(SEED)
    people = household_people(120 if small else 1000, random)
    trails = {each.profile: list(trail(each, DAYS, random)) for each in people}
    child = _told_by_the_map(people, trails)
    for name in ("models", "site"):
        (estate.world / name).mkdir(parents=True)
    with closing(sqlite3.connect(estate.world / "app.db")) as db, db:
        db.execute("CREATE TABLE accounts (account_id TEXT PRIMARY KEY, email TEXT, at TEXT)")
        db.execute("CREATE TABLE profiles (profile_id TEXT PRIMARY KEY, account_id TEXT, child INTEGER, at TEXT)")
        db.execute(
            "CREATE TABLE visits (visit_id TEXT PRIMARY KEY, profile_id TEXT, home INTEGER, came_from INTEGER, cell INTEGER, at TEXT)"
        )
        db.execute("CREATE INDEX visits_of ON visits (profile_id)")
        start = "2026-09-01T00:00:00Z"
        accounts = sorted({each.account for each in people})
        db.executemany("INSERT INTO accounts VALUES (?, ?, ?)", [(each, f"{each}@wren.example", start) for each in accounts])
        db.executemany("INSERT INTO profiles VALUES (?, ?, ?, ?)", [(each.profile, each.account, each.child, start) for each in people])
        for each in people:
            visits, before = trails[each.profile], -1
            for number, visit in enumerate(visits):
                row = (f"{each.profile}/{number:04}", each.profile, each.home, before, visit.cell, f"{visit.begins}Z")
                db.execute("INSERT INTO visits VALUES (?, ?, ?, ?, ?, ?)", row)
                before = visit.cell
    estate.map.write_text(_MAP.format(command=commands.spelled(WORK), environment=commands.environment()), "utf-8")
    return Town(people, trails, child)


def _told_by_the_map(people: list[Person], trails: dict[str, list[Visit]]) -> Person:
    """The child in most cells in which there are exactly :data:`K` people: whose leaving changes most of what is published."""
    there: dict[int, set[str]] = {}
    for profile, visits in trails.items():
        for each in visits:
            there.setdefault(each.cell, set()).add(profile)
    just = [who for who in there.values() if len(who) == K]
    return max((each for each in people if each.child), key=lambda child: sum(child.profile in who for who in just))
