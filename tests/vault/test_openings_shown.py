"""The register of openings as its operator reads it: who read what, who was refused, and whether each reading was allowed at its time."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from expunge import clock
from expunge.adapters.host.clocks import SystemClock
from expunge.bootstrap import Expunge
from expunge.core.journal.opening_events import OpeningRefused, RecordingOpened
from expunge.core.values.ids import Pseudonym, pseudonym
from expunge.engine.consent.consent_decisions import Agreement
from expunge.engine.kernel.journal_streams import OPENINGS, read_register, register
from expunge.engine.vault.openings import MOST_REFUSALS
from expunge.errors import Refused
from tests.cli.running import Ran, expunge
from tests.engine.consents import Shifted, later
from tests.vault.doorbells import ANNA, BELA, CARA, PEOPLE, Doorbells, path_of, speech

ME = getpass.getuser()
PURPOSES = f"""\
purposes:
  keeping: {{description: keep the account, needs: contract, use: collection, datasets: [profiles, remarks]}}
  look: {{description: show who rang, needs: contract, use: collection, datasets: [doorbell]}}
  learn: {{description: recognise who rings, needs: consent, use: collection, datasets: [doorbell], text: learn}}
  route: {{description: plan the ways of couriers, needs: contract, use: collection, datasets: [doorbell], readers: [svc-route, {ME}]}}
  sell: {{description: sell to others, needs: contract, use: collection, datasets: [doorbell], readers: [svc-route]}}
texts:
  learn:
    - {{version: 1, file: learn.md}}
"""


@pytest.fixture
def rung(home: Doorbells) -> Doorbells:
    """Everybody agreed to nothing yet; each has one recording, and Anna and Bela one together."""
    (home.folder / "learn.md").write_text("# May we learn from your doorbell?\n\nYou can say no.\n")
    home.write_map(extra=PURPOSES)
    for number, one in enumerate(PEOPLE):
        home.ring(one, "r-1", speech(number))
    home.ring(ANNA, "r-2", speech(3), BELA)
    return home


def run(home: Doorbells, *arguments: str) -> Ran:
    return expunge("vault", *arguments, "--map", home.map)


def read(home: Doorbells, one: str, purpose: str, name: str = "r-1") -> None:
    with home.open() as opened, opened.vault.open(f"doorbell/{path_of(one, name)}", purpose=purpose, program="viewer", last=10) as file:
        file.read()


def agree(home: Doorbells, one: str) -> None:
    with home.open() as opened:
        opened.consents.give(opened.resolve(one), "learn", Agreement("app 4.2", "pressed"))


@pytest.mark.duty("RNG-19")
def test_openings_of_one_person_and_of_nobody_else(rung: Doorbells) -> None:
    """A person's openings are found by name, also after an erasure; identifiers of others, and the person's own, are not printed."""
    home = rung
    for one, name in ((ANNA, "r-1"), (BELA, "r-1"), (ANNA, "r-2"), (CARA, "r-1")):
        read(home, one, "look", name)
    with pytest.raises(Refused):
        read(home, BELA, "sell")
    every = run(home, "openings", "--json")
    *lines, end = every.lines
    assert [(each["outcome"], each["people"]) for each in lines] == [
        ("opened", 1),
        ("opened", 1),
        ("opened", 2),
        ("opened", 1),
        ("refused", 1),
    ]
    assert end == {"schema": "expunge.vault-openings/1", "openings": 5}
    assert {each["user"] for each in lines} == {ME}
    assert [(lines[0][each]) for each in ("program", "purpose", "first", "last")] == ["viewer", "look", 0, 10]
    hers = run(home, "openings", "--subject", f"profile:{ANNA}", "--json").lines[:-1]
    assert hers == [lines[0], lines[2]]
    assert run(home, "openings", "--recording", f"doorbell/{path_of(ANNA, 'r-2')}", "--json").lines[:-1] == [lines[2]]
    assert run(home, "openings", "--recording", lines[3]["recording"], "--json").lines[:-1] == [lines[3]]
    assert run(home, "openings", "--refused", "--json").lines[:-1] == [lines[4]]
    assert run(home, "openings", "--user", "nobody-here", "--json").lines == [{**end, "openings": 0}]
    assert run(home, "openings", "--since", "2200-01-01", "--json").lines == [{**end, "openings": 0}]
    assert run(home, "openings", "--purpose", "sell", "--since", "2020-01-01", "--json").lines[:-1] == [lines[4]]
    said = run(home, "openings")
    assert "REFUSED" in said.out
    assert f"{lines[0]['recording']}, bytes 0 to 10" in said.out
    for ran in (every, said, run(home, "openings", "--subject", f"profile:{ANNA}")):
        assert not any(one in ran.out + ran.err for one in PEOPLE)
        assert "cd/" not in ran.out
    home.erase(ANNA)
    assert run(home, "openings", "--subject", f"profile:{ANNA}", "--json").lines[:2] == hers
    for wrong in (
        ("--subject", ANNA),
        ("--subject", f"planet:{ANNA}"),
        ("--recording", f"doorbell/{path_of(ANNA, 'r-1')}"),
        ("--since", "x"),
    ):
        ran = run(home, "openings", *wrong)
        assert ran.code == 2
        assert ANNA not in ran.err


@pytest.mark.duty("AMZ-14")
def test_only_the_accounts_of_a_purpose_open_for_it(rung: Doorbells) -> None:
    """An account that is not on the list of a purpose is refused, whatever the gate says; each decision is in the journal."""
    home = rung
    read(home, CARA, "route")
    for _ in range(2):
        with pytest.raises(Refused, match="this account may not open"):
            read(home, CARA, "sell")
    home.map.write_text(home.map.read_text().replace(f"readers: [svc-route, {ME}]", "readers: [svc-route]"))
    with pytest.raises(Refused):
        read(home, CARA, "route")
    with home.open() as opened:
        events = list(read_register(opened.context.journal, OPENINGS))
        name = pseudonym(opened.context.keys.pseudonym_key(), "profile", CARA)
    assert [(type(each), each.purpose) for each in events if isinstance(each, RecordingOpened | OpeningRefused)] == [
        (RecordingOpened, "route"), (OpeningRefused, "sell"), (OpeningRefused, "sell"), (OpeningRefused, "route"),
    ]  # fmt: skip
    assert {each.subjects for each in events if isinstance(each, OpeningRefused)} == {(name,)}


def test_refusals_do_not_fill_the_journal(rung: Doorbells) -> None:
    """A program that asks again and again makes ten entries a minute; the others are counted in the next. A refusal needs no journal."""
    home = rung
    with home.open() as opened:

        def ask() -> None:
            with pytest.raises(Refused):
                opened.vault.open(f"doorbell/{path_of(CARA, 'r-1')}", purpose="sell")

        for _ in range(MOST_REFUSALS + 7):
            ask()
        assert _refusals(opened) == [0] * MOST_REFUSALS
        later(opened, clock.now() + timedelta(seconds=45))
        ask()
        assert len(_refusals(opened)) == MOST_REFUSALS
        later(opened, clock.now() + timedelta(seconds=62))
        opened.gate_publish()
        ask()
        assert _refusals(opened) == [0] * MOST_REFUSALS + [8]


def _refusals(opened: Expunge) -> list[int]:
    return [each.more for each in read_register(opened.context.journal, OPENINGS) if isinstance(each, OpeningRefused)]


def test_refused_in_the_middle_is_entered(rung: Doorbells) -> None:
    """An order comes while a program reads: that it was not let read on is in the journal."""
    home = rung
    with home.open() as opened:
        file = opened.vault.open(f"doorbell/{path_of(CARA, 'r-1')}", purpose="look")
        file.read(10)
        home.order(CARA)
        opened.context.pause(1)
        with pytest.raises(Refused):
            file.read(10)
    last = run(home, "openings", "--json").lines[-2]
    assert (last["outcome"], "suppressed" in last["why"]) == ("refused", True)


def forge(opened: Expunge, at: datetime, one: str, purpose: str, **changes: object) -> None:
    """Enter an opening that no door let through."""
    name = Pseudonym(pseudonym(opened.context.keys.pseudonym_key(), "profile", one))
    event = RecordingOpened(at, "0" * 16, "doorbell", "ab" * 16, (name,), purpose, ME, "viewer", 0, 10)
    register(opened.context.journal, OPENINGS, replace(event, **changes))  # type: ignore[arg-type]


@pytest.mark.duty("RNG-14")
def test_every_opening_of_the_year_is_held_against_what_stood_then(rung: Doorbells) -> None:
    """What was allowed then is allowed, though consent was withdrawn and people were erased since; what was not is named."""
    home = rung
    agree(home, CARA)
    read(home, CARA, "learn")
    read(home, ANNA, "look")
    with home.open() as opened:
        opened.consents.withdraw(opened.resolve(CARA), "learn")
    home.erase(ANNA)
    clean = run(home, "review", "--json")
    assert (clean.code, clean.json["openings"], clean.json["violations"], clean.json["unsure"]) == (0, 2, 0, 0)

    late = clock.now() + timedelta(minutes=5)
    with home.open(Shifted(SystemClock(), late)) as opened:
        now = opened.context.clock.now()
        forge(opened, now, ANNA, "look")
        forge(opened, now, CARA, "learn")
        forge(opened, now, BELA, "learn")
        forge(opened, now, BELA, "sell")
        forge(opened, now, BELA, "advertise")
        forge(opened, now, BELA, "look", dataset="remarks")
        forge(opened, now, BELA, "subject access", program="expunge export")
        forge(opened, now, BELA, "look")
        found = opened.openings.review()
    assert found.violations == 6
    assert dict(found.reasons) == {
        "a person in it was suppressed": 1, "no consent: withdrawn": 1, "no consent: nobody has agreed": 1,
        "the account is no reader for the purpose": 1, "the map has no such purpose": 1, "the purpose does not use this dataset": 1,
    }  # fmt: skip
    assert (found.openings, found.own, found.within_a_minute) == (10, 1, 0)


@pytest.mark.duty("RNG-14")
def test_a_decision_reaches_programs_within_a_minute_and_not_later(rung: Doorbells) -> None:
    """In the minute in which the gate's snapshot is not renewed yet, an opening against a new order is counted by itself."""
    home = rung
    order = home.order(ANNA)
    with home.open() as opened:
        began = opened.status(order).received.at
        for after in (30, 90):
            forge(opened, began + timedelta(seconds=after), ANNA, "look")
        found = opened.openings.review()
    assert (found.within_a_minute, found.violations) == (1, 1)
    assert found.listed[0].opening.at == began + timedelta(seconds=90)


@pytest.mark.duty("RNG-14")
def test_a_review_is_due_a_year_after_the_last(rung: Doorbells) -> None:
    """From the first opening on; a review that is entered with a name starts the next year. One with violations says so too."""
    home = rung

    def due() -> list[str]:
        ran = expunge("due", "--json", "--map", home.map)
        return [each["standing"] for each in ran.json["due"] if each["clock"] == "openings"]

    assert due() == []
    read(home, CARA, "look")
    assert due() == ["running"]
    ahead = Shifted(SystemClock(), clock.now() + timedelta(days=366))
    with home.open(ahead) as opened:
        assert [each.standing.overdue for each in opened.dues.all() if each.clock == "openings"] == [True]
    assert run(home, "review", "--by", "priya").code == 0
    with home.open(Shifted(SystemClock(), clock.now() + timedelta(days=364))) as opened:
        assert [each.standing.overdue for each in opened.dues.all() if each.clock == "openings"] == [False]
        forge(opened, clock.now(), CARA, "advertise")
    ran = run(home, "review", "--json")
    assert (ran.code, ran.json["violations"], ran.json["listed"][0]["why"]) == (1, 1, "the map has no such purpose")
    assert "NOT ALLOWED: 1" in run(home, "review").out


def test_rights_that_nobody_used(rung: Doorbells) -> None:
    """Purposes, accounts and consents that were not used in a time are named, and in no longer time than was asked for."""
    home = rung
    for one in (CARA, BELA):
        agree(home, one)
    read(home, CARA, "learn")
    read(home, CARA, "route")
    found = run(home, "who-can-read", "--json").json
    grants = {each["purpose"]: each for each in found["grants"]}
    assert sorted(found["unused"]) == ["look", "sell"]
    assert (grants["route"]["readers"], grants["route"]["idle"]) == (["svc-route", ME], ["svc-route"])
    assert (grants["learn"]["consents"], grants["learn"]["unused_consents"]) == (2, 1)
    said = run(home, "who-can-read").out
    assert "svc-route may open for route, and did not" in said
    assert "1 person of 2 agreed to learn" in said
    with home.open(Shifted(SystemClock(), clock.now() + timedelta(days=10))) as opened:
        assert not opened.epochs.who_can_read(days=30).never
        assert opened.epochs.who_can_read(days=7).never
        assert sorted(opened.epochs.who_can_read(days=7).unused) == ["learn", "look", "route", "sell"]


def test_readers_of_a_purpose_in_a_map(rung: Doorbells) -> None:
    """More accounts, or any account, is less protection: `map diff` marks it."""
    old = rung.folder / "old.yaml"
    old.write_text(rung.map.read_text())
    change: Callable[[str, str], None] = lambda a, b: (rung.map.write_text(old.read_text().replace(a, b)), None)[1]  # noqa: E731
    for before, after, code in ((", readers: [svc-route]}", "}", 1), ("readers: [svc-route]", "readers: [svc-route, x]", 1)):
        change(before, after)
        ran = expunge("map", "diff", old, rung.map, "--refuse-weaker")
        assert (ran.code, "more accounts may open" in ran.out) == (code, True)
    change(f"readers: [svc-route, {ME}]", "readers: [svc-route]")
    assert expunge("map", "diff", old, rung.map, "--refuse-weaker").code == 0


def test_no_program_passes_for_the_export(home: Doorbells) -> None:
    """A review holds the export's openings against nothing, so another program may not use its purpose and name."""
    home.ring(ANNA, "r-1", speech(0))
    with home.open() as opened:
        with pytest.raises(Refused, match="expunge export"):
            opened.vault.open(f"doorbell/{path_of(ANNA, 'r-1')}", purpose="subject access", program="expunge export")
        assert opened.openings.review().own == 0
