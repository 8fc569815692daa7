"""The process on the other side of a local socket, as the kernel names it, and the users who may ask."""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass

_CREDENTIALS = struct.Struct("3i")
_SO_PEERGROUPS = 59
"""In Linux 4.13 and later. The socket module does not name it."""
_MOST_BYTES = 1024
"""Bytes that the socket module takes: 256 groups."""


@dataclass(frozen=True)
class Peer:
    """The process on the other side, as it was when it connected or began to listen."""

    pid: int
    uid: int
    groups: frozenset[int]


@dataclass(frozen=True)
class Admitted:
    """Who may ask: the keeper's own user, and users and groups that the operator names."""

    users: frozenset[int] = frozenset()
    groups: frozenset[int] = frozenset()

    @property
    def others(self) -> bool:
        """Whether a user other than the keeper's own may ask."""
        return bool(self.users or self.groups)

    def may_ask(self, peer: Peer) -> bool:
        """Return whether a peer may ask."""
        return peer.uid == os.geteuid() or peer.uid in self.users or not self.groups.isdisjoint(peer.groups)


def peer_of(connection: socket.socket) -> Peer:
    """Return the peer of a connected Unix socket. Raises OSError."""
    pid, uid, gid = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    try:
        data = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _MOST_BYTES)
    except OSError:
        # An older kernel, or more groups than fit: then the process's own group alone counts, which admits fewer.
        data = b""
    return Peer(pid, uid, frozenset({gid, *struct.unpack(f"{len(data) // 4}I", data)}))
