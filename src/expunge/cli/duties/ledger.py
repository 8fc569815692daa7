"""``expunge ledger``: training, hand-over, acknowledgements and assurances as signed records."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.terminal import options, output
from expunge.cli.terminal.installation import opened
from expunge.errors import UsageError

if TYPE_CHECKING:
    from expunge.engine.reports.duty_ledger import LedgerEntry

app = typer.Typer(help="The ledger of duties that people do: add, list, verify.", no_args_is_help=True)


@app.command()
def add(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="order, order-acknowledged, role, role-ended, training, attestation, hand-over, acknowledgement, assurance, request, "
            "answer, certification, report, change or notice.",
            show_default=False,
        ),
    ],
    on: Annotated[str, typer.Option(metavar="DATE", help="The day on which it was done: 2026-01-31.", show_default=False)],
    role: Annotated[
        str, typer.Option(help="The role, authority or third party, in small letters; no name of a person.", show_default=False)
    ] = "",
    person: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="The person: a keyed pseudonym of the name is kept, the name is not. With - the name is asked for on the terminal, or "
            "read from stdin: the shell's history keeps what is typed here.",
            show_default=False,
        ),
    ] = "",
    about: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="The record that it is about; again for more.", show_default=False)
    ] = None,
    signed_by: Annotated[str, typer.Option(help="The role of whoever signed the paper.", show_default=False)] = "",
    document: Annotated[
        Path | None,
        typer.Option(help="The paper: its SHA-256 is kept, the file is not.", exists=True, dir_okay=False, show_default=False),
    ] = None,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Enter what was done: signed, journalled, and in the log like a receipt. It cannot be changed or taken out later."""
    from hashlib import sha256

    from expunge.core.verification.ledger_record import LedgerKind

    if kind not in set(LedgerKind):
        message = f"{output.visible(kind)!r} is no kind of record"
        raise UsageError(message, help=f"it is one of {', '.join(LedgerKind)}")
    digest = sha256(document.read_bytes()).hexdigest() if document else ""
    said = {"role": role, "person": _named() if person == "-" else person, "signed_by": signed_by, "document": digest}
    with opened(map_file, recover=True) as expunge:
        entered = expunge.records.enter(LedgerKind(kind), _day(on), about=tuple(about or ()), **said)
    if as_json:
        output.write_json("ledger-record/1", _values(entered))
    else:
        output.say(f"{entered.record.id}: {kind}, entry {entered.logged.index if entered.logged else '-'} of the log")


@app.command("list")
def list_records(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Show every record, oldest first. What falls due by them: `expunge due`."""
    with opened(map_file) as expunge:
        found = expunge.records.ledger()
    if as_json:
        output.write_json("ledger/1", {"records": [_values(each) for each in found]})
        return
    from rich.table import Table

    table = Table("id", "kind", "on", "role", "person", "about", "signed by", "document", "entry of the log")
    for each in found:
        record = each.record
        words = map(output.visible, (record.role, record.person, ", ".join(record.about), record.signed_by, record.document[:16]))
        table.add_row(record.id, record.kind.value, record.on.isoformat(), *words, str(each.logged.index) if each.logged else "not yet")
    output.stdout().print(table) if found else output.say("the ledger is empty")


@app.command()
def verify(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Check each record: its signature, and its place in the log. Exit code 6 when one does not hold; the answer names it.

    Whoever has no access to this installation checks the records of an evidence pack: see `expunge evidence verify`.
    """
    with opened(map_file, recover=True) as expunge:
        found = expunge.records.verify_ledger()
    if as_json:
        output.write_json("ledger-verification/1", {"holds": True, "records": found})
        return
    output.say(f"{output.count(len(found), 'record')}: each is signed and in the log")


def _named() -> str:
    """Return the name that is typed on the terminal, which does not show it, or stands on a line of stdin. Raises UsageError for none."""
    from expunge.cli.terminal.installation import ask_secret

    name = ask_secret("name of the person: ") if sys.stdin.isatty() else sys.stdin.readline()
    if not name.strip():
        message = "no name was given"
        raise UsageError(message, help="type it on the terminal, or give it as a line of stdin")
    return name.strip()


def _values(entry: LedgerEntry) -> dict[str, Any]:
    record = entry.record
    said = {"id": record.id, "kind": record.kind, "on": record.on.isoformat(), "role": record.role, "person": record.person}
    papers = {"about": record.about, "signed_by": record.signed_by, "document": record.document}
    return {**said, **papers, "entered": record.entered, "entry": entry.logged.index if entry.logged else None}


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        message = f"--on: {output.visible(text)!r} is not a date"
        raise UsageError(message, help="write it as 2026-01-31") from error
