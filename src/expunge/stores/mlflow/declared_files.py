"""Tell the files of a registry that datasets declare from others below its roots."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from expunge.core.datamap.datamap import Dataset
from expunge.core.values.copy import Selector
from expunge.core.values.ids import Pseudonym
from expunge.ports.optional.file_listing import NameFile, StoreFile
from expunge.stores.mlflow.artifact_roots import ArtifactRoots, OutsideRoots, own, real
from expunge.stores.mlflow.entity_groups import EntityGroup
from expunge.stores.mlflow.match import gather
from expunge.stores.sqlite.database_file import DatabaseFile


def everything(family: EntityGroup, declared: Sequence[Dataset]) -> None:
    """Fill a family with what the datasets cover: one subject for each. Raises sqlite3.Error."""
    for number, each in enumerate(declared):
        every = [Selector(Pseudonym(f"d{at}"), {}, every=at == number) for at in range(number + 1)]
        gather(family, each, every)


def folders_of(family: EntityGroup, roots: ArtifactRoots) -> frozenset[Path]:
    """Return the folders of all items of a family that lie below the roots. Raises sqlite3.Error."""
    found = set()
    for subject in family.subjects():
        for item in family.items(subject):
            with suppress(OutsideRoots):
                if (location := family.location(item)) is not None:
                    found.add(own(roots.path(location), item.id))
    return frozenset(found)


def naming(database: DatabaseFile, roots: ArtifactRoots, folders: frozenset[Path]) -> NameFile:
    """Return what tells whose a file is: the database's, an entity's that a dataset covers, or ``artifacts/...`` of nobody."""
    own_files = {database.path, *(database.beside(ending) for ending in ("-wal", "-shm", "-journal"))}
    places = [real(folder) for folder in roots.folders]

    def name(path: Path) -> StoreFile | None:
        whole = path.parent.resolve() / path.name
        root = next((each for each in places if whole.is_relative_to(each)), None)
        if whole in own_files or (root is None and whole.parent == database.path.parent):
            return StoreFile(path.name, whole in own_files)
        if root is None:
            return None
        declared = not folders.isdisjoint((whole, *whole.parents))
        return StoreFile(f"artifacts/{whole.relative_to(root).as_posix()}", declared, declared)

    return name
