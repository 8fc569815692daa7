"""The files of a lake: list them, match them with templates, and open them for reading."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from expunge import clock
from expunge.core.datamap.datamap import Dataset
from expunge.core.values.outcome import Reason
from expunge.stores.arrow.damage import Damaged, readable
from expunge.stores.files.folders import declared_inside
from expunge.stores.files.presence import FolderPresence
from expunge.stores.parquet.lake.copy_keys import OLDER
from expunge.stores.tree.folder_layout import FolderLayout, WantedValues, opened
from expunge.stores.tree.record_files import Unreadable
from expunge.stores.tree.safe_replace import open_regular
from expunge.stores.tree.template_walk import Bindings, CompiledTemplate, FoundFile, Readings, Segment, walk

SUMMARY = "_metadata"
"""Holds the statistics of every row group beside and below it."""
_MARKS = frozenset({"_SUCCESS", SUMMARY, "_common_metadata"})
_ENCRYPTED_FOOTER = b"PARE"
_MAGIC = 4
_SETTLED_S = 2.0
"""Two writes within one tick of the file system's clock can look alike; after so long they cannot."""


Coded: TypeAlias = Callable[[pq.ParquetFile], list[str]]
"""Says which columns of a file are best read as codes into their dictionaries."""


@dataclass(frozen=True)
class LakeName:
    """One name in the lake that fits a template: a file, a link, or (its key ends with ``/``) a folder on the way."""

    key: str = field(repr=False)
    """Relative path, forward slashes."""
    readings: Readings = field(repr=False)
    size: int
    version: str = field(repr=False)
    """Another one once the content may be another one."""
    is_link: bool = False
    older: int = 0
    """0 for what the name gives now, else a number that counts back."""
    id: str = field(default="", repr=False)
    """The version of the object, where the store has several under one name."""
    settled: bool = True
    """Whether it was last written to so long ago that another write would show in its version."""

    @property
    def head(self) -> str:
        """The beginning of the keys of its rows."""
        return f"{self.key}#{OLDER}{self.older}:" if self.older else f"{self.key}#"


@dataclass(frozen=True)
class LakeLayout(FolderLayout):
    """One dataset's way of naming files; the values of partition folders (``day=...``) are unescaped, as their readers do."""

    @classmethod
    def of_lake(cls, dataset: Dataset) -> LakeLayout:
        """Read the templates of a dataset."""
        return cls(dataset, FolderLayout.of(dataset).templates)

    def template_of(self, key: str) -> tuple[CompiledTemplate, Readings] | None:
        """The template that a relative path fits, with its readings."""
        if is_companion(key):
            return None
        found = super().template_of(key)
        return found and (found[0], tuple(unescaped(found[0], each) for each in found[1]))

    @property
    def inside(self) -> bool:
        """Always True: a field that is no placeholder is a column."""
        return True

    def columns(self, template: CompiledTemplate, fields: Iterable[str]) -> tuple[str, ...]:
        """Return those of the fields that stand in columns."""
        return tuple(name for name in fields if name not in template.placeholders)


def is_companion(key: str) -> bool:
    """Return whether writers put a file of this name beside data and readers pass over it: markers, summaries, checksums."""
    name = key.rpartition("/")[2]
    return name in _MARKS or (name.startswith(".") and name.endswith(".crc"))


def checksum_of(key: str) -> str:
    """Return the name under which Hadoop's local file system keeps the checksum of a file."""
    folder, slash, name = key.rpartition("/")
    return f"{folder}{slash}.{name}.crc"


def unescaped(template: CompiledTemplate, reading: Bindings) -> Bindings:
    """A reading with the values of ``name={placeholder}`` segments as they were before they became names of folders."""
    escaped = {segment.parts[1] for segment in template.segments if is_column(segment) and "%" in reading.get(segment.parts[1], "")}
    return {name: _unquote(text) if name in escaped else text for name, text in reading.items()} if escaped else reading


def is_column(segment: Segment) -> bool:
    """Return whether a part of a template is that of a partition folder, ``name={placeholder}``: a value of each row in it."""
    return len(segment.parts) == 3 and segment.parts[0].endswith("=") and not segment.parts[2]


def _unquote(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return text


class Lake(Protocol):
    """The location of the files. Methods raise OSError, Unreadable, and :class:`expunge.stores.tree.interface.NameTrouble`."""

    @property
    def store(self) -> str:
        """The store's name in the map."""
        ...

    def present(self) -> None:
        """Raise StoreUnavailable when the lake is not there."""
        ...

    def parts(self, template: CompiledTemplate, wanted: Callable[[Bindings], bool]) -> Iterator[LakeName]:
        """Yield every name that fits a template. Versions of one name follow one another, and a folder follows its content."""
        ...

    def states(self, key: str) -> list[LakeName]:
        """Return the states of a name, older versions too, the newest first; an empty list when there are none."""
        ...

    def opened(self, part: LakeName, coded: Coded | None = None) -> AbstractContextManager[pq.ParquetFile]:
        """A file opened for reading."""
        ...

    def bytes_of(self, part: LakeName) -> AbstractContextManager[BinaryIO]:
        """A file's bytes."""
        ...

    def exists(self, key: str) -> bool:
        """Return whether a name exists."""
        ...

    def holds(self, folder: str, layouts: Sequence[FolderLayout]) -> bool:
        """Return whether anything that some dataset declares lies in a folder, at any depth."""
        ...

    def table_format(self, key: str) -> str | None:
        """Return the table format that keeps a log of the files around a key; None where there is none."""
        ...


def rows_of(lake: Lake, part: LakeName) -> int:
    """Return the number of rows of a file; 1 where it cannot be read, because the file exists."""
    try:
        with lake.opened(part) as file:
            return max(1, int(file.metadata.num_rows))
    except (OSError, Unreadable):
        return 1


class LocalLake:
    """A lake in a folder of this machine. See :class:`Lake`."""

    def __init__(self, store: str, root: Path, presence: FolderPresence | None = None) -> None:
        self.store = store
        self.root = root
        self.presence = presence or FolderPresence(store, root, ())

    def present(self) -> None:
        """Raise StoreUnavailable when the folder is not there, or may be one whose disk is away."""
        self.presence.require()

    def parts(self, template: CompiledTemplate, wanted: Callable[[Bindings], bool]) -> Iterator[LakeName]:
        """Yield every name that fits a template, sorted by name; a folder follows its content. Raises OSError, and as :meth:`present`."""
        for found in walk(self.root, template, lambda reading: wanted(unescaped(template, reading))):
            if is_companion(found.key):
                continue
            part = self._part(template, found)
            if part is not None:
                yield part
        # Why again: a disk that went away meanwhile leaves nothing to be found.
        self.present()

    def _part(self, template: CompiledTemplate, found: FoundFile) -> LakeName | None:
        readings = tuple(unescaped(template, reading) for reading in found.readings)
        if found.key.endswith("/"):
            return LakeName(found.key, readings, 0, "", found.is_link)
        try:
            status = found.entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return None
        settled = clock.timestamp() - status.st_mtime > _SETTLED_S
        return LakeName(found.key, readings, status.st_size, version_of(status), found.is_link, settled=settled)

    def states(self, key: str) -> list[LakeName]:
        """The file itself."""
        try:
            status = (self.root / key).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [LakeName(key, (), status.st_size, version_of(status), stat.S_ISLNK(status.st_mode))]

    @contextmanager
    def opened(self, part: LakeName, coded: Coded | None = None) -> Iterator[pq.ParquetFile]:
        """A file opened for reading. Raises Damaged (Unreadable) and OSError."""
        handle = open_regular(self.root / part.key)
        try:
            with opened_at(f"/proc/self/fd/{handle}", coded) as file:
                yield file
        finally:
            os.close(handle)

    @contextmanager
    def bytes_of(self, part: LakeName) -> Iterator[BinaryIO]:
        """A file's bytes. Raises Unreadable and OSError."""
        with opened(self.root / part.key) as file:
            yield file

    def exists(self, key: str) -> bool:
        """Return whether a name exists."""
        return os.path.lexists(self.root / key)

    def holds(self, folder: str, layouts: Sequence[FolderLayout]) -> bool:
        """Return whether anything that some dataset declares lies in a folder, at any depth."""
        return any(True for _ in declared_inside(self.root, folder, layouts))

    def table_format(self, key: str) -> str | None:
        """Return the table format that keeps a log of the files around a key; None where there is none."""
        folder = (self.root / key).parent
        while folder.is_relative_to(self.root.parent):
            if (folder / "_delta_log").is_dir():
                return "Delta Lake"
            if (folder / ".hoodie").is_dir():
                return "Apache Hudi"
            if any((folder / "metadata").glob("*.metadata.json")):
                return "Apache Iceberg"
            folder = folder.parent
        return None


def version_of(status: os.stat_result) -> str:
    """Another text once a local file was written to or replaced."""
    return f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}-{status.st_dev:x}"


@contextmanager
def opened_at(path: str, coded: Coded | None = None) -> Iterator[pq.ParquetFile]:
    """A local Parquet file opened for reading. Raises Damaged and OSError."""
    with pa.OSFile(path) as source:
        with readable():
            _refuse_encrypted(source)
            file = pq.ParquetFile(source)
            names = coded(file) if coded else []
            if names:
                file = pq.ParquetFile(source, metadata=file.metadata, read_dictionary=names)
        yield file


def _refuse_encrypted(source: pa.NativeFile) -> None:
    size = source.size()
    if size < 2 * _MAGIC:
        raise Damaged("it is too short to be a Parquet file")
    source.seek(size - _MAGIC)
    if source.read(_MAGIC) == _ENCRYPTED_FOOTER:
        raise Damaged("its footer is encrypted", Reason.ENCRYPTED)
    source.seek(0)


def leads(wanted: WantedValues, template: CompiledTemplate, columns: Sequence[str]) -> Callable[[Bindings], bool]:
    """Return a test for branches that may hold wanted items: all where a column says whose a row is, else those of wanted names."""
    if columns:
        return lambda _: True
    named = [name for name in wanted.fields if name in template.placeholders]
    return lambda reading: wanted.may_lead(named, reading)


@contextmanager
def opened_on(file: BinaryIO, coded: Coded | None = None) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file on a file object that the caller opened, from its start. Raises Damaged and OSError."""
    try:
        handle = file.fileno()
    except (AttributeError, OSError):
        handle = -1
    if handle >= 0:
        # By the handle's own name, so that it is this very file, and read without Python in between.
        with opened_at(f"/proc/self/fd/{handle}", coded) as opened:
            yield opened
        return
    with readable():
        source = pa.PythonFile(file, "r")
        _refuse_encrypted(source)
        opened = pq.ParquetFile(source)
    yield opened
