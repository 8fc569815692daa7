"""Placement: people are put in shards and slices by a keyed hash. People who share a record are put together.

A place depends on the set of records alone, never on the sequence in which they came. When the person who held two groups together leaves,
the groups fall apart, and one of them may belong elsewhere from then on: :func:`changed` returns the shards that changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from expunge.learn.records.record_hashes import TAG, numbered, tags
from expunge.learn.records.records import Records
from expunge.learn.records.row_owners import Tags
from expunge.learn.records.subject_names import subject_name

Members = tuple[tuple[np.ndarray, ...], ...]
"""For each shard, for each of its slices: the rows there, ascending."""


def units(together: Iterable[Tags]) -> dict[bytes, bytes]:
    """Tag of each subject -> the least tag among all who are tied together by records of several people (a path is enough)."""
    above: dict[bytes, bytes] = {}

    def top(one: bytes) -> bytes:
        while above[one] != one:
            above[one] = above[above[one]]
            one = above[one]
        return one

    for many in together:
        for each in many:
            above.setdefault(each, each)
        if len(many) == 1:
            continue
        first = top(many[0])
        for each in many[1:]:
            other = top(each)
            # The lesser stays on top, so that the name of a unit does not depend on the order.
            first, other = min(first, other), max(first, other)
            above[other] = first
    return {each: top(each) for each in above}


def members(
    key: bytes,
    rows: np.ndarray,
    owners: tuple[np.ndarray, Sequence[Tags]],
    shards: int,
    slices: int,
    risky: Collection[bytes] = (),
) -> Members:
    """Return the place of every row of a set.

    Args:
        key: of the set of records.
        rows: (n,), ascending.
        owners: for each row a number in a list, and the list: the tags of the subjects of a row. Tags without a row do not count.
        shards: the number of models.
        slices: the number of stages of each.
        risky: tags of people who are likely to go soon. They, and people who share a record with them, come in the last slice, which is the
            cheapest to teach again.
    """
    owner, groups = owners
    if shards * slices == 1:
        return ((rows,),)
    present = np.flatnonzero(np.bincount(owner, minlength=1))
    tied = [groups[each] for each in present.tolist()]
    unit = units(tied) if any(len(each) > 1 for each in tied) else {}
    top = [unit.get(each[0], each[0]) for each in tied]
    last = {unit.get(each, each) for each in risky}
    part = _spots(key, "slice", top) % slices
    part[[each in last for each in top]] = slices - 1
    spot = np.zeros(len(groups), np.int64)
    spot[present] = (_spots(key, "shard", top) % shards) * slices + part
    at = spot[owner]
    order = np.argsort(at, kind="stable")
    found = np.split(rows[order], np.searchsorted(at[order], np.arange(1, shards * slices)))
    return tuple(tuple(found[shard * slices : (shard + 1) * slices]) for shard in range(shards))


def _spots(key: bytes, context: str, those: Sequence[bytes]) -> np.ndarray:
    """A keyed number below 2 ** 63 for each of some tags, (n,)."""
    words = np.frombuffer(b"".join(those), "<u8").reshape(-1, TAG // 8).astype(np.uint64, copy=False)
    return (numbered(key, context, words) >> np.uint64(1)).astype(np.int64)


def homes(records: Records, where: Members, subjects: Sequence[str]) -> np.ndarray:
    """Return the shard of each subject, (n,). A subject without a record gets the shard where they would be by themselves."""
    shard = np.empty(records.given, np.int64)
    for number, slices in enumerate(where):
        for rows in slices:
            shard[rows] = number
    mine = tags(records.key, map(subject_name, subjects))
    alone = _spots(records.key, "shard", mine) % len(where)
    known = [records.by_tag.get(each) for each in mine]
    return np.array([home if rows is None else shard[rows[0]] for rows, home in zip(known, alone.tolist(), strict=True)], np.int64)


def without(before: Members, rows: np.ndarray) -> Members:
    """Return the places after some rows have gone, where no other person moves."""
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
