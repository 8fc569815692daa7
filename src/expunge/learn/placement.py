"""Who is learnt from where: people are put in shards and slices by a keyed hash, those who share a record together.

A place depends on the set of records alone, never on the order in which they came. When the person who held two groups together leaves,
the groups fall apart, and one of them may belong elsewhere from then on: :func:`changed` says which shards are not what they were.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from expunge.learn.records import Records, place, tag

Members = tuple[tuple[np.ndarray, ...], ...]
"""For each shard, for each of its slices: the rows there, ascending."""


def units(together: Iterable[Sequence[bytes]]) -> dict[bytes, bytes]:
    """Tag of each subject -> the least tag among all who are tied together by records of several people (a path is enough)."""
    above: dict[bytes, bytes] = {}

    def top(one: bytes) -> bytes:
        while above[one] != one:
            above[one] = above[above[one]]
            one = above[one]
        return one

    for tags in together:
        for each in tags:
            above.setdefault(each, each)
        if len(tags) == 1:
            continue
        first = top(tags[0])
        for each in tags[1:]:
            other = top(each)
            # The lesser stays on top, so that the name of a unit does not depend on the order.
            first, other = min(first, other), max(first, other)
            above[other] = first
    return {each: top(each) for each in above}


def members(
    key: bytes, tagged: Iterable[tuple[int, tuple[bytes, ...]]], shards: int, slices: int, risky: Collection[bytes] = ()
) -> Members:
    """Where every row of a set belongs.

    Args:
        key: of the set of records.
        tagged: each row, ascending, with the tags of its subjects.
        shards: how many models there are.
        slices: how many stages each is taught in.
        risky: tags of people who are likely to go soon. They, and whoever shares a record with them, come in the last slice, which is the
            cheapest to teach again.
    """
    known = list(tagged)
    unit = units({tags for _, tags in known})
    last = {unit[each] for each in risky if each in unit}
    number = {each: index for index, each in enumerate(sorted(set(unit.values())))}
    spot = np.empty(len(number), np.int64)
    for each, index in number.items():
        part = slices - 1 if each in last else place(key, "slice", each) % slices
        spot[index] = (place(key, "shard", each) % shards) * slices + part
    at = spot[[number[unit[tags[0]]] for _, tags in known]] if known else np.empty(0, np.int64)
    order = np.argsort(at, kind="stable")
    cuts = np.searchsorted(at[order], np.arange(1, shards * slices))
    found = np.split(np.array([row for row, _ in known], np.int64)[order], cuts)
    return tuple(tuple(found[shard * slices : (shard + 1) * slices]) for shard in range(shards))


def homes(records: Records, where: Members, subjects: Sequence[str]) -> np.ndarray:
    """The shard of each subject, (n,); of those of whom there is no record, the one where they would be by themselves."""
    shard = np.empty(len(records.ids), np.int64)
    for number, slices in enumerate(where):
        for rows in slices:
            shard[rows] = number
    found = []
    for each in subjects:
        mine = tag(records.key, each)
        theirs = records.by_tag.get(mine)
        found.append(place(records.key, "shard", mine) % len(where) if theirs is None else shard[theirs[0]])
    return np.array(found, np.int64)


def without(before: Members, rows: np.ndarray) -> Members:
    """The places after some rows have gone, where nobody else moves."""
    return tuple(tuple(each[~np.isin(each, rows, assume_unique=True)] for each in slices) for slices in before)


def changed(before: Members, after: Members) -> dict[int, int]:
    """Shards whose members are not the same as before -> the first slice that differs."""
    found = {}
    for shard, (old, new) in enumerate(zip(before, after, strict=True)):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            if not np.array_equal(one, other):
                found[shard] = number
                break
    return found
