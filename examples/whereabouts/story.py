"""The third example: a child's whereabouts leave the records, a heatmap, a model of the next place, and what is published."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field

from examples.common.drawing import Figure
from examples.common.estate import Erased, Estate
from examples.common.survey import survey
from examples.whereabouts import company, figures, words
from examples.whereabouts.company import WORK, K, Town
from examples.whereabouts.trails import SIDE
from examples.whereabouts.work import STEP, step_rows

MADE = {"heatmap": "models/heatmap.safetensors", "next_place": "models/next_place.safetensors", "published": "site/heatmap.json"}
"""What was made from visits -> where it lies in the world."""


@dataclass
class Told:
    """What the page is made of."""

    town: Town
    erased: Erased
    small: bool
    digests: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Name, digest before, after, and of what a fresh process makes."""
    exact_would_show: int = 0
    """Cells that would differ between the two publications if they gave exact numbers."""
    differ: int = 0
    """Cells that do differ."""
    visits: int = 0
    figures: list[Figure] = field(default_factory=list)


def tell(estate: Estate, small: bool) -> None:
    """Fill the folder: stores, order, receipt, drawings, page."""
    narrator = estate.narrator
    with narrator.chapter("A town"):
        town = company.build(estate, small=small)
        estate.python("-m", WORK, "--first")
        visits = sum(map(len, town.trails.values()))
        narrator.say(
            f"{len(town.people)} people who do not exist, {visits} visits in {company.DAYS} days. A heatmap and a model of the next place "
            f"were counted from them; of the heatmap, cells with at least {K} people are published."
        )
        drawn = [figures.town(estate, town)]
        rows = step_rows(estate.world / "app.db")
        published = (estate.world / MADE["published"]).read_bytes()
        people_before = _people_at(estate)
    before = survey(estate.world)
    with narrator.chapter(f"The parents of {town.child.profile} want their child's whereabouts gone"):
        told = Told(town, estate.erase(f"profile:{town.child.profile}"), small, visits=len(town.trails[town.child.profile]))
        for line in told.erased.verified.strip().splitlines():
            narrator.quote(line)
    with narrator.chapter("What went, and what did not"):
        _compare(estate, told, before, people_before)
        drawn.append(figures.publications(estate, published, (estate.world / MADE["published"]).read_bytes()))
    with narrator.chapter("What it costs those who stay"):
        days = figures.days_of(town, rows[3])
        drawn += figures.accuracy(estate, rows, days, town.child.profile, small=small)
        drawn.append(figures.cost(estate, rows, small=small))
    told.figures = drawn
    words.write(estate, told)


def _compare(estate: Estate, told: Told, before: dict[str, str], people_before: dict[int, int]) -> None:
    after = survey(estate.world)
    child = told.town.child.profile
    theirs = {each for each in before if each.startswith((f"app.db/visits/{child}/", f"app.db/profiles/{child}"))}
    estate.expect(before.keys() - after.keys() == theirs, f"gone: the child's profile and {told.visits} visits, and nobody else's")
    changed = {each for each in after if before.get(each) != after[each]}
    estate.expect(changed == set(MADE.values()), "changed: the two models and what is published; everything else is what it was")
    for name, path in MADE.items():
        fresh = estate.ask(WORK, name, estate.folder / f"fresh/{name}")
        told.digests.append((name, before[path], after[path], fresh))
        estate.expect(after[path] == fresh != before[path], f"{name}: equal, bit for bit, to what a fresh process makes without the child")
    people = _people_at(estate)
    cells = json.loads((estate.world / MADE["published"]).read_bytes())["cells"]
    there = {each["row"] * SIDE + each["column"]: each["people"] for each in cells}
    true = {cell: count // STEP * STEP for cell, count in people.items() if count >= K}
    estate.expect(there == true, f"published are exactly the {len(true)} cells in which {K} or more of those who stay were")
    old = {cell: count for cell, count in people_before.items() if count >= K}
    new = {cell: count for cell, count in people.items() if count >= K}
    told.exact_would_show = sum(old.get(cell) != new.get(cell) for cell in old.keys() | new.keys())
    told.differ = sum(old.get(cell, 0) // STEP != new.get(cell, 0) // STEP for cell in old.keys() | new.keys())


def _people_at(estate: Estate) -> dict[int, int]:
    """Cell -> how many people were there, asked of the database in a way of its own."""
    with closing(sqlite3.connect(estate.world / "app.db")) as db:
        return dict(db.execute("SELECT cell, COUNT(DISTINCT profile_id) FROM visits GROUP BY cell"))
