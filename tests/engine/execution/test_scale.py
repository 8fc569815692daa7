"""Many people in one order: one receipt and one leaf each, everybody else untouched, and a journal that grows by steps, not by people."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest

from expunge.bootstrap import Expunge
from expunge.core.orders.run import Run
from expunge.core.values.cause import OnRequest
from expunge.core.values.order import OrderState
from expunge.core.verification import receipt_verify
from expunge.engine.execution import planning, running
from expunge.engine.intake import person_orders
from expunge.ports.journal import Journal
from expunge.ports.leases import Lease
from tests.engine.household import Household, build, difference, wav

MANY = 60
STAYING = 20


class CountingJournal:
    """A journal that counts what is appended; everything goes through to the real one."""

    def __init__(self, inner: Journal) -> None:
        self._inner = inner
        self.appends = 0
        self.largest = 0

    def append(self, stream: str, expected: int, events: Sequence[bytes]) -> int:
        self.appends += 1
        self.largest = max(self.largest, *map(len, events))
        return self._inner.append(stream, expected, events)

    def append_all(self, appends: Sequence[tuple[str, int, Sequence[bytes]]], lease: Lease | None = None, *, ends: bool = False) -> None:
        self.appends += 1
        self.largest = max(self.largest, *(len(each) for _, _, events in appends for each in events))
        self._inner.append_all(appends, lease, ends=ends)

    def lock(self, streams: Sequence[str]) -> dict[str, int]:
        return self._inner.lock(streams)

    def atomically(self) -> AbstractContextManager[None]:
        return self._inner.atomically()

    def changing(self) -> AbstractContextManager[None]:
        return self._inner.changing()

    def read(self, stream: str, start: int = 0) -> Iterator[bytes]:
        return self._inner.read(stream, start)

    def length(self, stream: str) -> int:
        return self._inner.length(stream)

    def read_all(self, starts: Mapping[str, int]) -> dict[str, list[bytes]]:
        return self._inner.read_all(starts)

    def lengths(self) -> dict[str, int]:
        return self._inner.lengths()

    def streams(self) -> Iterator[str]:
        return self._inner.streams()


def person(number: int) -> str:
    return f"prf-{(number + 1) * 7919 % 10007:05d}-{(number + 1) * 2654435761 % 2**32:08x}"


def account(number: int) -> str:
    return f"acc-{(number + 1) * 5099 % 10007:05d}-{(number + 1) * 40503 % 65537:05d}"


def spoken(number: int) -> str:
    return f"sentence {(number + 1) * 40503 % 65537} that person {(number + 1) * 7919 % 10007} alone has ever said"


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Household:
    """The household, and many more people beside it."""
    home = build(tmp_path_factory.mktemp("crowd") / "home")
    db = sqlite3.connect(home.database)
    with db:
        for number in range(MANY + STAYING):
            name = person(number)
            db.execute("INSERT INTO accounts VALUES (?, ?, NULL)", (account(number), f"{account(number)}@example.net"))
            db.execute("INSERT INTO profiles VALUES (?, ?, NULL)", (name, account(number)))
            db.execute("INSERT INTO transcripts (recording_id, text) VALUES (?, ?)", (f"rec-of-{name}", spoken(number)))
            folder = home.world / "media" / "voice" / name
            folder.mkdir()
            (folder / f"rec-of-{name}.wav").write_bytes(wav(name, 0.1))
    db.close()
    lines = [json.dumps({"profile_id": person(number), "day": "3", "said": spoken(number)}) for number in range(MANY + STAYING)]
    (home.world / "lake" / "events" / "2026-05-03.jsonl.gz").write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0))
    return home


def erase(opened: Expunge, journal: Journal, names: Sequence[str]) -> Run:
    context = replace(opened.context, journal=journal)
    resolved = tuple(opened.resolve(f"profile:{name}") for name in names)
    accepted = person_orders.receive(context, person_orders.OrderRequest(resolved, "library", OnRequest("by the test")))
    planning.make(context, accepted.order)
    return running.apply(context, accepted.order)


@pytest.mark.soak
def test_many_people_in_one_order_cost_steps_not_people(crowd: Household) -> None:
    before = crowd.logical()
    with crowd.open() as opened:
        alone, together = CountingJournal(opened.context.journal), CountingJournal(opened.context.journal)
        single = erase(opened, alone, [person(0)])
        assert single.state is OrderState.FULFILLED, single.reasons
        run = erase(opened, together, [person(number) for number in range(1, MANY)])
        assert run.state is OrderState.FULFILLED, run.reasons
        assert together.appends <= alone.appends, "as many appends for many people as for one"
        assert sorted(index for _, _, index in run.history) == list(range(1, MANY))
        assert len({subject for _, subject, _ in run.history}) == MANY - 1
        assert opened.context.log.head().size == MANY
        for number in range(1, MANY):
            files = opened.receipt_folder(run.order, number)
            checked = receipt_verify.verify(files, files["trust-policy.txt"], at=None)
            assert checked.receipt.commitment == run.received.commitments[number - 1]
    gone = difference(before, crowd.logical())
    erased = [person(number) for number in range(MANY)]
    numbers = [f"'{spoken(number)}'" for number in range(MANY)]
    assert gone
    assert all(any(each in name for each in (*erased, *numbers)) for name in gone), "somebody else's data changed"
    assert all(any(each in name for name in gone) for each in erased)
    assert crowd.search(*erased, *map(spoken, range(MANY))) == []
    assert len(crowd.search(*(person(number) for number in range(MANY, MANY + STAYING)), where=("world",))) > 0
