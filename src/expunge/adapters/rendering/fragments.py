"""Fragmented MP4 (ISO/IEC 14496-12, 8.8): its head and its one fragment apart, the fragment at its time in the recording.

FFmpeg counts the time of a file from its first frame. A segment has to say where in the recording it begins, so that a player joins it
to the segment before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_IN_A_FRAGMENT = {b"moof", b"traf"}


def apart(data: bytes) -> tuple[bytes, bytes]:
    """Return the head (``ftyp`` and ``moov``) and the fragments (``moof`` and ``mdat``) of a file, without what else is in it."""
    head, body = [], []
    for kind, first, last in _boxes(data, 0, len(data)):
        if kind in {b"ftyp", b"moov"}:
            head.append(data[first:last])
        elif kind in {b"moof", b"mdat"}:
            body.append(data[first:last])
    return b"".join(head), b"".join(body)


def codecs(head: bytes) -> str:
    """Return the codecs of a head, as RFC 6381 (3.3) writes them: H.264 by its profile and level (``avcC``), and AAC."""
    found = []
    at = head.find(b"avcC")
    if at >= 0:
        found.append("avc1." + head[at + 5 : at + 8].hex())
    if b"mp4a" in head:
        found.append("mp4a.40.2")
    return ",".join(found)


def placed(body: bytes, begins: Mapping[int, int], number: int) -> bytes:
    """Return fragments at their time.

    Args:
        body: fragments.
        begins: number of each track -> ticks of its own clock to add (``tfdt``, 8.8.12).
        number: the sequence number of the first (``mfhd``, 8.8.5).
    """
    out = bytearray(body)
    track = 0
    for kind, first, _ in _boxes(body, 0, len(body)):
        if kind == b"mfhd":
            out[first + 12 : first + 16] = (number & 0xFFFFFFFF).to_bytes(4, "big")
            number += 1
        elif kind == b"tfhd":
            track = int.from_bytes(body[first + 12 : first + 16], "big")
        elif kind == b"tfdt":
            wide = 8 if body[first + 8] else 4
            told = int.from_bytes(body[first + 12 : first + 12 + wide], "big")
            out[first + 12 : first + 12 + wide] = (told + begins[track]).to_bytes(wide, "big")
    return bytes(out)


def _boxes(data: bytes, first: int, last: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, begin and end of each box, and of those inside fragments. FFmpeg wrote it: sizes of 64 bits are not used below 4 GiB."""
    while first < last:
        size, kind = int.from_bytes(data[first : first + 4], "big"), data[first + 4 : first + 8]
        if size < 8 or first + size > last:
            message = f"a box of {size} bytes"
            raise ValueError(message)
        yield kind, first, first + size
        if kind in _IN_A_FRAGMENT:
            yield from _boxes(data, first + 8, first + size)
        first += size
