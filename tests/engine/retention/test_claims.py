"""What is said in public about keeping and erasing is true, or somebody hears of it at once."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta

import pytest

from expunge import clock
from expunge.bootstrap import Expunge
from expunge.core.retention.public_claims import ClaimNowFalse, ClaimTrueAgain
from expunge.engine.kernel.journal_streams import CLAIMS, read_register
from tests.engine.household import ANNA, BELA, CARA, Household
from tests.engine.retention.test_inactive import watched
from tests.engine.retention.test_retention import aged, events, ran, with_schedules

DAY = timedelta(days=1)


@pytest.fixture
def told(home: Household) -> Household:
    """A household that keeps to its schedules, and of which is known that no place is undeclared."""
    with_schedules(home)
    events(home, anna=3)
    with home.open() as opened:
        assert opened.discover().clean
    return home


def false_ones(home: Household) -> dict[str, str]:
    with home.open() as opened:
        return {each.claim.id: each.evidence for each in opened.retention.claims() if not each.true}


@pytest.mark.duty("AMZ-03", "COP-15")
def test_a_policy_is_published_from_what_is_enforced(told: Household) -> None:
    with told.open() as opened:
        found = opened.retention.publish(told.folder / "public")
    assert all(each.true for each in found), found
    page, text = (told.folder / "public" / name for name in ("policy.html", "policy.md"))
    for written in (page.read_text(), text.read_text()):
        for said in ("90 days", "1 month", "mend faults", "the service", "signed receipt"):
            assert said in written
    assert "<script" not in page.read_text()
    with told.open() as opened:
        assert {each.claim.sentence for each in found} == set(opened.retention.public().sentences.values())


@pytest.mark.duty("AMZ-03")
def test_an_overdue_item_makes_the_sentence_false_and_erasing_it_makes_it_true_again(told: Household) -> None:
    with told.open() as opened:
        opened.retention.publish(told.folder / "public")
    assert false_ones(told) == {}
    aged(told, ANNA, 91)
    assert false_ones(told) == {}, "a daily run may be late by two days"
    aged(told, ANNA, 93)
    assert false_ones(told) == {"retention.voice": "2 items overdue"}
    assert set(false_ones(told)) == {"retention.voice"}
    ran(told)
    assert false_ones(told) == {}
    with told.open() as opened:
        events_ = [each for each in read_register(opened.context.journal, CLAIMS) if isinstance(each, ClaimNowFalse | ClaimTrueAgain)]
        assert opened.retention.public().false == {}
    assert [type(each) for each in events_] == [ClaimNowFalse, ClaimTrueAgain], "once each"


@pytest.mark.duty("AMZ-03")
def test_what_is_not_true_is_not_published(told: Household) -> None:
    aged(told, ANNA, 120)
    with told.open() as opened:
        found = opened.retention.publish(told.folder / "public")
        assert opened.retention.public().sentences == {}
    assert [each.claim.id for each in found if not each.true] == ["retention.voice"]
    assert not (told.folder / "public").exists()


@pytest.mark.duty("AMZ-03")
def test_a_longer_period_makes_the_published_sentence_false_until_it_is_published_anew(told: Household) -> None:
    with told.open() as opened:
        opened.retention.publish(told.folder / "public")
    told.map.write_text(told.map.read_text().replace("period: 90 days", "period: 2 years"))
    assert "2 years" in false_ones(told)["retention.voice"]
    with told.open() as opened:
        opened.retention.publish(told.folder / "public")
    assert false_ones(told) == {}


def test_a_place_that_nobody_declared_makes_a_sentence_false(told: Household) -> None:
    (told.world / "media" / "old.tar").write_bytes(b"who knows")
    assert false_ones(told) == {"places.known": "1 places that nobody declared"}


def test_a_snapshot_that_is_gone_refuses_nobody(told: Household) -> None:
    told.erase(f"profile:{BELA}")
    assert false_ones(told) == {}
    for path in (told.state / "gate").glob("*"):
        if path.is_file():
            path.unlink()
    assert "refuses 0 of" in false_ones(told)["gate.refuses"]


def test_a_run_that_could_not_erase_everything_makes_a_sentence_false(told: Household) -> None:
    aged(told, ANNA, 91)
    folder = told.world / "media" / "voice" / ANNA
    (told.world / "elsewhere").mkdir()
    name = next(folder.glob("*.wav"))
    (told.world / "elsewhere" / "again.wav").hardlink_to(name)
    _, (run,) = ran(told)
    assert not run.final
    assert "in part" in false_ones(told)["retention.proof"]


def test_a_store_that_cannot_be_read_proves_nothing(told: Household) -> None:
    (told.world / "lake").rename(told.world / "gone")
    assert "could not look" in false_ones(told)["retention.log"]


def test_nobody_flagging_unused_profiles_makes_a_sentence_false(told: Household) -> None:
    later = watched(told, anna=600, bela=1, cara=1, dino=1)
    events(told, anna=3 + (clock.now() - later.at) / DAY)
    told.map.write_text(told.map.read_text().replace("period: 90 days", "period: 5 years"))
    with Expunge.open(told.map, clock=later) as opened:
        assert {each.claim.id for each in opened.retention.claims() if not each.true} == {"inactive.profile"}
        opened.retention.watch()
        assert all(each.true for each in opened.retention.claims())
        later.at += 91 * DAY
    with Expunge.open(told.map, clock=later) as opened:
        (false,) = [each for each in opened.retention.claims() if each.claim.id == "inactive.profile"]
    assert (false.true, false.evidence) == (False, "0 unused and not flagged, 1 flagged and not gone in time")


def test_names_of_the_map_are_text_on_the_page(told: Household) -> None:
    told.map.write_text(told.map.read_text().replace("purpose: answer", 'purpose: "<b>x</b> | [y](z)"'))
    with told.open() as opened:
        opened.retention.publish(told.folder / "public")
    assert "<b>x</b>" not in (told.folder / "public" / "policy.html").read_text()
    assert "\\<b\\>x\\</b\\> \\| \\[y\\](z)" in (told.folder / "public" / "policy.md").read_text()


def test_records_without_a_time_are_kept_forever_and_no_policy_says_otherwise(told: Household) -> None:
    path = told.world / "lake" / "events" / "all.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps({"profile_id": CARA, "said": "no date"}).encode() + b"\n"))
    assert false_ones(told) == {"retention.log": "0 items overdue; 1 without a time, which no retention reaches"}
