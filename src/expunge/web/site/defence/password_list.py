"""Make a file of known passwords, as ``expunge known-passwords`` does.

Each input is a text file: one password a line, or ``SHA1:count`` a line, ascending, as Have I Been Pwned gives it out.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator
from heapq import merge
from pathlib import Path

from expunge.core.attempts.attempt_limits import SHORTEST_PASSWORD
from expunge.core.attempts.known_passwords import digest_prefix, spelt, write_set

BITS = 16
"""One password in 65,536 that is in no list is refused all the same."""
_HASHED = re.compile(r"([0-9A-Fa-f]{40})(:\d+)?\s*")


def make(inputs: Iterable[Path], to: Path, bits: int = BITS) -> int:
    """Write a set of the passwords of some files. Return how many lines it was made from.

    Files of digests are read as they come, twice, so that a file of any size takes no memory. Lines of plain passwords shorter than 15 are
    left out: no account can have them.

    Raises:
        ValueError: a file of digests does not ascend.
        OSError: a file cannot be read or written.
    """
    hashed, plain = [], set[int]()
    for path in inputs:
        if _is_hashed(path):
            hashed.append(path)
        else:
            plain.update(_plain(path))
    sorted_plain = sorted(plain)
    del plain
    count = len(sorted_plain) + sum(1 for path in hashed for _ in _digests(path))
    with tempfile.TemporaryFile(dir=to.parent) as values:
        head = b""
        for piece in write_set(merge(sorted_plain, *map(_digests, hashed)), count, bits):
            values.write(head)
            head = piece
        values.seek(0)
        with to.open("wb") as file:
            file.write(head)
            while piece := values.read(1 << 20):
                file.write(piece)
    return count


def _is_hashed(path: Path) -> bool:
    with path.open(encoding="utf-8", errors="replace") as lines:
        return bool(_HASHED.fullmatch(lines.readline()))


def _digests(path: Path) -> Iterator[int]:
    with path.open(encoding="ascii") as lines:
        for number, line in enumerate(lines, 1):
            if not _HASHED.fullmatch(line):
                message = f"{path.name}, line {number}: no SHA-1 digest"
                raise ValueError(message)
            yield int(line[:16], 16)


def _plain(path: Path) -> Iterator[int]:
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            password = spelt(line.rstrip("\r\n")).lower()
            if len(password) >= SHORTEST_PASSWORD:
                yield digest_prefix(password)
