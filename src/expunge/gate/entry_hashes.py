"""The entries of many identifiers at once: AES-CMAC of all their first blocks in one call, then of all their second ones, and so on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from expunge.core.values.signature import Cmac
from expunge.gate.entry_list import Mask, Words

_BLOCK = 16


@dataclass(frozen=True)
class Texts:
    """Many identifiers in UTF-8, in one buffer."""

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    valid: Mask
    """False where nothing is known of whose it is; start and length are of no matter there."""

    def __len__(self) -> int:
        return len(self.starts)

    def value(self, at: int) -> bytes:
        """Return one of the texts."""
        return self.data[self.starts[at] : self.starts[at] + self.lengths[at]].tobytes()


def entries_of(texts: Texts, key: bytes) -> tuple[Words, Words]:
    """Return the two words of each identifier's entry.

    Args:
        texts: at best some ten thousand, so that the working set stays near the processor.
        key: of their kind (:func:`expunge.core.gate.gate_entry.kind_key`).
    """
    cmac = Cmac(key)
    entries = np.empty((len(texts), 2), np.uint64)
    for length, places in _by_length(np.where(texts.valid, texts.lengths, 0)):
        entries[places] = _tags(cmac, texts.data, texts.starts[places], length)
    return entries[:, 0], entries[:, 1]


def _by_length(lengths: NDArray[np.int64]) -> Iterator[tuple[int, slice | NDArray[np.intp]]]:
    if len(lengths) and lengths.min() == lengths.max():
        yield int(lengths[0]), slice(None)
        return
    order = np.argsort(lengths, kind="stable")
    ends = np.flatnonzero(np.diff(lengths[order])) + 1
    for places in np.split(order, ends) if len(order) else ():
        yield int(lengths[places[0]]), places


def _tags(cmac: Cmac, data: NDArray[np.uint8], starts: NDArray[np.int64], length: int) -> NDArray[np.uint64]:
    """The tags, as two words each, of messages of one length."""
    blocks = max(1, -(-length // _BLOCK))
    messages = np.zeros((len(starts), blocks * _BLOCK), np.uint8)
    if length:
        messages[:, :length] = sliding_window_view(data, length)[starts]
    full = length == blocks * _BLOCK
    if not full:
        messages[:, length] = 0x80
    subkey = cmac.whole if full else cmac.padded
    messages[:, -_BLOCK:] ^= np.frombuffer(subkey.to_bytes(_BLOCK, "big"), np.uint8)
    state = np.zeros((len(starts), _BLOCK), np.uint8)
    for at in range(0, blocks * _BLOCK, _BLOCK):
        mixed = state ^ messages[:, at : at + _BLOCK]
        state = np.frombuffer(cmac.encrypt(mixed.tobytes()), np.uint8).reshape(-1, _BLOCK)
    return state.view(">u8").astype(np.uint64)
