"""Recordings that are hostile: cut short, mislabelled, huge, empty, with a thousand tracks, bombs, of no length."""

from __future__ import annotations

import functools
import io
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from av.video.frame import VideoFrame
from PIL import Image

from tests.adapters.rendering.recorded import Held, film, written


def boxes(data: bytes, first: int, last: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, begin and end of the boxes of a file (ISO/IEC 14496-12, 4.2)."""
    while first + 8 <= last:
        size = int.from_bytes(data[first : first + 4], "big")
        yield data[first + 4 : first + 8], first, first + size
        first += size


def inside(data: bytes, *names: bytes) -> tuple[int, int]:
    """Return begin and end of a box within boxes."""
    first, last = 0, len(data)
    for name in names:
        first, last = next((begin, end) for kind, begin, end in boxes(data, first, last) if kind == name)
        first += 8
    return first - 8, last


def with_tracks(count: int) -> bytes:
    """Return a film whose only track stands so many times in its table of contents, which lies at its end."""
    content = film(1.0, 64, 48)
    moov, moov_end = inside(content, b"moov")
    trak, trak_end = inside(content, b"moov", b"trak")
    assert moov_end == len(content)
    table = content[moov + 8 : trak] + content[trak:trak_end] * count + content[trak_end:moov_end]
    return content[:moov] + (len(table) + 8).to_bytes(4, "big") + b"moov" + table


def of_no_length() -> bytes:
    """Return a film of one frame that lasts no time."""
    out = bytearray(written("mp4", iter([VideoFrame(64, 48, "yuv420p")]), "mpeg4", (64, 48)))
    for path, at, size in (
        ((b"moov", b"mvhd"), 24, 4),
        ((b"moov", b"trak", b"tkhd"), 28, 4),
        ((b"moov", b"trak", b"mdia", b"mdhd"), 24, 4),
        ((b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stts"), 20, 4),
        ((b"moov", b"trak", b"edts", b"elst"), 16, 4),
    ):
        first, _ = inside(bytes(out), *path)
        out[first + at : first + at + size] = bytes(size)
    return bytes(out)


def film_bomb() -> bytes:
    """Return a film of a few kilobytes whose frames have more pixels than are decoded."""
    return written("mp4", iter([VideoFrame(4400, 2400, "yuv420p")]), "mpeg4", (4400, 2400))


def picture_bomb() -> bytes:
    """Return a picture of some kilobytes that has 64 million pixels."""
    out = io.BytesIO()
    Image.new("1", (8_000, 8_000)).save(out, "PNG")
    return out.getvalue()


@dataclass
class Endless:
    """A film's head, and then zeros for ever."""

    head: bytes
    size: int = 1 << 44

    def read(self, first: int, last: int) -> bytes:
        return self.head[first:last] + bytes(max(0, last - max(first, len(self.head))))


@functools.cache
def mutated(seed: int) -> bytes:
    """Return a film with bytes changed, cut out or doubled, mostly in its table of contents."""
    chance = random.Random(seed)
    form, codec, sound = chance.choice([("mp4", "libx264", "aac"), ("mp4", "libx264", ""), ("webm", "libvpx", "libopus")])
    out = bytearray(film(1.0, 64, 48, form, codec, sound))
    for _ in range(chance.randint(1, 12)):
        at = chance.randrange(len(out)) if chance.random() < 0.5 else len(out) - 1 - int(chance.random() ** 2 * 900)
        act = chance.random()
        if act < 0.7:
            out[at] = chance.choice([0, 255, 127, out[at] ^ (1 << chance.randrange(8))])
        elif act < 0.85:
            del out[at : at + chance.randint(1, 40)]
        else:
            out[at:at] = out[at : at + chance.randint(1, 200)]
    return bytes(out)


MP4_HEAD = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2"
CASES: dict[str, tuple[Callable[[], Held | Endless], str]] = {
    "empty": (lambda: Held(b""), "empty"),
    "one byte": (lambda: Held(b"\0"), "no sound, film or picture"),
    "text": (lambda: Held(b"Dear diary, " * 900), "no sound, film or picture"),
    "a playlist": (lambda: Held(b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:9,\nfile:///etc/passwd\n"), "no sound, film or picture"),
    "a list of files to join": (lambda: Held(b"ffconcat version 1.0\nfile /etc/passwd\n"), "no sound, film or picture"),
    "a drawing with a script": (lambda: Held(b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>"), "no sound, film or picture"),
    "a head and nothing": (lambda: Held(MP4_HEAD), "damaged"),
    "a head and noise": (lambda: Held(MP4_HEAD + random.Random(1).randbytes(90_000)), "damaged"),
    "a head and zeros for ever": (lambda: Endless(MP4_HEAD), "damaged"),
    "cut before its table of contents": (lambda: Held(film(2.0, 160, 120)[:-3000]), "damaged"),
    "WebM that is noise": (lambda: Held(b"\x1aE\xdf\xa3webm" + random.Random(2).randbytes(90_000)), "damaged"),
    "WebM cut after its head": (lambda: Held(film(1.0, 160, 120, "webm", "libvpx")[:300]), "damaged|no length"),
    "MP4 that says it is WAV": (lambda: Held(b"RIFF\0\0\0\0WAVE" + film(1.0, 64, 48)), "damaged|no length"),
    "PNG that says it is MP4": (lambda: Held(MP4_HEAD + picture_bomb()), "damaged"),
    "a thousand tracks": (lambda: Held(with_tracks(1000)), "more than 16 tracks"),
    "seventeen tracks": (lambda: Held(with_tracks(17)), "more than 16 tracks"),
    "frames of too many pixels": (lambda: Held(film_bomb()), "million pixels"),
    "no length": (lambda: Held(of_no_length()), "no length"),
    "another codec": (lambda: Held(film(1.0, 64, 48, "mp4", "mpeg2video")), "coded in a way"),
}
