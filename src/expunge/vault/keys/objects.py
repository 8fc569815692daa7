"""Recordings as the key table keeps them, and the bytes that their wrapped keys are bound to."""

from __future__ import annotations

import struct
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from expunge.errors import UsageError
from expunge.vault.keys.wrapping import ID

_Id = TypeVar("_Id")
MOST_LABEL = 4096
_START = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIXED = struct.Struct(">qBH")


@dataclass(frozen=True, slots=True)
class NewObject:
    """A recording for which a key is to be made.

    Attributes:
        id: 16 bytes, used once: a shredded recording's id gets no key again.
        owners: ids of subjects, 16 bytes each, keyed by the caller. With one owner, its key hangs below the subject's. With several, below
            a key of the recording's own, which dies when the caller says so.
        dataset: its name in the map.
        label: metadata, at most 4 KiB, sealed under the recording's key.
        at: when it was made, as an aware time.
        clear_before: whether it lay in the clear before it was sealed.
        key: 32 random bytes, under which the recording is sealed already; without them a key is made.
        name: 16 bytes that stand for its name in the dataset, keyed by the caller; without them it is not found by name.
    """

    id: bytes
    owners: tuple[bytes, ...]
    dataset: str
    label: bytes
    at: datetime
    clear_before: bool
    key: bytes = field(default=b"", repr=False)
    name: bytes = b""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A living recording, with its label opened. The attributes are those of :class:`NewObject`."""

    id: bytes
    owners: tuple[bytes, ...]
    dataset: str
    label: bytes
    at: datetime
    clear_before: bool


def check(new: NewObject) -> None:
    """Raise UsageError for a recording that cannot be kept."""
    if len(new.id) != ID or any(len(owner) != ID for owner in new.owners):
        raise UsageError("ids of the key table have 16 bytes", help="make them by the vault's own keyed ids")
    if not new.owners or len(set(new.owners)) != len(new.owners):
        raise UsageError("a recording has one owner or several, each once", help="give each subject id once")
    if len(new.label) > MOST_LABEL:
        raise UsageError("a recording's label has more than 4 KiB", help="keep long metadata in the recording itself")
    if new.name and len(new.name) != ID:
        raise UsageError("a name of the key table has 16 bytes", help="make it by the vault's own keyed names")
    if new.at.tzinfo is None:
        raise UsageError("a recording's time has no time zone", help="give an aware datetime")


def check_ids(ids: Collection[bytes]) -> None:
    """Raise UsageError where one of them is no id."""
    if any(len(each) != ID for each in ids):
        raise UsageError("ids of the key table have 16 bytes", help="make them by the vault's own keyed ids")


def bound(new: NewObject | StoredObject) -> bytes:
    """Return the bytes that bind a recording's wrapped key and label, so that its row can be neither moved nor edited. The id is last."""
    name = new.dataset.encode()
    fixed = _FIXED.pack(micros(new.at), new.clear_before, len(name))
    return b"expunge/vault/object/1\0" + fixed + name + b"".join(new.owners) + new.id


def micros(at: datetime) -> int:
    """Return a time as microseconds since 1970."""
    return (at - _START) // _MICROSECOND


def time_of(number: int) -> datetime:
    """Return the time of :func:`micros`, in UTC."""
    return _START + number * _MICROSECOND


def owners_of(joined: bytes) -> tuple[bytes, ...]:
    """Return the owners from their joined bytes."""
    return tuple(joined[at : at + ID] for at in range(0, len(joined), ID))


def in_parts(ids: Sequence[_Id], size: int = 500) -> Sequence[Sequence[_Id]]:
    """Return ids in parts of a size that one SQL statement takes."""
    return [ids[at : at + size] for at in range(0, len(ids), size)]
