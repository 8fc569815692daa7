"""A fixture for each kind of fault: it is found, alone, on the right line, with something to write instead."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from expunge.maps import MapFaults, examine, read_map
from expunge.maps.document.faults import RULES
from expunge.maps.document.nodes import MAX_BYTES, MAX_NODES
from expunge.stores import Kinds

MAPS = Path(__file__).parents[1] / "vectors" / "maps"
FAULTS = sorted((MAPS / "faults").glob("*.yaml"))
SOURCE = Path(__file__).parents[2] / "src" / "expunge" / "maps"

LINES = {
    "anchor": 9,
    "coerced-value": 9,
    "derived-cycle": 18,
    "duplicate-key": 7,
    "empty": 1,
    "field-not-in-path": 16,
    "no-retention": 11,
    "syntax": 4,
    "tab": 6,
    "too-deep": 3,
    "unknown-dataset": 22,
    "unknown-key": 16,
}


@pytest.mark.parametrize("path", FAULTS, ids=lambda path: path.stem)
@pytest.mark.duty("DSG-09")
def test_each_kind_of_fault_is_found_alone_and_explained(path):
    faults = examine(path, {}, kinds=Kinds()).faults
    assert {fault.rule for fault in faults} == {path.stem}
    for fault in faults:
        assert fault.file == str(path)
        assert fault.line == LINES.get(path.stem, fault.line)
        assert 1 <= fault.line <= path.read_text().count("\n")
        assert len(fault.what) > 10
        assert fault.write_instead.strip()
        assert str(fault).startswith(f"{path}:{fault.line}: ")


def test_every_rule_has_a_fixture_and_is_used():
    assert {path.stem for path in FAULTS} == set(RULES) - {"too-big"}
    source = "".join(path.read_text() for path in SOURCE.rglob("*.py") if path.name != "faults.py")
    assert [rule for rule in RULES if f'"{rule}"' not in source] == []


@pytest.mark.parametrize("path", FAULTS, ids=lambda path: path.stem)
def test_a_faulty_map_is_never_handed_out(path):
    with pytest.raises(MapFaults) as caught:
        read_map(path, {}, kinds=Kinds())
    assert caught.value.faults == examine(path, {}, kinds=Kinds()).faults
    assert caught.value.exit_code == 1
    assert path.name in str(caught.value)


def test_all_faults_of_a_file_are_reported_together(tmp_path):
    text = (MAPS / "faults" / "unknown-store.yaml").read_text()
    text = text.replace("90 days", "forever").replace("on_erase: erase", "on_erase: eraze").replace("version: 1", "version: 3")
    (tmp_path / "expunge.yaml").write_text(text)
    faults = examine(tmp_path / "expunge.yaml", {}, kinds=Kinds()).faults
    assert [fault.rule for fault in faults] == ["bad-version", "forever", "unknown-store", "bad-on-erase"]
    assert [fault.line for fault in faults] == sorted(fault.line for fault in faults)


@pytest.mark.parametrize(
    "word", ["forever", "unlimited", "indefinitely", "never", "-1", "0", "0 days", "permanent", "as long as needed", "none"]
)
@pytest.mark.duty("FAIL-04", "COP-15")
def test_no_spelling_of_forever_is_a_period(tmp_path, word):
    text = (MAPS / "sound.yaml").read_text().replace("period: 2 years", f"period: {word}")
    (tmp_path / "expunge.yaml").write_text(text)
    assert {fault.rule for fault in examine(tmp_path / "expunge.yaml", {}, kinds=Kinds()).faults} == {"forever"}


@pytest.mark.parametrize(
    "word", ["90", "1.5 years", "P90D", "90days", "ninety days", "1_000 days", "090 days", "200000 days", "101 years", "3 fortnights"]
)
def test_what_is_no_calendar_period_is_explained(tmp_path, word):
    text = (MAPS / "sound.yaml").read_text().replace("period: 2 years", f"period: {word}")
    (tmp_path / "expunge.yaml").write_text(text)
    (fault,) = examine(tmp_path / "expunge.yaml", {}, kinds=Kinds()).faults
    assert fault.rule == "bad-period"


@pytest.mark.parametrize(
    "plain", ["yes", "no", "On", "off", "true", "0o17", "017", "0x1F", "1_000", "12:30", "2026-01-31", "1e3", "1.5", "~", "null", ".inf"]
)
def test_nothing_is_coerced_in_silence(tmp_path, plain):
    text = (MAPS / "sound.yaml").read_text()
    (tmp_path / "expunge.yaml").write_text(text.replace("need: contract", f"need: {plain}"))
    rules = {fault.rule for fault in examine(tmp_path / "expunge.yaml", {}, kinds=Kinds()).faults}
    assert rules <= {"coerced-value", "not-text"}
    assert rules or plain == "0o17" or plain == "1e3"
    (tmp_path / "expunge.yaml").write_text(text.replace("need: contract", f'need: "{plain}"'))
    assert read_map(tmp_path / "expunge.yaml", {}, kinds=Kinds()).retention["life"].need == plain


def test_a_name_that_yaml_reads_as_no_is_explained(tmp_path):
    (tmp_path / "expunge.yaml").write_text("version: 1\nstores:\n  no: {kind: files, url: ./norway}\ndatasets: {}\n")
    (fault,) = examine(tmp_path / "expunge.yaml", {}, kinds=Kinds()).faults
    assert (fault.rule, fault.line) == ("coerced-value", 3)


def test_a_file_that_is_too_large_is_not_even_parsed(tmp_path):
    (tmp_path / "expunge.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    assert [fault.rule for fault in examine(tmp_path / "expunge.yaml", {}, kinds=Kinds()).faults] == ["too-big"]


def test_a_flood_of_entries_is_cut_off(tmp_path):
    (tmp_path / "expunge.yaml").write_text("a: [" + "x," * (MAX_NODES + 10) + "]")
    assert [fault.rule for fault in examine(tmp_path / "expunge.yaml", {}, kinds=Kinds()).faults] == ["too-deep"]


def test_a_bomb_of_aliases_never_expands(tmp_path):
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    (tmp_path / "expunge.yaml").write_text("\n".join(lines))
    assert [fault.rule for fault in examine(tmp_path / "expunge.yaml", {}, kinds=Kinds()).faults] == ["anchor"]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"version: 1\nstores: \xff\n", 2),
        (b"version: 1\n\nx: \x00\n", 3),
        (b'version: 1\nx: "\\uD800"\n', 2),
        (b'version: 1\nx: "\\UFFFFFFFF"\n', 2),
        (b"version: 1\n---\nversion: 1\n", 2),
        ("version: 1\nx: \ufdd0\ufeff\n".encode(), 2),
        (b"version: 1\nx: [1,\n", 3),
        (b"- a\n- b\n", 1),
        (b"just words\n", 1),
        (b"? [a, b]\n: c\n", 1),
    ],
)
def test_bytes_that_are_no_map_name_their_line(tmp_path, data, line):
    (tmp_path / "expunge.yaml").write_bytes(data)
    faults = examine(tmp_path / "expunge.yaml", {}, kinds=Kinds()).faults
    assert faults[0].line == line


def test_a_password_is_never_shown(tmp_path):
    environ = {"APP_DB": "hunter2-in-the-url"}
    text = (MAPS / "sound.yaml").read_text()
    for url in ('"${APP_DB}"', '"ftp://${APP_DB}"', '"sqlite:///x?${APP_DB}"', '"${APP_DB}${MISSING}"', '"${APP_DB}'):
        (tmp_path / "expunge.yaml").write_text(text.replace("url: sqlite:///app.db", f"url: {url}"))
        reading = examine(tmp_path / "expunge.yaml", environ, kinds=Kinds())
        assert reading.faults
        assert "hunter2" not in "".join(map(str, reading.faults)) + repr(reading)


def test_faults_say_what_and_where_without_a_traceback_of_yaml():
    (fault,) = examine(MAPS / "faults" / "syntax.yaml", {}, kinds=Kinds()).faults
    assert 'in "<unicode string>"' not in fault.what
    assert re.search(r"expected ',' or '}'", fault.what)


def test_the_reference_lists_every_rule():
    page = (Path(__file__).parents[2] / "docs" / "reference" / "data-map.md").read_text()
    assert re.findall(r"^\| `([a-z-]+)` \|", page.partition("## Faults")[2], re.MULTILINE) == list(RULES)
