"""Hashes of rows, names and subjects: those that many get at once are those that each would get alone."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from expunge.learn.records import record_hashes
from expunge.learn.records.record_hashes import contents, named, numbered, tag, tags
from expunge.learn.records.records import Records

WORD = 2**64 - 1


def siphash(secret: bytes, data: bytes) -> int:
    """SipHash-2-4 as its paper tells it, one byte string at a time."""

    def turned(number: int, bits: int) -> int:
        return (number << bits | number >> (64 - bits)) & WORD

    def mixed(times: int) -> None:
        a, b, c, d = v
        for _ in range(times):
            a, c = (a + b) & WORD, (c + d) & WORD
            b, d = turned(b, 13) ^ a, turned(d, 16) ^ c
            a = turned(a, 32)
            c, a = (c + b) & WORD, (a + d) & WORD
            b, d = turned(b, 17) ^ c, turned(d, 21) ^ a
            c = turned(c, 32)
        v[:] = [a, b, c, d]

    first, second = int.from_bytes(secret[:8], "little"), int.from_bytes(secret[8:16], "little")
    starts = (b"somepseu", b"dorandom", b"lygenera", b"tedbytes")
    v = [int.from_bytes(start, "big") ^ by for start, by in zip(starts, (first, second, first, second), strict=True)]
    whole = len(data) // 8 * 8
    last = int.from_bytes(data[whole:], "little") | (len(data) & 255) << 56
    for word in (*(int.from_bytes(data[at : at + 8], "little") for at in range(0, whole, 8)), last):
        v[3] ^= word
        mixed(2)
        v[0] ^= word
    v[2] ^= 0xFF
    mixed(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The key of the paper's test, whatever the purpose."""
    found = bytes(range(16))
    halves = int.from_bytes(found[:8], "little"), int.from_bytes(found[8:], "little")
    monkeypatch.setattr(record_hashes, "_secret", lambda *_: halves)
    return found


def test_the_numbers_are_those_of_the_paper(secret: bytes) -> None:
    published = 0xA129CA6149BE45E5
    assert siphash(secret, bytes(range(15))) == published
    assert named(b"", "", [bytes(range(15))]).tolist() == [published]


def test_names_of_any_length_beside_one_another_get_the_number_that_each_has_alone(secret: bytes) -> None:
    dice = np.random.default_rng(1)
    names = [dice.bytes(int(size)) for size in dice.integers(0, 65, 9000)]
    names += [b"", b"\0", b"\0\0", b"a\0", b"a", bytes(8), bytes(16), bytes(7)]
    alone = [siphash(secret, each) for each in names]
    assert named(b"", "", names).tolist() == alone
    assert named(b"", "", names[::-1]).tolist() == alone[::-1]
    long = [dice.bytes(size) for size in (65, 100, 5000)]
    assert named(b"", "", [*long, *names[:3]]).tolist() == [siphash(secret, sha256(each).digest()) for each in long] + alone[:3]


def test_words_get_the_number_of_their_bytes(secret: bytes) -> None:
    words = np.random.default_rng(2).integers(0, 2**63, (5000, 3)).astype(np.uint64)
    assert numbered(b"", "", words).tolist() == [siphash(secret, each.astype("<u8").tobytes()) for each in words]


def test_every_key_and_every_purpose_has_numbers_of_its_own() -> None:
    names = [b"a", b"b", b"c"]
    found = [named(key, purpose, names).tolist() for key in (b"k", b"l", b"k" * 200) for purpose in ("order", "pass")]
    assert len({tuple(each) for each in found}) == 6


@given(st.lists(st.text(max_size=5), min_size=1, max_size=5), st.binary(max_size=100))
def test_a_subject_has_one_tag_by_itself_and_among_others_and_another_by_another_key(subjects: list[str], key: bytes) -> None:
    assert tags(key, subjects) == [tag(key, each) for each in subjects]
    assert tag(key, subjects[0]) != tag(key + b"x", subjects[0])
    assert len({tag(key, each) for each in subjects}) == len(set(subjects))


X = np.random.default_rng(3).normal(size=(7000, 5))
LABELS: dict[str, Any] = {
    "none": (None, lambda _: b""),
    "numbers": (np.arange(7000) % 3, lambda row: b"n" + np.float64(row % 3).tobytes()),
    "numbers that no float holds": (np.arange(7000) + 2**53 + 1, lambda row: b"i" + str(row + 2**53 + 1).encode()),
    "text": (np.array(["no", "perhaps", "yes"])[np.arange(7000) % 3], lambda row: b"t" + (b"no", b"perhaps", b"yes")[row % 3]),
    "much text": (np.array([f"word {row}" for row in range(7000)]), lambda row: b"t" + f"word {row}".encode()),
    "columns": (X[:, :2] * 2, lambda row: b"|" + (X[row, :2] * 2).tobytes()),
}


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_the_content_of_a_row_is_the_hash_of_its_bytes_and_of_its_label(labels: str, kind: Any) -> None:
    given_, expected = LABELS[labels]
    x = X.astype(kind)
    found = contents(x, given_)
    assert found.shape == (7000, 32)
    for row in (0, 1, 2, 4095, 4096, 6999):
        assert found[row].tobytes() == sha256(x[row].tobytes() + expected(row)).digest()
    assert len(np.unique(found, axis=0)) == 7000
    assert np.array_equal(contents(np.asfortranarray(x), given_), found)
    some = [5, 6000, 3]
    assert np.array_equal(contents(x[some], None if given_ is None else given_[some]), found[some])
    assert contents(x[:0], None if given_ is None else given_[:0]).shape == (0, 32)


def test_sparse_rows_and_rows_of_text_are_told_apart_by_what_is_where() -> None:
    rows = sparse.csr_matrix(np.array([[0, 1.0, 0], [1.0, 0, 0], [0, 0, 0], [0, 1.0, 1.0]]))
    found = contents(rows, np.array([0, 0, 0, 0]))
    assert len(np.unique(found, axis=0)) == 4
    assert np.array_equal(contents(rows[[3, 0]], np.array([0, 0])), found[[3, 0]])
    text = contents(np.array([["ab", "c"], ["a", "bc"], ["abc", ""]]), None)
    assert len(np.unique(text, axis=0)) == 3


def test_an_order_is_of_ids_alone_and_moves_nobody_who_stays() -> None:
    ids = [f"clip {row}" for row in range(500)]
    rows = Records(b"k")
    rows.add(contents(X[:500], None), ["ann"] * 500, ids)
    order = [ids[row] for row in rows.ordered("order", rows.there()).tolist()]
    others, turned = Records(b"k"), ids[::-1][:300]
    others.add(contents(X[500:800], None), [f"p{row}" for row in range(300)], turned)
    left = [turned[row] for row in others.ordered("order", others.there()).tolist()]
    assert left == [each for each in order if each in set(turned)]
    assert order not in (sorted(ids), ids)


def test_rows_without_ids_are_ordered_by_content_subject_and_number() -> None:
    found = contents(np.repeat(X[:50], 3, axis=0), None)
    whose = np.array([f"p{row % 2}" for row in range(150)])
    one, other, mixed = Records(b"k"), Records(b"k"), np.random.default_rng(4).permutation(150)
    one.add(found, whose, None)
    for part in np.array_split(mixed, 4):
        other.add(found[part], whose[part], None)
    orders = [of.identities(of.ordered("order", of.there())) for of in (one, other)]
    assert orders[0] == orders[1]
    assert len(set(orders[0])) == len(set(one.ids())) == 150
    assert one.tensors().keys() == other.tensors().keys()
    assert all(np.array_equal(each, other.tensors()[name]) for name, each in one.tensors().items())
    assert len(one.tensors()["records.names"]) == 0
    again = Records.from_tensors(b"k", one.tensors())
    assert set(again.ids()) == set(one.ids())


def test_where_the_keyed_numbers_are_the_same_the_ids_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Records, "places", lambda self, context, rows: np.zeros(len(rows), np.uint64))
    names = ["b", "c", "a"]
    rows = Records(b"k")
    rows.add(contents(X[:3], None), None, names)
    assert [names[row] for row in rows.ordered("order", rows.there())] == ["a", "b", "c"]
