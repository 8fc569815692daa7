"""A person erased at noon: refused by the gate, by ingest, by a training job started at one, and by a replayed stream, each of which
asks the snapshot that the installation publishes. The manifest of the model made in the morning says that they were in it."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import MutableMapping
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pytest
import redis

from expunge import Expunge
from expunge.core.gate.gate_snapshot import Contents, former_entry
from expunge.core.journal import events as ev
from expunge.engine.gate import fencing
from expunge.engine.kernel.journal_streams import SUPPRESSIONS, register
from expunge.gate import Gate, GateReason, Subject, settings
from expunge.gate.manifests import ManifestWriter
from expunge.gate.streams import GatedStream
from expunge.gate.training import iterable
from expunge.gate.web import AsgiGate, Ingest, Whose
from tests.cli import world
from tests.cli.running import expunge
from tests.gate.torch_stand_in import torch

__all__ = ["torch"]

MIA, TOM = "p-mia", "p-tom"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("company")
    world.make(folder)
    expunge("init", cwd=folder)
    return folder


@pytest.fixture
def company(made: Path, tmp_path: Path) -> Path:
    copy = shutil.copytree(made, tmp_path / "company")
    expunge("gate", "publish", cwd=copy)
    expunge("gate", "key", "train-intent", "--to", "pipeline", cwd=copy)
    return copy


def given(company: Path) -> settings.Settings:
    return settings.read({"EXPUNGE_GATE": str(company / "pipeline" / "gate.toml")}, company)


def train(company: Path, name: str) -> Path:
    """A training job: what it learned from is in its manifest."""
    had = given(company)
    gate = had.gate()
    assert had.pipeline is not None
    manifest = ManifestWriter(had.pipeline, name, "train", gate.now)
    passed = gate.allowed(pa.table({"profile_id": [MIA, TOM]}), "profile_id", "profile", "train", manifest=manifest)
    manifest.save(company / name, passed.tally)
    return company / name


def posted(gate: Gate, name: str) -> int:
    sent: list[MutableMapping[str, Any]] = []

    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 201, "headers": []})

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": json.dumps({"profile_id": name}).encode()}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    front = AsgiGate(app, Ingest(gate, Whose("profile", field="profile_id"), "take in"))
    asyncio.run(front({"type": "http", "method": "POST", "path": "/", "headers": []}, receive, send))
    return int(sent[0]["status"])


@pytest.mark.duty("AMZ-08")
def test_erased_at_noon_refused_everywhere_from_one_and_still_found_in_the_morning_s_model(
    company: Path, torch: ModuleType, stream: redis.Redis
) -> None:
    gate = given(company).gate()
    for name in (MIA, TOM):
        stream.xadd("voice", {"profile_id": name})
    assert (posted(gate, MIA), posted(gate, TOM)) == (201, 201)
    morning = train(company, "morning")

    # Noon.
    expunge("order", "erase", f"profile:{MIA}", "--yes", cwd=company)

    assert [gate.may_use(f"profile:{name}", "train").reason for name in (MIA, TOM)] == [GateReason.SUPPRESSED, GateReason.NOT_SUPPRESSED]
    assert (posted(gate, MIA), posted(gate, TOM)) == (403, 201)
    assert list(iterable([MIA, TOM], lambda sample: sample, "profile", "train", gate)) == [TOM]
    stream.xgroup_create("voice", "again", "0")
    replayed = GatedStream(stream, "voice", "again", "one", gate, "profile", "train", "profile_id", block_ms=10)
    assert [fields[b"profile_id"] for _, fields in replayed.messages()] == [TOM.encode()]
    one = train(company, "one")

    # Later somebody asks; the identifiers that the installation had are gone by then, and are not needed.
    order = expunge("status", "--json", cwd=company).json["orders"][0]["order"]
    expunge("plan", order, cwd=company)
    assert expunge("apply", order, "--yes", cwd=company).code == 0
    assert [expunge("gate", "was-in", model, f"profile:{MIA}", cwd=company).code for model in (morning, one)] == [0, 3]
    assert [expunge("gate", "was-in", model, f"profile:{TOM}", cwd=company).code for model in (morning, one)] == [0, 0]


def test_who_was_suppressed_by_a_version_before_format_2_stays_suppressed(company: Path) -> None:
    with Expunge.open(company / "expunge.yaml") as opened:
        context = opened.context
        entry = former_entry(context.keys.gate_key(), "profile", MIA).hex()
        old = expunge("order", "erase", "profile:p-ada", "--yes", "--json", cwd=company).json["order"]
        register(context.journal, SUPPRESSIONS, ev.Suppressed(context.clock.now(), old, ("x",), (entry,)))
        assert opened.gates.publish() == 1
        answers = [bool(opened.gate().may_use(Subject("profile", name), "train")) for name in (MIA, TOM)]
    assert answers == [False, True]
    assert expunge("status", cwd=company).code == 0, "the published snapshot holds nobody whom the journal does not know"


def test_workers_renew_a_snapshot_before_pipelines_find_it_too_old_and_not_at_every_look(company: Path) -> None:
    with Expunge.open(company / "expunge.yaml") as opened:
        opened.gates.publish()
        snapshot = company / "state" / "gate" / "snapshot"
        young = snapshot.read_bytes()
        fencing.renew(opened.context)
        assert snapshot.read_bytes() == young
        now = opened.context.clock.now()
        for age, renewed in ((timedelta(seconds=10), False), (timedelta(seconds=30), True)):
            opened.context.publish_gate(now - age, Contents())
            before = snapshot.read_bytes()
            fencing.renew(opened.context)
            assert (snapshot.read_bytes() != before) is renewed
        snapshot.write_bytes(b"forged")
        fencing.renew(opened.context)
        assert opened.gate().may_use(Subject("profile", TOM), "train")
        snapshot.unlink()
        fencing.renew(opened.context)
        assert opened.gate().may_use(Subject("profile", TOM), "train")
