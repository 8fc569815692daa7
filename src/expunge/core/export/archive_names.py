"""Names of files in an export: safe on every system, unique whatever the letters' case, and of a type that no browser runs.

Stores hold names that strangers chose. Such a name may climb out of a folder, hide its end behind a change of direction, or end in
``.html``. The original name stands in the manifest.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

PLAYABLE: Mapping[str, str] = {
    "aac": "audio/aac", "flac": "audio/flac", "m4a": "audio/mp4", "mp3": "audio/mpeg", "oga": "audio/ogg", "ogg": "audio/ogg",
    "opus": "audio/ogg", "wav": "audio/wav", "weba": "audio/webm",
    "m4v": "video/mp4", "mkv": "video/x-matroska", "mov": "video/quicktime", "mp4": "video/mp4", "ogv": "video/ogg", "webm": "video/webm",
    "avif": "image/avif", "gif": "image/gif", "jpeg": "image/jpeg", "jpg": "image/jpeg", "png": "image/png", "webp": "image/webp",
}  # fmt: skip
"""Ending -> media type, of sounds, videos and pictures that a browser shows without running anything in them."""
PLAIN: Mapping[str, str] = {
    "json": "application/json", "jsonl": "application/jsonl", "log": "text/plain", "md": "text/plain", "npy": "application/octet-stream",
    "parquet": "application/vnd.apache.parquet", "pdf": "application/pdf", "txt": "text/plain",
}  # fmt: skip
"""Further endings that a file may keep. Tables with commas are not among them: a spreadsheet would run the formulas in one."""
TEXT, BYTES = "txt", "bin"
"""Endings behind the own one of every other file."""
LONGEST = 80
"""Characters of one part of a path."""
_LONGEST_BYTES = 120
_DEEPEST = 6
_FORBIDDEN = frozenset('<>:"\\|?*/')
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))})
"""Names that Windows keeps for devices, whatever the ending."""
_UNSEEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
"""Categories of characters without a shape: controls, changes of direction, halves of pairs, line separators."""


@dataclass
class ArchiveNames:
    """The names that an export has given, so that none is given twice."""

    _files: set[str] = field(default_factory=set, repr=False)
    _folders: set[str] = field(default_factory=set, repr=False)

    def give(self, dataset: str, name: str, *, text: bool) -> str:
        """Return a relative path for an item of a dataset, which no other item has.

        Args:
            dataset: its name in the map.
            name: the item's own name, as the store has it; any text.
            text: whether its first bytes are text. Decides the ending where its own is not among those that a file may keep.
        """
        parts = [_cleaned(part) for part in name.split("/") if part not in {"", ".", ".."}] or ["item"]
        parts = [_cleaned(dataset), *parts[-_DEEPEST:]]
        stem, ending = _split(parts[-1])
        if ending.lower() not in PLAYABLE and ending.lower() not in PLAIN:
            stem, ending = (f"{stem}.{ending}" if ending else stem), TEXT if text else BYTES
        folder = self._free_folder(parts[:-1])
        for each in _numbered(stem):
            path = f"{folder}/{each}.{ending}"
            key = _folded(path)
            if key not in self._files and key not in self._folders:
                self._files.add(key)
                return path
        raise AssertionError("numbers do not end")

    def _free_folder(self, parts: list[str]) -> str:
        """Return a folder of whose path no part is the name of a file already."""
        path = ""
        for part in parts:
            for each in _numbered(part):
                candidate = f"{path}/{each}" if path else each
                if _folded(candidate) not in self._files:
                    path = candidate
                    self._folders.add(_folded(path))
                    break
        return path


def media_type(path: str, told: str) -> str:
    """Return the media type by which a page shows a file: by its ending, else what the store told."""
    ending = path.rpartition(".")[2].lower()
    return PLAYABLE.get(ending) or PLAIN.get(ending) or ("text/plain" if ending == TEXT else told)


def visible(text: str) -> str:
    """Return a text without characters that have no shape, so that its end stands at its end."""
    return "".join(letter if unicodedata.category(letter) not in _UNSEEN else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _cleaned(part: str) -> str:
    letters = [
        "_" if letter in _FORBIDDEN or unicodedata.category(letter) in _UNSEEN else letter
        for letter in unicodedata.normalize("NFC", part.encode("utf-8", "replace").decode())
    ]
    stem, ending = _split("".join(letters).strip(" ."))
    room = LONGEST - len(ending) - 1
    text = _within(stem[:room], _LONGEST_BYTES - len(ending.encode()) - 1).rstrip(" .") + (f".{ending}" if ending else "")
    text = text.strip(" .") or "_"
    return f"_{text}" if text.partition(".")[0].rstrip().lower() in _DEVICES else text


def _within(text: str, most: int) -> str:
    return text.encode()[:most].decode("utf-8", "ignore")


def _split(name: str) -> tuple[str, str]:
    """Return the stem and the ending of a name; a long ending, or one with other signs than letters and digits, is none."""
    stem, point, ending = name.rpartition(".")
    return (stem, ending) if point and stem and ending.isascii() and ending.isalnum() and len(ending) <= 10 else (name, "")


def _folded(path: str) -> str:
    return unicodedata.normalize("NFKC", path).casefold()


def _numbered(stem: str) -> Iterator[str]:
    yield stem
    number = 2
    while True:
        yield f"{stem}-{number}"
        number += 1
