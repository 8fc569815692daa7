"""The drawings of the voice example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from examples.common import drawing
from examples.common.drawing import Figure
from examples.common.estate import Estate
from examples.voice import work
from examples.voice.sound import STEPS_A_UNIT
from examples.voice.work import HEAD, Rows

NAMES = {HEAD: "integer head on frozen convolutions", work.SHARDS: "networks, 8 shards"}
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
        f"{NAMES[name]}:\n{group}": {when: float(each[chosen].mean()) for when, each in by.items()}
        for name, by in right.items()
        for group, chosen in groups.items()
    }
    people = {name: int(chosen.sum()) for name, chosen in groups.items()}
    caption = (
        "Share of windows told rightly, before and after the child was taken out: for people whom no model was taught from, and for those "
        f"who were taught from and stay ({', '.join(f'{name}: {count} windows' for name, count in people.items())})."
    )
    return drawing.bars(estate.folder, "before-after", "Before and after, for those who stay", caption, "windows right", shown, floor=0.5)


def accuracy(estate: Estate, train: Rows, test: Rows, *, small: bool) -> Figure:
    """Accuracy against the number of shards, on people whom no model was taught from."""
    shards = (1, 2, 4) if small else (1, 2, 4, 8, 16)
    level = float((_taught(HEAD, train).predict(work.heard(test[0])) == test[1]).mean())
    series = {"integer head: one model, exact by subtraction": [(float(each), level) for each in shards]}
    if work.SHARDS in work.models():
        points = []
        for each in shards:
            model = _taught(work.SHARDS, train, each)
            points.append((float(each), float((model.predict(test[0].astype(np.float32)) == test[1]).mean())))
        series["convolutional networks, sharded"] = points
    caption = (
        f"Windows of {len(set(test[2]))} people whom no model was taught from, told rightly. One choice of people: another would move "
        "each point by two or three hundredths. Networks in many shards learn from few voices each and lose; the head learns from all in "
        "one sum."
    )
    title = "Accuracy against the number of shards"
    path = estate.folder
    return drawing.lines(path, "accuracy-shards", title, caption, ("shards", "windows right"), series, logarithmic="x", form="{:.3f}")


def cost(estate: Estate, train: Rows, *, small: bool) -> Figure:
    """Windows that models go through when people leave."""
    people = sorted(set(train[2]))
    x, y, _, records = train
    where = {each: at for at, each in enumerate(records)}
    series: dict[str, list[tuple[float, float]]] = {}
    scratch = estate.folder / "scratch.safetensors"
    for name in work.models():
        _taught(name, train, 8).save(scratch)
        points, whole = [], []
        for leaving in (1, 2, 4) if small else (1, 2, 4, 8, 16):
            report = _loaded(name, scratch).forget(
                people[:leaving], source=lambda names, name=name: _rows(name, x, y, [where[one] for one in names])
            )
            points.append((float(leaving), float(report.recomputed or report.records)))
            whole.append((float(leaving), float(report.monolith)))
        series[f"{NAMES[name]}: {'subtracted' if name == HEAD else 'taught again'}"] = points
        if name != HEAD:
            series = {"one network: taught again": whole, **series}
    scratch.unlink()
    caption = "Windows that are gone through when people leave together; a network goes through each several times, and each time counts."
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


def _rows(name: str, x: np.ndarray, y: np.ndarray, chosen: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    rows = x[list(chosen)]
    return (work.heard(rows) if name == HEAD else rows.astype(np.float32)), y[list(chosen)]


def _taught(name: str, rows: Rows, shards: int = 8) -> Any:
    x, y, who, records = rows
    if name == HEAD:
        return work.head().fit(work.heard(x), y, subjects=who, records=records)
    return work.network(shards).fit(x.astype(np.float32), y, subjects=who, records=records)


def _loaded(name: str, path: Path) -> Any:
    return work.loaded(name, path)
