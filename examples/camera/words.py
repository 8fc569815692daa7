"""The page of the camera example."""

from __future__ import annotations

from typing import TYPE_CHECKING

from examples.camera.company import CUT_OFF
from examples.common import page
from examples.common.estate import Estate

if TYPE_CHECKING:
    from examples.camera.story import Told

_MODELS = (
    ("faces-2017", "labels that people of the company wrote", "destroyed"),
    ("doorbell-small", "faces-2017, which taught it", "destroyed"),
    ("faces-2018", "what owners said of their own clips", "stays"),
    ("motion-2017", "how pictures move; no labels", "stays"),
)


def write(estate: Estate, told: Told) -> None:
    """Write ``index.html``."""
    sheet, shards, cost, stays, search = told.figures
    sections = [
        ("For a parent", _for_a_parent(told) + page.drawing(sheet)),
        ("What went, and what stayed", page.drawing(stays) + page.drawing(search) + _models(told)),
        (
            "What was checked",
            page.text("Each line was looked at after the order was done, by other means than it was done with.")
            + page.checks(estate.checks),
        ),
        ("For an engineer", _for_an_engineer()),
        ("What it costs to let a household go", page.text(_ONE) + page.drawing(cost) + page.drawing(shards)),
        ("The order, limb by limb", _order(told)),
    ]
    if told.small:
        sections.insert(0, ("A small run", page.text("This was run with `--small`: it shows that everything works, not what comes out.")))
    lead = "People of the company looked at what cameras at front doors saw, and taught models from it. They are ordered to destroy that."
    page.write(estate.folder / "index.html", "Camera: destroying what was looked at, and what it taught", lead, sections)


_ONE = (
    "An order of destruction is one case. The usual one is a household that leaves, and models that have to forget it alone. Both kinds of "
    "model that were compared here forget exactly; they differ in what that costs and in how much they know."
)


def _for_a_parent(told: Told) -> str:
    looked_at = sum(bool(each.reviewed) and each.reviewed < CUT_OFF for each in told.clips)
    return page.text(
        f"Of {len(told.clips)} clips from twelve doors, people of the company had looked at {looked_at} before {CUT_OFF} and noted "
        "whether a face was to be seen. From their notes a model was taught to see faces; that model taught a smaller one, for a new "
        "doorbell. The company is ordered to destroy the clips that were looked at, every face vector of that time, and everything "
        "learnt from the looking.",
        "The doorbell's model never saw a single one of those clips. It goes all the same, because what it knows came from them. A "
        "model that owners taught themselves, and one that only knows how pictures move, stay: nobody's looking went into them. So do "
        "the clips that nobody looked at. Destroying everything would have been easier; it would have taken from families what is "
        "theirs.",
    )


def _models(told: Told) -> str:
    rows = [(name, source, f"{told.scores[name]:.2f}" if name in told.scores else "-", end) for name, source, end in _MODELS]
    return page.table(
        "The models: how well each told faces at doors that none was taught from (0.5 is a coin)", ["", "came from", "score", ""], rows
    )


def _for_an_engineer() -> str:
    return page.text(
        "The map says which dataset records reviews (`reviewed_by`), which field names single models (`artefact`), and where it is on "
        "record what each was made from (`provenance`). The order is data as well: `orders/ring.yaml`, three limbs with a trigger, a "
        "date and the kinds that they take. Taint goes along the record, artefact by artefact: from the reviews to the label set, from "
        "there to the model, from there to the student. What owners labelled is another dataset, so it is another origin.",
        "Faces are found by a Haar cascade of OpenCV (what it learnt from is not published with it) and described by histograms of "
        "oriented gradients (Dalal and Triggs, CVPR 2005), which nobody's data shaped. They lie in a FAISS index (store kind `faiss`); "
        "whose each vector is stands in the sidecar beside it. The detector also stands in for reviewers and owners. What was reviewed "
        "late, what was not reviewed, the two models that stay and every row of the database were compared before and after: byte for "
        "byte the same.",
        "The label set that was exported from the reviews stays, and so do the reviews: the order names recordings, face embeddings, "
        "models and algorithms, and nothing else. A company may well want to destroy them too; that would be an order of its own.",
    )


def _order(told: Told) -> str:
    assert told.carried is not None
    proofs = "".join(page.listing(each, f"Verification of receipt {number}") for number, each in enumerate(told.carried.verified, 1))
    return (
        page.text("What `expunge order disgorge orders/ring.yaml --preview` said before anything was entered:")
        + page.listing(told.carried.preview, "Preview of the order")
        + page.text("What `expunge receipt verify` says of the receipts, with keys that had been published before:")
        + proofs
        + page.text("The sworn statement is drafted in `statement/statement.html`, every number with a file behind it.")
    )
