"""``expunge requests``: what people wrote about their orders, appeals, and the company's answers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.terminal import options, output
from expunge.cli.terminal.installation import opened
from expunge.errors import UsageError

if TYPE_CHECKING:
    from expunge.core.journal.threads import Thread

app = typer.Typer(help="Messages and appeals about orders: see them, answer them.", no_args_is_help=True)
Number = Annotated[int, typer.Option("--person", metavar="N", help="Which person of the order, counted from 1.")]
_VERDICTS = {"accept": "accepted", "reject": "rejected", "ask": "question", "message": "message"}


@app.command("list")
def list_threads(
    every: Annotated[bool, typer.Option("--all", help="Also threads that wait for nothing.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Show the orders about which people wrote and wait for an answer, open appeals first. Shows no text."""
    with opened(map_file) as expunge:
        found = expunge.threads.every() if every else expunge.threads.waiting()
        due = {each.what: each.at for each in expunge.dues.all() if each.what.startswith("appeal about order ")}
        numbers = {thread.id: expunge.status(thread.id.order).subjects.index(thread.id.subject) + 1 for thread in found}
    rows = [_row(thread, numbers[thread.id], due.get(f"appeal about order {thread.id.order}")) for thread in found]
    if as_json:
        output.write_json("threads/1", {"threads": rows})
        return
    from rich.table import Table

    table = Table("order", "person", "state", "messages", "last", "answer due")
    for row in rows:
        shown = (f"{row['due']:%Y-%m-%d}" if row["due"] else "-", f"{row['last']:%Y-%m-%d %H:%M}")
        table.add_row(row["order"], str(row["person"]), row["state"], str(row["messages"]), shown[1], shown[0])
    output.stdout().print(table) if rows else output.say("no message waits for an answer")


@app.command()
def show(order: options.OrderArgument, number: Number = 1, map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Show the texts of a thread, unsealed: for the person who answers it. They die some time after the order."""
    from expunge.core.values.ids import OrderId

    with opened(map_file) as expunge:
        found = expunge.threads.read(OrderId(order), number)
    if as_json:
        told = [
            {"at": each.written.at, "side": each.written.side.value, "kind": each.written.kind.value, "text": each.text} for each in found
        ]
        output.write_json("thread/1", {"order": order, "messages": told})
        return
    if not found:
        output.say("nothing was written about this order")
    for each in found:
        output.say(f"{each.written.at:%Y-%m-%d %H:%M}  {each.written.side.value}: {each.written.kind.value}")
        text = "the text is gone" if each.text is None else each.text
        for line in text.splitlines():
            output.say(f"    {output.visible(line)}")


@app.command()
def answer(
    order: options.OrderArgument,
    source: Annotated[
        Path, typer.Option("--from", metavar="FILE", help="The text, in UTF-8; - for what is piped in. It is never an argument.")
    ],
    appeal: Annotated[
        str, typer.Option(metavar="accept|reject|ask|message", help="What the text is: the verdict on an appeal, a question, or a message.")
    ] = "message",
    number: Number = 1,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Answer a person. The text is sealed; a mail tells the family's members that there is an answer, and nothing of it.

    accept: you look at the order again, and carry it out as far as the appeal is right. reject: the result stands; the text says why.
    ask: the person has to answer before you go on.
    """
    from expunge.core.journal.thread_events import MessageKind
    from expunge.core.values.ids import OrderId

    kind = _VERDICTS.get(appeal)
    if kind is None:
        raise UsageError("this is no kind of answer", help=", ".join(_VERDICTS))
    text = _text(source)
    with opened(map_file) as expunge:
        written = expunge.threads.answer(OrderId(order), number, MessageKind(kind), text)
    if as_json:
        output.write_json("thread-answer/1", {"order": order, "message": written.message, "kind": written.kind.value})
        return
    output.say(f"{order}: answered; the members of the family are told that there is an answer")


def _text(source: Path) -> str:
    data = sys.stdin.buffer.read() if str(source) == "-" else _read(source)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise UsageError("the text is no UTF-8", help="save it as UTF-8") from error


def _read(source: Path) -> bytes:
    try:
        return source.read_bytes()
    except OSError as error:
        message = f"the file with the text cannot be read: {error.strerror}"
        raise UsageError(message, help="name a file, or - for what is piped in") from error


def _row(thread: Thread, number: int, due: Any) -> dict[str, Any]:
    state = "appeal" if thread.open_appeal else "waits for you" if thread.waits_for_company else "waits for the person"
    if thread.ended is not None:
        state = "over"
    elif not (thread.waits_for_company or thread.waits_for_person):
        state = "answered"
    return {
        "order": thread.id.order,
        "person": number,
        "state": state,
        "messages": len(thread.messages),
        "last": thread.messages[-1].at,
        "due": due if thread.open_appeal else None,
    }
