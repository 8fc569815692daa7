"""Text is found however it was written down; what says too little is not traced."""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from expunge.residue.take.written_forms import dress, names_person, pieces, spread, telling, utf8
from tests.residue.planting import MARY, SENTENCE, look, text_traces, traces_of, ways

TRICKY = 'Ünïcode "quoted" O\'Brien/back\\slash & <tag> 日本語のテキスト'


def as_csv(text: str) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerow([text, "x"])
    return out.getvalue().encode()


WRITINGS: dict[str, Callable[[str], bytes]] = {
    "utf-8": lambda text: text.encode(),
    "utf-16-le": lambda text: text.encode("utf-16-le"),
    "utf-16-be": lambda text: text.encode("utf-16-be"),
    "utf-32-le": lambda text: text.encode("utf-32-le"),
    "utf-32-be": lambda text: text.encode("utf-32-be"),
    "hex": lambda text: text.encode().hex().encode(),
    "HEX": lambda text: text.encode().hex().upper().encode(),
    "base64, first alignment": lambda text: base64.b64encode(text.encode()),
    "base64, second alignment": lambda text: base64.b64encode(b"x" + text.encode()),
    "base64, third alignment": lambda text: base64.b64encode(b"xy" + text.encode()),
    "base64, for addresses": lambda text: base64.urlsafe_b64encode(b"x" + text.encode()),
    "base64, in a mail": lambda text: base64.encodebytes(("some words before it " * 3 + text + " and words after" * 3).encode()),
    "json": lambda text: json.dumps({"a": text}).encode(),
    "json, not escaped": lambda text: json.dumps({"a": text}, ensure_ascii=False).encode(),
    "json in json": lambda text: json.dumps({"body": json.dumps({"a": text})}).encode(),
    "php's json": lambda text: json.dumps(text).replace("/", "\\/").encode(),
    "sql": lambda text: b"INSERT INTO t VALUES ('" + text.replace("'", "''").encode() + b"')",
    "csv": as_csv,
    "address": lambda text: urllib.parse.quote(text, safe="").encode(),
    "form": lambda text: urllib.parse.quote_plus(text).encode(),
    "capitals": lambda text: text.upper().encode(),
    "small letters": lambda text: text.lower().encode(),
    "html": lambda text: html.escape(text).encode(),
}


@pytest.mark.parametrize("writing", WRITINGS)
@pytest.mark.parametrize("text", [SENTENCE, TRICKY, "zelda.fitz+home@example.org"])
def test_text_is_found_in_every_writing(tmp_path: Path, writing: str, text: str) -> None:
    (tmp_path / "f").write_bytes(b"lead " + WRITINGS[writing](text) + b" trail")
    assert look(tmp_path, text_traces(text)).found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(min_size=8, max_size=300),
    writing=st.sampled_from(sorted(set(WRITINGS) - {"base64, in a mail"})),
    lead=st.binary(max_size=9),
)
@example(text="\ud800 lone surrogate!", writing="json", lead=b"")
@example(text="12345678", writing="hex", lead=b"")
def test_any_text_that_was_traced_is_found(tmp_path: Path, text: str, writing: str, lead: bytes) -> None:
    traces = text_traces(text)
    try:
        data = WRITINGS[writing](text)
    except UnicodeEncodeError:
        return
    (tmp_path / "f").write_bytes(lead + data)
    if any(trace.form == "utf-8" for trace in traces.traces):
        assert look(tmp_path, traces).found


@given(st.text(max_size=200))
def test_tracing_never_fails_and_says_what_it_left_out(text: str) -> None:
    taken: list[int] = []

    def fill(tracer: object) -> None:
        tracer.text(MARY, "d", "f", text)  # type: ignore[attr-defined]
        taken.append(tracer.rejected())  # type: ignore[attr-defined]

    traces = traces_of(fill)
    assert traces.traces or taken[0] > 0


@pytest.mark.parametrize("dull", ["", "short", "00000000", "aaaaaaaaaaaaaaaaaaaaaaaa", " " * 100, "0" * 40])
def test_what_says_too_little_is_not_traced(dull: str) -> None:
    counts: list[int] = []

    def fill(tracer: object) -> None:
        tracer.text(MARY, "d", "f", dull)  # type: ignore[attr-defined]
        counts.append(tracer.rejected())  # type: ignore[attr-defined]

    assert traces_of(fill).traces == ()
    assert counts[0] >= 1


def test_a_part_of_a_long_text_is_enough(tmp_path: Path) -> None:
    text = " ".join(f"word{number} and more" for number in range(40))
    (tmp_path / "f").write_bytes(text[100:200].encode())
    assert look(tmp_path, text_traces(text, budget=64)).found


def test_a_long_identifier_is_found_by_its_ends(tmp_path: Path) -> None:
    traces = text_traces("8f14e45f-ceea-467f-a0e6")
    (tmp_path / "cut").write_bytes(b"..8f14e45f-ceea-4")
    (tmp_path / "rest").write_bytes(b"67f-a0e6..")
    assert ways(tmp_path / "cut", traces) == {"plain"}


def test_the_way_of_writing_is_named(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(SENTENCE.encode("utf-16-le"))
    assert "utf-16" in ways(tmp_path, text_traces(SENTENCE))


@given(st.integers(0, 3000), st.integers(1, 100))
def test_a_spread_has_no_repeats_and_covers_both_halves(count: int, most: int) -> None:
    chosen = list(spread(count, most))
    assert len(chosen) == len(set(chosen)) == min(count, most)
    assert all(0 <= each < count for each in chosen)
    if most >= 4 and count >= 8:
        assert min(chosen) < count / 2 <= max(chosen)


@given(st.text(min_size=1, max_size=500), st.integers(1, 20))
def test_pieces_are_parts_of_the_text(text: str, most: int) -> None:
    chosen = pieces(text, most)
    assert 1 <= len(chosen) <= most
    assert all(piece in text for piece in chosen)
    assert all(len(utf8(piece)) <= (40 if most == 1 else 32) for piece in chosen)


def test_telling_wants_different_bytes_and_a_beginning_that_is_not_constant() -> None:
    assert telling(b"abcdefgh")
    assert not telling(b"abcdefg")
    assert not telling(b"abababab")
    assert not telling(b"\0" * 8 + b"abcdefgh")


def test_an_identifier_names_person_unless_all_its_bytes_are_one() -> None:
    assert names_person(b"10000007")
    assert names_person(b"0000000012")
    assert not names_person(b"11111111")
    assert not names_person(b"1000007")


@given(st.text(max_size=60))
@example("100%20 of +49 151/2~x_y.z-")
def test_addresses_are_written_as_everybody_writes_them(text: str) -> None:
    written = dict(dress(text, {"url", "url-plus"}))
    quoted = urllib.parse.quote(utf8(text), safe="").encode()
    assert written.get("url", utf8(text)) == quoted
    assert written.get("url-plus", quoted) == urllib.parse.quote_plus(utf8(text)).encode() or quoted == utf8(text)
