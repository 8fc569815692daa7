"""Propose lines for places that a later look found beside a map: as a first map would have them, with the open questions as guesses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from expunge.maps.proposal.folder_ways import with_ways
from expunge.maps.proposal.from_files import guesses_of, split_extension
from expunge.maps.proposal.guesses import Guess
from expunge.maps.proposal.known_words import is_plain
from expunge.maps.proposal.map_text import fresh_name, pasted
from expunge.maps.proposal.people_tables import PeopleTable, TableFacts
from expunge.maps.proposal.table_ways import TableWays
from expunge.maps.proposal.targets import relative
from expunge.ports.map_entries import EntryPlace, KnownIdentity
from expunge.ports.optional.table_survey import SurveyedTable, TableSurvey

_RETENTION = "how long it is needed is for people to say"
_UNKNOWN = "WRITE ITS PLACE: its name may be a person's"


@dataclass(frozen=True)
class LaterEntries:
    """Implements :class:`expunge.ports.map_entries.MapEntries`."""

    map_folder: Path
    """Urls are written relative to it."""

    def of_tables(
        self,
        place: EntryPlace,
        tables: Sequence[tuple[SurveyedTable, str]],
        survey: TableSurvey,
        people: Sequence[KnownIdentity],
        found: Mapping[str, str],
    ) -> Mapping[str, str]:
        """Return lines for each table of a store of the map that was found, or for all tables of a new store."""
        facts: list[TableFacts] = []
        for table, dataset in tables:
            taken = {*place.taken, *(each.dataset for each in facts)}
            facts.append(TableFacts(place.store, table, survey, dataset or fresh_name(table.name, place.store, taken)))
        guesses = TableWays(facts, [_home(each, facts) for each in people]).guesses()
        named = {each.table.name: guess for each, guess in zip(facts, guesses, strict=True)}
        if place.url or place.kind:
            asked = [_asked(guess, found.get(name, "")) for name, guess in named.items()]
            return {"": self._note(place) + pasted(asked, place.retention, self._store(place))}
        return {name: pasted([_asked(named[name], why)], place.retention) for name, why in found.items()}

    def of_files(
        self,
        place: EntryPlace,
        groups: Sequence[tuple[Sequence[str], str]],
        people: Sequence[KnownIdentity],
        ignored: Mapping[str, str],
    ) -> str:
        """Return a dataset for the files of each shape, with what a new store ignores."""
        homes = [_home(each, ()) for each in people]
        made: list[Guess] = []
        for names, why in groups:
            for guess in with_ways(guesses_of(place.root, place.store, [place.root / name for name in names]), homes, ()):
                name = fresh_name(guess.name, place.store, {*place.taken, *(each.name for each in made)})
                made.append(_asked(replace(guess, name=name), why))
        ignore = [(place.store, "path", pattern, reason) for pattern, reason in ignored.items()] if place.kind else []
        return self._note(place) + pasted(made, place.retention, self._store(place), ignore)

    def of_entry(self, place: EntryPlace, layout: tuple[str, str], learnt: Sequence[str], why: str) -> str:
        """Return a dataset for an experiment or a model."""
        name = fresh_name(f"{'model' if layout[0] == 'model' else 'runs'}_{layout[1]}", place.store, place.taken)
        return pasted([_asked(Guess(name, place.store, (), layout=layout, made_from=tuple(learnt)), why)], place.retention)

    def shape(self, name: str) -> str:
        """Return everyday words of a name, and ``*`` for the rest; the ending stays where it is a format's."""
        *folders, last = PurePosixPath(name).parts
        stem, extension = split_extension(last)
        head = re.fullmatch(r"([A-Za-z_]+[-_])[^/]+", stem)
        short = stem if is_plain(stem) else f"{head[1]}*" if head and is_plain(head[1]) else "*"
        return "/".join([*(part if is_plain(part) else "*" for part in folders), f"{short}{extension}"])

    @staticmethod
    def _note(place: EntryPlace) -> str:
        """What has to be added by hand to the lines of a new store."""
        if place.secret:
            return f"# {place.store.upper()}_URL is to hold the address, with the password\n"
        return "# with endpoint and keys as the store beside it has them\n" if place.kind == "s3" else ""

    def _store(self, place: EntryPlace) -> tuple[str, str, str] | None:
        """The name, kind and url of a new store; None for a store of the map."""
        if not place.kind:
            return None
        url = f"${{{place.store.upper()}_URL}}" if place.secret else place.url or _UNKNOWN
        if url.startswith("/"):
            url = relative(Path(url), self.map_folder)
            url = "sqlite:///" + url.removeprefix("./") if place.kind == "sqlite" else url
        return place.store, place.kind, url


def _asked(guess: Guess, why: str) -> Guess:
    """The guess with its question; a place that shows people is not about nobody, whatever a first map would say."""
    if not why and guess.nobody:
        return guess
    told = [each for each in (guess.asks, "" if guess.asks and guess.settled else why) if each]
    return replace(guess, nobody=False, asks="; ".join((*told, _RETENTION)), notes=() if guess.nobody else guess.notes)


def _home(known: KnownIdentity, facts: Iterable[TableFacts]) -> PeopleTable:
    """The people of the map as a table whose values are compared with sketches, with the schema's own table where that is known."""
    (table,) = known.sketch.tables()
    for each in facts:
        if each.store == known.store and each.dataset == known.dataset:
            return PeopleTable(TableFacts(known.store, each.table, known.sketch, known.dataset), known.kind, known.key, known.also)
    return PeopleTable(TableFacts(known.store, table, known.sketch, known.dataset), known.kind, known.key, known.also)
