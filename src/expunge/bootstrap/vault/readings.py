"""The service for programs that train: what they opened becomes the manifest of what they made."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from expunge.bootstrap.vault.derivations import note_edge
from expunge.bootstrap.vault.service import VaultService
from expunge.core.journal.opening_events import RecordingOpened
from expunge.core.models.read_recordings import ReadRecordings
from expunge.engine.kernel import spelt_names, store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.subjects import resolving
from expunge.engine.vault import openings
from expunge.errors import ExpungeError, Refused, UsageError
from expunge.ports.vault.sealed_library import SealedRecording, Subject


@dataclass(frozen=True)
class Reading:
    """One run of a program that reads recordings. Its processes and threads open them under its program's name."""

    service: ReadingService
    purpose: str
    program: str
    """The program's name with a number of this run: each opening under it counts, whoever in the program makes it."""

    def open(self, recording: str) -> BinaryIO:
        """Open a recording, as :meth:`VaultService.open` does."""
        return self.service.open(recording, purpose=self.purpose, program=self.program)

    def opened(self) -> ReadRecordings:
        """Return the recordings that were opened in this run so far, for the manifest of what was made from them.

        Raises:
            Refused: one of them was erased since: what learnt from it must not come into the world.
            UsageError: none was opened.
        """
        return self.service.opened_in(self)


@dataclass(frozen=True)
class ReadingService(VaultService):
    """Tells what programs have read."""

    @contextmanager
    def reading(self, *, purpose: str, program: str = "", makes: str = "") -> Iterator[Reading]:
        """Begin a run of a program that reads recordings.

        At the end of the block it is entered in the lineage that ``makes`` was made from the datasets that were read, also where the block
        ended with an error: something may have been written even so.

        Args:
            purpose: what the recordings are opened for.
            program: the program's name for the journal; else its file's name.
            makes: a dataset of the map that is made in the block; empty where none is.

        Raises UsageError where the map has no dataset of that name.
        """
        if makes and makes not in self.context.data_map.datasets:
            message = f"the map has no dataset {makes!r}"
            raise UsageError(message, help="name the dataset that the model belongs to")
        name = openings.this_reader(purpose, program).program
        reading = Reading(self, purpose, f"{name}{openings.RUN}{secrets.token_hex(4)}")
        try:
            yield reading
        finally:
            if makes:
                for dataset in sorted({each.dataset for each in self._openings(reading)}):
                    note_edge(self.context, dataset, makes, name)

    def opened_in(self, reading: Reading) -> ReadRecordings:
        """See :meth:`Reading.opened`."""
        opened = self._openings(reading)
        if not opened:
            raise UsageError("no recording was opened in this run", help="open them by the run, or under its program's name")
        found = self._living(opened)
        if len(found) < len({each.recording for each in opened}):
            message = "a recording that was read was erased since, so that what learnt from it must not be kept"
            raise Refused(message, help="train again: that recording is not listed any more")
        people = {each for recording in found for each in recording.subjects}
        owners, complete = _owners(self.context, sorted(people))
        by_kind: dict[str, set[str]] = {}
        for kind, value in (*people, *owners):
            by_kind.setdefault(kind, set()).update((value, spelt_names.stands_for(self.context.data_map, kind, value)))
        sources: dict[str, datetime] = {}
        for each in opened:
            sources.setdefault(each.dataset, each.at)
        records = sorted((f"{each.dataset}/{each.name}", bytes.fromhex(each.digest)) for each in found)
        return ReadRecordings(tuple(records), {kind: frozenset(each) for kind, each in sorted(by_kind.items())}, sources, complete)

    def _openings(self, reading: Reading) -> tuple[RecordingOpened, ...]:
        return tuple(each for each in self.openings() if each.program == reading.program)

    def _living(self, opened: Sequence[RecordingOpened]) -> list[SealedRecording]:
        wanted: dict[str, set[str]] = {}
        for each in opened:
            wanted.setdefault(each.dataset, set()).add(each.recording)
        datasets = self.context.data_map.datasets
        return [one for name, ids in wanted.items() if name in datasets for one in self.recordings(name) if one.id in ids]


def _owners(context: Context, people: Sequence[Subject]) -> tuple[set[Subject], bool]:
    """Return the owners of people, by the datasets that say who exists, and whether each could be told."""
    identities = context.data_map.identities
    found: set[Subject] = set()
    members = [(kind, value) for kind, value in people if kind in identities and identities[kind].member_of]
    complete = True
    for kind, value in members:
        above, owner = set[str](), identities[kind].member_of
        while owner and owner not in above:
            above.add(owner)
            owner = identities[owner].member_of
        try:
            ids = resolving.resolve(context, f"{kind}:{value}", whole=True, several=True).person.ids
        except (ExpungeError, *store_calls.TROUBLE):
            complete = False
            continue
        theirs = {(each, one) for each in above for one in ids.get(each, ())}
        complete = complete and bool(theirs)
        found |= theirs
    return found, complete
