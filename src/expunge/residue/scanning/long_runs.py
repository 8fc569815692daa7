"""Runs of letters that are too long to be kept: what they say is read as it comes, so that a container in them is opened whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from expunge.residue.forms.finder import LongRun
from expunge.residue.forms.tokens import GROUPS, TO_PLAIN, phases_of, say
from expunge.residue.forms.written import Written, WrittenOrigin
from expunge.residue.matching.session import Allowance, RunOrigin, Session

_ALPHABETS = {
    "hex": b"0123456789abcdefABCDEF",
    "base32": b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz234567",
    "base64": b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_",
}
_FOR_EVER = 1 << 62


class RunReader(Protocol):
    """Searches one run of bytes, as ``ByteStream`` does."""

    @property
    def unpacking(self) -> bool:
        """Whether a container has begun, and goes on."""

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""

    def close(self) -> None:
        """Search the rest: the run has ended."""


BeginRun = Callable[[Session, RunOrigin, Allowance], RunReader]


class LongRunReader:
    """Reads one long run, in each way in which its groups may lie."""

    def __init__(self, run: LongRun, whole: bytes, at: int, reading: tuple[Session, RunOrigin, Allowance], begin: BeginRun) -> None:
        """Begin with what a block has of it.

        Args:
            run: the run, with its place in the block.
            whole: the block.
            at: the place of the block in the data.
            reading: the scan, the origin of the data, and its allowance.
            begin: begins to search what the run says.
        """
        session, where, allowance = reading
        self._form, self._alphabet = run.form, _ALPHABETS[run.form]
        end = whole.find(b"\n", run.begin) if run.lines else -1
        self._line = len(whole[run.begin : end].rstrip(b"\r")) if run.lines else 0
        step = end + 1 - run.begin if run.lines else 1
        self._partial = b""
        """Letters of a line of which the end has not come."""
        self._readers: list[tuple[bytearray, RunReader]] = []
        self._to_skip: list[int] = []
        group, makes = GROUPS[run.form]
        for phase in phases_of(run.form, whole, run.begin, several=run.lines):
            written = Written(run.form, b"", [(at + run.begin + phase, _FOR_EVER, 0)], (group * step, makes * (self._line or 1)))
            origin = WrittenOrigin.of(written, lambda place: (where, place))
            self._readers.append((bytearray(), begin(session, origin, allowance)))
            self._to_skip.append(phase)

    @property
    def unpacking(self) -> bool:
        """Whether a container has begun in what it says, and goes on."""
        return any(reader.unpacking for _, reader in self._readers)

    def feed(self, data: bytes) -> int | None:
        """Take the next bytes; return how many of them are part of the run, or None where it goes on behind them."""
        text, taken = self._lines(data) if self._line else self._letters(data)
        group, _ = GROUPS[self._form]
        for number, (waiting, reader) in enumerate(self._readers):
            skip = min(self._to_skip[number], len(text))
            self._to_skip[number] -= skip
            waiting.extend(text[skip:])
            whole = len(waiting) // group * group if taken is None else len(waiting)
            if whole:
                reader.feed(say(self._form, bytes(waiting[:whole])))
                del waiting[:whole]
        return taken

    def close(self) -> None:
        """The run has ended, or is left."""
        for _, reader in self._readers:
            reader.close()

    def _letters(self, data: bytes) -> tuple[bytes, int | None]:
        rest = data.lstrip(self._alphabet)
        text = data[: len(data) - len(rest)]
        return text.translate(TO_PLAIN), len(text) if rest else None

    def _lines(self, data: bytes) -> tuple[bytes, int | None]:
        """Return the letters of lines that are as long as the first, and of a shorter one behind them."""
        before = len(self._partial)
        *lines, last = (self._partial + data).split(b"\n")
        text: list[bytes] = []
        passed = 0
        for line in lines:
            letters = line.strip(b"\r \t")
            more = letters.lstrip(self._alphabet)
            if more or len(letters) != self._line:
                text.append(letters[: len(letters) - len(more)])
                return b"".join(text).translate(TO_PLAIN), max(0, passed + len(line) - len(more) - before)
            text.append(letters)
            passed += len(line) + 1
        more = last.lstrip(b" \t").lstrip(self._alphabet).lstrip(b"\r")
        if more or len(last) > self._line + 2:
            letters = last.strip(b"\r \t")
            text.append(letters[: len(letters) - len(letters.lstrip(self._alphabet))][: self._line])
            return b"".join(text).translate(TO_PLAIN), max(0, passed + len(last) - len(more) - before)
        self._partial = last
        return b"".join(text).translate(TO_PLAIN), None
