"""A child's voice kept for nothing but the answer: in locked memory, for seconds, and nothing of it anywhere else.

The exception of 16 CFR 312.5(c)(9) allows to take a child's voice without a parent's consent when it is used to answer and nothing else, no
other personal information comes with it, and it is deleted at once::

    with answering(within=timedelta(seconds=10)) as voice:
        for chunk in microphone:
            voice.write(chunk)
        answer(recognise(voice.view()))

Inside the block the thread may write no file, start no process, open no database and log nothing: each is refused with
:class:`Kept`, the voice is zeroed, and every later use of it is refused as well. It fails closed: where memory cannot be locked (so that
it could be swapped to a disk), there is no block at all.
"""

from __future__ import annotations

import ctypes
import logging
import mmap
import os
import sys
import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

from expunge.errors import ExpungeError

LONGEST = timedelta(minutes=1)
"""No block lasts longer: *immediately* is no day."""
MOST_BYTES = 64 << 20
EDGES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0)
"""Seconds: upper ends of the buckets of :func:`lifetimes`."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_REFUSED = frozenset({
    "os.link", "os.rename", "os.symlink", "os.mkdir", "shutil.copyfile", "subprocess.Popen", "os.posix_spawn", "os.fork", "os.exec",
    "os.system", "sqlite3.connect", "smtplib.connect", "tempfile.mkstemp", "tempfile.mkdtemp", "pty.spawn",
})  # fmt: skip
"""Audit events of the interpreter by which something could be kept."""


class Kept(ExpungeError):
    """Something was about to be kept of a voice that may be kept for nothing but the answer; the voice is gone."""


class Voice:
    """Bytes in locked memory that is left out of core dumps; zeroed and unlocked at the end, at a refusal and when its time is over."""

    def __init__(self, capacity: int, seconds: float) -> None:
        """Reserve memory. Raises Kept where it cannot be locked."""
        self._memory = mmap.mmap(-1, max(capacity, mmap.PAGESIZE), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._size = 0
        self._born = time.monotonic()
        self._ends = self._born + seconds
        self._guard = threading.Lock()
        self._over = False
        self._timer = threading.Timer(seconds, self.end)
        self._timer.daemon = True
        try:
            _lock(self._memory)
            self._timer.start()
        except BaseException:
            # What is locked counts against the limit until it is unmapped, whether or not a block ever began.
            self._memory.close()
            raise

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Add sound. Raises Kept when the block is over, or there is no room left."""
        with self._guard:
            self._require()
            if self._size + len(data) > len(self._memory):
                message = "more sound than was reserved for"
                raise Kept(message, help="reserve more (capacity), at most 64 MiB, or answer shorter requests")
            # Straight into the locked memory: a copy on the way would stay in the heap.
            self._memory[self._size : self._size + len(data)] = data
            self._size += len(data)
            return len(data)

    def view(self) -> memoryview:
        """What was written, read-only and in place; it reads as zeros once the block is over. Raises Kept then."""
        with self._guard:
            self._require()
            return memoryview(self._memory)[: self._size].toreadonly()

    def end(self) -> None:
        """Zero the memory, unlock it and give it back; safe to call twice, and from any thread.

        While a view is held, its address range stays mapped, so that the view reads as zeros; the pages are given back all the same.
        """
        with self._guard:
            if self._over:
                return
            self._over = True
            self._memory[:] = bytes(len(self._memory))
            _give_back(self._memory)
        self._timer.cancel()
        _count(time.monotonic() - self._born)

    def _require(self) -> None:
        if self._over or time.monotonic() >= self._ends:
            message = "the voice is gone: its time is over, or something was about to be kept"
            raise Kept(message, help="answer within the block, and keep nothing in it")


@contextmanager
def answering(*, within: timedelta = timedelta(seconds=10), capacity: int = 4 << 20) -> Iterator[Voice]:
    """A block in which a voice may be used and nothing may be kept.

    Args:
        within: after this the voice is zeroed whatever the block does; at most a minute.
        capacity: bytes to reserve, at most 64 MiB.

    Raises:
        ValueError: for a time or size beyond that.
        Kept: where memory cannot be locked, or whatever the block did would have kept something.
    """
    if not timedelta(0) < within <= LONGEST or not 0 < capacity <= MOST_BYTES:
        message = "a voice is kept for a minute at most, and for 64 MiB"
        raise ValueError(message)
    _watch()
    voice = Voice(capacity, within.total_seconds())
    token = _CURRENT.set(voice)
    try:
        yield voice
    finally:
        _CURRENT.reset(token)
        voice.end()


def lifetimes() -> dict[str, int]:
    """How long voices lived, since the process began: upper end of the bucket in seconds -> how many. Nothing about whose they were."""
    with _COUNTING:
        return {("longer" if at == len(EDGES) else f"{EDGES[at]:g}"): number for at, number in sorted(_LIVED.items())}


_CURRENT: ContextVar[Voice | None] = ContextVar("expunge_voice", default=None)
_COUNTING = threading.Lock()
_LIVED: Counter[int] = Counter()
_WATCHING: list[bool] = []


def _count(seconds: float) -> None:
    with _COUNTING:
        _LIVED[bisect_left(EDGES, seconds)] += 1


def _lock(memory: mmap.mmap) -> None:
    if _libc().mlock(*_span(memory)) != 0:
        message = f"memory cannot be locked here: {os.strerror(ctypes.get_errno())}"
        raise Kept(message, help="raise the limit of locked memory (ulimit -l, LimitMEMLOCK=) for this service")
    memory.madvise(mmap.MADV_DONTDUMP)


def _give_back(memory: mmap.mmap) -> None:
    # Unlocked first: the limit of locked memory is the process's, and a held view must not count against the voices that follow.
    _libc().munlock(*_span(memory))
    memory.madvise(mmap.MADV_DONTNEED)
    with suppress(BufferError):
        # Refused while a view is held: the last one unmaps it.
        memory.close()


def _span(memory: mmap.mmap) -> tuple[ctypes.c_void_p, ctypes.c_size_t]:
    return ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(memory))), ctypes.c_size_t(len(memory))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _watch() -> None:
    """From the first block on the interpreter tells us what is opened and started; outside a block we look away at once."""
    if not _WATCHING:
        _WATCHING.append(True)
        sys.addaudithook(_heard)
        before = logging.getLogRecordFactory()

        def record(*arguments: Any, **more: Any) -> logging.LogRecord:
            if _CURRENT.get() is not None:
                _refuse("a log line")
            return before(*arguments, **more)

        logging.setLogRecordFactory(record)


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    if _CURRENT.get() is None:
        return
    if event in _REFUSED:
        _refuse(event)
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING:
        _refuse("a file opened for writing")


def _refuse(what: str) -> None:
    voice = _CURRENT.get()
    assert voice is not None
    voice.end()
    message = f"{what} inside a block that keeps nothing; the voice was zeroed"
    raise Kept(message, help="do that after the block, without anything that was said in it")
