"""The keeper is killed, at every point of every request, and started again; or two are started, or something else lies in its place."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from expunge import durable
from expunge.adapters.keeper.keeper_keys import KeeperKeys
from expunge.adapters.keeper.place import KEEPER, KeeperPlace
from expunge.adapters.keys.local_keystore import open_keystore
from expunge.core.values.signature import verify_ed25519, verify_p256
from expunge.errors import Busy, KeeperAway, KeyDestroyed, Misconfigured, StateUnavailable
from expunge.testing.forked import start
from expunge.testing.keys_suite import ONE, OTHER
from tests.adapters.keeper.kept import Kept
from tests.architecture.failpoints import all_failpoints


def sealed(keys: KeeperKeys) -> None:
    assert keys.open(OTHER, "p", keys.seal(OTHER, "p", b"x")) == b"x"


def traced(keys: KeeperKeys) -> None:
    assert keys.trace_key(OTHER) == keys.trace_key(OTHER)


def signed(keys: KeeperKeys) -> None:
    verify_ed25519(keys.signer_public(), keys.sign_receipt(b"x"), b"x")
    verify_ed25519(keys.log_public(), keys.sign_checkpoint(b"x"), b"x")
    verify_p256(keys.log_public_p256(), keys.sign_checkpoint_p256(b"x"), b"x")


def destroyed(keys: KeeperKeys) -> None:
    keys.destroy_order(ONE)
    with pytest.raises(KeyDestroyed):
        keys.seal(ONE, "p", b"x")


REQUESTS = (sealed, traced, signed, destroyed)


def points(request: Callable[[KeeperKeys], None], folder: Path) -> list[tuple[str, int]]:
    """Every pass of a request through every failpoint in the keeper: (name, how manieth)."""
    folder.mkdir()
    kept = Kept.make(folder)
    kept.start(recorded=True)
    request(kept.keys())
    names = [name for name in kept.stop().returned() if not name.startswith("keeper.socket")]
    kept.child = None
    kept.end()
    return [(name, names[: at + 1].count(name)) for at, name in enumerate(names)]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("action", ["kill", pytest.param("lost", marks=pytest.mark.soak)])
def test_killed_at_every_point_of_a_request_it_is_answered_by_the_next_keeper(
    tmp_path: Path, request_: Callable[[KeeperKeys], None], action: str
) -> None:
    """Whoever asks notices nothing but the time that it took. A reply that was lost is asked for again."""
    passed = points(request_, tmp_path / "scratch")
    # Why not every pass: the same point in a later request of the same kind is the same story.
    wanted = list({name: (name, count) for name, count in reversed(passed)}.values())
    if action == "lost":
        wanted = [each for each in wanted if each[0].startswith("keeper.")]
    assert len(wanted) >= 4
    for number, (name, count) in enumerate(wanted):
        folder = tmp_path / str(number)
        folder.mkdir()
        kept = Kept.make(folder)
        before = open_keystore(kept.place.keys).seal(ONE, "p", b"before")
        kept.start(fault=(name, action, count))
        done: list[str] = []

        def ask(kept: Kept = kept, done: list[str] = done) -> None:
            request_(kept.keys())
            done.append("answered")

        asking = threading.Thread(target=ask)
        asking.start()
        if action == "kill":
            assert kept.child is not None
            assert kept.child.wait().killed_by == 9, f"{name}@{count} was not passed"
            kept.start()
        asking.join(60)
        assert done == ["answered"], f"{name}@{count}"
        local = open_keystore(kept.place.keys)
        if request_ is destroyed:
            with pytest.raises(KeyDestroyed):
                local.open(ONE, "p", before)
        else:
            assert local.open(ONE, "p", before) == b"before"
        assert [path for path in folder.rglob("*") if path.name.startswith(durable.TEMPORARY_PREFIX)] == []
        kept.end()


def test_a_keeper_that_stays_away_is_said_with_what_holds_and_what_to_do(kept: Kept) -> None:
    keys = kept.start().keys(patience=0.3)
    keys.gate_key()
    kept.kill()
    assert kept.place.door.exists(), "it could not clean up"
    for call in (keys.gate_key, lambda: keys.destroy_order(ONE)):
        with pytest.raises(KeeperAway) as away:
            call()
        assert "nothing is half done" in away.value.help
        assert "expunge keeper run" in away.value.help
    kept.start()
    assert keys.gate_key()


def test_killed_while_it_starts_or_ends_the_next_one_finds_nothing_in_its_way(kept: Kept) -> None:
    names = [name for name in all_failpoints() if name.startswith("keeper.socket")]
    assert len(names) == 6
    for name in names:
        if ".end:" in name:
            kept.start(fault=(name, "kill", 1))
            assert kept.stop().killed_by == 9, name
        else:
            (kept.place.folder).mkdir(exist_ok=True)
            (kept.place.folder / f"{durable.TEMPORARY_PREFIX}left").touch()
            kept.start(fault=(name, "kill", 1))
            assert kept.child is not None
            assert kept.child.wait().killed_by == 9, name
        kept.start()
        assert kept.keys().gate_key()
        assert [path.name for path in kept.place.folder.iterdir() if path.name.startswith(durable.TEMPORARY_PREFIX)] == []
        assert not kept.stop().error
        assert not kept.place.door.exists()


def test_of_two_keepers_started_at_once_one_runs_and_the_other_says_so(kept: Kept) -> None:
    def keep() -> str:
        try:
            with kept.place.held(), kept.place.listen(for_others=False):
                time.sleep(1.5)
                return "kept"
        except Busy as busy:
            return busy.message

    children = [start(keep) for _ in range(4)]
    found = sorted(child.wait().returned() for child in children)
    assert found == ["a keeper of this state folder is running already"] * 3 + ["kept"]


@pytest.mark.parametrize("lies", ["a file", "a folder", "a dead socket", "a link"])
def test_whatever_lies_in_the_sockets_place_is_replaced_or_said(kept: Kept, lies: str) -> None:
    kept.place.folder.mkdir()
    door = kept.place.door
    if lies == "a file":
        door.write_bytes(b"x")
    elif lies == "a link":
        door.symlink_to("/dev/null")
    elif lies == "a dead socket":
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as dead, contextlib.chdir(door.parent):
            dead.bind(door.name)
    else:
        door.mkdir()
        with kept.place.held(), pytest.raises(StateUnavailable, match="could not listen"):
            kept.place.listen(for_others=False)
        return
    with pytest.raises(KeeperAway):
        kept.keys(0.0).gate_key()
    assert kept.start().keys().gate_key()
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("lies", ["a link to the keys", "a file"])
def test_what_a_client_put_in_the_folders_place_is_refused(kept: Kept, lies: str) -> None:
    """Under a user of its own the keeper runs in a state folder of its clients: a link there must not open another folder to them."""
    before = kept.place.keys.stat().st_mode
    kept.place.folder.symlink_to(kept.place.keys) if lies == "a link to the keys" else kept.place.folder.touch()
    with pytest.raises((Misconfigured, StateUnavailable)), kept.place.held(), kept.place.listen(for_others=True):
        pass
    assert kept.place.keys.stat().st_mode == before
    assert not (kept.place.keys / "socket").exists()


def test_a_folder_whose_path_is_longer_than_a_sockets_name_may_be(tmp_path: Path) -> None:
    state = tmp_path / ("deep" * 40) / "state"
    state.mkdir(parents=True)
    assert len(os.fsencode(state / KEEPER)) > 108
    kept = Kept.make(state).start()
    try:
        before = len(list(Path("/proc/self/fd").iterdir()))
        with contextlib.closing(kept.keys()) as keys:
            assert keys.gate_key()
            assert kept.place.door.is_socket()
        assert len(list(Path("/proc/self/fd").iterdir())) == before
    finally:
        kept.end()


def test_the_keepers_of_two_state_folders_know_nothing_of_each_other(kept: Kept, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    second = Kept.make(other)
    try:
        one, two = kept.start().keys(), second.start().keys()
        assert one.gate_key() != two.gate_key()
        mixed = KeeperKeys(KeeperPlace(kept.state, second.place.keys), 0.0)
        with contextlib.closing(mixed), pytest.raises(StateUnavailable, match="another keystore"):
            mixed.gate_key()
    finally:
        second.end()


def test_only_its_user_can_reach_the_socket(kept: Kept) -> None:
    kept.start()
    assert kept.place.folder.stat().st_mode & 0o777 == 0o700
    assert kept.place.door.stat().st_mode & 0o777 == 0o600


def test_a_child_that_was_forked_with_a_client_gets_answers_of_its_own(kept: Kept) -> None:
    keys = kept.start().keys()
    right = keys.gate_key()

    def ask() -> bool:
        return all(keys.gate_key() == right and len(keys.trace_key(ONE)) == 32 for _ in range(200))

    child = start(ask)
    assert ask()
    assert child.wait().returned()


def test_a_full_disk_is_said_by_the_keeper_and_to_whoever_asks(kept: Kept) -> None:
    keys = kept.start(fault=("keys.make.data:before", "full", 1)).keys()
    with pytest.raises(StateUnavailable, match="no space left"):
        keys.seal(ONE, "p", b"x")
    assert keys.open(ONE, "p", keys.seal(ONE, "p", b"x")) == b"x", "the next time"


def test_the_stories_above_pass_every_failpoint_of_the_keeper(kept: Kept) -> None:
    kept.place.folder.mkdir()
    (kept.place.folder / f"{durable.TEMPORARY_PREFIX}left").touch()
    kept.start(recorded=True)
    kept.keys().gate_key()
    passed = kept.stop().returned()
    kept.child = None
    assert {name for name in all_failpoints() if name.startswith("keeper.")} <= set(passed)
