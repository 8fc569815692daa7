"""Places of a lake of Parquet files where a copy can hide: a line each."""

from __future__ import annotations

import gzip
import json
import shutil
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.attacks.companies.world import Leaves, Place, Plant, World

GOES, STAYS = Leaves.GOES, Leaves.STAYS


def _table(path: str, columns: dict[str, list[str]], **more: Any) -> Plant:
    """Write a Parquet file whose values are filled in."""

    def plant(world: World) -> None:
        world.table(world.fill(path), {name: [world.fill(value) for value in values] for name, values in columns.items()}, **more)

    return plant


def _text(path: str, text: str, *, pack: bool = False) -> Plant:
    def plant(world: World) -> None:
        content = world.fill(text).encode()
        world.write(world.fill(path), gzip.compress(content * 3) if pack else content)

    return plant


def _notes_of_bela(
    world: World, path: str, metadata: dict[str, str] | None = None, field: dict[str, str] | None = None, **more: Any
) -> None:
    schema = pa.schema(
        [pa.field("n", pa.int64()), pa.field("author", pa.string()), pa.field("said", pa.string(), metadata=field)], metadata
    )
    table = pa.table({"n": [70], "author": [world.cast.bela.id], "said": [world.cast.bela.said[1]]}, schema=schema)
    target = world.root / "store" / path
    target.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, target, **more)


def _footer(world: World) -> None:
    _notes_of_bela(world, "notes/june.parquet", metadata={"comment": world.cast.anna.said[0]})


def _footer_of_hers(world: World) -> None:
    path = world.root / "store" / "notes" / "may.parquet"
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({"exported for": world.cast.anna.id}), path)


def _field(world: World) -> None:
    _notes_of_bela(world, "notes/june.parquet", field={"example": world.cast.anna.said[0]})


def _unused(world: World) -> None:
    """A dictionary with an entry that no row uses."""
    said = pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), pa.array([world.cast.bela.said[1], world.cast.anna.said[0]]))
    table = pa.table({"n": [70], "author": [world.cast.bela.id], "said": said})
    pq.write_table(table, world.root / "store" / "notes" / "june.parquet")


def _column(world: World) -> None:
    table = pa.table({"n": [70], "author": [world.cast.bela.id], "said": [world.cast.bela.said[1]], world.cast.anna.id: [1]})
    pq.write_table(table, world.root / "store" / "notes" / "june.parquet")


def _orphan(name: str) -> Plant:
    def plant(world: World) -> None:
        folder = world.root / "store" / "notes"
        shutil.copy(folder / "may.parquet", folder / name)

    return plant


def _delta(world: World) -> None:
    stats = json.dumps({"numRecords": 9, "minValues": {"said": world.cast.anna.said[0]}, "maxValues": {"said": "z"}})
    world.write("notes/_delta_log/00000000000000000000.json", json.dumps({"add": {"path": "may.parquet", "stats": stats}}) + "\n")


def _summary(world: World) -> None:
    """A summary file with the footers of all files."""
    folder = world.root / "store" / "notes"
    metadata = pq.read_metadata(folder / "may.parquet")
    metadata.set_file_path("may.parquet")
    metadata.write_metadata_file(str(folder / "_metadata"))


def _many(**more: Any) -> Plant:
    """Notes in many row groups, written in a way of its own."""

    def plant(world: World) -> None:
        path = world.root / "store" / "notes" / "may.parquet"
        pq.write_table(pq.read_table(path), path, row_group_size=2, **more)

    return plant


def _place(name: str, plant: Plant, leaves: Leaves = STAYS, ignore: str = "", others: tuple[str, ...] = ()) -> Place:
    return Place(name, "parquet", plant, leaves, ignore=ignore, others=others)


PLACES = (
    _place("undeclared table", _table("drafts/one.parquet", {"said": ["<said>"]})),
    _place("undeclared table with the id alone", _table("drafts/one.parquet", {"who": ["<id>"]})),
    _place("ignored table", _table("drafts/one.parquet", {"said": ["<said>"]}), ignore='path: "drafts/*"'),
    _place("undeclared table, packed", _table("drafts/one.parquet", {"said": ["<said>"] * 9}, compression="brotli")),
    _place(
        "undeclared table, deltas",
        _table(
            "drafts/one.parquet", {"said": ["<said>", "<said> too"]}, use_dictionary=False, column_encoding={"said": "DELTA_BYTE_ARRAY"}
        ),
    ),
    _place("row without an owner", _table("notes/june.parquet", {"said": ["<said>"], "author": [""]})),
    _place("footer of another's file", _footer),
    _place("footer of the same file", _footer_of_hers, GOES),
    _place("metadata of a field", _field),
    _place("entry of a dictionary that no row uses", _unused),
    _place("name of a column", _column),
    _place("old file beside it", _orphan("may.parquet.bak")),
    _place("file of an unfinished write", _orphan("_temporary-0-may.parquet.tmp")),
    _place("checksum file with a name", _text("notes/.<id>.parquet.crc", "\x00\x01nothing"), GOES),
    _place("log of a table format", _delta),
    _place("summary of footers", _summary, GOES),
    _place("name of a partition", _table("drafts/who=<id>/one.parquet", {"n": ["1"]})),
    _place("text beside it", _text("notes/README.txt", "such as: <said>")),
    _place("packed text beside it", _text("notes/export.jsonl.gz", '{"said": "<said>"}\n', pack=True)),
    _place("row groups", _many(compression="zstd"), GOES),
    _place("bounds and indexes", _many(write_page_index=True, write_statistics=True, use_dictionary=False), GOES),
    _place("version 2 pages", _many(data_page_version="2.0", compression="gzip", version="1.0"), GOES),
    _place(
        "shared cell of another",
        _table("notes/june.parquet", {"n": ["70"], "author": ["<bela>"], "said": ["<said>"]}),
        GOES,
        others=("<said>",),
    ),
)
