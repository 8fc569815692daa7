"""Numbers out of a model's file, so that a scan also finds copies in another width: halved to save room, doubled, or printed.

Only safetensors files are read. The format is JSON and numbers: no code of a file runs, and nothing but the standard library is needed.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterable, Iterator

MOST = 64 << 20
"""Bytes of a file that are looked into."""
_TENSORS, _NUMBERS = 8, 512
"""How many tensors of a file are traced, the largest first, and how many numbers of each."""
_WIDTHS = {"F16": "e", "F32": "f", "F64": "d"}


def vectors(chunks: Iterable[bytes]) -> Iterator[tuple[float, ...]]:
    """Yield the first numbers of the largest tensors of one item; none where it is no such file, or has none of real numbers."""
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) > 8 and data[8:9] != b"{":
            return
        if len(data) >= MOST:
            break
    try:
        size = int.from_bytes(data[:8], "little")
        head = json.loads(data[8 : 8 + size])
        tensors = [(*each["data_offsets"], each["dtype"]) for name, each in head.items() if name != "__metadata__"]
        for start, end, kind in sorted(tensors, key=lambda each: (each[0] - each[1], each[0]))[:_TENSORS]:
            code = _WIDTHS.get(kind, "")
            count = min((end - start) // struct.calcsize(code), _NUMBERS) if code else 0
            numbers = struct.unpack_from(f"<{count}{code}", data, 8 + size + start)
            if count and all(map(math.isfinite, numbers)):
                yield numbers
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, struct.error):
        return
