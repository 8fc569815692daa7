"""The frozen part of a model, which no forgetting changes: a public encoder, with the known facts about its own data."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from expunge.core.values import canonical
from expunge.learn.records.refusals import FileRefused
from expunge.learn.serving.serve_guard import file_hash, files_of

LONGEST = 300
"""Characters of a sentence that goes into a receipt."""
_HEX = re.compile(r"[0-9a-f]{64}")


def tree_digest(path: str | os.PathLike[str]) -> str:
    """One hash for a file (hex SHA-256 of its bytes) or a folder (of the canonical JSON of its relative paths and their hashes).

    Raises OSError where nothing is there or it cannot be read.
    """
    root = Path(path)
    if not root.is_dir():
        return file_hash(root)
    entries = [[file.relative_to(root).as_posix(), file_hash(file)] for file in files_of(root)]
    return sha256(canonical.encode(sorted(entries))).hexdigest()


@dataclass(frozen=True)
class Frozen:
    """A part of a model that no data of ours has shaped. Orders do not touch it, and receipts name it."""

    name: str
    digest: str
    """:func:`tree_digest` of its file or folder."""
    licence: str
    learnt_from: str
    """What is known of the data that it was trained on, and by whom; where nothing is, say so."""
    files: tuple[str, ...] = ()
    """Hex SHA-256 of each of its files, where it is a folder."""

    def __post_init__(self) -> None:
        if not _HEX.fullmatch(self.digest):
            raise ValueError("the digest is 64 hex digits")
        for each in (self.name, self.licence, self.learnt_from):
            if not each.strip() or not each.isprintable():
                raise ValueError("name, licence and what it learnt from are stated, each in one line")
        if len(self.sentence) > LONGEST:
            message = f"the statement is longer than {LONGEST} characters"
            raise ValueError(message)

    @classmethod
    def of(cls, path: str | os.PathLike[str], *, name: str, licence: str, learnt_from: str) -> Frozen:
        """Return the encoder at a path. Raises OSError."""
        return cls(name, tree_digest(path), licence, learnt_from, tuple(file_hash(file) for file in files_of(Path(path))))

    def check(self, path: str | os.PathLike[str]) -> None:
        """Raise FileRefused where something else lies at the path: then data of ours may have shaped it. Raises OSError."""
        if tree_digest(path) != self.digest:
            message = f"{self.name}: what lies there is not what was named"
            raise FileRefused(message)

    @property
    def hashes(self) -> frozenset[str]:
        """Hex SHA-256 of every file of it: those are the same in every version of a model that has them beside its own."""
        return frozenset(self.files or (self.digest,))

    @property
    def sentence(self) -> str:
        """As a receipt says it."""
        return f"rests on {self.name} (sha256 {self.digest[:16]}, licence: {self.licence}), which stays; it learnt from: {self.learnt_from}"
