"""Erase from an MLflow estate: the files of each item first, then all rows in one transaction.

The sequence matters for a crash in between. The next attempt finds rows without files again. It cannot find files without rows.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from expunge import permit
from expunge.core.values.copy import Copy
from expunge.core.values.ids import Pseudonym
from expunge.core.values.outcome import Absent, Erased, Outcome, Reason, Unable
from expunge.faults import failpoint
from expunge.stores.mlflow import artifact_roots
from expunge.stores.mlflow.artifact_roots import ArtifactRoots, OutsideRoots, own
from expunge.stores.mlflow.catalogue import MODEL, RUN, TRACE, VERSION
from expunge.stores.mlflow.entity_groups import Entity, EntityGroup
from expunge.stores.mlflow.row_deletion import delete_items, delete_unused
from expunge.stores.tree.erase import reason_of

ELSEWHERE = "artifacts lie outside the folders that `artifacts:` declares: add their folder, or erase them by hand and the rows after them"
MIXED = "a folder of theirs holds artifacts of others as well: move those, then plan again"
_IDENTIFIER = re.compile(r"[0-9a-f]{32}|(m|tr)-[0-9a-f]{32}")
_OWNED = (RUN, MODEL, TRACE)
"""Kinds whose folder is named after them: it is theirs even where their row is gone."""


class RemainingItems:
    """The items of one copy that are still there."""

    def __init__(self, family: EntityGroup, roots: ArtifactRoots, number: int, copy: Copy) -> None:
        """Args: a family that was gathered for the copies' selectors, the copy's number among them, and the copy."""
        belonging = set(family.items(number)) if copy.selector is not None else None
        self.entities: list[Entity] = []
        self.folders: dict[Path, Entity] = {}
        self.outside = 0
        gone = 0
        for entity, location in map(Entity.of_key, copy.keys):
            stands = family.exists(entity) and (belonging is None or entity in belonging)
            if stands:
                self.entities.append(entity)
            here = family.location(entity) if stands else location
            lying = self._lying(roots, entity, here, stands=stands) if here else False
            gone += lying and not stands
        self.items = len(self.entities) + gone
        self.bytes = sum(map(artifact_roots.size, self.folders))

    def _lying(self, roots: ArtifactRoots, entity: Entity, location: str, *, stands: bool) -> bool:
        """Note the folder of an item; whether anything lies there. A folder whose row is gone counts if it is the item's alone."""
        if not stands and entity.kind not in _OWNED:
            return False
        try:
            folder = own(roots.path(location), entity.id)
        except OutsideRoots:
            self.outside += stands
            return False
        if not stands and folder.name != entity.id:
            return False
        if folder.exists() or folder.is_symlink():
            self.folders[folder] = entity
            return True
        return False


class MlflowEraser:
    """One batch of copies of one dataset."""

    def __init__(self, family: EntityGroup, roots: ArtifactRoots, where: str) -> None:
        self._family = family
        self._roots = roots
        self._where = where
        self._placed = list(_placed(family, roots))

    def blocked(self, standing: RemainingItems) -> Unable | None:
        """Why a copy cannot be erased, before anything was done to it."""
        if standing.outside:
            return Unable(Reason.UNSUPPORTED, f"{self._where}: {ELSEWHERE}")
        ours = set(standing.entities)
        for folder, entity in standing.folders.items():
            if any(each not in ours and path.is_relative_to(folder) for each, path in self._placed) or self._mixed(folder, entity):
                return Unable(Reason.REFERENCED, f"{self._where}: {MIXED}")
        return None

    def _mixed(self, folder: Path, entity: Entity) -> bool:
        """Whether a folder that is not named after its item holds folders of runs, models or traces."""
        if entity.kind != VERSION or not folder.is_dir():
            return False
        return any(_IDENTIFIER.fullmatch(path.name) for path in folder.rglob("*") if path.is_dir())

    def erase(self, copies: Sequence[Copy]) -> dict[Pseudonym, Outcome]:
        """Remove the copies' items that still exist and still belong to their subjects; one outcome for each subject.

        Raises:
            sqlite3.Error, OSError: the rows stand; some files may be gone.
        """
        standing = {number: RemainingItems(self._family, self._roots, number, each) for number, each in enumerate(copies)}
        outcomes: dict[Pseudonym, Outcome] = {}
        going: dict[int, RemainingItems] = {}
        for number, each in standing.items():
            blocked = self.blocked(each)
            if blocked is not None:
                outcomes[copies[number].subject] = blocked
            elif not each.items:
                outcomes[copies[number].subject] = Absent()
            else:
                going[number] = each
        for number in list(going):
            try:
                self._remove(going[number])
            except OSError as error:
                outcomes[copies[number].subject] = self._trouble(error)
                del going[number]
        self._delete([entity for each in going.values() for entity in each.entities])
        for number, each in going.items():
            # What a program wrote between the first look and the commit lies in folders that no row names now.
            self._remove(each)
            outcomes[copies[number].subject] = Erased(each.items, each.bytes)
        return outcomes

    def _trouble(self, error: OSError) -> Unable:
        return Unable(
            reason_of(error), f"{self._where}: the artifacts cannot be removed; the operating system says: {os.strerror(error.errno or 0)}"
        )

    @staticmethod
    def _remove(standing: RemainingItems) -> None:
        for folder in standing.folders:
            artifact_roots.remove(folder)

    def _delete(self, entities: Sequence[Entity]) -> None:
        """Delete the rows of some entities, and all that hangs on them, in one transaction. Raises sqlite3.Error."""
        connection = self._family.connection
        connection.execute("PRAGMA foreign_keys=ON")
        failpoint("mlflow.erase.begin:before")
        connection.execute("BEGIN IMMEDIATE")
        try:
            self._family.only(entities)
            delete_items(connection, self._family.schema)
            delete_unused(connection)
            permit.check()
            failpoint("mlflow.erase.commit:before")
            # commit point: no read path knows the items once this returns; before, a crash leaves all rows.
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        failpoint("mlflow.erase.commit:after")


def _placed(family: EntityGroup, roots: ArtifactRoots) -> Iterator[tuple[Entity | None, Path]]:
    """The folders of registered versions and experiments, those of the roots."""
    sql = "SELECT name, version, workspace, place FROM temp.expunge_versions"
    for name, version, workspace, place in family.connection.execute(sql).fetchall():
        with suppress(OutsideRoots):
            yield Entity(VERSION, name, version, workspace), roots.path(place)
    for (location,) in family.connection.execute("SELECT artifact_location FROM main.experiments").fetchall():
        with suppress(OutsideRoots):
            yield None, roots.path(location or "")
