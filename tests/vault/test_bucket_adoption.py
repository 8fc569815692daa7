"""What lies in the clear in a bucket goes into the vault, with all its versions; what cannot go stays, and is told."""

from __future__ import annotations

import signal
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from expunge import clock
from expunge.bootstrap.vault.adopting import adoption
from expunge.core.values.order import OrderState
from expunge.faults import arm
from expunge.servers.seaweedfs import SeaweedServer
from expunge.testing.forked import in_child
from tests.cli.running import expunge
from tests.moment import of_the_machine
from tests.stores.s3.s3_company import Shelf, client
from tests.vault.bucket_home import declaration, move_vault, prefix
from tests.vault.doorbells import ANNA, BELA, CARA, Doorbells, copy, path_of, speech
from tests.vault.test_adoption import CLEAR, adopt, counts, sealed

VERSIONED = pytest.mark.parametrize("versioning", ["Enabled", None])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adoption, "PAUSE_S", 0.01)


@pytest.fixture
def versioning() -> str | None:
    return "Enabled"


@pytest.fixture
def media(seaweed: SeaweedServer, versioning: str | None) -> Shelf:
    return prefix(seaweed, f"media-{versioning or 'never'}".lower(), versioning)


@pytest.fixture
def both(home: Doorbells, media: Shelf) -> Doorbells:
    """The company as it was before it had a vault: recordings lie in a bucket. The map declares both places."""
    declare(home, media)
    return home


def declare(home: Doorbells, media: Shelf) -> None:
    home.write_map()
    text = home.map.read_text().replace("  notes: {kind", f"  media: {declaration('s3', media)}\n  notes: {{kind", 1)
    clear = f'  {CLEAR}: {{store: media, path: "doorbell/{{profile_id}}/{{recording_id}}.flac", subject: {{profile: profile_id}}, '
    home.map.write_text(text + clear + "categories: [user.biometrics.voice], retention: seen}\n")


def put(media: Shelf, one: str, name: str, data: bytes, **more: object) -> bytes:
    media.put(path_of(one, name), data, **more)
    return data


@VERSIONED
def test_a_bucket_moves_into_a_vault_in_a_bucket(both: Doorbells, media: Shelf, seaweed: SeaweedServer, versioning: str | None):
    """Sealed, as old as they were, and no version of a clear one is left; a second run finds nothing; an order finds them."""
    vault = prefix(seaweed, "adopted", "Enabled")
    move_vault(both, vault)
    put(media, ANNA, "r-0", speech(6))
    said = {(one, f"r-{number}"): put(media, one, f"r-{number}", speech(number)) for number, one in enumerate((ANNA, ANNA, BELA, CARA))}
    ran = expunge("vault", "adopt", "doorbell", "--from", CLEAR, "--dry-run", "--map", both.map, "--json")
    assert (ran.json["recordings"], ran.json["people"], ran.json["left"]) == (4, 3, [])
    assert counts(adopt(both)) == (4, 0, 0)
    assert media.versions() == []
    assert {key: sealed(both, *key) for key in said} == said
    assert len(vault.versions()) == 4
    with both.open() as opened:
        recordings = opened.vault.recordings("doorbell")
    assert all(each.clear_before for each in recordings)
    assert all(abs(each.at - of_the_machine()) < timedelta(minutes=5) for each in recordings)
    assert counts(adopt(both)) == (0, 0, 0)
    assert both.erase(ANNA).state is OrderState.FULFILLED
    assert len(vault.versions()) == 2
    assert both.read(BELA, "r-2") == said[BELA, "r-2"]


@VERSIONED
@pytest.mark.parametrize("moment", ["vault.ingest.data:after", "vault.ingest.folder:after"])
def test_an_object_that_is_written_meanwhile_is_not_erased(both: Doorbells, media: Shelf, moment: str, versioning: str | None):
    """While it is sealed, and between sealing and erasing: the newer version stays, the others go."""
    put(media, ANNA, "r-0", speech(0))
    put(media, BELA, "r-1", speech(1))
    second = moment == "vault.ingest.data:after"
    with arm(moment, lambda: put(media, ANNA, "r-0", speech(6)) and None, at=2 if second else 1):
        summary = adopt(both)
    assert counts(summary) == (1, 0, 1)
    assert "written to meanwhile" in next(iter(summary.left))
    assert media.get(path_of(ANNA, "r-0")) == speech(6)
    assert sealed(both, BELA, "r-1") == speech(1)
    again = adopt(both)
    if second:
        assert counts(again) == (1, 0, 0)
        assert sealed(both, ANNA, "r-0") == speech(6)
    else:
        assert "other bytes" in next(iter(again.left))


@pytest.mark.parametrize("versioning", [None])
def test_without_versions_an_object_goes_only_as_it_was_listed(both: Doorbells, media: Shelf, versioning: str | None):
    """Replaced between the last look and the call that deletes: the condition of that call keeps it."""
    put(media, ANNA, "r-0", speech(0))
    put(media, BELA, "r-1", speech(1))
    with arm("s3.erase.each:before", lambda: put(media, ANNA, "r-0", speech(6)) and None):
        summary = adopt(both)
    assert counts(summary) == (1, 0, 1)
    assert media.get(path_of(ANNA, "r-0")) == speech(6)


def test_a_locked_object_stays_in_the_clear(home: Doorbells, seaweed: SeaweedServer):
    """It is sealed, and said to be under lock until when. The others go."""
    media = prefix(seaweed, "media-locked", None, ObjectLockEnabledForBucket=True)
    declare(home, media)
    until = clock.now() + timedelta(minutes=5)
    put(media, ANNA, "r-0", speech(0), ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)
    put(media, BELA, "r-1", speech(1))
    summary = adopt(home)
    assert counts(summary) == (1, 0, 1)
    assert "object lock (GOVERNANCE) keeps it until" in next(iter(summary.left))
    assert media.get(path_of(ANNA, "r-0")) == speech(0)
    assert sealed(home, ANNA, "r-0") == speech(0)


@pytest.mark.usefixtures("machines_clock")
def test_what_is_no_present_object_is_told(both: Doorbells, media: Shelf):
    """A deleted one with older versions, and one that is being uploaded: left, each with its reason."""
    put(media, ANNA, "r-0", speech(0))
    put(media, BELA, "r-1", speech(1))
    put(media, CARA, "r-2", speech(2))
    with client(media.server) as s3:
        s3.delete_object(Bucket=media.name, Key=media.prefix + path_of(ANNA, "r-0"))
        for one, name in ((BELA, "r-1"), (CARA, "r-9")):
            s3.create_multipart_upload(Bucket=media.name, Key=media.prefix + path_of(one, name))
    summary = adopt(both)
    assert counts(summary) == (1, 0, 3)
    assert sorted((why.split(":")[0], count) for why, count in summary.left.items()) == [
        ("an upload to it is under way", 2),
        ("it was deleted in the bucket, which still has older versions of it", 1),
    ]
    assert media.get(path_of(BELA, "r-1")) == speech(1)


POINTS = ("vault.bucket.name:after", "keytable.commit:after", "s3.erase.delete:before", "s3.erase.delete:after")


def test_killed_anywhere_each_object_is_in_one_place_or_in_both(home: Doorbells, tmp_path: Path, seaweed: SeaweedServer):
    """Never in none; the next run goes on."""
    for number, point in enumerate(POINTS):
        at, media = copy(home, tmp_path / f"{number}"), prefix(seaweed, "media-enabled", "Enabled")
        declare(at, media)
        move_vault(at, prefix(seaweed, "adopted", "Enabled"))
        said = {(one, name): put(media, one, name, data) for one, name, data in ((ANNA, "r-0", speech(0)), (BELA, "r-1", speech(1)))}
        assert in_child(partial(_die, at, point)).killed_by == signal.SIGKILL, point
        here = dict(media.all())
        for (one, name), data in said.items():
            held = [each for each in (here.get(path_of(one, name)), sealed(at, one, name)) if each is not None]
            assert held in ([data], [data, data]), point
        assert sum(adopt(at).left.values()) == 0, point
        assert media.versions() == [], point
        assert {key: sealed(at, *key) for key in said} == said, point


def _die(at: Doorbells, point: str) -> None:
    with arm(point, "kill"):
        adopt(at)
