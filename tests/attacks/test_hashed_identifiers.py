"""Hashes of identifiers as everybody computes them: a list of them keeps a person who is erased."""

from __future__ import annotations

import csv
import gzip
import hmac
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from expunge.core.values.order import OrderState
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
    _in_sqlite(company, {who: made(EMAIL[who].lower()).hex() for who in EMAIL})
    company.declare(AUDIENCE % rule)
    others = company.export("others.csv", _csv("user", [made(EMAIL[who].lower()) for who in (OTTO, PIA)], HEX))
    run = company.erase()
    assert run.state is OrderState.FULFILLED, run.reasons
    assert [segment for (segment,) in company.read("SELECT segment FROM audience")] == [SEGMENTS[OTTO], SEGMENTS[PIA]]
    others.write_bytes(_csv("user", [made(EMAIL[who].lower()) for who in (OTTO, PIA)], HEX))
    second = company.erase(f"customer:{OTTO}")
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
