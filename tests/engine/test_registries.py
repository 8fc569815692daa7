"""Models in a registry, seen through the whole product: what nobody declared is in the way of an order, what is declared goes with it."""

from __future__ import annotations

import pytest

from expunge.core.order import OrderState
from tests.engine.household import ANNA, MAP, Household
from tests.stores.mlflow_company import Registry

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
