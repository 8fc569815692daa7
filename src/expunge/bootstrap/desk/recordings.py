"""Recordings that the desk shows: sealed ones through the vault, others through their stores, each found by name and read in ranges."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, cast

from expunge.bootstrap.vault.service import VaultService
from expunge.bootstrap.vault.vault_names import KIND, named_in
from expunge.core.accounts.review_spec import STILL_GROWING, CameraPlace, LiveSpec
from expunge.core.consent.consent import Consents
from expunge.core.datamap.datamap import ByField, Dataset
from expunge.core.datamap.person import Person
from expunge.core.journal.review_words import Room
from expunge.core.review.rooms import more_private, room_of
from expunge.core.values.copy import Copy
from expunge.core.values.hold import item_tag
from expunge.core.values.ids import Pseudonym
from expunge.engine.families.recordings import timelines
from expunge.engine.gate import consent_register
from expunge.engine.kernel import spelt_names, store_calls
from expunge.engine.kernel.context import Context
from expunge.errors import CouldNotLook, ItemGone, StoreUnavailable, Unplayable, UsageError
from expunge.ports.optional.ranged_reading import ItemState, RangedReading
from expunge.ports.review.recordings import ReviewedRecording, ReviewSource
from expunge.ports.vault.sealed_library import Subject
from expunge.stores.tree.template_walk import CompiledTemplate

_NOT_THERE = "there is no such recording"
_NAMED = "name it as the case does: its dataset and its name"


@dataclass(frozen=True)
class DeskRecordings:
    """Implements :class:`expunge.ports.review.recordings.ReviewRecordings`."""

    context: Context
    vault: VaultService

    def find(self, dataset: str, name: str) -> ReviewedRecording:
        """See the port."""
        found = self.context.data_map.datasets.get(dataset)
        if found is None or found not in timelines.recordings_of(self.context.data_map):
            raise UsageError(
                "no dataset of that name holds recordings", help="name the recording as the case does: its dataset and its name"
            )
        if self.context.data_map.stores[found.store].kind == KIND:
            sealed = self.vault.sealed_recording(f"{dataset}/{name}")
            return self._reviewed(found, name, sealed.id, sealed.subjects, sealed=True, written=sealed.at)
        people = self._people(found, name)
        state = self._state(found, name, people)[2]
        tag = item_tag(self.context.keys.pseudonym_key(), dataset, name)
        return self._reviewed(found, name, tag, people, sealed=False, written=state.modified)

    def open(self, recording: ReviewedRecording, ask: Callable[[], None]) -> ReviewSource:
        """See the port."""
        if recording.sealed:
            try:
                content = self.vault.opened_for_review(f"{recording.dataset}/{recording.name}", ask)
            except UsageError as error:
                raise ItemGone("the recording is not there any more", help="the request can be closed") from error
            return SealedSource(cast("BinaryIO", content))
        dataset = self.context.data_map.datasets[recording.dataset]
        people = self._people(dataset, recording.name)
        store, copy, state = self._state(dataset, recording.name, people)

        def read(first: int, last: int) -> bytes:
            ask()
            return store_calls.read_range(store, dataset, copy, recording.name, state, first, last)

        return PlainSource(state.size, read)

    def _people(self, dataset: Dataset, name: str) -> tuple[Subject, ...]:
        """Return the people whom the name of an item says. Raises UsageError where it says none."""
        if not isinstance(dataset.subject, ByField):
            message = f"names of {dataset.name} do not say whose a recording is, so that its people cannot be told"
            raise UsageError(message, help="it can be reviewed once its path has a field for each person in it")
        return named_in(dataset, name)

    def _state(self, dataset: Dataset, name: str, people: tuple[Subject, ...]) -> tuple[RangedReading, Copy, ItemState]:
        context = self.context
        store = context.open_store(dataset.store)
        if not isinstance(store, RangedReading):
            raise Unplayable("this kind of store gives out no parts of recordings", help="keep recordings in folders, buckets or vaults")
        ids = {kind: frozenset(value for other, value in people if other == kind) for kind, _ in people}
        person = Person(self._names(people)[0], ids, {})
        copies, failed = timelines.find(context, person, {dataset.name})
        if dataset.name in failed:
            raise CouldNotLook("the store of the recording could not be read", help="`expunge check` says more")
        if dataset.name not in copies:
            raise UsageError(_NOT_THERE, help=_NAMED)
        try:
            return store, copies[dataset.name], store_calls.state_of(store, dataset, copies[dataset.name], name)
        except ItemGone as error:
            raise UsageError(_NOT_THERE, help=_NAMED) from error

    def _names(self, people: tuple[Subject, ...]) -> tuple[Pseudonym, ...]:
        data_map, key = self.context.data_map, self.context.keys.pseudonym_key()
        return tuple(dict.fromkeys(spelt_names.name_of(data_map, key, kind, value) for kind, value in people))

    def _reviewed(
        self, dataset: Dataset, name: str, recording: str, people: tuple[Subject, ...], *, sealed: bool, written: datetime | None
    ) -> ReviewedRecording:
        subjects = self._names(people)
        if not subjects:
            raise UsageError("the people in this recording are not known", help="a recording of no known person cannot be reviewed")
        spec = self.context.data_map.review
        place = spec.cameras.get(dataset.name, CameraPlace()) if spec else CameraPlace()
        child = (spec is not None and dataset.name in spec.children) or self._child(people, subjects)
        room = _room(dataset, name, {value for _, value in people}, place)
        live = _live(spec.live if spec else LiveSpec(), dataset.name, written, self.context.clock.now(), sealed=sealed)
        return ReviewedRecording(dataset.name, name, recording, sealed, subjects, child, room, live)

    def _child(self, people: tuple[Subject, ...], subjects: tuple[Pseudonym, ...]) -> bool:
        """Return whether any person in it may be a child: of a kind that has guardians by the map, and not known to have grown up."""
        context = self.context
        if not any(kind in context.data_map.guardians for kind, _ in people):
            return False
        consents, now = consent_register.load(context), context.clock.now()
        return any(_may_be_child(consents, subject, now) for subject in subjects)


def _may_be_child(consents: Consents, subject: Pseudonym, now: datetime) -> bool:
    return now < consents.decides_alone_from(subject, datetime.max.replace(tzinfo=now.tzinfo))


def _live(spec: LiveSpec, dataset: str, written: datetime | None, now: datetime, *, sealed: bool) -> bool | None:
    """Return whether a camera records at this moment: a live stream, or what was written to a moment ago. None where no time is known."""
    if dataset in spec.streams:
        return True
    if spec.within is None and sealed:
        return False
    return None if written is None else now - written < (spec.within or STILL_GROWING)


def _room(dataset: Dataset, name: str, people: set[str], place: CameraPlace) -> Room:
    """Return the class of place: what the map says of the dataset, or a more private one by the words of the name.

    Where the map names a field, its words alone count; else those of the name and of the dataset. What names a person is left out.
    """
    ways = [way for path in dataset.paths for way in CompiledTemplate.of(path).readings(name)]
    if place.field:
        return room_of(way[place.field] for way in ways if place.field in way)
    words = [value for way in ways for value in way.values() if value not in people]
    told = room_of([*words, *name.split("/")[:-1], dataset.name])
    return more_private(Room(place.room), told) if place.room else told


@dataclass
class SealedSource:
    """A sealed recording, unsealed a part at a time. Implements :class:`expunge.ports.review.recordings.ReviewSource`."""

    content: BinaryIO
    size: int = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self.size = self.content.seek(0, 2)

    def read(self, first: int, last: int) -> bytes:
        """See the port."""
        with self._lock:
            try:
                self.content.seek(first)
                parts, left = [], last - first
                while left and (part := self.content.read(left)):
                    parts.append(part)
                    left -= len(part)
                return b"".join(parts)
            except (FileNotFoundError, ValueError) as error:
                raise ItemGone("the recording was erased", help="the request can be closed") from error
            except OSError as error:
                message = "the recording cannot be read: its file is lost or was changed"
                raise StoreUnavailable(message, help="`expunge check` says more") from error

    def close(self) -> None:
        """See the port."""
        self.content.close()


@dataclass(frozen=True)
class PlainSource:
    """A recording that lies in the clear. Implements :class:`expunge.ports.review.recordings.ReviewSource`."""

    size: int
    part: Callable[[int, int], bytes] = field(repr=False)

    def read(self, first: int, last: int) -> bytes:
        """See the port."""
        return self.part(first, last)

    def close(self) -> None:
        """See the port: nothing is kept open."""
