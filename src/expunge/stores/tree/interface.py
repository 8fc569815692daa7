"""Names with content below one root, as templates see them: the common interface of a folder on this machine and a prefix of a bucket.

The rules about subjects of a name or a record, sharing, export and erasure are implemented once, over this abstraction
(:mod:`expunge.stores.tree.search`, :mod:`~expunge.stores.tree.content`, :mod:`~expunge.stores.tree.erase`,
:mod:`~expunge.stores.tree.check`). Each store lists, reads, replaces and removes names itself without losing concurrent writes
(:mod:`expunge.stores.files.local_tree`, :mod:`expunge.stores.s3.bucket_tree`). A tree is made for one call and remembers what it learned.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, Protocol, TypeAlias

from expunge.core.values.ids import Pseudonym
from expunge.core.values.outcome import Kept, Unable
from expunge.core.values.scope import Window
from expunge.stores.tree.template_walk import Bindings, CompiledTemplate, Readings


class NameTrouble(Exception):
    """Something stands in the way of one name; why is in ``unable``, without identifiers."""

    def __init__(self, unable: Unable) -> None:
        super().__init__(unable.detail)
        self.unable = unable


class NothingStays(Exception):
    """Raised by a cut: the file is to go with its name, not to be replaced."""


class NobodyThere(Exception):
    """Raised by a cut: the file holds nothing of the leaving subjects. It stays as it is, its time included."""


class FoundName(Protocol):
    """One name that fits a template."""

    @property
    def key(self) -> str:
        """Relative to the root, forward slashes; the key of a folder ends with ``/``."""
        ...

    @property
    def readings(self) -> Readings:
        """The fields of the name, in every way of reading it."""
        ...

    @property
    def is_link(self) -> bool:
        """True when the name refers to another name."""
        ...

    @property
    def is_folder(self) -> bool:
        """True when it is a folder on the way, which goes when nothing is in it (or a link in the place of one)."""
        ...

    def size(self) -> int:
        """Bytes, of all states. Raises FileNotFoundError when it has vanished."""
        ...

    def modified(self) -> datetime | None:
        """Return the time at which its content was last written, as the store says; None when that cannot be told."""
        ...


class FileState(Protocol):
    """The content of a file: the present content, or an older version that the store still gives out."""

    @property
    def older(self) -> int:
        """0 for the present content, else a number that counts back."""
        ...

    def open(self) -> BinaryIO:
        """The bytes, from their start. Raises FileNotFoundError, OSError, Unreadable; so do reads."""
        ...

    def notes(self) -> Mapping[str, str]:
        """Return the company's own metadata that the store keeps beside the bytes (tags, metadata). Raises as :meth:`open`."""
        ...


class FileCut(Protocol):
    """Decides which bytes of one file stay when subjects are erased; may be called several times, for several states."""

    def __call__(self, old: BinaryIO, new: BinaryIO) -> None:
        """Copy what stays from the old file, as it lies in the store, to the new one.

        Raises:
            NothingStays: the file is to go with its name.
            NobodyThere: nothing in it is theirs.
            Trouble, Unreadable: nothing can be decided; leave it as it is.
        """
        ...

    @property
    def met(self) -> bool:
        """True when the last call met a subject who is leaving."""
        ...

    def keep(self, kept: Kept) -> None:
        """Record that the items of the last call stay, because the store itself forbids their removal."""
        ...


@dataclass
class SubjectShare:
    """The results for one subject of a batch, as they add up."""

    items: int = 0
    bytes: int = 0
    folders: int = 0
    troubles: list[Unable] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)


Shares: TypeAlias = Mapping[Pseudonym, SubjectShare]


@dataclass(frozen=True)
class Removal:
    """One name that is to go."""

    key: str = field(repr=False)
    shares: Sequence[SubjectShare]
    """Whose it is."""
    cut: FileCut | None = None
    """Asked of each state whether it is theirs (it answers NothingStays or NobodyThere); None where the name alone says so."""
    within: tuple[Window, ...] = ()
    """It goes only if it was last written in one of these; whenever it was, where there is none."""

    def late(self, modified: datetime | None) -> bool:
        """Return whether the file stays because it was written outside the time windows."""
        return bool(self.within) and not any(each.holds(modified) for each in self.within)


@dataclass(frozen=True)
class RemovalResult:
    """The result for one name."""

    removal: Removal
    there: bool
    """Whether anything was there and went."""
    bytes: int = 0
    kept: tuple[Kept, ...] = ()
    error: Exception | None = None
    """OSError, Unreadable or Trouble: it could not be done."""


class Tree(Protocol):
    """See the module."""

    def walk(
        self, template: CompiledTemplate, wanted: Callable[[Bindings], bool], only: Mapping[str, Collection[str]]
    ) -> Iterator[FoundName]:
        """Yield every name that fits a template. Folders on the way that have a key of their own follow their content.

        Args:
            template: the layout.
            wanted: whether a reading so far may lead to what is looked for.
            only: where not empty, the one placeholder whose value decides, with the values that count: the rest need not be listed.

        Raises OSError when something on the way cannot be listed.
        """
        ...

    def states_of(self, found: FoundName) -> Iterator[FileState]:
        """Yield the present content and every older version that the store still gives out, the newest first."""
        ...

    def states(self, key: str) -> Iterator[FileState]:
        """Yield the states of a name; a link gives those of its target, where that lies in this store."""
        ...

    def objection(self, key: str) -> Unable | None:
        """Return the reason why removing or rewriting ``key`` would leave its data elsewhere; None when it would not."""
        ...

    def bare(self, found: FoundName) -> bool:
        """Return whether a folder holds nothing that any dataset declares."""
        ...

    def is_link(self, key: str) -> bool:
        """Return whether a name refers to another name, without content of its own."""
        ...

    def is_folder(self, key: str) -> bool:
        """Return whether a name is a real folder, with no content of its own."""
        ...

    def remove(self, removals: Iterable[Removal]) -> Iterator[RemovalResult]:
        """Remove names, taking from the iterable as it goes; one answer each."""
        ...

    def rewrite(self, key: str, cut: FileCut) -> None:
        """Replace every state of a file by the rest that the cut leaves, without losing concurrent writes.

        Raises OSError, Unreadable, NameTrouble; FileNotFoundError or NobodyThere when there was nothing to do.
        """
        ...

    def finish(self, keys: Mapping[str, Sequence[Pseudonym]], shares: Shares, named: Callable[[str], bool]) -> None:
        """Finish the call after all names and records: remove empty folders, and make the answer durable.

        Args:
            keys: every key of the call, with the subjects it belongs to.
            shares: where to enter folders that went, and troubles.
            named: whether the last part of a folder's key names a subject who is leaving.
        """
        ...
