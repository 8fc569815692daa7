"""``expunge keeper``: the process that holds the keys, so that a passphrase is given once and commands need none."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from expunge.cli.terminal import options, output
from expunge.cli.terminal.installation import PASSPHRASE, ask_secret
from expunge.errors import KeystoreLocked, UsageError

if TYPE_CHECKING:
    from expunge.ports.vault.vault_door import VaultDoors

app = typer.Typer(help="The process that holds the keys: run it, ask how it is, stop it.", no_args_is_help=True)

State = Annotated[
    Path | None,
    typer.Option("--state", help="The state folder; else the map's. With it alone no map is read.", file_okay=False, show_default=False),
]
Servers = Annotated[
    list[str] | None,
    typer.Option(metavar="USER", help="Another user who runs `expunge serve`: may ask for senders whose tokens it shows; again for more."),
]
OnlyServe = Annotated[
    bool, typer.Option("--only-serve", help="Let this user too do no more than --let-serve gives, and not even stop the keeper.")
]

FirstLinkTo = Annotated[int, typer.Option(hidden=True, help="Write the first administrator's link to this descriptor, and close it.")]


@app.command()
def run(
    passphrase_file: Annotated[
        Path | None,
        typer.Option(help="A file whose first line is the passphrase of the keystore.", exists=True, dir_okay=False, show_default=False),
    ] = None,
    allow_user: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Another user, by name or number, who may ask for what keys do; again for more."),
    ] = None,
    allow_group: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A group, by name or number, whose members may; again for more.")
    ] = None,
    let_read: Annotated[
        list[str] | None,
        typer.Option(metavar="USER:PURPOSE", help="Another user who may open recordings of vaults for this purpose; again for more."),
    ] = None,
    let_group_read: Annotated[
        list[str] | None, typer.Option(metavar="GROUP:PURPOSE", help="A group whose members may; again for more.")
    ] = None,
    let_ingest: Annotated[
        list[str] | None, typer.Option(metavar="USER", help="Another user who may send recordings into vaults; again for more.")
    ] = None,
    let_group_ingest: Annotated[list[str] | None, typer.Option(metavar="GROUP", help="A group whose members may; again for more.")] = None,
    let_serve: Servers = None,
    let_group_serve: Annotated[list[str] | None, typer.Option(metavar="GROUP", help="A group whose members may; again for more.")] = None,
    only_serve: OnlyServe = False,
    first_link_to: FirstLinkTo = -1,
    state: State = None,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Hold the keys of a state folder until interrupted or stopped; commands of the same user ask it and need no passphrase.

    With a map, `expunge serve` takes lineage in through it, programs read recordings of its vaults and send recordings in; with --state
    alone it holds keys alone.
    The passphrase of a locked keystore is asked for on a terminal, or comes from a file or from EXPUNGE_PASSPHRASE. Others of the same user
    cannot look into this process; root can.
    """
    from expunge.bootstrap import keeping
    from expunge.bootstrap.serving import keeper_process
    from expunge.bootstrap.serving.kept_senders import KeptSenders

    place = keeping.place_of(map_file, state)
    admitted = keeper_process.admitted(
        allow_user or (), allow_group or (), let_read or (), let_group_read or (), let_ingest or (), let_group_ingest or ()
    )
    admitted = keeper_process.serving(admitted, let_serve or (), let_group_serve or (), own_alone=only_serve)
    path, with_vault = keeper_process.map_of_keeper(place, map_file, admitted) if map_file is not None or state is None else (None, False)
    keeper_process.close_to_others()
    passphrase = _passphrase(passphrase_file) if keeping.needs_passphrase(place) else None

    def ready() -> None:
        _tell(place.state, place.door, with_vault=with_vault, as_json=as_json)

    doors = _doors(path, passphrase) if path and with_vault else None
    senders, accounts = (KeptSenders(path, doors), keeper_process.accounts_of_keeper(path)) if path else (None, None)
    with _descriptor(first_link_to) as tell:
        keeper_process.keep(place, passphrase, admitted, ready, doors, senders, accounts, tell)


def _doors(path: Path, passphrase: str | None) -> VaultDoors:
    # Why apart: they need most of the package, and a keeper without a vault needs little.
    from expunge.bootstrap.vault.kept_installation import KeptInstallation

    return KeptInstallation(path, passphrase)


@contextmanager
def _descriptor(number: int) -> Iterator[Callable[[str], None] | None]:
    """Give what writes one line to a descriptor that this process was started with, and closes it; None for none."""
    if number < 0:
        yield None
        return
    os.set_inheritable(number, False)
    with os.fdopen(number, "w") as pipe:

        def tell(link: str) -> None:
            pipe.write(link)
            pipe.close()

        yield tell


def _tell(state: Path, door: Path, *, with_vault: bool, as_json: bool) -> None:
    where = {"state": str(state), "socket": str(door), "pid": os.getpid(), "vault": with_vault}
    more = " and opening its vaults" if with_vault else "; without a map, or a vault in it, no vault is opened"
    output.write_json("keeping/1", where) if as_json else output.say(f"keeping the keys of {state}{more}")


@app.command()
def status(state: State = None, map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Ask the keeper how it is. Exit code 1 when none answers."""
    from expunge.bootstrap import keeping

    found = keeping.keeper_status(keeping.place_of(map_file, state))
    if as_json:
        rights = [{"who": who, "may": may} for who, may in found.rights]
        told = {"pid": found.pid, "clients": found.clients, "asked": found.asked, "vault": found.vault, "rights": rights}
        told["refused"] = [{"act": act, "kind": kind, "fields": fields} for act, kind, fields in found.refused]
        output.write_json("keeper-status/1", told)
        return
    others = output.count(found.clients - 1, "client")
    output.say(f"the keeper runs as process {found.pid}, with {others} beside this one; requests so far: {found.asked:,}")
    output.say("it opens vaults" if found.vault else "it opens no vault")
    for who, may in found.rights:
        output.say(f"{who} may {may}")
    for act, kind, fields in found.refused:
        output.say(
            f"it refused to {act} {output.count(fields, 'field')} of the kind {kind!r}: more than pages need; look for foreign code in them"
        )


@app.command()
def stop(state: State = None, map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Have the keeper end, and wait until it has. Exit code 1 when none runs."""
    from expunge.bootstrap import keeping

    place = keeping.place_of(map_file, state)
    keeping.stop_keeper(place)
    output.write_json("keeper-stopped/1", {"state": str(place.state)}) if as_json else output.say("the keeper has ended")


def _passphrase(path: Path | None) -> str:
    """Return the passphrase from a file, from the environment, which forgets it, or the terminal. Raises KeystoreLocked, UsageError."""
    if path is not None:
        lines = path.read_text("utf-8").splitlines()
        if not lines or not lines[0]:
            message = f"{output.visible(str(path))} holds no passphrase in its first line"
            raise UsageError(message, help="write it there, in one line")
        return lines[0]
    known = os.environ.pop(PASSPHRASE, "")
    if known:
        return known
    if not sys.stdin.isatty():
        help_ = f"give --passphrase-file, set {PASSPHRASE}, or run it on a terminal, which asks"
        raise KeystoreLocked("the keystore is locked by a passphrase", help=help_)
    return ask_secret("passphrase of the keystore: ")
