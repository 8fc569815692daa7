"""All customers of a past period are found and told, later-found ones too, with one letter and nothing beside it (RNG-30)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from expunge.adapters.outbound.mail_smtp import MailServer, SmtpDelivery
from expunge.bootstrap import Expunge
from expunge.core.datamap.clocks import ClockState
from expunge.core.journal.cohorts import CohortNotice, Told
from expunge.engine.cohorts import customers, letters
from expunge.engine.cohorts.customers import CohortQuery
from expunge.engine.kernel.journal_streams import COHORTS, read_register
from expunge.engine.reports import all_deadlines
from expunge.errors import UsageError
from expunge.faults import arm
from tests.adapters.sinks import Sink, mail_sink
from tests.cli.running import expunge
from tests.engine.household import Household, build

SINCE, UNTIL = datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)
ORDERED = datetime(2031, 5, 1, tzinfo=UTC)
LETTER = b"Subject: What happened to your recordings\n\nBetween 2024 and 2025 our staff could watch your recordings.\n"
NORTH, SOUTH = "acc-north-51XK", "acc-south-82LM"
NAME = "watched recordings"


class Set:
    def __init__(self) -> None:
        self.at = ORDERED + timedelta(days=1)

    def now(self) -> datetime:
        return self.at


class Scene:
    def __init__(self, folder: Path, sink: Sink) -> None:
        self.home: Household = build(folder)
        self.home.write_map(extra="laws: [orders of the FTC]\n")
        self.sink, self.clock = sink, Set()
        self.delivery = SmtpDelivery(MailServer("127.0.0.1", sink.port, tls=False), "privacy@owl.example")
        self.closed(NORTH, "2024-06-01")
        self.closed(SOUTH, "2019-06-01")
        self.opened = Expunge.open(self.home.map, clock=self.clock)

    def closed(self, account: str, day: str | None, address: str | None = "") -> None:
        """Let the items of an account be of a day; add the account where it is not there."""
        with closing(sqlite3.connect(self.home.database)) as database, database:
            told = f"{account}@example.org" if address == "" else address
            database.execute(
                "INSERT INTO accounts VALUES (?, ?, ?) ON CONFLICT (account_id) DO UPDATE SET closed_at = excluded.closed_at",
                (account, told, day),
            )

    def find(self, **changes: object) -> CohortNotice:
        values = {"since": SINCE, "until": UNTIL, "template": sha256(LETTER).hexdigest(), "ordered": ORDERED} | changes
        return customers.find(self.opened.context, CohortQuery(NAME, "accounts", **values))

    def send(self, letter: bytes = LETTER, most: int = 100) -> CohortNotice:
        return letters.send(self.opened.context, NAME, letters.read_template(letter), self.delivery, most)

    def told(self) -> list[str]:
        return sorted(to for to, _ in self.sink.messages)

    def due(self) -> list[tuple[str, datetime | None, ClockState]]:
        return [
            (each.clock, each.at, each.standing) for each in all_deadlines.everything(self.opened.context) if each.what == f"notice {NAME}"
        ]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with mail_sink() as sink:
        made = Scene(tmp_path, sink)
        yield made
        made.opened.close()


@pytest.mark.duty("RNG-30")
def test_every_customer_of_the_period_is_told_once_and_nothing_is_enclosed(scene: Scene) -> None:
    scene.closed("acc-undated", None)
    found = scene.find()
    assert len(found.customers) == 2, "those outside the period are not meant, and those without a time are"
    after = scene.send()
    assert scene.told() == [f"{NORTH}@example.org", "acc-undated@example.org"]
    assert after.counts()[Told.TAKEN] == 2
    for _, text in scene.sink.messages:
        assert text.strip() == LETTER.decode().partition("\n\n")[2].strip()
    assert all(headers["Subject"] == "What happened to your recordings" for headers in scene.sink.headers)
    assert all("multipart" not in str(headers["Content-Type"]) for headers in scene.sink.headers)
    scene.send()
    assert len(scene.sink.messages) == 2


@pytest.mark.duty("RNG-30")
def test_customers_found_later_have_thirty_days_from_then_and_the_first_ones_180(scene: Scene) -> None:
    scene.find()
    assert scene.due() == [("ring-customer-notice", datetime(2031, 10, 28, tzinfo=UTC), ClockState.RUNNING)]
    scene.send()
    assert scene.due() == []
    scene.clock.at = datetime(2032, 1, 10, 12, tzinfo=UTC)
    scene.closed("acc-late", "2024-02-02")
    assert len(scene.find().customers) == 2
    ((clock, at, standing),) = scene.due()
    assert (clock, standing) == ("ring-later-customer-notice", ClockState.RUNNING)
    assert at is not None
    assert timedelta(days=29) < at - scene.clock.at <= timedelta(days=30)
    scene.clock.at += timedelta(days=31)
    assert scene.due()[0][2] is ClockState.OVERDUE
    scene.send()
    assert scene.told() == ["acc-late@example.org", f"{NORTH}@example.org"]
    assert scene.due() == []


@pytest.mark.duty("RNG-30")
def test_the_letter_is_the_one_that_the_ledger_names(scene: Scene) -> None:
    scene.find()
    with pytest.raises(UsageError, match="another letter"):
        scene.send(LETTER + b"P.S. Try our new doorbell!\n")
    with pytest.raises(UsageError, match="another period"):
        scene.find(until=UNTIL + timedelta(days=1))
    assert scene.sink.messages == []


def test_a_customer_whom_mail_does_not_reach_is_listed_and_owed_no_mail(scene: Scene) -> None:
    scene.closed("acc-silent", "2024-03-03", address=None)
    scene.find()
    scene.sink.refuse = "550 no such user"
    counts = scene.send().counts()
    assert (counts[Told.REFUSED], counts[Told.NO_ADDRESS]) == (1, 1)
    assert sorted(scene.opened.notices.unreached(NAME)) == [f"account:{NORTH}", "account:acc-silent"]
    assert scene.due() == []


def test_a_server_that_is_away_is_tried_again_and_a_bounce_is_entered(scene: Scene) -> None:
    scene.find()
    scene.sink.refuse = "451 later"
    assert scene.send().counts()[Told.LATER] == 1
    scene.sink.refuse = ""
    assert scene.send().counts()[Told.TAKEN] == 1
    after = scene.opened.notices.bounced(NAME, f"account:{NORTH}")
    assert after.counts()[Told.BOUNCED] == 1
    with pytest.raises(UsageError, match="not of the notice"):
        scene.opened.notices.bounced(NAME, f"account:{SOUTH}")


@pytest.mark.parametrize("passes", [1, 2])
@pytest.mark.parametrize("at", ["journal.register:before", "journal.register:after"])
def test_a_crash_loses_no_customer_and_writes_at_most_twice(scene: Scene, at: str, passes: int) -> None:
    scene.find()
    with arm(at, "fail", passes), pytest.raises(OSError, match="failpoint"):
        scene.send()
    for _ in range(3):
        with suppress(OSError):
            scene.send()
    assert 1 <= len(scene.sink.messages) <= 2


def test_the_ledger_names_nobody(scene: Scene) -> None:
    scene.find()
    scene.send()
    assert not scene.home.search(NORTH, f"{NORTH}@example.org", where=("state",))
    assert len(list(read_register(scene.opened.context.journal, COHORTS))) == 3


@pytest.mark.parametrize(
    "letter", [b"", b"Subject: x\n\n", b"no subject\n\ntext", b"Subject: x\nBcc: y@example.org\n\ntext", b"Subject: \xff\n\ntext"]
)
def test_what_is_no_letter_is_refused(letter: bytes) -> None:
    with pytest.raises(UsageError):
        letters.read_template(letter)


def test_the_command_finds_sends_and_shows(scene: Scene, tmp_path: Path) -> None:
    scene.opened.close()
    text = scene.home.map.read_text()
    mail = f"{{server: 'smtp://127.0.0.1:{scene.sink.port}', sender: privacy@owl.example}}"
    scene.home.map.write_text(f"accounts:\n  origin: http://localhost:8000\n  mail: {mail}\n{text}")
    (tmp_path / "letter.txt").write_bytes(LETTER)
    words = ("--dataset", "accounts", "--since", "2024-01-01", "--until", "2025-01-01", "--ordered", "2026-11-01", "--letter", "letter.txt")
    found = expunge("notice", "cohort", "find", NAME, *words, "--json", cwd=scene.home.folder)
    assert found.code == 0, found.err
    assert found.json["customers"] == 1
    sent = expunge("notice", "cohort", "send", NAME, "--letter", "letter.txt", "--json", cwd=scene.home.folder)
    assert sent.json["told"]["taken"] == 1
    assert scene.told() == [f"{NORTH}@example.org"]
    assert "1 customer: taken: 1" in expunge("notice", "cohort", "show", NAME, cwd=scene.home.folder).out
    assert expunge("notice", "cohort", "list", "--json", cwd=scene.home.folder).json["cohorts"][0]["letter"] == sha256(LETTER).hexdigest()
    assert expunge("notice", "send", "--json", cwd=scene.home.folder).json["taken"] == 0
