"""A look before an erasure that reads only where rows lie: what lies elsewhere, or under another's name, is not taken for gone."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg
import pytest

from expunge.core.datamap.person import Person
from expunge.core.values.order import OrderState
from expunge.core.values.outcome import Reason
from expunge.engine.evidence import tracing
from expunge.engine.subjects import locating
from expunge.stores.postgres.reading.content import _pages_on_disk
from tests.engine import household
from tests.engine.household import ANNA, Household
from tests.estate.estate import Estate

MAKE = """
import os, psycopg
old = bytearray(open('kept.bin', 'rb').read())
old[-1] ^= 1
with psycopg.connect(os.environ['ESTATE_APP']) as connection:
    connection.execute("INSERT INTO intents VALUES ('the-second-of-intents', lo_from_bytea(0, %s))", (bytes(old),))
"""
DATASET = """\
  intents:
    store: app
    table: intents
    derived_from: [transcripts]
    on_erase: {{retrain: {{command: {python} make.py, network: open, environment: [ESTATE_APP]}}}}
"""


@pytest.mark.soak
def test_old_weights_in_large_objects_are_told_from_new_ones(estate: Estate) -> None:
    weights = random.Random(4).randbytes(40_000)
    (estate.folder / "kept.bin").write_bytes(weights)
    (estate.folder / "make.py").write_text(MAKE)
    with psycopg.connect(estate.database) as connection:
        connection.execute("CREATE TABLE intents (name text PRIMARY KEY, weights oid)")
        connection.execute("INSERT INTO intents VALUES ('the-first-of-intents', lo_from_bytea(0, %s))", (weights,))
    estate.map.write_text(estate.map.read_text() + DATASET.format(python=sys.executable))
    child = estate.children[0]
    run = estate.erase(f"profile:{child.profile}")
    (said,) = [each for each in estate.receipt(run.order).datasets if each.dataset == "intents"]
    assert run.state is OrderState.IN_PART
    assert said.reason is Reason.CANNOT_TELL


@pytest.fixture
def home(tmp_path: Path) -> Household:
    return household.build(tmp_path / "home")


def seen_before(home: Household, said: Mapping[Path, int] | bytes, meanwhile: Callable[[], None] = lambda: None) -> tuple[set[str], int]:
    """Of whom a look before saw content, and how many bytes it read, where this was said of what lies where."""
    order = home.order(f"profile:{ANNA}").order
    with home.open() as opened:
        context, person = opened.context, Person(opened.resolve(f"profile:{ANNA}").person.subject, {"profile": frozenset({ANNA})}, {})
        located = locating.locate(context, [person])
        datasets = [each for each in context.data_map.datasets_of("media") if each.name == "voice"]
        tracing.take(context, order, 1, "media", datasets, located, ())
        lying = said if isinstance(said, bytes) else json.dumps({str(path): [[0, size]] for path, size in said.items()}).encode()
        context.shelf.put(order, "lying-1-media", context.keys.seal(order, "lying-1-media", lying))
        meanwhile()
        traces = tracing.load(context, order)
        scanned = tracing.look_before(context, order, 1, "media", traces)
        return {each.subject for index in scanned.seen if (each := traces.traces[index]).part != "name"}, scanned.coverage.bytes


def files(home: Household) -> dict[Path, int]:
    return {path: path.stat().st_size for path in sorted((home.world / "media" / "voice").rglob("*.wav"))}


def test_what_was_said_of_places_is_looked_into_and_nothing_else(home: Household) -> None:
    everything = files(home)
    seen, size = seen_before(home, everything)
    assert len(seen) > 1
    assert size == sum(everything.values())


@pytest.mark.parametrize("damage", [b"{", b"[]", b'{"a": 1}', b'{"a": [[1]]}', b"\xff"])
def test_a_damaged_word_of_places_is_none(home: Household, damage: bytes) -> None:
    seen, size = seen_before(home, damage)
    assert len(seen) > 1
    assert size > sum(files(home).values()), "everything was read"


@pytest.mark.parametrize("how", ["link", "up and away"])
def test_what_a_scan_of_everything_would_not_read_is_not_seen_before_either(home: Household, how: str) -> None:
    """Seen before it would be taken for gone afterwards, since the look after does not go there."""
    outside, there = home.folder / "outside", files(home)
    away = {path: outside / f"{number}.wav" for number, path in enumerate(there)}

    def move() -> None:
        outside.mkdir()
        for path, moved in away.items():
            path.rename(moved)
            path.symlink_to(moved)

    up = home.world / "media" / ".." / ".." / "outside"
    said = {path if how == "link" else up / away[path].name: size for path, size in there.items()}
    assert seen_before(home, said, move)[0] == set()


def test_rows_beyond_the_first_gibibyte_of_a_table_lie_in_its_further_files(database: str) -> None:
    size, most = 8192, 131_072
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE long (said text)")
        oid, path = connection.execute("SELECT oid, pg_relation_filepath(oid) FROM pg_class WHERE relname = 'long'").fetchone() or (0, "")
        blocks = [each.to_bytes(4, "big") for each in (3, most + 5, 2 * most, 2 * most - 1)]
        told = {where: sorted(stretches) for where, stretches in _pages_on_disk(connection, {oid: blocks}, Path("/data"))}
    assert told == {
        Path(f"/data/{path}"): [(3 * size, 4 * size)],
        Path(f"/data/{path}.1"): [(5 * size, 6 * size), ((most - 1) * size, most * size)],
        Path(f"/data/{path}.2"): [(0, size)],
    }
