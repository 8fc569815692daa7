"""The register of openings: each is entered before the first byte is read, and shows later who read what, and who was refused."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock

from expunge.core.journal.opening_events import OpeningRefused, RecordingOpened
from expunge.core.values.ids import Pseudonym
from expunge.engine.kernel import spelt_names
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import OPENINGS, read_register, register
from expunge.errors import Busy, Refused, StateUnavailable
from expunge.ports.vault.sealed_library import SealedRecording

RUN = "#"
"""Between a program's name and the number of one of its runs."""
FAMILIES = "expunge clerk"
"""The program under which families look at recordings of their own."""
EXPORT = ("subject access", "expunge export")
"""Purpose and program under which an export enters its openings."""
SPAN = timedelta(minutes=1)
MOST_REFUSALS = 10
"""Entries of refusals of one account, dataset and reason in :data:`SPAN`. Further ones are counted in the next entry."""
_MOST_KINDS = 1000


@dataclass(frozen=True)
class Reader:
    """The reader of a recording, as far as this machine tells."""

    user: str
    program: str
    purpose: str
    account: str = ""
    """The account of the pages that a family looks by; empty for a program."""
    family: str = ""
    """The pseudonym of that family."""


def this_reader(purpose: str, program: str = "") -> Reader:
    """Return the account and the program that run here; ``program`` is the program's own name for itself, else its file's name."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = str(os.geteuid())
    return Reader(user, program or this_program(), purpose)


def this_program() -> str:
    """Return the file's name of the program that runs here."""
    return (Path(sys.argv[0]).name if sys.argv else "") or "python"


def enter(context: Context, recording: SealedRecording, reader: Reader, first: int, last: int) -> RecordingOpened:
    """Enter an opening, which is on the device when this returns. Raises Busy, StateUnavailable; then nothing may be read."""
    return enter_item(context, recording.dataset, recording.id, _names(context, recording), reader, first, last)


def enter_item(
    context: Context, dataset: str, recording: str, subjects: Sequence[Pseudonym], reader: Reader, first: int, last: int
) -> RecordingOpened:
    """Enter an opening of a recording by the name that the register has for it. Everything else is as in :func:`enter`.

    Args:
        context: the composition.
        dataset: its dataset.
        recording: the id of a sealed recording, or the keyed tag of an item that lies in the clear.
        subjects: pseudonyms of the people in it.
        reader: who reads.
        first: the first byte.
        last: the first byte behind the part.
    """
    event = RecordingOpened(
        context.clock.now(), context.random(8).hex(), dataset, recording, tuple(subjects),
        reader.purpose, reader.user, reader.program, first, last, reader.account, reader.family,
    )  # fmt: skip
    register(context.journal, OPENINGS, event)
    return event


def require_reader(context: Context, reader: Reader) -> None:
    """Raise Refused where a reader claims to be the export, or is none of the accounts that the map names for the purpose."""
    if not reader.account and ((reader.purpose, reader.program) == EXPORT or reader.program == FAMILIES):
        # Why: a review takes these openings for those of the person who asks, and holds them against nothing.
        raise Refused(
            "this purpose and name are those of `expunge export` or of the clerk", help="name the program's own purpose, or its own name"
        )
    purpose = context.data_map.purposes.get(reader.purpose)
    if purpose is not None and purpose.readers and reader.user not in purpose.readers:
        message = "this account may not open recordings for this purpose"
        raise Refused(message, help="`readers:` of the purpose in the map names the accounts that may")


@dataclass(frozen=True)
class Refusals:
    """Enters refusals, and not every one of a program that asks again and again."""

    _entered: dict[tuple[str, str, str], tuple[datetime, int, int]] = field(default_factory=dict, repr=False)
    """(account, dataset, reason) -> beginning of the span, entries in it, refusals without an entry. A program names itself."""
    _lock: Lock = field(default_factory=Lock, repr=False)

    def entering(self, context: Context, recording: SealedRecording, reader: Reader, ask: Callable[[], None]) -> Callable[[], None]:
        """Return ``ask`` as a function that enters each refusal, before it is raised."""

        def asked() -> None:
            try:
                ask()
            except Refused as error:
                self.enter(context, recording.dataset, recording.id, _names(context, recording), reader, error.message)
                raise

        return asked

    def enter(self, context: Context, dataset: str, recording: str, subjects: Sequence[Pseudonym], reader: Reader, why: str) -> None:
        """Enter a refusal, or count it. The arguments are those of :func:`enter_item`. A refusal stands where it cannot be entered now."""
        with suppress(Busy, StateUnavailable, OSError):
            self._enter(context, dataset, recording, subjects, reader, why)

    def _enter(self, context: Context, dataset: str, recording: str, subjects: Sequence[Pseudonym], reader: Reader, why: str) -> None:
        now, kind = context.clock.now(), (reader.account or reader.user, dataset, why)
        with self._lock:
            begun, entries, more = self._entered.get(kind, (now, 0, 0))
            if now - begun >= SPAN:
                begun, entries = now, 0
            if entries >= MOST_REFUSALS:
                self._entered[kind] = begun, entries, more + 1
                return
            self._entered.pop(kind, None)
            self._entered[kind] = begun, entries + 1, 0
            while len(self._entered) > _MOST_KINDS:
                del self._entered[next(iter(self._entered))]
        event = OpeningRefused(
            now, dataset, recording, tuple(subjects), reader.purpose, reader.user, reader.program, why, more,
            reader.account, reader.family,
        )  # fmt: skip
        register(context.journal, OPENINGS, event)


def entered(context: Context) -> Iterator[RecordingOpened]:
    """Yield every opening, oldest first."""
    yield from (event for event in read_register(context.journal, OPENINGS) if isinstance(event, RecordingOpened))


@dataclass(frozen=True)
class Wanted:
    """The entries that are asked for; an empty field asks for all."""

    recording: str = ""
    """The id of a sealed recording."""
    subject: Pseudonym | None = None
    purpose: str = ""
    user: str = ""
    since: datetime | None = None

    def has(self, event: RecordingOpened | OpeningRefused) -> bool:
        """Return whether an entry is among them."""
        return (
            self.recording in {"", event.recording}
            and (self.subject is None or self.subject in event.subjects)
            and self.purpose in {"", event.purpose}
            and self.user in {"", event.user}
            and (self.since is None or event.at >= self.since)
        )


def chosen(context: Context, wanted: Wanted) -> Iterator[RecordingOpened | OpeningRefused]:
    """Yield openings and refusals, oldest first. The register is read as it goes: it may be long."""
    for event in read_register(context.journal, OPENINGS):
        if isinstance(event, RecordingOpened | OpeningRefused) and wanted.has(event):
            yield event


def _names(context: Context, recording: SealedRecording) -> tuple[Pseudonym, ...]:
    key = context.keys.pseudonym_key()
    return tuple(dict.fromkeys(spelt_names.name_of(context.data_map, key, kind, value) for kind, value in recording.subjects))
