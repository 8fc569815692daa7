"""Opens a recording by the one form that its content told, with a closed list of codecs."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO, cast

import av
import av.error

from expunge.adapters.decoding.faults import MOST_PIXELS, MOST_TRACKS, MediaFault, MediaRefused
from expunge.core.families.media_types import MediaType

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

_DEMUXERS = {
    MediaType.MP4: "mov",
    MediaType.M4A: "mov",
    MediaType.WEBM: "matroska",
    MediaType.OGG_VIDEO: "ogg",
    MediaType.OGG: "ogg",
    MediaType.WAV: "wav",
    MediaType.FLAC: "flac",
    MediaType.MP3: "mp3",
    MediaType.AAC: "aac",
}
"""No playlist, no concatenation, no image sequence: nothing that names another file."""
_PICTURE_CODECS = frozenset({"h264", "hevc", "vp8", "vp9", "libvpx", "libvpx-vp9", "av1", "libdav1d", "mpeg4", "theora"})
_SOUND_CODECS = frozenset(
    {
        "aac", "alac", "flac", "mp3", "mp3float", "opus", "libopus", "vorbis",
        "pcm_alaw", "pcm_f32le", "pcm_f64le", "pcm_mulaw", "pcm_s16be", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_u8",
    }
)  # fmt: skip
_OPTIONS = {
    "codec_whitelist": ",".join(sorted(_PICTURE_CODECS | _SOUND_CODECS)),
    "max_streams": str(MOST_TRACKS),
    "probesize": str(1 << 20),
    "protocol_whitelist": "",
}
_THREADS = 2
_SCANNED = 1 << 30
"""Bytes of a recording that are gone through for its length, where its head does not tell."""


@contextmanager
def opened(file: BinaryIO, media: MediaType) -> Iterator[InputContainer]:
    """Yield a recording that is open. Raises MediaRefused, there and within the block."""
    demuxer = _DEMUXERS.get(media)
    if demuxer is None:
        raise MediaRefused(MediaFault.UNKNOWN)
    with faults():
        try:
            container = av.open(file, "r", format=demuxer, options=dict(_OPTIONS), metadata_errors="replace", buffer_size=1 << 16)
        except (av.error.MemoryError, MemoryError) as error:
            # FFmpeg says so of too many tracks as well.
            raise MediaRefused(MediaFault.TRACKS) from error
        with container:
            if len(container.streams) > MOST_TRACKS:
                raise MediaRefused(MediaFault.TRACKS)
            yield container


@contextmanager
def faults() -> Iterator[None]:
    """Turn what FFmpeg raises for hostile content into MediaRefused."""
    try:
        yield
    except (av.error.MemoryError, MemoryError) as error:
        raise MediaRefused(MediaFault.MEMORY) from error
    except (av.error.DecoderNotFoundError, av.error.PatchWelcomeError) as error:
        raise MediaRefused(MediaFault.CODING) from error
    except av.error.FFmpegError as error:
        raise MediaRefused(MediaFault.MEMORY if error.errno == errno.ENOMEM else MediaFault.DAMAGED) from error


def picture_of(container: InputContainer) -> VideoStream | None:
    """Return the track of moving pictures that is decoded; None where there is none. A cover of a sound is none. Raises MediaRefused."""
    for stream in container.streams.video:
        if stream.disposition & stream.disposition.attached_pic:
            continue
        context = stream.codec_context
        if context is None or context.name not in _PICTURE_CODECS:
            raise MediaRefused(MediaFault.CODING)
        if not context.width or not context.height:
            raise MediaRefused(MediaFault.DAMAGED)
        if context.width * context.height > MOST_PIXELS:
            raise MediaRefused(MediaFault.PIXELS)
        # Why here too: a stream may grow after its head.
        context.options = {"max_pixels": str(MOST_PIXELS)}
        context.thread_count, context.thread_type = _THREADS, "AUTO"
        return stream
    return None


def sound_of(container: InputContainer) -> AudioStream | None:
    """Return the track of sound that is decoded; None where there is none. Raises MediaRefused."""
    for stream in container.streams.audio:
        context = stream.codec_context
        if context is None or context.name not in _SOUND_CODECS:
            raise MediaRefused(MediaFault.CODING)
        if not context.sample_rate or not context.channels:
            raise MediaRefused(MediaFault.DAMAGED)
        return stream
    return None


def begin_of(stream: VideoStream | AudioStream) -> Fraction:
    """Return the seconds at which a track begins: times of a recording are counted from there."""
    return (stream.start_time or 0) * cast("Fraction", stream.time_base)


def length_ms(container: InputContainer, stream: VideoStream | AudioStream) -> int:
    """Return the milliseconds of a recording: as its head says, or else as its packets do. Raises MediaRefused where it has no length."""
    told = stream.duration * cast("Fraction", stream.time_base) if stream.duration else None
    if told is None and container.duration:
        told = Fraction(container.duration, av.time_base)
    if told is None:
        told = _scanned(container, stream)
    found = round(told * 1000)
    if found <= 0:
        raise MediaRefused(MediaFault.NO_LENGTH)
    return found


def _scanned(container: InputContainer, stream: VideoStream | AudioStream) -> Fraction:
    """Return the seconds up to the end of the last packet, as of a recording that was written while it was made."""
    last, seen = 0, 0
    for packet in container.demux(stream):
        seen += packet.size
        if seen > _SCANNED:
            break
        if packet.pts is not None:
            last = max(last, packet.pts + (packet.duration or 0))
    return last * cast("Fraction", stream.time_base) - begin_of(stream)
