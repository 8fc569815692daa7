"""Every company of the table: an order ends as the table derives, an outside search agrees, and everybody else's data is the same."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from expunge.servers.postgres import PostgresServer
from tests.attacks.companies.table import COMPANIES, expected
from tests.attacks.companies.world import Company, Unit, World

SAMPLE = {
    "sqlite, undeclared table, quoted",
    "sqlite, name of a column of a declared table",
    "sqlite, full-text index over the notes, quoted",
    "sqlite, another's cell with percent everywhere",
    "sqlite, free text of another, rule keep",
    "sqlite, recipient with an index, rule replace",
    "sqlite, recipient in another spelling, phone, rule null",
    "files, attribute of a file",
    "files, zip in a zip",
    "files, written in base64 in JSON",
    "files, stripes in a gzip",
    "files, written in hex in short lines",
    "files, words of others in mixed letters",
    "files, quoted, records in a document",
    "parquet, footer of another's file",
    "postgres, label of an enum",
}
"""The companies of ``make test``; the soak has all."""
STAND_INS = {"None", "u_deleted", "null"}
KNOWN: dict[str, str] = {}
"""Companies that fail, and why: the limits of *fulfilled* name each. One that no longer fails is a failure here."""


def _parameter(company: Company) -> object:
    marks = [] if company.name in SAMPLE else [pytest.mark.soak]
    if reason := KNOWN.get(company.name):
        marks.append(pytest.mark.xfail(strict=True, reason=reason))
    return pytest.param(company, id=company.name, marks=marks)


@pytest.fixture
def debian_database(debian_postgres: PostgresServer) -> Iterator[str]:
    """URL of an empty database on a server that is built with libxml."""
    name = "company"
    yield debian_postgres.database(name)
    debian_postgres.drop(name)


@pytest.fixture
def world(tmp_path: Path, company: Company, request: pytest.FixtureRequest) -> World:
    """The company, built on disk or on a server."""
    lender = company.place.lender if company.place else "database"
    server = request.getfixturevalue(lender) if company.store == "postgres" else ""
    made = World(tmp_path / "company", company, server)
    made.build()
    return made


@pytest.mark.parametrize("company", [_parameter(company) for company in COMPANIES])
def test_an_order_ends_with_what_is_there(world: World, company: Company) -> None:
    others = world.units()
    run = world.erase()
    left = world.found(world.needles(run))
    problems = [*_about_the_state(run, left, company), *_about_others(world, others)]
    assert problems == [], f"{run.reasons}: {problems}"


def _about_the_state(run: Run, left: list[str], company: Company) -> list[str]:
    wanted = expected(company)
    problems = []
    if run.state is OrderState.FULFILLED and left:
        problems.append(f"fulfilled, and there lies: {left[:5]}")
    # Why not where that is expected: the search from outside does not read what another customer quotes, or what a format packs.
    if run.state is OrderState.IN_PART and not left and wanted.state is not OrderState.IN_PART:
        problems.append("in part, and nothing is left")
    if wanted.state is not None and run.state is not wanted.state:
        problems.append(f"{run.state.value}, not {wanted.state.value}")
    elif wanted.reason and not any(wanted.reason in reason for reason in run.reasons):
        problems.append(f"no reason says {wanted.reason!r}")
    return problems


def _about_others(world: World, before: tuple[Counter[Unit], Counter[Unit]]) -> list[str]:
    """Say what is lost or new of people who stay; what named both may only have lost the one who left."""
    (alone, joint), (alone_after, joint_after) = before, world.units()
    problems = [f"lost: {unit}" for unit in alone - alone_after]
    changed = alone_after - alone
    for where, content in changed:
        if not any(where == place and _words(content) - STAND_INS <= _words(former) for place, former in joint):
            problems.append(f"new: {where}: {content}")
    if not (world.company.place and world.company.place.hands_on):
        problems.extend(f"new: {unit}" for unit in joint_after - joint)
    stayed = changed.total() + joint_after.total()
    if world.company.place is None and stayed != world.company.reference.stay:
        problems.append(f"{stayed} parts that named both are there, not {world.company.reference.stay}")
    return problems


def _words(text: str) -> set[str]:
    return set(re.findall(r"[\w-]+", text))


def test_the_names_of_companies_differ_and_the_sample_is_of_them() -> None:
    names = Counter(company.name for company in COMPANIES)
    assert [name for name, count in names.items() if count > 1] == []
    assert len(names) >= 100
    assert SAMPLE | KNOWN.keys() <= names.keys()
