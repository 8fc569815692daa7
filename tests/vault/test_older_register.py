"""A register of key deaths from yesterday, with the key table of yesterday: noticed when the vault is opened, under a living epoch too."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from expunge.adapters.roots.shred_file import ShredFile
from expunge.core.journal.epoch_events import ShredsAccepted, ShredsEntered
from expunge.core.values.order import OrderState
from expunge.engine.kernel.journal_streams import SHREDS, read_register
from expunge.engine.vault.shred_heads import ShredHeads
from expunge.errors import StoreUnavailable
from expunge.faults import arm
from expunge.ports.vault.shred_register import Head
from expunge.testing.forked import in_child
from tests.cli.running import Ran, expunge
from tests.vault.doorbells import ANNA, BELA, CARA, Doorbells, path_of, speech


def register_of(home: Doorbells) -> Path:
    return home.folder / "state/shreds.jsonl"


def table_of(home: Doorbells) -> Path:
    return home.folder / "state/vault/table"


def copied(home: Doorbells, to: Path) -> None:
    to.mkdir()
    shutil.copy(register_of(home), to / "shreds.jsonl")
    shutil.copytree(table_of(home), to / "table")
    shutil.copytree(home.vault, to / "files")


def put_back(home: Doorbells, copy: Path) -> None:
    shutil.copy(copy / "shreds.jsonl", register_of(home))
    for place, name in ((table_of(home), "table"), (home.vault, "files")):
        shutil.rmtree(place)
        shutil.copytree(copy / name, place)


def vault(home: Doorbells, *arguments: str) -> Ran:
    return expunge("vault", *arguments, "--map", home.map)


@pytest.fixture
def yesterday(home: Doorbells, tmp_path: Path) -> Path:
    """Everything of the vault as it was before Anna was erased, her recordings sealed under an epoch that lives today."""
    for number, one in enumerate((ANNA, BELA)):
        home.ring(one, "r-1", speech(number))
    home.erase(CARA)
    copied(home, tmp_path / "yesterday")
    home.erase(ANNA)
    copied(home, tmp_path / "today")
    return tmp_path / "yesterday"


def test_an_older_register_opens_nothing(home: Doorbells, yesterday: Path) -> None:
    """Table, register and files agree with one another, and the journal knows of more: nothing is read, nothing taken in, no order ends."""
    put_back(home, yesterday)
    with pytest.raises(StoreUnavailable, match="older copy"):
        home.read(BELA, "r-1")
    ran = vault(home, "status")
    assert ran.code == 1
    assert "put its newest copy back" in ran.err
    with pytest.raises(StoreUnavailable):
        home.ring(BELA, "r-2", speech(2))
    order = home.order(BELA)
    assert home.apply(order).state is OrderState.IN_PART
    put_back(home, yesterday.with_name("today"))
    assert home.apply(order).state is OrderState.FULFILLED


def test_a_person_may_go_on_with_an_older_one_and_a_sweep_erases_again(home: Doorbells, yesterday: Path) -> None:
    """Where no newer copy is left: the decision is in the journal, and who was erased since is found and erased."""
    assert vault(home, "accept-older", "--by", "priya", "--reason", "no need", "--yes").code == 2
    put_back(home, yesterday)
    assert vault(home, "accept-older", "--by", "priya", "--reason", "the disk was lost").code == 2, "nobody said yes"
    assert vault(home, "accept-older", "--by", "priya", "--reason", "the disk was lost", "--yes").code == 0
    assert home.read(BELA, "r-1") == speech(1)
    with home.open() as opened:
        assert [each.name for each in opened.vault.recordings("doorbell") if ANNA in each.name] == [path_of(ANNA, "r-1")]
        came = opened.sweep().came_back
        assert came
        for each in came:
            opened.plan(each.followed_by)
            opened.apply(each.followed_by)
        assert not [each for each in opened.vault.recordings("doorbell") if ANNA in each.name]
        assert any(isinstance(each, ShredsAccepted) for each in read_register(opened.context.journal, SHREDS))
    put_back(home, yesterday)
    with pytest.raises(StoreUnavailable, match="older copy"):
        home.read(BELA, "r-1")


def test_another_register_is_refused(home: Doorbells, yesterday: Path) -> None:
    """As long, chained, and of another vault."""
    assert yesterday
    lines = register_of(home).read_bytes().count(b"\n")
    other = ShredFile(register_of(home).with_name("other.jsonl"))
    for _, entry in list(ShredFile(register_of(home)).after(0))[::-1]:
        other.append(entry)
    assert other.head().number == lines
    shutil.copy(register_of(home).with_name("other.jsonl"), register_of(home))
    shutil.rmtree(table_of(home))
    with pytest.raises(StoreUnavailable, match="not the one that the journal knows"):
        home.read(BELA, "r-1")


@pytest.mark.parametrize("point", ["journal.register:before", "journal.register:after", "shreds.append:after", "keytable.commit:before"])
def test_a_register_that_is_ahead_of_the_journal_is_fine(home: Doorbells, point: str) -> None:
    """Killed anywhere between register, journal and table: the next opening finishes the shred, and enters the head."""
    for number, one in enumerate((ANNA, BELA)):
        home.ring(one, "r-1", speech(number))

    def shred() -> None:
        with home.open() as opened:
            table = opened._vaults.table()
            (mine,) = [each for each in opened.vault.recordings("doorbell") if ANNA in each.name]
            with arm(point, "kill"):
                table.shred([bytes.fromhex(mine.id)])

    assert in_child(shred).killed_by == 9
    with home.open() as opened:
        assert [each.name for each in opened.vault.recordings("doorbell")] == [path_of(BELA, "r-1")]
        (*_, last) = read_register(opened.context.journal, SHREDS)
        head = ShredFile(register_of(home)).head()
    assert isinstance(last, ShredsEntered)
    assert (last.number, last.digest) == (head.number, head.digest.hex())
    assert home.read(BELA, "r-1") == speech(1)


def test_a_shred_does_not_wait_for_the_journal(home: Doorbells) -> None:
    """A journal that takes nothing now stops no key from dying; it learns of it later."""
    home.ring(ANNA, "r-1", speech(0))
    with home.open() as opened:
        table = opened._vaults.table()
        (mine,) = opened.vault.recordings("doorbell")
        before = len(list(read_register(opened.context.journal, SHREDS)))
        with arm("journal.register:before", "full"):
            assert table.shred([bytes.fromhex(mine.id)]) == 1
        assert len(list(read_register(opened.context.journal, SHREDS))) == before
    with home.open() as opened:
        assert not opened.vault.recordings("doorbell")
        assert len(list(read_register(opened.context.journal, SHREDS))) == before + 1


def test_a_head_that_is_entered_late_hides_no_later_one(home: Doorbells) -> None:
    """Two processes enter their heads in the other sequence than their entries: the later head stays known."""
    with home.open() as opened:
        heads = ShredHeads(opened.context.journal, opened.context.clock.now)
        heads.enter(Head(7, b"7" * 32))
        heads.enter(Head(6, b"6" * 32))
        assert heads.known() == Head(7, b"7" * 32)
        heads.accept(Head(3, b"3" * 32), "priya", "the disk was lost")
        heads.enter(Head(4, b"4" * 32))
        assert heads.known() == Head(4, b"4" * 32)
