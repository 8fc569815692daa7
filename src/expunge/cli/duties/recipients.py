"""``expunge recipient``: third parties that received data, and their answers to orders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.duties import reviews
from expunge.cli.terminal import options, output
from expunge.cli.terminal.exit_codes import Exit
from expunge.cli.terminal.installation import opened
from expunge.errors import UsageError

if TYPE_CHECKING:
    from expunge.core.journal.recipient_ledger import Instruction

app = typer.Typer(help="Recipients: list, show, send, confirm, ask, assure.", no_args_is_help=True)
Recipient = Annotated[str, typer.Argument(metavar="RECIPIENT", help="Its name in the map.", show_default=False)]


@app.command("list")
def list_instructions(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Show every instruction and how it stands. A recipient that is not settled gets nothing more."""
    with opened(map_file) as expunge:
        found = expunge.recipients.all()
        free = {each.recipient: expunge.recipients.may_share(each.recipient) for each in found}
    if as_json:
        output.write_json("recipients/1", {"instructions": [_values(each) for each in found], "may_share": free})
        return
    from rich.table import Table

    table = Table("order", "recipient", "datasets", "since", "stands", "may share")
    for each in found:
        sharing = "yes" if free[each.recipient] else "no"
        table.add_row(each.order, each.recipient, ", ".join(each.datasets), output.moment(each.at), each.stands.value, sharing)
    output.stdout().print(table) if found else output.say("no recipient had to be told anything")


@app.command()
def show(
    order: options.OrderArgument,
    recipient: Recipient,
    out: Annotated[Path | None, typer.Option(help="A new file to write it to; it names people.", show_default=False)] = None,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Show one signed instruction, to be carried to the recipient. It names people: give it to nobody else."""
    import json

    from expunge.core.values.ids import OrderId

    with opened(map_file) as expunge:
        letter = expunge.recipients.letter(OrderId(order), recipient)
    if out is not None:
        _write(out, letter.body)
        output.note(f"written; when it was handed over: expunge recipient carried {order} {recipient} --by NAME")
    if as_json:
        said = {"order": order, "recipient": recipient, "file": out, "letter": None if out else json.loads(letter.body)}
        output.write_json("recipient-letter/1", said)
    elif out is None:
        output.say(letter.body.decode())


def _write(path: Path, data: bytes) -> None:
    try:
        path.touch(0o600, exist_ok=False)
        path.write_bytes(data)
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}"
        raise UsageError(message, help="name a file that does not exist yet") from error


@app.command()
def send(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Post the instructions that were not handed over yet. Exits with 1 when one could not be."""
    with opened(map_file) as expunge:
        sent = expunge.recipients.send()
        by_hand = expunge.to_carry()
    if as_json:
        told = [{"order": each.order, "recipient": each.recipient, "trouble": each.trouble} for each in sent]
        output.write_json("recipients-sent/1", {"sent": told})
    for each in sent if not as_json else ():
        output.say(f"{each.order} to {each.recipient}: {each.trouble or 'handed over'}")
    for waiting, how in by_hand if not as_json else ():
        output.say(f"{waiting.order} to {output.visible(waiting.recipient)}: not sent: {how}")
    if not sent and not by_hand and not as_json:
        output.say("nothing to send")
    if any(each.trouble for each in sent):
        raise typer.Exit(Exit.FAILED)


@app.command()
def carried(
    order: options.OrderArgument,
    recipient: Recipient,
    by: Annotated[str, typer.Option(help="Who carried it there.", show_default=False)],
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Enter that somebody carried an instruction to its recipient."""
    from expunge.core.values.ids import OrderId

    with opened(map_file) as expunge:
        expunge.recipients.carried(OrderId(order), recipient, by)
    _stands(order, recipient, "told", as_json=as_json)


@app.command()
def confirm(
    order: options.OrderArgument,
    recipient: Recipient,
    signed: Annotated[Path | None, typer.Option(help="The recipient's signed note.", show_default=False)] = None,
    answer: Annotated[str, typer.Option(help="Without one: what it said, `done` or `in part`.", show_default=False)] = "",
    by: Annotated[str, typer.Option(help="Who attests that it said so.", show_default=False)] = "",
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Enter what a recipient says it did. A signature by the key that the map names for it counts for more than somebody's word."""
    from expunge.core.journal.recipient_ledger import RecipientAnswer
    from expunge.core.values.ids import OrderId

    if answer and answer not in {each.value for each in RecipientAnswer}:
        message = f"{output.visible(answer)!r} is no answer"
        raise UsageError(message, help="write `done` or `in part`")
    try:
        note = signed.read_bytes() if signed else b""
    except OSError as error:
        message = f"{signed} cannot be read: {error.strerror}"
        raise UsageError(message, help="name the file of the recipient's signed note") from error
    with opened(map_file) as expunge:
        said = RecipientAnswer(answer) if answer else None
        stands = expunge.recipients.confirm(OrderId(order), recipient, signed=note, answer=said, by=by)
    _stands(order, recipient, stands.value, as_json=as_json)


@app.command()
def ask(order: options.OrderArgument, recipient: Recipient, map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Ask a recipient how much it still holds, and believe that over what it said. Exits with 4 when it holds something."""
    from expunge.core.journal.recipient_ledger import SETTLED
    from expunge.core.values.ids import OrderId

    with opened(map_file) as expunge:
        stands = expunge.recipients.ask(OrderId(order), recipient)
    _stands(order, recipient, stands.value, as_json=as_json)
    if stands not in SETTLED:
        raise typer.Exit(Exit.NOT_ALL_ERASED)


@app.command()
def saw(
    recipient: Recipient,
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="What was handed over.", show_default=False)],
    source: Annotated[str, typer.Option(help="Who saw it: a pipeline, a log; no identifier.")] = "the operator",
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Enter that data of a dataset was seen to go to a recipient, whatever the map says."""
    with opened(map_file) as expunge:
        expunge.recipients.saw(recipient, dataset, source)
    said = {"recipient": recipient, "dataset": dataset}
    output.write_json("egress/1", said) if as_json else output.say(f"{output.visible(recipient)} was handed {dataset}")


@app.command()
def assurances(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Show who gets data that may be about children by the map, and whether its written assurance holds."""
    from expunge.core.consent.use_records import RecordKind

    with opened(map_file) as expunge:
        found = [each for each in expunge.uses.standings() if each.kind is RecordKind.ASSURANCE]
    if as_json:
        said = [{"recipient": each.about, "holds": not each.lack, "until": each.until, "lacks": each.lack or None} for each in found]
        output.write_json("assurances/1", {"assurances": said})
    else:
        reviews.tell(found, "nobody gets data that may be about children")


@app.command()
def assure(
    recipient: Recipient,
    document: Annotated[
        Path, typer.Argument(metavar="DOCUMENT", help="What it wrote; its digest is kept.", exists=True, dir_okay=False, show_default=False)
    ],
    until: Annotated[str, typer.Option(help="Until when it holds: 2027-01-31, in UTC; a year at most.", show_default=False)],
    by: Annotated[str, typer.Option("--as", help="The recipient, where the map has its key, or an approver.", show_default=False)] = "",
    signature: reviews.Signature = "",
    key: reviews.Key = None,
    message: Annotated[bool, typer.Option("--message", help="Only print the message that is signed.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Enter the written assurance of a recipient that gets data of children. Without one that holds, the gate refuses to hand out any."""
    from expunge.bootstrap.use_records import Assurance

    given = Assurance(recipient, document.read_bytes(), reviews.moment(until))
    with opened(map_file) as expunge:
        text = expunge.uses.message_of_assurance(given)
        if message:
            output.write_json("assurance-message/1", {"message": text.decode()}) if as_json else typer.echo(text, nl=False)
            return
        taken = expunge.uses.assure(given, by, reviews.signed(by, signature, key, text))
    said = {"recipient": taken.recipient, "datasets": taken.datasets, "document": taken.document, "until": taken.until, "by": taken.by}
    done = f"{output.visible(recipient)}: {', '.join(taken.datasets)}, until {output.moment(taken.until)}"
    output.write_json("assurance/1", said) if as_json else output.say(done)


@app.command()
def unassure(
    recipient: Recipient,
    by: Annotated[str, typer.Option(help="Who decides so.", show_default=False)],
    reason: Annotated[str, typer.Option(help="Why; no identifier.", show_default=False)],
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """End a written assurance before its date. The gate refuses to hand out data of children from then on."""
    from expunge.core.consent.use_records import RecordKind

    with opened(map_file) as expunge:
        expunge.uses.end(RecordKind.ASSURANCE, recipient, by=by, reason=reason)
    said = {"recipient": recipient, "ended": True}
    output.write_json("assurance/1", said) if as_json else output.say(f"{output.visible(recipient)}: ended")


def _stands(order: str, recipient: str, stands: str, *, as_json: bool) -> None:
    said = {"order": order, "recipient": recipient, "stands": stands}
    output.write_json("recipient/1", said) if as_json else output.say(f"{order}, {recipient}: {stands}")


def _values(each: Instruction) -> dict[str, Any]:
    return {
        "order": each.order,
        "recipient": each.recipient,
        "datasets": each.datasets,
        "digest": each.digest,
        "since": each.at,
        "stands": each.stands.value,
    }
