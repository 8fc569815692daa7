"""On a terminal: questions are asked, bars are drawn on stderr, and no is an answer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli import world
from tests.cli.running import expunge
from tests.cli.terminal import on_a_terminal


@pytest.fixture
def company(tmp_path: Path) -> Path:
    world.make(tmp_path)
    assert expunge("init", cwd=tmp_path).code == 0
    return tmp_path


def test_who_is_meant_is_shown_before_the_question_and_no_leaves_everything(company: Path) -> None:
    code, screen = on_a_terminal(["order", "erase", "profile:p-mia"], [("Order the erasure", b"n\n")], company)
    assert code == 1
    assert screen.index("profile:p-mia") < screen.index("Order the erasure")
    assert "nothing was done" in screen
    assert expunge("status", "--json", cwd=company).json["orders"] == []


def test_yes_erases_under_a_bar(company: Path) -> None:
    code, screen = on_a_terminal(["order", "erase", "profile:p-mia"], [("Order the erasure", b"y\n")], company)
    assert code == 0
    order = re.search(r"ord-[a-z2-7]{20}", screen)
    assert order is not None
    expunge("plan", order[0], cwd=company)
    code, screen = on_a_terminal(["apply", order[0]], [("for good?", b"y\n")], company)
    assert code == 0, screen
    assert "━" in screen, "a bar was drawn"
    assert "fulfilled" in screen


def test_a_passphrase_is_asked_for_and_not_shown(tmp_path: Path) -> None:
    world.make(tmp_path)
    secret = "correct horse battery"
    assert expunge("init", cwd=tmp_path, env={"EXPUNGE_PASSPHRASE": secret}).code == 0
    code, screen = on_a_terminal(["status"], [("passphrase", f"{secret}\n".encode())], tmp_path)
    assert code == 0, screen
    assert "no orders yet" in screen
    assert secret not in screen
