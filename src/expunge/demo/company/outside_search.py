"""A byte search that shares no code with Expunge: standard library only, also ``python outside_search.py STRINGS.json FOLDER...``.

It looks for strings in every file under a folder and in the names of files and folders: as UTF-8, UTF-16 in both byte orders, hexadecimal,
base64 in its three alignments (both alphabets), and with JSON escapes; in the bytes as they lie and inside gzip, zlib, bzip2, xz and zip
wherever they start. It does not know SQLite: free pages and journals are bytes like any others.
"""

from __future__ import annotations

import base64
import bz2
import hashlib
import io
import json
import lzma
import re
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_WINDOW = 6
_OFTEN = frozenset(b"\0\1 _" + b"abcdefghijklmnoprstuvy" + b"012")
"""Bytes of which files of any kind are full."""
_DEPTH = 3
_LARGEST = 1 << 28


@dataclass(frozen=True)
class Hit:
    """One thing that was looked for, in one place."""

    what: str | bytes
    path: Path
    how: str
    """``utf-8``, ``gzip > utf-16-le``, ``file name`` ..., outermost first."""


class Search:
    """Looks for many strings (at least 6 bytes long) and byte strings at once."""

    def __init__(self, strings: Iterable[str], pieces: Iterable[bytes] = ()) -> None:
        forms: list[tuple[bytes, str | bytes, str]] = [(form, text, how) for text in strings for how, form in _forms(text)]
        forms += [(piece, piece, "bytes") for piece in pieces]
        for form, _, _ in forms:
            if len(form) < _WINDOW:
                message = f"too short to look for: {len(form)} bytes"
                raise ValueError(message)
        first = _first_bytes({form for form, _, _ in forms})
        self._by_window: dict[bytes, list[tuple[bytes, int, str | bytes, str]]] = {}
        for form, what, how in forms:
            at = next(at for at, byte in enumerate(form) if byte in first)
            self._by_window.setdefault(form[at : at + _WINDOW], []).append((form, at, what, how))
        self._pattern = re.compile(_starts(sorted(self._by_window)), re.DOTALL) if forms else None
        self._known: dict[bytes, list[tuple[str | bytes, str]]] = {}

    def folder(self, root: Path) -> list[Hit]:
        """Return every string in every file and name under ``root``, once for each file and way of writing."""
        found: dict[Hit, None] = {}
        for path in sorted([root, *root.rglob("*")] if root.is_dir() else [root]):
            for what, _ in self.bytes(path.name.encode("utf-8", "surrogateescape")):
                found[Hit(what, path, "file name")] = None
            if path.is_file():
                for what, how in self._file(path.read_bytes()):
                    found[Hit(what, path, how)] = None
        return list(found)

    def _file(self, data: bytes) -> list[tuple[str | bytes, str]]:
        """Of files with the same bytes only the first is searched: a database server keeps several copies of what it comes with."""
        digest = hashlib.sha256(data).digest()
        if digest not in self._known:
            self._known[digest] = list(dict.fromkeys(self.bytes(data)))
        return self._known[digest]

    def bytes(self, data: bytes, depth: int = 0) -> Iterator[tuple[str | bytes, str]]:
        """Yield the strings found in ``data``, each with its encoding there."""
        if self._pattern is not None:
            for match in self._pattern.finditer(data):
                at = match.start()
                for form, before, what, how in self._by_window[data[at : at + _WINDOW]]:
                    if at >= before and data.startswith(form, at - before):
                        yield what, how
        if depth < _DEPTH:
            for kind, inside in _unpacked(data):
                for what, how in self.bytes(inside, depth + 1):
                    yield what, f"{kind} > {how}"


def _forms(text: str) -> Iterator[tuple[str, bytes]]:
    plain = text.encode("utf-8", "surrogatepass")
    yield "utf-8", plain
    for coding in ("utf-16-le", "utf-16-be"):
        yield coding, text.encode(coding, "surrogatepass")
    yield "hex", plain.hex().encode()
    yield "hex", plain.hex().upper().encode()
    if text.isascii():
        yield "hex", text.encode("utf-16-le").hex().encode()
    else:
        yield "json escapes", json.dumps(text)[1:-1].encode()
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + plain)
        # Only characters whose six bits all come from the text: the others also depend on what stands before and after.
        middle = coded[-(-shift * 8 // 6) : (shift + len(plain)) * 8 // 6]
        if len(middle) >= _WINDOW:
            yield "base64", middle
            other = middle.translate(bytes.maketrans(b"+/", b"-_"))
            if other != middle:
                yield "base64", other


def _first_bytes(forms: set[bytes]) -> set[int]:
    """Few bytes, rare ones if possible, of which each form has one with a whole window from there on: there a look is worth while."""
    left, chosen = {form: set(form[: len(form) - _WINDOW + 1]) for form in forms}, set[int]()
    while left:
        counts = Counter(byte for each in left.values() for byte in each)
        best = max(counts, key=lambda byte: (counts[byte] / (20 if byte in _OFTEN else 1), byte))
        chosen.add(best)
        left = {form: each for form, each in left.items() if best not in each}
    return chosen


def _starts(words: list[bytes]) -> bytes:
    """A regular expression that takes the first byte of a word where the word follows: the engine passes over all other bytes quickly."""
    branches: dict[int, list[bytes]] = {}
    for word in words:
        branches.setdefault(word[0], []).append(word)
    return b"|".join(re.escape(bytes([first])) + b"(?=" + _tree(group, 1) + b")" for first, group in branches.items())


def _tree(words: list[bytes], at: int = 0) -> bytes:
    """A regular expression for many words of one length that gives up after one or two bytes in most places."""
    if at == len(words[0]):
        return b""
    branches: dict[int, list[bytes]] = {}
    for word in words:
        branches.setdefault(word[at], []).append(word)
    parts = [re.escape(bytes([first])) + _tree(group, at + 1) for first, group in branches.items()]
    return parts[0] if len(parts) == 1 else b"(?:" + b"|".join(parts) + b")"


def _unpacked(data: bytes) -> Iterator[tuple[str, bytes]]:
    # Two bytes make a zlib head: a large file has thousands that are none, and each would copy the rest of it.
    view = memoryview(data)
    for match in re.finditer(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]|BZh[1-9]1AY&SY|\xfd7zXZ\x00|PK\x03\x04", data):
        head, at = match[0], match.start()
        if head.startswith(b"\x1f\x8b"):
            yield from _inflate("gzip", zlib.decompressobj(31), view[at:])
        elif head.startswith(b"\x78"):
            yield from _inflate("zlib", zlib.decompressobj(), view[at:])
        elif head.startswith(b"BZh"):
            yield from _inflate("bzip2", bz2.BZ2Decompressor(), view[at:])
        elif head.startswith(b"\xfd"):
            yield from _inflate("xz", lzma.LZMADecompressor(), view[at:])
        elif at == 0:
            yield from _members(data)


def _inflate(kind: str, decoder: object, data: memoryview) -> Iterator[tuple[str, bytes]]:
    out = bytearray()
    try:
        # In small bites, so that what comes before a fault in the stream is still seen.
        for start in range(0, min(len(data), _LARGEST), 4096):
            out += decoder.decompress(data[start : start + 4096])  # type: ignore[attr-defined]
            if decoder.eof or len(out) > _LARGEST:  # type: ignore[attr-defined]
                break
    except (zlib.error, OSError, EOFError, lzma.LZMAError):
        pass
    if len(out) >= _WINDOW:
        yield kind, bytes(out)


def _members(data: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                yield "zip name", info.filename.encode()
                yield "zip", archive.read(info)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError):
        return


def main(arguments: list[str]) -> int:
    """Print every place where a string of the JSON list is; exit code 1 when there is any."""
    strings = json.loads(Path(arguments[0]).read_text("utf-8"))
    hits = [hit for folder in arguments[1:] for hit in Search(strings).folder(Path(folder))]
    for hit in hits:
        sys.stdout.write(f"{hit.path}: {hit.what!r} ({hit.how})\n")
    sys.stdout.write(f"{len(strings)} strings, {len({hit.what for hit in hits})} found, in {len({hit.path for hit in hits})} files\n")
    return 1 if hits else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
