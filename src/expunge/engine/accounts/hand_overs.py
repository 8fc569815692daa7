"""Hand-overs in the process that has the keys: a token of the company, confirmed by a credential of the account, sets memberships."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from uuid import UUID

from expunge.core.accounts.asks import DIGEST_BYTES, Ask, AskKind
from expunge.core.accounts.family_events import ByHandOver
from expunge.core.accounts.hand_over import SKEW, HandOver, HandOverFault, address_digest, digest_of, read_claims, refusal, require_in_time
from expunge.core.accounts.letter_texts import LetterKind
from expunge.core.accounts.memberships import Membership, MembershipRole
from expunge.engine.accounts.family_register import FamilyRegister
from expunge.engine.accounts.owners import Owners
from expunge.errors import AlreadyThere, HandOverRefused, ProofRefused, UsageError
from expunge.ports.accounts.account_guard import AskPermits
from expunge.ports.accounts.account_register import AccountRecord, AccountRegister
from expunge.ports.accounts.hand_overs import HandOverCard, HandOverTokens
from expunge.ports.clock import Clock

_ADDRESS = "the mail address of a hand-over token is not the account's, or the account's is not proven"


class LocalHandOvers:
    """Implements ``expunge.ports.accounts.hand_overs.HandOvers``. Safe between threads and processes."""

    def __init__(
        self,
        tokens: HandOverTokens,
        family_of: Callable[[str], str],
        accounts: AccountRegister,
        families: FamilyRegister,
        owners: Owners,
        permits: AskPermits,
        clock: Clock,
        *,
        address_required: bool,
    ) -> None:
        """Set up.

        Args:
            tokens: verifies them.
            family_of: turns the company's own KIND:VALUE into a pseudonym; raises HandOverRefused for a kind that the map does not have.
            accounts: the tables of accounts.
            families: enters decisions.
            owners: writes letters.
            permits: the guard whose permits are used.
            clock: never goes back.
            address_required: whether a token has to name the mail address of its person.
        """
        self._tokens, self._family_of, self._accounts, self._families = tokens, family_of, accounts, families
        self._owners, self._permits, self._clock, self._address_required = owners, permits, clock, address_required

    def look(self, token: str) -> HandOverCard:
        """See the port."""
        hand_over, _ = self._read(token)
        if self._accounts.hand_over_use(hand_over.use) is not None:
            raise _used()
        self._roles(hand_over)
        return _card(token, hand_over)

    def redeem(self, permit: str, session: bytes, ask: Ask, token: str) -> HandOverCard:
        """See the port."""
        if len(session) != DIGEST_BYTES:
            raise UsageError("the hash of a web session has 32 bytes", help="ask with the same version of Expunge as the keeper runs")
        if ask.kind is not AskKind.HAND_OVER or not hmac.compare_digest(ask.detail("token"), digest_of(token)):
            raise ProofRefused("the ask is not to use this hand-over token", help="begin again, and confirm what is shown")
        hand_over, key = self._read(token)
        account = ask.account
        used = self._accounts.hand_over_use(hand_over.use)
        if used == (account, session):
            # Its answer was lost: the keeper died after the commit.
            return _card(token, hand_over)
        if used is not None:
            raise _used()
        self._require_address(hand_over, self._owners.record_of(account))
        roles = self._roles(hand_over)
        self._permits.use_permit(permit, session, ask)
        now = self._clock.now()
        by = ByHandOver(hand_over.issuer, key, hand_over.use.hex())
        try:
            with self._families.together():
                self._accounts.use_hand_over(hand_over.use, account, session, hand_over.until + SKEW, now)
                changed = self._families.decide(account, roles, by)
        except AlreadyThere:
            raise _used() from None
        self._tell(account, changed)
        return _card(token, hand_over)

    def _read(self, token: str) -> tuple[HandOver, str]:
        """Return what a token says, and the name of its key. Raises HandOverRefused."""
        key, claims = self._tokens.verified(token)
        hand_over = read_claims(claims)
        require_in_time(hand_over, self._clock.now())
        if self._address_required and not hand_over.address:
            raise refusal(HandOverFault.MALFORMED, "a hand-over token is malformed: it names no mail address, which the map asks for")
        return hand_over, key

    def _roles(self, hand_over: HandOver) -> list[tuple[str, MembershipRole]]:
        roles = [(self._family_of(told.subject), told.role) for told in hand_over.told]
        if len({family for family, _ in roles}) < len(roles):
            raise refusal(HandOverFault.MALFORMED, "a hand-over token is malformed: it names one person twice")
        return roles

    def _require_address(self, hand_over: HandOver, record: AccountRecord) -> None:
        if not hand_over.address:
            return
        own = address_digest(self._owners.address_of(record)) if record.address and record.proven_at is not None else ""
        if not hmac.compare_digest(own, hand_over.address):
            raise refusal(HandOverFault.OTHER_ADDRESS, _ADDRESS)

    def _tell(self, account: UUID, changed: tuple[Membership, ...]) -> None:
        """Write to the account, and to the guardians that a family had before."""
        now = self._clock.now()
        if changed:
            self._owners.tell(self._owners.record_of(account), LetterKind.MEMBERSHIP_CHANGED, now)
        fresh = [each.family for each in changed if each.role is MembershipRole.GUARDIAN]
        members = [each for family in fresh for each in self._accounts.members(family)]
        for other in {each.account for each in members if each.role is MembershipRole.GUARDIAN} - {account}:
            self._owners.tell(self._owners.record_of(other), LetterKind.GUARDIAN_ADDED, now)


def _card(token: str, hand_over: HandOver) -> HandOverCard:
    roles = [told.role for told in hand_over.told]
    return HandOverCard(
        digest_of(token),
        roles.count(MembershipRole.GUARDIAN),
        MembershipRole.SELF in roles,
        roles.count(MembershipRole.FORMER),
        hand_over.until,
    )


def _used() -> HandOverRefused:
    return refusal(HandOverFault.USED, "a hand-over token was used already")
