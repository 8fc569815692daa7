"""Delete the rows of a batch of subjects in one transaction."""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values go by COPY
from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

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
from expunge.stores.postgres.reading.match import CopyKeys, PostgresMatcher, encode_key, selectors_of
from expunge.stores.postgres.schema.catalogue import PostgresReference, PostgresSchema, PostgresTable, quoted
from expunge.stores.postgres.schema.triggers import keeping
from expunge.stores.postgres.server.connection import Connection, ConnectionPool, lost
from expunge.stores.postgres.trigger_watch import MeantCells, TriggerWatch
from expunge.stores.tables.table_references import Chain, TableReferences, back_to_itself, chains

_TRIES = 3
_AGAIN = frozenset({"40001", "40P01"})
_OF_ONE = ("23", "P0", "22", "21", "27", "38", "39", "2F")
"""Classes of errors that somebody's rows cause: the others' can go all the same."""
_MANY = 500


@dataclass
class PostgresEraser:
    """One transaction over one table: everything of it happens or nothing."""

    link: ConnectionPool
    connection: Connection
    schema: PostgresSchema
    table: PostgresTable
    family: TableReferences
    accepted: Collection[str] = ()
    """Triggers that may change rows of other people."""
    _meant: MeantCells = field(default_factory=MeantCells)
    """What the transaction made of cells of rows that stay."""

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
        answers: dict[int, Outcome] = {}
        answers |= self._release(copies, keys)
        members = MemberRows(self.connection, self.table, self.family.dataset, copies, keys, lock=True)
        members.find(matcher)
        answers |= self._blocked(matcher, keys, None)
        self._leave(answers)
        watch = self._watch(copies, meant=self._meant, staying=members.keys)
        batch = _Batch(self, matcher, keys, self._objects(), keeping(self.connection, self.table), watch)
        answers |= batch.delete(0, len(copies))
        answers |= self._take_out(members, answers, copies)
        return {copy.subject: answers.get(number, Absent()) for number, copy in enumerate(copies)}

    def _release(self, copies: Sequence[Copy], keys: CopyKeys) -> dict[int, Unable]:
        """Take the subjects' identifiers out of other people's rows; the numbers of the copies for which triggers forbid it."""
        self._meant = MeantCells()
        mentions, rules = PostgresMentions(self.connection, self.table), self.family.dataset.mentions
        named = [number for number, copy in enumerate(copies) if copy.mentions]
        watch = self._watch(copies, gone={}, updated=True) if named else None
        if watch is None or not watch:
            # Why noted all the same: triggers on the deletion that follows may be watched.
            mentions.release(rules, copies, keys, self._meant)
            return {}
        refused: dict[int, Unable] = {}
        waiting = [named]
        while waiting:
            numbers, meant = waiting.pop(), MeantCells()
            self.connection.execute("SAVEPOINT expunge_release")
            watch.start()
            mentions.release(rules, [copies[number] for number in numbers], keys, meant)
            watch.meant = self._meant.join(meant)
            why = watch.why(self)
            if why is None:
                self._meant = watch.meant
                self.connection.execute("RELEASE expunge_release")
                continue
            self.connection.execute("ROLLBACK TO expunge_release")
            if len(numbers) == 1:
                refused[numbers[0]] = why
            else:
                waiting += [numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :]]
        return refused

    def _watch(
        self,
        copies: Sequence[Copy],
        gone: Mapping[str, Collection[str]] | None = None,
        *,
        updated: bool = False,
        meant: MeantCells | None = None,
        staying: Collection[str] = frozenset(),
    ) -> TriggerWatch:
        place = (self.link, self.connection, self.schema, self.table, self.family)
        return TriggerWatch(*place, copies, self.accepted, gone, updated, meant or MeantCells(), staying)

    def _take_out(self, members: MemberRows, answers: Mapping[int, Outcome], copies: Sequence[Copy]) -> dict[int, Outcome]:
        """Take members out of the rows that stay; the answers of those who leave such a row. A subject who is blocked leaves none."""
        staying = {number for number, answer in answers.items() if isinstance(answer, Unable)}
        rows = {number: count for number in range(len(copies)) if number not in staying and (count := members.of(number))}
        if not rows:
            return {}
        watch = self._watch(copies, gone={}, updated=True, meant=self._meant, staying=members.keys)
        watch.start()
        self.connection.execute("SAVEPOINT expunge_members")
        try:
            members.write(staying, watch.meant if watch else None)
            why = watch.why(self)
        except psycopg.Error as error:
            if lost(error) or not (error.sqlstate or "").startswith(_OF_ONE):
                raise
            self.connection.execute("ROLLBACK TO expunge_members")
            detail = f"table {self.table.shown}: a trigger or constraint refuses that a member leaves a list; change it"
            why = Unable(Reason.UNSUPPORTED, detail)
        else:
            self.connection.execute(f"{'ROLLBACK TO' if why else 'RELEASE'} expunge_members")
        if why is not None:
            return dict.fromkeys(rows, why)
        deleted = {number: answer.items for number, answer in answers.items() if isinstance(answer, Erased)}
        return {number: Erased(count + deleted.get(number, 0)) for number, count in rows.items()}

    def _leave(self, numbers: Sequence[int] | dict[int, Outcome]) -> None:
        if numbers:
            self.connection.execute("DELETE FROM pg_temp.expunge_keys WHERE copy = ANY (%s)", (list(numbers),))

    def _objects(self) -> list[str]:
        return [column.name for column in self.table.columns if column.large_object]

    # --- references --------------------------------------------------------------------------------

    def referred(self, copies: Sequence[Copy], going: Mapping[str, Sequence[Copy]]) -> dict[Pseudonym, Unable]:
        """Return the subjects whose rows cannot go while others stay, with the tables of those. Changes nothing. Inside a transaction.

        Args:
            copies: what is to go from the table.
            going: dataset -> all that is to go from it in the same order.

        Raises:
            NotInPostgresSchema: a selector's field does not exist.
        """
        gone = {table: {key for copy in going.get(each.name, ()) for key in copy.keys} for table, each in self.family.others.items()}
        watch = self._watch(copies, gone)
        if not watch.untold and not any(self.family.in_the_way(self.chains(), beforehand=True, enforced=True)):
            return {}
        matcher, keys = PostgresMatcher(self.connection, self.table, selectors_of(copies)), CopyKeys(self.connection, self.table, copies)
        MemberRows(self.connection, self.table, self.family.dataset, copies, keys, lock=False).find(matcher)
        blocked = self._blocked(matcher, keys, gone)
        if watch.untold:
            # Why tried, and taken back: later, nothing tells whose rows of another kind of identity go as well.
            rehearsal = _Batch(self, matcher, keys, (), keeping=False, watch=watch)
            rehearsal.delete(0, len(copies))
            blocked = rehearsal.touching | blocked
        return {copies[number].subject: unable for number, unable in blocked.items()}

    def uncovered(self, copies: Sequence[Copy]) -> tuple[str, ...]:
        """Return the tables that no dataset declares and whose rows refer to the copies' rows. Changes nothing. Inside a transaction.

        Raises:
            NotInPostgresSchema: a selector's field does not exist.
        """
        undeclared = list(self.family.undeclared(self.chains()))
        if not undeclared:
            return ()
        matcher, keys = PostgresMatcher(self.connection, self.table, selectors_of(copies)), CopyKeys(self.connection, self.table, copies)
        asked = [(chain[-1].child, self._referring(chain, matcher, keys, beforehand=True)) for chain in undeclared]
        return tuple(dict.fromkeys(child for child, sql in asked if self.connection.execute(sql.encode()).fetchone() is not None))

    def chains(self) -> Iterator[Chain[PostgresReference]]:
        """Yield the references to the table, and to what a deletion takes along, each with those that lead to it."""
        declared = [table for name in self.family.others if (table := self.schema.table(name)) is not None]
        return chains(self.table.shown, self.schema.references_by_name([self.table], declared))

    def _blocked(self, matcher: PostgresMatcher, keys: CopyKeys, gone: Mapping[str, Collection[str]] | None) -> dict[int, Unable]:
        """The copies to whose rows rows of others refer; ``gone`` are keys of rows that go as well, by table, before anything went."""
        said: dict[int, set[str]] = {}
        for chain in self.family.in_the_way(self.chains(), beforehand=gone is not None, enforced=True):
            going = (gone or {}).get(chain[-1].child, frozenset())
            sql = self._referring(chain, matcher, keys, beforehand=gone is not None)
            for number, *key in self.connection.execute(sql.encode()):
                if encode_key(key) not in going:
                    said.setdefault(number, set()).add(self.family.said(chain[-1]))
        return {number: Unable(Reason.REFERENCED, f"table {self.table.shown}: {'; '.join(sorted(whys))}") for number, whys in said.items()}

    def _referring(self, chain: Chain[PostgresReference], matcher: PostgresMatcher, keys: CopyKeys, *, beforehand: bool) -> str:
        """SQL for the numbers of copies that rows of the last child refer to, and these rows' keys; rows of the batch left out."""
        reference = chain[-1]
        names = ["t", *(f"p{at}" for at in range(1, len(chain))), "c"]
        links = [
            " AND ".join(f"{name}.{quoted(child)} = {parent_name}.{quoted(parent)}" for child, parent in link.columns)
            for link, parent_name, name in zip(chain, names, names[1:], strict=False)
        ]
        along = self._along(chain[0], matcher, keys) if back_to_itself(self.table.shown, chain) else ""
        if along:
            links[0] = " AND ".join(f"{names[1]}.{quoted(child)} = k.v{at}" for at, (child, _) in enumerate(chain[0].columns))
        joined = " ".join(f"JOIN {link.child_sql} AS {name} ON {on}" for link, name, on in zip(chain, names[1:], links, strict=True))
        others = [matcher.belongs()]
        if reference.child_oid == self.table.oid:
            others.append(f"NOT EXISTS (SELECT FROM pg_temp.expunge_keys AS o WHERE {keys.named('o', 'c')})")
        child = self.schema.table(reference.child) if reference.child in self.family.others else None
        if child is not None and self.family.takes(reference):
            others += self._somebody_elses(child, matcher, beforehand=beforehand)
        elif child is not None and beforehand:
            for theirs, ours in self.family.kinds(reference.child):
                their_field, our_field = child.field(theirs, "c"), self.table.field(ours)
                if their_field and our_field:
                    others.append(f"{their_field.text} IS DISTINCT FROM {our_field.text}")
        key = "".join(f", {each.sql.replace('t.', 'c.', 1)}::text" for each in child.keys) if child is not None else ", ''"
        source = "along" if along else "pg_temp.expunge_keys"
        return (
            f"{along}SELECT DISTINCT k.copy{key} FROM {source} AS k JOIN {self.table.sql} AS t ON {keys.named()} "
            f"{joined} WHERE {' AND '.join(others)}"
        )

    def _along(self, reference: PostgresReference, matcher: PostgresMatcher, keys: CopyKeys) -> str:
        """SQL to begin with: ``along``, the keys, once for each row of the same table that goes along, with what further rows refer to."""
        names = ", ".join((*(f"k.k{at}" for at in keys.width), "k.copy", "k.free"))
        told = ", ".join(f"t.{quoted(parent)} AS v{at}" for at, (_, parent) in enumerate(reference.columns))
        below = " AND ".join(f"t.{quoted(child)} = k.v{at}" for at, (child, _) in enumerate(reference.columns))
        return (
            f"WITH RECURSIVE along AS (SELECT {names}, {told} FROM pg_temp.expunge_keys AS k JOIN {self.table.sql} AS t ON {keys.named()} "
            f"WHERE {matcher.belongs()} UNION SELECT {names}, {told} FROM along AS k JOIN {self.table.sql} AS t ON {below}) "
        )

    def _somebody_elses(self, child: PostgresTable, matcher: PostgresMatcher, *, beforehand: bool) -> Iterator[str]:
        """SQL: the child's row belongs to somebody, and to nobody all of whose rows go in this call."""
        if self.family.narrowed:
            return
        numbers = {each.name: at for at, each in enumerate(matcher.fields)}
        for theirs, ours in self.family.kinds(child.shown):
            field = child.field(theirs, "c")
            if field is not None and ours in numbers:
                same = f"w.text = ANY ({field.sql}::text[])" if field.form == "array" else f"w.text = {field.text}"
                yield f"NOT EXISTS (SELECT FROM pg_temp.expunge_wanted_{numbers[ours]} AS w WHERE {same})"
        yield self.family.owned(child.shown, self)
        if led := "" if beforehand else self.family.led_by(child.shown, self):
            yield f"({led}) IS NOT TRUE"

    def source(self, table: str) -> str:
        """As :class:`RowSql` has it."""
        return self.schema.require(table).sql

    def tells(self, table: str, field: str, alias: str) -> str:
        """As :class:`RowSql` has it."""
        found = self.schema.require(table).field(field, alias)
        if found is None:
            return "false"
        return f"pg_catalog.cardinality({found.sql}) > 0" if found.form == "array" else f"{found.sql} IS NOT NULL"

    def equal(self, one: tuple[str, str, str], other: tuple[str, str, str]) -> str:
        """As :class:`RowSql` has it."""
        fields = [found for table, field, alias in (one, other) if (found := self.schema.require(table).field(field, alias))]
        if len(fields) < 2:
            return "false"
        plain = len({(each.form, each.column.sql_type) for each in fields}) == 1
        return " = ".join(each.sql if plain else each.text for each in fields)


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
    watch: TriggerWatch
    touching: dict[int, Unable] = field(default_factory=dict)
    """The copies by whose deletion triggers change rows of other people."""

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
                refused = self._refused(error)
                if isinstance(error, _Touched):
                    self.touching[start] = refused
                return {start: refused}
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
        self.watch.start()
        counts: dict[int, int] = dict(self.eraser.connection.execute(sql.encode()).fetchall())
        if any(counts.get(number) != items for number, items in expected.items()):
            raise _Kept
        if met := self.watch.met(self.eraser):
            raise _Touched(", ".join(met))
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
        if isinstance(error, _Touched):
            return self.watch.refusal(str(error))
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


class _Touched(psycopg.errors.RaiseException):
    """Triggers changed rows of other people."""

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
