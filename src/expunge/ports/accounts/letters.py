"""The port of letters: mail that the keeper sends to the owner of an account."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Letter:
    """One letter, as text and as HTML."""

    to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    tells: bool = False
    """Whether it tells of what has happened: it waits where others are refused."""
    key: str = ""
    """Names the letter, so that a second copy of it has the same Message-ID; empty for one of its own."""


class Letters(Protocol):
    """Sends letters. Safe between threads."""

    def post(self, letter: Letter) -> None:
        """Take a letter and return at once; it is sent in a thread beside, with a few tries. One that cannot be sent is lost, and counted.

        Letters that were asked for, such as codes, never take the room of those that tell of something.

        Raises:
            Undelivered: no letter goes out at present; this one was not taken. One that tells of something is taken, and tried.
            Busy: too many letters wait; this one was not taken.
        """
        ...

    def close(self) -> None:
        """Try for a moment to send what waits, and end."""
        ...
