"""FAISS indexes in a folder: vectors by number, each index with a sidecar that maps numbers to subjects, each to ``scrubbed``.

An index stores numbers of 64 bits and nothing else. The subject of a number stands in a sidecar beside the index, or in another dataset
that the map leads through. :mod:`expunge.stores.faiss.memory_index` erases from each type of index.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from expunge.core.datamap.datamap import Dataset, Ignore, StoreSpec
from expunge.core.datamap.grounding import Capabilities, Grounding
from expunge.core.retention.age_histogram import Ages, AgeSpan
from expunge.core.values.copy import Copy, Cost, Finding, FindingKind, Item, Probed, RawSource, Selector
from expunge.core.values.ids import IdempotencyKey
from expunge.core.values.outcome import Outcome, Outcomes, Reason, Unable
from expunge.durable import TEMPORARY_PREFIX
from expunge.errors import CouldNotLook, StoreUnavailable
from expunge.ports.optional.file_listing import NameFile, StoreFile
from expunge.ports.optional.known_places import KnownPlaces
from expunge.ports.optional.placing import LiveRows
from expunge.ports.optional.surroundings import Near
from expunge.ports.scanner import Tracer
from expunge.stores.faiss import check as faiss_check
from expunge.stores.faiss import ladder, memory_index, nominated, ranges
from expunge.stores.faiss.erase import FaissEraser
from expunge.stores.faiss.index_file import lists_of, twin
from expunge.stores.faiss.index_folder import FaissFolder, looking, of_keys
from expunge.stores.faiss.reading import FaissReading
from expunge.stores.files.presence import NOT_THERE, FolderPresence
from expunge.stores.near.lying_files import files_of

OUT_OF_SCOPE = (
    "what an index learned from all it was trained on (centroids, codebooks, rotations), but for entries that are theirs alone",
    "the disk below the file system: blocks of removed files stay on the device until they are overwritten or trimmed (fstrim)",
    "indexes that programs have loaded: they search what they loaded until they load it again",
    "snapshots, copies and backups of the folder",
)


class Faiss:
    """A store of kind ``faiss``.

    ``url`` is a folder, ``path:`` of a dataset names index files (``.faiss``, ``.index``). Option: ``id``, the field of sidecars that
    holds the number of a vector, and the name of that number for ``through: ..., via: ...`` (default ``id``).
    """

    def __init__(self, spec: StoreSpec, datasets: tuple[Dataset, ...]) -> None:
        """Take the declaration; nothing is opened.

        Raises:
            Misconfigured: for a path that says whose an index is.
        """
        number = str(spec.options.get("id", "id"))
        self._spec = spec
        self._root = Path(spec.url.removeprefix("file://")).resolve()
        self._number = number
        self._folders = {dataset.name: FaissFolder(self._root, dataset, number) for dataset in datasets}
        self._presence = FolderPresence(spec.name, self._root, datasets)

    def follow(self, known: KnownPlaces) -> None:
        """Compare the folder, and those in it that templates name, with the ones in which indexes lay before."""
        self._presence.known = known

    @contextmanager
    def _looking(self, dataset: Dataset) -> Iterator[None]:
        with self._presence.throughout(dataset.name), looking(dataset):
            yield

    @property
    def capabilities(self) -> Capabilities:
        """A folder can be scrubbed wherever it can be written."""
        shards = [shard for folder in self._folders.values() if self._root.is_dir() for shard in folder.shards()]
        able = all(map(faiss_check.writable, shards))
        return Capabilities(Grounding.SCRUBBED if able else Grounding.NONE, batch=10_000, out_of_scope=OUT_OF_SCOPE)

    def remainders(self) -> Sequence[str]:
        """Count the bounds of ranges: each may be the least or greatest number of a vector that is gone."""
        said = []
        for name, folder in sorted(self._folders.items()):
            with looking(folder.dataset):
                found = [ranges.bounds(shard.load().index) for shard in folder.shards() if shard.there]
            kept, unreached = (sum(each) for each in zip(*found, strict=True)) if found else (0, 0)
            if kept:
                said.append(
                    f"{name}: scalar quantizers keep {kept} bounds of ranges, each one number of one vector that they were trained on; "
                    f"{unreached} of these are reached by no vector that is there, and may be of somebody who is gone"
                )
        return said

    def _reading(self, dataset: Dataset) -> FaissReading:
        return FaissReading(self._folders[dataset.name])

    # --- looking ----------------------------------------------------------------------------------

    def check(self, ignored: Sequence[Ignore]) -> Iterator[Finding]:
        """Compare the folder with the map."""
        patterns = [each.pattern for each in ignored if each.store == self._spec.name]
        if (trouble := self._presence.trouble()) not in {"", NOT_THERE}:
            yield Finding(FindingKind.MISSING, self._spec.name, str(self._root), trouble, self._presence.mend)
        yield from faiss_check.findings(self._spec.name, self._root, list(self._folders.values()), patterns)

    def locate(self, dataset: Dataset, selectors: Sequence[Selector]) -> Iterator[Copy]:
        """One pass over the sidecars."""
        with self._looking(dataset):
            yield from self._reading(dataset).locate(selectors)

    def bystanders(self, dataset: Dataset, erased: Sequence[Copy], limit: int | None) -> Iterator[Copy]:
        """Yield the bystanders, grouped by the values of the subject fields."""
        with self._looking(dataset):
            yield from self._reading(dataset).bystanders(erased, limit)

    def holds(self, dataset: Dataset, path: Path) -> bool:
        """Return whether the path is an index of the dataset, its sidecar or file of lists, or a folder on the way to one."""
        return self._is_folder(dataset, path) or self.relates(dataset, str(path))

    def relates(self, dataset: Dataset, relation: str) -> bool:
        """Return whether the relation is the path of an index of the dataset, of its sidecar, or of its file of lists."""
        path = Path("/", relation)
        folder = self._folders[dataset.name]
        if not self._root.is_dir():
            return False
        return any(path in {shard.path, shard.sidecar, lists_of(shard.path) if shard.there else None} for shard in folder.shards())

    def surroundings(self) -> Iterator[Near]:
        """Yield what lies in the folder and is no index of a dataset, nor beside one."""
        yield files_of(self._root, self.files)

    def files(self) -> NameFile:
        """Tell the indexes that datasets declare, with what lies beside them, from the rest."""
        own: set[Path] = set()
        for shard in (shard for folder in self._folders.values() if self._root.is_dir() for shard in folder.shards()):
            lists = lists_of(shard.path) if shard.there else None
            own.update(path for path in (shard.path, shard.sidecar) if path is not None)
            own |= {lists, twin(lists)} if lists is not None else set()

        def name(path: Path) -> StoreFile | None:
            if not path.is_relative_to(self._root):
                return StoreFile(path.name, own=True) if path in own else None
            temporary = path.name.startswith(TEMPORARY_PREFIX)
            return StoreFile(path.relative_to(self._root).as_posix(), temporary or path in own)

        return name

    def _is_folder(self, dataset: Dataset, path: Path) -> bool:
        key = path.relative_to(self._root).as_posix() if path.is_relative_to(self._root) else ""
        return bool(key) and path.is_dir() and self._folders[dataset.name].layout.template_of(f"{key}/") is not None

    def nominated(self, dataset: Dataset, rows: Sequence[LiveRows], erased: Sequence[Copy]) -> Iterator[tuple[int, Copy]]:
        """Read records by the line on which they begin in a sidecar."""
        with self._looking(dataset):
            yield from nominated.copies(self._folders[dataset.name], rows, erased)

    def ages(self, dataset: Dataset, field: str, edges: Sequence[datetime]) -> Ages:
        """One pass over the sidecars."""
        with self._looking(dataset):
            return self._reading(dataset).ages(field, edges)

    def spans(self, dataset: Dataset, by: str, field: str) -> Iterator[AgeSpan]:
        """One pass over the sidecars."""
        with self._looking(dataset):
            yield from self._reading(dataset).spans(by, field)

    def named(self, dataset: Dataset, field: str) -> Iterator[Sequence[str]]:
        """One pass over the sidecars."""
        with self._looking(dataset):
            yield from self._reading(dataset).named(field)

    def export(self, dataset: Dataset, copy: Copy) -> Iterator[Item]:
        """Their records as JSON lines, each with its vector."""
        yield Item(f"{dataset.name}.jsonl", self._told(dataset, copy), "application/jsonl", bool(copy.shared))

    def _told(self, dataset: Dataset, copy: Copy) -> Iterator[bytes]:
        with self._looking(dataset):
            yield from self._reading(dataset).lines_of(copy)

    def trace(self, dataset: Dataset, copies: Sequence[Copy], tracer: Tracer) -> None:
        """Trace records, numbers, vectors, and the codes that the index stores."""
        with self._looking(dataset):
            self._reading(dataset).trace(copies, tracer)

    def probe(self, dataset: Dataset, copies: Sequence[Copy]) -> Iterator[Probed]:
        """Read sidecars and indexes anew: by the values of the selectors, and by number."""
        fresh = FaissFolder(self._root, dataset, self._number)
        could_not, seen = "", {copy.subject: set[str]() for copy in copies}
        try:
            with self._looking(dataset):
                for found in FaissReading(fresh).locate([each.selector for each in copies if each.selector]):
                    seen[found.subject].update(found.keys)
                for copy in copies:
                    seen[copy.subject].update(_still_there(fresh, copy))
        except (CouldNotLook, StoreUnavailable) as error:
            could_not = error.message
        for copy in copies:
            yield Probed(copy.subject, len(seen[copy.subject]), ("sidecar", "index by number"), could_not)

    def raw(self) -> Iterator[RawSource]:
        """The folder, whole, and files of inverted lists that lie elsewhere."""
        yield RawSource(self._root, "data")
        for shard in (shard for folder in self._folders.values() if self._root.is_dir() for shard in folder.shards()):
            lists = lists_of(shard.path) if shard.there else None
            if lists is not None and not lists.resolve().is_relative_to(self._root):
                yield RawSource(lists, "data")
                yield RawSource(twin(lists), "old version")

    # --- erasing ----------------------------------------------------------------------------------

    def preflight(self, dataset: Dataset, copies: Sequence[Copy], kept: Sequence[Copy] = ()) -> tuple[Unable, ...]:  # noqa: ARG002 - vectors go alone
        """Rights, writers, room, damage, types that cannot be handled."""
        return tuple(dict.fromkeys(faiss_check.preflight(self._folders[dataset.name], copies)))

    def cost(self, copies: Mapping[str, Sequence[Copy]]) -> Cost:
        """Each index that something goes from is read and written as a whole, its sidecar too."""
        files = {self._root / file for found in copies.values() for each in found for file in of_keys(each.keys)}
        sizes = [path.stat().st_size for path in files if path.is_file()]
        return Cost(sum(sizes), len(sizes), sum(sizes))

    def erase(self, dataset: Dataset, copies: Sequence[Copy], key: IdempotencyKey) -> Outcomes:  # noqa: ARG002 - gone is gone under any key
        """Write each index anew without their vectors, then its sidecar."""
        if trouble := self._presence.trouble(dataset.name):
            missing = Unable(Reason.UNREACHABLE, f"{dataset.name}: {trouble}")
            return {copy.subject: missing for copy in copies}
        return FaissEraser(self._folders[dataset.name]).erase(copies)

    def purge(self, datasets: Sequence[Dataset], key: IdempotencyKey) -> Outcome:  # noqa: ARG002 - idempotent in effect
        """Climb the ladder: leftovers, old files of lists, open readers."""
        if trouble := self._presence.trouble(*(dataset.name for dataset in datasets)):
            return Unable(Reason.UNREACHABLE, trouble)
        return ladder.climb(self._root, [self._folders[dataset.name] for dataset in datasets])

    def close(self) -> None:
        """Nothing stays open between calls."""


def _still_there(folder: FaissFolder, copy: Copy) -> Iterator[str]:
    """Keys of a copy whose number is in the index, and which the sidecar gives to nobody else."""
    for file, numbers in of_keys(copy.keys).items():
        shard = folder.shard(file)
        if shard is None or not shard.there:
            continue
        others = {number for number, _ in shard.records(folder.number_field, folder.layout.dataset.subject_fields)}
        for number in set(memory_index.ids(shard.load().index).tolist()) & set(numbers) - others:
            yield shard.item(number)
