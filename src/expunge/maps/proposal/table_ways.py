"""How the rows of each table lead to people: along foreign keys and unique keys alone, never along a column that two people may share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from expunge.core.datamap.people_columns import singular
from expunge.core.datamap.protected_kinds import CATEGORY, ProtectedKind
from expunge.core.retention.time_columns import names_birthday, names_time
from expunge.maps.proposal.guesses import Guess
from expunge.maps.proposal.hashed_match import hashed_column
from expunge.maps.proposal.known_words import ACTORS, ALSO, CHANGES, KINDS, OTHER_TIMES, OWNERS, PERSONAL, TIMES, lists_groups, words_of
from expunge.maps.proposal.people_tables import ENOUGH, MOST_VALUES, PeopleTable, TableFacts, is_copy, same_people
from expunge.maps.proposal.presets import preset_of
from expunge.maps.proposal.unreached_tables import naming_rows, question, reason, row_names
from expunge.maps.proposal.value_match import best_people, matched, places
from expunge.ports.optional.table_survey import ColumnType, SurveyedTable

_NO_CHANGES = OTHER_TIMES - CHANGES - {"last"}
_DELETED = frozenset({"deleted_at", "deleted", "is_deleted", "deleted_on", "removed_at", "archived_at"})
_MAILS = frozenset({"email", "e_mail", "email_address", "mail"})


@dataclass(frozen=True)
class _Named:
    """A column that names people of one table."""

    column: str
    people: PeopleTable
    said: str = ""
    """What the guess rests on; empty for a foreign key."""
    algorithm: str = ""
    """Of hashes: which."""


@dataclass(frozen=True)
class _Link:
    """A column whose values name one row of another table each."""

    column: str
    to: TableFacts
    field: str
    said: str = ""
    required: bool = False


class TableWays:
    """Gives each table its rule."""

    def __init__(self, tables: Sequence[TableFacts], homes: Sequence[PeopleTable]) -> None:
        """Take all tables of all stores, and those of them that list people."""
        self._tables = {facts.place: facts for facts in tables}
        self._homes = {home.facts.place: home for home in homes}
        self._done: dict[tuple[str, str], Guess] = {}
        self._doubtful: set[tuple[str, str]] = set()
        """Tables whose rows may only name who did something to them, and what is found through these."""

    def guesses(self) -> tuple[Guess, ...]:
        """Return a dataset for each table. Raises StoreUnavailable."""
        for place, facts in self._tables.items():
            places = {column.name: at for at, column in enumerate(facts.table.columns)}
            # Why the first alone: the schema may declare one key twice.
            once = {(each.column, each.people.facts.place): each for each in reversed(list(self._named(facts)))}
            named = sorted(once.values(), key=lambda each: places[each.column])
            if not named and place not in self._homes and (told := hashed_column(facts, tuple(self._homes.values()))) is not None:
                named = [_Named(told[1].column, told[0], told[1].said, told[1].algorithm)]
            if place in self._homes:
                self._done[place] = self._of_home(self._homes[place], named)
            elif named:
                self._done[place] = self._of_people(facts, named)
                if _doubtful(named):
                    self._doubtful.add(place)
        links = {place: sorted(self._links(facts), key=_rank) for place, facts in self._tables.items() if place not in self._done}
        while found := [(place, link) for place, each in links.items() if place not in self._done for link in each if self._leads(link)]:
            # Why those last: of the rows there it is a question of its own whether they are anybody's.
            place, link = min(found, key=lambda each: (each[1].to.place in self._doubtful, *_rank(each[1])))
            self._done[place] = self._through(self._tables[place], link, [each for each in links[place] if self._leads(each)])
        for place, facts in self._tables.items():
            if place not in self._done:
                self._done[place] = self._of_rest(facts)
        return tuple(_located(self._done[place], facts) for place, facts in self._tables.items())

    # --- columns ---------------------------------------------------------------------------------

    def _named(self, facts: TableFacts) -> Iterator[_Named]:
        """The columns of a table that name people: by foreign keys to what lists them, and by name and values where there is none."""
        declared = {here for reference in facts.table.references for here, _ in reference.columns}
        own = self._homes.get(facts.place)
        for reference in facts.table.references:
            home = self._homes.get((facts.store, reference.table))
            if home is not None and len(reference.columns) == 1 and reference.columns[0][1] == home.key:
                yield _Named(reference.columns[0][0], home)
        if own is None and (twin := same_people(facts, tuple(self._homes.values()))) is not None:
            yield _Named(facts.table.key, *twin)
        elif own is None and is_copy(facts.table):
            yield from self._of_copied(facts, declared)
        rows = naming_rows(facts) if own is None else frozenset[str]()
        for column in facts.table.columns:
            if column.name in declared | rows or (own is not None and column.name == own.key):
                continue
            numbers_rows = facts.table.unique(column.name) and column.name.lower() in {"id", "uuid", "key"}
            if not numbers_rows and (found := best_people(facts, column, tuple(self._homes.values()))) is not None:
                yield _Named(column.name, found[0], found[1].said)

    def _of_copied(self, facts: TableFacts, declared: set[str]) -> Iterator[_Named]:
        """The key of people in a table that keeps what the table of people held: it has that table's columns, and more."""
        names = {column.name for column in facts.table.columns}
        for home in self._homes.values():
            held = {column.name for column in home.facts.table.columns}
            alike = home.facts.store == facts.store and 2 < len(held) <= len(names) + 2 and len(held & names) >= 0.6 * len(held)
            if alike and home.key in names - declared and not facts.table.unique(home.key):
                values = facts.survey.sampled(facts.table.name, home.key, MOST_VALUES)
                match = matched(values, home.facts.survey, home.facts.table.name, home.key)
                yield _Named(home.key, home, f"it has the columns of {home.facts.table.name}; {match.said}")

    def _links(self, facts: TableFacts) -> Iterator[_Link]:
        """The columns whose values name one row of another table: foreign keys, and names whose values stand in a unique key."""
        declared = set()
        for reference in facts.table.references:
            declared |= {here for here, _ in reference.columns}
            to = self._tables.get((facts.store, reference.table))
            if to is None or to is facts or len(reference.columns) != 1:
                continue
            here, there = reference.columns[0]
            column = facts.table.column(here)
            if to.table.unique(there):
                yield _Link(here, to, there, required=column is not None and column.required)
        for column in facts.table.columns:
            if column.name in declared or column.type not in {ColumnType.NUMBER, ColumnType.TEXT}:
                continue
            for to in self._tables.values():
                field = _key_like(column.name, to) if to is not facts else ""
                there_is = to.table.column(field) if field else None
                if there_is is None or there_is.type is not column.type:
                    continue
                values = facts.survey.sampled(facts.table.name, column.name, MOST_VALUES)
                match = matched(values, to.survey, to.table.name, field)
                if match.share >= ENOUGH or not match.values:
                    yield _Link(column.name, to, field, match.said)

    def _leads(self, link: _Link) -> bool:
        guess = self._done.get(link.to.place)
        return guess is not None and bool(guess.kinds or guess.through)

    # --- rules -----------------------------------------------------------------------------------

    def _of_home(self, home: PeopleTable, named: Sequence[_Named]) -> Guess:
        """A table of people: its rows are their own, whoever else is named in them."""
        kinds, asks, mentions = {home.kind: home.key}, [home.asks] if home.asks else [], {}
        for each in named:
            column = home.facts.table.column(each.column)
            if each.people.kind != home.kind and each.column == each.people.key:
                continue
            if each.people is home or each.people.of_staff or _is_actor(each):
                if column is not None and not column.required:
                    mentions[each.column] = "null"
                else:
                    asks.append(f"{each.column} names other people and may not be empty: `mentions: {{{each.column}: {{replace: VALUE}}}}`")
            else:
                kinds.setdefault(each.people.kind, each.column)
                asks.append(f"it goes with its own person, and with the {each.people.kind} of {each.column} as well{_because(each)}")
        return replace(self._guess(home.facts), kinds=kinds, mentions=mentions, asks="; ".join(asks))

    def _of_people(self, facts: TableFacts, named: Sequence[_Named]) -> Guess:
        """A table whose rows name people: those whose rows they are, and those who did something to them."""
        customers = [each for each in named if not each.people.of_staff]
        owners = [each for each in customers or named if not _is_actor(each)] or list(named)
        # Why these first: a row that one person has at most once is that person's, whoever else is named in it.
        owners = [each for each in owners if facts.table.unique(each.column)] or owners
        kinds: dict[str, str] = {}
        further: dict[str, tuple[str, ...]] = {}
        for each in owners:
            if kinds.setdefault(each.people.kind, each.column) != each.column:
                further[each.people.kind] = (*further.get(each.people.kind, ()), each.column)
        asks = [f"{each.column}: {each.said}" for each in named if each.said]
        if _doubtful(owners):
            asks.append(
                f"{', '.join(each.column for each in owners)} may only say who did something to a row, and a row goes with that person"
            )
        if len(owners) > 1:
            asks.append(f"a row goes with any of its people: {', '.join(each.column for each in owners)}")
        preset = preset_of(facts.table.name)
        mentions = dict(preset.mentions) if preset is not None else {}
        for each in named:
            column = facts.table.column(each.column)
            if each in owners:
                continue
            if column is not None and not column.required:
                mentions[each.column] = "null"
            else:
                asks.append(f"{each.column} names other people and may not be empty: `mentions: {{{each.column}: {{replace: VALUE}}}}`")
        guess = self._guess(facts)
        addresses = [column.name for column in facts.table.columns if column.name.lower() in ALSO]
        if addresses and not any(each.people.also for each in owners):
            told = (
                f"{', '.join(addresses)}: it goes with its person, and nobody is found by it: `also` names columns of the table of people"
            )
            guess = replace(guess, notes=(*guess.notes, told))
        hashed = {each.column: each.algorithm for each in owners if each.algorithm}
        return replace(guess, kinds=kinds, further=further, hashed=hashed, mentions=mentions, asks="; ".join(asks))

    def _through(self, facts: TableFacts, link: _Link, others: Sequence[_Link]) -> Guess:
        asks = [f"{link.column}: {link.said}"] if link.said else []
        sure = [each for each in others if link.to.place in self._doubtful or each.to.place not in self._doubtful]
        beside = dict.fromkeys(each.column for each in sure if each.column != link.column)
        if beside:
            asks.append(f"{', '.join(beside)} leads to people as well")
        if link.to.place in self._doubtful:
            self._doubtful.add(facts.place)
            asks.append(f"it goes with rows of {link.to.dataset}, of which it is a question whose they are")
        way = (link.to.dataset, link.column, *([link.field] if link.field != link.column else []))
        return replace(self._guess(facts), through=way, asks="; ".join(asks))

    def _of_rest(self, facts: TableFacts) -> Guess:
        """A table that no key leads from to people: sealed, a part of a person's row, reference data, or for a person to decide."""
        guess, preset = self._guess(facts), preset_of(facts.table.name)
        names = {column.name.lower() for column in facts.table.columns}
        home = next(iter(self._homes.values()), None)
        if preset is not None and preset.sealed and preset.columns <= names and home is not None:
            asks = f"{preset.why}, and no column tells whose a row is: all rows go when one person does"
            return replace(guess, made_from=(home.facts.dataset,), asks=asks)
        referring = [
            (other, here)
            for other in self._tables.values()
            for reference in other.table.references
            if other.store == facts.store and reference.table == facts.table.name and len(reference.columns) == 1
            for here, there in reference.columns
            if there == facts.table.key and (found := self._done.get(other.place)) is not None and (found.kinds or found.through)
        ]
        for other, here in referring:
            if other.table.unique(here):
                return replace(guess, through=(other.dataset, facts.table.key, *([here] if here != facts.table.key else [])))
        # Why not those: a hotel outlives the last of its guests.
        if (
            len(referring) > 1
            and not lists_groups(facts.table.name)
            and any(column.name.lower() in PERSONAL for column in facts.table.columns)
        ):
            (first, link), key = referring[0], facts.table.key
            way = (first.dataset, key, *([link] if link != key else []))
            ways = tuple((other.dataset, here) for other, here in referring)
            return replace(guess, through=way, ways=ways, notes=(*guess.notes, "a row goes with the last person to whom a way leads"))
        if asks := question(facts, tuple(self._homes.values()), [f"{other.dataset}.{here}" for other, here in referring]):
            return replace(guess, asks=asks, samples=row_names(facts))
        return replace(guess, nobody=True, samples=row_names(facts), notes=(*guess.notes, reason(facts)))

    def _guess(self, facts: TableFacts) -> Guess:
        columns = tuple(column.name for column in facts.table.columns)
        since, times = since_of(facts.table), times_of(facts.table)
        notes = [
            f"{name}: a row that is marked as deleted is found, and goes, like any other" for name in columns if name.lower() in _DELETED
        ]
        many = [reference for reference in facts.table.references if len(reference.columns) > 1]
        notes += [f"a foreign key of several columns leads to {reference.table}: it cannot be followed" for reference in many]
        return Guess(
            facts.dataset,
            facts.store,
            columns,
            table=facts.table.name,
            since=since,
            times=times,
            notes=tuple(notes),
            rows=naming_rows(facts),
        )


def _located(guess: Guess, facts: TableFacts) -> Guess:
    """The guess with the category of its places, and the counts; whose a table of places alone is, is a question."""
    told = places(facts)
    if not told:
        return guess
    asks = f"{told}, and no key says whose" if guess.nobody else told
    return replace(
        guess,
        nobody=False,
        notes=() if guess.nobody else guess.notes,
        categories=(*guess.categories, CATEGORY[ProtectedKind.LOCATION]),
        asks="; ".join(filter(None, (guess.asks, asks))),
    )


def since_of(table: SurveyedTable) -> str:
    """Return the column with the time of which a period may run; empty where there is none.

    One of the usual names first, then any time that is no other one, by its type or by its name, and last the time of a change.
    """
    names = [column.name for column in table.columns]
    usual = (name for wanted in TIMES for name in names if name.lower() == wanted)
    times = [each.name for each in table.columns if each.type is ColumnType.TIME]
    others = (name for name in (*times, *times_of(table)) if OTHER_TIMES.isdisjoint(words_of(name)))
    changed = (name for name in times if not CHANGES.isdisjoint(words_of(name)) and _NO_CHANGES.isdisjoint(words_of(name)))
    return next(usual, next(others, next(changed, "")))


def times_of(table: SurveyedTable) -> tuple[str, ...]:
    """Return the columns that hold times of any kind, but for birthdays; a check expects a period to run from one of them."""
    typed = {each.name for each in table.columns if each.type is ColumnType.TIME and not names_birthday(each.name)}
    return tuple(each.name for each in table.columns if each.name in typed or names_time(each.name))


def _is_actor(named: _Named) -> bool:
    return not ACTORS.isdisjoint(words_of(named.column))


def _doubtful(named: Sequence[_Named]) -> bool:
    """Whether all of the people named may only have done something to a row, or look after it."""
    alone = len(named) == 1
    return all(each.people.of_staff or _is_actor(each) or (alone and not each.said and not _is_owner(each)) for each in named)


def _is_owner(named: _Named) -> bool:
    """Whether a column is named after people, or after whoever something belongs to."""
    people = {named.people.kind, singular(words_of(named.people.facts.table.name)[-1])}
    words = words_of(named.column)
    table = named.people.facts.table.name.lower().rpartition(".")[2]
    own = not people.isdisjoint(map(singular, words)) or named.column.lower().startswith(table)
    return own or not (OWNERS | KINDS.keys()).isdisjoint(words)


def _because(named: _Named) -> str:
    return f" ({named.said})" if named.said else ""


def _rank(link: _Link) -> tuple[bool, bool]:
    """Declared keys first, and of these the ones that every row has."""
    return bool(link.said), not link.required


def _key_like(column: str, to: TableFacts) -> str:
    """The unique key of another table that a column is named after; empty where there is none."""
    words = words_of(column)
    last = words_of(to.table.name)[-1:]
    if column.lower() in _MAILS:
        return next((each.name for each in to.table.columns if each.name.lower() in _MAILS and to.table.unique(each.name)), "")
    if len(words) > 1 and words[-1] in {"id", "uuid", "key", "ref"} and last and words[-2] == singular(last[0]):
        return to.table.key
    same = next((each.name for each in to.table.columns if each.name.lower() == column.lower() and to.table.unique(each.name)), "")
    return same if len(words) > 1 and words[-1] == "id" else ""
