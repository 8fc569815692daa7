"""What `check` and `access reach` say about ways round the desk: recordings in the clear, ciphertext, keys, and what could not be seen."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from expunge.bootstrap.desk import ways_round
from expunge.core.review.reach import Reached, ciphertext_only
from expunge.core.values.copy import FindingKind
from expunge.stores.reach import file_readers
from tests.cli.running import expunge as command
from tests.engine.families.recorded_company import Company
from tests.engine.review.desk_company import PURPOSES, copied


@pytest.fixture
def home(desk_template: Company) -> Iterator[Company]:
    """An installation in a folder that every account passes, with all closed but for its owner."""
    top = Path(tempfile.mkdtemp(prefix="expunge-ways-"))
    top.chmod(0o755)
    company = copied(desk_template, top / "home")
    company.write_map(PURPOSES + "review: {}\n")
    for each in [top / "home", *(top / "home").rglob("*")]:
        each.chmod(0o700 if each.is_dir() else 0o600)
    for each in (top / "home", company.world):
        each.chmod(0o755)
    yield company
    shutil.rmtree(top)


def _opened(folder: Path) -> None:
    for each in [folder, *folder.rglob("*")]:
        each.chmod(0o755 if each.is_dir() else 0o644)


def _around(company: Company) -> list[tuple[str, str]]:
    return sorted({(each.store, each.reached.value) for each in ways_round.reaches(company.folder / "expunge.yaml") if each.around})


def _claim(company: Company) -> tuple[bool, str]:
    with company.open() as opened:
        (found,) = [each for each in opened.retention.claims() if each.claim.id == "staff.review"]
        return found.true, found.evidence


@pytest.mark.duty("RNG-01")
def test_what_the_public_is_told_about_access_is_true_or_is_not_published(home: Company) -> None:
    assert _claim(home) == (True, "no store of recordings has a way round the review desk")
    _opened(home.media)
    true, evidence = _claim(home)
    assert (true, "every account of this machine could read recordings" in evidence) == (False, True)
    with home.open() as opened:
        opened.retention.publish(home.folder / "public")
    assert not (home.folder / "public" / "policy.html").exists()


@pytest.mark.duty("RNG-01")
def test_a_store_that_cannot_be_looked_at_proves_nothing_to_the_public(home: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_readers, "MOST_LOOKED_AT", 0)
    true, evidence = _claim(home)
    assert (true, "could not look" in evidence) == (False, True)


@pytest.mark.duty("FAIL-06")
def test_closed_recordings_have_no_way_round(home: Company) -> None:
    assert _around(home) == []
    found = ways_round.seen(home.folder / "expunge.yaml")
    assert {each.kind for each in found} == {FindingKind.NOTE}
    assert any("by construction" in each.what and each.store == "media" for each in found)


@pytest.mark.duty("FAIL-06")
def test_recordings_that_others_read_are_a_fault_and_sealed_ones_a_note(home: Company) -> None:
    _opened(home.media)
    _opened(home.world / "vault")
    found = ways_round.seen(home.folder / "expunge.yaml")
    (fault,) = [each for each in found if each.kind is FindingKind.WAY_ROUND]
    assert (fault.store, "every account of this machine" in fault.what, "expunge vault adopt" in fault.mend) == ("media", True, True)
    assert any(each.store == "sealed" and "ciphertext of bell, heard only" in each.what for each in found)
    assert "prf-anna" not in "".join(each.what + each.where for each in found)


@pytest.mark.duty("RNG-15")
def test_keys_that_others_read_are_a_fault_and_holders_are_named(home: Company) -> None:
    _opened(home.world / "vault")
    _opened(home.folder / "state" / "keys")
    (home.folder / "state").chmod(0o755)
    assert _around(home) == [("sealed", "keys")]
    whole = ways_round.reaches(home.folder / "expunge.yaml")
    assert any("no passphrase locks the keystore" in each.how for each in whole if each.reached is Reached.KEYS)
    assert "nobody" not in ciphertext_only(whole), "with the keys the sealed files are recordings"


@pytest.mark.duty("RNG-15")
def test_accounts_that_reach_ciphertext_only_are_exempt_from_training(home: Company) -> None:
    _opened(home.world / "vault")
    reaches = ways_round.reaches(home.folder / "expunge.yaml")
    exempt = ciphertext_only(reaches)
    assert "nobody" in exempt
    assert not exempt & {account for each in reaches if each.reached is Reached.KEYS for account in each.accounts}
    _opened(home.media)
    assert ciphertext_only(ways_round.reaches(home.folder / "expunge.yaml")) == frozenset()


def test_no_desk_no_word_of_ways_round_it(home: Company) -> None:
    home.write_map(PURPOSES)
    _opened(home.media)
    assert ways_round.seen(home.folder / "expunge.yaml") == ()


def test_a_store_that_cannot_tell_or_be_reached_is_said(home: Company) -> None:
    shutil.rmtree(home.media)
    text = (home.folder / "expunge.yaml").read_text()
    (home.folder / "expunge.yaml").write_text(
        text.replace("{kind: vault, url: ./world/vault}", "{kind: s3, url: s3://none, endpoint: http://127.0.0.1:9}")
    )
    found = ways_round.seen(home.folder / "expunge.yaml")
    assert any(each.store == "sealed" and "could not look" in each.what for each in found)


def test_check_fails_and_reach_lists_them(home: Company) -> None:
    _opened(home.media)
    checked = command("check", "--json", "--map", home.folder / "expunge.yaml")
    assert checked.code == 1
    assert "way round" in {each["kind"] for each in checked.json["findings"]}
    told = command("access", "reach", "--json", "--map", home.folder / "expunge.yaml").json
    assert {(each["store"], each["reaches"]) for each in told["ways"] if each["around"]} == {("media", "recordings")}
    assert told["seen_as"]
    shown = command("access", "reach", "--map", home.folder / "expunge.yaml").out
    assert "1 way round the review desk that can be closed" in shown
