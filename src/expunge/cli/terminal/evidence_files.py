"""Read the files of an evidence pack, from its zip or from the folder that it was unpacked into, one at a time."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from expunge.core.verification import evidence_pack
from expunge.errors import EvidenceInvalid

MOST_BYTES = 1 << 28
"""No file of a pack is as large: the manifest of a million receipts is smaller."""

MOST_STRANGE = 100
"""Files beside a pack's own that are listed to be named."""


class ZippedFiles(Mapping[str, bytes]):
    """The files of a zip by their path in it. Raises EvidenceInvalid for what is no zip, or holds one name twice."""

    def __init__(self, path: Path) -> None:
        """Open the zip and read the list of its files."""
        # Why NotImplementedError: the library raises it for what it cannot unpack, such as a later version of the format.
        try:
            self._archive = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise EvidenceInvalid("the evidence pack is no zip that can be read", help="use the file as it was handed over") from error
        self._infos = {info.filename: info for info in self._archive.infolist()}
        if len(self._infos) != len(self._archive.infolist()):
            raise EvidenceInvalid("the evidence pack holds a file twice", help="a reader could be shown another one than was checked")

    def __getitem__(self, name: str) -> bytes:
        info = self._infos[name]
        if info.file_size > MOST_BYTES:
            message = f"{name} is far too large to be of an evidence pack"
            raise EvidenceInvalid(message, help="use the file as it was handed over")
        # Why so many: what is wrong with a changed file depends on the byte; a kind of packing that is not known is NotImplementedError.
        try:
            return self._archive.read(info)
        except (OSError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, RuntimeError, EOFError) as error:
            message = f"{name} was changed: it cannot be unpacked"
            raise EvidenceInvalid(message, help="use the file as it was handed over") from error

    def __iter__(self) -> Iterator[str]:
        return iter(self._infos)

    def __len__(self) -> int:
        return len(self._infos)


class FolderFiles(Mapping[str, bytes]):
    """The files of a folder by their path below it. Raises EvidenceInvalid for a folder that is no pack, and for what is no plain file."""

    def __init__(self, folder: Path) -> None:
        """Read the manifest, then the list of files, until too many are not named by the manifest."""
        self._folder = folder
        named = evidence_pack.parse(self[evidence_pack.MANIFEST]).files.keys() | evidence_pack.UNLISTED
        self._paths: dict[str, None] = {}
        strange = 0
        for path in _below(folder):
            name = path.relative_to(folder).as_posix()
            if path.is_symlink() or not path.is_file():
                raise EvidenceInvalid("the folder holds something that is no plain file", help="unpack the zip into an empty folder")
            self._paths[name] = None
            strange += name not in named
            if strange > MOST_STRANGE:
                message = f"the folder holds more than {MOST_STRANGE} files that are not of the evidence pack, {name} among them"
                raise EvidenceInvalid(message, help="unpack the zip into an empty folder")

    def __getitem__(self, name: str) -> bytes:
        path = self._folder / name
        try:
            if path.is_symlink() or not path.is_file():
                message = f"the evidence pack has no {name}"
                raise EvidenceInvalid(message, help="name the zip, or the folder that it was unpacked into")
            if path.stat().st_size > MOST_BYTES:
                message = f"{name} is far too large to be of an evidence pack"
                raise EvidenceInvalid(message, help="use the file as it was handed over")
            return path.read_bytes()
        except OSError as error:
            message = f"{name} cannot be read: {error.strerror}"
            raise EvidenceInvalid(message, help="unpack the zip into an empty folder") from error

    def __contains__(self, name: object) -> bool:
        return name in self._paths

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def _below(folder: Path) -> Iterator[Path]:
    """Each file and link below a folder, one at a time."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            yield from _below(path)
        else:
            yield path


def read_pack(path: Path) -> Mapping[str, bytes]:
    """Return the files of a pack. Raises EvidenceInvalid."""
    return FolderFiles(path) if path.is_dir() else ZippedFiles(path)
