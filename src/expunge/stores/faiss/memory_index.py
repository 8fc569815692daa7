"""A FAISS index in memory: its numbers, the stored codes of a number, and the same index without some numbers.

Nothing is searched for or trained here. The codes that stay are copied as they are, so that their vectors are bit-equal afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeAlias

import faiss as library
import numpy as np
import numpy.typing as npt

from expunge.core.values.outcome import Reason
from expunge.stores.arrow.damage import Damaged

FAISS: Any = library
"""Its type stubs know half of it."""
Ids: TypeAlias = npt.NDArray[np.int64]
Keep: TypeAlias = npt.NDArray[np.bool_]
Codes: TypeAlias = npt.NDArray[np.uint8]
MAPS = frozenset({"IndexIDMap", "IndexIDMap2"})
FLAT = frozenset(
    {
        "IndexFlat",
        "IndexFlatL2",
        "IndexFlatIP",
        "IndexPQ",
        "IndexScalarQuantizer",
        "IndexLSH",
        "IndexResidualQuantizer",
        "IndexLocalSearchQuantizer",
        "IndexProductResidualQuantizer",
        "IndexProductLocalSearchQuantizer",
    }
)
"""Types that keep one code a vector, in the order of adding."""
LISTS = frozenset(
    {
        "IndexIVFFlat",
        "IndexIVFPQ",
        "IndexIVFScalarQuantizer",
        "IndexIVFResidualQuantizer",
        "IndexIVFLocalSearchQuantizer",
        "IndexIVFProductResidualQuantizer",
        "IndexIVFProductLocalSearchQuantizer",
    }
)
"""Types that keep codes with their numbers in inverted lists."""
GRAPHS = frozenset({"IndexHNSWFlat", "IndexHNSWSQ", "IndexHNSWPQ"})
"""Types with a graph over one code a vector; FAISS cannot remove from them."""
REFINED = frozenset({"IndexRefine", "IndexRefineFlat"})
ON_DISK = "OnDiskInvertedLists"
Lists: TypeAlias = Callable[[Any, Iterator[tuple[int, Ids, Codes]]], None]
"""Puts lists of an index in the place of those it has: (index, (number of list, numbers, codes) in the order of lists)."""


def name_of(index: Any) -> str:
    """The name of its type."""
    return type(index).__name__


def typed(index: Any) -> Any:
    """An index as its own type; it keeps the one it was made of, which owns the memory."""
    found = FAISS.downcast_index(index)
    # The attribute by which FAISS's own Python layer does the same.
    found.referenced_objects = [index]
    return found


def sound(index: Any) -> Any:
    """An index as its own type, checked: of a type that can be handled, and every part as long as the others.

    Raises Damaged; the message names the type.
    """
    index = typed(index)
    kind = name_of(index)
    if kind in MAPS:
        below = sound(index.index)
        _same(kind, index.id_map.size(), below.ntotal)
    elif kind == "IndexPreTransform":
        _same(kind, sound(index.index).ntotal, index.ntotal)
    elif kind in REFINED:
        _same(kind, sound(index.base_index).ntotal, sound(index.refine_index).ntotal)
    elif kind in GRAPHS:
        _same(kind, sound(index.storage).ntotal, index.ntotal)
    elif kind in LISTS:
        quantizer = typed(index.quantizer)
        _same(kind, quantizer.ntotal, index.nlist)
        _same(kind, quantizer.d, index.d)
        _same(kind, sum(index.invlists.list_size(each) for each in range(index.nlist)), index.ntotal)
    elif kind in FLAT:
        _same(kind, index.codes.size(), index.ntotal * index.code_size)
    else:
        message = f"an index of type {kind} cannot be erased from; build it anew without them (on_erase: {{rebuild: COMMAND}})"
        raise Damaged(message, Reason.UNSUPPORTED)
    return index


def _same(kind: str, one: int, other: int) -> None:
    if one != other:
        message = f"its parts do not fit one another (type {kind})"
        raise Damaged(message)


def numbered(index: Any) -> bool:
    """Return whether an index keeps its numbers itself. Else they are positions, which move when a vector is removed."""
    index = typed(index)
    return name_of(index) in MAPS | LISTS or (name_of(index) == "IndexPreTransform" and numbered(index.index))


def ids(index: Any) -> Ids:
    """The numbers that a search returns, in the order of adding or of lists."""
    index = typed(index)
    if name_of(index) in MAPS:
        return np.asarray(FAISS.vector_to_array(index.id_map), np.int64)
    if name_of(index) == "IndexPreTransform" and numbered(index):
        return ids(index.index)
    if name_of(index) in LISTS:
        return np.concatenate([np.empty(0, np.int64), *(held for _, held, _ in lists(index))])
    return np.arange(index.ntotal, dtype=np.int64)


def lists(index: Any) -> Iterator[tuple[int, Ids, Codes]]:
    """The inverted lists that have anything: number, numbers and codes; copies."""
    held = index.invlists
    for number in range(index.nlist):
        size = held.list_size(number)
        if size:
            found = FAISS.rev_swig_ptr(held.get_ids(number), size).copy()
            yield number, found, FAISS.rev_swig_ptr(held.get_codes(number), size * index.code_size).copy().reshape(size, -1)


def codes(index: Any, wanted: Collection[int]) -> Iterator[tuple[int, bytes]]:
    """Yield the stored codes of some numbers, byte for byte. A number that was given twice comes twice."""
    index = typed(index)
    kind = name_of(index)
    if kind in LISTS:
        asked = np.fromiter(wanted, np.int64, len(wanted))
        for _, held, stored in lists(index):
            for at in np.flatnonzero(np.isin(held, asked)).tolist():
                yield int(held[at]), stored[at].tobytes()
    elif kind in MAPS:
        known = ids(index)
        places = np.flatnonzero(np.isin(known, np.fromiter(wanted, np.int64, len(wanted))))
        for place, code in codes(index.index, places.tolist()):
            yield int(known[place]), code
    elif kind in FLAT:
        stored = flat(index)
        yield from ((each, stored[each].tobytes()) for each in wanted if 0 <= each < index.ntotal)
    elif kind in GRAPHS:
        yield from codes(index.storage, wanted)
    elif kind == "IndexPreTransform":
        yield from codes(index.index, wanted)
    else:
        yield from codes(index.base_index, wanted)
        yield from codes(index.refine_index, wanted)


def vectors(index: Any, wanted: Collection[int]) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """The vectors of some numbers as the index gives them back, approximate where it compresses; none where it cannot."""
    index = typed(index)
    kind = name_of(index)
    if kind in MAPS:
        known = ids(index)
        places = np.flatnonzero(np.isin(known, np.fromiter(wanted, np.int64, len(wanted))))
        for place, vector in vectors(index.index, places.tolist()):
            yield int(known[place]), vector
        return
    if kind == "IndexPreTransform":
        for number, vector in vectors(index.index, wanted):
            try:
                yield number, index.chain.at(0).reverse_transform(vector[None])[0] if index.chain.size() == 1 else vector
            except RuntimeError:
                yield number, vector
        return
    if kind in LISTS:
        index.set_direct_map_type(FAISS.DirectMap.Hashtable)
    asked = set(wanted) & set(ids(index).tolist())
    for each in sorted(asked):
        yield each, index.reconstruct(each)


def flat(index: Any) -> Codes:
    """The codes of an index with one a vector, a row each; a copy."""
    return np.asarray(FAISS.vector_to_array(index.codes), np.uint8).reshape(index.ntotal, index.code_size)


# --- without some of them ------------------------------------------------------------------------


def without(index: Any, gone: Collection[int], put: Lists) -> Any:
    """Return the same index without some numbers. All others keep their numbers. The index given is used up.

    Where numbers are positions, the result keeps them in an IndexIDMap2 around it. Raises Damaged.
    """
    leaving = np.fromiter(gone, np.int64, len(gone))
    if not numbered(index):
        keep = ~np.isin(np.arange(index.ntotal), leaving)
        compact(index, keep, put)
        # FAISS wraps empty ones only.
        index.ntotal = 0
        wrapped = FAISS.IndexIDMap2(index)
        FAISS.copy_array_to_vector(np.flatnonzero(keep).astype(np.int64), wrapped.id_map)
        wrapped.ntotal = index.ntotal = int(keep.sum())
        wrapped.construct_rev_map()
        return wrapped
    _drop(typed(index), leaving, put)
    return index


def _drop(index: Any, leaving: Ids, put: Lists) -> None:
    kind = name_of(index)
    if kind in MAPS:
        known = ids(index)
        keep = ~np.isin(known, leaving)
        compact(index.index, keep, put)
        FAISS.copy_array_to_vector(known[keep], index.id_map)
        index.ntotal = int(keep.sum())
        if kind == "IndexIDMap2":
            index.construct_rev_map()
    elif kind == "IndexPreTransform":
        _drop(typed(index.index), leaving, put)
        index.ntotal = index.index.ntotal
    else:
        _relist(index, lambda held: ~np.isin(held, leaving), None, put)


def compact(index: Any, keep: Keep, put: Lists) -> None:
    """Take positions out of an index whose numbers are positions; those behind move up."""
    index = typed(index)
    kind = name_of(index)
    if kind in LISTS:
        _relist(index, lambda held: keep[held], np.cumsum(keep) - 1, put)
    elif kind == "IndexPreTransform":
        compact(index.index, keep, put)
    elif kind in REFINED:
        compact(index.base_index, keep, put)
        compact(index.refine_index, keep, put)
    elif kind in GRAPHS:
        _regraph(index, keep)
    else:
        stored = flat(index)
        FAISS.copy_array_to_vector(np.ascontiguousarray(stored[keep]).ravel(), index.codes)
        if hasattr(index, "pq"):
            _forget_entries(index.pq, stored[~keep], [stored[keep]])
        if hasattr(index, "clear_l2norms"):
            index.clear_l2norms()
    index.ntotal = int(keep.sum())


def _regraph(index: Any, keep: Keep) -> None:
    """A graph cannot lose a node: it is built anew over the vectors that stay, whose codes stay as they are."""
    storage = typed(index.storage)
    stored = flat(storage)[keep]
    staying = storage.reconstruct_n(0, storage.ntotal)[keep] if storage.ntotal else np.empty((0, index.d), np.float32)
    gone = flat(storage)[~keep]
    index.reset()
    if len(staying):
        index.add(staying)
        FAISS.copy_array_to_vector(np.ascontiguousarray(stored).ravel(), storage.codes)
    if hasattr(storage, "pq"):
        _forget_entries(storage.pq, gone, [stored])


def _relist(index: Any, stays: Callable[[Ids], Keep], renumbered: Ids | None, put: Lists) -> None:
    """Inverted lists less what leaves, and what the coarse quantizer and the codebook hold of those who leave alone."""
    gone: dict[int, Codes] = {}
    kept: list[tuple[int, Ids, Codes]] = []
    for number, held, stored in lists(index):
        keep = stays(held)
        if not keep.all():
            gone[number] = stored[~keep]
        if keep.any():
            kept.append((number, held[keep] if renumbered is None else renumbered[held[keep]], stored[keep]))
    mapped = index.direct_map.type != FAISS.DirectMap.NoMap
    index.set_direct_map_type(FAISS.DirectMap.NoMap)
    if hasattr(index, "pq") and gone:
        _forget_entries(index.pq, np.concatenate(list(gone.values())), [each for _, _, each in kept])
    if gone:
        _forget_centroids(index, gone, {number: stored for number, _, stored in kept})
    put(index, iter(kept))
    index.ntotal = sum(len(held) for _, held, _ in kept)
    if mapped:
        # A map of positions has no place for numbers that are missing.
        index.set_direct_map_type(FAISS.DirectMap.Hashtable)


def in_memory(index: Any, kept: Iterator[tuple[int, Ids, Codes]]) -> None:
    """Inverted lists in the index file itself."""
    made = FAISS.ArrayInvertedLists(index.nlist, index.code_size)
    for number, held, stored in kept:
        stored = np.ascontiguousarray(stored)  # noqa: PLW2901 - FAISS copies from where it lies
        made.add_entries(number, len(held), FAISS.swig_ptr(np.ascontiguousarray(held)), FAISS.swig_ptr(stored))
    index.replace_invlists(made, True)  # noqa: FBT003 - the index owns them from here on
    made.this.disown()


# --- what was learned from those who leave ---------------------------------------------------------


def _forget_centroids(index: Any, gone: dict[int, Codes], kept: dict[int, Codes]) -> None:
    """Centroids that are nobody's who stays: of lists that are empty now, and those that are a vector of somebody who leaves.

    With few vectors in a cell when it was trained, its centroid is such a vector, bit for bit.
    """
    quantizer = typed(index.quantizer)
    centres = quantizer.reconstruct_n(0, index.nlist)
    raw = name_of(index) == "IndexIVFFlat"
    theirs = [number for number in gone if number in kept and raw and _is_one_of(centres[number], gone[number])]
    empty = [number for number in gone if number not in kept]
    for number in theirs:
        centres[number] = kept[number].view(np.float32).mean(axis=0)
    for number in empty:
        centres[number] = centres[min(kept)] if kept else 0.0
    if theirs or empty:
        quantizer.reset()
        quantizer.add(centres)


def _is_one_of(centre: npt.NDArray[np.float32], stored: Codes) -> bool:
    return bool((stored.view(np.float32) == centre).all(axis=1).any())


def _forget_entries(pq: Any, gone: Codes, kept: list[Codes]) -> None:
    """Entries of a codebook that only those who leave use become copies of one that is used: nobody's code changes its meaning."""
    if not len(gone):
        return
    book = np.asarray(FAISS.vector_to_array(pq.centroids), np.float32).reshape(pq.M, pq.ksub, pq.dsub)
    used = np.zeros((pq.M, pq.ksub), np.bool_)
    for each in kept:
        _mark(pq, each, used)
    leaving = np.zeros_like(used)
    _mark(pq, gone, leaving)
    for part in range(pq.M):
        instead = book[part, int(np.argmax(used[part]))] if used[part].any() else np.zeros(pq.dsub, np.float32)
        book[part, leaving[part] & ~used[part]] = instead
    FAISS.copy_array_to_vector(book.ravel(), pq.centroids)


def _mark(pq: Any, stored: Codes, used: Keep) -> None:
    said = FAISS.unpack_bitstrings(np.ascontiguousarray(stored), pq.M, pq.nbits)
    for part in range(pq.M):
        used[part, np.unique(said[:, part])] = True
