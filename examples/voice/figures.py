"""The drawings of the voice example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from examples.common import drawing
from examples.common.drawing import Figure
from examples.common.estate import Estate
from examples.voice import work
from examples.voice.sound import STEPS_A_UNIT
from examples.voice.work import HEAD, PASSES, Rows

NAMES = {HEAD: "integer head", work.SHARDS: "networks"}
Taken = tuple[Rows, dict[str, np.ndarray]]
"""Rows, and for each model the features that it takes of them."""
Right = Mapping[str, Mapping[str, np.ndarray]]
"""Model -> before or after -> which windows it gets right."""


def hearing(estate: Estate, windows: Rows) -> Figure:
    """What a model hears of a woman and of a man."""
    x, woman, _, records = windows
    chosen = [min(np.flatnonzero(woman == each), key=lambda at: records[at]) for each in (1, 0)]
    with drawing.drawn(7.6, 2.7, ncols=2, sharey=True) as (figure, axes):
        for spot, at, name in zip(axes, chosen, ("a woman", "a man"), strict=True):
            spot.imshow(x[at] / STEPS_A_UNIT, origin="lower", aspect="auto", cmap="magma", extent=(0, 1, 0, x.shape[1]))
            spot.set(title=name, xlabel="seconds")
            spot.grid(visible=False)
        axes[0].set_ylabel("pitch, in 40 bands")
        svg = drawing.keep(figure, estate.folder, "hearing")
    caption = "A second of speech as the models get it: bright is loud, high is high. Two of those who stay."
    return Figure("hearing", "What the models hear", caption, svg, (), ())


def before_and_after(estate: Estate, right: Right, groups: Mapping[str, np.ndarray]) -> Figure:
    """Accuracy for those who stay."""
    shown = {
        f"{NAMES[name]},\n{group}": {when: float(each[chosen].mean()) for when, each in by.items()}
        for name, by in right.items()
        for group, chosen in groups.items()
    }
    people = {name: int(chosen.sum()) for name, chosen in groups.items()}
    caption = (
        "Share of windows told rightly, before and after the child was taken out: for people whom no model was taught from, and for "
        f"those who were taught from and stay ({', '.join(f'{name}: {count} windows' for name, count in people.items())}). Bars begin "
        "at a half: a coin."
    )
    return drawing.bars(estate.folder, "before-after", "Before and after, for those who stay", caption, "windows right", shown, floor=0.5)


def taken(rows: Rows) -> Taken:
    """Rows as each model takes them."""
    return rows, {name: work.heard(rows[0]) if name == HEAD else rows[0].astype(np.float32) for name in work.models()}


def accuracy(estate: Estate, train: Taken, test: Taken, before: Right, *, small: bool) -> Figure:
    """Accuracy against the number of shards, on people whom no model was taught from; ``before`` has that of the models in service."""
    shards = (1, 4, 8) if small else (1, 4, 8, 16)
    truth = test[0][1]
    served = {name: float(each["before"][: len(truth)].mean()) for name, each in before.items()}
    series = {"integer head: one model, exact by subtraction": [(float(each), served[HEAD]) for each in shards]}
    if work.SHARDS in served:
        points = []
        for each in shards:
            if each == work.network().shards:
                points.append((float(each), served[work.SHARDS]))
                continue
            model = _taught(work.network(each), train, work.SHARDS)
            points.append((float(each), float((model.predict(test[1][work.SHARDS]) == truth).mean())))
        series["convolutional networks, sharded"] = points
    caption = (
        f"Windows of {len(set(test[0][2]))} people whom no model was taught from, told rightly. One choice of people: another would move "
        "each point by two or three hundredths. Networks in many shards learn from few voices each and lose; the head learns from all in "
        "one sum."
    )
    return drawing.lines(
        estate.folder,
        "accuracy-shards",
        "Accuracy against the number of shards",
        caption,
        ("shards", "windows right"),
        series,
        logarithmic="x",
        form="{:.3f}",
    )


def cost(estate: Estate, train: Taken, *, small: bool) -> Figure:
    """Windows that models go through when people leave."""
    people = sorted(set(train[0][2]))
    leaving = (1, 2, 4) if small else (1, 2, 4, 8, 16)
    place = {each: at for at, each in enumerate(train[0][3])}
    scratch = estate.folder / "scratch.safetensors"
    series: dict[str, list[tuple[float, float]]] = {}
    for name, features in train[1].items():
        # Which shards are touched does not depend on how long they were taught: one pass tells.
        _taught(work.head() if name == HEAD else work.network().set_params(epochs=1), train, name).save(scratch)

        def source(records: Sequence[str], features: np.ndarray = features) -> tuple[np.ndarray, np.ndarray]:
            rows = [place[each] for each in records]
            return features[rows], train[0][1][rows]

        reports = [work.loaded(name, scratch).forget(people[:each], source=source) for each in leaving]
        if name == HEAD:
            series["integer head: subtracted"] = [(float(each), float(one.records)) for each, one in zip(leaving, reports, strict=True)]
            continue
        again = [(float(each), float(PASSES * one.recomputed)) for each, one in zip(leaving, reports, strict=True)]
        whole = [(float(each), float(PASSES * one.monolith)) for each, one in zip(leaving, reports, strict=True)]
        series = {"one network: taught again": whole, **series, f"networks, {work.network().shards} shards: taught again": again}
    scratch.unlink()
    caption = (
        f"Windows that are gone through when people leave together. A network goes through each {PASSES} times, and each time counts; the "
        "head goes through the windows of those who leave, once."
    )
    return drawing.lines(
        estate.folder,
        "cost-people",
        "What it costs when people leave",
        caption,
        ("people that leave", "windows gone through"),
        series,
        logarithmic="xy",
        form="{:.0f}",
    )


def _taught(model: Any, rows: Taken, name: str) -> Any:
    (_, y, who, records), features = rows
    return model.fit(features[name], y, subjects=who, records=records)
