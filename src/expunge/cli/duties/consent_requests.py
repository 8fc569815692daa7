"""The part of ``expunge consent`` that asks parents, and the helpers that the other parts share."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.terminal import options, output, person_prompt
from expunge.cli.terminal.installation import opened
from expunge.errors import UsageError

if TYPE_CHECKING:
    from expunge.engine.consent.consent_decisions import ConsentGrant

RECEIPT, OPENING = "consent-receipt.dsse.json", "opening.json"

Purpose = Annotated[str, typer.Option(help="A purpose of the map.", show_default=False)]
By = Annotated[str, typer.Option(help="Who says so.", show_default=False)]
Reason = Annotated[str, typer.Option(help="Why; no identifier.", show_default=False)]
Receipt = Annotated[
    Path | None,
    typer.Option(help="Folder for the signed receipt and the opening, which nobody else has.", show_default=False),
]


def write(folder: Path | None, agreed: ConsentGrant) -> None:
    """Write the receipt and the opening for the person who agreed. Write nothing without a folder."""
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECEIPT).write_bytes(agreed.receipt)
    opening = folder / OPENING
    opening.write_bytes(agreed.opening)
    opening.chmod(0o600)


def ask(
    name: person_prompt.Name,
    guardian: Annotated[str, typer.Option(help="Who is asked: KIND:VALUE or a bare value.", show_default=False)],
    purpose: Purpose,
    born: Annotated[str, typer.Option(help="The child's birthday, 2017-05-04; sealed.", envvar="EXPUNGE_BORN", show_default=False)],
    method: Annotated[str, typer.Option(help="'email plus', 'text plus' or 'signed form'.")] = "email plus",
    contact: Annotated[
        str, typer.Option(help="Address or number of the parent; sealed.", envvar="EXPUNGE_CONTACT", show_default=False)
    ] = "",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Where a form is written; it must not exist.", show_default=False)] = None,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Ask a parent for consent. Their address is destroyed when that is over, at the latest after consent_wait of the map."""
    from expunge.bootstrap.consents import ConsentQuestion
    from expunge.ports.consent_method import ConsentEvidence

    if out is not None and out.exists():
        raise UsageError("the file to be written exists already", help="name a new file")
    with opened(map_file, recover=True) as expunge:
        child, parent = person_prompt.resolve(expunge, [name, guardian], whole=False)
        way = expunge.consents.method(method)
        if out is None and way.evidence is ConsentEvidence.DOCUMENT:
            raise UsageError("the form has to be written somewhere", help="--out FORM.html")
        request, begun = expunge.consents.ask_guardian(way, ConsentQuestion(child, parent, purpose, day(born), contact))
    if out is not None:
        out.write_bytes(begun.body)
    output.write_json("consent-asked/1", {"request": request}) if as_json else output.say(request)


def answer(
    request: Annotated[str, typer.Argument(metavar="REQUEST", help="The asking's id.", show_default=False)],
    token: Annotated[str, typer.Option(help="From the link, or the number on the form.", envvar="EXPUNGE_TOKEN", show_default=False)],
    document: Annotated[Path | None, typer.Option(help="The scan.", show_default=False)] = None,
    staff: Annotated[str, typer.Option(help="Who looked at it and found it signed.", show_default=False)] = "",
    receipt: Receipt = None,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Take what a parent answered. Exit code 1 when it is no consent yet, or none at all."""
    data = document.read_bytes() if document is not None else b""
    with opened(map_file, recover=True) as expunge:
        done = expunge.consents.answer_any(request, token, data, staff)
    if done.agreed is not None:
        write(receipt, done.agreed)
    if as_json:
        consent = done.agreed.consent if done.agreed else None
        output.write_json("consent-answered/1", {"request": request, "consent": consent, "why": done.why})
    else:
        output.say(done.agreed.consent if done.agreed else done.why)
    if done.agreed is None:
        raise typer.Exit(1)


def asked(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """List the askings that are open. Changes nothing."""
    with opened(map_file) as expunge:
        rows = [_pending(request, each) for request, each in expunge.consents.asked().items() if each.ended is None]
    if as_json:
        output.write_json("consents-asked/1", {"open": rows})
        return
    for row in rows:
        output.say(f"{row['request']}  {row['purpose']}  {row['method']}  step {row['step']}  until {output.moment(row['until'])}")
    if not rows:
        output.say("nobody is being asked")


def sweep(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Send second messages that are due, forget who did not answer in time, delete evidence whose time is up. For a nightly job."""
    with opened(map_file, recover=True) as expunge:
        swept = expunge.consents.sweep(expunge.consents.methods())
    figures = {"sent": swept.sent, "unsent": swept.unsent, "expired": swept.expired, "ended": swept.ended}
    figures["evidence_deleted"] = swept.evidence_deleted
    if as_json:
        output.write_json("consents-swept/1", figures)
    else:
        output.say(", ".join(f"{key.replace('_', ' ')}: {number}" for key, number in figures.items()))
    if swept.unsent:
        raise typer.Exit(1)


def _pending(request: str, one: Any) -> dict[str, Any]:
    return {"request": request, "purpose": one.asked.purpose, "method": one.asked.method, "step": one.step, "until": one.asked.expires}


def evidence(
    request: Annotated[str, typer.Argument(metavar="REQUEST", help="The asking's id.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write; it must not exist.", show_default=False)],
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Write what a parent handed in to a file, while it is kept: a scan holds their name."""
    if out.exists():
        raise UsageError("the file to be written exists already", help="name a new file")
    with opened(map_file) as expunge:
        data = expunge.consents.evidence(request)
    out.touch(0o600)
    out.write_bytes(data)
    output.write_json("consent-evidence/1", {"request": request, "bytes": len(data)}) if as_json else output.say(output.size(len(data)))


COMMANDS = (ask, answer, asked, sweep, evidence)


def day(text: str) -> date:
    """A birthday. Raises UsageError, without repeating it."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError("the birthday is not a date", help="write it as 2017-05-04") from None
