"""Blank statements, parameters and values that quote erased rows in the server's log files, in place and to the same length.

The purpose of a log is kept: the time, process and severity of each entry stay, in csvlog and jsonlog also the SQLSTATE. Messages go but
for those of the server about itself. The server may go on writing meanwhile: it only appends, and nothing behind the stretch that was read
is touched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from expunge import durable

_LABEL = re.compile(rb"(?:^|[ \]:>)])((?:[A-Z][A-Z0-9]{2,15}):  )")
"""``LOG:  ``, ``ERROR:  ``, ``DETAIL:  ``: two blanks after the colon, in whatever language has capitals of ASCII."""
_HARMLESS = re.compile(
    rb"(checkpoint (starting|complete)|restartpoint (starting|complete)|database system (is|was)|listening on |starting PostgreSQL |"
    rb"received "
    rb"(fast|smart|immediate) shutdown|shutting down|aborting any active|background worker \"|redo (starts|done|is not)|"
    rb"autovacuum launcher|"
    rb"logical replication launcher|parameter \"|connection (received|authenticated|authorized)|disconnection: |server process \(PID|"
    rb"terminating any other|all server processes terminated|automatic (vacuum|analyze) of |last completed transaction was)"
)
_VALUED_JSON = re.compile(rb'"(?:message|detail|hint|internal_query|context|statement)":"((?:[^"\\]|\\.)*)"')
_VALUED_CSV = frozenset({13, 14, 15, 16, 18, 19})
"""Columns of csvlog, from 0: message, detail, hint, internal query, context, query."""


_CHUNK = 8 << 20


def blank(path: Path, start: int = 0) -> tuple[int, int]:
    """Blank one log file from the byte ``start`` on, which begins an entry: (places blanked, where to go on next time). Raises OSError.

    The whole entries there are now are looked at; the last one may still be in the writing and belongs to now. Memory does not grow with
    the file.
    """
    places = 0
    with path.open("r+b") as file:
        text = b""
        while more := _read(file, start + len(text)):
            text += more
            whole = _whole(path, text)
            for first, last in _spans(path, text[:whole]):
                if text[first:last].strip():
                    places += 1
                    file.seek(start + first)
                    # Line ends stay, so that a file read half-way through is still lines.
                    file.write(re.sub(rb"[^\r\n]", b" ", text[first:last]))
            start, text = start + whole, text[whole:]
        if places:
            file.flush()
            # crash here: some places are blank, the rest is found again by the next climb.
            durable.fsync(file, at="postgres.purge.log")
    return places, start


def _read(file: BinaryIO, at: int) -> bytes:
    file.seek(at)
    return file.read(_CHUNK)


def _whole(path: Path, text: bytes) -> int:
    """How many bytes of ``text`` are entries that end in it; a quoted field of csvlog may hold line ends."""
    end = text.rfind(b"\n") + 1
    while path.suffix == ".csv" and end and text.count(b'"', 0, end) % 2:
        end = text.rfind(b"\n", 0, end - 1) + 1
    return end


def _spans(path: Path, text: bytes) -> Iterator[tuple[int, int]]:
    if path.suffix == ".csv":
        return _csv(text)
    return _json(text) if path.suffix == ".json" else _plain(text)


def _json(text: bytes) -> Iterator[tuple[int, int]]:
    for each in _VALUED_JSON.finditer(text):
        if not _HARMLESS.match(each[1]):
            yield each.span(1)


def _plain(text: bytes) -> Iterator[tuple[int, int]]:
    """Everything after the label of each line, unless the message is one of the server about itself; whole lines where there is none."""
    at = 0
    for line in text.splitlines(keepends=True):
        # A line that begins with a tab goes on with a value or statement, whatever stands in it.
        label = None if line.startswith(b"\t") else _LABEL.search(line)
        if label is None:
            yield at, at + len(line)
        elif not (label[1] in {b"LOG:  ", b"FATAL:  "} and _HARMLESS.match(line, label.end())):
            yield at + label.end(), at + len(line)
        at += len(line)


def _csv(text: bytes) -> Iterator[tuple[int, int]]:
    """Columns with values; a quoted one may hold commas, line ends and doubled quotes."""
    column, at = 0, 0
    while at < len(text):
        quoted = text[at : at + 1] == b'"'
        first = at + quoted
        if quoted:
            last = _closing(text, first)
            at = last + 1
        else:
            ends = [found for found in (text.find(b",", at), text.find(b"\n", at)) if found >= 0]
            at = last = min(ends, default=len(text))
        if column in _VALUED_CSV and not _HARMLESS.match(text, first):
            yield first, last
        column = 0 if text[at : at + 1] == b"\n" else column + 1
        at += 1


def _closing(text: bytes, at: int) -> int:
    while (at := text.find(b'"', at)) >= 0:
        if text[at + 1 : at + 2] != b'"':
            return at
        at += 2
    return len(text)
