"""An audit of files of a sharded model, as an order's command makes it and as the receipt carries it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.models import membership_opinion as core
from expunge.core.models.membership_opinion import Opinion, opinion
from expunge.errors import UsageError
from expunge.learn import IntegerRidgeClassifier
from expunge.learn.proof.auditing import reported, write_report
from expunge.learn.proof.membership import attack, audit
from tests.cli.running import Ran, expunge, in_a_process

SCORES = st.lists(st.integers(-5, 5), min_size=1, max_size=60).map(lambda each: np.array(each, dtype=float))

SAMPLES = """
import numpy as np

PEOPLE, OUTSIDERS, ROWS = 120, 60, 4

def samples():
    dice = np.random.default_rng(5)
    person = np.repeat(np.arange(PEOPLE + OUTSIDERS), ROWS)
    features = dice.normal(size=(len(person), 12))
    y = ((features[:, 0] + 2 * dice.normal(size=len(person))) > 0).astype(int)
    return features, y, [f"p{number:03}" for number in person]
"""
GONE = [f"p{number:03}" for number in range(40)]
NEVER = [f"p{number:03}" for number in range(120, 180)]


@given(SCORES, SCORES, SCORES, SCORES)
def test_rounding_changes_no_verdict_and_the_numbers_are_taken_back(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> None:
    gone, never = [f"g{n}" for n in range(min(len(a), len(b)))], [f"n{n}" for n in range(min(len(c), len(d)))]
    before = {**dict(zip(gone, a, strict=False)), **dict(zip(never, c, strict=False))}
    after = {**dict(zip(gone, b, strict=False)), **dict(zip(never, d, strict=False))}
    found = audit(before, after, forgotten=gone, outsiders=never)
    said = reported(found, 4)
    assert (said.verdict, said.control) == (found.verdict, found.control)
    assert core.read(json.loads(json.dumps(core.as_report(said)))) == said


def test_intervals_are_rounded_outwards() -> None:
    first = attack(np.arange(40.0) + 20, np.arange(60.0))
    assert opinion(first, first) is Opinion.FAIL
    names = [f"g{n}" for n in range(40)], [f"n{n}" for n in range(60)]
    scores = dict(zip((*names[0], *names[1]), (*(np.arange(40.0) + 20), *np.arange(60.0)), strict=True))
    said = reported(audit(scores, scores, forgotten=names[0], outsiders=names[1]), 4)
    assert said.after.low <= first.low * 10_000
    assert said.after.high >= first.high * 10_000


@pytest.fixture(scope="module")
def forest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sharded model before and after forgetting forty people."""
    pytest.importorskip("lightgbm")
    from expunge.learn import ShardedTrees

    folder = tmp_path_factory.mktemp("audit")
    (folder / "voices.py").write_text(SAMPLES)
    given: dict[str, Any] = {}
    exec(SAMPLES, given)
    features, y, subjects = given["samples"]()
    inside = ~np.isin(subjects, NEVER)
    model = ShardedTrees(shards=5, trees=30, min_samples=1)
    model.fit(features[inside], y[inside], subjects=np.array(subjects)[inside])
    model.save(folder / "before.safetensors")
    model.forget(GONE)
    model.save(folder / "after.safetensors")
    IntegerRidgeClassifier().fit(features, y, subjects=subjects).save(folder / "ridge.safetensors")
    for name, people in (("gone", GONE), ("never", NEVER)):
        (folder / name).write_text("\n".join(people))
    return folder


def audited(folder: Path, before: str, after: str, *more: str, run: Callable[..., Ran] = expunge) -> Ran:
    people = ("--forgotten", "gone", "--outsiders", "never")
    return run("learn", "audit", f"{before}.safetensors", f"{after}.safetensors", "voices:samples", *people, *more, cwd=folder)


def test_the_command_puts_the_audit_into_the_report_beside_what_is_there(forest: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_text(json.dumps({"figures": {"records": 160}}))
    done = audited(forest, "before", "after", "--report", str(report), "--json", run=in_a_process)
    assert done.code == 0, done.err
    body = json.loads(report.read_text())
    assert body["figures"] == {"records": 160}
    said = core.read(body["membership"])
    assert (said.verdict, said.control) == (Opinion.PASS, Opinion.FAIL)
    assert (said.forgotten, said.outsiders, said.references) == (40, 60, 4)
    answer = json.loads(done.out)
    assert answer.pop("schema") == "expunge.learn-audit/1"
    assert answer == body["membership"]


def test_a_forget_that_was_skipped_fails_and_the_command_says_so(forest: Path) -> None:
    done = audited(forest, "before", "before")
    assert done.code == 4
    assert "FAIL" in done.out


def test_a_model_without_shards_has_no_references(forest: Path) -> None:
    done = audited(forest, "ridge", "ridge")
    assert done.code != 0
    assert "no shards" in done.err


def test_what_is_no_report_is_left_alone(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_text("not json")
    scores = {"a": 0.1, "b": 0.2}
    with pytest.raises(UsageError, match="no report"):
        write_report(report, reported(audit(scores, scores, forgotten=["a"], outsiders=["b"]), 1))
    assert report.read_text() == "not json"
