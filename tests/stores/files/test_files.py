"""What is particular to folders: links, leftovers, odd names, other writers, damage, and what ``check`` finds."""

from __future__ import annotations

import ctypes
import gzip
import json
import mmap
import os
import stat
import subprocess
import sys
import time
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest

from expunge.core.datamap.datamap import Aggregate, ByField, Dataset, Ignore, PathLayout, Shared, StoreSpec, Through
from expunge.core.values.copy import FindingKind, Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Absent, Erased, Reason, Unable
from expunge.durable import TEMPORARY_PREFIX
from expunge.errors import CouldNotLook
from expunge.ports.optional.placing import LiveRows
from expunge.stores import open_store
from expunge.stores.tree.safe_replace import InUse, rewrite
from expunge.testing.plain_search import snapshot
from expunge.testing.store_reading import Listener

KEY = IdempotencyKey("key-1")
PROFILE = ByField({"profile": "profile_id"})
VOICE = "voice/{profile_id}/{recording_id}.wav"


class Company:
    """A folder and its map, and the verbs of these stories."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.datasets: tuple[Dataset, ...] = ()

    def declares(self, name, *paths, subject=PROFILE, **more):
        self.datasets += (Dataset(name, "media", subject, "voice", layout=PathLayout(paths), **more),)
        return self

    def has(self, name, data=b"x"):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    @property
    def store(self):
        return open_store(StoreSpec("media", "files", f"file://{self.root}"), self.datasets)

    def locate(self, *values, field="profile_id", dataset=0):
        selectors = [Selector(Pseudonym(f"s-{value}"), {field: frozenset({value})}) for value in values]
        return list(self.store.locate(self.datasets[dataset], selectors))

    def erase(self, copies, dataset=0):
        outcomes = self.store.erase(self.datasets[dataset], copies, KEY)
        assert set(outcomes) == {each.subject for each in copies}
        return list(outcomes.values())

    def purge(self):
        return self.store.purge(self.datasets, KEY)

    def preflight(self, copies, dataset=0):
        return [each.reason for each in self.store.preflight(self.datasets[dataset], copies)]

    def findings(self, *ignored):
        found = self.store.check([Ignore("media", pattern, "no personal data") for pattern in ignored])
        return sorted((each.kind, each.where) for each in found)

    def names(self):
        return sorted(path.relative_to(self.root).as_posix() for path in self.root.rglob("*"))


@pytest.fixture
def company(tmp_path):
    (tmp_path / "media").mkdir()
    return Company(tmp_path / "media")


@pytest.fixture
def voices(company):
    company.declares("recordings", VOICE)
    company.has("voice/p1/r1.wav")
    company.has("voice/p1/r2.wav")
    company.has("voice/p2/r3.wav")
    return company


@pytest.fixture
def events(company):
    company.declares("events", "events.jsonl", format="jsonl")
    company.has("events.jsonl", b'{"profile_id": "p1"}\n{"profile_id": "p2"}\n{"profile_id": "p1"}\n')
    return company


# --- folders -------------------------------------------------------------------------------------


def test_a_folder_named_after_somebody_goes_and_its_neighbours_stay(voices):
    assert voices.erase(voices.locate("p1")) == [Erased(2, 2)]
    assert voices.names() == ["voice", "voice/p2", "voice/p2/r3.wav"]


def test_an_empty_folder_named_after_somebody_is_found_and_goes(voices):
    (voices.root / "voice" / "p3").mkdir()
    (copy,) = voices.locate("p3")
    assert copy.keys == ("voice/p3/",)
    assert voices.erase([copy]) == [Erased(1)]
    assert not (voices.root / "voice" / "p3").exists()
    assert voices.locate("p3") == []


def test_a_folder_with_nothing_but_our_leftovers_goes(voices):
    voices.has(f"voice/p1/{TEMPORARY_PREFIX}0123")
    assert voices.erase(voices.locate("p1")) == [Erased(2, 2)]
    assert not (voices.root / "voice" / "p1").exists()


def test_a_folder_that_another_dataset_still_uses_stays_until_that_is_erased(voices):
    voices.declares("notes", "voice/{profile_id}/notes.txt")
    voices.has("voice/p1/notes.txt")
    assert voices.erase(voices.locate("p1")) == [Erased(2, 2)]
    assert voices.erase(voices.locate("p1", dataset=1), dataset=1) == [Erased(1, 1)]
    assert not (voices.root / "voice" / "p1").exists()


def test_undeclared_files_in_a_persons_folder_are_said_and_not_deleted(voices):
    voices.has("voice/p1/stray.bak")
    (outcome,) = voices.erase(voices.locate("p1"))
    assert isinstance(outcome, Unable)
    assert outcome.reason is Reason.RESIDUE
    assert voices.names() == ["voice", "voice/p1", "voice/p1/stray.bak", "voice/p2", "voice/p2/r3.wav"]
    (copy,) = voices.locate("p1")
    assert isinstance(*voices.erase([copy]), Unable)


def test_folders_between_go_when_they_are_empty(company):
    company.declares("recordings", "{day}/voice/{profile_id}.wav")
    company.has("2024-01-01/voice/p1.wav")
    company.has("2024-01-02/voice/p1.wav")
    company.has("2024-01-02/voice/p2.wav")
    assert company.erase(company.locate("p1")) == [Erased(2, 2)]
    assert company.names() == ["2024-01-01", "2024-01-01/voice", "2024-01-02", "2024-01-02/voice", "2024-01-02/voice/p2.wav"]


def test_held_items_stay(voices):
    (copy,) = voices.locate("p1")
    assert voices.erase([copy.without(["voice/p1/r2.wav"])]) == [Erased(1, 1)]
    assert (voices.root / "voice/p1/r2.wav").exists()


def test_what_vanished_meanwhile_is_absent(voices):
    copies = voices.locate("p1", "p2")
    (voices.root / "voice/p2/r3.wav").unlink()
    (voices.root / "voice/p2").rmdir()
    assert voices.erase(copies) == [Erased(2, 2), Absent()]


def test_two_people_in_one_recording_are_both_answered(company):
    company.declares("audio", "a/{recording_id}.wav", subject=Through("people", "recording_id"))
    company.has("a/r1.wav")
    copies = company.locate("r1", field="recording_id") + [
        copy.__class__(**{**vars(copy), "subject": Pseudonym("s-other")}) for copy in company.locate("r1", field="recording_id")
    ]
    assert company.erase(copies) == [Erased(1, 1), Erased(1, 1)]


def test_a_name_that_can_be_two_peoples_is_marked_as_shared_and_found_by_check(company):
    company.declares("recordings", "{profile_id}_{recording_id}.wav")
    company.has("p_1_r.wav")
    company.has("q_r.wav")
    assert [copy.shared for copy in company.locate("p", "p_1", "q")] == [{"p_1_r.wav"}, {"p_1_r.wav"}, frozenset()]
    assert company.findings() == [(FindingKind.SUBJECT_PATH, "p_1_r.wav")]


def test_a_name_that_can_be_two_peoples_is_erased_only_with_both(company):
    company.declares("recordings", "{profile_id}_{recording_id}.wav")
    for name in ("p_1_r.wav", "p_r.wav", "q_r.wav"):
        company.has(name)
    alone = company.locate("p", "q")
    # What stands in one person's way is no reason for a whole dataset to wait.
    assert company.preflight(alone) == []
    refused, done = company.erase(alone)
    assert isinstance(refused, Unable)
    assert refused.reason is Reason.UNSUPPORTED
    assert "p_1" not in refused.detail
    assert done == Erased(1, 1)
    assert [path.name for path in company.root.iterdir()] == ["p_1_r.wav"]
    assert company.findings() == [(FindingKind.SUBJECT_PATH, "p_1_r.wav")]
    together = company.locate("p", "p_1")
    assert company.erase(together) == [Erased(1, 1), Erased(1, 1)]


def test_a_name_that_can_be_read_in_two_ways_as_the_same_person_goes(company):
    company.declares("recordings", "{profile_id}/{day}_{recording_id}.wav")
    company.has("p/1_2_3.wav")
    assert company.erase(company.locate("p")) == [Erased(1, 1)]


def test_a_folder_of_the_path_that_is_a_link_out_cannot_be_looked_through(company, tmp_path):
    company.declares("recordings", "voice/{device}/{profile_id}.wav")
    company.has("voice/d1/p.wav")
    (tmp_path / "away").mkdir()
    (company.root / "voice" / "d2").symlink_to(tmp_path / "away")
    with pytest.raises(CouldNotLook, match="symbolic link"):
        company.locate("p")


def test_what_a_link_leads_to_is_traced_as_theirs(company):
    company.declares("recordings", "voice/{profile_id}/{recording_id}.wav")
    company.declares("archive", "archive/{blob_id}.wav", subject=Through("blobs", "blob_id"))
    company.has("archive/b1.wav", b"what somebody said " * 3)
    (company.root / "voice" / "p").mkdir(parents=True)
    for name, leads in (("r1", "archive/b1.wav"), ("r2", "voice/p/r2.wav"), ("r3", "archive/none.wav")):
        (company.root / "voice" / "p" / f"{name}.wav").symlink_to(company.root / leads)
    listener = Listener()
    company.store.trace(company.datasets[0], company.locate("p"), listener)
    assert [each for each in listener.heard[Pseudonym("s-p")] if isinstance(each, bytes)] == [b"what somebody said " * 3]


def test_names_that_are_no_utf_8(voices):
    odd = os.fsencode(voices.root / "voice" / "p1") + b"/\xff\n\x80.wav"
    Path(os.fsdecode(odd)).write_bytes(b"odd")
    (copy,) = voices.locate("p1")
    assert copy.items == 3
    items = list(voices.store.export(voices.datasets[0], copy))
    assert b"".join(chunk for item in items for chunk in item.chunks).count(b"odd") == 1
    assert all(item.name.encode("utf-8") for item in items)
    assert voices.erase([copy]) == [Erased(3, 5)]
    assert not (voices.root / "voice" / "p1").exists()


# --- links ---------------------------------------------------------------------------------------


def test_a_link_to_a_declared_file_is_a_name_and_goes(voices):
    (voices.root / "voice/p1/link.wav").symlink_to(voices.root / "voice/p1/r1.wav")
    (voices.root / "voice/p1/dangling.wav").symlink_to("nowhere")
    assert isinstance(*voices.erase(voices.locate("p1")), Erased)
    assert voices.names() == ["voice", "voice/p2", "voice/p2/r3.wav"]


def test_a_link_that_leads_out_is_said_and_nothing_is_deleted_there(voices, tmp_path):
    outside = tmp_path / "outside.wav"
    outside.write_bytes(b"hers")
    (voices.root / "voice/p1/link.wav").symlink_to(outside)
    copies = voices.locate("p1")
    assert voices.preflight(copies) == [Reason.UNSUPPORTED]
    (outcome,) = voices.erase(copies)
    assert isinstance(outcome, Unable)
    assert outcome.reason is Reason.UNSUPPORTED
    assert outside.read_bytes() == b"hers"
    assert (FindingKind.UNSUPPORTED, "voice/p1/link.wav") in voices.findings()


def test_a_linked_folder_is_never_entered(voices, tmp_path):
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    (outside / "r9.wav").write_bytes(b"theirs")
    (outside / f"{TEMPORARY_PREFIX}1").write_bytes(b"not ours to remove")
    before = snapshot(outside)
    (voices.root / "voice/p9").symlink_to(outside, target_is_directory=True)
    (copy,) = voices.locate("p9")
    assert isinstance(*voices.erase([copy]), Unable)
    assert not isinstance(voices.purge(), Unable)
    assert snapshot(outside) == before
    assert (FindingKind.UNSUPPORTED, "voice/p9/") in voices.findings()


def test_a_folder_that_became_a_link_after_it_was_located_is_not_followed(voices, tmp_path):
    copies = voices.locate("p1")
    outside = tmp_path / "elsewhere"
    (voices.root / "voice/p1").rename(outside)
    (voices.root / "voice/p1").symlink_to(outside, target_is_directory=True)
    before = snapshot(outside)
    assert isinstance(*voices.erase(copies), Unable)
    assert snapshot(outside) == before


def test_a_key_that_was_not_located_here_is_refused(voices, tmp_path):
    victim = tmp_path / "victim.wav"
    victim.write_bytes(b"x")
    (copy,) = voices.locate("p1")
    forged = copy.__class__(**{**vars(copy), "keys": ("voice/../../victim.wav", "../victim.wav"), "selector": None})
    assert isinstance(*voices.erase([forged]), Unable)
    assert victim.exists()


@pytest.mark.parametrize("name", ["outside.wav", "media/backup/copy"])
def test_a_hard_link_elsewhere_is_said_and_the_name_stays_until_it_is_settled(voices, tmp_path, name):
    second = tmp_path / name
    second.parent.mkdir(exist_ok=True)
    second.hardlink_to(voices.root / "voice/p1/r1.wav")
    copies = voices.locate("p1")
    assert voices.preflight(copies) == [Reason.REFERENCED]
    (outcome,) = voices.erase(copies)
    assert isinstance(outcome, Unable)
    assert outcome.reason is Reason.REFERENCED
    assert (voices.root / "voice/p1/r1.wav").exists()
    assert not (voices.root / "voice/p1/r2.wav").exists()
    second.unlink()
    assert voices.erase(voices.locate("p1")) == [Erased(1, 1)]


def test_a_hard_link_that_a_dataset_declares_is_found_there(voices):
    voices.declares("train", "train/{profile_id}-{recording_id}.wav")
    (voices.root / "train").mkdir()
    (voices.root / "train/p1-r1.wav").hardlink_to(voices.root / "voice/p1/r1.wav")
    assert voices.erase(voices.locate("p1", dataset=1), dataset=1) == [Erased(1, 1)]
    assert voices.erase(voices.locate("p1")) == [Erased(2, 2)]


def test_a_file_of_many_people_with_a_second_name_is_not_called_done(events, tmp_path):
    (tmp_path / "second").hardlink_to(events.root / "events.jsonl")
    before = (events.root / "events.jsonl").read_bytes()
    assert isinstance(*events.erase(events.locate("p1")), Unable)
    assert (events.root / "events.jsonl").read_bytes() == before


# --- rewriting -----------------------------------------------------------------------------------


def test_those_who_stay_keep_every_byte_of_a_csv(company):
    company.declares("export", "export.csv", format="csv")
    stay = b'\xef\xbb\xbfnote,profile_id\r\n"two\r\nlines, ""quoted""",p2\r\n\r\n 5" , p1 \r\nlast,p3'
    path = company.has("export.csv", stay.replace(b"\r\n\r\n", b'\r\n\r\n"hers\r\n",p1\r\n,"p1"\r\n'))
    assert company.erase(company.locate("p1")) == [Erased(2, 20)]
    assert path.read_bytes() == stay


@pytest.mark.root
def test_mode_owner_and_attributes_of_a_rewritten_file_stay(events):
    path = events.root / "events.jsonl"
    path.chmod(0o640)
    os.setxattr(path, "user.origin", b"import-7")
    if os.geteuid() == 0:
        os.chown(path, 1234, 4321)
    before = path.stat()
    events.erase(events.locate("p1"))
    after = path.stat()
    assert after.st_ino != before.st_ino
    assert (stat.S_IMODE(after.st_mode), after.st_uid, after.st_gid) == (0o640, before.st_uid, before.st_gid)
    assert os.getxattr(path, "user.origin") == b"import-7"


def test_files_that_held_nothing_of_the_person_are_not_touched(company):
    company.declares("events", "{day}.jsonl", format="jsonl")
    hers = company.has("1.jsonl", b'{"profile_id": "p1"}\n{"profile_id": "p2"}\n')
    other = company.has("2.jsonl", b'{"profile_id": "p2"}\n')
    os.utime(hers, ns=(1, 1))
    os.utime(other, ns=(1, 1))
    inode = other.stat().st_ino
    copies = company.locate("p1")
    company.erase(copies)
    assert (other.stat().st_mtime_ns, other.stat().st_ino) == (1, inode)
    # Without the time of the last reading, which is another where the second has turned meanwhile.
    before = snapshot(company.root), hers.stat().st_ino
    assert company.erase(copies) == [Absent()]
    assert (snapshot(company.root), hers.stat().st_ino) == before


def test_a_file_of_one_persons_records_goes_with_its_name(company):
    company.declares("devices", "devices/{serial}.jsonl", format="jsonl")
    company.has("devices/SN-1.jsonl", b'{"profile_id": "p1"}\n\n{"profile_id": "p1"}\n')
    company.has("devices/SN-2.jsonl", b'{"profile_id": "p1"}\n{"profile_id": "p2"}\n')
    assert company.erase(company.locate("p1")) == [Erased(3, 63)]
    assert company.names() == ["devices", "devices/SN-2.jsonl"]


def test_a_person_may_be_named_by_the_file_or_by_a_record(company):
    company.declares("logs", "{profile_id}.jsonl", format="jsonl", subject=ByField({"profile": "profile_id", "account": "account"}))
    company.has("p1.jsonl", b'{"account": "a1"}\n{"account": "a2"}\n')
    company.has("p2.jsonl", b'{"account": "a1"}\n{"account": "a2"}\n')
    assert company.erase(company.locate("a1", field="account")) == [Erased(2, 36)]
    assert company.erase(company.locate("p2")) == [Erased(1, 18)]
    assert company.names() == ["p1.jsonl"]


def test_numbers_match_as_text(company):
    company.declares("events", "events.jsonl", format="jsonl")
    path = company.has("events.jsonl", b'{"profile_id": 7}\n{"profile_id": 77}\n{"profile_id": "7"}\n{"profile_id": 7.5}\n')
    assert company.erase(company.locate("7")) == [Erased(2, 38)]
    assert path.read_bytes() == b'{"profile_id": 77}\n{"profile_id": 7.5}\n'


@pytest.mark.parametrize("shared", list(Shared))
def test_a_record_of_several_people_goes_only_where_the_map_says_so(company, shared):
    company.declares("talks", "talks.jsonl", format="jsonl", shared=shared)
    path = company.has("talks.jsonl", b'{"profile_id": ["p1", "p2"]}\n{"profile_id": "p1"}\n')
    before = path.read_bytes()
    (outcome,) = company.erase(company.locate("p1"))
    if shared is Shared.ERASE:
        assert outcome == Erased(2, 50)
    else:
        assert isinstance(outcome, Unable)
        assert outcome.reason is Reason.UNSUPPORTED
        assert path.read_bytes() == before
        assert all(isinstance(each, Erased) for each in company.erase(company.locate("p1", "p2")))


def test_a_sidecar_of_several_people_is_marked_as_shared(company):
    company.declares("talks", "{talk}.json", format="json")
    company.has("t1.json", b'{"profile_id": ["p1", "p2"]}')
    company.has("t2.json", b'{"profile_id": ["p1"]}')
    (copy,) = company.locate("p1")
    assert copy.shared == {"t1.json"}
    assert company.erase([copy.without(copy.shared)]) == [Erased(1, 22)]
    assert company.names() == ["t1.json"]


def test_links_are_what_others_follow(company):
    company.declares("events", "{day}.jsonl", format="jsonl", follow=("day", "session", "profile_id"))
    company.has("d1.jsonl", b'{"profile_id": "p1", "session": "s1"}\n{"profile_id": "p2", "session": "s2"}\n')
    company.has("d2.jsonl", b'{"profile_id": "p1", "session": "s3"}\n')
    (copy,) = company.locate("p1")
    assert copy.links == {"day": {"d1", "d2"}, "session": {"s1", "s3"}, "profile_id": {"p1"}}


def test_a_writer_that_does_not_let_go_is_named_and_loses_nothing(events):
    with (events.root / "events.jsonl").open("ab") as writer:
        copies = events.locate("p1")
        assert events.preflight(copies) == [Reason.LOCKED]
        (outcome,) = events.erase(copies)
        assert isinstance(outcome, Unable)
        assert outcome.reason is Reason.LOCKED
        writer.write(b'{"profile_id": "p3"}\n')
    assert events.erase(copies) == [Erased(2, 42)]
    assert (events.root / "events.jsonl").read_bytes() == b'{"profile_id": "p2"}\n{"profile_id": "p3"}\n'


def test_a_file_replaced_while_it_was_being_copied_is_copied_again(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"old")
    rounds = []

    def copy(old, new):
        rounds.append(old.read())
        if len(rounds) == 1:
            (tmp_path / "fresh").write_bytes(b"replaced")
            (tmp_path / "fresh").replace(path)
        elif len(rounds) == 2:
            with path.open("ab") as file:
                file.write(b", appended")
        new.write(rounds[-1].upper())

    rewrite(path, copy)
    assert rounds == [b"old", b"replaced", b"replaced, appended"]
    assert path.read_bytes() == b"REPLACED, APPENDED"
    assert list(tmp_path.iterdir()) == [path]


def rewritten_until_it_was_hard(path, program, times=60):
    """Rewrite ``path`` over and over while a program writes to it; the last number written."""
    stop = path.with_name("stop")
    rewrites = 0

    def copy(old, new):
        new.write(old.read())

    head = (
        f"import os, time\nnumber = 0\nwhile not os.path.exists({str(stop)!r}):\n    number += 1\n"
        "    if number == 2:\n        print('begun', flush=True)\n    time.sleep(number % 7 / 5000)\n"
    )
    with subprocess.Popen([sys.executable, "-c", f"{head}{program}\nprint(number)"], stdout=subprocess.PIPE) as writer:
        try:
            # In memory, all rewrites take less time than a program needs to start.
            writer.stdout.readline()
            # A busy machine takes longer over it; the end of the wait is there for a defect only.
            until = time.monotonic() + 120
            while rewrites < times and time.monotonic() < until:
                with suppress(InUse):
                    rewrite(path, copy)
                    rewrites += 1
        finally:
            stop.touch()
        last = int(writer.stdout.read())
    assert rewrites == times
    return last


def test_all_appends_survive_rewrites(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"")
    last = rewritten_until_it_was_hard(path, f"    with open({str(path)!r}, 'ab') as file:\n        file.write(b'%d\\n' % number)")
    lines = [int(line) for line in path.read_bytes().split()]
    assert sorted(lines) == list(range(1, last + 1))


def test_a_file_written_to_faster_than_the_device_flushes_is_rewritten_all_the_same(tmp_path, monkeypatch):
    at_once = os.fsync

    def slow(file):
        time.sleep(0.01)
        at_once(file)

    monkeypatch.setattr(os, "fsync", slow)
    path = tmp_path / "log"
    path.write_bytes(b"")
    program = f"    with open({str(path)!r}, 'ab') as file:\n        file.write(b'%d\\n' % number)"
    last = rewritten_until_it_was_hard(path, program, times=8)
    assert sorted(int(line) for line in path.read_bytes().split()) == list(range(1, last + 1))


def test_whoever_writes_the_whole_file_meanwhile_has_the_last_word(tmp_path):
    path = tmp_path / "state"
    path.write_bytes(b"0")
    last = rewritten_until_it_was_hard(path, f"    with open({str(path)!r}, 'wb') as file:\n        file.write(b'%d' % number * 100)")
    assert path.read_bytes() == b"%d" % last * 100


# --- purge ---------------------------------------------------------------------------------------


def test_leftovers_of_a_crash_go_and_a_living_temporary_does_not(events):
    leftover = events.has(f"deep/er/{TEMPORARY_PREFIX}dead")
    assert events.findings() == [(FindingKind.NOTE, f"deep/er/{TEMPORARY_PREFIX}dead")]
    seen = []

    def copy(old, new):
        seen.append(events.purge())
        new.write(old.read())

    rewrite(events.root / "events.jsonl", copy)
    assert isinstance(seen[0], Unable)
    assert seen[0].reason is Reason.LOCKED
    assert not leftover.exists()
    assert events.purge() == Absent()


def test_a_reader_of_a_removed_file_is_waited_for(voices):
    with (voices.root / "voice/p1/r1.wav").open("rb"):
        voices.erase(voices.locate("p1"))
        outcome = voices.purge()
        assert isinstance(outcome, Unable)
        assert outcome.reason is Reason.READER_OPEN
    assert voices.purge() == Absent()


def test_a_mapping_of_a_removed_file_is_waited_for(voices):
    """Python's own mmap keeps a handle; programs that map and close the file are seen by their memory map alone."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    with (voices.root / "voice/p1/r1.wav").open("rb") as file:
        mapped = libc.mmap(None, 4096, mmap.PROT_READ, mmap.MAP_PRIVATE, file.fileno(), 0)
    assert mapped not in {None, ctypes.c_void_p(-1).value}
    voices.erase(voices.locate("p1"))
    outcome = voices.purge()
    libc.munmap(mapped, 4096)
    assert isinstance(outcome, Unable)
    assert voices.purge() == Absent()


def test_a_reader_of_what_was_rewritten_is_waited_for(events):
    with (events.root / "events.jsonl").open("rb") as reader:
        events.erase(events.locate("p1"))
        assert isinstance(events.purge(), Unable)
        assert reader.read().count(b"p1") == 2
    assert events.purge() == Absent()


# --- damage --------------------------------------------------------------------------------------


def test_a_damaged_file_holds_nobody_else_up(company):
    company.declares("events", "{day}.jsonl.gz", format="jsonl")
    good = company.has("1.jsonl.gz", gzip.compress(b'{"profile_id": "p1"}\n{"profile_id": "p2"}\n'))
    torn = company.has("2.jsonl.gz", gzip.compress(b'{"profile_id": "p2"}\n')[:-5])
    copies = company.locate("p1", "nobody")
    assert [copy.keys for copy in copies] == [("1.jsonl.gz", "2.jsonl.gz"), ("2.jsonl.gz",)]
    assert company.preflight(copies) == [Reason.CORRUPT]
    outcomes = company.erase(copies)
    assert [each.reason for each in outcomes if isinstance(each, Unable)] == [Reason.CORRUPT, Reason.CORRUPT]
    assert gzip.decompress(good.read_bytes()) == b'{"profile_id": "p2"}\n'
    assert company.findings() == [(FindingKind.UNREADABLE, "2.jsonl.gz")]
    assert all(each.could_not for each in company.store.probe(company.datasets[0], copies))
    torn.write_bytes(gzip.compress(b'{"profile_id": "p1"}\n'))
    assert company.erase(company.locate("p1")) == [Erased(1, 21)]
    assert not torn.exists()


def test_a_damaged_file_is_left_as_it_is(events):
    path = events.root / "events.jsonl"
    path.write_bytes(path.read_bytes() + b'{"profile_id": "p1"')
    before = snapshot(events.root)
    (outcome,) = events.erase(events.locate("p1"))
    assert isinstance(outcome, Unable)
    assert outcome.reason is Reason.CORRUPT
    assert "line 4" in outcome.detail
    assert snapshot(events.root) == before


def test_what_is_no_file_is_not_read(company):
    company.declares("events", "{day}.jsonl", format="jsonl")
    os.mkfifo(company.root / "1.jsonl")
    (copy,) = company.locate("p1")
    assert company.preflight([copy]) == [Reason.CORRUPT]
    assert isinstance(*company.erase([copy]), Unable)
    assert company.findings() == [(FindingKind.UNREADABLE, "1.jsonl")]


def test_a_missing_root_is_unreachable(company):
    company.declares("recordings", VOICE)
    company.has("voice/p1/r1.wav")
    copies = company.locate("p1")
    company.root.rename(company.root.with_name("gone"))
    assert company.erase(copies) == [Unable(Reason.UNREACHABLE, "the store's folder is not there")]
    assert isinstance(company.purge(), Unable)
    assert company.findings() == [(FindingKind.MISSING, ".")]
    assert [each.could_not != "" for each in company.store.probe(company.datasets[0], copies)] == [True]


# --- check ---------------------------------------------------------------------------------------


def test_everything_that_nobody_declared_is_found(voices):
    voices.has("voice/p1/r1.wav.bak")
    voices.has("events.jsonl.1.gz")
    for number in range(9):
        voices.has(f"cache/{number}.tmp")
    (voices.root / "exports").mkdir()
    (voices.root / "voice/p3").mkdir()
    assert voices.findings() == [
        (FindingKind.UNDECLARED, "cache"),
        (FindingKind.UNDECLARED, "events.jsonl.1.gz"),
        (FindingKind.UNDECLARED, "exports/"),
        (FindingKind.UNDECLARED, "voice/p1/r1.wav.bak"),
    ]
    assert sorted((each.kind, each.where) for each in voices.store.undeclared_places([])) == voices.findings()
    (grouped,) = [each for each in voices.store.check([]) if each.where == "cache"]
    assert grouped.what == "9 files that no dataset declares"
    assert voices.findings("cache/*", "exports", "*.gz", "*.bak") == []


def test_faults_of_the_map_are_found(company):
    company.declares("a", "{recording_id}.wav")
    company.declares("b", "b/{profile_id}.wav", follow=("recording_id",))
    company.declares("c", "c/{profile_id}.parquet", format="parquet")
    company.declares("d", "d.jsonl", format="jsonl")
    company.declares("e", "e/{day}.txt", subject=Aggregate("counts only", "k", "p", "r", "n"))
    company.declares("f")
    company.has("d.jsonl", b'{"profile": "p1"}\n')
    assert company.findings() == [
        (FindingKind.SUBJECT_PATH, "a"),
        (FindingKind.SUBJECT_PATH, "b"),
        (FindingKind.SUBJECT_PATH, "d.jsonl"),
        (FindingKind.SUBJECT_PATH, "f"),
        (FindingKind.UNSUPPORTED, "c"),
    ]


# --- content -------------------------------------------------------------------------------------


def test_trace_hears_names_vectors_and_numbers(company):
    company.declares("sidecars", "s/{recording_id}.json", format="json")
    value = {"profile_id": "p1", "at": {"lat": 52.5, "where": {"Home": [1, 2.5]}}, "tags": ["a", True, None], "n": 3}
    company.has("s/r1.json", json.dumps(value).encode())
    heard = Listener()
    company.store.trace(company.datasets[0], company.locate("p1"), heard)
    said = {str(each) for each in heard.heard[Pseudonym("s-p1")] if not isinstance(each, bytes)}
    assert said == {"p1", "52.5", "lat", "where", "Home", "(1.0, 2.5)", "a", "3.0", "3", "r1.json", "r1"}
    assert heard.fields - {"record"} == {"profile_id", "at", "tags", "n", "name", "recording_id"}


def test_rewriting_needs_no_memory_for_the_file(company):
    company.declares("events", "events.jsonl.gz", format="jsonl")
    line = json.dumps({"profile_id": "p2", "text": "x" * 200}).encode() + b"\n"
    company.has("events.jsonl.gz", gzip.compress(b'{"profile_id": "p1"}\n' + line * 60_000))
    tracemalloc.start()
    try:
        assert company.erase(company.locate("p1")) == [Erased(1, 21)]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000


# --- read by place -------------------------------------------------------------------------------


def heard(company, copies):
    listener = Listener()
    company.store.trace(company.datasets[0], copies, listener)
    return listener.everything(Pseudonym("control-0"))


def test_a_record_that_another_one_took_the_place_of_says_nothing(events):
    ((at, copy),) = events.store.nominated(events.datasets[0], [LiveRows("events.jsonl", ("2",))], ())
    assert (at, dict(copy.selector.match)) == (0, {"profile_id": frozenset({"p2"})})
    assert b"p2" in heard(events, [copy])
    events.has("events.jsonl", b'{"profile_id": "p1"}\n{"profile_id": "p3"}\n{"profile_id": "p2"}\n')
    assert heard(events, [copy]) == b""


def test_a_name_is_that_of_what_lies_there_and_of_nothing_else(voices):
    (voices.root / "voice" / "p3" / "r4.wav").mkdir(parents=True)
    (voices.root / "voice" / "p4").symlink_to(voices.root / "voice" / "p2")
    (dataset,) = voices.datasets
    held = [name for name in voices.names() if voices.store.holds(dataset, voices.root / name)]
    assert held == ["voice", "voice/p1", "voice/p1/r1.wav", "voice/p1/r2.wav", "voice/p2", "voice/p2/r3.wav", "voice/p3", "voice/p4"]
    read = [
        (name, sorted(copy.keys for _, copy in voices.store.nominated(dataset, [LiveRows(name, ("name",))], voices.locate("p2"))))
        for name in held
    ]
    assert read == [
        (name, [("voice/p1/r1.wav",), ("voice/p1/r2.wav",)] if name in {"voice", "voice/p1"} else [(name,)] if "p1/r" in name else [])
        for name in held
    ]
