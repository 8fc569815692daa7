"""Remove vectors from index files. Each index is written anew without them, then its sidecar. A purge removes the old file of lists."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import BinaryIO

from expunge import durable, permit
from expunge.core.values.copy import Copy
from expunge.core.values.ids import Pseudonym
from expunge.core.values.outcome import Absent, Erased, Outcomes, Unable
from expunge.stores.faiss import memory_index
from expunge.stores.faiss.index_file import OnDisk, load, store, twin
from expunge.stores.faiss.index_folder import TROUBLE, FaissFolder, Shard, number_of, of_keys, unable
from expunge.stores.tree.folder_layout import WantedValues
from expunge.stores.tree.interface import NobodyThere, NothingStays
from expunge.stores.tree.record_files import records
from expunge.stores.tree.safe_replace import rewrite


class FaissEraser:
    """One ``erase`` call over the indexes of one dataset."""

    def __init__(self, folder: FaissFolder) -> None:
        self._folder = folder

    def erase(self, copies: Sequence[Copy]) -> Outcomes:
        """Erase from each index once, for all subjects in it. The sidecar goes last, so that every vector left can still be found."""
        found: dict[Pseudonym, int] = {each.subject: 0 for each in copies}
        troubles: dict[Pseudonym, Unable] = {}
        files: dict[str, dict[int, list[Copy]]] = {}
        for copy in copies:
            for file, numbers in of_keys(copy.keys).items():
                for number in numbers:
                    files.setdefault(file, {}).setdefault(number, []).append(copy)
        for file, asked in files.items():
            shard = self._folder.shard(file)
            if shard is None or not (shard.there or shard.sidecar):
                continue
            try:
                leaving = self._leaving(shard, asked)
                gone = self._from_index(shard, leaving) | self._from_sidecar(shard, leaving)
            except TROUBLE as error:
                troubles |= {copy.subject: unable(self._folder.dataset, error) for each in asked.values() for copy in each}
                continue
            for number in gone:
                for copy in leaving[number]:
                    found[copy.subject] += 1
        return {subject: troubles.get(subject) or (Erased(items) if items else Absent()) for subject, items in found.items()}

    def _leaving(self, shard: Shard, asked: dict[int, list[Copy]]) -> dict[int, list[Copy]]:
        """Numbers that are to go, with for whom: not those that the sidecar has given to somebody else meanwhile."""
        selectors = [copy.selector for each in asked.values() for copy in each if copy.selector]
        wanted = WantedValues(list({id(selector): selector for selector in selectors}.values()))
        says = wanted.says((), None, inside=True)
        others = set()
        for number, record in shard.records(self._folder.number_field, [*wanted.fields, *wanted.beside]):
            if number in asked:
                meant = {wanted.selectors[owner].subject for owner in wanted.in_record(record, wanted.fields, says)}
                if not any(copy.selector is None or copy.subject in meant for copy in asked[number]):
                    others.add(number)
        return {number: copies for number, copies in asked.items() if number not in others}

    # --- the index --------------------------------------------------------------------------------

    def _from_index(self, shard: Shard, leaving: Collection[int]) -> set[int]:
        gone: set[int] = set()
        if not shard.there:
            return gone

        def cut(source: BinaryIO, target: BinaryIO) -> None:
            loaded = load(source, shard.path)
            gone.clear()
            gone.update(set(memory_index.ids(loaded.index).tolist()) & set(leaving))
            if not gone:
                raise NobodyThere
            if gone.issuperset(memory_index.ids(loaded.index).tolist()) and loaded.lists is None and self._folder.goes_when_empty(shard):
                raise NothingStays
            disk = None if loaded.lists is None else OnDisk(loaded.named, twin(loaded.lists), _beside(loaded.lists))
            store(memory_index.without(loaded.index, gone, disk or memory_index.in_memory), target, disk)

        try:
            rewrite(shard.path, cut)
        except NobodyThere:
            return set()
        return gone

    # --- the sidecar ------------------------------------------------------------------------------

    def _from_sidecar(self, shard: Shard, leaving: Collection[int]) -> set[int]:
        if shard.sidecar is None:
            return set()
        gone: set[int] = set()
        fields = [self._folder.number_field, *self._folder.layout.dataset.subject_fields]

        def cut(source: BinaryIO, target: BinaryIO) -> None:
            gone.clear()
            stays = False
            for record in records(source, shard.sidecar.name if shard.sidecar else "", shard.format, fields):
                number = None if record.value is None else number_of(record, self._folder.number_field)
                if number in leaving and number is not None:
                    gone.add(number)
                else:
                    target.write(record.raw)
                    stays |= number is not None
            if not gone:
                raise NobodyThere
            if not stays and not shard.there:
                raise NothingStays

        try:
            rewrite(shard.sidecar, cut)
        except NobodyThere:
            return set()
        return gone


def _beside(old: Path) -> Callable[[Path, Callable[[BinaryIO], None]], None]:
    """What writes the next generation of a file of lists, with the mode of the old one."""

    def write_lists(path: Path, write: Callable[[BinaryIO], None]) -> None:
        permit.check()
        # No index names it yet. crash here: a purge removes it, as it removes the old one once the index names this.
        durable.write_new(path, write, at="faiss.erase.lists", mode=old.stat().st_mode & 0o777)

    return write_lists
