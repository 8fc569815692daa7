"""Files over a vault's door: a recording that is read through it, and a stream that is sent in."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from expunge.errors import ExpungeError, Refused, SessionGone, StateUnavailable, StoreUnavailable
from expunge.ports.vault.vault_door import OpeningClaim, TakenIn, UploadClaim, VaultDoor
from expunge.vault.part_file import PartFile

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_AT_A_TIME = 2**18
"""Bytes of each read and append. Larger ones take longer for each byte."""
_TRIES = 3


class DoorFile(PartFile):
    """The part of a recording that was opened, read through a door.

    Where the opening is gone, because its process was restarted or it was idle for long, it is opened again: a further entry in the
    journal.
    """

    def __init__(self, door: VaultDoor, claim: OpeningClaim) -> None:
        """Open it. Raises as :meth:`VaultDoor.open_recording`."""
        opened = door.open_recording(claim)
        super().__init__(opened.last - opened.first)
        self._door, self._claim, self._first = door, claim, opened.first

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill the buffer, as far as the part goes. Raises as the door does, and OSError where nothing can be read."""
        self.check_open()
        view = memoryview(buffer).cast("B")[: self.left]
        try:
            for at in range(0, len(view), _AT_A_TIME):
                place = self._first + self._position
                data = self._read(place, place + min(_AT_A_TIME, len(view) - at))
                view[at : at + len(data)] = data
                self._position += len(data)
        except Refused:
            self.close()
            raise
        except StoreUnavailable as error:
            # As a file of the vault's own process does, which programs that read files expect.
            raise OSError(error.message) from error
        return len(view)

    def readall(self) -> bytes:
        """Return the part from here to its end. Raises as :meth:`readinto`."""
        return self.read(self.left) or b""

    def close(self) -> None:
        """End the opening. One that cannot be ended now ends by itself."""
        if not self.closed:
            super().close()
            with suppress(StateUnavailable, StoreUnavailable):
                self._door.close_recording(self._claim.opening)

    def _read(self, first: int, last: int) -> bytes:
        for _ in range(_TRIES):
            with suppress(SessionGone):
                return self._door.read_recording(self._claim.opening, first, last)
            self._claim = replace(self._claim, opening=secrets.token_hex(16))
            self._door.open_recording(self._claim)
        return self._door.read_recording(self._claim.opening, first, last)


def send(door: VaultDoor, claim: UploadClaim, stream: BinaryIO) -> TakenIn:
    """Send a stream in through a door. Where the upload is gone meanwhile, a stream that can seek is sent again from its beginning.

    Raises as the door does, and OSError of the stream; then nothing readable is left.
    """
    begin = stream.tell() if stream.seekable() else None
    try:
        for _ in range(_TRIES):
            try:
                return _send(door, claim, stream)
            except SessionGone:
                if begin is None:
                    raise
                stream.seek(begin)
        return _send(door, claim, stream)
    except BaseException:
        with suppress(ExpungeError):
            door.drop_upload(claim.upload)
        raise


def _send(door: VaultDoor, claim: UploadClaim, stream: BinaryIO) -> TakenIn:
    at = door.begin_upload(claim)
    while data := stream.read(_AT_A_TIME):
        at = door.append_upload(claim.upload, at, data)
    return door.finish_upload(claim.upload)
