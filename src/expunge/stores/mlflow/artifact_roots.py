"""Resolve the artifact locations that rows of an MLflow estate name to folders under the roots that the map declares.

A location is text that any user with the right to register a model can write (``file:///``). So nothing is ever read, listed or removed
outside the declared roots. Symbolic links are followed before that is decided.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from expunge import durable, permit

LOGGED_MODEL = re.compile(r"m-[0-9a-f]{32}")
"""How MLflow names logged models, and their folders."""
PROXIED = "mlflow-artifacts"
"""The scheme of locations that a tracking server serves: they lie under the folder that the server was started with."""


class OutsideRoots(Exception):
    """A location that lies in no declared root, or in no folder at all (an object store)."""


def plain(location: str) -> str:
    """One spelling for each local folder (``file:///a``, ``file:/a/`` and ``/a`` are one); other locations as they are."""
    parts = urlsplit(location)
    if parts.scheme == "file" and parts.netloc in {"", "localhost"}:
        return os.path.normpath(unquote(parts.path))
    if parts.scheme == PROXIED:
        return f"{PROXIED}:{os.path.normpath(unquote(parts.path))}"
    return os.path.normpath(location) if location.startswith("/") else location.rstrip("/")


@dataclass(frozen=True)
class ArtifactRoots:
    """The folders that hold the artifacts. The server serves ``mlflow-artifacts:`` locations from the first of them."""

    folders: Sequence[Path]

    @classmethod
    def of(cls, option: str | Mapping[str, str]) -> ArtifactRoots:
        """From the option ``artifacts``: one folder, or several by name."""
        texts = [option] if isinstance(option, str) else list(option.values())
        return cls([Path(text.removeprefix("file://")) for text in texts])

    def path(self, location: str) -> Path:
        """The folder of a location, strictly inside a root. Raises OutsideRoots."""
        text = plain(location)
        if text.startswith(f"{PROXIED}:"):
            text = f"{self.folders[0]}/{text.removeprefix(f'{PROXIED}:')}"
        if not text.startswith("/") or "\0" in text:
            raise OutsideRoots
        found = real(text)
        for folder in self.folders:
            root = real(folder)
            if found != root and found.is_relative_to(root):
                return found
        raise OutsideRoots


def real(path: str | Path) -> Path:
    """The path with every symbolic link followed."""
    return Path(os.path.realpath(path))


def files(folder: Path) -> Iterator[Path]:
    """Every file and link under a folder, links not followed, in the order of names; nothing where there is none. Raises OSError."""
    if folder.is_file() or folder.is_symlink():
        yield folder
        return

    def trouble(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    for current, folders, names in os.walk(folder, onerror=trouble):
        folders.sort()
        links = [each for each in folders if Path(current, each).is_symlink()]
        yield from (Path(current, name) for name in sorted([*names, *links]))


def size(folder: Path) -> int:
    """Bytes of the files under a folder. Raises OSError."""
    total = 0
    for file in files(folder):
        try:
            total += file.lstat().st_size
        except FileNotFoundError:
            continue
    return total


def remove(folder: Path) -> int:
    """Remove a folder with all its content, and return the number of files and folders removed.

    A folder that is gone already is fine. Raises OSError.
    """
    gone = 0
    for path in sorted(files(folder), key=lambda each: (each.name != "MLmodel", each)):
        permit.check()
        # crash here: what has gone is gone, the rows that name the folder are still there, and the next attempt finds the rest by them.
        durable.unlink(path, at="mlflow.artifact.unlink")
        gone += 1
    for current, _, _ in os.walk(folder, topdown=False):
        permit.check()
        durable.rmdir(Path(current), at="mlflow.artifact.rmdir")
        gone += 1
    if gone:
        durable.fsync_directory(folder.parent, at="mlflow.artifact.folder")
    return gone


def own(folder: Path, identifier: str) -> Path:
    """The folder that is an entity's own: MLflow keeps ``artifacts`` inside a folder that is named after its run, model or trace.

    A registered version's are those of a logged model, whatever its own name is.
    """
    return folder.parent if folder.parent.name == identifier or LOGGED_MODEL.fullmatch(folder.parent.name) else folder
