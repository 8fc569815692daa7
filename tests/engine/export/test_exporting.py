"""An export by a command: what is in it, in parts of a size, with pages that open offline and hashes that a stranger checks."""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import re
import sqlite3
import subprocess
import tracemalloc
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from expunge.cli.terminal.export_files import check
from expunge.core.datamap.artefact import DataKind
from expunge.core.export.export_style import POLICY
from expunge.core.export.wanted_export import LEAST_PART, WantedExport, kinds_of
from expunge.core.journal.export_events import ExportBegun
from expunge.engine.kernel.journal_streams import EXPORTS, read_register
from expunge.errors import EvidenceInvalid, StoreUnavailable, UsageError
from expunge.faults import arm
from tests import exports
from tests.engine.export import company
from tests.engine.export.company import CHILD, OTHER
from tests.engine.household import Household, wav

HOSTILE = {
    "morning.wav": wav("morning"),
    "page.html": b"<script>alert(document.domain)</script>",
    "picture.svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "invoice\u202egnp.exe": b"MZ\0\0" * 20,
    "Con.txt": b"a device of Windows",
    "con.TXT": b"the same in capitals",
    "=cmd|' x'!A0.csv": b"=1+1\n",
    "noending": wav("no ending"),
    "n" * 200 + ".wav": wav("long"),
    "tr ail. ": b"dots and blanks at the end",
    "new\nline.wav": wav("newline"),
    "\u0645\u0631\u064a\u0645 \u5c0f\u660e.wav": wav("names"),
    "..%2f..%2fetc.wav": wav("dots"),
    "back\\slash.wav": wav("backslash"),
    "quote'\"&<>.wav": wav("quotes"),
}


def write(home: Household, name: str = "out", wanted: WantedExport | None = None) -> Path:
    target = home.folder / name
    with home.open() as opened:
        opened.export(opened.resolve(f"profile:{CHILD}"), target, wanted or WantedExport())
    return target


class Page(HTMLParser):
    """What a page loads and leads to, and what would run in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.handlers: list[str] = []
        self.policy = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        held = dict(attrs)
        self.handlers += [name for name in held if name.startswith("on")]
        self.loads += [str(held[name]) for name in ("src", "srcset", "poster", "data") if held.get(name)]
        self.links += [str(held["href"])] if held.get("href") else []
        if held.get("http-equiv") == "Content-Security-Policy":
            self.policy = str(held["content"])


def pages(files: dict[str, bytes]) -> dict[str, Page]:
    return {name: Page(data.decode()) for name, data in files.items() if name.endswith(".html")}


@pytest.mark.duty("COP-11")
def test_everything_is_there_byte_for_byte_and_nothing_of_others(tmp_path: Path) -> None:
    home = company.build(tmp_path)
    target = write(home)
    held = exports.held(target)
    assert held[f"voice/voice/{CHILD}/morning.wav"] == wav("morning")
    rows = company.lines(held["transcripts/transcripts.jsonl"])
    assert [row["recording_id"] for row in rows] == ["morning.wav", "evening.wav"]
    assert len(company.lines(held["places/places.jsonl"])) == 40
    everything = b"".join(exports.everything(target).values())
    assert OTHER.encode() not in everything
    assert b"somebody else entirely" not in everything
    assert b"weights of many people" not in everything, "a model is of everybody: it is told in words"


def test_the_first_page_says_what_is_held_learnt_and_beyond(tmp_path: Path) -> None:
    files = exports.everything(write(company.build(tmp_path)))
    page = files["index.html"].decode()
    for said in (
        "Your data at Night Owl &amp; Sons &lt;b&gt;",
        "Downloading does not delete",
        "2026-04-01 to 2026-04-28",
        "intent was made from: voice recordings, transcripts. When the data is erased, it is trained anew without it.",
        "media: tapes in a mine, until 2027",
        "shasum -a 256 -c part-1/SHA256SUMS",
        "This is part 1 of 1.",
    ):
        assert said in page, said
    spanish = files["index.es.html"].decode()
    assert "Descargar no borra nada" in spanish
    assert '<html lang="es">' in spanish
    assert "se entrena de nuevo sin ellos" in spanish


def test_recordings_play_beside_their_transcripts_and_places_are_drawn(tmp_path: Path) -> None:
    files = exports.everything(write(company.build(tmp_path)))
    voices = files["part-1/pages/en/voice-recordings-1.html"].decode()
    found = re.findall(r'<audio controls preload="none" src="([^"]+)"', voices)
    assert len(found) == 2
    for link in found:
        assert f"part-1/{unquote(link.removeprefix('../../../part-1/'))}" in files
    assert voices.count("the heron number") == 2
    assert "&lt;i&gt;danced&lt;/i&gt;" in voices
    places = files["part-1/pages/en/location-points-map.html"].decode()
    assert places.count("<circle") == 40
    assert "<svg" in places
    assert 'aria-label="A plain map with 40 places.' in places


@pytest.mark.parametrize("language", ["en", "es"])
def test_pages_ask_nobody_for_anything_and_every_link_leads_somewhere(tmp_path: Path, language: str) -> None:
    files = exports.everything(write(company.build(tmp_path, HOSTILE)))
    read = pages(files)
    assert any(f"/{language}/" in name for name in read)
    for name, page in read.items():
        assert page.policy == POLICY
        assert "script" not in page.policy.replace("default-src 'none'", "")
        assert not page.handlers
        assert not {"script", "iframe", "object", "embed", "form", "base"} & set(page.tags), name
        for link in (*page.loads, *page.links):
            assert not re.match(r"(?i)[a-z][a-z0-9+.-]*:|//|/|\\", link), link
            at = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(link)))
            assert at in files, f"{name}: {link}"
        assert all(load.endswith(tuple(company_endings())) for load in page.loads)


def company_endings() -> list[str]:
    return [".wav"]


def test_hostile_names_neither_climb_nor_collide_nor_run(tmp_path: Path) -> None:
    home = company.build(tmp_path, HOSTILE)
    target = write(home)
    listed = [row for row in exports.listed(target) if row["dataset"] == "voice"]
    assert len(listed) == len(HOSTILE)
    names = [row["name"] for row in listed]
    assert len({name.casefold() for name in names}) == len(names), "no two are one file where case does not count"
    for name in names:
        assert name.isprintable()
        assert not set('<>:"|?*\\') & set(name)
        assert "\u202e" not in name
        for part in name.split("/"):
            assert part not in {"", ".", ".."}
            assert len(part) <= 100
            assert len(part.encode()) <= 255
            assert part.rstrip(" .") == part
            assert part.partition(".")[0].lower() not in {"con", "nul", "aux", "prn"}
        assert name.rpartition(".")[2].lower() in {"wav", "txt", "bin"}, name
    unpacked = tmp_path / "unpacked"
    for part in exports.parts(target):
        with zipfile.ZipFile(part) as archive:
            archive.extractall(unpacked)
    there = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    assert there == set(exports.everything(target)), "what was unpacked lies where it says, and nowhere else"
    originals = {row.get("original", row["name"].partition("/data/voice/")[2]) for row in listed}
    assert {name.rpartition("/")[2] for name in originals} == set(HOSTILE)
    for row in listed:
        original = row.get("original", row["name"]).rpartition("/")[2]
        assert (unpacked / row["name"]).read_bytes() == HOSTILE[original]


def test_parts_have_at_most_the_size_and_each_opens_alone(tmp_path: Path) -> None:
    noise = {f"noise-{number:02}.wav": wav(f"noise {number}", 20) for number in range(12)}
    home = company.build(tmp_path, noise, places=3000)
    target = write(home, wanted=WantedExport(part_size=LEAST_PART))
    found = exports.parts(target)
    assert len(found) > 3
    assert all(part.stat().st_size <= LEAST_PART for part in found)
    for number, part in enumerate(found, 1):
        with zipfile.ZipFile(part) as archive:
            names = set(archive.namelist())
            assert {"index.html", "index.es.html", f"part-{number}/manifest.json", f"part-{number}/SHA256SUMS"} <= names
            assert all(name.startswith((f"part-{number}/", "index.")) for name in names)
            words = archive.read("index.html").decode()
        last = number == len(found)
        assert (f"This is part {number} of {number}." in words) is last
        assert check(part, None).parts == 1
    held = exports.held(target)
    assert all(held[f"voice/voice/{CHILD}/{name}"] == data for name, data in noise.items())
    assert check(target, (target / "trust-policy.txt").read_bytes()).parts == len(found)
    for page in pages(exports.everything(target)).values():
        assert not [load for load in page.loads if load.startswith("http")]


def test_a_file_larger_than_a_part_comes_in_pieces_that_join(tmp_path: Path) -> None:
    large = os.urandom(3 * LEAST_PART + 12345)
    home = company.build(tmp_path, {"film.mp4": large, "note.wav": wav("note")})
    target = write(home, wanted=WantedExport(part_size=LEAST_PART))
    assert all(part.stat().st_size <= LEAST_PART for part in exports.parts(target))
    rows = [row for row in exports.listed(target) if "film.mp4" in row["name"]]
    assert [row["piece"] for row in rows] == list(range(1, len(rows) + 1))
    assert [row["more"] for row in rows] == [True] * (len(rows) - 1) + [False]
    files = exports.everything(target)
    assert b"".join(files[row["name"]] for row in rows) == large
    page = files["index.html"].decode()
    assert "Files in pieces" in page
    assert f"voice/voice/{CHILD}/film.mp4" in page
    assert check(target, None).files


def test_long_tables_come_in_files_that_each_open_alone(tmp_path: Path) -> None:
    home = company.build(tmp_path, places=6000)
    target = write(home, wanted=WantedExport(part_size=LEAST_PART))
    rows = [row for row in exports.listed(target) if row["dataset"] == "places"]
    assert len(rows) > 1
    held = exports.held(target)
    each = [company.lines(held[row["name"].partition("/data/")[2]]) for row in rows]
    assert sum(map(len, each)) == 6000
    assert any(b"more are in the files" in data for data in exports.everything(target).values())


def test_chosen_kinds_alone_are_read_and_the_others_are_named(tmp_path: Path) -> None:
    home = company.build(tmp_path)
    (home.world / "media" / "voice" / CHILD / "morning.wav").chmod(0)
    target = write(home, wanted=WantedExport(frozenset({DataKind.TRANSCRIPT})))
    assert {row["kind"] for row in exports.listed(target)} == {"transcripts"}
    manifest = exports.manifest(target)
    assert manifest["kinds"] == ["transcripts"]
    assert {each["kind"]: each["items"] for each in manifest["not_asked_for"]} == {
        "voice recordings": 2, "location points": 40, "profiles": 1,
    }  # fmt: skip
    assert "not chosen" in exports.everything(target)["index.html"].decode()
    assert not manifest["could_not"]


def test_words_for_kinds_are_read_and_others_refused() -> None:
    assert kinds_of(["reviewers-notes", "voice recordings"]) == {DataKind.NOTE, DataKind.VOICE}
    with pytest.raises(UsageError, match="no such kind"):
        kinds_of(["everything"])


def test_what_cannot_be_read_is_said_and_the_rest_is_there(tmp_path: Path) -> None:
    home = company.build(tmp_path)

    def fails(count: list[int]) -> None:
        count.append(1)
        if len(count) == 1:
            raise StoreUnavailable("the disk is gone")

    seen: list[int] = []
    with arm("store.export:before", lambda: fails(seen)):
        target = write(home)
    (unread,) = exports.manifest(target)["could_not"]
    assert unread == {"dataset": "transcripts", "items": 0, "kind": "transcripts", "reason": "unreachable"}
    assert len([name for name in exports.held(target) if name.startswith("voice/")]) == 2
    assert "Transcripts, from transcripts: the system that has it did not answer." in exports.everything(target)["index.html"].decode()


def test_one_recording_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    home = company.build(tmp_path)
    broken = home.world / "media" / "voice" / CHILD / "morning.wav"
    with home.open() as opened:
        store = opened.context.open_store("media")
        resolved = opened.resolve(f"profile:{CHILD}")
        real = type(store).export

        def export(self: object, dataset: object, copy: object) -> object:
            for item in real(self, dataset, copy):  # type: ignore[arg-type]
                if item.name.endswith("morning.wav"):
                    broken.unlink(missing_ok=True)
                yield item

        type(store).export = export  # type: ignore[assignment,method-assign]
        try:
            done = opened.export(resolved, home.folder / "out")
        finally:
            type(store).export = real  # type: ignore[method-assign]
    assert set(done.failed) == {"voice"}
    (unread,) = exports.manifest(home.folder / "out")["could_not"]
    assert (unread["items"], unread["kind"]) == (1, "voice recordings")
    assert [name for name in exports.held(home.folder / "out") if name.startswith("voice/")] == [f"voice/voice/{CHILD}/evening.wav"]


def test_a_stranger_checks_hashes_with_tools_of_the_system(tmp_path: Path) -> None:
    target = write(company.build(tmp_path, HOSTILE))
    subprocess.run(["sha256sum", "-c", "--strict", "--quiet", "SHA256SUMS"], cwd=target, check=True)
    with zipfile.ZipFile(target / "part-1.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    subprocess.run(["sha256sum", "-c", "--strict", "--quiet", "part-1/SHA256SUMS"], cwd=tmp_path / "unpacked", check=True)
    assert check(tmp_path / "unpacked", (target / "trust-policy.txt").read_bytes()).parts == 1
    body = (target / "manifest.json").read_bytes()
    kind = b"application/vnd.expunge.export+json"
    (tmp_path / "signed").write_bytes(b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(body), body))
    told = subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", target / "signer.pem", "-rawin", "-in", tmp_path / "signed", "-sigfile",
         target / "manifest.sig"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "Signature Verified Successfully" in told.stdout


@pytest.mark.parametrize("change", ["byte", "page", "extra", "missing", "signature", "other signer", "no part"])
def test_any_change_is_found(tmp_path: Path, change: str) -> None:
    home = company.build(tmp_path)
    target = write(home)
    trust = (target / "trust-policy.txt").read_bytes()
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(target / "part-1.zip") as archive:
        archive.extractall(unpacked)
    check(unpacked, trust)
    match change:
        case "byte":
            path = next((unpacked / "part-1" / "data").rglob("morning.wav"))
            path.write_bytes(path.read_bytes()[:-1] + b"\0")
        case "page":
            path = unpacked / "part-1" / "pages" / "en" / "profiles-1.html"
            path.write_text(path.read_text().replace("</main>", "<script src=x></script></main>"))
        case "extra":
            (unpacked / "part-1" / "data" / "more.html").write_text("<script>")
        case "missing":
            next((unpacked / "part-1" / "data").rglob("morning.wav")).unlink()
        case "signature":
            (unpacked / "part-1" / "manifest.sig").write_bytes(bytes(64))
        case "other signer":
            trust = re.sub(rb"(?m)^signer .*\n", b"", trust)
        case "no part":
            (unpacked / "part-1" / "manifest.json").unlink()
    with pytest.raises(EvidenceInvalid):
        check(unpacked, trust)


def test_an_export_is_in_the_journal_before_anything_is_read(tmp_path: Path) -> None:
    home = company.build(tmp_path)
    seen: list[list[object]] = []
    with home.open() as opened:
        resolved = opened.resolve(f"profile:{CHILD}")

        def look() -> None:
            seen.append(list(read_register(opened.context.journal, EXPORTS)))

        with arm("store.locate:before", look), arm("store.export:before", look):
            opened.export(resolved, home.folder / "out", WantedExport(frozenset({DataKind.VOICE})))
    assert seen
    for events in seen:
        (begun,) = events
        assert isinstance(begun, ExportBegun)
        assert (begun.kinds, begun.account) == ((DataKind.VOICE,), "")
        assert resolved.person.subject in begun.subjects


def test_nothing_is_left_of_an_export_that_failed(tmp_path: Path) -> None:
    home = company.build(tmp_path)

    def full() -> None:
        raise OSError(28, "no space left on device")

    before = set(home.folder.iterdir())
    with arm("export.part:before", full), pytest.raises(OSError, match="no space"):
        write(home)
    assert set(home.folder.iterdir()) == before
    target = write(home)
    with pytest.raises(UsageError, match="exists already"):
        write(home)
    assert stat_of(target) == {0o600}
    assert target.stat().st_mode & 0o777 == 0o700


def stat_of(folder: Path) -> set[int]:
    return {path.stat().st_mode & 0o777 for path in folder.iterdir()}


def _sparse(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.write(b"\0\0\0\x20ftypisom")
        file.truncate(size)


def _peak(home: Household, wanted: WantedExport) -> tuple[int, Path]:
    """The most bytes that an export holds at a time."""
    target = home.folder / "out"
    with home.open() as opened:
        resolved = opened.resolve(f"profile:{CHILD}")
        tracemalloc.start()
        opened.export(resolved, target, wanted)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak, target


def test_a_large_recording_streams_through_little_memory(tmp_path: Path) -> None:
    home = company.build(tmp_path)
    _sparse(home.world / "media" / "voice" / CHILD / "film.mp4", 96 * 1024 * 1024)
    peak, target = _peak(home, WantedExport())
    assert peak < 40 * 1024 * 1024
    (row,) = [row for row in exports.listed(target) if row["name"].endswith("film.mp4")]
    assert row["bytes"] == 96 * 1024 * 1024
    assert row["media_type"] == "video/mp4"


@pytest.mark.soak
def test_a_recording_of_four_gigabytes_streams_through_little_memory(tmp_path: Path) -> None:
    home = company.build(tmp_path)
    size = 4 * 1024**3 + 777
    _sparse(home.world / "media" / "voice" / CHILD / "film.mp4", size)
    peak, target = _peak(home, WantedExport())
    assert peak < 40 * 1024 * 1024
    parts = exports.parts(target)
    assert len(parts) == 3
    assert all(part.stat().st_size <= 2_000_000_000 for part in parts)
    assert check(target, None).parts == 3
    manifests = [json.loads(zipfile.ZipFile(part).read(f"{part.stem}/manifest.json")) for part in parts]
    rows = [row for each in manifests for row in each["files"] if "film.mp4" in row["name"]]
    assert sum(row["bytes"] for row in rows) == size


def test_the_same_data_gives_the_same_files(tmp_path: Path) -> None:
    home = company.build(tmp_path)
    first, second = write(home, "first"), write(home, "second")
    assert exports.held(first) == exports.held(second)
    sums = [{row["name"]: row["sha256"] for row in exports.listed(each)} for each in (first, second)]
    assert sums[0] == sums[1]
    assert all(hashlib.sha256(exports.everything(first)[name]).hexdigest() == digest for name, digest in sums[0].items())


def test_pages_of_awkward_data_push_no_part_over_its_size(tmp_path: Path) -> None:
    """Names and texts of which each character takes six on a page, in many small files and one long table."""
    names = {f"{number:04}{'&' * 150}\u6f22.txt": b"\"<&>'" * 600 for number in range(250)}
    home = company.build(tmp_path, names, places=1500)
    with sqlite3.connect(home.database) as db:
        db.execute("UPDATE transcripts SET text = ?", ('"&<>' * 2000,))
    db.close()
    target = write(home, wanted=WantedExport(part_size=LEAST_PART))
    sizes = [part.stat().st_size for part in exports.parts(target)]
    assert max(sizes) <= LEAST_PART
    held = exports.held(target)
    assert len([name for name in held if name.startswith("voice/")]) == 250
    assert check(target, None).parts == len(sizes)


def test_rows_that_are_the_persons_alone_and_rows_with_others_are_both_given(tmp_path: Path) -> None:
    """An erasure would take the first and keep the second, so that they are looked for as two; both are held about the person."""
    home = company.build(tmp_path / "home", places=0)
    with sqlite3.connect(home.database) as db:
        db.executescript(
            """
            CREATE TABLE members (game_id TEXT, profile_id TEXT, recorded_at TEXT, PRIMARY KEY (game_id, profile_id));
            CREATE TABLE games (game_id TEXT PRIMARY KEY, said TEXT, recorded_at TEXT);
            """
        )
        db.executemany("INSERT INTO members (game_id, profile_id) VALUES (?, ?)", [("g-1", CHILD), ("g-2", CHILD), ("g-2", OTHER)])
        db.executemany("INSERT INTO games (game_id, said) VALUES (?, ?)", [("g-1", "alone in the forest"), ("g-2", "together at sea")])
    db.close()
    more = """\
  members: {store: app, table: members, subject: {profile: profile_id}, retention: life}
  games: {store: app, table: games, subject: {through: members, via: game_id}, shared: keep, retention: life}
"""
    home.map.write_text(home.map.read_text() + more)
    with home.open() as opened:
        opened.export(opened.resolve(f"profile:{CHILD}"), home.folder / "out")
    (part,) = (home.folder / "out").glob("*.zip")
    with zipfile.ZipFile(part) as archive:
        rows = [
            row for name in archive.namelist() if "/games" in name and name.endswith(".jsonl") for row in company.lines(archive.read(name))
        ]
    assert sorted(str(row["said"]) for row in rows) == ["alone in the forest", "together at sea"]
