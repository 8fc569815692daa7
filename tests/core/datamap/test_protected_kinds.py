"""Which kinds of data a map has follows from the categories of its datasets, and from what they were made from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from expunge.core.datamap.artefact import ArtefactKind, DataKind
from expunge.core.datamap.datamap import ModelLayout, PathLayout
from expunge.core.datamap.protected_kinds import ProtectedKind, in_scope, is_geolocation, kind_held, kinds_said
from expunge.core.discovery import coordinates
from expunge.maps import read_map
from expunge.stores import Kinds

MAP = """\
version: 1
state: ./state
identities:
  account: {dataset: accounts, key: account_id}
  child: {dataset: children, key: child_id, member_of: account}
stores:
  app: {kind: sqlite, url: "sqlite:///app.db"}
retention: {life: {period: 30 days, from: at, purpose: answer, need: the service}}
guardians: {child: 13 years}
datasets:
  accounts: {store: app, table: accounts, subject: {account: account_id}, retention: life, categories: [user.contact]}
  children: {store: app, table: children, subject: {child: child_id}, retention: life, categories: [user.childrens]}
  calls: {store: app, table: calls, subject: {account: account_id}, retention: life, categories: [user.content.audio]}
  voice: {store: app, table: voice, subject: {child: child_id}, retention: life, categories: [user.content.audio]}
  words: {store: app, table: words, subject: {through: voice, via: recording}, derived_from: [voice], on_erase: erase}
  prints: {store: app, table: prints, subject: {through: voice, via: recording}, derived_from: [voice], on_erase: erase, kind: embedding,
           categories: [user.unique_id]}
  topics: {store: app, table: topics, subject: {through: voice, via: recording}, derived_from: [words], on_erase: erase,
           categories: [user.behavior]}
  places: {store: app, table: places, subject: {child: child_id}, retention: life, categories: [user.location.imprecise]}
  heatmap: {store: app, table: heat, retention: life, categories: [user.location.precise],
            aggregate: {reason: "how often anybody was where, in cells of a kilometre", safeguards: "ten people at least in each cell",
                        prohibition: "nobody may look for people in it", release: "two people look at each release",
                        no_attempt: "nobody here tries to find anyone"}}
"""


@pytest.mark.duty("COP-01")
def test_what_is_in_scope_follows_from_categories_and_from_sources(tmp_path: Path) -> None:
    (tmp_path / "expunge.yaml").write_text(MAP)
    found = {each.kind: each for each in in_scope(read_map(tmp_path / "expunge.yaml", {}, kinds=Kinds()))}
    # What has categories of its own is of those; what has none is of its sources; what tells a voice apart is biometric whatever it says.
    assert found[ProtectedKind.VOICE].datasets == ("calls", "voice", "words")
    assert found[ProtectedKind.VOICE].children == ("voice", "words")
    assert found[ProtectedKind.BIOMETRIC].datasets == ("prints",)
    assert found[ProtectedKind.BIOMETRIC].children == ("prints",)
    assert found[ProtectedKind.LOCATION].datasets == ("places",)
    assert found[ProtectedKind.IMAGE].datasets == ()


@pytest.mark.duty("COP-01")
@pytest.mark.parametrize(
    ("category", "kinds"),
    [
        ("user.biometrics.voice", {ProtectedKind.BIOMETRIC, ProtectedKind.VOICE}),
        ("user.biometrics.face", {ProtectedKind.BIOMETRIC}),
        ("user.biometrics.gait", {ProtectedKind.BIOMETRIC}),
        ("user.content.video", {ProtectedKind.IMAGE, ProtectedKind.VOICE}),
        ("user.content.photo.profile", {ProtectedKind.IMAGE}),
        ("user.location", {ProtectedKind.LOCATION}),
        ("user.locations_of_shops", set()),
        ("user.device.location", {ProtectedKind.LOCATION}),
        ("user.device.gps_coordinates.raw", {ProtectedKind.LOCATION}),
        ("user.device.ip_address", set()),
        ("user.content", set()),
        ("user", set()),
    ],
)
def test_a_category_says_the_kinds_that_rules_speak_of(category: str, kinds: set[ProtectedKind]) -> None:
    assert kinds_said((category,)) == kinds


@pytest.mark.duty("AMZ-06")
@pytest.mark.parametrize(
    ("latitude", "linkable", "counts"),
    [
        ("52.52", True, True),
        ("52.5", True, True),
        ("52.520", False, False),
        ("52.52", False, False),
        ("52.521", False, True),
        ("52.521", True, True),
        ("525210000", False, True),
        ("525200000", False, False),
    ],
)
def test_places_are_out_of_scope_only_where_coarse_and_of_no_person(latitude: str, *, linkable: bool, counts: bool) -> None:
    assert is_geolocation(coordinates.decimals(latitude), linkable=linkable) is counts


def test_people_are_told_what_a_dataset_holds_as_far_as_the_map_says_it(tmp_path: Path) -> None:
    (tmp_path / "expunge.yaml").write_text(MAP)
    told = read_map(tmp_path / "expunge.yaml", {}, kinds=Kinds())
    assert kind_held(told, "prints") is DataKind.VOICEPRINT
    assert kind_held(told, "places") is DataKind.LOCATION
    # A row about a voice need not be a recording, and what was made from one is none.
    assert {kind_held(told, name) for name in ("calls", "words", "topics")} == {DataKind.RECORD}
    voice = told.datasets["voice"]
    files = PathLayout(("voice/{child_id}/{recording}.flac",))
    for categories, kind in (
        (("user.content.audio",), DataKind.VOICE),
        (("user.content.video",), DataKind.VIDEO),
        (("user.content.photo",), DataKind.PICTURE),
        (("user.behavior",), DataKind.RECORD),
    ):
        media = replace(voice, layout=files, categories=categories)
        assert kind_held(replace(told, datasets={**told.datasets, "voice": media}), "voice") is kind
    stated = replace(voice, holds=DataKind.CONVERSATION, layout=ModelLayout("intents"))
    assert kind_held(replace(told, datasets={**told.datasets, "voice": stated}), "voice") is DataKind.CONVERSATION
    model = replace(voice, layout=ModelLayout("intents"))
    assert kind_held(replace(told, datasets={**told.datasets, "voice": model}), "voice") is DataKind.MODEL
    for source, kind in (
        (replace(voice, categories=("user.content.photo",)), DataKind.FACEPRINT),
        (replace(voice, categories=("user.content.video",)), DataKind.EMBEDDING),
        (replace(voice, categories=("user.biometrics.voice",), kind=ArtefactKind.TRANSCRIPT), DataKind.EMBEDDING),
    ):
        assert kind_held(replace(told, datasets={**told.datasets, "voice": source}), "prints") is kind
