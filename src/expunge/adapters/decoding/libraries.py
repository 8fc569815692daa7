"""Every module of PyAV, imported: it imports lazily otherwise, and a closed process can open no file. FFmpeg says nothing to anybody."""

from __future__ import annotations

import av
import av._core
import av.about
import av.audio
import av.audio.codeccontext
import av.audio.fifo
import av.audio.format
import av.audio.frame
import av.audio.layout
import av.audio.plane
import av.audio.resampler
import av.audio.stream
import av.bitstream
import av.buffer
import av.codec
import av.codec.codec
import av.codec.context
import av.codec.hwaccel
import av.container
import av.container.core
import av.container.input
import av.container.output
import av.container.pyio
import av.container.streams
import av.device
import av.dictionary
import av.error
import av.filter
import av.filter.context
import av.filter.filter
import av.filter.graph
import av.filter.link
import av.filter.loudnorm
import av.format
import av.frame
import av.index
import av.logging
import av.opaque
import av.packet
import av.plane
import av.rational
import av.sidedata
import av.sidedata.encparams
import av.sidedata.motionvectors
import av.sidedata.sidedata
import av.stream
import av.subtitles
import av.subtitles.codeccontext
import av.subtitles.stream
import av.subtitles.subtitle
import av.utils
import av.video
import av.video.codeccontext
import av.video.format
import av.video.frame
import av.video.plane
import av.video.reformatter
import av.video.stream


def load() -> None:
    """Have FFmpeg log nothing. Its libraries are loaded with this module."""
    # Why none: with any level, FFmpeg's threads wait for Python's lock to log, while Python holds it and waits for them.
    av.logging.set_level(None)
