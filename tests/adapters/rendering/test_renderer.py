"""Renditions: segments that follow one another exactly, at each clarity, with each sound; stills; what is read of a source."""

from __future__ import annotations

import io
import itertools
import threading

import av
import numpy as np
import pytest
from PIL import Image

from expunge.adapters.rendering import voices
from expunge.adapters.rendering.renderer import ClosedRenderer
from expunge.core.families.media_types import MediaType
from expunge.core.journal.review_words import Clarity, Sound
from expunge.core.review.rendition import FormKind, MediaForm
from expunge.errors import NotPermitted, StoreUnavailable, UsageError
from tests.adapters.rendering.conftest import style
from tests.adapters.rendering.recorded import Held, decoded, film, man_in_a_car, rabbit, spoken, texture, tone, written


def test_a_film_is_described(renderer: ClosedRenderer) -> None:
    assert renderer.describe(Held(rabbit())) == MediaForm(MediaType.MP4, FormKind.FILM, 5280, 1280, 720, has_sound=True)


@pytest.mark.parametrize(
    ("form", "codec", "sound"),
    [
        ("mp4", "libx264", "aac"),
        ("webm", "libvpx", "libopus"),
        ("webm", "libvpx-vp9", "libopus"),
        ("mp4", "libx265", ""),
        ("mp4", "libsvtav1", ""),
    ],
)
def test_what_cameras_write_is_rendered(renderer: ClosedRenderer, form: str, codec: str, sound: str) -> None:
    content = film(1.0, 160, 120, form, codec, sound)
    told = renderer.describe(Held(content))
    assert (told.kind, told.width, told.height, told.has_sound) == (FormKind.FILM, 160, 120, bool(sound))
    assert abs(told.length_ms - 1000) <= 40
    segment = renderer.segment(Held(content), style(), 200, 800)
    shown = decoded(segment.data)
    assert len(shown.frames) == segment.frames == segment.pixelated == 6
    assert shown.times == pytest.approx([0.2, 0.3, 0.4, 0.5, 0.6, 0.7])


@pytest.mark.parametrize(
    ("clarity", "sound"), [(Clarity.PIXELATED, Sound.MUTE), (Clarity.PIXELATED, Sound.MASKED), (Clarity.CLEAR, Sound.CLEAR)], ids=str
)
def test_segments_join_exactly(renderer: ClosedRenderer, clarity: Clarity, sound: Sound) -> None:
    source = Held(film(4.0, 160, 120, "mp4", "libx264", "aac"))
    made = [renderer.segment(source, style(clarity, sound), first, last) for first, last in ((0, 1500), (1500, 2700), (2700, 9000))]
    assert made[-1].last_ms == 4000
    assert len({segment.head for segment in made}) == 1
    parts = [decoded(segment.data) for segment in made]
    for part, segment in zip(parts, made, strict=True):
        assert part.times[0] == pytest.approx(segment.first_ms / 1000, abs=1e-6)
        assert part.end == pytest.approx(segment.last_ms / 1000, abs=1e-6)
        assert part.kinds == ({"video"} if sound is Sound.MUTE else {"video", "audio"})
        assert segment.codecs == "avc1.42c015" + ("" if sound is Sound.MUTE else ",mp4a.40.2")
    if sound is not Sound.MUTE:
        for before, after in itertools.pairwise(parts):
            assert before.sound_end == pytest.approx(after.sound_begin, abs=1e-6)
    together = decoded(made[0].head + b"".join(segment.body for segment in made))
    assert len(together.frames) == sum(len(part.frames) for part in parts)
    assert together.end == pytest.approx(4.0)


def test_sound_goes_on_over_a_join_without_a_crack(renderer: ClosedRenderer) -> None:
    source = Held(spoken("wav", "pcm_s16le", 4.0))
    made = [renderer.segment(source, style(Clarity.PIXELATED, Sound.CLEAR), first, first + 1000) for first in (1000, 2000)]
    samples = decoded(made[0].head + made[0].body + made[1].body).samples[0]
    times = np.arange(len(samples)) / 48_000
    inner = slice(4096, len(samples) - 4096)
    basis = np.stack([np.sin(2 * np.pi * 440 * times), np.cos(2 * np.pi * 440 * times)], axis=1)[inner]
    share = np.linalg.lstsq(basis, samples[inner], rcond=None)[0]
    assert np.linalg.norm(share) == pytest.approx(0.5, abs=0.05)
    assert np.abs(samples[inner] - basis @ share).max() < 0.08


@pytest.mark.parametrize("first", [0, 1500])
def test_the_picture_is_the_same_with_and_without_sound(renderer: ClosedRenderer, first: int) -> None:
    source = Held(film(4.0, 160, 120, "mp4", "libx264", "aac"))
    mute, heard = (
        decoded(renderer.segment(source, style(Clarity.CLEAR, sound), first, first + 2000).data).frames
        for sound in (Sound.MUTE, Sound.CLEAR)
    )
    assert len(mute) == len(heard) == 50
    assert all(np.array_equal(one, other) for one, other in zip(mute, heard, strict=True))
    assert np.abs(mute[10].astype(int) - mute[40]).mean() > 5, "it moves"


def loudest(samples: np.ndarray) -> float:
    """Return the hertz of the loudest tone."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.fft.rfftfreq(len(samples), 1 / 48_000)[spectrum.argmax()])


def test_a_masked_voice_has_another_pitch_and_a_clear_one_its_own(renderer: ClosedRenderer) -> None:
    source = Held(film(4.0, 160, 120, "mp4", "libx264", "aac"))
    heard = {
        sound: decoded(renderer.segment(source, style(Clarity.PIXELATED, sound), 1000, 3000).data).samples[0][4096:-4096]
        for sound in (Sound.MASKED, Sound.CLEAR)
    }
    assert loudest(heard[Sound.CLEAR]) == pytest.approx(440, abs=3)
    assert loudest(heard[Sound.MASKED]) == pytest.approx(440 * voices.RATIO, abs=8)


@pytest.mark.parametrize(
    ("form", "codec", "rate"),
    [
        ("wav", "pcm_s16le", 8000),
        ("flac", "flac", 48_000),
        ("mp3", "libmp3lame", 48_000),
        ("adts", "aac", 48_000),
        ("ipod", "aac", 48_000),
        ("ogg", "libopus", 48_000),
    ],
)
def test_a_sound_alone_is_rendered_where_it_is_asked_for(renderer: ClosedRenderer, form: str, codec: str, rate: int) -> None:
    content = spoken(form, codec, 2.0, rate)
    told = renderer.describe(Held(content))
    assert (told.kind, told.width, told.has_sound) == (FormKind.SOUND, 0, True)
    assert abs(told.length_ms - 2000) <= 100
    segment = renderer.segment(Held(content), style(sound=Sound.CLEAR), 500, 1500)
    shown = decoded(segment.data)
    assert shown.kinds == {"audio"}
    assert segment.codecs == "mp4a.40.2"
    assert loudest(shown.samples[0][4096:-4096]) == pytest.approx(440, abs=4)
    with pytest.raises(UsageError, match="nothing to see or hear"):
        renderer.segment(Held(content), style(), 500, 1500)


def test_a_whole_range_is_made_while_it_is_taken(renderer: ClosedRenderer) -> None:
    source = Held(film(4.0, 160, 120))
    segments = renderer.whole(source, style(), 500, 60_000)
    first = next(segments)
    read = source.read_bytes
    assert (first.first_ms, first.last_ms) == (500, 2500)
    rest = list(segments)
    assert [(segment.first_ms, segment.last_ms) for segment in rest] == [(2500, 4000)]
    assert source.read_bytes > read
    together = decoded(first.data + rest[0].body)
    assert together.times[0] == pytest.approx(0.5)
    assert together.end == pytest.approx(4.0)


@pytest.mark.parametrize("asked", [(0, 0), (5, 5), (-5, 5), (0, 10_001), (4001, 4500), (10**9, 10**9 + 5)], ids=str)
def test_odd_ranges_are_refused_and_the_next_one_is_rendered(renderer: ClosedRenderer, asked: tuple[int, int]) -> None:
    source = Held(film(4.0, 160, 120))
    with pytest.raises(UsageError):
        renderer.segment(source, style(), *asked)
    assert renderer.segment(source, style(), 3999, 4000).frames == 1


def test_a_picture_is_pixelated_unless_more_was_granted(renderer: ClosedRenderer) -> None:
    for name, media in (
        ("JPEG", MediaType.JPEG),
        ("PNG", MediaType.PNG),
        ("WEBP", MediaType.WEBP),
        ("GIF", MediaType.GIF),
        ("AVIF", MediaType.AVIF),
    ):
        content = picture(name)
        assert renderer.describe(Held(content)) == MediaForm(media, FormKind.PICTURE, 0, 640, 480)
        still = renderer.still(Held(content), style())
        assert still.clarity is Clarity.PIXELATED
        pixels = np.asarray(Image.open(io.BytesIO(still.data)).convert("RGB")).astype(int)
        assert np.abs(pixels - pixels.mean(axis=2, keepdims=True)).max() < 8, "grey"
        assert len(np.unique(pixels[200:240, 300:340, 0] // 8)) <= 6, "blocks"
    clear = renderer.still(Held(picture("PNG")), style(Clarity.CLEAR))
    assert clear.clarity is Clarity.CLEAR
    assert np.asarray(Image.open(io.BytesIO(clear.data))).std() > 40


def picture(form: str) -> bytes:
    out = io.BytesIO()
    Image.fromarray(texture(640, 480, 3)).save(out, form)
    return out.getvalue()


def test_a_still_is_no_film_and_a_film_no_still(renderer: ClosedRenderer) -> None:
    with pytest.raises(UsageError):
        renderer.still(Held(film(4.0, 160, 120)), style())
    with pytest.raises(UsageError):
        renderer.segment(Held(picture("PNG")), style(), 0, 1000)


def test_a_seek_reads_a_part_of_a_long_film(renderer: ClosedRenderer) -> None:
    source = Held(film(16.0, 320, 240))
    renderer.segment(source, style(), 12_000, 14_000)
    assert source.read_bytes < source.size / 2


def test_the_mark_is_in_each_frame_and_moves(renderer: ClosedRenderer) -> None:
    plain = np.full((240, 480), 110, np.uint8)
    frames = (av.VideoFrame.from_ndarray(plain, "gray").reformat(format="yuv420p") for _ in range(100))
    content = written("mp4", frames, "mpeg4", (480, 240))
    places = []
    for clarity in (Clarity.PIXELATED, Clarity.CLEAR):
        for first in (0, 3000):
            for frame in decoded(renderer.segment(Held(content), style(clarity), first, first + 900).data).frames:
                marked = np.argwhere(np.abs(frame.astype(int) - np.median(frame)) > 12)
                assert 100 < len(marked) < plain.size * 0.3
                places.append(tuple(marked.min(axis=0)))
    assert len(set(places)) > 8


def test_a_source_that_refuses_ends_the_rendering_with_its_own_words(renderer: ClosedRenderer) -> None:
    def refuse() -> None:
        raise NotPermitted("the lease was revoked", help="ask anew")

    content = film(4.0, 160, 120)
    with pytest.raises(NotPermitted, match="revoked"):
        renderer.segment(Held(content, before=refuse), style(), 0, 1000)
    assert renderer.segment(Held(content), style(), 0, 1000).frames == 10


def test_a_source_that_gives_too_little_is_told_of(renderer: ClosedRenderer) -> None:
    class Short(Held):
        def read(self, first: int, last: int) -> bytes:
            return super().read(first, last)[:-1]

    with pytest.raises(StoreUnavailable, match="not given out whole"):
        renderer.segment(Short(film(4.0, 160, 120)), style(), 0, 1000)


def test_threads_share_what_renders(renderer: ClosedRenderer) -> None:
    content, found = film(4.0, 160, 120), []
    acts = [
        threading.Thread(target=lambda at=at: found.append(renderer.segment(Held(content), style(), at, at + 500)))
        for at in range(0, 2000, 500)
    ]
    for act in acts:
        act.start()
    for act in acts:
        act.join()
    assert sorted(segment.first_ms for segment in found) == [0, 500, 1000, 1500]


def test_the_next_segment_is_made_after_the_process_died(renderer: ClosedRenderer) -> None:
    content = film(4.0, 160, 120)
    renderer.segment(Held(content), style(), 0, 500)
    (child,) = renderer._pools[None]._idle
    child.end()
    assert renderer.segment(Held(content), style(), 0, 500).frames == 5


def test_a_film_of_a_telephone_stands_upright(renderer: ClosedRenderer) -> None:
    """A film that lies on its side and says so is shown upright: its left half is dark, so what is shown is dark above or below."""
    half = np.full((120, 160), 30, np.uint8)
    half[:, 80:] = 220
    frames = (av.VideoFrame.from_ndarray(half, "gray").reformat(format="yuv420p") for _ in range(25))
    content = turned(written("mp4", frames, "mpeg4", (160, 120)))
    told = renderer.describe(Held(content))
    assert (told.width, told.height) == (120, 160)
    shown = decoded(renderer.segment(Held(content), style(Clarity.CLEAR), 0, 400).data).frames[0].astype(int)
    tall, wide = shown.shape
    assert tall > wide
    assert abs(shown[: tall // 2].mean() - shown[tall // 2 :].mean()) > 150
    assert abs(shown[:, : wide // 2].mean() - shown[:, wide // 2 :].mean()) < 30


def turned(content: bytes) -> bytes:
    """Write a turn by 90 degrees into the head of the only track (``tkhd``, ISO/IEC 14496-12, 8.3.2)."""
    at = content.index(b"tkhd") + 4 + 40
    matrix = b"".join((value & 0xFFFFFFFF).to_bytes(4, "big") for value in (0, 0x10000, 0, -0x10000, 0, 0, 120 << 16, 0, 0x40000000))
    return content[:at] + matrix + content[at + 36 :]


def test_a_voice_that_is_masked_is_as_long_as_before() -> None:
    sound = tone(1.5)
    assert voices.masked(sound).shape == sound.shape


def test_a_small_film_is_shown_large_enough_for_its_mark(renderer: ClosedRenderer) -> None:
    assert decoded(renderer.segment(Held(man_in_a_car()), style(), 0, 200).data).frames[0].shape == (392, 480)


def test_a_name_in_a_film_that_is_no_text_hinders_nothing(renderer: ClosedRenderer) -> None:
    content = film(1.0, 64, 48)
    assert b"Lavf" in content
    assert renderer.segment(Held(content.replace(b"Lavf", b"\xff\xfe\xe6\x80")), style(), 0, 500).frames == 5
