"""Small companies for orders of destruction: real folders and SQLite files, a map, an initialised state; each built in milliseconds."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expunge.bootstrap import Expunge
from expunge.core.disgorgement.disgorgement_events import DisgorgementState
from expunge.core.orders.run import Run
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState

ORDERS = Path(__file__).parents[2] / "orders"
ABOUT_NOBODY = (
    "{reason: names of things the company made, safeguards: no field holds anything about people, "
    "prohibition: the data policy forbids singling anyone out, release: the registry is not published, "
    "no_attempt: nobody here tries to identify anyone in it}"
)
STORES = """\
version: 1
state: ./state
stores:
  media: {kind: files, url: ./world/media}
  app: {kind: sqlite, url: "sqlite:///world/app.db"}
  registry: {kind: files, url: ./world/registry}
retention:
  life: {period: 10 years, from: at, purpose: run the service, need: contract}
"""
LINEAGE = """\
  lineage: {store: app, table: lineage, aggregate: ABOUT, retention: life}
provenance: {dataset: lineage, artefact: made, source: made_from, how: how, created: created, read: read}
""".replace("ABOUT", ABOUT_NOBODY)


def noise(seed: str, size: int = 3000) -> bytes:
    """Bytes that nothing else has."""
    return random.Random(seed).randbytes(size)


@dataclass
class World:
    """One company."""

    folder: Path

    def __post_init__(self) -> None:
        for name in ("media", "registry"):
            (self.folder / "world" / name).mkdir(parents=True, exist_ok=True)
        with self._database() as db:
            db.execute("CREATE TABLE IF NOT EXISTS lineage (made TEXT, made_from TEXT, how TEXT, created TEXT, read TEXT, at TEXT)")

    @property
    def map(self) -> Path:
        return self.folder / "expunge.yaml"

    def declare(self, rest: str) -> None:
        """Write the map: the stores of every world, then what this one says."""
        self.map.write_text(STORES + rest)
        Expunge.init(self.map)

    def file(self, path: str, data: bytes | None = None) -> str:
        """A file under the world, with bytes of its own."""
        target = self.folder / "world" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(noise(path) if data is None else data)
        return path

    def table(self, name: str, columns: str, rows: Iterable[Sequence[Any]]) -> None:
        """A table, columns as in ``CREATE TABLE``."""
        with self._database() as db:
            db.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns})")
            for row in rows:
                db.execute(f"INSERT INTO {name} VALUES ({', '.join('?' * len(row))})", row)

    def made(self, product: str, source: str, how: str = "trained on", created: str | None = None, read: str | None = None) -> None:
        """A line of the company's record of what was made from what."""
        self.table("lineage", "made TEXT", [(product, source, how, created, read, created)])

    def model(self, name: str, *sources: str, how: str = "trained on", created: str | None = None, read: str | None = None) -> str:
        """A model in the registry: weights and a card."""
        self.file(f"registry/models/{name}.bin")
        self.file(f"registry/models/{name}.json", json.dumps({"weights": noise(name, 300).hex()}).encode())
        for source in sources:
            self.made(f"models/{name}", source, how, created, read)
        return name

    def rows(self, table: str, column: str) -> list[Any]:
        with self._database() as db:
            return [row[0] for row in db.execute(f"SELECT {column} FROM {table} ORDER BY {column}")]

    def files(self) -> set[str]:
        """Every file of the company's folders, by its path under the world."""
        root = self.folder / "world"
        return {str(each.relative_to(root)) for each in root.rglob("*") if each.is_file() and each.name[:6] != "app.db"}

    def models(self) -> set[str]:
        return {Path(each).stem for each in self.files() if each.startswith("registry/models/")}

    @contextmanager
    def open(self) -> Iterator[Expunge]:
        with Expunge.open(self.map) as opened:
            yield opened

    def carry_out(self, order: str | Path) -> tuple[DisgorgementState, dict[str, Run]]:
        """Enter an order, then plan and apply what was made of it, as an operator would; limb -> how it ended."""
        with self.open() as opened:
            path = order if isinstance(order, Path) else ORDERS / f"{order}.yaml"
            standing = opened.disgorgements.enter(opened.disgorgements.read(path))
            return standing, self.apply(opened, standing)

    def apply(self, opened: Expunge, standing: DisgorgementState) -> dict[str, Run]:
        """Plan and apply what has not been."""
        runs: dict[str, Run] = {}
        for each in standing.examined:
            if each.order is not None and opened.status(OrderId(each.order)).state is OrderState.FENCED:
                opened.plan(each.order)
                runs[each.limb] = opened.apply(each.order)
        return runs

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.folder / "world" / "app.db")) as db, db:
            yield db


def fulfilled(runs: Mapping[str, Run]) -> set[str]:
    """The limbs whose orders were fulfilled."""
    wrong = {name: (run.state, run.reasons) for name, run in runs.items() if run.state is not OrderState.FULFILLED}
    assert not wrong, wrong
    return set(runs)
