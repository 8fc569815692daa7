"""A plain byte search that shares no code with any eraser or with the residue scanner: slow, simple, hard to fool."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

import zstandard


def forms(mark: str | bytes) -> Iterator[tuple[str, bytes]]:
    """Yield every way of writing ``mark`` that is searched for: (name, bytes)."""
    if isinstance(mark, bytes):
        yield from (("bytes", mark), ("hex", mark.hex().encode()), ("base64", base64.b64encode(mark).rstrip(b"=")[:-1]))
        return
    plain = mark.encode("utf-8", "surrogateescape")
    yield "utf-8", plain
    yield "utf-16-le", mark.encode("utf-16-le", "surrogatepass")
    yield "utf-16-be", mark.encode("utf-16-be", "surrogatepass")
    yield "hex", plain.hex().encode()
    yield "HEX", plain.hex().upper().encode()
    yield "json", json.dumps(mark).strip('"').encode()
    for shift in range(3):
        # The characters at both ends depend on the neighbours, so only those in the middle are searched for.
        encoded = base64.b64encode(bytes(shift) + plain)
        yield f"base64+{shift}", encoded[(0, 2, 3)[shift] : len(encoded) - 4]


def search(paths: Iterable[Path], marks: Iterable[str | bytes]) -> list[str]:
    """List where any form of any mark lies, in names and in bytes, plain or inside gzip and zstd; empty means nowhere."""
    wanted = tuple((name, form) for mark in marks for name, form in forms(mark) if len(form) >= 4)
    clean = _known_clean(wanted)
    found = []
    for path in files_under(paths):
        name = os.fsencode(path)
        found += [f"{form} in the name of {path}" for form, needle in wanted if needle in name]
        if path.is_file() and not path.is_symlink():
            content = _read(path)
            digest = hashlib.sha256(content).digest()
            if digest in clean:
                continue
            hits = [f"{form} in {path} ({layer})" for layer, data in _layers(content) for form, needle in wanted if needle in data]
            if not hits:
                clean.add(digest)
            found += hits
        if path.is_symlink():
            target = os.fsencode(path.readlink())
            found += [f"{form} in the target of {path}" for form, needle in wanted if needle in target]
    return found


@lru_cache(maxsize=1)
def _known_clean(wanted: tuple[tuple[str, bytes], ...]) -> set[bytes]:  # noqa: ARG001 - the key
    """SHA-256 of contents that hold none of what was searched for last: a drill searches the same server's files for the same people."""
    return set()


def files_under(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield every file and folder at or under the paths, links not followed, hidden ones too."""
    for top in paths:
        if top.is_dir() and not top.is_symlink():
            for folder, _, names in os.walk(top):
                yield Path(folder)
                yield from (Path(folder, name) for name in names)
        elif top.exists() or top.is_symlink():
            yield top


def contents(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Yield every file under ``folder`` with its bytes. A file that a server removes meanwhile is left out."""
    for path in files_under([folder]):
        with contextlib.suppress(FileNotFoundError):
            if path.is_file():
                yield path, path.read_bytes()


def snapshot(folder: Path) -> dict[Path, tuple[int, int, str]]:
    """Mode, time of change in ns and SHA-256 of everything under ``folder``; folders without their times."""
    seen = {}
    for path in files_under([folder]):
        # What a server removes while we look is not there.
        with contextlib.suppress(FileNotFoundError):
            status = path.lstat()
            if path.is_file() and not path.is_symlink():
                seen[path] = (status.st_mode, status.st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
            else:
                seen[path] = (status.st_mode, 0, "")
    return seen


def _read(path: Path) -> bytes:
    """The bytes of a file less most of the zeros at its end (logs are made long beforehand); none where a server has just removed it."""
    try:
        return path.read_bytes().rstrip(b"\0") + bytes(16)
    except FileNotFoundError:
        return b""


def _layers(data: bytes) -> Iterator[tuple[str, bytes]]:
    yield "plain", data
    at = data.find(b"\x1f\x8b\x08")
    while at >= 0:
        with contextlib.suppress(zlib.error):
            yield f"gzip@{at}", zlib.decompressobj(31).decompress(data[at:])
        at = data.find(b"\x1f\x8b\x08", at + 1)
    at = data.find(b"\x28\xb5\x2f\xfd")
    while at >= 0:
        with contextlib.suppress(zstandard.ZstdError):
            yield f"zstd@{at}", zstandard.ZstdDecompressor().decompressobj().decompress(data[at:])
        at = data.find(b"\x28\xb5\x2f\xfd", at + 1)
