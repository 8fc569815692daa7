"""``expunge log``: audit the transparency log, serve its files, print the keys to publish."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from expunge import clock
from expunge.cli.services.log_watch import watch
from expunge.cli.terminal import options, output
from expunge.cli.terminal.checkpoints import kept_heads, parsed_policy
from expunge.cli.terminal.installation import opened
from expunge.cli.terminal.log_answers import cosigned, show_lines
from expunge.errors import UsageError

app = typer.Typer(help="The transparency log: audit it, watch it, serve it.", no_args_is_help=True)
app.command()(watch)

Folder = Annotated[
    Path | None,
    typer.Argument(metavar="[DIR]", help="A log's folder; else the one of the map.", exists=True, file_okay=False, show_default=False),
]


@app.command()
def verify(
    where: Annotated[
        str | None,
        typer.Argument(metavar="[URL|DIR]", help="A log's address or folder; else the one of the map.", show_default=False),
    ] = None,
    trust: Annotated[
        Path | None,
        typer.Option(
            help="Keys, in the form of trust-policy.txt; needed with URL or DIR.", exists=True, dir_okay=False, show_default=False
        ),
    ] = None,
    since: Annotated[
        list[Path] | None,
        typer.Option(
            help="A checkpoint, a proof, a receipt's folder or a watch's folder that the log must still contain; again for more.",
            exists=True,
        ),
    ] = None,
    heads_only: Annotated[
        bool, typer.Option("--heads-only", help="Read only what ties earlier heads to the log of now: a few files.")
    ] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Audit the whole log: every entry hashed again, every tile compared, the signed root rebuilt, earlier heads found in it.

    The head must be signed by the log's own keys, and cosigned by the quorum that the policy names. Exit code 6 when anything is missing,
    changed, forked, or not what was known before; 1 when the log does not answer.
    """
    from expunge import survey

    where, text = _which(where, trust, map_file)
    now, policy = clock.now(), parsed_policy(text)
    known = [(each.head.size, each.head.root) for each in kept_heads(since or (), policy, now)]
    with survey.log_source(where) as source:
        audit = survey.audit(source, policy, known, now, heads_only=heads_only)
    if as_json:
        output.write_json(
            "log-audit/1",
            {
                "origin": audit.head.origin,
                "size": audit.head.size,
                "root": audit.head.root.hex(),
                **cosigned(audit.signed),
                "whole": audit.whole,
                "known": audit.known,
                "leftover": audit.leftover,
            },
        )
        return
    output.say(f"{output.visible(audit.head.origin)}: {output.count(audit.head.size, 'entry', 'entries')}, root {audit.head.root.hex()}")
    signed = f"the checkpoint, which {output.count(audit.signers, 'key')} of the log signed"
    output.say(f"every entry and tile agrees with {signed}" if audit.whole else f"the tiles that were read agree with {signed}")
    show_lines(audit.signed)
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

    if folder is None:
        with opened(map_file) as expunge:
            folder = expunge.state / "log"
    with LogServer(folder, host, port) as server:
        output.write_json("serving/1", {"url": server.url}) if as_json else output.say(
            f"serving {output.visible(str(folder))} on {server.url}"
        )
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


@app.command()
def cosign(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Ask the witnesses of the map anew to cosign the log's head, and publish it: run it each day, so that readers see a fresh head.

    Exit code 1 while a head that was not published yet still waits for its quorum.
    """
    with opened(map_file) as expunge:
        faults = expunge.cosign_log()
        head = expunge.context.log.head()
    if as_json:
        output.write_json("log-cosigned/1", {"size": head.size, "root": head.root.hex(), "declined": faults})
        return
    output.say(f"published the head of {output.count(head.size, 'entry', 'entries')}")
    for fault in faults:
        output.note(f"not cosigned by {output.visible(fault)}")


@app.command()
def witness(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The witness's own folder: its key and what it saw; made at first.", file_okay=False)
    ],
    name: Annotated[str, typer.Option(help="The witness's name, such as witness.example.org/w1; it never changes.")],
    trust: Annotated[
        Path, typer.Option(help="The logs to cosign: files with `log` lines, such as trust-policy.txt.", exists=True, dir_okay=False)
    ],
    port: Annotated[int, typer.Option(help="0 picks a free one.", min=0, max=65535)] = 8081,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    as_json: options.Json = False,
) -> None:
    """Be a witness of other people's logs (C2SP tlog-witness) until interrupted: cosign what proves that it only grew.

    Prints the line for trust policies first. What was cosigned last is on the device before an answer goes out.
    """
    from expunge import survey
    from expunge.cli.services.witness_server import WitnessServer

    seeing = survey.Witness(folder, name, parsed_policy(trust.read_bytes()))
    with WitnessServer(seeing, host, port) as server:
        if as_json:
            output.write_json("witnessing/1", {"url": server.url, "vkey": str(seeing.key)})
        else:
            output.say(f"witness {output.visible(name.rpartition('/')[2] or name)} {seeing.key} {server.url}")
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


@app.command()
def policy(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Print the trust policy, with every key so far and since when it counts: publish it where the operator cannot change it unseen."""
    with opened(map_file) as expunge:
        text = expunge.published_policy()
    output.write_json("trust-policy/1", {"policy": text}) if as_json else typer.echo(text, nl=False)


def _which(where: str | None, trust: Path | None, map_file: Path | None) -> tuple[str, bytes]:
    """The log that is meant, and the trust policy under which it is checked."""
    if where is not None:
        if trust is None:
            message = "a log says nothing about who may sign it"
            raise UsageError(message, help="give --trust FILE with keys got elsewhere")
        return where, trust.read_bytes()
    with opened(map_file) as expunge:
        return str(expunge.state / "log"), trust.read_bytes() if trust else expunge.published_policy().encode()
