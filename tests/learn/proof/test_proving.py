"""The main proof: a fresh process that never had them makes the same file, and whatever is not so is said."""

from __future__ import annotations

import json
import shutil
import sys
import time
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from expunge.errors import UsageError
from expunge.learn.proof.exactness_proof import Proof, bystanders, prove
from expunge.learn.records.refusals import BadInput, UnknownSubjects
from expunge.learn.sharded.trees import ShardedTrees
from tests.cli.running import Ran, expunge
from tests.learn import column_sums
from tests.learn.column_sums import ColumnSums

TRAINING = """
import os, sys

def rows(without):
    import numpy as np
    with np.load(os.environ["ROWS"]) as held:
        X, y, who = held["X"], held["y"], held["who"]
    order = np.random.default_rng().permutation(np.flatnonzero(~np.isin(who, sorted(without))))
    return X[order], y[order], who[order], [f"r{row}" for row in order]

def learn(X, y, who, ids):
    from column_sums import ColumnSums
    return ColumnSums().fit(X, y, subjects=who, records=ids)

def fit(without):
    print("learning", flush=True)
    os.write(1, b"from a library written in C\\n")
    return learn(*rows(without))

def fit_with_everybody(without):
    return learn(*rows(()))

def fit_worse(without):
    import numpy as np
    X, y, who, ids = rows(without)
    last = np.argsort(ids)[:-1]
    return learn(X[last], y[last], who[last], np.array(ids)[last].tolist())

def fit_by_chance(without):
    X, y, who, ids = rows(without)
    return learn(X[:-1], y[:-1], who[:-1], ids[:-1])

def fail(without):
    raise KeyError("ann@owl.example is not there")

def load(without):
    from column_sums import ColumnSums
    return ColumnSums.load(os.environ["TAKEN"])

def die(without):
    os.kill(os.getpid(), 9)

def look(without):
    open(os.environ["LOOKED"], "w").write(repr((dict(os.environ), sys.argv, open("/proc/self/cmdline").read())))
    return fit(without)
"""
"""It imports in its functions: what fails before it learns anything needs no library.

It learns by a model that needs no scikit-learn: what the proof says of a fit does not depend on what is fitted.
"""
TREES = """
from training import rows

def fit(without):
    from expunge.learn import ShardedTrees
    X, y, who, ids = rows(without)
    return ShardedTrees(shards=4, trees=5, leaves=4).fit(X, y, subjects=who, records=ids)
"""
"""The same rows for a model of the library."""
GONE = ["p03", "p07"]


class Workshop:
    """A folder with rows, a training program, and a model that forgot two people."""

    def __init__(self, folder: Path) -> None:
        dice = np.random.default_rng(3)
        who = np.array([f"p{number:02}" for number in dice.integers(20, size=200)])
        self.features = dice.normal(size=(200, 4))
        self.labels = (self.features[:, 0] + 0.3 * dice.normal(size=200) > 0).astype(int)
        self.who = who
        self.folder = folder
        np.savez(folder / "rows.npz", X=self.features, y=self.labels, who=who)
        (folder / "training.py").write_text(TRAINING)
        (folder / "trees.py").write_text(TREES)
        shutil.copy(column_sums.__file__, folder)
        self.full = ShardedTrees(shards=4, trees=5, leaves=4)
        ids = [f"r{row}" for row in range(200)]
        self.full.fit(self.features, self.labels, subjects=who, records=ids)
        self.full.save(folder / "trees-before.safetensors")
        self.forgot = ShardedTrees(shards=4, trees=5, leaves=4).fit(self.features, self.labels, subjects=who, records=ids)
        self.forgot.forget(GONE)
        self.forgot.save(folder / "trees-after.safetensors")
        sums = ColumnSums().fit(self.features, self.labels, subjects=who, records=ids)
        self.before = sums.digest()
        sums.save(folder / "before.safetensors")
        sums.forget(GONE)
        sums.save(folder / "after.safetensors")

    def prove(
        self,
        factory: str | list[str] = "training:fit",
        model: str = "after",
        before: str = "before",
        within_s: float = 60.0,
        **variables: str,
    ) -> Proof:
        return prove(
            self.folder / f"{model}.safetensors",
            factory,
            GONE,
            before=self.folder / f"{before}.safetensors",
            paths=[self.folder],
            variables={"ROWS": str(self.folder / "rows.npz"), **variables},
            within_s=within_s,
        )


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("workshop"))


@pytest.fixture(scope="module")
def proof(workshop: Workshop) -> Proof:
    return workshop.prove("trees:fit", "trees-after", "trees-before")


def test_a_fresh_process_that_never_had_them_makes_the_same_file(workshop: Workshop, proof: Proof) -> None:
    assert proof.equal, proof.said
    assert proof.fresh == proof.after == sha256((workshop.folder / "trees-after.safetensors").read_bytes()).hexdigest()
    assert proof.before not in (proof.after, "")
    assert proof.environment["numpy"] == np.__version__
    assert "byte for byte" in proof.said


def test_a_forget_that_was_skipped_is_caught(workshop: Workshop) -> None:
    proof = workshop.prove(model="before")
    assert not proof.equal
    assert proof.fresh != proof.after
    assert "nothing was forgotten" in proof.said


def test_a_loader_that_hands_out_everybody_proves_nothing_however_equal_the_digests_are(workshop: Workshop) -> None:
    proof = prove(
        workshop.folder / "before.safetensors",
        "training:fit_with_everybody",
        GONE,
        paths=[workshop.folder],
        variables={"ROWS": str(workshop.folder / "rows.npz")},
    )
    assert proof.fresh == proof.after
    assert not proof.equal
    assert "handed out people" in proof.said


@pytest.mark.parametrize("taken", ["after.safetensors", "copy.bin"], ids=["what serves", "a copy elsewhere"])
def test_a_loader_that_hands_out_what_serves_is_no_fit(workshop: Workshop, taken: str) -> None:
    (workshop.folder / "copy.bin").write_bytes((workshop.folder / "after.safetensors").read_bytes())
    proof = workshop.prove("training:load", TAKEN=str(workshop.folder / taken))
    assert not proof.equal
    assert "a copy is no fit" in proof.said


def test_one_record_less_is_another_model(workshop: Workshop) -> None:
    proof = workshop.prove("training:fit_worse")
    assert not proof.equal
    assert proof.said == "the file is not what an independent fit without them makes, twice"
    assert proof.fresh == proof.again not in ("", proof.after)


def test_a_fit_that_differs_from_itself_is_told_from_one_that_differs_from_what_serves(workshop: Workshop) -> None:
    proof = workshop.prove("training:fit_by_chance")
    assert not proof.equal
    assert len({proof.fresh, proof.again, proof.after}) == 3
    assert "two such fits differ from each other" in proof.said


@pytest.mark.parametrize("before", ["the file", "its digest", pytest.param("nothing", marks=pytest.mark.soak)])
def test_people_who_never_were_in_it_are_refused_unless_that_is_to_be_ignored(workshop: Workshop, before: str) -> None:
    known = {"the file": workshop.folder / "before.safetensors", "its digest": workshop.before, "nothing": ""}[before]
    kind = {"before": known, "paths": [workshop.folder], "variables": {"ROWS": str(workshop.folder / "rows.npz")}}
    after = workshop.folder / "after.safetensors"
    with pytest.raises(UnknownSubjects, match="1 of 3 subjects"):
        prove(after, "training:fit", [*GONE, "p3"], **kind)  # type: ignore[arg-type]
    proof = prove(after, "training:fit", GONE, **kind)  # type: ignore[arg-type]
    assert proof.equal, proof.said
    if before == "the file":
        assert proof.before == workshop.before
        assert prove(after, "training:fit", [*GONE, "p3"], missing="ignore", **kind).equal  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [b"p03", [b"p03"], 3.0, [None], [""]])
def test_names_that_could_be_read_in_two_ways_are_refused(workshop: Workshop, wrong: object) -> None:
    with pytest.raises(BadInput, match=r"id came as|no name"):
        prove(workshop.folder / "after.safetensors", "training:fit", wrong)  # type: ignore[arg-type]


def test_one_changed_byte_is_another_model(workshop: Workshop) -> None:
    data = bytearray((workshop.folder / "after.safetensors").read_bytes())
    data[-1] ^= 1
    (workshop.folder / "altered.safetensors").write_bytes(data)
    assert not workshop.prove(model="altered").equal


def test_a_fit_that_fails_is_a_proof_that_was_not_made_and_names_nobody(workshop: Workshop) -> None:
    proof = workshop.prove("training:fail")
    assert (proof.equal, proof.fresh) == (False, "")
    assert proof.said == "the independent fit failed: KeyError"


def test_a_fit_that_dies_is_said(workshop: Workshop) -> None:
    assert "failed with exit status -9" in workshop.prove("training:die").said


def test_a_module_that_is_not_there_is_said(workshop: Workshop) -> None:
    assert workshop.prove("nowhere:fit").said == "the independent fit failed: ModuleNotFoundError"
    assert workshop.prove("training:nothing").said == "the independent fit failed: AttributeError"


HANGS = """
import os, subprocess
child = subprocess.Popen(["sleep", "600"])
open(os.environ["PIDS"], "w").write(f"{os.getpid()} {child.pid}")
child.wait()
"""


def test_a_fit_that_hangs_is_killed_with_what_it_started(workshop: Workshop) -> None:
    pids = workshop.folder / "pids"
    for within_s in (1.0, 4.0, 16.0, 64.0):  # However slow the machine is.
        proof = workshop.prove([sys.executable, "-c", HANGS], within_s=within_s, PIDS=str(pids))
        assert "was not done within" in proof.said
        if pids.exists() and pids.read_text():
            break
    for each in pids.read_text().split():
        state = Path(f"/proc/{each}/stat")
        until = time.monotonic() + 20
        while state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z":
            assert time.monotonic() < until, "it still runs"
            time.sleep(0.05)


def test_the_process_is_alone_and_nobody_is_named_where_others_can_read(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THIS_PROCESS", "p03")
    looked = workshop.folder / "looked"
    assert workshop.prove("training:look", LOOKED=str(looked)).equal
    seen = looked.read_text()
    assert "'OMP_NUM_THREADS': '1'" in seen
    assert "SECRET_OF_THIS_PROCESS" not in seen
    assert not any(each in seen for each in GONE)


def test_a_command_can_make_the_fit(workshop: Workshop) -> None:
    program = workshop.folder / "command.py"
    program.write_text(
        "import json, os, sys; sys.path.insert(0, os.path.dirname(__file__)); import training\n"
        "asked = json.load(sys.stdin)\ntraining.fit(asked['without']).save(asked['out'])\n"
    )
    proof = workshop.prove([sys.executable, str(program)])
    assert proof.equal, proof.said
    assert proof.kind == "command"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["/no/such/program"], "could not be started"),
        ([sys.executable, "-c", "pass"], "left no file of its own"),
        ([sys.executable, "-c", "print('ab' * 32)"], "left no file of its own"),
        ([sys.executable, "-c", "import json, os, sys; os.mkdir(json.load(sys.stdin)['out'])"], "left no file of its own"),
        ([sys.executable, "-c", "import json, os, sys; os.symlink(__file__, json.load(sys.stdin)['out'])"], "exit status"),
        ([sys.executable, "-c", "raise SystemExit(7)"], "exit status 7"),
    ],
)
def test_a_command_that_does_not_do_its_work_is_said(workshop: Workshop, command: list[str], said: str) -> None:
    proof = workshop.prove(command)
    assert not proof.equal
    assert said in proof.said


def test_a_proof_goes_into_a_receipt_as_it_is(proof: Proof) -> None:
    told = json.loads(json.dumps(asdict(proof)))
    assert set(told) == {"kind", "before", "after", "fresh", "again", "equal", "environment", "said"}
    assert not any(each in json.dumps(told) for each in GONE)


class TestCommand:
    def ran(self, workshop: Workshop, *arguments: str, model: str = "after", factory: str = "training:fit") -> Ran:
        gone = workshop.folder / "gone.txt"
        gone.write_text("\n".join(GONE) + "\n")
        return expunge(
            "learn", "prove", workshop.folder / f"{model}.safetensors", factory, "--without", gone, "--folder", workshop.folder,
            "--variable", "ROWS", *arguments, env={"ROWS": str(workshop.folder / "rows.npz")},
        )  # fmt: skip

    def test_it_says_that_the_model_is_proven(self, workshop: Workshop) -> None:
        ran = self.ran(workshop, "--before", workshop.before)
        assert ran.code == 0
        assert "byte for byte" in ran.out

    def test_it_ends_with_4_where_nothing_was_forgotten(self, workshop: Workshop) -> None:
        ran = self.ran(workshop, "--json", model="before")
        assert ran.code == 4
        assert ran.json["equal"] is False
        assert ran.json["after"] == workshop.before

    def test_it_refuses_what_cannot_be_read(self, workshop: Workshop) -> None:
        assert "cannot be read" in self.ran(workshop, model="nowhere").err
        assert "the environment has no NOBODY_SET_THIS" in self.ran(workshop, "--variable", "NOBODY_SET_THIS").err
        ran = self.ran(workshop, "--without", str(workshop.folder / "nowhere.txt"))
        assert ran.code == 2
        assert "cannot be read" in ran.err


@pytest.mark.parametrize("wrong", ["training", "training:", "os.system('x')", "training:fit()", "a b:c", ""])
def test_a_factory_that_is_no_name_is_refused(workshop: Workshop, wrong: str) -> None:
    with pytest.raises(UsageError):
        workshop.prove(wrong)


def test_nobody_named_is_refused(workshop: Workshop) -> None:
    with pytest.raises(UsageError):
        prove(workshop.folder / "after.safetensors", "training:fit", [])


def test_those_who_stay_are_counted_and_those_who_left_are_not(workshop: Workshop) -> None:
    found = bystanders(workshop.full, workshop.forgot, workshop.features, workshop.labels, workshop.who, forgotten=GONE)
    assert found.people == 18
    assert found.samples == int((~np.isin(workshop.who, GONE)).sum())
    assert found.low <= found.after - found.before <= found.high
    assert found.before > 0.7


class Says:
    """A model that predicts what it is told by its first feature, but for rows that it gets wrong."""

    def __init__(self, *wrong: int) -> None:
        self.wrong = wrong

    def predict(self, features: np.ndarray) -> np.ndarray:
        return features[:, 0] + np.isin(features[:, 0], self.wrong)


def test_whoever_loses_by_it_is_seen() -> None:
    rows, who = np.arange(12.0)[:, None], [f"p{row // 2}" for row in range(12)]
    found = bystanders(Says(0), Says(1, 4, 6, 7, 11), rows, rows[:, 0], who, forgotten=["p5"])
    assert (found.people, found.samples) == (5, 10)
    assert (found.before, found.after) == (0.9, 0.6)
    assert (found.worse, found.better) == (2, 0)
    same = bystanders(Says(0), Says(0), rows, rows[:, 0], who, forgotten=["p5"])
    assert (same.low, same.high) == (0.0, 0.0)


def test_a_sample_of_two_people_goes_with_either() -> None:
    rows = np.arange(3.0)[:, None]
    found = bystanders(Says(), Says(), rows, rows[:, 0], [("ann", "bob"), "bob", "cem"], forgotten=["ann"])
    assert found.samples == 2


def test_samples_that_do_not_fit_are_refused() -> None:
    rows = np.arange(3.0)[:, None]
    with pytest.raises(BadInput):
        bystanders(Says(), Says(), rows, rows[:2, 0], ["a", "b", "c"], forgotten=["a"])
    with pytest.raises(BadInput):
        bystanders(Says(), Says(), rows, rows[:, 0], ["a", "a", "a"], forgotten=["a"])


def test_a_regression_brings_its_own_judgement() -> None:
    rows = np.arange(3.0)[:, None]
    near = bystanders(Says(1), Says(1), rows, rows[:, 0], ["a", "b", "c"], forgotten=[], right=lambda y, told: np.abs(y - told) <= 1)
    assert near.before == 1.0
