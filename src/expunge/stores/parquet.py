"""A lake of Parquet files in a folder: rows by what columns say, whole files by what their names say.

The ladder to ``scrubbed``, each rung with a test that fails without it, is in ``docs/reference/stores/parquet.md``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from expunge.core.copy import Copy, Cost, Finding, Item, Probed, RawSource, Selector
from expunge.core.datamap import Dataset, Ignore, StoreSpec
from expunge.core.grounding import Capabilities, Grounding
from expunge.core.ids import IdempotencyKey, Pseudonym
from expunge.core.outcome import Absent, Erased, Outcome, Outcomes, Reason, Unable
from expunge.errors import CouldNotLook, StoreUnavailable
from expunge.ports.index import LocateIndex
from expunge.ports.scanner import Tracer
from expunge.stores.files_tree import LocalTree
from expunge.stores.parquet_check import LakeCheck, Preflight
from expunge.stores.parquet_erase import Eraser
from expunge.stores.parquet_keys import named
from expunge.stores.parquet_others import Others
from expunge.stores.parquet_purge import RUNGS, climb
from expunge.stores.parquet_recall import Recall, forget
from expunge.stores.parquet_search import Search
from expunge.stores.parquet_show import Show
from expunge.stores.parquet_tree import LakeLayout, LocalLake

__all__ = ["RUNGS", "Parquet"]

_CAPABILITIES = Capabilities(
    Grounding.SCRUBBED,
    batch=10_000,
    out_of_scope=(
        "the disk below the file system: blocks of removed files stay on the device until they are overwritten or trimmed (fstrim)",
        "snapshots, copies and backups of the file system",
        "removed files that a process of another user, container or machine still holds open: their bytes go when it closes them",
        "what query engines cache of the lake in memory or elsewhere",
    ),
)


class Parquet:
    """One lake. ``url`` is its folder; keys are spelt as :mod:`expunge.stores.parquet_keys` says."""

    index: LocateIndex | None = None
    """Saves reading while locating; set by whoever puts the program together, never relied on by :meth:`probe`."""
    index_key: bytes = b""
    """The key of the index's hashes."""

    def __init__(self, spec: StoreSpec, datasets: tuple[Dataset, ...]) -> None:
        self._spec = spec
        self._datasets = datasets
        self._lake = LocalLake(spec.name, Path(spec.url.removeprefix("file://")).resolve())
        self._layouts = {each.name: LakeLayout.of_lake(each) for each in datasets}

    @property
    def capabilities(self) -> Capabilities:
        """A lake can be scrubbed wherever it can be written."""
        return _CAPABILITIES

    def check(self, ignored: Sequence[Ignore]) -> Iterator[Finding]:
        """Compare the lake with the map, down to every file and the columns in it."""
        patterns = [each.pattern for each in ignored if each.store == self._spec.name]
        return LakeCheck(self._lake, self._everything, patterns).findings()

    def locate(self, dataset: Dataset, selectors: Sequence[Selector]) -> Iterator[Copy]:
        """One pass over the subject columns of the dataset's files, or over those that the index does not know."""
        self._lake.present()
        recall = Recall(self.index, self.index_key, dataset.name) if self.index is not None else None
        return Search(self._lake, self._layouts[dataset.name], self._everything, recall).locate(selectors)

    def bystanders(self, dataset: Dataset, erased: Sequence[Copy], limit: int | None) -> Iterator[Copy]:
        """Everybody else, grouped by what the subject fields say."""
        self._lake.present()
        return Others(self._lake, self._layouts[dataset.name], erased, limit).copies()

    def export(self, dataset: Dataset, copy: Copy) -> Iterator[Item]:
        """Their rows as JSON lines."""
        return Show(self._lake, self._layouts[dataset.name]).export(copy)

    def trace(self, dataset: Dataset, copies: Sequence[Copy], tracer: Tracer) -> None:
        """Every value of their rows; names and bytes of whole files."""
        Show(self._lake, self._layouts[dataset.name]).trace(copies, tracer)

    def preflight(self, dataset: Dataset, copies: Sequence[Copy], kept: Sequence[Copy] = ()) -> tuple[Unable, ...]:
        """Rights, further names, table formats, damage, writers, rows that are held, and room for the largest file."""
        return Preflight(self._lake, self._layouts[dataset.name], self._everything).reasons(copies, kept)

    def cost(self, copies: Mapping[str, Sequence[Copy]]) -> Cost:
        """Whole files are unlinked; files with rows of many people are read and written again, each once."""
        keys = [named(key) for found in copies.values() for each in found for key in each.keys]
        whole = {each.file for each in keys if each.whole}
        paths = [self._lake.root / file for file in {each.file for each in keys} - whole]
        sizes = [path.stat().st_size for path in paths if path.is_file()]
        return Cost(sum(sizes), len(sizes), sum(sizes))

    def erase(self, dataset: Dataset, copies: Sequence[Copy], key: IdempotencyKey) -> Outcomes:  # noqa: ARG002 - gone is gone under any key
        """Unlink, rewrite, remove folders named after somebody; each durable before the answer."""
        if not self._lake.root.is_dir():
            return {copy.subject: Unable(Reason.UNREACHABLE, "the store's folder is not there") for copy in copies}
        layout = self._layouts[dataset.name]
        outcomes = dict(Eraser(self._lake, LocalTree(self._lake.root, layout, self._everything), layout).erase(copies))
        if self.index is not None:
            done = [each for each in copies if isinstance(outcomes[each.subject], Erased | Absent)]
            try:
                forget(self.index, self.index_key, dataset.name, done)
            except OSError as error:
                detail = f"the locate index cannot be written: {os.strerror(error.errno or 0)}"
                outcomes |= {each.subject: Unable(Reason.ERROR, detail) for each in done}
        return outcomes

    def purge(self, datasets: Sequence[Dataset], key: IdempotencyKey) -> Outcome:  # noqa: ARG002 - always store-wide
        """Clear what interrupted runs left, then make sure that nobody holds a removed file open."""
        if not self._lake.root.is_dir():
            return Unable(Reason.UNREACHABLE, "the store's folder is not there")
        return climb(self._lake, self._everything)

    def probe(self, dataset: Dataset, copies: Sequence[Copy]) -> Iterator[Probed]:
        """A fresh pass over all subject columns, whatever footers or the index say, and each old name looked up."""
        fresh = Search(self._lake, self._layouts[dataset.name], self._everything)
        fresh.prune = False
        found: dict[Pseudonym, Copy] = {}
        could_not = ""
        selectors = [copy.selector for copy in copies if copy.selector]
        try:
            self._lake.present()
            found = {each.subject: each for each in fresh.locate(selectors)}
            could_not = "a file cannot be read" if fresh.damaged else ""
        except (CouldNotLook, StoreUnavailable) as error:
            could_not = error.message
        columns = sorted({name for each in selectors for name in each.match})
        paths = ("listing", "open", *(f"column {name}" for name in columns))
        for copy in copies:
            again = found.get(copy.subject)
            keys = set(copy.keys) - set(again.keys if again else ())
            lost = [key for key in keys if named(key).whole and self._lake.exists(named(key).file)]
            yield Probed(copy.subject, (again.items if again else 0) + len(lost), paths, could_not)

    def raw(self) -> Iterator[RawSource]:
        """The folder, whole: what the map names and what it does not."""
        yield RawSource(self._lake.root, "data")

    def close(self) -> None:
        """Nothing stays open between calls."""

    @property
    def _everything(self) -> tuple[LakeLayout, ...]:
        return tuple(self._layouts.values())
