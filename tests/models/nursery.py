"""A household whose recordings became features, a training set, a model, a student, an export and an index, each by a command that runs."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from expunge.core.evidence.receipt import DatasetEntry, Receipt
from expunge.core.values.ids import OrderId
from expunge.core.verification import receipt_verify
from tests.engine import household
from tests.engine.household import PEOPLE, Household
from tests.learn import column_sums

STAFF = tuple(f"prf-voice-{n:02d}-K7Q2M9" for n in range(20))
"""People who stay, so that there is something left to learn from."""
FEATURES = 8

OWN = "from column_sums import ColumnSums as Classifier"
"""A model of the company's own."""
SHIPPED = "from expunge.learn import IntegerRidgeClassifier as Classifier"
"""One of the library's. Its import is scikit-learn's, more than a second in each command."""

LIBRARY = """
import json, os, sqlite3, sys
import numpy as np
LEARNER

def request():
    return json.load(sys.stdin)

def rows(of=None):
    with sqlite3.connect("file:world/app.db?mode=ro", uri=True) as db:
        found = db.execute("SELECT recording_id, profile_id, label, vector FROM features ORDER BY recording_id").fetchall()
    if of is not None:
        found = [each for each in found if each[0] in of]
        found.sort(key=lambda each: list(of).index(each[0]))
    X = np.array([json.loads(each[3]) for each in found], float).reshape(len(found), WIDTH)
    return [each[0] for each in found], [each[1] for each in found], X, np.array([each[2] for each in found])

def report(asked, figures, said=()):
    with open(asked["report"], "w") as file:
        json.dump({"figures": figures, "said": list(said)}, file)
""".replace("WIDTH", str(FEATURES))

TRAIN = """
from library import *
asked = request()
ids, people, X, y = rows()
model = Classifier().fit(X, y, subjects=people, records=ids)
model.save(asked.get("out", "world/media/models/voice.safetensors"))
"""

FORGET = """
from library import *
asked = request()
path = "world/media/models/voice.safetensors"
model = Classifier.load(path)
ids, people, X, y = rows()
gone = asked["subjects"].get("profile", [])
stay = np.array([each not in gone for each in people])
before = int(round(10000 * (model.predict(X[stay]) == y[stay]).mean()))
done = model.forget(gone, source=lambda records: rows(list(records))[2:], missing="ignore")
after = int(round(10000 * (model.predict(X[stay]) == y[stay]).mean()))
figures = {"accuracy_before": before, "accuracy_after": after, "records": done.records, "recomputed": done.recomputed}
report(asked, {**figures, "unchanged": int(not done.records)},
       ["features: eight fixed numbers a recording, shaped by nobody's data"])
model.save(path)
"""

DISTILL = """
from library import *
asked = request()
teacher = Classifier.load("world/media/models/voice.safetensors")
ids, people, X, y = rows()
student = Classifier(alpha=50.0)
student.fit(X, teacher.predict(X), subjects=people, records=ids)
student.save(asked.get("out", "world/media/models/student.safetensors"))
"""

EXPORT = """
from library import *
import hashlib
import onnx
from onnx import helper, TensorProto, numpy_helper
asked = request()
teacher = Classifier.load("world/media/models/voice.safetensors")
zero, unit = np.zeros((1, WIDTH)), np.eye(WIDTH)
def score(X):
    found = teacher.decision_function(X)
    return found if found.ndim == 1 else found[:, -1]
bias = score(zero)
weights = (score(unit) - bias).reshape(WIDTH, 1).astype(np.float32)
graph = helper.make_graph(
    [helper.make_node("MatMul", ["x", "w"], ["xw"]), helper.make_node("Add", ["xw", "b"], ["score"])], "voice",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, WIDTH])],
    [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1])],
    [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(bias.astype(np.float32), "b")])
known = hashlib.sha256(weights.tobytes()).hexdigest()
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8, producer_name=known)
onnx.checker.check_model(model)
onnx.save(model, "world/media/models/voice.onnx")
""".replace("WIDTH", str(FEATURES))

FIRST = """
import io, runpy, sys
asked = sys.stdin.read()
for name in sys.argv[1:]:
    sys.stdin = io.StringIO(asked)
    runpy.run_path(f"{name}.py", run_name="__main__")
"""

MORE = """\
  features:
    store: app
    table: features
    subject: {{through: voice, via: recording_id}}
    derived_from: [voice]
    on_erase: erase
    retention: life
  voice_model:
    store: media
    path: "models/voice.safetensors"
    derived_from: [features]
    on_erase: {voice_model}
  student:
    store: media
    path: "models/student.safetensors"
    derived_from: [voice_model, features]
    on_erase: {student}
  export:
    store: media
    path: "models/voice.onnx"
    derived_from: [voice_model]
    on_erase: {export}
  lookup:
    store: lake
    path: "lookup/{{name}}.bin"
    derived_from: [features]
    on_erase: destroy
"""


@dataclass
class Nursery(Household):
    """The household, and what was learnt from it."""

    @property
    def models(self) -> Path:
        return self.world / "media" / "models"

    def script(self, name: str) -> str:
        return f"{sys.executable} {name}.py"

    def act(self, what: str, name: str, prove: str = "", **more: str) -> str:
        """One act with a command, for the map."""
        parts = {"command": self.script(name), **({"prove": self.script(prove)} if prove else {}), **more}
        return f"{{{what}: {json.dumps(parts)}}}"

    def declare(self, **acts: str) -> None:
        """Write the map; acts replace those of single datasets."""
        chosen = {
            "voice_model": self.act("forget", "forget", "train"),
            "student": self.act("retrain", "distill", "distill"),
            "export": self.act("rebuild", "export"),
            **acts,
        }
        self.write_map(more=MORE.format(**chosen))

    def train(self, *names: str) -> None:
        """Run some of the commands, one after the other in one process, as a person would who trains for the first time."""
        asked = json.dumps({"schema": "expunge.remake/1", "report": str(self.folder / "report.json")})
        subprocess.run([sys.executable, "-c", FIRST, *names], cwd=self.folder, input=asked, text=True, check=True, capture_output=True)

    def receipt(self, order: OrderId) -> Receipt:
        with self.open() as opened:
            files = opened.receipt_folder(order)
        return receipt_verify.verify(files, files["trust-policy.txt"], at=None).receipt

    def entry(self, order: OrderId, dataset: str) -> DatasetEntry:
        return next(each for each in self.receipt(order).datasets if each.dataset == dataset)

    def weights(self) -> Mapping[str, str]:
        """Content hash of each model there is."""
        return {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in sorted(self.models.iterdir()) if each.is_file()}


def build(folder: Path, learner: str = OWN) -> Nursery:
    """Write the world, train everything once, and initialise the state. ``learner`` imports what the commands learn with."""
    household.build(folder)
    home = Nursery(folder)
    home.models.mkdir()
    (home.world / "lake" / "lookup").mkdir()
    with closing(sqlite3.connect(home.database)) as db, db:
        db.execute("CREATE TABLE features (recording_id TEXT PRIMARY KEY, profile_id TEXT, label TEXT, vector TEXT, closed_at TEXT)")
        db.executemany("INSERT INTO profiles VALUES (?, 'acc-south-82LM', NULL)", [(each,) for each in STAFF])
        for recording, profile in _recordings(home):
            chance = random.Random(recording)
            label = chance.choice(("adult", "child"))
            vector = [chance.gauss(1.0 if label == "child" else -1.0, 1.5) for _ in range(FEATURES)]
            db.execute("INSERT INTO features VALUES (?, ?, ?, ?, NULL)", (recording, profile, label, json.dumps(vector)))
    shutil.copy(column_sums.__file__, folder)
    for name, text in (
        ("library", LIBRARY.replace("LEARNER", learner)),
        ("train", TRAIN),
        ("forget", FORGET),
        ("distill", DISTILL),
        ("export", EXPORT),
    ):
        (folder / f"{name}.py").write_text(text)
    home.train("train", "distill", "export")
    (home.world / "lake" / "lookup" / "nearest.bin").write_bytes(random.Random("lookup").randbytes(40_000))
    home.declare()
    return home


def _recordings(home: Nursery) -> Iterator[tuple[str, str]]:
    for profile in (*PEOPLE, *STAFF):
        folder = home.world / "media" / "voice" / profile
        folder.mkdir(exist_ok=True)
        for n in range(2 if profile in PEOPLE else 3):
            name = f"rec-{profile[4:8]}-{n}-X7" if profile in PEOPLE else f"rec-{profile[4:12]}-{n}-X7"
            (folder / f"{name}.wav").write_bytes(household.wav(f"{profile}{n}"))
            yield name, profile
