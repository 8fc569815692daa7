"""Models as files: safetensors, written the same byte for byte from the same content; never a pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as _load
from safetensors.numpy import save as _save

from expunge import durable
from expunge.learn.records.refusals import FileRefused

SCHEMA = "expunge.model/1"
_HEADER = "expunge"
MOST_HEADER = 64 << 20
"""Bytes that a header may have."""


def to_bytes(head: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> bytes:
    """One model as bytes. Why one metadata entry: the format keeps several in any order, so that the bytes would differ from run to run."""
    arrays = {name: np.ascontiguousarray(each) for name, each in sorted(tensors.items())}
    return _save(arrays, metadata={_HEADER: _text({"schema": SCHEMA, **head, "seal": _seal(head, arrays)})})


def _text(head: Mapping[str, Any]) -> str:
    return json.dumps(head, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _seal(head: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> str:
    """A checksum over everything, so that a flipped bit is not taken for a weight. Whoever alters on purpose can make another one."""
    state = sha256(_text(head).encode())
    for name, each in sorted(tensors.items()):
        state.update(f"\0{name}\0{each.dtype.str}\0{each.shape}\0".encode())
        state.update(np.ascontiguousarray(each).reshape(-1).view(np.uint8).data)
    return state.hexdigest()


def from_bytes(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return head and tensors from the output of :func:`to_bytes`. Raises FileRefused for anything else."""
    try:
        size = int.from_bytes(data[:8], "little")
        if not 0 < size <= min(MOST_HEADER, len(data)):
            raise ValueError("no header")
        head = json.loads(json.loads(data[8 : 8 + size])["__metadata__"][_HEADER])
        tensors = _load(data)
    except (ValueError, KeyError, TypeError, RecursionError, SafetensorError) as error:
        raise FileRefused("not a model that expunge.learn wrote, or cut short or altered") from error
    if not isinstance(head, dict) or head.pop("schema", None) != SCHEMA:
        message = f"not a model of the form {SCHEMA}: a newer version of expunge may have written it"
        raise FileRefused(message)
    if head.pop("seal", None) != _seal(head, tensors):
        raise FileRefused("the file was altered or damaged: its content is not what was written")
    return head, tensors


def write(path: Path, data: bytes) -> None:
    """Put a model at a path, whole or not at all."""
    durable.write_bytes(path, data, at="learn.model")


def digest(data: bytes) -> str:
    """Hex SHA-256."""
    return sha256(data).hexdigest()
