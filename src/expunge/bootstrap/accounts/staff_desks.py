"""The directory of staff over a journal, and its side of the account guard."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from uuid import UUID

from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.accounts.fingerprints import fingerprint
from expunge.core.accounts.staff import StaffRight
from expunge.core.accounts.staff_acts import LINK_USED, ask_for
from expunge.core.accounts.staff_state import StaffStanding
from expunge.engine.accounts.staff_directory import JournalStaffDirectory, nothing_withheld
from expunge.engine.accounts.staff_register import no_keys
from expunge.engine.reports.deletion_training import DeletionTraining
from expunge.errors import ChallengeEnded, Refused, UsageError
from expunge.ports.accounts.account_guard import AskPermits
from expunge.ports.accounts.account_register import AccountRegister, CodeDeviceRecord, CredentialRecord
from expunge.ports.accounts.memberships import Memberships
from expunge.ports.accounts.staff_directory import StaffDirectory
from expunge.ports.clock import Clock
from expunge.ports.journal import Journal

_RIGHTS = {
    AskKind.CHANGE_OF_RIGHTS: frozenset({StaffRight.MANAGE_STAFF, StaffRight.CONFIRM_RIGHTS}),
    AskKind.VIEW: frozenset({StaffRight.SEE_VIEWS}),
    AskKind.APPROVAL: frozenset({StaffRight.APPROVE_ORDERS, StaffRight.APPROVE_VIEWS, StaffRight.CHECK_FORMS}),
}
"""Ask of staff -> the rights of which it takes one. The act that it is for asks for the very right again."""


def directory(
    journal: Journal,
    clock: Clock,
    random: Callable[[int], bytes],
    accounts: Callable[[], AccountRegister] | None = None,
    training: DeletionTraining | None = None,
) -> StaffDirectory:
    """Return the directory of staff over a journal. Decisions of this process are those of its account of the operating system.

    Args:
        journal: where the register is.
        clock: for times.
        random: returns so many random bytes.
        accounts: gives the keeper's tables, which the passkeys of staff lie in; without them no passkey is confirmed.
        training: of those who carry out orders; without it the right to is not held against it.
    """
    keys_of = (lambda account: fingerprints(accounts(), account)) if accounts else no_keys
    withheld = training.withheld if training else nothing_withheld
    return JournalStaffDirectory(journal, clock, random, getpass.getuser(), keys_of, withheld)


def fingerprints(accounts: AccountRegister, account: str) -> frozenset[str]:
    """Return the fingerprints of an account's passkeys that count; none for a text that is no account."""
    try:
        who = UUID(account)
    except ValueError:
        return frozenset()
    return frozenset(fingerprint(each.credential) for each in accounts.credentials(who) if each.copied_at is None)


class GuardedDecisions:
    """Implements ``expunge.adapters.keeper.staff_requests.DecisionPermits`` by permits of the account guard."""

    def __init__(self, guard: Callable[[], AskPermits]) -> None:
        self._guard = guard

    def use_permit(self, permit: str, account: str, session: str, decision: bytes) -> None:
        """See the port."""
        try:
            who, where = UUID(account), bytes.fromhex(session)
        except ValueError as error:
            raise UsageError("a permit names no account or no session", help="ask with the same version of Expunge") from error
        self._guard().use_permit(permit, where, ask_for(decision, who))


_OWN_KEYS = frozenset({AskKind.ENROL_CREDENTIAL, AskKind.REMOVE_CREDENTIAL})
"""The asks about itself that an account of staff has. It has no mail address, and belongs to no family."""


class StaffMemberships:
    """Implements ``expunge.ports.accounts.memberships.Memberships``: staff by their rights, all other asks by another one's answer.

    An account of staff that a signature could close would lose its passkeys, and no person confirms the next one of an account that was
    confirmed before.
    """

    def __init__(self, staff: StaffDirectory, others: Memberships) -> None:
        self._staff, self._others = staff, others

    def may(self, account: UUID, ask: Ask) -> bool:
        """See the port."""
        if ask.kind.of_family:
            return self._others.may(account, ask)
        member = self._staff.member(str(account))
        if member is None:
            return not ask.kind.of_staff and self._others.may(account, ask)
        if ask.account != account:
            return False
        if ask.kind.of_staff:
            return not _RIGHTS[ask.kind].isdisjoint(member.rights)
        return ask.kind in _OWN_KEYS and member.standing is StaffStanding.ACTIVE

    def may_confirm(self, ask: Ask, credential: CredentialRecord | CodeDeviceRecord) -> bool:
        """See the port. What takes a right of staff is confirmed by a passkey whose fingerprint another person heard.

        Code in the web process can have an employee sign, at a sign-in, that another passkey is added, which is then its own. Nor does that
        one add or remove others: it would shut the employee out.
        """
        if not ask.kind.of_staff and self._staff.member(str(ask.account)) is None:
            return self._others.may_confirm(ask, credential)
        if isinstance(credential, CodeDeviceRecord):
            return False
        confirmed = self._staff.confirmed_keys(str(ask.account))
        # Why its own asks where none is confirmed yet: an account that was just enrolled adds and removes before a person hears it.
        return fingerprint(credential.credential) in confirmed or (not confirmed and not ask.kind.of_staff)


class StaffInvitations:
    """Implements ``expunge.ports.accounts.memberships.Invitations`` by the links of the register of staff.

    The same use again ends with the confirmation of the passkeys: code that kept a link would else enrol a passkey of its own, with the
    rights that were confirmed for another one, once the account has none.
    """

    def __init__(self, staff: StaffDirectory) -> None:
        self._staff = staff

    def redeem(self, secret: str, claim: str) -> UUID:
        """See the port."""
        try:
            account = self._staff.redeem(secret, claim, keyed=True)
        except Refused as error:
            raise ChallengeEnded(error.message, help=error.help) from error
        member = self._staff.member(account)
        if member is None or not member.awaits_key:
            raise ChallengeEnded(LINK_USED, help="ask an administrator for a new link")
        return UUID(account)

    def knows(self, account: UUID) -> bool:
        """See the port."""
        return self._staff.member(str(account)) is not None
