"""Audit two files of one sharded model, from before and after a forget, and report the result where an order reads it.

The order's command calls this before it ends. The receipt then carries the second opinion, with its power and its control.
"""

from __future__ import annotations

import json
import math
import pkgutil
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from expunge import durable
from expunge.core.models import membership_opinion as core
from expunge.core.models.membership_opinion import Membership, as_report
from expunge.errors import UsageError
from expunge.learn.base import model_files
from expunge.learn.proof.membership import Attack, Audit, Shards, audit, shard_scores
from expunge.learn.records.refusals import BadInput, FileRefused

CLASSES = {"ShardedTorch": "expunge.learn:ShardedTorch", "ShardedTrees": "expunge.learn:ShardedTrees"}
"""Models of this library that bring their own references: each shard never saw the people of the others. File tag -> class."""


def audit_models(
    before: Shards,
    after: Shards,
    features: Any,
    y: Any,
    subjects: Sequence[str],
    *,
    forgotten: Collection[str],
    outsiders: Collection[str],
) -> Membership:
    """Judge a forget of a sharded model, with its own other shards as references.

    Args:
        before: the model before the forget.
        after: the model after it.
        features: samples of the forgotten and of people who were never learnt from, (n, ...).
        y: their labels.
        subjects: whose each is.
        forgotten: those who left; they must have been in the model before.
        outsiders: those who were never in it.

    Raises:
        BadInput: as :func:`~expunge.learn.proof.membership.audit`; and where fewer than two shards vote.
    """
    scores = [shard_scores(model, features, y, subjects) for model in (before, after)]
    found = audit(*scores, forgotten=forgotten, outsiders=outsiders)
    references = min(len(model.shard_proba(features[:1])) for model in (before, after)) - 1
    return reported(found, references)


def reported(found: Audit, references: int) -> Membership:
    """Return an audit as a receipt carries it: ten-thousandths, intervals rounded outwards but never onto a coin's side.

    Args:
        found: the audit.
        references: how many models that never had them it compared with.
    """
    before, after = _rounded(found.before), _rounded(found.after)
    control = core.opinion(before, before)
    return Membership(core.opinion(before, after), control, before, after, found.after.forgotten, found.after.outsiders, references)


def _rounded(each: Attack) -> core.AttackFigures:
    coin = core.WHOLE // 2
    low, high = math.floor(each.low * core.WHOLE), math.ceil(each.high * core.WHOLE)
    low = max(low, coin + 1) if each.low > 0.5 else low
    high = min(high, coin - 1) if each.high < 0.5 else high
    return core.AttackFigures(min(max(round(each.auc * core.WHOLE), low), high), low, high)


def write_report(path: str | Path, found: Membership) -> None:
    """Put an audit into the report of a command, beside its present content.

    Raises:
        UsageError: what lies there is no report.
        OSError: it cannot be read or written.
    """
    report = Path(path)
    try:
        body = json.loads(report.read_bytes()) if report.exists() else {}
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise UsageError("what lies where the report goes is no report", help="write figures and sentences first, or nothing")
    durable.write_bytes(report, json.dumps({**body, "membership": as_report(found)}).encode() + b"\n", at="learn.report.write")


def audit_files(
    before: str | Path,
    after: str | Path,
    samples: str,
    *,
    forgotten: Collection[str],
    outsiders: Collection[str],
    paths: Sequence[str | Path] = (),
) -> Membership:
    """Return the same for two files.

    Args:
        before: the model before the forget.
        after: the model after it.
        samples: ``"module:function"``, called without arguments: returns features, labels and subjects, and as a fourth, where loading
            needs them, the keyword arguments of ``load``.
        forgotten: as :func:`audit_models`.
        outsiders: as :func:`audit_models`.
        paths: folders to import ``module`` from.

    Raises:
        UsageError: where there is no such function.
        FileRefused: a file that holds no sharded model of this library.
        BadInput: as :func:`audit_models`, and for what the function returns.
        OSError: a file cannot be read.
    """
    sys.path[:0] = [str(Path(path).resolve()) for path in paths]
    try:
        function = pkgutil.resolve_name(samples)
    except (ValueError, ImportError, AttributeError) as error:
        raise UsageError("there is no such function with samples", help='write it as "module:function"') from error
    given = function()
    if not isinstance(given, tuple) or len(given) not in (3, 4):
        raise BadInput("samples are features, labels and subjects, and what `load` needs, where it needs something")
    features, y, subjects, *rest = given
    more: Mapping[str, Any] = rest[0] if rest else {}
    first, last = (_loaded(Path(each), more) for each in (before, after))
    return audit_models(first, last, features, y, list(subjects), forgotten=forgotten, outsiders=outsiders)


def _loaded(path: Path, more: Mapping[str, Any]) -> Any:
    head, _ = model_files.from_bytes(path.read_bytes())
    tag = str(head.get("class"))
    if tag not in CLASSES:
        message = f"a {tag} has no shards: an audit needs models that never had them ({', '.join(CLASSES)})"
        raise FileRefused(message)
    return pkgutil.resolve_name(CLASSES[tag]).load(path, **more)
