"""An installation with doorbells whose keystore has a passphrase, and a keeper of it in a process of its own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from expunge import faults
from expunge.adapters.keeper.keeper_vault import KeeperVault
from expunge.adapters.keeper.peers import Admitted
from expunge.adapters.keeper.place import KeeperPlace
from expunge.adapters.keys import key_files
from expunge.bootstrap import Expunge, keeping
from expunge.bootstrap.serving import keeper_process
from expunge.bootstrap.vault.kept_installation import KeptInstallation
from expunge.testing.forked import RunningChild
from tests.adapters.keeper.kept import KeeperProcess
from tests.engine.household import shorten_pauses
from tests.vault.doorbells import Doorbells, build, copy

PASSPHRASE = "blue horses sing"
PATIENCE = 20.0
"""Seconds: a test machine is slow at times."""


@dataclass
class KeptHome(KeeperProcess, Doorbells):
    """Doorbells whose keys only a keeper has. The test itself knows the passphrase, and plays the operator with it."""

    child: RunningChild | None = None
    doors: list[KeeperVault] = field(default_factory=list)

    @property
    def place(self) -> KeeperPlace:
        return keeping.place_of(None, self.folder / "state")

    @contextlib.contextmanager
    def open(self, clock=None) -> Iterator[Expunge]:
        """As the operator, who gives the passphrase."""
        with Expunge.open(self.map, passphrase=PASSPHRASE, clock=clock) as opened:
            shorten_pauses(opened)
            yield opened

    def start(
        self,
        fault: tuple[str, str, int] | None = None,
        *,
        admitted: Admitted | None = None,
        with_map: bool = True,
        recorded: bool = False,
        as_user: int | None = None,
    ) -> KeptHome:
        """Start a keeper; returns when it answers. With ``recorded`` it returns the failpoints that it passed since."""

        def keep(answers: Callable[[], object]) -> list[str]:
            passed: list[str] = []
            if as_user is not None:
                become(as_user)
            with contextlib.ExitStack() as stack:

                def ready() -> None:
                    if recorded:
                        nonlocal passed
                        passed = stack.enter_context(faults.record())
                    if fault:
                        stack.enter_context(faults.arm(*fault))
                    answers()

                doors = KeptInstallation(self.map, PASSPHRASE) if with_map else None
                keeper_process.keep(self.place, PASSPHRASE, admitted or Admitted(), ready, doors)
            return passed

        self.begin(keep)
        return self

    def door(self, patience: float = PATIENCE) -> KeeperVault:
        """A client that says what it likes: it has no gate."""
        door = KeeperVault(self.place, patience)
        self.doors.append(door)
        return door

    def end(self) -> None:
        for each in self.doors:
            each.close()
        if self.child is not None:
            self.child.kill()


def become(user: int) -> None:
    """In a child of root: be an ordinary user from here on."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def build_kept(folder: Path) -> KeptHome:
    """Make one. Guessing its passphrase is cheap."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key_files, "_SCRYPT", {"n": 2**10, "r": 8, "p": 1})
        home = KeptHome(build(folder, passphrase=PASSPHRASE).folder)
        with home.open() as opened:
            opened.vault.vaults.table()
    return home


def copy_kept(template: KeptHome, folder: Path) -> KeptHome:
    """A fresh one for a test."""
    return KeptHome(copy(template, folder).folder)
