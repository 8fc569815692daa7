"""``expunge mail``: what mail servers say of the mail that the pages sent."""

from __future__ import annotations

import sys

import typer

from expunge.cli.services.serve import set_up_pages
from expunge.cli.terminal import options, output
from expunge.errors import UsageError

app = typer.Typer(help="Mail that the pages sent: take in what comes back.", no_args_is_help=True)


@app.callback()
def _mail() -> None:
    pass


@app.command()
def bounce(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Read a message that came back from standard input, and mark the address that it is about.

    It counts where it is a report of a mail server (RFC 3464) about a message that was sent from here in the last seven days. Pages then
    tell the owner that mail does not arrive. Anything else changes nothing.
    """
    from expunge import survey

    if survey.read(map_file).accounts is None:
        raise UsageError("the map has no section `accounts`, so no mail was sent", help="give the map of the pages: --map FILE")
    set_up_pages(map_file)
    from expunge.web.site.mail.bounces import MOST_BYTES, note_bounce

    found = note_bounce(sys.stdin.buffer.read(MOST_BYTES))
    output.write_json("mail-bounce/1", {"outcome": found.value}) if as_json else output.say(found.value)
