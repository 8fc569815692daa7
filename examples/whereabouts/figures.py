"""The drawings of the whereabouts example."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256

import numpy as np

from examples.common import drawing
from examples.common.drawing import Figure
from examples.common.estate import Estate
from examples.whereabouts.company import DAYS, K, Town
from examples.whereabouts.trails import FIRST_DAY, SIDE, radius_km
from examples.whereabouts.work import Rows
from expunge.learn import NextPlace

LEARNT_DAYS = 21
"""The first days of a trail are learnt from, the rest is to be foretold."""


def town(estate: Estate, there: Town) -> Figure:
    """Whether the people who were made up move as people do."""
    radii = np.sort([radius_km(np.array([each.cell for each in visits])) for visits in there.trails.values()])
    often = np.zeros(20)
    for visits in there.trails.values():
        share = np.sort(np.unique([each.cell for each in visits], return_counts=True)[1])[::-1][:20] / len(visits)
        often[: len(share)] += share / len(there.trails)
    ranks = np.arange(1, 21)
    slope = float(np.polyfit(np.log(ranks[1:15]), np.log(often[1:15]), 1)[0])
    with drawing.drawn(7.6, 3.6, ncols=2) as (figure, (left, right)):
        left.loglog(ranks, often, color=drawing.COLOURS[0], marker="o", label="these people")
        left.loglog(ranks, often[2] * (ranks / 3.0) ** -1.2, color=drawing.COLOURS[1], linestyle="--", label="rank to the power of -1.2")
        left.set(xlabel="rank of a place among a person's own", ylabel="share of visits", title="A few places, again and again")
        left.legend(fontsize=9)
        right.plot(radii, 1 - np.arange(len(radii)) / len(radii), color=drawing.COLOURS[0])
        right.set(
            xlabel="radius of gyration, km", ylabel="share of people beyond", title="Some roam, most do not", xscale="log", yscale="log"
        )
        svg = drawing.keep(figure, estate.folder, "town")
    some = np.percentile(radii, [10, 50, 90])
    rows = (
        ("share of visits at the most visited place", f"{often[0]:.2f}"),
        ("at the second", f"{often[1]:.2f}"),
        ("exponent over ranks 2 to 15 (measured in real people: about -1.2)", f"{slope:.2f}"),
        ("radius of gyration, km: tenth, half, nine tenths of people", ", ".join(f"{each:.1f}" for each in some)),
    )
    caption = (
        f"{len(there.people)} people over {DAYS} days. Left: how often a person's places are visited, against the law of Song and others "
        "(2010). Right: how far people roam; the distribution is broad, as Gonzalez and others (2008) found."
    )
    return Figure("town", "Do these people move as people do?", caption, svg, ("what", "here"), rows)


def publications(estate: Estate, before: bytes, after: bytes) -> Figure:
    """What planners could fetch before and after, and where the two differ."""
    grids = [_grid(each) for each in (before, after)]
    changed = grids[0] != grids[1]
    with drawing.drawn(8.2, 3.9, ncols=2, sharey=True) as (figure, axes):
        for spot, grid, name in zip(axes, grids, ("before", "after"), strict=True):
            shown = np.ma.masked_equal(grid, 0)
            image = spot.imshow(shown, cmap="viridis_r", vmin=K, vmax=max(K + 1, grids[0].max()), origin="lower", interpolation="nearest")
            spot.set(title=f"{name}: {np.count_nonzero(grid)} cells", xlabel="cells of 500 m")
            spot.grid(visible=False)
            for row, column in np.argwhere(changed):
                spot.plot(column, row, marker="o", markersize=9, fillstyle="none", color=drawing.COLOURS[1], markeredgewidth=1.6)
        figure.colorbar(image, ax=axes, label="people, in steps of 5", shrink=0.85)
        svg = drawing.keep(figure, estate.folder, "published")
    rows = tuple(
        (f"row {row}, column {column}", f"{grids[0][row, column] or 'not published'}", f"{grids[1][row, column] or 'not published'}")
        for row, column in np.argwhere(changed)
    )
    caption = (
        f"The town as its planners may see it: only cells in which at least {K} people were. Circles: cells that differ, because somebody "
        "left. White cells were visited as well; by fewer people, so nobody is told."
    )
    return Figure("published", "What is published", caption, svg, ("cells that differ", "before", "after"), rows)


def accuracy(estate: Estate, rows: Rows, days: np.ndarray, child: str, *, small: bool) -> list[Figure]:
    """Next place of the last week: against shards, and for those who stay before and after the child left."""
    x, y, who, records = rows
    assert y is not None
    owner = np.array(who)
    learnt = np.flatnonzero(days < LEARNT_DAYS)
    asked = np.flatnonzero((days >= LEARNT_DAYS) & (owner != child))[:: 1 if small else 6]
    shards = (1, 2, 4, 8) if small else (1, 2, 4, 8, 16, 32)
    places = np.array([int.from_bytes(sha256(each.encode()).digest()[:4], "big") for each in who])
    level, points = 0.0, []
    for each in shards:
        parts = [learnt[places[learnt] % each == shard] for shard in range(each)]
        votes = _votes([_taught(x, y, who, records, part) for part in parts if len(part)], x[asked])
        points.append((float(each), float((votes == y[asked]).mean())))
        level = points[0][1]
    series = {"counts of everybody: exact by subtraction": [(float(each), level) for each in shards], "counts in shards that vote": points}
    caption = (
        "How often the next place is foretold rightly in the last week, after three weeks of learning. Split over many shards, so that "
        "forgetting is cheap, people are outvoted by shards that know nobody who lives where they do. Counts need no shards: a visit is "
        "subtracted as it was added."
    )
    name = "Accuracy against the number of shards"
    first = drawing.lines(
        estate.folder,
        "accuracy-shards",
        name,
        caption,
        ("shards", "next place right"),
        series,
        logarithmic="x",
        form="{:.3f}",
    )
    whole = _taught(x, y, who, records, learnt)
    household = child.rpartition("-")[0]
    family = np.char.startswith(owner[asked], household)
    groups: dict[str, dict[str, float]] = {"everybody else": {}, "the rest of the family": {}}
    for when in ("before", "after"):
        right = whole.predict(x[asked]) == y[asked]
        groups["everybody else"][when] = float(right.mean())
        groups["the rest of the family"][when] = float(right[family].mean()) if family.any() else float("nan")
        whole.forget(child, missing="ignore")
    again = _taught(x, y, who, records, learnt[owner[learnt] != child])
    estate.expect(whole.digest() == again.digest(), "the model of next places is, bit for bit, one that never knew the child")
    said = (
        "How often the next place of those who stay is foretold rightly, before and after the child was taken out. The family is where a "
        f"loss would show first: it is judged by {int(family.sum())} steps."
    )
    return [first, drawing.bars(estate.folder, "before-after", "Before and after, for those who stay", said, "next place right", groups)]


def cost(estate: Estate, rows: Rows, *, small: bool) -> Figure:
    """Visits that are gone through when people leave."""
    x, y, who, records = rows
    assert y is not None
    people = sorted(set(who))
    everybody = np.arange(len(who))
    model = _taught(x, y, who, records, everybody)
    subtracted, whole, left = [], [], 0
    for leaving in (1, 2, 5, 10) if small else (1, 3, 10, 30, 100, 300):
        report = model.forget(people[:leaving], missing="ignore")
        left += report.records
        subtracted.append((float(leaving), float(left)))
        whole.append((float(leaving), float(len(who) - left)))
    stay = np.flatnonzero(~np.isin(who, people[:leaving]))
    same = model.digest() == _taught(x, y, who, records, stay).digest()
    estate.expect(same, f"{leaving} people leave one after another: what is left is a model that never knew any of them")
    caption = "Visits that are gone through so that a model no longer holds people who leave: all that stay, or only their own."
    return drawing.lines(
        estate.folder,
        "cost-people",
        "What it costs when people leave",
        caption,
        ("people that leave", "visits gone through"),
        {"counted anew from those who stay": whole, "their own visits subtracted": subtracted},
        logarithmic="xy",
        form="{:.0f}",
    )


def days_of(there: Town, records: Sequence[str]) -> np.ndarray:
    """The day of each visit, from 0."""
    begins: Mapping[str, np.datetime64] = {
        f"{profile}/{number:04}": each.begins for profile, visits in there.trails.items() for number, each in enumerate(visits)
    }
    return np.array([int((begins[each] - FIRST_DAY) / np.timedelta64(1, "D")) for each in records])


def _taught(x: np.ndarray, y: np.ndarray, who: Sequence[str], records: Sequence[str], part: np.ndarray) -> NextPlace:
    made: NextPlace = NextPlace().fit(x[part], y[part], subjects=[who[at] for at in part], records=[records[at] for at in part])
    return made


def _votes(models: Sequence[NextPlace], asked: np.ndarray) -> np.ndarray:
    """The place that has most chances summed over the shards."""
    classes = np.unique(np.concatenate([each.classes_ for each in models]))
    total = np.zeros((len(asked), len(classes)), np.float32)
    for each in models:
        total[:, np.searchsorted(classes, each.classes_)] += each.predict_proba(asked).astype(np.float32)
    found: np.ndarray = classes[total.argmax(1)]
    return found


def _grid(published: bytes) -> np.ndarray:
    grid = np.zeros((SIDE, SIDE), np.int64)
    for each in json.loads(published)["cells"]:
        grid[each["row"], each["column"]] = each["people"]
    return grid
