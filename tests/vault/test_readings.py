"""A program trains on sealed recordings: what it opened is the manifest of its model, and a later order finds the model by that."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from expunge.core.lineage.lineage_merge import sighted
from expunge.core.values.order import OrderState
from expunge.engine.lineage import observed_lineage
from expunge.errors import Refused, UsageError
from expunge.learn.provenance.sealing import Sealer
from expunge.testing.forked import in_child
from expunge.vault.makers import waveform
from tests.vault.doorbells import ANNA, BELA, CARA, MAP, Doorbells, path_of
from tests.vault.test_derivations import sound

KEY = b"a key of thirty-two bytes or so!"
EXTRA = "trainings: {ledger: ./ledger, key: ./training.key}\n"
MODELS = """\
  voices:
    store: models
    path: "voices/{{version}}.safetensors"
    artefact: version
    derived_from: [doorbell]
    origin: manifest
    on_erase: destroy
    kind: model
"""


@pytest.fixture
def home(home: Doorbells) -> Doorbells:
    """Doorbells with a model of voices, and a recording of each person."""
    text = MAP.replace("retention:\n", "  models: {{kind: files, url: ./world/models}}\nretention:\n", 1) + MODELS
    home.map.write_text(text.format(shared="erase", extra=EXTRA))
    (home.folder / "world" / "models").mkdir()
    (home.folder / "training.key").write_bytes(KEY)
    for number, one in enumerate((ANNA, BELA, CARA)):
        home.ring(one, f"r-{number}", sound(number))
    return home


def train(home: Doorbells, version: str, *names: tuple[str, str]) -> Path:
    """Train on what some recordings sound like, and seal the manifest of the model from what was opened."""
    from expunge.learn import NearestCentroid

    model = home.folder / "world" / "models" / "voices" / f"{version}.safetensors"
    model.parent.mkdir(parents=True, exist_ok=True)
    with home.open() as opened:
        opened.vault.renew_gate()
        with opened.readings.reading(purpose="train", program="train-voices", makes="voices") as run:
            rows = []
            for one, name in names:
                with run.open(f"doorbell/{path_of(one, name)}") as file:
                    rows.append(np.array(json.loads(waveform(file, 8))["peaks"], dtype=float).ravel())
            NearestCentroid().fit(np.array(rows), np.arange(len(rows)), subjects=[one for one, _ in names]).save(model)
            Sealer(home.folder / "ledger", KEY).seal_read([model], run.opened(), dataset="voices")
    return model


def test_an_order_finds_the_model_that_was_trained_on_what_was_opened(home: Doorbells):
    """Of two models the one that read the person's recording is destroyed, and the other stays, with no list written by hand."""
    with_her = train(home, "1", (ANNA, "r-0"), (BELA, "r-1"))
    without = train(home, "2", (BELA, "r-1"), (CARA, "r-2"))
    kept = without.read_bytes()
    with home.open() as opened:
        edges = {
            (each.edge.source, each.edge.target): each for each in sighted(opened.map, observed_lineage.sightings(opened.context.journal))
        }
    assert edges["doorbell", "voices"].jobs == ("train-voices",)
    run = home.erase(ANNA)
    assert run.state is OrderState.FULFILLED, run.reasons
    assert not with_her.exists()
    assert without.read_bytes() == kept
    assert home.entries(run)["voices"][0] == "erased"


def test_what_is_opened_beside_counts_and_what_others_open_does_not(home: Doorbells):
    """Threads, forks and fsspec open under the run's name; another program does not, even for the same purpose."""
    fsspec = pytest.importorskip("fsspec")

    def load(one: str, name: str, program: str) -> None:
        with fsspec.filesystem("expunge", purpose="train", program=program, map_path=home.map).open(
            f"doorbell/{path_of(one, name)}"
        ) as file:
            assert file.read(10)

    with home.open() as opened:
        opened.vault.renew_gate()
        with opened.readings.reading(purpose="train", program="t") as run, opened.readings.reading(purpose="train", program="t") as other:
            with pytest.raises(UsageError, match="no recording was opened"):
                run.opened()
            with ThreadPoolExecutor(1) as threads:
                threads.submit(load, ANNA, "r-0", run.program).result()
            in_child(lambda: load(BELA, "r-1", run.program))
            other.open(f"doorbell/{path_of(CARA, 'r-2')}").close()
            read = run.opened()
            assert [name for name, _ in read.records] == [f"doorbell/{path_of(one, name)}" for one, name in ((ANNA, "r-0"), (BELA, "r-1"))]
            assert dict(read.people) == {"profile": {ANNA, BELA}}
            assert read.complete
            assert read.sources.keys() == {"doorbell"}


def test_what_was_erased_after_it_was_read_makes_no_model(home: Doorbells):
    """An order ends between reading and sealing: there is no manifest without that recording, so the model is refused."""
    with home.open() as opened:
        opened.vault.renew_gate()
        with opened.readings.reading(purpose="train") as run:
            for one, name in ((ANNA, "r-0"), (BELA, "r-1")):
                run.open(f"doorbell/{path_of(one, name)}").close()
            assert home.erase(ANNA).state is OrderState.FULFILLED
            with pytest.raises(Refused, match="erased since"):
                run.opened()
        with pytest.raises(UsageError, match="no dataset"), opened.readings.reading(purpose="train", makes="nothing"):
            pass
