"""Build the copies of an MLflow estate: those of subjects, those of bystanders, and their ages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from expunge.core.datamap.datamap import Dataset, ModelLayout
from expunge.core.retention.age_histogram import Ages
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.ids import Pseudonym
from expunge.core.values.scope import Window
from expunge.core.values.timestamps import latest
from expunge.stores.mlflow import content
from expunge.stores.mlflow.artifact_roots import ArtifactRoots
from expunge.stores.mlflow.entity_groups import Entity, EntityGroup
from expunge.stores.mlflow.fields import values
from expunge.stores.mlflow.linked_runs import LinkedRuns
from expunge.stores.mlflow.match import everything, gather, kinds_of

PAGE = 200
"""Runs, traces or versions of people who stay that are looked at together."""


def copies_of(family: EntityGroup, roots: ArtifactRoots, dataset: Dataset, selectors: Sequence[Selector]) -> Iterator[Copy]:
    """Yield the copy of each selector's subject in a family."""
    for number in family.subjects():
        copy = _copy(family, dataset, number, selectors[number].subject, selectors[number])
        if copy.keys:
            yield Copy(
                copy.dataset,
                copy.subject,
                copy.keys,
                copy.items,
                content.size(family, roots, copy.keys),
                copy.links,
                copy.selector,
                _shared(family, number, copy.keys),
            )


def _copy(
    family: EntityGroup, dataset: Dataset, number: int, subject: Pseudonym, selector: Selector | None, gone: frozenset[Entity] = frozenset()
) -> Copy:
    found = [item for item in family.items(number) if item not in gone and family.exists(item)]
    keys = tuple(each.key(family.location(each)) for each in found)
    links = {field: frozenset(str(value) for each in found for value in values(family, each, field)) for field in dataset.follow}
    return Copy(dataset.name, subject, keys, len(keys), links=links, selector=selector)


def _shared(family: EntityGroup, number: int, keys: Sequence[str]) -> frozenset[str]:
    """The keys that are other subjects' of the same call as well."""
    sql = "SELECT 1 FROM temp.expunge_items WHERE kind = ? AND id = ? AND version = ? AND workspace = ? AND subject <> ?"
    found = set()
    for key in keys:
        each, _ = Entity.of_key(key)
        if family.connection.execute(sql, (each.kind, each.id, each.version, each.workspace, number)).fetchone():
            found.add(key)
    return frozenset(found)


def bystanders(family: EntityGroup, dataset: Dataset, erased: Sequence[Copy], limit: int | None) -> Iterator[Copy]:
    """Yield the copies of bystanders, each with all that depends on their items.

    A bystander whose items lie in several pages has several copies.
    """
    gone = frozenset(Entity.of_key(key)[0] for each in erased for key in each.keys)
    fields = dataset.subject_fields
    numbers: dict[tuple[tuple[str, str], ...], int] = {}
    page: dict[tuple[tuple[str, str], ...], list[Entity]] = {}
    held = 0
    for entity in everything(family, dataset):
        if entity in gone:
            continue
        who = tuple((field, str(value)) for field in fields for value in values(family, entity, field))
        who = who or ((entity.kind, entity.id),) if isinstance(dataset.layout, ModelLayout) else who
        if limit is not None and len(numbers) >= limit and who not in numbers:
            continue
        numbers.setdefault(who, len(numbers))
        page.setdefault(who, []).append(entity)
        held += 1
        if held >= PAGE and limit is None:
            yield from _page(family, dataset, page, numbers, gone)
            page, held = {}, 0
    yield from _page(family, dataset, page, numbers, gone)


def _page(
    family: EntityGroup,
    dataset: Dataset,
    page: dict[tuple[tuple[str, str], ...], list[Entity]],
    numbers: dict[tuple[tuple[str, str], ...], int],
    gone: frozenset[Entity],
) -> Iterator[Copy]:
    family.only(())
    for who, entities in page.items():
        family.put(numbers[who], entities)
    is_model = isinstance(dataset.layout, ModelLayout)
    links = LinkedRuns(family, {numbers[who]: _matched(who) for who in page})
    family.close(upwards=is_model, link=(lambda: 0) if is_model else links.add)
    for who in page:
        subject = Pseudonym(f"control-{numbers[who]}")
        match = _matched(who)
        selector = Selector(subject, {field: frozenset(found) for field, found in match.items()}) if who and not is_model else None
        yield _copy(family, dataset, numbers[who], subject, selector, gone)


def _matched(who: tuple[tuple[str, str], ...]) -> dict[str, set[str]]:
    match: dict[str, set[str]] = {}
    for field, value in who:
        match.setdefault(field, set()).add(value)
    return match


def tally(family: EntityGroup, roots: ArtifactRoots, dataset: Dataset, field: str, edges: Sequence[datetime]) -> Ages:
    """Count the items of each stretch of time, by a selector for everything."""
    bounds = [*pairwise((None, *edges, None))] if edges else []
    items, sizes = [], []
    for since, until in bounds:
        family.only(())
        selector = Selector(Pseudonym("ages"), {}, every=True, where=Window(field, since, until))
        fresh = EntityGroup(family.connection, family.schema, family.declared, family.people)
        gather(fresh, dataset, [selector])
        keys = [item.key(fresh.location(item)) for item in fresh.items(0)]
        items.append(len(keys))
        sizes.append(content.size(fresh, roots, keys))
    undated = sum(latest(values(family, each, field)) is None for each in everything(family, dataset) if _here(dataset, each))
    return Ages(tuple(items), tuple(sizes), undated)


def _here(dataset: Dataset, entity: Entity) -> bool:
    return not isinstance(dataset.layout, ModelLayout) or entity.id == dataset.layout.name


def spans_of(family: EntityGroup, dataset: Dataset, by: str, field: str) -> Iterator[tuple[str, datetime | None]]:
    """(value, time) for each run and trace, or each version, of a dataset that has a value under ``by``."""
    for entity in everything(family, dataset):
        if _here(dataset, entity) and entity.kind in kinds_of(dataset):
            when = latest(values(family, entity, field))
            for value in values(family, entity, by):
                yield str(value), when
