"""No camera is watched live: what the map names as a stream, what was written to a moment ago, and what nobody can tell."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from expunge import clock
from expunge.adapters.policy.policy_folder import PolicyFolder
from expunge.bootstrap.desk.recordings import DeskRecordings
from expunge.core.accounts.review_spec import LiveSpec, ReviewLimits, ReviewSpec, WorkingHours
from expunge.core.journal.review_words import Clarity, Sound
from expunge.core.review.bounds import bounds_of
from expunge.engine.families.recordings.timelines import recordings_of
from expunge.engine.review import policies, requesting
from expunge.engine.review.desk import Desk
from expunge.engine.review.refusals import ReviewRefused
from expunge.engine.review.viewing import Viewing
from expunge.errors import UsageError
from expunge.ports.review.recordings import ReviewedRecording
from tests.engine.families.recorded_company import ANNA
from tests.engine.review.desk_company import BELL, OFFICER, VOICE, DeskCompany
from tests.moment import dated

ALWAYS = ReviewLimits(lease_minutes=15, hours=WorkingHours(days=(1, 2, 3, 4, 5, 6, 7), first=0, last=24 * 60))
Ruled = Callable[[LiveSpec], DeskCompany]


@pytest.fixture
def ruled(office: DeskCompany) -> Ruled:
    """The desk under the shipped rules, with what the map says is live."""

    def made(live: LiveSpec) -> DeskCompany:
        spec = ReviewSpec(ALWAYS, live=live)
        context = replace(office.desk.context, data_map=replace(office.desk.context.data_map, review=spec))
        recordings = DeskRecordings(context, office.expunge.vault)
        policy = policies.in_force(context, PolicyFolder(spec))
        office.desk = Desk.of(context, policy, office.logins, office.desk.records, recordings, bounds_of(spec))
        office.viewing = Viewing(office.desk)
        return office

    return made


def _voice(office: DeskCompany, age: float = 3600.0) -> Path:
    path = office.company.media / VOICE
    os.utime(path, (clock.timestamp() - age, clock.timestamp() - age))
    return path


def _refused(act: Callable[[], object]) -> set[str]:
    with pytest.raises(ReviewRefused) as error:
        act()
    return {each.rule for each in error.value.reasons}


def _ask(office: DeskCompany, name: str = VOICE, **changes: object) -> str:
    new = office.new(dataset=name.partition("/")[0], name=name, clarity=Clarity.PIXELATED, sound=Sound.MUTE, **changes)
    return requesting.ask(office.desk, office.seat(), new).id


@pytest.mark.duty("RNG-13", "FAIL-12")
def test_a_recording_that_still_grows_is_refused_and_shown_once_it_is_whole(ruled: Ruled) -> None:
    office = ruled(LiveSpec())
    _voice(office, age=0)
    assert _refused(lambda: _ask(office)) == {"live-view"}
    assert _refused(lambda: _ask(office, break_glass=True)) >= {"live-view"}
    office.clock.ahead = timedelta(seconds=11)
    assert _ask(office)


@pytest.mark.duty("RNG-13", "FAIL-12")
def test_a_lease_shows_nothing_once_its_camera_records_again(ruled: Ruled) -> None:
    office = ruled(LiveSpec())
    path = _voice(office)
    request = _ask(office)
    requesting.approve(office.desk, office.seat(OFFICER, b"o" * 32), request)
    lease = office.viewing.activate(office.seat(), request).begun.lease
    assert office.fetch(lease)
    with path.open("ab") as file:
        file.write(b"\0" * 100)
    dated(path)
    shown = len(office.rendered)
    assert _refused(lambda: office.fetch(lease)) == {"live-view"}
    assert len(office.rendered) == shown, "nothing was rendered"


@pytest.mark.duty("RNG-13", "FAIL-12")
def test_a_dataset_of_streams_is_never_shown(ruled: Ruled) -> None:
    office = ruled(LiveSpec(streams=("voice",)))
    _voice(office)
    for emergency in (False, True):
        assert "live-view" in _refused(lambda emergency=emergency: _ask(office, break_glass=emergency))  # type: ignore[misc]
    office.clock.ahead = timedelta(days=30)
    assert "live-view" in _refused(lambda: _ask(office))


@pytest.mark.duty("RNG-13")
def test_a_sealed_recording_is_whole_unless_the_map_says_how_long_it_counts_as_live(ruled: Ruled) -> None:
    assert _ask(ruled(LiveSpec()), BELL)
    office = ruled(LiveSpec(within=timedelta(days=1)))
    assert _refused(lambda: _ask(office, BELL)) == {"live-view"}
    office.clock.ahead = timedelta(days=1, minutes=1)
    assert "live-view" not in _refused_or_none(lambda: _ask(office, BELL))


def _refused_or_none(act: Callable[[], object]) -> set[str]:
    try:
        act()
    except ReviewRefused as error:
        return {each.rule for each in error.reasons}
    return set()


@pytest.mark.duty("RNG-13")
def test_a_store_that_does_not_say_when_it_was_written_shows_nothing(ruled: Ruled, monkeypatch: pytest.MonkeyPatch) -> None:
    office = ruled(LiveSpec())
    _voice(office)
    state = DeskRecordings._state

    def silent(self: DeskRecordings, *arguments: object) -> object:
        store, copy, found = state(self, *arguments)  # type: ignore[arg-type]
        return store, copy, replace(found, modified=None)

    monkeypatch.setattr(DeskRecordings, "_state", silent)
    assert _refused(lambda: _ask(office)) == {"live-view"}


@pytest.mark.duty("RNG-13")
def test_every_recording_of_every_kind_is_in_scope_whatever_was_shared(ruled: Ruled) -> None:
    """Audio, video and pictures, stored or live: no dataset of them is left out, and nothing else passes for one."""
    office = ruled(LiveSpec())
    data_map = office.desk.context.data_map
    held = {each.name for each in recordings_of(data_map)}
    assert held == {name for name, each in data_map.datasets.items() if {"user.content.audio", "user.content.video"} & set(each.categories)}
    assert "shared" in held
    for name in data_map.datasets.keys() - held:
        with pytest.raises(UsageError, match="no dataset of that name holds recordings"):
            office.desk.recordings.find(name, f"{name}/{ANNA}/x.wav")
    _voice(office)
    found = office.desk.recordings.find("voice", VOICE)
    assert isinstance(found, ReviewedRecording)
    assert found.live is False
