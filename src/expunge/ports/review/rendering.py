"""The port of renditions: what a reviewer is shown of a recording. Decoding happens where a hostile file can do nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from expunge.core.review.rendition import MediaForm, RenditionStyle, Segment, Still
from expunge.ports.review.range_source import RangeSource


class Renderer(Protocol):
    """Makes renditions. Safe between threads; a caller waits where all that decode are busy.

    Nothing is kept between two calls: no content, no key, no result. Each call reads what it needs of the source anew.

    Every method raises:
        Unplayable: the recording is damaged, cut short, of a form that is not shown, too large, or takes too long. The message says
            which. The next call works.
        StoreUnavailable: no process that decodes can be started or closed here, or all are busy for too long.
        Whatever the source raises.
    """

    def describe(self, source: RangeSource) -> MediaForm:
        """Return what can be rendered of a recording. Its type is told by content alone."""
        ...

    def segment(self, source: RangeSource, style: RenditionStyle, first_ms: int, last_ms: int) -> Segment:
        """Return a piece of a film or a sound: from ``first_ms`` to before ``last_ms``, ten seconds at most.

        Segments whose ranges touch play one after another without a gap, in any order, from any process. Faces that cannot be followed
        make the frame pixelated; ``Segment.clarity`` then says so. The picture has the mark of ``style.tile`` in each frame.

        Raises UsageError for a range that is none or lies outside the recording, and where nothing would be seen or heard.
        """
        ...

    def still(self, source: RangeSource, style: RenditionStyle) -> Still:
        """Return a picture. Raises UsageError for a film or a sound."""
        ...

    def whole(self, source: RangeSource, style: RenditionStyle, first_ms: int, last_ms: int) -> Iterator[Segment]:
        """Yield the segments of a range, each rendered when it is asked for: the caller sets the pace, and may stop at any time.

        The head of the first and the bodies of all are one fragmented MP4 that plays while it comes.
        """
        ...

    def warm(self) -> None:
        """Start what decodes, so that the next call finds it ready. Returns once it is. Raises StoreUnavailable."""
        ...

    def close(self) -> None:
        """End what runs for it. Safe to call twice."""
        ...
