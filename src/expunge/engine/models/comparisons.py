"""What a comparison's command left behind, and what it means where that is not what serves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from expunge.core.datamap.datamap import ComparedBy, Dataset
from expunge.core.models import weight_digests
from expunge.core.models.model_outcomes import ArtefactRemade
from expunge.core.values.copy import Selector
from expunge.core.values.outcome import Reason, Unable
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.subjects.locating import EVERYBODY

ROWS = "application/jsonl"
"""Media type of the rows that a store writes out."""
REGISTRY = "mlflow"
"""The kind of store whose items have such rows beside the files of a model."""


def digests_in(out: Path) -> tuple[str, ...]:
    """Return the digest of one file, or of every file in a folder; none where a part of it is but another name of what lies elsewhere."""
    digests = []
    for each in files_in(out):
        with each.open("rb") as file:
            digests.append(file_digest(file, "sha256").hexdigest())
    return tuple(sorted(digests))


def files_in(out: Path) -> list[Path]:
    """Return one file, or every file in a folder; none where one of them is a link."""
    found = [out, *out.rglob("*")] if out.is_dir() and not out.is_symlink() else [out]
    files = [each for each in found if each.is_symlink() or each.is_file()]
    return [] if any(each.is_symlink() or each.stat().st_nlink > 1 for each in files) else files


def by_weights(dataset: Dataset) -> bool:
    """Return whether the map has a dataset compared by what it has learnt."""
    return dataset.on_erase.compare is ComparedBy.WEIGHTS


def made(out: Path, dataset: Dataset) -> tuple[str, ...]:
    """Return what a comparison's command left behind, in the digests by which the map has it compared."""
    if not by_weights(dataset):
        return digests_in(out)
    return tuple(sorted(filter(None, (_weights(each.name, _pieces(each)) for each in files_in(out)))))


def weights_of(context: Context, dataset: Dataset, known: ArtefactRemade) -> tuple[str, ...]:
    """Return the digest of what each item there has learnt, without the artefacts that were left alone.

    Raises what stores raise when they cannot be read.
    """
    store, found = context.open_store(dataset.store), []
    rows = ROWS if context.data_map.stores[dataset.store].kind == REGISTRY else ""
    still = frozenset(digest for each in known.stayed for digest in each.contents)
    for copy in store_calls.locate(store, dataset, (Selector(EVERYBODY, {}, every=True),)):
        for item in store_calls.export(store, dataset, copy):
            whole = sha256()
            digest = _weights(item.name, _watched(item.chunks, whole))
            # Rows of a registry are no part of what a training makes.
            if digest and whole.hexdigest() not in still and item.media_type != rows:
                found.append(digest)
    return tuple(sorted(found))


def _weights(name: str, chunks: Iterable[bytes]) -> str:
    """The digest of what a file has learnt; of one that is too large to be held, by its bytes."""
    held, size, whole = list[bytes](), 0, sha256()
    for chunk in chunks:
        whole.update(chunk)
        size += len(chunk)
        if size <= weight_digests.LARGEST:
            held.append(chunk)
        else:
            held.clear()
    return weight_digests.weights_digest(name, b"".join(held)) if size <= weight_digests.LARGEST else whole.hexdigest()


def _watched(chunks: Iterable[bytes], state: Any) -> Iterator[bytes]:
    for chunk in chunks:
        state.update(chunk)
        yield chunk


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            yield chunk


def contradiction(now: ArtefactRemade) -> Unable:
    """Return what a comparison that differs shows, with both digests. A cause is named only where its two runs tell it."""
    there, fresh = _one(now.weights or now.after), _one(now.fresh)
    if now.varies:
        text = f"two runs of the comparison differ from each other (sha256 {fresh} and {_one(now.again)}), and from what is there ({there})"
        mend = "have the training give the same twice" + ("" if now.weights else ", or compare by weights (`compare: weights`)")
        return Unable(Reason.CANNOT_TELL, f"{now.dataset}: {text}: nothing is shown; {mend}")
    text = f"a training without them makes another (sha256 {fresh}) than is there ({there})"
    twice = ", twice" if now.again else "; a second run came to no end"
    return Unable(Reason.RESIDUE, f"{now.dataset}: {text}{twice}: look for a cache or a list that still has them")


def _one(digests: Sequence[str]) -> str:
    """The digest of one file; of several that of their digests, a line each, as ``sha256sum`` would take it; of none a dash."""
    if len(digests) <= 1:
        return "".join(digests) or "-"
    return sha256("".join(f"{each}\n" for each in digests).encode()).hexdigest()
