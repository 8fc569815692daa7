"""Models that forget exactly: after ``forget(s)`` a model is, bit for bit, the one that never had ``s``.

The names here are looked up when they are first used; those whose extra is not installed are not in ``dir()``.
"""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import Any

_LEARN = ("numpy", "safetensors", "sklearn")
_WHERE: dict[str, tuple[str, tuple[str, ...]]] = {
    "Counts": ("exact.counting", _LEARN),
    "Frozen": ("features.frozen_encoder", ()),
    "GaussianNaiveBayes": ("exact.bayes", _LEARN),
    "Heatmap": ("exact.counting", _LEARN),
    "IntegerConvolutions": ("features.convolutions", _LEARN),
    "IntegerRidge": ("exact.ridge", _LEARN),
    "IntegerRidgeClassifier": ("exact.ridge", _LEARN),
    "LinearDiscriminant": ("exact.discriminant", _LEARN),
    "Manifest": ("retraining", ()),
    "ModelRefused": ("serving.serve_guard", ()),
    "MultinomialNaiveBayes": ("exact.bayes", _LEARN),
    "NearestCentroid": ("exact.centroid", _LEARN),
    "NextPlace": ("exact.counting", _LEARN),
    "Opaque": ("opaque", _LEARN),
    "PrincipalComponents": ("exact.components", _LEARN),
    "StandardScaler": ("exact.scaling", _LEARN),
    "bystanders": ("proof.exactness_proof", _LEARN),
    "log_mel": ("features.spectrogram", ("numpy",)),
    "prove": ("proof.exactness_proof", _LEARN),
    "Report": ("base.report", ()),
    "BadInput": ("records.refusals", ()),
    "FileRefused": ("records.refusals", ()),
    "NothingLearned": ("records.refusals", ()),
    "OutOfBounds": ("records.refusals", ()),
    "RecordChanged": ("records.refusals", ()),
    "ServeGuard": ("serving.serve_guard", ()),
    "ShardedTorch": ("sharded.networks", (*_LEARN, "torch")),
    "ShardedTrees": ("sharded.trees", (*_LEARN, "lightgbm")),
    "SourceNeeded": ("records.refusals", ()),
    "UnknownSubjects": ("records.refusals", ()),
}
"""Public name -> the module that has it, and what must be installed for it."""


def __getattr__(name: str) -> Any:
    where = _WHERE.get(name)
    if where is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    module, needed = where
    missing = [each for each in needed if find_spec(each) is None]
    if missing:
        extra = "torch" if "torch" in missing else "learn"
        message = f"{name} needs {', '.join(missing)}: install expunge[{extra}]"
        raise AttributeError(message)
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)


def __dir__() -> list[str]:
    return sorted(name for name, (_, needed) in _WHERE.items() if all(find_spec(each) is not None for each in needed))
