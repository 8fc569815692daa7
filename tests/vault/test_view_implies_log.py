"""Whatever programs do, and wherever they die: no byte of a recording without an entry, and none that the gate refuses."""

from __future__ import annotations

import io
import random
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from expunge.bootstrap import Expunge
from expunge.engine.consent.consent_decisions import Agreement
from expunge.errors import Refused, UsageError
from expunge.faults import arm
from expunge.testing.forked import in_child
from expunge.vault.file_system import VaultFileSystem
from tests.soaking import examples
from tests.vault.doorbells import PEOPLE, Doorbells, build, path_of

SIZE = 3 * 16_384 + 100
PURPOSES = """\
purposes:
  keeping: {description: keep the account, needs: contract, use: collection, datasets: [profiles, remarks, doorbell]}
  look: {description: see who rang, needs: consent, use: human review, datasets: [doorbell], text: look}
texts:
  look:
    - {version: 1, file: look.md}
"""
WHO = st.sampled_from(PEOPLE)
POINTS = st.sampled_from(["journal.register:before", "journal.register:after"])


@dataclass(frozen=True)
class Sealed:
    """A recording of the model."""

    name: str
    data: bytes = field(repr=False)
    people: frozenset[str]


@dataclass
class Held:
    """A file that a program holds open."""

    file: BinaryIO
    of: Sealed
    first: int
    last: int
    at: int = 0


class Door(RuleBasedStateMachine):
    """Programs that open, read and die, beside people who agree, withdraw and leave."""

    template: Doorbells | None = None

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="expunge-door-"))
        self.home = Doorbells(self.folder / "home")
        shutil.copytree(_template().folder, self.home.folder)
        self.stack = ExitStack()
        self.opened: Expunge = self.stack.enter_context(self.home.open())
        self.random = random.Random(7)
        self.sealed: list[Sealed] = []
        self.agreed: set[str] = set()
        self.withdrew: set[str] = set()
        self.left: set[str] = set()
        self.held: list[Held] = []

    def teardown(self) -> None:
        self.stack.close()
        shutil.rmtree(self.folder)

    def allowed(self, one: Sealed) -> bool:
        return one.people <= self.agreed - self.withdrew - self.left

    # --- people ---------------------------------------------------------------------------------

    @initialize()
    def two_are_there(self) -> None:
        self.agrees(PEOPLE[0])
        self.ring([PEOPLE[0]])
        self.ring([PEOPLE[0], PEOPLE[1]])

    @rule(people=st.lists(WHO, min_size=1, max_size=2, unique=True))
    def ring(self, people: list[str]) -> None:
        name, data = f"r-{len(self.sealed)}", self.random.randbytes(SIZE)
        self.opened.vault.renew_gate()
        others = [("profile", each) for each in people[1:]]
        if not self.left.isdisjoint(people):
            assert _refused(lambda: self.opened.vault.ingest("doorbell", path_of(people[0], name), io.BytesIO(data), others))
            return
        self.opened.vault.ingest("doorbell", path_of(people[0], name), io.BytesIO(data), others)
        self.sealed.append(Sealed(path_of(people[0], name), data, frozenset(people)))

    @rule(who=WHO)
    def agrees(self, who: str) -> None:
        if who in self.left | self.withdrew | self.agreed:
            return
        self.opened.consents.give(self.opened.resolve(f"profile:{who}"), "look", Agreement("app", "pressed"))
        self.agreed.add(who)

    @precondition(lambda self: self.agreed - self.withdrew - self.left)
    @rule(which=st.integers(0, 2))
    def withdraws(self, which: int) -> None:
        who = self._one_of(self.agreed - self.withdrew - self.left, which)
        self.opened.consents.withdraw(self.opened.resolve(f"profile:{who}"), "look")
        self.withdrew.add(who)
        self.all_files_are_read()

    @precondition(lambda self: len(self.left) < len(PEOPLE))
    @rule(which=st.integers(0, 2), at_once=st.booleans())
    def leaves(self, which: int, at_once: bool) -> None:
        who = self._one_of(set(PEOPLE) - self.left, which)
        order = self.opened.order_erase([self.opened.resolve(f"profile:{who}")]).order
        self.left.add(who)
        self.all_files_are_read()
        if at_once:
            self.opened.plan(order)
            self.opened.apply(order)
            self.sealed = [each for each in self.sealed if who not in each.people]

    def all_files_are_read(self) -> None:
        for which in range(len(self.held), 0, -1):
            self.reads(which - 1, 100, 0)

    def _one_of(self, some: set[str], which: int) -> str:
        return sorted(some)[which % len(some)]

    # --- programs -------------------------------------------------------------------------------

    @precondition(lambda self: self.sealed)
    @rule(which=st.integers(0, 99), first=st.integers(0, SIZE), length=st.integers(0, SIZE), whole=st.booleans())
    def opens(self, which: int, first: int, length: int, whole: bool) -> None:
        one = self.sealed[which % len(self.sealed)]
        first, last = (0, None) if whole else (first, min(SIZE, first + length))

        def open_it() -> BinaryIO:
            return self.opened.vault.open(f"doorbell/{one.name}", purpose="look", first=first, last=last)

        before = self.opened.vault.openings()
        if self.allowed(one):
            self.held.append(Held(open_it(), one, first, SIZE if last is None else last))
            (entry,) = set(self.opened.vault.openings()) - set(before)
            assert (entry.first, entry.last, entry.purpose) == (first, self.held[-1].last, "look")
        else:
            assert _refused(open_it)
            assert self.opened.vault.openings() == before

    @precondition(lambda self: self.held)
    @rule(which=st.integers(0, 99), size=st.integers(1, 40_000), skip=st.integers(0, 20_000))
    def reads(self, which: int, size: int, skip: int) -> None:
        held = self.held[which % len(self.held)]
        held.at += skip
        held.file.seek(held.at)
        if not self.allowed(held.of):
            assert _refused(lambda: held.file.read(size))
            self.held.remove(held)
            return
        data = held.file.read(size)
        begin = held.first + held.at
        assert data == held.of.data[begin : min(held.last, begin + size)]
        held.at += len(data)

    @precondition(lambda self: self.sealed)
    @rule(which=st.integers(0, 99))
    def reads_through_fsspec(self, which: int) -> None:
        one = self.sealed[which % len(self.sealed)]
        files = VaultFileSystem("look", self.home.map, "dataloader", skip_instance_cache=True)
        listed = [each.name for each in self.opened.vault.readable("doorbell", "look")]
        assert sorted(listed) == sorted(each.name for each in self.sealed if self.allowed(each))
        if self.allowed(one):
            before = self.opened.vault.openings()
            assert files.cat_file(f"doorbell/{one.name}", 10, 50) == one.data[10:50]
            (entry,) = set(self.opened.vault.openings()) - set(before)
            assert (entry.purpose, entry.program) == ("look", "dataloader")
        else:
            assert not files.exists(f"doorbell/{one.name}")

    @precondition(lambda self: self.sealed)
    @rule(which=st.integers(0, 99), point=POINTS, action=st.sampled_from(["kill", "full", "fail"]))
    def dies_while_it_opens(self, which: int, point: str, action: str) -> None:
        one = self.sealed[which % len(self.sealed)]
        told = self.folder / "told"
        told.unlink(missing_ok=True)

        def read() -> None:
            with self.home.open() as opened, arm(point, action), opened.vault.open(f"doorbell/{one.name}", purpose="look") as file:
                told.write_bytes(file.read(1000))

        in_child(read)
        assert not told.exists(), "it died before the first byte"

    @precondition(lambda self: self.sealed)
    @rule(which=st.integers(0, 99))
    def asks_for_another_purpose(self, which: int) -> None:
        one = self.sealed[which % len(self.sealed)]
        assert _refused(lambda: self.opened.vault.open(f"doorbell/{one.name}", purpose="advertise"))

    @rule()
    def the_snapshot_is_lost(self) -> None:
        if not self.sealed:
            return
        snapshot = self.home.folder / "state" / "gate"
        hidden = [path for path in sorted(snapshot.rglob("*")) if path.is_file()] if snapshot.is_dir() else []
        assert hidden, "the snapshot lies here"
        for path in hidden:
            path.rename(path.with_suffix(".hidden"))
        try:
            assert _refused(lambda: self.opened.vault.open(f"doorbell/{self.sealed[0].name}", purpose="look"))
        finally:
            for path in hidden:
                path.with_suffix(".hidden").rename(path)


def _refused(act: Callable[[], object]) -> bool:
    try:
        act()
    except (Refused, UsageError):
        return True
    return False


def _template() -> Doorbells:
    if Door.template is None:
        folder = Path(tempfile.mkdtemp(prefix="expunge-doors-"))
        (folder / "home").mkdir()
        (folder / "home" / "look.md").write_text("# May we look at what your doorbell records?\n\nYou can say no.\n")
        Door.template = build(folder / "home", extra=PURPOSES)
    return Door.template


TestDoor = Door.TestCase
TestDoor.settings = settings(stateful_step_count=12, max_examples=examples(6))
