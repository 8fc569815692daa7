"""Which records a model has learnt from: a set of (record id, content hash, subjects). The weights are a function of this set alone.

Subjects stand here as keyed tags, so that a file of a model names nobody to whoever has not the key.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np

from expunge.learn.refusals import BadInput, FileRefused, RecordChanged

KEY = b"expunge.learn"
"""Used where no key is given; then whoever guesses an identifier can tell whether it is in a file."""
TAG = 16
"""Bytes of a subject's tag."""

Subjects = str | int | Iterable[str | int]


def tag(key: bytes, subject: str) -> bytes:
    """The keyed tag of a subject, 16 bytes."""
    return hmac.digest(key, b"subject\0" + subject.encode("utf-8", "surrogatepass"), "sha256")[:TAG]


def place(key: bytes, context: str, name: bytes) -> int:
    """A keyed number of 64 bits: where something is put, or which comes first."""
    return int.from_bytes(hmac.digest(key, context.encode() + b"\0" + name, "sha256")[:8], "big")


def contents(features: Any, labels: np.ndarray | None) -> np.ndarray:
    """Content hash of each row: (n, 32) uint8, SHA-256 over its features and its label.

    Args:
        features: (n, ...) array, C-contiguous, of the type that the estimator learns from, or of text; or a CSR matrix with sorted indices.
        labels: (n,) or (n, t) array, or None. Numbers count by value (1 and 1.0 are the same label), text as it is.
    """
    n = features.shape[0]
    ends = [b""] * n if labels is None else _labels(labels)
    found = b"".join([sha256(b"".join(each)).digest() for each in zip(_rows(features, n), ends, strict=True)])
    return np.frombuffer(found, np.uint8).reshape(n, 32)


def _rows(features: Any, n: int) -> Iterator[bytes | memoryview]:
    if n == 0:
        return
    if hasattr(features, "indptr"):
        starts = features.indptr
        where, values = features.indices.astype(np.int64, copy=False), np.ascontiguousarray(features.data)
        for row in range(n):
            span = slice(starts[row], starts[row + 1])
            yield where[span].tobytes() + values[span].tobytes()
    elif features.dtype.kind == "U":
        # Why not the bytes of the array: a text takes as many as the longest one beside it.
        for values in features.reshape(n, -1).tolist():
            texts = [each.encode("utf-8", "surrogatepass") for each in values]
            yield b"".join(len(each).to_bytes(8, "big") + each for each in texts)
    else:
        flat = np.ascontiguousarray(features).reshape(n, -1).data.cast("B")
        size = flat.nbytes // n
        for start in range(0, flat.nbytes, size):
            yield flat[start : start + size]


def _labels(labels: np.ndarray) -> list[bytes]:
    if labels.ndim == 2:
        return [b"|" + each.tobytes() for each in np.ascontiguousarray(labels, np.float64)]
    if labels.dtype.kind in "biuf":
        numbers = labels.astype(np.float64)
        exact = [b"n" + each for each in _pieces(numbers, 8)]
        # Whole numbers that no float can tell apart.
        for row in np.flatnonzero(np.abs(numbers) >= 2**53) if labels.dtype.kind in "iu" else ():
            exact[row] = b"i" + str(labels[row]).encode()
        return exact
    return [b"t" + str(each).encode("utf-8", "surrogatepass") for each in labels]


def _pieces(array: np.ndarray, size: int) -> list[bytes]:
    data = array.tobytes()
    return [data[start : start + size] for start in range(0, len(data), size)]


@dataclass
class Records:
    """The set, in the order in which the rows were given; rows that were forgotten stay counted, so that row numbers stay what they are."""

    key: bytes = field(repr=False)
    ids: list[str] = field(default_factory=list, repr=False)
    digests: list[bytes] = field(default_factory=list, repr=False)
    tags: list[tuple[bytes, ...]] = field(default_factory=list, repr=False)
    rows: dict[str, int] = field(default_factory=dict, repr=False)
    """Record id -> its row; what was forgotten is not here."""
    numbers: bytearray = field(default_factory=bytearray, repr=False)
    """For each row 1 where its id came as a whole number, which a source gets it back as."""
    by_tag: dict[bytes, list[int]] = field(default_factory=dict, repr=False)
    """Subject's tag -> rows."""

    def __len__(self) -> int:
        return len(self.rows)

    def add(
        self, found: np.ndarray, subjects: Sequence[Any] | None, ids: Sequence[Any] | None, joined: list[tuple[int, bytes]] | None = None
    ) -> np.ndarray:
        """Enter rows; which of them are new (a mask of n): the same record once more is no other record.

        Args:
            found: content hashes, (n, 32).
            subjects: for each row whose it is: a name, or several; None makes each record its own subject.
            ids: for each row the record's id; None takes each row for a record of its own, also one that is like another.
            joined: gets (row of this call, tag) for each subject that a record did not have yet.

        Raises:
            BadInput: lengths differ, a subject or an id is missing, or one id stands for different contents. Nothing was entered then.
        """
        n = len(found)
        hashes = _pieces(found, 32)
        given, numbers = (None, bytes(n)) if ids is None else _ids(ids, n)
        alone = given or map(bytes.hex, hashes)
        owners = self._owners(subjects, n) if subjects is not None else [(tag(self.key, each),) for each in alone]
        texts = given or self._unnamed(hashes, owners if subjects is not None else None)
        if len(set(texts)) == n and self.rows.keys().isdisjoint(texts):
            self._extend(texts, hashes, owners, numbers)
            if joined is not None:
                joined.extend((row, each) for row, many in enumerate(owners) for each in many)
            return np.ones(n, bool)
        return self._merge(texts, hashes, owners, numbers, joined)

    def _extend(self, texts: list[str], hashes: list[bytes], owners: list[tuple[bytes, ...]], numbers: bytes) -> None:
        start = len(self.ids)
        self.ids += texts
        self.digests += hashes
        self.tags += owners
        self.numbers += numbers
        self.rows.update(zip(texts, range(start, start + len(texts)), strict=True))
        for row, many in enumerate(owners, start):
            for each in many:
                self.by_tag.setdefault(each, []).append(row)

    def _merge(
        self,
        texts: list[str],
        hashes: list[bytes],
        owners: list[tuple[bytes, ...]],
        numbers: bytes,
        joined: list[tuple[int, bytes]] | None,
    ) -> np.ndarray:
        first: dict[str, int] = {}
        merged: dict[str, set[bytes]] = {}
        for row, text in enumerate(texts):
            at = self.rows.get(text)
            if at is None:
                one = first.setdefault(text, row)
                before = hashes[one], numbers[one]
            else:
                before = self.digests[at], self.numbers[at]
            if before[0] != hashes[row]:
                raise BadInput("one record id stands for different contents: give each record an id of its own")
            if before[1] != numbers[row]:
                raise BadInput("one record id stands here as a number and there as text: take one of them")
            merged.setdefault(text, set()).update(owners[row])
        # Only now: all rows were found sound.
        new, rows = list(first), list(first.values())
        fresh = np.zeros(len(texts), bool)
        fresh[rows] = True
        people = [tuple(sorted(merged[each])) for each in new]
        self._extend(new, [hashes[row] for row in rows], people, bytes(numbers[row] for row in rows))
        if joined is not None:
            joined.extend((first[text], each) for text in new for each in sorted(merged[text]))
        for row, text in enumerate(texts):
            at = self.rows[text]
            more = merged.pop(text, set()) - set(self.tags[at])
            for each in sorted(more):
                self.by_tag.setdefault(each, []).append(at)
                if joined is not None:
                    joined.append((row, each))
            if more:
                self.tags[at] = tuple(sorted(more.union(self.tags[at])))
        return fresh

    def _owners(self, subjects: Sequence[Any], n: int) -> list[tuple[bytes, ...]]:
        if isinstance(subjects, str | bytes):
            raise BadInput("subjects: one for each row, not one text for all")
        given = subjects.tolist() if isinstance(subjects, np.ndarray) else list(subjects)
        if len(given) != n:
            message = f"{n} rows and {len(given)} subjects: there must be one for each row, or several in a tuple"
            raise BadInput(message)
        known: dict[tuple[str, ...], tuple[bytes, ...]] = {}
        alone: dict[str, tuple[bytes, ...]] = {}
        owners = []
        for each in given:
            if isinstance(each, str) and each:
                # By far the most rows are of one person, who has many.
                if each not in alone:
                    alone[each] = (tag(self.key, each),)
                owners.append(alone[each])
                continue
            many = each if isinstance(each, list | tuple | set | frozenset) else (each,)
            if not many or not all(map(_named, many)):
                raise BadInput("a row has no subject: nobody could ever ask for it to be forgotten")
            names = tuple(sorted({str(one) for one in many}))
            if names not in known:
                known[names] = tuple(sorted(tag(self.key, one) for one in names))
            owners.append(known[names])
        return owners

    def _unnamed(self, hashes: list[bytes], owners: list[tuple[bytes, ...]] | None) -> list[str]:
        """Ids for rows that came without: those that are alike are numbered, and go together, since they are of the same people."""
        names = hashes if owners is None else [sha256(each + b"".join(many)).digest() for each, many in zip(hashes, owners, strict=True)]
        used: dict[bytes, int] = {}
        texts = []
        for each in names:
            number = used.get(each, 0)
            text = f"{each.hex()}.{number}"
            while text in self.rows:
                number += 1
                text = f"{each.hex()}.{number}"
            used[each] = number + 1
            texts.append(text)
        return texts

    def of(self, subjects: Subjects) -> tuple[np.ndarray, int, tuple[str, ...]]:
        """Rows of some subjects (ascending), how many of them have any, and those who have none."""
        named = [subjects] if isinstance(subjects, str | int | np.integer) else subjects
        names = list(dict.fromkeys(str(each) for each in named))
        found: set[int] = set()
        unknown = []
        for each in names:
            mine = self.by_tag.get(tag(self.key, each))
            if mine is None:
                unknown.append(each)
            else:
                found.update(mine)
        return np.array(sorted(found), np.int64), len(names) - len(unknown), tuple(unknown)

    def alive(self, row: int) -> bool:
        """Whether a row is still in the set."""
        return bool(self.ids[row])

    def there(self) -> np.ndarray:
        """All rows that are in the set, ascending."""
        return np.array(sorted(self.rows.values()), np.int64)

    def drop(self, rows: Iterable[int] | np.ndarray) -> None:
        """Take rows out of the set, with everything that was known of them."""
        gone = {row for row in (rows.tolist() if isinstance(rows, np.ndarray) else map(int, rows)) if self.ids[row]}
        touched: set[bytes] = set()
        for row in gone:
            del self.rows[self.ids[row]]
            touched.update(self.tags[row])
            self.ids[row], self.digests[row], self.tags[row] = "", b"", ()
        for each in touched:
            left = [at for at in self.by_tag[each] if at not in gone]
            if left:
                self.by_tag[each] = left
            else:
                del self.by_tag[each]

    def check(self, rows: Sequence[int] | np.ndarray, found: np.ndarray) -> None:
        """That some rows still are what was learnt. Raises RecordChanged."""
        learnt = [self.digests[row] for row in (rows.tolist() if isinstance(rows, np.ndarray) else rows)]
        if len(learnt) != len(found):
            message = f"{len(found)} rows came back for {len(learnt)} records; nothing was changed"
            raise RecordChanged(message)
        if b"".join(learnt) != found.tobytes():
            raise RecordChanged("a row is not the one that was learnt (its content hash differs); nothing was changed")

    def ordered(self, context: str, rows: Iterable[int] | None = None) -> np.ndarray:
        """Rows in an order that depends on their ids alone: by keyed hash under a context (``shard 3, epoch 5``)."""
        given = self.there() if rows is None else rows
        chosen = given.tolist() if isinstance(given, np.ndarray) else list(map(int, given))
        keys = self.places(context, chosen)
        order = np.argsort(keys)
        if (np.diff(keys[order]) == 0).any():
            # Two ids of one key: the ids decide.
            order = np.array(sorted(range(len(chosen)), key=lambda at: (int(keys[at]), self.ids[chosen[at]])), np.int64)
        return np.array(chosen, np.int64)[order]

    def places(self, context: str, rows: Iterable[int]) -> np.ndarray:
        """:func:`place` of the ids of some rows, (n,) uint64."""
        start, key, digest, ids = context.encode() + b"\0", self.key, hmac.digest, self.ids
        found = b"".join([digest(key, start + ids[row].encode("utf-8", "surrogatepass"), "sha256")[:8] for row in rows])
        return np.frombuffer(found, ">u8").astype(np.uint64)

    def name(self, row: int) -> bytes:
        """The id of a row, as bytes."""
        return self.ids[row].encode("utf-8", "surrogatepass")

    def as_given(self, rows: np.ndarray) -> list[str | int]:
        """The ids of some rows as they came: text or whole numbers."""
        return [int(self.ids[row]) if self.numbers[row] else self.ids[row] for row in rows.tolist()]

    def tagged(self) -> list[tuple[int, tuple[bytes, ...]]]:
        """Each row of the set with the tags of its subjects."""
        rows = self.there().tolist()
        return list(zip(rows, map(self.tags.__getitem__, rows), strict=True))

    # ---- as a part of a file -----------------------------------------------------------------------------------

    def tensors(self) -> dict[str, np.ndarray]:
        """The set as arrays, by record id: the same set, the same bytes."""
        order = sorted(self.rows.values(), key=self.name)
        names = [self.name(row) for row in order]
        tags = sorted({each for row in order for each in self.tags[row]})
        number = {each: index for index, each in enumerate(tags)}
        found: dict[str, np.ndarray] = {
            "records.names": np.frombuffer(b"".join(names), np.uint8),
            "records.ends": np.cumsum([len(each) for each in names], dtype=np.int64),
            "records.contents": np.frombuffer(b"".join(self.digests[row] for row in order), np.uint8).reshape(len(order), 32),
            "records.subjects": np.array([number[each] for row in order for each in self.tags[row]], np.int32),
            "records.subject_ends": np.cumsum([len(self.tags[row]) for row in order], dtype=np.int64),
            "records.tags": np.frombuffer(b"".join(tags), np.uint8).reshape(len(tags), TAG),
        }
        numbers = bytes(self.numbers[row] for row in order)
        if any(numbers):
            found["records.numbers"] = np.frombuffer(numbers, np.uint8)
        return found

    @classmethod
    def from_tensors(cls, key: bytes, tensors: Mapping[str, np.ndarray]) -> Records:
        """Read what :meth:`tensors` made. Raises FileRefused."""
        made = cls(key)
        try:
            names, tags = tensors["records.names"].tobytes(), [bytes(each) for each in tensors["records.tags"]]
            start = since = 0
            ends, subject_ends = tensors["records.ends"], tensors["records.subject_ends"]
            for end, until, digest in zip(ends, subject_ends, tensors["records.contents"], strict=True):
                row = len(made.ids)
                made.ids.append(names[start:end].decode("utf-8", "surrogatepass"))
                made.digests.append(bytes(digest))
                made.tags.append(tuple(tags[index] for index in tensors["records.subjects"][since:until]))
                made.rows[made.ids[-1]] = row
                for each in made.tags[-1]:
                    made.by_tag.setdefault(each, []).append(row)
                start, since = end, until
            made.numbers = bytearray(tensors["records.numbers"].tobytes() if "records.numbers" in tensors else len(made.ids))
            if len(made.numbers) != len(made.ids):
                raise ValueError("a mark for each record")
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise FileRefused("the list of records in the file is cut short or altered") from error
        return made


def _ids(ids: Sequence[Any], n: int) -> tuple[list[str], bytes]:
    """Ids as text, and for each 1 where it is a whole number."""
    given = ids.tolist() if isinstance(ids, np.ndarray) else list(ids)
    if len(given) != n:
        message = f"{n} rows and {len(given)} records: there must be one id for each row"
        raise BadInput(message)
    if not all(map(_named, given)):
        raise BadInput("a row has no record id")
    return [str(each) for each in given], bytes(isinstance(each, int | np.integer) and not isinstance(each, bool) for each in given)


def _named(name: Any) -> bool:
    """Whether there is a name: not None, not the NaN of a table's empty cell, not an empty text."""
    return name is not None and name == name and name != ""
