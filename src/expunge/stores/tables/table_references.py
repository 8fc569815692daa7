"""Follow the references of a schema to rows that stay, and find the owners of these rows, as the map declares them."""

# ruff: noqa: S608 - names come from the catalogue and are quoted
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

from expunge.core.datamap.datamap import AboutNobody, ByField, Dataset, Inherited, Through
from expunge.core.datamap.mentions import yaml_for

REFERRED = "rows of {} refer to what should go; declare that table as a dataset of the same people so that they are erased first"
NAMED = "; or, where {} names another person than the one whose row it is, write `{}` in its dataset"
TAKEN_ALONG = "the schema would delete rows of {} along (ON DELETE CASCADE) that are to stay; write ON DELETE SET NULL instead"
DISOWNED = "the schema would empty {} of rows of {} that are to stay, and that tells whose they are; leave it out of ON DELETE SET"


class Reference(Protocol):
    """A foreign key of a table that refers to another one."""

    @property
    def child(self) -> str:
        """The referring table."""
        ...

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Pairs: column of the child, column of the table that it refers to."""
        ...

    @property
    def acts(self) -> bool:
        """Whether the schema says what happens to the child's row; otherwise that row stands in the way."""
        ...

    @property
    def cascades(self) -> bool:
        """Whether the child's row is deleted along."""
        ...

    @property
    def emptied(self) -> tuple[str, ...]:
        """The child's columns that the schema empties or fills with their default."""
        ...


R = TypeVar("R", bound=Reference)
Chain: TypeAlias = tuple[R, ...]
"""A reference, after those by whose cascades a deletion gets to the table that it refers to."""


def chains(table: str, references: Callable[[str], Iterable[R]]) -> Iterator[Chain[R]]:
    """Yield the references to a table, and to what a deletion takes along by cascades, each with those that lead to it.

    Where rows of the table refer to others of its own, that first link stands for any number of such links (:func:`back_to_itself`).

    Args:
        table: where rows are deleted.
        references: returns the references to a table.
    """
    waiting: list[tuple[str, Chain[R]]] = [(table, ())]
    while waiting:
        parent, above = waiting.pop(0)
        for reference in references(parent):
            chain = (*above, reference)
            yield chain
            again = not above and reference.child == table
            if reference.cascades and (again or reference.child not in {table, *(passed.child for passed in above)}):
                waiting.append((reference.child, chain))


def back_to_itself(table: str, chain: Chain[R]) -> bool:
    """Return whether a chain begins with a cascade from rows of a table to others of the same: a deletion follows it from row to row."""
    return chain[0].cascades and chain[0].child == table


def refers(declared: Mapping[str, str], references: Callable[[str], Iterable[R]]) -> Iterator[tuple[str, str]]:
    """Yield (dataset, dataset) where rows of the first refer to rows of the second, or would go along with them.

    Args:
        declared: table -> the dataset that declares it.
        references: returns the references to a table.
    """
    for table, name in declared.items():
        children = {chain[-1].child for chain in chains(table, references)} - {table}
        yield from ((declared[child], name) for child in children if child in declared)


@dataclass(frozen=True)
class RowOwners:
    """The way from a row to the people whose it is, as the map declares it."""

    fields: tuple[str, ...] = ()
    """Any of them tells somebody."""
    upstream: tuple[tuple[str, str], ...] = ()
    """The tables through which they are found, each with its field that ``via`` equals; none where the fields tell them, or where it lies
    in another store."""
    via: str = ""
    always: bool = False
    """Whether each row is of people whom nothing tells."""


class RowSql(Protocol):
    """SQL of one database for the rows of its tables."""

    def source(self, table: str) -> str:
        """Return the table for a FROM."""
        ...

    def tells(self, table: str, field: str, alias: str) -> str:
        """Return the condition that a field of a row tells somebody."""
        ...

    def equal(self, one: tuple[str, str, str], other: tuple[str, str, str]) -> str:
        """Return the condition that two fields are equal; each is given as table, field and alias."""
        ...


@dataclass(frozen=True)
class TableReferences:
    """The map's declarations about the tables of one database. They tell the owner of a row from which a reference comes."""

    dataset: Dataset
    """The one that is erased."""
    others: Mapping[str, Dataset]
    """Name of a table -> the dataset that declares it; the erased one included."""
    narrowed: bool = False
    """Only some rows of each person go, or a class of rows whoever they are about: then the rest of the same person stays as well."""

    def kinds(self, child: str) -> list[tuple[str, str]]:
        """Return pairs of fields (of the child, of the parent) that hold the same identity kind.

        They tell the owners of the child's rows.
        """
        if self.narrowed:
            return []
        theirs, ours = self.others[child].subject, self.dataset.subject
        if not isinstance(theirs, ByField) or not isinstance(ours, ByField):
            return []
        return [(name, own) for kind, name in theirs.pairs() for other, own in ours.pairs() if kind == other]

    def releases(self, child: str, columns: Sequence[str]) -> bool:
        """Return whether the child's erase step takes the erased person's identifiers out of one of the referring columns.

        Then rows of others that refer to the erased table by them do not stand in the way: they refer to nobody any more, or to the
        replacement.
        """
        declared = self.others.get(child)
        rules = {} if declared is None else {name.casefold(): rule for name, rule in declared.mentions.items()}
        return any(name.casefold() in rules and rules[name.casefold()].releases for name in columns)

    def _released(self, reference: Reference) -> bool:
        return self.releases(reference.child, [child for child, _ in reference.columns])

    def said(self, reference: Reference) -> str:
        """Return why a reference stands in the way, and what to write."""
        columns = [child for child, _ in reference.columns]
        named = NAMED.format(", ".join(columns), yaml_for(columns)) if reference.child in self.others else ""
        if reference.cascades:
            return TAKEN_ALONG.format(reference.child) + (named if self._refers_to_people(reference) else "")
        if self.takes(reference):
            return DISOWNED.format(", ".join(reference.emptied), reference.child)
        return REFERRED.format(reference.child) + named

    def _refers_to_people(self, reference: Reference) -> bool:
        """Return whether the reference holds identifiers of the erased table's people: only these can be mentions."""
        told = {name.casefold() for name in self.dataset.subject_fields} if isinstance(self.dataset.subject, ByField) else frozenset()
        return all(parent.casefold() in told for _, parent in reference.columns)

    def takes(self, reference: Reference) -> bool:
        """Return whether the schema deletes the child's row along, or empties what tells whose it is."""
        if reference.cascades:
            return True
        owners = self.owners(reference.child)
        return not {name.casefold() for name in reference.emptied}.isdisjoint(name.casefold() for name in (*owners.fields, owners.via))

    def owners(self, child: str) -> RowOwners:
        """Return how the rows of a table lead to people; for a table that no dataset declares, to nobody."""
        declared = self.others.get(child)
        if declared is None or isinstance(declared.subject, Inherited):
            return RowOwners()
        if isinstance(declared.subject, AboutNobody):
            return RowOwners(always=True)
        if isinstance(declared.subject, ByField):
            return RowOwners(declared.subject.names)
        tables = {each.name: table for table, each in self.others.items()}
        upstream = tuple((tables[name], link) for name, link in declared.subject.ways if name in tables)
        # Why also where one of the ways is elsewhere: whoever is found by it is not seen from here.
        fields = () if len(upstream) == len(declared.subject.ways) else (declared.subject.via,)
        return RowOwners(fields, upstream, declared.subject.via)

    def owned(self, child: str, sql: RowSql, alias: str = "c") -> str:
        """Return the SQL condition that a row of a table is somebody's."""
        owners = self.owners(child)
        if owners.always:
            return "1 = 1"
        told = [sql.tells(child, name, alias) for name in owners.fields]
        for table, link in owners.upstream:
            above = f"{alias}u"
            found = sql.equal((table, link, above), (child, owners.via, alias))
            told.append(f"EXISTS (SELECT 1 FROM {sql.source(table)} AS {above} WHERE {found} AND {self.owned(table, sql, above)})")
        return f"({' OR '.join(told) or '1 = 0'})"

    def led_by(self, child: str, sql: RowSql) -> str:
        """Return the SQL condition that a row of the erased table is found through a row of the child.

        Once it was asked beforehand which of these stay, those that are left are the same people's, and go in a later step. Before, others
        may lead there as well. Empty where the erased table is not found through the child. The aliases are ``t`` and ``c``.
        """
        rule = self.dataset.subject
        if not isinstance(rule, Through) or child not in self.others:
            return ""
        led = [sql.equal((child, link, "c"), (self.table, rule.via, "t")) for name, link in rule.ways if name == self.others[child].name]
        return f"({' OR '.join(led)})" if len(led) > 1 else "".join(led)

    def follows(self, chain: Chain[R]) -> bool:
        """Return whether the rows at the end of a chain are found through the rows before them: those decide whose they are."""
        last = chain[-1]
        owners, parent = self.owners(last.child), chain[-2].child if len(chain) > 1 else self.table
        return any(table == parent and last.columns == ((owners.via, link),) for table, link in owners.upstream)

    @property
    def table(self) -> str:
        """The table of the erased dataset."""
        return next((table for table, each in self.others.items() if each.name == self.dataset.name), "")

    def in_the_way(self, found: Iterable[Chain[R]], *, beforehand: bool, enforced: bool) -> Iterator[Chain[R]]:
        """Yield the chains by which rows that stay could refer to rows that go, or would go or lose their owner along with them.

        Args:
            found: all chains of references to the erased table.
            beforehand: nothing of the order was erased yet.
            enforced: the database refuses to delete what is referred to.
        """
        for chain in found:
            last = chain[-1]
            if beforehand and (self._released(last) or (self._released(chain[0]) and self._refers_to_people(chain[0]))):
                # Why the first one: where it names nobody any more, a deletion gets no further. What of it goes as well is asked by itself.
                continue
            if self.takes(last):
                if last.child in self.others and not self.follows(chain):
                    yield chain
            # Why of longer chains these alone: anything else makes the database refuse the deletion.
            elif len(chain) == 1 and not last.acts and not ((beforehand or not enforced) and self._goes_by_itself(last.child, beforehand)):
                yield chain

    def undeclared(self, found: Iterable[Chain[R]]) -> Iterator[Chain[R]]:
        """Yield the chains to tables that no dataset declares, by which rows stand in the way or would go along."""
        return (chain for chain in found if chain[-1].child not in self.others and (chain[-1].cascades or not chain[-1].acts))

    def _goes_by_itself(self, child: str, beforehand: bool) -> bool:
        """Whether an order erases the child's rows in a step of its own, so that they do not stand in the way.

        A declared child of another identity kind (profiles of an account) does. A child that is found ``through`` others is erased earlier:
        then it should be gone, but beforehand it is still there.
        """
        declared = self.others.get(child)
        if declared is None or isinstance(declared.subject, AboutNobody):
            return False
        if isinstance(declared.subject, Through):
            return beforehand
        return not self.narrowed and not self.kinds(child) and not self._leads(child)

    def _leads(self, child: str) -> bool:
        """Return whether rows of the erased table are found through the child: a row there that leads to nobody goes in no step."""
        rule = self.dataset.subject
        return isinstance(rule, Through) and self.others[child].name in rule.sources
