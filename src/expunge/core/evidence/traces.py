"""Traces: keyed fingerprints of windows of a subject's content, taken before erasing to look for residue after.

A fingerprint reveals nothing without the key, which is destroyed at the traces' end date. The scanner (``expunge.residue``) makes and finds
traces. The core counts them and packs them for storage.

Packed form 4: a header line; a keyed 16-byte BLAKE2b tag over all that follows; three counts; the strings used, each as length and UTF-8;
the controls as indexes of strings; the traces, column by column: indexes of subject, dataset, part and form, anchors, ends, widths (with
how far they are folded), lengths, digests. Integers are big-endian. Anchors and ends come from a hash that is fast rather than a
pseudo-random function. They are therefore stored under a mask that only the key can make, with another mask for other digests. Form 3,
which had no ends, form 2, in which nothing was folded, and form 1, which had row after row, can still be read.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from hmac import compare_digest
from typing import NamedTuple

from expunge.core.values.ids import Pseudonym
from expunge.errors import StateCorrupt

IDENTIFIERS = "(identifiers)"
"""Dataset name of the traces of the identifiers themselves; not a name that a map can give."""
AS_IT_IS, ANCHOR_FOLDED, FOLDED = range(3)
"""A fingerprint of bytes as they are, one of which the anchor alone is folded, and one of text folded throughout: case, white space."""


class Trace(NamedTuple):
    """One fingerprint. Not a dataclass, because an order for many people has hundreds of thousands."""

    subject: Pseudonym
    dataset: str
    part: str
    """Field or column the window was taken from (a name of the map or schema), ``name`` for file names."""
    form: str
    """How the bytes were written: ``utf-8``, ``utf-16``, ``hex``, ``base64+1``, ``json``, ``sql``, ``pcm16``, ``float32`` ..."""
    anchor: int
    """Keyed 64-bit hash of the first ``width`` bytes."""
    width: int
    """8 or 16: bytes under the anchor."""
    length: int
    """Bytes under ``digest``; at least ``width``."""
    digest: bytes
    """Keyed BLAKE2b (16 bytes) of the ``length`` bytes."""
    fold: int = AS_IT_IS
    end: int = 0
    """Keyed 16-bit hash of the last eight bytes; 0 where nothing is known of them."""

    def __repr__(self) -> str:
        """What a log may show: no hash of content."""
        named = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._fields if name not in {"anchor", "digest", "fold", "end"})
        return f"{type(self).__name__}({named})"


@dataclass(frozen=True)
class Traces:
    """All fingerprints of one order, with the key that makes them comparable."""

    key: bytes = field(repr=False)
    """32 bytes, from the keystore; never stored beside the traces."""
    traces: tuple[Trace, ...]
    controls: frozenset[Pseudonym] = frozenset()
    """The subjects among the traces who stay: finding them shows that the scan can see (the positive control)."""


_HEADER = b"expunge/traces/4\n"
_HEADER_3 = b"expunge/traces/3\n"
_HEADER_2 = b"expunge/traces/2\n"
_HEADER_1 = b"expunge/traces/1\n"
_TAG = 16
_DIGEST = 16
_TRACE_1 = struct.Struct(">IIIIQBB16s")
_NAMES = 4
_END = 2
_FOLD_BITS = 6
"""Bits of a packed width; how far it is folded stands above them."""

_WIDTHS = bytes(each & (1 << _FOLD_BITS) - 1 for each in range(256))
_FOLDS = bytes(each >> _FOLD_BITS for each in range(256))


def dump(traces: Traces) -> bytes:
    """Pack traces without their key: about 44 bytes each. The same traces give the same bytes."""
    strings: dict[str, int] = {}
    controls = [strings.setdefault(control, len(strings)) for control in sorted(traces.controls)]
    columns = [
        [strings.setdefault(text, len(strings)) for text in column]
        for column in (
            [trace.subject for trace in traces.traces],
            [trace.dataset for trace in traces.traces],
            [trace.part for trace in traces.traces],
            [trace.form for trace in traces.traces],
        )
    ]
    digests = b"".join([trace.digest for trace in traces.traces])
    hashes = _packed("Q", [trace.anchor for trace in traces.traces]) + _packed("H", [trace.end for trace in traces.traces])
    masked = _masked(hashes, digests, traces.key)
    sizes = bytes([trace.width | trace.fold << _FOLD_BITS for trace in traces.traces]) + bytes([trace.length for trace in traces.traces])
    table = b"".join(map(_text, strings))
    counts = struct.pack(">III", len(strings), len(traces.controls), len(traces.traces))
    rest = b"".join([counts, table, *(_packed("I", each) for each in (controls, *columns)), masked, sizes, digests])
    return _HEADER + _tag(traces.key, rest) + rest


def load(data: bytes, key: bytes) -> Traces:
    """Unpack what :func:`dump` packed.

    Raises:
        StateCorrupt: the bytes were changed or cut short, are of another form, or the key is another.
    """
    start = len(_HEADER) + _TAG
    rest = data[start:]
    if not data.startswith(tuple(_READERS)) or not compare_digest(data[len(_HEADER) : start], _tag(key, rest)):
        message = "stored traces do not authenticate"
        raise StateCorrupt(
            message, help="restore the state folder from a copy; what these traces would have shown cannot be told otherwise"
        )
    try:
        return _unpack(rest, key, *_READERS[data[: len(_HEADER)]])
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        message = "stored traces cannot be read"
        raise StateCorrupt(message) from error


_Reader = Callable[[bytes, list[str], int, bytes], Iterator[Trace]]


def _unpack(rest: bytes, key: bytes, read: _Reader, of_each: int) -> Traces:
    texts, controls, count = struct.unpack_from(">III", rest)
    at = 12
    strings: list[str] = []
    for _ in range(texts):
        (size,) = struct.unpack_from(">H", rest, at)
        strings.append(rest[at + 2 : at + 2 + size].decode("utf-8", "surrogatepass"))
        at += 2 + size
    staying = frozenset(Pseudonym(strings[place]) for place in struct.unpack_from(f">{controls}I", rest, at))
    at += 4 * controls
    if at + count * of_each != len(rest):
        message = "stored traces have another length than they say"
        raise StateCorrupt(message)
    return Traces(key, tuple(read(rest[at:], strings, count, key)), staying)


def _columns(body: bytes, strings: list[str], count: int, key: bytes, *, ends: bool = True) -> Iterator[Trace]:
    places = [[strings[place] for place in struct.unpack_from(f">{count}I", body, 4 * count * n)] for n in range(_NAMES)]
    at = 4 * count * _NAMES
    hashed = (8 + _END if ends else 8) * count
    digests = body[at + hashed + 2 * count :]
    hashes = _masked(body[at : at + hashed], digests, key)
    at += hashed
    pieces = [digests[start : start + _DIGEST] for start in range(0, len(digests), _DIGEST)]
    widths = body[at : at + count]
    sizes = (widths.translate(_WIDTHS), body[at + count : at + 2 * count])
    columns = (struct.unpack_from(f">{count}Q", hashes), *sizes, pieces, widths.translate(_FOLDS))
    last = struct.unpack_from(f">{count}H", hashes, 8 * count) if ends else (0,) * count
    return map(Trace, map(Pseudonym, places[0]), *places[1:], *columns, last)


def _columns_3(body: bytes, strings: list[str], count: int, key: bytes) -> Iterator[Trace]:
    return _columns(body, strings, count, key, ends=False)


def _rows(body: bytes, strings: list[str], _: int, key: bytes) -> Iterator[Trace]:
    for subject, dataset, part, form, anchor, width, length, digest in _TRACE_1.iter_unpack(body):
        names = (Pseudonym(strings[subject]), strings[dataset], strings[part], strings[form])
        yield Trace(*names, anchor ^ _mask_1(key, digest), width, length, digest)


_READERS: dict[bytes, tuple[_Reader, int]] = {
    _HEADER: (_columns, _TRACE_1.size + _END),
    _HEADER_3: (_columns_3, _TRACE_1.size),
    _HEADER_2: (_columns_3, _TRACE_1.size),
    _HEADER_1: (_rows, _TRACE_1.size),
}
"""Header -> what reads the traces of that form, and bytes of each."""


def _packed(code: str, column: Sequence[int]) -> bytes:
    return struct.pack(f">{len(column)}{code}", *column)


def _masked(anchors: bytes, digests: bytes, key: bytes) -> bytes:
    """The anchors under, or from under, what the key makes of the digests."""
    seed = blake2b(digests, key=key, person=b"expunge/tr-msk/2", digest_size=32).digest()
    blocks = -(-len(anchors) // 64)
    stream = b"".join([blake2b(number.to_bytes(8, "big"), key=seed).digest() for number in range(blocks)])[: len(anchors)]
    return (int.from_bytes(anchors, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(anchors), "big")


def _text(text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    return struct.pack(">H", len(data)) + data


def _tag(key: bytes, data: bytes) -> bytes:
    return blake2b(data, key=key, person=b"expunge/tr-tag/1", digest_size=_TAG).digest()


def _mask_1(key: bytes, digest: bytes) -> int:
    return int.from_bytes(blake2b(digest, key=key, person=b"expunge/tr-msk/1", digest_size=8).digest(), "big")
