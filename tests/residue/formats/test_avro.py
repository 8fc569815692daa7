"""The blocks of Avro files are opened, whatever packed them; what is damaged is said, and what lies behind it is read."""

from __future__ import annotations

import gzip
import io
import random
from pathlib import Path
from typing import Any

import fastavro
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.evidence.traces import Traces
from expunge.residue.formats.avro import Container
from tests.residue.pg_planting import prose, token
from tests.residue.planting import MARY, look, traces_of, ways

CODECS = ["deflate", "snappy", "zstandard", "bzip2", "xz"]
SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "r",
    "fields": [{"name": "id", "type": "long"}, {"name": "note", "type": ["null", "string"]}],
}


def whole(*tokens: str) -> Traces:
    def fill(tracer: Any) -> None:
        for each in tokens:
            tracer.text(MARY, "notes", f"text {each}", each)

    return traces_of(fill, 1)


def written(text: str, codec: str, rows: int = 3000) -> bytes:
    records = [{"id": each, "note": prose(12, each)} for each in range(rows)]
    records[rows // 2 : rows // 2] = [{"id": 1, "note": f"{text[:-9]} {text[4:]} {text}"}, {"id": 2, "note": None}]
    out = io.BytesIO()
    zstd = codec == "zstandard"
    fastavro.writer(out, fastavro.parse_schema(SCHEMA), records, codec="null" if zstd else codec, sync_interval=4000)
    return packed_with_zstandard(out) if zstd else out.getvalue()


def packed_with_zstandard(plain: io.BytesIO) -> bytes:
    """The library that wrote the file needs another package for this codec."""
    plain.seek(0)
    body = plain.getvalue()
    out = body[: body.index(body[-16:]) + 16].replace(b"\x08null", b"\x12zstandard", 1)
    block: Any
    for block in fastavro.block_reader(plain):
        data = zstandard.compress(block.bytes_.getvalue())
        out += number(block.num_records) + number(len(data)) + data + body[-16:]
    return out


def number(value: int) -> bytes:
    value, out = value << 1, bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


@pytest.mark.parametrize("codec", CODECS)
def test_blocks_of_every_codec_are_opened(tmp_path: Path, codec: str) -> None:
    text = token(1, codec)
    body = written(text, codec)
    assert text.encode() not in body
    (tmp_path / "a.avro").write_bytes(body)
    assert "avro@0" in ways(tmp_path, whole(text))
    (tmp_path / "a.avro").write_bytes(b"lead" * 1000 + body + b"trailing bytes" * 99)
    assert "avro@4000" in ways(tmp_path, whole(text))
    (tmp_path / "a.avro").write_bytes(gzip.compress(body))
    assert "gzip@0 > avro@0" in ways(tmp_path, whole(text))


def test_what_is_not_packed_lies_open(tmp_path: Path) -> None:
    text = token(2)
    (tmp_path / "a.avro").write_bytes(written(text, "null"))
    assert ways(tmp_path, whole(text)) == {"plain"}
    assert not look(tmp_path, whole(text)).coverage.skipped


@pytest.mark.parametrize("codec", CODECS)
def test_others_are_not_taken_for_the_erased(tmp_path: Path, codec: str) -> None:
    text = token(3, codec)
    (tmp_path / "a.avro").write_bytes(written(text, codec))
    seen = look(tmp_path, whole(*(text[:-1] + each for each in "ghijk")))
    assert not seen.found
    assert not seen.coverage.skipped


@pytest.mark.parametrize("codec", ["deflate", "snappy"])
def test_behind_a_damaged_block_reading_goes_on_and_the_damage_is_said(tmp_path: Path, codec: str) -> None:
    text = token(4)
    body = bytearray(written(text, codec))
    for at in (700, 1500):
        body[at : at + 60] = random.Random(at).randbytes(60)
    (tmp_path / "a.avro").write_bytes(body)
    seen = look(tmp_path, whole(text))
    assert seen.found
    assert dict(seen.coverage.skipped) == {"corrupt": 1}
    # the first numbers of a block, without which its end is not known
    body = bytearray(written(text, codec))
    place = body.index(body[-16:], body.index(body[-16:]) + 16) + 16
    body[place : place + 4] = b"\xff" * 4
    (tmp_path / "a.avro").write_bytes(body)
    seen = look(tmp_path, whole(text))
    assert seen.found
    assert dict(seen.coverage.skipped) == {"corrupt": 1}
    (tmp_path / "a.avro").write_bytes(written(text, codec)[:-100])
    assert dict(look(tmp_path, whole(text)).coverage.skipped) == {"corrupt": 1}


def test_an_unknown_codec_is_said(tmp_path: Path) -> None:
    body = written(token(5), "deflate").replace(b"deflate", b"deflare", 1)
    (tmp_path / "a.avro").write_bytes(body)
    assert dict(look(tmp_path, whole(token(5))).coverage.skipped) == {"unsupported": 1}


@given(st.binary(max_size=300), st.integers(min_value=1, max_value=60))
def test_anything_can_be_taken_for_a_file(data: bytes, step: int) -> None:
    container = Container()
    whole_file = b"Obj\x01" + data
    blocks = 0
    for at in range(0, len(whole_file), step):
        container.add(whole_file[at : at + step])
        while container.block() is not None:
            blocks += 1
    assert blocks <= len(data)
