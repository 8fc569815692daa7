"""The page of the whereabouts example."""

from __future__ import annotations

from typing import TYPE_CHECKING

from examples.common import page
from examples.common.estate import Estate
from examples.whereabouts.company import DAYS, K
from examples.whereabouts.work import STEP

if TYPE_CHECKING:
    from examples.whereabouts.story import Told

_PEOPLE = (
    "Nobody here exists. Real trails of many people cannot be handed around, since four places and times single out almost everybody (de "
    "Montjoye and others, Unique in the Crowd, Scientific Reports 3, 2013). So these are made up by rules that were measured in real "
    "people: Song and others, Modelling the scaling properties of human mobility, Nature Physics 6 (2010); Gonzalez and others, "
    "Understanding individual human mobility patterns, Nature 453 (2008); Schneider and others, Unravelling daily human mobility motifs, "
    "J. R. Soc. Interface 10 (2013)."
)


def write(estate: Estate, told: Told) -> None:
    """Write ``index.html``."""
    town, published, shards, stays, cost = told.figures
    sections = [
        ("For a parent", _for_a_parent(told, page.drawing(published))),
        ("Did it harm those who stay?", page.drawing(stays)),
        ("What was checked", page.text("Each line was looked at after the order was done, by other means than it was done with.")
         + page.checks(estate.checks)),
        ("For an engineer", _for_an_engineer(told)),
        ("What it costs", page.drawing(cost) + page.drawing(shards)),
        ("The people", page.text(_PEOPLE) + page.drawing(town)),
        ("The order, as it was given and answered", page.order(told.erased)),
    ]  # fmt: skip
    if told.small:
        sections.insert(0, ("A small run", page.text("This was run with `--small`: it shows that everything works, not what comes out.")))
    lead = "A child's watch has told where the child was. The parents want that gone: from the records, from what was learnt, from the map."
    page.write(estate.folder / "index.html", "Whereabouts: taking one child out of a map", lead, sections)


def _for_a_parent(told: Told, published: str) -> str:
    return (
        page.text(
            f"The company kept {told.visits} visits of your child over {DAYS} days: home, school, the places in between. From everybody's "
            "visits it had made three more things: a heatmap of the town, a model that foretells where somebody goes next, and a map that "
            "the town's planners may fetch. Deleting the visits alone would have left your child in all three.",
            "So all four were changed. The visits are erased. The heatmap and the model had your child's visits subtracted, exactly: what "
            "is left is what there would be if your child had never worn the watch, and anybody can check that by comparing two numbers. "
            f"The map for planners was made again; it only ever shows places where at least {K} people were.",
            "What nobody can take back: a copy of the old map that somebody fetched before. The receipt says so.",
        )
        + published
    )


def _for_an_engineer(told: Told) -> str:
    rows = [(name, before[:16], after[:16], fresh[:16]) for name, before, after, fresh in told.digests]
    return (
        page.text(
            "`Heatmap` and `NextPlace` of `expunge.learn` are sums of whole numbers: adding is associative, so that what is left after a "
            "subtraction does not depend on what was there before, nor on the order of rows. The digest is over the whole file, counts and "
            "list of records included. In the map each is `on_erase: {forget: {command: ..., prove: ...}}`. Expunge runs the command while "
            "the rows are still there, erases them, has the publication made again from the heatmap that has forgotten, and then lets "
            "`prove` make all of it from nothing, in a fresh process, from the rows that are left, read in random order."
        )
        + page.table("SHA-256 of what was made, first 16 digits", ["", "before", "after", "fresh process"], rows)
        + page.heading("What k-anonymity does not do")
        + page.text(
            f"A cell with {K} people hides each of them (Sweeney, k-anonymity, 2002), but two publications, one from before and one from "
            "after somebody left, tell together what neither tells alone: subtract them, and what is left is where that person was. With "
            f"exact numbers {told.exact_would_show} cells would differ here, a part of the child's trail. In steps of {STEP}, "
            f"{told.differ} do. Where somebody may hold both: publish at fixed times, with many people leaving in between, or "
            "add noise (differential privacy)."
        )
    )
