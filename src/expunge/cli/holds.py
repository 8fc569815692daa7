"""``expunge hold``: legal reasons to keep named items for a named time."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli import options, output, people
from expunge.cli.opening import opened
from expunge.errors import UsageError

if TYPE_CHECKING:
    from expunge.core.hold import Hold

app = typer.Typer(help="Holds: place, end, list.", no_args_is_help=True)


@app.command()
def add(
    name: people.Name,
    dataset: Annotated[str, typer.Option(help="A dataset of the map.", show_default=False)],
    ground: Annotated[str, typer.Option(help="Why, as the receipt will say it; no identifier.", show_default=False)],
    authority: Annotated[str, typer.Option(help="On whose authority.", show_default=False)],
    until: Annotated[str, typer.Option(help="Until when: 2027-01-31, in UTC.", show_default=False)],
    item: Annotated[
        list[str] | None, typer.Option(help="One item by its key in the store; again for more; else all.", show_default=False)
    ] = None,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Keep items of a person from being erased, until a date. A hold beats erasure for the named items only."""
    end = _date(until)
    with opened(map_file) as expunge:
        (person,) = people.resolve(expunge, [name], whole=False)
        hold = expunge.hold_add(person, dataset, ground=ground, authority=authority, until=end, items=item or ())
    output.write_json("hold/1", _values(hold)) if as_json else output.say(hold.id)


@app.command()
def end(
    hold: Annotated[str, typer.Argument(metavar="HOLD", help="The hold's id.", show_default=False)],
    reason: Annotated[str, typer.Option(help="Why it ends before its date; no identifier.", show_default=False)],
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Lift a hold before its date. What it kept is erased by planning and applying the order again."""
    with opened(map_file) as expunge:
        expunge.hold_end(hold, reason)
    output.write_json("hold/1", {"hold": hold, "ended": True}) if as_json else output.say(f"{hold} has ended")


@app.command("list")
def list_holds(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Show the holds that bind now."""
    with opened(map_file) as expunge:
        holds = expunge.holds()
    if as_json:
        output.write_json("holds/1", {"holds": [_values(each) for each in holds]})
        return
    from rich.table import Table

    table = Table("hold", "dataset", "items", "until", "ground", "authority")
    for each in holds:
        named = "all" if each.whole else str(len(each.items))
        table.add_row(each.id, each.dataset, named, output.moment(each.until), output.visible(each.ground), output.visible(each.authority))
    output.stdout().print(table) if holds else output.say("no hold binds now")


def _values(hold: Hold) -> dict[str, Any]:
    return {
        "hold": hold.id,
        "dataset": hold.dataset,
        "subject": hold.subject,
        "ground": hold.ground,
        "authority": hold.authority,
        "placed": hold.placed,
        "until": hold.until,
        "items": None if hold.whole else len(hold.items),
    }


def _date(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{output.visible(text)!r} is not a date"
        raise UsageError(message, help="write it as 2027-01-31") from error
    if "T" not in text and " " not in text:
        at = datetime.combine(at.date(), time.max.replace(microsecond=0))
    return at if at.tzinfo else at.replace(tzinfo=UTC)
