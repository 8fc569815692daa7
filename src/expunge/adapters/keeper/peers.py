"""The process on the other side of a local socket, as the kernel names it, and the rights of users and groups."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from expunge.errors import Misconfigured

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


class Right(StrEnum):
    """A right that a request needs."""

    ANY = "any"
    """To have any of the others."""
    KEYS = "keys"
    """To have keys used, and the keys of pseudonyms, gate and index told."""
    READ = "read"
    """To open recordings for a purpose."""
    INGEST = "ingest"
    """To send recordings in."""
    SERVE = "serve"
    """To ask for senders whose bearer headers are shown: take their lineage in, and their recordings."""


@dataclass(frozen=True)
class Accounts:
    """Users and groups, by number."""

    users: frozenset[int] = frozenset()
    groups: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.users or self.groups)

    def has(self, peer: Peer) -> bool:
        """Return whether a peer is one of them."""
        return peer.uid in self.users or not self.groups.isdisjoint(peer.groups)


@dataclass(frozen=True)
class Admitted:
    """The rights of users and groups, as the operator gives them. The keeper's own user has all rights, unless it serves alone."""

    users: frozenset[int] = frozenset()
    """Users who may have keys used."""
    groups: frozenset[int] = frozenset()
    read: Mapping[str, Accounts] = field(default_factory=dict)
    """Purpose -> the accounts that may open recordings for it."""
    ingest: Accounts = field(default_factory=Accounts)
    """The accounts that may send recordings in."""
    serve: Accounts = field(default_factory=Accounts)
    """The accounts of servers, which ask for senders with tokens."""
    own_serves_alone: bool = False
    """Whether the keeper's own user may serve, and nothing else; else it may all."""

    @property
    def keys(self) -> Accounts:
        """The accounts that may have keys used."""
        return Accounts(self.users, self.groups)

    @property
    def others(self) -> bool:
        """Whether a user other than the keeper's own may ask."""
        return any((self.keys, self.ingest, self.serve, *self.read.values()))

    def has_all(self, peer: Peer) -> bool:
        """Return whether a peer has all rights, and may end the keeper."""
        return peer.uid == os.geteuid() and not self.own_serves_alone

    def require(self, peer: Peer, right: Right, purpose: str | None = None) -> None:
        """Raise Misconfigured where a peer lacks a right; for READ without a purpose, where it has it for none."""
        if self.has_all(peer):
            return
        own = Accounts(frozenset({os.geteuid()}) if self.own_serves_alone else frozenset())
        reading = [accounts for each, accounts in self.read.items() if purpose in (None, each)]
        of = {Right.KEYS: [self.keys], Right.INGEST: [self.ingest], Right.READ: reading, Right.SERVE: [self.serve, own]}
        given = of[right] if right is not Right.ANY else [*of[Right.KEYS], *of[Right.INGEST], *of[Right.SERVE], *self.read.values()]
        if any(each.has(peer) for each in given):
            return
        message, option = _LACKING[right]
        if own.has(peer):
            raise Misconfigured(message, help=ONLY_SERVES)
        raise Misconfigured(message, help=f"run it as the keeper's user, or name this one: expunge keeper run {option}")


ONLY_SERVES = "this keeper runs for a server alone: give this command the passphrase, or end the server and start `expunge keeper run`"
_LACKING = {
    Right.ANY: ("this user may not ask the keeper", "--allow-user NAME"),
    Right.KEYS: ("this user may not ask the keeper for what keys do", "--allow-user NAME"),
    Right.READ: ("this user may not open recordings for this purpose", "--let-read NAME:PURPOSE"),
    Right.INGEST: ("this user may not send recordings in", "--let-ingest NAME"),
    Right.SERVE: ("this user may not serve senders with tokens", "--let-serve NAME"),
}
"""Right -> what is said to a peer that lacks it, and the option that gives it."""


def peer_of(connection: socket.socket) -> Peer:
    """Return the peer of a connected Unix socket. Raises OSError."""
    pid, uid, gid = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    try:
        data = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _MOST_BYTES)
    except OSError:
        # An older kernel, or more groups than fit: then the process's own group alone counts, which admits fewer.
        data = b""
    return Peer(pid, uid, frozenset({gid, *struct.unpack(f"{len(data) // 4}I", data)}))
