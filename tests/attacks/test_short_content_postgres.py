"""Rows too short for a window in PostgreSQL: every byte of the files of their table is accounted for."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from expunge.core.evidence.receipt import ScanVerdict
from expunge.core.values.order import OrderState
from expunge.servers.postgres import PostgresServer
from expunge.stores.postgres.store import Postgres
from tests.attacks.mention_company import MentionCompany, company
from tests.attacks.test_short_content import CUSTOMERS_SET, ENROLMENTS_SET, PERSON, entry, once_purged, seldom

CUSTOMERS = """
CREATE TABLE customers (id int PRIMARY KEY, name text, closed_at text);
INSERT INTO customers SELECT i + 100, 'Customer called number ' || (i * 7919), NULL FROM generate_series(1, 300) AS i;
"""


@pytest.mark.parametrize(
    "shelf",
    [
        seldom(f"CREATE TABLE shelf (ids int[]); INSERT INTO shelf VALUES (ARRAY[101, {PERSON}]), (ARRAY[104, 105])"),
        seldom(f"CREATE TABLE shelf (ids text); INSERT INTO shelf VALUES ('101,{PERSON}'), ('104,105')"),
        seldom(f"""CREATE TABLE shelf (ids jsonb); INSERT INTO shelf VALUES ('{{"of": [101, {PERSON}]}}'), ('[104]')"""),
    ],
)
def test_a_list_with_the_short_key_is_never_silent(tmp_path: Path, database: str, shelf: str) -> None:
    made = company(tmp_path, CUSTOMERS + shelf, f"{CUSTOMERS_SET}}}", server=database)
    run = made.erase(f"customer:{PERSON}")
    assert run.state is OrderState.IN_PART
    assert any("may name the person in 1 row" in reason and "shelf.ids" in reason for reason in run.reasons), run.reasons


FILL = "FROM generate_series(1, 1500) AS i"
ENROLMENTS = (
    f"CREATE TABLE enrolments (customer_id int, course_id int); INSERT INTO enrolments SELECT (i * 7919) % 300 + 101, i % 37 {FILL};"
)
INDEXES = "CREATE INDEX by_customer ON enrolments (customer_id); CREATE INDEX by_both ON enrolments (course_id, customer_id);"
TWINS = {
    "a table with rows of nobody": f"{ENROLMENTS} INSERT INTO enrolments VALUES (NULL, 3), (9999, 4);",
    "with indexes": ENROLMENTS + INDEXES,
    "with a key": f"""
        CREATE TABLE enrolments (customer_id smallint, course_id bigint, note varchar(3), PRIMARY KEY (customer_id, course_id));
        INSERT INTO enrolments SELECT (i * 7919) % 300 + 101, i, CASE i % 3 WHEN 0 THEN 'ab' WHEN 1 THEN '' END {FILL};
        CREATE INDEX by_note ON enrolments (note, customer_id) INCLUDE (course_id);
        ALTER TABLE enrolments ADD COLUMN on_ boolean DEFAULT true;
        CREATE INDEX by_flag ON enrolments (on_) WHERE course_id > 9; CREATE INDEX by_key ON enrolments (customer_id DESC NULLS FIRST);""",
    "a column that went": f"{ENROLMENTS} ALTER TABLE enrolments ADD COLUMN x numeric DEFAULT 2;"
    "ALTER TABLE enrolments DROP COLUMN course_id;"
    "CREATE INDEX by_x ON enrolments (x, customer_id);",
    "its last row": f"CREATE TABLE enrolments (customer_id int, course_id int); INSERT INTO enrolments VALUES ({PERSON}, 3);",
    "partitions": f"""
        CREATE TABLE enrolments (customer_id int, course_id int) PARTITION BY RANGE (customer_id);
        CREATE TABLE low PARTITION OF enrolments FOR VALUES FROM (0) TO (250); CREATE TABLE high PARTITION OF enrolments DEFAULT;
        INSERT INTO enrolments SELECT (i * 7919) % 300 + 101, i % 37 {FILL}; CREATE INDEX by_customer ON enrolments (customer_id);""",
}
OFTEN = {"with a key"}


def enrolled(folder: Path, server: str, sql: str) -> MentionCompany:
    return company(folder, CUSTOMERS + sql, f"{CUSTOMERS_SET}}}", ENROLMENTS_SET, server=server)


@pytest.mark.parametrize("twin", [each if each in OFTEN else seldom(each) for each in TWINS])
def test_a_table_of_short_values_is_accounted_for(tmp_path: Path, database: str, twin: str) -> None:
    made = enrolled(tmp_path, database, TWINS[twin])
    others = f"SELECT * FROM enrolments WHERE customer_id <> {PERSON} ORDER BY 1, 2"
    before = made.run(others)
    run = made.erase(f"customer:{PERSON}")
    found = entry(made, run)
    assert run.state is OrderState.FULFILLED, (run.reasons, found)
    assert made.run(others) == before
    assert found.scan is not None
    assert (found.scan.verdict, found.scan.traces_usable) == (ScanVerdict.GONE, 0)
    assert found.scan.accounted is not None


# --- what is left, or happens between the purge and the look ---------------------------------------


def relation(made: MentionCompany, server: PostgresServer, name: str) -> Path:
    ((path,),) = made.run(f"SELECT pg_relation_filepath('{name}')")
    return server.data / str(path)


def in_free_space(made: MentionCompany, server: PostgresServer, name: str = "enrolments") -> None:
    """Lay a row of the person, or an entry of one, into the free space of the last page."""
    with relation(made, server, name).open("r+b") as file:
        file.seek(-8192, 2)
        lower = int.from_bytes(file.read(24)[12:14], "little")
        file.seek(-8192 + (lower + 71) // 8 * 8, 2)
        file.write(PERSON.to_bytes(4, "little"))


def in_an_index(made: MentionCompany, server: PostgresServer) -> None:
    in_free_space(made, server, "by_customer")


def deleted(made: MentionCompany, server: PostgresServer) -> None:
    made.run("DELETE FROM enrolments WHERE customer_id = 103")


def cleared(made: MentionCompany, server: PostgresServer) -> None:
    """Have the server clear rows away, which leaves their bytes where they were."""
    made.run("DELETE FROM enrolments WHERE customer_id = 103")
    server.sql("VACUUM enrolments", database=made.server.rpartition("/")[2])


def old_log(made: MentionCompany, server: PostgresServer) -> None:
    for path in (made.folder / "log").iterdir():
        shutil.copy(path, server.data / "pg_wal" / path.name)


ACTS: dict[str, tuple[Callable[[MentionCompany, PostgresServer], None], str]] = {
    "in free space": (in_free_space, "free space"),
    "in free space of an index": (in_an_index, "free space"),
    "another row that was deleted": (deleted, "no live row"),
    "rows that were cleared away": (cleared, "log of rows that were cleared away"),
    "a log from before": (old_log, "old log"),
}


@pytest.mark.parametrize("act", [each if each == "in free space" else seldom(each) for each in ACTS])
def test_what_is_left_is_not_accounted_for(tmp_path: Path, database: str, postgres_server: PostgresServer, act: str) -> None:
    made = enrolled(tmp_path, database, ENROLMENTS + INDEXES)
    shutil.copytree(postgres_server.data / "pg_wal", tmp_path / "log", ignore=shutil.ignore_patterns("*_status", "summaries"))
    do, word = ACTS[act]
    with pytest.MonkeyPatch.context() as patch:
        once_purged(patch, Postgres, lambda: do(made, postgres_server))
        run = made.erase(f"customer:{PERSON}")
    assert run.state is OrderState.IN_PART
    assert word in entry(made, run).detail
    run = made.again(run)
    assert run.state is OrderState.FULFILLED, made.receipt(run, 2).datasets


@pytest.mark.soak
def test_rows_that_come_between_the_purge_and_the_look_are_accounted_for(tmp_path: Path, database: str) -> None:
    made = enrolled(tmp_path, database, ENROLMENTS + INDEXES)
    with pytest.MonkeyPatch.context() as patch:
        once_purged(patch, Postgres, lambda: made.run("INSERT INTO enrolments SELECT 103, i FROM generate_series(1, 2000) AS i"))
        run = made.erase(f"customer:{PERSON}")
    assert run.state is OrderState.FULFILLED, (run.reasons, entry(made, run))


TRIGGER = """
CREATE TABLE log (n int, course int); INSERT INTO log VALUES (0, 0);
CREATE FUNCTION keeps() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {act}; RETURN OLD; END$$;
CREATE TRIGGER keeps AFTER DELETE ON enrolments FOR EACH ROW EXECUTE FUNCTION keeps();
"""


@pytest.mark.soak
@pytest.mark.parametrize("act", ["INSERT INTO log VALUES (OLD.customer_id, 3)", "UPDATE log SET n = OLD.customer_id * 2"])
def test_a_table_is_not_accounted_for_while_triggers_write_its_rows_elsewhere(tmp_path: Path, database: str, act: str) -> None:
    made = enrolled(tmp_path, database, ENROLMENTS + TRIGGER.format(act=act))
    run = made.erase(f"customer:{PERSON}")
    assert run.state is OrderState.IN_PART
    assert "keeps: log" in entry(made, run).detail
    made.map.write_text(made.map.read_text().replace("kind: ", "triggers: {keeps: counts and names nobody}, kind: ", 1))
    assert made.again(run).state is OrderState.FULFILLED


@pytest.mark.soak
def test_a_trigger_that_counts_is_no_reason(tmp_path: Path, database: str) -> None:
    made = enrolled(tmp_path, database, ENROLMENTS + TRIGGER.format(act="UPDATE log SET n = n + 1 WHERE course <> OLD.course_id"))
    run = made.erase(f"customer:{PERSON}")
    assert run.state is OrderState.FULFILLED, (run.reasons, entry(made, run))


@pytest.mark.soak
def test_samples_of_lists_are_those_of_live_rows(tmp_path: Path, database: str) -> None:
    made = enrolled(
        tmp_path, database, f"{ENROLMENTS} ALTER TABLE enrolments ADD COLUMN tags int[]; UPDATE enrolments SET tags = ARRAY[1, 2];"
    )
    run = made.erase(f"customer:{PERSON}")
    assert run.state is OrderState.FULFILLED, (run.reasons, entry(made, run))
    with pytest.MonkeyPatch.context() as patch:
        once_purged(
            patch, Postgres, lambda: made.run("CREATE STATISTICS two (mcv) ON customer_id, course_id FROM enrolments; ANALYZE enrolments")
        )
        run = made.erase("customer:208")
    assert "extended statistics" in entry(made, run).detail
