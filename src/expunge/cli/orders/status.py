"""``expunge status`` and ``expunge watch``: the state of orders."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from expunge.cli.orders.apply import exit_code, summary
from expunge.cli.terminal import options, output
from expunge.cli.terminal.exit_codes import Exit
from expunge.cli.terminal.installation import opened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from expunge.core.orders.run import Run
    from expunge.core.values.ids import OrderId
    from expunge.ports.leases import Lease

OptionalOrder = Annotated[str | None, typer.Argument(metavar="[ORDER]", help="An order's id; else all.", show_default=False)]


def status(order: OptionalOrder = None, map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Show where orders stand. Exit code 1 for a list from a state that was put back from an older copy: orders may be missing from it."""
    from expunge.core.values.ids import OrderId

    with opened(map_file) as expunge:
        runs = expunge.orders() if order is None else (expunge.status(OrderId(order)),)
        leases, rollback = expunge.leases(), expunge.rollback
        by_hand = [(each, how) for each, how in expunge.to_carry() if order in (None, each.order)]
    _show(order, runs, leases, rollback.orders if rollback else (), as_json=as_json)
    for waiting, how in by_hand if not as_json else ():
        output.say(f"{waiting.order}: recipient {output.visible(waiting.recipient)} was not told yet: {how}")
    if rollback is not None and order is None:
        raise typer.Exit(Exit.FAILED)


def _show(order: str | None, runs: Sequence[Run], leases: Sequence[Lease], forgotten: Sequence[OrderId], *, as_json: bool) -> None:
    if as_json:
        working = [{"what": lease.name, "worker": lease.holder, "since": lease.since, "until": lease.until} for lease in leases]
        orders = [{**summary(run), **({"steps": _steps(run), "approvals": _approvals(run)} if order else {})} for run in runs]
        missing = {"forgotten": list(forgotten)} if forgotten else {}
        output.write_json("status/1", {"orders": orders, "working": working, **missing})
        return
    for lease in leases:
        output.say(f"{lease.holder} is at {lease.name} since {output.moment(lease.since)}")
    if not runs:
        output.say("no orders yet")
    elif order is None:
        output.stdout().print(_orders(runs))
    else:
        output.stdout().print(_one(runs[0]))
        for each in _approvals(runs[0]):
            output.say(f"approved by {output.visible(str(each['by']))}")
    for name in forgotten if order is None else ():
        output.say(f"{name}: the journal was put back from an older copy, and does not know what became of it")


def watch(
    order: options.OrderArgument,
    interval: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.1)] = 1.0,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Follow an order until it has ended; exits as `expunge apply` would."""
    from expunge.core.values.ids import OrderId
    from expunge.core.values.order import ENDED

    if as_json:
        from importlib.metadata import version

        output.write_json("run/1", {"what": "watch", "version": version("expunge")})
    length = -1
    with opened(map_file) as expunge:
        while True:
            run = expunge.status(OrderId(order))
            if run.length != length:
                length = run.length
                _told(run, as_json=as_json)
            if run.state in ENDED:
                break
            time.sleep(interval)
    if code := exit_code(run):
        raise typer.Exit(code)


def _told(run: Run, *, as_json: bool) -> None:
    if as_json:
        output.write_json("status/1", {"orders": [{**summary(run), "steps": _steps(run), "approvals": _approvals(run)}]})
    elif sys.stdout.isatty():
        output.stdout().clear()
        output.stdout().print(_one(run))
    else:
        ended = sum(1 for step in run.current.steps.values() if step.ended is not None)
        output.say(f"{run.order}: {run.state.value}, {output.count(ended, 'step')} of {len(run.plan.steps) if run.plan else '?'} ended")


def _steps(run: Run) -> list[dict[str, object]]:
    steps = []
    for step in run.plan.steps if run.plan else ():
        state = run.current.steps.get(step.id)
        reasons = _reasons(run, step.id)
        steps.append(
            {"step": step.id, "attempts": state.attempts if state else 0, "ended": state.ended if state else None, "unable": reasons}
        )
    return steps


def _approvals(run: Run) -> list[dict[str, object]]:
    from expunge.core.evidence.plan_approvals import way_of

    return [{"approver": each.approver, "by": way_of(each.approver, each.signature), "at": each.at} for each in run.approvals]


def _reasons(run: Run, step: str) -> list[str]:
    from expunge.core.values.ids import StepId
    from expunge.core.values.outcome import Unable

    state = run.current.steps.get(StepId(step))
    outcomes = [each for by in state.outcomes.values() for each in by.values()] if state else []
    return sorted({outcome.reason.value for outcome in outcomes if isinstance(outcome, Unable)})


def _orders(runs: Sequence[Run]) -> Table:
    from rich.table import Table

    table = Table("order", "people", "state", "received", "ended", "why not")
    for run in runs:
        why = "; ".join(output.visible(reason) for reason in run.reasons)
        if run.queued:
            why = f"waits for others, until {output.moment(run.queued.latest)}"
        table.add_row(run.order, str(len(run.subjects)), run.state.value, output.moment(run.received.at), output.moment(run.ended_at), why)
    return table


def _one(run: Run) -> Table:
    from rich.table import Table

    title = f"{run.order}: {run.state.value}"
    table = Table("step", "tries", "ended", "unable", title=title, title_justify="left")
    for step in run.plan.steps if run.plan else ():
        state = run.current.steps.get(step.id)
        ended = "-" if state is None else "under way" if state.ended is None else output.moment(state.ended)
        table.add_row(step.id, str(state.attempts if state else 0), ended, ", ".join(_reasons(run, step.id)))
    return table
