"""Places of a folder where a copy can hide: a line each, the path and a function that makes the content."""

from __future__ import annotations

import base64
import bz2
import gzip
import html
import io
import json
import lzma
import os
import pickle
import quopri
import sqlite3
import struct
import tarfile
import unicodedata
import urllib.parse
import wave
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing

import cramjam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import orc

from tests.attacks.companies.forms import FORMS, Write
from tests.attacks.companies.world import Leaves, Place, Plant, World

GOES, STAYS = Leaves.GOES, Leaves.STAYS


def _file(path: str, make: Callable[[str], bytes] = str.encode, text: str = "<said>") -> Plant:
    """Write a file that is made of a text of the person."""

    def plant(world: World) -> None:
        world.write(world.fill(path), make(world.fill(text)))

    return plant


def _zip(text: str | bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/readme.txt", "nothing in particular " * 20)
        archive.writestr("a/notes.txt", text * 3)
    return target.getvalue()


def _zip_comment(text: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = text.encode()
        archive.writestr("a/readme.txt", "nothing in particular " * 20)
    return target.getvalue()


def _zip_name(text: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"a/{text}.txt", "nothing in particular " * 20)
    return target.getvalue()


def _tar(text: str) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        info = tarfile.TarInfo("notes.txt")
        info.size = len(text.encode())
        archive.addfile(info, io.BytesIO(text.encode()))
    return target.getvalue()


def _nested(text: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("inner.zip", _zip(text))
    return target.getvalue()


def _wav(text: str) -> bytes:
    target = io.BytesIO()
    with wave.open(target, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(b"\x01\x00" * 400)
    note = text.encode() + b"\x00" * (len(text.encode()) % 2)
    chunk = b"INFOICMT" + struct.pack("<I", len(note)) + note
    return target.getvalue() + b"LIST" + struct.pack("<I", len(chunk)) + chunk


def _png(text: str) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    packed = b"Comment\x00\x00" + zlib.compress(text.encode() * 2)
    parts = (chunk(b"IHDR", header), chunk(b"zTXt", packed), chunk(b"IDAT", zlib.compress(b"\x00\x00")), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _pdf(text: str) -> bytes:
    body = zlib.compress(f"BT /F1 12 Tf ({text}) Tj ET".encode())
    return (
        b"%PDF-1.4\n1 0 obj\n<< /Filter /FlateDecode /Length "
        + str(len(body)).encode()
        + b" >>\nstream\n"
        + body
        + b"\nendstream\nendobj\n%%EOF\n"
    )


def _parquet(text: str) -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.table({"said": [text] * 3}), target, compression="zstd")
    return target.getvalue()


def _orc(text: str) -> bytes:
    target = io.BytesIO()
    orc.write_table(pa.table({"number": range(500), "said": ["nothing in particular", text] * 250}), target, compression="zlib")
    return target.getvalue()


def _deflate(text: str) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(b"nothing in particular " * 20 + text.encode() * 3) + packer.flush()


def _workbook(text: str) -> bytes:
    target = io.BytesIO()
    said = html.escape(text).replace(" ", "&#32;", 1)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", '<c r="A1" t="s"><v>1</v></c>' * 20)
        archive.writestr("xl/sharedStrings.xml", f"<sst><si><t>nothing</t></si><si><t>{said}</t></si></sst>")
    return target.getvalue()


def _arrays(text: str) -> bytes:
    target = io.BytesIO()
    np.savez_compressed(target, said=np.array([text, "other"]), numbers=np.arange(9))
    return target.getvalue()


def _tar_in_zip(text: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.tar.gz", _tar(text))
    return target.getvalue()


def _database(world: World) -> None:
    path = world.write("tools/cache.db", b"")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE cache (said TEXT)")
        database.execute("INSERT INTO cache VALUES (?)", (world.cast.anna.said[0],))


def _array(text: str) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array(text.split() if " " in text and len(text) < 40 else [text, "other"]))
    return file.getvalue()


def _zstd(text: str) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as packed:
        packed.write(text.encode() * 3)
    return bytes(sink.getvalue())


def _link(world: World) -> None:
    world.write("links/readme.txt", b"nothing in particular")
    (world.root / "store" / "links" / "latest").symlink_to(world.fill("../customers/<id>.jsonl"))


def _attribute(world: World) -> None:
    path = world.write("links/readme.txt", b"nothing in particular")
    try:
        os.setxattr(path, "user.comment", world.cast.anna.said[0].encode())
    except OSError as error:
        pytest.skip(f"the file system has no attributes: {error.strerror}")


def _folder(world: World) -> None:
    (world.root / "store" / "exports" / world.cast.anna.id).mkdir(parents=True)


def _hard_link(world: World) -> None:
    (world.root / "store" / "archive").mkdir()
    os.link(world.root / "store" / "notes" / "may.jsonl", world.root / "store" / "archive" / "may.bin")


def _zipped(write: Write) -> Write:
    return lambda text: _zip(write(text))


def _behind_gzip(text: str) -> bytes:
    return gzip.compress(b"nothing in particular " * 20) + text.encode()


def _named_gzip(text: str) -> bytes:
    target = io.BytesIO()
    with gzip.GzipFile(f"{text}.txt", "wb", fileobj=target) as packed:
        packed.write(b"nothing in particular " * 20)
    return target.getvalue()


def _place(name: str, plant: Plant, leaves: Leaves = STAYS, ignore: str = "") -> Place:
    return Place(name, "files", plant, leaves, ignore=ignore)


PLACES = (
    _place("undeclared file", _file("drafts/one.txt")),
    _place("file that only ends like a declared one", _file("notes/old/may.jsonl")),
    _place("ignored folder", _file("scratch/one.txt"), ignore='path: "scratch/*"'),
    _place("hidden file", _file(".cache/one")),
    _place("backup of an editor", _file("notes/may.jsonl~")),
    _place("temporary of an editor", _file("notes/.may.jsonl.swp")),
    _place("id alone", _file("drafts/list.txt", text="<bela>\n<id>\n<cara>\n")),
    _place("id in small letters", _file("drafts/list.txt", lambda text: text.lower().encode(), "<bela>\n<id>\n")),
    _place("gzip", _file("drafts/one.gz", lambda text: gzip.compress(text.encode() * 3))),
    _place("gzip without its name", _file("drafts/one", lambda text: gzip.compress(text.encode() * 3))),
    _place("bzip2", _file("drafts/one.bz2", lambda text: bz2.compress(text.encode() * 3))),
    _place("xz", _file("drafts/one.xz", lambda text: lzma.compress(text.encode() * 3))),
    _place("zstd", _file("drafts/one.zst", _zstd)),
    _place("zip", _file("drafts/one.zip", _zip)),
    _place("zip in a zip", _file("drafts/one.zip", _nested)),
    _place("comment of a zip", _file("drafts/one.zip", _zip_comment)),
    _place("name in a zip", _file("drafts/one.zip", _zip_name, "<id>")),
    _place("document of an office", _file("drafts/letter.docx", _zip)),
    _place("tar", _file("drafts/one.tar.gz", _tar)),
    _place("name in a gzip", _file("drafts/one.gz", _named_gzip, "<id>")),
    _place("behind a gzip", _file("drafts/one.gz", _behind_gzip)),
    _place("base64", _file("drafts/mail.eml", lambda text: b"Subject: x\n\n" + base64.encodebytes(f"he wrote: {text}".encode()))),
    _place("quoted printable", _file("drafts/mail.eml", lambda text: quopri.encodestring(f"è così: {text}".encode()))),
    _place("UTF-16", _file("drafts/one.txt", lambda text: text.encode("utf-16"))),
    _place("UTF-16 without a mark", _file("drafts/one.txt", lambda text: text.encode("utf-16-be"))),
    _place("UTF-32", _file("drafts/one.txt", lambda text: text.encode("utf-32"))),
    _place("UTF-32 without a mark", _file("drafts/one.txt", lambda text: text.encode("utf-32-le"))),
    _place("UTF-32 without a mark, highest byte first", _file("drafts/one.txt", lambda text: text.encode("utf-32-be"))),
    _place("array of texts", _file("drafts/one.npy", _array)),
    _place("array of ids", _file("drafts/one.npy", _array, "<bela> <id>")),
    _place("address", _file("drafts/access.log", lambda text: f"GET /say?text={urllib.parse.quote(text)} 200\n".encode())),
    _place("form", _file("drafts/access.log", lambda text: f"POST text={urllib.parse.quote_plus(text)}\n".encode())),
    _place("page", _file("drafts/page.html", lambda text: f"<p title='x'>&lt;{html.escape(text)}&gt;</p>".encode())),
    _place("escaped JSON", _file("drafts/one.json", lambda text: json.dumps({"a": json.dumps({"b": text})}).encode())),
    _place("hex", _file("drafts/one.hex", lambda text: text.encode().hex().encode())),
    _place("text in decomposed form", _file("drafts/one.txt", lambda text: unicodedata.normalize("NFD", text).encode())),
    _place("sound with a comment", _file("drafts/one.wav", _wav)),
    _place("picture with a packed comment", _file("drafts/one.png", _png)),
    _place("packed page", _file("drafts/one.pdf", _pdf)),
    _place("columns", _file("drafts/one.parquet", _parquet)),
    _place("stripes", _file("drafts/one.orc", _orc)),
    _place("stripes in a gzip", _file("drafts/one", lambda text: gzip.compress(_orc(text)))),
    _place("brotli", _file("drafts/one.br", lambda text: bytes(cramjam.brotli.compress(text.encode() * 3)))),
    _place("old lzma", _file("drafts/one.lzma", lambda text: lzma.compress(text.encode() * 3, format=lzma.FORMAT_ALONE))),
    _place("raw deflate", _file("drafts/one", _deflate)),
    _place("workbook", _file("drafts/one.xlsx", _workbook)),
    _place("arrays of texts", _file("drafts/one.npz", _arrays)),
    _place("pickled array of texts", _file("drafts/one.pickle", lambda text: pickle.dumps(np.array([text, "other"])))),
    _place("tar in a zip", _file("drafts/one.zip", _tar_in_zip)),
    _place("database", _database),
    _place("name of a file", _file("exports/<id>.bin", lambda _: b"\x00\x01nothing")),
    _place("name of a folder", _folder),
    _place("target of a link", _link),
    _place("attribute of a file", _attribute),
    _place("hard link", _hard_link),
    _place("key of another's record", _file("counts/may.json", lambda text: json.dumps({text: 3, "other": 4}).encode(), "<id>")),
    _place("spreadsheet", _file("drafts/one.csv", lambda text: f'n,said\r\n1,"{text}"\r\n'.encode())),
    _place("rotated file", _file("notes/may.jsonl.1")),
    _place("object of a repository", _file(".git/objects/ab/cdef", lambda text: zlib.compress(b"blob 99\0" + text.encode()))),
    _place(
        "address of data",
        _file("drafts/a.html", lambda text: b"<img src='data:text/plain;base64," + base64.b64encode(text.encode()) + b"'>"),
    ),
    _place("sidecar of a file", _file("notes/may.jsonl.meta")),
    *(_place(f"written in {form}", _file("drafts/one.txt", write)) for form, write in FORMS.items()),
    *(_place(f"zip with {form}", _file("drafts/one.zip", _zipped(write))) for form, write in FORMS.items()),
    *(
        _place(f"words of others in {form}", _file("scratch/one.txt", write, "<bela_said>"), GOES, ignore='path: "scratch/*"')
        for form, write in FORMS.items()
    ),
    _place("words of others", _file("scratch/one.txt", text="<bela_said>"), GOES, ignore='path: "scratch/*"'),
    _place("stripes of others", _file("scratch/one.orc", _orc, "<bela_said>"), GOES, ignore='path: "scratch/*"'),
    _place("raw deflate of others", _file("scratch/one", _deflate, "<bela_said>"), GOES, ignore='path: "scratch/*"'),
    _place("temporary of a crash", _file("notes/.expunge-1234-abc.tmp"), GOES),
)
