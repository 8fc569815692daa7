"""Programs read recordings through the gate alone; every opening is in the journal before the first byte."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import expunge.vault
from expunge.core.values.ids import pseudonym
from expunge.errors import Refused, StoreUnavailable, UsageError
from expunge.faults import arm
from expunge.vault.file_system import VaultFileSystem
from tests.vault.doorbells import ANNA, BELA, CARA, Doorbells, path_of, speech


@pytest.fixture
def data(home: Doorbells) -> bytes:
    data = speech(0) * 2
    home.ring(ANNA, "r-1", data)
    return data


def name(one: str = ANNA) -> str:
    return f"doorbell/{path_of(one, 'r-1')}"


def test_a_recording_is_read_from_any_place(home: Doorbells, data: bytes):
    """Seekable, as programs that read media want it, and only as far as the part that was asked for."""
    with home.open() as opened:
        with opened.vault.open(name(), purpose="look") as file:
            assert file.seek(-100, os.SEEK_END) == len(data) - 100
            assert file.read() == data[-100:]
            file.seek(17_000)
            assert file.read(40_000) == data[17_000:57_000]
        with opened.vault.open(name(), purpose="look", first=1000, last=20_000) as file:
            assert file.read() == data[1000:20_000]
            file.seek(18_000)
            assert file.read(5000) == data[19_000:20_000]
            with pytest.raises(ValueError, match="no such place"):
                file.seek(-1)
        with pytest.raises(UsageError, match="bytes"):
            opened.vault.open(name(), purpose="look", last=len(data) + 1)


def test_each_opening_is_entered_before_the_first_byte(home: Doorbells, data: bytes):
    """Who, for what, which part, by pseudonyms alone; and where it cannot be entered, nothing is read."""
    with home.open() as opened:
        with opened.vault.open(name(), purpose="look", program="viewer", first=10, last=20):
            (entered,) = opened.vault.openings()
        assert (entered.purpose, entered.program, entered.first, entered.last) == ("look", "viewer", 10, 20)
        assert entered.subjects == (pseudonym(opened.context.keys.pseudonym_key(), "profile", ANNA),)
        for point in ("journal.register:before", "journal.register:after"):
            with arm(point, "full"), pytest.raises(OSError, match="no space left"):
                opened.vault.open(name(), purpose="look")
        stored = b"".join(opened.context.journal.read("openings"))
    assert ANNA.encode() not in stored
    assert b"r-1" not in stored
    assert data


def test_refused_in_the_middle_is_refused(home: Doorbells, data: bytes):
    """An order comes while a program reads: the next byte is not given out, and the file stays closed."""
    with home.open() as opened:
        file = opened.vault.open(name(), purpose="look")
        assert file.read(1000) == data[:1000]
        home.order(ANNA)
        opened.context.pause(1)
        with pytest.raises(Refused, match="suppressed"):
            file.read(1000)
        with pytest.raises(ValueError, match="closed"):
            file.read(1000)
        with pytest.raises(Refused, match="suppressed"):
            opened.vault.open(name(), purpose="look")
        assert len(opened.vault.openings()) == 1


def test_a_snapshot_that_is_too_old_refuses(home: Doorbells, data: bytes):
    """A gate that nobody renews knows nothing: no opening, and no further byte."""
    assert data
    with home.open() as opened:
        gate = opened.gates.open(timedelta(seconds=30))
        object.__setattr__(opened.vault, "gate", lambda: gate)
        file = opened.vault.open(name(), purpose="look")
        gate._now = lambda: opened.context.clock.now() + timedelta(seconds=31)
        with pytest.raises(Refused, match="too old"):
            file.read(10)
        with pytest.raises(Refused, match="too old"):
            opened.vault.open(name(), purpose="look")


def test_what_was_changed_is_not_given_out(home: Doorbells, data: bytes):
    """A sealed file that was cut, lengthened, or changed in the middle is refused; so is another person's in its place."""
    home.ring(BELA, "r-1", speech(1))
    with home.open() as opened:
        (mine,) = [each for each in opened.vault.recordings("doorbell") if ANNA in each.name]
        (theirs,) = [each for each in opened.vault.recordings("doorbell") if BELA in each.name]
        path, other = (home.vault / "objects" / each.id[:2] / each.id for each in (mine, theirs))
        sealed = path.read_bytes()
        for changed in (sealed[:-1], sealed + b"\0", other.read_bytes(), b""):
            path.write_bytes(changed)
            with pytest.raises((StoreUnavailable, UsageError)):
                opened.vault.open(name(), purpose="look")
        path.write_bytes(sealed[:40_000] + bytes([sealed[40_000] ^ 1]) + sealed[40_001:])
        with opened.vault.open(name(), purpose="look") as file:
            assert file.read(16_384) == data[:16_384]
            with pytest.raises(OSError, match="not what was sealed"):
                file.read()


def test_the_door_for_programs(home: Doorbells, data: bytes):
    """A program of its own opens by name, with nothing but the map."""
    program = f"""
import expunge.vault
with expunge.vault.open({name()!r}, purpose="look", map_path={str(home.map)!r}) as file:
    print(len(file.read()))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) == len(data)
    with home.open() as opened:
        assert [(each.program, each.purpose) for each in opened.vault.openings()] == [("-c", "look")]
    assert expunge.vault.__all__ == ["derive", "open", "reading"]


def test_nobody_else_opens_a_recording():
    """One place opens a recording for a program, and asks the gate; others look for an order, an export, an adoption, the inventory.

    And the demo's intruder, who holds a backup and tries what opens.
    """
    source = Path(expunge.vault.__file__).parents[1]
    opening = {path.relative_to(source).as_posix() for path in _mentioning(source, "library.open(")}
    assert opening == {
        "bootstrap/vault/adopting/clear_recordings.py",
        "bootstrap/vault/inventory.py",
        "bootstrap/vault/service.py",
        "demo/story/doorbells.py",
        "stores/vault/sealed_tree.py",
    }
    # A copy for a family is sealed in the same form, under a key of its own.
    assert {path.relative_to(source).as_posix() for path in _mentioning(source, "UnsealingReader")} == {
        "vault/chunked.py", "vault/library.py", "bootstrap/exports/sealed_shelf.py",
    }  # fmt: skip


def _mentioning(source: Path, text: str) -> Iterator[Path]:
    yield from (path for path in sorted(source.rglob("*.py")) if text in path.read_text("utf-8"))


def test_consent_to_store(home: Doorbells):
    """Where the map has a purpose `store` that needs consent, who has not given it does not come in; who has does."""
    from expunge.engine.consent.consent_decisions import Agreement

    (home.folder / "store.md").write_text("# We would like to keep what your doorbell records\n\nYou can say no.\n")
    home.write_map(extra=CONSENT)
    with home.open() as opened:
        opened.consents.give(opened.resolve(CARA), "store", Agreement("app 4.2", "pressed"))
    with pytest.raises(Refused, match="consent was not given"):
        home.ring(ANNA, "r-1", speech(0))
    assert home.ring(CARA, "r-1", speech(1)).fresh


CONSENT = """\
purposes:
  keeping: {description: keep the account, needs: contract, use: collection, datasets: [profiles, remarks]}
  store:
    description: keep what the doorbell records
    needs: consent
    use: collection
    datasets: [doorbell]
    text: store
texts:
  store:
    - {version: 1, file: store.md}
"""


def test_through_fsspec(home: Doorbells, data: bytes):
    """Programs that read through fsspec see what the gate lets them, and each file that they open is entered."""
    fsspec = pytest.importorskip("fsspec")
    fsspec.register_implementation("expunge", VaultFileSystem, clobber=True)
    home.ring(BELA, "r-1", speech(1))
    files = fsspec.filesystem("expunge", purpose="look", map_path=str(home.map), program="dataloader")
    assert files.ls("", detail=False) == ["doorbell"]
    assert sorted(files.find("doorbell")) == [name(ANNA), name(BELA)]
    assert files.size(name()) == len(data)
    assert not files.exists(f"doorbell/{path_of(CARA, 'r-1')}")
    assert files.cat_file(name(), 100, 300) == data[100:300]
    with fsspec.open(f"expunge://{name()}", purpose="look", map_path=str(home.map)) as file:
        assert file.read(10) == data[:10]
        home.order(ANNA)
        time.sleep(0.01)
        with pytest.raises(Refused, match="suppressed"):
            file.read()
    assert files.find("doorbell") == [name(BELA)]
    with pytest.raises(UsageError, match="read and not written"):
        files.open(name(BELA), "wb")
    with pytest.raises(UsageError, match="purpose"):
        fsspec.filesystem("expunge")
    with home.open() as opened:
        assert opened.vault.openings()[0].program == "dataloader"
