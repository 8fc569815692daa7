"""The voice-assistant order: no older model is destroyed, and deleted data enters nothing that is made after its deletion was processed."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from expunge.core.disgorgement.forward_limb import ForwardFinding
from expunge.core.values.order import OrderState
from expunge.errors import IllegalTransition
from expunge.gate import Subject
from tests.orders.worlds import LINEAGE, ORDERS, World, noise

MAP = """\
identities:
  profile: {dataset: profiles, key: profile_id}
datasets:
  profiles: {store: app, table: profiles, subject: {profile: profile_id}, retention: life}
  voice: {store: media, path: "voice/{profile_id}/{recording_id}.wav", subject: {profile: profile_id}, retention: life,
          categories: [user.biometrics.voice]}
  transcripts: {store: app, table: transcripts, subject: {through: voice, via: recording_id}, kind: transcript, derived_from: [voice],
                on_erase: erase, retention: life}
  summaries: {store: app, table: summaries, subject: {profile: profile_id}, kind: derived data, derived_from: [transcripts],
              on_erase: erase, retention: life}
  snapshots: {store: registry, path: "snapshots/{snapshot}.csv", artefact: snapshot, derived_from: [transcripts],
              on_erase: {keep: "made of people who agreed"}}
  models:
    store: registry
    path: ["models/{model}.bin", "models/{model}.json"]
    artefact: model
    kind: model
    derived_from: [transcripts, snapshots]
    on_erase: {keep: "an older model stays"}
"""
CHILD = "prf-anna-7Q2M9K4T"


@pytest.fixture
def assistant(tmp_path: Path) -> World:
    world = World(tmp_path)
    people = (CHILD, "prf-bela-3R8W1Z6P", "prf-cara-9D4F2H7S")
    world.table("profiles", "profile_id TEXT PRIMARY KEY, at TEXT", [(each, "2022") for each in people])
    for each in people:
        world.file(f"media/voice/{each}/rec-{each[4:8]}-X7Q2.wav")
    spoken = [(f"rec-{each[4:8]}-X7Q2", noise(f"said {each}", 60).hex(), "2022") for each in people]
    world.table("transcripts", "recording_id TEXT, text TEXT, at TEXT", spoken)
    world.table("summaries", "profile_id TEXT, text TEXT, at TEXT", [(each, noise(f"sum {each}", 60).hex(), "2022") for each in people])
    world.file("registry/snapshots/of-2022.csv")
    world.made("snapshots/of-2022", "transcripts", "exported from", "2022-12-01", "2022-12-01")
    world.model("intent-2023", "snapshots/of-2022", created="2023-01-01", read="2022-12-31")
    world.declare(MAP + LINEAGE)
    return world


def erase(world: World, name: str) -> datetime:
    """When the deletion had been processed."""
    with world.open() as opened:
        order = opened.order_erase([opened.resolve(name)]).order
        meanwhile = opened.status(order).received.at + timedelta(milliseconds=1)
        world.model("intent-meanwhile", "transcripts", created=iso(meanwhile), read=iso(meanwhile - timedelta(hours=1)))
        opened.plan(order)
        run = opened.apply(order)
        assert run.state in (OrderState.FULFILLED, OrderState.IN_PART), run.reasons
        assert run.ended_at is not None
        return run.ended_at


def found(world: World, name: str) -> dict[str, ForwardFinding]:
    with world.open() as opened:
        (limb,) = opened.disgorgements.forward(name)
    return {each.product.name: each.finding for each in limb.judged}


def entered(world: World) -> str:
    with world.open() as opened:
        standing = opened.disgorgements.enter(opened.disgorgements.read(ORDERS / "amazon-alexa.yaml"))
    assert standing.examined == (), "an order that looks forward takes nothing"
    return standing.id


def iso(at: datetime) -> str:
    return at.isoformat()


@pytest.mark.duty("AMZ-08", "DSG-01")
def test_no_older_model_is_destroyed_and_new_use_of_deleted_data_is_blocked_and_found(assistant: World) -> None:
    before = assistant.models()
    name = entered(assistant)
    processed = erase(assistant, f"profile:{CHILD}")
    hour = timedelta(hours=1)
    assistant.model("intent-next", "snapshots/of-2022", created=iso(processed + hour), read=iso(processed + hour))
    assistant.model("intent-stale", "transcripts", created=iso(processed + hour), read=iso(processed - hour))
    assistant.model("intent-clean", "transcripts", created=iso(processed + 2 * hour), read=iso(processed + hour))
    assistant.model("intent-tuned", "models/intent-2023", how="fine-tuned from", created=iso(processed + hour), read=iso(processed + hour))
    assistant.model("intent-undated", "transcripts", created=iso(processed + hour))
    assistant.model("intent-mystery", created=None)
    judged = found(assistant, name)
    assert {key: judged[key] for key in judged if key.startswith("models/")} == {
        "models/intent-2023": ForwardFinding.BEFORE,
        "models/intent-meanwhile": ForwardFinding.BEFORE,
        "models/intent-next": ForwardFinding.VIOLATION,
        "models/intent-stale": ForwardFinding.VIOLATION,
        "models/intent-clean": ForwardFinding.CLEAN,
        "models/intent-tuned": ForwardFinding.RELIES,
        "models/intent-undated": ForwardFinding.UNKNOWN,
        "models/intent-mystery": ForwardFinding.UNKNOWN,
    }
    assert judged["summaries"] is ForwardFinding.CLEAN, "whoever is erased is erased from it"
    assert judged["snapshots/of-2022"] is ForwardFinding.BEFORE
    assert assistant.models() >= before, "no older model goes"
    with assistant.open() as opened:
        assert not opened.gate().may_use(Subject("profile", CHILD), "training").allowed
        assert opened.gate().may_use(Subject("profile", "prf-bela-3R8W1Z6P"), "training").allowed


@pytest.mark.duty("AMZ-08", "DSG-07")
def test_the_statement_waits_until_what_holds_deleted_data_is_gone_and_the_unknown_is_decided(assistant: World) -> None:
    name = entered(assistant)
    processed = erase(assistant, f"profile:{CHILD}")
    hour = timedelta(hours=1)
    assistant.model("intent-stale", "transcripts", created=iso(processed + hour), read=iso(processed - hour))
    assistant.model("intent-mystery")
    with assistant.open() as opened:
        with pytest.raises(IllegalTransition) as caught:
            opened.disgorgements.statement(name)
        assert "models/intent-stale holds or builds on deleted data" in caught.value.message
        assert "models/intent-mystery is unknown and undecided" in caught.value.message
        opened.disgorgements.decide(name, "models/intent-mystery", tainted=False, by="Priya", reason="a copy of the public model")
    for end in ("bin", "json"):
        (assistant.folder / f"world/registry/models/intent-stale.{end}").unlink()
    with assistant.open() as opened:
        drafted = opened.disgorgements.statement(name)
    (part,) = drafted.draft.parts
    assert [(each.number, each.text) for each in part.lines] == [
        (1, "deletions were processed"),
        (2, "products: clean"),
        (3, "products: made before"),
        (0, "products: relies on a product made before"),
    ]
    assert not drafted.draft.perjury


def test_before_anything_was_deleted_everything_is_clean(assistant: World) -> None:
    assert set(found(assistant, entered(assistant)).values()) == {ForwardFinding.CLEAN}
