"""The register of openings: each is entered before the first byte is read, and shows later who read which recording."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from expunge.core.journal.opening_events import RecordingOpened
from expunge.engine.kernel import spelt_names
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import OPENINGS, read_register, register
from expunge.ports.vault.sealed_library import SealedRecording

RUN = "#"
"""Between a program's name and the number of one of its runs."""


@dataclass(frozen=True)
class Reader:
    """The reader of a recording, as far as this machine tells."""

    user: str
    program: str
    purpose: str


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
    key = context.keys.pseudonym_key()
    names = tuple(dict.fromkeys(spelt_names.name_of(context.data_map, key, kind, value) for kind, value in recording.subjects))
    event = RecordingOpened(
        context.clock.now(), context.random(8).hex(), recording.dataset, recording.id, names,
        reader.purpose, reader.user, reader.program, first, last,
    )  # fmt: skip
    register(context.journal, OPENINGS, event)
    return event


def entered(context: Context) -> Iterator[RecordingOpened]:
    """Yield every opening, oldest first."""
    yield from (event for event in read_register(context.journal, OPENINGS) if isinstance(event, RecordingOpened))
