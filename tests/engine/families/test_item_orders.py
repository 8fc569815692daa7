"""One recording of a child goes with its family, and with nothing else of the child."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from expunge import faults
from expunge.bootstrap import Expunge
from expunge.core.log import dsse
from expunge.core.orders.run import Run
from expunge.core.values.cause import OnRequest
from expunge.core.values.order import OrderState
from expunge.core.values.outcome import Reason
from expunge.core.values.scope import FORGETS_PEOPLE, UNLINKED, ItemScope, Window
from expunge.core.verification.receipt_folder import ENVELOPE
from expunge.errors import UsageError
from expunge.gate import GateReason, Subject
from expunge.testing.forked import in_child
from tests.engine.household import ANNA, BELA, SAID, Household, difference

ASKED = OnRequest("the parent confirmed it")
FIRST, SECOND = (f"voice/{ANNA}/rec-anna-{number}-X7.wav" for number in range(2))


def named(opened: Expunge, keys: dict[str, set[str]], windows: dict[str, Window] | None = None, whose: str = ANNA) -> str:
    person = opened.resolve(f"profile:{whose}")
    return opened.scoped.about_items(person, opened.scoped.reach_of_items(person, keys, windows or {}), cause=ASKED).order


def done(home: Household, keys: dict[str, set[str]], windows: dict[str, Window] | None = None) -> Run:
    with home.open() as opened:
        order = named(opened, keys, windows)
        opened.plan(order)
        return opened.apply(order)


def receipt(home: Household, run: Run) -> dict:
    with home.open() as opened:
        folder = opened.receipt_folder(run.order)
    return json.loads(dsse.parse(folder[ENVELOPE]).payload)["predicate"]


MAKE_INDEX = """
import json, pathlib, sys
asked = json.load(sys.stdin)
recordings = sorted(pathlib.Path("world/media/voice").glob("*/*.wav"))
pathlib.Path(asked.get("out", "world/index/all.bin")).write_bytes(b"".join(path.read_bytes() for path in recordings))
"""


@pytest.mark.duty("AMZ-05", "COP-11")
def test_a_recording_goes_with_its_transcript_and_nothing_else_does(home: Household) -> None:
    before = home.logical()
    run = done(home, {"voice": {SECOND}})
    assert run.state is OrderState.FULFILLED, run.reasons
    changed = difference(before, home.logical())
    assert changed == {
        f"media/{SECOND}",
        next(name for name in before if name.startswith("transcripts:") and SAID[ANNA][1] in name),
        next(name for name in before if name.startswith("words:") and SAID[ANNA][1] in name),
    }
    assert home.search(SAID[ANNA][1], "rec-anna-1-X7") == []
    assert {name: by[run.subjects[0]] for name, by in run.current.items.items() if by} == {"voice": 1, "transcripts": 1}


def test_the_receipt_says_by_count_and_kind_what_was_meant(home: Household) -> None:
    run = done(home, {"voice": {FIRST, SECOND}})
    said = receipt(home, run)
    (reach,) = [each for each in said["out_of_scope"] if each.startswith("the order reaches")]
    assert "2 named items of voice, and what was made from them" in reach
    assert "not accounts, events, participants, profiles, shared" in reach
    assert ANNA not in json.dumps(said)
    assert "rec-anna" not in json.dumps(said)


def test_the_person_is_not_suppressed_and_stays_known(home: Household) -> None:
    done(home, {"voice": {FIRST}})
    with home.open() as opened:
        assert opened.resolve(f"profile:{ANNA}").known
        assert opened.sweep().came_back == ()
        gate = opened.gate(timedelta(days=1))
        assert gate.may_use(Subject("profile", ANNA), "training").reason is not GateReason.SUPPRESSED


def test_words_that_another_recording_has_too_are_no_residue(home: Household) -> None:
    """The same sentence in the transcript of a recording that stays, and in events that the order does not reach."""
    with closing(sqlite3.connect(home.database)) as database, database:
        database.execute("UPDATE transcripts SET text = ? WHERE recording_id LIKE 'rec-anna-%'", (SAID[ANNA][0],))
    run = done(home, {"voice": {FIRST}})
    assert run.state is OrderState.FULFILLED, run.reasons


def test_a_copy_that_the_map_does_not_declare_is_residue(home: Household) -> None:
    (home.world / "media" / "backup.bin").write_bytes((home.world / "media" / SECOND).read_bytes())
    run = done(home, {"voice": {SECOND}})
    assert run.state is OrderState.IN_PART
    assert any(Reason.RESIDUE.value in reason for reason in run.reasons), run.reasons


@pytest.mark.duty("TIM-04")
def test_what_no_field_leads_to_stays_and_the_receipt_says_why(home: Household) -> None:
    declared = "subject: {profile: profile_id}, derived_from: [voice], on_erase: erase, retention: life"
    labels = f"  labels: {{store: app, table: labels, {declared}}}\n"
    with closing(sqlite3.connect(home.database)) as database, database:
        database.execute("CREATE TABLE labels (id INTEGER PRIMARY KEY, profile_id TEXT, label TEXT, closed_at TEXT)")
        database.executemany("INSERT INTO labels (profile_id, label) VALUES (?, ?)", [(ANNA, "whispers at night"), (BELA, "laughs aloud")])
    home.write_map(more=labels)
    before = home.logical()
    run = done(home, {"voice": {SECOND}})
    assert run.state is OrderState.IN_PART
    assert run.final, "nothing is left that a later try could do"
    assert f"labels: kept, {UNLINKED}" in run.reasons
    with closing(sqlite3.connect(home.database)) as database:
        assert database.execute("SELECT count(*) FROM labels").fetchone() == (2,)
    assert {f"media/{SECOND}"} < difference(before, home.logical())
    entry = next(each for each in receipt(home, run)["datasets"] if each["dataset"] == "labels")
    assert (entry["outcome"], entry["items"]) == ("kept", 1)


def test_a_stretch_of_time_takes_what_lies_in_it(home: Household) -> None:
    text = home.map.read_text().replace(
        '"voice/{profile_id}/{recording_id}.wav", subject: {profile: profile_id}, retention: life',
        '"voice/{profile_id}/{recording_id}.wav", subject: {profile: profile_id}, retention: voice',
    )
    schedule = "  voice: {period: 9000 days, from: modified, purpose: answer, need: the service}\n"
    home.map.write_text(text.replace("retention:\n", f"retention:\n{schedule}", 1))
    with home.open() as opened:
        now = opened.context.clock.now()
    os.utime(home.world / "media" / FIRST, ((now - timedelta(days=9)).timestamp(),) * 2)
    os.utime(home.world / "media" / SECOND, ((now - timedelta(days=3)).timestamp(),) * 2)
    run = done(home, {}, {"voice": Window("modified", now - timedelta(days=10), now - timedelta(days=8))})
    assert run.state is OrderState.FULFILLED, run.reasons
    assert [(home.world / "media" / each).exists() for each in (FIRST, SECOND)] == [False, True]
    assert isinstance(run.received.scope, ItemScope)
    assert "the items of voice of a stretch of time" in run.received.scope.basis


def test_a_held_item_stays_until_its_hold_ends(home: Household) -> None:
    with home.open() as opened:
        until = opened.context.clock.now() + timedelta(days=30)
        person = opened.resolve(f"profile:{ANNA}")
        opened.holds.place(person, "voice", ground="police report", authority="counsel", until=until, items=[SECOND])
    run = done(home, {"voice": {SECOND}})
    assert run.state is OrderState.IN_PART
    assert (home.world / "media" / SECOND).exists()


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"transcripts": {"[1]"}}, "made from"),
        ({"voice": {f"voice/{BELA}/rec-bela-0-X7.wav"}}, "not there any more"),
        ({"voice": {f"voice/{ANNA}/gone.wav"}}, "not there any more"),
        ({"nothing": {"x"}}, "no dataset"),
        ({}, "names some of them"),
    ],
    ids=["of-a-transcript", "of-another-child", "gone", "no-dataset", "none"],
)
def test_an_item_that_cannot_be_meant_is_refused(home: Household, keys: dict[str, set[str]], why: str) -> None:
    plain = "subject: {through: voice, via: recording_id}, retention: life"
    made = "subject: {through: voice, via: recording_id}, derived_from: [voice], on_erase: erase, retention: life"
    assert plain in home.map.read_text()
    home.map.write_text(home.map.read_text().replace(plain, made))
    with home.open() as opened, pytest.raises(UsageError, match=why):
        named(opened, keys)


def test_without_its_selectors_the_order_takes_nothing(home: Household) -> None:
    """The whole person is never what an order for items falls back to."""
    with home.open() as opened:
        order = named(opened, {"voice": {SECOND}})
        opened.context.shelf.remove(order, "selectors.sealed")
        opened.plan(order)
        run = opened.apply(order)
        assert run.state is OrderState.IN_PART
    assert all((home.world / "media" / each).exists() for each in (FIRST, SECOND))


def test_the_order_can_be_cancelled_before_anything_was_erased(home: Household) -> None:
    before = home.logical()
    with home.open() as opened:
        order = named(opened, {"voice": {SECOND}})
        assert opened.order_cancel(order).state is OrderState.CANCELLED
    assert home.logical() == before


def test_everything_else_of_the_child_can_go_afterwards(home: Household) -> None:
    done(home, {"voice": {FIRST}})
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.FULFILLED, run.reasons
    assert not list((home.world / "media" / "voice").glob(f"{ANNA}/*"))
    assert Path(home.world / "media" / "voice" / BELA).is_dir()


@pytest.mark.parametrize("point", ["store.erase:before", "store.erase:after", "store.purge:after"])
@pytest.mark.parametrize("time", [1, 2])
def test_killed_in_the_middle_it_ends_as_if_nothing_had_happened(home: Household, point: str, time: int) -> None:
    """With the recording or its transcript gone already, what is left of the family is still found, and no more than that."""
    before = home.logical()
    with home.open() as opened:
        order = named(opened, {"voice": {SECOND}})
        opened.plan(order)

    def doomed() -> None:
        with faults.arm(point, "kill", time):
            home.apply(order)

    assert in_child(doomed).killed_by == 9
    run = home.apply(order)
    assert run.state is OrderState.FULFILLED, run.reasons
    assert len(difference(before, home.logical())) == 3
    assert home.search(SAID[ANNA][1], "rec-anna-1-X7") == []


def test_an_index_made_from_the_recordings_is_made_anew_without_the_one(home: Household) -> None:
    """What was learnt goes by the map's word, as for a person."""
    index = home.world / "index"
    index.mkdir()
    (home.folder / "make.py").write_text(MAKE_INDEX)
    act = "{rebuild: {command: python3 make.py, prove: python3 make.py}}"
    home.write_map(more=f"  index: {{store: learnt, path: all.bin, derived_from: [voice], on_erase: {act}, retention: life}}\n")
    home.map.write_text(home.map.read_text().replace("stores:\n", "stores:\n  learnt: {kind: files, url: ./world/index}\n", 1))
    (index / "all.bin").write_bytes(b"".join(path.read_bytes() for path in sorted((home.world / "media" / "voice").glob("*/*.wav"))))
    gone = (home.world / "media" / SECOND).read_bytes()
    run = done(home, {"voice": {SECOND}})
    assert run.state is OrderState.FULFILLED, run.reasons
    made = (index / "all.bin").read_bytes()
    assert gone not in made
    assert (home.world / "media" / FIRST).read_bytes() in made


def test_a_model_that_forgets_whole_people_alone_is_said_to_be_left(home: Household) -> None:
    """To take the whole child out of it would be more than was asked; to say nothing would be less than is true."""
    (home.world / "index").mkdir()
    home.write_map(
        more="  index: {store: learnt, path: all.bin, derived_from: [voice], on_erase: {forget: python3 make.py}, retention: life}\n"
    )
    home.map.write_text(home.map.read_text().replace("stores:\n", "stores:\n  learnt: {kind: files, url: ./world/index}\n", 1))
    learnt = b"".join(path.read_bytes() for path in sorted((home.world / "media" / "voice").glob("*/*.wav")))
    (home.world / "index" / "all.bin").write_bytes(learnt)
    run = done(home, {"voice": {SECOND}})
    assert run.state is OrderState.IN_PART
    assert (home.world / "index" / "all.bin").read_bytes() == learnt
    entry = next(each for each in receipt(home, run)["datasets"] if each["dataset"] == "index")
    assert (entry["outcome"], entry["detail"]) == ("unable", FORGETS_PEOPLE)
    assert not (home.world / "media" / SECOND).exists()


def test_items_found_through_a_device_are_told_apart_too(home: Household) -> None:
    """The person stands in another dataset than the item does."""
    with closing(sqlite3.connect(home.database)) as database, database:
        database.executescript(
            "CREATE TABLE devices (device_id TEXT PRIMARY KEY, profile_id TEXT, closed_at TEXT);"
            "CREATE TABLE clips (clip_id TEXT PRIMARY KEY, device_id TEXT, said TEXT, closed_at TEXT);"
            "CREATE TABLE captions (caption_id INTEGER PRIMARY KEY, clip_id TEXT, words TEXT, closed_at TEXT);"
        )
        database.executemany("INSERT INTO devices (device_id, profile_id) VALUES (?, ?)", [("dev-one-11", ANNA), ("dev-two-22", BELA)])
        clips = [
            ("c-1", "dev-one-11", "a lullaby about trains"),
            ("c-2", "dev-one-11", "a secret cookie jar"),
            ("c-3", "dev-two-22", "rain"),
        ]
        database.executemany("INSERT INTO clips (clip_id, device_id, said) VALUES (?, ?, ?)", clips)
        captions = [(clip, f"caption of {said}") for clip, _, said in clips]
        database.executemany("INSERT INTO captions (clip_id, words) VALUES (?, ?)", captions)
    home.write_map(
        more="  devices: {store: app, table: devices, subject: {profile: profile_id}, retention: life}\n"
        "  clips: {store: app, table: clips, subject: {through: devices, via: device_id}, retention: life}\n"
        "  captions: {store: app, table: captions, subject: {through: clips, via: clip_id}, retention: life}\n"
    )
    with home.open() as opened:
        located = opened.locate([opened.resolve(f"profile:{ANNA}")])
        (copy,) = located.copies["clips"]
    run = done(home, {"clips": {sorted(copy.keys)[1]}})
    assert run.state is OrderState.FULFILLED, run.reasons
    with closing(sqlite3.connect(home.database)) as database:
        assert [row[0] for row in database.execute("SELECT clip_id FROM clips ORDER BY 1")] == ["c-1", "c-3"]
        assert [row[0] for row in database.execute("SELECT clip_id FROM captions ORDER BY 1")] == ["c-1", "c-3"]
        assert database.execute("SELECT count(*) FROM devices").fetchone() == (2,)
    assert home.search("secret cookie jar") == []


@pytest.mark.duty("AMZ-05")
def test_what_is_found_through_what_was_not_chosen_stays(home: Household) -> None:
    """Captions are of recordings and of calls. Those of calls stay where a recording was chosen."""
    with closing(sqlite3.connect(home.database)) as database, database:
        database.executescript(
            "CREATE TABLE calls (call_id TEXT PRIMARY KEY, profile_id TEXT, closed_at TEXT);"
            "CREATE TABLE captions (caption_id INTEGER PRIMARY KEY, of TEXT, words TEXT, closed_at TEXT);"
        )
        database.execute("INSERT INTO calls (call_id, profile_id) VALUES ('call-77', ?)", (ANNA,))
        captions = [("rec-anna-1-X7", "caption of a recording"), ("rec-anna-0-X7", "caption of another"), ("call-77", "caption of a call")]
        database.executemany("INSERT INTO captions (of, words) VALUES (?, ?)", captions)
    home.write_map(
        more="  calls: {store: app, table: calls, subject: {profile: profile_id}, retention: life}\n"
        "  captions: {store: app, table: captions, subject: {through: {voice: recording_id, calls: call_id}, via: of}, retention: life}\n"
    )
    run = done(home, {"voice": {SECOND}})
    with closing(sqlite3.connect(home.database)) as database:
        left = [row[0] for row in database.execute("SELECT words FROM captions ORDER BY 1")]
    assert left == ["caption of a call", "caption of another"], run.reasons


@pytest.mark.duty("TIM-04")
def test_a_recipient_is_told_of_the_named_items_and_of_nothing_else(home: Household) -> None:
    """TIM-04: providers and third parties hear what to erase, and no more than what was asked."""
    recipients = "recipients:\n  cloud: {gets: [voice]}\n"
    home.map.write_text(home.map.read_text().replace("retention:\n", f"{recipients}retention:\n", 1))
    run = done(home, {"voice": {SECOND}})
    with home.open() as opened:
        letter = json.loads(opened.recipients.letter(run.order, "cloud").body)["instruction"]
    assert letter["selection"] == {"voice": [{"fields": {"profile_id": [ANNA]}, "and only where": {"recording_id": ["rec-anna-1-X7"]}}]}
    assert "nothing else" in letter["erase"]
