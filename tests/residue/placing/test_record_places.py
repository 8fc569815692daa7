"""Places in files of records: each byte lies in the record that a plain construction of the file says, in every encoding and packing."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
import random
import tracemalloc
from contextlib import closing

import pytest
import zstandard

from expunge.ports.optional.placing import ANY_RECORD, FILE_NAME, WHOLE_FILE, CannotTell, FileLayout, LiveRows, NothingLive
from expunge.residue.placing.reader import open_reader
from expunge.residue.placing.record_files import RecordFilePlaces, WholeFilePlaces

CODECS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "latin-1", "windows-1252"]


def layout(tmp_path, form, **more):
    return FileLayout(tmp_path, form, fields=("who",), **more)


def encoded(text, codec):
    """The bytes of a text, and the place in them of each of its characters and of its end."""
    mark = {"utf-8-sig": b"\xef\xbb\xbf", "utf-16": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(codec, b"")
    plain = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}.get(codec, codec)
    places = [len(mark)]
    for character in text:
        places.append(places[-1] + len(character.encode(plain)))
    return mark + text.encode(plain), places


def rows_at(reader, stretches):
    """What lies at each stretch, by the only row or the word for why not."""
    said = []
    for start, end in stretches:
        lying = reader.at(start, end - start)
        said.append(lying.rows if isinstance(lying, LiveRows) else lying.why)
    return said


def in_parts(places, spans):
    """The whole stretch of each span of characters, and its first and its last character."""
    for first, last in spans:
        yield places[first], places[last]
        yield places[first], places[first + 1]
        yield places[last - 1], places[last]


def check(path, form, text, codec, spans, numbers, **more):
    """Every span of characters lies in its record, in parts and whole."""
    data, places = encoded(text, codec)
    path.write_bytes(data)
    encoding = codec if codec in {"latin-1", "windows-1252"} else ""
    with closing(open_reader(path, layout(path.parent, form, encoding=encoding, **more))) as reader:
        assert rows_at(reader, in_parts(places, spans)) == [(number,) for number in numbers for _ in range(3)]
        for (_, end), (start, _) in itertools.pairwise(spans):
            assert isinstance(reader.at(places[end - 1], places[start + 1] - places[end - 1]), NothingLive), "a border lies in neither"
        gaps = [(places[end], places[start]) for (_, end), (start, _) in itertools.pairwise(spans) if start > end]
        assert set(rows_at(reader, gaps)) <= {(ANY_RECORD,)}, "what is between entries is nobody's alone"
        assert isinstance(reader.at(len(data), 1), NothingLive)


def spans_of(parts):
    at, spans = 0, []
    for part in parts:
        spans.append((at, at + len(part)))
        at += len(part)
    return spans


@pytest.mark.parametrize("codec", CODECS)
def test_lines(tmp_path, codec):
    lines = [json.dumps({"who": f"p{n}", "said": "été \n" * (n % 40)}, ensure_ascii=False) + "\n" for n in range(2000)]
    lines[7] = "\n"
    lines[-1] = lines[-1].rstrip("\n")
    check(tmp_path / "a.jsonl", "jsonl", "".join(lines), codec, spans_of(lines), [str(n) for n in range(1, 2001)])


def test_characters_whose_bytes_look_like_line_ends_quotes_and_brackets_are_none(tmp_path):
    alike = "".join(chr(high << shift | ord(low)) for low in '\n\r",[]{}\\' for high, shift in ((1, 7), (1, 8), (0x41, 8)))
    lines = [f'{{"who": "p{n}", "said": "{alike}"}}\n' for n in range(9)]
    rows = ["who,said\r\n", *(f'p{n},"{alike}\r\n"\r\n' for n in range(9))]
    entries = [line.rstrip() for line in lines]
    for codec in ("utf-8", "utf-16", "utf-16-be"):
        check(tmp_path / "a.jsonl", "jsonl", "".join(lines), codec, spans_of(lines), [str(n) for n in range(1, 10)])
        check(tmp_path / "a.csv", "csv", "".join(rows), codec, spans_of(rows), ["1", *(str(2 * n) for n in range(1, 10))])
        spans = [(start + 1 + n, end + 1 + n) for n, (start, end) in enumerate(spans_of(entries))]
        check(tmp_path / "a.json", "json", f"[{','.join(entries)}]", codec, spans, [str(n) for n in range(1, 10)], records=".")


@pytest.mark.parametrize(("codec", "delimiter"), list(zip(CODECS, [",", ";", "\t", "|", ",", ";"], strict=True)))
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_records_of_a_table(tmp_path, codec, delimiter, end):
    dice = random.Random(f"{codec}{delimiter}{end}")
    parts, numbers, line = [], [], 1
    for n in range(700):
        said = "".join(dice.choices([*'a,;|\té" x', *([end] if dice.random() < 0.3 else [])], k=dice.randrange(12)))
        cells = [said, f"p{n}", "é" * dice.randrange(200)] if n else ["n,o;t|e", "who", 'sa"id']
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=delimiter, lineterminator=end).writerow(cells)
        parts.append(out.getvalue())
        numbers.append(str(line))
        line += parts[-1].count(end)
    check(tmp_path / "a.csv", "csv", "".join(parts), codec, spans_of(parts), numbers)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("name", [".", "members", "a.b.members", "teams.members", "dotted.key"])
def test_entries_of_lists(tmp_path, codec, name):
    entries = [
        json.dumps({"who": f"p{n}", "said": 'é "[{,' * (n % 9), "members": [1, [2]]}, indent=n % 3 or None, ensure_ascii=n % 2 == 0)
        for n in range(100)
    ]
    entries[3], entries[4], entries[5] = "17", '"p5"', "[[], {}]"
    shapes = {
        ".": ("[ ", "]"),
        "members": ('{"x": [1, {"members": [0]}], "m\\u0065mbers": [\n', '\n], "y": {"members": "z"}}'),
        "a.b.members": ('{"a": {"c": [{"b": 1}], "b": {"members": [', "]}}}"),
        "teams.members": ('{"teams": [{"t": "]"}, {"members": []}, {"members": [', ']}, {"members": [ ]}]}'),
        "dotted.key": ('{"dotted.key": [', "]}"),
    }
    head, tail = shapes[name]
    text, spans = head, []
    for n, entry in enumerate(entries):
        text += (", ", " ,\n\t", ",")[n % 3] if n else ""
        spans.append((len(text), len(text) + len(entry)))
        text += entry
    numbers = [str(n) for n in range(1, len(entries) + 1)]
    check(tmp_path / "a.json", "json", text + tail, codec, spans, numbers, records=name)
    data, places = encoded(text + tail, codec)
    with closing(open_reader(tmp_path / "a.json", layout(tmp_path, "json", records=name, encoding=codec))) as reader:
        assert rows_at(reader, [(places[0], places[1]), (places[-2], len(data))]) == [(ANY_RECORD,)] * 2, "what is around it is everybody's"


# --- compressed -----------------------------------------------------------------------------------


def packers(kind, level):
    return (lambda data: gzip.compress(data, level, mtime=0)) if kind == "gz" else zstandard.ZstdCompressor(level=level or -7).compress


@pytest.mark.parametrize("codec", ["utf-8", "utf-16"])
@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_lines_in_several_members(tmp_path, codec, kind):
    lines = [f'{{"who": "p{n}", "said": "{"é" * (n % 50)}"}}\n' for n in range(9000)]
    data, places = encoded("".join(lines), codec)
    cuts = [0, len(data) // 3 + 1, len(data) // 2, len(data)]
    members = [packers(kind, 6)(data[first:last]) for first, last in itertools.pairwise(cuts)]
    if kind == "gz":
        members[0] += bytes(32)
    path = tmp_path / f"a.jsonl.{kind}"
    path.write_bytes(b"".join(members))
    begins = [0, len(members[0]), len(members[0]) + len(members[1])]
    spans = spans_of(lines)
    with closing(open_reader(path, layout(tmp_path, "jsonl"))) as reader:
        for number in [*range(0, 9000, 97), 8999, 4, 3]:
            first, last = (places[end] for end in spans[number])
            member = max(n for n in range(3) if cuts[n] <= first)
            if last <= cuts[member + 1]:
                lying = reader.at_content(begins[member], first - cuts[member], last - first)
                assert lying == LiveRows(path.name, (str(number + 1),))
        assert isinstance(reader.at_content(1, 0, 5), NothingLive), "no member begins there"


@pytest.mark.parametrize(("kind", "level"), [("gz", 0), ("zst", 0)])
def test_bytes_that_lie_in_the_open_in_a_compressed_file_are_those_of_its_content(tmp_path, kind, level):
    line = b'{"who": "p2", "said": "a marmalade of seventeen words"}\n'
    path = tmp_path / f"a.jsonl.{kind}"
    path.write_bytes(packers(kind, level)(b'{"who": "p1"}\n' + line + b'{"who": "p3"}\n'))
    at = path.read_bytes().index(b"marmalade")
    with closing(open_reader(path, layout(tmp_path, "jsonl"))) as reader:
        assert reader.at(at, 9) == LiveRows(path.name, ("2",))


def test_a_gzip_header_and_what_lies_around_members_hold_no_record(tmp_path):
    out = io.BytesIO()
    with gzip.GzipFile(filename="marmalade", fileobj=out, mode="wb", mtime=0, compresslevel=0) as file:
        file.write(b'{"said": "marmalade"}\n')
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(out.getvalue())
    data = path.read_bytes()
    first, second = data.index(b"marmalade"), data.rindex(b"marmalade")
    with closing(open_reader(path, layout(tmp_path, "jsonl"))) as reader:
        assert rows_at(reader, [(first, first + 9), (second, second + 9), (len(data) - 4, len(data))]) == [
            "compressed bytes",
            ("1",),
            "compressed bytes",
        ]


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_a_torn_file_cannot_be_told(tmp_path, kind):
    path = tmp_path / f"a.jsonl.{kind}"
    path.write_bytes(packers(kind, 6)(random.Random(1).randbytes(5000).hex().encode())[:-20])
    with closing(open_reader(path, layout(tmp_path, "jsonl"))) as reader:
        assert reader.at(0, 1) == reader.at_content(0, 17, 4) == CannotTell("damaged file")


# --- files as they come and go ------------------------------------------------------------------------


def test_whole_files_and_names(tmp_path):
    path = tmp_path / "voice" / "p1.flac"
    for form in ("", "json"):
        with closing(open_reader(path, layout(tmp_path, form))) as reader:
            assert isinstance(reader, WholeFilePlaces)
            assert reader.at(7, 3) == reader.at_content(0, 4, 3) == LiveRows("voice/p1.flac", (WHOLE_FILE,))
            assert reader.at_name() == LiveRows("voice/p1.flac", (FILE_NAME,))
    with closing(open_reader(path, layout(tmp_path, "csv"))) as reader:
        assert isinstance(reader, RecordFilePlaces)
        assert reader.at_name() == LiveRows("voice/p1.flac", (FILE_NAME,))
        assert reader.at(0, 1) == NothingLive("file that is gone")


def test_a_file_that_was_written_since_is_counted_again_before_nothing_is_said(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"n": 1}\n{"n": 2}\n')
    with closing(open_reader(path, layout(tmp_path, "jsonl"))) as reader:
        assert reader.at(9, 8) == LiveRows("a.jsonl", ("2",))
        path.with_name("new").write_bytes(b'{"n": 1}\n{"n": 2}\n{"n": 3}\n')
        path.with_name("new").replace(path)
        assert reader.at(18, 8) == LiveRows("a.jsonl", ("3",))


def test_an_empty_file_and_a_folder_hold_no_record(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"")
    (tmp_path / "b.csv").mkdir()
    with closing(open_reader(tmp_path / "a.csv", layout(tmp_path, "csv"))) as reader:
        assert isinstance(reader.at(0, 1), NothingLive)
    with closing(open_reader(tmp_path / "b.csv", layout(tmp_path, "csv"))) as reader:
        assert reader.at(0, 1) == CannotTell("unreadable file")


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "a.jsonl"
    line = b'{"who": "somebody", "said": "' + b"x" * 70 + b'"}\n'
    with path.open("wb") as file:
        for _ in range(100):
            file.write(line * 3000)
    with closing(open_reader(path, layout(tmp_path, "jsonl"))) as reader:
        tracemalloc.start()
        assert reader.at(len(line) * 299_999, len(line)) == LiveRows("a.jsonl", ("300000",))
        for number in range(0, 300_000, 1009):
            assert reader.at(len(line) * number, len(line)) == LiveRows("a.jsonl", (str(number + 1),))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert path.stat().st_size > 25_000_000
    assert most < 8_000_000
