"""An activity asks for no more than it needs: the map says why, and whatever else is asked for may be refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from expunge.bootstrap import Expunge
from expunge.maps import MapFaults, read_map
from expunge.stores import Kinds
from tests.cli.running import expunge as command

MAP = """\
version: 1
state: ./state
identities: {child: {dataset: children, key: child_id}}
stores: {app: {kind: sqlite, url: "sqlite:///app.db"}}
retention: {life: {period: 30 days, from: at, purpose: answer, need: the service}}
guardians: {child: 13 years}
datasets:
  children: {store: app, table: children, subject: {child: child_id}, retention: life}
  voice: {store: app, table: voice, subject: {child: child_id}, retention: life}
  places: {store: app, table: places, subject: {child: child_id}, retention: life}
  words: {store: app, table: words, subject: {child: child_id}, derived_from: [voice], on_erase: erase, retention: life}
texts: {better: [{version: 1, file: better.md}]}
purposes:
  better: {description: make it better, needs: consent, use: training, datasets: [places], text: better}
  answering:
    description: answer what was asked
    needs: contract
    use: collection
    datasets: [children, voice, words]
    because: {voice: the answer is made from what was said, children: an answer is for somebody who is there}
"""
MORE = MAP.replace("datasets: [children, voice, words]", "datasets: [children, voice, words, places]")


def written(folder: Path, text: str) -> Path:
    (folder / "better.md").write_text("We would like to learn from where you were.\n")
    (folder / "expunge.yaml").write_text(text)
    return folder / "expunge.yaml"


def today(path: Path) -> str:
    if not (path.parent / "state").exists():
        Expunge.init(path)
    with Expunge.open(path) as opened:
        return next(f"{each.today.value}: {each.why}" for each in opened.dues.obligations() if each.duty.id == "COP-12")


@pytest.mark.duty("COP-12")
def test_only_what_the_map_says_is_needed_may_be_required(tmp_path: Path) -> None:
    path = written(tmp_path, MORE)
    said = command("retention", "may-require", "answering", "voice", "places", "--json", "--map", path)
    assert said.code == 1
    assert [(each["dataset"], each["allowed"]) for each in said.json["answers"]] == [("voice", True), ("places", False)]
    assert said.json["answers"][0]["reason"] == "the answer is made from what was said"
    # Whoever does not agree loses nothing by it.
    agreed = command("retention", "may-require", "better", "places", "--json", "--map", path)
    assert (agreed.code, agreed.json["answers"][0]["reason"]) == (1, "it rests on consent, which nothing else may depend on")
    assert command("retention", "may-require", "answering", "voice", "--map", path).code == 0


@pytest.mark.duty("COP-12")
def test_what_is_asked_of_children_and_not_needed_counts(tmp_path: Path) -> None:
    assert today(written(tmp_path, MAP)).startswith("met: ")
    assert today(written(tmp_path, MORE)).startswith("no: places: answering does not say why it cannot be done without")
    unused = MAP.replace("datasets: [places]", "datasets: [voice]")
    assert today(written(tmp_path, unused)).startswith("no: places: no purpose uses it")


@pytest.mark.duty("COP-12")
def test_the_policy_says_what_an_activity_needs_and_why(tmp_path: Path) -> None:
    path = written(tmp_path, MAP)
    Expunge.init(path)
    with Expunge.open(path) as opened:
        said = {each.claim.id: each.claim.sentence for each in opened.retention.claims()}
    assert said["needs.answering"].startswith(
        "Without this we cannot answer what was asked: voice, because the answer is made from what was"
    )


@pytest.mark.parametrize(
    ("because", "what"), [("{voice: needed}", "no reason"), ("{places: the answer is made from it}", "places"), ("{voice: }", "because")]
)
def test_a_reason_is_a_sentence_about_a_dataset_of_the_purpose(tmp_path: Path, because: str, what: str) -> None:
    before = "{voice: the answer is made from what was said, children: an answer is for somebody who is there}"
    with pytest.raises(MapFaults) as faults:
        read_map(written(tmp_path, MAP.replace(before, because)), {}, kinds=Kinds())
    assert what in str(faults.value)
