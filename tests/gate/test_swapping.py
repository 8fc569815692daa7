"""A large snapshot takes the place of another while questions are asked: nobody waits, and what is too old is not answered from."""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from expunge import clock
from expunge.core.gate.gate_snapshot import Contents
from expunge.gate import Gate, GateReason, Subject
from expunge.gate.file_gate import READ_AT_ONCE
from expunge.testing.forked import in_child
from tests.gate.world import AGREED, GONE, HOUR, KEY, NOW, PUBLIC, entries, gate, publish

CROWD = frozenset(os.urandom(16) for _ in range(READ_AT_ONCE // 16 + 1))


def crowd(*names: str) -> Contents:
    return Contents(CROWD | entries(*names))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return publish(tmp_path / "snapshot", crowd())


def asked(opened: Gate, name: str = GONE) -> GateReason:
    return opened.may_use(Subject("profile", name), "train").reason


def eventually(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_whoever_asks_meanwhile_is_answered_from_the_one_before_and_soon_from_the_new_one(path: Path) -> None:
    opened = gate(path)
    assert asked(opened) is GateReason.NOT_SUPPRESSED
    with opened._guard:  # as if the new one took its time
        publish(path, crowd(GONE))
        time.sleep(0.002)
        assert [asked(opened) for _ in range(100)] == [GateReason.NOT_SUPPRESSED] * 100
    eventually(lambda: asked(opened) is GateReason.SUPPRESSED)
    assert asked(opened, AGREED) is GateReason.NOT_SUPPRESSED


def test_a_forged_one_is_noticed_beside_as_well(path: Path) -> None:
    opened = gate(path)
    assert asked(opened) is GateReason.NOT_SUPPRESSED
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    # Another file, as a publisher makes one: the time of writing of this one may be the same as a moment ago.
    path.with_name("forged").write_bytes(data)
    path.with_name("forged").replace(path)
    eventually(lambda: asked(opened) is GateReason.FORGED)


def test_from_one_that_is_too_old_nobody_is_answered_not_even_while_the_next_is_read(path: Path) -> None:
    now = [NOW]
    opened = Gate(path, KEY, (PUBLIC,), HOUR, now=lambda: now[0])
    assert asked(opened) is GateReason.NOT_SUPPRESSED
    now[0] = NOW + HOUR + timedelta(seconds=1)
    publish(path, crowd(GONE), at=now[0])
    time.sleep(0.002)
    assert asked(opened) is GateReason.SUPPRESSED


def test_a_file_cut_short_in_place_is_no_snapshot_and_ends_nobody(path: Path) -> None:
    """What was read is in memory: nothing that happens to the file can end the process, or change an answer before the next look."""
    opened = gate(path)
    assert asked(opened) is GateReason.NOT_SUPPRESSED
    os.truncate(path, 200_000)
    time.sleep(0.002)
    eventually(lambda: asked(opened) is GateReason.FORGED)


def test_a_child_forked_while_the_parent_reads_does_not_wait_for_it(path: Path) -> None:
    opened = gate(path)

    def ask() -> None:
        assert asked(opened) is GateReason.NOT_SUPPRESSED

    with opened._guard:
        in_child(ask).returned()


def test_a_gate_goes_to_another_process_as_its_settings(path: Path) -> None:
    publish(path, crowd(GONE), at=clock.now())
    copy = pickle.loads(pickle.dumps(Gate.open(path, KEY, PUBLIC, HOUR)))
    assert asked(copy) is GateReason.SUPPRESSED
