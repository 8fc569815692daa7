"""Wrapping: one key encrypted under another, and bound to its holder.

AES-256-GCM-SIV (RFC 8452): a key of 32 bytes takes 48, and a row that was moved to another holder does not open. The nonce is taken
from the holder's id, and costs no bytes. A holder that comes back uses its nonce again, for another random key: the mode stays safe then.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from expunge.errors import StateCorrupt

KEY = 32
ID = 16
WRAPPED = KEY + 16
MOST_EPOCHS = 2**16 - 1

_EPOCH = struct.Struct(">H")
SLOT = _EPOCH.size + WRAPPED
"""Bytes of a slot: the epoch's number, and the key wrapped under the epoch. All have one size: SQLite overwrites them in place."""
EMPTY = bytes(SLOT)
_SLOT = b"expunge/vault/slot/1\0"


@dataclass(frozen=True, slots=True)
class Holder:
    """The holder of a slot: a subject, or a recording of several people."""

    id: bytes
    is_recording: bool = False


def new_key() -> bytes:
    """Return a random key: 32 bytes from the operating system."""
    return secrets.token_bytes(KEY)


def epoch_of(slot: bytes) -> int:
    """Return the epoch that a slot is wrapped under; 0 for an empty one."""
    number: int = _EPOCH.unpack_from(slot)[0]
    return number


def epoch_prefix(epoch: int) -> bytes:
    """Return the first bytes of every slot under an epoch."""
    return _EPOCH.pack(epoch)


def wrap_slot(epoch: int, kek: AESGCMSIV, holder: Holder, key: bytes) -> bytes:
    """Return the slot of a holder: its key under the epoch's."""
    prefix = _EPOCH.pack(epoch)
    return prefix + kek.encrypt(holder.id[:12], key, _slot_bound(prefix, holder))


def unwrap_slot(kek: AESGCMSIV, holder: Holder, slot: bytes) -> bytes:
    """Return the key in a slot. Raises StateCorrupt when the slot is another holder's, or was changed."""
    try:
        return kek.decrypt(holder.id[:12], slot[2:], _slot_bound(slot[:2], holder))
    except (InvalidTag, ValueError):
        raise StateCorrupt("a key of the key table does not open under its epoch", help=_HELP) from None


def rewrapping(
    old: Mapping[int, AESGCMSIV], epoch: int, new: AESGCMSIV, ties: Mapping[int, bytes], failed: list[StateCorrupt]
) -> Callable[[bytes, int], bytes]:
    """Return a function that wraps a slot under another epoch, given the slot and its number. A rotation calls it for every living key.

    A slot without a holder, or under an epoch that is not among ``old``, comes back as it is. The error of the first slot that does
    not open is raised, and noted in ``failed``, because a database that calls the function keeps no exception.

    Args:
        old: the epochs that slots may be under.
        epoch: the number of the new one.
        new: its key.
        ties: :func:`tie_of` the holder of each slot.
        failed: collects the errors.
    """
    openers = {epoch_prefix(each): (key.decrypt, _SLOT + epoch_prefix(each)) for each, key in old.items()}
    prefix, seal = epoch_prefix(epoch), new.encrypt
    bound_to = _SLOT + prefix

    def rewrapped(slot: bytes, number: int) -> bytes:
        opener, tie = openers.get(slot[:2]), ties.get(number)
        if opener is None or tie is None:
            return slot
        nonce = tie[1:13]
        try:
            return prefix + seal(nonce, opener[0](nonce, slot[2:], opener[1] + tie), bound_to + tie)
        except (InvalidTag, ValueError):
            failed.append(StateCorrupt("a key of the key table does not open under its epoch", help=_HELP))
            raise failed[-1] from None

    return rewrapped


def tie_of(holder: Holder) -> bytes:
    """Return the bytes that a slot is bound to beside its epoch: the kind and the id of its holder."""
    return (b"r" if holder.is_recording else b"s") + holder.id


def wrap_under(key: bytes, bound: bytes, plaintext: bytes) -> bytes:
    """Seal a recording's key, or its label, under a holder's key."""
    return AESGCMSIV(key).encrypt(bound[-12:], plaintext, bound)


def unwrap_under(key: bytes, bound: bytes, sealed: bytes) -> bytes:
    """Open the output of :func:`wrap_under`. Raises StateCorrupt."""
    try:
        return AESGCMSIV(key).decrypt(bound[-12:], sealed, bound)
    except (InvalidTag, ValueError):
        raise StateCorrupt("a recording's row does not open under its holder's key", help=_HELP) from None


_HELP = "the row was changed, or moved from another; put the key table back from its backup"


def _slot_bound(prefix: bytes, holder: Holder) -> bytes:
    return _SLOT + prefix + tie_of(holder)
