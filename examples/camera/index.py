"""The vector index of faces: FAISS, vectors by number, and beside it whose each number is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import faiss
import numpy as np


def write(path: Path, vectors: np.ndarray, owners: Sequence[Mapping[str, str | int]]) -> None:
    """Write an index and its sidecar.

    Args:
        path: of the index, ``NAME.faiss``; the sidecar becomes ``NAME.ids.jsonl``.
        vectors: (n, d) float32 of length one.
        owners: a record for each, with its number as ``id``.
    """
    made = faiss.IndexIDMap2(faiss.IndexFlatIP(vectors.shape[1]))
    made.add_with_ids(vectors, np.array([each["id"] for each in owners], np.int64))
    faiss.write_index(made, str(path))
    path.with_suffix(".ids.jsonl").write_text("".join(json.dumps(each) + "\n" for each in owners), "utf-8")


def vectors(path: Path) -> dict[int, np.ndarray]:
    """Number -> vector."""
    found = faiss.read_index(str(path))
    return {int(each): found.reconstruct(int(each)) for each in faiss.vector_to_array(found.id_map)}


def owners(path: Path) -> dict[int, dict[str, str | int]]:
    """Number -> what is on record about it."""
    lines = path.with_suffix(".ids.jsonl").read_text("utf-8").splitlines()
    return {each["id"]: each for each in map(json.loads, lines)}


def nearest(path: Path, asked: np.ndarray) -> np.ndarray:
    """How alike the most similar face in the index is to each of some: cosines, (n,)."""
    alike: np.ndarray = faiss.read_index(str(path)).search(asked, 1)[0][:, 0]
    return alike
