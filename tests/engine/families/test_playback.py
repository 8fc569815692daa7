"""Playback of one's own recordings: in ranges, entered before the first byte, and stopped by whatever takes the right away."""

from __future__ import annotations

import io
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from expunge.core.families.media_types import MediaType, media_type_of
from expunge.core.families.timeline import MOST_WORDS
from expunge.core.journal.opening_events import OpeningRefused, RecordingOpened
from expunge.engine.families.recordings.playback import MOST_PLAYED, MOST_PLAYS, OWN
from expunge.engine.kernel.journal_streams import OPENINGS, read_register
from expunge.engine.vault import reviewing
from expunge.errors import ItemGone, Refused, Unplayable, UsageError
from expunge.faults import arm
from expunge.ports.families.sketching import Sketch
from tests.adapters.rendering.recorded import film, spoken
from tests.engine.families.recorded_company import ACCOUNT, ANNA, BELA, FILM, OTHER_ACCOUNT, Company, Viewing, build, of, viewing
from tests.engine.household import wav

PURPOSES = """\
accounts: {origin: "https://privacy.example.com", playback: look_at_recordings}
purposes:
  look_at_recordings: {description: show families their recordings, needs: contract, use: human review, datasets: [%s]}
"""


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return build(tmp_path)


def entered(view: Viewing) -> list[RecordingOpened | OpeningRefused]:
    found = read_register(view.opened.context.journal, OPENINGS)
    return [each for each in found if isinstance(each, RecordingOpened | OpeningRefused)]


def whole(view: Viewing, handle: str, size: int) -> bytes:
    return b"".join(view.read(handle, at, min(at + MOST_PLAYED, size)) for at in range(0, size, MOST_PLAYED))


def test_plain_and_sealed_recordings_are_read_whole_in_ranges(company: Company) -> None:
    long = b"RIFF\0\0\0\0WAVE" + os.urandom(3 * MOST_PLAYED // 2)
    company.speak(ANNA, "2026-05-01", "r-1", data=long)
    company.talk("t-1", ANNA, BELA)
    with viewing(company) as view:
        company.ring(view.opened, ANNA, "g-1")
        talk, voice, film = (each.handle for each in view.timeline.items)
        for handle, data, media in ((voice, long, MediaType.WAV), (film, FILM, MediaType.MP4), (talk, wav("t-1"), MediaType.WAV)):
            found = view.kept.playback.begin(view.viewer, view.timeline, handle)
            assert (found.media, found.size) == (media, len(data))
            assert whole(view, handle, len(data)) == data
            assert view.read(handle, 100, 200) == data[100:200]
        events = entered(view)
        assert len(events) == 3, "each was opened once"
        for event in events:
            assert isinstance(event, RecordingOpened)
            assert (event.account, event.family, event.purpose) == (str(ACCOUNT), view.person.subject, OWN)
            assert event.subjects[0] in view.timeline.subjects
        journal = b"".join(view.opened.context.journal.read(OPENINGS))
        assert not any(word in journal for word in (ANNA.encode(), b"r-1", b"g-1", b"kitchen"))
        assert reviewing.review(view.opened.context).violations == 0


SAID = "the fox at the door has a red scarf \N{LATIN SMALL LETTER E WITH ACUTE}"


def test_what_was_said_lies_sealed_and_is_read_for_its_recording_alone(company: Company) -> None:
    with viewing(company) as view:
        company.ring(view.opened, ANNA, "g-1")
        company.ring(view.opened, ANNA, "g-2")
        company.hear(view.opened, ANNA, "g-1", SAID)
        company.ring(view.opened, BELA, "g-3")
        company.hear(view.opened, BELA, "g-3", "nothing of Anna")
        timeline = view.timeline
        assert [each.transcript for each in timeline.items] == ["", ""], "a list opens nothing"
        assert entered(view) == []
        words = {each.handle: view.kept.playback.words(view.viewer, timeline, each.handle) for each in timeline.items}
        assert sorted(words.values()) == ["", SAID]
        (event,) = entered(view)
        assert isinstance(event, RecordingOpened)
        assert (event.dataset, event.account, event.first, event.last) == ("heard", str(ACCOUNT), 0, len(SAID.encode()))
        (sealed,) = timeline.sealed_words.values()
        assert event.recording == sealed.recording, "who looked finds it by that name"
        with pytest.raises(ItemGone):
            view.kept.playback.begin(view.viewer, timeline, sealed.recording)


def test_no_more_of_sealed_words_is_read_than_is_shown(company: Company) -> None:
    with viewing(company) as view:
        company.ring(view.opened, ANNA, "g-1")
        company.hear(view.opened, ANNA, "g-1", "\N{EURO SIGN}" * 10_000)
        told = view.kept.playback.words(view.viewer, view.timeline, view.handle())
        assert told == "\N{EURO SIGN}" * MOST_WORDS
        (event,) = entered(view)
        assert isinstance(event, RecordingOpened)
        assert event.last - event.first == 4 * MOST_WORDS


def test_an_order_closes_what_was_said(company: Company) -> None:
    with viewing(company) as view:
        company.ring(view.opened, ANNA, "g-1")
        company.hear(view.opened, ANNA, "g-1", SAID)
        timeline, handle = view.timeline, view.handle()
        assert view.kept.playback.words(view.viewer, timeline, handle) == SAID
        company.order(ANNA)
        with pytest.raises(Refused, match="is not given out"):
            view.kept.playback.words(view.viewer, timeline, handle)
        assert isinstance(entered(view)[-1], OpeningRefused)


def test_what_cannot_be_entered_is_not_read(company: Company) -> None:
    company.speak(ANNA, "2026-05-01", "r-1")
    with viewing(company) as view:
        company.ring(view.opened, ANNA, "g-1")
        for handle in (each.handle for each in view.timeline.items):
            for point in ("journal.register:before", "journal.register:after"):
                with arm(point, "full"), pytest.raises(OSError, match="no space left"):
                    view.read(handle, 0, 10)


def test_an_order_stops_it_at_the_next_range(company: Company) -> None:
    company.speak(ANNA, "2026-05-01", "r-1")
    with viewing(company) as view:
        company.ring(view.opened, ANNA, "g-1")
        handles = [each.handle for each in view.timeline.items]
        for handle in handles:
            assert view.read(handle, 0, 10)
        company.order(ANNA)
        for handle in handles:
            with pytest.raises(Refused, match="suppressed"):
                view.kept.playback.read(view.viewer, view.timeline, handle, 10, 20)
            with pytest.raises(Refused, match="suppressed"):
                view.kept.playback.begin(view.viewer, view.timeline, handle)
        refused = [each for each in entered(view) if isinstance(each, OpeningRefused)]
        assert {each.account for each in refused} == {str(ACCOUNT)}
        assert len({each.recording for each in refused}) == 2


def test_what_was_erased_or_replaced_gives_no_further_byte(company: Company) -> None:
    path = company.speak(ANNA, "2026-05-01", "r-1")
    with viewing(company) as view:
        handle = view.handle()
        assert view.read(handle, 0, 10)
        beside = path.with_suffix(".new")
        beside.write_bytes(wav("another person's"))
        beside.replace(path)
        with pytest.raises(ItemGone):
            view.kept.playback.read(view.viewer, view.timeline, handle, 10, 20)
        assert view.read(handle, 0, 60) == wav("another person's")[:60], "opened again, it is another content"
        path.unlink()
        with pytest.raises(ItemGone):
            view.kept.playback.read(view.viewer, view.timeline, handle, 10, 20)
        with pytest.raises(ItemGone):
            view.read(handle, 0, 10)


def test_a_sealed_recording_that_was_erased_gives_no_further_byte(company: Company) -> None:
    with viewing(company) as view:
        company.ring(view.opened, ANNA, "g-1")
        handle = view.handle()
        assert view.read(handle, 0, 10)
        library = view.opened.vault.vaults.library(view.opened.map.stores["sealed"])
        recordings = tuple(library.recordings("bell"))
        library.shred(recordings)
        library.discard(recordings)
        with pytest.raises(ItemGone):
            view.kept.playback.read(view.viewer, view.timeline, handle, 10, 20)
        with pytest.raises(ItemGone):
            view.read(handle, 0, 10)


def test_a_recording_that_data_no_longer_leads_to_is_not_played(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    company.talk("t-1", ANNA, BELA)
    monkeypatch.setattr("expunge.engine.families.recordings.playback.LOOK_AGAIN", 0.0)
    with viewing(company) as view:
        handle = view.handle()
        assert view.read(handle, 0, 10)
        company.sql("DELETE FROM participants WHERE profile_id = ?", ANNA)
        with pytest.raises(ItemGone):
            view.kept.playback.read(view.viewer, view.timeline, handle, 10, 20)


def test_nobody_elses_handle_plays_anything(company: Company) -> None:
    company.speak(ANNA, "2026-05-01", "r-1")
    company.speak(BELA, "2026-05-01", "r-2")
    with viewing(company) as view:
        for other in (of(view.opened, view.kept, BELA), of(view.opened, view.kept, account=OTHER_ACCOUNT)):
            for handle in (view.handle(), "0" * 32, "", "../../etc/passwd", f"voice/{ANNA}/2026-05-01/kitchen/r-1.wav"):
                with pytest.raises(ItemGone):
                    other.read(handle, 0, 10)
        assert not entered(view)


@pytest.mark.parametrize(("first", "last"), [(0, MOST_PLAYED + 1), (5, 5), (9, 3), (-1, 5), (0, 10**12), (10**12, 10**12 + 1)], ids=str)
def test_a_range_that_is_none_is_refused(company: Company, first: int, last: int) -> None:
    company.speak(ANNA, "2026-05-01", "r-1")
    with viewing(company) as view, pytest.raises(UsageError):
        view.read(view.handle(), first, last)


PAGE = b"<!doctype html><script>alert(document.domain)</script>"


MARKED = b"\xef\xbb\xbf" + PAGE
PICTURE = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"


@pytest.mark.parametrize(
    "data",
    [PAGE, PICTURE, MARKED, b"%PDF-1.7", b"PK\3\4", b"", b"RIFF", b"\x7fELF"],
    ids=["page", "svg", "page with a mark", "pdf", "zip", "empty", "begun", "program"],
)
def test_only_media_of_the_list_is_given_out(company: Company, data: bytes) -> None:
    company.speak(ANNA, "2026-05-01", "r-1", data=data)
    with viewing(company) as view, pytest.raises(Unplayable):
        view.read(view.handle(), 0, 1)


def test_a_type_is_told_by_content() -> None:
    for head, media in (
        (wav("x")[:64], MediaType.WAV), (b"fLaC\0\0\0\x22", MediaType.FLAC), (b"ID3\4", MediaType.MP3),
        (b"\xff\xfb\x90\x64", MediaType.MP3),
        (b"\xff\xf1\x50\x80", MediaType.AAC), (b"OggS" + b"\0" * 24 + b"OpusHead", MediaType.OGG), (FILM[:64], MediaType.MP4),
        (b"\0\0\0\x20ftypM4A ", MediaType.M4A), (b"\x1aE\xdf\xa3\x9fB\x86\x81\1webm", MediaType.WEBM),
        (b"\xff\xd8\xff\xe0", MediaType.JPEG),
        (b"\x89PNG\r\n\x1a\n", MediaType.PNG), (b"GIF89a", MediaType.GIF), (b"RIFF\0\0\0\0WEBPVP8 ", MediaType.WEBP),
        (b"\xff\xff\xff\xff", None), (b"\xff\xfb\xf0\0", None), (b"\x1aE\xdf\xa3matroska", None), (PAGE, None), (b"", None),
    ):  # fmt: skip
        assert media_type_of(head) is media, head
    assert not any("html" in each or "svg" in each or "xml" in each for each in MediaType)


def test_links_do_not_lead_out(company: Company) -> None:
    path = company.speak(ANNA, "2026-05-01", "r-1")
    secret = company.folder / "secret.wav"
    secret.write_bytes(wav("secret"))
    with viewing(company) as view:
        handle = view.handle()
        path.unlink()
        path.symlink_to(secret)
        with pytest.raises(ItemGone):
            view.read(handle, 0, 10)
        path.unlink()
        path.write_bytes(wav("r-1"))
        assert view.read(handle, 0, 10)
        folder = path.parent
        moved = company.folder / "elsewhere"
        shutil.move(folder, moved)
        folder.symlink_to(moved)
        with pytest.raises(ItemGone):
            view.read(handle, 10, 20)
        assert handle not in {each.handle for each in of(view.opened, view.kept, session=b"n" * 32).timeline.items}


def test_a_purpose_of_the_map_is_asked(tmp_path: Path) -> None:
    company = build(tmp_path, PURPOSES % "voice")
    company.speak(ANNA, "2026-05-01", "r-1")
    with viewing(company) as view:
        assert view.read(view.handle(), 0, 10)
        assert {each.purpose for each in entered(view)} == {"look_at_recordings"}


def test_a_purpose_that_needs_consent_keeps_recordings_closed_without_one(tmp_path: Path) -> None:
    purpose = PURPOSES.replace("needs: contract", "needs: consent, text: words") % "voice"
    (tmp_path / "words.txt").write_text("May we show your recordings?")
    company = build(tmp_path, purpose + 'texts: {words: [{version: "1", file: ./words.txt}]}\n')
    company.speak(ANNA, "2026-05-01", "r-1")
    with viewing(company) as view:
        with pytest.raises(Refused, match="consent"):
            view.read(view.handle(), 0, 10)
        (refusal,) = entered(view)
        assert isinstance(refusal, OpeningRefused)
        assert refusal.account == str(ACCOUNT)


def test_a_large_film_is_never_in_memory(company: Company) -> None:
    path = company.speak(ANNA, "2026-05-01", "r-1")
    with path.open("r+b") as file:
        file.truncate(4 << 30)
    with viewing(company) as view:
        (item,) = view.timeline.items
        assert item.size == 4 << 30
        assert view.read(item.handle, 0, 44) == wav("r-1")[:44]
        assert view.read(item.handle, (4 << 30) - 10, 4 << 30) == bytes(10)
        assert view.kept.sketch(view.viewer, view.timeline, item.handle).cut


def test_only_so_many_are_open_at_once(company: Company) -> None:
    for number in range(MOST_PLAYS + 3):
        company.speak(ANNA, "2026-05-01", f"r-{number}")
    with viewing(company) as view:
        for item in view.timeline.items:
            view.read(item.handle, 0, 10)
        assert len(view.kept.playback._open) == MOST_PLAYS
        view.kept.playback.end(view.viewer.opening)
        assert not view.kept.playback._open


def test_a_sketch_is_entered_as_an_opening_of_the_beginning(company: Company) -> None:
    company.speak(ANNA, "2026-05-01", "r-1")
    company.speak(ANNA, "2026-05-02", "r-2", data=b"RIFF\0\0\0\0WAVEfmt nothing that sounds")
    with viewing(company) as view:
        damaged, sound = (each.handle for each in view.timeline.items)
        sketch = view.kept.sketch(view.viewer, view.timeline, sound)
        assert (len(sketch.bars), max(sketch.bars), sketch.cut) == (96, 100, False)
        assert sketch.seconds == pytest.approx(0.3)
        assert view.kept.sketch(view.viewer, view.timeline, sound) is sketch
        with pytest.raises(Unplayable):
            view.kept.sketch(view.viewer, view.timeline, damaged)
        assert len(entered(view)) == 2


FILMS = {"MP4": ("mp4", "libx264", "aac"), "WebM": ("webm", "libvpx", "libopus")}


@pytest.mark.parametrize("form", FILMS)
def test_a_film_has_a_small_picture_and_its_length(company: Company, form: str) -> None:
    """What says where its frames lie stands at the end of the MP4: all of it is opened, and little of it is read."""
    with viewing(company) as view:
        company.ring(view.opened, ANNA, "g-1", film(1.5, 160, 90, *FILMS[form]))
        sketch = view.kept.sketch(view.viewer, view.timeline, view.handle())
        assert (sketch.seconds, sketch.bars, sketch.cut) == (pytest.approx(1.5, abs=0.05), (), False)
        with Image.open(io.BytesIO(sketch.picture)) as image:
            assert (image.format, image.size) == ("JPEG", (160, 90))
            assert np.asarray(image).std() > 20
        (item,) = view.timeline.items
        assert view.kept.known(view.viewer, replace(item, seconds=None)).seconds == sketch.seconds
        (opening,) = entered(view)
        assert isinstance(opening, RecordingOpened)


def test_a_film_that_is_not_decoded_is_still_played(company: Company) -> None:
    with viewing(company) as view:
        company.ring(view.opened, ANNA, "g-1")
        assert view.kept.sketch(view.viewer, view.timeline, view.handle()) == Sketch()
        (item,) = view.timeline.items
        assert not view.kept.known(view.viewer, item).broken
        assert view.read(view.handle(), 0, 10)


def test_a_large_film_is_not_read_for_its_picture(company: Company) -> None:
    with viewing(company) as view:
        content = film(1.0, 320, 180)
        at = content.index(b"mdat") - 4
        wide = (1).to_bytes(4, "big") + b"mdat" + ((64 << 20) + 16).to_bytes(8, "big")
        company.ring(view.opened, ANNA, "g-1", content[:at] + wide + bytes(64 << 20))
        assert view.kept.sketch(view.viewer, view.timeline, view.handle()) == Sketch()


SOUNDS = {"M4A": ("ipod", "aac"), "AAC": ("adts", "aac"), "Opus": ("ogg", "libopus")}


@pytest.mark.parametrize("form", SOUNDS)
def test_sounds_that_only_ffmpeg_reads_have_an_outline(company: Company, form: str) -> None:
    company.speak(ANNA, "2026-05-01", "r-1", data=spoken(*SOUNDS[form], 2.0))
    with viewing(company) as view:
        sketch = view.kept.sketch(view.viewer, view.timeline, view.handle())
        assert (len(sketch.bars), max(sketch.bars), sketch.picture) == (96, 100, b"")
        assert sketch.seconds == pytest.approx(2.0, abs=0.1)
        assert np.median(sketch.bars) > 60


def test_what_the_sketching_process_is_given_cannot_reach_a_file(company: Company) -> None:
    """The process is closed: its limits say so, and so does the kernel."""
    company.speak(ANNA, "2026-05-01", "r-1")
    with viewing(company) as view:
        view.kept.sketch(view.viewer, view.timeline, view.handle())
        process = view.kept.sketcher._child  # type: ignore[attr-defined]
        status = Path(f"/proc/{process.pid}/status").read_text()
        assert "Seccomp:\t2" in status
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        assert "Max open files            3 " in limits
        assert "Max file size             0 " in limits
