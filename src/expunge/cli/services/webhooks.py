"""``expunge webhooks``: the messages to the company's app that were not taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.terminal import options, output
from expunge.cli.terminal.installation import opened

if TYPE_CHECKING:
    from expunge.core.orders.webhooks import WebhookMessage

app = typer.Typer(help="Web hooks of the company's app: messages that were not taken.", no_args_is_help=True)


@app.command("list")
def list_messages(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """List the messages that wait for their next try, and those that were given up after a day."""
    with opened(map_file) as expunge:
        messages = expunge.webhooks.waiting()
    if as_json:
        output.write_json("webhooks/1", {"messages": list(map(_values, messages))})
        return
    from rich.table import Table

    table = Table("message", "hook", "order", "step", "since", "tries", "next try", "why not")
    for each in messages:
        due = "given up" if each.dead else output.moment(each.due_at)
        table.add_row(each.id, each.hook, each.order, each.type, output.moment(each.at), str(each.tries), due, output.visible(each.fault))
    output.stdout().print(table) if messages else output.say("every message was taken")


@app.command()
def retry(
    messages: Annotated[
        list[str] | None, typer.Argument(metavar="[MESSAGE...]", help="Ids; else all that were given up.", show_default=False)
    ] = None,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Have messages tried again, by the clerk that runs or the next one: at once, and then for a day."""
    with opened(map_file) as expunge:
        again = expunge.webhooks.retry(messages or ())
    output.write_json("webhooks-retried/1", {"messages": again}) if as_json else output.say(f"{output.count(again, 'message')} tried again")


def _values(message: WebhookMessage) -> dict[str, Any]:
    return {
        "message": message.id,
        "hook": message.hook,
        "order": message.order,
        "step": message.type,
        "at": message.at,
        "tries": message.tries,
        "next": message.due_at,
        "given_up": message.dead,
        "fault": message.fault,
    }
