"""Records of the people who come near recordings: training and statements of purpose, with dates, by account of staff.

They are records of the ledger of duties, signed and in the log (RNG-10, RNG-11, RNG-15, AMZ-15). Each account begins a role for what it
does: one for access to recordings, one for each purpose of review, and one for the deletion of data. Training and statements are about a
role. The ledger has a keyed pseudonym of the account, and no name.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from expunge.core.accounts.review_spec import ReviewLimits
from expunge.core.accounts.staff import StaffRight
from expunge.core.accounts.staff_state import StaffAccount
from expunge.core.journal.review_words import ReviewPurpose
from expunge.core.review.people import PersonAccess, RecordedDuty, RecordStanding
from expunge.core.review.statements import ACCESS_ROLE, DELETION_ROLE, TRAINED_ROLES, ledger_name, purpose_role, statement_digest
from expunge.core.verification.ledger_record import LedgerKind, LedgerRecord
from expunge.engine.accounts.staff_register import StaffStream
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import LEDGER
from expunge.engine.reports import duty_ledger
from expunge.engine.reports.deletion_training import DeletionTraining, TrainedToDelete
from expunge.engine.reports.duty_ledger import LedgerEntry, NewRecord
from expunge.errors import UsageError
from expunge.ports.review.seats import ReviewerRecord

ANNOUNCED = timedelta(days=30)
"""How long before it lapses a record counts as due."""
_VIEWS = frozenset({StaffRight.REQUEST_VIEWS, StaffRight.APPROVE_VIEWS, StaffRight.SEE_VIEWS})


class LedgerRecords:
    """Reads the ledger of one process. See :class:`expunge.ports.review.seats.ReviewerRecords`. Safe between threads."""

    def __init__(self, context: Context) -> None:
        """Read nothing yet."""
        self._context = context
        self._length = -1
        self._people: Mapping[str, Sequence[LedgerEntry]] = {}
        """Person -> records about the person, oldest first."""
        self._persons: dict[str, str] = {}
        """Account -> its pseudonym in the ledger."""
        self._guard = threading.Lock()

    def record(self, account: str, purpose: ReviewPurpose) -> ReviewerRecord:
        """Return what is recorded of an account for a purpose now. Raises StateUnavailable, StateCorrupt."""
        return self.record_at(account, purpose, self._context.clock.now())

    def record_at(self, account: str, purpose: ReviewPurpose, at: datetime) -> ReviewerRecord:
        """Return what was recorded of an account by a time. What was entered later does not count, whatever day it names."""
        last = self.last_days(account, at)
        return ReviewerRecord(
            attested_days=_age(last.get((purpose_role(purpose), LedgerKind.ATTESTATION)), at),
            trained_days=_age(last.get((ACCESS_ROLE, LedgerKind.TRAINING)), at),
            purpose_trained_days=_age(last.get((purpose_role(purpose), LedgerKind.TRAINING)), at),
        )

    def last_days(self, account: str, at: datetime) -> dict[tuple[str, LedgerKind], date]:
        """Return (role, kind) -> the last day on which an account was trained, or made its statement, as it was known at a time."""
        records = [each.record for each in self._records(account) if each.stated.at <= at]
        roles = {each.id: each.role for each in records if each.kind is LedgerKind.ROLE}
        for each in records:
            if each.kind is LedgerKind.ROLE_ENDED and each.on <= at.astimezone(UTC).date():
                roles.pop(each.about[0], None)
        found: dict[tuple[str, LedgerKind], date] = {}
        for each in records:
            if each.kind in (LedgerKind.TRAINING, LedgerKind.ATTESTATION) and each.about[0] in roles:
                key = (roles[each.about[0]], each.kind)
                found[key] = max(each.on, found.get(key, date.min))
        return found

    def role_of(self, account: str, role: str) -> LedgerRecord | None:
        """Return the record by which an account began a role that goes on; None where it has none."""
        known = [each.record for each in self._records(account)]
        ended = {each.about[0] for each in known if each.kind is LedgerKind.ROLE_ENDED}
        return next((each for each in known if each.kind is LedgerKind.ROLE and each.role == role and each.id not in ended), None)

    def _records(self, account: str) -> Sequence[LedgerEntry]:
        length = self._context.journal.length(LEDGER)
        with self._guard:
            # The key is read from a file, and a view asks many times a minute.
            if (person := self._persons.get(account)) is None:
                person = self._persons[account] = duty_ledger.pseudonym(self._context.keys.pseudonym_key(), ledger_name(account))
            if length != self._length:
                people: dict[str, list[LedgerEntry]] = {}
                for entry in duty_ledger.entries(self._context).values():
                    people.setdefault(entry.record.person, []).append(entry)
                self._people, self._length = people, length
            return self._people.get(person, ())


def train(context: Context, account: str, role: str, on: date, document: str = "") -> LedgerEntry:
    """Enter that the holder of an account was trained.

    Args:
        context: the composition.
        account: the account of staff.
        role: of :data:`expunge.core.review.statements.TRAINED_ROLES`.
        on: the day.
        document: hex SHA-256 of the certificate; empty without one.

    Raises as :func:`expunge.engine.reports.duty_ledger.add`; UsageError for another role.
    """
    if role not in TRAINED_ROLES:
        raise UsageError("no account of staff is trained for that role", help=f"one of {', '.join(TRAINED_ROLES)}")
    role = _begun(context, account, role, on)
    return duty_ledger.add(context, NewRecord(LedgerKind.TRAINING, on, about=(role,), document=document))


def attest(context: Context, account: str, purpose: ReviewPurpose, on: date, document: str = "") -> LedgerEntry:
    """Enter that the holder of an account stated to review for a purpose alone (RNG-10).

    Args:
        context: the composition.
        account: the account of staff.
        purpose: the purpose.
        on: the day.
        document: hex SHA-256 of the signed paper; of the statement of this package where it was made on a page.

    Raises as :func:`expunge.engine.reports.duty_ledger.add`.
    """
    role = _begun(context, account, purpose_role(purpose), on)
    new = NewRecord(LedgerKind.ATTESTATION, on, about=(role,), document=document or statement_digest(purpose))
    return duty_ledger.add(context, new)


def overview(context: Context, limits: ReviewLimits) -> tuple[RecordedDuty, ...]:
    """Return every training and statement that accounts need for rights about views or to carry out orders, and those that others have."""
    now, records, deletion = context.clock.now(), LedgerRecords(context), DeletionTraining.of(context)
    found: list[RecordedDuty] = []
    for account in StaffStream(context.journal).known().accounts.values():
        rights = account.promised(now) & _VIEWS
        last = records.last_days(account.id, now)
        for purpose, kind, days in _wanted(limits):
            on = last.get((ACCESS_ROLE if purpose is None else purpose_role(purpose), kind))
            needed = bool(rights) if purpose is None else StaffRight.SEE_VIEWS in rights
            # Why a purpose without any record is left out: a reviewer works for some purposes, and not for all.
            if on is not None or (needed and purpose is None):
                lapses = None if on is None else on + timedelta(days=days)
                found.append(_duty(account, purpose, kind, on, lapses, now, needed=needed))
        to_delete = deletion.of_account(account)
        if to_delete is not None and (to_delete.on or to_delete.lapses):
            lapses = to_delete.lapses.astimezone(UTC).date() if to_delete.lapses else None
            found.append(_to_delete(account, to_delete, lapses, now))
    return tuple(found)


def people(context: Context, limits: ReviewLimits) -> tuple[PersonAccess, ...]:
    """Return every account with a right about views, with its use, and the purposes for which its records are current."""
    now = context.clock.now()
    current: dict[tuple[str, str], set[LedgerKind]] = {}
    for duty in overview(context, limits):
        if duty.standing in (RecordStanding.CURRENT, RecordStanding.DUE):
            current.setdefault((duty.account, duty.role), set()).add(duty.kind)
    found = []
    for account in StaffStream(context.journal).known().accounts.values():
        rights = account.rights(now) & _VIEWS
        if not account.promised(now) & _VIEWS:
            continue
        trained = LedgerKind.TRAINING in current.get((account.id, ACCESS_ROLE), ())
        both = {LedgerKind.TRAINING, LedgerKind.ATTESTATION}
        purposes = tuple(each for each in ReviewPurpose if trained and current.get((account.id, purpose_role(each)), set()) >= both)
        unused = frozenset(grant.right for grant in account.grants.values() if grant.right in rights and account.unused(grant, now))
        used = max((day for right, day in account.used.items() if right in _VIEWS), default=None)
        found.append(PersonAccess(account.id, account.label, rights, unused, used, purposes))
    return tuple(found)


def _wanted(limits: ReviewLimits) -> Iterator[tuple[ReviewPurpose | None, LedgerKind, int]]:
    yield None, LedgerKind.TRAINING, limits.training_days
    for purpose in ReviewPurpose:
        yield purpose, LedgerKind.TRAINING, limits.training_days
        yield purpose, LedgerKind.ATTESTATION, limits.attestation_days


def _duty(
    account: StaffAccount,
    purpose: ReviewPurpose | None,
    kind: LedgerKind,
    on: date | None,
    lapses: date | None,
    now: datetime,
    *,
    needed: bool,
) -> RecordedDuty:
    role = ACCESS_ROLE if purpose is None else purpose_role(purpose)
    return RecordedDuty(account.id, account.label, purpose, role, kind, on, lapses, _standing(on, lapses, now), needed)


def _to_delete(account: StaffAccount, training: TrainedToDelete, lapses: date | None, now: datetime) -> RecordedDuty:
    needed = lapses is not None and StaffRight.EXECUTE_ORDERS in account.promised(now)
    # Why a first training counts from the right on: by the clocks it is owed within their time, and not on the first day.
    standing = _standing(training.on or (lapses and date.min), lapses or date.max, now)
    return RecordedDuty(account.id, account.label, None, DELETION_ROLE, LedgerKind.TRAINING, training.on, lapses, standing, needed)


def _standing(on: date | None, lapses: date | None, now: datetime) -> RecordStanding:
    today = now.astimezone(UTC).date()
    if on is None or lapses is None:
        return RecordStanding.MISSING
    if lapses <= today:
        return RecordStanding.LAPSED
    return RecordStanding.DUE if lapses - today <= ANNOUNCED else RecordStanding.CURRENT


def _begun(context: Context, account: str, role: str, on: date) -> str:
    """Return the id of the record by which an account has a role; begin it where it has not."""
    known = LedgerRecords(context).role_of(account, role)
    if known is not None:
        return known.id
    return duty_ledger.add(context, NewRecord(LedgerKind.ROLE, on, role=role, person=ledger_name(account))).record.id


def _age(on: date | None, at: datetime) -> int | None:
    """Return whole days since a day; a day that has begun elsewhere and not in UTC counts as today."""
    return None if on is None else max(0, (at.astimezone(UTC).date() - on).days)
