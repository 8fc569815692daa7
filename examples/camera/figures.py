"""The drawings of the camera example."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.patches import Rectangle

from examples.camera import clips, company, index, models
from examples.camera.company import Clip, Seen
from examples.common import drawing
from examples.common.drawing import Figure
from examples.common.estate import Estate

GOES = "people looked at it\nbefore the date:\ngoes"


def sheet(estate: Estate, made: Sequence[Clip]) -> Figure:
    """A frame of a few clips of each kind; drawn before the order, since some are gone after it."""
    kinds = {
        GOES: [each for each in made if each.reviewed and each.reviewed < company.CUT_OFF],
        "looked at only after\nthe date: stays": [each for each in made if each.reviewed > company.CUT_OFF],
        "nobody of the company\nlooked at it: stays": [each for each in made if not each.reviewed],
    }
    across = 5
    with drawing.drawn(7.6, 3.7, nrows=len(kinds), ncols=across) as (figure, axes):
        for row, (said, chosen) in zip(axes, kinds.items(), strict=True):
            step = max(1, len(chosen) // across)
            for place, spot in enumerate(row):
                spot.set_xticks([])
                spot.set_yticks([])
                spot.grid(visible=False)
                spot.spines[:].set_visible(False)
                if place * step < len(chosen):
                    frame = clips.grey(chosen[place * step].path)[0]
                    if said == GOES:
                        # What is destroyed must not be seen here either.
                        frame = frame.reshape(9, 16, 11, 16).mean((1, 3))
                    spot.imshow(frame, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
                    for left, top, width, height in clips.faces(frame)[:1] if said != GOES else ():
                        spot.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor=drawing.COLOURS[1], linewidth=2))
            row[0].set_ylabel(said, rotation=0, ha="right", va="center", fontsize=9)
        svg = drawing.keep(figure, estate.folder, "clips")
    rows = tuple((said.replace("\n", " "), str(len(chosen))) for said, chosen in kinds.items())
    caption = (
        "One frame of some clips of each kind. Boxes: where the detector sees a face. The first row is coarsened: those clips are gone, so "
        "they must not be seen here either. The pictures are from test films that video engineers pass on."
    )
    return Figure("clips", "What was recorded, and who looked", caption, svg, ("clips", "how many"), rows)


SAME = 0.9999
"""Cosine from which two vectors are one, rounding aside."""


class Alike:
    """How well faces are found again in the index."""

    def __init__(self, faces: Mapping[int, np.ndarray], old: set[int]) -> None:
        """Take faces by number, and the numbers of those that are to go. They are held in memory until both looks were taken."""
        parts = {"faces that were to go": True, "faces that stay": False}
        self._asked = {name: np.stack([each for number, each in faces.items() if (number in old) is goes]) for name, goes in parts.items()}
        self._found: dict[str, dict[str, float]] = {name: {} for name in parts}

    def look(self, estate: Estate, when: str) -> None:
        """Search for each face."""
        for name, asked in self._asked.items():
            self._found[name][when] = float((index.nearest(estate.world / company.INDEX, asked) > SAME).mean())

    def drawn(self, estate: Estate) -> Figure:
        """As a drawing."""
        caption = (
            "Each face is looked for in the vector index: is the very same vector there? Of those that went none is. Other frames of the "
            "same person still resemble them: they were recorded later, and the order does not reach them."
        )
        title = "Who is found in the vector index"
        return drawing.bars(estate.folder, "search", title, caption, "share that is found", self._found)


def measured(estate: Estate, made: Sequence[Clip], seen: dict[str, Seen], *, small: bool) -> list[Figure]:
    """Accuracy against shards, and what it costs to forget households, both measured."""
    return [_accuracy(estate, made, seen, small=small), _cost(estate, made, seen)]


def before_and_after(estate: Estate, gone: Mapping[str, int], left: Mapping[str, int]) -> Figure:
    """How much of each kind there was, and is."""
    groups = {name: {"before the order": gone[name] + left[name], "after it": float(left[name])} for name in gone}
    caption = "Clips, face vectors and models before and after the order. What is left is byte for byte what it was."
    return drawing.bars(estate.folder, "before-after", "Before and after the order", caption, "items", groups, form="{:.0f}")


def _accuracy(estate: Estate, made: Sequence[Clip], seen: dict[str, Seen], *, small: bool) -> Figure:
    homes = sorted({each.account for each in made})
    shards = (1, 2, 4) if small else (1, 2, 4, 8)
    by_trees: dict[int, list[float]] = {each: [] for each in shards}
    by_head = []
    for start in range(1 if small else 6):
        # Each time other doors are left out: one choice of doors proves nothing.
        out = {homes[(2 * start + step) % len(homes)] for step in range(3)}
        judged = models.rows([each for each in made if each.account in out], seen)
        taught = models.rows([each for each in made if each.account not in out], seen)
        if not judged[1].any() or not taught[1].any():
            continue
        by_head.append(models.balanced(models.head(taught), judged))
        for each in shards:
            by_trees[each].append(models.balanced(models.trees(taught, each), judged))
    level = float(np.mean(by_head))
    error = max(float(np.std(each)) / len(each) ** 0.5 for each in (by_head, *by_trees.values()))
    series = {
        "integer head: one model, exact by subtraction": [(each, level) for each in shards],
        "boosted trees, sharded": [(each, float(np.mean(by_trees[each]))) for each in shards],
    }
    caption = (
        f"How well faces are told from other frames at three doors that nothing was taught from, mean of {len(by_head)} choices of "
        f"doors (standard error up to {error:.2f}); 0.5 is a coin. Trees in many shards learn from few households each. The integer "
        "head needs no shards: everybody is in one sum, from which anybody can be subtracted."
    )
    return drawing.lines(
        estate.folder,
        "accuracy-shards",
        "Accuracy against the number of shards",
        caption,
        ("shards", "balanced accuracy"),
        series,
        logarithmic="x",
        form="{:.3f}",
    )


def _cost(estate: Estate, made: Sequence[Clip], seen: dict[str, Seen]) -> Figure:
    homes = sorted({each.account for each in made})
    frames, face, accounts, records = everything = models.rows(made, seen)
    kinds: dict[str, Callable[[models.Rows], Any]] = {
        "integer head: rows subtracted": models.head,
        "trees in 4 shards: rows taught again": lambda rows: models.trees(rows, 4),
    }
    series: dict[str, list[tuple[float, float]]] = {name: [] for name in ("one model of trees: taught again", *kinds)}
    same = True
    for leaving in (1, 2, 3, 4, 6):
        stay = [at for at, each in enumerate(accounts) if each not in homes[:leaving]]
        rest = (frames[stay], face[stay], [accounts[at] for at in stay], [records[at] for at in stay])
        for name, learn in kinds.items():
            model = learn(everything)
            report = model.forget(homes[:leaving], missing="ignore")
            same &= model.digest() == learn(rest).digest()
            series[name].append((leaving, report.recomputed or report.records))
        # What is counted of one model of trees: it would be taught from everybody who stays.
        series["one model of trees: taught again"].append((leaving, report.monolith))
    estate.expect(same, "whichever households leave, what is left is, bit for bit, a model that was never taught from them")
    caption = (
        "Frames that are gone through when households leave; each tree goes through them once. Each time, the digest of what was left was "
        "compared with that of a model that had never seen those households: equal, in both kinds, every time."
    )
    return drawing.lines(
        estate.folder,
        "cost-households",
        "What it costs when households leave",
        caption,
        ("households that leave", "frames gone through"),
        series,
        logarithmic="y",
        form="{:.0f}",
    )
