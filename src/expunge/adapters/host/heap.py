"""Keep freed memory for what comes next, in a process that moves large pieces of bytes.

The C library gives each piece of more than 128 KiB back to the kernel when it is freed, and takes the next one from it page by page. For
a process that receives, hashes and seals a gibibyte in such pieces, this was three quarters of its time.
"""

from __future__ import annotations

import ctypes
from typing import Final

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
"""Constants of mallopt(3)."""
KEPT: Final = 32 * 2**20
"""Bytes: pieces up to this size come from the heap, of which so much stays after they are freed. The most that the C library takes."""


def keep_freed_memory() -> None:
    """Keep it. Does nothing where the C library is another one."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        for option, value in ((_MMAP_THRESHOLD, KEPT), (_TRIM_THRESHOLD, KEPT), (_TOP_PAD, KEPT // 8)):
            libc.mallopt(option, value)
