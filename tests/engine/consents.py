"""The household of the stories, with purposes, texts and guardians in its map."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from expunge.bootstrap import Expunge
from expunge.core.consent.use_records import AssuranceTaken
from expunge.engine.consent.consent_decisions import Agreement
from expunge.engine.kernel.journal_streams import USES, register
from expunge.ports.clock import Clock
from tests.engine.household import ANNA, PEOPLE, Household

AGREED = Agreement("app 4.2, voice settings", "pressed")
BORN = date(2020, 6, 15)
PURPOSES = """\
purposes:
  keeping: {description: keep the account, needs: contract, use: collection, datasets: [accounts, profiles]}
  training:
    description: make the recogniser understand children better
    needs: consent
    use: training
    datasets: [voice, profiles]
    text: training
  review:
    description: people listen to find out what went wrong
    needs: consent
    use: human review
    datasets: [voice]
    text: review
texts:
  training:
    - {version: 1, file: consent/training.md}
  review:
    - {version: 1, file: consent/review.md}
guardians: {profile: 13 years}
"""
PARTNERS = """\
  partners:
    description: partners train models of their own
    needs: consent
    use: training by third parties
    datasets: [voice]
    recipients: [speech laboratories]
    text: partners
texts:
  partners:
    - {version: 1, file: consent/review.md}
"""
CHILD, PARENT = f"profile:{ANNA}", f"account:{PEOPLE[ANNA]}"
OTHER_PARENT = f"account:{next(each for each in PEOPLE.values() if each != PEOPLE[ANNA])}"


def asking(home: Household) -> Household:
    """A household that asks for consent."""
    (home.folder / "consent").mkdir()
    for name in ("training", "review"):
        (home.folder / "consent" / f"{name}.md").write_text(f"# We would like to use your recordings for {name}\n\nYou can say no.\n")
    home.write_map(more=PURPOSES)
    return home


def disclosing(home: Household) -> None:
    """Switch a flow to third parties on."""
    home.write_map(more=PURPOSES.replace("texts:\n", PARTNERS))


def assured(opened: Expunge, recipient: str, *datasets: str) -> None:
    """Enter that a recipient gave a written assurance for data of children."""
    now = opened.context.clock.now()
    register(opened.context.journal, USES, AssuranceTaken(now, recipient, datasets, "0" * 64, now + timedelta(days=300), "priya", ""))


class Shifted:
    """The real clock, moved on by hand: years pass between two lines of a test."""

    def __init__(self, clock: Clock, at: datetime) -> None:
        self._clock = clock
        self._ahead = at - clock.now()

    def now(self) -> datetime:
        return self._clock.now() + self._ahead


def later(opened: Expunge, at: datetime) -> None:
    """Let it be that time."""
    object.__setattr__(opened.context, "clock", Shifted(opened.context.clock, at))


def day(year: int, month: int, number: int) -> datetime:
    return datetime(year, month, number, tzinfo=UTC)


def prove(opened: Expunge, child: str = CHILD, guardian: str = PARENT) -> str:
    return opened.consents.prove(opened.resolve(child), opened.resolve(guardian), born=BORN, method="birth certificate", by="priya")
