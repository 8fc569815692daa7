"""Speech to text by pocketsphinx, whose English model ships in its wheel (extra ``demo``), in two processes and with a cache.

``python -m expunge.demo.voices.recogniser SETTINGS`` reads one line of base64 samples a recording and answers with one line of JSON, the
text.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from expunge.demo.voices.audio import SPEECH_RATE, Sound

_CAREFUL: dict[str, Any] = {"samprate": SPEECH_RATE, "loglevel": "FATAL"}
"""About five times real time on one core."""
_FAST: dict[str, Any] = {**_CAREFUL, "ds": 2, "topn": 2, "maxhmmpf": 3000}
"""About ten times real time, and fewer words right."""
_PATIENCE = 60.0
"""Seconds of new sound up to which it is listened to carefully."""

_WIDTH = 2


def available() -> bool:
    """Return whether the extra ``demo`` is installed. Nothing is loaded for the check."""
    return importlib.util.find_spec("pocketsphinx") is not None


def transcribe(sounds: Sequence[Sound], cache: Path) -> list[str]:
    """Return the text that a small recogniser hears in English recordings; empty where it hears nothing.

    ``cache`` is a folder that remembers answers by the digest of the samples. Raises OSError when the recogniser fails.
    """
    memory = cache / "heard.json"
    known: dict[str, str] = json.loads(memory.read_text("utf-8")) if memory.is_file() else {}
    settings = _CAREFUL if sum(sound.seconds for sound in sounds) <= _PATIENCE else _FAST
    names = [_name(sound, settings) for sound in sounds]
    fresh = {name: sound for name, sound in zip(names, sounds, strict=True) if name not in known}
    if fresh:
        shares = [list(fresh.items())[start::_WIDTH] for start in range(_WIDTH)]
        with ThreadPoolExecutor(_WIDTH) as pool:
            for share, heard in zip(
                shares, pool.map(partial(_hear, settings), [[sound for _, sound in share] for share in shares]), strict=True
            ):
                known.update(zip((name for name, _ in share), heard, strict=True))
        cache.mkdir(parents=True, exist_ok=True)
        memory.write_text(json.dumps(known, ensure_ascii=False, indent=0, sort_keys=True), "utf-8")
    return [known[name] for name in names]


def _name(sound: Sound, settings: dict[str, Any]) -> str:
    return hashlib.sha256(
        json.dumps(settings, sort_keys=True).encode() + sound.rate.to_bytes(4, "big") + sound.samples.tobytes()
    ).hexdigest()


def _hear(settings: dict[str, Any], sounds: list[Sound]) -> list[str]:
    if not sounds:
        return []
    lines = b"".join(base64.b64encode(sound.at_rate(SPEECH_RATE).samples.astype("<i2").tobytes()) + b"\n" for sound in sounds)
    command = [sys.executable, "-m", "expunge.demo.voices.recogniser", json.dumps(settings)]
    done = subprocess.run(command, input=lines, capture_output=True, check=False)
    heard = [str(json.loads(line)) for line in done.stdout.splitlines()]
    if done.returncode or len(heard) != len(sounds):
        message = f"the recogniser ended with {done.returncode} after {len(heard)} of {len(sounds)} recordings"
        raise OSError(message)
    return heard


def main() -> None:
    """Answer recordings from standard input until it ends."""
    import pocketsphinx

    decoder = pocketsphinx.Decoder(**json.loads(sys.argv[1]))
    for line in sys.stdin.buffer:
        decoder.start_utt()
        decoder.process_raw(base64.b64decode(line), full_utt=True)
        decoder.end_utt()
        hypothesis = decoder.hyp()
        sys.stdout.write(json.dumps(str(hypothesis.hypstr).strip() if hypothesis is not None else "") + "\n")


if __name__ == "__main__":
    main()
