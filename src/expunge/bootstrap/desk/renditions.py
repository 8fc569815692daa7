"""What the desk hands out of a recording: a rendition of the range and the clarity of a view that was entered."""

from __future__ import annotations

from dataclasses import dataclass

from expunge.core.journal.review_events import ViewServed
from expunge.core.review.rendition import RenditionStyle, Segment, Still, Tile
from expunge.ports.review.recordings import ReviewSource
from expunge.ports.review.rendering import Renderer

_ACCOUNT = 13
"""Characters of an account's id that the mark has: enough to be told from others, and short enough to be read."""


@dataclass(frozen=True)
class DeskRenditions:
    """Makes renditions for views (:data:`expunge.engine.review.viewing.Render`). Safe between threads."""

    renderer: Renderer

    def __call__(self, source: ReviewSource, view: ViewServed) -> bytes:
        """Return a segment that plays alone. Raises UsageError, Unplayable, StoreUnavailable, and what the source raises."""
        return self.segment(source, view).data

    def segment(self, source: ReviewSource, view: ViewServed) -> Segment:
        """Return a segment with what was kept of its clarity. Raises as a call."""
        return self.renderer.segment(source, style_of(view), view.first_ms, view.last_ms)

    def still(self, source: ReviewSource, view: ViewServed) -> Still:
        """Return a picture. Raises UsageError for a film or a sound, Unplayable, StoreUnavailable, and what the source raises."""
        return self.renderer.still(source, style_of(view))


def style_of(view: ViewServed) -> RenditionStyle:
    """Return how a view is shown: as clearly as it was entered, under the mark of its reviewer, its case and its time.

    Raises UsageError for a transcript, which is no rendition.
    """
    at = view.at.strftime("%Y-%m-%d %H:%M:%S UTC")
    tile = Tile(f"reviewer {view.reviewer[:_ACCOUNT]}", f"{view.case_kind.value} {view.case_number}", at)
    return RenditionStyle(tile, view.clarity, view.sound)
