"""Find the runs and datasets that hold what an item's run or model holds, because another run was linked to it.

An evaluation takes a model as input and notes its metrics; a run takes the same dataset. Such a run goes along where it is nobody else's.
"""

# ruff: noqa: S608 - names come from sibling modules and from the schema; values are bound
from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from expunge.core.datamap.datamap import ByField, Dataset
from expunge.core.values.copy import Selector
from expunge.stores.mlflow.catalogue import DATASET, MODEL, RUN
from expunge.stores.mlflow.entity_groups import Entity, EntityGroup
from expunge.stores.mlflow.fields import values

_RUN_ENDS = "('RUN', 'RUN_INPUT', 'RUN_OUTPUT')"


def person_fields(datasets: Sequence[Dataset]) -> tuple[str, ...]:
    """Return every field by which the datasets of a registry name a person."""
    fields = (each.subject.names for each in datasets if isinstance(each.subject, ByField))
    return tuple(dict.fromkeys(name for names in fields for name in names))


@dataclass
class LinkedRuns:
    """The links of one family; a run that names a person of its own stays, and so does one that made a registered model that stays."""

    family: EntityGroup
    named: Mapping[int, Mapping[str, Collection[str]]]
    """Subject -> field -> its own values: a run with these is not another person's."""
    narrowed: Collection[int] = ()
    """Subjects of whom only a window of time is meant: a run of another time keeps its inputs."""
    _stays: dict[tuple[int, str], bool] = field(default_factory=dict)

    @classmethod
    def of(cls, family: EntityGroup, selectors: Mapping[int, Selector | None]) -> LinkedRuns:
        """Return the links for some subjects, each with the selector that means it."""
        named = {number: each.match if each else {} for number, each in selectors.items()}
        return cls(family, named, frozenset(number for number, each in selectors.items() if each and each.narrowed))

    def add(self) -> int:
        """Add the linked runs, and the datasets that no run uses that stays; return the number of new ones."""
        self._stays.clear()
        return sum(self._add(number) for number in self.family.subjects())

    def _add(self, number: int) -> int:
        items = set(self.family.items(number))
        runs = {each.id for each in items if each.kind == RUN}
        models = {each.id for each in items if each.kind == MODEL}
        datasets = {data for data in self._datasets(number) if not any(self._keeps(number, run) for run in self._users(data) - runs)}
        linked = {run for data in datasets for run in self._users(data) if self._inputs(run) <= datasets}
        linked |= {run for model in models for run in self._evaluations(model)}
        going = {run for run in linked - runs if self._models(run) <= models and not self._keeps(number, run)}
        found = {Entity(RUN, run) for run in going}
        if number not in self.narrowed:
            # A run that stays, because it took other people's data as well, loses the input.
            found |= {Entity(DATASET, data) for data in datasets}
        return sum(self.family.add("SELECT ?, ?, ?, 0, ''", (number, each.kind, each.id)) for each in sorted(found - items))

    def _datasets(self, number: int) -> list[str]:
        """Datasets that are an input of the subject's runs and models."""
        return self._column(
            "SELECT DISTINCT n.source_id FROM temp.expunge_items AS i CROSS JOIN main.inputs AS n ON n.destination_id = i.id "
            "WHERE i.subject = ? AND i.kind IN ('run', 'model') AND n.source_type = 'DATASET'",
            number,
        )

    def _users(self, data: str) -> set[str]:
        """Runs that a dataset is an input of, by themselves or by a model that they made; the model where no row says which run."""
        made = "SELECT m.source_run_id FROM main.logged_models AS m WHERE m.model_id = n.destination_id"
        ends = f"CASE WHEN n.destination_type IN {_RUN_ENDS} THEN n.destination_id ELSE COALESCE(({made}), n.destination_id) END"
        return set(self._column(f"SELECT {ends} FROM main.inputs AS n WHERE n.source_type = 'DATASET' AND n.source_id = ?", data))

    def _inputs(self, run: str) -> set[str]:
        """Datasets that are an input of a run."""
        return set(self._column("SELECT source_id FROM main.inputs WHERE source_type = 'DATASET' AND destination_id = ?", run))

    def _evaluations(self, model: str) -> set[str]:
        """Runs that took a model as input, or noted a metric of it."""
        taken = "SELECT source_id FROM main.inputs WHERE source_type = 'RUN_INPUT' AND destination_id = ?"
        return set(self._column(taken, model)) | set(self._column("SELECT run_id FROM main.logged_model_metrics WHERE model_id = ?", model))

    def _models(self, run: str) -> set[str]:
        """Logged models that a run made, took as input or measured, as far as they are there."""
        sql = (
            "SELECT model_id FROM main.logged_models AS m WHERE m.source_run_id = ?1 "
            "OR m.model_id IN (SELECT destination_id FROM main.inputs WHERE source_id = ?1) "
            "OR m.model_id IN (SELECT model_id FROM main.logged_model_metrics WHERE run_id = ?1)"
        )
        return set(self._column(sql, run))

    def _keeps(self, number: int, run: str) -> bool:
        known = self._stays.get((number, run))
        if known is None:
            known = self._stays[number, run] = self._is_anothers(number, run) or self._is_registered(number, run)
        return known

    def _is_anothers(self, number: int, run: str) -> bool:
        own = self.named.get(number, {})
        fields = dict.fromkeys((*self.family.people, *own))
        return any(str(value) not in own.get(name, ()) for name in fields for value in values(self.family, Entity(RUN, run), name))

    def _is_registered(self, number: int, run: str) -> bool:
        item = (
            "SELECT 1 FROM temp.expunge_items AS j WHERE j.subject = ? AND j.kind = 'version' AND j.id = v.name AND j.version = v.version "
            "AND j.workspace = v.workspace"
        )
        made = "SELECT m.model_id FROM main.logged_models AS m WHERE m.source_run_id = ?"
        return bool(
            self._column(
                f"SELECT v.name FROM temp.expunge_versions AS v WHERE (v.run = ? OR v.model IN ({made})) AND NOT EXISTS ({item})",
                run,
                run,
                number,
            )
        )

    def _column(self, sql: str, *bound: object) -> list[str]:
        return list(self._values(sql, bound))

    def _values(self, sql: str, bound: Sequence[object]) -> Iterator[str]:
        yield from (str(row[0]) for row in self.family.connection.execute(sql, bound).fetchall() if row[0] is not None)
