"""``expunge vault``: what is done with a vault as a whole."""

from __future__ import annotations

import typer

from expunge.cli.estate import vault_adopt

app = typer.Typer(help="A vault for recordings: take over what lies in the clear.", no_args_is_help=True)
app.command()(vault_adopt.adopt)
