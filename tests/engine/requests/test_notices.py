"""Letters about each step of an order: to whom, once, and at worst twice after a crash."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from expunge.bootstrap import Expunge
from expunge.core.journal.notice_events import LetterResult, NoticeKind, NoticeTried
from expunge.core.journal.thread_events import MessageKind, ThreadSide
from expunge.core.journal.threads import ThreadId
from expunge.core.orders.order_notices import AGAIN, IN_FLIGHT, MAILED_FOR, TRIED_FOR
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.engine.kernel.journal_streams import NOTICES, read_register, register
from expunge.engine.requests import notices
from expunge.engine.requests.notices import NoticeIndex
from expunge.engine.threads import messages
from expunge.engine.threads.messages import Note
from expunge.faults import arm
from expunge.ports.accounts.family_letters import LetterReader
from tests.engine.household import ANNA, BELA, Household, build

START = datetime(2031, 5, 2, 12, tzinfo=UTC)
MOTHER, FATHER = uuid4(), uuid4()


class Set:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at


class Post:
    """A mail server that answers as it is told; nothing of it is ours. Members are those of one family."""

    def __init__(self) -> None:
        self.members: dict[Pseudonym, tuple[LetterReader, ...]] = {}
        self.written: list[tuple[UUID, NoticeKind, str]] = []
        self.answer = LetterResult.TAKEN

    def readers(self, family: Pseudonym) -> tuple[LetterReader, ...]:
        return self.members.get(family, ())

    def write(self, account: UUID, family: Pseudonym, kind: NoticeKind, at: datetime, key: str) -> LetterResult:
        assert any(each.account == account for each in self.members[family])
        self.written.append((account, kind, key))
        return self.answer


class Scene:
    def __init__(self, folder: Path) -> None:
        self.home: Household = build(folder)
        self.clock, self.post = Set(), Post()
        self.opened = Expunge.open(self.home.map, clock=self.clock)
        self.index = NoticeIndex(self.opened.context)

    def order(self, *names: str) -> tuple[OrderId, tuple[Pseudonym, ...]]:
        accepted = self.opened.order_erase([self.opened.resolve(f"profile:{name}") for name in names])
        return accepted.order, accepted.subjects

    def round(self) -> list[tuple[UUID, NoticeKind]]:
        """What one more round writes."""
        before = len(self.post.written)
        notices.send_due(self.opened.context, self.index, self.post)
        return [(account, kind) for account, kind, _ in self.post.written[before:]]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.opened.close()


def member(account: UUID, since: datetime = START - timedelta(days=9)) -> LetterReader:
    return LetterReader(account, since)


def test_each_step_is_told_once_to_each_member(scene: Scene) -> None:
    scene.home.write_map(extra="laws: [GDPR]\n")
    order, (anna,) = scene.order(ANNA)
    scene.post.members[anna] = (member(MOTHER), member(FATHER))
    both = [(MOTHER, NoticeKind.RECEIVED), (FATHER, NoticeKind.RECEIVED)]
    assert scene.round() == both
    assert scene.round() == []
    scene.opened.dues.extend(order, "a backup is being read")
    assert [kind for _, kind in scene.round()] == [NoticeKind.EXTENDED] * 2
    thread = ThreadId(order, anna)
    for kind in (MessageKind.QUESTION, MessageKind.MESSAGE):
        scene.clock.at += timedelta(minutes=1)
        messages.write(scene.opened.context, Note(thread, ThreadSide.COMPANY, kind, "priya", "which device?"))
    assert [kind for _, kind in scene.round()] == [NoticeKind.NEEDS_YOU] * 2 + [NoticeKind.ANSWERED] * 2
    messages.write(scene.opened.context, Note(thread, ThreadSide.PERSON, MessageKind.MESSAGE, str(MOTHER), "the blue one"))
    scene.opened.plan(order)
    scene.opened.apply(order)
    assert [kind for _, kind in scene.round()] == [NoticeKind.DONE] * 2
    assert scene.round() == []


def test_an_order_about_two_families_is_told_to_each_and_keyed_apart(scene: Scene) -> None:
    _, (anna, bela) = scene.order(ANNA, BELA)
    scene.post.members = {anna: (member(MOTHER),), bela: (member(FATHER),)}
    assert sorted(scene.round()) == sorted([(MOTHER, NoticeKind.RECEIVED), (FATHER, NoticeKind.RECEIVED)])
    assert len({key for _, _, key in scene.post.written}) == 2


def test_a_member_hears_nothing_of_before_and_nothing_old_is_mailed(scene: Scene) -> None:
    _, (anna,) = scene.order(ANNA)
    scene.post.members[anna] = (member(MOTHER, START + timedelta(minutes=1)),)
    assert scene.round() == []
    scene.post.members[anna] = (member(FATHER),)
    scene.clock.at = START + MAILED_FOR
    assert scene.round() == []
    assert [each.kind for each in scene.index.notices(anna)] == [NoticeKind.RECEIVED]


def test_a_letter_that_was_not_taken_is_tried_again_for_three_days(scene: Scene) -> None:
    _, (anna,) = scene.order(ANNA)
    scene.post.members[anna] = (member(MOTHER),)
    scene.post.answer = LetterResult.LATER
    assert len(scene.round()) == 1
    assert scene.round() == []
    scene.clock.at += AGAIN
    assert len(scene.round()) == 1
    scene.clock.at = START + TRIED_FOR
    assert scene.round() == []


def test_a_bounce_is_not_tried_again(scene: Scene) -> None:
    _, (anna,) = scene.order(ANNA)
    scene.post.members[anna] = (member(MOTHER),)
    scene.post.answer = LetterResult.REFUSED
    assert len(scene.round()) == 1
    scene.clock.at += AGAIN
    assert scene.round() == []


@pytest.mark.parametrize("at", ["journal.register:before", "journal.register:after"])
@pytest.mark.parametrize("passes", [1, 2])
def test_a_crash_anywhere_neither_loses_a_letter_nor_sends_it_more_than_twice(scene: Scene, at: str, passes: int) -> None:
    _, (anna,) = scene.order(ANNA)
    scene.post.members[anna] = (member(MOTHER),)
    with arm(at, "fail", passes), pytest.raises(OSError, match="failpoint"):
        scene.round()
    scene.index = NoticeIndex(scene.opened.context)
    for _ in range(4):
        scene.clock.at += IN_FLIGHT
        scene.round()
    assert 1 <= len(scene.post.written) <= 2
    assert len({key for _, _, key in scene.post.written}) == 1


def test_crash_after_crash_no_person_gets_more_than_two(scene: Scene) -> None:
    _, (anna,) = scene.order(ANNA)
    scene.post.members[anna] = (member(MOTHER),)
    for _ in range(5):
        with arm("journal.register:before", "fail", 2), suppress(OSError):
            scene.round()
        scene.clock.at += IN_FLIGHT
    assert len(scene.post.written) == 2


def test_a_try_of_another_process_is_left_to_it(scene: Scene) -> None:
    order, (anna,) = scene.order(ANNA)
    scene.post.members[anna] = (member(MOTHER),)
    (notice,) = scene.index.notices(anna)
    register(scene.opened.context.journal, NOTICES, NoticeTried(START, notice.id, order, notice.kind, str(MOTHER)))
    assert scene.round() == []
    scene.clock.at += IN_FLIGHT
    assert len(scene.round()) == 1


def test_unread_marks_are_of_one_account_and_one_family(scene: Scene) -> None:
    _, (anna, bela) = scene.order(ANNA, BELA)
    listed = scene.index.listed(MOTHER, anna)
    assert listed.unread == 1
    notices.see(scene.opened.context, MOTHER, anna, listed.notices[0].at)
    notices.see(scene.opened.context, MOTHER, anna, listed.notices[0].at)
    assert scene.index.listed(MOTHER, anna).unread == 0
    assert scene.index.listed(FATHER, anna).unread == 1
    assert scene.index.listed(MOTHER, bela).unread == 1
    assert len(list(read_register(scene.opened.context.journal, NOTICES))) == 1


def test_the_index_of_a_subject_has_orders_however_they_came_in(scene: Scene) -> None:
    order, (anna,) = scene.order(ANNA)
    assert scene.index.orders(anna) == (order,)
    with scene.home.open() as elsewhere:
        later = elsewhere.order_erase([elsewhere.resolve(f"profile:{ANNA}")], channel="cli").order
    assert scene.index.orders(anna) == (order, later)
