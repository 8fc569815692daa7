"""Traces: keyed fingerprints of windows of a subject's content, taken before erasing to look for residue after.

A fingerprint says nothing without the key, which dies at the traces' end date. The scanner (``expunge.residue``) makes and finds them; the
core counts them, and packs them for keeping.

Packed form 1: a header line; a keyed 16-byte BLAKE2b tag over all that follows; three counts; the strings used, each as length and UTF-8;
the controls as indexes of strings; the traces. Integers are big-endian. Anchors come from a hash that is fast rather than a pseudo-random
function, so each is stored under a mask that only the key can make.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from hashlib import blake2b
from hmac import compare_digest

from expunge.core.ids import Pseudonym
from expunge.errors import StateCorrupt


@dataclass(frozen=True)
class Trace:
    """One fingerprint."""

    subject: Pseudonym
    dataset: str
    part: str
    """Field or column the window was taken from (a name of the map or schema), ``name`` for file names."""
    form: str
    """How the bytes were written: ``utf-8``, ``utf-16``, ``hex``, ``base64+1``, ``json``, ``sql``, ``pcm16``, ``float32`` ..."""
    anchor: int = field(repr=False)
    """Keyed 64-bit hash of the first ``width`` bytes."""
    width: int
    """8 or 16: bytes under the anchor."""
    length: int
    """Bytes under ``digest``; at least ``width``."""
    digest: bytes = field(repr=False)
    """Keyed BLAKE2b (16 bytes) of the ``length`` bytes."""


@dataclass(frozen=True)
class Traces:
    """All fingerprints of one order, with the key that makes them comparable."""

    key: bytes = field(repr=False)
    """32 bytes, from the keystore; never stored beside the traces."""
    traces: tuple[Trace, ...]
    controls: frozenset[Pseudonym] = frozenset()
    """The subjects among the traces who stay: finding them shows that the scan can see (the positive control)."""


_HEADER = b"expunge/traces/1\n"
_TAG = 16
_TRACE = struct.Struct(">IIIIQBB16s")


def dump(traces: Traces) -> bytes:
    """Pack traces without their key: about 42 bytes each. The same traces give the same bytes."""
    strings: dict[str, int] = {}

    def index(text: str) -> int:
        return strings.setdefault(text, len(strings))

    body = bytearray()
    for subject in sorted(traces.controls):
        body += struct.pack(">I", index(subject))
    for each in traces.traces:
        places = (index(each.subject), index(each.dataset), index(each.part), index(each.form))
        anchor = each.anchor ^ _mask(traces.key, each.digest)
        body += _TRACE.pack(*places, anchor, each.width, each.length, each.digest)
    table = b"".join(_text(text) for text in strings)
    rest = struct.pack(">III", len(strings), len(traces.controls), len(traces.traces)) + table + bytes(body)
    return _HEADER + _tag(traces.key, rest) + rest


def load(data: bytes, key: bytes) -> Traces:
    """Unpack what :func:`dump` packed.

    Raises:
        StateCorrupt: the bytes were changed or cut short, are of another form, or the key is another.
    """
    start = len(_HEADER) + _TAG
    rest = data[start:]
    if not data.startswith(_HEADER) or not compare_digest(data[len(_HEADER) : start], _tag(key, rest)):
        message = "stored traces do not authenticate"
        raise StateCorrupt(
            message, help="restore the state folder from a copy; what these traces would have shown cannot be told otherwise"
        )
    try:
        return _unpack(rest, key)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        message = "stored traces cannot be read"
        raise StateCorrupt(message) from error


def _unpack(rest: bytes, key: bytes) -> Traces:
    texts, controls, count = struct.unpack_from(">III", rest)
    at = 12
    strings: list[str] = []
    for _ in range(texts):
        (size,) = struct.unpack_from(">H", rest, at)
        strings.append(rest[at + 2 : at + 2 + size].decode("utf-8", "surrogatepass"))
        at += 2 + size
    staying = frozenset(Pseudonym(strings[place]) for place in struct.unpack_from(f">{controls}I", rest, at))
    at += 4 * controls
    if at + count * _TRACE.size != len(rest):
        message = "stored traces have another length than they say"
        raise StateCorrupt(message)
    found: list[Trace] = []
    for subject, dataset, part, form, anchor, width, length, digest in _TRACE.iter_unpack(rest[at:]):
        names = (Pseudonym(strings[subject]), strings[dataset], strings[part], strings[form])
        found.append(Trace(*names, anchor ^ _mask(key, digest), width, length, digest))
    return Traces(key, tuple(found), staying)


def _text(text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    return struct.pack(">H", len(data)) + data


def _tag(key: bytes, data: bytes) -> bytes:
    return blake2b(data, key=key, person=b"expunge/tr-tag/1", digest_size=_TAG).digest()


def _mask(key: bytes, digest: bytes) -> int:
    return int.from_bytes(blake2b(digest, key=key, person=b"expunge/tr-msk/1", digest_size=8).digest(), "big")
