"""Distinguish containers that lie too deep to be opened from bytes that look like one by chance."""

from __future__ import annotations

from expunge.residue.formats import audio
from expunge.residue.formats.decoders import MAKERS, Broken, Encrypted, Piece, Unsupported
from expunge.residue.matching.session import TooLarge

TRIED = 1 << 12
"""Bytes that are tried."""
_TELLING = 1 << 8
"""Bytes decoded without an error from which on it is no chance: by chance a compressed stream goes on for a few."""
_GUESSED = frozenset({"gzip", "zlib", "zip", "lzma"})
"""Kinds whose first bytes are met by chance, but rarely go on to decode."""


def is_one(kind: str, head: Piece) -> bool:
    """Return whether ``head`` starts with a container of this kind that hides bytes.

    A plain recording and bytes that lie open do not count.
    """
    if kind == "wave":
        return not audio.is_plain_wave(bytes(head))
    if kind not in MAKERS:
        return True
    decoder, count = MAKERS[kind](), 0
    try:
        for at in range(0, len(head), decoder.piece):
            for out in decoder.feed(head[at : at + decoder.piece]):
                count += len(out)
                if count >= _TELLING:
                    return True
            if decoder.done:
                return count > 0
    except Broken:
        return False
    except (TooLarge, Encrypted, Unsupported):
        return True
    return kind not in _GUESSED
