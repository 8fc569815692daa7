"""Recordings come in sealed, whole or not at all, and only of those who may come in."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from expunge.core.values.order import OrderState
from expunge.errors import Refused, StoreUnavailable, UsageError
from expunge.faults import arm, record
from expunge.testing.forked import in_child
from tests.cli.running import expunge
from tests.vault.doorbells import ANNA, BELA, CARA, Doorbells, copy, path_of, speech


def names(home: Doorbells) -> list[str]:
    with home.open() as opened:
        return sorted(each.name for each in opened.vault.recordings("doorbell"))


def findings(home: Doorbells) -> list[str]:
    with home.open() as opened:
        return [each.what for each in opened.check() if each.store == "recordings"]


def files(home: Doorbells) -> list[Path]:
    return sorted(path for path in home.vault.rglob("*") if path.is_file())


class Dying(io.RawIOBase):
    """A stream that ends in trouble after some bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        taken = self._data.readinto(buffer)
        if not taken:
            raise OSError(5, "the line went dead")
        return taken


def test_the_same_again_changes_nothing_and_another_of_the_name_is_refused(home: Doorbells):
    """Twice the same is one recording; other bytes under its name say what to do, and leave the first as it is."""
    data = speech(0)
    first, again = home.ring(ANNA, "r-1", data), home.ring(ANNA, "r-1", data)
    assert (first.fresh, again.fresh, again.recording.id) == (True, False, first.recording.id)
    with pytest.raises(UsageError, match="other bytes"):
        home.ring(ANNA, "r-1", data + b"more")
    assert home.read(ANNA, "r-1") == data
    assert len(files(home)) == 1


def test_a_stream_that_dies_or_lies_leaves_nothing(home: Doorbells):
    """Cut off, or of another length or hash than was claimed: no file, no row, and the next try works."""
    data = speech(0)
    with home.open() as opened:
        take = partial(opened.vault.ingest, "doorbell", path_of(ANNA, "r-1"))
        with pytest.raises(StoreUnavailable, match="the line went dead"):
            take(io.BufferedReader(Dying(data)))
        with pytest.raises(UsageError, match="were claimed"):
            take(io.BytesIO(data), size=len(data) + 1)
        with pytest.raises(UsageError, match="another SHA-256"):
            take(io.BytesIO(data), digest="0" * 64)
    assert (files(home), names(home)) == ([], [])
    assert home.ring(ANNA, "r-1", data).fresh


def test_an_empty_recording_and_one_of_exactly_a_chunk(home: Doorbells):
    """Nothing, and lengths at the edge of a chunk, come out as they came in."""
    for number, size in enumerate((0, 1, 16 * 1024 - 1, 16 * 1024, 16 * 1024 + 1)):
        data = os.urandom(size)
        home.ring(BELA, f"r-{number}", data)
        assert home.read(BELA, f"r-{number}") == data


@pytest.mark.parametrize("name", ["doorbell/p-1.flac", "doorbell/../r-1.flac", "doorbell/a\0b/r-1.flac", "/doorbell/p-1/r-1.flac", ""])
def test_a_name_that_fits_no_path_is_refused(home: Doorbells, name: str):
    """Names are those that the map knows, or an order would not find them."""
    with home.open() as opened, pytest.raises(UsageError, match="fits no path"):
        opened.vault.ingest("doorbell", name, io.BytesIO(b"x"))
    assert not home.vault.exists()


def test_who_is_suppressed_does_not_come_in(home: Doorbells):
    """Nor as a further person in somebody else's recording; nothing is written."""
    home.ring(BELA, "r-1", speech(1))
    order = home.order(ANNA)
    for one, others in ((ANNA, ()), (BELA, (ANNA,))):
        with pytest.raises(Refused, match="suppressed"):
            home.ring(one, "r-2", speech(0), *others)
    assert names(home) == [path_of(BELA, "r-1")]
    assert home.apply(order).state is OrderState.FULFILLED


def test_an_order_that_comes_while_a_recording_does_wins(home: Doorbells):
    """The fence is asked again when the key is durable: the recording that was under way does not outlive the order."""

    class Slow(io.BytesIO):
        def read(self, *size) -> bytes:
            if not self.tell():
                home.order(ANNA)
            return super().read(*size)

    with home.open() as opened, pytest.raises(Refused, match="suppressed"):
        opened.vault.ingest("doorbell", path_of(ANNA, "r-1"), Slow(speech(0)))
    assert (files(home), names(home)) == ([], [])


POINTS = ("vault.ingest.data:after", "keytable.commit:after", "vault.ingest.swap:before", "vault.ingest.swap:after")
"""Where it matters most: nothing is in the table, a key is and no name, a name is and may not survive."""


@pytest.mark.parametrize("some", ["points", pytest.param("all", marks=pytest.mark.soak)])
def test_killed_anywhere_it_is_there_whole_or_not_at_all(home: Doorbells, tmp_path: Path, some: str):
    """No readable half, a second ingest works, an order takes it, and a purge leaves nothing over."""
    data = speech(0)

    def ring(at: Doorbells) -> None:
        at.ring(ANNA, "r-1", data)

    home.ring(BELA, "r-0", speech(1))
    dry = copy(home, tmp_path / "dry")
    with record() as passed:
        ring(dry)
    points = sorted({name for name in passed if name.startswith(("vault.ingest", "keytable"))})
    assert set(points) > set(POINTS)
    for number, point in enumerate(points if some == "all" else POINTS):
        at = copy(home, tmp_path / str(number))
        assert in_child(partial(_die, ring, at, point, passed.count(point))).killed_by == signal.SIGKILL, point
        assert at.places(data) == [], point
        assert names(at) in ([path_of(BELA, "r-0")], [path_of(ANNA, "r-1"), path_of(BELA, "r-0")]), point
        ring(at)
        assert at.read(ANNA, "r-1") == data, point
        assert names(at) == [path_of(ANNA, "r-1"), path_of(BELA, "r-0")], point
        assert at.erase(ANNA).state is OrderState.FULFILLED, point
        assert names(at) == [path_of(BELA, "r-0")], point
        assert len(files(at)) == 1, point
        assert [each for each in findings(at) if "leftover" in each] == [], point


def _die(ring: Callable[[Doorbells], None], at: Doorbells, point: str, nth: int) -> None:
    with arm(point, "kill", nth):
        ring(at)


def test_a_disk_that_is_full_leaves_nothing(home: Doorbells):
    """What did not fit is not half there; with room again it comes in."""
    data = speech(0)
    home.ring(BELA, "r-0", speech(1))
    for point in ("vault.ingest.data:before", "keytable.commit:before", "vault.ingest.swap:before"):
        with home.open() as opened:
            opened.vault.recordings("doorbell")
            with arm(point, "full"), pytest.raises(StoreUnavailable, match="no space left"):
                opened.vault.ingest("doorbell", path_of(ANNA, "r-1"), io.BytesIO(data))
        assert home.places(data) == []
    assert home.ring(ANNA, "r-1", data).recording.size == len(data)
    assert home.read(ANNA, "r-1") == data


# --- the command -----------------------------------------------------------------------------------------


def test_from_the_command_line(home: Doorbells, tmp_path: Path):
    """A file by its fields, stdin by its name, a folder by the names below it."""
    one = tmp_path / "one.flac"
    one.write_bytes(speech(0))
    options = ("--dataset", "doorbell", "--map", home.map)
    ran = expunge("ingest", one, "--field", f"profile_id={ANNA}", "--field", "recording_id=r-0", *options, "--json")
    assert ran.json == {"schema": "expunge.ingested/1", "fresh": 1, "known": 0, "bytes": len(speech(0)), "refused": 0}
    command = [sys.executable, "-m", "expunge", "ingest", "-", "--name", path_of(BELA, "r-1"), *map(str, options)]
    done = subprocess.run(command, input=speech(1), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "many"
    for number, who in enumerate((ANNA, CARA)):
        place = folder / path_of(who, f"r-{number + 7}")
        place.parent.mkdir(parents=True)
        place.write_bytes(speech(number + 2))
    assert json.loads(expunge("ingest", folder, *options, "--json").out)["fresh"] == 2
    assert json.loads(expunge("ingest", folder, *options, "--json").out) == {
        "schema": "expunge.ingested/1", "fresh": 0, "known": 2, "bytes": 0, "refused": 0,
    }  # fmt: skip
    assert len(names(home)) == 4
    assert home.read(BELA, "r-1") == speech(1)


def test_a_folder_goes_on_without_those_who_are_refused(home: Doorbells, tmp_path: Path):
    """The command says how many were refused, and fails; the others are in. A stray file is refused before anything is written."""
    home.order(ANNA)
    folder = tmp_path / "many"
    for who in (ANNA, BELA):
        place = folder / path_of(who, "r-1")
        place.parent.mkdir(parents=True)
        place.write_bytes(speech(0))
    options = ("--dataset", "doorbell", "--map", home.map)
    ran = expunge("ingest", folder, *options)
    assert ran.code == 1
    assert "1 recording" in ran.out
    assert "suppressed" in ran.err
    assert ANNA not in ran.out + ran.err
    assert names(home) == [path_of(BELA, "r-1")]
    (folder / "notes.txt").write_text("not a recording")
    told = expunge("ingest", folder, *options).err
    assert "1 of 3 files" in told
    assert "notes.txt" in told, "who has ten thousand files needs the name"
    lone = ("ingest", folder / "nowhere.mp4", *options, "--name", path_of(BELA, "r-2"))
    assert "nowhere.mp4 cannot be read" in expunge(*lone).err
    assert "64 hex digits" in expunge(*lone, "--sha256", "00").err
