"""Questions to a store and its answers: selectors, copies, items, findings, evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from expunge.core.values.ids import Pseudonym
from expunge.core.values.scope import Window


@dataclass(frozen=True)
class Selector:
    """The identities to find in one dataset, in that dataset's own fields and values.

    The engine makes it from the identities of a person or, for ``through``, from copies located upstream. Any one matching field is enough.
    Values are compared as text (``str``) and exactly: no trimming, no case folding.
    """

    subject: Pseudonym
    match: Mapping[str, frozenset[str]] = field(repr=False)
    """Column, template placeholder or record field -> the values that mean this subject. An empty one finds nothing."""
    every: bool = False
    """Every item of the dataset is meant, whoever it is about: for an order about a class of items rather than a person (what is older
    than its period). Then ``match`` is empty; ``where`` and ``spare`` narrow it. Said on its own, so that a match that was narrowed to
    nothing can never turn into everything."""
    where: Window | None = None
    """Only what lies in this window; items whose time is missing or cannot be read are not found."""
    spare: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)
    """Column, placeholder or field -> values; an item that has one of them is not found (somebody's whole hold keeps it)."""
    outside: tuple[Window, ...] = ()
    """Nothing that lies in one of these: for controls, of people who stay with some of their items."""
    only: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)
    """Column, placeholder or field -> values; an item that lacks one of them in any of these fields is not found: the named items of a
    subject. Unlike ``match``, every field has to agree."""
    anybodys: bool = False
    """It is of an order about a class of items: ``match`` does not say whose they are, and nobody's are all meant."""

    @property
    def narrowed(self) -> bool:
        """True when an item's values of ``match`` do not decide alone."""
        return self.where is not None or bool(self.spare) or bool(self.outside) or bool(self.only)

    @property
    def beside(self) -> frozenset[str]:
        """The fields that are looked at besides those of ``match``."""
        windows = (*self.outside, *((self.where,) if self.where else ()))
        return frozenset(self.spare) | frozenset(self.only) | {window.field for window in windows}

    @property
    def rest(self) -> Selector:
        """The selector of what a narrowed one leaves of its subject; right where a window narrows it, or one field of ``only``."""
        windows = () if self.where is None else (self.where,)
        return replace(self, where=None, only={}, outside=windows, spare={**self.spare, **self.only})

    def admits(self, moments: Callable[[str], datetime | None], values: Callable[[str], Iterable[str]]) -> bool:
        """Return whether an item that ``match`` or ``every`` selects passes ``where``, ``outside``, ``spare`` and ``only``.

        Args:
            moments: the time that a field gives the item, None where it gives none.
            values: the texts that a field has.
        """
        return (
            (self.where is None or self.where.holds(moments(self.where.field)))
            and not any(each.holds(moments(each.field)) for each in self.outside)
            and not any(held in wanted for name, wanted in self.spare.items() for held in values(name))
            and all(any(held in wanted for held in values(name)) for name, wanted in self.only.items())
        )


@dataclass(frozen=True)
class Copy:
    """The items of one dataset about one subject."""

    dataset: str
    subject: Pseudonym
    keys: tuple[str, ...] = field(repr=False)
    """The store's own names of the items (a relative path, ``rowid``, a primary key as JSON): opaque to everybody else,
    stable until the item is erased, private."""
    items: int
    """How many recordings, rows or records; equals ``len(keys)`` except where one key (a file) holds several records."""
    bytes: int = 0
    links: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)
    """Field -> values, for the fields that other datasets follow (``through ... via``, identities)."""
    selector: Selector | None = field(default=None, repr=False)
    """The selector that found it, so that ``erase`` and ``probe`` can look again."""
    shared: frozenset[str] = field(default=frozenset(), repr=False)
    """The keys that other people are in as well."""
    others: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)
    """Subject field -> values that the selector does not mean, in items that go as a whole: those people lose something too. A store that
    cannot tell leaves it empty."""
    lasting: bool = True
    """Whether keys still name the same items after others were erased and the store was rewritten: only then can a hold name items."""

    mentions: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)
    """Column -> this subject's identifiers that ``erase`` takes out of other people's rows, as the dataset's ``mentions`` say."""

    def without(self, keys: Iterable[str]) -> Copy:
        """The same copy less some items (they are held or kept)."""
        gone = frozenset(keys)
        left = tuple(key for key in self.keys if key not in gone)
        return replace(self, keys=left, items=max(0, self.items - (len(self.keys) - len(left))), shared=self.shared - gone)


@dataclass(frozen=True)
class Item:
    """One piece of a subject-access export, streamed."""

    name: str = field(repr=False)
    """Path inside the archive, relative, forward slashes; unique within a dataset."""
    chunks: Iterable[bytes] = field(repr=False)
    """The bytes: media byte for byte, rows as one JSON object per line."""
    media_type: str = "application/octet-stream"
    shared: bool = False
    """Other people are in it as well."""


class FindingKind(StrEnum):
    """The kinds of findings of ``check``. Each has exit code 1 unless it is a note."""

    UNDECLARED = "undeclared"
    MISSING = "missing"
    PERMISSION = "permission"
    SUBJECT_PATH = "subject path"
    UNREADABLE = "unreadable"
    UNSUPPORTED = "unsupported"
    SPELLING = "spelling"
    CATEGORY = "category"
    """Content is of a kind that the categories of its dataset do not say."""
    STAFF = "staff"
    """A right of an employee lapses soon or has lapsed, or an account is idle."""
    WAY_ROUND = "way round"
    """Recordings can be seen past the review desk."""
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One fault of a real store, or one undeclared part of it."""

    kind: FindingKind
    store: str
    where: str
    """Table, folder or file: for the operator's terminal only (it may hold an identifier), never for logs or evidence."""
    what: str
    """What is wrong, without identifiers."""
    mend: str
    """What to write in the map or do to the store."""
    line: int = 0
    """The line of the map that it is about, for messages; 0 where it is about none."""


@dataclass(frozen=True)
class Probed:
    """The normal read paths' answer about one subject, over a connection that did not erase."""

    subject: Pseudonym
    items: int
    """How many items a normal read still returns: 0 is what we hope for."""
    paths: tuple[str, ...]
    """The read paths tried: ``table``, ``view v``, ``index i``, ``full-text f``, ``listing``, ``open`` ...; names of the map or
    schema only."""
    could_not: str = ""
    """Non-empty: the probe could not look (locked, unreadable); then ``items`` says nothing and the verdict is *cannot tell*."""


@dataclass(frozen=True)
class RawSource:
    """A place of a store's bytes: one file, or a folder that is walked whole."""

    path: Path
    role: str
    """``data``, ``index``, ``journal``, ``log``, ``old version``, ``temporary`` ..."""
    repeats: bool = False
    """Everything live that lies in it lies in other sources too: a look that asks only what can be seen at all passes it over."""


@dataclass(frozen=True)
class Cost:
    """An estimate of the bytes that a store reads and writes again to erase some copies, shown before anything is done."""

    read_bytes: int = 0
    """Read to find and rewrite."""
    rewrites: int = 0
    """Files, tables or row groups that are written anew."""
    written_bytes: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.read_bytes + other.read_bytes, self.rewrites + other.rewrites, self.written_bytes + other.written_bytes)


Copies = Iterator[Copy]
