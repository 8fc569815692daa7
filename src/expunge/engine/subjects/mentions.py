"""Mentions of a person in the rows of other people: which values tell the person in which column, and which rows have one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from expunge.core.datamap.datamap import Aggregate, ByField, Dataset, Through, remakes
from expunge.core.datamap.mentions import LOOKED_FOR_INSIDE, ColumnReference, FoundMentions, MentionQuery, distinctive, yaml_word
from expunge.core.datamap.person import Person
from expunge.core.datamap.spelling import Spelling, SpellingType, near
from expunge.core.values.copy import Copy
from expunge.core.values.hashed_identifiers import texts
from expunge.core.values.ids import Pseudonym
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import OpenPlaces
from expunge.engine.subjects import spellings
from expunge.engine.subjects.living_identifiers import LivingIdentifiers
from expunge.phones import e164
from expunge.ports.optional.schema_listing import MentionListing

EVERY_TABLES = frozenset({"id", "rowid", "oid", "_rowid_"})
"""Names that say nothing about whose value a column holds."""
_SAMPLE = 200
"""People of each kind that a check of the map looks for."""
_SAMPLED_ROWS = 200_000
"""Rows of a lake that such a check reads, of each dataset."""


def listed_in(context: OpenPlaces, dataset: Dataset) -> MentionListing | None:
    """Return the store of a dataset whose columns can be compared with identifiers; None where they cannot."""
    store = context.open_store(dataset.store)
    return store if isinstance(store, MentionListing) and not remakes(dataset) else None


def queries(context: OpenPlaces, dataset: Dataset, people: Iterable[Person], *, inside: bool = False) -> tuple[MentionQuery, ...]:
    """Return what to look for in a dataset; nothing for people without an identifier.

    A value that any number or word may be tells the person only in a column that holds identifiers of that kind: it refers to the dataset
    that lists them, is named like a column of subjects, or has a rule of the map. In a column with a rule every spelling is looked for.
    """
    people = [person.in_unicode_forms() for person in people]
    kinds = _kinds_by_column(context, dataset)
    rules = _rules(context, people)
    known = tuple(person for person in people if not person.nobody)
    asked = tuple(_with_hashes(_query(person, kinds, rules, inside=inside), person) for person in known)
    if not dataset.mentions or not known:
        return asked
    more = _spellings(context, dataset, known)
    return tuple(_with_spellings(query, person, more) for query, person in zip(asked, known, strict=True))


def _with_hashes(query: MentionQuery, person: Person) -> MentionQuery:
    """A query that finds hashes of the identifiers as well where they fill a cell. Inside longer texts the scan finds them."""
    return replace(query, anywhere=query.anywhere.union(*(texts(digest) for _, digest in person.hashes())))


def _spellings(context: OpenPlaces, dataset: Dataset, people: Sequence[Person]) -> dict[tuple[str, str], Mapping[str, frozenset[str]]]:
    """(column with a rule, kind) -> value -> the spellings of it that the column holds."""
    values: dict[str, set[str]] = {}
    for kind, value in (pair for person in people for pair in person.identifiers()):
        if distinctive(value):
            values.setdefault(kind, set()).add(value)
    rules = {kind: context.data_map.spelling(kind) for kind in values}
    return {
        (column, kind): spellings.other_spellings(context, dataset, column, rules[kind], frozenset(held))
        for column in dataset.mentions
        for kind, held in values.items()
    }


def _with_spellings(query: MentionQuery, person: Person, more: Mapping[tuple[str, str], Mapping[str, frozenset[str]]]) -> MentionQuery:
    bound = dict(query.bound)
    for (column, kind), found in more.items():
        held = frozenset[str]().union(*(found.get(value, ()) for known, value in person.identifiers() if known == kind))
        if held:
            bound[column] = bound.get(column, frozenset()) | held
    return replace(query, bound=bound)


def _rules(context: OpenPlaces, people: Iterable[Person]) -> dict[str, Spelling]:
    """Kind of identifier, ``also`` values by their dotted kind, -> how it compares."""
    return {kind: context.data_map.spelling(kind) for kind in {kind for person in people for kind, _ in person.identifiers()}}


def spelt_otherwise(
    identifiers: Iterable[tuple[str, str]], rules: Mapping[str, Spelling]
) -> tuple[frozenset[str], dict[str, frozenset[str]]]:
    """Return the values that tell a person in any capitals, and the telephone numbers: ``folded`` and ``phones`` of a query."""
    folded, phones = set[str](), dict[str, frozenset[str]]()
    for kind, value in identifiers:
        rule = rules[kind]
        if rule.has_case and rule.folds and distinctive(value):
            folded.add(near(value))
        elif rule.type is SpellingType.PHONE and (number := e164(value, rule.region)):
            phones[rule.region] = phones.get(rule.region, frozenset()) | {number}
    return frozenset(folded), phones


def _query(person: Person, kinds: Mapping[str, frozenset[str]], rules: Mapping[str, Spelling], *, inside: bool) -> MentionQuery:
    values = {value for _, value in person.identifiers() if distinctive(value)}
    bound = {column: frozenset(value for kind in held for value in person.ids.get(kind, ())) for column, held in kinds.items()}
    folded, phones = spelt_otherwise(person.identifiers(), rules)
    longer = {value for _, value in person.identifiers() if len(value) >= LOOKED_FOR_INSIDE} if inside else ()
    for kind in person.also:
        for column, numbers in numbers_by_name(person, kind).items():
            bound[column] = bound.get(column, frozenset()) | numbers
    told = {name: each for name, each in bound.items() if each}
    members = frozenset(value for value in values if len(value) < LOOKED_FOR_INSIDE or (inside and not value.isascii()))
    return MentionQuery(person.subject, frozenset(values), told, frozenset(longer), members, folded, phones)


def numbers_by_name(person: Person, kind: str, columns: Sequence[str] = ()) -> dict[str, frozenset[str]]:
    """Return the numbers among a person's ``also`` values of a kind, by the columns of that name that they tell the person in.

    ``columns`` are those of a table, where its own spelling of the name matters.
    """
    name = kind.partition(".")[2]
    numbers = frozenset(value for value in person.also.get(kind, ()) if value.isdecimal() and value.strip("0"))
    if not numbers or name.casefold() in EVERY_TABLES:
        return {}
    return {column: numbers for column in columns or (name,) if _same(column, name)}


def _kinds_by_column(context: OpenPlaces, dataset: Dataset) -> dict[str, frozenset[str]]:
    """Column -> the identity kinds whose identifiers it holds, as schema and map say."""
    store, data_map = listed_in(context, dataset), context.data_map
    found: dict[str, set[str]] = {}
    for other in data_map.datasets.values():
        for kind, field in other.subject.pairs() if isinstance(other.subject, ByField) else ():
            if field.casefold() not in EVERY_TABLES:
                found.setdefault(field, set()).add(kind)
    for kind, identity in data_map.identities.items():
        if identity.key.casefold() not in EVERY_TABLES:
            found.setdefault(identity.key, set()).add(kind)
    if len(data_map.identities) == 1:
        # Why not of several: a 7 may be a customer's or a clerk's, and the wrong one's cell would be changed.
        for column in dataset.mentions:
            found.setdefault(column, set()).update(data_map.identities)
    # Why in the place of all others: what the schema says of a column, it enforces.
    for reference in store_calls.column_references(store, dataset) if store is not None else ():
        homes = _referred(context, reference)
        if homes:
            found[reference.column] = homes
    return {column: frozenset(kinds) for column, kinds in found.items()}


def naming_columns(context: OpenPlaces, dataset: Dataset) -> frozenset[str]:
    """Return the columns of a dataset that hold identifiers of people, as schema and map say."""
    return frozenset(_kinds_by_column(context, dataset))


def _referred(context: OpenPlaces, reference: ColumnReference) -> set[str]:
    """The identity kinds whose identifiers a foreign key refers to."""
    return {
        kind
        for kind, identity in context.data_map.identities.items()
        if _same(context.data_map.datasets[identity.dataset].table, reference.table) and _same(identity.key, reference.field)
    }


def _same(first: str, second: str) -> bool:
    return first.casefold() == second.casefold()


def found(
    context: OpenPlaces,
    dataset: Dataset,
    people: Sequence[Person],
    own: Sequence[Copy],
    columns: frozenset[str] | None = None,
    *,
    inside: bool = False,
) -> tuple[FoundMentions, ...]:
    """Count the rows of other people in a dataset that name one of these people.

    Args:
        context: the places.
        dataset: where to look; one whose columns cannot be compared has none.
        people: whom to look for.
        own: the people's own copies there, which do not count.
        columns: the columns to look at; None for all.
        inside: whether longer text is looked through as well.

    Raises as ``locate`` of the store.
    """
    store = listed_in(context, dataset)
    asked = queries(context, dataset, people, inside=inside) if store is not None else ()
    if store is None or not asked:
        return ()
    met = in_rows_of_others(context, dataset, asked, own, columns)
    whose = _whose(context, dataset)
    living = LivingIdentifiers(context, people)
    # Why less: by these columns rows are the person's own, which a probe looks for. A longer word may be another person's identifier.
    return tuple(each for each in met if each.column.casefold() not in whose and not (each.longer and all(map(living.any, each.longer))))


def _whose(context: OpenPlaces, dataset: Dataset) -> frozenset[str]:
    """The columns by which rows of a dataset are people's own, in lower case."""
    keys = {identity.key for identity in context.data_map.identities.values() if identity.dataset == dataset.name}
    return frozenset(name.casefold() for name in (*dataset.subject_fields, *keys))


def unbound(context: OpenPlaces, dataset: Dataset, kind: str, met: Iterable[FoundMentions]) -> tuple[FoundMentions, ...]:
    """Return those of some mentions that stand in no column by which rows are people's own, and in none that holds keys of a kind."""
    told = {column.casefold() for column, kinds in _kinds_by_column(context, dataset).items() if kind in kinds} | _whose(context, dataset)
    return tuple(each for each in met if each.column.casefold() not in told)


def in_rows_of_others(
    context: OpenPlaces, dataset: Dataset, asked: Sequence[MentionQuery], own: Sequence[Copy], columns: frozenset[str] | None = None
) -> tuple[FoundMentions, ...]:
    """Count the rows of a dataset that queries find, without the people's own copies, in some columns or all. Raises as ``locate``."""
    store = listed_in(context, dataset)
    if store is None:
        return ()
    # Why by value beside the keys: a purge may number rows of some tables anew.
    mine: dict[Pseudonym, dict[str, frozenset[str]]] = {}
    for copy in own:
        for name, values in copy.selector.match.items() if copy.selector is not None else ():
            slot = mine.setdefault(copy.subject, {})
            slot[name] = slot.get(name, frozenset()) | values
    asked = tuple(replace(query, own=mine.get(query.subject, {})) for query in asked)
    # Why less: a row whose list the person leaves stays, and is another person's then.
    aside = [copy.without(copy.shared) for copy in own] if dataset.members else own
    shared = dataset.members and any(copy.shared for copy in own)
    # Why all columns then: a row that goes although others are in it is told by its columns of people.
    met = store_calls.mentions(store, dataset, asked, aside, None if shared else columns)
    if shared and columns is not None:
        wanted = {name.casefold() for name in columns}
        met = tuple(each for each in met if each.column.casefold() in wanted)
    return met


@dataclass(frozen=True)
class UnfitRule:
    """A rule of the map about mentions that the schema does not let be carried out."""

    dataset: Dataset
    column: str
    fault: str
    correction: str

    @property
    def what(self) -> str:
        """What is wrong, and where."""
        return f"dataset {self.dataset.name}: mentions.{self.column}: the column {self.fault}"


def unfit(context: OpenPlaces) -> Iterator[UnfitRule]:
    """Yield each rule that cannot be carried out. A store that cannot be asked now says so in its own step."""
    for dataset in context.data_map.datasets.values():
        try:
            store = listed_in(context, dataset) if dataset.mentions else None
            faults = store_calls.unfit_mentions(store, dataset) if store is not None else ()
        except store_calls.TROUBLE:
            continue
        yield from (UnfitRule(dataset, *fault) for fault in faults)


def undeclared(context: OpenPlaces, dataset: Dataset, samples: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Return the columns of a dataset that name people beside those whose rows they are, and that the map does not know.

    A foreign key to the people of the map tells such a column, and so do cells that hold one of the ``samples`` of their identifiers.
    Raises as ``locate`` of the stores.
    """
    data_map = context.data_map
    store = listed_in(context, dataset)
    if store is None or isinstance(dataset.subject, Through):
        return ()
    homes = {kind for kind, identity in data_map.identities.items() if identity.dataset == dataset.name}
    own: dict[str, list[str]] = {}
    for kind, field in dataset.subject.pairs() if isinstance(dataset.subject, ByField) else ():
        own.setdefault(kind, []).append(field)
    for kind in homes:
        own.setdefault(kind, []).append(data_map.identities[kind].key)
    people = [
        query
        for kind, sample in samples.items()
        if not _owns_any(context, kind, own)
        for query in _sampled(context, dataset, kind, sample, own.get(kind, ()))
    ]
    named = {each.column for each in store_calls.mentions(store, dataset, people, (), most=_SAMPLED_ROWS)} if people else set()
    references = store_calls.column_references(store, dataset)
    named |= {
        each.column
        for each in references
        if any(kind in data_map.identities and not _owns_any(context, kind, own) for kind in _referred(context, each))
    }
    emptied = (each.column for each in references if each.emptied)
    known = {name.casefold() for name in (*(field for fields in own.values() for field in fields), *dataset.mentions, *emptied)}
    return tuple(sorted(column for column in named if column.casefold() not in known))


def kinds_in(context: OpenPlaces, dataset: Dataset, columns: Sequence[str]) -> dict[str, str]:
    """Return column -> the identity kind whose identifiers it holds, as schema, map and some people tell; ``KIND`` where none does."""
    told = {name.casefold(): sorted(kinds) for name, kinds in _kinds_by_column(context, dataset).items()}
    found = {column: kinds[0] for column in columns if (kinds := told.get(column.casefold()))}
    store = listed_in(context, dataset)
    if store is not None and len(found) < len(columns):
        some = {kind: frozenset(filter(distinctive, sample)) for kind, sample in samples(context).items()}
        asked = [MentionQuery(Pseudonym(kind), values) for kind, values in some.items() if values]
        for each in store_calls.mentions(store, dataset, asked, (), frozenset(columns)) if asked else ():
            found.setdefault(each.column, str(each.subject))
    only = list(context.data_map.identities)
    return {column: found.get(column, only[0] if len(only) == 1 else "KIND") for column in columns}


def in_place_of_nobody(context: OpenPlaces, dataset: Dataset, columns: Sequence[str]) -> str:
    """Return what to write of a dataset that is declared to be about nobody, or about many at once, and names people in some columns."""
    try:
        (column, kind), *_ = kinds_in(context, dataset, columns).items()
    except store_calls.TROUBLE:
        column, kind = columns[0], "KIND"
    retention = "" if dataset.retention else ", retention: RULE"
    stated = "aggregate:" if isinstance(dataset.subject, Aggregate) else "about: nobody"
    return f"`subject: {{{kind}: {yaml_word(column)}}}{retention}` in {dataset.name} in the place of `{stated}`"


def samples(context: OpenPlaces) -> dict[str, frozenset[str]]:
    """Return some identifiers of each kind; a dataset of people that cannot be looked at is told elsewhere, and gives none."""
    found = {}
    for kind in context.data_map.identities:
        try:
            found[kind] = _sample(context, kind)
        except store_calls.TROUBLE:
            continue
    return found


def _sample(context: OpenPlaces, kind: str) -> frozenset[str]:
    identity = context.data_map.identities[kind]
    home = context.data_map.datasets[identity.dataset]
    some = store_calls.bystanders(context.open_store(home.store), home, (), _SAMPLE)
    return frozenset(value for copy in some for value in copy.links.get(identity.key, ()))


def _sampled(context: OpenPlaces, dataset: Dataset, kind: str, sample: frozenset[str], own: Sequence[str]) -> Iterator[MentionQuery]:
    """One query for each of some people that are known by one identifier; ``own`` are the columns by which rows are theirs."""
    columns = [column for column, held in _kinds_by_column(context, dataset).items() if kind in held]
    for number, value in enumerate(sorted(sample)):
        one = frozenset({value})
        anywhere = one if distinctive(value) else frozenset()
        yield MentionQuery(Pseudonym(f"sample-{number}"), anywhere, dict.fromkeys(columns, one), own=dict.fromkeys(own, one))


def _owns_any(context: OpenPlaces, kind: str, others: Iterable[str]) -> bool:
    """Whether people of a kind own those of another: the rows of a profile name its account, and go with it."""
    for other in others:
        owner = context.data_map.identities[other].member_of
        while owner is not None:
            if owner == kind:
                return True
            owner = context.data_map.identities[owner].member_of
    return False


def to_release(context: OpenPlaces, dataset: Dataset, people: Sequence[Person]) -> dict[Pseudonym, dict[str, frozenset[str]]]:
    """Return subject -> column -> the values that the dataset's erase step takes out of other people's rows."""
    columns = [name for name, rule in dataset.mentions.items() if rule.releases]
    if not columns or listed_in(context, dataset) is None:
        return {}
    asked = queries(context, dataset, people)
    return {query.subject: {name: values for name in columns if (values := query.whole(name))} for query in asked}
