"""Identifiers of customers who stay hold no order back: at the same mail domain, in another letter case; an erased person's own ones do."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import pytest

from expunge.core.values.order import OrderState
from tests.attacks.mention_company import MentionCompany, company

ERASED, STAYS = "anna.schmidt@kleinefirma.de", "bob@kleinefirma.de"
SET = "customers: {store: app, table: customers, subject: {customer: id}, retention: life}"
PEOPLE = 40
WORDS = "nobody else has ever said these words in just this sequence, and certainly not on a rainy Thursday in the kitchen"


def shop(folder: Path, keys: list[str], more: str = "") -> MentionCompany:
    rows = "".join(f"INSERT INTO customers VALUES ('{key}', 'x', NULL);" for key in keys)
    return company(folder, f"CREATE TABLE customers (id TEXT PRIMARY KEY, note TEXT, closed_at TEXT); {rows} {more}", SET)


def others() -> list[str]:
    return [f"customer{number}@{'web' if number % 2 else 'gmx'}.example" for number in range(PEOPLE)]


def table(*values: str) -> str:
    return "CREATE TABLE bounces (n INTEGER PRIMARY KEY, mail TEXT);" + "".join(
        f"INSERT INTO bounces (mail) VALUES ('{value}');" for value in values
    )


def test_a_colleague_at_the_same_domain_in_an_undeclared_table_is_a_customer(tmp_path: Path) -> None:
    made = shop(tmp_path, [ERASED, STAYS, *others()], table(STAYS, *others()))
    assert made.erase(ERASED).state is OrderState.FULFILLED


@pytest.mark.parametrize("stray", [ERASED, f"write to {ERASED} soon", f"{ERASED}"[2:]])
def test_the_person_in_that_table_is_not(tmp_path: Path, stray: str) -> None:
    made = shop(tmp_path, [ERASED, STAYS, *others()], table(STAYS, stray, *others()))
    assert made.erase(ERASED).state is not OrderState.FULFILLED


def test_a_key_that_differs_in_letter_case_alone_is_another_customers(tmp_path: Path) -> None:
    erased, stays = "aB3xK9qLm2Zt7R", "Ab3Xk9QlM2zT7r"
    made = shop(tmp_path, [erased, stays, *others()], table(stays))
    assert made.erase(erased).state is OrderState.FULFILLED
    again = shop(tmp_path / "again", [erased, stays, *others()], table(stays, erased))
    assert again.erase(erased).state is not OrderState.FULFILLED


def deflated(text: str) -> bytes:
    made = zlib.compressobj(9, zlib.DEFLATED, -15)
    return made.compress(text.encode()) + made.flush()


@pytest.mark.parametrize("nobody", [False, True])
def test_what_a_cell_holds_in_raw_deflate_is_never_clean(tmp_path: Path, *, nobody: bool) -> None:
    more = f"CREATE TABLE attic (n INTEGER PRIMARY KEY, x BLOB); INSERT INTO attic VALUES (1, x'{deflated(WORDS).hex()}');"
    made = shop(tmp_path, [ERASED, STAYS, *others()], f"UPDATE customers SET note = '{WORDS}' WHERE id = '{ERASED}'; {more}")
    if nobody:
        made.map.write_text(f"{made.map.read_text()}ignore:\n  - {{store: app, table: attic, reason: an old list}}\n", encoding="utf-8")
    assert made.erase(ERASED).state is not OrderState.FULFILLED


LONG = "students.mathematik.uni-kleinstadt.example"
AT_THE_SAME_DOMAIN = {
    "key": (ERASED, STAYS, "info@kleinefirma.de"),
    "long": (f"anna.schmidt@{LONG}", f"bob@{LONG}", f"office@{LONG}"),
}


@pytest.mark.parametrize("kind", AT_THE_SAME_DOMAIN)
def test_an_address_of_nobody_at_the_same_domain_in_an_undeclared_table_is_not_the_persons(tmp_path: Path, kind: str) -> None:
    erased, stays, office = AT_THE_SAME_DOMAIN[kind]
    made = shop(tmp_path, [erased, stays, *others()], table(stays, office, f"{office.title()} (reception)"))
    assert made.erase(erased).state is OrderState.FULFILLED
    again = shop(tmp_path / "again", [erased, stays, *others()], table(stays, office, erased[3:]))
    assert again.erase(erased).state is not OrderState.FULFILLED


def test_an_address_in_a_column_is_told_from_others_at_its_domain_as_well(tmp_path: Path) -> None:
    for number, (stray, state) in enumerate({"info@kleinefirma.de": OrderState.FULFILLED, ERASED.upper(): OrderState.IN_PART}.items()):
        notes = f"UPDATE customers SET note = '{ERASED}' WHERE id = 'cus-1'; UPDATE customers SET note = '{STAYS}' WHERE id = 'cus-2';"
        made = shop(tmp_path / str(number), ["cus-1", "cus-2"], notes + table(stray))
        assert made.erase("cus-1").state is state


def test_long_keys_that_begin_alike_are_told_apart(tmp_path: Path) -> None:
    begin = "https://id.kleinstadt.example/customers/"
    for number, (stray, state) in enumerate({"customer-101": OrderState.FULFILLED, "customer-10": OrderState.IN_PART}.items()):
        made = shop(
            tmp_path / str(number), [f"{begin}customer-{n}" for n in (10, 101, 12, 37)], table(f"{begin}{stray}", f"{begin}customer-12")
        )
        assert made.erase(f"{begin}customer-10").state is state


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("key", ["1000000007", "20202020", "0000000012"])
def test_a_key_of_few_different_digits_is_somebodys_all_the_same(tmp_path: Path, key: str, *, packed: bool) -> None:
    stays = [key[:-1] + digit for digit in "3456"]
    for number, (named, state) in enumerate({stays[0]: OrderState.FULFILLED, key: OrderState.IN_PART}.items()):
        text = f"call of {named} failed".encode()
        cell = (gzip.compress(text) if packed else text).hex()
        attic = f"CREATE TABLE attic (n INTEGER PRIMARY KEY, x BLOB); INSERT INTO attic VALUES (1, x'{cell}');"
        assert shop(tmp_path / str(number), [key, *stays, *others()], attic).erase(key).state is state


def test_another_customers_number_in_a_text_of_the_person_is_another_customers(tmp_path: Path) -> None:
    erased, stays = "2897180833", "9342997553"
    texts = "CREATE TABLE notes (n INTEGER PRIMARY KEY, customer TEXT, body TEXT, closed_at TEXT);"
    texts += f"INSERT INTO notes VALUES (1, '{erased}', 'she called that number again as {stays} had told her', NULL);"
    made = shop(tmp_path, [erased, stays, *others()], texts + table(f"call of {stays} failed"))
    made.declare(SET, "notes: {store: app, table: notes, subject: {customer: customer}, retention: life}")
    run = made.erase(f"customer:{erased}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())


@pytest.mark.parametrize("kind", ["TEXT", "INTEGER"])
@pytest.mark.parametrize(
    ("packed", "state"),
    [
        ("call of 9342997553 failed", OrderState.FULFILLED),
        ("call of 2897180833 failed", OrderState.IN_PART),
        ("she called that number again as 9342997553", OrderState.IN_PART),
    ],
)
def test_another_customers_number_in_a_packed_copy_is_told_from_what_the_person_wrote(
    tmp_path: Path, kind: str, packed: str, state: OrderState
) -> None:
    keys = (2897180833, 9342997553, 4170064562, 1472328009)
    rows = "".join(f"INSERT INTO customers VALUES ({key}, '{key % 97} more words of this customer alone', NULL);" for key in keys)
    texts = "CREATE TABLE notes (n INTEGER PRIMARY KEY, customer TEXT, body TEXT, closed_at TEXT);"
    texts += "INSERT INTO notes VALUES (1, '2897180833', 'she called that number again as 9342997553 had told her', NULL);"
    attic = f"CREATE TABLE attic (n INTEGER PRIMARY KEY, x BLOB); INSERT INTO attic VALUES (1, x'{gzip.compress(packed.encode()).hex()}');"
    customers = f"CREATE TABLE customers (id {kind} PRIMARY KEY, note TEXT, closed_at TEXT);"
    made = company(tmp_path, customers + rows + texts + attic, SET)
    made.declare(SET, "notes: {store: app, table: notes, subject: {customer: customer}, retention: life}")
    assert made.erase("customer:2897180833").state is state


@pytest.mark.parametrize(("packed", "state"), [(9342997553.0, OrderState.FULFILLED), (2897180833.0, OrderState.IN_PART)])
def test_another_customers_number_with_a_point_is_known_in_packed_copies_in_binary_too(
    tmp_path: Path, packed: float, state: OrderState
) -> None:
    rows = "".join(
        f"INSERT INTO customers (id, note) VALUES ({key}, '{key % 97} more words');" for key in (2897180833, 9342997553, 4170064562)
    )
    rows += "UPDATE customers SET friend = 9342997553 WHERE id = 2897180833;"
    cell = gzip.compress(b"\0\1" + struct.pack("<d", packed)).hex()
    attic = f"CREATE TABLE attic (n INTEGER PRIMARY KEY, x BLOB); INSERT INTO attic VALUES (1, x'{cell}');"
    customers = "CREATE TABLE customers (id REAL PRIMARY KEY, note TEXT, friend REAL, closed_at TEXT);"
    assert company(tmp_path, customers + rows + attic, SET).erase("customer:2897180833.0").state is state


@pytest.mark.parametrize("key", ["cus-{:.10}", "{}-{}"])
@pytest.mark.parametrize("columns", ["level INTEGER, inviter TEXT", "inviter TEXT, level INTEGER"])
def test_one_byte_beside_another_customers_key_says_nothing(tmp_path: Path, columns: str, key: str) -> None:
    """The index of keys has the kind of a row's number before a key, and the number behind it."""
    keys = [key.format(*[f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}"] * 2)[:30] for number in range(1, 160)]
    erased, inviter = keys[0], keys[149 if columns.startswith("level") else 1]
    rows = f"CREATE TABLE customers (id TEXT PRIMARY KEY, note TEXT, {columns}, closed_at TEXT);"
    rows += "".join(f"INSERT INTO customers (id, note) VALUES ('{key}', 'note {number}');" for number, key in enumerate(keys))
    rows += f"UPDATE customers SET level = 2, inviter = '{inviter}', note = 'came alone' WHERE id = '{erased}';"
    for number, (left, state) in enumerate({b"\2": OrderState.FULFILLED, b"came alone\2": OrderState.IN_PART}.items()):
        attic = f"CREATE TABLE attic (n INTEGER PRIMARY KEY, x BLOB); INSERT INTO attic VALUES (1, x'{left.hex()}' || '{inviter}');"
        made = company(tmp_path / str(number), rows + attic, f"{SET[:-1]}, mentions: {{inviter: null}}}}")
        run = made.erase(erased)
        assert (run.state, made.found(erased)) == (state, [])
