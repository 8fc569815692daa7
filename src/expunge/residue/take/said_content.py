"""Tell what content says that is stored in another form, or packed: a stray copy of it may lie about in plain."""

from __future__ import annotations

import binascii
import html
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from expunge.residue.formats import carve, parquet
from expunge.residue.formats.containers import orc, pdf, seven_zip
from expunge.residue.formats.decoders import MAKERS, Broken, Encrypted, Unsupported
from expunge.residue.formats.slices import MemorySlice
from expunge.residue.forms import finder, tokens, typography, words
from expunge.residue.matching.matcher import PADDING
from expunge.residue.matching.session import TooLarge
from expunge.residue.take import media_heads, media_windows
from expunge.residue.take.written_forms import utf8

_LONGEST = 1 << 20
"""Bytes of a value that is looked through for parts in another form."""
MOST_SAID = 1 << 24
"""Bytes that one value is unpacked to."""
_DEEPEST = 4
"""Forms and streams in one another that are read: base64 of gzip of JSON with escapes."""
_SHORTEST = 8
_FEWEST_TIMED = 64
"""Characters of the shortest text of words with times."""
_TELLING = 64
"""Bytes from which on what is no text is content: a picture, and not a digest or a key."""
_STREAMS = frozenset({"gzip", "zlib", "zstd", "lz4", "snappy", "bzip2", "xz", "lzma", "utf-32"})
"""What holds one content and nothing else."""
_ATTACHED = re.compile(
    rb"PK\x03\x04|%PDF-|\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF....W|fLaC|OggS|ID3|\x1a\x45\xdf\xa3|....ftyp|7z\xbc\xaf|PAR1",
    re.DOTALL,
)
"""What documents, pictures, recordings and archives begin with that are attached to a text."""
_VALUE = 24
"""Bytes of a window, and from which on a text in a table or an archive is a value of its own."""
_LONGEST_JUDGED = 1 << 14
"""Characters of a text by which it is told whether signs that programs put in stand everywhere in it."""
_TAGS = re.compile(r"<[^>]*>")
_PARAGRAPH = re.compile(r"</(?:\w+:)?(?:p|h|si|row|table-cell|tr|div|li)>|<(?:\w+:)?br ?/?>")
_EVERYBODYS = ("docProps/", "_rels/", "META-INF/", "[Content_Types]")
"""What members of documents of offices are called that say which program wrote them, and nothing else."""
_ESCAPES = re.compile(
    r"&#?\w+;|%u?[0-9A-Fa-f]{2}|\\[\\ux0-7]|=(?:3D|[89A-F][0-9A-F]|20\r?\n|\r?\n)|=\?[\w-]+\?[bqBQ]\?"
    r"|[A-Za-z0-9+/_-]{16}\r?\n[ \t]?[A-Za-z0-9+/_-]"
)
"""Escapes, and letters that go on in the next line."""
_LETTERS_WITHIN = re.compile(r"[A-Za-z0-9+/_-]{22,}")
_RUN = re.compile(r"\S{32,}")
_ORDINARY = re.compile(r"[\w:./,=;+\"'{}()-]+")
_FEWEST_RARE = 4
"""Different signs of a run of base85 that text has rarely."""
_ONLY_LETTERS = r"(?:0x|\\x|data:[!-~]{0,80};base64,)?([A-Za-z0-9+/_-]{11,}|[A-Za-z0-9+/_\r\n-]{60,})={0,6}\s*"
_TOKEN, _TOKEN_OF_BYTES = re.compile(_ONLY_LETTERS), re.compile(_ONLY_LETTERS.encode())
_ZIP = b"PK\x03\x04"
_HEAD = 30
"""Bytes of what stands before the name of a member."""
_HEX, _UPPER = re.compile(rb"[0-9a-fA-F]+"), re.compile(rb"[A-Z2-7]+")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_PLAIN_TOKEN = 128
"""Characters of a value without a space up to which nothing but the whole of it is a form."""
_NO_TEXT = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+")


def of_text(value: str) -> Iterator[bytes]:
    """Yield each content that a text says in another form: text in UTF-8, or bytes that are no text."""
    if not _SHORTEST <= len(value) <= MOST_SAID or _UUID.fullmatch(value):
        return
    if typography.is_set(value[:_LONGEST_JUDGED], _VALUE):
        yield utf8(typography.simplified(value))
    if _TOKEN.fullmatch(value) or _ESCAPES.search(value) or _is_dense(value):
        yield from of_bytes(utf8(value))
        return
    # Why apart: paths and addresses have such runs as well, and all of a value is read a hundred times as slowly.
    for run in _LETTERS_WITHIN.findall(value):
        for phase in range(4):
            yield from _each(_token(run[phase:].encode().translate(tokens.TO_PLAIN)), b"", _DEEPEST)


def of_words(text: str) -> Iterator[bytes]:
    """Yield each sentence that a text has word by word, each word with its time."""
    if _FEWEST_TIMED <= len(text) <= _LONGEST and ("\n" in text or text[:1] in {"{", "[", "<"}):
        yield from words.said(utf8(text), keyed=text[:1] in {"{", "["})


def parts(value: str | bytes) -> Iterator[str]:
    """Yield the strings of a JSON document, each text that a value says in another form, and the strings of that."""
    whole = [value] if isinstance(value, str) else []
    said = of_text(value) if isinstance(value, str) else of_bytes(value)
    for text in (*whole, *filter(None, map(media_windows.text_of, said))):
        if text is not value:
            yield text
        if text[:1] in {"{", "["}:
            yield from (each for each in media_windows.strings(text) if each is not text)


def _is_dense(value: str) -> bool:
    return any(len({*_ORDINARY.sub("", run)}) >= _FEWEST_RARE for run in _RUN.findall(value))


def of_bytes(data: bytes, depth: int = _DEEPEST) -> Iterator[bytes]:
    """Yield each content that bytes say in another form, or hold packed."""
    if depth and len(data) >= _SHORTEST:
        yield from _each(_said(data), data, depth)


def _each(contents: Iterable[bytes], data: bytes, depth: int) -> Iterator[bytes]:
    """Yield contents that ``data`` says, and what these say."""
    for said in contents:
        if said != data:
            if _is_text(said) or (len(said) >= _TELLING and not _stream_of(said)):
                yield said
            yield from of_bytes(said, depth - 1)


def _said(data: bytes) -> Iterator[bytes]:
    if data.startswith(_ZIP):
        yield from _members(data)
        return
    if data.startswith(pdf.MAGIC):
        yield from pdf.text(data).split(pdf.BETWEEN)
        return
    kind = carve.begins(data[: carve.LOOKAHEAD])
    if kind in _STREAMS:
        yield _unpacked(kind, data)
        return
    if kind in _TABLES:
        yield from _values(kind, data)
        return
    token = _TOKEN_OF_BYTES.fullmatch(data)
    if token is not None:
        whole = list(_token(token[1].translate(tokens.TO_PLAIN, b"\r\n")))
        yield from whole
        if whole or len(data) <= _PLAIN_TOKEN:
            return
    if len(data) > _LONGEST:
        return
    data = media_heads.own(data)
    padded = data + bytes(PADDING)
    for written in finder.find(np.frombuffer(padded, np.uint8), padded, len(data)).written:
        # Why not words: many of what is read there is no sentence.
        for run in written.runs() if written.form != words.FORM else ():
            if _stream_of(run) or (len(run) >= _TELLING and _ATTACHED.match(run)):
                yield run
            else:
                yield from (part for part in _NO_TEXT.split(run) if len(part) >= _SHORTEST and _is_text(part))


def _token(letters: bytes) -> Iterator[bytes]:
    """Yield what a run of letters says, if it is text, or long enough to be content of another kind."""
    for form, fits in (("hex", _HEX), ("base32", _UPPER), ("base64", None)):
        if fits is None or fits.fullmatch(letters):
            try:
                said = tokens.say(form, letters)
            except (binascii.Error, ValueError):
                continue
            if _is_text(said) or _stream_of(said) or (len(said) >= _TELLING and form == "base64" and letters.lower() != letters):
                yield said
                return


def _stream_of(data: bytes) -> str:
    kind = carve.begins(data[: carve.LOOKAHEAD])
    return kind if kind in _STREAMS else ""


def _unpacked(kind: str, data: bytes) -> bytes:
    """Return what a stream holds, as far as it can be read."""
    decoder, parts, size = MAKERS[kind](), list[bytes](), 0
    try:
        for at in range(0, len(data), decoder.piece):
            for out in decoder.feed(data[at : at + decoder.piece]):
                parts.append(out)
                size += len(out)
            if decoder.done or size > MOST_SAID:
                break
    except (Broken, TooLarge, Encrypted, Unsupported):
        pass
    return b"".join(parts)[:MOST_SAID]


_Runs = Iterator[tuple[int, str, Iterator[bytes]]]
_TABLES: dict[str, Callable[[MemorySlice, Callable[[str], None]], _Runs]] = {
    "parquet": parquet.runs,
    "orc": lambda source, skip: orc.runs(source, skip, sure=False),
    "7z": lambda source, skip: seven_zip.runs(source, skip, sure=False),
}
"""Readers of what holds many values, or many files."""


def _values(kind: str, data: bytes) -> Iterator[bytes]:
    """Yield the texts of a table or an archive that are values of their own, as far as they can be read."""
    left = MOST_SAID
    try:
        for _, _, parts in _TABLES[kind](MemorySlice(data), lambda _reason: None):
            content = b"".join(_up_to(left, parts))
            left -= len(content)
            yield from (part for part in _NO_TEXT.split(content) if len(part) >= _VALUE and _is_text(part))
    except (Broken, TooLarge, Encrypted, Unsupported, IndexError):
        return


def _up_to(most: int, parts: Iterator[bytes]) -> Iterator[bytes]:
    for part in parts:
        if most <= 0:
            return
        yield part[:most]
        most -= len(part)


def _members(data: bytes) -> Iterator[bytes]:
    """Yield the text of each member of an archive: of XML what stands between tags, since styles and fonts are everybody's."""
    yield from (said for _, said in _own_members(data) if said)


def own_stretches(data: bytes) -> Iterator[bytes]:
    """Yield the members of an archive, or the streams of a PDF file, as they are packed, without those that many documents share."""
    if data.startswith(pdf.MAGIC):
        yield from pdf.pictures_and_pages(data)
    for member, _ in _own_members(data) if data.startswith(_ZIP) else ():
        head = data[member.header_offset : member.header_offset + _HEAD]
        begin = member.header_offset + _HEAD + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
        yield data[begin : begin + member.compress_size]


def _own_members(data: bytes) -> Iterator[tuple[zipfile.ZipInfo, bytes]]:
    """Yield each member that has content of its own, and its text if it is text."""
    left = MOST_SAID
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                if left <= 0 or member.filename.startswith(_EVERYBODYS):
                    continue
                with archive.open(member) as opened:
                    content = opened.read(left)
                left -= len(content)
                if not _is_text(content):
                    yield member, b""
                    continue
                if content.lstrip(b"\xef\xbb\xbf\r\n\t ").startswith(b"<"):
                    content = utf8(html.unescape(_TAGS.sub("", _PARAGRAPH.sub("\n", content.decode())))).strip()
                if content:
                    yield member, content
    except (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error, lzma.LZMAError):
        # Why so many: zipfile raises these for members that are damaged, need a password, or are packed in a way that it does not know.
        return


def _is_text(data: bytes) -> bool:
    if len(data) < _SHORTEST or _NO_TEXT.search(data) is not None:
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
