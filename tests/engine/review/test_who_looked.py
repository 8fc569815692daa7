"""Who looked, for all time; and that a register from which anything was taken proves nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from expunge.core import merkle
from expunge.core.journal import events as journalled
from expunge.core.journal.opening_events import RecordingOpened
from expunge.core.journal.review_events import LeaseEnded, ReviewEvent, ReviewsCommitted, ReviewsLogged, ViewRefused, ViewServed
from expunge.core.journal.review_words import LeaseEnding
from expunge.core.review import commitment
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import REVIEWS, register
from expunge.engine.review import who_looked
from expunge.engine.review.who_looked import WantedLooks
from tests.engine.families.recorded_company import BELA
from tests.engine.review.desk_company import OFFICER, REVIEWER, SECOND_REVIEWER, VOICE, DeskCompany
from tests.engine.review.test_desk import leased


@pytest.fixture
def watched(office: DeskCompany) -> DeskCompany:
    """ANNA's bell and voice were seen, BELA's bell by a program."""
    first = leased(office).begun.lease
    for number in range(3):
        office.fetch(first, number * 2000, number * 2000 + 2000)
    other = leased(office, dataset="voice", name=VOICE).begun.lease
    office.fetch(other)
    office.policy.refuses.add("view")
    with pytest.raises(Exception, match="a policy refuses"):
        office.fetch(other)
    office.policy.refuses.clear()
    register(
        office.expunge.context.journal,
        "openings",
        RecordingOpened(office.clock.now(), "0f" * 8, "bell", "ab" * 16, (office.subject(BELA),), "look", "camera", "viewer", 0, 10),
    )
    office.desk.views.flush()
    return office


class Edited:
    """A journal of which one register reads otherwise."""

    def __init__(self, context: Context, change: Callable[[list[ReviewEvent]], list[ReviewEvent]]) -> None:
        self.events = change([journalled.decode(data) for data in context.journal.read(REVIEWS)])  # type: ignore[misc]

    def read(self, stream: str, start: int = 0) -> list[bytes]:
        assert (stream, start) == (REVIEWS, 0)
        return [journalled.encode(event) for event in self.events]  # type: ignore[arg-type]


def faults(office: DeskCompany, change: Callable[[list[ReviewEvent]], list[ReviewEvent]]) -> list[str]:
    context = office.expunge.context
    return who_looked.prove(replace(context, journal=Edited(context, change))).faults  # type: ignore[arg-type]


@pytest.mark.duty("FAIL-08")
def test_looks_are_found_by_recording_person_and_reviewer(watched: DeskCompany) -> None:
    context = watched.desk.context
    every = [each.entry for each in who_looked.looks(context, WantedLooks())]
    assert [each.at for each in every] == sorted(each.at for each in every)
    assert len(every) == 6
    anna = list(who_looked.looks(context, WantedLooks(subjects=frozenset({watched.subject()}))))
    assert [type(each.entry) for each in anna] == [ViewServed] * 4 + [ViewRefused]
    assert [each.given for each in anna[:4]] == [79, 79, 79, 79]
    bell = anna[0].entry.recording
    assert len(list(who_looked.looks(context, WantedLooks(recording=bell)))) == 3
    assert len(list(who_looked.looks(context, WantedLooks(reviewer=REVIEWER)))) == 5
    assert not list(who_looked.looks(context, WantedLooks(reviewer=SECOND_REVIEWER)))
    assert [type(each.entry) for each in who_looked.looks(context, WantedLooks(reviewer="camera"))] == [RecordingOpened]
    assert [each.entry for each in who_looked.looks(context, WantedLooks(since=every[-1].at))] == every[-1:]


def test_a_whole_register_is_proven(watched: DeskCompany) -> None:
    proof = who_looked.prove(watched.desk.context)
    assert proof.faults == []
    assert (proof.views, proof.leases) == (4, 2)
    assert proof.entries >= 2
    assert proof.waiting == 2, "the last entry and its note"


def _without(kind: type, which: int = 0) -> Callable[[list[ReviewEvent]], list[ReviewEvent]]:
    def change(events: list[ReviewEvent]) -> list[ReviewEvent]:
        places = [place for place, event in enumerate(events) if isinstance(event, kind)]
        return [event for place, event in enumerate(events) if place != places[which]]

    return change


def _changed(kind: type, **changes: object) -> Callable[[list[ReviewEvent]], list[ReviewEvent]]:
    def change(events: list[ReviewEvent]) -> list[ReviewEvent]:
        place = next(place for place, event in enumerate(events) if isinstance(event, kind))
        return [*events[:place], replace(events[place], **changes), *events[place + 1 :]]

    return change


def _late(events: list[ReviewEvent]) -> list[ReviewEvent]:
    """The end of a lease, written before its last view."""
    place = max(place for place, event in enumerate(events) if isinstance(event, ViewServed))
    view = events[place]
    assert isinstance(view, ViewServed)
    return [*events[:place], LeaseEnded(view.at, view.lease, LeaseEnding.REVOKED, OFFICER), *events[place:]]


@pytest.mark.duty("FAIL-08")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_without(ViewServed), "is missing"),
        (_without(ViewServed, -1), "events are missing"),
        (_without(ReviewsCommitted), "missing from the register"),
        (_without(ReviewsLogged), "events are missing"),
        (_changed(ViewServed, reviewer=SECOND_REVIEWER), "not as they were entered"),
        (_changed(ViewServed, sequence=7), "is missing"),
        (_changed(ReviewsLogged, index=999), "not in the log"),
        (_changed(ReviewsCommitted, root="00" * 32), "not as they were entered"),
        (_late, "behind the end of its lease"),
        (lambda events: events[:-4], "does not know"),
        (lambda _: [], "does not know"),
    ],
    ids=["first-view", "last-view", "entry", "note", "reviewer", "number", "place", "root", "late", "tail", "all"],
)
def test_what_is_missing_or_changed_is_told(
    watched: DeskCompany, change: Callable[[list[ReviewEvent]], list[ReviewEvent]], words: str
) -> None:
    register(
        watched.desk.context.journal,
        REVIEWS,
        LeaseEnded(watched.clock.now(), next(iter(watched.reviews().leases)), LeaseEnding.REVOKED, ""),
    )
    watched.desk.views.flush()
    assert faults(watched, lambda events: events) == []
    found = faults(watched, change)
    assert any(words in each for each in found)


def test_a_log_that_lacks_its_entries_is_told(watched: DeskCompany) -> None:
    class Shorter:
        def __init__(self, log: object) -> None:
            self._log = log

        def __getattr__(self, name: str) -> object:
            return getattr(self._log, name)

        def entry(self, index: int) -> bytes:
            return b"another entry" if index == 0 else watched.expunge.context.log.entry(index)

    context = replace(watched.expunge.context, log=Shorter(watched.expunge.context.log))  # type: ignore[arg-type]
    assert "not in the log where the register says" in who_looked.prove(context).faults[0]


def test_a_receipt_of_a_view_is_checked_without_the_installation(watched: DeskCompany) -> None:
    context = watched.desk.context
    lease = next(iter(watched.reviews().leases))
    for sequence in range(3):
        found = who_looked.receipt(context, lease, sequence)
        assert found is not None
        commitment.verify(found.proof)
        event = journalled.decode(found.proof.event)
        assert isinstance(event, ViewServed)
        assert (event.lease, event.sequence) == (lease, sequence)
        head = context.log.head()
        path = context.log.prove_inclusion(found.index, head.size)
        merkle.verify_inclusion(merkle.leaf_hash(found.leaf), found.index, head.size, path, head.root)
    assert who_looked.receipt(context, lease, 3) is None
