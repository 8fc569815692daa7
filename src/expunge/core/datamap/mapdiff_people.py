"""The effects of a changed map on people: how long their data is kept, what an erasure does to it, and how they are found in it."""

from __future__ import annotations

from collections.abc import Iterator

from expunge.core.datamap.datamap import (
    AboutNobody,
    ByField,
    DataMap,
    Dataset,
    EraseAct,
    ExperimentLayout,
    Inherited,
    ModelLayout,
    OnErase,
    PathLayout,
    SubjectRule,
    TableLayout,
    Through,
)
from expunge.core.datamap.mapdiff import Change, ChangeKind, Section

_ACTS = {
    EraseAct.ERASE: "erases what is theirs in it",
    EraseAct.FORGET: "makes it forget them",
    EraseAct.REBUILD: "builds it anew without them",
    EraseAct.RETRAIN: "trains it anew without them",
    EraseAct.DESTROY: "destroys it whole",
    EraseAct.KEEP: "keeps it",
}


def for_people(change: Change, before: DataMap, after: DataMap) -> tuple[str, ...]:
    """Describe in sentences the effects of one change on people. Empty where the change alone has none."""
    match change.section, change.kind:
        case Section.DATASETS, ChangeKind.ADDED:
            dataset = after.datasets[change.name]
            return (f"orders reach it now: {_place(dataset)}, {_kept(after, dataset)}; an erasure {_act(dataset.on_erase)}",)
        case Section.DATASETS, ChangeKind.REMOVED:
            return (f"orders reached it before: {_place(before.datasets[change.name])}",)
        case Section.DATASETS, ChangeKind.CHANGED:
            return tuple(_dataset(before, after, change.name))
        case Section.RETENTION, ChangeKind.CHANGED:
            return tuple(_retention(before, after, change.name))
        case _:
            return ()


def _dataset(before: DataMap, after: DataMap, name: str) -> Iterator[str]:
    old, new = before.datasets[name], after.datasets[name]
    if _act(old.on_erase) != _act(new.on_erase):
        yield f"an erasure {_act(new.on_erase)}; before, it {_act(old.on_erase)}"
    elif old.on_erase != new.on_erase:
        yield f"an erasure {_act(new.on_erase)} as before, by another command or with other limits"
    if old.retention != new.retention and _kept(before, old) != _kept(after, new):
        yield f"it is {_kept(after, new)}; before, it was {_kept(before, old)}"
    if old.subject != new.subject:
        yield f"{_found(new.subject)}; before: {_found(old.subject)}"
    if _place(old) != _place(new):
        yield f"orders reach {_place(new)}; before, {_place(old)}"


def _retention(before: DataMap, after: DataMap, name: str) -> Iterator[str]:
    old, new = before.retention[name], after.retention[name]
    held = ", ".join(sorted(dataset.name for dataset in after.datasets.values() if dataset.retention == name)) or "no dataset"
    if (old.period, old.start) != (new.period, new.start):
        yield f"{held}: kept for {new.period} from {new.start} instead of {old.period} from {old.start}"
    if old.inactive_after != new.inactive_after:
        now, then = (f"goes after {each.inactive_after}" if each.inactive_after else "does not go early" for each in (new, old))
        yield f"{held}: unused data {now}; before, it {then}"


def _act(on_erase: OnErase) -> str:
    ground = f" ({on_erase.argument})" if on_erase.act is EraseAct.KEEP else ""
    return _ACTS[on_erase.act] + ground


def _kept(data_map: DataMap, dataset: Dataset) -> str:
    retention = data_map.retention.get(dataset.retention)
    return f"kept for {retention.period} from {retention.start}" if retention else "kept as nobody says"


def _place(dataset: Dataset) -> str:
    match dataset.layout:
        case PathLayout(templates):
            return f"{', '.join(templates)} in {dataset.store}"
        case TableLayout(name) | ModelLayout(name) | ExperimentLayout(name):
            return f"{name} in {dataset.store}"
        case None:
            return f" in {dataset.store}"


def _found(rule: SubjectRule) -> str:
    match rule:
        case ByField() as fields:
            return f"people are found in it by {', '.join(fields.names) or 'nothing'}"
        case Through() as rule:
            return f"people are found in it through {', '.join(rule.sources)}, by {rule.via}"
        case Inherited(sources=sources):
            return f"nobody can be found in it, and it is treated as about everybody in {', '.join(sources)}"
        case AboutNobody():
            return "it counts as data about nobody"
