"""A lake in a folder of this machine: one of the two places that :mod:`expunge.stores.parquet.store` works on."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from expunge.core.datamap.datamap import Ignore, StoreSpec
from expunge.core.datamap.grounding import Capabilities, Grounding
from expunge.core.values.copy import Copy, Cost, Finding, RawSource
from expunge.core.values.outcome import Outcome, Reason, Unable
from expunge.durable import TEMPORARY_PREFIX
from expunge.ports.optional.remote_content import RemoteObject
from expunge.stores.files.local_tree import LocalTree
from expunge.stores.files.presence import FolderPresence
from expunge.stores.parquet import ladder
from expunge.stores.parquet.check import LakeCheck, LakePreflight
from expunge.stores.parquet.lake.copy_keys import named
from expunge.stores.parquet.lake.lake_files import SUMMARY, LakeLayout, LocalLake

CACHES = "what query engines cache of the lake in memory or elsewhere"
_CAPABILITIES = Capabilities(
    Grounding.SCRUBBED,
    batch=10_000,
    out_of_scope=(
        "the disk below the file system: blocks of removed files stay on the device until they are overwritten or trimmed (fstrim)",
        "snapshots, copies and backups of the file system",
        "removed files that a process of another user, container or machine still holds open: their bytes go when it closes them",
        CACHES,
    ),
)


class FolderPlace:
    """One folder; ``url`` is its path."""

    def __init__(self, spec: StoreSpec, layouts: Mapping[str, LakeLayout]) -> None:
        self._everything = tuple(layouts.values())
        root = Path(spec.url.removeprefix("file://")).resolve()
        self.presence = FolderPresence(spec.name, root, [layout.dataset for layout in layouts.values()])
        self.lake = LocalLake(spec.name, root, self.presence)

    @property
    def capabilities(self) -> Capabilities:
        """A lake can be scrubbed wherever it can be written."""
        return _CAPABILITIES

    def fresh(self) -> AbstractContextManager[LocalLake]:
        """The lake over a handle of its own."""
        return nullcontext(LocalLake(self.lake.store, self.lake.root, self.presence))

    def tree(self, layout: LakeLayout) -> LocalTree:
        """Return the tree that changes files, for one call."""
        return LocalTree(self.lake.root, layout, self._everything)

    def missing(self) -> Unable | None:
        """Why nothing can be changed at all; None when something can."""
        trouble = self.presence.trouble()
        return Unable(Reason.UNREACHABLE, trouble) if trouble else None

    def check(self, ignored: Sequence[str]) -> Iterator[Finding]:
        """Compare the folder with the map."""
        return LakeCheck(self.lake, self._everything, ignored).findings()

    def preflight(self, layout: LakeLayout, copies: Sequence[Copy], kept: Sequence[Copy]) -> tuple[Unable, ...]:
        """Foreseeable reasons."""
        return LakePreflight(self.lake, layout, self._everything).reasons(copies, kept)

    def cost(self, files: Sequence[str]) -> Cost:
        """Return the cost of rewriting some files."""
        sizes = [part.size for file in files for part in self.lake.states(file)]
        return Cost(sum(sizes), len(sizes), sum(sizes))

    def purge(self) -> Outcome:
        """Climb the ladder."""
        return ladder.climb(self.lake, self._everything)

    @property
    def interface(self) -> str:
        """Empty: the files themselves are read."""
        return ""

    def content(self) -> Iterator[RemoteObject]:
        """Nothing."""
        yield from ()

    def unreadable(self, ignored: Sequence[Ignore]) -> tuple[Finding, ...]:  # noqa: ARG002 - a scan says what it cannot read
        """Nothing."""
        return ()

    def raw(self) -> Iterator[RawSource]:
        """Yield the whole folder, including files that the map does not name."""
        yield RawSource(self.lake.root, "data")

    def keys(self) -> Iterator[str]:
        """Yield the relative paths of all files, links left out."""
        for folder, _, names in os.walk(self.lake.root):
            for name in sorted(names):
                path = Path(folder, name)
                if not name.startswith(TEMPORARY_PREFIX) and path.is_file() and not path.is_symlink():
                    yield path.relative_to(self.lake.root).as_posix()

    def at(self, path: Path) -> None:
        """Return None: files are no remote content."""

    def name_of(self, path: Path) -> str | None:
        """Return the relative path of a file of the lake; None for other paths."""
        return self.key_of(path)

    def left_of(self, layout: LakeLayout, root: Path) -> Iterator[str]:
        """Yield a word for folders of a dataset in which no file is, and for summaries of files in them."""
        for folder, inner, names in os.walk(root):
            key = Path(folder).relative_to(root).as_posix()
            if layout.template_of(f"{key}/") is None:
                continue
            if not inner and not names:
                yield "folder without files"
            if SUMMARY in names:
                yield "summary of files"

    def key_of(self, path: Path) -> str | None:
        """Return the relative path of a file or folder of the lake, of a folder with ``/`` behind it; None for links and other paths."""
        root = self.lake.root
        whole = path if path.is_relative_to(root) else path.parent.resolve() / path.name
        if whole == root or not whole.is_relative_to(root) or whole.is_symlink():
            return None
        key = whole.relative_to(root).as_posix()
        return f"{key}/" if whole.is_dir() else key

    def speaking(self, dataset: str = "") -> AbstractContextManager[None]:  # noqa: ARG002 - the operating system's errors say enough
        """Nothing has to be said in other words."""
        return nullcontext()

    def close(self) -> None:
        """Nothing stays open between calls."""


def rewritten(copies: Mapping[str, Sequence[Copy]]) -> list[str]:
    """Return the files that lose some rows."""
    keys = [named(key) for found in copies.values() for each in found for key in each.keys]
    whole = {key.file for key in keys if key.whole}
    return sorted({key.file for key in keys} - whole)
