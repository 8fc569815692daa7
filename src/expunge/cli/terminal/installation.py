"""Opening an installation: the map, its keys, its state, its stores."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from expunge.cli.terminal import output
from expunge.errors import KeystoreLocked

if TYPE_CHECKING:
    from expunge.bootstrap import Expunge
    from expunge.bootstrap.vault.access import Vault

Opened = TypeVar("Opened")
PASSPHRASE = "EXPUNGE_PASSPHRASE"  # noqa: S105 - the name of a variable


@contextmanager
def opened(map_file: Path | None, *, recover: bool = False) -> Iterator[Expunge]:
    """Open the facade over the installation of a map, and close it at the end.

    The passphrase of a keystore that has one comes from the environment; where it does not, a running keeper is asked for what its keys do,
    and without one the passphrase is asked for on a terminal.

    Args:
        map_file: the data map; None walks up from the working folder.
        recover: take up first the work that a crash left, as every writing command does.
    """
    with _open(map_file) as expunge:
        for behind in expunge.clock_behind:
            output.note(f"the clock is {behind} behind the journal; times are held until it has caught up")
        rollback = expunge.rollback
        if rollback is not None and not recover:
            output.note(f"{rollback.error().message}: see `expunge doctor`")
        if recover and rollback is None:
            for order in expunge.recover():
                output.note(f"{order} was interrupted while erasing: `expunge apply {order}` goes on")
        yield expunge


@contextmanager
def opened_vault(map_file: Path | None) -> Iterator[Vault]:
    """Open the vault of a map, and close it at the end. Where a keeper has the passphrase, neither keys nor state are opened here."""
    from expunge.bootstrap.vault.access import open_vault

    found = _asking(lambda passphrase: open_vault(map_file, passphrase=passphrase))
    try:
        yield found.vault
    finally:
        found.close()


def _open(map_file: Path | None) -> Expunge:
    from expunge.bootstrap import Expunge

    return _asking(lambda passphrase: Expunge.open(map_file, passphrase=passphrase))


def _asking(open_: Callable[[str | None], Opened]) -> Opened:
    """Open by the passphrase of the environment, where it has one; else ask for it on a terminal, if it is needed."""
    passphrase = os.environ.get(PASSPHRASE) or None
    try:
        return open_(passphrase)
    except KeystoreLocked as error:
        if passphrase is not None or not sys.stdin.isatty():
            if passphrase is None:
                error.help = f"start `expunge keeper run`, set {PASSPHRASE}, or run it on a terminal, which asks"
            raise
    return open_(ask_secret("passphrase of the keystore: "))


def ask_secret(question: str) -> str:
    """Ask on the terminal, without an echo. The echo is off before the question stands there, so that nothing typed early shows."""
    from getpass import getpass

    return getpass(question)
