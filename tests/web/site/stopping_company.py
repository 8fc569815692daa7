"""A family that is asked for consent: the company of `family_company`, with purposes, texts and a third party in its map."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from expunge.bootstrap import Expunge
from expunge.core.retention.inactivity import IdleFlagged
from expunge.engine.consent.consent_decisions import Agreement
from expunge.engine.kernel.journal_streams import IDLE, register
from tests.web.site import family_company
from tests.web.site.kit import SiteServed, site

AGREED = Agreement("app 4.2, settings", "pressed", "signed in the app")
PURPOSES = """\
purposes:
  service: {description: answer what children ask, needs: contract, use: collection, datasets: [transcripts, profiles]}
  training:
    description: teach our speech recogniser
    needs: consent
    use: training
    datasets: [recordings]
    text: training
  review:
    description: staff listen when an answer was wrong
    needs: consent
    use: human review
    datasets: [recordings]
    text: review
  sharing:
    description: let a laboratory study children's speech
    needs: consent
    use: disclosure
    datasets: [recordings]
    recipients: [Skylark]
    text: sharing
texts:
  training: [{version: "3", file: consent/training.md}]
  review: [{version: "1", file: consent/review.md}]
  sharing: [{version: "1", file: consent/sharing.md}]
guardians: {profile: 13 years}
recipients:
  Skylark: {gets: [recordings]}
"""
TEXTS = {
    "training": "We would like to teach our recogniser with these recordings.\n\nYou can say no, and everything works as before.\n",
    "review": "Two of our staff would listen to a recording when the answer was wrong.\n",
    "sharing": "A laboratory would get copies of recordings, without names.\n",
}


def enrich(folder: Path) -> None:
    family_company.enrich(folder)
    (folder / "consent").mkdir()
    for name, text in TEXTS.items():
        (folder / "consent" / f"{name}.md").write_text(text)
    path = folder / "expunge.yaml"
    path.write_text(path.read_text() + PURPOSES)


@contextlib.contextmanager
def stopping_site(folder: Path) -> Iterator[SiteServed]:
    """Serve the pages of such a company, with its keeper and its clerk."""
    with site(folder, "--access-log", folder / "access.log", enrich=enrich) as served:
        yield served


def give(served: SiteServed, child: str, *purposes: str) -> None:
    """Agree for a child, as the company's app would."""

    def agree(opened: Expunge) -> None:
        for purpose in purposes:
            opened.consents.give(opened.resolve(f"profile:{child}"), purpose, AGREED)

    _apart(served, agree)


def flag(served: SiteServed, child: str) -> None:
    """Let a child's profile have been found unused a week ago."""

    def enter(opened: Expunge) -> None:
        now = opened.context.clock.now()
        subject = opened.resolve(f"profile:{child}").person.subject
        event = IdleFlagged(now - timedelta(days=7), "profile", subject, now - timedelta(days=600), "recordings")
        register(opened.context.journal, IDLE, event)

    _apart(served, enter)


def _apart(served: SiteServed, act: Callable[[Expunge], None]) -> None:
    """Act in a thread of its own: Django keeps out of the one in which Playwright waits."""

    def run() -> None:
        with Expunge.open(served.folder / "expunge.yaml") as opened:
            act(opened)

    with ThreadPoolExecutor(1) as threads:
        threads.submit(run).result()
