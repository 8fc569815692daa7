"""The doors of the process that opens the key table: openings and uploads of all its callers, over the service of its vault.

::

    doors = LocalDoors(lambda: nullcontext(opened.vault))
    doors.door_of(caller).begin_upload(claim)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass

from expunge.bootstrap.vault.kept_vault import taking_in
from expunge.bootstrap.vault.service import Claimed, VaultService
from expunge.bootstrap.vault.sessions import SessionLimits, Sessions
from expunge.engine.vault.openings import Reader
from expunge.errors import StoreUnavailable, UsageError, WrongOffset
from expunge.ports.vault.vault_door import (
    MOST_AT_ONCE,
    MOST_PROGRAM,
    Caller,
    OpenedRecording,
    OpeningClaim,
    ReadablePage,
    TakenIn,
    UploadClaim,
)
from expunge.vault.gated_reader import GatedReader
from expunge.vault.ingesting import Incoming

OPENINGS = SessionLimits(of_caller=256, together=512, idle=600.0)
"""Each has a file open, and a process may usually have 1024."""
UPLOADS = SessionLimits(of_caller=64, together=128, idle=1800.0)
"""Each has a file open, and 300 KiB of memory."""
WAITS = 60.0
"""Seconds after which an upload makes room for another one of its caller, where there is none."""
_DIGEST = 64


@dataclass
class _Upload:
    incoming: Incoming
    taken: TakenIn | None = None


class LocalDoors:
    """Implements :class:`expunge.ports.vault.vault_door.VaultDoors`."""

    def __init__(
        self,
        vault: Callable[[], AbstractContextManager[VaultService]],
        openings: SessionLimits = OPENINGS,
        uploads: SessionLimits = UPLOADS,
    ) -> None:
        """Open nothing yet.

        Args:
            vault: gives the service for the length of a block. An error of its is an answer to the caller.
            openings: limits of openings.
            uploads: limits of uploads.
        """
        self.vault = vault
        self.openings: Sessions[OpeningClaim, GatedReader] = Sessions("opening", openings, GatedReader.close)
        self.uploads: Sessions[UploadClaim, _Upload] = Sessions("upload", uploads, _abandoned, may_go=_may_go)

    def door_of(self, caller: Caller) -> LocalDoor:
        """Return the door of a caller."""
        return LocalDoor(self, caller)

    def settle(self) -> None:
        """End sessions that are idle for too long, and openings of recordings that were erased."""
        self.openings.settle(GatedReader.is_over)
        self.uploads.settle()

    def end_all(self) -> None:
        """End all openings and uploads; others may begin."""
        self.openings.close()
        self.uploads.close()

    def close(self) -> None:
        """End all openings and uploads."""
        self.end_all()


class LocalDoor:
    """Implements :class:`expunge.ports.vault.vault_door.VaultDoor`."""

    def __init__(self, doors: LocalDoors, caller: Caller) -> None:
        """Made by :meth:`LocalDoors.door_of`."""
        self._doors, self._caller = doors, caller

    # --- out ------------------------------------------------------------------------------------

    def open_recording(self, claim: OpeningClaim) -> OpenedRecording:
        """See the port."""
        if len(claim.program) > MOST_PROGRAM or not claim.purpose:
            message = f"a program names a purpose, and itself in at most {MOST_PROGRAM} characters"
            raise UsageError(message, help="name both")
        reader = Reader(self._caller.user, claim.program, claim.purpose)
        with (
            self._doors.vault() as vault,
            self._doors.openings.begun(
                self._caller, claim.opening, claim, lambda: vault.opened(claim.recording, reader, claim.first, claim.last)
            ) as opened,
        ):
            return OpenedRecording(opened.whole, opened.first, opened.last)

    def read_recording(self, opening: str, first: int, last: int) -> bytes:
        """See the port."""
        if not first <= last <= first + MOST_AT_ONCE:
            message = f"a read has at most {MOST_AT_ONCE} bytes"
            raise UsageError(message, help="read in parts")
        # Why the vault too: what was begun by an earlier map ends before it is used.
        with self._doors.vault(), self._doors.openings.held(self._caller, opening, UsageError) as opened, _reading():
            if not opened.first <= first <= last <= opened.last:
                message = f"the part that was opened is from {opened.first} to {opened.last}"
                raise UsageError(message, help="read within it, or open another part")
            opened.seek(first - opened.first)
            return opened.read(last - first)

    def close_recording(self, opening: str) -> None:
        """See the port."""
        self._doors.openings.end(self._caller, opening)

    def readable_recordings(self, dataset: str, purpose: str, after: int = 0) -> ReadablePage:
        """See the port."""
        if not purpose:
            raise UsageError("a program names a purpose", help="name one of the map")
        with self._doors.vault() as vault:
            return vault.readable_page(dataset, purpose, after)

    # --- in -------------------------------------------------------------------------------------

    def begin_upload(self, claim: UploadClaim) -> int:
        """See the port."""
        if claim.digest and (len(claim.digest) != _DIGEST or not set(claim.digest) <= set("0123456789abcdef")):
            raise UsageError("a claimed SHA-256 is 64 hex digits, in small letters", help="give it so, or leave it out")
        with self._doors.vault() as vault, taking_in():
            vault.renew_gate()

            def make() -> _Upload:
                claimed = Claimed(claim.subjects, claim.clear_before, claim.digest, claim.size)
                return _Upload(vault.incoming(claim.dataset, claim.name, claimed))

            with self._doors.uploads.begun(self._caller, claim.upload, claim, make) as upload:
                if upload.taken is not None:
                    return upload.taken.size
                if upload.incoming.received:
                    upload.incoming.admit()
                return upload.incoming.received

    def append_upload(self, upload: str, offset: int, data: bytes) -> int:
        """See the port."""
        if len(data) > MOST_AT_ONCE:
            message = f"an append has at most {MOST_AT_ONCE} bytes"
            raise UsageError(message, help="send it in parts")
        with self._doors.vault(), self._doors.uploads.held(self._caller, upload, WrongOffset) as found, taking_in():
            if found.taken is not None:
                raise _elsewhere(found.taken.size)
            incoming = found.incoming
            if offset == incoming.received:
                incoming.write(data)
            elif not incoming.repeats(offset, data):
                raise _elsewhere(incoming.received)
            return incoming.received

    def finish_upload(self, upload: str) -> TakenIn:
        """See the port."""
        with self._doors.vault(), self._doors.uploads.held(self._caller, upload, WrongOffset) as found, taking_in():
            if found.taken is None:
                if found.incoming.is_short:
                    raise _elsewhere(found.incoming.received)
                taken = found.incoming.finish()
                known = taken.recording
                found.taken = TakenIn(known.id, known.size, known.digest, known.at, taken.fresh)
            return found.taken

    def drop_upload(self, upload: str) -> None:
        """See the port."""
        self._doors.uploads.end(self._caller, upload)


def _may_go(upload: _Upload, idle: float) -> bool:
    # Why one that waits: senders that were cut off would keep all others out until it ends by itself.
    return upload.taken is not None or not upload.incoming.received or idle >= WAITS


def _abandoned(upload: _Upload) -> None:
    with suppress(OSError):
        upload.incoming.abandon()


def _elsewhere(received: int) -> WrongOffset:
    message = f"{received} bytes of the upload are in"
    return WrongOffset(message, help="send on from there", received=received)


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = "the recording cannot be read: its file is lost or was changed"
        raise StoreUnavailable(message, help="`expunge check` says more; put the file back from its backup") from error
