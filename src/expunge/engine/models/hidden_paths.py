"""Find the files that a comparison must not read. A command that copied the served model would pass for a training from nothing."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from hashlib import file_digest, sha256
from pathlib import Path

from expunge.core.datamap.datamap import Dataset
from expunge.core.models.model_outcomes import BESIDE, WHOLE
from expunge.core.values.copy import Selector
from expunge.core.values.ids import Pseudonym
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context

MOST = 400
_LONGEST = 100_000
"""Files that are hidden at most, and bytes of their names; of more, none is, and that is said."""


def served(context: Context, dataset: Dataset) -> tuple[str, ...]:
    """Real paths of every file that has the content of something in a dataset: in any store, and beside the map.

    Small print that is the same in every version (settings, labels) may be read. Files that cannot be looked into are left out: the command
    has no other rights than we. Raises what stores raise when they cannot be read.
    """
    wanted = _contents(context, dataset)
    found = {os.path.realpath(path) for root in _roots(context) for path in _files(root) if _is_one(path, wanted)} if wanted else set()
    return tuple(sorted(found))


def bounded(paths: Sequence[str]) -> tuple[str, ...]:
    """Return the paths, or none of them where they are too many to be handed over."""
    return tuple(paths) if len(paths) <= MOST and sum(len(os.fsencode(path)) for path in paths) <= _LONGEST else ()


def _contents(context: Context, dataset: Dataset) -> dict[int, set[str]]:
    """Size -> hex SHA-256 of what is there."""
    wanted: dict[int, set[str]] = {}
    store = context.open_store(dataset.store)
    for copy in store_calls.locate(store, dataset, (Selector(Pseudonym(WHOLE), {}, every=True),)):
        for item in store_calls.export(store, dataset, copy):
            size, state = 0, sha256()
            for chunk in item.chunks:
                size += len(chunk)
                state.update(chunk)
            if size and not item.name.lower().endswith(BESIDE):
                wanted.setdefault(size, set()).add(state.hexdigest())
    return wanted


def _roots(context: Context) -> Iterator[Path]:
    """Every place where bytes of a store lie, and the folder of the map, in which commands run; none that lies in another."""
    roots = {Path(context.data_map.source).resolve().parent} if context.data_map.source else set()
    for name in context.data_map.stores:
        try:
            roots |= {each.path.resolve() for each in store_calls.raw(context.open_store(name))}
        except store_calls.TROUBLE:
            continue
    for root in sorted(roots):
        if roots.isdisjoint(root.parents):
            yield root


def _files(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
    for folder, _, names in os.walk(root):
        yield from (Path(folder, name) for name in names)


def _is_one(path: Path, wanted: dict[int, set[str]]) -> bool:
    try:
        about = path.lstat()
        if not stat.S_ISREG(about.st_mode) or about.st_size not in wanted:
            return False
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest() in wanted[about.st_size]
    except OSError:
        return False
