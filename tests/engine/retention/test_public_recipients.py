"""Who else gets data is published from the map; a change of the map, and a recipient that it does not name, are noticed."""

from __future__ import annotations

import pytest

from tests.engine.household import Household
from tests.engine.retention.test_retention import events, with_schedules

MORE = """\
purposes:
  weather: {description: tell the weather where somebody is, needs: contract, use: disclosure, datasets: [voice], recipients: [Skylark]}
recipients:
  Skylark: {gets: [voice]}
guardians: {profile: 13 years}
"""
SECOND = MORE.replace("recipients: [Skylark]}", "recipients: [Skylark, Owlet]}").replace(
    "  Skylark: {gets", "  Owlet: {gets: [events]}\n  Skylark: {gets"
)


@pytest.fixture
def told(home: Household) -> Household:
    """A household with a recipient, whose policy is public."""
    with_schedules(home)
    text = home.map.read_text()
    for name in ("voice", "transcripts"):
        text = text.replace(f"  {name}: {{store", f"  {name}: {{categories: [user.content.audio], store", 1)
    home.map.write_text(text + MORE)
    events(home, anna=3)
    with home.open() as opened:
        assert opened.discover().clean
        assert all(each.true for each in opened.retention.publish(home.folder / "public"))
    return home


def false_ones(home: Household) -> dict[str, str]:
    with home.open() as opened:
        return {each.claim.id: each.evidence for each in opened.retention.claims() if not each.true}


def today(home: Household) -> str:
    with home.open() as opened:
        return next(f"{each.today.value}: {each.why}" for each in opened.dues.obligations() if each.duty.id == "COP-04")


@pytest.mark.duty("COP-04")
def test_third_parties_purposes_and_rights_are_published_from_the_map(told: Household) -> None:
    sentences = (
        "Data about people is handed to Skylark, and to nobody else.",
        "Skylark gets voice (voice), to tell the weather where somebody is.",
        "A parent may see at any time what is kept about the child, have it used no longer, and have all of it erased.",
        "(voice and transcripts), is used to answer, and kept for 90 days at most.",
    )
    for name in ("policy.html", "policy.md"):
        page = (told.folder / "public" / name).read_text()
        assert "Who else gets data about you" in page
        for each in sentences:
            assert each in page.replace("&#x27;", "'"), page
    assert today(told).startswith("met: ")


@pytest.mark.duty("COP-04")
def test_a_changed_entry_of_a_recipient_makes_what_is_public_false(told: Household) -> None:
    text = told.map.read_text()
    told.map.write_text(text.replace(MORE, SECOND))
    with told.open() as opened:
        opened.discover()
    found = false_ones(told)
    assert found["recipients.all"].startswith("the map bears out another sentence now: Data about people is handed to Owlet and Skylark")
    assert today(told).startswith("no: the map has changed since the policy was published (recipients.all, recipient.Owlet)")
    told.map.write_text(text.replace("gets: [voice]", "gets: [voice, accounts]"))
    with told.open() as opened:
        opened.discover()
    assert "accounts" in false_ones(told)["recipient.Skylark"]


@pytest.mark.duty("COP-04")
def test_a_recipient_that_was_seen_and_that_the_map_does_not_name_is_a_finding(told: Household) -> None:
    with told.open() as opened:
        assert not [each for each in opened.check() if each.store == "recipients"]
        opened.recipients.saw("Quietly Ltd", "voice", "the export job")
        opened.recipients.saw("Skylark", "events", "the export job")
        found = {each.where: each.what for each in opened.check() if each.store == "recipients"}
    assert found["Quietly Ltd"].startswith("Quietly Ltd was seen to get voice, and the map does not name it")
    assert found["Skylark"] == "Skylark was seen to get events, which the map does not say"
    said = false_ones(told)
    assert said["recipients.all"] == "Quietly Ltd was seen to get data, and the map does not name it"
    assert said["recipient.Skylark"] == "it was seen to get events as well"
    with told.open() as opened:
        assert not all(each.true for each in opened.retention.publish(told.folder / "again"))
    assert not (told.folder / "again").exists()


@pytest.mark.duty("COP-04")
def test_a_recipient_without_a_purpose_is_not_told_whole(told: Household) -> None:
    told.map.write_text(told.map.read_text().replace("recipients: [Skylark]}", "recipients: [others]}"))
    assert today(told).startswith("no: nothing says what Skylark gets data for")
