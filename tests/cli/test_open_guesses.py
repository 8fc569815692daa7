"""A map with an open guess takes orders in and fences them, and plans none; ``check`` names the line and the fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from expunge.bootstrap import Expunge
from expunge.core.values.order import OrderState
from expunge.errors import Misconfigured
from tests.cli import world
from tests.cli.running import expunge

GUESS = '    guess: "6 of 6 values match profiles.profile_id"\n'
RULE = "    subject: {profile: profile_id}\n    retention: voice\n"


@pytest.fixture
def guessed(tmp_path: Path) -> Path:
    path = world.make(tmp_path)
    path.write_text(path.read_text().replace(RULE, RULE + GUESS))
    return path


def line_of(path: Path, text: str) -> int:
    return path.read_text().splitlines().index(text.strip("\n")) + 1


def test_an_order_is_received_and_fenced_and_not_planned_until_the_guess_is_decided(guessed: Path) -> None:
    Expunge.init(guessed)
    with Expunge.open(guessed) as opened:
        order = opened.order_erase([opened.resolve("profile:p-mia")]).order
        assert opened.status(order).state is OrderState.FENCED
        line = line_of(guessed, GUESS)
        with pytest.raises(Misconfigured, match=rf"(?s):{line}: datasets.recordings is a guess: 6 of 6 values.*without the key `guess`"):
            opened.plan(order)
        with pytest.raises(Misconfigured, match="no order is planned under a guess"):
            opened.apply(order)
        assert opened.status(order).state is OrderState.FENCED
    guessed.write_text(guessed.read_text().replace(GUESS, ""))
    with Expunge.open(guessed) as opened:
        opened.plan(order)
        assert opened.apply(order).state is OrderState.FULFILLED


def test_an_order_that_was_planned_before_the_guess_is_not_begun(guessed: Path) -> None:
    decided, open_ = guessed.read_text().replace(GUESS, ""), guessed.read_text()
    guessed.write_text(decided)
    Expunge.init(guessed)
    with Expunge.open(guessed) as opened:
        order = opened.order_erase([opened.resolve("profile:p-mia")]).order
        opened.plan(order)
    guessed.write_text(open_)
    with Expunge.open(guessed) as opened, pytest.raises(Misconfigured, match="no order is planned under a guess"):
        opened.apply(order)


def test_check_and_doctor_fail_and_name_line_and_fix(guessed: Path) -> None:
    ran = expunge("check", cwd=guessed.parent)
    assert ran.code == 1
    assert f"{guessed}:{line_of(guessed, GUESS)}: datasets.recordings is a guess: 6 of 6 values match profiles.profile_id" in ran.out
    assert "instead: the entry as it is right, without the key `guess`" in ran.out
    (fault,) = expunge("check", "--json", cwd=guessed.parent).json["faults"]
    assert (fault["rule"], fault["line"]) == ("open-guess", line_of(guessed, GUESS))
    assert f":{fault['line']}: error: data map: open-guess" in expunge("check", "--ci", cwd=guessed.parent).out
    expunge("init", cwd=guessed.parent)
    assert "1 open guess, no order is planned" in expunge("doctor", cwd=guessed.parent).out


def test_a_purpose_that_is_still_to_be_said_is_open_as_well(guessed: Path) -> None:
    text = guessed.read_text().replace(GUESS, "")
    guessed.write_text(text.replace("purpose: answer the request", 'purpose: "DECIDE: what it is used for"'))
    ran = expunge("check", cwd=guessed.parent)
    assert ran.code == 1
    assert "retention.voice is a guess: purpose is still to be said" in ran.out
    guessed.write_text(text)
    assert expunge("check", cwd=guessed.parent).code == 0


def test_a_dataset_that_nobody_has_decided_is_no_fault_of_the_map_and_no_order_is_planned(guessed: Path) -> None:
    guessed.write_text(guessed.read_text().replace("    subject: {profile: profile_id}\n    retention: voice\n", "    retention: voice\n"))
    ran = expunge("check", cwd=guessed.parent)
    assert "instead: subject: {KIND: FIELD} or {through: DATASET, via: FIELD}, or about: nobody, without the key `guess`" in ran.out
    Expunge.init(guessed)
    with Expunge.open(guessed) as opened:
        order = opened.order_erase([opened.resolve("account:a-one")]).order
        with pytest.raises(Misconfigured, match=r"datasets.recordings is a guess"):
            opened.plan(order)
