"""The records a model has learnt from: a set of (record id, content hash, subjects). The weights are a function of this set alone.

Subjects stand here as keyed tags, so that a file of a model names no subject without the key. A row without an id is named by its content
and its subjects. Rows that are alike in both are numbered, and go together.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from expunge.learn.records.growing_columns import GrowingColumn
from expunge.learn.records.record_hashes import CONTENT, TAG, named, numbered, tags
from expunge.learn.records.refusals import BadInput, FileRefused, RecordChanged
from expunge.learn.records.row_owners import Tags, ids_of, owners
from expunge.learn.records.subject_names import Subjects, older_names, subject_names

KEY = b"expunge.learn"
"""Used where no key is given; then whoever guesses an identifier can tell whether it is in a file."""

_TEXT, _NUMBER, _UNNAMED = 0, 1, 2
"""What the id of a row came as; a source gets whole numbers back as such."""


class NewRows(NamedTuple):
    """Rows to be entered: valid, and none of a record that is in the set already."""

    names: list[str]
    """Empty where they have none."""
    kinds: np.ndarray
    found: np.ndarray
    """(n, 32) content hashes."""
    owner: np.ndarray
    """(n,) numbers in ``people``."""
    people: list[Tags]


class Records:
    """The set, in the order in which the rows were given; rows that were forgotten stay counted, so that row numbers stay what they are."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.rows: dict[str, int] = {}
        """Record id -> its row, of those that came with an id; what was forgotten is not here."""
        self.by_tag: dict[bytes, list[int]] = {}
        """Subject's tag -> rows."""
        self._names: list[str] = []
        self._kinds = GrowingColumn(np.uint8)
        self._contents = GrowingColumn(np.uint8, CONTENT)
        self._alike = GrowingColumn(np.int64)
        """For each row the group of records of the same subjects, -1 for one that is gone."""
        self._numbers = GrowingColumn(np.int64)
        """For each row without an id how many that are alike came before."""
        self._groups: list[Tags] = []
        self._group: dict[Tags, int] = {}
        self._sizes = GrowingColumn(np.int64)
        """Of each group how many rows it has."""
        self._starts: np.ndarray | None = None
        """Of the content hashes of rows without an id, ascending; None where that has to be found out anew."""
        self._gone = 0

    def __repr__(self) -> str:
        return f"Records({len(self)} records)"

    def __len__(self) -> int:
        return self.given - self._gone

    @property
    def given(self) -> int:
        """The number of rows ever entered."""
        return len(self._names)

    def add(
        self, found: np.ndarray, subjects: Sequence[Any] | None, ids: Sequence[Any] | None, joined: list[tuple[int, bytes]] | None = None
    ) -> np.ndarray:
        """Enter rows. Return a mask of the new ones, (n,): the same record once more is no other record.

        Args:
            found: content hashes, (n, 32).
            subjects: for each row its subject: a name, or several; None makes each record its own subject.
            ids: for each row the record's id; None takes each row for a record of its own, also one that is like another.
            joined: gets (row of this call, tag) for each subject that a record did not have yet.

        Raises:
            BadInput: lengths differ, a subject or an id is missing, or one id stands for different contents. Nothing was entered then.
        """
        n = len(found)
        if ids is None:
            names, kinds = [""] * n, np.full(n, _UNNAMED, np.uint8)
        else:
            names, kinds = ids_of(ids, n)
        alone = names if ids is not None else [piece.hex() for piece in _pieces(found)] if subjects is None else []
        owner, people = owners(self.key, alone if subjects is None else subjects, n)
        fresh = NewRows(names, kinds, found, owner, people)
        if ids is not None:
            at = dict(zip(names, range(self.given, self.given + n), strict=True))
            if len(at) < n or not self.rows.keys().isdisjoint(at):
                return self._merge(fresh, joined)
            self.rows.update(at)
        self._extend(fresh)
        if joined is not None:
            joined.extend((row, person) for row, group in enumerate(owner.tolist()) for person in people[group])
        return np.ones(n, bool)

    def _extend(self, fresh: NewRows) -> None:
        start, n = self.given, len(fresh.names)
        owner = self._grouped(fresh.people)[fresh.owner]
        numbers = np.zeros(n, np.int64)
        unnamed = np.flatnonzero(fresh.kinds == _UNNAMED)
        if len(unnamed):
            numbers[unnamed] = self._counted(fresh.found[unnamed], owner[unnamed])
        order = np.argsort(owner, kind="stable")
        rows, sizes = (order + start).tolist(), np.bincount(owner, minlength=len(self._groups))
        self._sizes.held += sizes
        end = 0
        for group in np.flatnonzero(sizes).tolist():
            first, end = end, end + int(sizes[group])
            for each in self._groups[group]:
                self.by_tag.setdefault(each, []).extend(rows[first:end])
        self._names += fresh.names
        self._kinds.extend(fresh.kinds)
        self._contents.extend(fresh.found)
        self._alike.extend(owner)
        self._numbers.extend(numbers)

    def _grouped(self, people: list[Tags]) -> np.ndarray:
        """The numbers of groups of subjects, (n,); new ones for those who are not there."""
        new = [each for each in dict.fromkeys(people) if each not in self._group]
        self._group.update(zip(new, range(len(self._groups), len(self._groups) + len(new)), strict=True))
        self._groups += new
        self._sizes.extend(np.zeros(len(new), np.int64))
        return np.fromiter(map(self._group.__getitem__, people), np.int64, len(people))

    def _counted(self, found: np.ndarray, owner: np.ndarray) -> np.ndarray:
        """For each of some rows without an id, how many before it are alike: here, and in the set."""
        numbers, starts = np.zeros(len(found), np.int64), _words(found)[:, 0]
        there = np.flatnonzero((self._kinds.held == _UNNAMED) & (self._alike.held >= 0))
        known = _words(self._contents.held[there])[:, 0] if self._starts is None else self._starts
        self._starts = together = np.sort(np.concatenate([known, starts]), kind="stable")
        twice = together[1:][together[1:] == together[:-1]]
        mine = np.flatnonzero(np.isin(starts, twice)) if len(twice) else twice
        if not len(mine):
            return numbers
        used: dict[tuple[bytes, int], int] = {}
        for row in there[np.isin(_words(self._contents.held[there])[:, 0], twice)].tolist():
            like = self._contents.held[row].tobytes(), int(self._alike.held[row])
            used[like] = used.get(like, 0) + 1
        for row in mine.tolist():
            like = found[row].tobytes(), int(owner[row])
            numbers[row] = used.get(like, 0)
            used[like] = int(numbers[row]) + 1
        return numbers

    def _merge(self, given: NewRows, joined: list[tuple[int, bytes]] | None) -> np.ndarray:
        first: dict[str, int] = {}
        merged: dict[str, set[bytes]] = {}
        for row, (name, group) in enumerate(zip(given.names, given.owner.tolist(), strict=True)):
            at = self.rows.get(name)
            if at is None:
                one = first.setdefault(name, row)
                content, kind = given.found[one], given.kinds[one]
            else:
                content, kind = self._contents.held[at], self._kinds.held[at]
            if content.tobytes() != given.found[row].tobytes():
                raise BadInput("one record id stands for different contents: give each record an id of its own")
            if kind != given.kinds[row]:
                raise BadInput("one record id stands here as a number and there as text: take one of them")
            merged.setdefault(name, set()).update(given.people[group])
        # Only now: all rows were found sound.
        new, rows = list(first), np.array(list(first.values()), np.int64)
        fresh = np.zeros(len(given.names), bool)
        fresh[rows] = True
        self.rows.update(zip(new, range(self.given, self.given + len(new)), strict=True))
        people = [tuple(sorted(merged[each])) for each in new]
        self._extend(NewRows(new, given.kinds[rows], given.found[rows], np.arange(len(new)), people))
        if joined is not None:
            joined.extend((first[name], each) for name in new for each in sorted(merged[name]))
        for row, name in enumerate(given.names):
            at = self.rows[name]
            had = self.tags(at)
            more = merged.pop(name, set()) - set(had)
            for each in sorted(more):
                self.by_tag.setdefault(each, []).append(at)
                if joined is not None:
                    joined.append((row, each))
            if more:
                self._leave(int(self._alike.held[at]))
                (self._alike.held[at],) = self._grouped([tuple(sorted(more.union(had)))])
                self._sizes.held[self._alike.held[at]] += 1
        return fresh

    def _leave(self, group: int, many: int = 1) -> None:
        self._sizes.held[group] -= many
        if not self._sizes.held[group]:
            del self._group[self._groups[group]]
            self._groups[group] = ()

    # ---- asking ------------------------------------------------------------------------------------------------

    def of(self, subjects: Subjects) -> tuple[np.ndarray, int, tuple[str, ...]]:
        """Return rows of some subjects (ascending), how many of them have any, and those who have none. Raises BadInput."""
        names = subject_names(subjects)
        found: set[int] = set()
        unknown = []
        for name in names:
            mine = [self.by_tag[each] for each in tags(self.key, older_names(name)) if each in self.by_tag]
            if not mine:
                unknown.append(name)
            found.update(*mine)
        return np.array(sorted(found), np.int64), len(names) - len(unknown), tuple(unknown)

    def there(self) -> np.ndarray:
        """Return all rows that are in the set, ascending."""
        return np.flatnonzero(self._alike.held >= 0)

    def tags(self, row: int) -> Tags:
        """Return the tags of the subjects of a row; none for a row that is gone."""
        group = int(self._alike.held[row])
        return self._groups[group] if group >= 0 else ()

    def owners(self, rows: np.ndarray) -> tuple[np.ndarray, list[Tags]]:
        """For each of some rows that are in the set the number of its subjects in a list, and the list: a group of subjects each."""
        return self._alike.held[rows], self._groups

    def each(self) -> Iterator[tuple[str, bytes, Tags]]:
        """Each record of the set: its id, its content hash, the tags of its subjects."""
        for row in self.there().tolist():
            yield self.id(row), self._contents.held[row].tobytes(), self.tags(row)

    def id(self, row: int) -> str:
        """Return the id of a row in the set. A row without one gets an id from its content, its subjects and its number."""
        if self._kinds.held[row] != _UNNAMED:
            return self._names[row]
        alike = sha256(self._contents.held[row].tobytes() + b"".join(self.tags(row))).hexdigest()
        return f"{alike}.{self._numbers.held[row]}"

    def ids(self, start: int = 0) -> list[str]:
        """Return the ids of all rows in the set from one on."""
        return [self.id(row) for row in self.there().tolist() if row >= start]

    def as_given(self, rows: np.ndarray) -> list[str | int]:
        """Return the ids of some rows as they came: text or whole numbers."""
        return [int(self._names[row]) if self._kinds.held[row] == _NUMBER else self.id(row) for row in rows.tolist()]

    def drop(self, rows: Iterable[int] | np.ndarray) -> None:
        """Take rows out of the set, with everything that was known of them."""
        where = np.unique(np.asarray(rows if isinstance(rows, np.ndarray) else list(rows), np.int64))
        where = where[self._alike.held[where] >= 0]
        gone, touched = set(where.tolist()), set()
        for group, many in zip(*map(np.ndarray.tolist, np.unique(self._alike.held[where], return_counts=True)), strict=True):
            touched.update(self._groups[group])
            self._leave(group, many)
        for row in gone:
            if self._names[row]:
                del self.rows[self._names[row]]
                self._names[row] = ""
        self._alike.held[where], self._contents.held[where], self._numbers.held[where] = -1, 0, 0
        self._gone, self._starts = self._gone + len(gone), None
        for each in touched:
            left = [at for at in self.by_tag[each] if at not in gone]
            if left:
                self.by_tag[each] = left
            else:
                del self.by_tag[each]

    def check(self, rows: np.ndarray, found: np.ndarray) -> None:
        """Raise RecordChanged unless some rows still are the learnt ones."""
        if len(rows) != len(found):
            message = f"{len(found)} rows came back for {len(rows)} records; nothing was changed"
            raise RecordChanged(message)
        if not np.array_equal(self._contents.held[rows], found):
            raise RecordChanged("a row is not the one that was learnt (its content hash differs); nothing was changed")

    # ---- orders ------------------------------------------------------------------------------------------------

    def ordered(self, context: str, rows: np.ndarray) -> np.ndarray:
        """Return rows in an order that depends on their ids alone: by keyed hash under a context."""
        keys = self.places(context, rows)
        order = np.argsort(keys)
        if (np.diff(keys[order]) == 0).any():
            # Two ids of one key: the ids decide.
            names = self.identities(rows)
            order = np.array(sorted(range(len(rows)), key=lambda at: (int(keys[at]), names[at])), np.int64)
        return rows[order]

    def places(self, context: str, rows: np.ndarray) -> np.ndarray:
        """Return a keyed number for each of some rows, (n,) uint64, by its id under a context."""
        found, unnamed = np.empty(len(rows), np.uint64), self._kinds.held[rows] == _UNNAMED
        some = rows[unnamed]
        if len(some):
            owner, groups = self.owners(some)
            present = np.flatnonzero(np.bincount(owner))
            first = np.zeros((len(groups), TAG), np.uint8)
            first[present] = np.frombuffer(b"".join([groups[each][0] for each in present.tolist()]), np.uint8).reshape(-1, TAG)
            # Half of either hash will do: where two are alike in them, all of it decides.
            words = (_words(self._contents.held[some])[:, 0], _words(first)[owner, 0], self._numbers.held[some].astype(np.uint64))
            found[unnamed] = numbered(self.key, context + ", unnamed", np.column_stack(words))
        if not unnamed.all():
            found[~unnamed] = named(
                self.key, context, [self._names[row].encode("utf-8", "surrogatepass") for row in rows[~unnamed].tolist()]
            )
        return found

    def identities(self, rows: np.ndarray) -> list[bytes]:
        """Return the identity of some rows, unique in the set; for a row that came with an id, its name."""
        found = []
        for row in rows.tolist():
            if self._kinds.held[row] == _UNNAMED:
                number = int(self._numbers.held[row]).to_bytes(8, "big")
                found.append(b"\0".join((b"\xff", self._contents.held[row].tobytes(), *self.tags(row), number)))
            else:
                found.append(self._names[row].encode("utf-8", "surrogatepass"))
        return found

    def seal(self, rows: np.ndarray) -> bytes:
        """SHA-256 over the ids and contents of some rows, in that order."""
        state = sha256()
        for name, content in zip(self.identities(rows), _pieces(self._contents.held[rows]), strict=True):
            state.update(len(name).to_bytes(8, "big") + name + content)
        return state.digest()

    # ---- as a part of a file -----------------------------------------------------------------------------------

    def tensors(self) -> dict[str, np.ndarray]:
        """Return the set as arrays: records by id, then those without one by content and subjects. The same set, the same bytes."""
        there = self.there()
        unnamed = there[self._kinds.held[there] == _UNNAMED]
        named_ = sorted((self._names[row].encode("utf-8", "surrogatepass"), row) for row in self.rows.values())
        names = [name for name, _ in named_]
        present = sorted(tuple(self._groups[group]) for group in np.unique(self._alike.held[there]).tolist())
        rank = np.zeros(len(self._groups), np.int64)
        for number, each in enumerate(present):
            rank[self._group[each]] = number
        words = _words(self._contents.held[unnamed]).byteswap()
        keys = (self._numbers.held[unnamed], rank[self._alike.held[unnamed]], *(words[:, at] for at in reversed(range(words.shape[1]))))
        order = np.concatenate([np.array([row for _, row in named_], np.int64), unnamed[np.lexsort(keys)]])
        known = sorted(self.by_tag)
        at = {each: number for number, each in enumerate(known)}
        whose = [tuple(at[each] for each in many) for many in present]
        owner = rank[self._alike.held[order]].tolist()
        found: dict[str, np.ndarray] = {
            "records.names": np.frombuffer(b"".join(names), np.uint8),
            "records.ends": np.cumsum([len(each) for each in names], dtype=np.int64),
            "records.contents": self._contents.held[order],
            "records.subjects": np.array([each for group in owner for each in whose[group]], np.int32),
            "records.subject_ends": np.cumsum([len(whose[group]) for group in owner], dtype=np.int64),
            "records.tags": np.frombuffer(b"".join(known), np.uint8).reshape(len(known), TAG),
        }
        numbers = self._kinds.held[order[: len(names)]]
        if numbers.any():
            found["records.numbers"] = numbers
        return found

    @classmethod
    def from_tensors(cls, key: bytes, tensors: Mapping[str, np.ndarray]) -> Records:
        """Read the output of :meth:`tensors`. Raises FileRefused."""
        made = cls(key)
        try:
            ends, subject_ends, contents = tensors["records.ends"], tensors["records.subject_ends"], tensors["records.contents"]
            n, text, known = len(contents), tensors["records.names"].tobytes(), _pieces(tensors["records.tags"], TAG)
            starts = [0, *ends.tolist()]
            names = [text[start:end].decode("utf-8", "surrogatepass") for start, end in pairwise(starts)]
            kinds = np.full(n, _UNNAMED, np.uint8)
            kinds[: len(names)] = tensors.get("records.numbers", np.zeros(len(names), np.uint8))
            numbers, starts = tensors["records.subjects"].tolist(), [0, *subject_ends.tolist()]
            people: dict[Tags, int] = {}
            owner = [
                people.setdefault(tuple(known[number] for number in numbers[start:end]), len(people)) for start, end in pairwise(starts)
            ]
            made.rows = dict(zip(names, range(len(names)), strict=True))
            if (
                len(owner) != n
                or len(made.rows) != len(names)
                or contents.shape != (n, CONTENT)
                or not all(people)
                or (kinds > _UNNAMED).any()
            ):
                raise ValueError("a content and somebody for each record, and one record for each name")
            made._extend(NewRows(names + [""] * (n - len(names)), kinds, contents, np.array(owner, np.int64), list(people)))
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise FileRefused("the list of records in the file is cut short or altered") from error
        return made


def key_check(key: bytes) -> str:
    """Return what stands in a file for the key that its subjects were tagged with."""
    return hmac.digest(key, b"check", "sha256")[:8].hex()


def _pieces(array: np.ndarray, size: int = CONTENT) -> list[bytes]:
    data = array.tobytes()
    return [data[start : start + size] for start in range(0, len(data), size)]


def _words(hashes: np.ndarray) -> np.ndarray:
    """(n, 8 w) bytes as (n, w) uint64."""
    return np.ascontiguousarray(hashes).view("<u8").reshape(len(hashes), hashes.shape[1] // 8).astype(np.uint64, copy=False)
