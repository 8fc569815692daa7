"""A family whose guardian has an account: what the pages of families are tested with.

The company is that of ``tests/cli/world``, with whereabouts and voiceprints beside.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from expunge.testing.accounts.soft_authenticator import SoftAuthenticator
from tests.moment import days_ago
from tests.web.site.handing_over import enrol_kept, let_the_day_pass, newest_account, token
from tests.web.site.http_person import HttpPerson
from tests.web.site.kit import SiteServed, site

DATASETS = """\
  whereabouts:
    store: app
    table: whereabouts
    subject: {profile: profile_id}
    categories: [user.location.precise]
    retention: place
  voiceprints:
    store: app
    table: voiceprints
    subject: {through: recordings, via: recording_id}
    derived_from: [recordings]
    kind: embedding
    on_erase: erase
"""
IN_MAP = (
    (
        "    subject: {profile: profile_id}\n    retention: voice\n",
        "    subject: {profile: profile_id}\n    categories: [user.content.audio]\n    retention: voice\n",
    ),
    ("    derived_from: [recordings]\n", "    derived_from: [recordings]\n    kind: transcript\n"),
    ("datasets:\n", f"datasets:\n{DATASETS}"),
    ("retention:\n", "retention:\n  place: {period: 30 days, from: seen_at, purpose: find the telephone, need: the service itself}\n"),
)
"""What stands in the map of that company -> what stands there instead."""
PLACES = {
    "p-mia": [
        (51.4779, -0.0015, f"{days_ago(26)}T08:10:00Z"),
        (51.4807, -0.0098, f"{days_ago(25)}T15:40:00Z"),
        (51.5010, 0.0052, f"{days_ago(7)}T09:05:00Z"),
    ],
    "p-tom": [(51.4779, -0.0015, f"{days_ago(24)}T08:10:00Z")],
    "p-ada": [(48.8584, 2.2945, f"{days_ago(22)}T12:00:00Z")],
}
"""Where children were. Places are kept for 30 days."""


def enrich(folder: Path) -> None:
    """Give a company of ``tests/cli/world`` what its families look at, in stores and map."""
    with closing(sqlite3.connect(folder / "world" / "app.db")) as database, database:
        database.executescript(
            "create table whereabouts (id integer primary key, profile_id text, latitude real, longitude real, seen_at text);"
            "create table voiceprints (recording_id text primary key, vector blob, made_at text);"
        )
        for profile, places in PLACES.items():
            rows = [(profile, *place) for place in places]
            database.executemany("insert into whereabouts (profile_id, latitude, longitude, seen_at) values (?, ?, ?, ?)", rows)
        recordings = [recording for (recording,) in database.execute("select recording_id from transcripts")]
        database.executemany(
            "insert into voiceprints values (?, ?, '2026-02-03')", [(each, each.encode().ljust(64, b"\1")) for each in recordings]
        )
    path = folder / "expunge.yaml"
    text = path.read_text()
    for before, after in IN_MAP:
        assert before in text
        text = text.replace(before, after, 1)
    path.write_text(text)


@dataclass
class Guardian:
    """A person whose account is guardian of children, at a browser without JavaScript."""

    person: HttpPerson
    authenticator: SoftAuthenticator
    address: str

    def go(self, page: str = "") -> str:
        """Go to a page of the first family, and return its address. ``page``: the end of it, such as ``timeline/``."""
        found = self.person.get("/child/")
        if found.path == "/child/":
            link = found.text.partition('href="/child/')[2].partition('"')[0]
            found = self.person.get(f"/child/{link}")
        path = f"{found.path}{page}"
        if page:
            self.person.get(path)
        return path

    def confirm(self) -> None:
        """Confirm what the present page asks, with the passkey."""
        self.person.confirm(self.authenticator)


def guardian(served: SiteServed, address: str, *children: str, role: str = "guardian") -> Guardian:
    """A guardian who came by a link of the company's app, and whose passkey counts."""
    person = HttpPerson(served)
    person.sign_up(address)
    authenticator = enrol_kept(served, address)
    made = token(served, address, *((f"profile:{child}", role) for child in children or ("p-mia",)))
    person.get("/handover/")
    person.send("token", token=f"{served.origin}/handover/#{made}")
    person.get("/handover/confirm/")
    person.confirm(authenticator)
    assert newest_account(served)
    let_the_day_pass(served)
    return Guardian(person, authenticator, address)


@contextlib.contextmanager
def family_site(folder: Path, further: str = "") -> Iterator[SiteServed]:
    """Serve the pages of such a company, with its keeper and its clerk."""
    with site(folder, "--access-log", folder / "access.log", enrich=enrich, further=further) as served:
        yield served
