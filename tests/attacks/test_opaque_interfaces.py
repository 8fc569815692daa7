"""Bytes that nobody can read, where no file of this machine holds them: objects of buckets, cells of tables, artefacts of a registry."""

from __future__ import annotations

import gzip
from itertools import count
from pathlib import Path

import pytest

from expunge import survey
from expunge.core.evidence.unread_places import PlaceKind, UnreadPlace
from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from expunge.servers.seaweedfs import SeaweedServer
from tests.attacks.test_by_place_bucket import Cloud
from tests.attacks.test_opaque import age, cannot_tell, jpeg, unread
from tests.engine.household import BELA, SAID, Household, build
from tests.stores.s3.s3_company import Shelf, bucket

_numbers = count(1)
KEYS_GONE = "the key was destroyed"


@pytest.fixture
def cloud(tmp_path: Path, seaweed: SeaweedServer) -> Cloud:
    return Cloud(build(tmp_path / "home"), Shelf.of(seaweed, bucket(seaweed, f"opaque-{next(_numbers)}"), tmp_path))


def declare(home: Household, *lines: str) -> None:
    home.map.write_text("\n  ".join([f"{home.map.read_text()}opaque:", *lines]) + "\n")


def proposed(home: Household) -> list[str]:
    """The lines that check prints, with a reason in them."""
    found = [each.mend for each in survey.check(home.map).findings if "opaque:" in each.mend]
    return [each.replace("WHY IT HOLDS NOTHING OF PEOPLE WHO GO", KEYS_GONE) for each in found]


def fulfilled(run: Run) -> None:
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())


# --- buckets ---------------------------------------------------------------------------------------


def test_an_object_that_nobody_can_read_is_not_clean_until_the_map_declares_it(cloud: Cloud) -> None:
    cloud.shelf.put("old/export.age", age())
    cloud.shelf.put("old/packed.gz", gzip.compress(age(), mtime=0)[:-50])
    run = cloud.erase()
    assert cannot_tell(run), run.reasons
    lines = proposed(cloud.home)
    assert [each.partition("path: ")[2].partition(",")[0] for each in lines] == ['"old/export.age"', '"old/packed.gz"']
    declare(cloud.home, *lines)
    assert not proposed(cloud.home)
    run = cloud.home.apply(run.order)
    fulfilled(run)
    assert UnreadPlace("cloud", PlaceKind.OPAQUE, "old/export.age", KEYS_GONE, 1, 1000, 1, 1000) in unread(cloud.home, run)


def test_an_opaque_object_of_somebody_who_stays_is_theirs_and_readable_ones_are_in_nobodys_way(cloud: Cloud) -> None:
    cloud.shelf.put(f"said/{BELA}.txt", age())
    cloud.shelf.put("pictures/photo.jpg", jpeg())
    cloud.shelf.put("pictures/notes.txt", SAID[BELA][1].encode() * 40)
    assert not proposed(cloud.home)
    run = cloud.erase()
    fulfilled(run)
    (place,) = [each for each in unread(cloud.home, run) if each.store == "cloud"]
    assert (place.kind, place.files, place.unread_files) == (PlaceKind.UNDECLARED, 1, 0)


@pytest.mark.soak
def test_an_older_version_that_nobody_can_read_counts_and_ignoring_is_not_enough(tmp_path: Path, seaweed: SeaweedServer) -> None:
    cloud = Cloud(build(tmp_path / "home"), Shelf.of(seaweed, bucket(seaweed, f"opaque-{next(_numbers)}", "Enabled"), tmp_path))
    cloud.shelf.put("old/export.age", age())
    cloud.shelf.put("old/export.age", b"")
    cloud.home.map.write_text(f'{cloud.home.map.read_text()}ignore:\n  - {{store: cloud, path: "old/*", reason: old things}}\n')
    run = cloud.erase()
    assert cannot_tell(run), run.reasons
    declare(cloud.home, *proposed(cloud.home))
    fulfilled(cloud.home.apply(run.order))
