"""Look for keys in what a process can read of itself or of another: raw, hex and base64, in all memory that it can write to."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

CHUNK = 2**22
OVERLAP = 256
_NOT_MEMORY = ("[vvar", "[vsyscall", "[vdso")


def readable(pid: int | str) -> Iterator[bytes]:
    """Yield all writable memory of a process in overlapping chunks. Raises PermissionError."""
    ranges = []
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        where, rights, *rest = line.split(maxsplit=5)
        if rights.startswith("rw") and not (len(rest) == 4 and rest[3].strip().startswith(_NOT_MEMORY)):
            start, _, end = where.partition("-")
            ranges.append((int(start, 16), int(end, 16)))
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:  # noqa: PTH123 - not buffered
        for start, end in ranges:
            for at in range(start, end, CHUNK):
                try:
                    memory.seek(at)
                    yield memory.read(min(CHUNK + OVERLAP, end - at)) or b""
                except (OSError, ValueError):
                    continue  # a page that is mapped and was never there


def forms(secret: bytes) -> list[bytes]:
    """Return every way of writing a key that is looked for."""
    whole = [secret, secret.hex().encode(), secret.hex().upper().encode()]
    encoders = (base64.b64encode, base64.urlsafe_b64encode)
    shifted = [(shift, encode(bytes(shift) + secret)) for shift in range(3) for encode in encoders]
    # The characters at both ends depend on the neighbours.
    return list(dict.fromkeys([*whole, *(encoded[(0, 2, 3)[shift] + 1 : len(encoded) - 4] for shift, encoded in shifted)]))
