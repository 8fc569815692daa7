"""``expunge hold``: legal reasons to keep named items for a named time, and the erasures due when a hold ends."""

from __future__ import annotations

from datetime import UTC, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.terminal import options, output, person_prompt
from expunge.cli.terminal.installation import opened
from expunge.errors import UsageError

if TYPE_CHECKING:
    from expunge.core.values.hold import Hold

app = typer.Typer(help="Holds: place, end, list, state.", no_args_is_help=True)


@app.command()
def add(
    name: person_prompt.Name,
    dataset: Annotated[str, typer.Option(help="A dataset of the map.", show_default=False)],
    ground: Annotated[str, typer.Option(help="Why, as the receipt will say it; no identifier.", show_default=False)],
    authority: Annotated[str, typer.Option(help="On whose authority.", show_default=False)],
    until: Annotated[str, typer.Option(help="Until when: 2027-01-31, in UTC.", show_default=False)],
    item: Annotated[
        list[str] | None, typer.Option(help="One item by its key in the store; again for more; else all.", show_default=False)
    ] = None,
    purpose: Annotated[str, typer.Option(help="The only thing it may be used for.", show_default=False)] = "",
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Keep items of a person from being erased, until a date. A hold beats erasure for the named items only."""
    end = _date(until)
    with opened(map_file) as expunge:
        (person,) = person_prompt.resolve(expunge, [name], whole=False)
        hold = expunge.holds.place(person, dataset, ground=ground, authority=authority, until=end, items=item or (), purpose=purpose)
    output.write_json("hold/1", _values(hold)) if as_json else output.say(hold.id)


@app.command()
def end(
    hold: Annotated[str, typer.Argument(metavar="HOLD", help="The hold's id.", show_default=False)],
    reason: Annotated[str, typer.Option(help="Why it ends before its date; no identifier.", show_default=False)],
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Lift a hold before its date. What it kept is queued to be erased by the next worker, `expunge apply --due` or `expunge sweep`."""
    with opened(map_file) as expunge:
        expunge.holds.end(hold, reason)
    output.write_json("hold/1", {"hold": hold, "ended": True}) if as_json else output.say(f"{hold} has ended")


@app.command()
def stated(
    hold: Annotated[str, typer.Argument(metavar="HOLD", help="The hold's id.", show_default=False)],
    statement: Annotated[Path, typer.Argument(metavar="FILE", help="The signed statement; its digest is kept.", show_default=False)],
    by: Annotated[str, typer.Option(help="Who signed it.", show_default=False)],
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Enter that it was stated what became of what a hold had kept: due 30 days after its end."""
    from hashlib import sha256

    try:
        digest = sha256(statement.read_bytes()).hexdigest()
    except OSError as error:
        message = f"{statement} cannot be read: {error.strerror}"
        raise UsageError(message, help="name the file of the signed statement") from error
    with opened(map_file) as expunge:
        expunge.holds.state(hold, by, digest)
    output.write_json("hold/1", {"hold": hold, "statement": digest}) if as_json else output.say(
        f"{hold} was stated by {output.visible(by)}"
    )


@app.command("list")
def list_holds(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Show the holds that bind now."""
    with opened(map_file) as expunge:
        holds = expunge.holds.active()
    if as_json:
        output.write_json("holds/1", {"holds": [_values(hold) for hold in holds]})
        return
    from rich.table import Table

    table = Table("hold", "dataset", "items", "until", "ground", "authority")
    for hold in holds:
        named = "all" if hold.whole else str(len(hold.items))
        table.add_row(hold.id, hold.dataset, named, output.moment(hold.until), output.visible(hold.ground), output.visible(hold.authority))
    output.stdout().print(table) if holds else output.say("no hold binds now")


def _values(hold: Hold) -> dict[str, Any]:
    return {
        "hold": hold.id,
        "dataset": hold.dataset,
        "subject": hold.subject,
        "ground": hold.ground,
        "authority": hold.authority,
        "purpose": hold.purpose,
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
