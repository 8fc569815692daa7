"""Which bytes of a file are explained, and which are not."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import sqlite3
import struct
import tarfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import zstandard

from expunge.residue.formats.slices import MemorySlice
from expunge.residue.matching.session import Limits
from expunge.residue.opaque.account import account
from expunge.residue.opaque.stretches import Unread, is_dense, judge
from tests.attacks.test_opaque import age, film, jpeg, noise, png_head, seven_zip, zipped

TEXT = "Grüße aus Köln, sagte sie, und Łódź ist auch schön.\n" * 60


def left(data: bytes, name: str = "file.bin") -> Unread:
    return account(MemorySlice(data), name, Limits())


def tarred(*members: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for number, data in enumerate(members):
            info = tarfile.TarInfo(f"member-{number}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def array() -> bytes:
    out = io.BytesIO()
    np.save(out, np.random.default_rng(3).standard_normal((300, 40)).astype(np.float32))
    return out.getvalue()


def with_dictionary() -> bytes:
    chance = random.Random(2)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=7)) for _ in range(400)]
    known = zstandard.ZstdCompressionDict(" ".join(words).encode())
    return zstandard.ZstdCompressor(dict_data=known).compress(" ".join(chance.choices(words, k=5000)).encode())


def numbers(kind: str, data: bytes) -> bytes:
    head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': ({len(data)},), }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00v\x00" + head.encode() + data


def with_private_part() -> bytes:
    return jpeg().replace(b"\xff\xdb\x00\x43", b"\xff\xe5\x08\x00SECRET" + noise(2040) + b"\xff\xdb\x00\x43", 1)


def database(folder: Path) -> bytes:
    with sqlite3.connect(folder / "some.db") as db:
        db.execute("CREATE TABLE pictures (name, picture)")
        db.executemany("INSERT INTO pictures VALUES (?, ?)", [(f"picture {n}", noise(3000, str(n))) for n in range(20)])
    db.close()
    return (folder / "some.db").read_bytes()


def page(content: bytes) -> bytes:
    """A page of a table of PostgreSQL: a head, one pointer, and a row at its end."""
    upper = 8192 - len(content)
    head = struct.pack("<QHHHHHHI", 1 << 32, 0, 0, 28, upper, 8192, 8192 | 4, 0)
    return head + struct.pack("<I", upper | 1 << 15 | len(content) << 17) + bytes(upper - 28) + content


EXPLAINED = {
    "pages of a table": page(TEXT.encode()) * 3 + bytes(8192) + page(bytes(range(250)) * 8) * 200,
    "nothing": b"",
    "zeros": bytes(100_000),
    "utf-8": TEXT.encode(),
    "utf-8 over several blocks": TEXT.encode() * 80,
    "utf-16": TEXT.encode("utf-16"),
    "utf-16 without a mark": TEXT.encode("utf-16-be"),
    "latin-1": TEXT.replace("Ł", "L").replace("ó", "o").replace("ź", "z").encode("latin-1"),
    "a coloured log": b"\x1b[31mERROR\x1b[0m something went wrong in line 12\n" * 300,
    "a torn log": TEXT.encode() + bytes(5000) + TEXT.encode(),
    "base64 of noise": __import__("base64").encodebytes(noise(20_000)),
    "jpeg": jpeg(),
    "jpeg with text behind it": jpeg(TEXT.encode()),
    "mp4": film(),
    "gzip": gzip.compress(TEXT.encode()),
    "two members of gzip": gzip.compress(TEXT.encode()) + gzip.compress(TEXT.encode()),
    "bzip2": bz2.compress(TEXT.encode()),
    "xz": lzma.compress(TEXT.encode()),
    "zstd": zstandard.compress(TEXT.encode()),
    "zlib": zlib.compress(TEXT.encode()),
    "zip of a jpeg": zipped(jpeg()),
    "tar": tarred(TEXT.encode(), jpeg(), b""),
    "tar in a gzip": gzip.compress(tarred(TEXT.encode(), jpeg())),
    "numpy": array(),
    "pickle": __import__("pickle").dumps({"weights": np.random.default_rng(1).standard_normal(5000)}),
}


@pytest.mark.parametrize("case", EXPLAINED)
def test_it_is_explained(case: str) -> None:
    assert not left(EXPLAINED[case]).counts


def test_pages_of_a_database_are_explained(tmp_path: Path) -> None:
    assert not left(database(tmp_path)).counts


NOT_EXPLAINED = {
    "noise": noise(50_000),
    "a cipher behind the head of a page": page(b"")[:24] + noise(50_000),
    "a cipher behind a whole page": page(TEXT.encode()) + age(),
    "a cipher in pages": b"".join(page(noise(8000, str(number))) for number in range(8)),
    "EBCDIC behind a page": page(TEXT.encode()) + TEXT.replace("Ł", "L").replace("ź", "z").encode("cp500"),
    "a short cipher behind many pages": page(TEXT.encode()) * 300 + age(300),
    "a short cipher": age(300),
    "age": age(),
    "7z that is refused": seven_zip(),
    "noise behind a jpeg": jpeg(noise(5000)),
    "a zip with noise behind a jpeg": jpeg(zipped(noise(5000))),
    "a jpeg whose samples are noise": jpeg()[:200] + noise(20_000),
    "a part of a jpeg that is private": with_private_part(),
    "the head of a png": png_head() + noise(5000),
    "a box of a film that is free": film() + b"\0\0\x14\0free" + noise(0x1400 - 8),
    "noise behind a film": film() + noise(9000),
    "noise behind gzip": gzip.compress(TEXT.encode()) + noise(9000),
    "gzip of noise": gzip.compress(noise(9000)),
    "gzip that is cut off": gzip.compress(noise(9000) + TEXT.encode())[:-2000],
    "noise in a tar": tarred(TEXT.encode(), noise(9000)),
    "noise as an array": numbers("|u1", noise(9000)),
    "zstd with a dictionary": with_dictionary(),
    "EBCDIC": TEXT.replace("Ł", "L").replace("ź", "z").encode("cp500"),
    "text in another alphabet": ("Привет из Москвы, сказала она.\n" * 50).encode("cp1251"),
    "utf-32 without a mark": TEXT.encode("utf-32-le"),
    "text with a cipher in it": TEXT.encode() + noise(500) + TEXT.encode(),
}


@pytest.mark.parametrize("case", NOT_EXPLAINED)
def test_it_is_not_explained(case: str) -> None:
    assert left(NOT_EXPLAINED[case]).counts


def test_what_looks_like_noise_is_opaque_and_the_rest_is_unknown() -> None:
    assert left(noise(50_000)) == Unread(opaque=50_000)
    assert left(TEXT.encode("utf-32-le")).opaque == 0


def test_short_runs_do_not_count() -> None:
    assert not left(TEXT.encode() + noise(20) + TEXT.encode()).counts


def test_vectors_are_not_dense_and_a_cipher_is() -> None:
    assert not is_dense(array()[128:])
    assert is_dense(noise(4096))
    assert judge(bytes(4096)) == Unread()
