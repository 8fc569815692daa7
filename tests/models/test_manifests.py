"""Artefacts that are judged by what they learnt from: those that had the person go, those that never had them stay and say so."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import sys
from collections.abc import Iterable
from contextlib import closing
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from expunge import clock, faults
from expunge.core.evidence.receipt import ModelEntry, Result
from expunge.core.models.artefact_manifest import person
from expunge.core.models.model_outcomes import ComparisonResult
from expunge.core.orders.run import Run
from expunge.core.values.copy import FindingKind
from expunge.core.values.order import OrderState
from expunge.core.values.outcome import Reason
from expunge.learn.provenance.sealing import Sealer
from expunge.learn.provenance.tracking import Record
from expunge.testing.forked import in_child
from tests.engine import household
from tests.engine.household import ANNA, BELA, CARA, DINO, PEOPLE
from tests.models.nursery import Nursery
from tests.models.test_failing import serves
from tests.moment import dated

KEY = b"a key of thirty-two bytes or so!"
MODELS = """\
  intent:
    store: lake
    path: "intent/{{version}}.bin"
    artefact: version
    derived_from: [{sources}]
    {origin}
    on_erase: {act}
  small:
    store: lake
    path: "small/{{version}}.bin"
    artefact: version
    derived_from: [intent]
    {origin}
    on_erase: destroy
"""
TRAININGS = "trainings: {ledger: ./ledger, key: ./training.key}\n"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> household.Household:
    return household.build(tmp_path_factory.mktemp("town") / "home")


@pytest.fixture
def home(town: household.Household, tmp_path: Path) -> Nursery:
    made = Nursery(household.copy(town, tmp_path / "home").folder)
    (made.folder / "training.key").write_bytes(KEY)
    declare(made)
    return made


def declare(home: Nursery, act: str = "destroy", origin: str = "origin: manifest", sources: str = "voice", more: str = "") -> None:
    home.write_map(more=MODELS.format(act=act, origin=origin, sources=sources) + more, extra=TRAININGS)


def weights(home: Nursery, name: str, of: str = "intent") -> Path:
    """Some trained bytes."""
    path = home.world / "lake" / of / f"{name}.bin"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(random.Random(f"{of}{name}").randbytes(9000))
    return path


def records(home: Nursery, *people: str) -> list[Record]:
    """Their recordings as they are now."""
    folder = home.world / "media" / "voice"
    files = [path for each in people for path in sorted((folder / each).glob("*.wav"))]
    return [Record(each.stem, sha256(each.read_bytes()).digest()) for each in files]


def seal(home: Nursery, path: Path, *people: str, **changes: object) -> str:
    """Note that these people are in it."""
    said: dict[str, object] = {
        "dataset": path.parent.name,
        "records": records(home, *people),
        "people": {"profile": people, "account": {PEOPLE[each] for each in people}},
        "sources": {"voice": clock.now()},
        **changes,
    }
    return Sealer(home.folder / "ledger", KEY).seal([path], **said)  # type: ignore[arg-type]


def two(home: Nursery) -> tuple[Path, Path]:
    """One version with Anna, one without."""
    old, new = weights(home, "1"), weights(home, "2")
    seal(home, old, ANNA, BELA, CARA)
    seal(home, new, BELA, CARA)
    return old, new


def model(home: Nursery, run: Run, name: str = "intent") -> ModelEntry | None:
    return next((each for each in home.receipt(run.order).models if each.dataset == name), None)


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def test_the_one_that_had_the_person_goes_and_the_other_goes_on_serving(home: Nursery) -> None:
    old, new = two(home)
    before, kept = digest(old.read_bytes()), new.read_bytes()
    run = home.erase(f"profile:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert not old.exists()
    assert new.read_bytes() == kept
    said = model(home, run)
    assert said is not None
    assert (len(said.before), said.after) == (1, ())
    assert before not in said.before, "it is keyed"
    (stayed,) = said.stayed
    assert (stayed.contents, stayed.sources, stayed.proof) == ((digest(kept),), ("voice",), ComparisonResult.NOT_ASKED)
    assert home.entry(run.order, "intent").outcome is Result.ERASED
    assert home.entry(run.order, "intent").items == 1
    assert not serves(home, f"sha256:{before}")
    assert serves(home, f"sha256:{digest(kept)}")
    assert serves(home, "intent"), "others go on serving under the name"
    with home.open() as opened:
        page = opened.receipt_folder(run.order)["receipt.html"].decode()
    assert "They were left as they are." in page
    assert digest(kept) in page


def test_without_the_maps_word_all_of_it_goes(home: Nursery) -> None:
    two(home)
    declare(home, origin="kind: model")
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.FULFILLED
    assert not list((home.world / "lake" / "intent").iterdir())
    said = model(home, run)
    assert said is not None
    assert not said.stayed


def test_where_all_are_cleared_nothing_goes_and_the_receipt_says_why(home: Nursery) -> None:
    new = weights(home, "2")
    seal(home, new, BELA, CARA)
    run = home.erase(f"profile:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert new.exists()
    said = model(home, run)
    assert said is not None
    assert (said.before, len(said.stayed)) == ((), 1)
    assert home.entry(run.order, "intent").outcome is Result.ABSENT
    assert serves(home, "intent")


def copied(home: Nursery, path: Path, *people: str) -> None:
    """A manifest under the name of another artefact."""
    other = weights(home, "9")
    theirs = home.folder / "ledger" / f"{seal(home, other, *people)}.artefact"
    mine = home.folder / "ledger" / f"{seal(home, path, *people)}.artefact"
    mine.write_bytes(theirs.read_bytes())
    other.unlink()


def altered(home: Nursery, path: Path, *people: str) -> None:
    file = home.folder / "ledger" / f"{seal(home, path, ANNA, *people)}.artefact"
    body = json.loads(file.read_bytes())
    body["trained"]["people"]["profile"].remove(person(KEY, "profile", ANNA))
    file.write_text(json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def rewritten(home: Nursery, path: Path, *people: str) -> None:
    seal(home, path, *people)
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def another_key(home: Nursery, path: Path, *people: str) -> None:
    seal(home, path, *people)
    (home.folder / "training.key").write_bytes(KEY[::-1])


def in_capitals(home: Nursery, path: Path, *people: str) -> None:
    names = {"profile": [each.upper() for each in people], "account": [PEOPLE[each].upper() for each in people]}
    seal(home, path, *people, people=names)


EMPTY = {
    "no manifest": lambda home, path: None,
    "of other content": lambda home, path: copied(home, path, BELA, CARA),
    "altered": lambda home, path: altered(home, path, BELA, CARA),
    "content that changed since": lambda home, path: rewritten(home, path, BELA, CARA),
    "sealed with another key": lambda home, path: another_key(home, path, BELA, CARA),
    "no key": lambda home, path: (seal(home, path, BELA, CARA), (home.folder / "training.key").unlink()),
    "of another dataset": lambda home, path: seal(home, path, BELA, CARA, dataset="small"),
    "not complete by its own word": lambda home, path: seal(home, path, BELA, CARA, complete=False),
    "covers no source": lambda home, path: seal(home, path, BELA, CARA, sources={}),
    "covers another source": lambda home, path: seal(home, path, BELA, CARA, sources={"events": clock.now()}),
    "read after it was sealed": lambda home, path: seal(home, path, BELA, CARA, sources={"voice": clock.now() + timedelta(hours=1)}),
    "names people by another kind": lambda home, path: seal(home, path, BELA, CARA, people={"account": [PEOPLE[CARA]]}),
    "tags of another spelling": lambda home, path: in_capitals(home, path, BELA, CARA),
    "made from something of which nobody knows anything": lambda home, path: seal(
        home, path, BELA, CARA, parents=[[weights(home, "teacher", "elsewhere")]]
    ),
}


@pytest.mark.parametrize(
    "make", [pytest.param(make, id=name, marks=pytest.mark.soak if number % 3 else []) for number, (name, make) in enumerate(EMPTY.items())]
)
def test_whatever_is_missing_altered_or_partial_clears_nothing(home: Nursery, make) -> None:  # type: ignore[no-untyped-def]
    path = weights(home, "1")
    make(home, path)
    run = home.erase(f"profile:{ANNA}")
    assert not path.exists(), "all of it goes, as without a manifest"
    assert home.entry(run.order, "intent").outcome is Result.ERASED


def test_a_source_that_the_map_declares_later_is_not_covered(home: Nursery) -> None:
    _, new = two(home)
    declare(home, sources="voice, events")
    home.erase(f"profile:{ANNA}")
    assert not new.exists()


def test_a_manifest_older_than_its_source_clears_nothing(home: Nursery) -> None:
    features = "  features: {store: lake, path: features.npy, derived_from: [voice], created: '2099-01-01', on_erase: destroy}\n"
    path = weights(home, "1")
    (home.world / "lake" / "features.npy").write_bytes(random.Random(3).randbytes(5000))
    declare(home, sources="voice, features", more=features)
    parent = home.world / "lake" / "features.npy"
    seal(home, parent, BELA, CARA, dataset="features")
    seal(home, path, BELA, CARA, sources={"voice": clock.now(), "features": clock.now()}, parents=[[parent]])
    home.erase(f"profile:{ANNA}")
    assert not path.exists()


def test_a_student_is_judged_by_its_teachers_manifest(home: Nursery) -> None:
    old, new = two(home)
    tainted, clean, blind = (weights(home, name, "small") for name in ("a", "b", "c"))
    seal(home, tainted, CARA, dataset="small", sources={}, parents=[[old]])
    seal(home, clean, CARA, dataset="small", sources={}, parents=[[new]])
    seal(home, blind, CARA, dataset="small", sources={"intent": clock.now()})
    kept = clean.read_bytes()
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.FULFILLED
    assert not tainted.exists(), "its teacher had the person"
    assert not blind.exists(), "nothing says what its teacher had learnt from"
    assert clean.read_bytes() == kept


def expire(home: Nursery, person: str) -> None:
    """Every row and file of somebody goes, as retention would have it, and nobody tells the models."""
    shutil.rmtree(home.world / "media" / "voice" / person)
    with closing(sqlite3.connect(home.database)) as db, db:
        db.execute("DELETE FROM transcripts WHERE recording_id LIKE ?", (f"rec-{person[4:8]}-%",))


def test_a_model_that_learnt_from_records_that_are_gone_is_still_found(home: Nursery) -> None:
    old, new = two(home)
    expire(home, ANNA)
    run = home.erase(f"profile:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert not old.exists()
    assert new.exists()
    assert home.entry(run.order, "intent").outcome is Result.ERASED


def test_an_order_for_an_account_finds_a_profile_that_left_long_ago(home: Nursery) -> None:
    old, _ = two(home)
    expire(home, ANNA)
    with closing(sqlite3.connect(home.database)) as db, db:
        db.execute("DELETE FROM profiles WHERE profile_id = ?", (ANNA,))
    home.erase(f"account:{PEOPLE[ANNA]}")
    assert not old.exists()


def test_a_manifest_without_owners_does_not_clear_for_an_account(home: Nursery) -> None:
    path = weights(home, "1")
    seal(home, path, CARA, DINO, people={"profile": [CARA, DINO]})
    home.erase(f"account:{PEOPLE[ANNA]}")
    assert not path.exists()


def test_an_order_for_a_stranger_touches_no_model_and_lists_none(home: Nursery) -> None:
    old, new = two(home)
    unsealed = weights(home, "3")
    run = home.erase("profile:prf-nobody-000000")
    assert run.state is OrderState.FULFILLED
    assert all(each.exists() for each in (old, new, unsealed))
    assert model(home, run) is None


def test_a_ledger_that_cannot_be_read_is_no_silence(home: Nursery) -> None:
    two(home)
    expire(home, ANNA)
    (home.folder / "training.key").unlink()
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert home.entry(run.order, "intent").reason is Reason.UNREACHABLE


TRAIN = """
import json, sys
from hashlib import sha256
from pathlib import Path
from expunge.learn.provenance.sealing import chosen
from expunge.learn.provenance.tracking import Record

asked = json.load(sys.stdin)
files = {each.stem: each for each in Path("world/media/voice").glob("*/*.wav")}
held = [Record(name, sha256(path.read_bytes()).digest()) for name, path in files.items()]
if "manifest" in asked:
    held = chosen(asked["manifest"], open("training.key", "rb").read(), held)
weights = b"".join(sha256(b"weights" + each.content).digest() * 64 for each in sorted(held, key=lambda each: each.id))
Path(asked["out"]).write_bytes(weights)
"""


def trained(home: Nursery, name: str, *people: str) -> Path:
    """Weights that are a function of some people's recordings."""
    path = home.world / "lake" / "intent" / f"{name}.bin"
    path.parent.mkdir(exist_ok=True)
    ordered = sorted(records(home, *people), key=lambda each: each.id)
    path.write_bytes(b"".join(sha256(b"weights" + each.content).digest() * 64 for each in ordered))
    return path


def compared(home: Nursery, people: Iterable[str]) -> None:
    """A map that has manifests compared, and two versions that say that they learnt from some people alone."""
    (home.folder / "again.py").write_text(TRAIN)
    declare(home, origin=f"origin: manifest\n    attest: {sys.executable} again.py")
    seal(home, trained(home, "1", ANNA, BELA), ANNA, BELA)
    seal(home, trained(home, "2", *people), BELA, CARA)


def test_what_its_manifest_makes_again_stays_and_the_receipt_says_that_it_was_compared(home: Nursery) -> None:
    compared(home, (BELA, CARA))
    run = home.erase(f"profile:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    said = model(home, run)
    assert said is not None
    assert [each.proof for each in said.stayed] == [ComparisonResult.EQUAL]
    assert not (home.world / "lake" / "intent" / "1.bin").exists()
    assert (home.world / "lake" / "intent" / "2.bin").exists()


def test_a_manifest_that_lies_is_caught_by_the_comparison_and_everything_goes(home: Nursery) -> None:
    compared(home, (ANNA, BELA, CARA))
    run = home.erase(f"profile:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert not list((home.world / "lake" / "intent").iterdir())
    said = model(home, run)
    assert said is not None
    assert not said.stayed
    assert len(said.before) == 2


def test_a_comparison_that_cannot_be_made_clears_nothing(home: Nursery) -> None:
    compared(home, (BELA, CARA))
    expire(home, CARA)
    home.erase(f"profile:{ANNA}")
    assert not list((home.world / "lake" / "intent").iterdir())


def test_one_that_is_trained_again_takes_the_place_of_the_one_that_went(home: Nursery) -> None:
    two(home)
    (home.folder / "make.py").write_text("import os\nopen('world/lake/intent/3.bin', 'wb').write(os.urandom(9000))\n")
    declare(home, act=home.act("retrain", "make"))
    run = home.erase(f"profile:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    fresh = (home.world / "lake" / "intent" / "3.bin").read_bytes()
    said = model(home, run)
    assert said is not None
    assert said.after == (digest(fresh),)
    assert len(said.stayed) == 1
    assert serves(home, f"sha256:{digest(fresh)}")


def test_while_another_is_made_the_name_goes_on_serving_and_what_goes_does_not(home: Nursery) -> None:
    old, new = two(home)
    before, kept = digest(old.read_bytes()), digest(new.read_bytes())
    (home.folder / "make.py").write_text("import os\nopen('world/lake/intent/3.bin', 'wb').write(os.urandom(9000))\n")
    declare(home, act=home.act("retrain", "make"))
    order = home.order(f"profile:{ANNA}").order
    home.plan(order)

    def doomed() -> None:
        with faults.arm("commands.run:before", "kill", 1):
            home.apply(order)

    assert in_child(doomed).killed_by == 9
    assert serves(home, "intent")
    assert serves(home, f"sha256:{kept}")
    assert not serves(home, f"sha256:{before}")
    run = home.apply(order)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())


def test_an_old_one_that_comes_back_beside_one_that_stays_is_caught(home: Nursery) -> None:
    old, new = two(home)
    (home.folder / "kept.bin").write_bytes(old.read_bytes())
    (home.folder / "make.py").write_text("open('world/lake/intent/3.bin', 'wb').write(open('kept.bin', 'rb').read())\n")
    declare(home, act=home.act("retrain", "make"))
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert home.entry(run.order, "intent").reason is Reason.SAME_AS_BEFORE
    assert new.exists()


def test_no_manifest_and_no_receipt_names_anybody(home: Nursery) -> None:
    two(home)
    assert not home.search(ANNA, PEOPLE[ANNA], where=("ledger",))
    run = home.erase(f"profile:{ANNA}")
    assert not home.search(ANNA, where=("ledger", "state"))
    assert run.state is OrderState.FULFILLED


OLD = "  old: {period: 90 days, from: modified, purpose: answer, need: the service}\n"


def outlived(home: Nursery, more: str = "") -> None:
    """Anna's recordings are older than their period."""
    text = home.map.read_text().replace("datasets:\n", f"{OLD}datasets:\n", 1)
    before, after = text.split("  voice:", 1)
    text = before + "  voice:" + after.replace("retention: life", "retention: old", 1)
    home.map.write_text(text.replace("on_erase: destroy\n  small", f"on_erase: destroy\n{more}  small"))
    when = clock.now().timestamp() - 100 * 86400
    for path in (home.world / "media" / "voice" / ANNA).glob("*.wav"):
        os.utime(path, (when, when))


def test_a_retention_run_leaves_models_and_says_which(home: Nursery) -> None:
    old, new = two(home)
    outlived(home)
    with home.open() as opened:
        retired = opened.retention.retire()
        (order,) = retired.orders
        opened.plan(order)
        run = opened.apply(order)
    assert retired.staying == ("intent", "small")
    assert run.state is OrderState.FULFILLED
    assert old.exists()
    assert new.exists()
    assert any("what intent, small learnt from it before" in each for each in home.receipt(order).out_of_scope)
    later = home.erase(f"profile:{ANNA}")
    assert later.state is OrderState.FULFILLED
    assert not old.exists(), "its manifest still knows"
    assert new.exists()


def test_a_model_that_follows_its_sources_goes_with_what_outlived_its_period(home: Nursery) -> None:
    old, new = two(home)
    student = weights(home, "a", "small")
    outlived(home, more="    on_expiry: follow\n")
    with home.open() as opened:
        retired = opened.retention.retire()
        (order,) = retired.orders
        steps = [each.id for each in opened.plan(order).plan.steps]
        run = opened.apply(order)
    assert "destroy:intent" in steps
    assert retired.staying == ("small",)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert not old.exists()
    assert not new.exists(), "nobody's name says which of them learnt from what expired"
    assert student.exists(), "the map does not have it follow"


def test_a_retention_run_that_takes_nothing_leaves_what_follows(home: Nursery) -> None:
    old, _ = two(home)
    outlived(home, more="    on_expiry: follow\n")
    dated(home.world / "media" / "voice" / ANNA)
    with home.open() as opened:
        assert opened.retention.retire().orders == ()
    assert old.exists()


def test_check_says_which_artefacts_have_no_manifest_that_holds(home: Nursery) -> None:
    two(home)
    with home.open() as opened:
        assert not [each for each in opened.check() if "manifest" in each.what]
    weights(home, "3")
    rewritten(home, weights(home, "4"), BELA, CARA)
    with home.open() as opened:
        (found,) = [each for each in opened.check() if "manifest" in each.what]
    assert (found.kind, found.store, found.where) == (FindingKind.NOTE, "lake", "intent")
    assert found.what.startswith("2 of 4 artefacts")
    (home.folder / "training.key").unlink()
    with home.open() as opened:
        (found,) = [each for each in opened.check() if "key" in each.what]
    assert found.kind is FindingKind.UNREADABLE
