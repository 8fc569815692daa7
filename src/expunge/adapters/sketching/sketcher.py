"""Makes sketches in a process of its own, which is closed before it is given the first byte: recordings come from strangers.

The process is kept for the next sketch. One that takes too long, dies or says nonsense is ended, and the next sketch begins another.
"""

from __future__ import annotations

import contextlib
import os
import select
import struct
import subprocess
import sys
import threading
import time

from expunge.core.families.media_types import MediaType
from expunge.errors import StoreUnavailable, Unplayable
from expunge.ports.families.sketching import BARS, MOST_DECODED, Sketch

REQUEST = struct.Struct(">16sQI")
"""Type, bytes of the whole, bytes that follow."""
ANSWER = struct.Struct(">BBdHI")
"""Whether there is a sketch, whether it was cut, seconds (negative for none), number of bars, bytes of the picture."""
SECONDS = 5.0
"""The time for one sketch."""
_BEGIN = 20.0
"""Seconds in which a process begins."""
_MOST_PICTURE = 256 << 10
_SAFE = ("-P",)
"""Without the working folder among the places of modules."""


class SketchProcess:
    """Implements :class:`expunge.ports.families.sketching.Sketcher`."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def sketch(self, media: MediaType, head: bytes, size: int) -> Sketch:
        """See the port."""
        if media.is_picture and size > len(head):
            raise Unplayable("this picture is too large for a small copy", help="open it")
        if not (media.is_audio or media.is_picture):
            return Sketch()
        head = head[:MOST_DECODED]
        with self._lock:
            process, fresh = self._running()
            try:
                return self._asked(process, media, head, size, SECONDS + (_BEGIN if fresh else 0.0))
            except BaseException as error:
                if not isinstance(error, Unplayable) or error.help == _ENDED:
                    self._end()
                raise

    def close(self) -> None:
        """See the port."""
        with self._lock:
            self._end()

    def _running(self) -> tuple[subprocess.Popen[bytes], bool]:
        if self._process is not None and self._process.poll() is None:
            return self._process, False
        command = [sys.executable, *_SAFE, "-m", "expunge.adapters.sketching.sketching_process"]
        known = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}
        # Why one: a process with other threads cannot close itself.
        known |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=known,
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            message = f"no process for sketches could be started: {error.strerror}"
            raise StoreUnavailable(message, help="free memory or processes, then look again") from error
        return self._process, True

    def _asked(self, process: subprocess.Popen[bytes], media: MediaType, head: bytes, size: int, seconds: float) -> Sketch:
        until = time.monotonic() + seconds
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            _write(process.stdin.fileno(), REQUEST.pack(media.value.encode(), size, len(head)) + head, until)
            there, cut, length, bars, picture = ANSWER.unpack(_read(process.stdout.fileno(), ANSWER.size, until))
            if bars not in {0, BARS} or picture > _MOST_PICTURE:
                raise _ended()
            drawn = _read(process.stdout.fileno(), bars, until)
            shown = _read(process.stdout.fileno(), picture, until)
        except OSError as error:
            raise _ended() from error
        if not there:
            raise Unplayable("the recording is damaged, or of a form that is not drawn", help="play it, or export it")
        return Sketch(tuple(min(each, 100) for each in drawn), length if length >= 0 else None, bool(cut), shown)

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        process.wait()


_ENDED = "play it, or export it; nothing of it was shown"


def _ended() -> Unplayable:
    return Unplayable("the recording took too long to draw, or could not be decoded", help=_ENDED)


def _write(handle: int, data: bytes, until: float) -> None:
    os.set_blocking(handle, False)
    view = memoryview(data)
    while view:
        if not select.select([], [handle], [], max(0.0, until - time.monotonic()))[1]:
            raise _ended()
        with contextlib.suppress(BlockingIOError):
            view = view[os.write(handle, view) :]


def _read(handle: int, size: int, until: float) -> bytes:
    parts, left = [], size
    while left:
        if not select.select([handle], [], [], max(0.0, until - time.monotonic()))[0]:
            raise _ended()
        part = os.read(handle, left)
        if not part:
            raise _ended()
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
