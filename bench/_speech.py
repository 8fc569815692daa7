"""Real speech as windows of one second, and as embeddings of a frozen public encoder; read once and kept among temporary files."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from examples.voice import sound
from torch import nn

from expunge.demo.voices.audio import SPEECH_RATE, read_sound

Table = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Features, whether a woman speaks (n,), who speaks (n,)."""


@cache
def windows() -> Table:
    """(n, 40 bands, 100 steps) log-mel in steps of an eighth, int16."""
    return _kept("windows", _read_windows)


@cache
def embedded() -> Table:
    """(n, 256) of the encoder that ``EXPUNGE_ENCODER`` names."""
    return _kept("embedded", _embed)


def _kept(name: str, make: Callable[[], Table]) -> Table:
    where = f"{os.environ['EXPUNGE_SPEECH']} {os.environ.get('EXPUNGE_ENCODER', '')}"
    path = Path(tempfile.gettempdir()) / f"expunge-bench-{name}-{sha256(where.encode()).hexdigest()[:12]}.npz"
    if not path.exists():
        x, y, who = make()
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False, suffix=".npz") as file:
            np.savez(file, x=x, y=y, who=who)
        Path(file.name).replace(path)
    with np.load(path) as held:
        return held["x"], held["y"], held["who"]


def _read_windows() -> Table:
    people, _ = sound.speakers()
    parts = [sound.read(each) for each in people]
    counts = [len(each) for each in parts]
    return np.concatenate(parts), np.repeat([int(each.woman) for each in people], counts), np.repeat([each.name for each in people], counts)


class Encoder(nn.Module):
    """Resemblyzer's network (Wan and others, ICASSP 2018): three LSTM layers, then the last state, made of length one."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(40, 256, 3, batch_first=True)
        self.linear = nn.Linear(256, 256)

    def forward(self, mels: torch.Tensor) -> torch.Tensor:
        _, (last, _) = self.lstm(mels)
        raw = torch.relu(self.linear(last[-1]))
        return raw / raw.norm(dim=1, keepdim=True)


def _embed() -> Table:
    with zipfile.ZipFile(os.environ["EXPUNGE_ENCODER"]) as wheel:
        kept = torch.load(io.BytesIO(wheel.read("resemblyzer/pretrained.pt")), map_location="cpu", weights_only=True)["model_state"]
    encoder = Encoder()
    encoder.load_state_dict({name: each for name, each in kept.items() if not name.startswith("similarity")})
    encoder.eval()
    people, _ = sound.speakers()
    parts, sexes, who = [], [], []
    for each in people:
        mels = _mels(read_sound(each.path).at_rate(SPEECH_RATE).samples.astype(np.float64) / 32768)
        seconds = np.array([mels[start : start + 100] for start in range(0, len(mels) - 99, 100)], np.float32)
        with torch.inference_mode():
            parts.append(encoder(torch.from_numpy(seconds)).numpy())
        sexes += [int(each.woman)] * len(seconds)
        who += [each.name] * len(seconds)
    return np.concatenate(parts), np.array(sexes), np.array(who)


def _mels(samples: np.ndarray) -> np.ndarray:
    """(steps of 10 ms, 40) as the encoder was taught: power, windows of 25 ms, Slaney's mel scale; loudness of -30 dB."""
    loudness = 20 * np.log10(np.sqrt((samples**2).mean()) + 1e-12)
    samples = samples * 10 ** (max(0.0, -30 - loudness) / 20)
    padded = np.pad(samples, 200)
    frames = np.lib.stride_tricks.sliding_window_view(padded, 400)[::160] * np.hanning(401)[:-1]
    return (np.abs(np.fft.rfft(frames, axis=1)) ** 2) @ _slaney().T


@cache
def _slaney() -> np.ndarray:
    """(40, 201) triangles of equal area: linear up to 1 kHz, logarithmic above (Slaney's Auditory Toolbox)."""

    def to_hertz(mels: np.ndarray) -> np.ndarray:
        return np.where(mels < 15, 200 / 3 * mels, 1000 * np.exp(np.log(6.4) / 27 * (mels - 15)))

    top = 15 + np.log(8) / (np.log(6.4) / 27)
    edges = to_hertz(np.linspace(0, top, 42))
    at = np.linspace(0, 8000, 201)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    shape = np.maximum(0, np.minimum((at - low) / (middle - low), (high - at) / (high - middle)))
    return shape * 2 / (high - low)
