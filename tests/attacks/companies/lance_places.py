"""Places of a folder of LanceDB tables where a copy can hide: a line each."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import lancedb
from lancedb.index import FTS, Bitmap, BTree

from tests.attacks.companies.world import Leaves, Place, Plant, World

GOES, STAYS = Leaves.GOES, Leaves.STAYS


def _undeclared(name: str, column: str, word: str) -> Plant:
    def plant(world: World) -> None:
        lancedb.connect(world.root / "store").create_table(name, [{column: world.fill(word), "n": n} for n in range(3)])

    return plant


def _notes(world: World) -> Any:
    return lancedb.connect(world.root / "store").open_table("notes")


def _old_version(world: World) -> None:
    notes = _notes(world)
    notes.update(where=f"author = '{world.cast.anna.id}'", values={"said": "nothing any more"})
    notes.add([{"n": 70, "author": world.cast.bela.id, "said": world.cast.bela.said[0]}])


def _compacted(world: World) -> None:
    notes = _notes(world)
    notes.add([{"n": 70 + n, "author": world.cast.cara.id, "said": f"{n} and more"} for n in range(20)])
    notes.optimize(cleanup_older_than=timedelta(days=30))


def _indexed(column: str, config: Any) -> Plant:
    def plant(world: World) -> None:
        _notes(world).create_index(column, config=config)

    return plant


def _left(world: World) -> None:
    world.write("notes.lance/README.txt", world.cast.anna.said[0])


def _place(name: str, plant: Plant, leaves: Leaves = STAYS, **more: Any) -> Place:
    return Place(name, "lancedb", plant, leaves, **more)


PLACES = (
    _place("undeclared table", _undeclared("drafts", "said", "<said>")),
    _place("undeclared table with the id alone", _undeclared("drafts", "who", "<id>")),
    _place("ignored table", _undeclared("drafts", "said", "<said>"), ignore="table: drafts"),
    _place("text beside it", _left),
    _place("old version", _old_version, GOES),
    _place("version before a compaction", _compacted, GOES),
    _place("index of values", _indexed("said", BTree()), GOES),
    _place("index of bits", _indexed("author", Bitmap()), GOES),
    _place("index of words", _indexed("said", FTS()), GOES),
)
