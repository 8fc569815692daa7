"""Recordings of families in the clerk's process: timelines that are kept for a moment, open recordings, sketches and looks."""

from __future__ import annotations

import getpass
import hmac
import os
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, cast
from uuid import UUID

from expunge.adapters.sketching.sketcher import SketchProcess
from expunge.bootstrap import Expunge
from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.person import Person
from expunge.core.families.looks import LookPage
from expunge.core.families.media_types import MediaType
from expunge.core.families.selection import Selection
from expunge.core.families.timeline import TimelineFilter, TimelineItem, TimelinePage, page_of
from expunge.core.values.ids import Pseudonym
from expunge.engine.families.recordings import timelines
from expunge.engine.families.recordings.looking import LookIndex
from expunge.engine.families.recordings.playback import MOST_PLAYED, Playback, Preview, Viewer
from expunge.engine.families.recordings.timelines import HandleOf, Timeline
from expunge.engine.gate import consent_register
from expunge.engine.vault.openings import Reader
from expunge.errors import CouldNotLook, ItemGone, NeedsApproval, NotResolved, OpeningNeeded, Refused, StoreUnavailable, Unplayable
from expunge.gate import Gate
from expunge.gate import Subject as GateSubject
from expunge.gate.decisions import YES, GateReason
from expunge.ports.families.recording_door import MOST_PART, MediaPart, RecordingCard
from expunge.ports.families.sketching import MOST_DECODED, MOST_OF_A_FILM, Sketch, Sketcher

if TYPE_CHECKING:
    from expunge.bootstrap.clerk.household import Household

FRESH, LONGEST, TIMES = 20.0, 300.0, 60
"""Seconds for which a timeline is listed again without asking the stores: at least, at most, and as a multiple of what it took to make."""
MOST_TIMELINES = 32
MOST_SKETCHES = 2_000
"""Sketches that are kept in memory: a kilobyte each, pictures some ten."""
_GATE_LASTS = 10.0
_ANY = "own recordings"
assert MOST_PART == MOST_PLAYED


@dataclass
class _Kept:
    timeline: Timeline
    until: float


class FamilyRecordings:
    """What the clerk remembers about recordings of families, for one map. Safe between threads."""

    def __init__(self, expunge: Expunge, sketcher: Sketcher | None = None) -> None:
        """Open nothing yet."""
        accounts = expunge.map.accounts
        purpose = accounts.playback if accounts is not None else ""
        self.expunge = expunge
        self.sketcher = sketcher or SketchProcess()
        self.playback = Playback(expunge.context, FamilyRule(expunge, purpose), partial(_sealed, expunge), purpose, _user())
        self.looks = LookIndex(expunge.context)
        self._secret = secrets.token_bytes(32)
        self._timelines: OrderedDict[str, _Kept] = OrderedDict()
        self._sketches: OrderedDict[tuple[str, str], Sketch | None] = OrderedDict()
        """(web session, handle) -> sketch; None where the recording cannot be played."""
        self._guard = threading.Lock()
        self._making = threading.Lock()

    def viewer(self, account: UUID, family: str, session: bytes) -> Viewer:
        """Return the account as it looks at a family in a web session."""
        opening = hmac.digest(self._secret, account.bytes + bytes.fromhex(family) + session, "sha256").hex()
        return Viewer(str(account), Pseudonym(family), opening)

    def timeline(self, viewer: Viewer, person: Callable[[], Person], *, fresh: bool = True, handle_of: HandleOf | None = None) -> Timeline:
        """Return the timeline of a viewer's family, from memory where it is young enough.

        Args:
            viewer: the account.
            person: looks the person up.
            fresh: whether one that is not young enough is made anew. To play, its handles are enough: each range asks the store.
            handle_of: gives handles; without, they mean nothing outside the viewer's opening.
        """
        known = self._known(viewer)
        if known is not None and not (fresh and known.until < time.monotonic()):
            return known.timeline
        with self._making:
            again = self._known(viewer)
            if again is not None and again is not known:
                return again.timeline
            began = time.monotonic()
            found = timelines.make(self.expunge.context, person(), handle_of or partial(self._handle, viewer.opening))
        now = time.monotonic()
        with self._guard:
            self._timelines[viewer.opening] = _Kept(found, now + min(LONGEST, max(FRESH, TIMES * (now - began))))
            self._timelines.move_to_end(viewer.opening)
            while len(self._timelines) > MOST_TIMELINES:
                self._timelines.popitem(last=False)
        return found

    def stale(self, viewer: Viewer) -> None:
        """Have the next list asked of the stores: this one has something that is gone, or is about to be."""
        with self._guard:
            known = self._timelines.get(viewer.opening)
            if known is not None:
                known.until = 0.0

    def _known(self, viewer: Viewer) -> _Kept | None:
        with self._guard:
            return self._timelines.get(viewer.opening)

    def _handle(self, opening: str, dataset: str, key: str) -> str:
        text = f"{opening}\0{dataset}\0{key}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._secret, text, "sha256").hex()[:32]

    def sketch(self, viewer: Viewer, timeline: Timeline, handle: str) -> Sketch:
        """Return a sketch, from memory within the same web session. Raises as :meth:`Playback.preview`."""
        key = viewer.opening, handle
        with self._guard:
            known, tried = self._sketches.get(key), key in self._sketches
        if known is not None:
            return known
        if tried:
            raise Unplayable("this cannot be played", help="export it instead")
        try:
            # Why all of a film: what says where its frames lie may stand at its end.
            film = any(item.handle == handle and item.kind is DataKind.VIDEO for item in timeline.items)
            most = None if film else MOST_DECODED
            with self.playback.preview(viewer, timeline, handle, most) as (media, source, size):
                found = self._sketched(media, _Bounded(source), size)
        except Unplayable:
            self._keep(key, None)
            raise
        self._keep(key, found)
        return found

    def _sketched(self, media: MediaType, source: _Bounded, size: int) -> Sketch:
        try:
            return self.sketcher.sketch(media, source, size)
        except Unplayable:
            if media.is_audio or media.is_picture:
                raise
            # Why: browsers play films of which no small picture is made here.
            return Sketch()

    def known(self, viewer: Viewer, item: TimelineItem) -> TimelineItem:
        """Return an item with what its sketch came to tell: that it cannot be played, or its length."""
        key = viewer.opening, item.handle
        with self._guard:
            if key not in self._sketches:
                return item
            sketch = self._sketches[key]
        if sketch is None:
            return replace(item, broken=True)
        return item if sketch.cut or item.seconds is not None else replace(item, seconds=sketch.seconds)

    def _keep(self, key: tuple[str, str], sketch: Sketch | None) -> None:
        with self._guard:
            self._sketches[key] = sketch
            while len(self._sketches) > MOST_SKETCHES:
                self._sketches.popitem(last=False)

    def close(self) -> None:
        """Close recordings that are open, and end what makes sketches."""
        self.playback.close()
        self.sketcher.close()


@dataclass
class _Bounded:
    """A recording of which a sketch may read so much and no more."""

    preview: Preview
    left: int = MOST_OF_A_FILM

    @property
    def size(self) -> int:
        return self.preview.size

    def read(self, first: int, last: int) -> bytes:
        self.left -= last - first
        if self.left < 0:
            raise Unplayable("this film takes too much reading for a small picture", help="play it")
        return self.preview.read(first, last)


@dataclass(frozen=True)
class LocalRecordings:
    """Implements ``expunge.ports.families.recording_door.RecordingDoor``."""

    household: Household

    @property
    def kept(self) -> FamilyRecordings:
        """What the process remembers."""
        return self.household.recordings

    def timeline(self, account: UUID, family: str, session: bytes, wanted: TimelineFilter, after: str, most: int) -> TimelinePage:
        """See the port."""
        viewer, found = self._shown(account, family, session)
        page = page_of(found.items, wanted, after, most, found.could_not)
        return replace(page, items=tuple(self.kept.known(viewer, each) for each in page.items))

    def recording(self, account: UUID, family: str, session: bytes, handle: str) -> RecordingCard:
        """See the port."""
        viewer, found = self._shown(account, family, session)
        found.item(handle)
        at = next(number for number, each in enumerate(found.items) if each.handle == handle)
        shown = self.kept.known(viewer, found.items[at])
        newer = found.items[at - 1].handle if at else ""
        older = found.items[at + 1].handle if at + 1 < len(found.items) else ""
        closed = False
        try:
            words = self.kept.playback.words(viewer, found, handle)
        except (Refused, StoreUnavailable, CouldNotLook, ItemGone):
            # Why told on the page: the recording itself may be shown, and it says why where it may not.
            words, closed = "", True
        return RecordingCard(replace(shown, transcript=words or shown.transcript), newer, older, closed)

    def sketch(self, account: UUID, family: str, session: bytes, handle: str) -> Sketch:
        """See the port."""
        viewer, found = self._opened(account, family, session, fresh=False)
        return self.kept.sketch(viewer, found, handle)

    def part(self, account: UUID, family: str, session: bytes, handle: str, first: int | None, last: int | None) -> MediaPart:
        """See the port."""
        viewer, found = self._opened(account, family, session, fresh=False)
        try:
            opened = self.kept.playback.begin(viewer, found, handle)
            begin = max(0, opened.size - (last or 0)) if first is None else first
            end = min(opened.size if last is None or first is None else last, opened.size, begin + MOST_PLAYED)
            data = self.kept.playback.read(viewer, found, handle, begin, end) if begin < end else b""
        except ItemGone:
            self.kept.stale(viewer)
            raise
        return MediaPart(opened.media, opened.size, begin, data)

    def choose(self, account: UUID, family: str, session: bytes, handles: Sequence[str], wanted: TimelineFilter | None) -> Selection:
        """See the port."""
        viewer, found = self._opened(account, family, session, fresh=False)
        self.kept.stale(viewer)
        return found.chosen(handles) if wanted is None else found.all_of(wanted)

    def looks(self, account: UUID, family: str, session: bytes, before: int | None, most: int) -> LookPage:
        """See the port."""
        self.household.require_member(account, family)
        recordings = self.named(account, family, session)
        if recordings is None:
            return self.kept.looks.page(self.household.names_of(family), str(account))
        return self.kept.looks.page(self.household.names_of(family), str(account), recordings, before, most)

    def named(self, account: UUID, family: str, session: bytes) -> dict[tuple[str, str], TimelineItem] | None:
        """Return (dataset, name in registers) -> recording; None where recordings are not told: outside an opening, and in a dispute."""
        if not self._is_shown(account, family, session):
            return None
        _, found = self._opened(account, family, session)
        items = {each.handle: each for each in found.items}
        # What was said is looked at as a part of its recording.
        parts = [*found.held.items(), *found.sealed_words.items()]
        return {(held.dataset, held.recording): items[handle] for handle, held in parts}

    def registered(self, account: UUID, family: str, session: bytes, handle: str) -> tuple[str, str]:
        """Return dataset and name in registers of a recording of the timeline. Raises OpeningNeeded, ItemGone."""
        _, found = self._opened(account, family, session, fresh=False)
        held = found.item(handle)
        return held.dataset, held.recording

    def _opened(self, account: UUID, family: str, session: bytes, *, fresh: bool = True) -> tuple[Viewer, Timeline]:
        """Return the viewer and the timeline, once membership and opening were asked."""
        viewer = self.kept.viewer(account, family, session)
        try:
            self.household.require_open(account, family, session)
        except OpeningNeeded:
            self.kept.playback.end(viewer.opening)
            raise
        return viewer, self.kept.timeline(viewer, lambda: self._person(family), fresh=fresh)

    def _shown(self, account: UUID, family: str, session: bytes) -> tuple[Viewer, Timeline]:
        """As :meth:`_opened`, for lists, which have what was said. For a recording the gate is asked, which enters a refusal."""
        viewer, found = self._opened(account, family, session)
        self.household.require_no_dispute(family)
        return viewer, found

    def _is_shown(self, account: UUID, family: str, session: bytes) -> bool:
        """Return whether looks are told with their recordings now, or by counts alone."""
        try:
            self.household.require_no_dispute(family)
        except NeedsApproval:
            return False
        return self.household.openings.left(account, family, session) is not None

    def _person(self, family: str) -> Person:
        """Return a family's subject; of whom nothing is held, one without identifiers, whose timeline is empty."""
        try:
            return self.household.person(family).person
        except NotResolved:
            return Person(Pseudonym(family), {}, {})


class FamilyRule:
    """Asks the gate whether a family may be given recordings of a person.

    Without a purpose of the map, what the gate refuses for every purpose is refused: an erasure is under way, or guardians are in dispute.
    """

    def __init__(self, expunge: Expunge, purpose: str) -> None:
        """``purpose``: of the map, for playback; empty for none."""
        self._expunge, self._purpose = expunge, purpose
        self._gate: Gate | None = None
        self._until = 0.0
        self._passing = YES if purpose else YES | {GateReason.UNKNOWN_PURPOSE}

    def __call__(self, person: Person) -> None:
        """See :class:`expunge.engine.families.recordings.playback.PlaybackRule`."""
        self._expunge.vault.renew_gate()
        try:
            consent_register.require_no_dispute(self._expunge.context, consent_register.load(self._expunge.context), [person])
        except NeedsApproval as error:
            # Why not left to the gate: its answer may be seconds old.
            help_ = "the company ends it"
            raise Refused("this recording is not given out: guardians are in dispute", help=help_) from error
        if self._gate is None or time.monotonic() >= self._until:
            self._gate, self._until = self._expunge.gates.open(), time.monotonic() + _GATE_LASTS
        for kind, values in person.ids.items():
            for value in values:
                reason = self._gate.may_use(GateSubject(kind, value), self._purpose or _ANY).reason
                if reason not in self._passing:
                    message = f"this recording is not given out: {reason.value}"
                    raise Refused(message, help="the page of requests says what is under way; consents say what is permitted")


def _sealed(expunge: Expunge, recording: str, reader: Reader, ask: Callable[[], None], last: int | None) -> BinaryIO:
    return cast("BinaryIO", expunge.vault.opened_by_family(recording, reader, ask, last))


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.geteuid())
