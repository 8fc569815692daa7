"""Reference data in files and lakes: a record about nobody explains whole values of the living, as a row of a database does."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expunge.core.evidence.receipt import SharedValues
from expunge.core.values.order import OrderState
from tests.attacks.mention_company import ANNA, BELA, CUSTOMERS, CUSTOMERS_SET, MentionCompany, company

SHARED, ONLY = "Reykjavik", "Hammerfest"
LIVING = f"""
ALTER TABLE customers ADD COLUMN city TEXT;
UPDATE customers SET referred_by = NULL, city = '{SHARED}' WHERE id IN ('{ANNA}', '{BELA}');
"""
ALONE = f"UPDATE customers SET city = '{ONLY}' WHERE id = '{ANNA}';"
COUNTRIES = {SHARED: "IS", ONLY: "NO", "Alexandroupoli": "GR"}
LISTED = ", vocabulary: {name: {customers: city}}"
Rows = Sequence[Mapping[str, str]]


def _csv(rows: Rows) -> bytes:
    out = io.StringIO()
    written = csv.DictWriter(out, ["name", "country"], delimiter=";")
    written.writeheader()
    written.writerows(rows)
    return out.getvalue().encode()


def _parquet(rows: Rows) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), out)
    return out.getvalue()


def _lines(rows: Rows) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


FILES: Mapping[str, tuple[str, str, Callable[[Rows], bytes]]] = {
    "csv": ("cities.csv", "format: csv", _csv),
    "json lines": ("cities.jsonl", "format: jsonl", _lines),
    "packed lines": ("cities.jsonl.gz", "format: jsonl", lambda rows: gzip.compress(_lines(rows))),
    "json list": ("cities.json", "format: json, records: cities", lambda rows: json.dumps({"cities": rows}, indent=1).encode()),
    "json": ("{city}.json", "format: json", lambda rows: json.dumps(rows[0]).encode()),
    "parquet": ("cities.parquet", "", _parquet),
}


def cities(folder: Path, kind: str, more: Rows = (), *, sql: str = "", said: str = "") -> MentionCompany:
    """Build a company whose reference data lies in a file of some kind, or in one file for each record."""
    name, form, written = FILES[kind]
    declared = f'cities: {{store: lake, path: "ref/{name}", about: nobody{", " if form else ""}{form}{said}}}'
    made = company(folder / "home", CUSTOMERS + LIVING + sql, CUSTOMERS_SET + "}", declared, lake=True)
    if kind != "parquet":
        made.map.write_text(made.map.read_text().replace("kind: parquet, url: ./world/lake", "kind: files, url: ./world/lake"))
    place = made.folder / "world" / "lake" / "ref"
    place.mkdir()
    rows = [*({"name": each, "country": country} for each, country in COUNTRIES.items()), *more]
    for number, some in enumerate([[row] for row in rows] if "{" in name else [rows]):
        (place / name.format(city=f"place-{number}")).write_bytes(written(some))
    return made


SOAKED = ["csv", "parquet", *(pytest.param(each, marks=pytest.mark.soak) for each in FILES if each not in {"csv", "parquet"})]


@pytest.mark.parametrize("kind", SOAKED)
@pytest.mark.parametrize(("sql", "said"), [("", ""), (ALONE, LISTED)], ids=["a neighbour's", "listed"])
def test_a_record_about_nobody_has_what_a_living_person_has_as_well(tmp_path: Path, kind: str, sql: str, said: str) -> None:
    home = cities(tmp_path, kind, sql=sql, said=said)
    run = home.erase(f"customer:{ANNA}")
    assert run.state is OrderState.FULFILLED, run.reasons
    assert home.receipt(run).shared_values == (SharedValues("cities", "lake", 1),)


BITES: Mapping[str, tuple[Rows, str, str]] = {
    "nobody else's": ((), ALONE, ""),
    "a name": ([{"name": "Anna the first of all customers", "country": "copied from her name"}], "", LISTED),
    "longer": ([{"name": f"{SHARED}, where Anna lives", "country": "IS"}], "", LISTED),
    "identifier": ([{"name": ANNA, "country": "IS"}], "", LISTED),
    "spelling": ([{"name": ANNA.upper(), "country": "IS"}], "", LISTED),
    "of another column": ([{"name": "Akureyri", "country": ONLY}], ALONE, LISTED),
}


@pytest.mark.parametrize("kind", SOAKED)
@pytest.mark.parametrize("bite", ["nobody else's", "a name", *(pytest.param(each, marks=pytest.mark.soak) for each in [*BITES][2:])])
def test_a_record_about_nobody_explains_nothing_else(tmp_path: Path, kind: str, bite: str) -> None:
    more, sql, said = BITES[bite]
    home = cities(tmp_path, kind, more, sql=sql, said=said)
    run = home.erase(f"customer:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert any("residue" in reason or "in the place of `about: nobody`" in reason for reason in run.reasons), run.reasons


@pytest.mark.parametrize(
    ("data", "state"),
    [
        ("name\nReykjavik\nHammerfest, far up\n", OrderState.FULFILLED),
        ("name,country\nReykjavik,IS,\nHammerfest,NO\n", OrderState.IN_PART),
        ('name,"country; in two letters"\nReykjavik,IS\n', OrderState.IN_PART),
    ],
    ids=["one column", "more values than columns", "two delimiters"],
)
def test_a_row_is_divided_as_its_header_is_or_not_at_all(tmp_path: Path, data: str, state: OrderState) -> None:
    home = cities(tmp_path, "csv")
    (home.folder / "world" / "lake" / "ref" / "cities.csv").write_text(data)
    assert home.erase(f"customer:{ANNA}").state is state


@pytest.mark.parametrize("kind", SOAKED)
def test_check_holds_files_of_reference_data_against_the_map(tmp_path: Path, kind: str) -> None:
    told = []
    for name, said in (("sound", LISTED), ("unknown", LISTED.replace("name:", "town:")), ("twice", LISTED)):
        more = [{"name": SHARED, "country": "IS"}] if name == "twice" else ()
        with cities(tmp_path / name, kind, more, said=said).open() as opened:
            told.append([each.what for each in opened.check() if each.store == "lake"])
    assert told == [
        [],
        ["dataset cities: no row has a text in town, of which the map says that it is a list of values"],
        ["dataset cities: name is no list: values that stand in more than one row: 1"],
    ]
