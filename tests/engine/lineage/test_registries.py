"""Models in a registry, seen through the whole product: what nobody declared is in the way of an order, what is declared goes with it."""

from __future__ import annotations

import pytest

from expunge.core.values.order import OrderState
from tests.engine.household import ANNA, MAP, Household
from tests.stores.mlflow.mlflow_company import Registry

STORE = '  registry: {{kind: mlflow, url: "sqlite:///world/registry/mlflow.db", artifacts: ./world/registry/mlartifacts}}\nretention:\n'
INTENT = "  intent: {{store: registry, model: intent, derived_from: [voice], on_erase: destroy}}\n"
OTHER = "  other: {{store: registry, model: other, derived_from: [accounts], on_erase: destroy}}\n"
REST = "ignore:\n  - {{store: registry, path: experiments/*, reason: runs of load tests}}\n"


@pytest.fixture
def registry(home: Household) -> Registry:
    folder = home.world / "registry"
    folder.mkdir()
    made = Registry(folder)
    run = made.run(expunge__manifest_sha256="ab" * 32, expunge__datasets='["voice"]', expunge__lineage="ok")
    made.intent = made.model(run)
    made.register("intent", f"models:/{made.intent}")
    made.copy("intent", 1, "promoted")
    return made


def write_map(home: Household, datasets: str = "") -> None:
    text = MAP.replace("retention:\n", STORE, 1) + datasets + REST
    home.map.write_text(text.format(shared="erase", extra=""))


def test_a_model_that_the_registry_says_was_made_from_voices_is_in_the_way_until_it_is_declared(home, registry):
    write_map(home)
    with home.open() as opened:
        (found,) = [each for each in opened.check() if each.where == "model://registry/intent"]
    assert "voice" in found.what
    assert "model: intent, derived_from: [voice], on_erase: destroy" in found.mend
    run = home.erase(ANNA)
    assert run.state is not OrderState.FULFILLED
    assert registry.intent.encode() in (registry.folder / "mlflow.db").read_bytes()


def test_an_order_for_a_person_destroys_the_model_with_its_copies_and_is_fulfilled(home, registry):
    write_map(home, INTENT + OTHER)
    stays = registry.model(registry.run())
    registry.register("other", f"models:/{stays}")
    run = home.erase(ANNA)
    assert run.state is OrderState.FULFILLED, run.reasons
    assert home.search(registry.intent, where=("world",)) == []
    assert home.search(stays, where=("world",)) != []


ORDER = """\
version: 1
name: In the Matter of the Household
authority: a regulator
docket: C-1
source: written for this test
facts: ["what was collected goes, and what was learnt from it"]
entered: "2021-05-01"
covered: {kinds: [raw]}
limbs:
  work-product: {provision: I, takes: [model, algorithm], direction: retroactive, trigger: used, clocks: {delete: 90 days}}
statement: {by: a representative, penalty: true, clocks: {statement: 90 days}}
"""


def test_an_order_of_destruction_takes_what_the_registry_tells_and_never_takes_a_dark_model_for_clean(home, registry):
    write_map(home, INTENT)
    registry.register("stranger", f"models:/{registry.model(registry.run())}")
    path = home.folder / "order.yaml"
    path.write_text(ORDER)
    with home.open() as opened:
        (found,) = opened.disgorgements.preview(opened.disgorgements.read(path))
        standing = opened.disgorgements.enter(opened.disgorgements.read(path))
        (unknown,) = opened.disgorgements.look(standing.id)[0].unknown
    assert [each.dataset for each in found.hits] == ["intent"]
    assert unknown.item.startswith("undeclared:model:")
    assert "stranger" not in unknown.item
    assert "nobody can tell" in unknown.why
    with home.open() as opened:
        opened.disgorgements.decide(standing.id, unknown.item, tainted=False, by="Priya", reason="random weights for load tests")
        assert opened.disgorgements.look(standing.id)[0].unknown == ()
