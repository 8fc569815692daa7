"""Voices: synthetic ones in a process of their own, recorded ones from a folder or from packages, tones when there is nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from expunge.demo.company import casting, people
from expunge.demo.company.world import World
from expunge.demo.voices import packages, recogniser, speech, synthesis
from expunge.demo.voices.audio import Sound, cut_at_pauses, join, read_wav, tone, voiceprint
from expunge.demo.voices.speech import Line, Origin

needs_espeak = pytest.mark.skipif(not synthesis.available(), reason="extra speech is not installed")
needs_pocketsphinx = pytest.mark.skipif(not recogniser.available(), reason="extra demo is not installed")


def test_a_wav_file_holds_the_samples_that_went_in() -> None:
    sound = tone("hello")
    again = read_wav(sound.wav())
    assert again.rate == sound.rate
    assert np.array_equal(again.samples, sound.samples)
    with pytest.raises(ValueError, match="WAV"):
        read_wav(b"RIFF nonsense")


def test_tones_are_the_same_every_time_and_different_for_every_name() -> None:
    assert tone("a").wav() == tone("a").wav()
    assert tone("a").wav() != tone("b").wav()


def test_long_recordings_are_cut_where_it_is_quiet() -> None:
    loud, quiet = np.full(16_000 * 3, 9_000, np.int16), np.zeros(4_000, np.int16)
    sound = Sound(np.concatenate([loud, quiet, loud, quiet, loud]), 16_000)
    pieces = cut_at_pauses(sound)
    assert [round(piece.seconds) for piece in pieces] == [3, 3, 3]
    assert np.array_equal(np.concatenate([piece.samples for piece in pieces]), sound.samples)


def test_joined_recordings_have_one_rate_and_all_parts() -> None:
    joined = join([tone("a", 1.0), tone("b", 2.0)])
    assert joined.rate == 16_000
    assert joined.seconds == pytest.approx(3.7, abs=0.01)


def test_voiceprints_tell_voices_apart_and_have_length_one() -> None:
    one, two = voiceprint(tone("a")), voiceprint(tone("b"))
    assert one.shape == (128,)
    assert one.dtype == np.float32
    assert np.linalg.norm(one) == pytest.approx(1)
    assert not np.allclose(one, two)


@needs_espeak
def test_synthetic_children_speak_in_another_process(tmp_path: Path) -> None:
    voices = speech.Voices((), tmp_path)
    first, second = voices.say([Line("tell me a story about the whale", "en-us+f3", 90), Line("почему снег скрипит", "ru+f2", 85)])
    assert first.origin is Origin.SYNTHETIC
    assert first.sound.seconds > 0.8
    assert second.sound.seconds > 0.8
    assert np.abs(first.sound.samples).max() > 3_000
    maps = Path("/proc/self/maps")
    assert not maps.is_file() or "espeak" not in maps.read_text(), "the library is loaded in its own process only"
    again = voices.say([Line("tell me a story about the whale", "en-us+f3", 90)])
    assert np.array_equal(again[0].sound.samples, first.sound.samples), "said once, remembered"


@needs_espeak
def test_an_unknown_voice_is_said_to_be_unknown(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no voice xx-none"):
        speech.Voices((), tmp_path).say([Line("hello there", "xx-none", 50)])


@needs_espeak
@needs_pocketsphinx
def test_the_recogniser_hears_words_and_remembers_them(tmp_path: Path) -> None:
    clip = speech.Voices((), tmp_path).say([Line("please enter your password", "en-us+m3", 40, 130)])[0]
    heard = recogniser.transcribe([clip.sound, clip.sound], tmp_path)
    assert heard[0] == heard[1]
    assert heard[0]
    assert (tmp_path / "heard.json").is_file()


def test_without_packages_and_folder_everybody_is_synthetic_and_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("EXPUNGE_SPEECH", raising=False)
    found = speech.find(tmp_path / "cache")
    assert found.voices == ()
    assert "apt-get is not here" in found.notes[0]


def test_a_cache_that_cannot_be_written_is_replaced_and_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("EXPUNGE_SPEECH", raising=False)
    (tmp_path / "file").write_text("in the way")
    found = speech.find(tmp_path / "file" / "cache")
    assert "cache folder cannot be written" in found.notes[0]


@needs_espeak
def test_a_synthesiser_that_fails_leaves_tones_and_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("EXPUNGE_SPEECH", raising=False)
    # What starts instead of Python ends at once, with an error, and writes nothing.
    monkeypatch.setattr(sys, "executable", shutil.which("false", path="/usr/bin:/bin"))
    found = speech.find(tmp_path / "cache")
    assert "the synthesiser ended with 1" in found.notes[-1]
    assert found.say([Line("good night", "en-us", 50)])[0].origin is Origin.TONE


def test_an_empty_folder_of_speech_is_said_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    found = speech.find(tmp_path / "cache", tmp_path / "empty")
    assert found.voices == ()
    assert "no WAV or FLAC" in found.notes[0]


@pytest.mark.soak
@needs_pocketsphinx
def test_a_folder_of_speech_gives_recorded_voices(tmp_path: Path) -> None:
    (tmp_path / "speech").mkdir()
    for speaker in ("ada", "bob"):
        for number in range(3):
            (tmp_path / "speech" / f"{speaker}-{number}.wav").write_bytes(tone(f"{speaker} {number}", 2.5).wav())
    (tmp_path / "speech" / "notes.txt").write_text("not speech")
    found = speech.find(tmp_path / "cache", tmp_path / "speech")
    assert [voice.speaker for voice in found.voices] == ["speaker ada of speech", "speaker bob of speech"]


def test_importing_speech_loads_neither_synthesis_nor_recogniser_libraries() -> None:
    code = "import sys, expunge.demo.company.build, expunge.demo.voices.speech\n"
    code += "print([m for m in ('espeakng_loader', 'pocketsphinx') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_who_is_a_tone_is_labelled_so(company: World) -> None:
    assert {recording.voice for recording in company.recordings} == {"tone, no voice"}
    assert "tone" in (company.folder / "CREDITS.txt").read_text()


@pytest.mark.speech
@pytest.mark.slow
@pytest.mark.soak
def test_the_voice_packages_give_five_voices_with_text() -> None:
    cache = speech.cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    if trouble := packages.fetch(cache / "prompts"):
        pytest.skip(trouble)
    found = speech.find(cache)
    assert [voice.language for voice in found.voices] == ["en", "fr", "it", "es", "ru"]
    for voice in found.voices:
        assert len(voice.clips) >= 8
        assert all(clip.origin is Origin.RECORDED and clip.text for clip in voice.clips)
    recordings, _ = casting.record(people.households(7), frozenset(), 7, found)
    assert sum("recorded voice" in recording.voice for recording in recordings) >= 25
    assert all("recorded" not in recording.voice for recording in recordings if all(person.child for person in recording.who))
