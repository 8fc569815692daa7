"""Fides dataset YAML becomes a first map, and what it cannot say is told."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from expunge.core.datamap.datamap import ByField
from expunge.errors import UsageError
from expunge.maps import examine, read_map
from expunge.maps.proposal.fides_import import read_fides
from expunge.maps.proposal.from_fides import propose_from_fides
from expunge.stores import Kinds
from tests.cli.running import expunge

SHOP = Path(__file__).parents[1] / "vectors" / "fides"


def test_the_shop_becomes_a_map_with_two_decisions_left(tmp_path: Path) -> None:
    text, _ = propose_from_fides(SHOP, ())
    (tmp_path / "expunge.yaml").write_text(text)
    reading = examine(tmp_path / "expunge.yaml", {"SHOP_DATABASE_URL": "postgresql://db/shop"}, kinds=Kinds())
    assert reading.faults == ()
    assert reading.map is not None
    assert sorted(each.name for each in reading.map.guesses if not each.decided) == ["address", "order_item"]
    rules = {name: dataset.subject.fields for name, dataset in reading.map.datasets.items() if isinstance(dataset.subject, ByField)}
    assert rules["login"] == rules["orders"] == rules["payment_card"] == {"customer": "customer_id"}
    assert rules["service_request"] == {"employee": "employee_id", "email_address": "alt_email"}
    assert rules["visit"] == rules["report"] == {"email_address": "email"}
    assert reading.map.datasets["payment_card"].categories == ("user", "user.financial", "user.financial.bank_account", "user.unique_id")
    assert [(each.store, each.pattern) for each in reading.map.ignore] == [("shop_database", "product")]


def test_what_could_not_be_carried_is_named_with_its_line() -> None:
    _, lost = propose_from_fides(SHOP, ())
    lines = (SHOP / "shop.yml").read_text().splitlines()
    told = {each.what: lines[each.line - 1] for each in lost}
    assert all(each.file == "shop.yml" and each.why for each in lost)
    for what, on in {
        "dataset shop_database: retention": "retention:",
        "dataset shop_database: namespace": "namespace:",
        "field shop_database.customer.name: masking_strategy_override": "masking_strategy_override",
        "collection shop_database.login: after": "after:",
        "shop_database.order_item.order_id holds orders.id": "orders.id",
        "shop_database.address.id holds customer.address_id": "address.id",
        "shop_database.service_request.email names people too": "email",
        "shop_database.visit.device has fields of its own": "device",
    }.items():
        assert on in told[what], what


def test_an_order_under_the_carried_map_erases_what_leads_to_the_customer(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database, database:
        for each in read_fides(SHOP).collections:
            columns = ", ".join(f"{one.name} text" for one in each.fields if "." not in one.name)
            database.execute(f"create table {each.name} ({columns}, created_at text)")
        for number, name in ((1, "jane"), (2, "bob")):
            mail = f"{name}.thistlewood@example.org"
            database.execute("insert into customer values (?, '', ?, ?, ?, '2026-01-01')", (f"a-{number}", mail, f"c-{number}0717", name))
            database.execute("insert into orders values (?, ?, ?, '2026-01-02')", (f"c-{number}0717", f"o-{number}", f"a-{number}"))
            database.execute(
                "insert into visit values (?, ?, ?, '2026-01-03')", (mail, "2026-01-03", f"the tablet of {name} in the blue kitchen")
            )
    map_file = tmp_path / "expunge.yaml"
    ran = expunge("map", "import", "fides", SHOP, "--json", cwd=tmp_path)
    assert ran.code == 0, ran.err
    assert ran.json["lost"]
    aside = "\n".join(
        f'  - {{store: shop_database, table: "{name}", reason: "decided: kept by hand"}}' for name in ("address", "order_item")
    )
    text = map_file.read_text().replace('{kind: postgres, url: "${SHOP_DATABASE_URL}"}', "{kind: sqlite, url: 'sqlite:///shop.db'}")
    for name in ("address", "order_item"):
        start = text.index(f"  {name}:\n")
        text = text[:start] + text[text.index("    retention: first\n", start) + len("    retention: first\n") :]
    text = "".join(line + "\n" for line in text.splitlines() if not line.startswith("    guess: ")).replace("DECIDE: ", "")
    map_file.write_text(text + aside + "\n")
    read_map(map_file, {}, kinds=Kinds())
    assert expunge("check", cwd=tmp_path).code == 0
    assert expunge("init", cwd=tmp_path).code == 0
    order = expunge("order", "erase", "customer:c-10717", "--yes", "--json", cwd=tmp_path).json["order"]
    expunge("plan", order, cwd=tmp_path)
    assert expunge("apply", order, "--yes", cwd=tmp_path).code == 0
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
        left = {name: database.execute(f"select count(*) from {name}").fetchone()[0] for name in ("customer", "orders", "visit")}
    assert left == {"customer": 1, "orders": 1, "visit": 1}


def test_a_map_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "expunge.yaml").write_text("mine")
    assert expunge("map", "import", "fides", SHOP, cwd=tmp_path).code == 2
    assert (tmp_path / "expunge.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dataset:\n",
        "system: []\n",
        "dataset: [1, {collections: 3}]\n",
        "dataset:\n  - fides_key: a\n     name: b\n",
        "\x00",
        "dataset: &a [*a]\n",
    ],
    ids=["empty", "nothing", "another resource", "wrong types", "bad indentation", "a zero", "an alias of itself"],
)
def test_a_folder_without_a_dataset_that_can_be_read_is_refused_with_the_reason(tmp_path: Path, text: str) -> None:
    (tmp_path / "one.yml").write_text(text)
    with pytest.raises(UsageError, match="no file in"):
        propose_from_fides(tmp_path, ())


def test_one_file_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    shutil.copy(SHOP / "shop.yml", tmp_path / "a.yml")
    (tmp_path / "b.yml").write_text("dataset:\n\t- x\n")
    _, lost = propose_from_fides(tmp_path, ())
    assert [(each.file, each.line) for each in lost if each.file == "b.yml"] == [("b.yml", 2)]
