"""The port of the vault's door: openings to read recordings by, and uploads by which they come in. No key passes it.

Two sides implement it: the process that opens the key table, and its clients, which ask that process. Who asks is not said here: each
caller has a door of its own (:class:`VaultDoors`), and openings and uploads belong to it. Their tokens are chosen by the caller, so that
a call whose answer was lost can be made again and means the same.

Openings and uploads are in memory only. They end with the process that keeps them, when they are idle for too long, and when the map
changes; every verb then raises SessionGone, and the caller begins again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from expunge.errors import UsageError
from expunge.ports.vault.sealed_library import Subject

MOST_AT_ONCE = 2**20
"""The most bytes of one read, and of one append."""
MOST_PROGRAM = 256
"""The most characters of a program's name."""
_TOKEN = re.compile("[0-9a-f]{32,64}")


@dataclass(frozen=True)
class Caller:
    """An account of this machine that asks, as the kernel names it."""

    uid: int
    user: str
    """The account's name, for the journal; the number where it has no name."""
    sender: str = ""
    """The id of the token of a program for which a server of that account asks; empty where the account asks for itself."""


@dataclass(frozen=True)
class OpeningClaim:
    """A part of a recording that is to be read, and what for."""

    opening: str
    """The token: 32 to 64 hex digits, random."""
    recording: str = field(repr=False)
    """``DATASET/NAME``."""
    purpose: str
    program: str
    """The program's own name for itself, at most 256 characters."""
    first: int = 0
    last: int | None = None
    """The first byte not to read; None for all."""


@dataclass(frozen=True)
class OpenedRecording:
    """A recording that was opened; the opening is in the journal."""

    size: int
    """Bytes of the whole recording."""
    first: int
    last: int
    """The first byte that cannot be read."""


@dataclass(frozen=True)
class ReadableRecording:
    """A recording that may be read for a purpose."""

    name: str = field(repr=False)
    """Its name in the dataset."""
    size: int


@dataclass(frozen=True)
class ReadablePage:
    """Some of the recordings that may be read; it may be empty although more follow."""

    recordings: tuple[ReadableRecording, ...]
    following: int | None
    """Where the next page begins; None where this is the last."""


@dataclass(frozen=True)
class UploadClaim:
    """A recording that is to come in, as its sender describes it."""

    upload: str
    """The token: 32 to 64 hex digits, random or derived from the sender's request. The same token with another claim is refused."""
    dataset: str
    name: str = field(repr=False)
    """The name by a path of the dataset, which names people too."""
    subjects: tuple[Subject, ...] = field(default=(), repr=False)
    """Further people in it."""
    clear_before: bool = False
    """Whether it lay in the clear on a disk before."""
    digest: str = ""
    """The hex SHA-256 that the sender claims; empty without a claim."""
    size: int | None = None
    """The number of bytes that the sender claims."""


@dataclass(frozen=True)
class TakenIn:
    """A recording that is in: durable, and found by orders."""

    id: str
    """The random id of the sealed recording."""
    size: int
    digest: str = field(repr=False)
    """Hex SHA-256."""
    at: datetime
    fresh: bool
    """False where the same recording was in already."""


class UploadDoor(Protocol):
    """The door by which recordings come in, for one caller. Safe between threads. Beside the errors named, every verb raises the following.

    Raises:
        StoreUnavailable, StateUnavailable: the vault, its keys or the journal cannot be used now. KeeperAway is one of them.
        Busy: too many uploads of this caller, or another process is in the way.
        Misconfigured: this caller may not do that, or the map cannot be read.
    """

    def begin_upload(self, claim: UploadClaim) -> int:
        """Begin an upload, or ask how far one is: return how many bytes of it are in, sealed. 0 for one that is new.

        The questions of an ingest are asked first. An upload whose claim was begun and finished returns its whole size.

        Raises:
            Refused: a person in it is suppressed or does not permit it, or this kind of data may not be collected.
            UsageError: the name fits no path, the claim is malformed, or its token is used for another.
        """
        ...

    def append_upload(self, upload: str, offset: int, data: bytes) -> int:
        """Take the bytes at an offset; return how many are in: sealed, in a file that nobody can open yet, but for the last 16 KiB.

        The append before this one, made again, is success and changes nothing.

        Raises:
            WrongOffset: it is not the place where the upload goes on. Its ``received`` is; nothing was taken.
            SessionGone: there is no such upload of this caller; begin it again, at 0.
            UsageError: more than :data:`MOST_AT_ONCE` bytes, or more in all than were claimed.
        """
        ...

    def finish_upload(self, upload: str) -> TakenIn:
        """Take the recording in; it is durable when this returns. Made again, it returns the same.

        Unless it raises WrongOffset, an upload that is refused here has ended, and nothing readable is left of it.

        Raises:
            WrongOffset: fewer bytes came than were claimed; ``received`` of them are in, and the upload goes on.
            Refused: as :meth:`begin_upload`; it is asked again once the key is durable.
            UsageError: the bytes have another SHA-256 than was claimed, or another recording has this name.
            SessionGone: there is no such upload of this caller; begin it again, at 0.
        """
        ...

    def drop_upload(self, upload: str) -> None:
        """End an upload; nothing readable is left of it. Success too where there is none, or where it was finished, which stays in."""
        ...


class VaultDoor(UploadDoor, Protocol):
    """The door for one caller, in and out: recordings are read by openings. It raises as :class:`UploadDoor`, for openings too."""

    def open_recording(self, claim: OpeningClaim) -> OpenedRecording:
        """Open a part of a recording. The opening is in the journal, under the caller's account, before this returns.

        The same claim again is the same opening, and no second entry.

        Raises:
            Refused: the gate does not let it.
            UsageError: there is no such recording or no such part; the claim is malformed, or its token is used for another.
        """
        ...

    def read_recording(self, opening: str, first: int, last: int) -> bytes:
        """Return the bytes from ``first`` to before ``last``, counted in the recording. The gate is asked again.

        Raises:
            Refused: the gate does not let it any more; the opening has ended.
            SessionGone: there is no such opening of this caller.
            UsageError: the range is larger than :data:`MOST_AT_ONCE`, or not within the part that was opened.
        """
        ...

    def close_recording(self, opening: str) -> None:
        """End an opening, and forget the recording's key. Success too where there is none."""
        ...

    def readable_recordings(self, dataset: str, purpose: str, after: int = 0) -> ReadablePage:
        """Return recordings of a dataset that the gate lets be read for a purpose now, some at a time. Nothing is opened by it.

        Args:
            dataset: a dataset of a vault.
            purpose: a purpose of the map.
            after: ``following`` of the page before.

        Raises UsageError for a dataset that lies in no vault.
        """
        ...


class VaultDoors(Protocol):
    """The doors of one vault's process."""

    def door_of(self, caller: Caller) -> VaultDoor:
        """Return the door of a caller."""
        ...

    def settle(self) -> None:
        """End openings and uploads that are idle for too long, and openings of recordings that were erased. To be called now and then."""
        ...

    def close(self) -> None:
        """End all openings and uploads, and close the vault."""
        ...


def check_token(token: str) -> None:
    """Raise UsageError for a text that is no token of an opening or an upload."""
    if not _TOKEN.fullmatch(token):
        raise UsageError("the token of an opening or an upload is no 32 to 64 hex digits", help="choose it by secrets.token_hex(16)")
