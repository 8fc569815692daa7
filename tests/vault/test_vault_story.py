"""A person leaves: their recordings go dark in every copy, and everybody else's stay as they are."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import pytest

from expunge import clock
from expunge.adapters.host.clocks import SystemClock
from expunge.core.values.order import OrderState
from expunge.core.verification import receipt_verify
from expunge.errors import ExpungeError
from expunge.ports.vault.sealed_library import SealedRecording
from expunge.vault.chunked import object_context, open_sealed
from expunge.vault.library import Library
from tests import exports
from tests.cli.running import expunge
from tests.engine.consents import Shifted
from tests.vault.doorbells import ANNA, BELA, CARA, PEOPLE, Doorbells, speech
from tests.vault.windows import Windows, files_below


@pytest.fixture
def rung(home: Doorbells) -> dict[str, bytes]:
    """Two recordings of each, and what is in them."""
    held = {}
    for number, one in enumerate((*PEOPLE, *PEOPLE)):
        held[f"{one}/r-{number}"] = speech(number)
        home.ring(one, f"r-{number}", held[f"{one}/r-{number}"])
    return held


def sealed_files(home: Doorbells) -> set[Path]:
    return {path for path in (home.vault / "objects").rglob("*") if path.is_file()}


def test_a_person_leaves_and_their_recordings_go_dark(home: Doorbells, rung: dict[str, bytes], tmp_path: Path):
    """Fulfilled by a look that could see; the others' recordings are byte for byte what they were; a kept copy opens with nothing left."""
    before = sealed_files(home)
    shutil.copytree(home.vault, tmp_path / "kept")
    run = home.erase(ANNA)
    assert run.state is OrderState.FULFILLED
    assert home.entries(run) == {"profiles": ("erased", "gone"), "remarks": ("absent", ""), "doorbell": ("erased", "gone")}
    assert len(before - sealed_files(home)) == 2
    for name, data in rung.items():
        one, recording = name.split("/")
        if one == ANNA:
            with pytest.raises(ExpungeError, match="no such recording"):
                home.read(one, recording)
        else:
            assert home.read(one, recording) == data

    gone = {path.name for path in before - sealed_files(home)}
    with home.open() as opened:
        table = opened.vault.vaults.table()
        living = [row.id for row in table.objects("doorbell")]
        keys = [table.key(each) for each in living]
    for path in (tmp_path / "kept" / "objects").rglob("*"):
        if path.name in gone:
            for key in keys:
                with pytest.raises(ExpungeError):
                    open_sealed(key, path.read_bytes(), object_context("doorbell", path.name))


@pytest.mark.duty("FAIL-11", "RNG-22")
def test_nothing_that_was_written_holds_a_window(home: Doorbells, rung: dict[str, bytes]):
    """No file of vault, key table, journal or gate holds 16 bytes of a recording, nor a name, before or after an order."""
    windows = Windows(rung.values())
    assert windows.lying_in(files_below(home.folder)) == set()
    named = [path for path in home.folder.rglob("*") if path.is_file() and ANNA.encode() in path.read_bytes()]
    assert [path.name for path in named] == ["app.db"]
    assert not any(one in str(path) for path in home.folder.rglob("*") for one in PEOPLE)
    home.erase(ANNA)
    assert windows.lying_in(files_below(home.folder)) == set()
    recording = rung[f"{BELA}/r-1"]
    # Why in the middle, and not only 31 bytes: recordings begin with padding.
    (home.notes / "here").write_bytes(recording[len(recording) // 2 + 3 :][:79])
    assert windows.lying_in(files_below(home.folder)) == {home.notes / "here"}, "the search sees what there is, at any place"


def test_a_plain_copy_elsewhere_keeps_the_order_open(home: Doorbells, rung: dict[str, bytes]):
    """What left the vault is looked for in every other store: in part while it lies there, fulfilled when it is gone."""
    planted = home.notes / "for-the-demo.bin"
    planted.write_bytes(rung[f"{ANNA}/r-0"])
    order = home.order(ANNA)
    run = home.apply(order)
    assert run.state is OrderState.IN_PART
    assert home.entries(run)["elsewhere in notes"] == ("unable", "present")
    planted.unlink()
    assert home.apply(order).state is OrderState.FULFILLED


def test_a_kept_copy_of_the_key_table_beside_it_keeps_the_order_open(home: Doorbells, rung: dict[str, bytes]):
    """A copy of the table in its own folder still has the wrapped key: that is residue."""
    table = home.folder / "state" / "vault" / "table"
    assert rung
    kept = table / "keys.db.yesterday"
    shutil.copy(table / "keys.db", kept)
    order = home.order(ANNA)
    run = home.apply(order)
    assert run.state is OrderState.IN_PART
    assert home.entries(run)["doorbell"] == ("unable", "present")
    kept.unlink()
    assert home.apply(order).state is OrderState.FULFILLED


def test_a_file_of_no_recording_is_never_taken_for_one(home: Doorbells, rung: dict[str, bytes]):
    """Sealed bytes that no label explains may be anybody's: a finding, and no order is clean beside it, nor does a purge remove it."""
    assert rung
    strange = home.vault / "objects" / "ab" / ("ab" * 16)
    strange.write_bytes(speech(7)[:50_000][::-1])
    with home.open() as opened:
        assert [each.where for each in opened.check() if each.store == "recordings" and each.kind.value == "undeclared"]
    order = home.order(ANNA)
    assert home.apply(order).state is OrderState.IN_PART
    assert strange.exists()
    strange.unlink()
    assert home.apply(order).state is OrderState.FULFILLED


def test_a_sealed_file_that_grew_is_no_recording(home: Doorbells, rung: dict[str, bytes]):
    """Bytes behind a recording are nobody's: the file has another size than its label says."""
    assert rung
    grown = next(path for path in sorted(sealed_files(home)))
    with grown.open("ab") as file:
        file.write(speech(8)[:20_000])
    with home.open() as opened:
        found = [each for each in opened.check() if each.store == "recordings" and each.kind.value == "undeclared"]
    assert len(found) == 1


@pytest.mark.parametrize("rule", ["erase", "keep"])
def test_a_recording_of_two(home: Doorbells, rule: str):
    """It goes with either of them, or stays, as the map says; who is only in the label is found as well.

    What stays is of somebody who is suppressed too, and is opened for no purpose.
    """
    home.write_map(shared=rule)
    alone = speech(1)
    home.ring(ANNA, "together", speech(0), CARA)
    home.ring(BELA, "alone", alone)
    run = home.erase(CARA)
    assert home.entries(run)["doorbell"][0] == ("erased" if rule == "erase" else "kept")
    with pytest.raises(ExpungeError, match="suppressed" if rule == "keep" else "no such recording"):
        home.read(ANNA, "together")
    with home.open() as opened:
        left = [each.name for each in opened.vault.recordings("doorbell")]
    assert len(left) == (2 if rule == "keep" else 1)
    assert home.read(BELA, "alone") == alone


def test_what_has_expired_goes_and_the_rest_of_everybody_stays(home: Doorbells):
    """A rule of retention erases some of everybody's recordings: the look finds a control though each person's key was made anew."""
    for number, one in enumerate(PEOPLE):
        home.ring(one, "old", speech(number))
    later = Shifted(SystemClock(), clock.now() + timedelta(days=40))
    for number, one in enumerate(PEOPLE):
        home.ring(one, "new", speech(number + 3), clock=later)
    with home.open(later) as opened:
        (order,) = opened.retention.retire().orders
        opened.plan(order)
        run = opened.apply(order)
    assert run.state is OrderState.FULFILLED
    with home.open(later) as opened:
        left = {each.name for each in opened.vault.recordings("doorbell")}
        files = opened.receipt_folder(order)
    assert left == {f"doorbell/{one}/new.flac" for one in PEOPLE}
    receipt = receipt_verify.verify(files, files["trust-policy.txt"], at=None).receipt
    assert [each.scan.controls_found > 0 for each in receipt.datasets if each.dataset == "doorbell" and each.scan] == [True]


def test_an_order_opens_nothing_of_who_stays(home: Doorbells, rung: dict[str, bytes], monkeypatch: pytest.MonkeyPatch):
    """Neither a check nor an order reads a recording of anybody but the person who leaves; what it needs of others are wrapped keys."""
    assert rung
    opened_ids: list[str] = []
    really = Library.open

    def noted(library: Library, recording: SealedRecording) -> BinaryIO:
        opened_ids.append(recording.id)
        return really(library, recording)

    monkeypatch.setattr(Library, "open", noted)
    with home.open() as opened:
        mine = {each.id for each in opened.vault.recordings("doorbell") if ANNA in each.name}
        opened.check()
        opened.discover()
    assert opened_ids == []
    assert home.erase(ANNA).state is OrderState.FULFILLED
    assert set(opened_ids) == mine


def test_an_export_is_entered(home: Doorbells, rung: dict[str, bytes], tmp_path: Path):
    """A person's own recordings go into their export, and each of them is in the journal as opened for it."""
    with home.open() as opened:
        opened.export(opened.resolve(ANNA), tmp_path / "anna")
        entered = opened.vault.openings()
    assert {(each.purpose, each.program) for each in entered} == {("subject access", "expunge export")}
    held = sorted(data for name, data in exports.held(tmp_path / "anna").items() if name.endswith(".flac"))
    assert held == sorted(data for name, data in rung.items() if name.startswith(ANNA))
    assert len(entered) == 2


def test_a_check_without_keys_says_so_and_finds_no_fault(home: Doorbells, rung: dict[str, bytes]):
    """`expunge check` has no keys: what it cannot look at is a note, and not a fault of the map."""
    assert rung
    ran = expunge("check", "--map", home.map)
    assert ran.code == 0, ran.err
    assert "its recordings lie sealed" in ran.out


def test_before_anything_came_in_an_order_is_fulfilled(home: Doorbells):
    """A vault without a folder and without recordings holds nothing; one whose folder is away holds what its labels say."""
    assert home.erase(ANNA).state is OrderState.FULFILLED
    home.ring(BELA, "r-1", speech(0))
    home.ring(CARA, "r-1", speech(1))
    home.vault.rename(home.vault.with_name("away"))
    order = home.order(BELA)
    assert home.apply(order).state is OrderState.IN_PART
    home.vault.with_name("away").rename(home.vault)
    assert home.apply(order).state is OrderState.FULFILLED
    assert home.read(CARA, "r-1") == speech(1)


def test_folders_that_are_links(home: Doorbells, rung: dict[str, bytes], tmp_path: Path):
    """Vault and state may lie on another disk, behind a link: an order is as clean as without."""
    for name in ("world/vault", "state"):
        place = home.folder / name
        place.rename(tmp_path / place.name)
        place.symlink_to(tmp_path / place.name)
    assert home.erase(ANNA).state is OrderState.FULFILLED
    assert home.read(BELA, "r-1") == rung[f"{BELA}/r-1"]


def test_a_key_table_from_yesterday(home: Doorbells, rung: dict[str, bytes], tmp_path: Path):
    """Put back from a copy, it opens nothing that was shredded since; what came in since is a finding, and no purge removes it."""
    table = home.folder / "state" / "vault" / "table"
    shutil.copytree(table, tmp_path / "yesterday")
    home.ring(BELA, "new", speech(9))
    assert home.erase(ANNA).state is OrderState.FULFILLED
    shutil.rmtree(table)
    shutil.copytree(tmp_path / "yesterday", table)
    for name in (each for each in rung if each.startswith(ANNA)):
        with pytest.raises(ExpungeError, match="no such recording"):
            home.read(*name.split("/"))
    assert home.read(BELA, "r-1") == rung[f"{BELA}/r-1"]
    before = sealed_files(home)
    assert home.erase(CARA).state is OrderState.IN_PART
    assert len(before - sealed_files(home)) == 2, "hers alone, and not what the old table does not know"
    with home.open() as opened:
        assert [each for each in opened.check() if each.store == "recordings" and each.kind.value == "undeclared"]
