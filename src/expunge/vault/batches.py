"""Take several recordings in together: each with the steps and the questions of :mod:`expunge.vault.ingesting`, with fewer waits.

Streams are sealed side by side, so that their waits for the disk overlap. All keys become durable in one transaction. A recording that is
refused, or that cannot be read, holds the others of its batch up no more than those of other batches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import BinaryIO, Protocol, TypeAlias

from expunge.errors import Refused, UsageError
from expunge.ports.vault.sealed_library import SealedRecording
from expunge.ports.vault.shelf import ComingFile
from expunge.vault.ingesting import Ingested, NewRecording, Sealing, known_as, once_more, row_of
from expunge.vault.library import Library, alone, speaking

WIDTH = 16
"""Recordings that are sealed, or read back, at the same time."""


class Stays(Exception):
    """The reason why one recording of a batch does not come in. The others go on."""


class Arrival(Protocol):
    """One recording of a batch."""

    def admit(self) -> None:
        """Raise the refusal, if there is one: Stays, UsageError, Refused. Asked before anything is written, and when the key is durable."""
        ...

    def opened(self) -> AbstractContextManager[tuple[NewRecording, BinaryIO]]:
        """Open its bytes, to be read once. Raises Stays; so do reads."""
        ...


Answer: TypeAlias = Ingested | Stays
"""The answer about one recording of a batch."""


@dataclass
class _Sealed:
    """A recording under its key, which is in memory only."""

    file: ComingFile
    new: NewRecording
    recording: SealedRecording
    key: bytes
    known: SealedRecording | None = None
    """The same recording as it is in already, and which this one replaces."""


def ingest_together(library: Library, arrivals: Sequence[Arrival], pool: ThreadPoolExecutor) -> list[Answer]:
    """Take recordings in. All that are answered with Ingested are durable when this returns; no two may have one name.

    Raises:
        OSError: of the shelf. What is in by then stays in; of the others nothing readable is left.
    """
    answers: dict[int, Answer] = {}
    _each(answers, range(len(arrivals)), lambda number: arrivals[number].admit())
    library.shelf.prepare()
    coming = [number for number in range(len(arrivals)) if number not in answers]
    with library.shelf.begin(len(coming)) as files:
        added: set[str] = set()
        try:
            sealed = _sealed(arrivals, dict(zip(coming, files, strict=True)), answers, pool)
            with alone(library.lock):
                _meet(library, sealed, answers)
                _enter(library, arrivals, sealed, answers, added)
        finally:
            for file in files:
                if file.id not in added:
                    file.drop()
    return [answers[number] for number in range(len(arrivals))]


def _each(answers: dict[int, Answer], numbers: Sequence[int], act: Callable[[int], None]) -> None:
    """Act for each number; a refusal becomes its answer."""
    for number in numbers:
        try:
            act(number)
        except Stays as stays:
            answers[number] = stays
        except (UsageError, Refused) as error:
            answers[number] = Stays(error.message)


def _sealed(
    arrivals: Sequence[Arrival], files: Mapping[int, ComingFile], answers: dict[int, Answer], pool: ThreadPoolExecutor
) -> dict[int, _Sealed]:
    def seal(number: int) -> _Sealed:
        with arrivals[number].opened() as (new, stream):
            sealing = Sealing(files[number], new)
            try:
                sealing.take(stream)
                return _Sealed(files[number], new, sealing.settle(), sealing.key)
            finally:
                sealing.abandon()

    begun = {number: pool.submit(seal, number) for number in files}
    found: dict[int, _Sealed] = {}
    try:
        _each(answers, list(begun), lambda number: found.update({number: begun[number].result()}))
    finally:
        # Why: no thread may write to a file that is taken back.
        for future in begun.values():
            future.cancel()
        for future in begun.values():
            if not future.cancelled():
                future.exception()
    return found


def _meet(library: Library, sealed: dict[int, _Sealed], answers: dict[int, Answer]) -> None:
    """Answer for recordings that are in already."""
    by_name: dict[tuple[str, str], list[SealedRecording]] = {(each.new.dataset, each.new.name): [] for each in sealed.values()}
    for dataset in dict.fromkeys(each.new.dataset for each in sealed.values()):
        people = {person for each in sealed.values() if each.new.dataset == dataset for person in each.new.subjects}
        for recording in library.named(dataset, {name for of, name in by_name if of == dataset}, people):
            by_name[dataset, recording.name].append(recording)

    def meet(number: int) -> None:
        here = sealed[number]
        among = [each for each in by_name[here.new.dataset, here.new.name] if _share(library, each, here.recording)]
        known = known_as(library, here.recording, among)
        if known is not None and known.clear_before >= here.new.clear_before:
            answers[number] = Ingested(known, fresh=False)
        elif known is not None:
            here.new = once_more(here.new, known)
            here.recording, here.known = replace(here.recording, at=here.new.at), known

    _each(answers, list(sealed), meet)


def _share(library: Library, one: SealedRecording, other: SealedRecording) -> bool:
    return not set(map(library.ids.of, one.subjects)).isdisjoint(map(library.ids.of, other.subjects))


def _enter(
    library: Library, arrivals: Sequence[Arrival], sealed: Mapping[int, _Sealed], answers: dict[int, Answer], added: set[str]
) -> None:
    entering = {number: each for number, each in sealed.items() if number not in answers}
    if not entering:
        return
    # Why before it is: a lost answer leaves it unknown whether the keys were added, and a later call then finishes them.
    added.update(each.file.id for each in entering.values())
    with speaking(acting=True):
        library.table.is_spelt_by(library.ids.rules, adding=True)
        library.table.add([row_of(library, each.new, each.recording, each.key) for each in entering.values()])
    going_on = False
    try:
        _each(answers, list(entering), lambda number: arrivals[number].admit())
        going_on = True
    finally:
        refused = {number: each for number, each in entering.items() if number in answers or not going_on}
        if refused:
            library.shred([each.recording for each in refused.values()])
            added.difference_update(each.file.id for each in refused.values())
    staying = {number: each for number, each in entering.items() if number not in answers}
    # commit point: the recordings are there.
    library.shelf.keep([each.file for each in staying.values()])
    replaced = [each.known for each in staying.values() if each.known is not None]
    if replaced:
        library.shred(replaced)
        library.discard(replaced)
    for number, each in staying.items():
        answers[number] = Ingested(each.recording, fresh=True)
        if library.was_shredded(each.file.id):
            # An order erased it between key and name.
            library.discard([each.recording])
