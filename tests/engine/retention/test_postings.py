"""Notices of orders and disclosures of retention: what is shown, by its hash, on which days."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from expunge.bootstrap import Expunge
from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.protected_kinds import ProtectedKind
from expunge.core.values.periods import Period
from expunge.engine.reports import estate_duties
from expunge.engine.reports.estate_duties import DutyState
from expunge.engine.retention import postings
from expunge.engine.retention.postings import PostedTexts
from tests.cli.running import expunge as command
from tests.engine.families.company import NOW, Clock, build

NOTICE = "About an order against us\n\nThe court says:\nwe kept recordings.\n\n\nWrite to privacy@nightowl.example.\n"
SECTION = """\
accounts:
  origin: https://privacy.nightowl.example
  posted: [{id: order, file: order.txt, from: "2026-11-30", until: "2027-05-31"}]
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = build(tmp_path_factory.mktemp("posted") / "company")
    path.write_text(path.read_text() + SECTION)
    (path.parent / "order.txt").write_text(NOTICE)
    return path.parent


@pytest.fixture
def company(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "company"))


def at(company: Path, clock: Clock) -> Expunge:
    return Expunge.open(company / "expunge.yaml", clock=clock)


@pytest.mark.duty("AMZ-10")
def test_a_notice_is_shown_on_its_days_and_noted_once_a_day_by_its_hash(company: Path) -> None:
    clock = Clock(datetime(2026, 11, 29, 23, 59, tzinfo=UTC))
    with at(company, clock) as opened:
        texts = PostedTexts(opened.context)
        assert texts.notices() == ()
        clock.at = NOW
        (notice,) = texts.notices()
        assert (notice.heading, notice.paragraphs) == (
            "About an order against us",
            ("The court says: we kept recordings.", "Write to privacy@nightowl.example."),
        )
        assert notice.sha256 == sha256(NOTICE.encode()).hexdigest()
        texts.notices()
        clock.at = NOW + timedelta(days=2)
        # Another process, which has to read what was noted.
        PostedTexts(opened.context).notices()
        PostedTexts(opened.context).notices()
        (shown,) = postings.postings(opened.context).shown
        assert (shown.name, shown.sha256, shown.first, shown.last) == ("notice:order", notice.sha256, NOW, clock.at)
        assert shown.days == {date(2026, 11, 30), date(2026, 12, 2)}
        (standing,) = postings.standings(opened.context)
        assert (standing.shown, standing.missed, standing.current) == (2, 1, True)
        clock.at = datetime(2027, 5, 31, tzinfo=UTC)
        assert texts.notices() == ()
        (standing,) = postings.standings(opened.context)
        assert standing.missed == 180


@pytest.mark.duty("AMZ-10")
def test_a_text_that_was_changed_is_another_text(company: Path) -> None:
    clock = Clock()
    with at(company, clock) as opened:
        texts = PostedTexts(opened.context)
        texts.notices()
        (company / "order.txt").write_text(NOTICE.replace("kept", "lost"))
        (standing,) = postings.standings(opened.context)
        assert not standing.current
        clock.at = NOW + timedelta(minutes=1)
        texts.notices()
        assert len(postings.postings(opened.context).shown) == 2
        (standing,) = postings.standings(opened.context)
        assert (standing.shown, standing.current) == (1, True)


@pytest.mark.duty("AMZ-10")
@pytest.mark.parametrize(
    "content", [None, b"", b"\xff\xfe\x00", b"x" * (postings.MOST_BYTES + 1)], ids=["none", "empty", "no text", "large"]
)
def test_a_notice_that_cannot_be_read_is_noted_as_missing(company: Path, content: bytes | None) -> None:
    (company / "order.txt").unlink()
    if content is not None:
        (company / "order.txt").write_bytes(content)
    with at(company, Clock()) as opened:
        texts = PostedTexts(opened.context)
        assert texts.notices() == texts.notices() == ()
        found = postings.postings(opened.context)
        assert (found.shown, found.missing) == ((), frozenset({("notice:order", date(2026, 11, 30))}))
        (standing,) = postings.standings(opened.context)
        assert (standing.shown, standing.current) == (0, False)


@pytest.mark.duty("AMZ-09")
def test_the_disclosure_says_what_the_map_enforces(company: Path) -> None:
    with at(company, Clock()) as opened:
        place, voice = PostedTexts(opened.context).disclosures()
    assert (place.of, voice.of) == (ProtectedKind.LOCATION, ProtectedKind.VOICE)
    (data,) = place.data
    assert (data.kind, data.period, data.counted, data.purpose) == (DataKind.LOCATION, Period(days=60), "at", "say what the weather is")
    assert [(each.kind, each.period) for each in voice.data] == [
        (DataKind.VOICE, Period(days=90)),
        (DataKind.TRANSCRIPT, Period(days=90)),
        (DataKind.VOICEPRINT, Period(months=12)),
        (DataKind.MODEL, None),
    ]


@pytest.mark.duty("AMZ-09")
def test_a_changed_schedule_is_another_disclosure_and_the_register_has_both(company: Path) -> None:
    with at(company, Clock()) as opened:
        before = PostedTexts(opened.context).disclosures()
    text = (company / "expunge.yaml").read_text()
    (company / "expunge.yaml").write_text(text.replace("period: 60 days, from: at", "period: 6 months, from: at"))
    with at(company, Clock(NOW + timedelta(days=1))) as opened:
        known = postings.postings(opened.context)
        after = PostedTexts(opened.context).disclosures()
        latest = known.latest("disclosure:geolocation")
        assert latest is not None
        assert latest.sha256 == before[0].digest != after[0].digest
        assert before[1].digest == after[1].digest
        shown = [each.sha256 for each in postings.postings(opened.context).shown if each.name == "disclosure:geolocation"]
        assert shown == [before[0].digest, after[0].digest]


def today(opened: Expunge, duty: str) -> tuple[DutyState, str]:
    found = next(each for each in estate_duties.look(opened.context) if each.duty.id == duty)
    return found.today, found.why


@pytest.mark.duty("AMZ-09")
def test_the_estate_is_told_whether_the_page_tells_the_schedule_that_is_enforced(company: Path) -> None:
    # Of the recordings the oldest goes on 30 December.
    with at(company, Clock()) as opened:
        assert "has not been shown yet" in today(opened, "AMZ-09")[1]
        PostedTexts(opened.context).disclosures()
        assert today(opened, "AMZ-09")[0] is DutyState.MET
    text = (company / "expunge.yaml").read_text()
    (company / "expunge.yaml").write_text(text.replace("period: 60 days, from: at", "period: 61 days, from: at"))
    with at(company, Clock(NOW + timedelta(minutes=1))) as opened:
        assert "has changed since" in today(opened, "AMZ-09")[1]
        PostedTexts(opened.context).disclosures()
        assert today(opened, "AMZ-09")[0] is DutyState.MET
    with at(company, Clock(NOW + timedelta(days=60))) as opened:
        assert "items are past their period" in today(opened, "AMZ-09")[1]


@pytest.mark.duty("AMZ-10")
def test_the_estate_is_told_of_days_without_the_notice(company: Path) -> None:
    clock = Clock()
    with at(company, clock) as opened:
        assert "as it was not shown yet" in today(opened, "AMZ-10")[1]
        PostedTexts(opened.context).notices()
        assert today(opened, "AMZ-10")[0] is DutyState.MET
        clock.at = NOW + timedelta(days=3)
        assert "order was not shown on 2 days" in today(opened, "AMZ-10")[1]


@pytest.mark.duty("AMZ-09", "AMZ-10")
def test_commands_print_what_was_shown_and_hold_a_version_against_the_schedule(company: Path) -> None:
    told = command("retention", "disclosure", "--json", cwd=company)
    place, voice = told.json["disclosures"]
    assert (told.code, place["of"], place["shown"], voice["of"]) == (0, "geolocation", None, "voice")
    assert (place["data"][0]["days"], place["data"][0]["purpose"]) == (60, "say what the weather is")
    with Expunge.open(company / "expunge.yaml") as opened:
        texts = PostedTexts(opened.context)
        texts.notices()
        texts.disclosures()
    held = command("retention", "disclosure", "--matches", place["sha256"][:12], cwd=company)
    assert held.code == 0
    assert "shown, last on" in held.out
    text = (company / "expunge.yaml").read_text()
    (company / "expunge.yaml").write_text(text.replace("period: 60 days, from: at", "period: 90 days, from: at"))
    stale = command("retention", "disclosure", "--matches", place["sha256"][:12], cwd=company)
    assert stale.code == 1
    assert "NOT THE SCHEDULE OF NOW" in stale.out
    shown = command("retention", "posted", "--json", cwd=company)
    (notice,) = shown.json["notices"]
    assert (notice["id"], notice["from"], notice["until"]) == ("order", "2026-11-30", "2027-05-31")
    assert {each["name"] for each in shown.json["shown"]} >= {"disclosure:geolocation", "disclosure:voice"}
    assert command("retention", "posted", cwd=company).out.startswith("order: from 2026-11-30, until 2027-05-31")
