"""Drawings as SVG and PNG, readable in print and without colours: every line has a marker and a name of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt

mpl.use("Agg")

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Told apart by people who see no red or no green (Okabe and Ito)."""
MARKERS = ("o", "s", "^", "D", "v", "P")
HATCHES = ("", "///", "...")
_STYLE: Any = {
    "svg.hashsalt": "expunge",
    "svg.fonttype": "path",
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e3e3e3",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "figure.facecolor": "white",
}


@dataclass(frozen=True)
class Figure:
    """A drawing with its numbers: the table says the same to whoever cannot see it."""

    name: str
    """Of its files, ``plots/NAME.svg`` and ``plots/NAME.png``."""
    title: str
    caption: str
    svg: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@contextmanager
def drawn(width: float = 7.2, height: float = 4.0, **more: Any) -> Iterator[tuple[Any, Any]]:
    """Figure and axes in the house's style, in inches; closed at the end."""
    with mpl.rc_context(_STYLE):
        figure, axes = plt.subplots(figsize=(width, height), layout="constrained", **more)
        try:
            yield figure, axes
        finally:
            plt.close(figure)


def keep(figure: Any, folder: Path, name: str) -> str:
    """Write ``plots/NAME.svg`` and ``plots/NAME.png`` below a folder; returns the SVG's text."""
    place = folder / "plots"
    place.mkdir(parents=True, exist_ok=True)
    figure.savefig(place / f"{name}.png", dpi=150, metadata={"Software": None})
    figure.savefig(place / f"{name}.svg", metadata={"Date": None, "Creator": None})
    return (place / f"{name}.svg").read_text("utf-8")


def lines(
    folder: Path,
    name: str,
    title: str,
    caption: str,
    axes_names: tuple[str, str],
    series: Mapping[str, Sequence[tuple[float, float]]],
    *,
    logarithmic: str = "",
    form: str = "{:g}",
) -> Figure:
    """Lines over one axis.

    Args:
        folder: below which the files go.
        name: of the files.
        title: above the drawing.
        caption: below it.
        axes_names: of what goes to the right and what goes up.
        series: name -> points, to the right first.
        logarithmic: ``x``, ``y``, ``xy`` or nothing.
        form: how a number is written into the table.
    """
    with drawn() as (figure, axes):
        for number, (label, points) in enumerate(series.items()):
            style = {"color": COLOURS[number % 6], "marker": MARKERS[number % 6], "linestyle": ("-", "--", "-.", ":")[number % 4]}
            axes.plot([x for x, _ in points], [y for _, y in points], label=label, **style)
        places = sorted({x for points in series.values() for x, _ in points})
        if "x" in logarithmic:
            axes.set_xscale("log", base=2)
        if "y" in logarithmic:
            axes.set_yscale("log")
        axes.set_xticks(places, [f"{each:g}" for each in places])
        axes.minorticks_off() if "x" in logarithmic and "y" not in logarithmic else None
        axes.set(xlabel=axes_names[0], ylabel=axes_names[1], title=title)
        if len(series) > 1:
            axes.legend()
        svg = keep(figure, folder, name)
    known = {label: dict(points) for label, points in series.items()}
    rows = tuple((f"{x:g}", *(form.format(known[label][x]) if x in known[label] else "" for label in series)) for x in places)
    return Figure(name, title, caption, svg, (axes_names[0], *series), rows)


def bars(
    folder: Path,
    name: str,
    title: str,
    caption: str,
    up: str,
    groups: Mapping[str, Mapping[str, float]],
    *,
    form: str = "{:.3f}",
    floor: float = 0.0,
) -> Figure:
    """Bars side by side, with their numbers on them.

    Args:
        folder: below which the files go.
        name: of the files.
        title: above the drawing.
        caption: below it.
        up: what goes up.
        groups: name of a group -> name of a bar -> its height.
        form: how a number is written.
        floor: where the bars begin.
    """
    labels = list(dict.fromkeys(each for bars_ in groups.values() for each in bars_))
    width = 0.8 / len(labels)
    with drawn() as (figure, axes):
        for number, label in enumerate(labels):
            places = [at + (number - (len(labels) - 1) / 2) * width for at in range(len(groups))]
            heights = [each.get(label, float("nan")) for each in groups.values()]
            drawn_bars = axes.bar(
                places, heights, width * 0.92, label=label, color=COLOURS[number % 6], hatch=HATCHES[number % 3], edgecolor="white"
            )
            axes.bar_label(drawn_bars, [form.format(each) if each == each else "" for each in heights], padding=2, fontsize=9)
        axes.set_xticks(range(len(groups)), list(groups))
        axes.grid(visible=False, axis="x")
        top = max(each for bars_ in groups.values() for each in bars_.values())
        axes.set(ylabel=up, title=title, ylim=(floor, top + (top - floor) * 0.25))
        axes.legend(ncols=len(labels), loc="upper right")
        svg = keep(figure, folder, name)
    rows = tuple((group, *(form.format(each[label]) if label in each else "" for label in labels)) for group, each in groups.items())
    return Figure(name, title, caption, svg, ("", *labels), rows)
