"""The inventory of a vault: every recording with its algorithm and epoch, and whatever is not sealed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.running import Ran, expunge
from tests.vault.doorbells import ANNA, BELA, CARA, PEOPLE, Doorbells, speech


def inventory(home: Doorbells) -> Ran:
    return expunge("vault", "inventory", "--json", "--map", home.map)


@pytest.fixture
def rung(home: Doorbells) -> Doorbells:
    for number, one in enumerate((ANNA, BELA)):
        home.ring(one, "r-1", speech(number))
    assert expunge("vault", "rotate", "--map", home.map).code == 0
    home.ring(CARA, "r-1", speech(2), BELA)
    return home


@pytest.mark.duty("RNG-22")
def test_each_recording_is_listed_with_its_key_and_nothing_lies_in_the_clear(rung: Doorbells) -> None:
    """By random ids, under which epoch, and that the file's header commits to the key; no name, no opening."""
    home = rung
    ran = inventory(home)
    *objects, summary = ran.lines
    assert ran.code == 0
    with home.open() as opened:
        assert {each["recording"] for each in objects} == {each.id for each in opened.vault.recordings("doorbell")}
        assert not opened.vault.openings()
    assert {(each["state"], each["epoch"]) for each in objects} == {("sealed", 2)}
    assert all(each["algorithm"].startswith("AES-256-GCM") for each in objects)
    assert (summary["sealed"], summary["missing"], summary["changed"], summary["other"]) == (3, 0, 0, 0)
    assert summary["epochs"] == {"2": 3}
    assert summary["bytes"] == sum(path.stat().st_size for path in home.vault.rglob("*") if path.is_file())
    assert not any(one in ran.out for one in PEOPLE)
    home.erase(ANNA)
    assert inventory(home).lines[-1]["sealed"] == 2


@pytest.mark.duty("RNG-22")
@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda path: path.unlink(), "missing"),
        (lambda path: path.write_bytes(speech(0)), "changed"),
        (lambda path: path.write_bytes(speech(0)[: path.stat().st_size].ljust(path.stat().st_size, b".")), "changed"),
        (lambda path: path.write_bytes(path.read_bytes()[::-1]), "changed"),
        (lambda path: path.with_name("plain.flac").write_bytes(speech(0)), "other"),
    ],
    ids=["lost", "in-the-clear", "in-the-clear-and-as-long", "turned-round", "beside"],
)
def test_what_is_not_sealed_is_found(rung: Doorbells, change: Callable[[Path], object], found: str) -> None:
    """A file in the clear in place of a sealed one, or beside it, whatever its size."""
    path = next(path for path in sorted(rung.vault.rglob("*")) if path.is_file())
    change(path)
    ran = inventory(rung)
    assert (ran.code, ran.lines[-1][found]) == (1, 1)
    assert expunge("vault", "inventory", "--map", rung.map).code == 1
