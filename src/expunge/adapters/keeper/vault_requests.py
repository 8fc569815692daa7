"""Requests about recordings, and their answers from the vault's door. No key of a recording leaves the keeper."""

from __future__ import annotations

import json
import pwd
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

from expunge.adapters.keeper.answers import Answer
from expunge.adapters.keeper.key_requests import Handler
from expunge.adapters.keeper.peers import Peer, Right
from expunge.adapters.keeper.requests import Name, Request, Threads
from expunge.errors import Misconfigured
from expunge.ports.vault.vault_door import MOST_AT_ONCE, Caller, OpeningClaim, UploadClaim, UploadDoor, VaultDoor, VaultDoors


class _Reading(Request):
    threads = Threads.VAULT
    needs = Right.READ


class _Ingesting(Request):
    threads = Threads.VAULT
    needs = Right.INGEST


@dataclass(frozen=True)
class OpenRecording(_Reading):
    """An opening, by the fields of :class:`OpeningClaim`."""

    name = "open-recording"
    opening: str
    recording: Name
    purpose: str
    program: str
    first: int
    last: int | None

    def for_purpose(self) -> str:
        """Return the purpose."""
        return self.purpose


@dataclass(frozen=True)
class ReadRecording(_Reading):
    """A part of a recording that was opened."""

    name = "read-recording"
    opening: str
    first: int
    last: int


@dataclass(frozen=True)
class CloseRecording(_Reading):
    """The end of an opening."""

    name = "close-recording"
    opening: str


@dataclass(frozen=True)
class ReadableRecordings(_Reading):
    """Some of the recordings that may be read for a purpose."""

    name = "readable-recordings"
    dataset: str
    purpose: str
    after: int

    def for_purpose(self) -> str:
        """Return the purpose."""
        return self.purpose


@dataclass(frozen=True)
class BeginUpload(_Ingesting):
    """The beginning of an upload, by the fields of :class:`UploadClaim`."""

    name = "begin-upload"
    upload: str
    dataset: str
    recording: Name
    subjects: tuple[tuple[str, Name], ...]
    clear_before: bool
    digest: str
    size: int | None


@dataclass(frozen=True)
class AppendUpload(_Ingesting):
    """The next bytes of an upload, in the body."""

    name = "append-upload"
    with_body = True
    most_body = MOST_AT_ONCE
    upload: str
    offset: int


@dataclass(frozen=True)
class FinishUpload(_Ingesting):
    """The end of an upload, with the recording in."""

    name = "finish-upload"
    upload: str


@dataclass(frozen=True)
class DropUpload(_Ingesting):
    """The end of an upload, with nothing in."""

    name = "drop-upload"
    upload: str


class VaultDesk:
    """Answers requests about recordings."""

    def __init__(self, doors: VaultDoors) -> None:
        self._doors = doors

    def handlers(self) -> dict[type[Request], Handler]:
        """Return a handler for each kind of request."""
        acts: dict[type[Request], Callable[..., Answer]] = {
            OpenRecording: _open,
            ReadRecording: lambda door, ask, _: Answer(body=door.read_recording(ask.opening, ask.first, ask.last)),
            CloseRecording: lambda door, ask, _: _done(door.close_recording(ask.opening)),
            ReadableRecordings: _readable,
            **UPLOADING,
        }
        return {kind: self._for_callers(act) for kind, act in acts.items()}

    def _for_callers(self, act: Callable[..., Answer]) -> Handler:
        return lambda peer, ask, body: act(self._doors.door_of(caller_of(peer)), ask, body)


class NoVault:
    """Stands for the doors of a keeper that holds keys alone. Implements ``expunge.ports.vault.vault_door.VaultDoors``."""

    def door_of(self, caller: Caller) -> VaultDoor:  # noqa: ARG002 - the port's own shape
        """Raise Misconfigured."""
        message = "this keeper holds keys alone and opens no vault"
        raise Misconfigured(message, help="restart it with the map: expunge keeper stop, then expunge keeper run --map FILE")

    def settle(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def caller_of(peer: Peer) -> Caller:
    """Return the account of a peer."""
    return Caller(peer.uid, _account(peer.uid))


@lru_cache(256)
def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _done(_: None) -> Answer:
    return Answer()


def _open(door: VaultDoor, ask: OpenRecording, _: bytes) -> Answer:
    opened = door.open_recording(OpeningClaim(**_said(ask)))
    return Answer([opened.size, opened.first, opened.last])


def _readable(door: VaultDoor, ask: ReadableRecordings, _: bytes) -> Answer:
    page = door.readable_recordings(ask.dataset, ask.purpose, ask.after)
    return Answer(page.following, body=json.dumps([[each.name, each.size] for each in page.recordings]).encode())


def _begin(door: UploadDoor, ask: BeginUpload, _: bytes) -> Answer:
    said = _said(ask)
    said = {each.name: said[each.name] for each in fields(BeginUpload)}
    return Answer(door.begin_upload(UploadClaim(name=said.pop("recording"), **said)))


def _finish(door: UploadDoor, ask: FinishUpload, _: bytes) -> Answer:
    taken = door.finish_upload(ask.upload)
    return Answer([taken.id, taken.size, taken.digest, taken.at.isoformat(), taken.fresh])


def _said(ask: Request) -> dict[str, Any]:
    return {each.name: getattr(ask, each.name) for each in fields(ask)}


UPLOADING: Mapping[type[Request], Callable[..., Answer]] = {
    BeginUpload: _begin,
    AppendUpload: lambda door, ask, body: Answer(door.append_upload(ask.upload, ask.offset, body)),
    FinishUpload: _finish,
    DropUpload: lambda door, ask, _: _done(door.drop_upload(ask.upload)),
}
"""Request about an upload -> its act, given a door, the request and its body."""
