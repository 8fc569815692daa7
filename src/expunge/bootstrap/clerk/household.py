"""The installation inside the clerk: opened at the first request, and anew when its map has changed."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import UUID

from expunge.adapters.database.account_register_django import DjangoAccountRegister
from expunge.adapters.database.journal_django import DjangoJournal
from expunge.adapters.keeper.keeper_accounts import KeeperAccounts
from expunge.adapters.keeper.keeper_guard import KeeperGuard
from expunge.adapters.outbound.mail_smtp import SmtpLetters
from expunge.bootstrap import Expunge, keeping
from expunge.bootstrap.accounts.approver_passkeys import holders_of
from expunge.bootstrap.accounts.guard_settings import settings_of
from expunge.bootstrap.accounts.kept_guard import NoLetters
from expunge.bootstrap.clerk.app_parts import AppParts, RequestsUnderWay
from expunge.bootstrap.clerk.recordings import FamilyRecordings
from expunge.bootstrap.clerk.review_room import ReviewRoom
from expunge.bootstrap.desk.family_desk import desk_for_words
from expunge.bootstrap.serving.followed_map import OfMap
from expunge.core.accounts.asks import AskKind
from expunge.core.accounts.hand_over import address_digest
from expunge.core.accounts.memberships import Membership, MembershipRole
from expunge.core.values.ids import Pseudonym
from expunge.engine.accounts.owners import Owners
from expunge.engine.families.labels import FamilyLabels
from expunge.engine.families.openings import Openings
from expunge.engine.families.people import FamilyPeople
from expunge.engine.gate import consent_register
from expunge.engine.requests.notices import NoticeIndex
from expunge.engine.review.desk import Desk
from expunge.engine.subjects import locating
from expunge.engine.subjects.resolving import ResolvedName
from expunge.errors import NotPermitted, NotResolved
from expunge.ports.accounts.account_guard import AskPermits
from expunge.ports.accounts.account_register import AccountRegister
from expunge.ports.accounts.letters import Letters

_MEMBERS = frozenset({MembershipRole.GUARDIAN, MembershipRole.SELF})


@dataclass(frozen=True)
class Household:
    """What every door of the clerk stands on. Threads may share it."""

    expunge: Expunge
    register: AccountRegister
    """The keeper's tables of accounts and memberships, in the state's database."""
    permits: AskPermits
    """The keeper, which ends a permit right before its act."""
    openings: Openings
    people: FamilyPeople
    labels: FamilyLabels
    """First names, as pages call subjects."""
    recordings: FamilyRecordings
    """Timelines, open recordings and looks, as far as they are kept in memory."""
    notices: NoticeIndex
    """What families were told."""
    owners: Owners
    """Writes letters to the owners of accounts."""
    letters: Letters
    """Sends them, and other letters."""
    apps: AppParts
    """What answers the company's app."""
    words: Desk
    """The desk as families have it: it takes their word, and shows nothing."""
    reviews: ReviewRoom
    """The review desk."""

    def require_member(self, account: UUID, family: str, *roles: MembershipRole) -> Membership:
        """Return the membership of an account in a family, as the keeper's tables have it now.

        Args:
            account: asks.
            family: the pseudonym of its subject.
            roles: those that may; guardian and self where none is named.

        Raises NotPermitted.
        """
        found = self.register.membership(account, family)
        if found is None or found.role not in (roles or _MEMBERS):
            raise NotPermitted("this account has no such role in this family", help="open a new link in the company's app")
        return found

    def is_member(self, account: UUID, family: str) -> bool:
        """Return whether an account may ask for what is held of a family now."""
        found = self.register.membership(account, family)
        return found is not None and found.role in _MEMBERS

    def members_of(self, family: str) -> tuple[Membership, ...]:
        """Return the memberships of a family that let an account ask for what is held, as the keeper's tables have them now."""
        return tuple(each for each in self.register.members(family) if each.role in _MEMBERS)

    def require_open(self, account: UUID, family: str, session: bytes) -> Membership:
        """Return the membership of an account that may be shown content of a family in a web session now; it uses the opening.

        Raises NotPermitted; OpeningNeeded where the account has to confirm first.
        """
        found = self.require_member(account, family)
        if self.register.recovery_times(account).closes(AskKind.PLAYBACK, self.expunge.context.clock.now()):
            self.openings.end(account, family, session)
            message = "a recovery of this account is under way, or ended a short while ago: nothing of a family is shown meanwhile"
            raise NotPermitted(message, help="stop the recovery if it is not yours; else wait until the time that the letter says")
        self.openings.require(account, family, session)
        return found

    def require_shown(self, account: UUID, family: str, session: bytes) -> Membership:
        """As :meth:`require_open`, for lists of what a child said and where it was: in a dispute of guardians neither side sees them.

        Raises NeedsApproval then.
        """
        found = self.require_open(account, family, session)
        self.require_no_dispute(family)
        return found

    def require_no_dispute(self, family: str) -> None:
        """Raise NeedsApproval while guardians of a family's subject are in dispute."""
        consents = consent_register.load(self.expunge.context)
        if not consents.frozen:
            return
        try:
            person = self.person(family).person
        except NotResolved:
            # Nothing is held that could be shown.
            return
        consent_register.require_no_dispute(self.expunge.context, consents, [person])

    def person(self, family: str) -> ResolvedName:
        """Return the identities of a family's subject. Raises NotResolved where nothing is held, and as the stores do."""
        found = self.people.find(family)
        if found is None:
            raise NotResolved("no dataset of the map holds this person", help="nothing is held, or the store that lists people was emptied")
        return found

    def names_of(self, family: str) -> frozenset[Pseudonym]:
        """Return every pseudonym of a family's subject. Registers stay readable of a person of whom nothing is held any more."""
        try:
            person = self.person(family).person
        except NotResolved:
            return frozenset({Pseudonym(family)})
        return frozenset({Pseudonym(family), *locating.names_of(self.expunge.context, person)})


class KeptHousehold:
    """Gives the household of a map, in a process that may open its keys or ask the keeper for what they do."""

    def __init__(self, map_path: Path, passphrase: str | None = None) -> None:
        """Open nothing yet.

        Args:
            map_path: the data map.
            passphrase: of the keystore, where it has one; without it the keeper is asked.
        """
        self._passphrase = passphrase
        self._openings = Openings()
        self._under_way = RequestsUnderWay()
        self._households = OfMap(map_path, self._opened, _close)

    @contextmanager
    def used(self) -> Iterator[Household]:
        """Give the household by the map as it is now, for the length of a block. Raises as :meth:`Expunge.open`."""
        with self._households.used() as household:
            household.expunge.stay()
            household.register.stay()
            yield household

    def close(self) -> None:
        """Let go of the installation."""
        self._households.close()

    def _opened(self, map_path: Path) -> Household:
        expunge = Expunge.open(map_path, passphrase=self._passphrase)
        journal = expunge.context.journal
        assert isinstance(journal, DjangoJournal)
        people, place = FamilyPeople(expunge.context), keeping.place_of_map(expunge.map)
        register = DjangoAccountRegister(journal.alias)
        settings = settings_of(expunge.map.accounts) if expunge.map.accounts else None
        letters: Letters = SmtpLetters(settings.mail, settings.sender) if settings and settings.mail else NoLetters()
        company, site = (settings.company, settings.origin) if settings else ("", "")
        notices = NoticeIndex(expunge.context)
        owners = Owners(register, KeeperAccounts(place), letters, company=company, site=site)
        account_of = partial(_member_with, register, owners)
        guard, labels = KeeperGuard(place), FamilyLabels(expunge.context, people.find)
        return Household(
            expunge=expunge,
            register=register,
            permits=guard,
            openings=self._openings,
            people=people,
            labels=labels,
            recordings=FamilyRecordings(expunge),
            notices=notices,
            owners=owners,
            letters=letters,
            apps=AppParts.of(expunge.context, journal.alias, notices, self._under_way, account_of),
            words=desk_for_words(expunge.context, expunge.vault),
            reviews=ReviewRoom(expunge, guard, guard, labels, partial(holders_of, expunge.context, accounts=register)),
        )


def _member_with(register: AccountRegister, owners: Owners, families: Sequence[Pseudonym], address: str) -> str:
    """Return the account whose proven mail address has a hex SHA-256, among the members of some families; empty for none."""
    for member in (each for family in families for each in register.members(family) if each.role in _MEMBERS):
        record = register.account(member.account)
        proven = record if record is not None and record.proven_at is not None and record.address else None
        if proven is not None and hmac.compare_digest(address_digest(owners.address_of(proven)), address):
            return str(member.account)
    return ""


def _close(household: Household) -> None:
    household.letters.close()
    household.register.close()
    assert isinstance(household.permits, KeeperGuard)
    household.permits.close()
    household.recordings.close()
    household.reviews.close()
    household.expunge.close()
