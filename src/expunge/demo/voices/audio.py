"""Sound as numbers: reading, writing, joining, cutting, and the features that the demo company keeps of a voice.

Samples are ``int16`` arrays of one channel throughout.
"""

from __future__ import annotations

import hashlib
import io
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Samples: TypeAlias = npt.NDArray[np.int16]

SPEECH_RATE = 16_000
"""Hz; what the recogniser's model wants, and what synthetic and joined recordings are written at."""


@dataclass(frozen=True)
class Sound:
    """One channel of sound."""

    samples: Samples
    rate: int
    """Samples per second."""

    @property
    def seconds(self) -> float:
        """The duration."""
        return len(self.samples) / self.rate

    def wav(self) -> bytes:
        """As a 16-bit PCM WAV file; the same samples always give the same bytes."""
        out = io.BytesIO()
        with wave.open(out, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(self.rate)
            file.writeframes(self.samples.astype("<i2").tobytes())
        return out.getvalue()

    def at_rate(self, rate: int) -> Sound:
        """Resampled by straight lines between samples: good enough to listen to and to recognise."""
        if rate == self.rate or len(self.samples) == 0:
            return Sound(self.samples, rate)
        places = np.arange(int(len(self.samples) * rate / self.rate)) * (self.rate / rate)
        values = np.interp(places, np.arange(len(self.samples)), self.samples.astype(np.float64))
        return Sound(np.rint(values).astype(np.int16), rate)


def read_sound(path: Path) -> Sound:
    """Read a WAV or FLAC file; several channels are averaged. Raises OSError, or ValueError when it is not sound."""
    if path.suffix.lower() == ".wav":
        return read_wav(path.read_bytes())
    import soundfile

    try:
        data, rate = soundfile.read(path, dtype="int16", always_2d=True)
    except soundfile.LibsndfileError as error:
        message = f"{path.name} cannot be decoded as sound"
        raise ValueError(message) from error
    return Sound(data.astype(np.int32).mean(axis=1).astype(np.int16), int(rate))


def read_wav(data: bytes) -> Sound:
    """Decode a 16-bit PCM WAV file. Raises ValueError when it is anything else."""
    try:
        with wave.open(io.BytesIO(data)) as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            frames = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError("not a WAV file that can be read") from error
    if width != 2:
        raise ValueError("only 16-bit WAV files are read")
    samples = np.frombuffer(frames, dtype="<i2").reshape(-1, channels)
    return Sound(samples.astype(np.int32).mean(axis=1).astype(np.int16), rate)


def join(parts: list[Sound], pause: float = 0.35) -> Sound:
    """One recording in which the parts follow each other, with ``pause`` seconds of faint noise between them."""
    noise = np.random.default_rng(sum(len(part.samples) for part in parts))
    pieces: list[Samples] = []
    for part in parts:
        pieces.append(part.at_rate(SPEECH_RATE).samples)
        pieces.append(noise.integers(-3, 4, int(pause * SPEECH_RATE)).astype(np.int16))
    return Sound(np.concatenate(pieces), SPEECH_RATE)


def cut_at_pauses(sound: Sound, shortest: float = 2.0, longest: float = 3.5) -> list[Sound]:
    """Cut a long recording into utterances of ``shortest`` to ``longest`` seconds, each cut at the quietest moment in reach."""
    frame = sound.rate // 50
    count = len(sound.samples) // frame
    loud = np.abs(sound.samples[: count * frame].astype(np.int32)).reshape(count, frame).mean(axis=1) if count else np.zeros(0)
    pieces: list[Sound] = []
    start, low, high = 0, int(shortest * 50), int(longest * 50)
    while count - start > low:
        reach = loud[start + low : min(start + high, count)]
        end = start + low + int(np.argmin(reach)) if count - start > high else count
        pieces.append(Sound(sound.samples[start * frame : end * frame], sound.rate))
        start = end
    return pieces


def tone(name: str, seconds: float = 1.0) -> Sound:
    """Return a warbling tone with a little noise, different for every name and the same every time: stands in where no voice can be had."""
    random = np.random.default_rng(list(hashlib.sha256(name.encode()).digest()))
    count = int(seconds * 8_000)
    time = np.arange(count) / 8_000
    pitch = 180 + 300 * random.random()
    wave_ = np.sin(2 * np.pi * (pitch * time + 6 * np.sin(2 * np.pi * (2 + 3 * random.random()) * time)))
    return Sound((6_000 * wave_ + random.normal(0, 120, count)).astype(np.int16), 8_000)


def waveform(sound: Sound, bars: int = 24) -> str:
    """Return the drawing of the app's player: the loudest sample of each of ``bars`` equal parts, two hexadecimal bytes a bar."""
    parts = np.array_split(np.abs(sound.samples.astype(np.int32)), bars)
    return "".join(f"{int(part.max(initial=0)):04x}" for part in parts)


def meaning(text: str, size: int = 64) -> npt.NDArray[np.float32]:
    """Return the vector of a sentence that finds others like it: its trigrams, hashed into ``size`` numbers, of length one.

    Shape ``(size,)``, float32.
    """
    vector = np.zeros(size)
    padded = f"  {text.casefold()} "
    for at in range(len(padded) - 2):
        digest = hashlib.sha256(padded[at : at + 3].encode()).digest()
        vector += np.frombuffer(digest * (size // 32 + 1), np.uint8)[:size].astype(np.float64) / 127.5 - 1
    return (vector / (np.linalg.norm(vector) or 1.0)).astype(np.float32)


def voiceprint(sound: Sound, size: int = 128) -> npt.NDArray[np.float32]:
    """Return the vector of a voice: mean and spread of ``size / 2`` log-spaced spectral bands, of length one.

    Shape ``(size,)``, float32.
    """
    bands = size // 2
    frame = sound.rate // 40
    count = max(1, len(sound.samples) // frame)
    padded = np.resize(sound.samples, count * frame).astype(np.float64).reshape(count, frame)
    power = np.abs(np.fft.rfft(padded * np.hanning(frame), axis=1)) ** 2
    edges = np.unique(np.geomspace(1, power.shape[1] - 1, bands + 1).astype(int))
    rows = np.log1p(np.add.reduceat(power, edges[:-1], axis=1))
    rows = np.pad(rows, ((0, 0), (0, bands - rows.shape[1])), mode="edge")
    vector = np.concatenate([rows.mean(axis=0), rows.std(axis=0)])
    return (vector / (np.linalg.norm(vector) or 1.0)).astype(np.float32)
