"""The ranges of scalar quantizers: each bound is the least or greatest number of one vector that the index was trained on."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from expunge.stores.faiss.memory_index import FAISS, FLAT, GRAPHS, LISTS, MAPS, REFINED, Codes, flat, lists, name_of, typed


class Bounds(NamedTuple):
    """How many bounds an index keeps, and how many of these no vector in it reaches."""

    kept: int
    unreached: int


def bounds(index: Any) -> Bounds:
    """Count the bounds of every scalar quantizer in an index; none where it has no such quantizer, or one without ranges (half floats)."""
    index = typed(index)
    kind = name_of(index)
    if kind in MAPS or kind == "IndexPreTransform":
        return bounds(index.index)
    if kind in GRAPHS:
        return bounds(index.storage)
    if kind in REFINED:
        return Bounds(*map(sum, zip(bounds(index.base_index), bounds(index.refine_index), strict=True)))
    if kind in FLAT | LISTS and hasattr(index, "sq"):
        stored = [each for _, _, each in lists(index)] if kind in LISTS else [flat(index)]
        return _of(index.sq, stored)
    return Bounds(0, 0)


def _of(quantizer: Any, stored: list[Codes]) -> Bounds:
    ranges = np.asarray(FAISS.vector_to_array(quantizer.trained), np.float32)
    if not len(ranges):
        return Bounds(0, 0)
    least, width = ranges[: len(ranges) // 2], ranges[len(ranges) // 2 :]
    low, high = np.full(len(least), np.inf), np.full(len(least), -np.inf)
    for codes in stored:
        if len(codes):
            values = np.asarray(quantizer.decode(np.ascontiguousarray(codes)))
            # One range for all dimensions, or one for each.
            values = values if len(least) > 1 else values.reshape(-1, 1)
            low, high = np.minimum(low, values.min(axis=0)), np.maximum(high, values.max(axis=0))
    # A code stands for the middle of its step; the outermost steps are those that reach a bound.
    step = width / ((1 << quantizer.bits) - 1)
    return Bounds(2 * len(least), int((low >= least + step).sum() + (high < least + width).sum()))
