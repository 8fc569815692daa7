"""Receipts, openings and evidence packs of this installation beside a store are no findings; what only looks like one is looked into."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from expunge.core.evidence.commitment import Opening, parse_opening
from tests.cli.running import expunge
from tests.engine.discovery.test_discover import MAIL, discovered
from tests.engine.household import ANNA, BELA, CARA, PEOPLE, Household, build, copy

CARAS = f"{PEOPLE[CARA]}@example.org"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Household:
    """A receipt for one person and an evidence pack, and the opening of another whose order waits, all beside the stores."""
    home = build(tmp_path_factory.mktemp("evidence") / "home")
    for who, name in ((BELA, "done"), (ANNA, "waiting")):
        order = expunge("order", "erase", f"profile:{who}", "--yes", "--openings", home.world / name, "--json", cwd=home.folder).json[
            "order"
        ]
        if who == BELA:
            assert expunge("plan", order, cwd=home.folder).code == 0
            assert expunge("apply", order, "--yes", cwd=home.folder).code == 0
            assert expunge("receipt", "show", order, "--out", home.world / "receipts", cwd=home.folder).code == 0
            assert expunge("evidence", "pack", "--out", home.world / "pack.zip", cwd=home.folder).code == 0
    return home


@pytest.fixture
def issued(template: Household, tmp_path: Path) -> Household:
    return copy(template, tmp_path / "home")


def places(home: Household) -> set[str]:
    found = discovered(home)
    assert found.unseen == (), found.unseen
    return {each.place for each in found.found}


def forge_opening_of_another(world: Path) -> None:
    opening = parse_opening((world / "waiting" / "1" / "opening.json").read_bytes())
    (world / "waiting" / "1" / "opening.json").write_bytes(Opening(opening.opening, (("profile", CARA),)).encode())


def forge_longer_opening(world: Path) -> None:
    path = world / "waiting" / "1" / "opening.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "note": CARAS}))


def forge_page(world: Path) -> None:
    (world / "receipts" / "1" / "receipt.html").write_text(f"<p>{CARAS}</p>")


def forge_file_beside(world: Path) -> None:
    (world / "receipts" / "1" / "export.zip").write_text(f"who\n{CARAS}\n")


def forge_proof(world: Path) -> None:
    path = world / "receipts" / "1" / "receipt.tlog-proof"
    path.write_text(path.read_text() + f"- {CARAS} AAAA\n")


def forge_copied_receipt(world: Path) -> None:
    """A receipt of nobody: the files by name, with a list in the place of the envelope."""
    shutil.copytree(world / "receipts", world / "copies")
    (world / "copies" / "1" / "receipt.dsse.json").write_text(json.dumps({"payload": CARAS}))


def forge_member_of_pack(world: Path) -> None:
    with zipfile.ZipFile(world / "pack.zip", "a") as archive:
        archive.writestr("lists/more.csv", f"who\n{CARAS}\n")


def test_evidence_of_this_installation_is_told_in_one_line(issued: Household) -> None:
    found = discovered(issued)
    assert ([each.place for each in found.found], found.unseen) == ([], ())
    (line,) = [each for each in found.ignored if "this installation issued" in each.why]
    assert line.place.endswith("1 of an evidence pack, 2 of an opening, 9 of a receipt")
    assert expunge("sweep", cwd=issued.folder).code == 0
    (issued.world / "waiting" / "1" / "opening.json").rename(issued.world / "waiting.txt")
    assert places(issued) == set(), "it is known under any name"
    (issued.world / "waiting.txt").write_text(f"who\n{MAIL}\n")
    assert len(places(issued)) == 1


@pytest.mark.parametrize(
    "forge",
    [
        forge_opening_of_another,
        forge_longer_opening,
        forge_page,
        forge_file_beside,
        forge_proof,
        forge_copied_receipt,
        forge_member_of_pack,
    ],
    ids=lambda each: each.__name__.removeprefix("forge_"),
)
def test_what_only_looks_like_evidence_is_looked_into(issued: Household, forge: object) -> None:
    assert callable(forge)
    forge(issued.world)
    # Why not what could not be looked into: a signature beside an envelope that is none is bytes of no known format, but for some.
    assert len({each.place for each in discovered(issued).found}) == 1


def test_a_damaged_zip_that_has_a_manifest_is_looked_into_like_any_other(issued: Household) -> None:
    packed = issued.world / "photos.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("manifest.json", bytes(range(256)) * 4)
    data = bytearray(packed.read_bytes())
    data[60:90] = bytes(30)
    packed.write_bytes(data)
    assert [each.place for each in discovered(issued).unseen] == ["the folder world: photos.zip"]
