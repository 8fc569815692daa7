"""Everything that lies in a world, item by item: to see afterwards what went and that nothing else changed."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path


def survey(world: Path) -> dict[str, str]:
    """Item -> hex SHA-256 of its content.

    Every file by its path, but for databases of SQLite, of which every row is an item, and files of records a line, where every line is:
    by the first column, or value.
    """
    found: dict[str, str] = {}
    for path in sorted(each for each in world.rglob("*") if each.is_file()):
        name = path.relative_to(world).as_posix()
        if path.suffix == ".db":
            found |= _rows(path, name)
        elif path.suffix == ".jsonl":
            lines = path.read_bytes().splitlines()
            found |= {f"{name}/{next(iter(json.loads(each).values()))}": sha256(each).hexdigest() for each in lines}
        elif not path.name.endswith(("-wal", "-shm", "-journal")):
            found[name] = sha256(path.read_bytes()).hexdigest()
    return found


def _rows(path: Path, name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    with closing(sqlite3.connect(path)) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in db.execute(f'SELECT * FROM "{table}"'):  # noqa: S608
                found[f"{name}/{table}/{row[0]}"] = sha256(repr(row).encode()).hexdigest()
    return found
