"""``expunge apply``: take an order as far as it goes now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli import options, output
from expunge.cli.exits import Exit
from expunge.cli.opening import opened
from expunge.cli.progress import Meanwhile

if TYPE_CHECKING:
    from expunge.bootstrap import Expunge
    from expunge.core.ids import OrderId
    from expunge.core.run import Run

MOST_PLACES = 12
"""Places of residue shown to people."""


def apply(
    what: Annotated[str, typer.Argument(metavar="ORDER|PLANFILE", help="An order's id, or a plan saved by `expunge plan --out`.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for the receipts, one folder per person.", show_default=False)
    ] = None,
    yes: options.Yes = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Erase what the order's plan says, look again, issue receipts. The same command goes on after an interruption, and tries again.

    Exit code 0: all erased and verified; 4: something was not; 5: the plan waits for approval; 1: the world changed since the plan.
    """
    order, saved = _order(what)
    with opened(map_file, recover=True) as expunge:
        run = expunge.status(order)
        if not run.final:
            items = sum(run.planned.expected.values()) if run.planned else 0
            people = output.count(len(run.subjects), "person", "people")
            options.confirm(f"Erase {output.count(items, 'item')} of {people} for good?", yes=yes)
        with Meanwhile("apply") as report:
            run = expunge.apply(order, saved=saved, report=report)
        if out is not None:
            write_receipts(expunge, run, out)
        places = expunge.residue(order)
    if as_json:
        found = [{"store": each.store, "path": each.path, "offset": each.offset, "hidden": each.hidden} for each in places]
        output.write_json("applied/1", {**summary(run), "residue": found})
    else:
        output.say(told(run))
        lines = {f"residue in {each.store}: {output.visible(each.path)} at {each.offset}, {each.hidden}": None for each in places}
        for line in list(lines)[:MOST_PLACES]:
            output.say(line)
        if len(lines) > MOST_PLACES:
            output.say(f"and {output.count(len(lines) - MOST_PLACES, 'more place')}: --json lists them all")
    if code := exit_code(run):
        raise typer.Exit(code)


def write_receipts(expunge: Expunge, run: Run, out: Path) -> None:
    """Write the receipts that hold now into ``out/1``, ``out/2`` ..., in the order of the people of the order."""
    for number in range(1, len(run.subjects) + 1):
        folder = out / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in expunge.receipt_folder(run.order, number).items():
            (folder / name).write_bytes(data)


def exit_code(run: Run) -> Exit:
    """What the shell learns about an order that was taken as far as it goes."""
    from expunge.core.order import OrderState

    return Exit.OK if run.state is OrderState.FULFILLED else Exit.NOT_ALL_ERASED


def summary(run: Run) -> dict[str, Any]:
    """An order as JSON values."""
    return {
        "order": run.order,
        "state": run.state,
        "people": len(run.subjects),
        "round": run.round,
        "received": run.received.at,
        "fenced": run.fenced_at,
        "earliest": run.received.earliest,
        "ended": run.ended_at,
        "reasons": run.reasons,
        "final": run.final,
        "digest": run.plan.digest if run.plan else None,
        "follows": run.received.follows,
        "receipts": len(run.logged),
    }


def told(run: Run) -> str:
    """An order in a few lines for people."""
    lines = [f"{run.order}: {run.state.value}"]
    lines += [f"  not done: {output.visible(reason)}" for reason in run.reasons]
    if run.logged:
        lines.append(f"  {output.count(len(run.logged), 'receipt')}: expunge receipt show {run.order} --out DIR")
    return "\n".join(lines)


def _order(what: str) -> tuple[OrderId, bytes | None]:
    """The order, and the saved plan where a file was named."""
    from expunge.core.ids import OrderId
    from expunge.core.plan import Plan

    path = Path(what)
    if not path.is_file():
        return OrderId(what), None
    saved = path.read_bytes()
    return Plan.from_bytes(saved).order, saved
