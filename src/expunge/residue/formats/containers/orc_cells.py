"""Read single values of the columns of bytes and of text in an ORC file (ORC specification v1), stripe by stripe."""

from __future__ import annotations

from collections.abc import Iterator

from expunge.residue.formats.containers.orc import End, end_of
from expunge.residue.formats.containers.orc_values import Message, chunks, message, messages, number, numbers
from expunge.residue.formats.containers.split_values import split
from expunge.residue.formats.decoders import Broken
from expunge.residue.formats.slices import Slice
from expunge.residue.matching.session import TooLarge

_OF_BYTES = frozenset({7, 8, 16, 17})
"""Text, bytes, and text of at most, or exactly, so many characters."""
_DATA, _LENGTH, _DICTIONARY = 1, 2, 3
_OLD = frozenset({0, 1})
_CODED = frozenset({1, 3})
_MOST = 1 << 26


def cells(source: Slice, least: int) -> Iterator[bytes]:
    """Yield each value of at least so many bytes, as it stands in streams and dictionaries. Raises Broken, Unsupported, TooLarge."""
    end = end_of(source, source.size)
    if end is None:
        raise Broken
    kinds = [number(each, 1) for each in messages(end.footer, 4)]
    for stripe in messages(end.footer, 3):
        yield from _stripe(source, end, kinds, stripe, least)


def _stripe(source: Slice, end: End, kinds: list[int], stripe: Message, least: int) -> Iterator[bytes]:
    start, index, data, size = (number(stripe, key) for key in (1, 2, 3, 4))
    stop = start + index + data
    about = message(b"".join(chunks(source, stop, stop + size, end.kind, end.most)))
    encodings = [number(each, 1) for each in messages(about, 2)]
    places: dict[tuple[int, int], tuple[int, int]] = {}
    at = start
    for stream in messages(about, 1):
        kind, column, length = (number(stream, key) for key in (1, 2, 3))
        places[column, kind] = at, at + length
        at += length
    for column, kind in enumerate(kinds):
        encoding = encodings[column] if column < len(encodings) else 2
        data_place = places.get((column, _DICTIONARY if encoding in _CODED else _DATA))
        length_place = places.get((column, _LENGTH))
        if kind in _OF_BYTES and data_place is not None and data_place[0] < data_place[1]:
            if length_place is None:
                raise Broken
            lengths = _joined(chunks(source, *length_place, end.kind, end.most))
            sizes = (each for run in numbers(lengths, old=encoding in _OLD, signed=False) for each in run.tolist())
            yield from split(chunks(source, *data_place, end.kind, end.most), sizes, least)


def _joined(parts: Iterator[bytes]) -> bytes:
    whole = bytearray()
    for part in parts:
        whole += part
        if len(whole) > _MOST:
            raise TooLarge
    return bytes(whole)
