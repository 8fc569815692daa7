"""``expunge access replay``: a year's views held against the rules that were in force at each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.terminal import options, output
from expunge.cli.terminal.exit_codes import Exit
from expunge.cli.terminal.installation import opened

if TYPE_CHECKING:
    from expunge.engine.review.replay import ViewReplay


def replay_views(
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="From this day on; a year without it.", show_default=False)] = "",
    by: Annotated[str, typer.Option(help="Enter in the journal that this person made the replay.", show_default=False)] = "",
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Hold every view of staff in twelve months against the rules that were in force when it was seen.

    The registers of the journal are replayed up to each view. Exit code 1: a view would have been refused. With --by the replay is
    entered; `expunge due` tells when the next one is due.
    """
    from expunge.cli.duties.reviews import moment

    with opened(map_file) as expunge:
        found = expunge.policies.replay(moment(since) if since else None, by)
    if as_json:
        output.write_json("access-replay/1", _replayed(found, by))
    else:
        for each in found.listed:
            view = each.view
            what = f"{view.dataset}/{view.recording}, lease {view.lease}, view {view.sequence}"
            output.say(f"{output.moment(view.at)}  {view.reviewer} saw {what}: {', '.join(each.rules)}")
        output.say(f"{output.count(found.views, 'view')} since {output.moment(found.since)}: {found.refused} would have been refused")
    if found.refused:
        raise typer.Exit(Exit.FAILED)


def _replayed(found: ViewReplay, by: str) -> dict[str, Any]:
    listed = [
        {"at": each.view.at, "reviewer": each.view.reviewer, "dataset": each.view.dataset, "recording": each.view.recording}
        | {"lease": each.view.lease, "sequence": each.view.sequence, "rules": list(each.rules)}
        for each in found.listed
    ]
    counts = {"views": found.views, "refused": found.refused, "rules": dict(found.rules), "sets": list(found.sets)}
    return {"since": found.since, "until": found.until, **counts, "listed": listed, "by": by or None}
