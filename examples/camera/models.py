"""What the company learns: whether a face is in a frame, and what usually moves at its doors."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from examples.camera.company import Clip, Seen
from examples.common.estate import Estate
from expunge.learn import IntegerRidgeClassifier, PrincipalComponents, ShardedTrees

Rows = tuple[np.ndarray, np.ndarray, list[str], list[str]]
"""Frames (n, 324), whether a face is in each (n,), whose each is, and the record's id."""


def rows(chosen: Iterable[Clip], seen: dict[str, Seen]) -> Rows:
    """Every frame of some clips."""
    found = list(chosen)
    return (
        np.concatenate([seen[each.name].frames for each in found]),
        np.concatenate([seen[each.name].face for each in found]),
        [each.account for each in found for _ in seen[each.name].face],
        [f"{each.name}/{number}" for each in found for number in range(len(seen[each.name].face))],
    )


def labelled(path: Path, made: Sequence[Clip], seen: dict[str, Seen]) -> Rows:
    """The frames that a label set names, with the label that reviewers gave them."""
    account = {each.name: each.account for each in made}
    with path.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    return (
        np.stack([seen[each["clip_id"]].frames[int(each["frame"])] for each in found]),
        np.array([each["face"] == "1" for each in found]),
        [account[each["clip_id"]] for each in found],
        [f"{each['clip_id']}/{each['frame']}" for each in found],
    )


def head(taught: Rows) -> IntegerRidgeClassifier:
    """One model over everybody, from whole numbers that can be subtracted again."""
    frames, face, accounts, records = taught
    return IntegerRidgeClassifier(alpha=30.0).fit(frames, face, subjects=accounts, records=records)


def trees(taught: Rows, shards: int) -> ShardedTrees:
    """Boosted trees, so many models over a few households each."""
    frames, face, accounts, records = taught
    return ShardedTrees(shards=shards, trees=40, leaves=8).fit(frames, face, subjects=accounts, records=records)


def save(estate: Estate, name: str, model: IntegerRidgeClassifier | PrincipalComponents) -> None:
    """Put a model into the registry."""
    model.save(estate.world / f"registry/models/{name}.safetensors")


def balanced(model: IntegerRidgeClassifier | ShardedTrees, judged: Rows) -> float:
    """Mean of the shares of faces and of other frames that are told rightly: 0.5 is a coin."""
    frames, face, _, _ = judged
    said = np.asarray(model.predict(frames), bool)
    return float((said[face].mean() + (~said[~face]).mean()) / 2)


def load(estate: Estate, name: str) -> IntegerRidgeClassifier:
    """A model of the registry."""
    return IntegerRidgeClassifier.load(estate.world / f"registry/models/{name}.safetensors")


def movement(chosen: Iterable[Clip], seen: dict[str, Seen]) -> PrincipalComponents:
    """How the parts of the picture usually move together; nobody's labels went into it."""
    found = list(chosen)
    rows = np.stack([seen[each.name].motion for each in found])
    made: PrincipalComponents = PrincipalComponents(4).fit(
        rows, subjects=[each.account for each in found], records=[each.name for each in found]
    )
    return made
