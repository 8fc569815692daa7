"""``expunge token``: the tokens with which programs are admitted to ``expunge serve``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.terminal import options, output
from expunge.errors import UsageError

if TYPE_CHECKING:
    from expunge.bootstrap.pipelines import LineageDoor
    from expunge.core.journal.access_tokens import Token

app = typer.Typer(help="Tokens of programs: issue, revoke, list.", no_args_is_help=True)


@app.command()
def issue(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The program that will use it: airflow-prod.", show_default=False)],
    scope: Annotated[str, typer.Option(help="What it is good for: lineage, collect, ingest, families or metrics.", show_default=False)],
    days: Annotated[int, typer.Option(help="How long it works.", min=1, max=3650)] = 90,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Issue a token and show it, once: what is kept cannot be turned back into it."""
    from expunge.core.journal.access_tokens import TokenScope

    if scope not in list(TokenScope):
        message = f"there is no scope {output.visible(scope)!r}"
        raise UsageError(message, help=f"choose one of: {', '.join(TokenScope)}")
    with _door(map_file) as door:
        token, text = door.issue(name, TokenScope(scope), timedelta(days=days))
    if as_json:
        output.write_json("token-issued/1", {**_values(token, works=True), "text": text})
        return
    typer.echo(text)
    output.note(f"{name} ({scope}) until {output.moment(token.until)}; it is not shown again")


@app.command()
def revoke(
    which: Annotated[str, typer.Argument(metavar="NAME|ID", help="As `expunge token list` shows it.", show_default=False)],
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Make a token worthless; a server that runs knows within a second."""
    with _door(map_file) as door:
        token = door.revoke(which)
    output.write_json("token/1", _values(token, works=False)) if as_json else output.say(f"{token.name} opens nothing any more")


@app.command("list")
def list_tokens(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Show every token that was issued, and whether it works."""
    with _door(map_file) as door:
        tokens = door.tokens()
    if as_json:
        output.write_json("tokens/1", {"tokens": [_values(each, works=works) for each, works in tokens]})
        return
    from rich.table import Table

    table = Table("name", "id", "scope", "issued", "until", "works")
    for each, works in tokens:
        state = "yes" if works else "revoked" if each.revoked else "ended"
        table.add_row(each.name, each.id, each.scope, output.moment(each.issued), output.moment(each.until), state)
    output.stdout().print(table) if tokens else output.say("no token was issued")


@contextmanager
def _door(map_file: Path | None) -> Iterator[LineageDoor]:
    from expunge.bootstrap.pipelines import LineageDoor

    with LineageDoor.open(map_file) as door:
        yield door


def _values(token: Token, *, works: bool) -> dict[str, Any]:
    return {
        "token": token.id,
        "name": token.name,
        "scope": token.scope,
        "issued": token.issued,
        "until": token.until,
        "revoked": token.revoked,
        "works": works,
    }
