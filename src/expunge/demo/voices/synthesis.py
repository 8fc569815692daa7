"""Synthetic speech by espeak-ng, in a process of its own: ``python -m expunge.demo.voices.synthesis`` reads jobs, writes WAV files.

espeak-ng is free software under GPL-3. It is found through the package ``espeakng-loader`` (extra ``speech``), loaded by this
module only when it runs as a program, and never in the process that imports Expunge. One job is one line of JSON on standard
input: ``{"text", "voice", "pitch", "rate", "loudness", "path"}``; one line, the path, answers each on standard output.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import subprocess
import sys
import wave
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_SYNCHRONOUS = 2
_UTF8 = 1
_RATE, _VOLUME, _PITCH = 1, 2, 3


@dataclass(frozen=True)
class Job:
    """One sentence to be said."""

    text: str
    voice: str
    """An espeak-ng voice with a variant: ``en-us+f5``."""
    pitch: int
    """0 to 100; children lie at 80 and above."""
    rate: int
    """Words a minute."""
    loudness: int
    """100 as usual, 200 at most."""
    path: str
    """The WAV file to write."""


def available() -> bool:
    """Return whether the extra ``speech`` is installed. Nothing is loaded for the check."""
    return importlib.util.find_spec("espeakng_loader") is not None


def say(jobs: Sequence[Job]) -> str:
    """Have another process say the jobs and write their files; returns why it could not, or an empty string."""
    lines = "".join(json.dumps(asdict(job)) + "\n" for job in jobs)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "expunge.demo.voices.synthesis"], input=lines, capture_output=True, text=True, timeout=120, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"the synthesiser did not answer ({type(error).__name__})"
    missing = [job for job in jobs if not Path(job.path).is_file()]
    if done.returncode or missing:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        return f"the synthesiser ended with {done.returncode} and left out {len(missing)} of {len(jobs)} sentences: {last[0]}"
    return ""


class _Voice:
    """espeak-ng's C interface, as far as it is needed."""

    def __init__(self) -> None:
        import espeakng_loader

        self._library = ctypes.CDLL(str(espeakng_loader.get_library_path()))
        data = str(espeakng_loader.get_data_path()).encode()
        self.rate = int(self._library.espeak_Initialize(_SYNCHRONOUS, 0, data, 0))
        if self.rate <= 0:
            raise OSError("espeak-ng could not be started")
        self._heard = bytearray()
        callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        # Kept in an attribute: the library calls it long after this method has returned.
        self._callback = callback(self._hear)
        self._library.espeak_SetSynthCallback(self._callback)

    def _hear(self, samples: ctypes._Pointer[ctypes.c_short] | None, count: int, _events: int | None) -> int:
        if samples and count > 0:
            self._heard += ctypes.string_at(samples, count * 2)
        return 0

    def speak(self, job: Job) -> bytes:
        """The samples of one sentence, little-endian 16 bit, at ``self.rate``."""
        if self._library.espeak_SetVoiceByName(job.voice.encode()) != 0:
            message = f"espeak-ng has no voice {job.voice}"
            raise OSError(message)
        self._library.espeak_SetParameter(_PITCH, job.pitch, 0)
        self._library.espeak_SetParameter(_RATE, job.rate, 0)
        self._library.espeak_SetParameter(_VOLUME, job.loudness, 0)
        self._heard.clear()
        text = job.text.encode()
        self._library.espeak_Synth(text, ctypes.c_size_t(len(text) + 1), 0, 1, 0, _UTF8, None, None)
        return bytes(self._heard)


def main() -> None:
    """Read jobs from standard input until it ends."""
    voice = _Voice()
    for line in sys.stdin:
        job = Job(**json.loads(line))
        samples = voice.speak(job)
        with wave.open(job.path, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(voice.rate)
            file.writeframes(samples)
        sys.stdout.write(job.path + "\n")


if __name__ == "__main__":
    main()
