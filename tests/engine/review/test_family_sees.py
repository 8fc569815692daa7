"""The family reads who of the staff looked: one look for each lease, with case, approvers, seconds and clarity, as soon as it happens."""

from __future__ import annotations

import pytest

from expunge.core.families.looks import LookedBy, LookPage, StaffLook
from expunge.core.journal.notice_events import NoticeKind
from expunge.core.journal.review_words import Clarity, ReviewPurpose, Sound
from expunge.engine.families.recordings.looking import LookIndex
from expunge.engine.requests.notices import NoticeIndex
from expunge.engine.review import requesting
from expunge.engine.review.refusals import ReviewRefused
from expunge.engine.vault.openings import this_reader
from tests.engine.families.recorded_company import ANNA, BELA
from tests.engine.review.desk_company import OFFICER, PARENT, SECOND_OFFICER, VOICE, DeskCompany
from tests.engine.review.test_desk import by_family, leased


def page(office: DeskCompany, index: LookIndex, profile: str = ANNA, **more: int) -> LookPage:
    return index.page([office.subject(profile)], PARENT, {}, **more)


def test_each_lease_is_one_look_that_grows_while_it_lasts(office: DeskCompany) -> None:
    index = LookIndex(office.desk.context)
    assert page(office, index).looks == ()
    lease = leased(office, OFFICER, SECOND_OFFICER).begun.lease
    office.fetch(lease, 0, 2000)
    (look,) = page(office, index).looks
    assert (look.by, look.purpose) == (LookedBy.STAFF, ReviewPurpose.HARM.value)
    assert look.staff == StaffLook("reviewer", "support", "LE-88", ("officer", "officer"), 2, 1, "pixelated", "mute")
    office.viewing.step(office.seat(), lease, Clarity.FACES_HIDDEN, Sound.MASKED)
    office.fetch(lease, 2000, 5500)
    (look,) = page(office, index).looks
    assert look.staff == StaffLook("reviewer", "support", "LE-88", ("officer", "officer"), 6, 2, "faces hidden", "masked")
    (count,) = page(office, index).counts
    assert (count.by, count.opened, count.refused, count.seconds) == (LookedBy.STAFF, 1, 0, 6)
    assert page(office, index, BELA).looks == ()


def test_refusals_break_glass_and_programs_stand_in_one_list(office: DeskCompany) -> None:
    index = LookIndex(office.desk.context)
    first = by_family(office).begun.lease
    office.fetch(first)
    with pytest.raises(ReviewRefused):
        office.fetch(first, 39_000, 41_000)
    office.expunge.vault.renew_gate()
    sealed = f"bell/bell/{ANNA}/ring-1.mp4"
    office.expunge.vault.opened(sealed, this_reader("review", "trainer"), 0, 10).close()
    glass = leased(office, break_glass=True, dataset="voice", name=VOICE).begun.lease
    office.fetch(glass)
    looks = page(office, index).looks
    told = [(each.by, bool(each.refused), each.staff.break_glass if each.staff else None) for each in looks]
    assert told == [
        (LookedBy.STAFF, False, True),
        (LookedBy.PROGRAM, False, None),
        (LookedBy.STAFF, True, False),
        (LookedBy.STAFF, False, False),
    ]
    assert looks[3].staff is not None
    assert looks[3].staff.approvers == ()
    newest = page(office, index, most=2)
    assert [each.at for each in newest.looks] == [each.at for each in looks[:2]]
    assert newest.following is not None
    assert page(office, index, most=2, before=newest.following).looks == looks[2:]
    assert page(office, LookIndex(office.desk.context)) == page(office, index), "an index that begins anew tells the same"


def test_the_family_is_told_once_of_each_lease_and_loudly_of_an_emergency(office: DeskCompany) -> None:
    index = NoticeIndex(office.desk.context)
    assert index.notices(office.subject()) == ()
    lease = leased(office).begun.lease
    assert index.notices(office.subject()) == (), "nothing was seen yet"
    for start in (0, 2000):
        office.fetch(lease, start, start + 2000)
    (told,) = index.notices(office.subject())
    assert (told.kind, told.order, told.subjects) == (NoticeKind.SEEN_BY_STAFF, f"rev-{lease}", (office.subject(),))
    request = requesting.ask(office.desk, office.seat(), office.new(break_glass=True)).id
    office.fetch(office.viewing.activate(office.seat(), request).begun.lease)
    assert [each.kind for each in index.notices(office.subject())] == [NoticeKind.EMERGENCY_VIEW, NoticeKind.SEEN_BY_STAFF]
    assert index.since(told.at) == tuple(reversed(index.notices(office.subject())))
    assert index.notices(office.subject(BELA)) == ()


def test_outside_an_opening_counts_alone_are_told(office: DeskCompany) -> None:
    office.fetch(leased(office).begun.lease)
    told = LookIndex(office.desk.context).page([office.subject()], PARENT)
    assert told.looks == ()
    assert [(each.by, each.opened, each.seconds) for each in told.counts] == [(LookedBy.STAFF, 1, 2)]
