"""Windows of a byte stream, raw and of decoded audio. They are spread over the whole stream, whatever its length, and read once."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

from expunge.residue.formats import audio, carve
from expunge.residue.formats.decoders import Broken
from expunge.residue.formats.slices import MemorySlice
from expunge.residue.take import media_heads
from expunge.residue.take.written_forms import spread

SIZE = 32
"""Bytes of a window: 16 samples of audio."""
_BLOCK = 1 << 16
_STEP = 1 << 13
_FINE = 1 << 8
"""In something small windows lie closer: of a model that was changed in place most may be what it was, and some is not."""
_IN_SMALL = 32
"""Windows of it, about."""
_MOST = 4096
_LEAVES = 4096
HELD = 1 << 28
"""Bytes of one compressed recording that are kept in memory to be decoded; of longer ones the raw bytes alone are traced."""
_MARKS = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_CONTROL = bytes(each for each in range(32) if each not in b"\t\n\r\f") + b"\x7f"
_RARE = bytes(range(128, 256))
_MOSTLY = 0.7
"""Share of ASCII in a text of a European language."""
TEXT = 1 << 20
"""A blob up to this size that is text is traced as text too."""
PACKED = 1 << 24
"""A blob up to this size that is packed is traced as what it holds too."""


@dataclass
class Candidates:
    """Windows met while reading, thinned out evenly when they become many."""

    found: list[bytes] = field(default_factory=list)
    rejected: int = 0
    _every: int = 1
    _count: int = 0

    def offer(self, window: bytes | None) -> None:
        """Add one window; None stands for a stretch in which no window says enough."""
        if window is None:
            self.rejected += 1
            return
        self._count += 1
        if self._count % self._every:
            return
        self.found.append(window)
        if len(self.found) > _MOST:
            self.found = self.found[::2]
            self._every *= 2

    def best(self, most: int) -> list[bytes]:
        """Up to ``most`` windows, evenly spread however many of them are used."""
        return [self.found[index] for index in spread(len(self.found), most)]


@dataclass
class StreamWindows:
    """The windows taken from one stream."""

    raw: Candidates = field(default_factory=Candidates)
    sound: Candidates = field(default_factory=Candidates)
    text: str | None = None
    data: bytes = b""
    """All of it, where it is short and neither text nor sound."""


def read(stream: BinaryIO, begun: bytes = b"", skip: Callable[[bytes], bool] = lambda _: False) -> StreamWindows:
    """Read the stream, which has ``begun`` so, once to its end and choose windows, but none that is to be skipped."""
    result = StreamWindows()
    head = b""
    kept: bytearray | None = bytearray()
    sound_from: int | None = None
    at = end = 0
    for block in _blocks(stream, begun):
        if at == 0:
            head = block[:4096]
            sound_from = _plain_sound(head)
        if kept is not None:
            kept += block
            if len(kept) > (HELD if _to_decode(head) else PACKED if carve.begins(head[: carve.LOOKAHEAD]) else TEXT):
                kept = None
        # A block that is not full is the whole stream, or its end.
        step = _STEP if at or len(block) == _BLOCK or sound_from is not None else min(_STEP, max(_FINE, len(block) // _IN_SMALL))
        if at == 0:
            end = media_heads.end(block)
        own = block[: max(0, end - at)] if at else media_heads.own(block)
        if sound_from is None:
            _offer_parts(own, step, skip, result.raw)
        else:
            for begin in range(0, len(own), step):
                # the header says nothing about anybody; it lies in the first part
                header = max(0, sound_from - at - begin)
                result.sound.offer(loud(own[begin : begin + step][header:], (at + begin + header - sound_from) % 2))
        at += len(block)
    if kept is not None and _to_decode(head):
        _decode(kept, result.sound)
    elif kept is not None and sound_from is None:
        result.text = text_of(bytes(kept)) if len(kept) <= TEXT else None
        result.data = bytes(kept) if result.text is None else b""
    return result


def raw_of(parts: Iterable[bytes], skip: Callable[[bytes], bool]) -> Candidates:
    """Return windows of some parts of one blob alone."""
    found = Candidates()
    for part in parts:
        step = min(_STEP, max(_FINE, len(part) // _IN_SMALL))
        _offer_parts(part, step, skip, found)
    return found


def _offer_parts(data: bytes, step: int, skip: Callable[[bytes], bool], into: Candidates) -> None:
    for begin in range(0, len(data), step):
        # Why further back: a rest of a few bytes is the end of many records.
        first = min(begin, max(0, len(data) - SIZE))
        into.offer(varied(data[first : begin + step], skip))


def _blocks(stream: BinaryIO, begun: bytes) -> Iterator[bytes]:
    """The stream in blocks of one size, however much each read returns: the same content gives the same windows."""
    kept = bytearray(begun)
    while data := stream.read(_BLOCK):
        kept += data
        while len(kept) >= _BLOCK:
            yield bytes(kept[:_BLOCK])
            del kept[:_BLOCK]
    if kept:
        yield bytes(kept)


def _to_decode(head: bytes) -> bool:
    return head[:4] == b"fLaC" or (head[:4] == b"RIFF" and head[8:12] == b"WAVE" and not audio.is_plain_wave(head))


def _plain_sound(head: bytes) -> int | None:
    """Where the samples of a 16-bit WAV file begin."""
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE" or not audio.is_plain_wave(head):
        return None
    chunk = audio.wave_chunk(head, b"data")
    return None if chunk is None else chunk[0]


def _decode(kept: bytearray, into: Candidates) -> None:
    try:
        for block in audio.samples(MemorySlice(kept)):
            for begin in range(0, len(block), _STEP):
                into.offer(loud(block[begin : begin + _STEP], 0))
    except Broken:
        return


def text_of(data: bytes) -> str | None:
    """The blob as text, or None when it is none: UTF-8, UTF-16 with a byte order mark, or Windows-1252 where it is plainly text."""
    for mark, codec in _MARKS:
        if data.startswith(mark):
            try:
                return data[len(mark) :].decode(codec)
            except UnicodeDecodeError:
                return None
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _single_bytes(data)


def _single_bytes(data: bytes) -> str | None:
    """The blob as text of one byte a letter; None where it is more likely no text at all."""
    plain = len(data.translate(None, _RARE))
    if len(data.translate(None, _CONTROL)) < len(data) or plain < _MOSTLY * len(data):
        return None
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return None


def strings(text: str) -> Iterator[str]:
    """The strings of a JSON document or of JSON lines, which say more than its syntax does; else the text itself."""
    if '"' not in text:
        yield text
        return
    found: list[str] = []
    try:
        _gather(json.loads(text), found)
    except (ValueError, RecursionError):
        lines = text.splitlines()
        for line in lines[:_LEAVES]:
            try:
                _gather(json.loads(line), found)
            except (ValueError, RecursionError):
                yield text
                return
    yield from found[:_LEAVES] or [text]


def _gather(value: object, into: list[str]) -> None:
    if isinstance(value, str):
        into.append(value)
    elif isinstance(value, dict):
        for inner in value.values():
            _gather(inner, into)
    elif isinstance(value, list):
        for inner in value:
            _gather(inner, into)


def varied(part: bytes, skip: Callable[[bytes], bool] = lambda _: False) -> bytes | None:
    """A window of the part with many different bytes, or None when there is none; of a short part, all of it."""
    if len(part) <= SIZE:
        return part if len(set(part)) >= 6 and len(set(part[:8])) >= 2 else None
    tries = range(0, len(part) - SIZE + 1, max(1, (len(part) - SIZE) // 16))
    best = max((part[at : at + SIZE] for at in tries), key=lambda each: len(set(each)))
    if skip(best):
        best = max((window for at in tries if not skip(window := part[at : at + SIZE])), key=lambda each: len(set(each)), default=b"")
    return best if len(set(best)) >= 12 and len(set(best[:8])) >= 3 else None


def loud(part: bytes, odd: int) -> bytes | None:
    """Return the window of 16 samples that moves most, or None for silence.

    ``odd`` bytes are skipped where the part begins within a sample.
    """
    whole = (len(part) - odd) // SIZE * SIZE
    if whole <= 0:
        return None
    rows = np.frombuffer(part, dtype="<i2", count=whole // 2, offset=odd).reshape(-1, SIZE // 2).astype(np.int32)
    moves = np.abs(np.diff(rows, axis=1))
    row = rows[int(np.argmax(np.minimum(moves, 2048).sum(axis=1)))]
    enough = len(set(row.tolist())) >= 9 and len(set(row[:8].tolist())) >= 5 and int(row.max() - row.min()) >= 32
    return row.astype("<i2").tobytes() if enough else None
