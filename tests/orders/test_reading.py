"""Orders as files: sound ones arrive whole, faulty ones are explained with file, line and what to write instead, all at once."""

from __future__ import annotations

import json
import random
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.datamap.artefact import ArtefactKind
from expunge.core.disgorgement.disgorgement import Direction, Disgorgement, Trigger
from expunge.core.disgorgement.taint import Ancestry, Derivation
from expunge.core.values import canonical, codec
from expunge.errors import Misconfigured
from expunge.maps.destruction import OrderFaults, json_schema, read_order
from expunge.maps.destruction.words import RULES
from tests.orders.worlds import ORDERS

FILES = sorted(ORDERS.glob("*.yaml"))
SOUND = """\
version: 1
name: Somebody v. Company
authority: Somebody
docket: "1"
source: a page
facts: ["I: recordings go"]
entered: "2024-05-01"
covered: {kinds: [raw], categories: [user.content]}
limbs:
  recordings:
    provision: I
    takes: [raw]
    direction: retroactive
    trigger: collected
    since: "2020-01-01"
    before: "2024-01-01"
    clocks: {delete: 30 days}
  models:
    provision: II
    takes: [model, algorithm]
    direction: retroactive
    trigger: used
exemptions:
  law: {ground: a law, authority: the order, limbs: [recordings, models], kinds: [raw]}
recipients:
  partner: {limbs: [recordings]}
  broker: {limbs: [recordings], given_by: partner}
statement: {by: the president, clocks: {statement: {within: 90 days, of: entry}}}
"""
FAULTS = {
    "impossible-window": ('before: "2024-01-01"', 'before: "2019-01-01"', 10, "nothing lies from 2020-01-01 on and before 2019-01-01"),
    "bad-kind": ("takes: [model, algorithm]", "takes: [model, algoritm]", 20, "did you mean 'algorithm'"),
    "circular-recipients": ("partner: {limbs: [recordings]}", "partner: {limbs: [recordings], given_by: broker}", 27, "in a circle"),
    "overlapping-exemptions": (
        "  law: {", "  hold: {ground: a hold, authority: a court, limbs: [recordings]}\n  law: {", 25, "which ends it?"
    ),
    "unknown-limb": ("limbs: [recordings, models]", "limbs: [recordings, modles]", 24, "did you mean 'models'"),
    "unknown-recipient": ("given_by: partner", "given_by: nobody", 27, "who is no recipient"),
    "used-takes-covered": ("takes: [model, algorithm]", "takes: [model, raw]", 18, "not the data itself (raw)"),
    "exemption-of-nothing": ("kinds: [raw]}\nrec", "kinds: [software]}\nrec", 24, "lets nothing stay"),
    "bad-word": ("trigger: used", "trigger: seen", 22, "not one of collected, used, reviewed or annotated"),
    "bad-date": ('since: "2020-01-01"', "since: last spring", 15, "not understood"),
    "bad-period": ("delete: 30 days", "delete: soon", 17, "not understood"),
    "missing-key": ("authority: Somebody\n", "", 1, "lacks 'authority'"),
    "unknown-key": ("provision: II\n", "provision: II\n    provison: II\n", 20, "did you mean 'provision'"),
    "coerced-value": ('entered: "2024-05-01"', "entered: 2024-05-01", 7, "read by YAML as a date"),
    "bad-version": ("version: 1", "version: 2", 1, "reads orders of version 1"),
    "no-limbs": (SOUND[SOUND.index("limbs:") : SOUND.index("exemptions:")], "limbs: {}\n", 9, "takes nothing"),
    "chooses-nobody": ("trigger: used\n", "trigger: used\n    subjects: {dataset: people}\n", 23, "it is everybody"),
    "reviewed-of-some": (
        "trigger: collected\n", "trigger: reviewed or annotated\n    subjects: closed\n", 10, "found by the reviews"
    ),
    "bad-category": ("categories: [user.content]", "categories: [videos]", 8, "no Fideslang category"),
}  # fmt: skip


def written(folder: Path, text: str) -> Path:
    path = folder / "order.yaml"
    path.write_text(text)
    return path


@pytest.mark.duty("DSG-01")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_order_of_the_table_is_sound_and_survives_the_register(path: Path) -> None:
    order = read_order(path)
    assert order.facts
    assert order.limbs
    back = codec.from_json(Disgorgement, canonical.decode(canonical.encode(codec.to_json(order))))
    assert back == order
    jsonschema.validate(yaml.safe_load(path.read_text()), json_schema())


def test_the_table_is_there_row_by_row() -> None:
    assert [path.stem for path in FILES] == [
        "amazon-alexa", "apitor", "avast", "blackbaud", "cambridge-analytica", "cerebral", "edmodo", "everalbum", "gm", "premom",
        "ring", "rite-aid", "ww-kurbo", "x-mode",
    ]  # fmt: skip


def test_everything_that_an_order_can_say_arrives(tmp_path: Path) -> None:
    order = read_order(written(tmp_path, SOUND))
    recordings, models = order.limbs
    assert (recordings.takes, recordings.trigger, recordings.direction) == (
        (ArtefactKind.RAW,),
        Trigger.COLLECTED,
        Direction.RETROACTIVE,
    )
    assert (str(recordings.since)[:10], str(recordings.until)[:10]) == ("2020-01-01", "2024-01-01")
    assert f"{recordings.clocks['delete'].due({'entry': order.entered}):%Y-%m-%d}" == "2024-05-31"
    assert models.covered.categories == ("user.content",)
    assert order.recipients[1].given_by == "partner"
    assert order.sworn is not None
    assert order.sworn.penalty


@pytest.mark.parametrize("rule", FAULTS)
def test_a_faulty_order_is_explained_with_its_line(tmp_path: Path, rule: str) -> None:
    before, after, line, what = FAULTS[rule]
    assert SOUND.count(before) == 1 or rule == "no-limbs"
    path = written(tmp_path, SOUND.replace(before, after, 1))
    with pytest.raises(OrderFaults) as caught:
        read_order(path)
    (fault,) = [each for each in caught.value.faults if each.rule == rule]
    assert fault.line == line
    assert what in f"{fault.what} {fault.write_instead}"
    assert str(caught.value).count(f"{path}:{line}: ") >= 1
    assert rule in RULES


def test_all_faults_are_told_at_once_and_a_missing_file_is_explained(tmp_path: Path) -> None:
    text = SOUND.replace("takes: [raw]", "takes: [row]").replace("trigger: used", "trigger: seen").replace("30 days", "a month")
    with pytest.raises(OrderFaults, match="the order has 3 faults"):
        read_order(written(tmp_path, text))
    with pytest.raises(Misconfigured, match="cannot be read"):
        read_order(tmp_path / "nothing.yaml")


@given(st.integers(0, 2**32))
def test_no_mutation_of_an_order_ends_in_anything_but_an_order_or_faults(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    dice = random.Random(seed)
    text = list(SOUND)
    for _ in range(dice.randrange(1, 12)):
        at = dice.randrange(len(text))
        text[at : at + dice.randrange(3)] = dice.choice(["", "[", "}", ":", "\n", "  ", "no", '"', "é", "0", "&a ", "{a: b}"])
    path = tmp_path_factory.getbasetemp() / f"mutated-{seed}.yaml"
    path.write_text("".join(text))
    try:
        canonical.encode(codec.to_json(read_order(path)))
    except OrderFaults as error:
        told = error.faults
    else:
        told = None
    path.unlink()
    assert told is None or told


def test_the_published_schema_is_the_one_in_the_code() -> None:
    published = ORDERS.parent / "docs" / "reference" / "order.schema.json"
    assert published.read_text() == json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    jsonschema.Draft202012Validator.check_schema(json_schema())


EDGES = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=80)


@pytest.mark.duty("DSG-02", "DSG-03")
@given(EDGES, st.sets(st.integers(0, 30), max_size=4), st.sets(st.integers(0, 30), max_size=6))
def test_taint_is_exactly_what_a_slow_walk_reaches_and_every_path_is_made_of_edges(
    edges: list[tuple[int, int]], starts: set[int], roots: set[int]
) -> None:
    graph = Ancestry()
    for number in range(25):  # what lies beyond was declared by nobody
        graph.declare(str(number))
    for source, product in edges:
        graph.add(Derivation(str(source), str(product), "made from"))
    taint = graph.spread([str(each) for each in starts], [str(each) for each in roots])
    mentioned = set(range(25)) | {each for edge in edges for each in edge}
    reached = _closure(starts & mentioned, edges)
    assert taint.hits == {str(each) for each in reached}
    made = {product for _, product in edges}
    lost = {each for each in mentioned if each >= 25 or not (each in made or each in roots or each in starts)}
    assert taint.unknown == {str(each) for each in _closure(lost, edges) - reached}
    for name in taint.hits | taint.unknown:
        path = taint.path(name)
        assert all((int(step.source), int(step.product)) in edges for step in path)
        assert [step.product for step in path[:-1]] == [step.source for step in path[1:]]
        assert not path or path[-1].product == name


def _closure(starts: set[int], edges: list[tuple[int, int]]) -> set[int]:
    found = set(starts)
    while more := {product for source, product in edges if source in found} - found:
        found |= more
    return found


def test_a_chain_of_fifty_thousand_is_walked_without_recursion() -> None:
    graph = Ancestry()
    for number in range(50_000):
        graph.declare(f"models/{number}")
        graph.link(f"models/{number - 1}" if number else "recordings", f"models/{number}", "fine-tuned from")
    graph.declare("recordings")
    taint = graph.spread(["recordings"])
    assert len(taint.path("models/49999")) == 50_000
