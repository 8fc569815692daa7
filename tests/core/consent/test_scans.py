"""Bytes that are taken for a scan, and what pretends to be one."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.consent.scans import MOST_BYTES, Scan, ScanFault, read_scan
from tests.engine.consent.scans import PDF, jpeg, png


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("bomb", bytes(1 << 20))
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "media_type"), [(PDF, "application/pdf"), (png(), "image/png"), (jpeg(), "image/jpeg")], ids=["pdf", "png", "jpeg"]
)
def test_a_scan_is_kept_as_it_is(data: bytes, media_type: str) -> None:
    assert read_scan(data) == Scan(media_type, data)


@pytest.mark.parametrize("data", [png(), jpeg()], ids=["png", "jpeg"])
@pytest.mark.parametrize("more", [b"<script>alert(1)</script>", archive(), PDF], ids=["html", "zip", "pdf"])
def test_what_stands_behind_a_picture_is_not_kept(data: bytes, more: bytes) -> None:
    assert read_scan(data + more) == read_scan(data)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", ScanFault.EMPTY),
        (b"<!doctype html><script>alert(1)</script>", ScanFault.NO_SCAN),
        (b"\n" + PDF, ScanFault.NO_SCAN),
        (archive(), ScanFault.NO_SCAN),
        (b"GIF89a", ScanFault.NO_SCAN),
        (b"II*\x00", ScanFault.NO_SCAN),
        (PDF + bytes(MOST_BYTES), ScanFault.TOO_BIG),
        (PDF.replace(b"%%EOF", b""), ScanFault.NOT_WHOLE),
        (PDF + b"<script>", ScanFault.MORE_BEHIND),
        (PDF + archive(), ScanFault.MORE_BEHIND),
        (PDF.replace(b"/Root", b"/OpenAction << /S /JavaScript >> /Root"), ScanFault.ACTIVE),
        (PDF.replace(b"/Root", b"/EmbeddedFile 2 0 R /Root"), ScanFault.ACTIVE),
        (png(40_000, 40_000), ScanFault.TOO_LARGE),
        (png(0, 5), ScanFault.TOO_LARGE),
        (png()[:-8], ScanFault.NOT_WHOLE),
        (jpeg(60_000, 60_000), ScanFault.TOO_LARGE),
        (jpeg()[:-2], ScanFault.NOT_WHOLE),
        (b"\xff\xd8\xff<html>", ScanFault.NOT_WHOLE),
    ],
    ids=[
        "empty", "html", "pdf behind a line", "zip", "gif", "tiff", "huge", "cut pdf", "html behind pdf", "zip behind pdf", "script in pdf",
        "file in pdf", "png bomb", "png of nothing", "cut png", "jpeg bomb", "cut jpeg", "html with a picture's magic",
    ],
)  # fmt: skip
def test_what_pretends_is_refused_with_its_reason(data: bytes, fault: ScanFault) -> None:
    assert read_scan(data) is fault


@given(st.sampled_from([PDF, png(), jpeg()]), st.data())
def test_no_damage_leads_to_an_error(whole: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(whole)))
    noise = data.draw(st.binary(max_size=64))
    assert isinstance(read_scan(whole[:cut] + noise), Scan | ScanFault)
