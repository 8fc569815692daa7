"""The application: nouns and verbs put together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from expunge.cli.desk import access, findings, incidents, views
from expunge.cli.duties import (
    consents,
    evidence,
    families,
    guardians,
    ledger,
    notices,
    obligations,
    recipients,
    reports,
    requests,
    retention,
    reviews,
    staff,
    vaults,
)
from expunge.cli.estate import discover, ingest, init_doctor, learn, lineages, maps
from expunge.cli.gate import gates
from expunge.cli.orders import apply, approvers, due, exports, holds, orders, plan_commands, receipts, recheck, status
from expunge.cli.services import clerks, keepers, known_passwords, logs, mail, serve, tokens, webhooks, worker
from expunge.cli.terminal import exit_codes, person_prompt
from expunge.cli.terminal.error_messages import ErrorBoundary

HELP = """Erases a person's recordings, and everything learned from them, from every place they went, and proves it.

The way of an order: `expunge init`, `expunge check`, `expunge order erase`, `expunge plan`, `expunge apply`, `expunge receipt verify`.
"""

SET_UP, RECORDINGS, ORDER, LATER, EVIDENCE = "Set up", "Recordings", "Orders", "Afterwards", "Evidence"

COMMANDS: dict[str, tuple[Callable[..., None], ...]] = {
    SET_UP: (init_doctor.init, maps.check, discover.discover, init_doctor.doctor, serve.serve, known_passwords.known_passwords),
    RECORDINGS: (ingest.ingest,),
    ORDER: (
        person_prompt.locate,
        plan_commands.plan,
        plan_commands.approve,
        approvers.approvers,
        apply.apply,
        worker.worker,
        status.status,
        status.watch,
        due.due,
        obligations.obligations,
    ),
    EVIDENCE: (obligations.obligations, views.views),
    LATER: (recheck.verify, recheck.sweep, recheck.restored, exports.export, exports.export_verify),
}
NOUNS = (
    (SET_UP, "map", maps.app),
    (SET_UP, "lineage", lineages.app),
    (SET_UP, "token", tokens.app),
    (SET_UP, "webhooks", webhooks.app),
    (SET_UP, "staff", staff.app),
    (SET_UP, "families", families.app),
    (SET_UP, "learn", learn.app),
    (SET_UP, "keeper", keepers.app),
    (SET_UP, "clerk", clerks.app),
    (SET_UP, "mail", mail.app),
    (RECORDINGS, "vault", vaults.app),
    (RECORDINGS, "access", access.app),
    (ORDER, "order", orders.app),
    (ORDER, "requests", requests.app),
    (ORDER, "notice", notices.app),
    (ORDER, "hold", holds.app),
    (ORDER, "consent", consents.app),
    (ORDER, "guardian", guardians.app),
    (ORDER, "recipient", recipients.app),
    (ORDER, "review", reviews.app),
    (ORDER, "retention", retention.app),
    (LATER, "gate", gates.app),
    (EVIDENCE, "findings", findings.app),
    (EVIDENCE, "incidents", incidents.app),
    (EVIDENCE, "receipt", receipts.app),
    (EVIDENCE, "log", logs.app),
    (EVIDENCE, "evidence", evidence.app),
    (EVIDENCE, "ledger", ledger.app),
    (EVIDENCE, "report", reports.app),
)


def application(word: str = "") -> typer.Typer:
    """Build the command line; where ``word`` names a noun, or a command without one, nothing but that.

    All of it takes longer than most commands.
    """
    nouns = [noun for noun in NOUNS if word in {noun[1], ""}]
    listed = {
        panel: [command for command in commands if word in {command.__name__.replace("_", "-"), ""}] for panel, commands in COMMANDS.items()
    }
    if not nouns and not any(listed.values()):
        return application()
    app = typer.Typer(
        name="expunge",
        help=HELP,
        epilog="Exit codes: " + "; ".join(f"{code.value} {meaning}" for code, meaning in exit_codes.MEANING.items()) + ".",
        cls=ErrorBoundary,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    )
    app.callback()(_root)
    for panel, commands in listed.items():
        for command in commands:
            app.command(rich_help_panel=panel)(command)
    for panel, name, noun in nouns:
        app.add_typer(noun, name=name, rich_help_panel=panel)
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
