"""A hit in a vector store is explained by the table or the record in which it lies, not by a quote elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import lance
import numpy as np
import pyarrow as pa
import pytest

from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from tests.attacks.mention_company import ANNA, BELA, CARA, CUSTOMERS_SET, MentionCompany, company
from tests.attacks.test_by_place_parquet import CUSTOMERS, FULFILLED, QUOTE, SAID, ended

ROWS = [*SAID.items(), (BELA, QUOTE), (BELA, SAID[ANNA])]


def built(folder: Path, store: str, dataset: str) -> MentionCompany:
    made = company(folder / "company", CUSTOMERS, f"{CUSTOMERS_SET}}}")
    made.declare(f"{CUSTOMERS_SET}}}", dataset)
    made.map.write_text(made.map.read_text().replace("stores:\n", f"stores:\n  {store}\n"))
    return made


def places(made: MentionCompany, run: Run) -> set[str]:
    with made.open() as opened:
        return {Path(place.path).name for place in opened.residue(run.order)}


# --- LanceDB -----------------------------------------------------------------------------------------------


@pytest.fixture
def tables(tmp_path: Path) -> MentionCompany:
    made = built(
        tmp_path,
        "vectors: {kind: lancedb, url: ./world/db}",
        "clips: {store: vectors, table: clips, subject: {customer: customer}, retention: life}",
    )
    write(made, "clips", ROWS)
    return made


def write(made: MentionCompany, table: str, rows: Sequence[tuple[str | None, str]]) -> Path:
    path = made.folder / "world" / "db" / f"{table}.lance"
    path.parent.mkdir(exist_ok=True)
    lance.write_dataset(pa.table({"customer": [who for who, _ in rows], "said": [said for _, said in rows]}), str(path))
    return path


def test_a_quote_in_a_table_is_explained_by_that_table(tables: MentionCompany) -> None:
    assert ended(tables.erase(f"customer:{ANNA}")) == FULFILLED
    left = lance.dataset(str(tables.folder / "world" / "db" / "clips.lance")).to_table().to_pylist()
    assert [row["said"] for row in left if row["customer"] == BELA] == [SAID[BELA], QUOTE, SAID[ANNA]]


def test_a_stray_table_is_residue_although_another_customer_quotes_it(tables: MentionCompany) -> None:
    write(tables, "drafts", [(None, SAID[ANNA])] * 3)
    run = tables.erase(f"customer:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert len(places(tables, run)) == 1


@pytest.mark.soak
def test_a_stray_file_in_the_folder_of_a_table_is_residue(tables: MentionCompany) -> None:
    (tables.folder / "world" / "db" / "clips.lance" / "data" / "notes.txt").write_text(f"she says: {SAID[ANNA]}")
    run = tables.erase(f"customer:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert places(tables, run) == {"notes.txt"}


# --- FAISS -------------------------------------------------------------------------------------------------


@pytest.fixture
def indexes(tmp_path: Path) -> MentionCompany:
    made = built(
        tmp_path,
        "vectors: {kind: faiss, url: ./world/faiss}",
        "voices: {store: vectors, path: 'voices/{part}.faiss', subject: {customer: customer}, retention: life}",
    )
    index(made, "voices/2026-08-12", ROWS)
    return made


def index(made: MentionCompany, name: str, rows: Sequence[tuple[str | None, str]]) -> Path:
    import faiss

    faiss.omp_set_num_threads(1)
    path = made.folder / "world" / "faiss" / f"{name}.faiss"
    path.parent.mkdir(parents=True, exist_ok=True)
    vectors = faiss.index_factory(16, "IDMap2,Flat")
    numbers = np.arange(len(rows)) + 7
    vectors.add_with_ids(np.random.default_rng(len(rows)).random((len(rows), 16), np.float32), numbers)
    faiss.write_index(vectors, str(path))
    numbered = zip(numbers.tolist(), rows, strict=True)
    records = ({"id": number, "customer": who, "said": said, "day": path.stem} for number, (who, said) in numbered)
    path.with_suffix(".ids.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_a_quote_in_a_record_is_explained_by_that_record(indexes: MentionCompany) -> None:
    assert ended(indexes.erase(f"customer:{ANNA}")) == FULFILLED
    assert indexes.found(SAID[ANNA]), "it is another customer's"


def record_of_no_customer(made: MentionCompany) -> str:
    return index(made, "voices/monday", [(None, SAID[ANNA]), (CARA, "nothing"), (BELA, QUOTE)]).with_suffix(".ids.jsonl").name


def undeclared_sidecar(made: MentionCompany) -> str:
    return index(made, "old/monday", [(None, SAID[ANNA])]).with_suffix(".ids.jsonl").name


def plain_text(made: MentionCompany) -> str:
    (made.folder / "world" / "faiss" / "notes.txt").write_text(SAID[ANNA])
    return "notes.txt"


MORE = [pytest.param(stray, marks=pytest.mark.soak) for stray in (undeclared_sidecar, plain_text)]


@pytest.mark.parametrize("stray", [record_of_no_customer, *MORE])
def test_a_stray_copy_beside_indexes_is_residue_although_another_customer_quotes_it(
    indexes: MentionCompany, stray: Callable[[MentionCompany], str]
) -> None:
    name = stray(indexes)
    run = indexes.erase(f"customer:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert places(indexes, run) == {name}
