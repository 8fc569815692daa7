"""Recordings in batches: sealed, read back, and only then erased where they lay in the clear."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import BinaryIO

from expunge import permit
from expunge.bootstrap.vault.adopting.clear_place import ClearPlace, Mark, StaysInTheClear
from expunge.core.datamap.datamap import Dataset
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Kept, Outcome, Reason, Unable, discharges
from expunge.errors import Refused, StoreUnavailable, UsageError
from expunge.ports.store import Store
from expunge.ports.vault.sealed_library import SealedRecording, Subject
from expunge.stores.tree.interface import NameTrouble
from expunge.vault.batches import Stays, ingest_together
from expunge.vault.ingesting import AT_A_TIME, Ingested, NewRecording
from expunge.vault.library import Library

_WHOSE = "adopted"
"""Stands for the person of a recording in questions that go to the store alone."""
_HELD = "a hold keeps it where it is"
_DAMAGED = "it did not come back from the vault as what it is, and was not kept there: look after the vault's disk"


@dataclass(frozen=True)
class Adopting:
    """The two places of the recordings, and the questions about each recording."""

    clear: Dataset
    place: ClearPlace
    store: Store
    """The store where they lie in the clear."""
    sealed: Dataset
    library: Library
    people: Callable[[str], tuple[Subject, ...]] = field(repr=False)
    """Returns the people in a name. Raises UsageError."""
    admitting: Callable[[tuple[Subject, ...]], Callable[[], None]]
    """Returns a function that raises the reason why some people are refused."""
    held: Callable[[str, tuple[Subject, ...]], bool]
    """Returns whether a hold of this moment keeps a recording, by its name and people."""
    now: Callable[[], datetime]

    def whose(self, names: Sequence[str]) -> Mapping[str, tuple[Subject, ...] | StaysInTheClear]:
        """Return the people of recordings: those in their names and, where they are sealed already, those in their labels."""
        found: dict[str, tuple[Subject, ...] | StaysInTheClear] = {}
        for name in names:
            try:
                found[name] = self.people(name)
            except UsageError as error:
                found[name] = StaysInTheClear(error.message)
        people = {person for some in found.values() if not isinstance(some, Stays) for person in some}
        for recording in self.library.named(self.sealed.name, found, people):
            known = found[recording.name]
            if not isinstance(known, Stays):
                found[recording.name] = tuple(dict.fromkeys((*known, *recording.subjects)))
        return found

    def require_admitted(self, name: str, people: tuple[Subject, ...]) -> None:
        """Raise StaysInTheClear where a recording may not go, as far as this is known without opening it."""
        try:
            self.admitting(people)()
        except (UsageError, Refused) as error:
            raise StaysInTheClear(error.message) from error
        if self.held(name, people):
            raise StaysInTheClear(_HELD)
        self.place.require_own(name)

    def adopt(self, names: Sequence[str], pool: ThreadPoolExecutor) -> Mapping[str, Ingested | Stays]:
        """Seal recordings, read them back, and erase them where they lie in the clear. Each step is durable for all before the next.

        Raises:
            StoreUnavailable: the vault can be neither written nor read now.
        """
        answers: dict[str, Ingested | Stays] = {}
        going: dict[str, _Clear] = {}
        batch = _Batch()
        for name, people in self.whose(names).items():
            if isinstance(people, Stays):
                answers[name] = people
            else:
                going[name] = _Clear(self, name, people, self.admitting(people), batch)
                batch.members.append(going[name])
        for name, stays in self._irremovable(list(going)).items():
            answers[name] = stays
            del going[name]
        taken = self._sealed(going, pool)
        answers |= taken
        back = self._verified({name: each.recording for name, each in taken.items() if isinstance(each, Ingested)}, pool)
        answers |= back
        # crash here: they lie in both places, and the next run finds them sealed.
        answers |= self._erased([going[name] for name, each in taken.items() if isinstance(each, Ingested) and name not in back])
        return answers

    def left(self, names: Sequence[str]) -> int:
        """Return how many of some names are still, or again, in the clear. The store is asked afresh."""
        copy = Copy(self.clear.name, Pseudonym(_WHOSE), tuple(names), len(names))
        return sum(probed.items for probed in self.store.probe(self.clear, [copy]))

    # --- sealing --------------------------------------------------------------------------------

    def _irremovable(self, names: Sequence[str]) -> Mapping[str, StaysInTheClear]:
        if not names or not self.store.preflight(self.clear, [self._copy(names)]):
            return {}
        # Why only now one by one: the answer does not say for which name it is.
        found = {name: self.store.preflight(self.clear, [self._copy([name])]) for name in names}
        return {name: StaysInTheClear(reasons[0].detail) for name, reasons in found.items() if reasons}

    def _sealed(self, going: Mapping[str, _Clear], pool: ThreadPoolExecutor) -> Mapping[str, Ingested | Stays]:
        try:
            return dict(zip(going, ingest_together(self.library, list(going.values()), pool), strict=True))
        except OSError as error:
            message = f"the vault cannot be written to: {error.strerror or 'input/output error'}"
            raise StoreUnavailable(message, help="nothing was lost; mend it, then run the same command again") from error

    def _verified(self, recordings: Mapping[str, SealedRecording], pool: ThreadPoolExecutor) -> Mapping[str, StaysInTheClear]:
        """Return the names whose recording did not come back; their sealed ones are taken away."""
        damaged = [name for name, back in zip(recordings, pool.map(self._comes_back, recordings.values()), strict=True) if not back]
        if damaged:
            self.library.shred([recordings[name] for name in damaged])
            self.library.discard([recordings[name] for name in damaged])
        return {name: StaysInTheClear(_DAMAGED) for name in damaged}

    def _comes_back(self, recording: SealedRecording) -> bool:
        buffer, digest = bytearray(min(AT_A_TIME, recording.size + 1)), sha256()
        view = memoryview(buffer)
        try:
            # Why afresh: the bytes that are compared should come from the device, where the system allows it.
            with self.library.open(recording, afresh=True) as content:
                while taken := content.readinto(buffer):  # type: ignore[attr-defined]
                    digest.update(view[:taken])
        except OSError as error:
            if error.errno != errno.EBADMSG:
                message = f"the vault cannot be read: {error.strerror or 'input/output error'}"
                raise StoreUnavailable(message, help="nothing was lost; mend it, then run the same command again") from error
            return False
        return digest.hexdigest() == recording.digest

    # --- erasing --------------------------------------------------------------------------------

    def _erased(self, recordings: Sequence[_Clear]) -> Mapping[str, StaysInTheClear]:
        by_name = {each.name: each for each in recordings}
        stays: dict[str, StaysInTheClear] = {}

        def stays_now(names: Sequence[str]) -> Mapping[str, Exception]:
            found = self.unfit([by_name[name] for name in names if name in by_name])
            stays.update(found)
            return {name: NameTrouble(Unable(Reason.LOCKED, str(why))) for name, why in found.items()}

        # Why a pseudonym for each: the store answers for each of them alone.
        copies = {Pseudonym(f"{_WHOSE}-{number}"): each.name for number, each in enumerate(recordings)}
        with permit.required_of_names(stays_now):
            outcomes = self.store.erase(
                self.clear, [Copy(self.clear.name, whose, (name,), 1) for whose, name in copies.items()], self._key()
            )
        for whose, outcome in outcomes.items():
            if not discharges(outcome):
                stays.setdefault(copies[whose], StaysInTheClear(f"sealed, and not erased: {_said(outcome)}"))
        return stays

    def unfit(self, recordings: Sequence[_Clear]) -> Mapping[str, StaysInTheClear]:
        """Return which recordings have another content than was sealed, or are under a hold, each with the reason."""
        found = dict(self.place.changed({each.name: each.mark for each in recordings if each.mark is not None}))
        for each in recordings:
            if each.name not in found and self.held(each.name, each.people):
                found[each.name] = StaysInTheClear(_HELD)
        return found

    def _copy(self, names: Sequence[str]) -> Copy:
        # Why every: the recordings go by their names, whose people do not matter here.
        whose = Pseudonym(_WHOSE)
        return Copy(self.clear.name, whose, tuple(names), len(names), selector=Selector(whose, {}, every=True))

    def _key(self) -> IdempotencyKey:
        return IdempotencyKey(f"adopt/{self.clear.name}")


@dataclass
class _Batch:
    """Recordings that are sealed together."""

    members: list[_Clear] = field(default_factory=list)
    _unfit: Mapping[str, StaysInTheClear] | None = None

    def unfit(self, adopting: Adopting) -> Mapping[str, StaysInTheClear]:
        """Return which of those that were opened are unfit, as it was when this was asked first: when their keys were durable together."""
        if self._unfit is None:
            self._unfit = adopting.unfit([each for each in self.members if each.mark is not None])
        return self._unfit


@dataclass
class _Clear:
    """One recording in the clear, as it comes into the vault."""

    adopting: Adopting
    name: str = field(repr=False)
    people: tuple[Subject, ...] = field(repr=False)
    ask: Callable[[], None]
    """Raises the reason why its people are refused."""
    batch: _Batch
    mark: Mark | None = None
    """Its content as it was when it was opened to be sealed."""

    def admit(self) -> None:
        """Raise the refusal, if there is one. Once it was opened, its content and holds are asked about as well."""
        self.ask()
        if self.mark is None:
            return
        if not self.adopting.place.together:
            stays = self.adopting.unfit([self]).get(self.name)
        else:
            stays = self.batch.unfit(self.adopting).get(self.name)
        if stays is not None:
            raise stays

    @contextmanager
    def opened(self) -> Iterator[tuple[NewRecording, BinaryIO]]:
        """Open it. Raises StaysInTheClear; so do reads."""
        with self.adopting.place.opened(self.name) as (stream, mark):
            self.mark = mark
            now = self.adopting.now()
            yield NewRecording(self.adopting.sealed.name, self.name, self.people, min(mark.written, now), clear_before=True), stream


def _said(outcome: Outcome) -> str:
    if isinstance(outcome, Kept):
        return f"{outcome.ground} keeps it" + (f" until {outcome.until:%Y-%m-%d}" if outcome.until else "")
    return outcome.detail if isinstance(outcome, Unable) else "it is kept"
