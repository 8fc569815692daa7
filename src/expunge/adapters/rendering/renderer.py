"""Makes renditions in closed processes, which are kept for the next one. One that is late, dies or says nonsense is ended."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from expunge.adapters.closed.closed_child import ChildEnded, ClosedChild
from expunge.adapters.decoding.faults import MediaFault
from expunge.core.families.media_types import MediaType
from expunge.core.journal.review_words import Clarity, Sound
from expunge.core.review import rendition
from expunge.core.review.rendition import FormKind, MediaForm, RenditionStyle, Segment, Still
from expunge.core.values.canonical import Json
from expunge.errors import StoreUnavailable, Unplayable, UsageError
from expunge.ports.review.range_source import RangeSource

_MODULE = "expunge.adapters.rendering.rendering_process"
SECONDS = 20.0
"""The time for one segment, without that of the source."""
WAIT = 30.0
"""Seconds that a caller waits for a process that is busy with another."""


class ClosedRenderer:
    """Implements :class:`expunge.ports.review.rendering.Renderer`."""

    def __init__(self, most: int | None = None, seconds: float = SECONDS) -> None:
        """Start nothing yet.

        Args:
            most: processes at once, of those that hide faces and of the others; None for one a processor, and four at most.
            seconds: the time for one answer.
        """
        self._seconds = seconds
        at_once = most or max(1, min(4, os.cpu_count() or 1))
        self._pools = {clarity: _Pool(words, at_once) for clarity, words in ((None, ()), (Clarity.FACES_HIDDEN, ("faces",)))}

    def describe(self, source: RangeSource) -> MediaForm:
        """See the port."""
        told, _ = self._asked({"act": "describe"}, source, None)
        with _checked():
            return MediaForm(
                MediaType(told["media"]),
                FormKind(told["kind"]),
                int(told.get("length", 0)),
                int(told.get("width", 0)),
                int(told.get("height", 0)),
                has_sound=bool(told.get("sound", False)),
            )

    def segment(self, source: RangeSource, style: RenditionStyle, first_ms: int, last_ms: int) -> Segment:
        """See the port."""
        rendition.require_segment(first_ms, last_ms)
        request: dict[str, Json] = {"act": "segment", "first": first_ms, "last": last_ms}
        told, body = self._asked(request | _of(style), source, style.clarity)
        with _checked():
            pixelated, frames, head = int(told.get("pixelated", 0)), int(told.get("frames", 0)), int(told["head"])
            return Segment(
                body[:head],
                body[head:],
                int(told["first"]),
                int(told["last"]),
                codecs=str(told["codecs"]),
                clarity=Clarity.PIXELATED if pixelated else style.clarity,
                sound=style.sound if told["heard"] else Sound.MUTE,
                frames=frames,
                pixelated=pixelated,
            )

    def still(self, source: RangeSource, style: RenditionStyle) -> Still:
        """See the port."""
        told, body = self._asked({"act": "still"} | _of(style), source, style.clarity)
        return Still(body, Clarity.PIXELATED if told.get("pixelated", True) else style.clarity)

    def whole(self, source: RangeSource, style: RenditionStyle, first_ms: int, last_ms: int) -> Iterator[Segment]:
        """See the port."""
        if not 0 <= first_ms < last_ms:
            rendition.require_segment(first_ms, last_ms)
        length = self.describe(source).length_ms
        for first, last in rendition.segments(first_ms, min(last_ms, max(length, first_ms + 1))):
            yield self.segment(source, style, first, last)

    def warm(self) -> None:
        """See the port."""
        with self._pools[None].lent():
            pass

    def processes(self) -> list[int]:
        """Return the numbers of the processes that wait for work."""
        return [pid for pool in self._pools.values() for pid in pool.waiting()]

    def close(self) -> None:
        """See the port."""
        for pool in self._pools.values():
            pool.close()

    def _asked(self, request: dict[str, Json], source: RangeSource, clarity: Clarity | None) -> tuple[dict[str, Any], bytes]:
        pool = self._pools.get(clarity) or self._pools[None]
        with pool.lent() as child:
            try:
                told, body = child.ask(request, source, self._seconds)
            except ChildEnded as error:
                child.end()
                message = "the recording took too long to decode, or what decodes did not survive it"
                raise Unplayable(message, help="ask for a shorter part; nothing of it was shown") from error
            except BaseException:
                # Why: the child waits for a part that it will never get.
                child.end()
                raise
        if "fault" in told:
            with _checked():
                fault = MediaFault(str(told["fault"]))
            raise (UsageError if fault.of_the_ask else Unplayable)(fault.message, help=fault.remedy)
        return dict(told), body


class _Pool:
    """Processes of one kind, each lent to one caller at a time."""

    def __init__(self, words: tuple[str, ...], most: int) -> None:
        self._words, self._free = words, threading.Semaphore(most)
        self._guard, self._idle = threading.Lock(), list[ClosedChild]()

    @contextmanager
    def lent(self) -> Iterator[ClosedChild]:
        """Yield a process that is closed and runs. One that was ended meanwhile is not kept."""
        if not self._free.acquire(timeout=WAIT):
            raise StoreUnavailable("everything that decodes recordings is busy", help="look again in a moment")
        try:
            child = self._kept() or ClosedChild(_MODULE, *self._words)
            try:
                yield child
            finally:
                if child.runs:
                    with self._guard:
                        self._idle.append(child)
        finally:
            self._free.release()

    def _kept(self) -> ClosedChild | None:
        with self._guard:
            while self._idle:
                child = self._idle.pop()
                if child.runs:
                    return child
                child.end()
        return None

    def waiting(self) -> list[int]:
        """Return the numbers of those that are not lent."""
        with self._guard:
            return [child.pid for child in self._idle]

    def close(self) -> None:
        """End all that are not lent."""
        with self._guard:
            while self._idle:
                self._idle.pop().end()


@contextmanager
def _checked() -> Iterator[None]:
    """Take an answer whose fields are missing or strange for what it is: the child was taken over, or is broken."""
    try:
        yield
    except (KeyError, ValueError, TypeError) as error:
        raise Unplayable("the recording could not be decoded", help="nothing of it was shown") from error


def _of(style: RenditionStyle) -> dict[str, Json]:
    return {"clarity": style.clarity.value, "sound": style.sound.value, "tile": list(style.tile.lines)}
