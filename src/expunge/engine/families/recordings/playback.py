"""Play a child's recordings to its family: a range at a time. Every question is asked again at each, and each opening is entered first."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from expunge.core.datamap.datamap import Dataset, Through
from expunge.core.datamap.person import Person
from expunge.core.families.media_types import HEAD, MediaType, media_type_of
from expunge.core.families.timeline import MOST_WORDS
from expunge.core.values.copy import Copy
from expunge.core.values.ids import Pseudonym
from expunge.engine.families.recordings.timelines import HeldItem, Timeline, find
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.vault import openings
from expunge.engine.vault.openings import FAMILIES, Reader, Refusals
from expunge.errors import ItemGone, Refused, StoreUnavailable, Unplayable, UsageError
from expunge.ports.optional.ranged_reading import ItemState, RangedReading

MOST_PLAYED = 256 << 10
"""The most bytes of one range."""
OWN = "recordings of one's own"
"""The purpose that openings have where the map names none for playback."""
MOST_PLAYS = 64
"""Recordings that are open at once; the one that was not read for longest is closed for another."""
_MOST_BYTES_OF_WORDS = 4 * MOST_WORDS
"""Bytes of a sealed transcript that are read: as many as its characters may have in UTF-8 (RFC 3629)."""
LOOK_AGAIN = 5.0
"""Seconds after which it is looked up again whether data leads from the person to a recording that does not name the person itself."""


@dataclass(frozen=True)
class Viewer:
    """An account that looks at its family's recordings."""

    account: str
    family: Pseudonym
    opening: str
    """The opening within which it looks."""


class PlaybackRule(Protocol):
    """Says whether a family may be given recordings of a person."""

    def __call__(self, person: Person) -> None:
        """Raise Refused with the reason where it may not: an erasure is under way, guardians are in dispute, no purpose permits it."""
        ...


class SealedOpener(Protocol):
    """Opens a sealed recording for a family: enters the opening, and asks before each read."""

    def __call__(self, recording: str, reader: Reader, ask: Callable[[], None], last: int | None, /) -> BinaryIO:
        """Return its content. Raises Refused, UsageError where there is none, StoreUnavailable."""
        ...


@dataclass(frozen=True)
class Playable:
    """A recording that was opened."""

    media: MediaType
    size: int
    """Bytes."""


class Play(Protocol):
    """An open recording."""

    @property
    def size(self) -> int:
        """Bytes that can be read."""
        ...

    def read(self, first: int, last: int) -> bytes:
        """Return a range. Raises Refused, ItemGone, StoreUnavailable, CouldNotLook."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


@dataclass(frozen=True)
class Preview:
    """What of a recording can be read for a sketch (:class:`expunge.ports.review.range_source.RangeSource`)."""

    play: Play
    size: int

    def read(self, first: int, last: int) -> bytes:
        """Return a range. Raises as :meth:`Play.read`."""
        return b"".join(self.play.read(at, min(at + MOST_PLAYED, last)) for at in range(first, last, MOST_PLAYED))


@dataclass
class _SealedPlay:
    content: BinaryIO
    size: int
    lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, first: int, last: int) -> bytes:
        with self.lock:
            try:
                self.content.seek(first)
                parts, left = [], last - first
                while left and (part := self.content.read(left)):
                    parts.append(part)
                    left -= len(part)
                return b"".join(parts)
            except FileNotFoundError as error:
                raise ItemGone("the recording was erased", help="look at the timeline again") from error
            except ValueError as error:
                raise ItemGone("the recording was closed", help="look at the timeline again") from error
            except OSError as error:
                message = "the recording cannot be read: its file is lost or was changed"
                raise StoreUnavailable(message, help="`expunge check` says more") from error

    def close(self) -> None:
        self.content.close()


@dataclass
class _PlainPlay:
    store: RangedReading
    dataset: Dataset
    key: str = field(repr=False)
    state: ItemState
    size: int
    ask: Callable[[], None]
    copy: Callable[[], Copy]

    def read(self, first: int, last: int) -> bytes:
        self.ask()
        return store_calls.read_range(self.store, self.dataset, self.copy(), self.key, self.state, first, last)

    def close(self) -> None:
        pass


@dataclass
class _Open:
    play: Play
    found: Playable


class Playback:
    """Opens and reads recordings for families. Safe between threads."""

    def __init__(self, context: Context, rule: PlaybackRule, sealed: SealedOpener, purpose: str, user: str) -> None:
        """Open nothing yet.

        Args:
            context: the composition.
            rule: asked before each range.
            sealed: opens sealed recordings.
            purpose: of the map, for playback; empty for none.
            user: the account of the operating system that this process runs as, for the journal.
        """
        self._context, self._rule, self._sealed = context, rule, sealed
        self._purpose, self._user = purpose or OWN, user
        self._refusals = Refusals()
        self._open: OrderedDict[tuple[str, str], _Open] = OrderedDict()
        self._guard = threading.Lock()

    def begin(self, viewer: Viewer, timeline: Timeline, handle: str) -> Playable:
        """Open a recording, or go on with it. The opening is in the journal before this returns.

        Raises:
            ItemGone: this opening gave no such handle, or the recording is gone.
            Refused: the family may not be given it.
            Unplayable: it is no sound, film or picture of the list.
            StoreUnavailable, CouldNotLook: its store.
        """
        return self._opened(viewer, timeline, handle).found

    def read(self, viewer: Viewer, timeline: Timeline, handle: str, first: int, last: int) -> bytes:
        """Return the bytes from ``first`` to before ``last``. Raises as :meth:`begin`, and UsageError for a range that is none."""
        opened = self._opened(viewer, timeline, handle)
        if not 0 <= first < last <= opened.found.size or last - first > MOST_PLAYED:
            message = f"a range has at most {MOST_PLAYED} bytes of the recording"
            raise UsageError(message, help="ask for a part of it")
        try:
            return opened.play.read(first, last)
        except (Refused, ItemGone):
            self._drop((viewer.opening, handle))
            raise

    @contextmanager
    def preview(self, viewer: Viewer, timeline: Timeline, handle: str, most: int | None) -> Iterator[tuple[MediaType, Preview, int]]:
        """Yield type, what can be read, and size of a recording. It is entered as an opening of what can be read alone.

        Args:
            viewer: the account.
            timeline: the list that has the recording.
            handle: of the recording.
            most: bytes from its beginning that can be read; None for the whole of it.

        Raises as :meth:`begin`.
        """
        play, whole = self._begin(viewer, timeline, timeline.item(handle), most)
        try:
            source = Preview(play, play.size if most is None else min(most, play.size))
            yield _told(source.read(0, min(HEAD, source.size))), source, whole
        finally:
            play.close()

    def words(self, viewer: Viewer, timeline: Timeline, handle: str) -> str:
        """Return what was said in a recording whose transcript lies sealed, up to :data:`MOST_WORDS` characters; empty for another.

        The transcript is entered as an opening of its own. Raises as :meth:`begin` does for a sealed recording.
        """
        sealed = timeline.sealed_words.get(handle)
        if sealed is None:
            return ""
        play, _ = self._begin(viewer, timeline, sealed, _MOST_BYTES_OF_WORDS)
        try:
            # Why left out: the last character may be cut off in the middle.
            return play.read(0, play.size).decode("utf-8", "ignore")[:MOST_WORDS] if play.size else ""
        finally:
            play.close()

    def end(self, opening: str) -> None:
        """Close what is open within an opening."""
        with self._guard:
            for key in [each for each in self._open if each[0] == opening]:
                self._open.pop(key).play.close()

    def close(self) -> None:
        """Close everything."""
        with self._guard:
            while self._open:
                self._open.popitem()[1].play.close()

    def _opened(self, viewer: Viewer, timeline: Timeline, handle: str) -> _Open:
        item, key = timeline.item(handle), (viewer.opening, handle)
        with self._guard:
            known = self._open.get(key)
            if known is not None:
                self._open.move_to_end(key)
                return known
        play, size = self._begin(viewer, timeline, item, None)
        try:
            opened = _Open(play, Playable(_told(play.read(0, min(size, HEAD))), size))
        except BaseException:
            play.close()
            raise
        with self._guard:
            beside = self._open.pop(key, None)
            self._open[key] = opened
            if beside is not None:
                beside.play.close()
            while len(self._open) > MOST_PLAYS:
                self._open.popitem(last=False)[1].play.close()
        return opened

    def _drop(self, key: tuple[str, str]) -> None:
        with self._guard:
            opened = self._open.pop(key, None)
        if opened is not None:
            opened.play.close()

    def _begin(self, viewer: Viewer, timeline: Timeline, item: HeldItem, most: int | None) -> tuple[Play, int]:
        """Enter an opening, and return what can be read with the size of the whole."""
        reader = Reader(self._user, FAMILIES, self._purpose, viewer.account, viewer.family)
        person = timeline.person
        if item.sealed:
            return self._begin_sealed(reader, person, item, most)
        dataset = self._context.data_map.datasets[item.dataset]
        store = self._context.open_store(dataset.store)
        if not isinstance(store, RangedReading):
            raise Unplayable("this kind of store gives out no parts of recordings", help="export the recordings instead")
        subjects = (person.subject,)

        def ask() -> None:
            try:
                self._rule(person)
            except Refused as error:
                self._refusals.enter(self._context, item.dataset, item.recording, subjects, reader, error.message)
                raise

        ask()
        current = _Current(self._context, timeline, dataset)
        state = store_calls.state_of(store, dataset, current(), item.key)
        last = state.size if most is None else min(most, state.size)
        # commit point: the opening is in the journal before the first byte is read.
        openings.enter_item(self._context, item.dataset, item.recording, subjects, reader, 0, last)
        return _PlainPlay(store, dataset, item.key, state, last, ask, current), state.size

    def _begin_sealed(self, reader: Reader, person: Person, item: HeldItem, most: int | None) -> tuple[Play, int]:
        try:
            content = self._sealed(f"{item.dataset}/{item.key}", reader, lambda: self._rule(person), most)
        except UsageError as error:
            raise ItemGone("the recording is not there any more", help="look at the timeline again") from error
        try:
            readable = content.seek(0, 2)
        except BaseException:
            content.close()
            raise
        return _SealedPlay(content, readable), item.size if most is not None else readable


class _Current:
    """The copy by which a recording is found, looked up again where other data leads to it."""

    def __init__(self, context: Context, timeline: Timeline, dataset: Dataset) -> None:
        self._context, self._person, self._dataset = context, timeline.person, dataset
        self._copy = timeline.copies[dataset.name]
        self._until = 0.0

    def __call__(self) -> Copy:
        """Return it. Raises ItemGone where nothing leads to the dataset's items any more."""
        if isinstance(self._dataset.subject, Through) and time.monotonic() >= self._until:
            copies, _ = find(self._context, self._person, {self._dataset.name})
            if self._dataset.name not in copies:
                raise ItemGone("the recording is not there any more, or is not this person's", help="look at the timeline again")
            self._copy, self._until = copies[self._dataset.name], time.monotonic() + LOOK_AGAIN
        return self._copy


def _told(head: bytes) -> MediaType:
    found = media_type_of(head)
    if found is None:
        raise Unplayable("this cannot be played: it is no sound, film or picture that browsers are given", help="export it instead")
    return found
