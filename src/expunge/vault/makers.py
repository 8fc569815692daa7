"""Make small things from recordings: what a player draws before it has the sound.

They read with a decoder in C, in this process: use them on recordings of devices that you trust.
"""

from __future__ import annotations

import json
from typing import BinaryIO

import soundfile

from expunge.errors import UsageError

BUCKETS = 400
"""Pairs in a waveform, unless said otherwise."""


def waveform(recording: BinaryIO, buckets: int = BUCKETS) -> bytes:
    """Return the peaks of a sound as JSON: ``{"rate", "frames", "peaks": [[lowest, highest], ...]}`` in steps of a 16-bit sample.

    The channels count together. A sound with fewer frames than ``buckets`` has a pair for each frame. The part of one pair is in memory
    at a time.

    Raises:
        UsageError: this is no sound that soundfile reads.
    """
    try:
        with soundfile.SoundFile(recording) as sound:
            frames, count = len(sound), max(1, min(buckets, len(sound)))
            peaks = []
            for bucket in range(count):
                part = sound.read((bucket + 1) * frames // count - bucket * frames // count, dtype="int16")
                if not part.size:
                    break
                peaks.append([int(part.min()), int(part.max())])
            return json.dumps({"rate": sound.samplerate, "frames": frames, "peaks": peaks}, separators=(",", ":")).encode()
    except soundfile.LibsndfileError as error:
        raise UsageError("this is no sound that can be read", help="WAV, FLAC, Ogg and MP3 are; decode others elsewhere") from error
