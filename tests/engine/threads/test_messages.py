"""Messages and appeals about an order: who may write what, and that no text outlives its thread."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from expunge import clock
from expunge.bootstrap import Expunge
from expunge.core.journal.thread_events import MessageKind, ThreadSide
from expunge.core.journal.threads import MOST_OF_PERSON, MOST_TEXT, ThreadId
from expunge.core.values.ids import Pseudonym
from expunge.core.values.order import OrderState
from expunge.engine.reports import all_deadlines
from expunge.engine.threads import messages
from expunge.engine.threads.messages import Note
from expunge.errors import IllegalTransition, UsageError
from tests.engine.execution.test_holds import EVIDENCE
from tests.engine.household import ANNA, BELA, Household, build

WORDS = "zwölf silver acorns under the doormat"
PERSON = "0f1e2d3c-4b5a-4968-8778-695a4b3c2d1e"


class Ahead:
    """A clock that is so far ahead."""

    def __init__(self, by: timedelta) -> None:
        self._by = by

    def now(self) -> datetime:
        return clock.now() + self._by


@pytest.fixture
def home(tmp_path: Path) -> Household:
    return build(tmp_path)


def note(thread: ThreadId, text: str = WORDS, kind: MessageKind = MessageKind.MESSAGE, side: ThreadSide = ThreadSide.PERSON) -> Note:
    return Note(thread, side, kind, PERSON if side is ThreadSide.PERSON else "priya", text)


def answer(thread: ThreadId, kind: MessageKind = MessageKind.MESSAGE) -> Note:
    return note(thread, "we look again", kind, ThreadSide.COMPANY)


def opened_thread(opened: Expunge, *names: str) -> ThreadId:
    accepted = opened.order_erase([opened.resolve(f"profile:{name}") for name in names or (ANNA,)])
    return ThreadId(accepted.order, accepted.subjects[0])


def test_both_sides_read_what_was_written_and_no_file_holds_a_word_of_it(home: Household) -> None:
    with home.open() as opened:
        thread = opened_thread(opened)
        messages.write(opened.context, note(thread))
        messages.write(opened.context, answer(thread, MessageKind.QUESTION))
        shown = messages.read(opened.context, thread)
        assert [each.text for each in shown] == [WORDS, "we look again"]
        assert WORDS not in repr(shown)
        assert messages.of(opened.context, thread).waits_for_person
    assert not home.search(WORDS, where=("state",))


def test_a_thread_is_of_one_person_of_an_order(home: Household) -> None:
    with home.open() as opened:
        accepted = opened.order_erase([opened.resolve(f"profile:{name}") for name in (ANNA, BELA)])
        mine, others = (ThreadId(accepted.order, subject) for subject in accepted.subjects)
        messages.write(opened.context, note(mine))
        assert messages.read(opened.context, others) == ()
        with pytest.raises(UsageError, match="not about this person"):
            messages.write(opened.context, note(ThreadId(accepted.order, Pseudonym("cd" * 16))))


@pytest.mark.parametrize("text", ["", " \n ", "x" * (MOST_TEXT + 1), "bell\a", "\ud800"])
def test_a_text_that_cannot_be_shown_is_refused(home: Household, text: str) -> None:
    with home.open() as opened:
        thread = opened_thread(opened)
        with pytest.raises(UsageError):
            messages.write(opened.context, note(thread, text))
        assert messages.read(opened.context, thread) == ()


def test_a_person_cannot_fill_a_thread_so_that_no_answer_fits(home: Household) -> None:
    with home.open() as opened:
        thread = opened_thread(opened)
        for _ in range(MOST_OF_PERSON):
            messages.write(opened.context, note(thread))
        with pytest.raises(UsageError, match="full"):
            messages.write(opened.context, note(thread))
        messages.write(opened.context, answer(thread))


def test_a_message_that_is_written_again_stands_once(home: Household) -> None:
    with home.open() as opened:
        thread = opened_thread(opened)
        named = Note(thread, ThreadSide.PERSON, MessageKind.MESSAGE, PERSON, WORDS, "ab" * 8)
        assert messages.write(opened.context, named) == messages.write(opened.context, named)
        assert len(messages.read(opened.context, thread)) == 1
        with pytest.raises(UsageError):
            messages.write(opened.context, Note(thread, ThreadSide.PERSON, MessageKind.MESSAGE, PERSON, WORDS, "../" * 5 + "x"))


def test_a_side_writes_only_its_own_kinds(home: Household) -> None:
    with home.open() as opened:
        thread = opened_thread(opened)
        for wrong in (note(thread, kind=MessageKind.ACCEPTED), note(thread, kind=MessageKind.QUESTION), answer(thread, MessageKind.APPEAL)):
            with pytest.raises(UsageError, match="does not write"):
                messages.write(opened.context, wrong)


def test_only_a_refusal_or_a_partial_result_is_appealed_and_once(home: Household) -> None:
    with home.open() as opened:
        thread = opened_thread(opened)
        appeal, verdict = note(thread, kind=MessageKind.APPEAL), answer(thread, MessageKind.REJECTED)
        with pytest.raises(IllegalTransition):
            messages.write(opened.context, appeal)
        opened.order_cancel(thread.order, "we could not tell who asked")
        with pytest.raises(IllegalTransition):
            messages.write(opened.context, verdict)
        messages.write(opened.context, appeal)
        assert [each.id for each in messages.waiting(opened.context)] == [thread]
        with pytest.raises(IllegalTransition):
            messages.write(opened.context, appeal)
        messages.write(opened.context, verdict)
        assert messages.waiting(opened.context) == ()
        with pytest.raises(IllegalTransition):
            messages.write(opened.context, appeal)


def test_a_partial_result_is_appealed(home: Household) -> None:
    with home.open() as opened:
        until = opened.context.clock.now() + timedelta(days=9)
        opened.holds.place(opened.resolve(f"profile:{ANNA}"), "voice", until=until, **EVIDENCE)
        thread = opened_thread(opened)
        opened.plan(thread.order)
        assert opened.apply(thread.order).state is OrderState.IN_PART
        messages.write(opened.context, note(thread, kind=MessageKind.APPEAL))


def test_an_appeal_is_due_by_the_clocks_of_the_map(home: Household) -> None:
    home.write_map(extra="laws: [state laws]\n")
    with home.open() as opened:
        thread = opened_thread(opened)
        opened.order_cancel(thread.order)
        written = messages.write(opened.context, note(thread, kind=MessageKind.APPEAL))
        (due,) = [each for each in all_deadlines.everything(opened.context) if each.what.startswith("appeal")]
        assert due.at is not None
        assert timedelta(days=43) < due.at - written.at <= timedelta(days=45)
        messages.write(opened.context, answer(thread, MessageKind.ACCEPTED))
        assert not [each for each in all_deadlines.everything(opened.context) if each.what.startswith("appeal")]


def test_the_texts_die_some_time_after_the_order(home: Household) -> None:
    with home.open() as opened:
        thread = opened_thread(opened)
        messages.write(opened.context, note(thread))
        opened.order_cancel(thread.order)
        assert messages.end_due(opened.context) == ()
    with Expunge.open(home.map, clock=Ahead(timedelta(days=91))) as opened:
        opened.sweep()
        (shown,) = messages.read(opened.context, thread)
        assert shown.text is None
        with pytest.raises(UsageError, match="over"):
            messages.write(opened.context, note(thread))
    assert not list(home.state.rglob("message-*"))
