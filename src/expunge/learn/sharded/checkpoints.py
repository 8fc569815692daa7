"""Training checkpoints of shards: kept by their hash, each naming its predecessor, and destroyed when a subject in them is forgotten.

A folder belongs to one model. Every other file there (left by a crash, or of a model that was fitted before) is destroyed as well, since it
may hold subjects.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path

from expunge import durable, permit
from expunge.errors import CouldNotLook
from expunge.learn.records.refusals import BadInput

_NAME = re.compile(r"shard\d{5}-slice\d{4}-([0-9a-f]{64})\.safetensors")
_CHUNK = 1 << 20


class Checkpoints:
    """Bytes by hash, in memory or in a folder."""

    def __init__(self, folder: str | Path | None) -> None:
        self.folder = folder
        self._folder = None if folder is None else Path(folder)
        self._held: dict[str, bytes] = {}
        if self._folder is not None:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise BadInput("checkpoints names no folder that could be made: " + (error.strerror or "")) from error

    def put(self, shard: int, number: int, data: bytes) -> str:
        """Keep the checkpoint after a slice; its hash. Raises OSError."""
        name = sha256(data).hexdigest()
        if self._folder is None:
            self._held[name] = data
        elif self.get(shard, number, name) is None:
            durable.write_bytes(self._path(shard, number, name), data, at="learn.checkpoint")
        return name

    def get(self, shard: int, number: int, name: str) -> bytes | None:
        """Return the training checkpoint of this hash; None when it is missing or was altered. Raises OSError."""
        if self._folder is None:
            return self._held.get(name)
        try:
            data = self._path(shard, number, name).read_bytes()
        except FileNotFoundError:
            return None
        return data if sha256(data).hexdigest() == name else None

    def held(self, names: Collection[str]) -> dict[str, bytes]:
        """Those of some hashes that are in memory."""
        return {name: self._held[name] for name in names if name in self._held}

    def take(self, held: Mapping[str, bytes]) -> None:
        """Keep the training checkpoints of another process in memory."""
        self._held.update(held)

    def _path(self, shard: int, number: int, name: str) -> Path:
        assert self._folder is not None
        return self._folder / f"shard{shard:05}-slice{number:04}-{name}.safetensors"

    def _files(self) -> Iterator[Path]:
        """Everything in the folder that was ours once, sorted."""
        assert self._folder is not None
        for path in sorted(self._folder.iterdir()):
            if _NAME.fullmatch(path.name) or path.name.startswith(durable.TEMPORARY_PREFIX):
                yield path

    def keep_only(self, names: Collection[str]) -> tuple[str, ...]:
        """Destroy all others: overwrite, force to the device, remove the name, force that. Return the hashes of their contents, sorted.

        Raises:
            TakenOver: before anything is destroyed, when another worker has taken over the step under which this runs.
            OSError: a repeat goes on.
        """
        permit.check()
        if self._folder is None:
            gone = sorted(self._held.keys() - set(names))
            for name in gone:
                del self._held[name]
            return tuple(gone)
        found = []
        for path in self._files():
            match = _NAME.fullmatch(path.name)
            if match is None or match[1] not in names:
                found.append(_hash(path))
                wipe(path)
        if found:
            durable.fsync_directory(self._folder, at="learn.wipe.folder")
        return tuple(sorted(found))


def wipe(path: Path) -> None:
    """Overwrite a file with zeros, force them to the device, and remove its name. Gone already is success."""
    with contextlib.suppress(FileNotFoundError), os.fdopen(os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "wb") as file:
        left = os.fstat(file.fileno()).st_size
        while left > 0:
            left -= file.write(bytes(min(left, _CHUNK)))
        file.flush()
        durable.fsync(file, at="learn.wipe.overwrite")
    # crash here: the weights are gone and the name is left; the next fit or forget removes it.
    durable.unlink(path, at="learn.wipe.name")


def find(places: Iterable[str | Path], hashes: Collection[str]) -> list[Path]:
    """Return files under some folders whose content has one of the hashes. Content that a report calls destroyed must be in none.

    Args:
        places: folders, searched to the bottom without following links, or files.
        hashes: hex SHA-256, as in ``Report.destroyed`` or from ``digest()``.

    Returns:
        The files, sorted.

    Raises:
        CouldNotLook: a place is missing or cannot be read; then nothing is known.
    """
    wanted = frozenset(hashes)
    found = []
    for place in map(Path, places):
        try:
            found += [path for path in _below(place) if _hash(path) in wanted]
        except OSError as error:
            message = f"a folder of models could not be searched: {error.strerror or type(error).__name__}"
            raise CouldNotLook(message, help="make every file under it readable, then search again") from error
    return sorted(found)


def _below(place: Path) -> Iterator[Path]:
    if not place.is_dir():
        yield place
        return
    for folder, _, names in os.walk(place, onerror=_raise):
        for name in names:
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path


def _raise(error: OSError) -> None:
    raise error


def _hash(path: Path) -> str:
    state = sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            state.update(chunk)
    return state.hexdigest()
