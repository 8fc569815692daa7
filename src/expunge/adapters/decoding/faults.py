"""Why media cannot be shown: a closed list, which crosses the pipe of a closed process as a word."""

from __future__ import annotations

from enum import StrEnum

MOST_TRACKS = 16
"""Tracks of one recording."""
MOST_PIXELS = 4096 * 2304
"""Pixels of one frame, or of one picture of a film's kind."""


class MediaFault(StrEnum):
    """What is wrong with a recording, or with what is asked of it."""

    EMPTY = "empty"
    UNKNOWN = "unknown"
    DAMAGED = "damaged"
    TRACKS = "tracks"
    PIXELS = "pixels"
    CODING = "coding"
    NO_LENGTH = "no length"
    MEMORY = "memory"
    OUTSIDE = "outside"
    NOTHING = "nothing"
    OTHER_KIND = "other kind"

    @property
    def of_the_ask(self) -> bool:
        """Return whether another ask would do: the recording is in order."""
        return self in _OF_THE_ASK

    @property
    def message(self) -> str:
        """Return what is wrong, for a person."""
        return _SAID[self][0]

    @property
    def remedy(self) -> str:
        """Return what to do about it."""
        return _SAID[self][1]


_OF_THE_ASK = frozenset({MediaFault.OUTSIDE, MediaFault.NOTHING, MediaFault.OTHER_KIND})
_EXPORT = "the customer can export it; nothing of it was shown"
_HOW_IT_CAME = "look at how it came in"
_SAID = {
    MediaFault.EMPTY: ("the recording is empty", _HOW_IT_CAME),
    MediaFault.UNKNOWN: ("the recording is no sound, film or picture of a form that is shown", _EXPORT),
    MediaFault.DAMAGED: (
        "the recording is damaged, cut short, or not what it says it is",
        f"ask for a part before the damage, or {_HOW_IT_CAME}",
    ),
    MediaFault.TRACKS: (f"the recording has more than {MOST_TRACKS} tracks, or a table of contents that takes too much memory", _EXPORT),
    MediaFault.PIXELS: (f"the picture has more than {MOST_PIXELS // 1_000_000} million pixels", _EXPORT),
    MediaFault.CODING: ("the recording is coded in a way that is not decoded here", _EXPORT),
    MediaFault.NO_LENGTH: ("the recording has no length", _HOW_IT_CAME),
    MediaFault.MEMORY: ("the recording takes more memory than it is given when it is decoded", _EXPORT),
    MediaFault.OUTSIDE: ("the range lies behind the end of the recording", "ask for a part of it"),
    MediaFault.NOTHING: (
        "there is nothing to see or hear: the recording is sound alone, and no sound was asked for",
        "ask for the sound, or read the transcript",
    ),
    MediaFault.OTHER_KIND: (
        "this is not asked of a recording of this kind",
        "ask for a still of a picture, and for segments of a film or a sound",
    ),
}


class MediaRefused(Exception):
    """Media cannot be shown. It never leaves the process that decodes, but as its word."""

    def __init__(self, fault: MediaFault) -> None:
        super().__init__(fault.value)
        self.fault = fault
