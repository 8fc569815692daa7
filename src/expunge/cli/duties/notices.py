"""``expunge notice``: letters with a ledger: about steps of orders, and to all customers of a past period."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.terminal import options, output
from expunge.cli.terminal.installation import opened
from expunge.errors import UsageError

if TYPE_CHECKING:
    from expunge.core.journal.cohorts import CohortNotice

app = typer.Typer(help="Letters to families about their orders, and to all customers of a past period.", no_args_is_help=True)
cohort = typer.Typer(help="Find all customers of a past period, and tell each of them.", no_args_is_help=True)
app.add_typer(cohort, name="cohort")
Name = Annotated[str, typer.Argument(metavar="NAME", help="Your name for the notice: no identifier in it.", show_default=False)]
LetterFile = Annotated[
    Path,
    typer.Option(
        "--letter", help="The letter: a line `Subject: ...`, an empty line, the text. Nothing else is sent.", exists=True, dir_okay=False
    ),
]


@app.command()
def send(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Write the letters about steps of orders that are due now. A running clerk does it by itself, every half minute."""
    with opened(map_file) as expunge:
        sent = expunge.notices.send_due()
    if as_json:
        output.write_json("notices-sent/1", {"taken": sent.taken, "refused": sent.refused, "later": sent.later})
        return
    output.say(f"letters taken: {sent.taken:,}; refused: {sent.refused:,}; to be tried again: {sent.later:,}")


@cohort.command()
def find(
    name: Name,
    dataset: Annotated[str, typer.Option(help="The dataset whose items say who was a customer then.")],
    since: Annotated[str, typer.Option(metavar="DATE", help="The first day of the period, in UTC.")],
    until: Annotated[str, typer.Option(metavar="DATE", help="The day after its last one.")],
    ordered: Annotated[str, typer.Option(metavar="DATE", help="The day on which the order to tell them was entered.")],
    letter: LetterFile,
    when: Annotated[
        str, typer.Option(metavar="FIELD", help="The field with an item's time; that of its keeping time where none is given.")
    ] = "",
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Find the customers of the period and enter them. Look again later: those found since have 30 days from then.

    The letter is fixed now, by its hash: each customer gets the same, and nothing else.
    """
    period = _day(since), _day(until)
    with opened(map_file) as expunge:
        found = expunge.notices.find_cohort(name, dataset, period, _day(ordered), letter.read_bytes(), when)
    _told(found, as_json=as_json)


@cohort.command("send")
def send_cohort(
    name: Name,
    letter: LetterFile,
    most: Annotated[int, typer.Option(min=1, help="At most so many letters now.")] = 100_000,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Send the letter to the customers who have to be told. After a crash or a refusal, run it again: each customer is reached."""
    with opened(map_file) as expunge:
        found = expunge.notices.send_cohort(name, letter.read_bytes(), most)
    _told(found, as_json=as_json)


@cohort.command("list")
def list_cohorts(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Show every notice: its period, its letter, and how many customers are told."""
    with opened(map_file) as expunge:
        found = expunge.notices.cohorts()
    if as_json:
        output.write_json("cohorts/1", {"cohorts": [_row(each) for each in found]})
        return
    for each in found:
        _told(each, as_json=False)
    if not found:
        output.say("there is no notice to customers of a past period")


@cohort.command()
def show(
    name: Name,
    unreached: Annotated[bool, typer.Option(help="List the customers whom mail does not reach: tell them by another way.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Show one notice. --unreached lists customers by KIND:VALUE: for your terminal, and for no file."""
    with opened(map_file) as expunge:
        found = expunge.notices.cohort(name)
        names = expunge.notices.unreached(name) if unreached else ()
    if as_json:
        output.write_json("cohort/1", {**_row(found), **({"unreached": list(names)} if unreached else {})})
        return
    _told(found, as_json=False)
    for each in names:
        output.say(output.visible(each))


@cohort.command()
def bounced(
    name: Name,
    person: Annotated[str, typer.Argument(metavar="PERSON", help="The customer: KIND:VALUE.", show_default=False)],
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Enter that the letter to a customer came back undelivered, as your mail server says."""
    with opened(map_file) as expunge:
        found = expunge.notices.bounced(name, person)
    _told(found, as_json=as_json)


def _told(found: CohortNotice, *, as_json: bool) -> None:
    if as_json:
        output.write_json("cohort/1", _row(found))
        return
    output.say(f"{output.visible(found.name)}: customers in {found.dataset} from {found.since:%Y-%m-%d} to before {found.until:%Y-%m-%d}")
    output.say(f"  letter: SHA-256 {found.template}")
    counts = "; ".join(f"{told.value}: {count:,}" for told, count in found.counts().items() if count)
    output.say(f"  {output.count(len(found.customers), 'customer')}{f': {counts}' if counts else ''}")


def _row(found: CohortNotice) -> dict[str, Any]:
    return {
        "name": found.name,
        "dataset": found.dataset,
        "since": found.since,
        "until": found.until,
        "ordered": found.ordered,
        "looked": found.looked,
        "letter": found.template,
        "customers": len(found.customers),
        "later": sum(not customer.first for customer in found.customers.values()),
        "told": {told.value: count for told, count in found.counts().items()},
    }


def _day(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError as error:
        raise UsageError("this is no day", help="write it as 2024-03-01") from error
