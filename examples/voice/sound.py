"""Speech as windows of one second: 40 bands of a log-mel spectrum every hundredth of a second, as whole numbers."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from expunge.demo.voices import synthesis
from expunge.demo.voices.audio import SPEECH_RATE, Sound, read_sound
from expunge.demo.voices.speech import cache_folder
from expunge.errors import UsageError

BANDS, STEPS = 40, 100
"""Of a window: mel bands, and hundredths of a second."""
HOP, FRAME = SPEECH_RATE // 100, 512
STEPS_A_UNIT = 8
"""Whole steps to one unit of the natural logarithm."""
FOLDER = "EXPUNGE_SPEECH"
_QUIET = 60.0
"""Mean absolute sample, below which a second is taken for a pause."""
_SENTENCES = (
    "the quick brown fox jumps over the lazy dog while the farmer counts his seven sheep",
    "please water the tomatoes at seven and call grandma about the train on sunday morning",
    "every voice in this house is different and the little box in the kitchen hears them all",
)
_WOMEN, _MEN = ("f1", "f2", "f3", "f4", "f5"), ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8")
_LANGUAGES = ("en-us", "en-029", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd")


@dataclass(frozen=True)
class Speaker:
    """Somebody who speaks, and the recording."""

    name: str
    woman: bool
    path: Path
    """A WAV or FLAC file."""


def speakers() -> tuple[list[Speaker], str]:
    """Everybody who can be had, and where they are from.

    The folder that ``EXPUNGE_SPEECH`` names: files whose names start with the speaker and ``-``, with ``SPEAKERS.TXT`` (``ID | SEX | ...``,
    as in LibriSpeech) to say who is a woman. Without it, synthetic voices of espeak-ng.

    Raises UsageError where there are neither, or fewer than 12 people.
    """
    named = os.environ.get(FOLDER)
    found, origin = (_from_folder(Path(named)), f"recordings of {Path(named).name}") if named else (_synthetic(), "synthetic voices")
    if len(found) < 12:
        message = f"{len(found)} speakers of whom it is said whether they are women: too few to learn from"
        raise UsageError(message, help=f"{FOLDER} names a folder of SPEAKER-*.flac or .wav with SPEAKERS.TXT")
    return found, origin


def windows(sound: Sound) -> np.ndarray:
    """Whole seconds that are no pauses, as features: (windows, BANDS, STEPS) int16."""
    samples = sound.at_rate(SPEECH_RATE).samples.astype(np.float64)
    count = max(0, (len(samples) - FRAME) // SPEECH_RATE)
    loud = [at for at in range(count) if np.abs(samples[at * SPEECH_RATE : (at + 1) * SPEECH_RATE]).mean() >= _QUIET]
    return np.array([_features(samples[at * SPEECH_RATE : (at + 1) * SPEECH_RATE + FRAME - HOP]) for at in loud], np.int16).reshape(
        -1, BANDS, STEPS
    )


def _features(samples: np.ndarray) -> np.ndarray:
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP][:STEPS] * np.hanning(FRAME)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    return np.rint(np.log(power @ _MEL.T + 1e4).T * STEPS_A_UNIT).astype(np.int16)


def _mel_bands() -> np.ndarray:
    """Triangles between equal steps of the mel scale, 60 to 7,600 Hz: (BANDS, FRAME / 2 + 1)."""
    lowest, highest = (2595 * float(np.log10(1 + each / 700)) for each in (60.0, 7600.0))
    mels = np.linspace(lowest, highest, BANDS + 2)
    edges = 700 * (10 ** (mels / 2595) - 1) * FRAME / SPEECH_RATE
    at = np.arange(FRAME // 2 + 1)
    low, middle, high = (edges[start : start + BANDS, None] for start in range(3))
    return np.maximum(0, np.minimum((at - low) / (middle - low), (high - at) / (high - middle)))


_MEL = _mel_bands()


def _from_folder(folder: Path) -> list[Speaker]:
    said = folder / "SPEAKERS.TXT"
    if not said.is_file():
        message = f"{FOLDER}: {folder} holds no SPEAKERS.TXT"
        raise UsageError(message, help="lines of `ID | F or M | ...` say who is a woman, as in LibriSpeech")
    rows = [line.split("|") for line in said.read_text("utf-8", "replace").splitlines() if not line.startswith(";")]
    women = {row[0].strip(): row[1].strip() == "F" for row in rows if len(row) > 1}
    paths = sorted(each for each in folder.iterdir() if each.suffix.lower() in {".flac", ".wav"})
    first = {each.name.partition("-")[0]: each for each in reversed(paths)}
    return [Speaker(name, women[name], path) for name, path in sorted(first.items()) if name in women]


def _synthetic() -> list[Speaker]:
    if not synthesis.available():
        raise UsageError("there are no voices to learn from", help=f"{FOLDER} names a folder of speech; or install expunge[speech]")
    place = cache_folder() / "voices"
    place.mkdir(parents=True, exist_ok=True)
    found, jobs = [], []
    for number, language in enumerate(_LANGUAGES):
        for variant in (*_WOMEN, *_MEN):
            woman = variant in _WOMEN
            path = place / f"{language}+{variant}.wav"
            found.append(Speaker(f"{language}+{variant}", woman, path))
            pitch, rate = (45 if woman else 30) + 7 * number, 135 + 9 * number
            jobs.append(synthesis.Job(". ".join(_SENTENCES), f"{language}+{variant}", pitch, rate, 100, str(path)))
    trouble = synthesis.say([each for each in jobs if not Path(each.path).is_file()])
    if trouble:
        raise UsageError(trouble, help=f"{FOLDER} names a folder of speech")
    return found


def read(speaker: Speaker) -> np.ndarray:
    """All windows of one speaker. Raises UsageError for a file that is no sound."""
    try:
        return windows(read_sound(speaker.path))
    except (OSError, ValueError) as error:
        message = f"{speaker.path.name} cannot be read as sound"
        raise UsageError(message, help="WAV and FLAC files are read") from error
