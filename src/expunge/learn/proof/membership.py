"""Membership inference: an attack that tells from the model who was learnt from. A second opinion, never the proof.

The attack is LiRA's in its offline form (Carlini and others, IEEE S&P 2022; Zarifzadeh and others, ICML 2024, show that very few reference
models do). It compares how sure the model of a person's shard is about that person's samples with how sure the models of the other shards
are, which never saw them. A sharded model brings its own references, so that nothing is trained for the audit. The score of a person is the
mean over their samples, since people are forgotten and not samples.

People who were never learnt from are scored alike, in the shard where they would have been placed. The area under the curve (AUC) is the
chance that a person to be forgotten scores above one of them; 0.5 is blindness. Two rules keep the answer honest:

* *PASS* only when the attack could tell before, and cannot tell afterwards: an attack that never worked shows nothing.
* A forget that was skipped must be caught: the scores from before, taken for those after, have to *FAIL*. It is the same condition, and the
  audit carries the answer.

It cannot show copies of the model or the data elsewhere, or small rests. One honest deletion in twenty fails by chance.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from expunge.core.models.membership_opinion import Opinion as Verdict
from expunge.core.models.membership_opinion import opinion
from expunge.learn.records.refusals import BadInput
from expunge.learn.records.subject_names import subject_name, subject_names

__all__ = ["Attack", "Audit", "Verdict", "attack", "audit", "shard_scores", "subject_scores"]

FALSE_ALARMS = (0.01, 0.05)
"""Rates of false positives at which the rate of true ones is told: an average hides who is recognised for certain."""
_NORMAL_95 = 1.959963984540054
_SUREST = 1e-6
"""Probabilities nearer to 0 or 1 are taken to be this near, so that logits stay finite."""


@dataclass(frozen=True)
class Attack:
    """The power of the attack: how well it tells the forgotten from people who were never learnt from."""

    auc: float
    low: float
    high: float
    """Bounds of the 95 % interval of ``auc``: DeLong's, widened where it is narrower than that of scores without any difference."""
    caught: tuple[tuple[float, float], ...]
    """(rate of false positives, rate of true positives)."""
    forgotten: int
    outsiders: int

    @property
    def tells(self) -> bool:
        """True when 0.5 lies outside the interval, on either side: a strangely low score identifies a person as well."""
        return not self.low <= 0.5 <= self.high


@dataclass(frozen=True)
class Audit:
    """The verdict with its evidence."""

    verdict: Verdict
    before: Attack
    after: Attack
    control: Verdict
    """The verdict on a forget that was skipped: anything but FAIL means that the audit could not have noticed."""
    said: str


def subject_scores(confidences: np.ndarray, own: np.ndarray, subjects: Sequence[str]) -> dict[str, float]:
    """Return the mean difference of logits between each person's own model and the other models.

    Args:
        confidences: (models, samples) probability that each model gives to each sample's true label, 0 to 1.
        own: (samples,) number of the model in whose shard the person is, or would have been.
        subjects: the subject of each sample, (samples,).

    Raises:
        BadInput: where shapes do not fit, a number is no probability, or there is one model only.
    """
    surest = np.asarray(confidences, dtype=np.float64)
    home = np.asarray(own)
    if surest.ndim != 2 or home.shape != (surest.shape[1],) or len(subjects) != surest.shape[1]:
        raise BadInput("confidences are (models, samples), with one own model and one subject for each sample")
    if surest.shape[0] < 2:
        raise BadInput("one model alone has nothing to be compared with: membership needs two shards or more")
    if not np.issubdtype(home.dtype, np.integer) or (home < 0).any() or (home >= surest.shape[0]).any():
        raise BadInput("own holds the number of a model for each sample, counted from 0")
    if not ((surest >= 0) & (surest <= 1)).all():
        raise BadInput("confidences are probabilities: 0 to 1, and nothing that is not a number")
    clipped = surest.clip(_SUREST, 1 - _SUREST)
    logits = np.log(clipped) - np.log1p(-clipped)
    inside = logits[home, np.arange(len(home))]
    others = (logits.sum(axis=0) - inside) / (logits.shape[0] - 1)
    people, which = np.unique(np.array([subject_name(each) for each in subjects], dtype=object).astype(str), return_inverse=True)
    means = np.bincount(which, weights=inside - others) / np.bincount(which)
    return dict(zip(people.tolist(), means.tolist(), strict=True))


class Shards(Protocol):
    """A sharded model, such as :class:`~expunge.learn.sharded.trees.ShardedTrees`."""

    classes_: np.ndarray

    def shard_proba(self, X: Any) -> dict[int, np.ndarray]:
        """Shard -> (n, classes)."""

    def shard_of(self, subjects: Sequence[str]) -> np.ndarray:
        """Return the shard where each subject is or would be, (n,)."""


def shard_scores(model: Shards, features: Any, y: Any, subjects: Sequence[str]) -> dict[str, float]:
    """:func:`subject_scores` of a sharded model.

    Args:
        model: as it is before a forget, or after it.
        features: samples of people who are, were or might have been in the model, (n, ...).
        y: their labels.
        subjects: the subject of each sample.

    Raises:
        BadInput: where a label is unknown to the model, a subject's shard is empty or does not vote, or one shard alone votes.
        NothingLearned: no subject is in the model.
    """
    said = model.shard_proba(features)
    truth = np.asarray(y)
    column = np.searchsorted(model.classes_, truth).clip(max=len(model.classes_) - 1)
    if not np.array_equal(model.classes_[column], truth):
        raise BadInput("a label is none of those that the model knows")
    home = model.shard_of(subjects)
    if not set(home.tolist()) <= said.keys():
        raise BadInput("the shard where somebody is or would be has learnt nothing, or is being taught again")
    chances = np.array([each[np.arange(len(truth)), column] for each in said.values()])
    return subject_scores(chances, np.searchsorted(list(said), home), subjects)


def attack(forgotten: np.ndarray, outsiders: np.ndarray) -> Attack:
    """Area under the curve with its interval, from the scores of both groups.

    The variance is DeLong's (DeLong, DeLong and Clarke-Pearson, Biometrics 1988), but at least that of the Mann-Whitney statistic where
    there is no difference: few people who happen to be apart prove nothing.

    Raises:
        BadInput: where a group is empty.
    """
    if not len(forgotten) or not len(outsiders):
        raise BadInput("both groups need somebody: people to be forgotten, and people who were never learnt from")
    ordered = np.sort(outsiders)
    below, upto = np.searchsorted(ordered, forgotten, "left"), np.searchsorted(ordered, forgotten, "right")
    wins = (below + upto) / (2 * len(outsiders))
    ours = np.sort(forgotten)
    lost = 1 - (np.searchsorted(ours, outsiders, "left") + np.searchsorted(ours, outsiders, "right")) / (2 * len(forgotten))
    auc = float(wins.mean())
    m, n = len(forgotten), len(outsiders)
    variance = (wins.var(ddof=1) / m if m > 1 else 0.0) + (lost.var(ddof=1) / n if n > 1 else 0.0)
    half = _NORMAL_95 * math.sqrt(max(float(variance), (m + n + 1) / (12 * m * n)))
    return Attack(
        auc=auc,
        low=max(0.0, auc - half),
        high=min(1.0, auc + half),
        caught=tuple((rate, float((forgotten > ordered[n - 1 - math.floor(rate * n)]).mean())) for rate in FALSE_ALARMS),
        forgotten=m,
        outsiders=n,
    )


def audit(before: Mapping[str, float], after: Mapping[str, float], *, forgotten: Collection[str], outsiders: Collection[str]) -> Audit:
    """Judge a forget by the scores (:func:`subject_scores`) from before and after it.

    ``outsiders`` are people like the others who were never learnt from; a group that differs for another reason is told apart for that.

    Raises:
        BadInput: where a subject has no score, is in both groups, or a group is empty.
    """
    gone, never = sorted(subject_names(forgotten)), sorted(subject_names(outsiders))
    if set(gone) & set(never):
        raise BadInput("somebody is named among the forgotten and among those who were never learnt from")
    missing = sum(each not in scores for scores in (before, after) for each in (*gone, *never))
    if missing:
        message = f"{missing} scores are missing: everybody who is named needs one from before and one from after"
        raise BadInput(message)

    def between(scores: Mapping[str, float]) -> Attack:
        return attack(np.array([scores[each] for each in gone]), np.array([scores[each] for each in never]))

    first, last = between(before), between(after)
    found = opinion(first, last)
    return Audit(found, first, last, opinion(first, first), _said(found, first, last))


def _said(found: Verdict, before: Attack, after: Attack) -> str:
    first, last = (f"{each.auc:.2f} ({each.low:.2f} to {each.high:.2f})" for each in (before, after))
    numbers = f"AUC {first} before, {last} after; {after.forgotten} forgotten, {after.outsiders} never learnt from"
    meaning = {
        Verdict.PASS: "the attack told the forgotten before and no longer does; this is not the proof",
        Verdict.FAIL: "the attack still tells the forgotten",
        Verdict.INCONCLUSIVE: "the attack could not tell them before either, so that it shows nothing",
    }[found]
    return f"{meaning}: {numbers}"
