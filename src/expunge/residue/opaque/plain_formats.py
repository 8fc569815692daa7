"""Formats that are known by their first bytes and are no containers of people's texts: arrays, indexes, programs."""

from __future__ import annotations

import ast
import re

from expunge.residue.formats.slices import Slice

_NAMED = (
    b"\x7fELF", b"\0asm", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"\xfe\xed\xfa\xcf", b"MZ", b"!<arch>\n",
    b"\0\1\0\0\0", b"OTTO", b"true\0", b"ttcf", b"\0\0\1\0", b"\0\0\0\1Bud1", b"LANCE", b"\x89HDF\r\n\x1a\n", b"GGUF",
    b"\xde\x12\x04\x95", b"\x95\x04\x12\xde",
)  # fmt: skip
"""Programs, fonts, icons, settings of a desktop, weights."""
_FAISS = re.compile(
    rb"I(?:xF[2Il]|wF[lL]|wPQ|wSQ|wSq|wQR|xPQ|xPq|xSQ|xHe|xPT|xMp|xM2|HNf|HNs|HNp|H2C|NSf|xRF|xIV|mIn|BxF|BwF|BMp|BM2|xLS|xLa|xVT|vPQ|vQR)"
)
_FAISS_HEAD = 24
_WIDEST = 1 << 16
_NUMPY = b"\x93NUMPY"
_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_PYC = re.compile(rb"..\r\n[\0-\x03]\0\0\0", re.DOTALL)
_SAFETENSORS = 1 << 26


def named_extent(source: Slice, head: bytes) -> int | None:
    """Return where a format that is known by name ends; None where none begins."""
    if head.startswith(_NUMPY):
        return _numpy_end(source, head)
    if head.startswith(_NAMED) or _is_faiss(head) or _PYC.match(head):
        return source.size
    if _PICKLE.match(head):
        tail = source.read_at(max(0, source.size - 1), 1)
        return source.size if tail == b"." else None
    return _weights_end(source, head)


def _numpy_end(source: Slice, head: bytes) -> int | None:
    """Return the end of an array by its header (NumPy's format, versions 1 to 3)."""
    wide = 2 if head[6:7] == b"\x01" else 4
    begin = 8 + wide + int.from_bytes(head[8 : 8 + wide], "little")
    try:
        said = ast.literal_eval(source.read_at(8 + wide, min(begin, 1 << 16)).decode("latin-1")[: begin - 8 - wide].strip())
        kind, shape = said["descr"], said["shape"]
        if not isinstance(kind, str):
            return source.size
        if "O" in kind:
            return source.size
        size = int(kind.lstrip("<>|=")[1:].partition("[")[0] or 0) * (4 if "U" in kind else 1)
    except (ValueError, SyntaxError, KeyError, TypeError):
        return None
    for count in shape:
        size *= count
    return begin + size if begin + size <= source.size else None


def _is_faiss(head: bytes) -> bool:
    if len(head) < _FAISS_HEAD or not _FAISS.match(head):
        return False
    return 0 < int.from_bytes(head[4:8], "little") <= _WIDEST and int.from_bytes(head[8:16], "little") < 1 << 40


def _weights_end(source: Slice, head: bytes) -> int | None:
    """Return the end of a file of weights in the safetensors format: a length, and as much JSON."""
    size = int.from_bytes(head[:8], "little")
    if not 2 <= size <= _SAFETENSORS or head[8:9] != b"{" or source.read_at(7 + size, 1) not in {b"}", b" "}:
        return None
    ends = [int(each) for each in re.findall(rb'"data_offsets":\s*\[\s*\d+\s*,\s*(\d+)\s*\]', source.read_at(8, size))]
    return min(source.size, 8 + size + max(ends, default=0))
