"""``expunge gate``: renew the file that pipelines ask."""

from __future__ import annotations

import typer

from expunge.cli import options, output
from expunge.cli.opening import opened

app = typer.Typer(help="The gate: renew the file that pipelines ask.", no_args_is_help=True)


@app.command()
def publish(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Write the gate's snapshot anew, with the time of now. Orders do it too; this is for the quiet time between them.

    Pipelines allow nothing with a snapshot that is older than they accept, or than seven days: run it on a timer.
    """
    with opened(map_file, recover=True) as expunge:
        suppressed = expunge.gate_publish()
    if as_json:
        output.write_json("gate-published/1", {"suppressed": suppressed})
    else:
        output.say(f"published: {output.count(suppressed, 'identifier')} suppressed")
