"""The process that decodes recordings: it imports what decodes, closes itself, and then reads requests from its standard input.

It can open no file, make no connection and start no program. Its memory and the time of its processor are bounded.
"""

from __future__ import annotations

import io
import resource
import struct
import sys
from itertools import pairwise

import numpy as np
import soundfile
from PIL import Image

from expunge.adapters.host import capabilities, landlock, seccomp
from expunge.adapters.sketching.sketcher import ANSWER, REQUEST
from expunge.core.families.media_types import MediaType
from expunge.ports.families.sketching import BARS, SIDE, Sketch

MEMORY = 1 << 30
"""Bytes of address space beyond what the libraries take."""
_FRAMES = 64 * 48_000 * 4
"""Samples that are decoded at most: about four minutes of a recording of one channel at 48,000 a second."""
_PIXELS = 50_000_000
_FORMATS = {MediaType.JPEG: "JPEG", MediaType.PNG: "PNG", MediaType.GIF: "GIF", MediaType.WEBP: "WEBP"}
# What else a library raises for damaged content ends the process; the recording is then told to be unplayable too.
_DAMAGED = (
    OSError,
    ValueError,
    RuntimeError,
    ArithmeticError,
    LookupError,
    TypeError,
    SyntaxError,
    EOFError,
    MemoryError,
    struct.error,
    Image.DecompressionBombError,
)


def main() -> None:
    """Answer until standard input ends."""
    Image.init()
    Image.MAX_IMAGE_PIXELS = _PIXELS
    _warm()
    _close()
    while request := _all(REQUEST.size):
        media, size, length = REQUEST.unpack(request)
        head = _all(length)
        try:
            found = sketch_of(MediaType(media.rstrip(b"\0").decode()), head, size)
        except _DAMAGED:
            found = None
        answer = found or Sketch()
        seconds = -1.0 if answer.seconds is None else answer.seconds
        out = ANSWER.pack(found is not None, answer.cut, seconds, len(answer.bars), len(answer.picture))
        sys.stdout.buffer.write(out + bytes(answer.bars) + answer.picture)
        sys.stdout.buffer.flush()


def sketch_of(media: MediaType, head: bytes, size: int) -> Sketch:
    """Return the sketch of content. Raises whatever a library raises for content that is damaged."""
    if media.is_picture:
        return Sketch(picture=_small(media, head))
    with soundfile.SoundFile(io.BytesIO(head)) as sound:
        rate, channels = sound.samplerate, max(1, sound.channels)
        wanted = max(1, _FRAMES // channels)
        samples = sound.read(wanted, dtype="float32", always_2d=True)
        more = sound.read(1, dtype="float32", always_2d=True)
    if not len(samples) or rate <= 0:
        raise ValueError
    loud = np.abs(samples).max(axis=1)
    edges = np.linspace(0, len(loud), BARS + 1).astype(int)
    peaks = np.array([loud[first:last].max() if last > first else 0.0 for first, last in pairwise(edges)])
    peaks = np.nan_to_num(peaks, nan=0.0, posinf=1.0)
    top = max(float(peaks.max()), 1e-6)
    bars = tuple(round(float(each) / top * 100) for each in peaks)
    return Sketch(bars, len(samples) / rate, cut=size > len(head) or len(more) > 0)


def _small(media: MediaType, data: bytes) -> bytes:
    with Image.open(io.BytesIO(data), formats=[_FORMATS[media]]) as image:
        image.draft("RGB", (SIDE, SIDE))
        image.thumbnail((SIDE, SIDE))
        turned = image.convert("RGB")
        out = io.BytesIO()
        turned.save(out, "JPEG", quality=70)
    return out.getvalue()


def _warm() -> None:
    """Decode once of each kind, so that what libraries load at their first use is there before the process is closed."""
    wave = io.BytesIO()
    soundfile.write(wave, np.zeros(16, np.float32), 8000, format="WAV")
    sketch_of(MediaType.WAV, wave.getvalue(), 16)
    for media, name in _FORMATS.items():
        picture = io.BytesIO()
        Image.new("RGB", (4, 4)).save(picture, name)
        _small(media, picture.getvalue())


def _close() -> None:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - a file of the kernel
        held = int(file.read().split()[0]) * resource.getpagesize()
    capabilities.drop_all()
    if landlock.version():
        landlock.close(())
    for kind, most in (
        (resource.RLIMIT_AS, held + MEMORY),
        (resource.RLIMIT_NOFILE, 3),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        resource.setrlimit(kind, (most, most))
    seccomp.close()


def _all(size: int) -> bytes:
    parts, left = [], size
    while left:
        part = sys.stdin.buffer.read(left)
        if not part:
            return b""
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


if __name__ == "__main__":
    main()
