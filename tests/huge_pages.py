"""Large pages for the memory of a worker, so that its forks are cheap.

A worker that has collected the suite holds 700 MB. A fork copies a table with an entry for each page, and its end walks through that table:
50 ms of a processor with pages of 4 KiB, half of that with pages of 2 MiB. A test that kills forks once for each point at which it does.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

_SIZE = 2 << 20
_USE = 14
"""``MADV_HUGEPAGE`` of Linux (madvise(2))."""
_COLLAPSE = 25
"""``MADV_COLLAPSE`` of Linux 6.1 (madvise(2))."""
_MAPS = Path("/proc/self/maps")


def use_huge_pages() -> None:
    """Move what this process holds into large pages, as far as the kernel has them. Elsewhere nothing changes."""
    if not _MAPS.exists():
        return
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for start, length in _private_memory():
        if madvise(start, length, _USE) == 0:
            madvise(start, length, _COLLAPSE)


def _private_memory() -> Iterator[tuple[int, int]]:
    """Yield address and length of each range that no file lies behind, cut to whole large pages."""
    for line in _MAPS.read_text().splitlines():
        place, rights, *rest = line.split()
        if rights != "rw-p" or rest[3:] not in ([], ["[heap]"]):
            continue
        first, last = (int(end, 16) for end in place.split("-"))
        first, last = -(-first // _SIZE) * _SIZE, last // _SIZE * _SIZE
        if first < last:
            yield first, last - first
