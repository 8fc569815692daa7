"""``expunge log``: audit the transparency log, serve its files, print the keys to publish."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from expunge.cli.terminal import options, output
from expunge.cli.terminal.checkpoints import earlier_heads, keys_of
from expunge.cli.terminal.installation import opened
from expunge.errors import UsageError

app = typer.Typer(help="The transparency log: audit it, serve it.", no_args_is_help=True)

Folder = Annotated[
    Path | None,
    typer.Argument(metavar="[DIR]", help="A log's folder; else the one of the map.", exists=True, file_okay=False, show_default=False),
]


@app.command()
def verify(
    folder: Folder = None,
    trust: Annotated[
        Path | None,
        typer.Option(help="Keys, in the form of trust-policy.txt; needed with DIR.", exists=True, dir_okay=False, show_default=False),
    ] = None,
    since: Annotated[
        list[Path] | None,
        typer.Option(help="An earlier checkpoint or receipt.tlog-proof that the log must still contain; again for more.", exists=True),
    ] = None,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Audit the whole log: every entry hashed again, every tile compared, the signed root rebuilt, earlier checkpoints found in it.

    Exit code 6 when anything is missing, changed, or not what was known before.
    """
    from expunge import survey

    folder, policy = _which(folder, trust, map_file)
    keys = keys_of(folder, policy)
    audit = survey.audit(folder, keys, list(earlier_heads(since or (), keys)))
    if as_json:
        output.write_json(
            "log-audit/1",
            {
                "origin": audit.head.origin,
                "size": audit.head.size,
                "root": audit.head.root.hex(),
                "signers": audit.signers,
                "known": audit.known,
                "leftover": audit.leftover,
            },
        )
        return
    output.say(f"{audit.head.origin}: {output.count(audit.head.size, 'entry', 'entries')}, root {audit.head.root.hex()}")
    output.say(f"every entry and tile agrees with the checkpoint, which {output.count(audit.signers, 'key')} signed")
    if audit.known:
        output.say(f"it contains the {output.count(audit.known, 'earlier checkpoint')} given")
    for name in audit.leftover:
        output.note(f"left over by a crash, harmless: {output.visible(name)}")


@app.command()
def serve(
    folder: Folder = None,
    port: Annotated[int, typer.Option(help="0 picks a free one.", min=0, max=65535)] = 8080,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Serve the log's files over HTTP (C2SP tlog-tiles) until interrupted. Any web server can do the same."""
    from expunge.cli.services.log_server import LogServer

    folder = _which(folder, None, map_file, keys_needed=False)[0]
    with LogServer(folder, host, port) as server:
        output.write_json("serving/1", {"url": server.url}) if as_json else output.say(
            f"serving {output.visible(str(folder))} on {server.url}"
        )
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


@app.command()
def policy(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Print the trust policy of receipts signed now: publish it where the operator of Expunge cannot change it unseen."""
    with opened(map_file) as expunge:
        text = expunge.trust_policy()
    output.write_json("trust-policy/1", {"policy": text}) if as_json else typer.echo(text, nl=False)


def _which(folder: Path | None, trust: Path | None, map_file: Path | None, *, keys_needed: bool = True) -> tuple[Path, bytes]:
    if folder is not None:
        if trust is None and keys_needed:
            message = "a log's own folder says nothing about who may sign it"
            raise UsageError(message, help="give --trust FILE with keys got elsewhere")
        return folder, trust.read_bytes() if trust else b""
    with opened(map_file) as expunge:
        return expunge.state / "log", trust.read_bytes() if trust else expunge.trust_policy().encode()
