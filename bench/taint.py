"""How long the taint of an order takes over a million artefacts: from an ancestry in memory to every hit, with what nobody can tell.

Each artefact has one to three sources among those before it (fine-tuned, distilled, member of); one in a thousand is made from the
covered data, one in five thousand has no origin on record. Beside it, a plain walk over a dictionary of lists, which is
how this is usually written, takes the same graph.
"""

from __future__ import annotations

import random
import time
from collections import deque

from bench.result import Result
from expunge.core.disgorgement.taint import Ancestry

ARTEFACTS = 1_000_000
TARGET_S = 10.0


def _edges() -> list[tuple[int, int]]:
    dice = random.Random(7)
    edges = []
    for product in range(1, ARTEFACTS):
        if product % 1000 == 0:
            edges.append((0, product))
        elif product % 5000 != 1:
            edges += [(dice.randrange(1, product), product) for _ in range(1 + product % 3)] if product > 1 else []
    return edges


def run() -> list[Result]:
    edges = _edges()
    graph = Ancestry()
    for number in range(ARTEFACTS):
        graph.declare(f"models/{number}")
    for source, product in edges:
        graph.link(f"models/{source}", f"models/{product}", "trained on")
    start = time.perf_counter()
    taint = graph.spread(["models/0"])
    hits, unknown = taint.hits, taint.unknown
    ours = time.perf_counter() - start
    start = time.perf_counter()
    plain = _plainly(edges)
    other = time.perf_counter() - start
    if len(plain) != len(hits):
        message = f"{len(hits)} hits here, {len(plain)} by a plain walk"
        raise RuntimeError(message)
    note = f"{len(edges):,} edges, {len(hits):,} hits, {len(unknown):,} of unknown origin; the plain walk finds the hits alone"
    return [
        Result(
            "taint of an order over 1 M artefacts", ours, "s", other, "dictionary of lists", TARGET_S, of="ours", better="lower", note=note
        )
    ]


def _plainly(edges: list[tuple[int, int]]) -> set[int]:
    outgoing: dict[int, list[int]] = {}
    for source, product in edges:
        outgoing.setdefault(source, []).append(product)
    found, todo = {0}, deque([0])
    while todo:
        for product in outgoing.get(todo.popleft(), ()):
            if product not in found:
                found.add(product)
                todo.append(product)
    return found
