"""``expunge due``: deadlines that run, and deadlines that are over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.terminal import options, output
from expunge.cli.terminal.exit_codes import Exit
from expunge.cli.terminal.installation import opened

if TYPE_CHECKING:
    from expunge.core.datamap.clocks import ClockRule
    from expunge.engine.recipients.deadlines import Deadline


def due(
    laws: Annotated[bool, typer.Option("--laws", help="Show the clocks that are shipped instead, with their sources.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Show what falls due, soonest first. Exits with 1 when something is overdue."""
    if laws:
        _tell_laws(as_json=as_json)
        return
    with opened(map_file) as expunge:
        found = expunge.dues.all()
    overdue = [owed for owed in found if owed.standing.overdue]
    if as_json:
        output.write_json("due/1", {"due": [_values(each) for each in found], "overdue": len(overdue)})
    else:
        _tell(found)
    if overdue:
        if not as_json:
            output.note(f"{output.count(len(overdue), 'deadline is', 'deadlines are')} over")
        raise typer.Exit(Exit.FAILED)


def _tell(found: tuple[Deadline, ...]) -> None:
    from rich.table import Table

    if not found:
        output.say("no deadline runs")
        return
    table = Table("due", "what", "duty", "why", "clock")
    for each in found:
        style = "bold red" if each.standing.overdue else ""
        at = output.moment(each.at) if each.at else "" if style else "not started"
        said = f"{at}\nOVERDUE".strip() if style else at
        table.add_row(said, each.what, output.visible(each.duty), each.why, each.clock, style=style)
    output.stdout().print(table)


def _tell_laws(*, as_json: bool) -> None:
    from rich.table import Table

    from expunge.bootstrap.deadline_service import clocks

    rules = clocks()
    if as_json:
        output.write_json("clocks/1", {"clocks": [_rule(rule) for rule in rules]})
        return
    table = Table("clock", "law", "duty", "counts", "source")
    for rule in rules:
        counts = "; ".join(f"{branch.within} after {branch.start}" for branch in rule.branches)
        table.add_row(f"{rule.name}{' *' if rule.standard else ''}", rule.law, rule.duty, counts, rule.source)
    output.stdout().print(table)
    output.say("* runs where the map names no laws")


def _rule(rule: ClockRule) -> dict[str, Any]:
    return {
        "clock": rule.name,
        "law": rule.law,
        "duty": rule.duty,
        "source": rule.source,
        "applies": sorted(rule.applies),
        "counts": [f"{branch.within} after {branch.start}" for branch in rule.branches],
        "standard": rule.standard,
    }


def _values(owed: Deadline) -> dict[str, Any]:
    return {
        "what": owed.what,
        "duty": owed.duty,
        "due": owed.at,
        "not_before": owed.not_before,
        "standing": owed.standing.value,
        "why": owed.why,
        "clock": owed.clock,
        "source": owed.source,
    }
