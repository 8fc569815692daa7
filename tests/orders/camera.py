"""A camera company with an approver, for what orders of destruction need decided, signed and stated."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from expunge.bootstrap import Expunge
from expunge.core.disgorgement.disgorgement_events import DisgorgementState, ItemExcepted, claim
from expunge.core.note import Algorithm, VerifierKey
from expunge.core.values.order import OrderState
from tests.orders.worlds import LINEAGE, ORDERS, World, noise

MAP = """\
approvers: {chief: "KEY"}
identities:
  account: {dataset: accounts, key: account_id}
datasets:
  accounts: {store: app, table: accounts, subject: {account: account_id}, retention: life}
  recordings: {store: media, path: "video/{account_id}/{recording_id}.mp4", subject: {account: account_id}, retention: life,
               categories: [user.content.video], reviewed_by: {dataset: reviews, via: recording_id, at: reviewed_at}}
  reviews: {store: app, table: reviews, subject: {through: recordings, via: recording_id}, kind: label set, derived_from: [recordings],
            on_erase: erase, retention: life}
  faces: {store: app, table: faces, subject: {account: account_id}, kind: embedding, collected: made_at, derived_from: [recordings],
          on_erase: erase, retention: life}
  models: {store: registry, path: ["models/{model}.bin", "models/{model}.json"], artefact: model, kind: model, derived_from: [reviews],
           on_erase: destroy}
"""


@dataclass
class Home:
    """A camera company with an approver, and an order that was entered."""

    world: World
    key: Ed25519PrivateKey

    @contextmanager
    def open(self) -> Iterator[Expunge]:
        with self.world.open() as opened:
            yield opened

    def enter(self, name: str = "ring") -> DisgorgementState:
        with self.open() as opened:
            return opened.disgorgements.enter(opened.disgorgements.read(ORDERS / f"{name}.yaml"))

    def carry_out(self, standing: DisgorgementState) -> dict[str, OrderState]:
        states = {}
        with self.open() as opened:
            for each in standing.examined:
                if each.order is None or opened.status(each.order).state is not OrderState.FENCED:
                    continue
                opened.plan(each.order)
                signed = base64.b64encode(self.key.sign(opened.approval_message(each.order))).decode()
                opened.approve(each.order, "chief", signed)
                states[each.limb] = opened.apply(each.order).state
        return states

    def sign(self, wanted: ItemExcepted) -> str:
        return base64.b64encode(self.key.sign(claim(wanted))).decode()


def build(tmp_path: Path) -> Home:
    world, key = World(tmp_path), Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    (tmp_path / "chief.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    world.table("accounts", "account_id TEXT PRIMARY KEY, at TEXT", [(f"acc-{n}", "2016") for n in range(3)])
    for n in range(3):
        world.file(f"media/video/acc-{n}/rec-{n}.mp4")
    reviews = [("rec-0", "person", "2017-05-02", "2017"), ("rec-1", "dog", "2017-06-02", "2017"), ("rec-2", "cat", "2020-01-01", "2020")]
    world.table("reviews", "recording_id TEXT, label TEXT, reviewed_at TEXT, at TEXT", reviews)
    faces = [(f"face-{n}", f"acc-{n}", noise(f"face {n}", 512), "2017-01-01", "2017") for n in range(3)]
    world.table("faces", "face_id TEXT PRIMARY KEY, account_id TEXT, vector BLOB, made_at TEXT, at TEXT", faces)
    world.model("person", "reviews")
    world.model("edge", "models/person", how="distilled from")
    world.declare(MAP.replace("KEY", str(VerifierKey("chief", Algorithm.ED25519, public))) + LINEAGE)
    return Home(world, key)
