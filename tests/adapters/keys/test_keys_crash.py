"""Killed, or told that the disk is full, at every durable point of every verb of the keystore."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from expunge import durable, faults
from expunge.adapters.keys import key_files
from expunge.adapters.keys.local_keystore import LocalKeys, create, open_keystore
from expunge.core.values.signature import verify_ed25519
from expunge.errors import KeyDestroyed, KeystoreLocked, Misconfigured, StateUnavailable
from expunge.testing.forked import in_child
from expunge.testing.keys_suite import ONE, OTHER
from expunge.testing.plain_search import search
from tests.architecture.failpoints import all_failpoints


@dataclass
class World:
    """A keystore with something sealed, and what is known about it."""

    folder: Path
    sealed: bytes = b""
    other: bytes = b""
    signer: bytes = b""
    pseudonym: bytes = b""
    secrets: dict[str, list[bytes]] = field(default_factory=dict)

    @classmethod
    def begin(cls, tmp_path: Path) -> World:
        folder = tmp_path / "state" / "keys"
        keys = create(folder)
        world = cls(folder, keys.seal(ONE, "p", b"one"), keys.seal(OTHER, "p", b"other"), keys.signer_public(), keys.pseudonym_key())
        for place in (f"orders/{ONE}.order", "signer-1.key", "log-1.key", "pseudonym.key"):
            data = (folder / place).read_bytes()
            world.secrets[place] = [key_files.unwrap(keys._root, place, data), data[20:]]
        world.secrets["root"] = [keys._root]
        return world

    def lies(self, name: str) -> list[str]:
        return search([self.folder.parent], [secret.decode("utf-8", "surrogateescape") for secret in self.secrets[name]])

    def leftovers(self) -> list[Path]:
        return [path for path in self.folder.parent.rglob("*") if path.name.startswith(durable.TEMPORARY_PREFIX)]

    def everything_else_still_works(self, keys: LocalKeys) -> None:
        assert keys.open(OTHER, "p", self.other) == b"other"
        assert keys.pseudonym_key() == self.pseudonym
        assert self.signer in keys.signer_publics()
        verify_ed25519(keys.signer_public(), keys.sign_receipt(b"x"), b"x")
        assert len(list(self.folder.glob("signer-*.key"))) == len(list(self.folder.glob("log-*.key"))) == 1
        assert self.leftovers() == []


def made(keys: LocalKeys) -> None:
    keys.trace_key(ONE)


def destroyed(keys: LocalKeys) -> None:
    keys.destroy_order(ONE)


def signer_rotated(keys: LocalKeys) -> None:
    keys.rotate_signer()


def log_rotated(keys: LocalKeys) -> None:
    keys.rotate_log()


def root_rotated(keys: LocalKeys) -> None:
    keys.rotate_root()


VERBS: tuple[Callable[[LocalKeys], None], ...] = (made, destroyed, signer_rotated, log_rotated, root_rotated)


@cache
def passes(verb: Callable[[LocalKeys], None], scratch: Path) -> list[tuple[str, int]]:
    """Every pass of the verb through every failpoint: (name, how manieth)."""
    world = World.begin(scratch)
    with faults.record() as names:
        verb(open_keystore(world.folder))
    return [(name, names[: at + 1].count(name)) for at, name in enumerate(names)]


def check_after(world: World, verb: Callable[[LocalKeys], None], where: str) -> None:
    keys = open_keystore(world.folder)
    world.everything_else_still_works(keys)
    if verb is destroyed:
        try:
            assert keys.open(ONE, "p", world.sealed) == b"one", where
        except KeyDestroyed:
            assert world.lies(f"orders/{ONE}.order") == [], where
        keys.destroy_order(ONE)
        assert world.lies(f"orders/{ONE}.order") == [], where
        return
    assert keys.open(ONE, "p", world.sealed) == b"one", where
    for kind, public in (("signer", keys.signer_public), ("log", keys.log_public)):
        rotated = not (world.folder / f"{kind}-1.key").exists()
        if rotated:
            assert world.lies(f"{kind}-1.key") == [], where
        assert len(public()) == 32
    if keys._root not in world.secrets["root"]:
        assert world.lies("root") == [], where
        assert world.lies("pseudonym.key") == [], "everything is wrapped anew"


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_killed_at_every_point_keys_are_old_or_new_and_destroyed_ones_nowhere(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, verb: Callable[[LocalKeys], None]
) -> None:
    points = passes(verb, tmp_path_factory.mktemp("scratch"))
    assert len(points) > 5
    for number, (name, count) in enumerate(points):
        world = World.begin(tmp_path / str(number))

        def run(world: World = world, name: str = name, count: int = count) -> None:
            keys = open_keystore(world.folder)
            with faults.arm(name, "kill", count):
                verb(keys)

        assert in_child(run).killed_by == 9, f"{name}@{count} was not passed"
        check_after(world, verb, f"{name}@{count}")


@pytest.mark.soak
@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_a_full_disk_at_every_point_is_said_and_nothing_is_lost(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, verb: Callable[[LocalKeys], None]
) -> None:
    for number, (name, count) in enumerate(passes(verb, tmp_path_factory.mktemp("scratch"))):
        world = World.begin(tmp_path / str(number))
        keys = open_keystore(world.folder)
        with pytest.raises(StateUnavailable), faults.arm(name, "full", count):
            verb(keys)
        try:
            still = keys.open(OTHER, "p", world.other)
        except KeystoreLocked:
            still = b"said to open again"
        assert still in {b"other", b"said to open again"}
        check_after(world, verb, f"{name}@{count}")


INTERRUPTED = {
    destroyed: "keys.destroy.mark.folder:after",
    signer_rotated: "keys.make.folder:after",
    log_rotated: "keys.make.folder:after",
    root_rotated: "keys.replace.folder:after",
    made: "keys.make.data:after",
}


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_killed_at_every_point_of_recovery_the_next_open_recovers(tmp_path: Path, verb: Callable[[LocalKeys], None]) -> None:
    def interrupted(name: str) -> World:
        world = World.begin(tmp_path / name)
        keys = open_keystore(world.folder)
        assert in_child(lambda: armed(lambda: verb(keys), INTERRUPTED[verb], 1)).killed_by == 9
        return world

    names: list[str] = in_child(lambda: recorded(interrupted("scratch").folder)).returned()
    assert len(names) >= 6
    for at, name in enumerate(names):
        count = names[: at + 1].count(name)
        world = interrupted(str(at))
        assert in_child(lambda world=world, name=name, count=count: armed(lambda: open_keystore(world.folder), name, count)).killed_by == 9  # type: ignore[misc]
        check_after(world, verb, f"{name}@{count}")


def armed(call: Callable[[], object], name: str, count: int) -> None:
    with faults.arm(name, "kill", count):
        call()


def recorded(folder: Path) -> list[str]:
    with faults.record() as names:
        open_keystore(folder)
    return names


@pytest.mark.parametrize("passphrase", [None, "secret"])
def test_killed_at_every_point_of_making_a_keystore_there_is_a_whole_one_or_none(
    tmp_path: Path, passphrase: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Guessing a passphrase is slow on purpose; the cost stands in the root file, and here it is small.
    monkeypatch.setattr(key_files, "_SCRYPT", {"n": 2**10, "r": 8, "p": 1})
    with faults.record() as names:
        create(tmp_path / "scratch" / "keys", passphrase)
    for at, name in enumerate(names):
        state = tmp_path / str(at)
        folder = state / "keys"
        count = names[: at + 1].count(name)
        assert in_child(lambda folder=folder, name=name, count=count: armed(lambda: create(folder, passphrase), name, count)).killed_by == 9  # type: ignore[misc]
        try:
            keys = open_keystore(folder, passphrase)
        except Misconfigured:
            keys = create(folder, passphrase)
        assert len(keys.pseudonym_key()) == 32
        sealed = keys.seal(ONE, "p", b"x")
        assert keys.open(ONE, "p", sealed) == b"x"


def test_what_a_crash_left_of_an_unfinished_keystore_is_removed_by_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    assert in_child(lambda: armed(lambda: create(folder), "keys.create.swap:before", 1)).killed_by == 9
    assert any(path.name.startswith(durable.TEMPORARY_PREFIX) for path in tmp_path.iterdir())
    with faults.record() as names:
        create(folder)
    assert not any(path.name.startswith(durable.TEMPORARY_PREFIX) for path in tmp_path.iterdir())
    for name in dict.fromkeys(name for name in names if "unfinished" in name or "wipe" in name):
        again = tmp_path / name.replace(":", "-")
        again.mkdir()
        assert in_child(lambda again=again: armed(lambda: create(again / "keys"), "keys.create.swap:before", 1)).killed_by == 9  # type: ignore[misc]
        assert in_child(lambda again=again, name=name: armed(lambda: create(again / "keys"), name, 1)).killed_by == 9  # type: ignore[misc]
        create(again / "keys")
        assert not any(path.name.startswith(durable.TEMPORARY_PREFIX) for path in again.iterdir())


def test_the_stories_above_pass_every_failpoint_of_the_keystore(tmp_path: Path) -> None:
    with faults.record() as names:
        in_child(lambda: armed(lambda: create(tmp_path / "keys"), "keys.create.swap:before", 1))
        keys = create(tmp_path / "keys")
        keys.seal(ONE, "p", b"x")
        for verb in VERBS:
            verb(keys)
    assert {name for name in all_failpoints() if name.startswith("keys.")} <= set(names)


def test_killed_through_the_environment_in_a_process_of_its_own(tmp_path: Path) -> None:
    world = World.begin(tmp_path)
    opened = f"expunge.adapters.keys.local_keystore.open_keystore(pathlib.Path({str(world.folder)!r}))"
    code = f"import pathlib, expunge.adapters.keys.local_keystore; {opened}.destroy_order({ONE!r})"
    environment = {**os.environ, faults.ENVIRONMENT: "keys.wipe.overwrite:before=kill"}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == -9
    assert world.lies(f"orders/{ONE}.order") == [], "overwritten, not yet forced to the device"
    keys = open_keystore(world.folder)
    with pytest.raises(KeyDestroyed):
        keys.open(ONE, "p", world.sealed)
    assert not (world.folder / "orders" / f"{ONE}.order").exists()
