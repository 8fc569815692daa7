"""One order through a lake of recordings' texts, a table of embeddings and an index of vectors, judged by the engine's own eyes."""

from __future__ import annotations

import json
import random
from pathlib import Path

import faiss
import lance
import numpy as np
import pyarrow as pa
import pytest

from expunge.bootstrap import Expunge
from expunge.core.values.order import OrderState
from expunge.stores.lancedb import ladder as lancedb_ladder

MAP = """\
version: 1
state: ./state
identities:
  profile: {dataset: profiles, key: profile_id}
stores:
  tables: {kind: lancedb, url: ./tables}
  vectors: {kind: faiss, url: ./vectors}
  faces: {kind: faiss, url: ./faces, id: vector_id}
retention:
  voice: {period: 90 days, from: at, purpose: answer, need: the service}
datasets:
  profiles: {store: tables, table: profiles, subject: {profile: profile_id}, retention: voice}
  clips: {store: tables, table: clips, subject: {profile: profile_id}, retention: voice}
  voices: {store: vectors, path: "voices/{part}.faiss", subject: {profile: profile_id}, retention: voice}
  faces: {store: faces, path: "all.index", subject: {through: clips, via: vector_id}, retention: voice}
"""
PEOPLE, DIMENSIONS = 40, 64


@pytest.fixture
def company(tmp_path: Path) -> tuple[Path, list[str]]:
    """Everybody has a clip with an embedding, a vector of the voice, and a vector of the face that only the clip's row points to."""
    chance = random.Random(11)
    points = np.random.default_rng(11).random((PEOPLE, DIMENSIONS), np.float32)
    people = [f"profile-{number:03}-{chance.randrange(16**10):010x}" for number in range(PEOPLE)]
    at = "2026-01-01T00:00:00Z"
    clips = [
        {
            "profile_id": one,
            "vector_id": 1000 + 7 * number,
            "text": f"said {chance.randbytes(24).hex()}",
            "v": points[number].tolist(),
            "at": at,
        }
        for number, one in enumerate(people)
    ]
    (tmp_path / "tables").mkdir()
    schema = pa.schema(
        [
            ("profile_id", pa.string()),
            ("vector_id", pa.int64()),
            ("text", pa.string()),
            ("v", pa.list_(pa.float32(), DIMENSIONS)),
            ("at", pa.string()),
        ]
    )
    lance.write_dataset(pa.Table.from_pylist(clips, schema), str(tmp_path / "tables" / "clips.lance"))
    lance.write_dataset(pa.table({"profile_id": people, "at": [at] * PEOPLE}), str(tmp_path / "tables" / "profiles.lance"))
    voices = faiss.index_factory(DIMENSIONS, "IDMap2,Flat")
    voices.add_with_ids(points[:, ::-1].copy(), np.arange(PEOPLE))
    (tmp_path / "vectors" / "voices").mkdir(parents=True)
    faiss.write_index(voices, str(tmp_path / "vectors" / "voices" / "a.faiss"))
    lines = "".join(json.dumps({"id": number, "profile_id": one, "at": at}) + "\n" for number, one in enumerate(people))
    (tmp_path / "vectors" / "voices" / "a.ids.jsonl").write_text(lines)
    faces = faiss.index_factory(DIMENSIONS, "IDMap2,HNSW8")
    faces.add_with_ids(points + 3, np.array([each["vector_id"] for each in clips]))
    (tmp_path / "faces").mkdir()
    faiss.write_index(faces, str(tmp_path / "faces" / "all.index"))
    (tmp_path / "expunge.yaml").write_text(MAP)
    Expunge.init(tmp_path / "expunge.yaml")
    return tmp_path, people


def test_one_order_takes_somebody_out_of_tables_and_indexes(company: tuple[Path, list[str]]) -> None:
    folder, people = company
    with Expunge.open(folder / "expunge.yaml") as opened:
        order = opened.order_erase([opened.resolve(f"profile:{people[7]}")]).order
        opened.plan(order)
        run = opened.apply(order)
        assert run.state is OrderState.FULFILLED, run.reasons
    assert lance.dataset(str(folder / "tables" / "clips.lance")).count_rows() == PEOPLE - 1
    voices = faiss.read_index(str(folder / "vectors" / "voices" / "a.faiss"))
    faces = faiss.read_index(str(folder / "faces" / "all.index"))
    assert set(faiss.vector_to_array(voices.id_map).tolist()) == set(range(PEOPLE)) - {7}
    assert 1049 not in faiss.vector_to_array(faces.id_map).tolist()
    assert faces.ntotal == PEOPLE - 1
    assert not any(people[7].encode() in each.read_bytes() for each in folder.rglob("*") if each.is_file() and "state" not in each.parts)


@pytest.mark.parametrize("rung", ["compact", "versions"])
def test_a_table_that_still_holds_the_row_is_never_called_done(
    company: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch, rung: str
) -> None:
    """The store says that all went well; the scan reads the row's bytes in the data file, the probe opens the old version."""
    folder, people = company
    monkeypatch.setattr(lancedb_ladder, "LADDER", tuple(each for each in lancedb_ladder.LADDER if each.__name__ != rung))
    with Expunge.open(folder / "expunge.yaml") as opened:
        order = opened.order_erase([opened.resolve(f"profile:{people[7]}")]).order
        opened.plan(order)
        run = opened.apply(order)
        assert run.state is OrderState.IN_PART
        assert any("clips" in each for each in run.reasons), run.reasons
