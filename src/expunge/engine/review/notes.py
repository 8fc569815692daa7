"""Texts about requests: sealed under a key of each subject, one layer for each, so that they die with the first subject who is erased."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from hashlib import sha256

from expunge.core.journal import events as journalled
from expunge.core.journal.peek import peek
from expunge.core.journal.review_events import ReviewNoteKept, ReviewNotesEnded
from expunge.core.journal.review_words import NoteAbout
from expunge.core.review.request import ReviewRequest
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.engine.gate import fencing
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import REVIEWS, Recorder, register
from expunge.errors import KeyDestroyed, UsageError

MOST_TEXT = 2000
"""Characters of one note."""
_LINE_ENDS = "\n\t"


def cleaned(text: str, what: str) -> str:
    """Return a text in composed form, without spaces at its ends. ``what`` names it in errors. Raises UsageError."""
    found = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if not found or len(found) > MOST_TEXT:
        message = f"{what} has 1 to {MOST_TEXT} characters"
        raise UsageError(message, help="write it in a few sentences")
    if any(unicodedata.category(letter) in ("Cc", "Cs") and letter not in _LINE_ENDS for letter in found):
        message = f"{what} holds a character that cannot be shown"
        raise UsageError(message, help="type it anew, as plain text")
    return found


def seal(context: Context, request: str, subjects: Sequence[Pseudonym], about: NoteAbout, by: str, text: str) -> ReviewNoteKept:
    """Put a sealed text on the shelf, and return the event that makes it stand. Without that, the text dies with its subjects unread.

    Raises Refused for a subject who was erased.
    """
    note = context.random(8).hex()
    sealed = text.encode()
    for subject in subjects:
        sealed = context.keys.seal(_key_of(subject), _name(note), sealed)
    context.shelf.put(_shelf(request), _name(note), sealed)
    return ReviewNoteKept(context.clock.now(), note, request, about, by, tuple(subjects))


def read(context: Context, note: ReviewNoteKept) -> str | None:
    """Return the text of a note; None where it died with a subject."""
    sealed = context.shelf.get(_shelf(note.request), _name(note.note))
    if sealed is None:
        return None
    try:
        for subject in reversed(note.subjects):
            sealed = context.keys.open(_key_of(subject), _name(note.note), sealed)
    except KeyDestroyed:
        return None
    return sealed.decode()


def of(context: Context, request: ReviewRequest, about: NoteAbout) -> str | None:
    """Return the last text of a kind about a request; None where there is none, or it is gone."""
    found = [note for note in request.notes if note.about is about]
    return read(context, found[-1]) if found else None


def end_due(context: Context) -> tuple[Pseudonym, ...]:
    """End the notes about every subject whose order of erasure has ended. Return these subjects."""
    kept, ended = _kept(context)
    waiting = {subject for note in kept for subject in note.subjects} - ended
    if not waiting:
        return ()
    orders = {name: order for order, each in fencing.standing_orders(context).items() for name in each.pseudonyms if name in waiting}
    over = {order for order in set(orders.values()) if Recorder(context.journal, context.clock, order).run.ended_at is not None}
    return end(context, [Pseudonym(name) for name, order in orders.items() if order in over])


def end(context: Context, erased: Iterable[Pseudonym]) -> tuple[Pseudonym, ...]:
    """Destroy the keys of every note about some subjects, and remove the texts. Idempotent: a crash is finished by the next call."""
    kept, before = _kept(context)
    ended: list[Pseudonym] = []
    for subject in sorted(set(erased) - before):
        notes = [note for note in kept if subject in note.subjects]
        if not notes:
            continue
        context.keys.destroy_order(_key_of(subject))
        # commit point: no note about this subject can be read any more.
        context.shelf.remove_all([(_shelf(note.request), _name(note.note)) for note in notes])
        register(context.journal, REVIEWS, ReviewNotesEnded(context.clock.now(), subject))
        ended.append(subject)
    return tuple(ended)


def _kept(context: Context) -> tuple[list[ReviewNoteKept], set[Pseudonym]]:
    """Return every note that was kept, and the subjects whose notes have ended. Views, which are most of the register, are passed over."""
    kept, ended = [], set()
    for data in context.journal.read(REVIEWS):
        if peek(data, ReviewNoteKept, ReviewNotesEnded) is None:
            continue
        event = journalled.decode(data)
        if isinstance(event, ReviewNoteKept):
            kept.append(event)
        elif isinstance(event, ReviewNotesEnded):
            ended.add(event.subject)
    return kept, ended


def _key_of(subject: Pseudonym) -> OrderId:
    """Return the name under which the key of every note about a subject lies."""
    return OrderId("rev-" + sha256(f"review notes\n{subject}".encode()).hexdigest()[:20])


def _shelf(request: str) -> OrderId:
    return OrderId(f"rev-{request}")


def _name(note: str) -> str:
    return f"note-{note}.sealed"
