"""Find a subject's items in a dataset of the map: the runs, traces and versions that selectors mean, and all that depends on them."""

# ruff: noqa: S608 - names come from sibling modules and from the schema; values are bound
from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from expunge.core.datamap.datamap import Dataset, ExperimentLayout, ModelLayout
from expunge.core.values.copy import Selector
from expunge.stores.mlflow.catalogue import HOMES, MODEL, NAME, RUN, TRACE, VERSION
from expunge.stores.mlflow.entity_groups import Entity, EntityGroup
from expunge.stores.mlflow.fields import admits, readings
from expunge.stores.mlflow.linked_runs import LinkedRuns

REGISTERED = "mlflow.modelVersions"
"""The tag in which a logged model notes under which names it was registered: left when the name is deleted."""


def kinds_of(dataset: Dataset) -> tuple[str, ...]:
    """Return the kinds of entities that the subject fields of a dataset belong to."""
    return (VERSION,) if isinstance(dataset.layout, ModelLayout) else (RUN, TRACE)


def gather(family: EntityGroup, dataset: Dataset, selectors: Sequence[Selector]) -> None:
    """Fill a family: the subject number ``n`` is that of ``selectors[n]``."""
    is_model = isinstance(dataset.layout, ModelLayout)
    if not is_model:
        family.protect(range(len(selectors)))
    seed(family, dataset, selectors)
    narrowed = {number: each for number, each in enumerate(selectors) if each.narrowed}
    seen: set[tuple[int, Entity]] = set()

    def judge() -> None:
        # Of a person's run that goes, runs and traces of another time stay; of a model that goes, everything goes.
        for number, selector in narrowed.items():
            for entity in family.items(number):
                if entity.kind in kinds_of(dataset) and (number, entity) not in seen:
                    seen.add((number, entity))
                    if not admits(family, entity, selector):
                        family.spare(number, entity)

    judge()
    links = LinkedRuns.of(family, dict(enumerate(() if is_model else selectors)))
    family.close(upwards=is_model, judge=None if is_model else judge, link=_no_more if is_model else links.add)


def _no_more() -> int:
    """Of a model that goes, the runs that made it go: who measured it is a question for the map."""
    return 0


def seed(family: EntityGroup, dataset: Dataset, selectors: Sequence[Selector]) -> None:
    """Add the runs and traces, or the versions, that selectors mean by values or because they mean all."""
    for number, selector in enumerate(selectors):
        if selector.every:
            for kind in kinds_of(dataset):
                family.add(f"SELECT ?, x.kind, x.id, x.version, x.workspace FROM ({_all(family, kind)}) AS x", (number, name_of(dataset)))
            if isinstance(dataset.layout, ModelLayout) and not selector.narrowed:
                _unregistered(family, dataset.layout.name, number)
    _by_values(family, dataset, selectors)


def models_of(datasets: Iterable[Dataset]) -> list[str]:
    """The registered names of the models among some datasets."""
    return [dataset.layout.name for dataset in datasets if isinstance(dataset.layout, ModelLayout)]


def name_of(dataset: Dataset) -> str:
    """The name of the model or experiment that a dataset is."""
    return dataset.layout.name if isinstance(dataset.layout, ModelLayout | ExperimentLayout) else ""


def _all(family: EntityGroup, kind: str) -> str:
    """SQL for every entity of a kind of one dataset, whose name is bound."""
    home = HOMES[kind]
    if kind == VERSION:
        ws = family.schema.workspace("model_versions", "t")
        names = f"'{VERSION}' AS kind, t.name AS id, t.version AS version, {ws} AS workspace"
        return f"SELECT {names} FROM main.model_versions AS t WHERE t.name = ?"
    experiments = "SELECT e.experiment_id FROM main.experiments AS e WHERE e.name = ?"
    return (
        f"SELECT '{kind}' AS kind, t.{home.columns[0]} AS id, 0 AS version, '' AS workspace FROM main.{home.table} AS t "
        f"WHERE t.experiment_id IN ({experiments})"
    )


def _unregistered(family: EntityGroup, model: str, number: int) -> None:
    """The name itself, and logged models that were registered under it before somebody deleted the versions."""
    workspace = family.schema.workspace("registered_models", "t")
    family.add(f"SELECT ?, '{NAME}', t.name, 0, {workspace} FROM main.registered_models AS t WHERE t.name = ?", (number, model))
    family.add(
        f"SELECT ?, '{MODEL}', t.model_id, 0, '' FROM main.logged_model_tags AS t WHERE t.tag_key = ? AND json_valid(t.tag_value) "
        "AND EXISTS (SELECT 1 FROM json_each(t.tag_value) AS e WHERE json_extract(e.value, '$.name') = ?)",
        (number, REGISTERED, model),
    )


def _by_values(family: EntityGroup, dataset: Dataset, selectors: Sequence[Selector]) -> None:
    family.connection.execute("DROP TABLE IF EXISTS temp.expunge_wanted")
    family.connection.execute(
        "CREATE TEMP TABLE expunge_wanted (field TEXT, value TEXT, subject INTEGER, PRIMARY KEY (field, value, subject)) WITHOUT ROWID"
    )
    rows = (
        (name, value.encode("utf-8", "surrogatepass"), number)
        for number, each in enumerate(selectors)
        if not each.every
        for name, wanted in each.match.items()
        for value in wanted
    )
    family.connection.executemany("INSERT OR IGNORE INTO temp.expunge_wanted VALUES (?, CAST(? AS TEXT), ?)", rows)
    for field in sorted({name for selector in selectors for name in selector.match}):
        for each in readings(family.schema, kinds_of(dataset), field):
            inside = f"SELECT a.id FROM ({_all(family, each.kind)}) AS a"
            family.add(
                f"SELECT w.subject, '{each.kind}', x.id, x.version, x.workspace FROM ({each.sql}) AS x "
                "CROSS JOIN temp.expunge_wanted AS w ON w.field = ? AND w.value = CAST(x.value AS TEXT) "
                f"WHERE x.id IN ({inside})",
                (*each.values, field, name_of(dataset)),
            )


def everything(family: EntityGroup, dataset: Dataset) -> Iterator[Entity]:
    """Yield every run and trace, or every version, of a dataset. For a model the versions of other names are included: they stay."""
    for kind in kinds_of(dataset):
        sql = _all(family, kind)
        if isinstance(dataset.layout, ModelLayout):
            rows = family.connection.execute(sql.rpartition(" WHERE ")[0])
        else:
            rows = family.connection.execute(sql, (name_of(dataset),))
        yield from (Entity(*row) for row in rows.fetchall())
