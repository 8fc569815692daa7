"""The page of the voice example."""

from __future__ import annotations

from typing import TYPE_CHECKING

from examples.common import page
from examples.common.estate import Estate
from examples.voice import work

if TYPE_CHECKING:
    from examples.voice.story import Told


def write(estate: Estate, told: Told) -> None:
    """Write ``index.html``."""
    hearing, stays, cost, shards = told.figures
    sections = [
        ("For a parent", _for_a_parent(told, page.drawing(hearing))),
        ("Did it harm those who stay?", page.drawing(stays)),
        (
            "What was checked",
            page.text("Each line was looked at after the order was done, by other means than it was done with.")
            + page.checks(estate.checks),
        ),
        ("For an engineer", _for_an_engineer(told)),
        ("What it costs", page.drawing(cost) + page.drawing(shards)),
        ("Whose voices these are", page.text(_voices(told))),
        ("The order, as it was given and answered", page.order(told.erased)),
    ]
    if told.small:
        sections.insert(0, ("A small run", page.text("This was run with `--small`: it shows that everything works, not what comes out.")))
    lead = (
        "A child has talked to a machine. The child's mother wants the voice gone: from the recordings, and from what was learnt from it."
    )
    page.write(estate.folder / "index.html", "Voice: taking one child out of what was learnt", lead, sections)


def _voices(told: Told) -> str:
    company = told.company
    task = "Whether a woman or a man speaks is a stand-in for whatever a voice assistant learns: wake words, who is who, what is meant."
    if not company.recorded:
        return f"Nobody speaks here: all {company.speakers} voices, the child's too, are synthetic, made by espeak-ng. {task}"
    return (
        f"The voices are {company.origin}. The child is played by reader {company.reader}, a grown-up woman: recordings of real "
        "children are not handed around, and should not be. Recordings of LibriSpeech are of volunteers who read books aloud (Panayotov "
        f"and others, ICASSP 2015; CC BY 4.0). {task}"
    )


def _for_a_parent(told: Told, hearing: str) -> str:
    return (
        page.text(
            f"The company kept your child's recording and had cut it into {told.windows} pieces of one second, to teach its models from. "
            "Deleting the recording alone would have left the pieces; deleting those as well would have left what the models had learnt.",
            "So all of it was changed. Recording and pieces are erased, down to the bytes on the disk. Out of the models your child's "
            "part was taken exactly: each is now the very model that there would be if your child had never spoken to the machine. That "
            "is no figure of speech: the models were taught once more from nothing, without your child, and the same files came out, "
            "bit for bit.",
            "The receipt says what was done, and what nobody can promise: copies outside, backups, the disk below.",
        )
        + hearing
    )


def _for_an_engineer(told: Told) -> str:
    rows = [(name, before[:16], after[:16], fresh[:16]) for name, before, after, fresh in told.digests]
    torch = (
        "`network_shards` is `ShardedTorch`: eight small networks, people spread over them by a keyed hash of their name, each taught on "
        "one thread in an order that depends on record ids alone. Who leaves costs one of the eight."
        if work.SHARDS in work.models()
        else "torch is not installed here, so the sharded networks are left out: `make env` installs a build for processors."
    )
    return page.text(
        "`integer_head` is `IntegerRidgeClassifier` of `expunge.learn` behind `IntegerConvolutions`: "
        f"{work.KERNELS} kernels of random whole numbers from -2 to 2 over log-mel energies, public constants that nobody's data shaped. "
        "The head keeps sums of whole numbers, so that a person's windows are subtracted exactly, in any order; the weights are solved "
        "from the sums, on one thread.",
        torch,
        "In the map, each model is `on_erase: {forget: {command: ..., prove: ...}}`. Expunge tells the gate to serve nobody from it, "
        "runs the command while the rows are still there, erases them, and lets `prove` learn everything once more in a fresh "
        "process, from the rows that are left, read in random order. Only equal digests count as forgotten.",
    ) + page.table("SHA-256 of the models, first 16 digits", ["", "before", "after", "fresh process"], rows)
