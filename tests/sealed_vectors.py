"""Writes the vectors of `docs/spec/sealed.md` from fixed keys and salts; `python -m tests.sealed_vectors` must change none released.

They come from the implementation in `tests/vault/sealing_by_hand.py`, which shares nothing with the package.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.vault.sealing_by_hand import CHUNK, seal

HERE = Path(__file__).parent / "vectors" / "sealed"
KEY, OTHER_KEY = (sha256(text).digest() for text in (b"nightowl/vault", b"nightowl/another"))
CONTEXT, OTHER_CONTEXT = b"expunge/vault/1\0recordings\0front-door/0001", b"expunge/vault/1\0recordings\0front-door/0002"
SIZES = {
    "empty": 0,
    "one-byte": 1,
    "short": 100,
    "almost-a-chunk": CHUNK - 1,
    "a-chunk": CHUNK,
    "two-chunks": CHUNK + 1,
    "three-chunks": 2 * CHUNK + 7,
    "257-chunks": 256 * CHUNK + 7,
}
WHOLE = "three-chunks"
"""The vector that lies beside the list as a file: the changes of those that are refused are made to it."""
_END = 56 + 2 * (CHUNK + 16) + 7 + 16
_CUTS = (0, 23, 24, 55, 56, 71, 56 + CHUNK + 16, 56 + 2 * (CHUNK + 16), _END - 1)
_FLIPS = {"salt": 0, "commitment": 24, "first chunk": 56, "last tag": _END - 1}
REFUSED: tuple[dict[str, Any], ...] = (
    *({"why": f"{length} of {_END} bytes", "cut": length} for length in _CUTS),
    *({"why": f"a bit of the {what}", "flip": at} for what, at in _FLIPS.items()),
    {"why": "a byte more", "append": "00"},
    {"why": "the last chunk again", "append_from": _END - 23},
    {"why": "the first two chunks in each other's place", "swap": [0, 1]},
    {"why": "the first chunk in the place of the second", "repeat": 0},
    {"why": "the context of another object", "context": OTHER_CONTEXT.hex()},
    {"why": "no context", "context": ""},
    {"why": "another key", "key": OTHER_KEY.hex()},
    {"why": "a key of 16 bytes", "key": KEY[:16].hex()},
)


def content(size: int) -> bytes:
    """Byte number n is n modulo 251."""
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def sealed(name: str) -> bytes:
    return seal(KEY, content(SIZES[name]), CONTEXT, sha256(name.encode()).digest()[:24])


def changed(case: dict[str, Any], whole: bytes) -> bytes:
    """The bytes that a vector of the refused ones describes."""
    size = CHUNK + 16
    head, first, second, rest = whole[:56], whole[56 : 56 + size], whole[56 + size : 56 + 2 * size], whole[56 + 2 * size :]
    if "cut" in case:
        return whole[: case["cut"]]
    if "flip" in case:
        return whole[: case["flip"]] + bytes([whole[case["flip"]] ^ 1]) + whole[case["flip"] + 1 :]
    if "append" in case:
        return whole + bytes.fromhex(case["append"])
    if "append_from" in case:
        return whole + whole[case["append_from"] :]
    if "swap" in case:
        return head + second + first + rest
    return head + first + first + rest if "repeat" in case else whole


def vectors() -> dict[str, bytes]:
    """File -> bytes."""
    opened = []
    for name, size in SIZES.items():
        made = sealed(name)
        row = {"name": name, "size": size, "salt": made[:24].hex(), "sealed_sha256": sha256(made).hexdigest()}
        opened.append(row | ({"sealed": made.hex()} if size <= 100 else {}))
    listed = {
        "key": KEY.hex(),
        "context": CONTEXT.hex(),
        "content": "byte n is n modulo 251",
        "opened": opened,
        "refused": {"of": f"{WHOLE}.sealed", "cases": REFUSED},
    }
    return {"vectors.json": json.dumps(listed, indent=1).encode() + b"\n", f"{WHOLE}.sealed": sealed(WHOLE)}


if __name__ == "__main__":
    HERE.mkdir(parents=True, exist_ok=True)
    for name, made in vectors().items():
        (HERE / name).write_bytes(made)
