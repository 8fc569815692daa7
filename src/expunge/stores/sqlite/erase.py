"""Delete the rows of a batch of subjects in one transaction."""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values are bound
from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from expunge import permit
from expunge.core.values.copy import Copy
from expunge.core.values.ids import Pseudonym
from expunge.core.values.outcome import Absent, Erased, Outcome, Reason, Unable
from expunge.faults import failpoint
from expunge.stores.sqlite.catalogue import SqliteReference, SqliteSchema, SqliteTable, literal, quoted
from expunge.stores.sqlite.fulltext import indexed_with, indexes_over
from expunge.stores.sqlite.leaving import StayingRows, staying_rows
from expunge.stores.sqlite.match import Row, RowReader, bound, encode_key
from expunge.stores.sqlite.mentions import SqliteMentions
from expunge.stores.sqlite.trigger_watch import TriggerWatch
from expunge.stores.tables.table_references import Chain, TableReferences, back_to_itself, chains


class SqliteEraser:
    """One transaction over one table: everything of it happens or nothing."""

    def __init__(self, connection: sqlite3.Connection, table: SqliteTable, family: TableReferences, accepted: Collection[str] = ()) -> None:
        """Erase rows of a table; ``accepted`` are the triggers that may change rows of other people."""
        self._connection = connection
        self._schema = SqliteSchema(connection)
        self._table = table
        self._family = family
        self._accepted = accepted

    def erase(self, copies: Sequence[Copy]) -> dict[Pseudonym, Outcome]:
        """Delete the copies' rows that still exist and still belong to their subjects; one outcome for each subject.

        Raises:
            sqlite3.Error, OSError: nothing of the batch happened, or (after the commit) all of it.
            NotInSqliteSchema: a selector's field does not exist.
        """
        watch = self._watch()
        self._connection.execute(f"PRAGMA foreign_keys={'ON' if self._acting() else 'OFF'}")
        failpoint("sqlite.erase.begin:before")
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            outcomes = self._delete_all(copies, watch)
            permit.check()
            failpoint("sqlite.erase.commit:before")
            # commit point: the rows are gone from every read once this returns; before, a crash leaves all of them.
            self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        failpoint("sqlite.erase.commit:after")
        return outcomes

    def referred(self, copies: Sequence[Copy], going: Mapping[str, Sequence[Copy]]) -> dict[Pseudonym, Unable]:
        """Return the subjects whose rows cannot go while others stay, with the tables of those. Changes nothing but a temporary table.

        Args:
            copies: what is to go from the table.
            going: dataset -> all that is to go from it in the same order.

        Raises:
            NotInSqliteSchema: a selector's field does not exist.
        """
        reader = self._reader(copies)
        found, watch = list(self._family.in_the_way(self._chains(), beforehand=True, enforced=False)), self._watch()
        if not found and not watch:
            return {}
        standing = {copy.subject: self._standing(copy, reader) for copy in copies}
        staying = staying_rows(self._connection, self._table, self._family.dataset, copies, standing)
        self._doom({subject: staying.going(keys) for subject, keys in standing.items()}, copies)
        gone = {table: {key for copy in going.get(each.name, ()) for key in copy.keys} for table, each in self._family.others.items()}
        blocked = self._blocked(list(standing), found, gone)
        if watch:
            blocked = self._rehearsed(list(standing), watch, gone) | blocked
        return blocked

    def _rehearsed(
        self, subjects: Sequence[Pseudonym], watch: TriggerWatch, gone: Mapping[str, Collection[str]]
    ) -> dict[Pseudonym, Unable]:
        """The subjects by whose deletion triggers would change rows of others: it is tried, and taken back before a page is written."""
        refused: dict[Pseudonym, Unable] = {}
        # Why without references: what would have to go first is there still. What cascades reach has steps of its own.
        self._connection.execute("PRAGMA foreign_keys=OFF")
        (spill,) = self._connection.execute("PRAGMA cache_spill").fetchone()
        self._connection.execute("PRAGMA cache_spill=OFF")
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            watch.start(self, strict=True)
            for number, subject in enumerate(subjects):
                self._connection.execute("SAVEPOINT expunge_subject")
                # A deletion that is refused now says so in its own step, as it may pass once others are gone.
                with suppress(sqlite3.IntegrityError):
                    self._connection.execute(f"DELETE {self._of(number)}")
                    if (why := watch.found(gone)) is not None:
                        refused[subject] = why
                if not self._connection.in_transaction:
                    break
                self._undo()
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._connection.execute(f"PRAGMA cache_spill={spill}")
        return refused

    def _of(self, number: int) -> str:
        """SQL: from the table, the rows of one subject that are to go."""
        key = ", ".join(each.removeprefix("t.") for each in self._table.key)
        doomed = ", ".join(f"k{at}" for at in range(len(self._table.key)))
        return f"FROM {self._table.sql} WHERE ({key}) IN (SELECT {doomed} FROM temp.expunge_doomed WHERE subject = {number})"

    def uncovered(self, copies: Sequence[Copy]) -> tuple[str, ...]:
        """Return the tables that no dataset declares and whose rows refer to the copies' rows. Changes nothing but a temporary table.

        Raises:
            NotInSqliteSchema: a selector's field does not exist.
        """
        undeclared = list(self._family.undeclared(self._chains()))
        if not undeclared:
            return ()
        reader = self._reader(copies)
        self._doom({copy.subject: self._standing(copy, reader) for copy in copies}, copies)
        met = (
            chain[-1].child
            for chain in undeclared
            if self._connection.execute(self._referring(chain, beforehand=True)).fetchone() is not None
        )
        return tuple(dict.fromkeys(met))

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
        return reader.standing(copy)

    def _watch(self, expected: Mapping[str, str] | None = None) -> TriggerWatch:
        return TriggerWatch(self._connection, self._schema, self._table, self._family, self._accepted, expected)

    def _delete_all(self, copies: Sequence[Copy], watch: TriggerWatch) -> dict[Pseudonym, Outcome]:
        reader = self._reader(copies)
        standing = {copy.subject: self._standing(copy, reader) for copy in copies}
        staying = self._staying(copies, standing)
        unreleased = self._release(copies)
        in_the_way = list(self._family.in_the_way(self._chains(), beforehand=False, enforced=False))
        blocked = self._blocked(list(standing), in_the_way, None) | unreleased
        if blocked and staying.cells:
            # Those who are blocked leave no list, so that more may stay of a row than was reckoned.
            standing = {subject: [] if subject in blocked else keys for subject, keys in standing.items()}
            staying = self._staying(copies, standing)
        going = [key for subject, keys in standing.items() if subject not in blocked for key in staying.going(keys)]
        indexes = list(indexes_over(self._connection, self._schema, self._table, going))
        refused = self._leave(staying)
        outcomes: dict[Pseudonym, Outcome] = {}
        watch.start(self, strict=False)
        for number, (subject, keys) in enumerate(standing.items()):
            if subject in blocked:
                outcomes[subject] = blocked[subject]
            elif refused and staying.kept(keys):
                outcomes[subject] = refused
            elif not keys:
                outcomes[subject] = Absent()
            else:
                outcomes[subject] = self._delete(number, len(keys), watch)
        watch.stop()
        for index in indexes:
            index.follow()
        return outcomes

    def _release(self, copies: Sequence[Copy]) -> dict[Pseudonym, Unable]:
        """Take the subjects' identifiers out of other people's rows, one subject after another; the subjects for whom that was refused."""
        mentions, rules = SqliteMentions(self._connection, self._table, self._family.dataset.name), self._family.dataset.mentions
        refused: dict[Pseudonym, Unable] = {}
        changed: set[str] = set()
        named = sorted({name for copy in copies for name in copy.mentions})
        if not named:
            return {}
        watch = self._watch(mentions.expected(rules, named))
        watch.start(self, strict=True)
        for copy in copies:
            if not copy.mentions:
                continue
            self._connection.execute("SAVEPOINT expunge_subject")
            try:
                released = mentions.release(rules, copy.mentions)
            except sqlite3.IntegrityError as error:
                if not self._connection.in_transaction:
                    raise
                self._undo()
                names = ", ".join(copy.mentions)
                why = "a constraint or trigger refuses" if str(error) != "FOREIGN KEY constraint failed" else "a reference forbids"
                detail = f"table {self._table.name}: {why} what `mentions:` says of {names}; `expunge check` says what fits"
                refused[copy.subject] = Unable(Reason.UNSUPPORTED, detail)
            else:
                if (met := watch.found({})) is not None:
                    refused[copy.subject] = met
                    self._undo()
                    continue
                changed |= copy.mentions.keys() if released else frozenset()
                self._connection.execute("RELEASE expunge_subject")
        watch.stop()
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
        if not staying.cells:
            return None
        watch = self._watch(staying.expected(self._connection, self._table))
        watch.start(self, strict=True)
        self._connection.execute("SAVEPOINT expunge_subject")
        try:
            staying.write(self._connection, self._schema, self._table)
            why = watch.found({})
        except sqlite3.IntegrityError:
            if not self._connection.in_transaction:
                raise
            self._undo()
            detail = f"table {self._table.name}: a trigger or constraint refuses that a member leaves a list; change it"
            why = Unable(Reason.UNSUPPORTED, detail)
        else:
            if why is not None:
                self._undo()
            else:
                self._connection.execute("RELEASE expunge_subject")
        watch.stop()
        return why

    def _delete(self, number: int, items: int, watch: TriggerWatch) -> Outcome:
        """Delete one subject's rows in one statement, so that they may refer to each other, or none of them."""
        self._connection.execute("SAVEPOINT expunge_subject")
        try:
            self._connection.execute(f"DELETE {self._of(number)}")
            kept = self._connection.execute(f"SELECT 1 {self._of(number)}").fetchone() is not None
        except sqlite3.IntegrityError as error:
            if not self._connection.in_transaction:
                raise
            self._undo()
            return self._refused(error)
        if kept:
            self._undo()
            return Unable(Reason.UNSUPPORTED, f"table {self._table.name}: a trigger keeps rows that are deleted; change the trigger")
        if watch and (why := watch.found({})) is not None:
            self._undo()
            return why
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

    def _chains(self) -> Iterator[Chain[SqliteReference]]:
        return chains(self._table.name, self._schema.references)

    def _blocked(
        self, subjects: Sequence[Pseudonym], found: Iterable[Chain[SqliteReference]], gone: Mapping[str, Collection[str]] | None
    ) -> dict[Pseudonym, Unable]:
        """The subjects to whose rows rows of others refer; ``gone`` are keys of rows that go as well, by table, before anything went."""
        said: dict[Pseudonym, set[str]] = {}
        for chain in found:
            going = (gone or {}).get(chain[-1].child, frozenset())
            for number, *key in self._connection.execute(self._referring(chain, beforehand=gone is not None)):
                if encode_key(tuple(key)) not in going:
                    said.setdefault(subjects[number], set()).add(self._family.said(chain[-1]))
        return {
            subject: Unable(Reason.REFERENCED, f"table {self._table.name}: {'; '.join(sorted(whys))}") for subject, whys in said.items()
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

    def _referring(self, chain: Chain[SqliteReference], *, beforehand: bool) -> str:
        """SQL for the numbers of subjects that rows of the last child refer to, and these rows' keys; rows of the batch left out."""
        reference = chain[-1]
        names = ["t", *(f"p{at}" for at in range(1, len(chain))), "c"]
        along = self._along(chain[0]) if back_to_itself(self._table.name, chain) else ""
        links = [
            " AND ".join(f"{name}.{quoted(child)} = {parent_name}.{quoted(parent)}" for child, parent in link.columns)
            for link, parent_name, name in zip(chain, names, names[1:], strict=False)
        ]
        if along:
            links[0] = " AND ".join(f"{names[1]}.{quoted(child)} = d.v{at}" for at, (child, _) in enumerate(chain[0].columns))
        between = "".join(
            f"JOIN main.{quoted(link.child)} AS {name} ON {on} " for link, name, on in zip(chain[:-1], names[1:-1], links, strict=False)
        )
        doomed = " AND ".join(f"d.k{at} = {name}" for at, name in enumerate(self._table.key))
        others = ["1"]
        if reference.child == self._table.name:
            itself = " AND ".join(f"o.k{at} = {name.replace('t.', 'c.', 1)}" for at, name in enumerate(self._table.key))
            others.append(f"NOT EXISTS (SELECT 1 FROM temp.expunge_doomed AS o WHERE {itself})")
        if reference.child in self._family.others:
            others += self._somebody_elses(reference, beforehand=beforehand)
        key = "".join(f", {name.replace('t.', 'c.', 1)}" for name in self._schema.require(reference.child).key)
        source = "along" if along else "temp.expunge_doomed"
        return (
            f"{along}SELECT DISTINCT d.subject{key} FROM {source} AS d JOIN {self._table.sql} AS t ON {doomed} {between}"
            f"JOIN main.{quoted(reference.child)} AS c ON {links[-1]} WHERE {' AND '.join(others)}"
        )

    def _along(self, reference: SqliteReference) -> str:
        """SQL to begin with: ``along``, the doomed rows, once for each row of the same table that goes along, with what others refer to."""
        keys = ", ".join(f"d.k{at}" for at in range(len(self._table.key)))
        doomed = " AND ".join(f"d.k{at} = {name}" for at, name in enumerate(self._table.key))
        told = ", ".join(f"t.{quoted(parent)} AS v{at}" for at, (_, parent) in enumerate(reference.columns))
        below = " AND ".join(f"t.{quoted(child)} = d.v{at}" for at, (child, _) in enumerate(reference.columns))
        row = f"SELECT d.subject, {keys}, {told} FROM"
        return (
            f"WITH RECURSIVE along AS ({row} temp.expunge_doomed AS d JOIN {self._table.sql} AS t ON {doomed} "
            f"UNION {row} along AS d JOIN {self._table.sql} AS t ON {below}) "
        )

    def _somebody_elses(self, reference: SqliteReference, *, beforehand: bool) -> Iterator[str]:
        """SQL: the child's row is another person's; one that would be taken along is somebody's."""
        takes, child = self._family.takes(reference), self._schema.require(reference.child)
        for theirs, ours in self._family.kinds(reference.child):
            their_field, our_field = child.field(theirs, "c"), self._table.field(ours)
            if their_field and our_field:
                yield f"{their_field.text} IS NOT {our_field.text}"
                if takes:
                    going = f"SELECT value FROM temp.expunge_owners WHERE field = {literal(ours)}"
                    yield f"({their_field.text} IS NULL OR {their_field.text} NOT IN ({going}))"
        if takes and not self._family.narrowed:
            yield self._family.owned(reference.child, self)
            if led := "" if beforehand else self._family.led_by(reference.child, self):
                yield f"NOT ({led})"

    def source(self, table: str) -> str:
        """As :class:`RowSql` has it."""
        return f"main.{quoted(table)}"

    def tells(self, table: str, field: str, alias: str) -> str:
        """As :class:`RowSql` has it."""
        found = self._schema.require(table).field(field, alias)
        return f"{found.sql} IS NOT NULL" if found else "0"

    def equal(self, one: tuple[str, str, str], other: tuple[str, str, str]) -> str:
        """As :class:`RowSql` has it."""
        fields = [self._schema.require(table).field(field, alias) for table, field, alias in (one, other)]
        return " = ".join(each.sql for each in fields if each) if all(fields) else "0"
