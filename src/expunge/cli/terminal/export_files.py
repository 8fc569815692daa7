"""Check the files of an export: a folder of zips, one zip, or the folder that they were unpacked into. Large files are read in pieces."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Protocol

from expunge.core.export import export_manifest
from expunge.core.export.export_manifest import MANIFEST, POLICY, SIGNATURE, SIGNER, SUMS, part_folder
from expunge.errors import EvidenceInvalid

_CHUNK = 1 << 20
_MOST_SMALL = 1 << 28
"""Bytes of a manifest that is read at once."""
_MOST_NAMED = 20
_OURS = (MANIFEST, SIGNATURE, SIGNER, POLICY, SUMS)
_BROKEN = (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError)


@dataclass(frozen=True)
class CheckedExport:
    """An export, or some parts of one, that holds."""

    parts: int
    files: int


class _Files(Protocol):
    def names(self) -> frozenset[str]: ...

    def open(self, name: str) -> IO[bytes]: ...


class _Zipped:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        names = [info.filename for info in archive.infolist()]
        if len(names) != len(set(names)):
            raise EvidenceInvalid("a part holds a file twice", help="a reader could be shown another one than was checked")
        self._names = frozenset(names)

    def names(self) -> frozenset[str]:
        return self._names

    def open(self, name: str) -> IO[bytes]:
        return self._archive.open(name)


class _Unpacked:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> frozenset[str]:
        return frozenset(path.relative_to(self._folder).as_posix() for path in self._folder.rglob("*") if not path.is_dir())

    def open(self, name: str) -> IO[bytes]:
        path = self._folder / name
        if path.is_symlink() or not path.is_file():
            message = f"{name} is no plain file"
            raise EvidenceInvalid(message, help="unpack the export into an empty folder")
        return path.open("rb")


def check(path: Path, trust: bytes | None) -> CheckedExport:
    """Check what lies at a path. Raises EvidenceInvalid; the message names the files concerned, up to 20."""
    if path.is_file():
        with _zip(path) as files:
            return _named([_part(files, _only_part(files), trust, whole=True)])
    here = _Unpacked(path)
    if (path / MANIFEST).is_file():
        manifest = _signed(here, "", trust)
        return _named([_zipped_part(path, name, digest, trust) for name, digest in export_manifest.read_parts(manifest).items()])
    numbers = _parts_in(here.names())
    if not numbers:
        raise EvidenceInvalid("there is no export here", help="name the folder that has manifest.json, or the one that has part-1")
    return _named([_part(here, number, trust, whole=False) for number in numbers])


def _named(parts: list[tuple[int, list[str]]]) -> CheckedExport:
    faults = [fault for _, found in parts for fault in found]
    if faults:
        more = f"; and {len(faults) - _MOST_NAMED} more" if len(faults) > _MOST_NAMED else ""
        message = f"the export does not hold: {'; '.join(faults[:_MOST_NAMED])}{more}"
        raise EvidenceInvalid(message, help="download it again, or ask the company for another one")
    return CheckedExport(len(parts), sum(files for files, _ in parts))


def _zipped_part(folder: Path, name: str, digest: str, trust: bytes | None) -> tuple[int, list[str]]:
    path = folder / name
    if "/" in name or not path.is_file() or path.is_symlink():
        return 0, [f"{name} is missing"]
    with path.open("rb") as file:
        if _digest(file) != digest:
            return 0, [f"{name} was changed"]
    with _zip(path) as files:
        return _part(files, _only_part(files), trust, whole=True)


@contextmanager
def _zip(path: Path) -> Iterator[_Files]:
    try:
        archive = zipfile.ZipFile(path)
    except _BROKEN as error:
        message = f"{path.name} is no zip that can be read"
        raise EvidenceInvalid(message, help="download it again") from error
    with archive:
        yield _Zipped(archive)


def _part(files: _Files, number: int, trust: bytes | None, *, whole: bool) -> tuple[int, list[str]]:
    """Return how many files a part has, and what is wrong with it."""
    folder = part_folder(number)
    hashes = export_manifest.read_files(_signed(files, f"{folder}/", trust))
    there, faults = files.names(), []
    for name, digest in hashes.items():
        if not whole and "/" not in name:
            # Why: each part has first pages of the same names, and the last one's replace the others'.
            continue
        if name not in there:
            faults.append(f"{name} is missing")
            continue
        try:
            with files.open(name) as file:
                if _digest(file) != digest:
                    faults.append(f"{name} was changed")
        except _BROKEN:
            faults.append(f"{name} cannot be read")
    ours = {f"{folder}/{name}" for name in _OURS}
    strange = {name for name in there if whole or name.startswith(f"{folder}/")} - hashes.keys() - ours
    return len(hashes), [*faults, *(f"{name} is not of the export" for name in sorted(strange))]


def _signed(files: _Files, prefix: str, trust: bytes | None) -> bytes:
    found: Mapping[str, bytes] = {name: _small(files, f"{prefix}{name}") for name in (MANIFEST, SIGNATURE, SIGNER, POLICY)}
    export_manifest.verify_signed(found[MANIFEST], found[SIGNATURE], found[SIGNER], found[POLICY] if trust is None else trust)
    return found[MANIFEST]


def _small(files: _Files, name: str) -> bytes:
    try:
        with files.open(name) as file:
            data = file.read(_MOST_SMALL)
    except (KeyError, *_BROKEN) as error:
        message = f"{name} is missing, or cannot be read"
        raise EvidenceInvalid(message, help="use the export as it was handed over") from error
    return data


def _only_part(files: _Files) -> int:
    numbers = _parts_in(files.names())
    if len(numbers) != 1:
        raise EvidenceInvalid("this zip is not a part of an export", help="use the export as it was handed over")
    return numbers[0]


def _parts_in(names: frozenset[str]) -> list[int]:
    found = (name.removesuffix(f"/{MANIFEST}").removeprefix("part-") for name in names if name.endswith(f"/{MANIFEST}"))
    return sorted(int(number) for number in found if number.isascii() and number.isdigit() and len(number) < 8)


def _digest(file: IO[bytes]) -> str:
    digest = sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()
