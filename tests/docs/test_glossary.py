"""The glossary names modules that are there, and each word once."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "glossary.md"
SOURCE = ROOT / "src" / "expunge"
ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \| `([\w/]+\.py)` \|$", re.MULTILINE)
NAMED = re.compile(r"`([\w/]+\.py)` `(\w+)`")


def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_each_word_has_one_meaning_and_a_module_that_is_there() -> None:
    rows = ROW.findall(page())
    assert len(rows) > 100
    words = Counter(word.strip() for row in rows for word in row[0].split(","))
    assert [word for word, number in words.items() if number > 1] == []
    assert [f"{word}: {path}" for word, _, path in rows if not (SOURCE / path).is_file()] == []


def test_every_row_of_a_table_of_words_is_well_formed() -> None:
    tables = page().split("## Words that need a noun")[0]
    lines = [line for line in tables.splitlines() if line.startswith("| ") and not line.startswith(("| word |", "| --- |"))]
    assert [line for line in lines if not ROW.match(line)] == []


def test_the_ten_questions_are_answered_by_functions_that_are_there() -> None:
    questions = page().split("## Ten questions")[1]
    assert questions.count("\n| Where ") == 10
    found = NAMED.findall(questions)
    assert len(found) >= 10
    for path, name in found:
        tree = ast.parse((SOURCE / path).read_text(encoding="utf-8"))
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}, f"{path} has no {name}"
