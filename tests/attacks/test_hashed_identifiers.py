"""Hashes of identifiers as everybody computes them: a list of them keeps a person who is erased."""

from __future__ import annotations

import csv
import gzip
import hmac
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import uuid4

import psycopg
import pyarrow.parquet as pq
import pytest

from expunge import survey
from expunge.core.values.copy import FindingKind
from expunge.core.values.order import OrderState
from expunge.gate import GateReason, Subject
from tests.attacks.hashed_company import E164, EMAIL, MIA, OTTO, PIA, HashedCompany, b64, b64url, raw

Written = Callable[[bytes], bytes]
HEX: Written = lambda digest: digest.hex().encode()  # noqa: E731 - a table of ways of writing


def _csv(name: str, digests: Sequence[bytes], written: Written) -> bytes:
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow([name, "audience"])
    rows.writerows([written(digest).decode(), f"autumn-{number}"] for number, digest in enumerate(digests))
    return out.getvalue().encode()


TEXTS = {
    "mail, sha256": ("sha256", lambda who: EMAIL[who].lower()),
    "mail, sha1": ("sha1", lambda who: EMAIL[who].lower()),
    "mail, md5": ("md5", lambda who: EMAIL[who].lower()),
    "phone, sha256": ("sha256", lambda who: E164[who]),
    "phone without plus, sha256": ("sha256", lambda who: E164[who][1:]),
    "key, sha256": ("sha256", lambda who: who),
}
WAYS: dict[str, Written] = {
    "hex": HEX,
    "capitals": lambda digest: digest.hex().upper().encode(),
    "base64": lambda digest: b64(digest).encode(),
    "base64 without padding": lambda digest: b64(digest).rstrip("=").encode(),
    "base64url": lambda digest: b64url(digest).encode(),
}


@pytest.fixture
def company(tmp_path: Path) -> HashedCompany:
    return HashedCompany(tmp_path / "company")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("what", TEXTS)
def test_a_list_of_hashes_in_an_ignored_folder_is_found(company: HashedCompany, what: str, way: str) -> None:
    algorithm, text = TEXTS[what]
    company.export("audience.csv", _csv("user", [raw(algorithm, text(who)) for who in (OTTO, MIA, PIA)], WAYS[way]))
    run = company.erase()
    assert run.state is OrderState.IN_PART
    assert "media" in str(run.reasons)


@pytest.mark.parametrize("what", TEXTS)
def test_a_list_of_hashes_of_others_is_nobodys_business(company: HashedCompany, what: str) -> None:
    algorithm, text = TEXTS[what]
    for way, written in WAYS.items():
        company.export(f"{way}.csv", _csv("user", [raw(algorithm, text(who)) for who in (OTTO, PIA)], written))
    run = company.erase()
    assert run.state is OrderState.FULFILLED, run.reasons


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "bare bytes": lambda digest: b"\x00\x07" + digest + b"\xff\x01",
    "gzip": lambda digest: gzip.compress(b"user\n" + digest.hex().encode() + b"\n"),
    "wide text": lambda digest: f"user\n{digest.hex()}\n".encode("utf-16"),
}


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
@pytest.mark.parametrize("how", PACKED)
def test_a_hash_is_found_however_it_lies(company: HashedCompany, how: str, algorithm: str) -> None:
    company.export("blob.bin", PACKED[how](raw(algorithm, "mia.meadow@example.org")))
    assert company.erase().state is OrderState.IN_PART


@pytest.mark.parametrize("how", PACKED)
def test_hashes_of_others_however_they_lie_are_nobodys_business(company: HashedCompany, how: str) -> None:
    company.export("blob.bin", PACKED[how](raw("sha256", "otto.oak@example.org")))
    run = company.erase()
    assert run.state is OrderState.FULFILLED, run.reasons


# --- columns that the map declares ---------------------------------------------------------------------

AUDIENCE = "audience: {store: app, table: audience, subject: {customer: user}, spelling: {user: %s}, retention: life}"
CELLS: dict[str, Callable[[bytes], object]] = {
    "hex": bytes.hex,
    "capitals": lambda digest: digest.hex().upper(),
    "base64": b64,
    "base64url": b64url,
    "bytes": bytes,
}
SEGMENTS = {
    MIA: "people who like walnuts and submarines",
    OTTO: "lighthouse keepers with a telescope",
    PIA: "the marmalade brigade of spring",
}


def _in_sqlite(company: HashedCompany, cells: dict[str, object], kind: str = "TEXT") -> None:
    company.rows(
        f"CREATE TABLE audience (n INTEGER PRIMARY KEY, user {kind}, segment TEXT, closed_at TEXT)",
        "INSERT INTO audience (user, segment) VALUES (?, ?)",
        [(cell, SEGMENTS[who]) for who, cell in cells.items()],
    )


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
@pytest.mark.parametrize("cell", CELLS)
def test_rows_under_a_hash_go_and_all_others_stay(company: HashedCompany, cell: str, algorithm: str) -> None:
    cells = {who: CELLS[cell](raw(algorithm, EMAIL[who].lower())) for who in EMAIL}
    _in_sqlite(company, cells, "BLOB" if cell == "bytes" else "TEXT")
    company.declare(AUDIENCE % algorithm)
    before = company.read("SELECT n, user, segment FROM audience ORDER BY n")
    run = company.erase()
    assert run.state is OrderState.FULFILLED, run.reasons
    assert company.read("SELECT n, user, segment FROM audience ORDER BY n") == before[1:]


@pytest.mark.parametrize("kind", ["BLOB", "TEXT"])
def test_an_index_over_hashes_finds_the_same_rows(company: HashedCompany, kind: str) -> None:
    _in_sqlite(company, {who: raw("sha256", EMAIL[who].lower()) for who in EMAIL}, kind)
    company.rows("CREATE INDEX by_user ON audience (user)")
    company.declare(AUDIENCE % "sha256")
    run = company.erase()
    assert run.state is OrderState.FULFILLED, run.reasons
    assert [segment for (segment,) in company.read("SELECT segment FROM audience")] == [SEGMENTS[OTTO], SEGMENTS[PIA]]


FILES = {
    "csv": ("audience.csv", "format: csv"),
    "jsonl": ("audience.jsonl", "format: jsonl"),
    "packed": ("audience.jsonl.gz", "format: jsonl"),
}


@pytest.mark.parametrize("kind", FILES)
def test_records_under_a_hash_go_and_all_others_stay(company: HashedCompany, kind: str) -> None:
    name, form = FILES[kind]
    hashes = {who: raw("sha256", E164[who]).hex() for who in EMAIL}
    if kind == "csv":
        lines = ["user,segment\n", *(f"{hashes[who]},{SEGMENTS[who]}\n" for who in EMAIL)]
    else:
        lines = ["", *(json.dumps({"user": hashes[who], "segment": SEGMENTS[who]}) + "\n" for who in EMAIL)]
    packed, unpacked = (gzip.compress, gzip.decompress) if kind == "packed" else (bytes, bytes)
    path = company.world / "media" / name
    path.write_bytes(packed("".join(lines).encode()))
    company.declare(f"audience: {{store: media, path: {name}, {form}, subject: {{customer: user}}, spelling: sha256, retention: life}}")
    run = company.erase()
    assert run.state is OrderState.FULFILLED, run.reasons
    assert unpacked(path.read_bytes()).decode() == "".join([lines[0], *lines[2:]])


@pytest.mark.parametrize("cell", ["hex", "base64", "bytes"])
def test_rows_of_a_lake_under_a_hash_go_and_all_others_stay(company: HashedCompany, cell: str) -> None:
    cells = [CELLS[cell](raw("sha256", EMAIL[who].lower())) for who in EMAIL]
    path = company.parquet("audience/part.parquet", {"user": cells, "segment": list(SEGMENTS.values())})
    said = "subject: {customer: user}, spelling: {user: sha256}, retention: life"
    company.declare(f'audience: {{store: lake, path: "audience/{{part}}.parquet", {said}}}')
    run = company.erase()
    assert run.state is OrderState.FULFILLED, run.reasons
    assert pq.read_table(path).to_pydict() == {"user": cells[1:], "segment": list(SEGMENTS.values())[1:]}


def test_a_hash_that_the_person_left_behind_in_another_column_is_told(company: HashedCompany) -> None:
    hashes = {who: raw("sha256", EMAIL[who].lower()).hex() for who in EMAIL}
    company.rows("CREATE TABLE audience (n INTEGER PRIMARY KEY, user TEXT, like_user TEXT, segment TEXT, closed_at TEXT)")
    rows = [(hashes[OTTO], hashes[MIA], SEGMENTS[OTTO]), (hashes[PIA], hashes[OTTO], SEGMENTS[PIA])]
    company.rows("", "INSERT INTO audience (user, like_user, segment) VALUES (?, ?, ?)", rows)
    company.declare(AUDIENCE % "sha256")
    run = company.erase()
    assert run.state is OrderState.IN_PART
    assert "like_user" in str(run.reasons)


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
@pytest.mark.parametrize("cell", ["capitals", "base64", "base64url", "bytes"])
def test_a_hash_in_another_persons_row_is_told_in_every_form(company: HashedCompany, cell: str, algorithm: str) -> None:
    company.rows("CREATE TABLE audience (n INTEGER PRIMARY KEY, user TEXT, like_user BLOB, segment TEXT, closed_at TEXT)")
    cells = {who: CELLS[cell](raw(algorithm, EMAIL[who].lower())) for who in EMAIL}
    hashes = {who: raw("sha256", EMAIL[who].lower()).hex() for who in EMAIL}
    rows = [(hashes[OTTO], cells[MIA], SEGMENTS[OTTO]), (hashes[PIA], cells[OTTO], SEGMENTS[PIA])]
    company.rows("", "INSERT INTO audience (user, like_user, segment) VALUES (?, ?, ?)", rows)
    company.declare(AUDIENCE % "sha256")
    assert company.erase().state is OrderState.IN_PART
    company.rows("UPDATE audience SET like_user = NULL WHERE n = 1")
    run = company.erase(f"customer:{PIA}")
    assert run.state is OrderState.FULFILLED, run.reasons


def test_a_hash_in_another_persons_record_is_told(company: HashedCompany) -> None:
    hashes = {who: raw("sha1", EMAIL[who].lower()).hex() for who in EMAIL}
    path = company.world / "media" / "audience.csv"
    path.write_text(f"user,like_user,segment\n{hashes[OTTO]},{hashes[MIA]},{SEGMENTS[OTTO]}\n{hashes[PIA]},,{SEGMENTS[PIA]}\n")
    said = "format: csv, subject: {customer: user}, spelling: sha1, retention: life"
    company.declare(f"audience: {{store: media, path: audience.csv, {said}}}")
    assert company.erase().state is OrderState.IN_PART


def test_a_rule_about_mentions_takes_hashes_out_as_well(company: HashedCompany) -> None:
    hashes = {who: raw("sha256", EMAIL[who].lower()).hex() for who in EMAIL}
    company.rows("CREATE TABLE audience (n INTEGER PRIMARY KEY, user TEXT, like_user TEXT, segment TEXT, closed_at TEXT)")
    rows = [(hashes[OTTO], hashes[MIA], SEGMENTS[OTTO]), (hashes[PIA], hashes[OTTO], SEGMENTS[PIA])]
    company.rows("", "INSERT INTO audience (user, like_user, segment) VALUES (?, ?, ?)", rows)
    company.declare((AUDIENCE % "sha256").replace("}, retention", "}, mentions: {like_user: null}, retention"))
    run = company.erase()
    assert run.state is OrderState.FULFILLED, run.reasons
    assert company.read("SELECT like_user FROM audience ORDER BY n") == [(None,), (hashes[OTTO],)]


# --- secrets --------------------------------------------------------------------------------------------

SALT = "walnut-lighthouse-of-1923"
SECRETS: dict[str, tuple[str, Callable[[str], bytes]]] = {
    "hmac": ('{hmac-sha256: "${AD_SALT}"}', lambda text: hmac.new(SALT.encode(), text.encode(), "sha256").digest()),
    "prefix": ('{sha256: {prefix: "${AD_SALT}"}}', lambda text: raw("sha256", SALT + text)),
    "suffix": ('{sha1: {suffix: "${AD_SALT}"}}', lambda text: raw("sha1", text + SALT)),
}


@pytest.mark.parametrize("how", SECRETS)
def test_salted_rows_go_and_copies_of_the_salted_hash_are_looked_for(
    company: HashedCompany, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AD_SALT", SALT)
    rule, made = SECRETS[how]
    _in_sqlite(company, {who: made(EMAIL[who].lower()).hex() for who in (MIA, OTTO)})
    company.declare(AUDIENCE % rule)
    company.export("others.csv", _csv("user", [made(EMAIL[who].lower()) for who in (OTTO, PIA)], HEX))
    run = company.erase()
    assert run.state is OrderState.FULFILLED, run.reasons
    assert company.read("SELECT segment FROM audience") == [(SEGMENTS[OTTO],)]
    # Why her: no row that is declared holds her hash, so that nothing but the secret tells it.
    second = company.erase(f"customer:{PIA}")
    assert second.state is OrderState.IN_PART
    assert "media" in str(second.reasons)


def test_a_secret_stands_nowhere_in_what_expunge_writes(company: HashedCompany, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AD_SALT", SALT)
    rule, made = SECRETS["hmac"]
    _in_sqlite(company, {who: made(EMAIL[who].lower()).hex() for who in EMAIL})
    company.declare(AUDIENCE % rule)
    with_log = company.erase()
    assert with_log.state is OrderState.FULFILLED
    written = [path for path in company.folder.rglob("*") if path.is_file()]
    assert len(written) > 10
    assert [path for path in written if SALT.encode() in path.read_bytes()] == []


# --- tables and lakes that no dataset declares ----------------------------------------------------------


def _undeclared(company: HashedCompany, people: Sequence[str]) -> None:
    _in_sqlite(company, {who: raw("sha256", EMAIL[who].lower()).hex() for who in people})


def test_a_table_of_hashes_that_no_dataset_declares_is_told_with_the_line_that_declares_it(company: HashedCompany) -> None:
    _undeclared(company, (MIA, OTTO, PIA))
    company.declare(ignore=["{store: app, table: audience, reason: made by marketing}"])
    run = company.erase()
    assert run.state is OrderState.IN_PART
    line = "audience: {store: app, table: audience, subject: {customer: user}, spelling: {user: sha256}, retention: life}"
    assert line in str(run.reasons)
    company.declare(line)
    assert company.erase(f"customer:{OTTO}").state is OrderState.FULFILLED


def test_a_table_of_hashes_of_others_that_the_map_ignores_is_nobodys_business(company: HashedCompany) -> None:
    _undeclared(company, (OTTO, PIA))
    company.declare(ignore=["{store: app, table: audience, reason: made by marketing}"])
    run = company.erase()
    assert run.state is OrderState.FULFILLED, run.reasons


@pytest.mark.parametrize("cell", ["bytes", "base64"])
@pytest.mark.parametrize(("people", "state"), [((MIA, OTTO), OrderState.IN_PART), ((OTTO, PIA), OrderState.FULFILLED)])
def test_cells_of_bytes_and_base64_in_an_ignored_table(company: HashedCompany, people: Sequence[str], state: OrderState, cell: str) -> None:
    _in_sqlite(company, {who: CELLS[cell](raw("sha1", E164[who][1:])) for who in people}, "BLOB")
    company.declare(ignore=["{store: app, table: audience, reason: made by marketing}"])
    run = company.erase()
    assert run.state is state, run.reasons


@pytest.mark.parametrize("cell", ["hex", "bytes"])
@pytest.mark.parametrize(("people", "state"), [((MIA, OTTO), OrderState.IN_PART), ((OTTO, PIA), OrderState.FULFILLED)])
def test_an_ignored_lake_of_hashes(company: HashedCompany, people: Sequence[str], state: OrderState, cell: str) -> None:
    cells = [CELLS[cell](raw("md5", EMAIL[who].lower())) for who in people]
    company.parquet("audience/part.parquet", {"user": cells, "segment": [SEGMENTS[who] for who in people]})
    company.declare(ignore=['{store: lake, path: "audience/*", reason: made by marketing}'])
    run = company.erase()
    assert run.state is state, run.reasons


# --- PostgreSQL -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["hex", "bytes"])
def test_rows_on_a_server_under_a_hash_go_and_all_others_stay(company: HashedCompany, database: str, cell: str) -> None:
    kind = "bytea" if cell == "bytes" else "text"
    rows = [(CELLS[cell](raw("sha256", EMAIL[who].lower())), SEGMENTS[who]) for who in EMAIL]
    with psycopg.connect(database) as connection:
        connection.execute(f"CREATE TABLE audience (n serial PRIMARY KEY, who {kind}, segment text, closed_at text)".encode())
        connection.cursor().executemany("INSERT INTO audience (who, segment) VALUES (%s, %s)", rows)
    declared = "audience: {store: crm, table: public.audience, subject: {customer: who}, spelling: sha256, retention: life}"
    company.declare(declared)
    text = company.map.read_text().replace("stores:\n", f'stores:\n  crm: {{kind: postgres, url: "{database}"}}\n')
    company.map.write_text(text)
    run = company.erase()
    assert run.state is OrderState.FULFILLED, run.reasons
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT who, segment FROM audience ORDER BY n").fetchall() == rows[1:]


@pytest.mark.parametrize(("people", "state"), [((MIA, OTTO), OrderState.IN_PART), ((OTTO, PIA), OrderState.FULFILLED)])
def test_an_ignored_table_of_bytes_on_a_server(company: HashedCompany, database: str, people: Sequence[str], state: OrderState) -> None:
    # Why addresses of their own: the server's log has what other tests wrote.
    mails = {who: f"{who}.{uuid4().hex}@example.org" for who in EMAIL}
    company.rows("", "UPDATE customers SET email = ? WHERE id = ?", [(mails[who], who) for who in EMAIL])
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE audience (n serial PRIMARY KEY, who bytea, segment text)")
        rows = [(raw("sha256", mails[who]), SEGMENTS[who]) for who in people]
        connection.cursor().executemany("INSERT INTO audience (who, segment) VALUES (%s, %s)", rows)
    company.declare(ignore=["{store: crm, table: public.audience, reason: made by marketing}"])
    text = company.map.read_text().replace("stores:\n", f'stores:\n  crm: {{kind: postgres, url: "{database}"}}\n')
    company.map.write_text(text)
    run = company.erase()
    assert run.state is state, run.reasons


# --- people who stay -----------------------------------------------------------------------------------

TWO_KINDS = """\
version: 1
state: ./state
identities:
  account: {dataset: accounts, key: id}
  profile: {dataset: profiles, key: id}
stores:
  app: {kind: sqlite, url: "sqlite:///world/app.db", busy_ms: 500}
  media: {kind: files, url: ./world/media}
retention:
  life: {period: 30 days, from: closed_at, purpose: keep the account, need: contract}
datasets:
  accounts: {store: app, table: accounts, subject: {account: id}, retention: life}
  profiles: {store: app, table: profiles, subject: {profile: id}, retention: life}
%signore:
  - {store: media, path: "exports/*", reason: audiences that marketing made}
  - {store: app, table: customers, reason: of another company}
"""


def _two_kinds(company: HashedCompany, accounts: Sequence[str], profiles: Sequence[str], more: str = "") -> None:
    for table, keys in (("accounts", accounts), ("profiles", profiles)):
        rows = [(key, f"{SEGMENTS[OTTO]} of {table} {number}") for number, key in enumerate(keys)]
        company.rows(
            f"CREATE TABLE {table} (id TEXT PRIMARY KEY, said TEXT, closed_at TEXT)", f"INSERT INTO {table} VALUES (?, ?, '')", rows
        )
    company.map.write_text(TWO_KINDS % more)


@pytest.mark.parametrize(("profiles", "state"), [(["8", "9"], OrderState.IN_PART), (["7", "9"], OrderState.FULFILLED)])
def test_the_hash_of_a_short_key_is_another_persons_where_that_has_the_key_as_well(
    company: HashedCompany, profiles: list[str], state: OrderState
) -> None:
    _two_kinds(company, ["7", "12"], profiles)
    company.export("profiles.csv", _csv("profile", [raw("sha256", "7"), raw("sha256", "9")], HEX))
    run = company.erase("account:7")
    assert run.state is state, run.reasons


def test_a_hash_in_small_letters_is_the_persons_whose_key_it_is(company: HashedCompany) -> None:
    _two_kinds(
        company,
        ["acc-51XK", "acc-51xk", "acc-9"],
        [],
        "  seen: {store: app, table: seen, subject: {account: who}, spelling: md5, retention: life}\n",
    )
    hashes = [(raw("md5", key).hex(), key) for key in ("acc-51XK", "acc-51xk", "acc-9")]
    company.rows("CREATE TABLE seen (who TEXT, said TEXT, closed_at TEXT)", "INSERT INTO seen VALUES (?, ?, '')", hashes)
    company.export("accounts.csv", _csv("account", [raw("md5", "acc-51xk")], HEX))
    run = company.erase("account:acc-51XK")
    assert run.state is OrderState.FULFILLED, run.reasons
    assert company.read("SELECT said FROM seen") == [("acc-51xk",), ("acc-9",)]


def test_small_letters_that_stand_for_another_person_as_well_are_looked_for_in_a_declared_field_alone(company: HashedCompany) -> None:
    seen = "  seen: {store: app, table: seen, subject: {account: who}, spelling: md5, retention: life}\n"
    _two_kinds(company, ["acc-51XK", "acc-51xk", "acc-9"], [], seen)
    hashes = [(raw("md5", key).hex(), key) for key in ("acc-51XK", "acc-51xk", "acc-9")]
    company.rows("CREATE TABLE seen (who TEXT, said TEXT, closed_at TEXT)", "INSERT INTO seen VALUES (?, ?, '')", hashes)
    company.export("in_small_letters.csv", _csv("account", [raw("sha1", "acc-51xk"), raw("sha1", "acc-9")], HEX))
    run = company.erase("account:acc-51xk")
    assert run.state is OrderState.FULFILLED, run.reasons
    assert company.read("SELECT said FROM seen") == [("acc-51XK",), ("acc-9",)]


# --- afterwards ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["hex", "base64", "bytes"])
def test_rows_that_come_back_under_a_hash_are_found_by_a_sweep(company: HashedCompany, cell: str) -> None:
    cells = {who: CELLS[cell](raw("sha256", EMAIL[who].lower())) for who in EMAIL}
    _in_sqlite(company, cells, "BLOB")
    company.declare(AUDIENCE % "sha256")
    assert company.erase().state is OrderState.FULFILLED
    with company.open() as opened:
        assert opened.sweep().came_back == ()
    company.rows("", "INSERT INTO audience (user, segment) VALUES (?, ?)", [(cells[MIA], "people who came back from a backup")])
    with company.open() as opened:
        (back,) = opened.sweep().came_back
        assert back.datasets == ("audience",)
        opened.plan(back.followed_by)
        run = opened.apply(back.followed_by)
    assert run.state is OrderState.FULFILLED, run.reasons
    assert company.read("SELECT user FROM audience ORDER BY n") == [(cells[OTTO],), (cells[PIA],)]


def test_the_gate_refuses_a_person_by_the_hash_that_the_map_knows_and_nobody_else(company: HashedCompany) -> None:
    hashes = {who: raw("sha256", EMAIL[who].lower()).hex() for who in EMAIL}
    _in_sqlite(company, dict(hashes))
    company.declare(AUDIENCE % "sha256")
    company.erase()
    with company.open() as opened:
        gate = opened.gate()
        assert gate.may_use(Subject("customer", hashes[MIA]), "training").reason is GateReason.SUPPRESSED
        assert gate.may_use(Subject("customer", hashes[OTTO]), "training")


def test_an_export_has_the_rows_under_the_persons_hash_and_no_others(company: HashedCompany) -> None:
    _in_sqlite(company, {who: raw("sha256", EMAIL[who].lower()).hex() for who in EMAIL})
    company.declare(AUDIENCE % "sha256")
    with company.open() as opened:
        opened.export(opened.resolve(f"customer:{MIA}"), company.folder / "copy")
    parts = [zipfile.ZipFile(path) for path in (company.folder / "copy").rglob("*.zip")]
    written = b"".join(part.read(name) for part in parts for name in part.namelist())
    assert SEGMENTS[MIA].encode() in written
    assert not any(SEGMENTS[who].encode() in written for who in (OTTO, PIA))


# --- what check says -------------------------------------------------------------------------------------


def _findings(company: HashedCompany) -> list[str]:
    return [each.what for each in survey.check(company.map).findings if each.kind is FindingKind.SPELLING]


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
def test_check_is_content_with_hashes_as_the_map_says(company: HashedCompany, algorithm: str) -> None:
    _in_sqlite(company, {who: raw(algorithm, E164[who]).hex() for who in EMAIL})
    company.declare(AUDIENCE % algorithm)
    assert _findings(company) == []


def test_check_tells_hashes_of_another_algorithm(company: HashedCompany) -> None:
    _in_sqlite(company, {who: raw("md5", EMAIL[who].lower()).hex() for who in EMAIL})
    company.declare(AUDIENCE % "sha256")
    assert _findings(company) == ["audience.user: 3 of 3 values are no sha256 in hex, base64 or bytes"]


def test_check_tells_hashes_under_another_salt(company: HashedCompany, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AD_SALT", "another-lighthouse-of-1924")
    rule, made = SECRETS["hmac"]
    _in_sqlite(company, {who: made(EMAIL[who].lower()).hex() for who in EMAIL})
    company.declare(AUDIENCE % rule)
    (what,) = _findings(company)
    assert what.startswith("audience.user: none of 3 values is the sha256 of an identifier")
    monkeypatch.setenv("AD_SALT", SALT)
    assert _findings(company) == []
