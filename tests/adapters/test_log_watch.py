"""A watch of a log: what it keeps, what makes it cry, and what a crash leaves."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from expunge import faults
from expunge.adapters.log.log_source import FolderSource, HttpSource
from expunge.adapters.log.watch_folder import WatchFolder
from expunge.adapters.log.watching import AlarmKind, LogLook, WatchLimits, cry, look
from expunge.core.log import trust
from expunge.errors import EvidenceInvalid, StateCorrupt, StateUnavailable
from tests.evidence_kit import SeededKeys
from tests.log_kit import NOW, SeededWitness, asking, grown, served

POLICY = SeededKeys().policy()
HOUR = timedelta(hours=1)


class Watcher:
    def __init__(self, tmp_path: Path, policy: trust.TrustPolicy = POLICY) -> None:
        self.log, self.folder = tmp_path / "log", tmp_path / "watch"
        self.policy = policy

    def look(self, hours: float = 0, **limits: object) -> LogLook:
        now = NOW + hours * HOUR
        return look(FolderSource(self.log), self.policy, WatchFolder(self.folder), now, WatchLimits(**limits))  # type: ignore[arg-type]

    def alarms(self, hours: float = 0, **limits: object) -> list[AlarmKind]:
        return [alarm.kind for alarm in self.look(hours, **limits).alarms]

    @property
    def heads(self) -> list[int]:
        return [kept.head.size for kept in WatchFolder(self.folder).heads(self.policy, NOW)]

    @property
    def evidence(self) -> list[str]:
        return [path.name.split("-2026")[0] for path in sorted(self.folder.glob("evidence-*"))]


@pytest.fixture
def watcher(tmp_path: Path) -> Watcher:
    grown(tmp_path / "log", 300)
    return Watcher(tmp_path)


def test_a_log_that_only_grows_is_followed(watcher: Watcher) -> None:
    first = watcher.look()
    assert (first.first, first.audited, first.alarms, first.head and first.head.head.size) == (True, 300, (), 300)
    again = watcher.look(1)
    assert (again.first, again.grown, again.alarms) == (False, 0, ())
    grown(watcher.log, 1000)
    assert watcher.look(2).grown == 700
    assert watcher.heads == [300, 1000]
    kept = WatchFolder(watcher.folder).heads(POLICY, NOW)
    assert [each.seen for each in kept] == [NOW, NOW + 2 * HOUR]


def forked(watcher: Watcher, size: int, at: int) -> None:
    shutil.rmtree(watcher.log)
    grown(watcher.log, size, fork_at=at)


@pytest.mark.parametrize("size", [300, 301, 700])
def test_a_fork_is_cried_again_and_again_and_both_heads_are_kept(watcher: Watcher, size: int) -> None:
    watcher.look()
    forked(watcher, size, 299)
    found = watcher.look(1)
    assert [alarm.kind for alarm in found.alarms] == [AlarmKind.FORK]
    assert (found.head, watcher.heads, watcher.evidence) == (None, [300], ["evidence-fork"])
    assert watcher.alarms(2) == [AlarmKind.FORK], "a fork is never taken for the log"


def test_a_rollback_is_cried_though_all_of_it_is_right(watcher: Watcher) -> None:
    watcher.look()
    shutil.rmtree(watcher.log)
    grown(watcher.log, 299)
    assert watcher.alarms(1) == [AlarmKind.ROLLBACK]
    assert (watcher.heads, watcher.evidence) == ([300], ["evidence-rollback"])
    grown(watcher.log, 300)
    assert watcher.alarms(2) == []


@pytest.mark.parametrize("gone", ["tile/entries/000", "tile/entries/001.p/44"])
@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_entries_that_are_not_served_are_missing(watcher: Watcher, gone: str, damage: str) -> None:
    path = watcher.log / gone
    data = path.read_bytes()
    path.unlink() if damage == "gone" else path.write_bytes(data[:30] + bytes([data[30] ^ 1]) + data[31:])
    found = watcher.look()
    assert [alarm.kind for alarm in found.alarms] == [AlarmKind.MISSING]
    assert found.audited == (0 if "000" in gone else 256)
    assert watcher.heads == [300], "the head itself is right, and is kept"
    path.write_bytes(data)
    assert (watcher.alarms(1), watcher.look(2).audited) == ([], 300)


@pytest.mark.parametrize("gone", ["checkpoint", "tile/0/001.p/44", "tile/1/000.p/1"])
def test_a_log_that_does_not_show_its_tiles_or_its_head_is_missing_something(watcher: Watcher, gone: str) -> None:
    watcher.look()
    (watcher.log / gone).unlink()
    assert watcher.alarms(1) == [AlarmKind.MISSING]


def test_a_head_that_the_log_did_not_sign_or_too_few_witnesses_cosigned_is_cried(watcher: Watcher) -> None:
    watcher.look()
    watcher.policy = asking(POLICY, [SeededWitness("w0")])
    assert watcher.alarms(1) == [AlarmKind.NOT_SIGNED]
    watcher.policy = POLICY
    other = grown(watcher.log.parent / "other", 400, seed="other")
    (watcher.log / "checkpoint").write_bytes(other.head().checkpoint)
    assert watcher.alarms(2) == [AlarmKind.NOT_SIGNED]
    assert watcher.heads == [300]


def test_a_log_whose_witnesses_look_no_more_is_stale(watcher: Watcher) -> None:
    witness, path = SeededWitness("w0"), watcher.log / "checkpoint"
    watcher.policy, plain = asking(POLICY, [witness]), path.read_bytes()
    path.write_bytes(witness.cosign(plain))
    assert watcher.alarms(23, stale=24 * HOUR) == []
    assert watcher.alarms(25) == []
    assert watcher.alarms(25, stale=24 * HOUR) == [AlarmKind.STALE]
    path.write_bytes(witness.cosign(plain, NOW + 25 * HOUR))
    assert watcher.alarms(26, stale=24 * HOUR) == []


def test_a_log_that_answers_no_more_is_unreached_and_in_the_end_stale(tmp_path: Path) -> None:
    grown(tmp_path / "log", 3)
    folder = WatchFolder(tmp_path / "watch")
    with served(tmp_path / "log") as url, HttpSource(url) as source:
        assert look(source, POLICY, folder, NOW, WatchLimits(24 * HOUR)).alarms == ()
    with HttpSource(url) as source:
        silent = look(source, POLICY, folder, NOW + 23 * HOUR, WatchLimits(24 * HOUR))
        assert (silent.alarms, "refused" in silent.unreached) == ((), True)
        stale = look(source, POLICY, folder, NOW + 25 * HOUR, WatchLimits(24 * HOUR))
        assert [alarm.kind for alarm in stale.alarms] == [AlarmKind.STALE]
        assert look(source, POLICY, folder, NOW + 25 * HOUR, WatchLimits()).alarms == ()


def test_a_large_log_is_read_over_several_looks(watcher: Watcher) -> None:
    grown(watcher.log, 1000)
    assert [watcher.look(hour, bundles=2).audited for hour in range(3)] == [512, 1000, 1000]


def test_a_head_given_from_outside_is_held_against_the_log_as_well(watcher: Watcher, tmp_path: Path) -> None:
    before = WatchFolder(tmp_path / "before")
    look(FolderSource(watcher.log), POLICY, before, NOW, WatchLimits())
    forked(watcher, 700, 12)
    assert watcher.alarms(kept=before.heads(POLICY, NOW)) == [AlarmKind.FORK], "even at the first look"


def test_of_days_that_are_over_the_last_head_stays(watcher: Watcher) -> None:
    for day in range(3):
        for hour in range(3):
            grown(watcher.log, 301 + 10 * day + hour)
            watcher.look(24 * day + hour)
    assert watcher.heads == [303, 313, 321, 322, 323]


def test_a_folder_is_of_one_log(watcher: Watcher, tmp_path: Path) -> None:
    watcher.look()
    other = SeededKeys("other")
    grown(tmp_path / "other", 400, origin="other.example", seed="other")
    both = trust.TrustPolicy(POLICY.signers, (*POLICY.logs, *other.policy("other.example").logs))
    with pytest.raises(EvidenceInvalid, match="another log"):
        look(FolderSource(tmp_path / "other"), both, WatchFolder(watcher.folder), NOW, WatchLimits())


@pytest.mark.parametrize("point", ["watch.keep.data", "watch.keep.swap", "watch.keep.folder", "watch.state.data", "watch.state.swap"])
@pytest.mark.parametrize("side", ["before", "after"])
def test_a_full_disk_loses_no_head_and_the_next_look_goes_on(watcher: Watcher, point: str, side: str) -> None:
    watcher.look()
    grown(watcher.log, 400)
    with faults.arm(f"{point}:{side}", "full"), pytest.raises(StateUnavailable):
        watcher.look(1)
    assert watcher.alarms(2) == []
    assert watcher.heads[0] == 300
    assert watcher.heads[-1] == 400


def test_a_damaged_note_of_how_far_it_came_is_said_and_a_damaged_head_is_not_believed(watcher: Watcher) -> None:
    watcher.look()
    state = watcher.folder / "watch.json"
    whole = state.read_bytes()
    for wrong in (b"", b"{}", whole.replace(b"/1", b"/2"), whole.replace(b"300", b'"x"')):
        state.write_bytes(wrong)
        with pytest.raises(StateCorrupt, match=r"watch\.json"):
            watcher.look(1)
    state.write_bytes(whole)
    (head,) = watcher.folder.glob("0*.checkpoint")
    head.write_bytes(head.read_bytes().replace(b"300", b"200"))
    with pytest.raises(EvidenceInvalid):
        watcher.look(1)


def test_the_command_for_alarms_gets_them_without_a_shell(watcher: Watcher, tmp_path: Path) -> None:
    watcher.look()
    forked(watcher, 300, 12)
    (alarm,) = watcher.look(1).alarms
    script = tmp_path / "a script"
    script.write_text('#!/bin/sh\ncat >"$1"\necho "$EXPUNGE_LOG_ALARM $EXPUNGE_LOG" >>"$1"\n')
    script.chmod(0o755)
    assert cry(f"'{script}' '{tmp_path}/out; touch no'", "https://log.example/", alarm) == ""
    text = (tmp_path / "out; touch no").read_text()
    assert text.startswith('{"alarm":"fork","log":"https://log.example/","message":"the log was forked')
    assert text.endswith("fork https://log.example/\n")
    assert cry("/no/such/program", "x", alarm) == "FileNotFoundError"
    assert cry("false", "x", alarm) == "it ended with 1"
    assert cry("'", "x", alarm) == "ValueError"
