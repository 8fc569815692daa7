"""The independent search finds a string however it is written down, and says how."""

from __future__ import annotations

import base64
import bz2
import gzip
import json
import lzma
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.demo.company import outside_search
from expunge.demo.company.outside_search import Search

SECRET = "зелёный кузнечик 42"
PLAIN = "rec_094dcde0738d932c"


@pytest.mark.parametrize("secret", [SECRET, PLAIN])
@pytest.mark.parametrize(
    ("write", "how"),
    [
        (lambda text: text.encode(), "utf-8"),
        (lambda text: text.encode("utf-16-le"), "utf-16-le"),
        (lambda text: text.encode("utf-16-be"), "utf-16-be"),
        (lambda text: text.encode().hex().encode(), "hex"),
        (lambda text: text.encode().hex().upper().encode(), "hex"),
        (lambda text: gzip.compress(text.encode()), "gzip > utf-8"),
        (lambda text: gzip.compress(gzip.compress(text.encode("utf-16-le"))), "gzip > gzip > utf-16-le"),
        (lambda text: zlib.compress(text.encode()), "zlib > utf-8"),
        (lambda text: bz2.compress(text.encode()), "bzip2 > utf-8"),
        (lambda text: lzma.compress(text.encode()), "xz > utf-8"),
    ],
)
def test_a_string_is_found_in_the_middle_of_other_bytes(tmp_path: Path, secret: str, write: object, how: str) -> None:
    (tmp_path / "file").write_bytes(b"before " * 50 + write(f"they said: {secret}.") + b" after" * 50)  # type: ignore[operator]
    assert (secret, how) in {(hit.what, hit.how) for hit in Search([secret]).folder(tmp_path)}


@given(before=st.binary(max_size=9), text=st.text(min_size=8, max_size=30), after=st.binary(max_size=9), url=st.booleans())
def test_base64_is_found_in_every_alignment(before: bytes, text: str, after: bytes, *, url: bool) -> None:
    coded = (base64.urlsafe_b64encode if url else base64.b64encode)(before + text.encode() + after)
    assert (text, "base64") in set(Search([text]).bytes(coded))


@given(st.lists(st.text(min_size=8, max_size=20), min_size=1, max_size=20, unique=True), st.randoms())
def test_many_strings_are_found_at_once_and_no_others(strings: list[str], random: object) -> None:
    present = [text for text in strings if random.random() < 0.5]  # type: ignore[attr-defined]
    data = "\x00".join(present).encode()
    found = {what for what, how in Search(strings).bytes(data) if how == "utf-8"}
    assert found == {text for text in strings if text.encode() in data}


def test_overlapping_strings_are_both_found() -> None:
    strings = ["rec_1234567890", "rec_1234567890.wav", "1234567890.wav and more"]
    assert {what for what, _ in Search(strings).bytes(b"x rec_1234567890.wav and more")} == set(strings)


def test_json_escapes_zip_members_names_and_bytes_are_found(tmp_path: Path) -> None:
    (tmp_path / "escaped.json").write_text(json.dumps({"said": SECRET}))
    with zipfile.ZipFile(tmp_path / "archive.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"voice/{PLAIN}.txt", SECRET)
    (tmp_path / PLAIN).mkdir()
    (tmp_path / "sound").write_bytes(bytes(100) + bytes(range(7, 60)) + bytes(100))
    found = {(hit.what, hit.how) for hit in Search([SECRET, PLAIN], [bytes(range(9, 50))]).folder(tmp_path)}
    assert {(SECRET, "json escapes"), (SECRET, "zip > utf-8"), (PLAIN, "zip name > utf-8"), (PLAIN, "file name")} <= found
    assert (bytes(range(9, 50)), "bytes") in found


def test_what_is_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        Search(["abc"])


def test_it_runs_alone_and_imports_nothing_of_expunge(tmp_path: Path) -> None:
    (tmp_path / "world").mkdir()
    (tmp_path / "world" / "log.txt").write_text(f"x{PLAIN}")
    (tmp_path / "before.json").write_text(json.dumps([PLAIN]))
    command = [sys.executable, "-I", "-S", outside_search.__file__, str(tmp_path / "before.json"), str(tmp_path / "world")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "1 strings, 1 found, in 1 files")
    (tmp_path / "world" / "log.txt").unlink()
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
