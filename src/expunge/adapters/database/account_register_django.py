"""The keeper's accounts in the state database: SQLite or PostgreSQL.

Each verb that decides and writes takes the row of the account first (``select_for_update``; on SQLite the transaction itself is exclusive),
so that two processes never both add the first credential or both remove the last.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connections, transaction
from django.db.models import Q, QuerySet

from expunge.adapters.database import account_rows
from expunge.adapters.state.configuration import ensure_django
from expunge.adapters.state.explained import explained
from expunge.adapters.state.sessions import StayingThreads
from expunge.core.accounts.memberships import Membership, MembershipRole
from expunge.core.accounts.recovery import RecoveryTimes
from expunge.errors import AlreadyThere, Conflict, NotPermitted, UsageError
from expunge.faults import failpoint
from expunge.ports.accounts.account_register import (
    MOST_CREDENTIALS,
    AccountRecord,
    CodeDeviceRecord,
    CredentialRecord,
    RecoveryRecord,
    UseResult,
    WaitingRecord,
)

ensure_django()  # a model class can be made only after it

from expunge.adapters.state.models import (  # noqa: E402
    AccountRow,
    CodeDeviceRow,
    CredentialRow,
    HandOverRow,
    MembershipRow,
    RecoveryRow,
)

_READ = "the accounts could not be read"
_WRITTEN = "the accounts could not be written"
_CREDENTIALS = (
    "SELECT credential, key, sign_count, user_verified, backup_eligible, name, ceremony, created_at, used_at, copied_at, "
    "waits_until, waits_first, stop "
    "FROM expunge_credential WHERE account_id = %s ORDER BY id"
)
_COUNT = "UPDATE expunge_credential SET sign_count = %s, used_at = %s WHERE account_id = %s AND credential = %s AND copied_at IS NULL "
_RISES, _STAYS = "AND sign_count < %s", "AND sign_count = 0"
_MEMBERSHIPS = "SELECT family, role, since FROM expunge_membership WHERE account_id = %s"

_TIMES = (
    "SELECT a.families_from, r.ready_at, r.lapses_at, r.finished_at FROM expunge_account a "
    "LEFT JOIN expunge_account_recovery r ON r.account_id = a.account WHERE a.account = %s"
)


class DjangoAccountRegister:
    """Implements ``expunge.ports.accounts.account_register.AccountRegister``.

    Its database was opened by :func:`expunge.adapters.database.journal_django.open_journal`.
    """

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._staying = StayingThreads(self._alias)

    # --- accounts -------------------------------------------------------------------------------

    def open_account(self, record: AccountRecord) -> bool:
        """See the port."""
        with self._writing(), transaction.atomic(using=self._alias):
            row, made = AccountRow.objects.using(self._alias).get_or_create(
                account=record.account,
                defaults={
                    "address": record.address,
                    "language": record.language,
                    "opened_at": record.opened_at,
                    "proven_at": record.proven_at,
                },
            )
            if bytes(row.address) != record.address:
                raise AlreadyThere("the account has another mail address", help="change it: that takes a credential of the account")
            failpoint("accounts.open.commit:before")
        # commit point: the account.
        failpoint("accounts.open.commit:after")
        return made

    def account(self, account: UUID) -> AccountRecord | None:
        """See the port."""
        with explained(_READ, self._alias):
            row = AccountRow.objects.using(self._alias).filter(account=account).first()
        if row is None:
            return None
        times, before = (row.opened_at, row.proven_at, row.families_from), (bytes(row.address_before), row.before_until)
        return AccountRecord(row.account, bytes(row.address), row.language, *times, *before)

    def prove_address(self, account: UUID, address: bytes, at: datetime) -> bool:
        """See the port."""
        with self._writing():
            # commit point: the time of the proof.
            return bool(AccountRow.objects.using(self._alias).filter(account=account, address=address).update(proven_at=at))

    def change_address(self, account: UUID, address: bytes, before_until: datetime, now: datetime) -> bool:
        """See the port."""
        with self._writing(), transaction.atomic(using=self._alias):
            failpoint("accounts.address:before")
            row = AccountRow.objects.using(self._alias).select_for_update().filter(account=account).first()
            if row is None:
                return False
            account_rows.move(row, address, before_until, now)
            row.save(using=self._alias)
            failpoint("accounts.address.commit:before")
        # commit point: the address, unproven, and the one before.
        failpoint("accounts.address.commit:after")
        return True

    def forget_addresses(self, now: datetime) -> int:
        """See the port."""
        with self._writing():
            failpoint("accounts.forget:before")
            over = AccountRow.objects.using(self._alias).filter(before_until__lte=now, proven_at__isnull=False)
            # commit point: the addresses.
            forgotten = over.update(address_before=b"", before_until=None)
            failpoint("accounts.forget:after")
        return forgotten

    def close_account(self, account: UUID) -> bool:
        """See the port."""
        with self._writing(), transaction.atomic(using=self._alias):
            failpoint("accounts.close:before")
            closed = self._removed(AccountRow.objects.using(self._alias).filter(account=account))
            failpoint("accounts.close.commit:before")
        # commit point: nothing of the account is left.
        failpoint("accounts.close.commit:after")
        return bool(closed)

    def drop_unproven(self, before: datetime) -> int:
        """See the port."""
        with self._writing(), transaction.atomic(using=self._alias):
            failpoint("accounts.drop:before")
            dropped = self._removed(self._unproven().filter(opened_at__lt=before))
            failpoint("accounts.drop.commit:before")
        # commit point: the accounts.
        failpoint("accounts.drop.commit:after")
        return dropped

    def _unproven(self) -> QuerySet[AccountRow]:
        """Return accounts that have nothing, and whose address no code came back from. One that an invitation opened has no address."""
        rows = AccountRow.objects.using(self._alias).filter(proven_at=None, address_before=b"").exclude(address=b"")
        having = self._credentials(), self._devices(), MembershipRow.objects.using(self._alias)
        for table in having:
            rows = rows.exclude(account__in=table.values("account_id"))
        return rows

    def _removed(self, rows: QuerySet[AccountRow]) -> int:
        """Remove accounts with every row that belongs to them; return the number of accounts."""
        named = list(rows.select_for_update().values_list("account", flat=True))
        for table in (self._credentials(), self._devices(), MembershipRow.objects.using(self._alias)):
            table.filter(account_id__in=named).delete()
        AccountRow.objects.using(self._alias).filter(account__in=named).delete()
        return len(named)

    # --- passkeys -------------------------------------------------------------------------------

    def add_credential(self, record: CredentialRecord, *, first: bool) -> None:
        """See the port."""
        try:
            with self._writing(), transaction.atomic(using=self._alias):
                failpoint("accounts.enrol:before")
                self._require_room(record.account, first=first)
                if self._credentials().filter(credential=record.credential).exists():
                    raise _enrolled()
                CredentialRow.objects.using(self._alias).create(
                    account_id=record.account,
                    credential=record.credential,
                    key=record.key,
                    sign_count=record.sign_count,
                    user_verified=record.user_verified,
                    backup_eligible=record.backup_eligible,
                    name=record.name,
                    ceremony=record.ceremony,
                    created_at=record.created_at,
                    used_at=record.used_at,
                    copied_at=record.copied_at,
                    **account_rows.wait_columns(record.wait),
                )
                failpoint("accounts.enrol.commit:before")
            # commit point: the credential confirms asks from here on.
            failpoint("accounts.enrol.commit:after")
        except Conflict:
            raise _enrolled() from None

    def credentials(self, account: UUID) -> tuple[CredentialRecord, ...]:
        """See the port."""
        return tuple(account_rows.credential_of(account, row) for row in self._read(_CREDENTIALS, account))

    def credential(self, credential: bytes) -> CredentialRecord | None:
        """See the port."""
        with explained(_READ, self._alias):
            account = self._credentials().filter(credential=credential).values_list("account_id", flat=True).first()
        if account is None:
            return None
        return next((each for each in self.credentials(account) if each.credential == credential), None)

    def use_credential(self, account: UUID, credential: bytes, sign_count: int, at: datetime) -> UseResult:
        """See the port."""
        connection = connections[self._alias]
        told = connection.ops.adapt_datetimefield_value(at)
        # One statement compares and sets: of two processes with the same counter, one is refused.
        values = [sign_count, told, self._key(account), credential, *([sign_count] if sign_count else [])]
        with self._writing():
            failpoint("accounts.use:before")
            with connection.cursor() as cursor:
                cursor.execute(_COUNT + (_RISES if sign_count else _STAYS), values)
                counted = cursor.rowcount == 1
            # commit point: the counter.
            failpoint("accounts.use:after")
            if counted:
                return UseResult.COUNTED
            living = self._credentials().filter(account_id=account, credential=credential, copied_at=None)
            # commit point: the mark.
            return UseResult.WENT_BACK if living.update(copied_at=at) else UseResult.GONE

    def rename_credential(self, account: UUID, credential: bytes, name: bytes) -> bool:
        """See the port."""
        with self._writing():
            failpoint("accounts.rename:before")
            # commit point: the name.
            renamed = self._credentials().filter(account_id=account, credential=credential).update(name=name)
            failpoint("accounts.rename:after")
        return bool(renamed)

    def remove_credential(self, account: UUID, credential: bytes, now: datetime) -> bool:
        """See the port."""
        with self._writing(), transaction.atomic(using=self._alias):
            failpoint("accounts.remove:before")
            self._locked(account)
            row = self._credentials().filter(account_id=account, credential=credential).first()
            if row is not None:
                if row.copied_at is None:
                    self._require_another(row, now)
                row.delete()
            failpoint("accounts.remove.commit:before")
        # commit point: the credential confirms nothing from here on.
        failpoint("accounts.remove.commit:after")
        return row is not None

    # --- code devices ---------------------------------------------------------------------------

    def set_code_device(self, record: CodeDeviceRecord, *, first: bool) -> None:
        """See the port."""
        with self._writing(), transaction.atomic(using=self._alias):
            failpoint("accounts.device:before")
            self._require_room(record.account, first=first)
            before = self._devices().filter(account_id=record.account).first()
            if before is not None and record.wait is not None:
                self._require_another(before, record.created_at, replaced=True)
            CodeDeviceRow.objects.using(self._alias).update_or_create(
                account_id=record.account,
                defaults={
                    "seed": record.seed,
                    "last_step": record.last_step,
                    "ceremony": record.ceremony,
                    "created_at": record.created_at,
                    "used_at": record.used_at,
                    "stop": None,
                    **account_rows.wait_columns(record.wait),
                },
            )
            failpoint("accounts.device.commit:before")
        # commit point: codes of the device count from here on, later ones than the one that enrolled it.
        failpoint("accounts.device.commit:after")

    def code_device(self, account: UUID) -> CodeDeviceRecord | None:
        """See the port."""
        with explained(_READ, self._alias):
            row = self._devices().filter(account_id=account).first()
        if row is None:
            return None
        times = row.created_at, row.used_at
        return CodeDeviceRecord(account, bytes(row.seed), row.last_step, bytes(row.ceremony), *times, account_rows.wait_of(row))

    def accept_step(self, account: UUID, step: int, at: datetime) -> bool:
        """See the port."""
        with self._writing():
            failpoint("accounts.step:before")
            # commit point: one statement compares and sets, so that a code counts once in all processes together.
            accepted = self._devices().filter(account_id=account, last_step__lt=step).update(last_step=step, used_at=at)
            failpoint("accounts.step:after")
        return bool(accepted)

    def remove_code_device(self, account: UUID, now: datetime) -> bool:
        """See the port."""
        with self._writing(), transaction.atomic(using=self._alias):
            self._locked(account)
            device = self._devices().filter(account_id=account).first()
            if device is not None:
                self._require_another(device, now)
                device.delete()
            failpoint("accounts.undevice.commit:before")
        # commit point: no code of the device counts from here on.
        failpoint("accounts.undevice.commit:after")
        return device is not None

    # --- waits ----------------------------------------------------------------------------------

    def waiting_untold(self) -> tuple[WaitingRecord, ...]:
        """See the port."""
        with explained(_READ, self._alias):
            return tuple(
                account_rows.waiting_of(row) for table in self._tables() for row in table.filter(waits_until__isnull=False, stop=None)
            )

    def note_wait(self, account: UUID, credential: bytes | None, stop: bytes, until: datetime) -> None:
        """See the port."""
        row = self._devices() if credential is None else self._credentials().filter(credential=credential)
        with self._writing():
            failpoint("accounts.wait:before")
            # commit point: the wait ends, and this letter stops it.
            row.filter(account_id=account, waits_until__isnull=False, stop=None).update(stop=stop, waits_until=until)
            failpoint("accounts.wait:after")

    def waiting_by_stop(self, stop: bytes) -> WaitingRecord | None:
        """See the port."""
        with explained(_READ, self._alias):
            return next((account_rows.waiting_of(row) for table in self._tables() for row in table.filter(stop=stop)), None)

    def stop_waiting(self, stop: bytes, now: datetime, families_from: datetime) -> UUID | None:
        """See the port."""
        if (found := self.waiting_by_stop(stop)) is None:
            return None
        with self._writing(), transaction.atomic(using=self._alias):
            failpoint("accounts.unwait:before")
            account = self._locked(found.account)
            # One statement decides: what is removed and stopped at once goes once.
            if not sum(table.filter(stop=stop, waits_until__gt=now).delete()[0] for table in self._tables()):
                return None
            if not self._any(found.account):
                account.families_from = max(families_from, account.families_from or families_from)
                account.save(using=self._alias, update_fields=["families_from"])
            failpoint("accounts.unwait.commit:before")
        # commit point: it lets in and confirms nothing from here on.
        failpoint("accounts.unwait.commit:after")
        return found.account

    # --- memberships ----------------------------------------------------------------------------

    def set_membership(self, membership: Membership) -> None:
        """See the port."""
        with self._writing(), transaction.atomic(using=self._alias):
            self._locked(membership.account)
            MembershipRow.objects.using(self._alias).update_or_create(
                account_id=membership.account,
                family=membership.family,
                defaults={"role": membership.role.value, "since": membership.since},
            )
            failpoint("accounts.member.commit:before")
        # commit point: the role counts from here on.
        failpoint("accounts.member.commit:after")

    def memberships(self, account: UUID) -> tuple[Membership, ...]:
        """See the port."""
        return tuple(account_rows.membership_of(account, row) for row in self._read(f"{_MEMBERSHIPS} ORDER BY family", account))

    def membership(self, account: UUID, family: str) -> Membership | None:
        """See the port."""
        return next(
            (account_rows.membership_of(account, row) for row in self._read(f"{_MEMBERSHIPS} AND family = %s", account, family)), None
        )

    def members(self, family: str) -> tuple[Membership, ...]:
        """See the port."""
        with explained(_READ, self._alias):
            rows = list(MembershipRow.objects.using(self._alias).filter(family=family).order_by("account_id"))
        return tuple(Membership(row.account_id, row.family, MembershipRole(row.role), row.since) for row in rows)

    # --- hand-overs -----------------------------------------------------------------------------

    def use_hand_over(self, use: bytes, account: UUID, session: bytes, until: datetime, now: datetime) -> bool:
        """See the port."""
        with self._writing(), transaction.atomic(using=self._alias):
            self._locked(account)
            self._hand_overs().filter(until__lte=now).delete()
            known = self._hand_overs().filter(use=use).first()
            if known is not None:
                if known.account == account and bytes(known.session) == session:
                    return False
                raise _used()
            failpoint("accounts.handover:before")
            try:
                with transaction.atomic(using=self._alias):
                    self._hand_overs().create(use=use, account=account, session=session, until=until)
            except IntegrityError:
                # Of two accounts that use one token at once, a server lets the second wait for the first.
                raise _used() from None
            failpoint("accounts.handover.commit:before")
        # commit point: the token counts no more, where no outer block is open.
        failpoint("accounts.handover.commit:after")
        return True

    def hand_over_use(self, use: bytes) -> tuple[UUID, bytes] | None:
        """See the port."""
        with explained(_READ, self._alias):
            row = self._hand_overs().filter(use=use).first()
        return None if row is None else (row.account, bytes(row.session))

    # --- recoveries -----------------------------------------------------------------------------

    def recovery_times(self, account: UUID) -> RecoveryTimes:
        """See the port."""
        (row,) = self._read(_TIMES, account) or [(None, None, None, None)]
        return RecoveryTimes(*map(account_rows.time_of, row))

    def begin_recovery(self, record: RecoveryRecord) -> RecoveryRecord:
        """See the port."""
        with self._writing(), transaction.atomic(using=self._alias):
            self._locked(record.account)
            row = self._recoveries().filter(account_id=record.account).first()
            known = None if row is None else account_rows.recovery_of(row)
            if known is not None and known.state(record.begun_at) is not None and not (known.finished_at and self._any(record.account)):
                return known
            failpoint("accounts.recovery:before")
            self._recoveries().update_or_create(
                account_id=record.account,
                defaults={
                    "begun_at": record.begun_at,
                    "ready_at": record.ready_at,
                    "lapses_at": record.lapses_at,
                    "stop": record.stop,
                    "secret": record.secret,
                    "letters": 0,
                    "finished_at": None,
                },
            )
            failpoint("accounts.recovery.commit:before")
        # commit point: the wait has begun.
        failpoint("accounts.recovery.commit:after")
        return record

    def recovery(self, account: UUID) -> RecoveryRecord | None:
        """See the port."""
        with explained(_READ, self._alias):
            row = self._recoveries().filter(account_id=account).first()
        return None if row is None else account_rows.recovery_of(row)

    def recovery_by_stop(self, stop: bytes) -> RecoveryRecord | None:
        """See the port."""
        with explained(_READ, self._alias):
            row = self._recoveries().filter(stop=stop).first()
        return None if row is None else account_rows.recovery_of(row)

    def stop_recovery(self, account: UUID, now: datetime) -> bool:
        """See the port."""
        with self._writing(), transaction.atomic(using=self._alias):
            failpoint("accounts.unrecover:before")
            # One statement decides: a recovery that is being finished and stopped at once is one of the two.
            stopped, _ = self._recoveries().filter(account_id=account, finished_at=None, lapses_at__gt=now).delete()
            failpoint("accounts.unrecover.commit:before")
        # commit point: nothing waits any more.
        failpoint("accounts.unrecover.commit:after")
        return bool(stopped)

    def finish_recovery(self, account: UUID, now: datetime, families_from: datetime) -> bool:
        """See the port."""
        with self._writing(), transaction.atomic(using=self._alias):
            failpoint("accounts.recovered:before")
            row = self._locked(account)
            ready = self._recoveries().filter(account_id=account, finished_at=None, letters__gt=0, ready_at__lte=now, lapses_at__gt=now)
            if not ready.update(finished_at=now):
                return False
            self._credentials().filter(account_id=account).delete()
            self._devices().filter(account_id=account).delete()
            row.families_from = max(families_from, row.families_from or families_from)
            row.save(using=self._alias, update_fields=["families_from"])
            failpoint("accounts.recovered.commit:before")
        # commit point: the old credentials confirm nothing from here on, and nothing about a family is confirmed for a while.
        failpoint("accounts.recovered.commit:after")
        return True

    def recoveries_to_tell(self, ready_before: datetime, now: datetime) -> tuple[RecoveryRecord, ...]:
        """See the port."""
        due = Q(letters=0) | Q(letters=1, ready_at__lte=ready_before)
        waiting = self._recoveries().filter(due, finished_at=None, lapses_at__gt=now)
        with explained(_READ, self._alias):
            return tuple(map(account_rows.recovery_of, waiting.order_by("ready_at", "account_id")))

    def note_letter(self, account: UUID, letters: int) -> None:
        """See the port."""
        with self._writing():
            failpoint("accounts.letter:before")
            # commit point: this letter does not go out again.
            self._recoveries().filter(account_id=account).update(letters=letters)
            failpoint("accounts.letter:after")

    # --- connections ----------------------------------------------------------------------------

    def stay(self) -> None:
        """See the port, and :class:`StayingThreads`."""
        self._staying.stay()

    def close(self) -> None:
        """See the port."""
        self._staying.close()

    def _read(self, statement: str, account: UUID, *values: str) -> list[tuple[Any, ...]]:
        """Return the rows of one account by a statement of ours: these reads stand before each ask, and the ORM takes ten times as long."""
        with explained(_READ, self._alias), connections[self._alias].cursor() as cursor:
            cursor.execute(statement, [self._key(account), *values])
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows

    def _key(self, account: UUID) -> UUID | str:
        """Return an account as the database keeps it."""
        return account if connections[self._alias].features.has_native_uuid_field else account.hex

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with explained(_WRITTEN, self._alias):
            yield

    def _locked(self, account: UUID) -> AccountRow:
        """Take the account's row for the length of the transaction. Raises UsageError where there is none."""
        row = AccountRow.objects.using(self._alias).select_for_update().filter(account=account).first()
        if row is None:
            raise UsageError("the keeper has no such account", help="open it first; where it was there, restore the state from its backup")
        return row

    def _require_room(self, account: UUID, *, first: bool) -> None:
        self._locked(account)
        passkeys = self._credentials().filter(account_id=account).count()
        if first and (passkeys or self._devices().filter(account_id=account).exists()):
            raise NotPermitted("the account has a way to confirm already", help="confirm with it that another one is added")
        if passkeys >= MOST_CREDENTIALS:
            message = f"the account has {MOST_CREDENTIALS} passkeys already"
            raise NotPermitted(message, help="remove one that is not used any more")

    def _require_another(self, going: CredentialRow | CodeDeviceRow, now: datetime, *, replaced: bool = False) -> None:
        """Raise NotPermitted where nothing would be left that confirms, or only what waits while the one that goes does not."""
        account = going.account_id
        living: list[CredentialRow | CodeDeviceRow] = list(self._credentials().filter(account_id=account, copied_at=None))
        others = [row for row in (*living, *self._devices().filter(account_id=account)) if row != going]
        if not others and not replaced:
            raise _last()
        if account_rows.confirms(going, now) and not any(account_rows.confirms(row, now) for row in others):
            raise _last_that_counts()

    def _any(self, account: UUID) -> bool:
        """Return whether the account has any credential, copied or not."""
        return self._credentials().filter(account_id=account).exists() or self._devices().filter(account_id=account).exists()

    def _hand_overs(self) -> QuerySet[HandOverRow]:
        return HandOverRow.objects.using(self._alias)

    def _recoveries(self) -> QuerySet[RecoveryRow]:
        return RecoveryRow.objects.using(self._alias)

    def _tables(self) -> tuple[QuerySet[CredentialRow], QuerySet[CodeDeviceRow]]:
        return self._credentials(), self._devices()

    def _credentials(self) -> QuerySet[CredentialRow]:
        return CredentialRow.objects.using(self._alias)

    def _devices(self) -> QuerySet[CodeDeviceRow]:
        return CodeDeviceRow.objects.using(self._alias)


def _used() -> AlreadyThere:
    return AlreadyThere("this hand-over token was used already", help="open a new link in the company's app: each works once")


def _enrolled() -> AlreadyThere:
    return AlreadyThere("this passkey is enrolled already", help="take another one, or remove it from the account that has it")


def _last() -> NotPermitted:
    return NotPermitted("it is the last way to confirm that the account has", help="add another one first, then remove this one")


def _last_that_counts() -> NotPermitted:
    message = "it is the last way to confirm that counts: the others were added a short while ago"
    return NotPermitted(message, help="remove this one once another one counts: a day after it was added")
