"""Read the vectors of a folder of FAISS indexes whose records lie at places in sidecars.

The nomination comes from raw bytes and may be wrong. Here only normal reads count: a vector that is gone, or erased, is not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from expunge.core.values.copy import Copy
from expunge.core.values.ids import Pseudonym
from expunge.ports.optional.placing import FILE_NAME, LiveRows
from expunge.stores.faiss.index_folder import FaissFolder
from expunge.stores.faiss.reading import FaissReading

_OF_A_NAME = 200
"""Vectors that are read for the name of a file or folder."""


def copies(folder: FaissFolder, rows: Sequence[LiveRows], erased: Sequence[Copy]) -> Iterator[tuple[int, Copy]]:
    """Yield (index into ``rows``, copy of one vector and its record) for every vector that a bystander has. Raises as reads do."""
    lines: dict[Path, dict[str, list[int]]] = {}
    names: dict[int, str] = {}
    for index, lying in enumerate(rows):
        path = Path("/", lying.relation)
        if FILE_NAME in lying.rows:
            names[index] = path.relative_to(folder.root).as_posix() if path.is_relative_to(folder.root) else ""
        for row in lying.rows:
            lines.setdefault(path, {}).setdefault(row, []).append(index)
    wanted = {key: indexes for path, at in lines.items() for key, indexes in _keys(folder, path, at)}
    number = 0
    for copy in FaissReading(folder).bystanders(erased, None):
        mine = [(index, key) for key in copy.keys for index in wanted.get(key, ())]
        for index, name in names.items():
            below = (key for key in copy.keys if key.startswith((f"{name}/", f"{name}#")) or _stem(key) == _stem(name))
            mine += [(index, key) for key in islice(below, _OF_A_NAME)] if name else []
        for index, key in mine:
            subject = Pseudonym(f"control-{number}")
            number += 1
            selector = replace(copy.selector, subject=subject) if copy.selector else None
            yield index, replace(copy, subject=subject, keys=(key,), items=1, bytes=0, shared=frozenset(), selector=selector)


def _keys(folder: FaissFolder, sidecar: Path, lines: Mapping[str, Sequence[int]]) -> Iterator[tuple[str, Sequence[int]]]:
    """The keys of the vectors whose records begin on some lines of a sidecar, with what the lines are given for."""
    shard = next((shard for shard in folder.shards() if shard.sidecar == sidecar), None)
    if shard is not None:
        for number, record in shard.records(folder.number_field, folder.layout.dataset.subject_fields):
            if str(record.number) in lines:
                yield shard.item(number), lines[str(record.number)]


def _stem(key: str) -> str:
    return key.partition("#")[0].partition(".")[0]
