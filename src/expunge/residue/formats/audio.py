"""Decode audio to one canonical form: interleaved 16-bit little-endian samples, from any supported container and width."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import soundfile

from expunge.residue.formats.decoders import Broken
from expunge.residue.formats.slices import Slice, SliceReader

_FRAMES = 1 << 14
_FLOATING = frozenset({"FLOAT", "DOUBLE"})


def is_plain_wave(head: bytes) -> bool:
    """Return whether a RIFF file's samples lie in it in the canonical form already (16-bit PCM), judged by its first bytes."""
    chunk = wave_chunk(head, b"fmt ")
    if chunk is None:
        return False
    at, _ = chunk
    tag, bits = int.from_bytes(head[at : at + 2], "little"), int.from_bytes(head[at + 14 : at + 16], "little")
    return tag in {0x0001, 0xFFFE} and bits == 16


def wave_chunk(head: bytes, name: bytes) -> tuple[int, int] | None:
    """Return (offset of the content, size) of the named RIFF chunk, or None when it does not begin within ``head``."""
    at = 12
    while at + 8 <= len(head):
        size = int.from_bytes(head[at + 4 : at + 8], "little")
        if head[at : at + 4] == name:
            return at + 8, size
        at += 8 + size + (size & 1)
    return None


def samples(source: Slice) -> Iterator[bytes]:
    """Decode FLAC or WAV that begins at the start of ``source``; yields canonical bytes in blocks.

    Raises:
        Broken: where it does not decode any further; what was decoded before has been yielded.
    """
    try:
        with soundfile.SoundFile(SliceReader(source)) as sound:
            floating = sound.subtype in _FLOATING
            while True:
                block = sound.read(_FRAMES, dtype="float64" if floating else "int16")
                if len(block) == 0:
                    return
                if floating:
                    block = np.clip(np.rint(block * 32768.0), -32768, 32767)
                yield block.astype("<i2").tobytes()
    except (soundfile.SoundFileError, RuntimeError, ValueError, TypeError, OSError, MemoryError) as error:
        raise Broken from error
