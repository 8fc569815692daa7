"""Where a server's files are out of reach, the scan reads all that its interface shows: every schema and version, declared or not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest

from expunge.bootstrap import Expunge
from expunge.core.evidence.receipt import Receipt, parse
from expunge.core.log import dsse
from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from expunge.servers.seaweedfs import SeaweedServer
from tests.attacks.test_by_place_bucket import QUOTE, SENTENCE, Cloud
from tests.engine.household import ANNA, BELA, CARA, DINO, SAID, build
from tests.stores.s3.s3_company import Shelf, bucket, client

_numbers = count(1)


def quoted(text: str) -> str:
    """A text as SQL."""
    return "'" + text.replace("'", "''") + "'"


# --- a database whose files the role may not read -------------------------------------------------

EMAIL = "anna.the.first.of.all@example.org"
SAYS = quoted(SENTENCE)
SQL = f"""
CREATE TABLE customers (id text PRIMARY KEY, email text, closed_at text);
CREATE TABLE notes (n serial PRIMARY KEY, author text, said text, closed_at text);
INSERT INTO customers VALUES ('{ANNA}', '{EMAIL}', NULL), ('{BELA}', 'bela@example.org', NULL), ('{CARA}', 'cara@example.org', NULL);
INSERT INTO notes (author, said) VALUES
  ('{ANNA}', {SAYS}), ('{ANNA}', {quoted(SAID[ANNA][1])}), ('{BELA}', {quoted(QUOTE)}), ('{CARA}', {quoted(SAID[CARA][0])});
"""
MAP = """\
version: 1
state: ./state
identities:
  customer: {dataset: customers, key: id}
stores:
  app: {kind: postgres, url: "URL", lock_ms: 500}
retention:
  life: {period: 30 days, from: closed_at, purpose: keep the account, need: contract}
datasets:
  customers: {store: app, table: customers, subject: {customer: id}, retention: life}
  notes: {store: app, table: notes, subject: {customer: author}, retention: life}
"""


class Managed:
    """A company on a managed server: the role may rewrite its tables, and reads no file."""

    def __init__(self, folder: Path, owner: str, role: str, url: str) -> None:
        self.folder = folder
        self.owner = owner
        self.role = role
        self.map = folder / "expunge.yaml"
        self.run(SQL)
        self.run(f"GRANT SELECT, DELETE, MAINTAIN ON customers, notes TO {role}")
        folder.mkdir()
        self.map.write_text(MAP.replace("URL", url))
        Expunge.init(self.map)

    def run(self, *statements: str) -> None:
        with psycopg.connect(self.owner, autocommit=True) as connection:
            for each in statements:
                connection.execute(each.encode())

    def may_read(self, *names: str) -> None:
        self.run(*(f"GRANT SELECT ON {name} TO {self.role}" for name in names))

    def erase(self) -> Run:
        with Expunge.open(self.map) as opened:
            order = opened.order_erase([opened.resolve(f"customer:{ANNA}")]).order
            opened.plan(order)
            return opened.apply(order)

    def again(self, run: Run) -> Run:
        with Expunge.open(self.map) as opened:
            return opened.apply(run.order)

    def residue(self) -> set[str]:
        run = self.erase()
        assert run.state is OrderState.IN_PART
        with Expunge.open(self.map) as opened:
            return {Path(place.path).name for place in opened.residue(run.order)}

    def receipt(self, run: Run, number: int = 1) -> Receipt:
        with Expunge.open(self.map) as opened:
            return parse(dsse.parse(opened.receipt_folder(run.order, number)["receipt.dsse.json"]).payload)


@contextmanager
def managed_at(folder: Path, database: str) -> Iterator[Managed]:
    role = f"eraser_{database.rpartition('/')[2]}"
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute(f"CREATE ROLE {role} LOGIN".encode())
        try:
            yield Managed(folder / "home", database, role, database.replace("postgres@", f"{role}@"))
        finally:
            owner.execute(f"DROP OWNED BY {role}".encode())
            owner.execute(f"DROP ROLE {role}".encode())


@pytest.fixture
def managed(tmp_path: Path, database: str) -> Iterator[Managed]:
    with managed_at(tmp_path, database) as made:
        yield made


def fulfilled(run: Run) -> None:
    """The order ended well."""
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())


def test_other_peoples_tables_beside_the_declared_ones_are_in_nobodys_way(managed: Managed) -> None:
    managed.run(
        f"CREATE SCHEMA etl; CREATE TABLE etl.export AS SELECT * FROM notes WHERE author = '{CARA}'",
        f"CREATE TABLE drafts (who text, said text); INSERT INTO drafts VALUES ('{DINO}', {quoted(SAID[DINO][0])})",
        f"CREATE MATERIALIZED VIEW spoken AS SELECT author, said FROM notes; GRANT MAINTAIN ON spoken TO {managed.role}",
        f"GRANT USAGE ON SCHEMA etl TO {managed.role}",
        "ANALYZE",
    )
    managed.may_read("etl.export", "drafts", "spoken")
    fulfilled(managed.erase())


def test_an_export_of_everybody_in_another_schema_is_residue(managed: Managed) -> None:
    managed.run(f"CREATE SCHEMA etl; CREATE TABLE etl.export AS SELECT said FROM notes; GRANT USAGE ON SCHEMA etl TO {managed.role}")
    managed.may_read("etl.export")
    assert managed.residue() == {"etl.export"}


def test_what_the_role_may_not_read_is_named_with_the_grant_until_it_is_granted_or_ignored(managed: Managed) -> None:
    managed.run("CREATE SCHEMA etl; CREATE TABLE etl.export AS SELECT said FROM notes WHERE author <> 'x'; DELETE FROM etl.export")
    run = managed.erase()
    assert run.state is OrderState.IN_PART
    detail = next(each.detail for each in managed.receipt(run).datasets if each.dataset == "elsewhere in app")
    grants = detail.partition("(")[2].rpartition(")")[0]
    assert grants == f'GRANT USAGE ON SCHEMA "etl" TO {managed.role}; GRANT SELECT ON "etl"."export" TO {managed.role}'
    managed.run(*grants.split("; "))
    fulfilled(managed.again(run))


def test_an_ignored_table_need_not_be_readable(managed: Managed) -> None:
    managed.run("CREATE SCHEMA etl; CREATE TABLE etl.export (said text)")
    managed.map.write_text(managed.map.read_text() + "ignore:\n  - {store: app, table: etl.export, reason: sums of the night}\n")
    fulfilled(managed.erase())


BYTES = f"convert_to({SAYS}, 'UTF8')"
EMPTIED = "DELETE FROM drafts; GRANT SELECT ON drafts TO ROLE"
HIDDEN = {
    "drafts": f"CREATE TABLE drafts (doc bytea); INSERT INTO drafts VALUES ({BYTES})",
    "arrays": f"CREATE TABLE arrays (doc text[]); INSERT INTO arrays VALUES (ARRAY['a \"b\"', {SAYS}])",
    "wide": "CREATE TABLE wide (" + ", ".join(f"c{n} text" for n in range(200)) + f"); INSERT INTO wide (c150) VALUES ({SAYS})",
    "long": f"CREATE TABLE long (doc text); INSERT INTO long VALUES (repeat('x', 90000) || {SAYS} || repeat('y', 90000))",
    "rows": f"CREATE TABLE rows (doc notes); INSERT INTO rows SELECT x FROM notes x WHERE author = '{ANNA}'",
    "parts": "CREATE TABLE parts (n int, said text) PARTITION BY RANGE (n); CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0)"
    f" TO (9); INSERT INTO parts VALUES (1, {SAYS})",
    "heirs": f"CREATE TABLE bequeathed (n int); CREATE TABLE heirs (said text) INHERITS (bequeathed);INSERT INTO heirs VALUES (1, {SAYS})",
    "seen": f"CREATE TABLE gone (said text); INSERT INTO gone VALUES ({SAYS}); CREATE MATERIALIZED VIEW seen AS TABLE gone; TRUNCATE gone",
}


@pytest.mark.soak
@pytest.mark.parametrize("name", HIDDEN)
def test_copies_in_any_shape_are_residue(managed: Managed, name: str) -> None:
    managed.run(*HIDDEN[name].split("; "))
    managed.run(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {managed.role}")
    assert managed.residue() == {"parts_1" if name == "parts" else name}


@pytest.mark.soak
@pytest.mark.parametrize(
    ("statements", "place"),
    [
        (f"SELECT lo_from_bytea(4711, {BYTES}); GRANT SELECT ON LARGE OBJECT 4711 TO ROLE", "(large object 4711)"),
        (f"COMMENT ON TABLE notes IS {quoted(f'such as: {SENTENCE}')}", "pg_catalog.pg_description"),
        (f"CREATE FUNCTION hers() RETURNS text LANGUAGE sql AS $$SELECT {SAYS}$$", "pg_catalog.pg_proc"),
        (f'CREATE TABLE "{ANNA}" (n int); GRANT SELECT ON "{ANNA}" TO ROLE', ANNA),
        (f"INSERT INTO notes (said) VALUES ({quoted(f'{SENTENCE}, said nobody')})", "notes"),
        (
            f"CREATE TABLE drafts AS SELECT {SAYS}::text AS said FROM generate_series(1, 50); ANALYZE drafts; {EMPTIED}",
            "(statistics)",
        ),
    ],
)
def test_copies_beside_tables_are_residue(managed: Managed, statements: str, place: str) -> None:
    managed.run(*statements.replace("ROLE", managed.role).split(";"))
    assert place in managed.residue()


@pytest.mark.soak
def test_what_others_quote_is_explained_wherever_a_database_keeps_it(managed: Managed) -> None:
    managed.run(
        "ALTER TABLE notes ADD picture oid",
        f"UPDATE notes SET picture = lo_from_bytea(4712, {BYTES}) WHERE author = '{BELA}'",
        f"ALTER LARGE OBJECT 4712 OWNER TO {managed.role}",
        f"INSERT INTO notes (author, said) SELECT '{BELA}', {SAYS} FROM generate_series(1, 90)",
        "CREATE INDEX ON notes (lower(said))",
        "CREATE STATISTICS both_of_them (mcv) ON author, said FROM notes",
        "CREATE MATERIALIZED VIEW spoken AS SELECT author, said FROM notes",
        f"GRANT SELECT, MAINTAIN ON spoken TO {managed.role}",
        "ANALYZE",
    )
    fulfilled(managed.erase())


@pytest.mark.soak
def test_a_large_object_and_rows_behind_a_policy_are_not_readable(managed: Managed) -> None:
    managed.run(
        "CREATE TABLE drafts (who text); CREATE POLICY own ON drafts USING (who = current_user)",
        "ALTER TABLE drafts ENABLE ROW LEVEL SECURITY",
        f"SELECT lo_from_bytea(4713, {BYTES})",
    )
    managed.may_read("drafts")
    run = managed.erase()
    assert run.state is OrderState.IN_PART
    detail = next(each.detail for each in managed.receipt(run).datasets if each.dataset == "elsewhere in app")
    assert f"ALTER ROLE {managed.role} BYPASSRLS" in detail
    assert f"GRANT SELECT ON LARGE OBJECT 4713 TO {managed.role}" in detail


# --- a bucket --------------------------------------------------------------------------------------


@pytest.fixture
def cloud(tmp_path: Path, seaweed: SeaweedServer) -> Cloud:
    return Cloud(build(tmp_path / "home"), Shelf.of(seaweed, bucket(seaweed, f"shown-{next(_numbers)}"), tmp_path))


def test_exports_of_other_people_alone_are_in_nobodys_way(cloud: Cloud) -> None:
    cloud.shelf.put("exports/2026-11.jsonl", b"".join(json.dumps({"who": who, "said": SAID[who]}).encode() + b"\n" for who in (CARA, DINO)))
    cloud.shelf.put("exports/2026-11.csv", f"who,said\n{CARA},{SAID[CARA][1]}\n".encode())
    fulfilled(cloud.erase())


def test_an_export_of_everybody_is_residue(cloud: Cloud) -> None:
    cloud.shelf.put("exports/2026-11.jsonl", b"".join(json.dumps({"who": who, "said": SAID[who]}).encode() + b"\n" for who in SAID))
    assert cloud.residue() == {"2026-11.jsonl"}


def test_what_leads_to_nobody_in_a_declared_object_is_residue_and_what_others_quote_there_is_not(cloud: Cloud) -> None:
    lines = [{"profile_id": BELA, "said": QUOTE}, {"profile_id": None, "said": f"overheard: {SENTENCE}"}]
    cloud.shelf.put("log/2026-05-02.jsonl", "".join(json.dumps(line) + "\n" for line in lines).encode())
    cloud.home.map.write_text(cloud.home.map.read_text().replace('"log/{day}.jsonl.gz"', '["log/{day}.jsonl.gz", "log/{day}.jsonl"]'))
    assert cloud.residue() == {"2026-05-02.jsonl"}


@pytest.mark.soak
def test_the_parts_of_an_upload_that_nobody_can_read_are_not_nothing(cloud: Cloud) -> None:
    target = {"Bucket": cloud.shelf.name, "Key": f"{cloud.shelf.prefix}exports/2026-12.jsonl"}
    with client(cloud.shelf.server) as s3:
        upload = s3.create_multipart_upload(**target)["UploadId"]
        s3.upload_part(**target, UploadId=upload, PartNumber=1, Body=SENTENCE.encode())
    run = cloud.erase()
    assert run.state is OrderState.IN_PART
    with client(cloud.shelf.server) as s3:
        s3.abort_multipart_upload(**target, UploadId=upload)
    with cloud.home.open() as opened:
        fulfilled(opened.apply(run.order))


@pytest.mark.soak
@pytest.mark.parametrize("key", [f"exports/{ANNA}/empty.bin", f"exports/{ANNA}"])
def test_a_name_is_content_in_any_part_of_a_key(cloud: Cloud, key: str) -> None:
    cloud.shelf.put(key, b"")
    assert cloud.residue() == {ANNA}


@pytest.mark.soak
def test_a_header_is_content(cloud: Cloud) -> None:
    cloud.shelf.put("exports/a.bin", b"", ContentDisposition=f'attachment; filename="{ANNA}.txt"')
    assert cloud.residue() == {"a.bin"}


@pytest.mark.soak
def test_older_versions_of_declared_objects_are_read_and_explained(tmp_path: Path, seaweed: SeaweedServer) -> None:
    shelf = Shelf.of(seaweed, bucket(seaweed, f"shown-{next(_numbers)}", "Enabled"), tmp_path)
    cloud = Cloud(build(tmp_path / "home"), shelf)
    cloud.home.map.write_text(cloud.home.map.read_text().replace('"log/{day}.jsonl.gz"', '["log/{day}.jsonl.gz", "log/{day}.jsonl"]'))
    lines = [{"profile_id": CARA, "said": SAID[CARA][1]}, {"profile_id": BELA, "said": QUOTE}]
    shelf.put("log/2026-05-03.jsonl", "".join(json.dumps(line) + "\n" for line in lines).encode())
    shelf.put("log/2026-05-03.jsonl", b'{"profile_id": "nobody-of-note", "said": "nothing"}\n')
    shelf.put(f"said/{BELA}.txt", b"something else by now")
    fulfilled(cloud.erase())


def test_an_export_beside_a_lake_in_a_bucket_is_residue(cloud: Cloud) -> None:
    cloud.options("")
    cloud.home.map.write_text(
        cloud.home.map.read_text()
        .replace("kind: s3,", "kind: parquet,")
        .replace('path: "said/{profile_id}.txt"', 'path: "said/{profile_id}.parquet"')
    )
    cloud.home.map.write_text(
        "".join(line for line in cloud.home.map.read_text().splitlines(keepends=True) if not line.startswith("  log: "))
    )
    assert cloud.residue() >= {f"{ANNA}.txt", f"{BELA}.txt"}
