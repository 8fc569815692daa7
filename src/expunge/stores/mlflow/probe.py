"""Probe an MLflow estate for erased items, by every path that may still lead to them."""

# ruff: noqa: S608 - names come from the schema; values are bound
from __future__ import annotations

from collections.abc import Iterator, Sequence

from expunge.core.datamap.datamap import Dataset
from expunge.core.values.copy import Copy, Probed, Selector
from expunge.stores.mlflow.artifact_roots import ArtifactRoots, OutsideRoots, own
from expunge.stores.mlflow.catalogue import HOMES, MODEL, RUN, TRACE
from expunge.stores.mlflow.entity_groups import Entity, EntityGroup
from expunge.stores.mlflow.match import gather


def look(family: EntityGroup, roots: ArtifactRoots, dataset: Dataset, copies: Sequence[Copy]) -> Iterator[Probed]:
    """Yield one answer for each copy: items that its selector still finds, rows anywhere that name its items, their folders.

    Raises sqlite3.Error.
    """
    gather(family, dataset, [each.selector or Selector(each.subject, {}) for each in copies])
    paths = tuple(f"table {each.table}" for each in (*HOMES.values(), *family.schema.hanging()))
    for number, copy in enumerate(copies):
        seen = {item for item in family.items(number) if family.exists(item)}
        for entity, location in map(Entity.of_key, copy.keys):
            if _named(family, entity) or (location and _lying(roots, entity, location)):
                seen.add(entity)
        yield Probed(copy.subject, len(seen), (*dict.fromkeys(paths), "artifacts"))


def _named(family: EntityGroup, entity: Entity) -> bool:
    """Whether any table still has a row of an item."""
    values = {"id": entity.id, "version": entity.version, "workspace": entity.workspace}
    for each in (HOMES[entity.kind], *family.schema.hanging((entity.kind,))):
        kept = family.schema.kept(each)
        where = " AND ".join(f"{theirs} = ?" for theirs, _ in kept)
        sql = f"SELECT 1 FROM main.{each.table} WHERE {where} LIMIT 1"
        if family.connection.execute(sql, [values[own] for _, own in kept]).fetchone():
            return True
    return False


def _lying(roots: ArtifactRoots, entity: Entity, location: str) -> bool:
    if entity.kind not in {RUN, MODEL, TRACE}:
        return False
    try:
        folder = own(roots.path(location), entity.id)
    except OutsideRoots:
        return False
    return folder.name == entity.id and folder.exists()
