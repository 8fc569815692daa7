"""Changes the pitch of voices, and cuts off what is below and above speech. It is a courtesy to who listens, and no anonymity.

Words, accent, rhythm and manner stay, and who knows the ratio can undo it.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import av.filter
import numpy as np
from av.audio.frame import AudioFrame

from expunge.core.review.rendition import SOUND_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATIO = 0.78
"""Of the pitch and the formants: about four semitones down."""
LEAD = SOUND_RATE // 2
"""Samples on each side that are given to the filters beside those that are wanted: they begin and end with what is not to be heard."""
_CHUNK = 1024


def masked(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return sound (rows of channels) with its pitch changed, as long as before. Its first and last :data:`LEAD` samples are no good."""
    channels, length = sound.shape
    layout = "stereo" if channels == 2 else "mono"
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=SOUND_RATE, format="fltp", layout=layout, time_base=Fraction(1, SOUND_RATE))
    acts = (
        ("highpass", "f=120"),
        ("asetrate", f"r={round(SOUND_RATE * RATIO)}"),
        ("aresample", str(SOUND_RATE)),
        ("atempo", f"{1 / RATIO:.6f}"),
        ("lowpass", "f=3800"),
        ("aformat", f"sample_fmts=fltp:channel_layouts={layout}"),
    )
    graph.link_nodes(source, *(graph.add(name, options) for name, options in acts), graph.add("abuffersink"))
    graph.configure()
    parts = []
    for at in range(0, length, _CHUNK):
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(sound[:, at : at + _CHUNK]), "fltp", layout)
        frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, at, Fraction(1, SOUND_RATE)
        graph.push(frame)
        parts += _pulled(graph)
    graph.push(None)
    parts += _pulled(graph)
    found = np.concatenate(parts, axis=1) if parts else np.zeros((channels, 0), np.float32)
    return np.pad(found, ((0, 0), (0, max(0, length - found.shape[1]))))[:, :length]


def _pulled(graph: av.filter.Graph) -> list[NDArray[np.float32]]:
    parts = []
    while True:
        try:
            parts.append(np.asarray(graph.pull().to_ndarray(), np.float32))
        except (av.error.BlockingIOError, av.error.EOFError):
            return parts
