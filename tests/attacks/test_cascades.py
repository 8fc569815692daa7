"""Another person's rows that hang on the person's, which the schema itself would take along, empty or leave without an owner."""

from __future__ import annotations

from pathlib import Path

import pytest

from expunge.bootstrap import Expunge
from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from tests.attacks.mention_company import ANNA, BELA, CARA, MentionCompany

HERS, HIS = "dev-7Q2M9K4TAX", "dev-3R8W1Z6PBY"
IDENTITIES = """\
  customer: {dataset: customers, key: customer_id}
  device: {dataset: devices, key: device_id, member_of: customer}
"""
TABLES = f"""
CREATE TABLE customers (customer_id varchar(20) PRIMARY KEY, name text, closed_at text);
INSERT INTO customers VALUES ('{ANNA}', 'Anna the first of all customers', NULL), ('{BELA}', 'Bela who came along some time later', NULL);
INSERT INTO customers VALUES ('{CARA}', 'Cara who was sent by Bela in the end', NULL);
CREATE TABLE devices (device_id varchar(20) PRIMARY KEY, customer_id varchar(20), label text);
INSERT INTO devices VALUES ('{HERS}', '{ANNA}', 'the speaker in the green kitchen');
INSERT INTO devices VALUES ('{HIS}', '{BELA}', 'the speaker under the old stairs');
CREATE TABLE threads (n int PRIMARY KEY, customer_id varchar(20) REFERENCES customers ON DELETE CASCADE, title text);
INSERT INTO threads VALUES (1, '{ANNA}', 'a thread about gardens and birds'), (2, '{BELA}', 'a thread about trains and steam');
"""
DATASETS = (
    "customers: {store: app, table: customers, subject: {customer: customer_id}, retention: life}",
    "devices: {store: app, table: devices, subject: {device: device_id}, retention: life}",
    "threads: {store: app, table: threads, subject: {customer: customer_id}, retention: life}",
)


@pytest.fixture(params=[pytest.param("sqlite"), pytest.param("postgres", marks=pytest.mark.soak)])
def server(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("database")) if request.param == "postgres" else ""


class Company(MentionCompany):
    """Customers with devices and threads."""

    def declare(self, *datasets: str) -> None:
        super().declare(*DATASETS, *datasets)
        text = self.map.read_text()
        self.map.write_text(text.replace("  customer: {dataset: customers, key: id}\n", IDENTITIES))

    def erase_all(self, *names: str) -> Run:
        """Carry out one order for several customers."""
        with self.open() as opened:
            order = opened.order_erase([opened.resolve(f"customer:{name}") for name in names]).order
            opened.plan(order)
            return opened.apply(order)


def company(folder: Path, server: str, sql: str, *datasets: str) -> Company:
    made = Company(folder, server)
    made.database.parent.mkdir(parents=True)
    made.run(TABLES + sql)
    made.declare(*datasets)
    Expunge.init(made.map)
    return made


def dataset(name: str, subject: str, more: str = "") -> str:
    return f"{name}: {{store: app, table: {name}, subject: {{{subject}}}, retention: life{more}}}"


# --- rows that refer to the erased row ---------------------------------------------------------------

REPLIES = f"""
CREATE TABLE replies (n int PRIMARY KEY, customer_id varchar(20), answers varchar(20) REFERENCES customers ON DELETE CASCADE, body text);
INSERT INTO replies VALUES (1, '{BELA}', '{ANNA}', 'an answer of another customer'), (2, '{ANNA}', '{ANNA}', 'an addition of her own');
"""


def test_another_persons_answer_does_not_go_along(tmp_path: Path, server: str) -> None:
    made = company(tmp_path, server, REPLIES, dataset("replies", "customer: customer_id"))
    run = made.erase_all(ANNA)
    assert made.run("SELECT n FROM replies") == [(1,)]
    assert "customers: referenced by other data" in run.reasons
    # the way out that the reason names
    made.declare(dataset("replies", "customer: customer_id", ", mentions: {answers: null}"))
    with made.open() as opened:
        opened.plan(run.order)
        assert opened.apply(run.order).state is OrderState.FULFILLED
    assert made.run("SELECT n, answers FROM replies") == [(1, None)]


@pytest.mark.soak
def test_an_order_for_both_takes_both(tmp_path: Path, server: str) -> None:
    made = company(tmp_path, server, REPLIES, dataset("replies", "customer: customer_id"))
    run = made.erase_all(ANNA, BELA)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert made.run("SELECT count(*) FROM replies") == [(0,)]


MESSAGES = f"""
CREATE TABLE messages (n int PRIMARY KEY, sender varchar(20), recipient varchar(20), thread int REFERENCES threads ON DELETE CASCADE);
INSERT INTO messages VALUES (1, '{BELA}', NULL, 1), (2, NULL, '{BELA}', 1), (3, NULL, NULL, 1), (4, '{ANNA}', NULL, 1);
"""


@pytest.mark.soak
def test_one_of_several_columns_is_enough_to_tell_another_person(tmp_path: Path, server: str) -> None:
    made = company(tmp_path, server, MESSAGES, dataset("messages", "customer: [sender, recipient]"))
    run = made.erase_all(ANNA)
    assert {(1,), (2,)} <= set(made.run("SELECT n FROM messages"))
    assert "threads: referenced by other data" in run.reasons


# --- rows that refer to rows that are found through others -------------------------------------------

FOUND = """
CREATE TABLE drawings (n int PRIMARY KEY, thread int, lines text);
INSERT INTO drawings VALUES (1, 1, 'a garden drawn in purple ink'), (2, 2, 'a train drawn in red ink');
CREATE TABLE remarks (n int PRIMARY KEY, customer_id varchar(20), drawing int REFERENCES drawings ON DELETE CASCADE, body text);
"""
FOUND_SETS = (dataset("drawings", "through: threads, via: {thread: n}"), dataset("remarks", "customer: customer_id"))


@pytest.mark.parametrize("whose", [ANNA, pytest.param(BELA, marks=pytest.mark.soak)])
def test_nor_does_it_go_with_what_is_found_through_others(tmp_path: Path, server: str, whose: str) -> None:
    made = company(tmp_path, server, FOUND + f"INSERT INTO remarks VALUES (1, '{whose}', 1, 'a remark about ink');", *FOUND_SETS)
    run = made.erase_all(ANNA)
    assert made.run("SELECT n FROM remarks") == ([] if whose == ANNA else [(1,)])
    assert run.reasons[:1] == (() if whose == ANNA else ("drawings: referenced by other data",))


# --- chains ------------------------------------------------------------------------------------------

CHAIN = """
CREATE TABLE answers (n int PRIMARY KEY, customer_id varchar(20), thread int REFERENCES threads ON DELETE CASCADE, body text);
"""


@pytest.mark.parametrize("last", [pytest.param("", marks=pytest.mark.soak), BELA, pytest.param(ANNA, marks=pytest.mark.soak)])
def test_nor_does_it_go_at_the_end_of_a_chain_of_cascades(tmp_path: Path, server: str, last: str) -> None:
    row = f"INSERT INTO answers VALUES (1, '{last}', 1, 'an answer about the gardens');" if last else ""
    made = company(tmp_path, server, CHAIN + row, dataset("answers", "customer: customer_id"))
    run = made.erase_all(ANNA)
    for _ in range(2):
        assert made.run("SELECT n FROM answers") == ([(1,)] if last == BELA else [])
        if last == BELA:
            assert {"threads: referenced by other data", "customers: referenced by other data"} <= set(run.reasons)
        else:
            assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
        run = made.again(run)


@pytest.mark.parametrize("action", ["ON DELETE CASCADE", pytest.param("", marks=pytest.mark.soak)])
@pytest.mark.parametrize("name", ["answers", pytest.param("yells", marks=pytest.mark.soak)])
def test_an_order_for_both_takes_the_whole_chain_at_once(tmp_path: Path, server: str, name: str, action: str) -> None:
    sql = CHAIN.replace("answers", name).replace("ON DELETE CASCADE", action)
    made = company(
        tmp_path,
        server,
        f"{sql}DELETE FROM threads WHERE n = 2; INSERT INTO {name} VALUES (1, '{BELA}', 1, 'an answer about the gardens');",
        dataset(name, "customer: customer_id"),
    )
    run = made.erase_all(ANNA, BELA)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert made.run(f"SELECT count(*) FROM {name}") == [(0,)]


# --- chains through tables of another kind of identity -----------------------------------------------

LOGS = f"""
CREATE TABLE logs (n int PRIMARY KEY, device_id varchar(20) REFERENCES devices ON DELETE CASCADE, speaker varchar(20), said text);
INSERT INTO logs VALUES (1, '{HERS}', '{ANNA}', 'the kettle is on since seven'), (2, '{HIS}', '{BELA}', 'the stairs creak in the night');
"""
GUEST = f"INSERT INTO logs VALUES (3, '{HERS}', '{BELA}', 'a guest asks for the weather');"
LOGS_SET = dataset("logs", "customer: speaker")


def test_another_customers_log_does_not_go_with_the_device(tmp_path: Path, server: str) -> None:
    made = company(tmp_path, server, LOGS + GUEST, LOGS_SET)
    run = made.erase_all(ANNA)
    assert made.run("SELECT n, device_id FROM logs ORDER BY n") == [(2, HIS), (3, HERS)]
    assert "devices: referenced by other data" in run.reasons
    assert made.run("SELECT count(*) FROM devices") == [(2,)]
    # the way out that the reason names
    made.declare(dataset("logs", "customer: speaker", ", mentions: {device_id: null}"))
    with made.open() as opened:
        opened.plan(run.order)
        again = opened.apply(run.order)
    assert (again.state, again.reasons) == (OrderState.FULFILLED, ())
    assert made.run("SELECT n, device_id FROM logs ORDER BY n") == [(2, HIS), (3, None)]


@pytest.mark.soak
def test_nor_with_an_order_for_the_device_alone(tmp_path: Path, server: str) -> None:
    made = company(tmp_path, server, LOGS + GUEST, LOGS_SET)
    run = made.erase(f"device:{HERS}")
    assert made.run("SELECT n FROM logs ORDER BY n") == [(1,), (2,), (3,)]
    assert "devices: referenced by other data" in run.reasons


@pytest.mark.parametrize("people", [pytest.param((ANNA,), marks=pytest.mark.soak), (ANNA, BELA)])
def test_logs_of_the_order_do_not_stand_in_the_way(tmp_path: Path, server: str, people: tuple[str, ...]) -> None:
    made = company(tmp_path, server, LOGS + (GUEST if len(people) > 1 else ""), LOGS_SET)
    run = made.erase_all(*people)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert made.run("SELECT n FROM logs") == ([] if len(people) > 1 else [(2,)])


KINDS = f"""
CREATE TABLE logs (n int PRIMARY KEY, device_id varchar(20), speaker varchar(20), lent varchar(20) REFERENCES devices ON DELETE CASCADE);
INSERT INTO logs VALUES (1, NULL, '{BELA}', '{HERS}'), (2, '{HIS}', '{BELA}', '{HERS}'), (3, '{HERS}', '{ANNA}', '{HERS}');
INSERT INTO logs VALUES (4, '{HIS}', '{ANNA}', '{HERS}');
"""


def test_a_row_of_several_kinds_is_the_persons_by_any_of_them(tmp_path: Path, server: str) -> None:
    made = company(tmp_path, server, KINDS, dataset("logs", "customer: speaker, device: device_id"))
    run = made.erase_all(ANNA)
    assert made.run("SELECT n FROM logs ORDER BY n") == [(1,), (2,)]
    assert "devices: referenced by other data" in run.reasons


LINES = f"""
CREATE TABLE lines (n int PRIMARY KEY, thread int, about varchar(20) REFERENCES customers ON DELETE CASCADE, body text);
INSERT INTO lines VALUES (1, 2, '{ANNA}', 'she likes the trains as well'), (2, 1, '{ANNA}', 'on birds in her garden'), (3, 2, NULL, 'on');
"""


def test_a_row_that_is_found_through_another_persons_row_does_not_go_along(tmp_path: Path, server: str) -> None:
    made = company(tmp_path, server, LINES, dataset("lines", "through: threads, via: {thread: n}"))
    run = made.erase_all(ANNA)
    assert made.run("SELECT n FROM lines ORDER BY n") == [(1,), (3,)]
    assert "customers: referenced by other data" in run.reasons
    run = made.erase_all(BELA)
    assert made.run("SELECT n FROM lines") == []


@pytest.mark.soak
def test_a_row_about_many_does_not_go_along(tmp_path: Path, server: str) -> None:
    made = company(
        tmp_path,
        server,
        "CREATE TABLE counts (n int PRIMARY KEY, thread int REFERENCES threads ON DELETE CASCADE, listeners int);"
        "INSERT INTO counts VALUES (1, 1, 815);",
        "counts: {store: app, table: counts, retention: life, "
        "aggregate: {reason: counted by the day, safeguards: no names are stored, "
        "prohibition: nobody looks for people, no_attempt: nobody here has tried it, release: it is read before it leaves}}",
    )
    run = made.erase_all(ANNA)
    assert made.run("SELECT n FROM counts") == [(1,)]
    assert "threads: referenced by other data" in run.reasons


# --- what the schema empties -------------------------------------------------------------------------


@pytest.mark.parametrize(("action", "left"), [pytest.param("SET NULL", None, marks=pytest.mark.soak), ("SET DEFAULT", 7)])
def test_what_the_schema_empties_in_rows_of_others_is_the_reference_alone(
    tmp_path: Path, server: str, action: str, left: int | None
) -> None:
    made = company(
        tmp_path,
        server,
        "INSERT INTO threads VALUES (7, NULL, 'a thread that was closed');"
        "CREATE TABLE answers (n int PRIMARY KEY, customer_id varchar(20), body text, "
        f"thread int DEFAULT 7 REFERENCES threads ON DELETE {action});"
        f"INSERT INTO answers VALUES (1, '{BELA}', 'an answer', 1), (2, '{ANNA}', 'an addition', 1), (3, '{BELA}', 'steam', 2);",
        dataset("answers", "customer: customer_id"),
    )
    run = made.erase_all(ANNA)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert made.run("SELECT * FROM answers ORDER BY n") == [(1, BELA, "an answer", left), (3, BELA, "steam", 2)]


def test_the_schema_does_not_take_the_owner_out_of_another_persons_row(tmp_path: Path, server: str) -> None:
    made = company(
        tmp_path,
        server,
        "CREATE TABLE pairings (device_id varchar(20), customer_id varchar(20), PRIMARY KEY (device_id, customer_id));"
        "CREATE TABLE logs (n int PRIMARY KEY, device_id varchar(20), speaker varchar(20), said text, "
        "FOREIGN KEY (device_id, speaker) REFERENCES pairings (device_id, customer_id) ON DELETE SET NULL);"
        f"INSERT INTO pairings VALUES ('{HERS}', '{BELA}'), ('{HIS}', '{BELA}');"
        f"INSERT INTO logs VALUES (1, '{HERS}', '{BELA}', 'a guest asks for the weather');",
        dataset("pairings", "device: device_id"),
        LOGS_SET,
    )
    run = made.erase_all(ANNA)
    assert made.run("SELECT n, device_id, speaker FROM logs") == [(1, HERS, BELA)]
    assert "pairings: referenced by other data" in run.reasons


@pytest.mark.parametrize("action", ["SET NULL", pytest.param("CASCADE", marks=pytest.mark.soak)])
def test_rows_of_the_person_go_before_the_schema_takes_the_owner_out_of_them(tmp_path: Path, server: str, action: str) -> None:
    made = company(
        tmp_path,
        server,
        "CREATE TABLE badges (id varchar(20) PRIMARY KEY, colour text);"
        f"CREATE TABLE entries (n int PRIMARY KEY, badge varchar(20) REFERENCES badges ON DELETE {action}, said text);"
        f"INSERT INTO badges VALUES ('{ANNA}', 'ultramarine with a stripe'), ('{BELA}', 'vermilion without any');"
        f"INSERT INTO entries VALUES (1, '{ANNA}', 'went in by the back door'), (2, '{BELA}', 'went out by the front door');",
        dataset("badges", "customer: id"),
        dataset("entries", "customer: badge"),
    )
    run = made.erase_all(ANNA)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert made.run("SELECT n FROM entries") == [(2,)]


PETS = f"""
DROP TABLE threads;
CREATE TABLE threads (n int PRIMARY KEY, customer_id varchar(20), title text);
CREATE TABLE pets (pet int PRIMARY KEY, customer_id varchar(20) REFERENCES customers, called text);
CREATE TABLE walks (n int PRIMARY KEY, customer_id varchar(20), pet int REFERENCES pets, said text);
INSERT INTO pets VALUES (11, '{ANNA}', 'a terrier with one white ear'), (12, '{BELA}', 'a hound that fears the rain');
INSERT INTO walks VALUES (1, '{BELA}', 11, 'twice around the old harbour'), (2, '{BELA}', 12, 'only as far as the bakery');
"""


def test_what_a_row_that_stays_refers_to_stays_and_so_does_what_that_refers_to(tmp_path: Path, server: str) -> None:
    """Bela walks Anna's dog: without a rule for that, the dog stays, and so does the row of its owner.

    No reference of the schema deletes anything, so that SQLite is told to enforce none: the company may have rows that break some.
    """
    made = company(tmp_path, server, PETS, dataset("pets", "customer: customer_id"), dataset("walks", "customer: customer_id"))
    run = made.erase_all(ANNA)
    assert run.state is OrderState.IN_PART
    assert {"pets: referenced by other data", "customers: referenced by other data"} <= set(run.reasons)
    assert made.run(
        "SELECT w.n, c.customer_id FROM walks w JOIN pets p ON p.pet = w.pet JOIN customers c ON c.customer_id = p.customer_id"
    ) == [
        (1, ANNA),
        (2, BELA),
    ]


# --- a table whose rows refer to others of its own -----------------------------------------------------

COMMENTS = f"""
CREATE TABLE comments (n int PRIMARY KEY, customer_id varchar(20), parent int REFERENCES comments ON DELETE CASCADE, body text);
INSERT INTO comments VALUES (1, '{ANNA}', NULL, 'a comment about the gardens'), (2, NULL, 1, NULL), (3, NULL, 2, NULL);
CREATE TABLE votes (n int PRIMARY KEY, customer_id varchar(20), comment int REFERENCES comments ON DELETE CASCADE, why text);
"""
COMMENT_SETS = (dataset("comments", "customer: customer_id"), dataset("votes", "customer: customer_id"))
BELOW = {
    "comments": "INSERT INTO comments VALUES (4, '<who>', 3, 'an answer about the gardens');",
    "votes": "INSERT INTO votes VALUES (4, '<who>', 3, 'because of the gardens there');",
}


@pytest.mark.parametrize("whose", [BELA, pytest.param(ANNA, marks=pytest.mark.soak)])
@pytest.mark.parametrize("table", ["comments", pytest.param("votes", marks=pytest.mark.soak)])
def test_nor_does_it_go_below_rows_that_name_nobody(tmp_path: Path, server: str, table: str, whose: str) -> None:
    made = company(tmp_path, server, COMMENTS + BELOW[table].replace("<who>", whose), *COMMENT_SETS)
    run = made.erase_all(ANNA)
    assert made.run(f"SELECT n FROM {table} WHERE n = 4") == ([] if whose == ANNA else [(4,)])
    assert ("comments: referenced by other data" in run.reasons) is (whose != ANNA)
    assert (run.state is OrderState.FULFILLED) is (whose == ANNA)


# --- rows of partitions ------------------------------------------------------------------------------

VISITS = """
CREATE TABLE visits (n int NOT NULL, customer_id varchar(20), day date NOT NULL, note text, PRIMARY KEY (day, n)) PARTITION BY RANGE (day);
CREATE TABLE visits_may PARTITION OF visits FOR VALUES FROM ('2026-05-01') TO ('2026-06-01');
CREATE TABLE visits_june PARTITION OF visits FOR VALUES FROM ('2026-06-01') TO ('2026-07-01');
ALTER TABLE visits_may ADD FOREIGN KEY (customer_id) REFERENCES customers;
ALTER TABLE visits_june ADD FOREIGN KEY (customer_id) REFERENCES customers;
"""


@pytest.mark.parametrize(("rule", "state"), [("null", OrderState.FULFILLED), ("keep", OrderState.IN_PART)])
def test_rows_below_a_row_that_names_the_person_no_more_stand_in_nobodys_way(
    tmp_path: Path, server: str, rule: str, state: OrderState
) -> None:
    made = MentionCompany(tmp_path, server)
    made.database.parent.mkdir(parents=True)
    made.run(
        f"CREATE TABLE customers (id varchar(20) PRIMARY KEY, by varchar(20) REFERENCES customers ON DELETE CASCADE, closed_at text);"
        f"INSERT INTO customers VALUES ('{ANNA}', NULL, NULL), ('{BELA}', '{ANNA}', NULL);"
        f"CREATE TABLE orders (n int PRIMARY KEY, customer_id varchar(20) REFERENCES customers ON DELETE CASCADE, words text);"
        f"INSERT INTO orders VALUES (1, '{ANNA}', 'a bread of rye for lunch'), (2, '{BELA}', 'a cake of plums for tea');"
    )
    made.declare(dataset("customers", "customer: id", f", mentions: {{by: {rule}}}"), dataset("orders", "customer: customer_id"))
    Expunge.init(made.map)
    assert made.erase(ANNA).state is state
    assert made.run("SELECT n FROM orders WHERE n = 2") == [(2,)]
    assert made.run(f"SELECT by FROM customers WHERE id = '{BELA}'") == [(None if rule == "null" else ANNA,)]


def test_a_foreign_key_of_a_partition_is_one_of_its_table(tmp_path: Path, database: str) -> None:
    """The map declares the table as a whole; each partition has foreign keys of its own."""
    rows = "INSERT INTO visits VALUES (1, '{}', '2026-05-04', 'she came by in the spring'), (2, '{}', '2026-06-09', 'he came by in June');"
    made = company(tmp_path, database, VISITS + rows.format(ANNA, BELA), dataset("visits", "customer: customer_id"))
    run = made.erase_all(ANNA)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert made.run("SELECT n FROM visits") == [(2,)]


@pytest.mark.soak
def test_a_row_of_another_in_a_partition_stands_in_the_way(tmp_path: Path, database: str) -> None:
    rows = "INSERT INTO visits VALUES (1, '{}', '2026-05-04', 'she came by in the spring'); ALTER TABLE visits ADD guest varchar(20);"
    more = "ALTER TABLE visits_may ADD FOREIGN KEY (guest) REFERENCES customers; UPDATE visits SET guest = '{}';"
    made = company(tmp_path, database, VISITS + (rows + more).format(BELA, ANNA), dataset("visits", "customer: customer_id"))
    run = made.erase_all(ANNA)
    assert made.run("SELECT n, guest FROM visits") == [(1, ANNA)]
    assert "customers: referenced by other data" in run.reasons
