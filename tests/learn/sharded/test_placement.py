"""Where people are put: by a keyed hash, those who share a record together, as a function of the set alone."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from expunge.learn.records.record_hashes import tag
from expunge.learn.sharded.shard_placement import Members, changed, members, units, without

KEY = b"a key"
groups = st.lists(st.sets(st.integers(0, 15), min_size=1, max_size=3), min_size=1, max_size=25)


def tagged(records: list[set[int]]) -> list[tuple[int, tuple[bytes, ...]]]:
    return [(row, tuple(sorted(tag(KEY, f"person {each}") for each in many))) for row, many in enumerate(records)]


def placed(key: bytes, records: list[tuple[int, tuple[bytes, ...]]], shards: int, slices: int, risky: tuple[bytes, ...] = ()) -> Members:
    """Where rows belong whose subjects are told in any order, among groups of nobody's row."""
    ordered = sorted(records)
    groups = [(bytes(16), bytes([1] * 16)), *dict.fromkeys(tags for _, tags in records)]
    owner = np.array([groups.index(tags) for _, tags in ordered], np.int64)
    return members(key, np.array([row for row, _ in ordered], np.int64), (owner, groups), shards, slices, risky)


def connected(records: list[set[int]]) -> dict[int, frozenset[int]]:
    """By brute force: everybody's group grows until nothing changes."""
    found = {each: frozenset({each}) for many in records for each in many}
    changing = True
    while changing:
        changing = False
        for many in records:
            union = frozenset().union(*(found[each] for each in many))
            for each in union:
                changing |= found[each] != union
                found[each] = union
    return found


def places(
    records: list[tuple[int, tuple[bytes, ...]]], shards: int = 5, slices: int = 3, risky: tuple[bytes, ...] = ()
) -> dict[int, tuple[int, int]]:
    found = placed(KEY, records, shards, slices, risky)
    return {row: (shard, number) for shard, cut in enumerate(found) for number, rows in enumerate(cut) for row in rows.tolist()}


@given(groups)
def test_whoever_shares_a_record_with_somebody_is_put_with_them_along_any_path(records: list[set[int]]) -> None:
    unit = units([tags for _, tags in tagged(records)])
    group = connected(records)
    for one in group:
        for other in group:
            together = unit[tag(KEY, f"person {one}")] == unit[tag(KEY, f"person {other}")]
            assert together == (group[one] == group[other])


@given(groups, st.randoms())
def test_the_order_of_the_records_moves_nobody(records: list[set[int]], chance: object) -> None:
    rows = tagged(records)
    mixed = list(rows)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert places(rows) == places(mixed)
    assert len(places(rows)) == len(records)


def test_each_row_is_in_one_place_and_in_ascending_order() -> None:
    found = placed(KEY, tagged([{row % 40} for row in range(400)]), 6, 2)
    assert sorted(row for cut in found for rows in cut for row in rows.tolist()) == list(range(400))
    assert all((np.diff(rows) > 0).all() for cut in found for rows in cut)


def test_groups_that_only_one_person_held_together_fall_apart_when_that_person_goes() -> None:
    # A chain: 0-1, 1-2, 2-3 ... whoever is in the middle holds both ends.
    chain = [{each, each + 1} for each in range(12)]
    before = placed(KEY, tagged(chain), 7, 3)
    assert len(set(places(tagged(chain), 7, 3).values())) == 1
    left = [row for row in tagged(chain) if tag(KEY, "person 6") not in row[1]]
    after = placed(KEY, left, 7, 3)
    assert {row for cut in after for rows in cut for row in rows.tolist()} == {row for row, _ in left}
    ends = units([tags for _, tags in left])
    assert ends[tag(KEY, "person 0")] == ends[tag(KEY, "person 5")] != ends[tag(KEY, "person 7")] == ends[tag(KEY, "person 12")]
    touched = changed(before, after)
    differing = {shard for shard in range(7) if [rows.tolist() for rows in before[shard]] != [rows.tolist() for rows in after[shard]]}
    assert set(touched) == differing != set()


@given(groups, st.sets(st.integers(0, 15), max_size=3))
def test_those_who_are_likely_to_go_are_in_the_last_slice_with_whoever_shares_their_records(
    records: list[set[int]], likely: set[int]
) -> None:
    risky = tuple(tag(KEY, f"person {each}") for each in likely)
    where, plain, group = places(tagged(records), risky=risky), places(tagged(records)), connected(records)
    for row, many in enumerate(records):
        tied = any(group[each] & likely for each in many)
        assert where[row] == ((plain[row][0], 2) if tied else plain[row])


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.integers(0, 9))
def test_where_nobody_shares_a_record_leaving_somebody_out_moves_nobody_else(owners: list[int], gone: int) -> None:
    rows = tagged([{each} for each in owners])
    before = placed(KEY, rows, 4, 2)
    theirs = np.array([row for row, each in enumerate(owners) if each == gone], np.int64)
    left = [(row, tags) for row, tags in rows if owners[row] != gone]
    assert changed(without(before, theirs), placed(KEY, left, 4, 2)) == {}
    assert len(changed(before, without(before, theirs))) == (1 if len(theirs) else 0)


def test_another_key_puts_people_elsewhere() -> None:
    rows = [{row} for row in range(50)]
    other = placed(b"another key", [(row, (tag(b"another key", f"person {row}"),)) for row in range(50)], 5, 3)
    moved = {row: (shard, number) for shard, cut in enumerate(other) for number, each in enumerate(cut) for row in each.tolist()}
    assert moved != places(tagged(rows))
