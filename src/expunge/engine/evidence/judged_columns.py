"""Look for keys of erased people in columns of which map and schema say nothing: of undeclared tables and files, and of declared ones.

A short number is no evidence in raw bytes, so that the scan does not see it. The store decodes the columns;
:mod:`expunge.core.datamap.people_columns` judges which of them hold keys of people.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from expunge.core.datamap import listed_values
from expunge.core.datamap.datamap import AboutNobody, ByField, DataMap, Dataset, IdentitySpec, Undecided
from expunge.core.datamap.mentions import LOOKED_FOR_INSIDE, FoundMentions, MentionForm, MentionQuery, distinctive, yaml_word
from expunge.core.datamap.people_columns import (
    MOST_VALUES,
    ColumnFacts,
    ColumnVerdict,
    MapWords,
    NameTells,
    chance_of_sequence,
    name_tells,
    numbers_own_rows,
    says_people,
    singular,
    sounds_like_people,
    to_try,
    verdict,
)
from expunge.core.datamap.person import Person
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.hashed_identifiers import kind_and_algorithm
from expunge.core.values.ids import Pseudonym
from expunge.core.values.outcome import Reason, Unable
from expunge.engine.gate import fencing
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context, OpenPlaces
from expunge.engine.subjects import mentions, spellings, undeclared_people
from expunge.ports.optional.schema_listing import MentionListing, UndeclaredListing, UndeclaredTable
from expunge.ports.optional.spelling_search import SpellingSearch

_WITHOUT_PLACES = re.compile(r"(?<=[0-9])\.0+$")
"""The end of a whole number that is written with places (``7.00``)."""
_TRIED = 128
"""Numbers that are looked up to learn how many of those around are keys."""


Erased = Callable[[str, Sequence[str]], frozenset[str]]
"""Kind and values -> those that were keys of people whose data was erased."""


@dataclass(frozen=True)
class _Listing:
    """A store whose columns are read, and its undeclared tables."""

    name: str
    columns: MentionListing
    tables: tuple[UndeclaredTable, ...]


def in_declared(context: Context, dataset: Dataset, people: Sequence[Person], own: Sequence[Copy]) -> tuple[FoundMentions, ...]:
    """Count the rows of other people in a dataset that a short key names in a column of people of which neither map nor schema tells.

    What cannot be told does not count: an operator has declared the table, and ``check`` shows its columns. ``own`` are the people's own
    copies there. Raises as ``locate`` of the store.
    """
    store, counted = mentions.listed_in(context, dataset), list[FoundMentions]()
    for kind in sorted({kind for person in people for kind in person.ids}) if store is not None else ():
        keys = ((person.subject, person.in_unicode_forms().ids.get(kind, ())) for person in people)
        short = ((subject, frozenset(value for value in values if not distinctive(value))) for subject, values in keys)
        asked = [MentionQuery(subject, values) for subject, values in short if values]
        settled = ignored_by_name(context, dataset) if isinstance(dataset.subject, AboutNobody) else frozenset[str]()
        met = mentions.unbound(context, dataset, kind, mentions.in_rows_of_others(context, dataset, asked, own)) if asked else ()
        met = tuple(each for each in met if each.column not in settled)
        if not met:
            continue
        listing, table = _beside(context, dataset.store), _as_table(dataset, met)
        look = _Look(context, listing, table, people, dataset.name, _erased(context), declared=True)
        told = {column: look.verdict(column, kind) for column in look.table.columns}
        counted += [each for each in met if told[each.column] is ColumnVerdict.PEOPLE]
    # Why a part: whose key it is of several kinds cannot be told, so that no rule takes it out.
    return tuple(replace(each, form=MentionForm.PART) if each.column in dataset.mentions else each for each in counted)


def ignored_by_name(context: OpenPlaces, dataset: Dataset) -> frozenset[str]:
    """Return the columns of a dataset that the map ignores one by one."""
    patterns = [each.pattern for each in context.data_map.ignore if each.store == dataset.store]
    return frozenset(pattern.removeprefix(start) for start in _places(dataset) for pattern in patterns if pattern.startswith(start))


def ignoring(dataset: Dataset, column: str) -> str:
    """Return the line of the map that says of one column of a dataset about nobody that it names nobody."""
    (start, *_), key = _places(dataset), "table" if dataset.table else "path"
    return f"ignore: - {{store: {dataset.store}, {key}: {yaml_word(start + column)}, reason: WHY}}"


def _places(dataset: Dataset) -> tuple[str, ...]:
    """How the pattern begins by which a map ignores a column of a dataset."""
    return (f"{dataset.table}.",) if dataset.table else tuple(f"{path}#" for path in dataset.paths)


def _beside(context: OpenPlaces, store: str) -> _Listing:
    """A store with its undeclared tables, whose names tell what a column refers to; without them where they cannot be listed."""
    opened = context.open_store(store)
    assert isinstance(opened, MentionListing)
    try:
        return _Listing(store, opened, store_calls.undeclared_tables(opened, ()) if isinstance(opened, UndeclaredListing) else ())
    except store_calls.TROUBLE:
        return _Listing(store, opened, ())


def _as_table(dataset: Dataset, met: Sequence[FoundMentions]) -> UndeclaredTable:
    """A declared dataset as a table with the columns in which a key was met."""
    columns = tuple(sorted({each.column for each in met}))
    return UndeclaredTable(
        dataset, ignored=False, columns=columns, keys=frozenset(name for name in columns if name.casefold() in mentions.EVERY_TABLES)
    )


def _numbers_rows(context: OpenPlaces, dataset: Dataset, column: str) -> bool:
    """Whether a column of a declared table tells its rows apart, by the schema, and is named so. Raises as ``locate`` of the store."""
    store = context.open_store(dataset.store)
    named = bool(dataset.table) and numbers_own_rows(column, dataset.table)
    return named and isinstance(store, SpellingSearch) and store_calls.equality(store, dataset, column).unique


def look(context: Context, store: str, people: Sequence[Person]) -> dict[tuple[str, Pseudonym], Unable]:
    """Return (table, subject) -> why the order is not done: an undeclared column that holds the subject's key, or that may hold it."""
    opened = context.open_store(store)
    known = [person for person in people if person.ids]
    if not known or not isinstance(opened, UndeclaredListing) or not isinstance(opened, MentionListing):
        return {}
    ignored = [each for each in context.data_map.ignore if each.store == store]
    try:
        listing = _Listing(store, opened, store_calls.undeclared_tables(opened, ignored))
    except store_calls.TROUBLE as error:
        return {(store, person.subject): _unread(f"undeclared tables of {store}", error) for person in known}
    left: dict[tuple[str, Pseudonym], Unable] = {}
    erased = _erased(context)
    for table in listing.tables:
        shown = _shown(table.dataset.name, known)
        try:
            left |= {(shown, subject): why for subject, why in _Look(context, listing, table, known, shown, erased).troubles()}
        except store_calls.TROUBLE as error:
            if not table.ignored:
                left |= {(shown, person.subject): _unread(shown, error) for person in known}
    return left


def keys_in(context: OpenPlaces, store: str, people: Sequence[Person]) -> Mapping[str, Mapping[str, str]]:
    """Return, for each undeclared table of a store, the columns whose values are keys of people, with the kind of these people.

    Args:
        context: the places; of people who were erased nothing is known.
        store: the store.
        people: some people whose keys are looked for.

    Raises as ``locate`` of the stores.
    """
    opened = context.open_store(store)
    if not isinstance(opened, UndeclaredListing) or not isinstance(opened, MentionListing):
        return {}
    ignored = [each for each in context.data_map.ignore if each.store == store]
    listing = _Listing(store, opened, store_calls.undeclared_tables(opened, ignored))
    known = [replace(person, also={}) for person in people if person.ids]
    found: dict[str, dict[str, str]] = {}
    for table in listing.tables if known else ():
        looked = _Look(context, listing, table, known, table.dataset.name, _nobody_erased)
        columns = found.setdefault(table.dataset.name, {})
        for by_verdict in () if table.ignored else looked.found().values():
            for column, kind, _ in by_verdict.get(ColumnVerdict.PEOPLE, ()):
                columns.setdefault(column, kind)
    return found


def _nobody_erased(_kind: str, _values: Sequence[str]) -> frozenset[str]:
    """As :data:`Erased`, where no register tells."""
    return frozenset()


def _erased(context: Context) -> Erased:
    return lambda kind, values: frozenset(value for value, _ in fencing.fenced(context).among(kind, values))


def _unread(place: str, error: Exception) -> Unable:
    return Unable(Reason.CANNOT_TELL, f"{place} could not be looked through for keys of people: {store_calls.as_unable(error).detail}")


def _shown(name: str, people: Iterable[Person]) -> str:
    """The name of a table for receipts; none where an identifier stands in it."""
    named = any(value in name for person in people for _, value in person.identifiers() if len(value) > 2)
    return name.partition(" ")[0] + " whose name holds an identifier" if named else name


@dataclass(frozen=True)
class _Look:
    """One look at one table."""

    context: OpenPlaces
    listing: _Listing
    table: UndeclaredTable
    people: Sequence[Person]
    shown: str
    erased: Erased
    """Tells which of some values were keys of people whose data was erased."""
    declared: bool = False
    """Whether a dataset of the map declares the table."""

    def troubles(self) -> Iterator[tuple[Pseudonym, Unable]]:
        """Yield subject and reason. Raises as ``locate`` of the stores."""
        for subject, by_verdict in self.found().items():
            yield subject, self._why(by_verdict)

    def found(self) -> Mapping[Pseudonym, Mapping[ColumnVerdict, Sequence[tuple[str, str, int]]]]:
        """Return, by subject and verdict, the columns with the kind of identifier and the rows. Raises as ``locate`` of the stores."""
        columns = frozenset(self.table.columns)
        if not columns:
            return {}
        people = [person.in_every_form() for person in self.people]
        pairs = [(person, kind) for person in people for kind in sorted({*person.ids, *person.also})]
        queries = [self._query(Pseudonym(str(at)), kind, person) for at, (person, kind) in enumerate(pairs)]
        found: dict[tuple[str, str, MentionForm], Counter[Pseudonym]] = {}
        for each in store_calls.mentions(self.listing.columns, self.table.dataset, queries, (), columns):
            person, kind = pairs[int(each.subject)]
            found.setdefault((each.column, kind, each.form), Counter())[person.subject] += each.items
        said: dict[Pseudonym, dict[ColumnVerdict, list[tuple[str, str, int]]]] = {}
        for (column, kind, form), items in sorted(found.items()):
            told = self.verdict(column, kind) if form is MentionForm.WHOLE else self._of_lists(column, kind)
            if told in {ColumnVerdict.PEOPLE, ColumnVerdict.DOUBTFUL}:
                for subject, rows in items.items():
                    said.setdefault(subject, {}).setdefault(told, []).append((column, kind, rows))
        return said

    def _query(self, subject: Pseudonym, kind: str, person: Person) -> MentionQuery:
        """What to look for: keys as they are, and all identifiers in other spellings. The scan sees other names as they are."""
        hashed = kind_and_algorithm(kind)[1]
        keys = person.also[kind] if hashed else person.ids.get(kind, frozenset())
        identifiers = [(kind, value) for value in keys or person.also[kind]]
        numbers = {} if keys else mentions.numbers_by_name(person, kind, self.table.columns)
        folded, phones = mentions.spelt_otherwise(identifiers, {kind: self.context.data_map.spelling(kind)})
        # Why short ones alone: the scan sees others in whatever stands around them.
        listed = frozenset(value for value in keys if len(value.encode()) < LOOKED_FOR_INSIDE)
        return MentionQuery(subject, keys, numbers, listed=listed, folded=folded, phones=phones)

    def verdict(self, column: str, kind: str) -> ColumnVerdict:
        """Return whether a column in which a key stands holds keys of people. Raises as ``locate`` of the stores."""
        if kind not in self.context.data_map.identities:
            # What tells a name in another spelling is too long to be met by chance, and a number stands under its own name.
            return ColumnVerdict.PEOPLE
        homes = self._referred(column)
        if homes is not None:
            return ColumnVerdict.PEOPLE if kind in homes else ColumnVerdict.OTHER
        in_turn = self._numbered_in_turn(column, self._words(self.context.data_map.identities[kind]))
        return self._judged(column, kind, _some(self._cells(column)), own=in_turn or column in self.table.keys, in_turn=in_turn)

    def _of_lists(self, column: str, kind: str) -> ColumnVerdict:
        """Return whether the lists in which a key stands hold keys of people: by the names of their elements."""
        if kind not in self.context.data_map.identities:
            return ColumnVerdict.PEOPLE
        going, by_name = self._going(kind), dict[str, set[str]]()
        for cell in self._cells(column):
            for name, value in tuple(listed_values.listed(str(cell))) or (("", str(cell)),):
                values = by_name.setdefault(name or column, set())
                if len(values) < MOST_VALUES or value in going:
                    values.add(value)
        told = {self._judged(name, kind, values, own=False) for name, values in by_name.items() if values & going}
        if not told:
            # The store alone knows the list's form.
            return self._judged(column, kind, _some(self._cells(column)), own=False)
        return next((each for each in (ColumnVerdict.PEOPLE, ColumnVerdict.DOUBTFUL) if each in told), ColumnVerdict.OTHER)

    def _cells(self, column: str) -> Iterator[str]:
        return spellings.values_of(self.context.open_store(self.listing.name), self.table.dataset, column)

    def _going(self, kind: str) -> frozenset[str]:
        return frozenset(value for person in self.people for value in person.ids.get(kind, ()))

    def _judged(self, name: str, kind: str, values: set[str], *, own: bool, in_turn: bool = False) -> ColumnVerdict:
        """Return the verdict on values that stand together under a name.

        ``own`` says that they number the table's rows, ``in_turn`` that these are no rows of the people whose keys are met.
        """
        identity, going = self.context.data_map.identities[kind], self._going(kind)
        wanted = frozenset(values & going) or going
        tried = to_try(values, wanted, _TRIED)
        living = self._living(identity, values | set(tried))
        known = living | going | self.erased(kind, sorted(values - living - going))
        density = (len(living & set(tried)) + 1) / (len(tried) + 2)
        words = self._words(identity)
        return verdict(
            ColumnFacts(
                name_tells(name, words),
                frozenset(values),
                frozenset(values & known | wanted),
                wanted,
                density,
                numbers_rows=own,
                numbers_people=self._numbers_people(name, words),
                sequence=chance_of_sequence(values, tried, living) if in_turn else None,
            )
        )

    def _numbered_in_turn(self, column: str, words: MapWords) -> bool:
        """Whether a column numbers the rows of a declared table that the map says are nobody's, or whose people another column tells."""
        dataset = self.table.dataset
        if not self.declared or name_tells(column, words) in {NameTells.DECLARED, NameTells.PEOPLE}:
            return False
        nobodys = isinstance(dataset.subject, AboutNobody) and not isinstance(dataset.subject, Undecided)
        after_people = any(says_people(name, words) or sounds_like_people(name) for name in (dataset.name, dataset.table))
        told = bool(dataset.subject_fields) or (nobodys and not after_people)
        return told and _numbers_rows(self.context, dataset, column)

    def _numbers_people(self, column: str, words: MapWords) -> bool:
        """Whether a table is named after people, and a column that tells its rows apart is the one that can say whose they are."""
        dataset = self.table.dataset
        if not (column in self.table.keys or column.casefold() in mentions.EVERY_TABLES) or dataset.subject_fields:
            return False
        others = (name for name in self.table.columns if name != column)
        name = dataset.table or dataset.name.rpartition("/")[2]
        return says_people(name, words) and not any(name_tells(other, words) is NameTells.DECLARED for other in others)

    def _referred(self, column: str) -> frozenset[str] | None:
        """The kinds of people to whom a foreign key leads, none where it leads elsewhere; None where there is no foreign key."""
        referring = [each for each in store_calls.column_references(self.listing.columns, self.table.dataset) if each.column == column]
        if not referring:
            return None
        data_map, kinds = self.context.data_map, set[str]()
        for reference in referring:
            for dataset in data_map.datasets_of(self.listing.name):
                if dataset.table.casefold() == reference.table.casefold():
                    kinds |= {kind for kind, field in _naming(data_map, dataset) if field.casefold() == reference.field.casefold()}
        return frozenset(kinds)

    def _living(self, identity: IdentitySpec, values: Iterable[str]) -> frozenset[str]:
        """Those of some values that are keys of people."""
        home = self.context.data_map.datasets[identity.dataset]
        wanted = frozenset(values)
        selector = Selector(Pseudonym("any"), {identity.key: wanted})
        copies = store_calls.locate(self.context.open_store(home.store), home, (selector,)) if wanted else ()
        return wanted & frozenset[str]().union(*(copy.links.get(identity.key, frozenset()) for copy in copies))

    def _words(self, identity: IdentitySpec) -> MapWords:
        data_map = self.context.data_map
        fields = {
            field.casefold()
            for dataset in data_map.datasets.values()
            for kind, field in _naming(data_map, dataset)
            if kind == identity.kind
        }
        home = data_map.datasets[identity.dataset]
        people = {singular(name.casefold().rpartition(".")[2]) for name in (identity.kind, home.name, home.table) if name}
        own = self.table.dataset.name
        others = [each.dataset.table or each.dataset.name for each in self.listing.tables if each.dataset.name != own]
        others += [dataset.table for dataset in data_map.datasets.values() if dataset.table]
        tables = {singular(name.casefold().rpartition(".")[2]) for name in others} - people
        return MapWords(frozenset(fields) - mentions.EVERY_TABLES, frozenset(people), frozenset(tables))

    def _why(self, found: Mapping[ColumnVerdict, Sequence[tuple[str, str, int]]]) -> Unable:
        """What names the person, or may, and what to write."""
        people = found.get(ColumnVerdict.PEOPLE, ())
        columns = people or found[ColumnVerdict.DOUBTFUL]
        names = ", ".join(dict.fromkeys(column for column, _, _ in columns))
        subject = undeclared_people.subject_of(self.context, [(column, kind) for column, kind, _ in columns])
        items = sum(rows for *_, rows in columns)
        rows = "1 row" if items == 1 else f"{items} rows"
        verb = "name" if "," in names else "names"
        layout = self.table.dataset.table
        place = f"table: {yaml_word(layout)}" if layout else "path: PATH"
        dot, key = (".", "table") if layout else ("#", "path")
        where = layout or self.table.dataset.name.removeprefix("folder ").removesuffix(" (ignored files)")
        declare = undeclared_people.subject_line(self.context, self.listing.name, layout or "NAME", place, subject)
        ignore = f"`ignore: - {{store: {self.listing.name}, {key}: {where}{dot}{columns[0][0]}, reason: WHY}}`"
        if people:
            text = f"{self.shown}: {names} {verb} the person in {rows}, undeclared; {declare}, or, where it is nobody, {ignore}"
            return Unable(Reason.MENTIONED, text)
        text = f"{self.shown}: {names} may name the person in {rows}: its values are keys of people; {ignore}, or, where it does, {declare}"
        return Unable(Reason.CANNOT_TELL, text)


def _naming(data_map: DataMap, dataset: Dataset) -> Iterator[tuple[str, str]]:
    """(identity kind, field) of the fields of a dataset that hold keys of people."""
    if isinstance(dataset.subject, ByField):
        yield from dataset.subject.pairs()
    yield from ((kind, each.key) for kind, each in data_map.identities.items() if each.dataset == dataset.name)


def _some(values: Iterable[str]) -> set[str]:
    """Distinct values, the first of many."""
    found: set[str] = set()
    for value in values:
        found.add(_WITHOUT_PLACES.sub("", str(value)))
        if len(found) >= MOST_VALUES:
            break
    return found
