"""``expunge access replay`` and ``people``: a year's views held against the rules of then, and who can be shown a recording now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.terminal import options, output
from expunge.cli.terminal.exit_codes import Exit
from expunge.cli.terminal.installation import opened

if TYPE_CHECKING:
    from expunge.core.review.people import PersonAccess
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


def people(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Show each account with a right about views: its rights now, their last use, and the purposes for which it can be shown a recording.

    No account of staff holds a key: recordings are decrypted in the clerk, at the desk alone. Which accounts of the machine can open keys
    is shown by `expunge vault who-can-read`.
    """
    with opened(map_file) as expunge:
        found = expunge.reviewers.people()
    if as_json:
        output.write_json("access-people/1", {"people": [_person(each) for each in found]})
        return
    from rich.table import Table

    table = Table("label", "may now", "not used for 90 days", "last used", "can be shown, for")
    for each in found:
        purposes = ", ".join(purpose.value for purpose in each.purposes) if each.sees else "nothing"
        lists = (", ".join(sorted(rights)) or "-" for rights in (each.rights, each.unused))
        table.add_row(each.label, *lists, each.used.isoformat() if each.used else "never", purposes)
    output.stdout().print(table) if found else output.say("no account has a right about views")


def _person(each: PersonAccess) -> dict[str, Any]:
    return {
        "account": each.account,
        "label": each.label,
        "rights": sorted(each.rights),
        "unused": sorted(each.unused),
        "used": each.used.isoformat() if each.used else None,
        "purposes": [purpose.value for purpose in each.purposes],
        "sees": each.sees,
    }
