"""How long it takes to find, in a new store of ten million rows, each of another person, whoever of a million erased people is in it.

A million suppressed people stand in the register, as a hundred orders about ten thousand each would have entered them. Ten more were
erased by an order that was carried out here, and are in the new files again. Each of the ten is found and gets an order that follows the
first. The same register, before the new files were there, shows what it costs alone.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.result import Result
from expunge import Expunge
from expunge.core.gate.gate_entry import GateEntries
from expunge.core.journal import events as ev
from expunge.core.values.ids import OrderId, pseudonyms
from expunge.engine.kernel.journal_streams import SUPPRESSIONS, register

HERE = Path(__file__).resolve().parent
ROWS, PART, ERASED, EACH, BACK = 10_000_000, 1_000_000, 1_000_000, 10_000, 10
MAP = """\
version: 1
state: ./state
identities:
  user: {dataset: events, key: user_id}
stores:
  lake: {kind: parquet, url: ./lake}
retention:
  life: {period: 2 years, from: at, purpose: keep the account, need: contract}
datasets:
  events: {store: lake, path: "{part}.parquet", subject: {user: user_id}, retention: life}
"""


def names(first: int, count: int) -> list[str]:
    return [f"user-{number:012}" for number in range(first, first + count)]


def write(path: Path, users: list[str]) -> None:
    at = np.arange(len(users), dtype=np.int64)
    pq.write_table(pa.table({"user_id": users, "at": pa.array(at, pa.timestamp("s")), "load": at * 7 % 1009}), path)


def erased(map_path: Path) -> None:
    """Ten people come, and are erased with receipts; then the others that an installation has erased in its life are entered."""
    back = names(0, BACK)
    write(map_path.parent / "lake" / "first.parquet", [*back, *names(ROWS * 2, 100)])
    Expunge.init(map_path)
    with Expunge.open(map_path) as opened:
        accepted = opened.order_erase(opened.resolve_all([f"user:{name}" for name in back]))
        opened.plan(accepted.order)
        opened.apply(accepted.order)
        context, key = opened.context, opened.context.keys.pseudonym_key()
        gate = GateEntries(context.keys.gate_key())
        for number, people in enumerate(others()):
            order = OrderId(f"ord-{number:020}".translate(str.maketrans("01", "ab")))
            known = tuple(str(name) for name in pseudonyms(key, "user", people))
            entries = tuple(each.hex() for each in gate.of("user", people))
            register(context.journal, SUPPRESSIONS, ev.Suppressed(context.clock.now(), order, known, entries, 2))


def others() -> Iterator[list[str]]:
    for first in range(0, ERASED, EACH):
        yield names(ROWS * 3 + first, EACH)


def swept(map_path: Path) -> tuple[float, float, int]:
    """Wall and processor seconds of a sweep, and how many came back."""
    with Expunge.open(map_path) as opened:
        begun, used = time.perf_counter(), time.process_time()
        answer = opened.sweep()
        assert not answer.failed
        return time.perf_counter() - begun, time.process_time() - used, len(answer.came_back)


def run() -> list[Result]:
    """Measure; a minute or two."""
    with tempfile.TemporaryDirectory(dir=HERE, prefix="_bench-") as folder:
        map_path = Path(folder, "expunge.yaml")
        map_path.write_text(MAP)
        (map_path.parent / "lake").mkdir()
        erased(map_path)
        before, _, none = swept(map_path)
        assert none == 0
        for part in range(ROWS // PART):
            write(map_path.parent / "lake" / f"new-{part:02}.parquet", names(part * PART, PART))
        seconds, used, back = swept(map_path)
        assert back == BACK
    return [
        Result(
            f"{ERASED:,} erased people looked for in {ROWS:,} new rows of Parquet",
            seconds,
            "s",
            other=before,
            other_name="no new rows",
            target=60.0,
            better="lower",
            note=f"{used:.0f} s of processor time; {back} of {BACK} were found, and an order opened for each",
        )
    ]
