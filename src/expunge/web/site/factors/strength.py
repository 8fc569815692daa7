"""How strong an account is: by the keeper, from its weakest way in, recovery included (NST-04); and by its ways to log in alone."""

from __future__ import annotations

from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount

from expunge.core.accounts.credential_strength import Audience, Level, Method, Way, level_of
from expunge.ports.accounts.account_guard import CredentialCard
from expunge.web.site.accounts.guarding import guard
from expunge.web.site.accounts.models import Account


@dataclass(frozen=True)
class Strength:
    """The strength of one account."""

    level: Level
    """By its weakest way in, recovery included, as the keeper says."""
    logging_in: Level
    """By its weakest way to log in."""

    @property
    def word(self) -> str:
        """Return how hard it is to log in: *bound*, *two* or *one*."""
        return {Level.PHISHING_RESISTANT: "bound", Level.TWO_FACTORS: "two"}.get(self.logging_in, "one")


def strength_of(account: Account) -> Strength:
    """Return the strength of an account. Raises KeeperAway."""
    ways = ways_to_log_in(account, guard().credentials(account.pk))
    return Strength(guard().level(account.pk, Audience.CUSTOMERS, ways), level_of(ways))


def ways_to_log_in(account: Account, cards: tuple[CredentialCard, ...]) -> list[Way]:
    """Return the ways in which an account is logged in to."""
    kinds = set(Authenticator.objects.filter(user=account).values_list("type", flat=True))
    ways: list[Way] = []
    if Authenticator.Type.WEBAUTHN in kinds:
        kept = {card.method for card in cards if card.method is not Method.TOTP and card.copied_at is None}
        ways += [frozenset({method}) for method in sorted(kept or {Method.PASSKEY})]
    firsts = [Method.PASSWORD] if account.has_usable_password() else []
    if SocialAccount.objects.filter(user=account).exists():
        firsts.append(Method.PROVIDER)
    second = {Authenticator.Type.TOTP: Method.TOTP, Authenticator.Type.RECOVERY_CODES: Method.RECOVERY_CODES}
    beside = [method for kind, method in second.items() if kind in kinds]
    if not beside and not ways:
        return [frozenset({first}) for first in firsts]
    return [*ways, *(frozenset({first, method}) for first in firsts for method in beside)]
