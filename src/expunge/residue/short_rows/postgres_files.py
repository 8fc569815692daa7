"""The pages of one PostgreSQL relation, over all its segments, read in order."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from expunge.residue.formats.postgres_packed import PAGE
from expunge.residue.placing.postgres_pages import Page, is_page

_AT_ONCE = 128


def segments(first: Path) -> Iterator[Path]:
    """Yield the files of a relation, as far as they are there, in order."""
    number, path = 0, first
    while path.exists():
        yield path
        number += 1
        path = first.with_name(f"{first.name}.{number}")


def pages(first: Path) -> Iterator[tuple[bytes, Page | None]]:
    """Yield bytes and page of each page of a relation; no page where the bytes are none. Raises OSError."""
    number = 0
    for path in segments(first):
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            at = 0
            while data := os.pread(file, _AT_ONCE * PAGE, at):
                for begin in range(0, len(data), PAGE):
                    one = data[begin : begin + PAGE]
                    yield one, Page(one, number) if is_page(one) else None
                    number += 1
                at += len(data)
        finally:
            os.close(file)
