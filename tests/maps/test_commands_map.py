"""What a map says about commands: the act, what carries it out, and what that may take."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
import yaml

from expunge.core.datamap.datamap import EraseAct, OnErase
from expunge.maps import examine, read_map
from expunge.maps.schema.map_schema import json_schema
from expunge.maps.sections.acts import parse_size
from expunge.ports.commands import CommandLimits
from expunge.stores import Kinds, own_kinds

BASE = (Path(__file__).parents[1] / "vectors" / "maps" / "faults" / "bad-on-erase.yaml").read_text()
GIB = 1 << 30


def written(folder: Path, act: str) -> Path:
    path = folder / "expunge.yaml"
    path.write_text(BASE.replace("on_erase: [erase, forget]", f"on_erase: {act}"))
    return path


def read(folder: Path, act: str) -> OnErase:
    return read_map(written(folder, act), {}, kinds=Kinds()).datasets["transcripts"].on_erase


@pytest.mark.parametrize("act", [EraseAct.RETRAIN, EraseAct.REBUILD, EraseAct.FORGET])
def test_the_short_form_and_the_long_one_mean_the_same(tmp_path: Path, act: EraseAct) -> None:
    short, long = read(tmp_path, f'{{{act}: "make it"}}'), read(tmp_path, f'{{{act}: {{command: "make it"}}}}')
    assert short == long == OnErase(act, "make it")


def test_a_command_has_an_hour_and_four_gibibytes_and_no_network_unless_the_map_says_otherwise(tmp_path: Path) -> None:
    assert CommandLimits.of(read(tmp_path, '{retrain: "make train"}')) == CommandLimits(3600.0, 4 * GIB, network=False, environment=())


def test_the_map_says_what_a_command_may_take(tmp_path: Path) -> None:
    options = 'command: "make train", prove: "make train-fresh", within: 2 hours, memory: 8 GiB, network: open, environment: [MODELS]'
    act = read(tmp_path, f"{{retrain: {{{options}}}}}")
    assert act == OnErase(
        EraseAct.RETRAIN, "make train", timedelta(hours=2), 8 * GIB, "make train-fresh", network=True, environment=("MODELS",)
    )
    assert CommandLimits.of(act) == CommandLimits(7200.0, 8 * GIB, network=True, environment=("MODELS",))


def test_forgetting_needs_no_command(tmp_path: Path) -> None:
    assert read(tmp_path, "forget") == OnErase(EraseAct.FORGET)


@pytest.mark.parametrize(
    ("act", "rule", "told"),
    [
        ("{retrain: {within: 2 hours}}", "missing-key", "lacks 'command'"),
        ("{retrain: {command: make train, timeout: 2 hours}}", "unknown-key", "no key 'timeout'"),
        ("{retrain: {command: make train, within: 0 hours}}", "bad-span", "'0 hours' is not understood"),
        ("{retrain: {command: make train, within: two hours}}", "bad-span", "'two hours' is not understood"),
        ("{retrain: {command: make train, memory: 0 GiB}}", "bad-memory", "'0 GiB' is not understood"),
        ("{retrain: {command: make train, memory: 4000000000}}", "bad-memory", "is not understood"),
        ("{retrain: {command: make train, network: yes}}", "coerced-value", "network"),
        ("{retrain: {command: make train, prove: 'make \"train'}}", "bad-command", "prove"),
        ("{retrain: {command: ''}}", "not-text", "command is empty"),
        ("{retrain: }", "not-text", "retrain is empty"),
        ("{retrain: [make, train]}", "wrong-type", "a list"),
        ("{retrain: {command: [make, train]}}", "wrong-type", "a list"),
        ("{retrain: {command: make train, environment: [A, A]}}", "duplicate-item", "names 'A' twice"),
        ("{keep: {command: make train}}", "wrong-type", "a table"),
        ("{destroy: {command: make train}}", "bad-on-erase", "'destroy' is not understood here"),
        ("{retrain: make train, prove: make fresh}", "bad-on-erase", "one act"),
    ],
)
def test_what_cannot_be_meant_is_a_fault_on_its_line_with_what_to_write(tmp_path: Path, act: str, rule: str, told: str) -> None:
    path = written(tmp_path, act)
    line = path.read_text()[: path.read_text().index("on_erase:")].count("\n") + 1
    faults = [each for each in examine(path, {}, kinds=Kinds()).faults if each.rule == rule]
    assert [each.line for each in faults] == [line]
    assert told in faults[0].what
    assert faults[0].write_instead


def test_faults_of_several_options_are_told_at_once_each_on_its_line(tmp_path: Path) -> None:
    act = "\n      retrain:\n        command: make train\n        within: soon\n        memory: much\n        network: internet"
    path = written(tmp_path, act)
    lines = path.read_text().splitlines()
    told = {each.rule: lines[each.line - 1].strip() for each in examine(path, {}, kinds=Kinds()).faults}
    assert told == {"bad-span": "within: soon", "bad-memory": "memory: much", "bad-network": "network: internet"}


@pytest.mark.parametrize(("text", "size"), [("1 MiB", 1 << 20), ("8GiB", 8 * GIB), ("2 TiB", 2 << 40)])
def test_sizes_are_whole_numbers_of_binary_units(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "8", "8 GB", "8 gib", "-1 GiB", "1.5 GiB", "8 GiB ", "٨ GiB", "1e3 MiB", "9999999 TiB"])
def test_other_sizes_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="8 GiB"):
        parse_size(text)


def test_the_schema_takes_what_the_reader_takes_and_refuses_what_it_refuses(tmp_path: Path) -> None:
    check = jsonschema.Draft202012Validator(json_schema(own_kinds()))
    for act, sound in (
        ('{retrain: "make train"}', True),
        ("forget", True),
        ("{forget: {command: make it, prove: make fresh}}", True),
        ("{retrain: {command: make train, within: 2 hours, memory: 8 GiB, network: open, environment: MODELS}}", True),
        ("{retrain: {within: 2 hours}}", False),
        ("{retrain: {command: make train, memory: 8 GB}}", False),
        ("{retrain: {command: make train, network: internet}}", False),
        ("{keep: {command: make train}}", False),
        ("{retrain: {command: make train, environment: [A=b]}}", False),
    ):
        path = written(tmp_path, act)
        assert check.is_valid(yaml.safe_load(path.read_text())) is sound, act
        assert (not examine(path, {}, kinds=Kinds()).faults) is sound, act


def test_the_defaults_that_the_documents_name_are_those_of_the_code() -> None:
    text = (Path(__file__).parents[2] / "docs" / "reference" / "data-map.md").read_text()
    assert CommandLimits().seconds == 3600.0
    assert CommandLimits().memory == 4 * GIB
    assert re.search(r"`within` \(1 hour by default\) and `memory` \(4 GiB", text)
