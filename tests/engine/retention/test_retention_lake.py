"""Retention where rows and records have no lasting name: old ones of a person go, new ones stay, and the scan tells them apart."""

from __future__ import annotations

import gzip
import json
import random
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expunge import clock
from expunge.bootstrap import Expunge
from expunge.core.values.order import OrderState

DAY = timedelta(days=1)
MAP = """\
version: 1
state: ./state
identities:
  profile: {dataset: profiles, key: profile_id}
stores:
  lake: {kind: parquet, url: ./lake}
  logs: {kind: files, url: ./logs}
retention:
  voice: {period: 90 days, from: at, purpose: answer, need: the service}
  life: {period: 10 years, from: at, purpose: keep the account, need: contract}
datasets:
  profiles: {store: lake, path: "profiles/{part}.parquet", subject: {profile: profile_id}, retention: life}
  clips: {store: lake, path: "clips/{part}.parquet", subject: {profile: profile_id}, retention: voice}
  events: {store: logs, path: "{day}.jsonl.gz", format: jsonl, subject: {profile: profile_id}, retention: voice}
"""


@pytest.fixture
def company(tmp_path: Path) -> tuple[Path, list[dict[str, str]]]:
    """Everybody has an old and a new item of each kind, and says some of it again."""
    chance, now = random.Random(3), clock.now()
    people = [f"profile-{number:03}-{chance.randrange(16**8):08x}" for number in range(30)]
    items = []
    for one in people:
        again = f"{one} likes {chance.randbytes(16).hex()} with cinnamon"
        for age in (200, 10):
            said = f"{again}, said {chance.randbytes(16).hex()} to the kettle"
            items.append({"profile_id": one, "at": (now - age * DAY).isoformat(), "text": said})
    for name, rows in (("profiles", [{"profile_id": one, "at": now.isoformat()} for one in people]), ("clips", items)):
        (tmp_path / "lake" / name).mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "lake" / name / "part-0.parquet", row_group_size=7)
    (tmp_path / "logs").mkdir()
    lines = "".join(json.dumps({**each, "text": each["text"][::-1]}) + "\n" for each in items)
    (tmp_path / "logs" / "all.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "expunge.yaml").write_text(MAP)
    Expunge.init(tmp_path / "expunge.yaml")
    return tmp_path, items


def left(folder: Path) -> tuple[list[str], list[str]]:
    rows = pq.read_table(folder / "lake" / "clips" / "part-0.parquet").to_pylist()
    lines = gzip.decompress((folder / "logs" / "all.jsonl.gz").read_bytes()).splitlines()
    return [each["text"] for each in rows], [json.loads(each)["text"][::-1] for each in lines]


def ran(folder: Path, *reasons: str) -> None:
    with Expunge.open(folder / "expunge.yaml") as opened:
        (order,) = opened.retention.retire().orders
        opened.plan(order)
        run = opened.apply(order)
        assert (run.state, run.reasons) == (OrderState.IN_PART if reasons else OrderState.FULFILLED, reasons)


def test_old_rows_go_and_new_ones_of_the_same_people_stay(company: tuple[Path, list[dict[str, str]]]) -> None:
    """What is said in old and new items alike belongs to those who stay, and is no residue of what went."""
    folder, items = company
    ran(folder)
    young = [each["text"] for at, each in enumerate(items) if at % 2]
    assert left(folder) == (young, young)


def test_rows_of_a_held_person_stay_among_others_in_one_file(company: tuple[Path, list[dict[str, str]]]) -> None:
    folder, items = company
    held = items[0]["profile_id"]
    with Expunge.open(folder / "expunge.yaml") as opened:
        for dataset in ("clips", "events"):
            until = clock.now() + 90 * DAY
            opened.holds.place(opened.resolve(f"profile:{held}"), dataset, ground="a dispute", authority="counsel", until=until)
    ran(folder, "clips: kept, a dispute", "events: kept, a dispute")
    expected = [each["text"] for at, each in enumerate(items) if at % 2 or each["profile_id"] == held]
    assert left(folder) == (expected, expected)
