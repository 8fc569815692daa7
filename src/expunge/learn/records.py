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

Subjects = str | Iterable[str]


def tag(key: bytes, subject: str) -> bytes:
    """The keyed tag of a subject, 16 bytes."""
    return hmac.digest(key, b"subject\0" + subject.encode("utf-8", "surrogatepass"), "sha256")[:TAG]


def place(key: bytes, context: str, name: bytes) -> int:
    """A keyed number of 64 bits: where something is put, or which comes first."""
    return int.from_bytes(hmac.digest(key, context.encode() + b"\0" + name, "sha256")[:8], "big")


def contents(features: Any, labels: np.ndarray | None) -> np.ndarray:
    """Content hash of each row: (n, 32) uint8, SHA-256 over its features and its label.

    Args:
        features: (n, ...) array, C-contiguous, of the type that the estimator learns from; or a CSR matrix with sorted indices.
        labels: (n,) or (n, t) array, or None. Numbers count by value (1 and 1.0 are the same label), text as it is.
    """
    n = features.shape[0]
    ends = [b""] * n if labels is None else [_label(each) for each in labels]
    out = np.empty((n, 32), np.uint8)
    if hasattr(features, "indptr"):
        starts = features.indptr
        where, values = features.indices.astype(np.int64, copy=False), np.ascontiguousarray(features.data)
        for row in range(n):
            span = slice(starts[row], starts[row + 1])
            state = sha256(where[span].tobytes() + values[span].tobytes() + ends[row])
            out[row] = np.frombuffer(state.digest(), np.uint8)
        return out
    flat = np.ascontiguousarray(features).data.cast("B")
    size = flat.nbytes // n if n else 0
    joined = bytearray(32 * n)
    for row in range(n):
        state = sha256(flat[row * size : (row + 1) * size])
        state.update(ends[row])
        joined[32 * row : 32 * row + 32] = state.digest()
    return np.frombuffer(joined, np.uint8).reshape(n, 32)


def _label(value: Any) -> bytes:
    if isinstance(value, np.ndarray):
        return b"|" + np.ascontiguousarray(value, np.float64).tobytes()
    if isinstance(value, str):
        return b"t" + value.encode("utf-8", "surrogatepass")
    return b"n" + np.float64(value).tobytes()


@dataclass
class Records:
    """The set, in the order in which the rows were given; rows that were forgotten stay counted, so that row numbers stay what they are."""

    key: bytes = field(repr=False)
    ids: list[str] = field(default_factory=list, repr=False)
    digests: list[bytes] = field(default_factory=list, repr=False)
    tags: list[tuple[bytes, ...]] = field(default_factory=list, repr=False)
    rows: dict[str, int] = field(default_factory=dict, repr=False)
    """Record id -> its row; what was forgotten is not here."""
    by_tag: dict[bytes, list[int]] = field(default_factory=dict, repr=False)
    """Subject's tag -> rows, of which some may have been forgotten since."""

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, found: np.ndarray, subjects: Sequence[Any] | None, ids: Sequence[Any] | None) -> np.ndarray:
        """Enter rows; which of them are new (a mask of n): the same record once more is no other record.

        Args:
            found: content hashes, (n, 32).
            subjects: for each row whose it is: a name, or several; None makes each record its own subject.
            ids: for each row the record's id; None names records by their content.

        Raises:
            BadInput: lengths differ, a subject or an id is empty, or one id stands for different contents. Nothing was entered then.
        """
        n = len(found)
        texts = _ids(found, ids)
        names = [(each,) for each in texts] if subjects is None else _subjects(subjects, n)
        if len(texts) != n or len(names) != n:
            message = f"{n} rows, {len(texts)} records and {len(names)} subjects: there must be one of each for each row"
            raise BadInput(message)
        hashes = [bytes(each) for each in found]
        known = {each: tag(self.key, each) for each in {one for many in names for one in many}}
        fresh = np.zeros(n, bool)
        first: dict[str, int] = {}
        merged: dict[str, set[bytes]] = {}
        for row, (text, digest) in enumerate(zip(texts, hashes, strict=True)):
            at = self.rows.get(text)
            same = self.digests[at] if at is not None else hashes[first[text]] if text in first else None
            if same is not None and same != digest:
                raise BadInput("one record id stands for different contents: give each record an id of its own")
            mine = tuple(known[each] for each in names[row])
            if same is None:
                first[text] = row
                fresh[row] = True
                merged[text] = set(mine)
            else:
                merged.setdefault(text, set(self.tags[at]) if at is not None else set()).update(mine)
        # Only now: all rows were found sound.
        for text, tags in merged.items():
            at = self.rows.get(text)
            if at is None:
                at = self.rows[text] = len(self.ids)
                self.ids.append(text)
                self.digests.append(hashes[first[text]])
                self.tags.append(())
            for each in tags - set(self.tags[at]):
                self.by_tag.setdefault(each, []).append(at)
            self.tags[at] = tuple(sorted(tags))
        return fresh

    def of(self, subjects: Subjects) -> tuple[np.ndarray, int, tuple[str, ...]]:
        """Rows of some subjects (ascending), how many of them have any, and those who have none."""
        names = list(dict.fromkeys([subjects] if isinstance(subjects, str) else [str(each) for each in subjects]))
        found: set[int] = set()
        unknown = []
        for each in names:
            mine = [row for row in self.by_tag.get(tag(self.key, each), ()) if self.alive(row)]
            found.update(mine)
            if not mine:
                unknown.append(each)
        return np.array(sorted(found), np.int64), len(names) - len(unknown), tuple(unknown)

    def alive(self, row: int) -> bool:
        """Whether a row is still in the set."""
        return self.rows.get(self.ids[row]) == row

    def there(self) -> np.ndarray:
        """All rows that are in the set, ascending."""
        return np.array(sorted(self.rows.values()), np.int64)

    def drop(self, rows: Iterable[int]) -> None:
        """Take rows out of the set, with everything that was known of them."""
        for row in map(int, rows):
            if not self.alive(row):
                continue
            del self.rows[self.ids[row]]
            for each in self.tags[row]:
                others = [at for at in self.by_tag[each] if at != row and self.alive(at)]
                if others:
                    self.by_tag[each] = others
                else:
                    del self.by_tag[each]
            self.ids[row], self.digests[row], self.tags[row] = "", b"", ()

    def check(self, rows: Sequence[int] | np.ndarray, found: np.ndarray) -> None:
        """That some rows still are what was learnt. Raises RecordChanged."""
        for row, digest in zip(rows, found, strict=True):
            if self.digests[int(row)] != bytes(digest):
                raise RecordChanged("a row is not the one that was learnt (its content hash differs); nothing was changed")

    def ordered(self, context: str, rows: Iterable[int] | None = None) -> np.ndarray:
        """Rows in an order that depends on their ids alone: by keyed hash under a context (``shard 3, epoch 5``)."""
        chosen = self.there() if rows is None else rows
        return np.array(sorted(chosen, key=lambda row: (place(self.key, context, self._name(row)), self.ids[row])), np.int64)

    def _name(self, row: int) -> bytes:
        return self.ids[row].encode("utf-8", "surrogatepass")

    def tagged(self) -> Iterator[tuple[int, tuple[bytes, ...]]]:
        """Each row of the set with the tags of its subjects."""
        for row in self.there():
            yield int(row), self.tags[row]

    # ---- as a part of a file -----------------------------------------------------------------------------------

    def tensors(self) -> dict[str, np.ndarray]:
        """The set as arrays, by record id: the same set, the same bytes."""
        order = sorted(self.rows.values(), key=self._name)
        names = [self._name(row) for row in order]
        tags = sorted({each for row in order for each in self.tags[row]})
        number = {each: index for index, each in enumerate(tags)}
        return {
            "records.names": np.frombuffer(b"".join(names), np.uint8),
            "records.ends": np.cumsum([len(each) for each in names], dtype=np.int64),
            "records.contents": np.frombuffer(b"".join(self.digests[row] for row in order), np.uint8).reshape(len(order), 32),
            "records.subjects": np.array([number[each] for row in order for each in self.tags[row]], np.int32),
            "records.subject_ends": np.cumsum([len(self.tags[row]) for row in order], dtype=np.int64),
            "records.tags": np.frombuffer(b"".join(tags), np.uint8).reshape(len(tags), TAG),
        }

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
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise FileRefused("the list of records in the file is cut short or altered") from error
        return made


def _ids(found: np.ndarray, ids: Sequence[Any] | None) -> list[str]:
    if ids is None:
        return [bytes(each).hex() for each in found]
    texts = [str(each) for each in ids]
    if not all(texts):
        raise BadInput("a record id is empty")
    return texts


def _subjects(subjects: Sequence[Any], n: int) -> list[tuple[str, ...]]:
    if isinstance(subjects, str | bytes):
        raise BadInput("subjects: one for each row, not one text for all")
    names = []
    for each in subjects:
        many = tuple(str(one) for one in each) if isinstance(each, list | tuple | set | frozenset) else (str(each),)
        if not many or not all(many):
            raise BadInput("a row has no subject: nobody could ever ask for it to be forgotten")
        names.append(many)
    if len(names) != n:
        message = f"{n} rows and {len(names)} subjects: there must be one for each row, or several in a tuple"
        raise BadInput(message)
    return names
