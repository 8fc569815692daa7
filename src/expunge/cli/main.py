"""The application: nouns and verbs put together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from expunge.cli import (
    applying,
    consents,
    dues,
    exits,
    gates,
    guardians,
    holds,
    later,
    learning,
    lineages,
    logs,
    maps,
    obligations,
    orders,
    people,
    planning,
    receipts,
    recipients,
    retention,
    serve,
    standing,
    state,
    tokens,
    working,
)
from expunge.cli.failing import Edge

HELP = """Erases a person's recordings, and everything learned from them, from every place they went, and proves it.

The way of an order: `expunge init`, `expunge check`, `expunge order erase`, `expunge plan`, `expunge apply`, `expunge receipt verify`.
"""

SET_UP, ORDER, LATER, EVIDENCE = "Set up", "Orders", "Afterwards", "Evidence"

COMMANDS: dict[str, tuple[Callable[..., None], ...]] = {
    SET_UP: (state.init, maps.check, state.doctor, serve.serve),
    ORDER: (
        people.locate,
        planning.plan,
        planning.approve,
        applying.apply,
        working.worker,
        standing.status,
        standing.watch,
        dues.due,
        obligations.obligations,
    ),
    EVIDENCE: (obligations.obligations,),
    LATER: (later.verify, later.sweep, later.restored, people.export),
}
NOUNS = (
    (SET_UP, "map", maps.app),
    (SET_UP, "lineage", lineages.app),
    (SET_UP, "token", tokens.app),
    (SET_UP, "learn", learning.app),
    (ORDER, "order", orders.app),
    (ORDER, "hold", holds.app),
    (ORDER, "consent", consents.app),
    (ORDER, "guardian", guardians.app),
    (ORDER, "recipient", recipients.app),
    (ORDER, "retention", retention.app),
    (LATER, "gate", gates.app),
    (EVIDENCE, "receipt", receipts.app),
    (EVIDENCE, "log", logs.app),
)


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
    app.callback()(_root)
    for panel, commands in COMMANDS.items():
        for command in commands:
            app.command(rich_help_panel=panel)(command)
    for panel, name, nouns in NOUNS:
        app.add_typer(nouns, name=name, rich_help_panel=panel)
    return app


def _tell_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"expunge {version('expunge')}")
        raise typer.Exit


def _root(
    version: Annotated[bool, typer.Option("--version", help="Show the version.", callback=_tell_version, is_eager=True)] = False,
) -> None:
    pass
