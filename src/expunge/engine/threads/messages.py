"""Messages and appeals about an order, and the company's answers. Texts are sealed under the thread's own key, which dies after the order.

Neither a mail nor a log nor evidence ever holds a text of them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from expunge.core.journal.thread_events import MessageKind, MessageWritten, ThreadEnded, ThreadSide
from expunge.core.journal.threads import (
    MOST_TEXT,
    OF_COMPANY,
    OF_PERSON,
    VERDICTS,
    Thread,
    ThreadId,
    fold_threads,
)
from expunge.core.orders.run import Run
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import THREADS, Recorder, register, register_behind
from expunge.engine.threads.appeals import every, may_appeal
from expunge.errors import IllegalTransition, KeyDestroyed, UsageError

_OVER = frozenset({OrderState.FULFILLED, OrderState.CANCELLED, OrderState.REOPENED})
_LINE_ENDS = "\n\t"
_MESSAGE = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class ReadMessage:
    """One message with its text."""

    written: MessageWritten
    text: str | None = field(repr=False)
    """None where the thread has ended: the text cannot be read any more."""


@dataclass(frozen=True)
class Note:
    """A message as it comes in."""

    thread: ThreadId
    side: ThreadSide
    kind: MessageKind
    by: str
    text: str = field(repr=False)
    message: str = ""
    """Its id, of 16 hex digits, by which it is safe to write it again; a new one where it is empty."""


def of(context: Context, thread: ThreadId) -> Thread:
    """Return a thread; an empty one where no message was written."""
    return every(context).get(thread, Thread(thread))


def waiting(context: Context) -> tuple[Thread, ...]:
    """Return the threads in which the company has to answer, open appeals first, then by the time of the last message."""
    found = [thread for thread in every(context).values() if thread.waits_for_company and thread.ended is None]
    return tuple(sorted(found, key=lambda thread: (thread.open_appeal is None, thread.messages[-1].at)))


def write(context: Context, note: Note) -> MessageWritten:
    """Write a message.

    Raises:
        UsageError: the order is not about this person; the text is empty, too long or holds control characters; the thread is full or over;
            or the side may not write this kind.
        IllegalTransition: an appeal against an order that was neither refused nor done in part, a second appeal before the answer, or a
            verdict without an appeal.
    """
    run = Recorder(context.journal, context.clock, note.thread.order).run
    if note.thread.subject not in run.subjects:
        raise UsageError("the order is not about this person", help="name the order by its reference, as the list of requests shows it")
    if note.kind not in (OF_PERSON if note.side is ThreadSide.PERSON else OF_COMPANY):
        refusal = f"the {note.side.value} does not write a message of the kind {note.kind.value!r}"
        raise UsageError(refusal, help="choose another kind")
    text, message = _clean(note.text), note.message or context.random(8).hex()
    if not _MESSAGE.fullmatch(message):
        raise UsageError("this is no id of a message", help="16 hex digits")
    before = of(context, note.thread)
    stands = next((each for each in before.messages if each.message == message), None)
    if stands is not None:
        return stands
    _require_writable(before, note, run)
    shelf, name = _shelf(note.thread), _name(message)
    try:
        context.shelf.put(shelf, name, context.keys.seal(shelf, name, text.encode()))
    except KeyDestroyed as error:
        raise _over_error() from error

    def decide(events: Sequence[object]) -> list[MessageWritten]:
        _require_writable(fold_threads(events).get(note.thread, Thread(note.thread)), note, run)
        return [MessageWritten(context.clock.now(), message, *note.thread, note.side, note.kind, note.by)]

    # commit point: the message stands. A crash before leaves a sealed text that no event names, and that dies with the thread.
    (written,) = register_behind(context.journal, THREADS, decide)
    assert isinstance(written, MessageWritten)
    return written


def read(context: Context, thread: ThreadId) -> tuple[ReadMessage, ...]:
    """Return the messages of a thread with their texts, oldest first."""
    found, shelf = of(context, thread), _shelf(thread)
    if found.ended is not None:
        return tuple(ReadMessage(message, None) for message in found.messages)
    names = [(shelf, _name(message.message)) for message in found.messages]
    sealed = context.shelf.get_all(names) if names else {}
    return tuple(
        ReadMessage(message, _opened(context, name, sealed.get(name))) for message, name in zip(found.messages, names, strict=True)
    )


def end_due(context: Context) -> tuple[ThreadId, ...]:
    """Destroy the keys of threads whose time is over: as long after the order's end, and the last message, as traces are kept.

    Idempotent: a crash after the key's death is finished by the next look.
    """
    now, ended = context.clock.now(), []
    for thread in every(context).values():
        if thread.ended is not None:
            continue
        run = Recorder(context.journal, context.clock, thread.id.order).run
        if not _over(run) or run.ended_at is None:
            continue
        if now >= max(run.ended_at, thread.messages[-1].at) + context.data_map.traces_kept:
            shelf = _shelf(thread.id)
            context.keys.destroy_order(shelf)
            # commit point: no text of the thread can be read any more.
            context.shelf.remove_all([(shelf, name) for name in context.shelf.names(shelf)])
            register(context.journal, THREADS, ThreadEnded(now, *thread.id))
            ended.append(thread.id)
    return tuple(ended)


def _require_writable(thread: Thread, note: Note, run: Run) -> None:
    if thread.ended is not None:
        raise _over_error()
    if thread.room(note.side) == 0:
        raise UsageError("the thread is full: no further message fits", help="write to the company in another way")
    if note.kind is MessageKind.APPEAL and not may_appeal(run, thread):
        message = "there is nothing to appeal against: no refusal or partial result, or an appeal was made already"
        raise IllegalTransition(message, help="write a message instead")
    if note.kind in VERDICTS and thread.open_appeal is None:
        raise IllegalTransition("no appeal waits for an answer in this thread", help="write a message instead")


def _over_error() -> UsageError:
    return UsageError("the thread is over: its texts are gone", help="make a new request, or write to the company in another way")


def _over(run: Run) -> bool:
    return run.state in _OVER or run.final


def _clean(text: str) -> str:
    """Return the text in composed form, without the ends' spaces. Raises UsageError."""
    cleaned = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if not cleaned:
        raise UsageError("the message is empty", help="write what you want to say")
    if len(cleaned) > MOST_TEXT:
        refusal = f"the message has more than {MOST_TEXT} characters"
        raise UsageError(refusal, help="say it in fewer words, or in two messages")
    if any(unicodedata.category(letter) in ("Cc", "Cs") and letter not in _LINE_ENDS for letter in cleaned):
        raise UsageError("the message holds a character that cannot be shown", help="type it anew, as plain text")
    return cleaned


def _shelf(thread: ThreadId) -> OrderId:
    """Return the name under which the texts of a thread and their key lie."""
    return OrderId("thr-" + sha256(f"{thread.order}\n{thread.subject}".encode()).hexdigest()[:20])


def _name(message: str) -> str:
    return f"message-{message}.sealed"


def _opened(context: Context, name: tuple[OrderId, str], sealed: bytes | None) -> str | None:
    if sealed is None:
        return None
    try:
        return context.keys.open(*name, sealed).decode()
    except KeyDestroyed:
        return None
