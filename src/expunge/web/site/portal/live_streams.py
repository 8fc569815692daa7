"""The bounds on live streams and on downloads: each holds a thread of the server, and pages need threads too."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

MOST_STREAMS = 4
"""Streams at once, of the threads that are shared by turns."""
OF_ACCOUNT = 2
"""Streams of one account."""


class Streams:
    """The bound on streams. Safe between threads."""

    def __init__(self, most: int = MOST_STREAMS, of_account: int = OF_ACCOUNT) -> None:
        """Take the bounds."""
        self._most, self._of_account = most, of_account
        self._guard = threading.Lock()
        self._open: Counter[UUID] = Counter()

    @contextmanager
    def place(self, account: UUID) -> Iterator[bool]:
        """Give whether there is room for one more stream of an account, and keep the room for the length of a block."""
        with self._guard:
            room = self._open.total() < self._most and self._open[account] < self._of_account
            self._open[account] += room
        try:
            yield room
        finally:
            with self._guard:
                self._open[account] -= room
                self._open += Counter()


DOWNLOADS = Streams()
"""The bound on downloads of copies: a slow client keeps a thread for as long as it likes."""
