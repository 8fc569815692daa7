"""Texts about requests: sealed under a key of each subject, one layer for each, so that they die with the first subject who is erased."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import partial
from hashlib import sha256

from expunge.core.journal.review_events import ReviewNoteKept, ReviewNotesEnded
from expunge.core.journal.review_words import NoteAbout
from expunge.core.review.request import ReviewRequest, Reviews
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.engine.kernel.context import Context
from expunge.engine.review.review_stream import ReviewStream
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


def end(context: Context, stream: ReviewStream, erased: Iterable[Pseudonym]) -> tuple[Pseudonym, ...]:
    """Destroy the keys of every note about some subjects, and remove the texts. Idempotent: a crash is finished by the next call."""
    wanted = frozenset(erased)
    ended: list[Pseudonym] = []
    due = stream.read(
        lambda reviews: {
            subject: [note for note in reviews.notes.values() if subject in note.subjects]
            for subject in wanted - reviews.notes_ended
            if any(subject in note.subjects for note in reviews.notes.values())
        }
    )
    for subject, notes in sorted(due.items()):
        context.keys.destroy_order(_key_of(subject))
        # commit point: no note about this subject can be read any more.
        context.shelf.remove_all([(_shelf(note.request), _name(note.note)) for note in notes])
        stream.enter(partial(_ended, ReviewNotesEnded(context.clock.now(), subject)))
        ended.append(subject)
    return tuple(ended)


def _ended(event: ReviewNotesEnded, reviews: Reviews) -> tuple[ReviewNotesEnded, ...]:
    return () if event.subject in reviews.notes_ended else (event,)


def _key_of(subject: Pseudonym) -> OrderId:
    """Return the name under which the key of every note about a subject lies."""
    return OrderId("rev-" + sha256(f"review notes\n{subject}".encode()).hexdigest()[:20])


def _shelf(request: str) -> OrderId:
    return OrderId(f"rev-{request}")


def _name(note: str) -> str:
    return f"note-{note}.sealed"
