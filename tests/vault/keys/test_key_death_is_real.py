"""Key death is real: whoever kept every copy of everything, and has every living key, opens nothing that is said to be irrecoverable."""

from __future__ import annotations

import random
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from expunge import clock, faults
from expunge.errors import ExpungeError
from expunge.vault.keys.objects import NewObject
from tests.vault.keys.installation import Installation, Opened, is_dark, recording, subject, thief

PEOPLE = st.integers(1, 5)
POINTS = st.sampled_from(
    [
        "keytable.commit:before", "keytable.commit:after", "shreds.append:before", "shreds.append:after", "roots.make.data:before",
        "roots.make.folder:after", "roots.destroy.mark.swap:before", "roots.destroy.mark.folder:after", "keys.wipe.name:before",
    ]
)  # fmt: skip


@dataclass
class Kept:
    folder: Path
    living: dict[bytes, tuple[NewObject, bytes]]
    shreds: int
    """How many shreds there had been."""
    epochs: set[int]
    """That its rows may need."""


@dataclass
class Model:
    living: dict[bytes, tuple[NewObject, bytes]] = field(default_factory=dict)
    ever: dict[bytes, bytes] = field(default_factory=dict)
    """Every key that was ever given out."""
    dead: set[bytes] = field(default_factory=set)
    shreds: list[tuple[frozenset[bytes], frozenset[bytes]]] = field(default_factory=list)
    """Subjects and recordings of each."""

    def shred(self, subjects: frozenset[bytes], objects: frozenset[bytes]) -> None:
        self.shreds.append((subjects, objects))
        self._apply(subjects, objects)

    def _apply(self, subjects: frozenset[bytes], objects: frozenset[bytes]) -> None:
        for id_, (new, _) in list(self.living.items()):
            if id_ in objects or (len(new.owners) == 1 and new.owners[0] in subjects):
                del self.living[id_]
                self.dead.add(id_)

    def put_back(self, kept: Kept) -> None:
        self.living = dict(kept.living)
        for each in self.shreds[kept.shreds :]:
            self._apply(*each)


class KeyDeath(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="expunge-keys-"))
        self.world = Installation(self.folder)
        self.table = self.world.open()
        self.model = Model()
        self.kept: list[Kept] = []
        self.wrapped: set[bytes] = set()

    def teardown(self) -> None:
        try:
            self.everything_dead_becomes_irrecoverable()
        finally:
            self.table.close()
            shutil.rmtree(self.folder)

    @initialize()
    def someone_is_there(self) -> None:
        self.add([1], twice=True)
        self.keep_a_copy()

    @rule(owners=st.lists(PEOPLE, min_size=1, max_size=3, unique=True), twice=st.booleans())
    def add(self, owners: list[int], twice: bool) -> None:
        news = [recording(*map(subject, owners), label=bytes(owners)) for _ in range(1 + twice)]
        for new, key in zip(news, self.table.add(news), strict=True):
            self.model.living[new.id] = new, key
            self.model.ever[new.id] = key
        self.note()

    @rule(which=st.integers(0, 1000))
    def shred_one(self, which: int) -> None:
        ids = sorted(self.model.ever)
        id_ = ids[which % len(ids)]
        assert self.table.shred([id_]) == (id_ in self.model.living)
        self.model.shred(frozenset(), frozenset([id_]))

    @rule(people=st.lists(PEOPLE, min_size=1, max_size=2, unique=True))
    def shred_people(self, people: list[int]) -> None:
        subjects = frozenset(map(subject, people))
        self.table.shred_subjects(subjects)
        self.model.shred(subjects, frozenset())

    @rule()
    def rotate(self) -> None:
        self.table.rotate(clock.now())
        self.note()

    @rule()
    def destroy(self) -> None:
        for epoch in self.table.destroyable():
            self.table.destroy_epoch(epoch)

    @rule()
    def scrub(self) -> None:
        assert self.table.scrub()
        lies = self.world.bytes_of_table()
        living = {wrapped for _, wrapped in self.table.wrapped([subject(number) for number in range(1, 6)])}
        assert all(wrapped in lies for wrapped in living), "what lives is found, so that what is dead would be"
        assert not [wrapped for wrapped in self.wrapped - living if wrapped in lies]

    @rule()
    @precondition(lambda self: len(self.kept) < 4)
    def keep_a_copy(self) -> None:
        number = len(self.kept)
        epochs = set(self.world.roots().epochs())
        self.kept.append(Kept(self.world.keep(str(number)), dict(self.model.living), len(self.model.shreds), epochs))

    @rule(which=st.integers(0, 3))
    @precondition(lambda self: self.kept)
    def put_a_copy_back(self, which: int) -> None:
        kept = self.kept[which % len(self.kept)]
        if not kept.epochs <= set(self.world.roots().epochs()):
            return  # too old: what lived then may be dark; the thief below tries it all the same
        self.table.close()
        self.world.put_back(kept.folder)
        self.table = self.world.open()
        self.model.put_back(kept)
        self.note()

    @rule(
        point=POINTS,
        action=st.sampled_from(["fail", "full"]),
        at=st.integers(1, 2),
        verb=st.sampled_from(["people", "one", "rotate", "destroy"]),
    )
    def fails_on_the_way_and_is_done_again(self, point: str, action: str, at: int, verb: str) -> None:
        id_ = min(self.model.ever)
        deed = {
            "people": lambda: self.table.shred_subjects([subject(1)]),
            "one": lambda: self.table.shred([id_]),
            "rotate": lambda: self.table.rotate(clock.now()),
            "destroy": self.destroy,
        }[verb]
        try:
            with faults.arm(point, action, at):
                deed()
        except ExpungeError:
            self.table.close()
            self.table = self.world.open()
            deed()
        if verb == "people":
            self.model.shred(frozenset([subject(1)]), frozenset())
        elif verb == "one":
            self.model.shred(frozenset(), frozenset([id_]))
        self.note()

    def note(self) -> None:
        self.wrapped |= {wrapped for _, wrapped in self.table.wrapped([subject(number) for number in range(1, 6)])}

    @invariant()
    def what_lives_opens_and_what_is_dead_does_not(self) -> None:
        for id_, (_, key) in self.model.living.items():
            assert self.table.key(id_) == key
            assert self.table.irrecoverable_at(id_) is None
        found = {each.id: each for each in self.table.objects("doorbell")}
        assert set(found) == set(self.model.living)
        assert all(each.label == self.model.living[id_][0].label for id_, each in found.items())
        assert all(is_dark(self.table, id_) for id_ in self.model.dead)

    @invariant()
    def the_thief_opens_nothing_that_is_irrecoverable(self) -> None:
        gone = {id_ for id_ in self.model.dead if self.table.irrecoverable_at(id_)}
        opened = self.stolen()
        assert not {each.id for each in opened} & gone
        assert {Opened(id_, key) for id_, (_, key) in self.model.living.items()} <= opened, "the thief looks at what there is"

    def stolen(self) -> set[Opened]:
        return thief([*(kept.folder for kept in self.kept), self.world.table_folder], self.world.roots(), self.folder / "scratch")

    def everything_dead_becomes_irrecoverable(self) -> None:
        self.rotate()
        self.destroy()
        assert all(self.table.irrecoverable_at(id_) for id_ in self.model.dead)
        assert {each.id for each in self.stolen()} == set(self.model.living)
        self.what_lives_opens_and_what_is_dead_does_not()
        self.scrub()


TestKeyDeath = KeyDeath.TestCase
TestKeyDeath.settings = settings(stateful_step_count=14, max_examples=settings.default.max_examples)


def test_after_a_scrub_no_wrapped_key_of_the_dead_is_in_any_file_whatever_was_added_and_shredded_before(tmp_path: Path) -> None:
    random_ = random.Random(1)
    world = Installation(tmp_path)
    with world.open() as table:
        people = [random_.randbytes(16) for _ in range(3000)]
        dead: list[bytes] = []
        for at in range(0, len(people), 300):
            batch = people[at : at + 300]
            table.add(
                [recording(each, label=random_.randbytes(random_.randrange(300))) for each in batch for _ in range(random_.randrange(1, 3))]
            )
            gone = random_.sample(people[: at + 300], 60)
            dead += [wrapped for _, wrapped in table.wrapped(gone)]
            table.shred_subjects(gone)
            if at % 900 == 0:
                before = [wrapped for _, wrapped in table.wrapped(people)]
                table.rotate(clock.now())
                dead += before
        assert len(dead) > 1000
        assert table.scrub()
        lies = world.bytes_of_table()
        assert not [wrapped for wrapped in dead if wrapped in lies]
        assert all(wrapped in lies for _, wrapped in table.wrapped(people))
