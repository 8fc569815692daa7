"""Rows of the keeper's accounts as the records of the port."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from expunge.adapters.state.configuration import ensure_django
from expunge.core.accounts.memberships import Membership, MembershipRole
from expunge.core.accounts.waits import Wait
from expunge.ports.accounts.account_register import CredentialRecord, RecoveryRecord, WaitingRecord

ensure_django()  # a model class can be made only after it

from expunge.adapters.state.models import AccountRow, CodeDeviceRow, CredentialRow, RecoveryRow  # noqa: E402


def credential_of(account: UUID, row: tuple[Any, ...]) -> CredentialRecord:
    """Return a passkey of a row that a statement of ours read."""
    credential, key, count, verified, eligible, name, ceremony, created, used, copied, until, first, stop = row
    flags, times = (bool(verified), bool(eligible)), (time_of(used), time_of(copied))
    created_at = time_of(created)
    assert created_at is not None
    wait = wait_from(time_of(until), stop, first)
    return CredentialRecord(bytes(credential), account, bytes(key), count, *flags, bytes(name), bytes(ceremony), created_at, *times, wait)


def wait_from(until: datetime | None, stop: Any, first: Any) -> Wait | None:
    """Return a wait by its three columns; None where it never waited."""
    return None if until is None else Wait(until, stop is not None, bool(first))


def wait_of(row: CredentialRow | CodeDeviceRow) -> Wait | None:
    """Return the wait of a row; None where it never waited."""
    return wait_from(row.waits_until, row.stop, row.waits_first)


def wait_columns(wait: Wait | None) -> dict[str, Any]:
    """Return the columns of a wait whose owner is not told yet."""
    return {"waits_until": wait and wait.until, "waits_first": wait is not None and wait.first}


def waiting_of(row: CredentialRow | CodeDeviceRow) -> WaitingRecord:
    """Return what waits."""
    wait = wait_of(row)
    assert wait is not None
    return WaitingRecord(row.account_id, bytes(row.credential) if isinstance(row, CredentialRow) else None, wait)


def confirms(row: CredentialRow | CodeDeviceRow, now: datetime) -> bool:
    """Return whether it confirms asks about its account: it does not wait, or only with families."""
    wait = wait_of(row)
    return wait is None or wait.first or wait.over(now)


def move(row: AccountRow, address: bytes, before_until: datetime, now: datetime) -> None:
    """Give an account another address, not proven, in a row that is not saved yet, and have it keep the one before until a time."""
    if row.proven_at is not None and not (row.address_before and row.before_until and now < row.before_until):
        row.address_before = row.address
    if row.address_before:
        # Why anew where it stays: two changes in one day must not leave the owner with less than a day.
        row.before_until = before_until
    row.address, row.proven_at = address, None


def membership_of(account: UUID, row: tuple[Any, ...]) -> Membership:
    """Return a membership of a row that a statement of ours read."""
    family, role, since = row[0], row[1], time_of(row[2])
    assert since is not None
    return Membership(account, family, MembershipRole(role), since)


def time_of(value: Any) -> datetime | None:
    """Return a time of a row. SQLite has none: what Django writes there, and reads of it, is UTC without saying so."""
    found: datetime | None = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found


def recovery_of(row: RecoveryRow) -> RecoveryRecord:
    """Return a recovery."""
    return RecoveryRecord(
        row.account_id, row.begun_at, row.ready_at, row.lapses_at, bytes(row.stop), bytes(row.secret), row.letters, row.finished_at
    )
