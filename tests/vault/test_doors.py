"""The vault's door: uploads that come in parts, and openings between two calls, of callers who may go away at any moment."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import nullcontext
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge.bootstrap.vault.doors import LocalDoor, LocalDoors
from expunge.bootstrap.vault.sessions import SessionLimits
from expunge.errors import Busy, Refused, SessionGone, StoreUnavailable, UsageError, WrongOffset
from expunge.faults import arm
from expunge.ports.vault.vault_door import MOST_AT_ONCE, Caller, OpeningClaim, UploadClaim
from tests.vault.doorbells import ANNA, BELA, Doorbells, copy, path_of, speech

CAMERA, OTHER = Caller(1000, "camera"), Caller(1001, "other")
FEW = SessionLimits(of_caller=2, together=3, idle=60.0)


def upload(one: str = ANNA, name: str = "r-1", **said) -> UploadClaim:
    return UploadClaim(secrets.token_hex(16), "doorbell", path_of(one, name), **said)


def opening(one: str = ANNA, name: str = "r-1", **said) -> OpeningClaim:
    return OpeningClaim(secrets.token_hex(16), f"doorbell/{path_of(one, name)}", "look", "viewer", **said)


@pytest.fixture
def doors(home: Doorbells) -> Iterator[LocalDoors]:
    with home.open() as opened:
        opened.vault.renew_gate()
        doors = LocalDoors(lambda: nullcontext(opened.vault), FEW, FEW)
        yield doors
        doors.close()


def left(home: Doorbells) -> list[str]:
    return [path.name for path in home.vault.rglob("*") if path.is_file()]


def test_a_recording_comes_in_parts_and_each_call_may_be_made_again(home: Doorbells, doors: LocalDoors):
    """A sender who loses an answer says the same once more; the recording is the same, once."""
    data, door = speech(0) * 3, doors.door_of(CAMERA)
    claim = upload(size=len(data), digest=sha256(data).hexdigest())
    assert door.begin_upload(claim) == door.begin_upload(claim) == 0
    at = 0
    while at < len(data):
        part = data[at : at + 70_001]
        at = door.append_upload(claim.upload, at, part)
        assert door.append_upload(claim.upload, at - len(part), part) == at == door.begin_upload(claim)
    taken = door.finish_upload(claim.upload)
    assert taken == door.finish_upload(claim.upload)
    assert (taken.size, taken.digest, taken.fresh) == (len(data), claim.digest, True)
    assert door.begin_upload(claim) == len(data)
    assert home.read(ANNA, "r-1") == data
    assert left(home) == [taken.id]
    again = upload()
    assert door.begin_upload(again) == 0
    door.append_upload(again.upload, 0, data[:MOST_AT_ONCE])
    door.append_upload(again.upload, len(data[:MOST_AT_ONCE]), data[MOST_AT_ONCE:])
    known = door.finish_upload(again.upload)
    assert (known.fresh, known.id) == (False, taken.id)


def test_bytes_for_another_place_are_refused_with_the_right_one(doors: LocalDoors):
    """A gap, an overlap, other bytes at the last place: nothing is taken, and the sender learns where to go on."""
    door, claim = doors.door_of(CAMERA), upload(size=200)
    door.begin_upload(claim)
    door.append_upload(claim.upload, 0, b"a" * 100)
    for offset, data in ((101, b"x"), (50, b"a" * 60), (0, b"b" * 100), (0, b"a" * 99)):
        with pytest.raises(WrongOffset) as refused:
            door.append_upload(claim.upload, offset, data)
        assert refused.value.received == 100
    with pytest.raises(WrongOffset) as short:
        door.finish_upload(claim.upload)
    assert short.value.received == 100
    assert door.append_upload(claim.upload, 100, b"b" * 100) == 200
    assert door.finish_upload(claim.upload).digest == sha256(b"a" * 100 + b"b" * 100).hexdigest()


def test_what_is_not_as_claimed_ends_and_leaves_nothing(home: Doorbells, doors: LocalDoors):
    """Too much, or another hash: the upload is over, and a new one may begin."""
    door = doors.door_of(CAMERA)
    for claim, data in ((upload(size=3), b"more"), (upload(digest="0" * 64), b"other")):
        door.begin_upload(claim)

        def send(claim: UploadClaim = claim, data: bytes = data) -> None:
            door.append_upload(claim.upload, 0, data)
            door.finish_upload(claim.upload)

        with pytest.raises(UsageError, match="claimed"):
            send()
        with pytest.raises(SessionGone):
            door.append_upload(claim.upload, 0, data)
    assert left(home) == []
    for claim in (upload(digest="x"), UploadClaim("short", "doorbell", path_of(ANNA, "r-1")), upload(name="../r-1")):
        with pytest.raises(UsageError):
            door.begin_upload(claim)


def test_an_order_that_comes_between_two_parts_wins(home: Doorbells, doors: LocalDoors):
    """Going on asks again, and so does the end, once the key is durable."""
    door = doors.door_of(CAMERA)
    going, ending = upload(), upload(name="r-2")
    for claim in (going, ending):
        door.begin_upload(claim)
        door.append_upload(claim.upload, 0, speech(0)[:5000])
    home.order(ANNA)
    with pytest.raises(Refused, match="suppressed"):
        door.begin_upload(going)
    with pytest.raises(Refused, match="suppressed"):
        door.finish_upload(ending.upload)
    with pytest.raises(Refused, match="suppressed"):
        door.begin_upload(upload(name="r-3"))
    assert left(home) == []


def test_a_full_disk_ends_the_upload_with_nothing_readable(home: Doorbells, doors: LocalDoors):
    """And the sender begins again."""
    door, claim = doors.door_of(CAMERA), upload()
    door.begin_upload(claim)
    door.append_upload(claim.upload, 0, b"x" * 100)
    with arm("vault.ingest.data:before", "full"), pytest.raises(StoreUnavailable, match="no space left"):
        door.finish_upload(claim.upload)
    assert left(home) == []
    assert door.begin_upload(claim) == 0
    door.append_upload(claim.upload, 0, b"y")
    assert door.finish_upload(claim.upload).fresh


def test_an_upload_and_an_opening_belong_to_the_caller_who_began_them(home: Doorbells, doors: LocalDoors):
    """Another account with the same token has none, and cannot end them."""
    home.ring(BELA, "r-1", speech(1))
    mine, others = doors.door_of(CAMERA), doors.door_of(OTHER)
    claim, wanted = upload(), opening(BELA)
    mine.begin_upload(claim)
    mine.open_recording(wanted)
    for act in (
        lambda: others.append_upload(claim.upload, 0, b"x"),
        lambda: others.finish_upload(claim.upload),
        lambda: others.read_recording(wanted.opening, 0, 10),
    ):
        with pytest.raises(SessionGone):
            act()
    others.drop_upload(claim.upload)
    others.close_recording(wanted.opening)
    assert mine.append_upload(claim.upload, 0, b"x") == 1
    assert mine.read_recording(wanted.opening, 0, 10) == speech(1)[:10]
    with pytest.raises(UsageError, match="used for another"):
        mine.begin_upload(UploadClaim(claim.upload, "doorbell", path_of(ANNA, "r-9")))


def test_they_are_bounded_in_number_and_in_idle_time(home: Doorbells, doors: LocalDoors, monkeypatch: pytest.MonkeyPatch):
    """One caller cannot take all; whoever is silent for too long begins anew, and its sealed bytes are gone."""
    home.ring(BELA, "r-1", speech(1))
    mine, others = doors.door_of(CAMERA), doors.door_of(OTHER)
    claims, wanted = [upload(name=f"r-{number}") for number in range(3)], [opening(BELA) for _ in range(3)]
    for begin, some in ((LocalDoor.begin_upload, claims), (LocalDoor.open_recording, wanted)):
        for each in some[:2]:
            begin(mine, each)
        if some is claims:
            assert [mine.append_upload(each.upload, 0, b"x") for each in claims[:2]] == [1, 1]
        with pytest.raises(Busy, match="no room"):
            begin(mine, some[2])
        begin(others, some[2])
    doors.settle()
    assert mine.append_upload(claims[0].upload, 1, b"x") == 2
    later = doors.uploads._now() + 61
    monkeypatch.setattr(doors.uploads, "_now", lambda: later)
    monkeypatch.setattr(doors.openings, "_now", lambda: later)
    doors.settle()
    with pytest.raises(SessionGone):
        mine.append_upload(claims[0].upload, 2, b"x")
    with pytest.raises(SessionGone):
        mine.read_recording(wanted[0].opening, 0, 1)
    assert len(left(home)) == 1
    assert mine.begin_upload(claims[0]) == 0


def test_uploads_that_were_only_asked_about_or_that_wait_keep_nobody_out(doors: LocalDoors, monkeypatch: pytest.MonkeyPatch):
    """Those without a byte go first, then the caller's own that wait for a minute; never one of another caller with bytes."""
    mine, others = doors.door_of(CAMERA), doors.door_of(OTHER)
    held, kept, late = upload(name="held"), upload(name="kept"), upload(name="late")
    mine.begin_upload(kept)
    mine.append_upload(kept.upload, 0, b"x")
    others.begin_upload(held)
    others.append_upload(held.upload, 0, b"x")
    for number in range(9):
        mine.begin_upload(upload(name=f"r-{number}"))
    mine.begin_upload(late)
    mine.append_upload(late.upload, 0, b"x")
    with pytest.raises(Busy):
        mine.begin_upload(upload(name="more"))
    later = doors.uploads._now() + 61
    monkeypatch.setattr(doors.uploads, "_now", lambda: later)
    mine.append_upload(late.upload, 1, b"x")
    mine.begin_upload(upload(name="more"))
    with pytest.raises(SessionGone):
        mine.append_upload(kept.upload, 1, b"x")
    assert mine.append_upload(late.upload, 2, b"x") == 3
    assert others.append_upload(held.upload, 1, b"x") == 2


def test_an_opening_is_one_entry_and_reads_only_its_part(home: Doorbells, doors: LocalDoors):
    """The same claim again is the same opening; a range outside the part, or too large, is refused and the opening goes on."""
    data = speech(1) * 20
    home.ring(BELA, "r-1", data)
    door, claim = doors.door_of(CAMERA), opening(BELA, first=1000, last=20_000)
    assert door.open_recording(claim) == door.open_recording(claim)
    with doors.vault() as vault:
        (entered,) = vault.openings()
    assert (entered.user, entered.program, entered.first, entered.last) == ("camera", "viewer", 1000, 20_000)
    for first, last in ((999, 1001), (1000, 20_001), (2000, 1999)):
        with pytest.raises(UsageError):
            door.read_recording(claim.opening, first, last)
    assert door.read_recording(claim.opening, 5000, 9000) == data[5000:9000]
    whole = opening(BELA)
    assert door.open_recording(whole).last == len(data) > MOST_AT_ONCE
    with pytest.raises(UsageError, match="at most"):
        door.read_recording(whole.opening, 0, MOST_AT_ONCE + 1)
    assert door.read_recording(whole.opening, 0, MOST_AT_ONCE) == data[:MOST_AT_ONCE]
    door.close_recording(whole.opening)
    with pytest.raises(SessionGone):
        door.read_recording(whole.opening, 0, 1)


def test_a_recording_that_was_erased_gives_no_further_byte(home: Doorbells, doors: LocalDoors):
    """Its file is gone while an opening has it: the opening ends by itself, and its key with it."""
    home.ring(BELA, "r-1", speech(1))
    door, claim, other = doors.door_of(CAMERA), opening(BELA), opening(BELA)
    door.open_recording(claim)
    door.open_recording(other)
    with doors.vault() as vault:
        library = vault._library(vault._dataset("doorbell"))
        (recording,) = vault.recordings("doorbell")
        library.shred([recording])
        library.discard([recording])
    with pytest.raises(StoreUnavailable):
        door.read_recording(claim.opening, 0, 1)
    doors.settle()
    with pytest.raises(SessionGone):
        door.read_recording(other.opening, 0, 1)


def test_listing_shows_what_the_gate_lets(home: Doorbells, doors: LocalDoors):
    """Page by page, and nothing of a person who is suppressed."""
    home.ring(ANNA, "r-1", speech(0))
    home.ring(BELA, "r-1", speech(1))
    door = doors.door_of(CAMERA)
    page = door.readable_recordings("doorbell", "look")
    assert ([each.name for each in page.recordings], page.following) == ([path_of(ANNA, "r-1"), path_of(BELA, "r-1")], None)
    home.order(ANNA)
    assert [each.name for each in door.readable_recordings("doorbell", "look").recordings] == [path_of(BELA, "r-1")]


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60_000), st.sampled_from(["once", "twice", "gap"])), max_size=8))
def test_any_split_of_any_recording_is_the_recording(empty_home: Doorbells, tmp_path_factory, parts: list[tuple[int, str]]):
    """Whatever the parts, repeats and gaps: the bytes come out as they went in."""
    home = copy(empty_home, tmp_path_factory.mktemp("split") / "home")
    data = os.urandom(sum(size for size, _ in parts))
    with home.open() as opened:
        door = LocalDoors(lambda: nullcontext(opened.vault)).door_of(CAMERA)
        claim, at = upload(), 0
        door.begin_upload(claim)
        for size, how in parts:
            part = data[at : at + size]
            if how == "gap":
                with pytest.raises(WrongOffset):
                    door.append_upload(claim.upload, at + 1, b"?" + part)
            for _ in range(1 + (how == "twice")):
                assert door.append_upload(claim.upload, at, part) == at + size
            at += size
        assert door.finish_upload(claim.upload).digest == sha256(data).hexdigest()
    assert home.read(ANNA, "r-1") == data
