"""An invented company as a value: its people, its datasets with their items, and the stray copies that lie beside them.

Nothing here reads or writes: :mod:`tests.attacks.invented.building` does. The words of an item follow from its place in the company. So
every sentence is the words of one item alone, unless another item quotes it.
"""

from __future__ import annotations

import hashlib
import json
import random
import unicodedata
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

TARGET = 0
"""The number of the person who is erased, with another person or without."""


class Ids(StrEnum):
    """How the company names its customers."""

    PREFIXED = "prefixed"
    UUID = "uuid"
    EMAIL = "email"
    NUMBER = "number"
    NAMED = "named"


class Home(StrEnum):
    """The place of a dataset."""

    TABLE = "table"
    JSONL = "jsonl"
    JSON = "json"
    CSV = "csv"
    TEXT = "text"
    MEDIA = "media"
    LAKE = "lake"


class Link(StrEnum):
    """How an item says whose it is."""

    OWNER = "owner"
    PAIR = "pair"
    MEMBERS = "members"
    DOCUMENT = "document"
    THROUGH = "through"


class Key(StrEnum):
    """The primary key of a table."""

    NUMBER = "number"
    TEXT = "text"
    TOGETHER = "together"
    CLUSTERED = "clustered"
    """A text key of a table WITHOUT ROWID."""
    NONE = "none"


class Fill(StrEnum):
    """What a field holds."""

    TINY = "tiny"
    WORD = "word"
    SENTENCE = "sentence"
    LONG = "long"
    ACCENTS = "accents"
    MARKS = "marks"
    DOCUMENT = "document"
    NUMBER = "number"
    BYTES = "bytes"
    MOMENT = "moment"


class Rule(StrEnum):
    """What the map says of the column ``refers_to``, in which items name other people."""

    NO_COLUMN = "no column"
    NULL = "null"
    REPLACE = "replace"
    KEEP = "keep"
    UNDECLARED = "undeclared"


class Words(StrEnum):
    """A full-text index over the first field of a table."""

    NONE = "none"
    KEPT = "kept by triggers"
    OWN = "unicode61 with prefixes"
    TRIGRAMS = "trigrams"


@dataclass(frozen=True)
class Place:
    """One field of one item."""

    dataset: int
    item: int
    field: int


@dataclass(frozen=True)
class Quote:
    """The words of another place that stand in a field instead of words of its own."""

    of: Place
    exact: bool = False


@dataclass(frozen=True)
class Item:
    """One row, record or file."""

    owners: tuple[int, ...]
    quotes: tuple[Quote | None, ...] = ()
    """For each field the place that it quotes."""
    refers_to: int | None = None
    """The person named in the column ``refers_to``."""
    names: int | None = None
    """The person whose identifier stands in the text of the first field."""
    parent: int | None = 0
    """Of an item that leads to its owner through another dataset: the number of the item there; None where it leads to nothing."""
    past: bool = False
    """Whether the application deleted the row before the order came; its bytes may lie in the database still."""


@dataclass(frozen=True)
class Dataset:
    """One dataset of the map."""

    home: Home
    link: Link
    fields: tuple[Fill, ...]
    items: tuple[Item, ...]
    key: Key = Key.NUMBER
    rule: Rule = Rule.NO_COLUMN
    bound: bool = False
    """Whether the columns that name people refer to the table of customers in the schema."""
    indexed: bool = False
    words: Words = Words.NONE
    parent: int = 0
    """The dataset that it is found through."""
    packed: bool = False
    """Compressed: gzip for files, zstd for Parquet."""
    encoding: str = "utf-8"
    spelled: bool = False
    """Whether it writes identifiers in another spelling that means the same person."""
    respelled: bool = False
    """The same of the column that names other people."""


class Spot(StrEnum):
    """The place of a stray copy."""

    TABLE = "undeclared table"
    IGNORED_TABLE = "ignored table"
    FILE = "undeclared file"
    IGNORED_FILE = "ignored file"
    LAKE = "undeclared Parquet file"
    IGNORED_LAKE = "ignored Parquet file"
    DATABASE = "copy of the database in the folder of files"


class Wrap(StrEnum):
    """How a stray copy is written."""

    PLAIN = "plain"
    UTF_16 = "utf-16-le"
    HEX = "hex"
    BASE64 = "base64"
    GZIP = "gzip"
    ZIP = "zip"
    JSON = "json"
    CSV = "csv"
    XZ = "xz"
    BZ2 = "bz2"
    ZSTD = "zstd"
    TAR = "tar.gz"
    LINES = "base64 in lines"
    PACKED = "base64 of gzip"
    BASE32 = "base32"
    PERCENT = "percent"
    ENTITIES = "entities"
    ESCAPES = "escapes"
    QUOTED = "quoted-printable"
    BASE85 = "base85"


BINARY = frozenset({Wrap.HEX, Wrap.BASE64, Wrap.LINES, Wrap.PACKED, Wrap.BASE32, Wrap.BASE85, Wrap.GZIP, Wrap.BZ2, Wrap.ZSTD, Wrap.TAR})
"""Ways of writing that bytes can take too."""


@dataclass(frozen=True)
class Stray:
    """A copy outside of every dataset: of a field, or of the target's identifier where ``of`` is None."""

    spot: Spot
    of: Place | None
    wrap: Wrap = Wrap.PLAIN


@dataclass(frozen=True)
class Company:
    """All of it. The first dataset is the customers', one item for each person, in their sequence."""

    ids: Ids
    people: int
    datasets: tuple[Dataset, ...]
    strays: tuple[Stray, ...] = ()
    together: int | None = None
    """Another person whom the same order erases."""
    wal: bool = True
    secure: bool = False

    @property
    def targets(self) -> frozenset[int]:
        """The people whom the order erases."""
        return frozenset({TARGET} if self.together is None else {TARGET, self.together})

    @property
    def kind(self) -> str:
        """The kind of identity."""
        return "email" if self.ids is Ids.EMAIL else "customer"

    def name(self, number: int) -> str:
        """Return the name of a dataset: also of its table, folder or file."""
        return "customers" if number == 0 else f"{self.datasets[number].home.value}_{number}"

    def owners(self, dataset: int, item: int) -> tuple[int, ...]:
        """Return whose an item is, through its parents."""
        described = self.datasets[dataset]
        if described.link is not Link.THROUGH:
            return described.items[item].owners
        parent = described.items[item].parent
        return () if parent is None or self.is_past(described.parent, parent) else self.owners(described.parent, parent)

    def goes(self, dataset: int, item: int) -> bool:
        """Return whether an item goes when the target is erased."""
        owners = self.owners(dataset, item)
        shared = self.datasets[dataset].link is Link.MEMBERS
        return bool(owners) and self.targets.issuperset(owners) if shared else not self.targets.isdisjoint(owners)

    def is_past(self, dataset: int, item: int) -> bool:
        """Return whether a row was deleted before the order came."""
        return self.datasets[dataset].items[item].past

    def stays(self, dataset: int, item: int) -> bool:
        """Return whether an item is a person's who stays, and there."""
        return bool(self.owners(dataset, item)) and not self.goes(dataset, item) and not self.is_past(dataset, item)

    def places(self) -> Iterator[Place]:
        """Yield every field of every item."""
        for number, dataset in enumerate(self.datasets):
            for item in range(len(dataset.items)):
                for field in range(len(dataset.fields)):
                    yield Place(number, item, field)

    def mine(self) -> list[Place]:
        """Return the fields of the items that go."""
        return [place for place in self.places() if self.goes(place.dataset, place.item)]

    def fill(self, place: Place) -> Fill:
        return self.datasets[place.dataset].fields[place.field]

    def identifier(self, person: int) -> str:
        """Return a person's identifier."""
        draw = random.Random(f"id {person}")
        token = "".join(draw.choice("23456789ABCDEFGHJKMNPQRSTVWXYZ") for _ in range(10))
        return {
            Ids.PREFIXED: f"cus-{token}",
            Ids.UUID: str(uuid.UUID(int=random.Random(f"uuid {person}").getrandbits(128), version=4)),
            Ids.EMAIL: f"{word(('id', person))}@{word(('at', person))}.example",
            Ids.NUMBER: str(draw.randrange(10**9, 10**10)),
            Ids.NAMED: f"zo\u00eb-{word(('id', person))}",
        }[self.ids]

    def spelling(self, person: int, dataset: Dataset) -> str:
        """Return a person's identifier as a dataset writes it."""
        plain = self.identifier(person)
        if not dataset.spelled:
            return plain
        if self.ids is Ids.NAMED:
            return unicodedata.normalize("NFD", plain)
        return f"{plain} " if self.ids is Ids.PREFIXED else plain.upper()

    def quoted(self, dataset: int, item: int, field: int) -> Quote | None:
        """Return the quote that stands in a field."""
        quotes = self.datasets[dataset].items[item].quotes
        return quotes[field] if field < len(quotes) else None

    def value(self, place: Place) -> object:
        """Return the content of a field: text, bytes or a number."""
        fill, quote = self.fill(place), self.quoted(place.dataset, place.item, place.field)
        if quote is not None and fill in TEXTS:
            text = saying(self.fill(quote.of), quote.of)
            text = text if quote.exact or fill is Fill.DOCUMENT else f"{word(place)} says: {text} and {word(place, 1)}"
        elif fill in TEXTS:
            text = saying(fill, place)
        else:
            return NUMBERS[fill](place)
        named = self.datasets[place.dataset].items[place.item].names
        if named is not None and place.field == 0 and fill is not Fill.DOCUMENT:
            # Why a word of its own: two texts that have 24 letters in common are told apart where a row lies alone.
            text = f"{text} as {self.identifier(named)} {word(place, 200)} told me"
        return json.dumps({"said": text, "n": place.item}, ensure_ascii=False) if fill is Fill.DOCUMENT else text

    def without(self, *strays: Stray) -> Company:
        return replace(self, strays=tuple(stray for stray in self.strays if stray not in strays))


TEXTS = frozenset({Fill.TINY, Fill.WORD, Fill.SENTENCE, Fill.LONG, Fill.ACCENTS, Fill.MARKS, Fill.DOCUMENT})
"""Fields of text."""
TRACED = frozenset(Fill) - {Fill.TINY, Fill.MOMENT}
"""Fields whose content is long enough to be looked for, and says more than when."""
_SYLLABLES = ("ba", "ko", "li", "mu", "re", "sa", "to", "ve", "zi", "no", "du", "fe", "gi", "ha", "ju", "pa")
_COMMON = [
    "the",
    "a",
    "of",
    "to",
    "and",
    "in",
    "that",
    "is",
    "was",
    "for",
    "on",
    "with",
    "they",
    "at",
    "by",
    "this",
    "have",
    "from",
    "or",
    "had",
    "not",
    "are",
    "but",
    "what",
]


def word(place: object, number: int = 0) -> str:
    """Return a word of twelve letters that stands nowhere else."""
    digest = hashlib.sha256(f"{place!r} {number}".encode()).digest()
    return "".join(_SYLLABLES[byte & 15] for byte in digest[:6])


def saying(fill: Fill, place: Place) -> str:
    """Return the words of one place."""
    draw = random.Random(repr(place))
    if fill is Fill.TINY:
        return word(place)[:5]
    if fill is Fill.WORD:
        return word(place)
    if fill is Fill.LONG:
        return " ".join(word(place, n // 8) if n % 8 == 0 else draw.choice(_COMMON) for n in range(900))
    text = f"{draw.choice(_COMMON)} {word(place)} {draw.choice(_COMMON)} {draw.choice(_COMMON)} {word(place, 1)}"
    if fill is Fill.ACCENTS:
        return f"\u00e9t\u00e9 {word(place)}\u00fc {text} \u00df\u00f8 na\u00efve"
    if fill is Fill.MARKS:
        return f'"{word(place, 2)}", {text};\n\tit\'s {word(place, 3)}\\ <b> & 100 %'
    return text


def _number(place: Place) -> object:
    return random.Random(repr(place)).uniform(1e6, 1e9)


def _bytes(place: Place) -> object:
    return random.Random(repr(place)).randbytes(120)


def _moment(place: Place) -> object:
    return f"2026-0{1 + place.item % 9}-12T08:3{place.item % 10}:00Z"


NUMBERS = {Fill.NUMBER: _number, Fill.BYTES: _bytes, Fill.MOMENT: _moment}


def needles(company: Company, place: Place) -> dict[Place, tuple[str | bytes | float, ...]]:
    """Return what a search looks for to find the content of a place: words, bytes or a number, by the place that they come from.

    Of a quote these are the words around it, and the words of the place that it quotes.
    """
    fill, quote = company.fill(place), company.quoted(place.dataset, place.item, place.field)
    if quote is not None and fill in TEXTS:
        quoted = {quote.of: _words_of(company.fill(quote.of), quote.of)}
        return quoted if quote.exact or fill is Fill.DOCUMENT else {**quoted, place: (word(place), word(place, 1))}
    if fill in TEXTS:
        # Why all of a short text that names a person: with the name it is long enough.
        named = place.field == 0 and company.datasets[place.dataset].items[place.item].names is not None
        return {place: _words_of(fill, place) or ((str(company.value(place)),) if named else ())}
    value = company.value(place)
    assert isinstance(value, bytes | float | str)
    return {place: ()} if isinstance(value, str) else {place: (value[:32],) if isinstance(value, bytes) else (value,)}


def _words_of(fill: Fill, place: Place) -> tuple[str, ...]:
    if fill not in TRACED:
        return ()
    text = saying(fill, place)
    return tuple(found for n in range(113) if (found := word(place, n)) in text)
