"""Golden vectors of everything that is stored, signed or handed out: read, and written again byte for byte. None is left out."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

import expunge.core
from expunge.core.consent import consent_receipt
from expunge.core.datamap import mapdiff
from expunge.core.disgorgement.disgorgement import Disgorgement
from expunge.core.evidence import receipt
from expunge.core.gate import training_manifest
from expunge.core.gate.gate_head import ListedMeaning
from expunge.core.gate.gate_snapshot import Contents, GatePolicy, GateSnapshot, PurposeState, parse_snapshot
from expunge.core.journal import events as ev
from expunge.core.log import dsse
from expunge.core.models import artefact_manifest
from expunge.core.orders.plan import Plan
from expunge.core.values import canonical, codec, tags
from expunge.core.values.order import OrderState
from expunge.core.verification import receipt_folder
from tests import evidence_vectors
from tests import journal_kit as kit
from tests import signed_vectors as signed

FILES = sorted(kit.EVENTS.glob("*.jsonl"))
FORMER = kit.HERE / "former.jsonl"
SIGNERS = [signed.KEYS.signer_public()]
EVENTS = get_args(ev.Event)


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines()


def stored(name: str) -> bytes:
    return (signed.HERE / name).read_bytes()


# ---- the journal -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_event_is_read_and_written_again(path: Path) -> None:
    for line in lines(path):
        assert ev.encode(ev.decode(line)) == line


def test_the_events_are_what_the_kit_says() -> None:
    assert {path.name: path.read_bytes() for path in FILES} == kit.vectors()


def test_former_forms_of_events_are_read_as_the_present_ones() -> None:
    for line in lines(FORMER):
        pair = json.loads(line)
        was, now = canonical.encode(pair["was"]), canonical.encode(pair["now"])
        assert was != now
        assert ev.encode(ev.decode(was)) == now
        assert ev.encode(ev.decode(now)) == now


def test_every_event_with_a_field_that_may_be_missing_has_a_former_form() -> None:
    later = {tags.tag_of(each) for each in EVENTS if any(may_be_missing(field) for field in fields(each))}
    assert later <= {json.loads(line)["was"]["is"] for line in lines(FORMER)}


# ---- what is signed, digested or handed out --------------------------------------------------------------------------


def test_the_rest_is_what_the_code_makes() -> None:
    assert {path.name: path.read_bytes() for path in signed.HERE.iterdir()} == signed.vectors()


@pytest.mark.parametrize("name", ["plan.json", "plan-scoped.json"])
def test_plans_are_read_and_written_again(name: str) -> None:
    assert Plan.from_bytes(stored(name)).to_bytes() == stored(name)


@pytest.mark.parametrize("name", ["receipt-fulfilled", "receipt-in-part", "receipt-models"])
def test_receipts_are_read_and_written_again(name: str) -> None:
    data = (evidence_vectors.HERE / name / receipt_folder.ENVELOPE).read_bytes()
    envelope = dsse.parse(data)
    assert envelope.encode() == data
    assert receipt.build(receipt.parse(envelope.payload)) == envelope.payload


def test_the_consent_receipt_is_read_and_written_again() -> None:
    data = stored("consent-receipt.dsse.json")
    assert signed.in_envelope(consent_receipt.verify(data, SIGNERS).encode()) == data


def test_the_training_manifest_is_read_and_written_again() -> None:
    data = stored("training-manifest")
    assert signed.signed_manifest(training_manifest.parse_manifest(data, SIGNERS)) == data


def test_the_certificate_of_a_pipeline_is_read_and_written_again() -> None:
    data = stored("pipeline.json")
    assert canonical.encode(training_manifest.read_certificate(json.loads(data), SIGNERS).to_json()) + b"\n" == data


def test_the_artefact_manifest_is_read_and_written_again() -> None:
    data = stored("artefact-manifest")
    assert artefact_manifest.seal(artefact_manifest.read(data, signed.LEDGER_KEY), signed.LEDGER_KEY) == data


def contents(read: GateSnapshot) -> Contents:
    """What a snapshot was made from."""
    rules = read.head.purposes
    purposes = (
        None
        if rules is None
        else {
            name: PurposeState(
                rule.needs_consent,
                rule.keep,
                *(read.entries(each, name) for each in (ListedMeaning.GIVEN, ListedMeaning.WITHDRAWN, ListedMeaning.ENDED)),
                rule.closed,
            )
            for name, rule in rules.items()
        }
    )
    policy = GatePolicy(read.head.policy, purposes, read.entries(ListedMeaning.FROZEN), read.head.collect, read.head.kinds)
    return Contents(read.entries(ListedMeaning.SUPPRESSED), read.entries(ListedMeaning.FORMER), policy)


@pytest.mark.parametrize("name", ["gate-snapshot", "gate-snapshot-empty"])
def test_snapshots_are_read_and_written_again(name: str) -> None:
    assert signed.snapshot(contents(parse_snapshot(stored(name), SIGNERS))) == stored(name)


def test_the_snapshot_of_format_1_is_read() -> None:
    read = parse_snapshot(stored("gate-snapshot-1"), SIGNERS)
    assert len(read.entries(ListedMeaning.FORMER)) == 2
    assert (read.head.published, read.head.policy, read.head.purposes) == (signed.AT, "", None)


def test_values_are_read_and_written_again() -> None:
    for line in lines(signed.HERE / signed.VALUES):
        body = json.loads(line)
        value = codec.from_json(tags.every_tag()[body["is"]], body)
        assert canonical.encode(codec.to_json(value)) == line


def test_the_map_has_the_digest_that_plans_name() -> None:
    assert stored("map-digest.txt").decode().strip() == mapdiff.digest(signed.data_map())


# ---- nothing is left out ---------------------------------------------------------------------------------------------


def tags_in(value: Any) -> Iterator[str]:
    """Every tag in a JSON value, and in JSON that it holds as text."""
    if isinstance(value, str) and value.startswith("{"):
        yield from tags_in(json.loads(value))
    elif isinstance(value, list):
        for each in value:
            yield from tags_in(each)
    elif isinstance(value, dict):
        if isinstance(value.get("is"), str):
            yield value["is"]
        for each in value.values():
            yield from tags_in(each)


def tagged_classes() -> dict[str, type]:
    for found in pkgutil.walk_packages(expunge.core.__path__, "expunge.core."):
        importlib.import_module(found.name)
    return {tag: kind for tag, kind in tags.every_tag().items() if kind.__module__.startswith("expunge.")}


def test_every_event_has_a_vector() -> None:
    there = {json.loads(line)["is"] for path in FILES for line in lines(path)}
    assert {tags.tag_of(each) for each in EVENTS} == there


def test_every_tagged_class_has_a_vector() -> None:
    texts = [line for path in FILES for line in lines(path)] + lines(signed.HERE / signed.VALUES)
    texts += [stored(name) for name in ("plan.json", "plan-scoped.json", "artefact-manifest", "map.json")]
    assert sorted({tag for text in texts for tag in tags_in(json.loads(text))}) == sorted(tagged_classes())


def may_be_missing(field: Field[Any]) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


def default_of(field: Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def values_in(value: Any) -> Iterator[Any]:
    """Every dataclass and every member of an enumeration in a value."""
    if isinstance(value, ev.Planned):
        yield from values_in(Plan.from_bytes(value.plan.encode()))
    if isinstance(value, Enum) or is_dataclass(value):
        yield value
    inner: Iterable[Any] = ()
    if is_dataclass(value):
        inner = [getattr(value, field.name) for field in fields(value)]
    elif isinstance(value, tuple | frozenset):
        inner = value
    elif isinstance(value, Mapping):
        inner = value.values()
    for each in inner:
        yield from values_in(each)


def kinds_in(hint: Any, found: set[Any]) -> set[Any]:
    """Every class and enumeration that a type hint leads to."""
    hint = getattr(hint, "__supertype__", hint)
    if hint in found:
        return found
    if is_dataclass(hint) or (isinstance(hint, type) and issubclass(hint, Enum)):
        found.add(hint)
    for each in (*get_args(hint), *(get_type_hints(hint).values() if is_dataclass(hint) else ())):
        kinds_in(each, found)
    return found


@pytest.fixture(scope="module")
def journalled() -> list[Any]:
    """Every value in the vectors of the journal."""
    events = [ev.decode(line) for path in FILES for line in lines(path)]
    return [value for each in (*events, kit.disgorgement(), kit.later_disgorgement()) for value in values_in(each)]


def test_every_optional_field_is_set_in_some_vector(journalled: list[Any]) -> None:
    missing = []
    for kind in kinds_in(Plan, kinds_in(Disgorgement, kinds_in(ev.Event, set()))):
        some = [value for value in journalled if type(value) is kind]
        for field in fields(kind) if is_dataclass(kind) else ():
            told = [getattr(value, field.name) for value in some]
            if may_be_missing(field) and all(each == default_of(field) for each in told):
                missing.append(f"{kind.__name__}.{field.name} is never set")
            if type(None) in get_args(get_type_hints(kind)[field.name]) and all(each is None for each in told):
                missing.append(f"{kind.__name__}.{field.name} is always None")
    assert missing == []


NEVER_STORED = frozenset(OrderState) - {OrderState.FULFILLED, OrderState.IN_PART}
"""An order ends in one of two states; the others are folded from events."""


def test_every_word_of_an_enumeration_is_in_some_vector(journalled: list[Any]) -> None:
    kinds = kinds_in(Plan, kinds_in(Disgorgement, kinds_in(ev.Event, set())))
    words = {member for kind in kinds if isinstance(kind, type) and issubclass(kind, Enum) for member in kind}
    assert words - {value for value in journalled if isinstance(value, Enum)} - NEVER_STORED == set()
