"""The scanner port: take traces and scan raw bytes. Implemented by ``expunge.residue``, which no eraser imports."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias

from expunge.core.evidence.traces import Trace, Traces
from expunge.core.evidence.window_choice import ValueCount
from expunge.core.values.copy import RawSource
from expunge.core.values.ids import Pseudonym
from expunge.ports.optional.placing import FileLayout, PlaceReader
from expunge.ports.optional.remote_content import Remote
from expunge.ports.optional.row_accounts import AccountReader, TableFile

Stretch: TypeAlias = tuple[int, int]
"""Bytes of a file, from the first up to but not including the second."""
SEAM = "row"
"""Field under which stores hand over, as a blob, what joins two values of a row where the values alone may be other people's as well."""


KEY = "key of metadata"
"""Field under which stores hand over, as a text, the name of a tag or an attribute: schema where several people have it, else content."""


class Tracer(Protocol):
    """Takes real content, one field at a time, and keeps only keyed fingerprints within a budget per subject and field.

    There are two implementations. One collects traces. The other only reports which known traces a content holds.
    """

    def text(self, subject: Pseudonym, dataset: str, field: str, value: str) -> None:
        """A string: identifiers, transcripts, e-mail. Traced in utf-8, utf-16, hex, base64 (three alignments), JSON and SQL escapes."""
        ...

    def number(self, subject: Pseudonym, dataset: str, field: str, value: float) -> None:
        """A number: packed as IEEE doubles and floats in both byte orders, and printed."""
        ...

    def vector(self, subject: Pseudonym, dataset: str, field: str, value: Sequence[float]) -> None:
        """An embedding: packed floats (32 and 64 bit) and printed."""
        ...

    def blob(self, subject: Pseudonym, dataset: str, field: str, stream: BinaryIO) -> None:
        """Bytes or media: windows spread over the stream; audio (WAV, FLAC) also as decoded samples.

        Reads the stream once, to its end at most.
        """
        ...

    def name(self, subject: Pseudonym, dataset: str, value: str) -> None:
        """A file or folder name (the last component, not the whole path) that belongs to the subject."""
        ...

    def lies(self, path: Path, stretches: Sequence[Stretch]) -> None:
        """In which bytes of a file the items that were handed over lie at this moment, whole, where the store can tell.

        It need not stay true: who looks there and does not see them looks everywhere.
        """
        ...


@dataclass(frozen=True, slots=True)
class Residue:
    """One place where a trace was found."""

    path: Path = field(repr=False)
    """For the operator; file names may hold identifiers."""
    offset: int
    """Byte offset in the file as it lies on disk (for decoded content: of the frame, page or member that holds it)."""
    hidden: str
    """How it was hidden: ``plain``, ``zstd@1024``, ``gzip > utf-16``, ``file name`` ..., outermost first."""
    trace: Trace
    inner: int | None = None
    """Byte offset in the decoded content of the outermost container; None where there is none, or its content is no stream."""


@dataclass(frozen=True)
class Coverage:
    """The share of bytes that one scan read."""

    files: int
    bytes: int
    """On disk."""
    decoded_bytes: int
    """After decompression and decoding, in addition."""
    skipped: tuple[tuple[str, int], ...]
    """Reason -> how many things were not read (``socket``, ``device``, ``permission``, ``encrypted``); the reason is a fixed word."""


class Treatment(StrEnum):
    """What a scan does with a file besides looking for traces."""

    OWN = "own"
    """Nothing: the store or one of its datasets explains it."""
    ACCOUNTED = "accounted"
    """Says how many bytes of it nothing explains."""
    DECLARED = "declared"
    """Leaves out of ``skipped`` what is encrypted, damaged or packed in an unknown way: the map says that it cannot be read."""


Treat: TypeAlias = Callable[[Path, int], Treatment]
"""Tells what to do with a file of so many bytes; asked once for each."""


@dataclass(frozen=True, slots=True)
class UnreadFile:
    """A file with bytes that nothing explains: no text, no decoder that ended well, no known structure."""

    path: Path = field(repr=False)
    size: int
    opaque: int
    """Bytes that look like noise or are refused: encrypted, or packed in a way that no decoder knows."""
    unknown: int
    """Other bytes of no known format."""


@dataclass(frozen=True)
class Scanned:
    """The sightings of one scan."""

    found: tuple[Residue, ...]
    """Capped per trace (the first few places each); traces beyond the cap still count in ``seen``."""
    seen: frozenset[int]
    """Indexes into ``Traces.traces`` that were found at least once."""
    coverage: Coverage
    counts: Mapping[int, int] = field(default_factory=dict)
    """Trace -> its places, for the erased people, where they were to be counted."""
    unread: tuple[UnreadFile, ...] = ()
    """The files to be accounted for that hold bytes which nothing explains."""


FileStamp: TypeAlias = tuple[int, int, int, int, int]
"""Device, inode, size, and the times (in nanoseconds) of the last change of the bytes and of the inode: another after each change."""
Passes: TypeAlias = Callable[[Path, FileStamp], bool]
"""Asked of each file, before it is read, whether its bytes are passed over; its name and attributes are read all the same."""


@dataclass(frozen=True)
class ScanExtent:
    """How much of its sources a scan reads."""

    passes: Passes | None = None
    """Files whose bytes are known already. Files that belong together (segments of a server's log or table) are read where one is."""
    draw: Callable[[int], int] | None = None
    """Draws a number below another: then a sample is read, one part in :data:`SAMPLED` of files, objects and bytes. Rows are all read."""
    forms: bool = True
    """Whether text that is written in another form is read."""


WHOLE_EXTENT = ScanExtent()
SAMPLED = 16


class Scanner(Protocol):
    """Finds traces in raw bytes."""

    def tracer(self, key: bytes, *, budget: int, words: Iterable[str] = (), identifiers: Iterable[str] = ()) -> CollectingTracer:
        """A tracer that collects at most ``budget`` windows per subject and field under the 32-byte ``key``.

        Args:
            key: of the fingerprints.
            budget: windows of content as it is.
            words: known from the map or a schema before any row is read: windows of nothing else are never taken.
            identifiers: of the people of the order: they always are, even where one equals such a word.
        """
        ...

    def holder(self, traces: Traces, candidates: Iterable[int]) -> HoldingTracer:
        """A tracer that only asks which of the candidate traces other people's content holds as well, at any offset."""
        ...

    def placed(self, traces: Traces, candidates: Iterable[int]) -> PlacedTracer:
        """A tracer that asks which of the candidate traces each subject's content holds, at any offset."""
        ...

    def said(self, value: str | bytes) -> Iterable[bytes]:
        """Return each content that a value says in another form, or holds packed: text in UTF-8, or other bytes."""
        ...

    def parts(self, value: str | bytes) -> Iterable[str]:
        """Return the texts that are values by themselves in a value: strings of a JSON document, and what it says in other forms."""
        ...

    def folded(self, value: str) -> str:
        """Return a text as matches compare it: two values that come out alike match as a whole."""
        ...

    def reader(self, path: Path, layout: FileLayout | None = None, content: Callable[[], int] | None = None) -> PlaceReader | None:
        """Open a file to ask which live items lie at its places; None for a file without pages that can be told apart. Raises OSError.

        Args:
            path: the file.
            layout: how it holds items, where its own bytes do not say.
            content: opens the bytes of what is no file of this machine, as a descriptor that the reader closes; asked when they are needed.
        """
        ...

    def account(self, files: Sequence[TableFile]) -> AccountReader | None:
        """Open the files of one table to account for every byte of them; None where no reader knows their kind. Raises OSError."""
        ...

    def scan(
        self,
        sources: Sequence[RawSource],
        traces: Traces,
        places: int | None = None,
        *,
        remote: Iterable[Remote] = (),
        counted: int = 0,
        without: Collection[int] = (),
        treat: Treat | None = None,
        extent: ScanExtent = WHOLE_EXTENT,
    ) -> Scanned:
        """Read every byte of every source, decode what can be decoded, and report where traces lie: up to ``places`` places of each.

        What is ``remote`` is read in the same way, with its names and what lies beside the bytes.

        None (0) for who asks only which traces there are: that saves most of the time where there are many. With ``counted``, the
        places of each are counted up to about so many. Those ``without`` which it shall do are not looked for. ``treat`` tells which files
        are to be accounted for; without it none is. ``extent`` says how much is read.
        Raises CouldNotLook when a source cannot be read at all; parts that could not be read are in ``coverage.skipped``.
        """
        ...

    def glance(self, lying: Mapping[Path, Sequence[Stretch]], traces: Traces, *, counted: int = 0) -> Scanned:
        """Look for traces in some stretches of files, without their places. Stretches that cannot be read just now are passed over.

        With ``counted``, places are counted in a sample of the same files as well, so that a trace that lies everywhere in them shows.
        It serves to ask whether content can be seen at its known place. A trace that is not seen here may be seen by :meth:`scan`.
        """
        ...

    def unread(self, path: Path, content: BinaryIO | None = None, *, inside: bool = False) -> UnreadFile | None:
        """Account for one file, or for ``content`` that is none of this machine; None where everything in it is explained.

        ``inside`` is said of content that the scan reads as a part of a file: no container without a mark is opened there.

        None as well for a file that cannot be opened. Reading ``content`` raises what it raises.
        """
        ...

    def close(self) -> None:
        """Let go of what is kept from one scan to the next; safe to call twice, and it can be used again."""
        ...


class CollectingTracer(Tracer, Protocol):
    """A tracer that hands over the traces it collected."""

    def traces(self, controls: Iterable[Pseudonym] = ()) -> Traces:
        """Return the traces collected so far, without duplicates and windows of little information."""
        ...

    def values(self) -> tuple[tuple[int, ...], ...]:
        """Return, for each of the traces that ``traces`` returns, the numbers of the values that have it; none where they are too many."""
        ...

    def counts(self) -> Mapping[tuple[Pseudonym, str], ValueCount]:
        """Return, for each person and dataset, the values that are long enough to be looked for, and those that have a window."""
        ...

    def lying(self) -> dict[Path, tuple[Stretch, ...]]:
        """Return the places of the content according to the stores: stretches of each file, in ascending order, none of which touch."""
        ...

    def rejected(self) -> int:
        """Return the number of windows left out as saying too little (silence, zeros, repeated bytes, too short)."""
        ...


class HoldingTracer(Tracer, Protocol):
    """A tracer that answers which traces a bystander's content holds."""

    def held(self) -> frozenset[int]:
        """Return the indexes of the candidate traces that were seen in the content handed over."""
        ...


class PlacedTracer(Tracer, Protocol):
    """A tracer that answers which traces each subject's content holds."""

    def held_by(self) -> Mapping[Pseudonym, frozenset[int]]:
        """Return, for each subject, the indexes of the candidate traces that its content holds."""
        ...


Findings = Iterator[Residue]
