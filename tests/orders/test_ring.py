"""The camera order: only what was reviewed and annotated before its date, all face embeddings before it, and what annotation taught."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.orders.worlds import LINEAGE, World, fulfilled, noise

MAP = """\
identities:
  account: {dataset: accounts, key: account_id}
datasets:
  accounts: {store: app, table: accounts, subject: {account: account_id}, retention: life}
  recordings:
    store: media
    path: "video/{account_id}/{recording_id}.mp4"
    subject: {account: account_id}
    categories: [user.content.video]
    retention: life
    reviewed_by: {dataset: reviews, via: recording_id, at: reviewed_at}
  captions:
    {store: app, table: captions, subject: {through: recordings, via: recording_id}, kind: transcript, derived_from: [recordings],
     on_erase: erase, retention: life}
  reviews:
    {store: app, table: reviews, subject: {through: recordings, via: recording_id}, kind: label set, derived_from: [recordings],
     on_erase: erase, retention: life}
  faces:
    {store: app, table: faces, subject: {account: account_id}, kind: embedding, collected: made_at, derived_from: [recordings],
     on_erase: erase, retention: life}
  label_sets:
    {store: registry, path: "labels/{label_set}.csv", artefact: label_set, kind: label set, derived_from: [reviews], on_erase: destroy}
  models:
    store: registry
    path: ["models/{model}.bin", "models/{model}.json"]
    artefact: model
    kind: model
    derived_from: [label_sets, recordings]
    on_erase: {keep: "the business needs its models"}
  rules: {store: registry, path: "rules/{rule}.txt", kind: algorithm, derived_from: [models], on_erase: destroy, retention: life}
"""


@pytest.fixture
def ring(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.table("accounts", "account_id TEXT PRIMARY KEY, at TEXT", [(f"acc-{n}", "2016-01-01") for n in range(4)])
    for n in range(4):
        for number in range(3):
            world.file(f"media/video/acc-{n}/rec-{n}-{number}.mp4")
    spoken = [(f"rec-{n}-{number}", noise(f"said {n} {number}", 40).hex(), "2017-01-01") for n in range(4) for number in range(3)]
    world.table("captions", "recording_id TEXT, text TEXT, at TEXT", spoken)
    world.table(
        "reviews",
        "recording_id TEXT, reviewer TEXT, label TEXT, reviewed_at TEXT, at TEXT",
        [
            ("rec-0-0", "r1", "person", "2017-05-02T10:00:00", "2017"),
            ("rec-1-1", "r2", "dog", "2018-02-28T23:59:59", "2018"),
            ("rec-2-2", "r1", "car", "2018-03-01T00:00:00", "2018"),
            ("rec-3-0", "r1", "person", "2021-07-01", "2021"),
        ],
    )
    faces = [
        (f"face-{n}-{year}", f"acc-{n}", noise(f"face {n} {year}", 512), f"{year}-06-01")
        for n in range(4)
        for year in (2016, 2017, 2018, 2022)
    ]
    world.table("faces", "face_id TEXT PRIMARY KEY, account_id TEXT, vector BLOB, made_at TEXT", faces)
    world.file("registry/labels/people-2017.csv")
    world.made("label_sets/people-2017", "reviews", "exported from", "2017-06-01")
    world.model("person-2017", "label_sets/people-2017", created="2017-07-01")
    world.model("person-2019", "models/person-2017", how="fine-tuned from", created="2019-01-01")
    world.model("doorbell-small", "models/person-2019", how="distilled from", created="2020-01-01")
    world.model("committee", "models/motion-2016", "models/doorbell-small", how="member of", created="2022-01-01")
    world.model("motion-2016", "recordings", created="2016-02-01")
    world.made("models/retired", "recordings", "trained on", "2015-01-01")
    world.model("motion-2018", "models/retired", how="fine-tuned from", created="2018-02-01")
    world.file("registry/rules/when-to-ring.txt")
    world.declare(MAP + LINEAGE)
    return world


GONE_VIDEO = {"media/video/acc-0/rec-0-0.mp4", "media/video/acc-1/rec-1-1.mp4"}


@pytest.mark.duty("RNG-02", "RNG-03", "RNG-04", "DSG-01", "DSG-02")
def test_only_what_was_annotated_before_its_date_goes_with_all_embeddings_before_it_and_all_that_annotation_taught(ring: World) -> None:
    before = ring.files()
    standing, runs = ring.carry_out("ring")
    assert fulfilled(runs) == {"recordings", "face-embeddings", "work-product"}
    assert before - ring.files() == GONE_VIDEO | {
        f"registry/models/{name}.{end}" for name in ("person-2017", "person-2019", "doorbell-small", "committee") for end in ("bin", "json")
    } | {"registry/rules/when-to-ring.txt"}
    assert ring.models() == {"motion-2016", "motion-2018"}, "what nobody's annotation went into stays"
    assert {each[-4:] for each in ring.rows("faces", "face_id")} == {"2018", "2022"}
    assert len(ring.rows("faces", "face_id")) == 8
    assert set(ring.rows("captions", "recording_id")) == {f"rec-{n}-{number}" for n in range(4) for number in range(3)} - {
        "rec-0-0",
        "rec-1-1",
    }
    by_limb = {each.limb: each for each in standing.examined}
    assert by_limb["recordings"].items == {"recordings": 2, "captions": 2}
    assert by_limb["face-embeddings"].items == {"faces": 8}
    assert by_limb["work-product"].artefacts == {"models": ("committee", "doorbell-small", "person-2017", "person-2019")}


@pytest.mark.duty("DSG-02")
def test_each_hit_is_shown_with_the_path_from_the_annotation_to_it(ring: World) -> None:
    with ring.open() as opened:
        found = {each.limb.name: each for each in opened.disgorgements.preview(opened.disgorgements.read(Path("orders/ring.yaml")))}
    (models, rules) = sorted(found["work-product"].hits, key=lambda each: each.dataset)
    assert rules.paths["rules"][-2].how == "part of"
    assert found["work-product"].unknown == ()
    steps = [(each.source, each.how) for each in models.paths["models/committee"]]
    assert steps == [
        ("reviews", "exported from"),
        ("label_sets/people-2017", "trained on"),
        ("models/person-2017", "fine-tuned from"),
        ("models/person-2019", "distilled from"),
        ("models/doorbell-small", "member of"),
    ]
    assert ("models/motion-2016", "nothing that it was made from is covered") in {
        (each.item, each.why) for each in found["work-product"].stays
    }
    assert ring.models() >= {"committee"}, "a preview changes nothing"
