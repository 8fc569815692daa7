"""Bytes that nobody can read are never clean: in places that no dataset declares they keep an order from being fulfilled."""

from __future__ import annotations

import io
import random
import sqlite3
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from expunge import survey
from expunge.core.evidence.unread_places import PlaceKind, UnreadPlace
from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from expunge.core.verification import receipt_verify
from tests.engine.household import ANNA, BELA, SAID, Household, build

EXPORT = "\n".join([*SAID[ANNA], ANNA] * 40)


def noise(size: int, seed: str = "cipher") -> bytes:
    return random.Random(seed).randbytes(size)


def age(size: int = 9000) -> bytes:
    """A file as age writes it: a head in text, then what only the key opens."""
    head = b"age-encryption.org/v1\n-> X25519 8mbJk3tRZ0yWkD4sC1nqP5eHhLQZyVb7F2m9uTjXo3A\nQ7pV0s\n--- 4fYk2mJcB8wN1xZ6tRq\n"
    return head + noise(size)


def openssl(size: int = 9000) -> bytes:
    return b"Salted__" + noise(size)


def jpeg(tail: bytes = b"") -> bytes:
    """A picture as far as its structure goes."""
    parts = [
        b"\xff\xd8",
        b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00",
        b"\xff\xdb\x00\x43\x00" + bytes(range(1, 65)),
        b"\xff\xc0\x00\x0b\x08\x00\x40\x00\x40\x01\x01\x11\x00",
        b"\xff\xc4\x00\x14\x00" + bytes(16) + b"\x05",
        b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00",
        noise(20_000, "picture").replace(b"\xff", b"\xff\x00"),
        b"\xff\xd9",
    ]
    return b"".join(parts) + tail


def film() -> bytes:
    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", 8 + len(body)) + kind + body

    return box(b"ftyp", b"isom\0\0\2\0isomiso2") + box(b"mdat", noise(30_000, "film")) + box(b"moov", box(b"mvhd", bytes(100)))


def png_head() -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)) + chunk(b"IDAT", noise(9000))


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("export.bin", data)
    return out.getvalue()


def seven_zip() -> bytes:
    """An archive whose header is encrypted, as far as anybody can see: a head with checksums, and noise."""
    body, header = noise(9000), noise(200, "header")
    where = struct.pack("<QQI", len(body), len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<I", zlib.crc32(where)) + where + body + header


UNREAD = {
    "age": ("export.age", age()),
    "a short age": ("export.age", age(400)),
    "openssl": ("export.enc", openssl()),
    "behind a picture": ("photo.jpg", jpeg(age())),
    "a zip behind a picture, and in it a cipher": ("photo2.jpg", jpeg(zipped(age()))),
    "7z that is refused": ("export.7z", seven_zip()),
    "EBCDIC": ("export.ebc", EXPORT.encode("cp500")),
    "the head of a PNG": ("logo.png", png_head() + noise(6000)),
    "gzip of a cipher": ("export.gz", __import__("gzip").compress(age(), mtime=0)),
}


@pytest.fixture
def home(tmp_path: Path) -> Household:
    return build(tmp_path / "home")


def lies(home: Household, name: str, data: bytes, store: str = "lake") -> Path:
    path = home.world / store / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def unread(home: Household, run: Run) -> tuple[UnreadPlace, ...]:
    """What the receipt lists, after a stranger has checked it."""
    with home.open() as opened:
        verified = receipt_verify.verify(opened.receipt_folder(run.order, 1))
    assert any("places that nothing accounts for" in step for step in verified.steps) == bool(verified.receipt.unread)
    return verified.receipt.unread


def cannot_tell(run: Run) -> bool:
    return run.state is OrderState.IN_PART and any("could not tell" in each or "cannot tell" in each for each in run.reasons)


FAST = {"age", "behind a picture", "EBCDIC"}


@pytest.mark.parametrize("case", [pytest.param(each, marks=[] if each in FAST else [pytest.mark.soak]) for each in UNREAD])
def test_what_nobody_can_read_in_an_undeclared_place_is_not_clean(home: Household, case: str) -> None:
    name, data = UNREAD[case]
    lies(home, f"old/{name}", data)
    run = home.erase(f"profile:{ANNA}")
    assert cannot_tell(run), run.reasons
    (place,) = [each for each in unread(home, run) if each.unread_files]
    assert (place.store, place.kind, place.unread_files, place.blocks) == ("lake", PlaceKind.UNDECLARED, 1, True)


def test_ignoring_it_is_not_enough_and_declaring_it_is(home: Household) -> None:
    lies(home, "old/export.age", age())
    home.write_map(more='ignore:\n  - {store: lake, path: "old/*", reason: old things}\n')
    run = home.erase(f"profile:{ANNA}")
    assert cannot_tell(run), run.reasons
    more = 'opaque:\n  - {store: lake, path: "old/*.age", reason: encrypted under a key that was destroyed}\n'
    home.write_map(more=more)
    run = home.erase(f"profile:{BELA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    (place,) = unread(home, run)
    reason = "encrypted under a key that was destroyed"
    assert place == UnreadPlace("lake", PlaceKind.OPAQUE, "old/*.age", reason, 1, 1000, 1, 1000)


@pytest.mark.soak
def test_beside_a_database_and_in_it_nothing_of_its_own_counts(home: Household) -> None:
    with sqlite3.connect(home.database) as db:
        db.execute("CREATE TABLE pictures (profile_id, picture)")
        db.executemany("INSERT INTO pictures VALUES (?, ?)", [(BELA, noise(50_000, "b")), (ANNA, noise(50_000, "a"))])
    db.close()
    home.write_map(more="  pictures: {store: app, table: pictures, subject: {profile: profile_id}, retention: life}\n")
    run = home.erase(f"profile:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    (home.world / "app.db.age").write_bytes(age())
    run = home.erase(f"profile:{BELA}")
    assert cannot_tell(run), run.reasons


def test_media_of_others_arrays_and_texts_are_explained(home: Household) -> None:
    lies(home, "old/photo.jpg", jpeg())
    lies(home, "old/film.mp4", film())
    lies(home, "old/notes.txt", "Grüße aus Köln und Łódź\n".encode() * 50)
    lies(home, "old/notes.latin", "Grüße aus Köln\n".encode("latin-1") * 50)
    lies(home, "old/notes.utf16", "Grüße aus Köln\n".encode("utf-16") * 1)
    lies(home, "old/lock", b"")
    lies(home, "old/things.zip", zipped(jpeg()))
    out = io.BytesIO()
    np.save(out, np.random.default_rng(1).standard_normal((200, 64)).astype(np.float32))
    lies(home, "old/vectors.npy", out.getvalue())
    run = home.erase(f"profile:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    (place,) = unread(home, run)
    assert (place.kind, place.files, place.unread_files, place.blocks) == (PlaceKind.UNDECLARED, 1, 0, False)


def test_noise_that_is_an_item_of_somebody_who_stays_is_theirs(home: Household) -> None:
    lies(home, f"voice/{BELA}/rec-sealed.wav", age(), store="media")
    run = home.erase(f"profile:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())


def test_check_prints_the_lines_that_make_the_first_order_pass(home: Household) -> None:
    for number in range(3):
        lies(home, f"backups/2026-0{number + 1}.tar.age", age())
    lies(home, "backups/readme.txt", b"one a month")
    lies(home, "models/strange [1].bin", bytes(range(200)) * 20)
    home.write_map(more='ignore:\n  - {store: lake, path: "*", reason: nobody knows}\n')
    (packed, strange) = [each for each in survey.check(home.map).findings if "opaque:" in each.mend]
    assert (packed.where, packed.what.partition(":")[0]) == ("backups/*.age", "3 files, 27.3 kB, look encrypted")
    assert strange.what.startswith("1 file, 4.0 kB, is in no known format")
    lines = "".join(f"  {each.mend}\n" for each in (packed, strange)).replace("WHY IT HOLDS NOTHING OF PEOPLE WHO GO", "keys are gone")
    home.write_map(more=f"opaque:\n{lines}")
    assert not [each for each in survey.check(home.map).findings if "opaque:" in each.mend]
    run = home.erase(f"profile:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())


def test_what_check_prints_is_never_a_whole_store_and_always_a_line_of_the_map(home: Household) -> None:
    for name in ("keyring", "blob2", "del\x7f.enc", "\x1b[31m.enc2", "line\u2028.enc3", "bad\udcff.e1"):
        lies(home, name, age())
    found = [each for each in survey.check(home.map).findings if "opaque:" in each.mend]
    assert {"keyring", "blob2"} <= {each.where for each in found}
    assert not [each.where for each in found if each.where.startswith("*")]
    lines = "".join(f"  {each.mend}\n" for each in found).replace("WHY IT HOLDS NOTHING OF PEOPLE WHO GO", "keys are gone")
    home.write_map(more=f"opaque:\n{lines}")
    assert not [each for each in survey.check(home.map).findings if "opaque:" in each.mend]


@pytest.mark.soak
def test_an_archive_that_is_encrypted_and_declared_ends_the_doubt_and_one_that_is_only_ignored_does_not(home: Household) -> None:
    sealed = bytearray(zipped(EXPORT.encode()))
    sealed[6] |= 1
    lies(home, "old/export.zip", bytes(sealed))
    home.write_map(more='ignore:\n  - {store: lake, path: "old/*", reason: old things}\n')
    assert cannot_tell(home.erase(f"profile:{ANNA}"))
    home.write_map(more='opaque:\n  - {store: lake, path: "old/*.zip", reason: the password is gone}\n')
    run = home.erase(f"profile:{BELA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())


@pytest.mark.soak
def test_what_can_be_seen_in_a_declared_place_is_residue_all_the_same(home: Household) -> None:
    lies(home, "old/export.age", age() + EXPORT.encode())
    home.write_map(more='opaque:\n  - {store: lake, path: "old/*", reason: encrypted}\n')
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert any("residue" in each for each in run.reasons), run.reasons


@pytest.mark.soak
def test_a_later_look_cannot_tell_either(home: Household) -> None:
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.FULFILLED
    lies(home, "old/export.age", age())
    with home.open() as opened:
        assert "lake" in opened.verify(run.order).failed
