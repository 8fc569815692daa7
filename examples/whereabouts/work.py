"""The command of the map: has a model forget, or makes the publication anew. Works in the map's folder; ``--first`` makes all of it."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from examples.common import commands
from examples.common.commands import Asked, Report
from examples.whereabouts.company import K
from examples.whereabouts.trails import CELL_KM, SIDE
from expunge.learn import Heatmap, NextPlace

DATABASE, MODELS, PUBLISHED = Path("world/app.db"), Path("world/models"), Path("world/site/heatmap.json")
STEP = 5
"""Numbers of people are published as multiples of this, rounded down."""

Rows = tuple[np.ndarray, np.ndarray | None, list[str], list[str]]
"""Features, what follows (None where nothing does), whose each is, and the record's id."""


def heatmap_rows(database: Path, chosen: Sequence[str] | None = None) -> Rows:
    """Row and column of each visit."""
    found = _visits(database, "1", chosen)
    cells = np.array([cell for _, _, _, _, cell, _ in found], np.int64)
    return np.stack(np.divmod(cells, SIDE), 1), None, [each[1] for each in found], [each[0] for each in found]


def step_rows(database: Path, chosen: Sequence[str] | None = None) -> Rows:
    """Where somebody lives and where they are, and where they go."""
    found = _visits(database, "came_from >= 0", chosen)
    here = np.array([(home, before) for _, _, home, before, _, _ in found], np.int64).reshape(-1, 2)
    return here, np.array([each[4] for each in found], np.int64), [each[1] for each in found], [each[0] for each in found]


def fitted(name: str, database: Path = DATABASE) -> Heatmap | NextPlace:
    """A model, from everything that is there now."""
    kind, rows = _KINDS[name]
    x, y, subjects, records = rows(database, None)
    made = Heatmap(cell=1.0) if kind is Heatmap else NextPlace()
    return made.fit(x, y, subjects=subjects, records=records)


def publication(heatmap: Heatmap) -> bytes:
    """What planners get: cells in which at least ``K`` people were, and about how many; nothing of any other cell."""
    cells = [
        {"row": int(each.place[0]), "column": int(each.place[1]), "people": each.people // STEP * STEP} for each in heatmap.publish(k=K)
    ]
    visits = sum(each.records for each in heatmap.publish(k=1))
    return json.dumps({"k": K, "cell_km": CELL_KM, "people_in_steps_of": STEP, "visits": visits, "cells": cells}, indent=0).encode()


def work(asked: Asked) -> Report:
    """Do what an order asks."""
    if asked.dataset == "published":
        heatmap = fitted("heatmap") if asked.out else Heatmap.load(MODELS / "heatmap.safetensors")
        (asked.out or PUBLISHED).write_bytes(publication(heatmap))
        return {"cells": len(heatmap.publish(k=K))}, ("made from the heatmap that has forgotten, not from anybody's visits",)
    if asked.out is not None:
        fitted(asked.dataset).save(asked.out)
        return {}, ()
    kind, rows = _KINDS[asked.dataset]
    path = MODELS / f"{asked.dataset}.safetensors"
    model = kind.load(path)
    report = model.forget(asked.subjects, source=lambda records: rows(DATABASE, records)[:2], missing="ignore")
    model.save(path)
    return {"records": report.records, "samples": report.recomputed}, ("counts: nothing was learnt from again",)


def main() -> None:
    """One request, or the first models and publication."""
    if sys.argv[1:] != ["--first"]:
        commands.answer(work)
        return
    for name in _KINDS:
        fitted(name).save(MODELS / f"{name}.safetensors")
    PUBLISHED.write_bytes(publication(Heatmap.load(MODELS / "heatmap.safetensors")))


def _visits(database: Path, where: str, chosen: Sequence[str] | None) -> list[tuple[str, str, int, int, int, str]]:
    """Rows (visit, profile, home, cell before, cell, time); those of some visits in the order in which they are named."""
    with closing(sqlite3.connect(database)) as db:
        if chosen is None:
            # Why shuffled: what is learnt must not depend on the order in which rows are read.
            return db.execute(f"SELECT * FROM visits WHERE {where} ORDER BY random()").fetchall()  # noqa: S608
        one = "SELECT * FROM visits WHERE visit_id = ?"
        return [row for each in chosen for row in db.execute(one, (each,))]


_KINDS: dict[str, tuple[type[Heatmap | NextPlace], Callable[[Path, Sequence[str] | None], Rows]]] = {
    "heatmap": (Heatmap, heatmap_rows),
    "next_place": (NextPlace, step_rows),
}

if __name__ == "__main__":
    main()
