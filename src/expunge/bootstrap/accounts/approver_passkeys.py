"""Passkeys of staff as keys of approvers: what the map has to say of one, and whether its account may approve now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from expunge.adapters.database.account_register_django import DjangoAccountRegister
from expunge.adapters.database.journal_django import DjangoJournal
from expunge.core.accounts.fingerprints import fingerprint
from expunge.core.accounts.staff import StaffRight
from expunge.core.accounts.staff_state import StaffAccount
from expunge.core.approver_keys import PasskeyKey, parse_approver_key
from expunge.engine.accounts.staff_register import StaffStream
from expunge.engine.kernel.context import Context
from expunge.errors import EvidenceInvalid, Refused
from expunge.ports.accounts.account_register import AccountRegister


@dataclass(frozen=True)
class StaffPasskey:
    """A passkey of an account of staff."""

    account: StaffAccount
    credential: bytes
    key: PasskeyKey | None
    """None for one of an algorithm that approves nothing (RS256)."""
    confirmed: bool
    """Whether another person confirmed its fingerprint."""

    @property
    def fingerprint(self) -> str:
        """What a person reads to another one to tell that it is this passkey."""
        return fingerprint(self.credential)


def staff_passkeys(context: Context, accounts: AccountRegister) -> Iterator[StaffPasskey]:
    """Yield the passkeys of staff that count; none where the map has no pages.

    Args:
        context: the composition.
        accounts: the keeper's own tables.
    """
    spec = context.data_map.accounts
    if spec is None:
        return
    for account in StaffStream(context.journal).known().accounts.values():
        yield from passkeys_of(account, accounts, spec.origin)


def passkeys_of(account: StaffAccount, accounts: AccountRegister, origin: str) -> Iterator[StaffPasskey]:
    """Yield the passkeys of one account of staff that count, oldest first."""
    for each in accounts.credentials(UUID(account.id)):
        if each.copied_at is None:
            yield StaffPasskey(account, each.credential, _key(origin, each.key), fingerprint(each.credential) in account.keys)


def holders_of(context: Context, approver: str, accounts: AccountRegister | None = None) -> frozenset[str]:
    """Return the accounts of staff with a passkey that the map names under an approver: that approver is their person.

    Args:
        context: the composition.
        approver: the name in the map.
        accounts: the keeper's own tables; None in a process of its own, where they are opened.
    """
    keys = map(parse_approver_key, context.data_map.approvers.get(approver, ()))
    named = {each.spki for each in keys if isinstance(each, PasskeyKey)}
    if not named:
        return frozenset()
    held = all_passkeys(context) if accounts is None else staff_passkeys(context, accounts)
    return frozenset(each.account.id for each in held if each.key is not None and each.key.spki in named)


def all_passkeys(context: Context) -> tuple[StaffPasskey, ...]:
    """Return the passkeys of staff in an installation of its own process; none where it keeps no tables of accounts."""
    journal = context.journal
    if not isinstance(journal, DjangoJournal):
        return ()
    register = DjangoAccountRegister(journal.alias)
    try:
        return tuple(staff_passkeys(context, register))
    finally:
        register.close()


def require_holder(context: Context, key: PasskeyKey) -> None:
    """Raise Refused unless a passkey is a confirmed one of an account of staff that may approve orders now (NST-10)."""
    held = [each for each in all_passkeys(context) if each.key is not None and each.key.spki == key.spki]
    if not held:
        message = "no account of staff has this passkey any more"
        raise Refused(message, help="take its key out of the map, and let another approver sign")
    now = context.clock.now()
    if not any(each.confirmed and StaffRight.APPROVE_ORDERS in each.account.rights(now) for each in held):
        message = f"the account with this passkey may not approve now: it takes the right {StaffRight.APPROVE_ORDERS.value}"
        raise Refused(message, help="`expunge staff list` says what it may; another person confirms its passkey and its rights")


def _key(origin: str, cose: bytes) -> PasskeyKey | None:
    # Why here: the library takes longer to import than most commands run.
    from expunge.adapters.credentials.passkeys_fido2 import spki_of

    spki = spki_of(cose)
    if spki is None:
        return None
    try:
        return PasskeyKey(origin, spki)
    except EvidenceInvalid:
        return None
