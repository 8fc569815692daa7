"""Delete the rows of a batch of subjects in one transaction."""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values go by COPY
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

import psycopg
from psycopg import pq

from expunge import permit
from expunge.core.values.copy import Copy
from expunge.core.values.ids import Pseudonym
from expunge.core.values.outcome import Absent, Erased, Outcome, Reason, Unable
from expunge.faults import ReplyLost, failpoint
from expunge.stores.postgres.ladder.ladder_climb import FLUSH
from expunge.stores.postgres.member_rows import MemberRows
from expunge.stores.postgres.mentions import PostgresMentions
from expunge.stores.postgres.reading.match import CopyKeys, PostgresMatcher, selectors_of
from expunge.stores.postgres.schema.catalogue import PostgresReference, PostgresSchema, PostgresTable, quoted
from expunge.stores.postgres.schema.triggers import keeping
from expunge.stores.postgres.server.connection import Connection, ConnectionPool, lost
from expunge.stores.tables.table_references import TableReferences

_TRIES = 3
_AGAIN = frozenset({"40001", "40P01"})
_OF_ONE = ("23", "P0", "22", "21", "27", "38", "39", "2F")
"""Classes of errors that somebody's rows cause: the others' can go all the same."""
_MANY = 500


Chain: TypeAlias = tuple[PostgresReference, ...]
"""A reference, after those by which a deletion gets to the table that it refers to."""


@dataclass
class PostgresEraser:
    """One transaction over one table: everything of it happens or nothing."""

    link: ConnectionPool
    connection: Connection
    schema: PostgresSchema
    table: PostgresTable
    family: TableReferences

    def erase(self, copies: Sequence[Copy]) -> dict[Pseudonym, Outcome]:
        """Delete the copies' rows that still exist and still belong to their subjects; one outcome for each subject.

        Raises:
            psycopg.Error, OSError: nothing of the batch happened.
            ReplyLost: it is unknown whether the batch happened.
            NotInPostgresSchema: a selector's field does not exist, or rows are named otherwise now.
        """
        for left in reversed(range(_TRIES)):
            try:
                return self._once(copies)
            except psycopg.Error as error:
                if error.sqlstate not in _AGAIN or not left:
                    raise
        raise AssertionError

    def _once(self, copies: Sequence[Copy]) -> dict[Pseudonym, Outcome]:
        run = self.connection.execute
        failpoint("postgres.erase.begin:before")
        run("BEGIN ISOLATION LEVEL READ COMMITTED")
        try:
            # Deferred references would be looked at after the last moment at which one person's rows can be told from another's.
            run("SET CONSTRAINTS ALL IMMEDIATE")
            run("SELECT pg_catalog.set_config('synchronous_commit', 'local', true) WHERE current_setting('synchronous_commit') = 'off'")
            outcomes = self._delete_all(copies)
            run(FLUSH.encode())
            number = self.schema.one("SELECT pg_catalog.pg_current_xact_id()::text")
            run(FLUSH)
            permit.check()
            failpoint("postgres.erase.commit:before")
            # commit point: the rows are gone from every read once this returns; before, a crash leaves all of them.
            self._commit(str(number))
        finally:
            if not self.connection.closed and self.connection.info.transaction_status != pq.TransactionStatus.IDLE:
                with suppress(psycopg.Error):
                    run("ROLLBACK")
        failpoint("postgres.erase.commit:after")
        return outcomes

    def _commit(self, number: str) -> None:
        try:
            self.connection.execute("COMMIT")
        except psycopg.Error as error:
            if not lost(error):
                raise
            # The server may have committed before the line broke: it remembers.
            if self._became(number) != "aborted":
                return
            raise

    def _became(self, number: str) -> str:
        """What became of a transaction; raises ReplyLost where that cannot be told now."""
        try:
            with self.link.borrowed() as connection:
                became = PostgresSchema(connection).one("SELECT pg_catalog.pg_xact_status(%s::pg_catalog.xid8)", (number,))
        except psycopg.Error as error:
            raise ReplyLost("postgres.erase.commit") from error
        if became not in {"committed", "aborted"}:
            raise ReplyLost("postgres.erase.commit")
        return str(became)

    # --- who goes ----------------------------------------------------------------------------------

    def _delete_all(self, copies: Sequence[Copy]) -> dict[Pseudonym, Outcome]:
        matcher, keys = PostgresMatcher(self.connection, self.table, selectors_of(copies)), CopyKeys(self.connection, self.table, copies)
        PostgresMentions(self.connection, self.table).release(self.family.dataset.mentions, copies, keys)
        members = MemberRows(self.connection, self.table, self.family.dataset, copies, keys, lock=True)
        members.find(matcher)
        answers: dict[int, Outcome] = dict(self._blocked(matcher, keys, beforehand=False))
        self._leave(answers)
        batch = _Batch(self, matcher, keys, self._objects(), keeping(self.connection, self.table))
        answers |= batch.delete(0, len(copies))
        answers |= self._take_out(members, answers, len(copies))
        return {copy.subject: answers.get(number, Absent()) for number, copy in enumerate(copies)}

    def _take_out(self, members: MemberRows, answers: Mapping[int, Outcome], copies: int) -> dict[int, Outcome]:
        """Take members out of the rows that stay; the answers of those who leave such a row. A subject who is blocked leaves none."""
        staying = {number for number, answer in answers.items() if isinstance(answer, Unable)}
        rows = {number: count for number in range(copies) if number not in staying and (count := members.of(number))}
        if not rows:
            return {}
        self.connection.execute("SAVEPOINT expunge_members")
        try:
            members.write(staying)
        except psycopg.Error as error:
            if lost(error) or not (error.sqlstate or "").startswith(_OF_ONE):
                raise
            self.connection.execute("ROLLBACK TO expunge_members")
            detail = f"table {self.table.shown}: a trigger or constraint refuses that a member leaves a list; change it"
            return dict.fromkeys(rows, Unable(Reason.UNSUPPORTED, detail))
        self.connection.execute("RELEASE expunge_members")
        deleted = {number: answer.items for number, answer in answers.items() if isinstance(answer, Erased)}
        return {number: Erased(count + deleted.get(number, 0)) for number, count in rows.items()}

    def _leave(self, numbers: Sequence[int] | dict[int, Outcome]) -> None:
        if numbers:
            self.connection.execute("DELETE FROM pg_temp.expunge_keys WHERE copy = ANY (%s)", (list(numbers),))

    def _objects(self) -> list[str]:
        return [column.name for column in self.table.columns if column.large_object]

    # --- references --------------------------------------------------------------------------------

    def blocked(self, copies: Sequence[Copy]) -> dict[Pseudonym, Unable]:
        """Return the subjects whose rows other rows refer to, with the referring tables. Changes nothing. Inside a transaction.

        Raises:
            NotInPostgresSchema: a selector's field does not exist.
        """
        if not self._in_the_way(beforehand=True):
            return {}
        matcher, keys = PostgresMatcher(self.connection, self.table, selectors_of(copies)), CopyKeys(self.connection, self.table, copies)
        MemberRows(self.connection, self.table, self.family.dataset, copies, keys, lock=False).find(matcher)
        return {copies[number].subject: unable for number, unable in self._blocked(matcher, keys, beforehand=True).items()}

    def uncovered(self, copies: Sequence[Copy]) -> tuple[str, ...]:
        """Return the tables that no dataset declares and whose rows refer to the copies' rows. Changes nothing. Inside a transaction.

        Raises:
            NotInPostgresSchema: a selector's field does not exist.
        """
        undeclared = [chain for chain in self._chains() if self._uncovered(chain[-1])]
        if not undeclared:
            return ()
        matcher, keys = PostgresMatcher(self.connection, self.table, selectors_of(copies)), CopyKeys(self.connection, self.table, copies)
        asked = [(chain[-1].child, self._referring(chain, matcher, keys, beforehand=True)) for chain in undeclared]
        return tuple(dict.fromkeys(child for child, sql in asked if self.connection.execute(sql.encode()).fetchone() is not None))

    def _uncovered(self, reference: PostgresReference) -> bool:
        return reference.child not in self.family.others and (reference.cascades or not reference.acts)

    def _chains(self, tables: Sequence[int] | None = None, above: Chain = ()) -> Iterator[Chain]:
        """Yield the references to the table, and to what a deletion takes along by cascades, each with those that lead to it."""
        tables = self.table.family[:1] if tables is None else tables
        for reference in (found for oid in tables for found in self.schema.references(oid)):
            chain = (*above, reference)
            yield chain
            if reference.cascades and reference.child_oid not in {*self.table.family[:1], *(passed.child_oid for passed in above)}:
                yield from self._chains((reference.child_oid,), chain)

    def _in_the_way(self, *, beforehand: bool) -> list[Chain]:
        """The references by which rows that stay could point at rows that go, or would go along with them."""
        return [
            chain
            for chain in self._chains()
            if not (beforehand and self.family.releases(chain[-1].child, [child for child, _ in chain[-1].columns]))
            and self._keeps(chain[-1], beforehand=beforehand)
            # Why of longer chains cascades alone: anything else makes the database refuse the deletion.
            and (len(chain) == 1 or chain[-1].cascades)
        ]

    def _keeps(self, each: PostgresReference, *, beforehand: bool) -> bool:
        return bool(
            (each.cascades and (self.family.shares_kind(each.child) or (not beforehand and self.family.untold(each.child))))
            or (not each.acts and not (beforehand and self.family.goes_by_itself(each.child, beforehand=True)))
        )

    def _blocked(self, matcher: PostgresMatcher, keys: CopyKeys, *, beforehand: bool) -> dict[int, Unable]:
        found: dict[int, set[str]] = {}
        for chain in self._in_the_way(beforehand=beforehand):
            last = chain[-1]
            for (number,) in self.connection.execute(self._referring(chain, matcher, keys, beforehand=beforehand).encode()).fetchall():
                found.setdefault(number, set()).add(
                    self.family.said(last.child, [child for child, _ in last.columns], cascades=last.cascades)
                )
        return {number: Unable(Reason.REFERENCED, f"table {self.table.shown}: {'; '.join(sorted(said))}") for number, said in found.items()}

    def _referring(self, chain: Chain, matcher: PostgresMatcher, keys: CopyKeys, *, beforehand: bool) -> str:
        """SQL for the numbers of copies that rows of the last child refer to, less rows of the batch and, beforehand, of the person."""
        reference = chain[-1]
        names = ["t", *(f"p{at}" for at in range(1, len(chain))), "c"]
        joined = " ".join(
            f"JOIN {link.child_sql} AS {name} ON "
            + " AND ".join(f"{name}.{quoted(child)} = {parent_name}.{quoted(parent)}" for child, parent in link.columns)
            for link, parent_name, name in zip(chain, names, names[1:], strict=False)
        )
        others = [matcher.belongs()]
        if reference.child_oid == self.table.oid:
            others.append(f"NOT EXISTS (SELECT FROM pg_temp.expunge_keys AS o WHERE {keys.named('o', 'c')})")
        if reference.cascades:
            others += self._somebody_elses(reference, matcher)
        elif beforehand and reference.child in self.family.others:
            child = self.schema.table(reference.child)
            for theirs, ours in self.family.kinds(reference.child):
                their_field, our_field = child.field(theirs, "c") if child else None, self.table.field(ours)
                if their_field and our_field:
                    others.append(f"{their_field.text} IS DISTINCT FROM {our_field.text}")
        return (
            f"SELECT DISTINCT k.copy FROM pg_temp.expunge_keys AS k JOIN {self.table.sql} AS t ON {keys.named()} "
            f"{joined} WHERE {' AND '.join(others)}"
        )

    def _somebody_elses(self, reference: PostgresReference, matcher: PostgresMatcher) -> Iterator[str]:
        """SQL: the child's row belongs to somebody, and to nobody all of whose rows go in this call."""
        if self.family.narrowed or reference.child not in self.family.others:
            return
        child = self.schema.require(reference.child)
        numbers = {each.name: at for at, each in enumerate(matcher.fields)}
        untold = (child.field(name, "c") for name in self.family.untold(reference.child))
        named = [f"{each.sql} IS NOT NULL" for each in untold if each is not None]
        for theirs, ours in self.family.kinds(reference.child):
            field = child.field(theirs, "c")
            if field is not None and ours in numbers:
                named.append(f"{field.sql} IS NOT NULL")
                same = f"w.text = ANY ({field.sql}::text[])" if field.form == "array" else f"w.text = {field.text}"
                yield f"NOT EXISTS (SELECT FROM pg_temp.expunge_wanted_{numbers[ours]} AS w WHERE {same})"
        yield f"({' OR '.join(named) or 'false'})"


@dataclass
class _Batch:
    """The copies of one call, deleted all at once or, where somebody's rows cannot go, in ever smaller parts."""

    eraser: PostgresEraser
    matcher: PostgresMatcher
    keys: CopyKeys
    objects: Sequence[str]
    """Columns that may name large objects."""
    keeping: bool
    """A trigger may keep rows that are deleted."""

    def delete(self, start: int, end: int) -> dict[int, Outcome]:
        """Delete the rows of the copies from ``start`` up to ``end``."""
        connection = self.eraser.connection
        connection.execute("SAVEPOINT expunge_batch")
        try:
            counts = self._run(start, end)
        except psycopg.Error as error:
            if lost(error) or not (error.sqlstate or "").startswith(_OF_ONE):
                raise
            connection.execute("ROLLBACK TO expunge_batch")
            if end - start == 1:
                return {start: self._refused(error)}
            middle = (start + end) // 2
            return {**self.delete(start, middle), **self.delete(middle, end)}
        connection.execute("RELEASE expunge_batch")
        return {number: Erased(items) for number, items in counts.items() if items}

    def _run(self, start: int, end: int) -> dict[int, int]:
        objects = self._named_objects(start, end) if self.objects else []
        expected = self._standing(start, end) if self.keeping else {}
        table = self.eraser.table
        names = ", ".join(f"{each.sql} AS g{at}" for at, each in enumerate(table.keys))
        same = " AND ".join(f"g.g{at} {each.equals} k.k{at}" for at, each in enumerate(table.keys))
        sql = (
            f"WITH gone AS (DELETE FROM {table.sql} AS t USING {self._doomed(start, end)} RETURNING {names}) "
            f"SELECT k.copy, pg_catalog.count(*) FROM gone AS g JOIN pg_temp.expunge_keys AS k ON {same} "
            f"WHERE k.copy >= {start} AND k.copy < {end} GROUP BY k.copy"
        )
        counts: dict[int, int] = dict(self.eraser.connection.execute(sql.encode()).fetchall())
        if any(counts.get(number) != items for number, items in expected.items()):
            raise _Kept
        self._unlink(objects)
        return counts

    def _doomed(self, start: int, end: int) -> str:
        """SQL: the rows to go, as the keys that name them and what still makes them theirs."""
        return f"pg_temp.expunge_keys AS k WHERE {self.keys.named()} AND k.copy >= {start} AND k.copy < {end} AND {self.matcher.belongs()}"

    def _standing(self, start: int, end: int) -> dict[int, int]:
        sql = f"SELECT k.copy, pg_catalog.count(*) FROM {self.eraser.table.sql} AS t, {self._doomed(start, end)} GROUP BY k.copy"
        return dict(self.eraser.connection.execute(sql.encode()).fetchall())

    def _refused(self, error: psycopg.Error) -> Unable:
        where = f"table {self.eraser.table.shown}"
        if isinstance(error, _Kept):
            return Unable(Reason.UNSUPPORTED, f"{where}: a trigger keeps rows that are deleted; change the trigger")
        told = self.eraser.link.unable(error)
        by = f" ({error.diag.table_name})" if told.reason is Reason.REFERENCED and error.diag.table_name else ""
        return Unable(told.reason, f"{where}{by}: {told.detail}")

    # --- large objects -----------------------------------------------------------------------------

    def _named_objects(self, start: int, end: int) -> list[int]:
        found: list[int] = []
        for name in self.objects:
            sql = (
                f"SELECT DISTINCT m.oid FROM {self.eraser.table.sql} AS t JOIN pg_catalog.pg_largeobject_metadata AS m "
                f"ON m.oid = t.{quoted(name)}, {self._doomed(start, end)}"
            )
            found += [row[0] for row in self.eraser.connection.execute(sql.encode())]
        return list(dict.fromkeys(found))

    def _unlink(self, objects: Sequence[int]) -> None:
        """Remove the large objects that no row of any table names any longer; a trigger of the application may have done so already."""
        if not objects:
            return
        holders = list(_holders(self.eraser.connection))
        unnamed = "".join(f" AND NOT EXISTS (SELECT FROM {table} AS t WHERE t.{column} = m.oid)" for table, column in holders)
        named = "pg_catalog.pg_largeobject_metadata AS m WHERE m.oid = ANY (%s::pg_catalog.oid[])"
        sql = f"SELECT pg_catalog.lo_unlink(m.oid) FROM {named}{unnamed.replace('%', '%%')}"
        for at in range(0, len(objects), _MANY):
            self.eraser.connection.execute(sql.encode(), (list(objects[at : at + _MANY]),))


class _Kept(psycopg.errors.RaiseException):
    """Fewer rows went than were to go."""

    sqlstate = "P0001"


_HOLDERS = """
SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), pg_catalog.quote_ident(a.attname)
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped AND (t.typname = 'lo' OR t.typname = 'oid')
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
"""


def _holders(connection: Connection) -> Iterator[tuple[str, str]]:
    """Columns of any table that may name large objects."""
    yield from connection.execute(_HOLDERS).fetchall()
