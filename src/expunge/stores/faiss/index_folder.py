"""A folder of FAISS indexes: index files, their sidecars that map numbers to subjects, and their files of inverted lists."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from expunge.core.datamap.datamap import Dataset
from expunge.core.values.outcome import Unable
from expunge.errors import CouldNotLook, Misconfigured
from expunge.stores.arrow.damage import Damaged
from expunge.stores.faiss.index_file import LoadedIndex, load
from expunge.stores.tree.erase import trouble_of
from expunge.stores.tree.folder_layout import FolderLayout
from expunge.stores.tree.interface import NameTrouble
from expunge.stores.tree.record_files import FileRecord, Unreadable, records
from expunge.stores.tree.safe_replace import open_regular

SUFFIXES = (".faiss", ".index")
SIDECAR = ".ids"
FORMATS = ("jsonl", "csv")
_ENDS = tuple(f"{SIDECAR}.{each}" for each in FORMATS)
TROUBLE = (OSError, Unreadable, NameTrouble)


@dataclass(frozen=True)
class Shard:
    """One index file, and its sidecar where it has one."""

    key: str
    """Its path in the folder."""
    path: Path
    sidecar: Path | None

    @property
    def there(self) -> bool:
        """True when the index exists. A sidecar may be alone, before its index is written or after a crash."""
        return self.path.is_file()

    @property
    def format(self) -> str:
        """The format of the sidecar."""
        return self.sidecar.suffix[1:] if self.sidecar else ""

    def item(self, number: int) -> str:
        """The key of one vector and its record."""
        return f"{self.key}#{number}"

    def load(self) -> LoadedIndex:
        """The index. Raises Damaged, Unreadable, OSError."""
        with os.fdopen(open_regular(self.path), "rb") as file:
            return load(file, self.path)

    def records(self, number_field: str, fields: Collection[str]) -> Iterator[tuple[int, FileRecord]]:
        """The records of the sidecar, each with its number. Raises Unreadable, OSError."""
        if self.sidecar is None:
            return
        seen: set[int] = set()
        with os.fdopen(open_regular(self.sidecar), "rb") as file:
            for record in records(file, self.sidecar.name, self.format, [number_field, *fields]):
                if record.value is None:
                    continue
                number = number_of(record, number_field)
                if number in seen:
                    message = f"line {record.number} of a sidecar gives a number for the second time"
                    raise Unreadable(message)
                seen.add(number)
                yield number, record


def number_of(record: FileRecord, number_field: str) -> int:
    """The number that a record gives its vector. Raises Unreadable."""
    told = record.texts(number_field)
    text = next(iter(told), "")
    if len(told) != 1 or not text.removeprefix("-").isdecimal() or str(int(text)) != text or not -(2**63) <= int(text) < 2**63:
        message = f"line {record.number} of a sidecar has no whole number in its field {number_field}"
        raise Unreadable(message)
    return int(text)


class FaissFolder:
    """The files of one dataset."""

    def __init__(self, root: Path, dataset: Dataset, number_field: str) -> None:
        """Raises Misconfigured where the map asks for what index files cannot say."""
        self.root = root
        self.dataset = dataset
        self.number_field = number_field
        self.layout = FolderLayout.of(dataset)
        if any(set(self.layout.dataset.subject_fields) & template.placeholders for template in self.layout.templates):
            message = f"dataset {dataset.name}: an index named after one person is a file like others"
            raise Misconfigured(message, help="declare it in a store of kind files")

    def shards(self) -> Iterator[Shard]:
        """Every index file or lonely sidecar that a path of the dataset fits. Raises CouldNotLook where the folder is not there."""
        if not self.root.is_dir():
            message = f"dataset {self.dataset.name}: the store's folder is not there"
            raise CouldNotLook(message, help="correct `url:` or restore the folder")
        for path in sorted(self.root.rglob("*")):
            key = path.relative_to(self.root).as_posix()
            beside = [f"{key.removesuffix(end)}{suffix}" for end in _ENDS if key.endswith(end) for suffix in SUFFIXES]
            if any((self.root / each).exists() for each in beside):
                continue
            for shard in filter(None, map(self.shard, [key, *beside])):
                if path.is_file():
                    yield shard
                    break

    def shard(self, key: str) -> Shard | None:
        """The index file of that name; None where no path of the dataset fits."""
        if not key.endswith(SUFFIXES) or self.layout.template_of(key) is None:
            return None
        path = self.root / key
        beside = [path.with_name(f"{path.stem}{SIDECAR}.{each}") for each in FORMATS]
        return Shard(key, path, next((each for each in beside if each.exists()), None))

    def goes_when_empty(self, shard: Shard) -> bool:
        """Return whether the paths leave the index's name open, so that no program expects that very file."""
        found = self.layout.template_of(shard.key)
        return found is not None and bool(found[0].segments[-1].placeholders)

    def require(self, shard: Shard, fields: Collection[str]) -> None:
        """Raises Damaged where fields are asked for that only a sidecar could hold."""
        unknown = sorted(set(fields) - {self.number_field})
        if shard.sidecar is None and unknown:
            message = f"an index has no sidecar ({SIDECAR}.jsonl or {SIDECAR}.csv beside it) with the field {', '.join(unknown)}"
            raise Damaged(message)


def unable(dataset: Dataset, error: Exception) -> Unable:
    """Return the obstacle of one file as an answer."""
    if isinstance(error, Damaged):
        return Unable(error.reason, f"{dataset.name}: {error}")
    told = trouble_of(error)
    return Unable(told.reason, f"{dataset.name}: {told.detail}")


@contextmanager
def looking(dataset: Dataset) -> Iterator[None]:
    """Translate errors while reading into our words."""
    try:
        yield
    except TROUBLE as error:
        raise CouldNotLook(unable(dataset, error).detail, help="`expunge check` names the file; repair or restore it") from None


def of_keys(keys: Sequence[str]) -> dict[str, list[int]]:
    """File -> numbers, of keys that :meth:`Shard.item` made."""
    files: dict[str, list[int]] = {}
    for key in keys:
        file, _, number = key.rpartition("#")
        files.setdefault(file, []).append(int(number))
    return files
