"""Delete the rows of a batch of subjects in one transaction."""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values are bound
from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from expunge import permit
from expunge.core.values.copy import Copy
from expunge.core.values.ids import Pseudonym
from expunge.core.values.outcome import Absent, Erased, Outcome, Reason, Unable
from expunge.faults import failpoint
from expunge.stores.sqlite.catalogue import SqliteReference, SqliteSchema, SqliteTable, literal, quoted
from expunge.stores.sqlite.fulltext import indexed_with, indexes_over
from expunge.stores.sqlite.leaving import StayingRows, staying_rows
from expunge.stores.sqlite.match import Row, RowReader, bound, decode_key
from expunge.stores.sqlite.mentions import SqliteMentions
from expunge.stores.tables.table_references import TableReferences

Chain: TypeAlias = tuple[SqliteReference, ...]
"""A reference, after those by which a deletion gets to the table that it refers to."""


class SqliteEraser:
    """One transaction over one table: everything of it happens or nothing."""

    def __init__(self, connection: sqlite3.Connection, table: SqliteTable, family: TableReferences) -> None:
        self._connection = connection
        self._schema = SqliteSchema(connection)
        self._table = table
        self._family = family

    def erase(self, copies: Sequence[Copy]) -> dict[Pseudonym, Outcome]:
        """Delete the copies' rows that still exist and still belong to their subjects; one outcome for each subject.

        Raises:
            sqlite3.Error, OSError: nothing of the batch happened, or (after the commit) all of it.
            NotInSqliteSchema: a selector's field does not exist.
        """
        self._connection.execute(f"PRAGMA foreign_keys={'ON' if self._acting() else 'OFF'}")
        failpoint("sqlite.erase.begin:before")
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            outcomes = self._delete_all(copies)
            permit.check()
            failpoint("sqlite.erase.commit:before")
            # commit point: the rows are gone from every read once this returns; before, a crash leaves all of them.
            self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        failpoint("sqlite.erase.commit:after")
        return outcomes

    def blocked(self, copies: Sequence[Copy]) -> dict[Pseudonym, Unable]:
        """Return the subjects whose rows other rows refer to, with the referring table. Changes nothing but a temporary table.

        Raises:
            NotInSqliteSchema: a selector's field does not exist.
        """
        reader = self._reader(copies)
        references = self._in_the_way(beforehand=True)
        if not references:
            return {}
        standing = {copy.subject: self._standing(copy, reader) for copy in copies}
        staying = staying_rows(self._connection, self._table, self._family.dataset, copies, standing)
        self._doom({subject: staying.going(keys) for subject, keys in standing.items()}, copies)
        return self._blocked(list(standing), references)

    def uncovered(self, copies: Sequence[Copy]) -> tuple[str, ...]:
        """Return the tables that no dataset declares and whose rows refer to the copies' rows. Changes nothing but a temporary table.

        Raises:
            NotInSqliteSchema: a selector's field does not exist.
        """
        undeclared = [chain for chain in self._chains() if self._uncovered(chain[-1])]
        if not undeclared:
            return ()
        reader = self._reader(copies)
        self._doom({copy.subject: self._standing(copy, reader) for copy in copies}, copies)
        met = (chain[-1].child for chain in undeclared if self._connection.execute(self._referring(chain)).fetchone() is not None)
        return tuple(dict.fromkeys(met))

    def _uncovered(self, reference: SqliteReference) -> bool:
        return reference.child not in self._family.others and (reference.cascades or not reference.acts)

    def compile(self) -> None:
        """Prepare the statement that deletes a row with all its triggers, without running it; raises sqlite3.Error where it cannot."""
        where = " AND ".join(f"{each.removeprefix('t.')} = NULL" for each in self._table.key)
        self._connection.execute(f"EXPLAIN DELETE FROM {self._table.sql} WHERE {where}").close()

    def _acting(self) -> bool:
        """Whether the schema asks for cascades: only then SQLite itself follows the references, row by row."""
        return any(reference.acts for reference in self._schema.references(self._table.name))

    def _reader(self, copies: Sequence[Copy]) -> RowReader:
        return RowReader(self._connection, self._table, copies)

    def _standing(self, copy: Copy, reader: RowReader) -> list[Row]:
        return [key for key in map(decode_key, copy.keys) if reader.belongs(key, copy.selector)]

    def _delete_all(self, copies: Sequence[Copy]) -> dict[Pseudonym, Outcome]:
        reader = self._reader(copies)
        standing = {copy.subject: self._standing(copy, reader) for copy in copies}
        staying = self._staying(copies, standing)
        unreleased = self._release(copies)
        blocked = self._blocked(list(standing), self._in_the_way(beforehand=False)) | unreleased
        if blocked and staying.cells:
            # Those who are blocked leave no list, so that more may stay of a row than was reckoned.
            standing = {subject: [] if subject in blocked else keys for subject, keys in standing.items()}
            staying = self._staying(copies, standing)
        going = [key for subject, keys in standing.items() if subject not in blocked for key in staying.going(keys)]
        indexes = list(indexes_over(self._connection, self._schema, self._table, going))
        refused = self._leave(staying)
        outcomes: dict[Pseudonym, Outcome] = {}
        for number, (subject, keys) in enumerate(standing.items()):
            if subject in blocked:
                outcomes[subject] = blocked[subject]
            elif refused and staying.kept(keys):
                outcomes[subject] = refused
            elif not keys:
                outcomes[subject] = Absent()
            else:
                outcomes[subject] = self._delete(number, len(keys))
        for index in indexes:
            index.follow()
        return outcomes

    def _release(self, copies: Sequence[Copy]) -> dict[Pseudonym, Unable]:
        """Take the subjects' identifiers out of other people's rows, one subject after another; the subjects for whom that was refused."""
        mentions, rules = SqliteMentions(self._connection, self._table, self._family.dataset.name), self._family.dataset.mentions
        refused: dict[Pseudonym, Unable] = {}
        changed: set[str] = set()
        for copy in copies:
            if not copy.mentions:
                continue
            self._connection.execute("SAVEPOINT expunge_subject")
            try:
                changed |= copy.mentions.keys() if mentions.release(rules, copy.mentions) else frozenset()
            except sqlite3.IntegrityError as error:
                if not self._connection.in_transaction:
                    raise
                self._undo()
                names = ", ".join(copy.mentions)
                why = "a constraint or trigger refuses" if str(error) != "FOREIGN KEY constraint failed" else "a reference forbids"
                detail = f"table {self._table.name}: {why} what `mentions:` says of {names}; `expunge check` says what fits"
                refused[copy.subject] = Unable(Reason.UNSUPPORTED, detail)
            else:
                self._connection.execute("RELEASE expunge_subject")
        for index in indexed_with(self._schema, self._table, changed):
            self._connection.execute(index.command("rebuild"))
        return refused

    def _staying(self, copies: Sequence[Copy], standing: dict[Pseudonym, list[Row]]) -> StayingRows:
        """The rows that lose members and stay; all other standing rows are doomed."""
        staying = staying_rows(self._connection, self._table, self._family.dataset, copies, standing)
        self._doom({subject: staying.going(keys) for subject, keys in standing.items()}, copies)
        return staying

    def _leave(self, staying: StayingRows) -> Unable | None:
        """Take members out of the rows that stay: all of them, or none with the reason."""
        self._connection.execute("SAVEPOINT expunge_subject")
        try:
            staying.write(self._connection, self._schema, self._table)
        except sqlite3.IntegrityError:
            if not self._connection.in_transaction:
                raise
            self._undo()
            detail = f"table {self._table.name}: a trigger or constraint refuses that a member leaves a list; change it"
            return Unable(Reason.UNSUPPORTED, detail)
        self._connection.execute("RELEASE expunge_subject")
        return None

    def _delete(self, number: int, items: int) -> Outcome:
        """Delete one subject's rows in one statement, so that they may refer to each other, or none of them."""
        key = ", ".join(each.removeprefix("t.") for each in self._table.key)
        doomed = ", ".join(f"k{at}" for at in range(len(self._table.key)))
        self._connection.execute("SAVEPOINT expunge_subject")
        try:
            wanted = f"SELECT {doomed} FROM temp.expunge_doomed WHERE subject = ?"
            self._connection.execute(f"DELETE FROM {self._table.sql} WHERE ({key}) IN ({wanted})", (number,))
            kept = (
                self._connection.execute(f"SELECT 1 FROM {self._table.sql} WHERE ({key}) IN ({wanted})", (number,)).fetchone() is not None
            )
        except sqlite3.IntegrityError as error:
            if not self._connection.in_transaction:
                raise
            self._undo()
            return self._refused(error)
        if kept:
            self._undo()
            return Unable(Reason.UNSUPPORTED, f"table {self._table.name}: a trigger keeps rows that are deleted; change the trigger")
        self._connection.execute("RELEASE expunge_subject")
        return Erased(items)

    def _undo(self) -> None:
        self._connection.execute("ROLLBACK TO expunge_subject")
        self._connection.execute("RELEASE expunge_subject")

    def _refused(self, error: sqlite3.IntegrityError) -> Unable:
        # RESTRICT is a trigger inside SQLite and has the code of one.
        if str(error) == "FOREIGN KEY constraint failed":
            tables = ", ".join(sorted({reference.child for reference in self._schema.references(self._table.name)}))
            detail = (
                f"table {self._table.name}: rows that follow it ({tables}) are referred to by others; declare those and erase them first"
            )
            return Unable(Reason.REFERENCED, detail)
        return Unable(Reason.UNSUPPORTED, f"table {self._table.name}: a trigger or constraint refuses the deletion; change it")

    # --- references --------------------------------------------------------------------------------

    def _chains(self, table: str = "", above: Chain = ()) -> Iterator[Chain]:
        """Yield the references to the table, and to what a deletion takes along by cascades, each with those that lead to it."""
        for reference in self._schema.references(table or self._table.name):
            chain = (*above, reference)
            yield chain
            if reference.cascades and reference.child not in {self._table.name, *(passed.child for passed in above)}:
                yield from self._chains(reference.child, chain)

    def _in_the_way(self, *, beforehand: bool) -> list[Chain]:
        """The references by which rows that stay could point at rows that go, or would go along with them."""
        return [
            chain
            for chain in self._chains()
            if not (beforehand and self._family.releases(chain[-1].child, [child for child, _ in chain[-1].columns]))
            and self._keeps(chain[-1], beforehand=beforehand)
            # Why of longer chains cascades alone: anything else makes the database refuse the deletion.
            and (len(chain) == 1 or chain[-1].cascades)
        ]

    def _keeps(self, each: SqliteReference, *, beforehand: bool) -> bool:
        return bool(
            (each.cascades and (self._family.shares_kind(each.child) or (not beforehand and self._family.untold(each.child))))
            or (not each.acts and not self._family.goes_by_itself(each.child, beforehand=beforehand))
        )

    def _blocked(self, subjects: Sequence[Pseudonym], chains: Sequence[Chain]) -> dict[Pseudonym, Unable]:
        found: dict[Pseudonym, set[str]] = {}
        for chain in chains:
            reference = chain[-1]
            for (number,) in self._connection.execute(self._referring(chain)).fetchall():
                found.setdefault(subjects[number], set()).add(
                    self._family.said(reference.child, [child for child, _ in reference.columns], cascades=reference.cascades)
                )
        return {
            subject: Unable(Reason.REFERENCED, f"table {self._table.name}: {'; '.join(sorted(said))}") for subject, said in found.items()
        }

    def _doom(self, standing: dict[Pseudonym, list[Row]], copies: Sequence[Copy]) -> None:
        self._connection.execute("DROP TABLE IF EXISTS temp.expunge_owners")
        self._connection.execute("CREATE TEMP TABLE expunge_owners (field TEXT, value TEXT, PRIMARY KEY (field, value)) WITHOUT ROWID")
        match = ((name, value) for copy in copies if copy.selector for name, values in copy.selector.match.items() for value in values)
        insert = "INSERT OR IGNORE INTO temp.expunge_owners VALUES (?, CAST(? AS TEXT))"
        self._connection.executemany(insert, ((name, bound(value)[1]) for name, value in match))
        columns = ", ".join(f"k{at}" for at in range(len(self._table.key)))
        self._connection.execute("DROP TABLE IF EXISTS temp.expunge_doomed")
        self._connection.execute(f"CREATE TEMP TABLE expunge_doomed ({columns}, subject INTEGER)")
        plain = f"INSERT INTO temp.expunge_doomed VALUES ({', '.join('?' * len(self._table.key))}, ?)"
        for number, keys in enumerate(standing.values()):
            for key in keys:
                forms = [bound(each) for each in key] if any(isinstance(each, str) for each in key) else None
                places = ", ".join(form for form, _ in forms or ())
                insert = f"INSERT INTO temp.expunge_doomed VALUES ({places}, ?)" if forms else plain
                self._connection.execute(insert, (*((each for _, each in forms) if forms else key), number))
        self._connection.execute(f"CREATE INDEX temp.expunge_doomed_key ON expunge_doomed ({columns})")
        self._connection.execute("CREATE INDEX temp.expunge_doomed_subject ON expunge_doomed (subject)")

    def _referring(self, chain: Chain) -> str:
        """SQL for the numbers of subjects that rows of the last child refer to, rows of the batch and of the same person left out."""
        reference = chain[-1]
        names = ["t", *(f"p{at}" for at in range(1, len(chain))), "c"]
        links = [
            " AND ".join(f"{name}.{quoted(child)} = {parent_name}.{quoted(parent)}" for child, parent in link.columns)
            for link, parent_name, name in zip(chain, names, names[1:], strict=False)
        ]
        between = "".join(
            f"JOIN main.{quoted(link.child)} AS {name} ON {on} " for link, name, on in zip(chain[:-1], names[1:-1], links, strict=False)
        )
        doomed = " AND ".join(f"d.k{at} = {name}" for at, name in enumerate(self._table.key))
        others = []
        if reference.child == self._table.name:
            itself = " AND ".join(f"o.k{at} = {name.replace('t.', 'c.', 1)}" for at, name in enumerate(self._table.key))
            others.append(f"NOT EXISTS (SELECT 1 FROM temp.expunge_doomed AS o WHERE {itself})")
        child = self._schema.table(reference.child)
        for theirs, ours in self._family.kinds(reference.child) if reference.child in self._family.others else ():
            their_field, our_field = child.field(theirs, "c") if child else None, self._table.field(ours)
            if their_field and our_field:
                others.append(f"{their_field.text} IS NOT {our_field.text}")
                if reference.cascades:
                    others.append(f"{their_field.text} IS NOT NULL")
                    going = f"SELECT value FROM temp.expunge_owners WHERE field = {literal(ours)}"
                    others.append(f"{their_field.text} NOT IN ({going})")
        untold = [child.field(name, "c") for name in self._family.untold(reference.child)] if child and reference.cascades else []
        if untold:
            others.append(f"({' OR '.join(f'{each.text} IS NOT NULL' for each in untold if each) or 'false'})")
        return (
            f"SELECT DISTINCT d.subject FROM temp.expunge_doomed AS d JOIN {self._table.sql} AS t ON {doomed} {between}"
            f"JOIN main.{quoted(reference.child)} AS c ON {links[-1]} WHERE {' AND '.join(others) or '1'}"
        )
