"""A company whose map names the passkey of an officer, and orders that wait for its signature."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli import world
from tests.web.site.deciders import Decider
from tests.web.site.kit import SiteServed
from tests.web.site.office import at_the_machine

LIST = "/staff/desk/orders/"


@contextlib.contextmanager
def approver(site: SiteServed, label: str) -> Iterator[None]:
    """Have the map name the passkey of an account as the approver Dana, for the length of a block."""
    path = site.folder / "expunge.yaml"
    before = path.read_text()
    (key,) = (each["key"] for each in told(site, "approvers")["passkeys"] if each["label"] == label)
    path.write_text(f"{before}approvers:\n  dana: '{key}'\n")
    try:
        yield
    finally:
        # Why: other modules plan orders of this company without an approval.
        path.write_text(before)


def told(site: SiteServed, *words: str) -> Any:
    """What a command says as JSON."""
    ran = at_the_machine(site.folder, *words, "--json")
    assert ran.code == 0, ran.err
    return ran.json


def planned(site: SiteServed, profile: str, by: str = "") -> str:
    """A planned order about a new person."""
    add(site.folder, profile)
    order = str(told(site, "order", "erase", f"profile:{profile}", "--yes", *(("--by", by) if by else ()))["order"])
    told(site, "plan", order)
    return order


def state_of(site: SiteServed, order: str) -> Any:
    """An order as the command line shows it."""
    return told(site, "status", order)["orders"][0]


def add(folder: Path, profile: str) -> None:
    """A person with one recording."""
    with closing(sqlite3.connect(folder / "world" / "app.db")) as database, database:
        database.execute("insert into profiles values (?, 'a-one', 'Zoe', '2026-01-02')", (profile,))
    world.record(folder, profile, f"rec-{profile}")


@dataclass
class Orders:
    """The staff of such a company."""

    site: SiteServed
    officer: Decider
    other: Decider
    clerk: Decider

    def order(self, profile: str, by: str = "") -> str:
        return planned(self.site, profile, by)

    def digest(self, order: str) -> str:
        return str(state_of(self.site, order)["digest"])

    def state(self, order: str) -> str:
        return str(state_of(self.site, order)["state"])

    def approve(self, person: Decider, order: str) -> dict[str, str]:
        """Sign what the page asks for; return the last answer."""
        action, values = person.get(f"{LIST}{order}/").form("digest")
        return dict(person.perform(action, digest=values["digest"]))
