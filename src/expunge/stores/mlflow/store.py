"""MLflow registries: a SQLite backend database and a folder of artifacts, each to ``scrubbed``.

MLflow is not needed and never imported. Rows are deleted by statements of ours, files one by one. :mod:`expunge.stores.mlflow.catalogue`
lists the known schemas. There are two layouts. ``model: NAME`` is a registered model with its weights under every name they were copied to,
the runs that made them and all that depends on those. ``experiment: NAME`` is runs and traces of subjects.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import cast

from expunge.core.datamap.datamap import AboutNobody, Dataset, Ignore, StoreSpec
from expunge.core.datamap.grounding import Capabilities, Grounding
from expunge.core.lineage.model_origin import ModelOrigin
from expunge.core.retention.age_histogram import Ages, AgeSpan, SpannedItem
from expunge.core.values.copy import Copy, Cost, Finding, FindingKind, Item, Probed, RawSource, Selector
from expunge.core.values.ids import IdempotencyKey
from expunge.core.values.outcome import Absent, Erased, Outcome, Outcomes, Reason, Unable
from expunge.errors import CouldNotLook, StoreUnavailable
from expunge.ports.optional.file_listing import NameFile
from expunge.ports.optional.surroundings import Near
from expunge.ports.scanner import Tracer
from expunge.stores.mlflow import artifact_roots, content, declared_files, near
from expunge.stores.mlflow.artifact_roots import ArtifactRoots
from expunge.stores.mlflow.catalogue import MlflowSchema
from expunge.stores.mlflow.check import MlflowCheck
from expunge.stores.mlflow.copies import bystanders, copies_of, spans_of, tally
from expunge.stores.mlflow.entity_groups import Entity, EntityGroup
from expunge.stores.mlflow.erase import MlflowEraser, RemainingItems
from expunge.stores.mlflow.kind import BUSY_MS
from expunge.stores.mlflow.ladder import orphans, sweep_rows
from expunge.stores.mlflow.linked_runs import person_fields
from expunge.stores.mlflow.match import gather, models_of
from expunge.stores.mlflow.origins import origins
from expunge.stores.mlflow.probe import look
from expunge.stores.near.databases import folder_of
from expunge.stores.near.lying_files import files_of
from expunge.stores.sqlite.database_file import DatabaseFile
from expunge.stores.sqlite.ladder import climb, in_the_way, room_needed
from expunge.stores.tables.selectors import merged

OUT_OF_SCOPE = (
    "models that a serving process holds in memory or has downloaded: restart it and clear its cache",
    "artifacts that were downloaded or exported to other places, and backups of the database",
    "blocks of the disk that the file system has freed and not overwritten or discarded yet",
)
_KEPT = "folders named like those of runs and models that no row of the database knows: the map says that they are another registry's"
_DOUBTFUL = (
    "{} folders of runs, models or traces are left that no row knows, {} of them with weights, and nobody can tell whose: `expunge check` "
    "lists them; set `orphans: remove` where the folder is this registry's alone, `orphans: keep` where they are another's"
)


class Mlflow:
    """A store of kind ``mlflow``.

    ``url`` is the backend database (``sqlite:///mlflow.db``). Options: ``artifacts``, the folder of the artifacts, or several by name, of
    which the tracking server serves the first; ``orphans``, the treatment of folders that no row knows (``remove`` or ``keep``; without it
    a purge that finds any reports them); ``busy_ms``, the time to wait for a lock (default 5000).
    """

    def __init__(self, spec: StoreSpec, datasets: tuple[Dataset, ...]) -> None:
        """Take the declaration; nothing is opened."""
        self._spec = spec
        self._datasets = datasets
        self._roots, self._orphans, busy = _options(spec)
        self._file = DatabaseFile(spec.name, "main", Path(spec.url.removeprefix("sqlite:///")), busy)
        self._open: sqlite3.Connection | None = None
        self._purged: tuple[object, ...] = ()

    @property
    def capabilities(self) -> Capabilities:
        """``scrubbed`` where the database and the artifacts can be written, ``none`` otherwise."""
        able = (self._file.writable() if self._file.path.exists() else True) and self._writable()
        scope = (*OUT_OF_SCOPE, _KEPT) if self._orphans == "keep" else OUT_OF_SCOPE
        return Capabilities(Grounding.SCRUBBED if able else Grounding.NONE, batch=500, exclusive=True, out_of_scope=scope)

    def _writable(self) -> bool:
        return all(os.access(folder, os.R_OK | os.W_OK | os.X_OK) for folder in self._roots.folders if folder.exists())

    # --- looking -----------------------------------------------------------------------------------

    def check(self, ignored: Sequence[Ignore]) -> Iterator[Finding]:
        """Compare the registry with the map, and report models of unknown origin."""
        if not self._file.path.exists():
            what, mend = "the database does not exist", "correct `url:`, or restore the file"
            yield Finding(FindingKind.MISSING, self._spec.name, str(self._file.path), what, mend)
            return
        try:
            connection = self._connection()
            check = MlflowCheck(
                connection, MlflowSchema(connection, self._file.where), self._spec.name, self._datasets, self._roots, ignored
            )
            findings = list(check.findings(self._file, writable=self._file.writable() and self._writable()))
        except (sqlite3.Error, OSError) as error:
            unable = self._file.unable(error)
            kind = FindingKind.PERMISSION if unable.reason is Reason.PERMISSION else FindingKind.UNREADABLE
            findings = [Finding(kind, self._spec.name, str(self._file.path), unable.detail, "see above, then run `check` again")]
        except CouldNotLook as error:
            findings = [Finding(FindingKind.UNSUPPORTED, self._spec.name, str(self._file.path), error.message, error.help or "see above")]
        yield from findings

    def locate(self, dataset: Dataset, selectors: Sequence[Selector]) -> Iterator[Copy]:
        """Find runs, traces and versions by tag, parameter, metadata or because all are meant, and everything that hangs on them."""
        if isinstance(dataset.subject, AboutNobody) and not any(selector.every for selector in selectors):
            return
        wanted = merged(selectors)
        with self._looking(dataset) as family:
            gather(family, dataset, wanted)
            yield from copies_of(family, self._roots, dataset, wanted)

    def bystanders(self, dataset: Dataset, erased: Sequence[Copy], limit: int | None) -> Iterator[Copy]:
        """Yield runs and traces of bystanders; for a model, the versions of every other name."""
        with self._looking(dataset) as family:
            yield from bystanders(family, dataset, erased, limit)

    def ages(self, dataset: Dataset, field: str, edges: Sequence[datetime]) -> Ages:
        """Return the ages of items in each stretch of time, dependent rows and files included."""
        with self._looking(dataset) as family:
            return tally(family, self._roots, dataset, field, edges)

    def spans(self, dataset: Dataset, by: str, field: str) -> Iterator[AgeSpan]:
        """One pass over the runs and traces, or the versions."""
        counted = SpannedItem()
        with self._looking(dataset) as family:
            for value, when in spans_of(family, dataset, by, field):
                counted.add(value, when)
        yield from counted.spans()

    def export(self, dataset: Dataset, copy: Copy) -> Iterator[Item]:
        """The rows as JSON lines, the artifacts as files."""
        with self._looking(dataset) as family:
            yield from content.export(family, self._roots, dataset.name, copy)

    def trace(self, dataset: Dataset, copies: Sequence[Copy], tracer: Tracer) -> None:
        """Hand over every value of every row, and every artifact."""
        with self._looking(dataset) as family:
            content.trace(family, self._roots, dataset.name, copies, tracer)

    def files(self) -> NameFile:
        """Tell the database, and artifacts of what datasets cover, from other files below the roots."""
        folders = frozenset[Path]()
        if self._file.path.exists():
            with self._file.looking(self._file.where), closing(self._file.connect()) as connection:
                family = self._family(connection)
                declared_files.everything(family, self._datasets)
                folders = declared_files.folders_of(family, self._roots)
        return declared_files.naming(self._file, self._roots, folders)

    def surroundings(self) -> Iterator[Near]:
        """Yield experiments and models that no dataset names, files of the artifacts' folders, and the folder of the database."""
        if self._file.path.exists():
            with self._file.looking(self._file.where):
                yield from list(near.entries(self._file.connect, self._file.where, self._datasets))
        for folder in self._roots.folders:
            if folder.is_dir():
                yield files_of(artifact_roots.real(folder), self.files)
        yield folder_of(self._file.path.parent, self.files)

    def probe(self, dataset: Dataset, copies: Sequence[Copy]) -> Iterator[Probed]:
        """Look by tags, by identifier in every table, and for the folders, over a new connection."""
        try:
            with closing(self._file.connect()) as connection:
                answers = list(look(self._family(connection), self._roots, dataset, copies))
        except (sqlite3.Error, OSError) as error:
            answers = [Probed(copy.subject, 0, (), self._file.unable(error).detail) for copy in copies]
        except CouldNotLook as error:
            answers = [Probed(copy.subject, 0, (), error.message) for copy in copies]
        yield from answers

    def schema_words(self) -> Iterator[str]:
        """Names of MLflow's tables and columns, and the keys that several runs, models or traces have."""
        with self._file.looking(self._file.where), closing(self._file.connect()) as connection:
            yield from content.schema_words(connection, MlflowSchema(connection, self._file.where))

    def origins(self) -> tuple[ModelOrigin, ...]:
        """Return the origin of every model, dark models included."""
        with self._file.looking(self._file.where), closing(self._file.connect()) as connection:
            return origins(connection, MlflowSchema(connection, self._file.where))

    def raw(self) -> Iterator[RawSource]:
        """Yield the database and its companion files, and the folders of artifacts."""
        yield from self._file.sources()
        for folder in self._roots.folders:
            if folder.exists():
                yield RawSource(folder, "data")

    # --- erasing -----------------------------------------------------------------------------------

    def preflight(self, dataset: Dataset, copies: Sequence[Copy], kept: Sequence[Copy] = ()) -> tuple[Unable, ...]:
        """Rights, room, a writer in the way, artifacts out of reach, folders that others use, runs that undeclared models share."""
        try:
            connection = self._connection()
            if not (self._file.writable() and self._writable()):
                return (self._read_only(),)
            troubles = []
            if shutil.disk_usage(self._file.path.parent).free < (need := room_needed(self._file)):
                detail = f"{self._file.where}: rewriting the database needs {need >> 20} MiB free beside it"
                troubles.append(Unable(Reason.DISK_FULL, detail))
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
            family = self._gathered(connection, dataset, copies)
            troubles += self._takes_along(copies, kept)
            troubles += self._shares(family)
            eraser = MlflowEraser(family, self._roots, self._file.where)
            standing = (RemainingItems(family, self._roots, number, each) for number, each in enumerate(copies))
            return tuple(dict.fromkeys((*troubles, *(blocked for each in standing if (blocked := eraser.blocked(each)) is not None))))
        except (sqlite3.Error, OSError) as error:
            return (self._file.unable(error),)
        except CouldNotLook as error:
            return (Unable(Reason.SCHEMA_CHANGED, error.message),)

    def _takes_along(self, copies: Sequence[Copy], kept: Sequence[Copy]) -> list[Unable]:
        """Items that are kept and that hang on what goes."""
        going = {Entity.of_key(key)[0] for copy in copies for key in copy.keys}
        names = {each.dataset for each in kept if any(Entity.of_key(key)[0] in going for key in each.keys)}
        return [Unable(Reason.REFERENCED, f"what goes would take along items of {name} that are kept") for name in sorted(names)]

    def _shares(self, family: EntityGroup) -> list[Unable]:
        """Runs that made what goes and a model that no dataset declares: they would stay with it, and with what they logged."""
        declared = set(models_of(self._datasets))
        undeclared = any(name not in declared for _, _, name in family.shared_runs())
        detail = f"{self._file.where}: a run also made a registered model that no dataset declares; declare it, or remove it"
        return [Unable(Reason.REFERENCED, detail)] if undeclared else []

    def cost(self, copies: Mapping[str, Sequence[Copy]]) -> Cost:
        """The database is read and written again as a whole (VACUUM); artifacts are only removed."""
        if not any(copies.values()) or not self._file.path.exists():
            return Cost()
        size = self._file.path.stat().st_size
        return Cost(size, 1, size)

    def erase(self, dataset: Dataset, copies: Sequence[Copy], key: IdempotencyKey) -> Outcomes:  # noqa: ARG002 - idempotent in effect
        """Remove the files, then the rows in one transaction.

        Items that are gone already answer ``Absent``, so that any key may come twice.
        """
        try:
            connection = self._connection()
            if not (self._file.writable() and self._writable()):
                return {copy.subject: self._read_only() for copy in copies}
            family = self._gathered(connection, dataset, copies)
            if shared := self._shares(family):
                return {copy.subject: shared[0] for copy in copies}
            return MlflowEraser(family, self._roots, self._file.where).erase(copies)
        except sqlite3.OperationalError as error:
            busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY and self._open is not None
            unable = Unable(*in_the_way(self._file, self._connection())) if busy else self._file.unable(error)
        except (sqlite3.Error, OSError) as error:
            unable = self._file.unable(error)
        except CouldNotLook as error:
            unable = Unable(Reason.SCHEMA_CHANGED, error.message)
        return {copy.subject: unable for copy in copies}

    def purge(self, datasets: Sequence[Dataset], key: IdempotencyKey) -> Outcome:  # noqa: ARG002 - idempotent in effect
        """Rows and folders that nothing holds any more, then free pages, gaps and the write-ahead log."""
        if not datasets:
            return Absent()
        try:
            with closing(self._file.connect()) as connection:
                if self._purged and self._purged == self._file.state() and not self._left(connection):
                    return Absent()
                done = sweep_rows(connection, MlflowSchema(connection, self._file.where))
                removed, doubtful = self._remove_orphans(connection)
                outcome = climb(self._file, connection)
            if isinstance(outcome, Unable):
                return outcome
            self._purged = self._file.state()
            done += removed + (outcome.items if isinstance(outcome, Erased) else 0)
            return doubtful or (Erased(done) if done else Absent())
        except (sqlite3.Error, OSError) as error:
            return self._file.unable(error)
        except CouldNotLook as error:
            return Unable(Reason.SCHEMA_CHANGED, error.message)

    def _left(self, connection: sqlite3.Connection) -> bool:
        return self._orphans != "keep" and any(True for _ in orphans(connection, MlflowSchema(connection, self._file.where), self._roots))

    def _remove_orphans(self, connection: sqlite3.Connection) -> tuple[int, Unable | None]:
        """Remove folders that no row knows where the map says so; how many files and folders went, and what is to be said of the rest."""
        found = [] if self._orphans == "keep" else list(orphans(connection, MlflowSchema(connection, self._file.where), self._roots))
        going = [each for each in found if self._orphans == "remove" or not each.files]
        removed = sum(artifact_roots.remove(each.path) for each in going)
        if left := len(found) - len(going):
            detail = _DOUBTFUL.format(left, sum(each.weights for each in found))
            return removed, Unable(Reason.CANNOT_TELL, f"{self._file.where}: {detail}")
        return removed, None

    def close(self) -> None:
        """Close the connection."""
        if self._open is not None:
            self._open.close()
            self._open = None

    # --- places ------------------------------------------------------------------------------------

    def _connection(self) -> sqlite3.Connection:
        if self._open is None:
            self._open = self._file.connect()
        return self._open

    def _family(self, connection: sqlite3.Connection) -> EntityGroup:
        return EntityGroup(connection, MlflowSchema(connection, self._file.where), models_of(self._datasets), person_fields(self._datasets))

    def _gathered(self, connection: sqlite3.Connection, dataset: Dataset, copies: Sequence[Copy]) -> EntityGroup:
        family = self._family(connection)
        gather(family, dataset, [copy.selector or Selector(copy.subject, {}) for copy in copies])
        return family

    def _read_only(self) -> Unable:
        return Unable(Reason.PERMISSION, f"{self._file.where}: the database, its folder or the artifacts cannot be written")

    @contextmanager
    def _looking(self, dataset: Dataset) -> Iterator[EntityGroup]:
        """The family of a call, over a connection of its own, with trouble turned into the errors that the port names."""
        with self._file.looking(f"dataset {dataset.name}"), closing(self._file.connect()) as connection:
            try:
                yield self._family(connection)
            except PermissionError as error:
                message = f"dataset {dataset.name}: {self._file.where}: the artifacts cannot be read"
                raise StoreUnavailable(message, help="give this process read access") from error


def _options(spec: StoreSpec) -> tuple[ArtifactRoots, str, int]:
    """The folders of artifacts, what becomes of orphans, and how long to wait."""
    artifacts = cast("str | Mapping[str, str]", spec.options["artifacts"])
    busy = int(str(spec.options.get("busy_ms", BUSY_MS)))
    return ArtifactRoots.of(artifacts), str(spec.options.get("orphans", "")), busy
