"""The port of recordings: a child's timeline, playback in ranges, and who looked.

All but counts of looks is content, and needs an opening. ``session`` and the errors of every verb are those of
:mod:`expunge.ports.families.family_door`; beside them every verb raises NotPermitted without a membership, OpeningNeeded where content is
asked for outside an opening, and NotResolved where nothing is held of the person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from expunge.core.families.looks import LookPage
from expunge.core.families.media_types import MediaType
from expunge.core.families.selection import Selection
from expunge.core.families.timeline import TimelineFilter, TimelineItem, TimelinePage
from expunge.ports.families.sketching import Sketch

MOST_PART = 256 << 10
"""The most bytes of one part of a recording."""


@dataclass(frozen=True)
class MediaPart:
    """A part of a recording."""

    media: MediaType
    size: int
    """Bytes of the whole."""
    first: int
    """Where the part begins."""
    data: bytes = field(repr=False)
    """Empty where it begins at the end of the recording or behind it."""


@dataclass(frozen=True)
class RecordingCard:
    """One recording with those before and after it."""

    item: TimelineItem
    newer: str
    """Handle of the next newer one; empty where there is none."""
    older: str
    words_closed: bool = False
    """Whether what was said lies sealed and is not given out now: the gate refuses it, or its store does not answer."""


class RecordingDoor(Protocol):
    """See the module."""

    def timeline(self, account: UUID, family: str, session: bytes, wanted: TimelineFilter, after: str, most: int) -> TimelinePage:
        """Return a page of the timeline.

        Args:
            account: asks.
            family: the pseudonym of the subject.
            session: the web session's.
            wanted: the filter.
            after: the cursor of the page before; empty for the first.
            most: items of a page, at most :data:`expunge.core.families.timeline.MOST_SHOWN`.
        """
        ...

    def recording(self, account: UUID, family: str, session: bytes, handle: str) -> RecordingCard:
        """Return one recording. Raises ItemGone."""
        ...

    def sketch(self, account: UUID, family: str, session: bytes, handle: str) -> Sketch:
        """Return the sketch of a recording, whose beginning is opened for it. Raises ItemGone, Unplayable, Refused."""
        ...

    def part(self, account: UUID, family: str, session: bytes, handle: str, first: int | None, last: int | None) -> MediaPart:
        """Return a part of a recording, of at most :data:`MOST_PART` bytes: fewer than were asked for, where those are more.

        Args:
            account: asks.
            family: the pseudonym of the subject.
            session: the web session's.
            handle: the recording.
            first: the first byte; None for the last bytes, as many as ``last`` says.
            last: the first byte behind the part; None for as many as there may be.

        Raises ItemGone, Unplayable, Refused, StoreUnavailable, CouldNotLook.
        """
        ...

    def choose(self, account: UUID, family: str, session: bytes, handles: Sequence[str], wanted: TimelineFilter | None) -> Selection:
        """Return the selection of some recordings, or of all that pass a filter. Raises ItemGone, UsageError for none."""
        ...

    def looks(self, account: UUID, family: str, session: bytes, before: int | None, most: int) -> LookPage:
        """Return who looked: within an opening each look, else counts. Asking does not lengthen the opening."""
        ...
