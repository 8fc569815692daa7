"""A hit in a Parquet lake is explained by the live row at its place: row group and row, dictionary entry, bound, page or name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expunge import clock
from expunge.core.datamap.datamap import Dataset
from expunge.core.orders.run import Run
from expunge.core.values.copy import Copy
from expunge.core.values.ids import IdempotencyKey
from expunge.core.values.order import OrderState
from expunge.core.values.outcome import Outcome
from expunge.ports.scanner import Tracer
from expunge.stores import REGISTRY
from expunge.stores.parquet.store import Parquet
from tests.attacks.mention_company import ANNA, BELA, CARA, CUSTOMERS_SET, MentionCompany, company

CUSTOMERS = f"""
CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT, closed_at TEXT);
INSERT INTO customers VALUES ('{ANNA}', 'Anna the first of all customers', NULL);
INSERT INTO customers VALUES ('{BELA}', 'Bela who came along some time later', NULL);
INSERT INTO customers VALUES ('{CARA}', 'Cara who was sent by nobody in the end', NULL);
"""
VISITS = "visits: {store: lake, path: 'visits/{day}.parquet', subject: {customer: customer}, retention: life}"
NOTES = "notes: {store: lake, path: 'notes/{part}.parquet', subject: {customer: customer}, retention: life}"
SAID = {
    ANNA: "the purple hedgehog sleeps under grandmother's piano",
    BELA: "seventeen lighthouse keepers ordered cinnamon toast",
    CARA: "my telescope shows four moons around jupiter",
}
QUOTE = f"my sister always says: {SAID[ANNA]}, and it is true"
FULFILLED = (OrderState.FULFILLED, ())


@dataclass(frozen=True)
class Lake:
    """A company with customers in a database and their visits in a lake."""

    home: MentionCompany

    @property
    def folder(self) -> Path:
        return self.home.folder / "world" / "lake"

    def write(self, name: str, rows: pa.Table, **options: object) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows, path, **{"compression": "zstd", **options})
        return path

    def places(self, run: Run) -> set[str]:
        with self.home.open() as opened:
            return {Path(place.path).relative_to(self.folder).as_posix() for place in opened.residue(run.order)}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(company(tmp_path / "company", CUSTOMERS, f"{CUSTOMERS_SET}}}", VISITS, lake=True))


def visits(*more: tuple[str | None, str]) -> pa.Table:
    """One visit of each customer, and some more."""
    rows = [*SAID.items(), *more]
    return pa.table({"customer": [customer for customer, _ in rows], "said": [said for _, said in rows], "n": list(range(len(rows)))})


def ended(run: Run) -> tuple[OrderState, tuple[str, ...]]:
    return run.state, tuple(run.reasons)


def unnoticed(path: Path, rows: pa.Table, **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows, path, **options)


# --- twins: a quote of another customer, and nothing else is left ------------------------------------------


def cut(rows: int) -> dict[str, object]:
    return {"row_group_size": rows}


TWINS: dict[str, dict[str, object]] = {
    "dictionary": {},
    "bare": {"use_dictionary": False, "compression": "none"},
    "pages": {"use_dictionary": False, "compression": "snappy", "data_page_size": 64, "write_batch_size": 1},
    "second version": {"data_page_version": "2.0", "compression": "snappy", "use_dictionary": False},
}
MORE_TWINS: dict[str, dict[str, object]] = {
    "plain": {"use_dictionary": False},
    "bare dictionary": {"compression": "none"},
    "groups": cut(2),
    "indexed": {"write_page_index": True, "compression": "none"},
    **{codec: {"compression": codec, "use_dictionary": False} for codec in ("snappy", "gzip", "brotli", "lz4")},
    **{f"{codec} dictionary": {"compression": codec} for codec in ("snappy", "gzip", "brotli", "lz4")},
    **{
        encoding: {"use_dictionary": False, "compression": codec, "column_encoding": {"said": encoding}}
        for encoding, codec in (("DELTA_BYTE_ARRAY", "none"), ("DELTA_LENGTH_BYTE_ARRAY", "none"))
    },
    "packed deltas": {"use_dictionary": False, "compression": "zstd", "column_encoding": {"said": "DELTA_BYTE_ARRAY"}},
    "second version, groups": {"data_page_version": "2.0", **cut(1)},
    "no statistics": {"write_statistics": False},
}


@pytest.mark.parametrize(
    "options", [*(pytest.param(value, id=name) for name, value in TWINS.items())]
    + [pytest.param(value, id=name, marks=pytest.mark.soak) for name, value in MORE_TWINS.items()],
)  # fmt: skip
def test_a_quote_of_another_customer_is_explained_by_the_row_in_which_it_lies(lake: Lake, options: dict[str, object]) -> None:
    lake.write("visits/monday.parquet", visits((BELA, QUOTE), (CARA, "nothing of the kind was heard"), (BELA, SAID[ANNA])), **options)
    assert ended(lake.home.erase(f"customer:{ANNA}")) == FULFILLED
    left = pq.read_table(lake.folder / "visits" / "monday.parquet").to_pylist()
    assert [(row["customer"], SAID[ANNA] in row["said"]) for row in left if row["customer"] == BELA] == [
        (BELA, False),
        (BELA, True),
        (BELA, True),
    ]


def nested() -> pa.Table:
    rows = [
        {"customer": customer, "talk": [{"line": said, "by": [0.25 * n, 1.5, 2.5 + n]}, {"line": None, "by": None}], "tags": {"mood": said}}
        for n, (customer, said) in enumerate([*SAID.items(), (BELA, QUOTE), (CARA, "again something else"), (BELA, SAID[ANNA])])
    ]
    kind = pa.schema(
        [
            ("customer", pa.string()),
            ("talk", pa.list_(pa.struct([("line", pa.string()), ("by", pa.list_(pa.float64()))]))),
            ("tags", pa.map_(pa.string(), pa.string())),
        ]
    )
    return pa.Table.from_pylist([{**row, "tags": list(row["tags"].items())} for row in rows], kind)


@pytest.mark.parametrize(
    "options",
    [{}, pytest.param({"use_dictionary": False, "compression": "none", "row_group_size": 4, "data_page_size": 32}, marks=pytest.mark.soak)],
)
def test_a_quote_in_nested_lists_is_explained_by_its_row(lake: Lake, options: dict[str, object]) -> None:
    lake.write("visits/monday.parquet", nested(), **options)
    assert ended(lake.home.erase(f"customer:{ANNA}")) == FULFILLED
    assert lake.home.found(SAID[ANNA]), "it is another customer's"


def test_a_day_in_a_name_is_explained_by_the_rows_of_that_file(lake: Lake) -> None:
    days = pa.array(["2026-08-12", "2026-08-13", "2026-08-12"])
    lake.write("visits/2026-08-12.parquet", visits().append_column("day_of_the_visit", days))
    lake.write("visits/2026-08-13.parquet", visits().append_column("day_of_the_visit", days).slice(1))
    assert ended(lake.home.erase(f"customer:{ANNA}")) == FULFILLED


@pytest.mark.soak
def test_a_quote_in_the_file_of_another_customer_is_explained(tmp_path: Path) -> None:
    """Files whose folders say whose they are, and partition folders of values."""
    path = "voice/customer={customer}/day={day}/{part}.parquet"
    voice = f"voice: {{store: lake, path: '{path}', subject: {{customer: customer}}, retention: life}}"
    lake = Lake(company(tmp_path / "company", CUSTOMERS, f"{CUSTOMERS_SET}}}", voice, lake=True))
    for customer, said in SAID.items():
        rows = pa.table({"said": [said, SAID[ANNA]], "n": [1, 2]})
        lake.write(f"voice/customer={customer}/day=2026-08-12/a.parquet", rows)
    assert ended(lake.home.erase(f"customer:{ANNA}")) == FULFILLED
    assert not (lake.folder / "voice" / f"customer={ANNA}").exists()
    lake.write(
        f"voice/customer={BELA}/day=2026-08-12/b.parquet", pa.table({"said": ["nothing"]}).replace_schema_metadata({"a": SAID[CARA]})
    )
    run = lake.home.erase(f"customer:{CARA}")
    assert run.state is OrderState.IN_PART
    assert lake.places(run) == {f"voice/customer={BELA}/day=2026-08-12/b.parquet"}


def test_what_a_hold_keeps_explains_its_own_rows_alone(lake: Lake) -> None:
    lake.write("visits/monday.parquet", visits((BELA, QUOTE)))
    lake.write("visits/tuesday.parquet", visits().slice(1))
    lake.home.declare(f"{CUSTOMERS_SET}}}", VISITS, NOTES)
    lake.write("notes/a.parquet", pa.table({"customer": [ANNA, CARA], "wrote": [f"{SAID[ANNA]}, says Anna", "nothing of the kind"]}))
    with lake.home.open() as opened:
        person = opened.resolve(f"customer:{ANNA}")
        opened.holds.place(person, "notes", ground="a dispute", authority="counsel", until=clock.now() + timedelta(days=7))
    run = lake.home.erase(f"customer:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert not [reason for reason in run.reasons if "residue" in reason], "the rows that are kept hold her own words"
    assert lake.places(run) == set()


@pytest.mark.soak
def test_a_quote_among_the_bounds_of_a_summary_is_explained(lake: Lake) -> None:
    lake.home.declare(f"{CUSTOMERS_SET}}}", VISITS, NOTES)
    lake.write("notes/a.parquet", pa.table({"customer": [ANNA, CARA], "wrote": [SAID[ANNA], "nothing of the kind"]}))
    collected: list[pq.FileMetaData] = []
    lake.write("visits/monday.parquet", visits((BELA, SAID[ANNA])).slice(3), metadata_collector=collected)
    collected[0].set_file_path("monday.parquet")
    pq.write_metadata(visits().schema, lake.folder / "visits" / "_metadata", metadata_collector=collected)
    assert ended(lake.home.erase(f"customer:{ANNA}")) == FULFILLED
    assert (lake.folder / "visits" / "_metadata").exists()


class Counting(Parquet):
    """The store, with a note of how many rows were read for their content after the purge."""

    purged = False
    read = 0

    def purge(self, datasets: Sequence[Dataset], key: IdempotencyKey) -> Outcome:
        type(self).purged = True
        return super().purge(datasets, key)

    def trace(self, dataset: Dataset, copies: Sequence[Copy], tracer: Tracer) -> None:
        if self.purged:
            type(self).read += sum(copy.items for copy in copies)
        super().trace(dataset, copies, tracer)


def test_only_the_rows_at_the_places_of_hits_are_read(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(REGISTRY, "parquet", Counting)
    others = [(f"cus-{number:08}", f"{number} words of somebody else altogether") for number in range(3000)]
    lake.write("visits/monday.parquet", visits(*others, (BELA, QUOTE), *others), row_group_size=1000)
    assert ended(lake.home.erase(f"customer:{ANNA}")) == FULFILLED
    assert 0 < Counting.read < 100, "of 6,003"


# --- strays: the same quote, and a copy that no customer's row holds ---------------------------------------


def undeclared_file(lake: Lake) -> None:
    unnoticed(lake.folder / "drafts" / "old.parquet", pa.table({"said": [SAID[ANNA]]}), compression="snappy")


def copy_of_a_file(lake: Lake) -> None:
    unnoticed(lake.folder / "visits" / "monday.parquet.bak", pa.table({"customer": [None], "said": [SAID[ANNA]]}))


def row_of_no_customer(lake: Lake) -> None:
    lake.write("visits/tuesday.parquet", visits((None, SAID[ANNA])), row_group_size=2)


def row_of_no_customer_beside_the_quote(lake: Lake) -> None:
    lake.write("visits/tuesday.parquet", visits((BELA, QUOTE), (None, f"she said {SAID[ANNA]}")), use_dictionary=False)


def row_of_no_customer_in_one_page_with_the_quote(lake: Lake) -> None:
    lake.write("visits/tuesday.parquet", visits((None, f"she said {SAID[ANNA]}"), (BELA, QUOTE)), compression="snappy")


def footer(lake: Lake) -> None:
    rows = visits((BELA, QUOTE)).replace_schema_metadata({"title": f"what they say: {SAID[ANNA]}"})
    lake.write("visits/tuesday.parquet", rows)


def behind_the_pages(lake: Lake) -> None:
    """Bytes between the last page and the footer, to which nothing in the footer leads."""
    path = lake.write("visits/tuesday.parquet", visits((BELA, QUOTE)).slice(1), compression="none")
    data = path.read_bytes()
    size = int.from_bytes(data[-8:-4], "little") + 8
    path.write_bytes(data[:-size] + SAID[ANNA].encode() + data[-size:])


def bound_of_no_row(lake: Lake) -> None:
    """A statistic in the footer with a value that no row has any more."""
    path = lake.write("visits/tuesday.parquet", visits((BELA, "!" * len(SAID[ANNA]))).slice(1), use_dictionary=False)
    data = path.read_bytes()
    at = data.rindex(b"!" * len(SAID[ANNA]))
    path.write_bytes(data[:at] + SAID[ANNA].encode() + data[at + len(SAID[ANNA]) :])


def row_of_no_customer_in_another_row_group(lake: Lake) -> None:
    lake.write("visits/tuesday.parquet", visits((None, SAID[ANNA]), (BELA, QUOTE)), row_group_size=1, compression="none")


def nested_row_of_no_customer(lake: Lake) -> None:
    rows = [{"customer": who, "talk": [{"line": "so"}, {"line": said}]} for who, said in ((None, f"so {SAID[ANNA]}"), (BELA, QUOTE))]
    lake.write("visits/tuesday.parquet", pa.Table.from_pylist(rows))


def plain_text(lake: Lake) -> None:
    (lake.folder / "notes.txt").write_text(f"she said: {SAID[ANNA]}")


def name_of_a_stray_folder(lake: Lake) -> None:
    (lake.folder / SAID[ANNA]).mkdir()


STRAYS = [row_of_no_customer_beside_the_quote, footer, undeclared_file]
MORE_STRAYS = [
    copy_of_a_file,
    row_of_no_customer,
    row_of_no_customer_in_one_page_with_the_quote,
    behind_the_pages,
    bound_of_no_row,
    row_of_no_customer_in_another_row_group,
    nested_row_of_no_customer,
    plain_text,
    name_of_a_stray_folder,
]


@pytest.mark.parametrize("stray", [*STRAYS, *(pytest.param(each, marks=pytest.mark.soak) for each in MORE_STRAYS)])
def test_a_stray_copy_is_residue_although_another_customer_quotes_it(lake: Lake, stray: Callable[[Lake], None]) -> None:
    lake.write("visits/monday.parquet", visits((BELA, QUOTE), (BELA, SAID[ANNA])))
    stray(lake)
    run = lake.home.erase(f"customer:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert lake.places(run)
    assert "visits/monday.parquet" not in lake.places(run)
