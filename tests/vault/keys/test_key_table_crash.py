"""Killed, or told that the disk is full, at every durable point of every verb of the key table: done or not done, never by half."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from expunge import faults
from expunge.errors import RootUnavailable, StateUnavailable
from expunge.testing.forked import in_child
from expunge.vault.keys import rotation
from expunge.vault.keys.key_table import KeyTable
from expunge.vault.keys.objects import NewObject
from tests.architecture.failpoints import all_failpoints
from tests.vault.keys.installation import Installation, is_dark, subject, thief

ANNA, BERT = subject(1), subject(2)
NOW = datetime(2026, 11, 29, tzinfo=UTC)
HERS, ALONE, HIS, BOTH, NEW = (NewObject(bytes([n]) * 16, who, "doorbell", b"x", NOW, False) for n, who in enumerate(
    [(ANNA,), (BERT,), (BERT,), (ANNA, BERT), (ANNA,)], 1))  # fmt: skip


def added(table: KeyTable) -> None:
    table.add([NEW])


def shredded(table: KeyTable) -> None:
    table.shred_subjects([ANNA])


def shredded_alone(table: KeyTable) -> None:
    table.shred([ALONE.id, BOTH.id])


def rotated(table: KeyTable) -> None:
    table.rotate(NOW)


def destroyed(table: KeyTable) -> None:
    table.destroy_epoch(1)


def scrubbed(table: KeyTable) -> None:
    table.scrub()


VERBS: tuple[Callable[[KeyTable], None], ...] = (added, shredded, shredded_alone, rotated, destroyed, scrubbed)


def begin(folder: Path, verb: Callable[[KeyTable], None]) -> tuple[Installation, dict[bytes, bytes], Path]:
    world = Installation(folder)
    with world.open() as table:
        keys = table.add([HERS, ALONE, HIS, BOTH])
        copy = world.keep("before")
        if verb is destroyed:
            table.rotate(NOW)
    return world, dict(zip((HERS.id, ALONE.id, HIS.id, BOTH.id), keys, strict=True)), copy


@cache
def passes(verb: Callable[[KeyTable], None], scratch: Path) -> list[tuple[str, int]]:
    world, _, _ = begin(scratch, verb)
    with faults.record() as names, world.open() as table:
        names.clear()
        verb(table)
    return [(name, names[: at + 1].count(name)) for at, name in enumerate(names)]


def check_after(world: Installation, keys: dict[bytes, bytes], copy: Path, verb: Callable[[KeyTable], None], where: str) -> None:
    dying = {shredded: {HERS.id}, shredded_alone: {ALONE.id, BOTH.id}}.get(verb, set())
    with world.open() as table:
        dark = {id_ for id_ in keys if is_dark(table, id_)}
        assert dark in (set(), dying), where
        assert all(table.key(id_) == key for id_, key in keys.items() if id_ not in dark), where
        if verb is added:
            assert len(list(table.objects("doorbell"))) in {4, 5}, where
            if len(list(table.objects("doorbell"))) == 5:
                assert len(table.key(NEW.id)) == 32
                return
        verb(table)
        assert all(is_dark(table, id_) for id_ in dying), where
        assert all(table.key(id_) == key for id_, key in keys.items() if id_ not in dying), where
        table.rotate(NOW)
        for epoch in table.destroyable():
            table.destroy_epoch(epoch)
        assert all(table.irrecoverable_at(id_) for id_ in dying), where
        opened = {each.id for each in thief([copy, world.table_folder], world.roots(), world.folder / "scratch")}
        assert opened == {each.id for each in table.objects("doorbell")}, where
    assert list(world.folder.rglob(".expunge-*")) == [], where


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_killed_at_every_point_it_is_done_or_not(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, verb: Callable[[KeyTable], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "BATCH", 2)
    points = passes(verb, tmp_path_factory.mktemp("scratch"))
    assert len(points) >= 2
    for number, (name, count) in enumerate(points):
        world, keys, copy = begin(tmp_path / str(number), verb)

        def run(world: Installation = world, name: str = name, count: int = count) -> None:
            with world.open() as table, faults.arm(name, "kill", count):
                verb(table)

        assert in_child(run).killed_by == 9, f"{name}@{count} was not passed"
        check_after(world, keys, copy, verb, f"{name}@{count}")


@pytest.mark.soak
@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_a_full_disk_at_every_point_is_said_and_nothing_is_lost(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, verb: Callable[[KeyTable], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "BATCH", 2)
    for number, (name, count) in enumerate(passes(verb, tmp_path_factory.mktemp("scratch"))):
        world, keys, copy = begin(tmp_path / str(number), verb)
        with world.open() as table, faults.arm(name, "full", count), pytest.raises((StateUnavailable, RootUnavailable)):
            verb(table)
        check_after(world, keys, copy, verb, f"{name}@{count}")


def test_killed_while_the_table_is_made_there_is_a_whole_one_or_none(tmp_path: Path) -> None:
    with faults.record() as names:
        Installation(tmp_path / "scratch").open().close()
    assert len(names) > 10
    for at, name in enumerate(names):
        world = Installation(tmp_path / str(at))

        def run(world: Installation = world, name: str = name, count: int = names[: at + 1].count(name)) -> None:
            with faults.arm(name, "kill", count):
                world.open()

        assert in_child(run).killed_by == 9, name
        with world.open() as table:
            (key,) = table.add([HERS])
            assert table.key(HERS.id) == key


def test_a_register_entry_that_was_not_finished_counts_for_nothing_and_is_cut_off(tmp_path: Path) -> None:
    world, keys, _ = begin(tmp_path, added)
    register = tmp_path / "vault" / "shreds"
    for rest in (b'{"torn":', b'{"torn":1}\n'):
        with register.open("ab") as file:
            file.write(rest)
        with world.open() as table:
            assert {id_: table.key(id_) for id_ in keys} == keys
            assert table.shred([bytes([200 + len(rest)]) * 16]) == 0
            assert rest not in register.read_bytes()
    with world.open() as table:
        assert table.replayed == 0


def test_the_stories_above_pass_every_failpoint_of_the_key_table(tmp_path: Path) -> None:
    with faults.record() as names:
        world, _, _ = begin(tmp_path, destroyed)
        with (tmp_path / "vault" / "shreds").open("ab") as file:
            file.write(b"{")
        with world.open() as table:
            for verb in VERBS:
                verb(table)
    ours = ("keytable.", "shreds.", "roots.")
    wanted = {name for name in all_failpoints() if name.startswith(ours) and not name.startswith("roots.guarded.")}
    assert wanted - set(names) == set()
