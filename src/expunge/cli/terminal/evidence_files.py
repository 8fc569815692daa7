"""Read the files of an evidence pack, from its zip or from the folder that it was unpacked into, one at a time."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from expunge.errors import EvidenceInvalid

MOST_BYTES = 1 << 28
"""No file of a pack is as large: the manifest of a million receipts is smaller."""


class ZippedFiles(Mapping[str, bytes]):
    """The files of a zip by their path in it. Raises EvidenceInvalid for what is no zip, or holds one name twice."""

    def __init__(self, path: Path) -> None:
        """Open the zip and read the list of its files."""
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
        try:
            return self._archive.read(info)
        except (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
            message = f"{name} was changed: it cannot be unpacked"
            raise EvidenceInvalid(message, help="use the file as it was handed over") from error

    def __iter__(self) -> Iterator[str]:
        return iter(self._infos)

    def __len__(self) -> int:
        return len(self._infos)


class FolderFiles(Mapping[str, bytes]):
    """The files of a folder by their path below it. Raises EvidenceInvalid for what is no plain file."""

    def __init__(self, folder: Path) -> None:
        """Read the list of its files."""
        found = [path for path in sorted(folder.rglob("*")) if path.is_symlink() or not path.is_dir()]
        odd = [path for path in found if path.is_symlink() or not path.is_file()]
        if odd:
            raise EvidenceInvalid("the folder holds something that is no plain file", help="unpack the zip into an empty folder")
        self._paths = {path.relative_to(folder).as_posix(): path for path in found}

    def __getitem__(self, name: str) -> bytes:
        return self._paths[name].read_bytes()

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def read_pack(path: Path) -> Mapping[str, bytes]:
    """Return the files of a pack. Raises EvidenceInvalid."""
    return FolderFiles(path) if path.is_dir() else ZippedFiles(path)
