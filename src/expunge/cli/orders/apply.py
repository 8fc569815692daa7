"""``expunge apply``: carry out orders together, as far as possible now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.orders import residue_lines
from expunge.cli.terminal import options, output
from expunge.cli.terminal.exit_codes import Exit
from expunge.cli.terminal.installation import opened
from expunge.cli.terminal.progress import ProgressReporter
from expunge.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from expunge.bootstrap import Expunge
    from expunge.core.orders.run import Run
    from expunge.core.values.ids import OrderId
    from expunge.engine.execution.nightly import NightlyResult, StaysOut


def apply(
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ORDER|PLANFILE]...", help="Ids of orders, or plans saved by `expunge plan --out`.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for the receipts, one folder per person.", show_default=False)
    ] = None,
    queue: Annotated[bool, typer.Option("--queue", help="Let the orders wait for others, to share rewrites with them.")] = False,
    due: Annotated[bool, typer.Option("--due", help="Carry out what is queued and due, with all that may go along.")] = False,
    nightly: Annotated[bool, typer.Option("--nightly", help="Carry out all that waits and may start, together.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Also offsets in files where residue lies, a few of each.")] = False,
    yes: options.Yes = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Erase what the orders' plans say, look again, issue receipts. The same command goes on after an interruption, and tries again.

    Orders that are named together share one look, one rewrite of each table or file, and one scan. With --queue they wait for others, at
    most as long as `longest_wait:` of the map says; a worker, or --due, carries them out.

    With --nightly all that waits goes together, a thousand orders at a time: approved orders after their cooling-off time, queued or not,
    what was interrupted, and queued orders in part. One that cannot start is named and stops nobody.
    An order that is due within 24 hours does not wait for the night: --due and workers take it at once.

    A person whose yearly training about deletion has lapsed carries out nothing, where a clock of the map asks for it.

    Exit code 0: all erased and verified; 4: something was not; 5: a plan waits for approval (with --nightly: and is due before the next
    night); 1: the world changed since the plan.
    """
    wanted = [_order(each) for each in what or ()]
    if [bool(wanted), due, nightly].count(True) != 1 or (queue and not wanted):
        problem = "name the orders, or ask for what is due, or for all that waits"
        raise UsageError(problem, help="expunge apply [--queue] ORDER...; expunge apply --due; expunge apply --nightly")
    with opened(map_file, recover=True) as expunge:
        expunge.staff.require_trained()
        if queue:
            runs = tuple(expunge.submit(order) for order, _ in wanted)
            _tell_queued(runs, as_json=as_json)
            return
        if nightly:
            _tonight(expunge, out, yes=yes, verbose=verbose, as_json=as_json)
            return
        runs = _applied(expunge, wanted, yes=yes)
        for number, run in enumerate(runs, start=1):
            if out is not None:
                write_receipts(expunge, run, out / str(number) if len(runs) > 1 else out)
        values = _values(expunge, runs, many=not wanted or len(wanted) > 1) if as_json else {}
        residue = {run.order: residue_lines.told(expunge, run.order, verbose=verbose) for run in runs}
    if as_json:
        output.write_json("applied/1", values)
    else:
        for run in runs:
            output.say("\n".join((told(run), *residue[run.order])))
        if not runs:
            output.say("nothing is due")
    code = max((exit_code(run) for run in runs), default=Exit.OK)
    if code:
        raise typer.Exit(code)


def _tonight(expunge: Expunge, out: Path | None, *, yes: bool, verbose: bool, as_json: bool) -> None:
    """Carry out a night; tell of each order when its part has ended, and of the night in one line."""
    cohort = expunge.nightly_cohort()
    if cohort.going:
        options.confirm(f"Erase what {output.count(len(cohort.going), 'order')} say for good?", yes=yes)
    values: list[dict[str, Any]] = []
    codes: list[Exit] = []

    def ended(run: Run) -> None:
        codes.append(exit_code(run))
        if out is not None:
            write_receipts(expunge, run, out / str(len(codes)) if len(cohort.going) > 1 else out)
        if as_json:
            values.append(_value(expunge, run))
        else:
            output.say("\n".join((told(run), *residue_lines.told(expunge, run.order, verbose=verbose))))

    with ProgressReporter("apply") as report:
        result = expunge.run_nightly(report=report, ended=ended)
    if as_json:
        output.write_json("applied/1", {"orders": values, "staying": [_staying(each) for each in result.staying]})
    else:
        _tell_night(result)
    code = max([*codes, Exit.WAITING if any(each.gate and each.near for each in result.staying) else Exit.OK])
    if code:
        raise typer.Exit(code)


def _tell_night(result: NightlyResult) -> None:
    """Say what cannot start, and the night in one line."""
    from expunge.core.values.order import OrderState

    for each in result.staying:
        near = f"; due {each.due:%Y-%m-%d %H:%M} UTC" if each.due is not None and each.near else ""
        output.say(f"{each.order} stays: {output.visible(each.why)}{near}")
    done = sum(state is OrderState.FULFILLED for state in result.ended.values())
    rest = f", {len(result.ended) - done} in part" if done < len(result.ended) else ""
    more = f"; {output.count(len(result.staying), 'order')} cannot start yet" if result.staying else ""
    orders, people = output.count(len(result.ended), "order"), output.count(result.people, "person", "people")
    output.say(f"tonight: {orders} for {people}, {done} fulfilled{rest}{more}")


def _staying(each: StaysOut) -> dict[str, Any]:
    return {"order": each.order, "why": each.why, "due": each.due, "near": each.near}


def _applied(expunge: Expunge, wanted: list[tuple[OrderId, bytes | None]], *, yes: bool) -> tuple[Run, ...]:
    named = (expunge.status(order) for order, _ in wanted) if wanted else expunge.queued()
    open_runs = [run for run in named if not run.final]
    if open_runs:
        items = sum(sum(run.planned.expected.values()) for run in open_runs if run.planned)
        people = output.count(sum(len(run.subjects) for run in open_runs), "person", "people")
        options.confirm(f"Erase {output.count(items, 'item')} of {people} for good?", yes=yes)
    with ProgressReporter("apply") as report:
        if not wanted:
            return expunge.run_due(report=report)
        if len(wanted) == 1:
            order, saved = wanted[0]
            return (expunge.apply(order, saved=saved, report=report),)
        if any(saved is not None for _, saved in wanted):
            problem = "a saved plan is applied by itself"
            raise UsageError(problem, help="name several orders by their ids")
        return expunge.apply_all([order for order, _ in wanted], report=report)


def _values(expunge: Expunge, runs: Sequence[Run], *, many: bool) -> dict[str, Any]:
    values = [_value(expunge, run) for run in runs]
    return {"orders": values} if many else values[0]


def _value(expunge: Expunge, run: Run) -> dict[str, Any]:
    return {**summary(run), **residue_lines.as_values(expunge, run.order)}


def _tell_queued(runs: Sequence[Run], *, as_json: bool) -> None:
    if as_json:
        entries = [{"order": run.order, "latest": run.queued.latest} for run in runs if run.queued]
        output.write_json("queued/1", {"orders": entries})
        return
    for run in runs:
        if run.queued:
            output.say(f"{run.order} waits for others, until {run.queued.latest:%Y-%m-%d %H:%M} UTC at the latest")


def write_receipts(expunge: Expunge, run: Run, out: Path) -> None:
    """Write the receipts that hold now into ``out/1``, ``out/2`` ..., in the order of the people of the order."""
    for number in range(1, len(run.subjects) + 1):
        folder = out / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in expunge.receipt_folder(run.order, number).items():
            (folder / name).write_bytes(data)


def exit_code(run: Run) -> Exit:
    """Return the exit code for an order that was carried out as far as possible."""
    from expunge.core.values.order import OrderState

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
        "latest": run.queued.latest if run.queued else None,
        "together": run.current.cohort,
        "digest": run.plan.digest if run.plan else None,
        "follows": run.received.follows,
        "receipts": len(run.current.logged),
    }


def told(run: Run) -> str:
    """An order in a few lines for people."""
    lines = [f"{run.order}: {run.state.value}"]
    lines += [f"  not done: {output.visible(reason)}" for reason in run.reasons]
    if run.current.logged:
        lines.append(f"  {output.count(len(run.current.logged), 'receipt')}: expunge receipt show {run.order} --out DIR")
    return "\n".join(lines)


def _order(what: str) -> tuple[OrderId, bytes | None]:
    """The order, and the saved plan where a file was named."""
    from expunge.core.orders.plan import Plan
    from expunge.core.values.ids import OrderId

    path = Path(what)
    if not path.is_file():
        return OrderId(what), None
    saved = path.read_bytes()
    return Plan.from_bytes(saved).order, saved
