"""What Expunge keeps, logs and says about a person: nothing by which they could be known."""

from __future__ import annotations

import base64
import hashlib
import logging
import sqlite3
import traceback
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from expunge import clock
from expunge.bootstrap import Expunge
from expunge.core.evidence import commitment
from expunge.core.values.order import OrderState
from expunge.demo.company.outside_search import Search
from expunge.errors import ExpungeError
from tests.engine.household import ANNA, CARA, PEOPLE, SAID, Household, strings_of

CONTACT = "worried.parent@example.org"
CANARIES = (*strings_of(ANNA), CONTACT, "acc-north-51XK@example.org")


def found(folder: Path, *strings: str) -> list[str]:
    return [f"{hit.path} ({hit.how})" for hit in Search(strings).folder(folder)]


class Collecting(logging.Handler):
    """Everything that anybody logs, arguments and extras included."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.text: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.text.append(record.getMessage() + repr(record.__dict__))


@pytest.fixture
def logged() -> Iterator[Collecting]:
    handler, root = Collecting(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.mark.duty("NST-07")
def test_a_full_run_leaves_no_identifier_and_no_content_in_state_log_or_evidence(
    home: Household, logged: Collecting, tmp_path: Path
) -> None:
    accepted = home.order(f"profile:{ANNA}", contact=CONTACT)
    assert found(home.state, *CANARIES) == [], "sealed from the first moment"
    home.plan(accepted.order)
    assert found(home.state, *CANARIES) == []
    home.apply(accepted.order)
    assert found(home.state, *CANARIES) == []
    with home.open() as opened:
        for name, data in opened.receipt_folder(accepted.order).items():
            (tmp_path / name).write_bytes(data)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file())
    assert [hit for hit in found(tmp_path, *CANARIES) if "home" not in hit] == []
    everything = "\n".join(logged.text)
    assert "order_received" in everything, "something was logged at all"
    assert [each for each in CANARIES if each in everything] == []


def troubles(home: Household) -> Iterator[str]:
    """Everything that can go wrong, and what is then said."""
    (home.world / "lake" / "events" / "2026-05-02.jsonl.gz").write_bytes(b"\x1f\x8b\x08\x00 no gzip " + SAID[ANNA][0].encode())
    (home.world / "media" / "voice" / ANNA / "stray.txt").write_text(SAID[ANNA][0])
    reader = sqlite3.connect(home.database, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM profiles").fetchone()
    run = home.erase(f"profile:{ANNA}")
    reader.close()
    assert run.state is OrderState.IN_PART
    yield repr(run.reasons)
    yield repr(run)
    with home.open() as opened:
        for number, act in enumerate(
            (
                lambda: opened.resolve(SAID[ANNA][0]),
                lambda: opened.resolve("profile:"),
                lambda: opened.order_cancel(run.order),
                lambda: opened.export(opened.resolve(f"profile:{ANNA}"), home.map),
                lambda: opened.holds.place(
                    opened.resolve(f"profile:{ANNA}"), ANNA, ground="g", authority="a", until=clock.now() + timedelta(1)
                ),
                lambda: opened.approve(run.order, ANNA, "c2ln"),
            )
        ):
            try:
                act()
            except ExpungeError as error:
                if number not in (4, 5):  # these say back what the operator typed as the name of a dataset or approver
                    yield "".join(traceback.format_exception_only(error)) + error.help
            else:
                pytest.fail(f"trouble {number} was no trouble")


def test_no_trouble_says_who_it_was_about(home: Household, logged: Collecting) -> None:
    said = "\n".join(troubles(home)) + "\n".join(logged.text)
    assert [each for each in CANARIES if each in said] == []


def test_the_state_of_an_order_in_part_holds_no_identifier_either(home: Household) -> None:
    list(troubles(home))
    assert found(home.state, *CANARIES) == []


def test_the_orders_key_is_nowhere_once_the_order_has_ended(home: Household) -> None:
    accepted = home.order(f"profile:{ANNA}", contact=CONTACT)
    keys = {path: path.read_bytes() for path in (home.state / "keys" / "orders").rglob("*") if path.is_file()}
    with home.open() as opened:
        sealed = opened.context.shelf.get(accepted.order, "identifiers.sealed")
        assert sealed
        plain = opened.context.keys.open(accepted.order, "identifiers.sealed", sealed)
        assert ANNA.encode() in plain, "what is sealed is what must not be found"
    home.plan(accepted.order)
    home.apply(accepted.order)
    order_keys = [data for path, data in keys.items() if "contact" not in path.name]
    assert order_keys
    search = Search([], pieces=[data[-32:] for data in order_keys] + [data[4:36] for data in order_keys] + [sealed[:48], sealed[-48:]])
    assert list(search.folder(home.state)) == []
    with home.open() as opened, pytest.raises(ExpungeError, match="destroyed"):
        opened.context.keys.open(accepted.order, "identifiers.sealed", sealed)


def test_only_the_contact_address_outlives_the_order_and_that_until_its_end_date(home: Household) -> None:
    home.write_map(extra="traces_kept: 1 days\n")
    accepted = home.order(f"profile:{ANNA}", contact=CONTACT)
    home.plan(accepted.order)
    home.apply(accepted.order)
    with home.open() as opened:
        sealed = opened.context.shelf.get(accepted.order, "contact.sealed")
        assert sealed
        assert opened.context.keys.open_contact(accepted.order, sealed) == CONTACT.encode()
        assert opened.sweep().traces_ended == 0, "not before the date"
    with later(home, timedelta(days=1, minutes=1)) as opened:
        assert opened.sweep().traces_ended == 1
        left = list(opened.context.shelf.names(accepted.order))
        assert left == ["receipts-1-1.pack"]
        with pytest.raises(ExpungeError):
            opened.context.keys.open_contact(accepted.order, sealed)
        assert opened.receipt_folder(accepted.order), "the receipt stays"


def later(home: Household, by: timedelta) -> Expunge:
    """The same installation, opened at a later time."""
    from dataclasses import replace

    class Later:
        def now(self) -> datetime:
            return clock.now() + by

    opened = Expunge.open(home.map)
    opened.context = replace(opened.context, clock=Later())
    return opened


def guesses() -> Iterator[bytes]:
    """A list of all guesses: every identifier and sentence there is, hashed in the ways that people hash."""
    plain = [
        *PEOPLE,
        *PEOPLE.values(),
        *(f"{each}@example.org" for each in PEOPLE.values()),
        *(text for each in SAID.values() for text in each),
    ]
    plain += [f"rec-{profile[4:8]}-{n}-X7" for profile in PEOPLE for n in range(2)]
    for each in plain:
        for text in (
            each,
            each.lower(),
            each.upper(),
            f"profile:{each}",
            f"account:{each}",
            f"profile\0{each}",
            f"profile{each}",
            f"{each}\n",
        ):
            data = text.encode()
            yield data
            for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "blake2s", "sha3_256"):
                yield hashlib.new(name, data).digest()
            yield hashlib.blake2b(data, digest_size=16).digest()
            yield hashlib.blake2b(data, digest_size=32).digest()


def test_a_list_of_all_guesses_matches_nothing_in_a_receipt(home: Household) -> None:
    run = home.erase(f"profile:{ANNA}", f"profile:{CARA}")
    with home.open() as opened:
        files = {**opened.receipt_folder(run.order, 1), "second": opened.receipt_folder(run.order, 2)["receipt.pae"]}
    blob = b"\n".join(files.values())
    assert files["receipt.pae"], "there is something to look in"
    for guess in guesses():
        forms = {
            guess[:16],
            guess[:16].hex().encode(),
            guess[:16].hex().upper().encode(),
            base64.b64encode(guess)[:20],
            base64.urlsafe_b64encode(guess)[:20],
        }
        assert not any(len(form) >= 8 and form in blob for form in forms)


def test_the_person_can_show_that_a_receipt_is_theirs_and_nobody_else_can_tell(home: Household) -> None:
    with home.open() as opened:
        anna = opened.resolve(f"profile:{ANNA}")
        accepted = opened.order_erase([anna])
    home.plan(accepted.order)
    run = home.apply(accepted.order)
    (stated,) = run.received.commitments
    commitment.verify(stated, accepted.openings[0], anna.person.identifiers())
    with pytest.raises(ExpungeError):
        commitment.verify(stated, bytes(32), anna.person.identifiers())
    assert found(home.state, accepted.openings[0].hex()) == [], "Expunge's copy of the opening died with the order"
    assert list(Search([], pieces=[accepted.openings[0]]).folder(home.state)) == []
