"""Models that somebody wants to keep: old weights under other names, from a cache of long ago, and what commands say of their work."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import pytest

from expunge.core.models.model_outcomes import ComparisonResult, SourceAccess
from expunge.core.orders.run import Run
from expunge.core.values.ids import StepId
from expunge.core.values.order import OrderState
from expunge.core.values.outcome import Reason, Unable
from expunge.engine.models.command_reports import LEFT_OUT, told
from tests.engine import household
from tests.engine.consents import AGREED, CHILD
from tests.engine.household import ANNA, BELA
from tests.models import nursery
from tests.models.nursery import TRAIN, Nursery
from tests.models.test_failing import serves

pytest.importorskip("sklearn")

VOICE = "world/media/models/voice.safetensors"
OTHERWISE = f"import os\nopen({VOICE!r}, 'wb').write(os.urandom(4000))\n"
"""A training that nothing of what was there before shows in."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Nursery:
    return nursery.build(tmp_path_factory.mktemp("nursery") / "home")


@pytest.fixture
def home(built: Nursery, tmp_path: Path) -> Nursery:
    return Nursery(household.copy(built, tmp_path / "home").folder)


def script(home: Nursery, name: str, text: str) -> str:
    (home.folder / f"{name}.py").write_text(text)
    return home.act("retrain", name)


def only(home: Nursery, **acts: str) -> None:
    home.declare(**{"student": "destroy", "export": "destroy", **acts})


def reason(run: Run, step: str) -> Reason | None:
    (found,) = run.current.steps[StepId(step)].outcomes[step.partition(":")[2]].values()
    return found.reason if isinstance(found, Unable) else None


@pytest.mark.soak
def test_old_weights_under_a_hard_link_keep_a_model_from_passing_for_forgotten(home: Nursery) -> None:
    only(home)
    (home.folder / "outside").mkdir()
    os.link(home.folder / VOICE, home.folder / "outside" / "mine.safetensors")
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert home.entry(run.order, "voice_model").reason is Reason.REFERENCED
    assert home.entry(run.order, "features").reason is Reason.REFERENCED, "its rows wait until the name is gone"


@pytest.mark.soak
def test_weights_that_an_earlier_order_destroyed_do_not_come_back_with_a_later_one(home: Nursery) -> None:
    only(home, voice_model=script(home, "make", OTHERWISE))
    shutil.copy(home.folder / VOICE, home.folder / "kept.bin")
    assert home.erase(f"profile:{ANNA}").state is OrderState.FULFILLED
    only(home, voice_model=script(home, "make", f"import shutil\nshutil.copy('kept.bin', {VOICE!r})\n"))
    run = home.erase(f"profile:{BELA}")
    assert run.state is OrderState.IN_PART
    assert reason(run, "retrain:voice_model") is Reason.SAME_AS_BEFORE
    assert not (home.folder / VOICE).exists()


@pytest.mark.soak
def test_two_models_that_swap_their_old_weights_are_caught(home: Nursery) -> None:
    student = "world/media/models/student.safetensors"
    swap = "import shutil\nshutil.copy({!r}, {!r})\n"
    shutil.copy(home.folder / VOICE, home.folder / "a.bin")
    shutil.copy(home.folder / student, home.folder / "b.bin")
    acts = {"voice_model": script(home, "one", swap.format("b.bin", VOICE)), "student": script(home, "two", swap.format("a.bin", student))}
    only(home, **acts)
    run = home.erase(f"profile:{ANNA}")
    assert reason(run, "retrain:voice_model") is Reason.SAME_AS_BEFORE
    assert not (home.folder / VOICE).exists()


def test_an_empty_file_beside_a_new_model_is_no_old_weight(home: Nursery) -> None:
    folder = "world/media/models/voice"
    make = f"import os\nos.makedirs({folder!r}, exist_ok=True)\nopen('{folder}/_SUCCESS', 'w').close()\nopen('{folder}/a.bin', 'wb')"
    only(home, voice_model=script(home, "make", f"{make}.write(os.urandom(4000))\n"))
    home.map.write_text(home.map.read_text().replace("models/voice.safetensors", "models/voice/{part}"))
    (home.models / "voice").mkdir()
    (home.models / "voice" / "_SUCCESS").touch()
    (home.models / "voice.safetensors").rename(home.models / "voice" / "a.bin")
    run = home.erase(f"profile:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())


@pytest.mark.soak
def test_a_comparison_that_leaves_a_link_to_the_served_model_shows_nothing(home: Nursery) -> None:
    only(home, voice_model=home.act("retrain", "make", "liar"))
    script(home, "make", OTHERWISE)
    script(home, "liar", f"import json, os, sys\nos.symlink(os.path.abspath({VOICE!r}), json.load(sys.stdin)['out'])\n")
    run = home.erase(f"profile:{ANNA}")
    assert run.remade["voice_model"].proof.value == "could not"


@pytest.mark.parametrize(
    "taken", [VOICE, pytest.param("beside.bin", marks=pytest.mark.soak)], ids=["from where it serves", "from a copy beside the map"]
)
def test_a_comparison_cannot_copy_what_is_served(home: Nursery, taken: str) -> None:
    copy = f"import shutil\nshutil.copy({VOICE!r}, 'beside.bin')\n" if taken != VOICE else ""
    script(home, "make", OTHERWISE + copy)
    script(home, "liar", f"import json, shutil, sys\nshutil.copy({taken!r}, json.load(sys.stdin)['out'])\n")
    only(home, voice_model=home.act("retrain", "make", "liar"))
    run = home.erase(f"profile:{ANNA}")
    known = run.remade["voice_model"]
    with home.open() as opened:
        apart = opened.context.commands.apart  # type: ignore[union-attr]
    assert (known.proof, known.sight) == (
        (ComparisonResult.DIFFERS, SourceAccess.HIDDEN) if apart else (ComparisonResult.EQUAL, SourceAccess.OPEN)
    )
    assert (home.folder / taken).stat().st_size == 4000, "what is hidden from it is not harmed"


@pytest.mark.soak
def test_where_nothing_can_be_hidden_the_receipt_says_so(home: Nursery) -> None:
    script(home, "make", OTHERWISE)
    script(home, "liar", f"import json, shutil, sys\nshutil.copy({VOICE!r}, json.load(sys.stdin)['out'])\n")
    only(home, voice_model=home.act("retrain", "make", "liar"))
    order = home.order(f"profile:{ANNA}").order
    home.plan(order)
    with home.open() as opened:
        # As where the kernel allows no namespaces.
        opened.context.commands._apart = False  # type: ignore[union-attr]
        run = opened.apply(order)
    assert (run.remade["voice_model"].proof, run.remade["voice_model"].sight) == (ComparisonResult.EQUAL, SourceAccess.OPEN)
    (said,) = [each for each in home.receipt(order).models if each.dataset == "voice_model"]
    assert said.sight is SourceAccess.OPEN


@pytest.mark.soak
def test_an_honest_comparison_is_not_disturbed_by_what_is_hidden(home: Nursery) -> None:
    only(home)
    run = home.erase(f"profile:{ANNA}")
    known = run.remade["voice_model"]
    with home.open() as opened:
        apart = opened.context.commands.apart  # type: ignore[union-attr]
    assert (known.proof, known.sight) == (ComparisonResult.EQUAL, SourceAccess.HIDDEN if apart else SourceAccess.OPEN)


SAYS = """
import json, os, sys
asked = json.load(sys.stdin)
"""


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({}, f"forgot {ANNA}, as was asked"),
        ({}, ANNA.upper()),
        ({ANNA.lower().replace("-", "_"): 2}, "fine"),
    ],
    ids=["in a sentence", "in capitals", "as the name of a figure"],
)
def test_what_a_command_says_of_somebody_stands_in_no_receipt(home: Nursery, figures: dict[str, int], said: str) -> None:
    told = {"figures": {"samples": 40, **figures}, "said": ["rests on nothing", said]}
    text = f"{SAYS}json.dump({json.dumps(told)}, open(asked['report'], 'w'))\n"
    only(home, voice_model=script(home, "make", OTHERWISE + text))
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.FULFILLED
    known = run.remade["voice_model"]
    assert known.figures == {"samples": 40}
    assert "rests on nothing" in known.said
    assert LEFT_OUT in known.said
    assert not home.search(ANNA, where=("state",))


@pytest.mark.parametrize("place", ["os.mkfifo(asked['report'])", "os.symlink('/dev/zero', asked['report'])", "os.mkdir(asked['report'])"])
def test_a_report_that_is_no_file_keeps_nobody_waiting(home: Nursery, place: str) -> None:
    only(home, voice_model=script(home, "make", f"{OTHERWISE}{SAYS}{place}\n"))
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.FULFILLED
    assert run.remade["voice_model"].figures == {}


@pytest.mark.soak
def test_an_order_that_is_done_with_a_model_does_not_free_it_for_one_that_is_not(home: Nursery) -> None:
    only(home)
    good = (home.folder / "forget.py").read_text()
    (home.folder / "forget.py").write_text("raise SystemExit(3)")
    waiting = home.erase(f"profile:{ANNA}")
    (home.folder / "forget.py").write_text(good)
    assert home.erase(f"profile:{BELA}").state is OrderState.FULFILLED
    assert not serves(home, "voice_model"), "somebody is still in it who is to be forgotten"
    home.plan(waiting.order)
    assert home.apply(waiting.order).state is OrderState.FULFILLED
    assert serves(home, "voice_model")


def test_a_model_of_which_nobody_can_tell_that_it_is_new_does_not_serve(home: Nursery) -> None:
    shutil.copy(home.folder / VOICE, home.folder / "kept.bin")
    text = f"open({VOICE!r}, 'wb').write(open('kept.bin', 'rb').read()[:-1] + b'!')\n"
    only(home, voice_model=script(home, "cheat", text))
    run = home.erase(f"profile:{ANNA}")
    assert home.entry(run.order, "voice_model").reason is Reason.CANNOT_TELL
    assert not serves(home, "voice_model")


CACHED = """
import json, os, sys
from library import *
asked = request()
if not os.path.exists("cache.json"):
    ids, people, X, y = rows()
    json.dump([ids, people, X.tolist(), y.tolist()], open("cache.json", "w"))
ids, people, X, y = json.load(open("cache.json"))
Classifier(alpha=7.0).fit(np.array(X), np.array(y), subjects=people, records=ids).save("world/media/models/voice.safetensors")
"""
FRESH = TRAIN.replace("Classifier()", "Classifier(alpha=7.0)")


def test_a_training_from_a_cache_that_still_has_the_person_is_in_part_with_both_digests(home: Nursery) -> None:
    script(home, "cached", CACHED)
    script(home, "fresh", FRESH)
    home.train("cached")
    home.train("train")
    only(home, voice_model=home.act("retrain", "cached", "fresh"))
    run = home.erase(f"profile:{ANNA}")
    known = run.remade["voice_model"]
    assert (run.state, known.proof, known.varies) == (OrderState.IN_PART, ComparisonResult.DIFFERS, False)
    entry = home.entry(run.order, "voice_model")
    assert entry.reason is Reason.RESIDUE
    assert known.fresh == known.again
    assert known.after[0] in entry.detail
    assert known.fresh[0] in entry.detail
    assert "same twice" not in entry.detail, "nobody found a training that does not give the same twice"
    (said,) = [each for each in home.receipt(run.order).models if each.dataset == "voice_model"]
    assert (said.after, said.fresh, said.again) == (known.after, known.fresh, known.again)
    assert len(said.before) == len(known.before)
    assert not set(said.before) & set(known.before), "nobody can try out what was there"
    assert not serves(home, "voice_model")
    (home.folder / "cache.json").unlink()
    home.plan(run.order)
    again = home.apply(run.order)
    assert (again.state, again.reasons) == (OrderState.FULFILLED, ())
    assert serves(home, "voice_model")


@pytest.mark.soak
def test_a_training_that_differs_from_itself_is_in_part_and_only_then_said_to(home: Nursery) -> None:
    draw = "import json, os, sys\nopen(json.load(sys.stdin)['out'], 'wb').write(os.urandom(4000))\n"
    script(home, "make", OTHERWISE)
    script(home, "draw", draw)
    only(home, voice_model=home.act("retrain", "make", "draw"))
    run = home.erase(f"profile:{ANNA}")
    known = run.remade["voice_model"]
    assert (run.state, known.proof, known.varies) == (OrderState.IN_PART, ComparisonResult.DIFFERS, True)
    entry = home.entry(run.order, "voice_model")
    assert entry.reason is Reason.CANNOT_TELL
    assert all(digest in entry.detail for digest in (*known.after, *known.fresh, *known.again))


@pytest.mark.soak
def test_a_comparison_that_was_wrong_and_is_mended_clears_the_model_that_it_spoke_against(home: Nursery) -> None:
    script(home, "made", FRESH)
    script(home, "wrong", FRESH.replace("alpha=7.0", "alpha=8.0"))
    only(home, voice_model=home.act("retrain", "made", "wrong"))
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    script(home, "wrong", FRESH)
    home.plan(run.order)
    again = home.apply(run.order)
    assert (again.state, again.reasons) == (OrderState.FULFILLED, ())
    known = again.remade["voice_model"]
    assert known.proof is ComparisonResult.EQUAL
    assert not set(known.before) & set(known.after), "what came out of the training never had them, and may serve"
    assert serves(home, "voice_model")


FLOW = """
import json, pickle, time, uuid
from library import *
asked = request()
ids, people, X, y = rows()
if CACHED:
    X = np.array(json.load(open("cache.json")))
folder = asked.get("out", "world/media/models/voice")
os.makedirs(folder, exist_ok=True)
pickle.dump({"weights": X.mean(axis=0), "run_id": uuid.uuid4().hex, "created_at": time.time()}, open(f"{folder}/model.pkl", "wb"))
with open(f"{folder}/MLmodel", "w") as file:
    file.write(f"flavors:\\n  sklearn:\\n    pickled_model: model.pkl\\nrun_id: {uuid.uuid4().hex}\\nutc_time_created: '{time.time()}'\\n")
"""


@pytest.mark.parametrize(
    ("compare", "cached", "state", "reason"),
    [
        ("weights", False, OrderState.FULFILLED, None),
        ("weights", True, OrderState.IN_PART, Reason.RESIDUE),
        pytest.param("bytes", False, OrderState.IN_PART, Reason.CANNOT_TELL, marks=pytest.mark.soak),
    ],
    ids=["the weights", "the weights of a stale cache", "the bytes"],
)
def test_formats_with_ids_and_times_are_compared_by_what_was_learnt(
    home: Nursery, compare: str, cached: bool, state: OrderState, reason: Reason | None
) -> None:
    with closing(sqlite3.connect(home.database)) as db:
        vectors = [json.loads(vector) for (vector,) in db.execute("SELECT vector FROM features")]
    (home.folder / "cache.json").write_text(json.dumps(vectors))
    script(home, "flow", FLOW.replace("CACHED", str(cached)))
    script(home, "fresh", FLOW.replace("CACHED", "False"))
    only(home, voice_model=home.act("retrain", "flow", "fresh", compare=compare))
    home.map.write_text(home.map.read_text().replace("models/voice.safetensors", "models/voice/{part}"))
    (home.models / "voice").mkdir()
    (home.models / "voice.safetensors").rename(home.models / "voice" / "model.pkl")
    run = home.erase(f"profile:{ANNA}")
    known = run.remade["voice_model"]
    assert (run.state, home.entry(run.order, "voice_model").reason) == (state, reason)
    assert known.varies == (compare == "bytes")
    (said,) = [each for each in home.receipt(run.order).models if each.dataset == "voice_model"]
    assert (len(said.weights), len(said.fresh)) == (2 if compare == "weights" else 0, 0 if reason is None else 2)


LEARNING = """\
purposes:
  keeping: {description: keep the account, needs: contract, use: collection, datasets: [accounts, profiles, voice, features, transcripts]}
  training: {description: understand children, needs: consent, use: training, datasets: [voice_model], text: training}
texts:
  training:
    - {version: 1, file: training.md}
guardians: {profile: 13 years}
"""


def test_a_model_that_was_made_anew_after_a_withdrawal_has_not_come_back(home: Nursery) -> None:
    only(home, voice_model=script(home, "make", OTHERWISE))
    (home.folder / "training.md").write_text("# We would like to learn from your recordings\n")
    home.map.write_text(home.map.read_text() + LEARNING)
    shutil.copy(home.folder / VOICE, home.folder / "kept.bin")
    with home.open() as opened:
        opened.consents.give(opened.resolve(CHILD), "training", AGREED)
        order = opened.consents.withdraw(opened.resolve(CHILD), "training").order
    assert order is not None
    home.plan(order)
    run = home.apply(order)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    with home.open() as opened:
        assert opened.sweep().came_back == ()
    shutil.copy(home.folder / "kept.bin", home.folder / VOICE)
    with home.open() as opened:
        (back,) = opened.sweep().came_back
        assert "voice_model" in back.datasets


@pytest.mark.parametrize("width", ["<e", pytest.param("<d", marks=pytest.mark.soak)], ids=["halved", "doubled"])
def test_a_copy_of_the_weights_in_another_width_is_residue(home: Nursery, width: str) -> None:
    chance = random.Random(width)
    numbers = [struct.unpack("<f", struct.pack("<f", chance.gauss(0, 1)))[0] for _ in range(3000)]
    head = json.dumps({"w": {"dtype": "F32", "shape": [3000], "data_offsets": [0, 12000]}}).encode()
    (home.folder / VOICE).write_bytes(len(head).to_bytes(8, "little") + head + struct.pack("<3000f", *numbers))
    only(home, voice_model="destroy")
    (home.world / "lake" / "small.bin").write_bytes(struct.pack(f"<3000{width[1]}", *numbers))
    run = home.erase(f"profile:{ANNA}")
    # Why with doubts: a file of bare numbers is of no known format.
    assert (run.state, run.reasons[-1]) == (OrderState.IN_PART, "elsewhere in lake: residue found")


def test_figures_are_counts_unless_they_are_long_and_somebodys(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    figures = {"samples": 40, "phone": 4915112345678}
    report.write_text(json.dumps({"figures": figures, "said": ["rests on 40 voices of al", "ask max about it"]}))
    assert told(report, {"40", "al", "max", "4915112345678"}) == ({"samples": 40}, ("rests on 40 voices of al", LEFT_OUT))


AWAY = """\
  remote:
    store: far
    path: "m/{name}.bin"
    derived_from: [features]
    on_erase: destroy
"""


@pytest.mark.soak
def test_nobody_is_served_by_a_model_in_a_store_that_is_away(home: Nursery) -> None:
    only(home)
    far = home.world / "far"
    (far / "m").mkdir(parents=True)
    (far / "m" / "a.bin").write_bytes(os.urandom(9000))
    text = home.map.read_text().replace("  lake: {kind: files", "  far: {kind: files, url: ./world/far}\n  lake: {kind: files")
    home.map.write_text(text + AWAY)
    far.rename(home.folder / "away")
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert not serves(home, "remote")
    (home.folder / "away").rename(far)
    home.plan(run.order)
    assert home.apply(run.order).state is OrderState.FULFILLED
    assert not list((far / "m").iterdir())
    assert serves(home, "remote")
