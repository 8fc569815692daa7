"""Look at files that no dataset declares: each by its first bytes and stretches of its content, told by shapes of names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from expunge.core.datamap.people_columns import MapWords, NameTells, name_tells
from expunge.core.discovery import coordinates
from expunge.core.discovery.discovery import Sighting, Sign
from expunge.engine.discovery import columns
from expunge.engine.discovery.file_content import ContentPart, NotOpened, fields, parts
from expunge.engine.discovery.known_people import KnownPeople
from expunge.engine.discovery.readers import DiscoveryReaders
from expunge.errors import ExpungeError
from expunge.ports.optional.surroundings import NearAside, NearFile, NearUnseen
from expunge.ports.recognition import HEAD

MOST_FILES = 20_000
"""Files of one place that are listed."""
MOST_READ = 100
"""Files of one shape, local ones, whose content is read; of all others the first bytes."""
MOST_FETCHED = 20
"""Objects of one shape of which anything is read."""
_ACCOUNTED, _MOST_ACCOUNTED = 1 << 24, 20
"""Bytes of the largest file that is read whole, to tell whether nobody can read it, and how many of one shape are."""
_MOST_FORMED = 20
"""Files of one shape that are read in other forms, where nothing in them names people as it stands: it costs a hundred times as much."""
_SQLITE, _PARQUET = b"SQLite format 3\0", b"PAR1"
_NOWHERE = Path("/object")
_NO_WORDS = MapWords(frozenset(), frozenset(), frozenset())
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
_FIELDS = frozenset({"email", "mail", "e_mail", "phone", "name", "address", "id", "latitude", "longitude", "lat", "lon", "lng", "text"})


@dataclass
class FileGroup:
    """Files of one shape, with what was seen in them."""

    shape: str
    reason: str = ""
    """Why the map ignores these files; empty for files of which it says nothing."""
    names: list[str] = field(default_factory=list, repr=False)
    """To compare templates with."""
    files: int = 0
    read: int = 0
    formed: int = 0
    """Files that were read in other forms."""
    accounted: int = 0
    """Files that were read whole, to tell whether anybody can."""
    media: Counter[str] = field(default_factory=Counter)
    located: int = 0
    forms: Counter[str] = field(default_factory=Counter)
    """Form of coordinates -> files."""
    naming: int = 0
    """Files that name people."""
    named: int = 0
    """Files whose own names name people."""
    kinds: set[str] = field(default_factory=set)
    fields: dict[str, set[str]] = field(default_factory=dict, repr=False)
    """Field of records -> some of its values, to be compared and dropped."""
    unseen: Counter[str] = field(default_factory=Counter)
    """Why a file could not be looked into -> files."""

    @property
    def top(self) -> str:
        """The folder that all of them lie in; empty where its name may not be told, or there is none."""
        first, slash, _ = self.shape.partition("/")
        return first if slash and "*" not in first else ""

    def sightings(self, known: KnownPeople) -> Iterator[Sighting]:
        """Yield what was seen, in sentences."""
        for kind, count in self.media.items():
            yield Sighting(Sign.MEDIA, f"{_of(count, self.read)} {_are(count)} {kind} by content")
        if self.named:
            yield Sighting(Sign.IDENTITIES, f"{_of(self.named, self.files)} {_are(self.named)} called after people who are known")
        if self.naming:
            verb = "names" if self.naming == 1 else "name"
            yield Sighting(Sign.IDENTITIES, f"{_of(self.naming, self.read)} {verb} people who are known: {', '.join(sorted(self.kinds))}")
        of_fields = columns.sightings({name: frozenset(values) for name, values in self.fields.items()}, known)
        yield from (each for each in of_fields if each.sign is not Sign.IDENTITIES or not self.naming)
        for form, count in self.forms.items():
            yield Sighting(Sign.COORDINATES, f"{_of(count, self.read)} {'holds' if count == 1 else 'hold'} coordinates, as {form}")
        if self.located:
            yield Sighting(Sign.COORDINATES, f"{_of(self.located, self.read)} {'says' if self.located == 1 else 'say'} where it was taken")


@dataclass
class FileSigns:
    """What a look at the files of one place told."""

    groups: dict[tuple[str, str], FileGroup] = field(default_factory=dict)
    """By reason and shape."""
    databases: list[NearFile] = field(default_factory=list)
    """SQLite databases among them: their tables are looked at."""
    unseen: list[NearUnseen] = field(default_factory=list)
    aside: Counter[NearAside] = field(default_factory=Counter)
    evidence: Counter[str] = field(default_factory=Counter)
    """What evidence of this installation itself lies there -> files."""
    cut: bool = False
    """There are more files than were listed."""
    sampled: bool = False
    """Of some shape, not every file was read."""


def look(
    files: Iterable[NearFile | NearUnseen | NearAside],
    known: KnownPeople,
    readers: DiscoveryReaders,
    passes: Callable[[NearFile], bool],
    reason_of: Callable[[str], str],
) -> FileSigns:
    """Look at files. Raises what listing them raises.

    Args:
        files: all files of a place.
        known: the people to look for.
        readers: what content is read and told with.
        passes: tells files that belong to somebody else.
        reason_of: tells why the map ignores a file by its name; empty for others.
    """
    signs = FileSigns()
    wanted = (each for each in files if not isinstance(each, NearFile) or not passes(each))
    for count, each in enumerate(islice(wanted, MOST_FILES + 1)):
        if count == MOST_FILES:
            signs.cut = True
        elif isinstance(each, NearUnseen):
            signs.unseen.append(each)
        elif isinstance(each, NearAside):
            signs.aside[each] += 1
        elif own := readers.evidence(each):
            signs.evidence[own] += 1
        else:
            shape, reason = readers.entries.shape(each.name), reason_of(each.name)
            _look(each, signs, signs.groups.setdefault((reason, shape), FileGroup(shape, reason)), known, readers)
    return signs


def _look(file: NearFile, signs: FileSigns, group: FileGroup, known: KnownPeople, readers: DiscoveryReaders) -> None:
    group.files += 1
    group.names.append(file.name)
    kinds = known.sketch.kinds_in(file.name.replace("/", " "))
    group.named += bool(kinds)
    group.kinds |= kinds
    whole = group.files <= (MOST_READ if file.path is not None else MOST_FETCHED)
    signs.sampled = signs.sampled or not whole
    if file.path is not None or whole:
        try:
            with file.open() as opened:
                head = opened.read(HEAD)
                group.read += 1
                if head.startswith(_SQLITE):
                    signs.databases.append(file)
                    return
                _see(file, head, group, known, readers, whole=whole)
        except OSError as error:
            group.unseen["the operating system refuses to read them" if isinstance(error, PermissionError) else "they cannot be read"] += 1
        except NotOpened as what:
            group.unseen[f"{what}, which a look does not open"] += 1
        except ExpungeError as error:
            group.unseen[error.message] += 1


def _see(file: NearFile, head: bytes, group: FileGroup, known: KnownPeople, readers: DiscoveryReaders, *, whole: bool) -> None:
    """Look into one file, and count. Raises OSError, NotOpened, StoreUnavailable, Misconfigured."""
    media, located = readers.recognise(head)
    if media is not None:
        group.media[media.value] += 1
        group.located += located
        return
    if not whole or not head:
        return
    if head.startswith(_PARQUET):
        if file.path is None:
            message = "Parquet files of a bucket"
            raise NotOpened(message)
        _take(group, readers.lake_columns(file.path))
        return
    with file.open() as opened:
        read = [*parts(opened, file.size)]
    for part in read:
        if part.head and part.is_text:
            _take(group, {_written(name): values for name, values in fields(part.text).items()})
    if (
        not _texts(read, group, known, readers)
        and group.accounted < _MOST_ACCOUNTED
        and file.size <= _ACCOUNTED
        and not all(part.is_text for part in read)
    ):
        _account(file, group, readers)


def _take(group: FileGroup, read: Mapping[str, frozenset[str]]) -> None:
    for name, values in read.items():
        held = group.fields.setdefault(name, set())
        if len(held) < columns.MOST_VALUES:
            held.update(islice(values, columns.MOST_VALUES))


def _written(name: str) -> str:
    """The name of a field of records as it may be told: what is no word of a schema may be a person's name."""
    telling = name_tells(name, _NO_WORDS) is not NameTells.NOTHING or name.lower() in _FIELDS
    return name if telling and _NAME.fullmatch(name) else "a field"


def _texts(read: list[ContentPart], group: FileGroup, known: KnownPeople, readers: DiscoveryReaders) -> bool:
    """Look into stretches of text, and at members of archives."""
    kinds = frozenset(kind for part in read for text in (part.text, part.words) for kind in known.sketch.kinds_in(f"{part.name} {text}"))
    if not kinds and group.formed < _MOST_FORMED:
        group.formed += 1
        told = (frozenset(kind for said in _other_forms(part, readers) for kind in known.sketch.kinds_in(said)) for part in read)
        kinds = next(filter(None, told), frozenset[str]())
    forms = {form for part in read if (form := coordinates.form_of(part.text))}
    inside = {media.value for part in read if part.name and (media := readers.recognise(part.data[:HEAD]).media) is not None}
    group.naming += bool(kinds)
    group.kinds |= kinds
    group.forms.update(forms)
    group.media.update(f"archives of {each}" for each in inside)
    return bool(kinds or forms or inside)


def _other_forms(part: ContentPart, readers: DiscoveryReaders) -> Iterator[str]:
    """What a stretch says in other forms, or holds packed: base64, escapes, a stream within a stream."""
    for said in readers.said(part.data):
        yield ContentPart(head=True, data=said).words


def _account(file: NearFile, group: FileGroup, readers: DiscoveryReaders) -> None:
    """Count a file that nobody can read."""
    group.accounted += 1
    if file.path is not None:
        left = readers.account(file.path, None)
    else:
        with file.open() as opened:
            left = readers.account(_NOWHERE, opened)
    if left is not None:
        group.unseen["they look encrypted" if left.opaque >= left.unknown else "they are in no known format"] += 1


def _of(count: int, of: int) -> str:
    return "1 file" if count == of == 1 else f"{count:,} of {of:,} files"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
