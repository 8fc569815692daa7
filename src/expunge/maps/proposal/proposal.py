"""A first map for any number of folders, databases and buckets, for a person to read and correct.

It is proposed from names, keys and samples, which are compared in memory and dropped. It holds no value of the data: no identifier, no name
of a person's folder or file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from expunge.core.values.scope import MODIFIED
from expunge.maps.proposal import model_registries
from expunge.maps.proposal.folder_ways import with_ways
from expunge.maps.proposal.from_files import ReadColumns, look_at_folder
from expunge.maps.proposal.guesses import Guess
from expunge.maps.proposal.index_folders import with_sidecars
from expunge.maps.proposal.map_text import SurveyedData, fresh_name, word, written
from expunge.maps.proposal.people_tables import TableFacts, people_tables
from expunge.maps.proposal.settling import settled
from expunge.maps.proposal.table_ways import TableWays
from expunge.maps.proposal.targets import Target, distinct, recognised, relative
from expunge.ports.optional.table_survey import TableSurvey

OpenSurvey = Callable[[str, Path | str, str], AbstractContextManager[TableSurvey]]
"""Opens a store of tables: kind, place, name for messages."""
_TABLES = frozenset({"sqlite", "postgres", "lancedb"})


@dataclass
class _Look:
    """What was seen of all targets so far."""

    map_folder: Path
    open_survey: OpenSurvey
    columns: ReadColumns
    stack: ExitStack
    databases: frozenset[Path]
    """The SQLite files that are targets themselves."""
    sight: SurveyedData = field(default_factory=SurveyedData)
    tables: list[TableFacts] = field(default_factory=list)
    files: list[Guess] = field(default_factory=list)

    def store_name(self, wanted: str) -> str:
        """Return a name that no store has yet."""
        taken = {store[0] for store in self.sight.stores}
        return next(each for each in (wanted, *(f"{wanted}_{number}" for number in range(2, 99))) if each not in taken)

    def dataset_name(self, table: str, store: str) -> str:
        """Return a name that no dataset has yet, fit for a map."""
        return fresh_name(table, store, [facts.dataset for facts in self.tables])


def propose_map(targets: Sequence[str], map_folder: Path, open_survey: OpenSurvey, columns: ReadColumns, environ: Mapping[str, str]) -> str:
    """Return the text of a first ``expunge.yaml``.

    Args:
        targets: folders of files, with or without SQLite databases in them; SQLite databases; addresses of databases and buckets.
        map_folder: where the map will lie; urls are written relative to it.
        open_survey: opens stores of tables.
        columns: reads the Parquet files of a lake.
        environ: variables by which an address with a password is named.

    Raises:
        UsageError: when a target is nothing that a map could declare.
        StoreUnavailable: when a database cannot be read.
    """
    found = [recognised(each, map_folder, environ) for each in distinct(targets)]
    own = {Path(each.where).resolve() for each in found if each.kind == "sqlite"}
    with ExitStack() as stack:
        look = _Look(map_folder, open_survey, columns, stack, frozenset(own))
        for target in found:
            look.sight.notes += target.notes
            see = _see_tables if target.kind in _TABLES else _see_folder if isinstance(target.where, Path) else _see_bucket
            see(look, target)
        homes = people_tables(look.tables)
        of_tables = TableWays(look.tables, homes).guesses()
        of_files = with_ways(
            _named_apart(look.files, {guess.name for guess in of_tables}), homes, list(zip(look.tables, of_tables, strict=True))
        )
        guesses, identities = settled((*of_files, *of_tables), homes)
    folders = [each.where for each in found if isinstance(each.where, Path) and each.where.is_dir()]
    inside = any(map_folder.resolve().is_relative_to(folder.resolve()) for folder in folders)
    return written(look.sight, guesses, identities, inside=inside)


def _see_folder(look: _Look, target: Target) -> None:
    folder, sight = Path(target.where), look.sight
    name = look.store_name(target.name)
    seen = look_at_folder(folder, name, look.columns if target.kind == "parquet" else None, look.databases)
    sight.stores.append((name, target.kind, target.url))
    found = with_sidecars(seen.guesses) if target.kind == "faiss" else seen.guesses
    # Why: when a file was written says nothing of the rows in it, which a lake's rewriting moves.
    look.files += found if target.kind == "files" else [replace(each, since="") if each.since == MODIFIED else each for each in found]
    for database in seen.databases:
        stem = re.sub(r"[^A-Za-z0-9_]", "_", database.stem)
        inner = database.relative_to(folder).as_posix()
        url = "sqlite:///" + relative(database, look.map_folder).removeprefix("./")
        _see_tables(look, Target("sqlite", stem if stem != name else f"{stem}_db", url, database))
        sight.ignore.append((name, "path", f"{inner}*", f"declared as the store {sight.stores[-1][0]}"))
    root = folder.resolve()
    beside = sorted(path.relative_to(root).as_posix() for path in look.databases if path.is_relative_to(root))
    sight.ignore += [(name, "path", f"{inner}*", "declared as a store of its own") for inner in beside]
    sight.ignore += [(name, "path", f"*{junk}", "desktop leftovers, no personal data") for junk in seen.junk]
    if look.map_folder.resolve() == folder.resolve():
        sight.ignore.append((name, "path", "expunge.yaml", "this map"))
    if seen.cut:
        sight.notes.append("The folder holds more files than were looked at: expunge check finds what this map misses.")


def _see_bucket(look: _Look, target: Target) -> None:
    name = look.store_name(target.name)
    look.sight.stores.append((name, target.kind, target.url))
    look.sight.notes.append(f"The objects of the store {name} are for you to declare: expunge check names those that no dataset does.")


def _see_tables(look: _Look, target: Target) -> None:
    name = look.store_name(target.name)
    survey = look.stack.enter_context(look.open_survey(target.kind, target.where, name))
    tables = survey.tables()
    if {table.name for table in tables} >= model_registries.TABLES:
        _see_registry(look, target, name, survey)
        return
    look.sight.stores.append((name, target.kind, target.url))
    for table in tables:
        look.tables.append(TableFacts(name, table, survey, look.dataset_name(table.name, name)))


def _see_registry(look: _Look, target: Target, name: str, survey: TableSurvey) -> None:
    seen, sight = model_registries.look_at_registry(survey, name), look.sight
    artifacts = relative(Path(seen.artifacts), look.map_folder) if seen.artifacts else "./mlartifacts"
    sight.stores.append((name, "mlflow", target.url))
    sight.options[name] = f"artifacts: {word(artifacts)}"
    if not seen.artifacts:
        sight.notes.append(f"Nothing says in which folder the artifacts of the store {name} lie: correct `artifacts:`.")
    if seen.unnamed:
        sight.notes.append(
            f"{seen.unnamed} models and experiments of the store {name} have names that may be a person's: declare them by hand."
        )
    look.files += seen.guesses


def _named_apart(guesses: Sequence[Guess], taken: Collection[str]) -> list[Guess]:
    done: list[Guess] = []
    for guess in guesses:
        done.append(replace(guess, name=fresh_name(guess.name, guess.store, [*taken, *(each.name for each in done)])))
    return done
