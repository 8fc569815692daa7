"""Capabilities of this process (capabilities(7)): what root may beyond its own files. A process that lost them never gets them back."""

from __future__ import annotations

import ctypes
import os
import struct

_VERSION_3 = 0x20080522
_HEADER = struct.Struct("=Ii")
_DATA = struct.Struct("=6I")


def drop_all() -> None:
    """Give up every capability, for the calling thread and what it starts later. Does nothing for a user who has none.

    Raises OSError where the kernel refuses.
    """
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(_HEADER.pack(_VERSION_3, 0), _DATA.pack(*[0] * 6)):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
