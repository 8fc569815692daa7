"""The process that renders: it imports what decodes, closes itself, and then answers. It never has a key, a name or a file.

With the word ``faces`` it loads the network that finds them as well.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias, cast

import numpy as np
from av.video.frame import VideoFrame

from expunge.adapters.closed import answering, closing
from expunge.adapters.closed.answering import Answered, RangeFile
from expunge.adapters.decoding import containers, films, libraries, pictures, sounds
from expunge.adapters.decoding.faults import MediaFault, MediaRefused
from expunge.adapters.rendering import detecting, encoding, voices
from expunge.adapters.rendering.detecting import Budget, CannotTell, Detector
from expunge.adapters.rendering.encoding import BESIDE, Picture
from expunge.adapters.rendering.hiding import Painter
from expunge.adapters.rendering.marking import Mark
from expunge.core.families.media_types import HEAD, MediaType, media_type_of
from expunge.core.journal.review_words import Clarity, Sound
from expunge.core.review import faces
from expunge.core.review.faces import FaceSample
from expunge.core.review.rendition import MOST_SIDE, SOUND_RATE, TICKS, FormKind, Tile, frame_times, shown_rate, shown_size

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

Timed: TypeAlias = "tuple[float, VideoFrame]"
"""Milliseconds, and a frame."""
FACES = "faces"
PROCESSOR = 30
"""Seconds of a processor for one request."""


class Rendering:
    """Answers requests."""

    def __init__(self, detector: Detector | None = None) -> None:
        """``detector``: None where faces are not found here, and every frame that is to hide them is pixelated."""
        self._detector = detector

    def __call__(self, request: dict[str, Any], file: RangeFile) -> Answered:
        """Answer a request. What is wrong with the recording is an answer too."""
        closing.bound_processor(PROCESSOR)
        try:
            media = _told(file)
            if request["act"] == "describe":
                return _described(media, file)
            return self._still(media, file, request) if request["act"] == "still" else self._segment(media, file, request)
        except MediaRefused as refused:
            return {"fault": refused.fault.value}, b""
        except MemoryError:
            return {"fault": MediaFault.MEMORY.value}, b""

    def _segment(self, media: MediaType, file: RangeFile, request: dict[str, Any]) -> Answered:
        if media.is_picture:
            raise MediaRefused(MediaFault.OTHER_KIND)
        clarity, sound, tile = _style(request)
        with containers.opened(cast("BinaryIO", file), media) as container:
            film, heard = containers.picture_of(container), containers.sound_of(container)
            length = containers.length_ms(container, _main(film, heard))
            first, last = request["first"], min(request["last"], length)
            if first >= last:
                raise MediaRefused(MediaFault.OUTSIDE)
            heard = None if sound is Sound.MUTE else heard
            if film is None and heard is None:
                raise MediaRefused(MediaFault.NOTHING)
            # Why the sound first, and whole: there is one place in a file at which it is read.
            wave = None if heard is None else _sound(container, heard, first, last, sound)
            drawn = None if film is None else _Film(container, film, clarity, tile, (first, last, length), self._detector)
            head, body, codecs = encoding.encoded(first, None if drawn is None else drawn.picture(), wave)
            told = {"first": first, "last": last, "head": len(head), "codecs": codecs, "heard": heard is not None}
            return told | ({} if drawn is None else {"frames": drawn.frames, "pixelated": drawn.pixelated}), head + body

    def _still(self, media: MediaType, file: RangeFile, request: dict[str, Any]) -> Answered:
        if not media.is_picture:
            raise MediaRefused(MediaFault.OTHER_KIND)
        clarity, _, tile = _style(request)
        image = pictures.picture(media, cast("BinaryIO", io.BufferedReader(file)), MOST_SIDE)
        frame = VideoFrame.from_ndarray(np.asarray(image), "rgb24")
        size = shown_size(image.width, image.height)
        painter, shown = Painter(*size), None
        if clarity is Clarity.CLEAR:
            shown = painter.plain(frame)
        elif clarity is Clarity.FACES_HIDDEN and self._detector is not None:
            try:
                found = self._detector.boxes(frame)
                shown = painter.hidden(frame, [box.padded() for box in found]) if found else None
            except CannotTell:
                shown = None
        pixelated = shown is None
        shown = shown or painter.pixelated(frame)
        Mark(tile, *size).burn(shown, 0)
        out = io.BytesIO()
        pictures.of_pixels(shown.to_ndarray(format="rgb24")).save(out, "JPEG", quality=85)
        return {"pixelated": pixelated}, out.getvalue()


class _Film:
    """The frames of a segment, as they are shown."""

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        clarity: Clarity,
        tile: Tile,
        times: tuple[int, int, int],
        detector: Detector | None,
    ) -> None:
        self._container, self._stream, self._clarity, self._tile = container, stream, clarity, tile
        self._first, self._last, self._length = times
        self._detector = detector
        self._rate = shown_rate(films.rate_of(stream), clarity)
        self.frames = self.pixelated = 0

    def picture(self) -> Picture:
        """Return what is to be encoded; :attr:`frames` and :attr:`pixelated` count once it was."""
        samples = self._samples() if self._clarity is Clarity.FACES_HIDDEN else []
        source = films.frames(self._container, self._stream, self._first, self._last)
        following = next(source)
        size = shown_size(following[1].width, following[1].height)
        return Picture(size, self._rate, self._drawn(size, following, source, samples))

    def _drawn(
        self, size: tuple[int, int], following: Timed, source: Iterator[Timed], samples: list[FaceSample]
    ) -> Iterator[tuple[int, int, VideoFrame]]:
        painter, mark = Painter(*size), Mark(self._tile, *size)
        current, later = following[1], next(source, None)
        for tick, length in frame_times(self._first, self._last, self._rate):
            at = tick / TICKS
            while later is not None and later[0] <= at:
                current, later = later[1], next(source, None)
            shown = self._shown(painter, current, at, samples)
            mark.burn(shown, at)
            yield tick, length, shown

    def _shown(self, painter: Painter, frame: VideoFrame, at: float, samples: list[FaceSample]) -> VideoFrame:
        self.frames += 1
        if self._clarity is Clarity.CLEAR:
            return painter.plain(frame)
        boxes = faces.hidden_at(at, samples)
        if boxes is not None:
            return painter.hidden(frame, boxes)
        self.pixelated += 1
        return painter.pixelated(frame)

    def _samples(self) -> list[FaceSample]:
        """Return what the detector finds around the segment; nothing, so that all is pixelated, where it cannot tell."""
        if self._detector is None:
            return []
        wanted = faces.sample_times(self._first, self._last, self._length)
        budget, found = Budget(detecting.BUDGET), []
        source = films.frames(self._container, self._stream, wanted[0], wanted[-1] + 1)
        _, current = next(source)
        later = next(source, None)
        try:
            for at in wanted:
                while later is not None and later[0] <= at:
                    current, later = later[1], next(source, None)
                budget.check()
                found.append(FaceSample(at, self._detector.boxes(current)))
        except CannotTell:
            return []
        return found


def _told(file: RangeFile) -> MediaType:
    if not file.size:
        raise MediaRefused(MediaFault.EMPTY)
    media = media_type_of(file.read(HEAD) or b"")
    file.seek(0)
    if media is None:
        raise MediaRefused(MediaFault.UNKNOWN)
    return media


def _main(film: VideoStream | None, heard: AudioStream | None) -> VideoStream | AudioStream:
    found = film or heard
    if found is None:
        raise MediaRefused(MediaFault.UNKNOWN)
    return found


def _described(media: MediaType, file: RangeFile) -> Answered:
    if media.is_picture:
        image = pictures.picture(media, cast("BinaryIO", io.BufferedReader(file)), MOST_SIDE)
        return {"media": media.value, "kind": FormKind.PICTURE.value, "width": image.width, "height": image.height}, b""
    with containers.opened(cast("BinaryIO", file), media) as container:
        film, heard = containers.picture_of(container), containers.sound_of(container)
        length = containers.length_ms(container, _main(film, heard))
        told: dict[str, Any] = {"media": media.value, "length": length, "sound": heard is not None, "kind": FormKind.SOUND.value}
        if film is not None:
            _, frame = next(films.frames(container, film, 0, length))
            told |= {"kind": FormKind.FILM.value, "width": frame.width, "height": frame.height}
        return told, b""


def _style(request: dict[str, Any]) -> tuple[Clarity, Sound, Tile]:
    return Clarity(request["clarity"]), Sound(request["sound"]), Tile(*request["tile"])


def _sound(container: InputContainer, stream: AudioStream, first_ms: int, last_ms: int, asked: Sound) -> encoding.Sound:
    first, last = encoding.sound_range(first_ms, last_ms)
    channels = min(2, stream.codec_context.channels) if asked is Sound.CLEAR else 1
    if asked is Sound.CLEAR:
        return encoding.Sound(first, sounds.samples(container, stream, first - BESIDE, last + BESIDE, SOUND_RATE, channels))
    lead = BESIDE + voices.LEAD
    found = voices.masked(sounds.samples(container, stream, first - lead, last + lead, SOUND_RATE, channels))
    return encoding.Sound(first, np.ascontiguousarray(found[:, voices.LEAD : -voices.LEAD]))


def prepare(*, with_faces: bool) -> Rendering:
    """Import, load and use once all that a request may need, and close this process. Raises as :func:`closing.close`."""
    libraries.load()
    pictures.load()
    detector = None
    if with_faces:
        try:
            detector = Detector(detecting.weights())
            detector.boxes(VideoFrame(64, 64, "rgb24"))
        except (CannotTell, ImportError):
            detector = None
    # Used once, on one thread: what a library loads at its first use has to be there before.
    pictures.warm()
    Mark(Tile("-", "-", "-"), 480, 270)
    closing.close()
    return Rendering(detector)


def main() -> None:
    """Close this process, and answer until standard input ends."""
    rendering = prepare(with_faces=FACES in sys.argv[1:])
    closing.ready()
    answering.answer(rendering)


if __name__ == "__main__":
    main()
