"""``expunge obligations``: the duties of the orders and rules that the estate meets today."""

from __future__ import annotations

from typing import Annotated

import typer

from expunge.cli.terminal import options, output
from expunge.cli.terminal.exit_codes import Exit
from expunge.cli.terminal.installation import opened
from expunge.errors import UsageError


def obligations(
    only: Annotated[str, typer.Option(help="Duties whose id begins so: AMZ, RNG-02.", show_default=False)] = "",
    missing: Annotated[bool, typer.Option("--missing", help="Only those that are not met.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Show which duties are met today: Expunge meets them, and map, stores and settings do their part. Exits with 1 when one is not met.

    Which of them Expunge itself can meet, and the tests that show it: docs/reference/obligations.md. Duties that no program can meet do
    not count.
    """
    with opened(map_file) as expunge:
        scope = expunge.dues.in_scope()
        found = [obligation for obligation in expunge.dues.obligations() if obligation.duty.id.startswith(only.upper())]
    if not found:
        problem = f"no duty has an id that begins with {only!r}"
        raise UsageError(problem, help="AMZ, RNG, FAIL, COP, DSG, TIM and NST, each with a number: RNG-02")
    unmet = [each for each in found if each.unmet]
    shown = unmet if missing else found
    if as_json:
        said = [{"duty": each.duty.id, "what": each.duty.duty, "today": each.today.value, "why": each.why} for each in shown]
        kinds = {each.kind.value: {"datasets": each.datasets, "children": each.children} for each in scope}
        output.write_json("obligations/1", {"duties": said, "unmet": len(unmet), "scope": kinds})
    elif not shown:
        output.say("every duty that is asked for is met")
    else:
        from rich.table import Table

        table = Table("duty", "what", "today", "why")
        for each in shown:
            style = "bold red" if each.unmet else ""
            table.add_row(each.duty.id, each.duty.duty, each.today.value, output.visible(each.why), style=style)
        output.stdout().print(table)
        for kind in scope:
            names = ", ".join(f"{name} (children)" if name in kind.children else name for name in kind.datasets)
            output.say(f"{kind.kind.value}: {names or 'nothing'}")
    if unmet:
        raise typer.Exit(Exit.FAILED)
