"""The keeper's own process: who may ask it what, and the parts that answer."""

from __future__ import annotations

import grp
import os
import pwd
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from expunge.adapters.database.journal_django import DjangoJournal
from expunge.adapters.host import hardening, heap
from expunge.adapters.keeper.account_requests import AccountDesk
from expunge.adapters.keeper.families.family_requests import HandOverDesk, RecoveryDesk
from expunge.adapters.keeper.families.letter_requests import LetterDesk
from expunge.adapters.keeper.guard_requests import GuardDesk
from expunge.adapters.keeper.key_requests import Handler, KeyDesk
from expunge.adapters.keeper.peers import Accounts, Admitted
from expunge.adapters.keeper.place import KeeperPlace
from expunge.adapters.keeper.requests import Request
from expunge.adapters.keeper.sender_requests import NoSenders, SendersDesk
from expunge.adapters.keeper.server import Keeper
from expunge.adapters.keeper.staff_requests import StaffDesk
from expunge.adapters.keeper.vault_requests import NoVault, VaultDesk
from expunge.adapters.keys.field_seals import FieldSeals
from expunge.adapters.keys.local_keystore import LocalKeys, open_keystore
from expunge.bootstrap.accounts.family_names import family_names
from expunge.bootstrap.accounts.guard_settings import GuardSettings, settings_of
from expunge.bootstrap.accounts.kept_guard import KeptGuard, no_guard
from expunge.bootstrap.accounts.staff_desks import GuardedDecisions
from expunge.bootstrap.open_state import map_file, open_state, read_installed
from expunge.bootstrap.vault.vault_names import datasets_of
from expunge.core.accounts.accounts_spec import enrolment_link
from expunge.core.values.canonical import Json
from expunge.engine.reports.deletion_training import DeletionTraining
from expunge.errors import ExpungeError, UsageError
from expunge.ports.sender_door import SenderDoors
from expunge.ports.vault.vault_door import VaultDoors


def map_of_keeper(place: KeeperPlace, map_path: Path | None, admitted: Admitted) -> tuple[Path, bool]:
    """Return the map of a keeper, and whether a vault is in it.

    Raises:
        Misconfigured: the map cannot be read.
        UsageError: it is the map of another state folder, or lacks a purpose for which an account may read.
    """
    path = map_file(map_path)
    data_map = read_installed(path)
    if not Path(data_map.state).samefile(place.state):
        raise UsageError("the map has another state folder", help="give the map of this one, or leave --state out")
    unknown = [each for each in admitted.read if data_map.purposes and each not in data_map.purposes]
    if unknown:
        message = f"the map has no purpose {unknown[0]!r}"
        raise UsageError(message, help=f"one of: {', '.join(sorted(data_map.purposes))}")
    return path.absolute(), bool(datasets_of(data_map))


def accounts_of_keeper(map_path: Path) -> tuple[Path, GuardSettings] | None:
    """Return the map and the settings with which a keeper guards accounts; None for a map without. Raises Misconfigured."""
    spec = read_installed(map_path).accounts
    return None if spec is None else (map_path, settings_of(spec))


def close_to_others() -> None:
    """Close this process to others of its user, before it holds a key; see :func:`expunge.adapters.host.hardening.harden`."""
    hardening.harden()


def admitted(
    users: Sequence[str],
    groups: Sequence[str],
    read: Sequence[str] = (),
    groups_read: Sequence[str] = (),
    ingest: Sequence[str] = (),
    groups_ingest: Sequence[str] = (),
) -> Admitted:
    """Return who may ask what, given by name or number; who may ``read`` as NAME:PURPOSE.

    Raises UsageError for a user or group that this machine does not know, or without a purpose.
    """
    reading = [(_purposed(each), _accounts([each.partition(":")[0]], [])) for each in read]
    reading += [(_purposed(each), _accounts([], [each.partition(":")[0]])) for each in groups_read]
    by_purpose: dict[str, Accounts] = {}
    for purpose, accounts in reading:
        known = by_purpose.get(purpose, Accounts())
        by_purpose[purpose] = Accounts(known.users | accounts.users, known.groups | accounts.groups)
    keys = _accounts(users, groups)
    return Admitted(keys.users, keys.groups, by_purpose, _accounts(ingest, groups_ingest))


def serving(admitted: Admitted, users: Sequence[str], groups: Sequence[str], *, own_alone: bool) -> Admitted:
    """Return who may ask what, with those who may serve senders; with ``own_alone`` the keeper's own user may that, and nothing else.

    Raises UsageError for a user or group that this machine does not know.
    """
    return replace(admitted, serve=_accounts(users, groups), own_serves_alone=own_alone)


def _purposed(text: str) -> str:
    purpose = text.partition(":")[2]
    if not purpose:
        message = f"{text!r} names no purpose"
        raise UsageError(message, help="write NAME:PURPOSE, with a purpose of the map")
    return purpose


def _accounts(users: Sequence[str], groups: Sequence[str]) -> Accounts:
    return Accounts(
        frozenset(_number(each, "user", lambda name: pwd.getpwnam(name).pw_uid) for each in users),
        frozenset(_number(each, "group", lambda name: grp.getgrnam(name).gr_gid) for each in groups),
    )


def _number(name: str, what: str, known: Callable[[str], int]) -> int:
    try:
        return int(name) if name.isdecimal() else known(name)
    except KeyError:
        message = f"this machine knows no {what} named {name!r}"
        raise UsageError(message, help=f"name a {what} that is there, by name or number") from None


def rights_of(admitted: Admitted) -> tuple[tuple[str, str], ...]:
    """Return (user or group, what it may) for each, by name; the keeper's own user, where it may not all."""
    own = Accounts(frozenset({os.geteuid()}) if admitted.own_serves_alone else frozenset())
    read = [(accounts, f"open recordings for {purpose!r}") for purpose, accounts in sorted(admitted.read.items())]
    serve = Accounts(admitted.serve.users | own.users, admitted.serve.groups)
    given = [(admitted.keys, "ask for what keys do"), (admitted.ingest, "send recordings in"), (serve, "serve senders with tokens"), *read]
    return tuple(
        (name, may)
        for accounts, may in given
        for name in (
            *(f"user {_named(pwd.getpwuid, each)}" for each in sorted(accounts.users)),
            *(f"group {_named(grp.getgrgid, each)}" for each in sorted(accounts.groups)),
        )
    )


def _named(known: Callable[[int], Sequence[object]], number: int) -> str:
    try:
        return str(known(number)[0])
    except KeyError:
        return str(number)


def keep(
    place: KeeperPlace,
    passphrase: str | None,
    admitted: Admitted,
    ready: Callable[[], None],
    doors: VaultDoors | None = None,
    senders: SenderDoors | None = None,
    accounts: tuple[Path, GuardSettings] | None = None,
    first_link: Callable[[str], None] | None = None,
) -> None:
    """Be the keeper of a state folder until asked to end.

    Args:
        place: of the state folder.
        passphrase: of its keystore, where it has one.
        admitted: the users and groups who may ask, beside this user.
        ready: called once, when the keeper answers.
        doors: those of the vault; closed at the end. Without them the keeper answers no request about a recording.
        senders: those for the senders of servers; closed at the end. Without them the keeper answers no server.
        accounts: the map whose state holds accounts, and the settings of their guard; None where it guards none.
        first_link: told a new link for the first administrator, once the keeper answers; an empty text where there is none to tell.

    Raises:
        Busy: another keeper of it is running.
        Misconfigured, KeystoreLocked, StateCorrupt: as :func:`expunge.adapters.keys.local_keystore.open_keystore`.
    """
    hardening.harden()
    heap.keep_freed_memory()
    with place.held():
        keys = open_keystore(place.keys, passphrase)
        fields = FieldSeals(keys.account_key())
        guard = _guard_of(accounts, keys, fields) if accounts else None
        accounts_desk = AccountDesk(fields)
        handlers = KeyDesk(keys).handlers() | VaultDesk(doors or NoVault()).handlers() | SendersDesk(senders or NoSenders()).handlers()
        handlers |= accounts_desk.handlers() | _handlers_of(guard)
        facts: dict[str, Json] = {"vault": doors is not None, "rights": [list(each) for each in rights_of(admitted)]}

        def begun() -> None:
            ready()
            if first_link:
                # Why a thread: the one that is here answers everybody, and the state may be slow.
                threading.Thread(target=_tell_first_link, args=(guard, accounts, first_link), daemon=True).start()

        keeper = Keeper(
            handlers, place.identity, admitted, settle=doors.settle if doors else None, status=lambda: facts | refused(accounts_desk)
        )
        with place.listen(for_others=admitted.others) as listening:
            try:
                if guard:
                    guard.watch()
                keeper.run(listening, begun)
            finally:
                place.leave()
                if senders:
                    senders.close()
                if doors:
                    doors.close()
                if guard:
                    guard.close()


def _handlers_of(guard: KeptGuard | None) -> dict[type[Request], Handler]:
    """Return the handlers of requests about accounts; without a guard each says that this keeper guards none."""
    return {
        **GuardDesk(guard or no_guard).handlers(),
        **HandOverDesk(guard.hand_overs if guard else no_guard).handlers(),
        **RecoveryDesk(guard.recoveries if guard else no_guard).handlers(),
        **LetterDesk(guard.family_letters if guard else no_guard, guard.delivery if guard else no_guard).handlers(),
        **StaffDesk(guard.staff if guard else no_guard, GuardedDecisions(guard or no_guard)).handlers(),
    }


def _tell_first_link(guard: KeptGuard | None, accounts: tuple[Path, GuardSettings] | None, tell: Callable[[str], None]) -> None:
    link = ""
    # Why no error: a keeper without its state answers what needs none, and says of each request why not.
    with suppress(ExpungeError):
        if guard and accounts and (secret := guard.staff().first_administrator()):
            link = enrolment_link(accounts[1].origin, secret)
    tell(link)


def refused(desk: AccountDesk) -> dict[str, Json]:
    """Return the fact of a keeper's status that tells what its budgets refused."""
    return {"refused": [list(each) for each in desk.refused()]}


def _guard_of(accounts: tuple[Path, GuardSettings], keys: LocalKeys, fields: FieldSeals) -> KeptGuard:
    path, settings = accounts
    families = family_names(lambda: read_installed(path), keys.pseudonym_key)

    def training(journal: DjangoJournal) -> DeletionTraining:
        # Why once: the guard has the state of this map too, until the keeper begins anew.
        laws = read_installed(path).laws
        return DeletionTraining(journal, lambda: laws, keys.pseudonym_key)

    return KeptGuard(lambda: open_state(read_installed(path)).journal, fields, settings, families, training)
