"""The port by which content is told by its first bytes: audio, pictures, video."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple, TypeAlias

HEAD = 1 << 16
"""Bytes from the beginning that recognition needs."""


class MediaKind(StrEnum):
    """The kind of a recording or picture."""

    AUDIO = "audio"
    IMAGE = "pictures"
    VIDEO = "video"


class Recognised(NamedTuple):
    """The answer for one content."""

    media: MediaKind | None = None
    located: bool = False
    """Whether a picture says where it was taken."""


Recognise: TypeAlias = Callable[[bytes], Recognised]
"""Tells content by its first bytes."""
