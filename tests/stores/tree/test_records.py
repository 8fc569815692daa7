"""Files of many records: nothing is left out, nothing is misread, damage is noticed."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from expunge.stores.tree.record_files import Unreadable, encoded, records

cells = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12)


def read(data, layout, *fields, name="x"):
    return list(records(io.BufferedReader(io.BytesIO(data)), name, layout, fields))


@given(
    st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=8),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.booleans(),
)
def test_csv_is_read_as_python_reads_it_and_kept_byte_for_byte(rows, delimiter, end, quoting, bom):
    if quoting == csv.QUOTE_MINIMAL:
        # Before Python 3.13 the writer leaves a lone carriage return unquoted: no reader can tell it from a line end.
        rows = [[cell.replace("\r", "") for cell in row] for row in rows]
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerows([["id", "a", "b"], *rows])
    data = text.getvalue().encode("utf-8-sig" if bom else "utf-8")
    found = read(data, "csv", "id")
    assert b"".join(each.raw for each in found) == data
    assert [list(each.value.values()) for each in found if each.value is not None] == rows
    for record, row in zip(found[1:], rows, strict=True):
        assert record.texts("id") == {row[0]}


@given(st.lists(st.dictionaries(cells, st.one_of(cells, st.integers(), st.none(), st.booleans(), st.lists(cells, max_size=3))), max_size=8))
def test_json_lines_are_kept_byte_for_byte(rows):
    data = b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
    found = read(data, "jsonl", "id")
    assert b"".join(each.raw for each in found) == data
    assert [each.value for each in found] == rows


@pytest.mark.parametrize(
    ("line", "field", "texts"),
    [
        ('{"id": "p1"}', "id", {"p1"}),
        ('{"id": 7}', "id", {"7"}),
        ('{"id": 7.5}', "id", {"7.5"}),
        ('{"id": 7.0}', "id", {"7"}),
        ('{"id": 1e3}', "id", {"1000"}),
        ('{"id": "7.0"}', "id", {"7.0"}),
        ('{"id": true}', "id", {"true"}),
        ('{"id": null}', "id", set()),
        ('{"user": {"id": "p1"}}', "user.id", {"p1"}),
        ('{"user.id": "p1"}', "user.id", {"p1"}),
        ('{"users": [{"id": "p1"}, {"id": "p2"}]}', "users.id", {"p1", "p2"}),
        ('{"id": ["p1", ["p2"]]}', "id", {"p1", "p2"}),
        ('{"id": "p1", "id": "p2"}', "id", {"p1", "p2"}),
        ('{"id": "p1", "\\u0069d": "p2"}', "id", {"p1", "p2"}),
        ('{"\\u0069\\u0064": "p1"}', "id", {"p1"}),
        ('{"id": "\\u0070\\u0031"}', "id", {"p1"}),
        ('{"user": {"id": "a"}, "user": {"id": "b"}}', "user.id", {"a", "b"}),
        ('["p1"]', "id", set()),
        ('"p1"', "id", set()),
    ],
)
def test_what_a_field_says(line, field, texts):
    (record,) = read(line.encode() + b"\n", "jsonl", field)
    assert record.texts(field) == texts


def test_blank_lines_bom_and_missing_last_newline_are_kept():
    data = b'\xef\xbb\xbf{"id": "a"}\r\n\r\n \n{"id": "b"}'
    found = read(data, "jsonl", "id")
    assert b"".join(each.raw for each in found) == data
    assert [each.texts("id") for each in found] == [set(), {"a"}, set(), set(), {"b"}]
    assert [each.number for each in found] == [1, 1, 2, 3, 4]
    assert found[0].raw == b"\xef\xbb\xbf", "the mark stays when the first record goes"


@given(st.lists(st.sampled_from([b'{"id": 1}', b'{"id": 1}, {"id": 2}', b'{"id": [{"id": 3}', b'{"id": 4}]}', b"[", b"]", b" ", b'"'])))
def test_lines_that_are_whole_together_alone_are_damaged(lines):
    whole = {b'{"id": 1}', b" "}
    sound = next((at for at, line in enumerate(lines) if line not in whole), len(lines))
    found = records(io.BytesIO(b"\n".join(lines)), "x", "jsonl", ["id"])
    if sound == len(lines):
        assert [each.value for each in found] == [{"id": 1} if line.strip() else None for line in lines]
        return
    read_so_far = [next(found) for _ in range(sound)]
    assert [each.value for each in read_so_far] == [{"id": 1} if line.strip() else None for line in lines[:sound]]
    with pytest.raises(Unreadable, match=f"line {sound + 1} is not JSON"):
        next(found)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'{"id": "a"}\n{"id"', "line 2 is not JSON"),
        (b'{"id": "\xff"}\n', "line 1 is not UTF-8"),
        (b"[" * 100_000, "line 1 is not JSON"),
        ('{"id": "a"}'.encode("utf-16-le"), "line 1 is not JSON"),
        ('{"id": "é"}'.encode("latin-1"), "line 1 is not UTF-8"),
        ('{"id": "a"}'.encode("utf-16")[:-1], "the file is not utf-16-le"),
        ('{"id": "a"}'.encode("utf-32"), "the file is UTF-32"),
    ],
)
def test_broken_json_lines_are_named_by_line(data, says):
    with pytest.raises(Unreadable, match=says):
        read(data, "jsonl", "id")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'id,a\nx,"never\nclosed\n', "the quote opened on line 2 is never closed"),
        (b'id,a\nx,"b"c\n', "line 2 is not CSV"),
        (b"id,a\nx,\xff\n", "line 2 is not UTF-8"),
        (b"a,id\nx\n", "line 2 has fewer columns"),
        (b"a,b\nx,y\n", "no column by which a subject"),
        (b"id,a\nx,y\rz,w\n", "line 2 holds a line break outside quotes"),
    ],
)
def test_broken_csv_is_named_by_line(data, says):
    with pytest.raises(Unreadable, match=says):
        read(data, "csv", "id")


def test_a_stray_quote_inside_a_field_opens_nothing():
    data = b'id,a\np1,5" pipe\np2,he said;"hi\np3,x\n'
    found = read(data, "csv", "id")
    assert [each.texts("id") for each in found] == [set(), {"p1"}, {"p2"}, {"p3"}]


def test_line_ends_of_old_macs():
    found = read(b'id,a\rp1,x\rp2,"y\rz"\r', "csv", "id")
    assert [each.raw for each in found] == [b"id,a\r", b"p1,x\r", b'p2,"y\rz"\r']


def test_a_column_that_stands_twice_counts_twice():
    found = read(b"id,id\np1,p2\n", "csv", "id")
    assert found[1].texts("id") == {"p1", "p2"}


@pytest.mark.parametrize("name", ["x.gz", "x.zst"])
def test_compressed_members_are_all_read_and_a_torn_one_is_noticed(name):
    pack = gzip.compress if name.endswith(".gz") else zstandard.ZstdCompressor().compress
    data = pack(b'{"id": "a"}\n') + pack(b'{"id": "b"}\n' * 50_000)
    assert len(read(data, "jsonl", "id", name=name)) == 50_001
    for broken in (data[:-9], data[:-1], data + b"garbage", bz2.compress(data), b"\0" + data):
        with pytest.raises(Unreadable, match="damaged or cut off"):
            read(broken, "jsonl", "id", name=name)


@pytest.mark.parametrize("name", ["x", "x.gz", "x.zst"])
def test_what_is_encoded_is_read_again(name):
    packed = io.BytesIO()
    with encoded(packed, name) as plain:
        for _ in range(3):
            plain.write(b'{"id": "a"}\n')
    assert len(read(packed.getvalue(), "jsonl", "id", name=name)) == 3


def test_a_new_gzip_header_holds_neither_name_nor_time():
    packed = io.BytesIO()
    with encoded(packed, "p1.jsonl.gz") as plain:
        plain.write(b"x")
    assert packed.getvalue()[3:8] == bytes(5)


def test_one_object_a_file():
    (record,) = read(b'\xef\xbb\xbf {"id": "p1"}', "json", "id")
    assert record.texts("id") == {"p1"}
    for wrong in (b"[]", b"", b"{", b"null"):
        with pytest.raises(Unreadable):
            read(wrong, "json", "id")
