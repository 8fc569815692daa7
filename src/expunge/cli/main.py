"""The application: nouns and verbs put together."""

from __future__ import annotations

import typer

from expunge.cli import exits, receipts
from expunge.cli.failing import Edge

HELP = """Erases a person's recordings, and everything learned from them, from every place they went, and proves it.

The way of an order: `expunge init`, `expunge check`, `expunge order erase`, `expunge plan`, `expunge apply`, `expunge receipt verify`.
"""


def application() -> typer.Typer:
    """Build the command line."""
    app = typer.Typer(
        name="expunge",
        help=HELP,
        epilog="Exit codes: " + "; ".join(f"{code.value} {meaning}" for code, meaning in exits.MEANING.items()) + ".",
        cls=Edge,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    )
    app.add_typer(receipts.app, name="receipt")
    return app
