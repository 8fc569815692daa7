"""``expunge clerk``: the process that answers the pages of families over the whole installation."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from expunge.cli.terminal import options, output
from expunge.cli.terminal.installation import PASSPHRASE

app = typer.Typer(help="The process that answers families: run it, ask how it is, stop it.", no_args_is_help=True)

Servers = Annotated[
    list[str] | None, typer.Option(metavar="USER", help="Another user who runs `expunge serve`: may ask for families; again for more.")
]
Groups = Annotated[list[str] | None, typer.Option(metavar="GROUP", help="A group whose members may; again for more.")]
OnlyServe = Annotated[
    bool, typer.Option("--only-serve", help="Let this user too do no more than --let-serve gives, and not even stop the clerk.")
]


@app.command()
def run(
    let_serve: Servers = None,
    let_group_serve: Groups = None,
    only_serve: OnlyServe = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Answer the pages of families until interrupted or stopped: read stores, receive orders, and carry them out.

    It works with the keys itself, or asks the keeper where a passphrase locks them. `expunge serve` starts one where none runs.
    """
    from expunge.bootstrap.open_state import map_file as found_map
    from expunge.bootstrap.serving import clerk_process, keeper_process

    path = found_map(map_file).absolute()
    place = clerk_process.place_of(path)
    admitted = keeper_process.serving(keeper_process.admitted((), ()), let_serve or (), let_group_serve or (), own_alone=only_serve)

    def ready() -> None:
        where = {"state": str(place.state), "socket": str(place.door), "pid": os.getpid()}
        output.write_json("answering/1", where) if as_json else output.say(f"answering families of {place.state}")

    clerk_process.answer(place, path, admitted, ready, os.environ.pop(PASSPHRASE, "") or None)


@app.command()
def status(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Ask the clerk how it is. Exit code 1 when none answers."""
    from expunge.bootstrap import keeping
    from expunge.bootstrap.serving import clerk_process

    found = keeping.process_status(clerk_process.place_of(map_file))
    if as_json:
        output.write_json("clerk-status/1", {"pid": found.pid, "clients": found.clients, "asked": found.asked})
        return
    others = output.count(found.clients - 1, "client")
    output.say(f"the clerk runs as process {found.pid}, with {others} beside this one; requests so far: {found.asked:,}")


@app.command()
def stop(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Have the clerk end, and wait until it has. What it carries out goes on at its next start. Exit code 1 when none runs."""
    from expunge.bootstrap import keeping
    from expunge.bootstrap.serving import clerk_process

    place = clerk_process.place_of(map_file)
    keeping.stop_keeper(place)
    output.write_json("clerk-stopped/1", {"state": str(place.state)}) if as_json else output.say("the clerk has ended")
