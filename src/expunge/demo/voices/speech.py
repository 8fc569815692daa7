"""Voices for the demonstration: real speech where it is available, synthetic speech for children and missing voices.

The sources in sequence are a folder of speech named by ``EXPUNGE_SPEECH``, Debian's voice packages, synthesis, and tones where even
synthesis is not available. The company's data and the story name the origin of each voice.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from expunge.demo.voices import packages, recogniser, synthesis
from expunge.demo.voices.audio import Sound, cut_at_pauses, read_sound, read_wav, tone

CLIPS_EACH = 12
"""How many utterances one recorded voice needs at most."""
_SHORTEST, _LONGEST = 2.0, 8.0


class Origin(StrEnum):
    """The origin of a voice."""

    RECORDED = "recorded"
    """A person's."""
    SYNTHETIC = "synthetic"
    TONE = "tone"
    """No voice could be had: a tone stands in for it."""


@dataclass(frozen=True)
class Clip:
    """One utterance."""

    sound: Sound
    text: str
    """What is said, or what a recogniser heard."""
    origin: Origin
    text_from: str
    """``recogniser``, ``prompt text`` or ``script``."""


@dataclass(frozen=True)
class DemoVoice:
    """One recorded person."""

    language: str
    speaker: str
    """For the credits."""
    licence: str
    clips: tuple[Clip, ...]


@dataclass(frozen=True)
class Line:
    """One sentence that a synthetic person says."""

    text: str
    voice: str
    pitch: int
    rate: int = 160
    loudness: int = 100


class Speech(Protocol):
    """A source of voices for a company's people."""

    @property
    def voices(self) -> tuple[DemoVoice, ...]:
        """The recorded ones; adults only."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """The voices that were not available, for the story."""
        ...

    def say(self, lines: Sequence[Line]) -> list[Clip]:
        """Synthetic utterances, in the order of the lines; tones where there is no synthesis."""
        ...


@dataclass(frozen=True)
class Tones:
    """No voices at all: fast, the same every time, for tests and for machines that have nothing else."""

    voices: tuple[DemoVoice, ...] = ()
    notes: tuple[str, ...] = ("no voice could be had: every recording is a tone, and its transcript is the script",)

    def say(self, lines: Sequence[Line]) -> list[Clip]:
        """One tone a line."""
        return [Clip(tone(line.text), line.text, Origin.TONE, "script") for line in lines]


@dataclass(frozen=True)
class Voices:
    """Recorded voices as far as found, synthetic ones for the rest."""

    voices: tuple[DemoVoice, ...]
    cache: Path = field(repr=False)
    notes: tuple[str, ...] = ()

    def say(self, lines: Sequence[Line]) -> list[Clip]:
        """Synthesise sentences that the cache does not hold. Raises OSError when the synthesiser fails."""
        folder = self.cache / "said"
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{hashlib.sha256(repr(line).encode()).hexdigest()[:32]}.wav" for line in lines]
        fresh = {path: line for path, line in zip(paths, lines, strict=True) if not path.is_file()}
        if fresh:
            trouble = synthesis.say([
                synthesis.Job(line.text, line.voice, line.pitch, line.rate, line.loudness, str(path)) for path, line in fresh.items()
            ])  # fmt: skip
            if trouble:
                raise OSError(trouble)
        sounds = [read_wav(path.read_bytes()).at_rate(16_000) for path in paths]
        return [Clip(sound, line.text, Origin.SYNTHETIC, "script") for sound, line in zip(sounds, lines, strict=True)]


def cache_folder() -> Path:
    """Return the folder that keeps voices and transcripts between runs: ``EXPUNGE_CACHE``, or ``expunge`` in the user's cache folder."""
    named = os.environ.get("EXPUNGE_CACHE")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "expunge"


def find(cache: Path | None = None, folder: Path | None = None) -> Speech:
    """Get the best voices that this machine can have.

    Args:
        cache: where to keep what was fetched; the user's cache folder when None.
        folder: WAV or FLAC files whose names start with the speaker and ``-``; ``EXPUNGE_SPEECH`` when None.
    """
    notes: list[str] = []
    place = _usable(cache or cache_folder(), notes)
    named = folder or (Path(os.environ["EXPUNGE_SPEECH"]) if os.environ.get("EXPUNGE_SPEECH") else None)
    voices = _from_folder(named, place, notes) if named is not None else _from_packages(place, notes)
    why = "espeakng-loader (extra speech) is not installed"
    if synthesis.available():
        try:
            Voices((), place).say([Line("good morning", "en-us", 50)])
        except OSError as error:
            why = str(error)
        else:
            return Voices(voices, place, tuple(notes))
    notes.append(f"{why}: children and whoever has no recorded voice are tones")
    return _Silent(voices, tuple(notes))


def _usable(cache: Path, notes: list[str]) -> Path:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        if os.access(cache, os.W_OK):
            return cache
    except OSError:
        pass
    notes.append("the cache folder cannot be written: voices are fetched anew each time (EXPUNGE_CACHE names another)")
    return Path(tempfile.mkdtemp(prefix="expunge-voices-"))


@dataclass(frozen=True)
class _Silent:
    voices: tuple[DemoVoice, ...]
    notes: tuple[str, ...]

    def say(self, lines: Sequence[Line]) -> list[Clip]:
        return Tones().say(lines)


def _from_packages(cache: Path, notes: list[str]) -> tuple[DemoVoice, ...]:
    place = cache / "prompts"
    trouble = packages.fetch(place)
    if trouble:
        notes.append(f"{trouble}; everybody is synthetic")
        return ()
    voices = []
    for prompts in packages.PROMPTS:
        chosen: list[tuple[Sound, str]] = []
        for utterance in packages.utterances(place, prompts):
            sound = read_sound(utterance.path)
            if _SHORTEST <= sound.seconds <= _LONGEST and utterance.text not in {text for _, text in chosen}:
                chosen.append((sound, utterance.text))
            if len(chosen) == CLIPS_EACH:
                break
        clips = [Clip(sound, text, Origin.RECORDED, "prompt text") for sound, text in chosen]
        if prompts.language == "en":
            clips = _hear(clips, cache, notes)
        voices.append(DemoVoice(prompts.language, prompts.speaker, prompts.licence, tuple(clips)))
    return tuple(voices)


def _from_folder(folder: Path, cache: Path, notes: list[str], limit: int = 13) -> tuple[DemoVoice, ...]:
    files: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.suffix.lower() in {".wav", ".flac"}:
            files.setdefault(path.name.partition("-")[0], []).append(path)
    if not files:
        notes.append(f"{folder} holds no WAV or FLAC file: everybody is synthetic")
        return ()
    voices = []
    for speaker in list(files):
        sounds: list[Sound] = []
        for path in files[speaker]:
            sound = read_sound(path)
            sounds += [sound] if sound.seconds <= 4.0 else cut_at_pauses(sound)
        clips = [Clip(sound, "", Origin.RECORDED, "recogniser") for sound in sounds if sound.seconds >= _SHORTEST][:CLIPS_EACH]
        if len(clips) >= 2:
            voices.append(DemoVoice("en", f"speaker {speaker} of {folder.name}", "as given", tuple(clips)))
        if len(voices) == limit:
            break
    if not recogniser.available():
        notes.append("pocketsphinx (extra demo) is not installed: the recordings have no transcripts, so everybody is synthetic")
        return ()
    try:
        heard = iter(recogniser.transcribe([clip.sound for voice in voices for clip in voice.clips], cache))
    except OSError as error:
        notes.append(f"{error}: the recordings have no transcripts, so everybody is synthetic")
        return ()
    return tuple(
        DemoVoice(voice.language, voice.speaker, voice.licence,
              tuple(clip for clip in (Clip(clip.sound, next(heard), clip.origin, clip.text_from) for clip in voice.clips) if clip.text))
        for voice in voices
    )  # fmt: skip


def _hear(clips: list[Clip], cache: Path, notes: list[str]) -> list[Clip]:
    if not recogniser.available():
        notes.append("pocketsphinx (extra demo) is not installed: the English voice has the text of its prompts")
        return clips
    try:
        heard = recogniser.transcribe([clip.sound for clip in clips], cache)
    except OSError as error:
        notes.append(f"{error}: the English voice has the text of its prompts")
        return clips
    return [Clip(clip.sound, text, clip.origin, "recogniser") for clip, text in zip(clips, heard, strict=True) if text]
