"""In a bucket, an object that no dataset declares is no place of anybody's item, whoever else holds the same words somewhere."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from expunge.servers.seaweedfs import SeaweedServer
from tests.engine.household import ANNA, BELA, CARA, SAID, Household, build
from tests.stores.s3.s3_company import Shelf, bucket, client

SENTENCE = SAID[ANNA][0]
QUOTE = f"my sister always says: {SENTENCE}, and it is true"
_numbers = count(1)


class Cloud:
    """The household, with a bucket in which another customer quotes a sentence."""

    def __init__(self, home: Household, shelf: Shelf) -> None:
        self.home = home
        self.shelf = shelf
        home.write_map(
            more='  said: {store: cloud, path: "said/{profile_id}.txt", subject: {profile: profile_id}, retention: life}\n'
            '  log: {store: cloud, path: "log/{day}.jsonl.gz", format: jsonl, subject: {profile: profile_id}, retention: life}\n'
        )
        self.options("")
        shelf.put(f"said/{ANNA}.txt", SENTENCE.encode())
        shelf.put(f"said/{BELA}.txt", QUOTE.encode(), Metadata={"about": SENTENCE})
        lines = [{"profile_id": ANNA, "said": SENTENCE}, {"profile_id": BELA, "said": QUOTE}, {"profile_id": CARA, "said": SAID[CARA][0]}]
        shelf.put("log/2026-05-01.jsonl.gz", gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode(), mtime=0))

    def options(self, more: str) -> None:
        server = self.shelf.server
        keys = f"endpoint: {server.endpoint}, access_key: {server.access_key}, secret_key: {server.secret_key}"
        line = f"  cloud: {{kind: s3, url: s3://{self.shelf.name}/{self.shelf.prefix}, {keys}{more}}}\n"
        stores = [one for one in self.home.map.read_text().splitlines(keepends=True) if not one.startswith("  cloud:")]
        self.home.map.write_text("".join(one + line if one.startswith("  lake:") else one for one in stores))

    def erase(self) -> Run:
        return self.home.erase(f"profile:{ANNA}")

    def residue(self) -> set[str]:
        run = self.erase()
        assert run.state is OrderState.IN_PART
        with self.home.open() as opened:
            return {Path(place.path).name for place in opened.residue(run.order)}


@pytest.fixture
def cloud(tmp_path: Path, seaweed: SeaweedServer) -> Cloud:
    return Cloud(build(tmp_path / "home"), Shelf.of(seaweed, bucket(seaweed, f"places-{next(_numbers)}"), tmp_path))


def zipped(text: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("notes.txt", text)
    return out.getvalue()


def test_a_quote_in_declared_objects_is_explained(cloud: Cloud) -> None:
    cloud.shelf.put("scratch/readme.txt", SAID[CARA][1].encode())
    run = cloud.erase()
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert cloud.shelf.get(f"said/{BELA}.txt") == QUOTE.encode()


def test_a_stray_copy_in_an_undeclared_object_is_residue_although_another_customer_quotes_it(cloud: Cloud) -> None:
    cloud.shelf.put("notes.txt", SENTENCE.encode())
    assert cloud.residue() == {"notes.txt"}


STRAYS = [
    ("log/2026-05-01.jsonl.gz.bak", gzip.compress(json.dumps({"profile_id": ANNA, "said": SENTENCE}).encode()), {}),
    ("backup.zip", zipped(SENTENCE), {}),
    (f"drafts/{SENTENCE}.txt", b"nothing of interest is in here", {}),
    ("tagged.bin", b"nothing of interest is in here", {"Metadata": {"about": SENTENCE}}),
    ("long.txt", b"one line of many\n" * 400_000 + SENTENCE.encode(), {}),
]


@pytest.mark.soak
@pytest.mark.parametrize(("key", "body", "more"), STRAYS)
def test_stray_copies_in_any_part_of_an_object_are_residue(cloud: Cloud, key: str, body: bytes, more: dict[str, dict[str, str]]) -> None:
    cloud.shelf.put(key, body, **more)
    assert cloud.residue() == {Path(key).name}


@pytest.mark.soak
def test_a_stray_copy_below_an_ignored_prefix_and_one_in_an_old_version_are_residue(tmp_path: Path, seaweed: SeaweedServer) -> None:
    cloud = Cloud(build(tmp_path / "home"), Shelf.of(seaweed, bucket(seaweed, f"places-{next(_numbers)}", "Enabled"), tmp_path))
    cloud.shelf.put("scratch/notes.txt", SENTENCE.encode())
    cloud.shelf.put("scratch/notes.txt", b"")
    cloud.home.map.write_text(cloud.home.map.read_text() + 'ignore:\n  - {store: cloud, path: "scratch/**", reason: scratch space}\n')
    assert cloud.residue() == {"notes.txt"}


@pytest.mark.soak
def test_a_map_may_say_that_undeclared_objects_are_not_read_and_the_receipt_says_so(cloud: Cloud) -> None:
    cloud.shelf.put("notes.txt", SENTENCE.encode())
    cloud.options(", undeclared: skip")
    run = cloud.erase()
    assert run.state is OrderState.FULFILLED
    with cloud.home.open() as opened:
        files = opened.receipt_folder(run.order, 1)
    assert any(b"objects that no dataset declares" in body for body in files.values())


# --- a lake of Parquet files in a bucket -----------------------------------------------------------


def in_a_lake(cloud: Cloud, *rows: tuple[str | None, str]) -> None:
    """Let the bucket hold one Parquet file of what people said, in place of everything else."""
    text = cloud.home.map.read_text().replace("kind: s3,", "kind: parquet,")
    kept = [line for line in text.splitlines(keepends=True) if not line.startswith(("  said: ", "  log: "))]
    said = '  said: {store: cloud, path: "said/{day}.parquet", subject: {profile: profile_id}, retention: life}\n'
    cloud.home.map.write_text("".join(kept) + said)
    with client(cloud.shelf.server) as s3:
        for key in (f"said/{ANNA}.txt", f"said/{BELA}.txt", "log/2026-05-01.jsonl.gz"):
            s3.delete_object(Bucket=cloud.shelf.name, Key=f"{cloud.shelf.prefix}{key}")
    out = io.BytesIO()
    everything = [(ANNA, SENTENCE), (BELA, QUOTE), (CARA, SAID[CARA][0]), *rows]
    table = pa.table({"profile_id": [who for who, _ in everything], "said": [text for _, text in everything]})
    pq.write_table(table, out, compression="zstd")
    cloud.shelf.put("said/2026-05-01.parquet", out.getvalue())


def test_a_row_of_a_lake_in_a_bucket_that_leads_to_nobody_is_residue(cloud: Cloud) -> None:
    in_a_lake(cloud, (None, f"somebody said: {SENTENCE}"))
    assert cloud.residue() == {"2026-05-01.parquet"}


def test_a_quote_in_a_lake_in_a_bucket_is_explained_by_its_row(cloud: Cloud) -> None:
    in_a_lake(cloud)
    run = cloud.erase()
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
