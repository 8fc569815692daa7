"""A vault whose sealed files lie in a bucket: nothing there names anybody, and nothing opens once the key is gone."""

from __future__ import annotations

import io
import random
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from expunge.core.orders.run import Run
from expunge.core.values.copy import FindingKind
from expunge.core.values.order import OrderState
from expunge.errors import StoreUnavailable, UsageError
from expunge.faults import arm
from expunge.servers.seaweedfs import SeaweedServer
from expunge.testing.forked import in_child
from tests.cli.running import expunge
from tests.stores.s3.s3_company import Shelf, client
from tests.vault.bucket_home import move_vault, prefix
from tests.vault.doorbells import ANNA, BELA, CARA, Doorbells, copy, path_of, speech

LONG = random.Random(7).randbytes((9 << 20) + 12_345)
"""Too long for one PUT."""


@pytest.fixture
def shelf(seaweed: SeaweedServer) -> Shelf:
    return prefix(seaweed, "doorbells-versioned", "Enabled")


@pytest.fixture
def bucketed(home: Doorbells, shelf: Shelf) -> Doorbells:
    move_vault(home, shelf)
    return home


def everything(shelf: Shelf) -> bytes:
    return b"".join(body for _, body in shelf.all())


def uploads(shelf: Shelf) -> list[str]:
    with client(shelf.server) as s3:
        return [each["Key"] for each in s3.list_multipart_uploads(Bucket=shelf.name, Prefix=shelf.prefix).get("Uploads", ())]


def marks(home: Doorbells) -> list[Path]:
    return sorted(path for path in (home.folder / "state" / "vault" / "coming").rglob("*") if path.is_file())


def test_a_company_keeps_its_recordings_sealed_in_a_bucket(bucketed: Doorbells, shelf: Shelf):
    """Taken in, read in part, erased: every version is gone, the receipt says what the provider may keep, and that it is dark."""
    said = {ANNA: speech(0), BELA: speech(1), CARA: LONG}
    for one, data in said.items():
        bucketed.ring(one, "r-1", data)
    assert {one: bucketed.read(one, "r-1") for one in said} == said
    with bucketed.open() as opened, opened.vault.open(f"doorbell/{path_of(CARA, 'r-1')}", purpose="look") as file:
        for at in (8 << 20, 17, len(LONG) - 5, 4 << 20):
            file.seek(at)
            assert file.read(70_000) == LONG[at : at + 70_000]
    held = everything(shelf)
    assert len(held) > sum(map(len, said.values()))
    assert not any(data[at : at + 64] in held for data in said.values() for at in range(0, len(data) - 64, 9_973))
    assert not any(one in key for one in said for key, _, _ in shelf.versions())
    assert marks(bucketed) == []
    assert expunge("check", "--map", bucketed.map).code == 0

    # Another program overwrote it, and an upload to it was never finished.
    (key,) = {key for key, _, _ in shelf.versions() if len(shelf.get(key)) > len(LONG)}
    whole = shelf.get(key)
    shelf.put(key, whole)
    run = bucketed.erase(CARA)
    assert run.state is OrderState.FULFILLED
    assert bucketed.entries(run)["doorbell"] == ("erased", "gone")
    assert len(shelf.versions()) == 2, "no older version and no delete marker is left"
    with bucketed.open() as opened:
        text = b"".join(opened.receipt_folder(run.order).values())
    assert b"sealed under destroyed keys" in text
    assert bucketed.read(ANNA, "r-1") == said[ANNA]


@pytest.mark.parametrize("how", ["bit", "cut", "longer", "another's"])
def test_a_changed_object_is_not_given_out(bucketed: Doorbells, shelf: Shelf, how: str):
    """In the bucket others may write; what they wrote is no recording."""
    bucketed.ring(ANNA, "r-1", speech(0))
    ((key, _),) = shelf.all()
    bucketed.ring(BELA, "r-1", speech(1))
    sealed, other = shelf.get(key), next(body for name, body in shelf.all() if name != key)
    middle = len(sealed) // 2
    changed = {
        "bit": sealed[:middle] + bytes([sealed[middle] ^ 1]) + sealed[middle + 1 :],
        "cut": sealed[:-1],
        "longer": sealed + b"\0",
        "another's": other,
    }
    shelf.put(key, changed[how])
    with pytest.raises((StoreUnavailable, UsageError, OSError)):
        bucketed.read(ANNA, "r-1")
    assert bucketed.read(BELA, "r-1") == speech(1)


POINTS = ("vault.bucket.mark:after", "keytable.commit:after", "vault.bucket.name:before", "vault.bucket.name:after")
LONG_POINTS = ("vault.bucket.begin:before", "vault.bucket.part:before", "vault.bucket.sent:after")


@pytest.mark.parametrize(
    ("data", "points"), [(speech(0), POINTS), pytest.param(LONG, (*POINTS, *LONG_POINTS), marks=pytest.mark.soak)], ids=["short", "long"]
)
def test_killed_anywhere_an_ingest_leaves_all_or_nothing(home: Doorbells, tmp_path: Path, seaweed: SeaweedServer, data: bytes, points):
    """The same command works again; without it, an order's purge takes back what nobody was told of. No mark and no upload stays."""
    for number, point in enumerate(points):
        for then in ("again", "purge"):
            at, shelf = copy(home, tmp_path / f"{number}-{then}"), prefix(seaweed, "doorbells")
            move_vault(at, shelf)
            assert in_child(partial(_die, at, point, data)).killed_by == signal.SIGKILL, point
            if then == "again":
                assert at.ring(ANNA, "r-1", data).fresh is (point != "vault.bucket.name:after"), point
                assert at.read(ANNA, "r-1") == data
            assert at.erase(BELA).state is OrderState.FULFILLED, point
            assert marks(at) == [], point
            assert uploads(shelf) == [], point
            with at.open() as opened:
                living = opened.vault.recordings("doorbell")
            there = then == "again" or point == "vault.bucket.name:after"
            assert (len(living), len(shelf.versions())) == ((1, 1) if there else (0, 0)), point


def _die(at: Doorbells, point: str, data: bytes) -> None:
    with arm(point, "kill"):
        at.ring(ANNA, "r-1", data)


def test_a_refusal_between_key_and_object_sends_nothing(bucketed: Doorbells, shelf: Shelf):
    """An order comes when the key is durable: the object never appears, and its upload ends."""
    orders: list[str] = []

    def order() -> None:
        with bucketed.open() as opened:
            orders.append(opened.order_erase([opened.resolve(ANNA)]).order)

    with arm("keytable.commit:after", order), pytest.raises(Exception, match="suppressed"):
        bucketed.ring(ANNA, "r-1", LONG)
    assert shelf.versions() == []
    assert uploads(shelf) == []
    assert marks(bucketed) == []


def test_a_bucket_that_is_not_there_loses_no_key(bucketed: Doorbells, shelf: Shelf):
    """The map names another bucket: every recording would pass for lost. Nothing is taken in, and nothing is shredded."""
    data = speech(0)
    bucketed.ring(ANNA, "r-1", data)
    text = bucketed.map.read_text()
    bucketed.map.write_text(text.replace(f"s3://{shelf.name}/", "s3://no-such-bucket/"))
    with pytest.raises(StoreUnavailable, match="bucket is not there"):
        bucketed.ring(ANNA, "r-1", data)
    assert expunge("check", "--map", bucketed.map).code != 0
    bucketed.map.write_text(text)
    assert bucketed.read(ANNA, "r-1") == data
    with bucketed.open() as opened:
        assert opened.vault.ingest("doorbell", path_of(ANNA, "r-1"), io.BytesIO(data)).fresh is False


class Interrupted(io.BytesIO):
    """A stream in the middle of which something else happens, once parts of it were sent."""

    def __init__(self, data: bytes, then: Callable[[], None]) -> None:
        super().__init__(data)
        self._then: Callable[[], None] | None = then

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if not data and self._then is not None:
            self._then, then = None, self._then
            then()
        return data


def test_a_long_recording_that_comes_in_holds_no_order_up(bucketed: Doorbells, shelf: Shelf):
    """Its parts are sealed, and no residue of anybody; an upload by somebody else to the vault's place may hold anything."""
    for one in (ANNA, BELA):
        bucketed.ring(one, "r-1", speech(0))
    runs: list[Run] = []

    def order() -> None:
        assert len(uploads(shelf)) == 1
        with bucketed.open() as opened:
            assert not [each for each in opened.check() if each.store == "recordings" and each.kind is FindingKind.UNDECLARED]
        runs.append(bucketed.erase(ANNA))
        with client(shelf.server) as s3:
            key = f"{shelf.prefix}objects/{'0' * 32}"
            begun = s3.create_multipart_upload(Bucket=shelf.name, Key=key)["UploadId"]
            s3.upload_part(Bucket=shelf.name, Key=key, UploadId=begun, PartNumber=1, Body=b"anything")
        runs.append(bucketed.erase(BELA))

    with bucketed.open() as opened:
        opened.vault.renew_gate()
        opened.vault.ingest("doorbell", path_of(CARA, "r-1"), Interrupted(LONG, order), [])
    mine, other = runs
    assert (mine.state, mine.reasons) == (OrderState.FULFILLED, ())
    assert other.state is OrderState.IN_PART
    assert bucketed.read(CARA, "r-1") == LONG
