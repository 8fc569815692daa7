"""How many tries at a credential are looked at: delays for an account, budgets for clients, networks and everybody (NST-06, FAIL-10).

Nothing here locks an account. A try that comes too soon is refused before its password is hashed; the owner's own browsers and passkeys
have counts of their own, which tries from elsewhere do not touch.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MOST_FAILURES = 100
"""Failures in a row of one factor of one account after which that factor is no way in (SP 800-63B-4, 5.2.2)."""
MOST_FROM_ELSEWHERE = 80
"""The share of :data:`MOST_FAILURES` of browsers that the account does not know."""
MOST_FROM_KNOWN = MOST_FAILURES - MOST_FROM_ELSEWHERE
"""The share of browsers that the account knows, all together."""
FREE_FAILURES = 3
"""Failures in a row that cost no time."""
FIRST_DELAY = 5.0
"""Seconds after the next one; each further failure doubles them."""
LONGEST_DELAY = 900.0
"""Seconds beyond which a delay does not grow."""
SHORTEST_PASSWORD = 15
"""Characters of a password that is the only factor (SP 800-63B-4, 3.1.1.2)."""
LONGEST_PASSWORD = 1024
"""Characters of a password; a longer one is refused before it is hashed."""


class Surface(StrEnum):
    """A way in at which a credential can be tried."""

    LOGIN = "login"
    PASSKEY = "passkey"
    SECOND_FACTOR = "second factor"
    """The step after the password: TOTP, recovery codes, a security key."""
    REAUTHENTICATION = "reauthentication"
    PASSWORD_CHANGE = "password change"  # noqa: S105 - a surface, not a password
    PASSWORD_RESET = "password reset"  # noqa: S105 - a surface, not a password
    """The request for a mail."""
    MAIL_CODE = "mail code"
    HAND_OVER = "hand-over"
    """A token of the company. Its signature cannot be guessed, so only refused ones count."""
    """Codes from mails, of a sign-up, a reset or a login."""
    SIGN_UP = "sign-up"
    PROVIDER_BUTTON = "provider button"
    """The beginning of a login at a company."""
    PROVIDER = "provider"
    """The company's answer."""
    API_TOKEN = "API token"  # noqa: S105 - a surface, not a token
    OTHER = "other"
    """A form that this table does not name: it is throttled all the same."""


class Factor(StrEnum):
    """What failures of an account are counted for."""

    PASSWORD = "password"  # noqa: S105 - a factor, not a password
    CODE = "code"


@dataclass(frozen=True)
class SurfaceRule:
    """How tries at a surface are counted."""

    factor: Factor | None = None
    """The factor whose delays a try meets; None where no account is guessed at."""
    judged: bool = False
    """Whether the surface tells which tries succeed. Those are taken off the budgets; at others each try counts."""
    floor: float = 0.0
    """Seconds that an answer takes at least, so that its time does not tell known addresses from unknown ones."""


RULES = {
    Surface.LOGIN: SurfaceRule(Factor.PASSWORD, judged=True),
    Surface.PASSKEY: SurfaceRule(judged=True),
    Surface.SECOND_FACTOR: SurfaceRule(Factor.CODE, judged=True),
    Surface.REAUTHENTICATION: SurfaceRule(Factor.PASSWORD, judged=True),
    Surface.PASSWORD_CHANGE: SurfaceRule(Factor.PASSWORD, judged=True),
    Surface.PASSWORD_RESET: SurfaceRule(floor=0.35),
    Surface.MAIL_CODE: SurfaceRule(),
    Surface.HAND_OVER: SurfaceRule(judged=True),
    Surface.SIGN_UP: SurfaceRule(floor=0.9),
    Surface.PROVIDER_BUTTON: SurfaceRule(),
    Surface.PROVIDER: SurfaceRule(judged=True),
    Surface.API_TOKEN: SurfaceRule(judged=True),
    Surface.OTHER: SurfaceRule(),
}


@dataclass(frozen=True)
class Budget:
    """So many tries in a window. Windows begin at multiples of their length, so two of them may be spent around one border."""

    tries: int
    seconds: int

    def window(self, now: float) -> int:
        """Return the number of the window that a moment (Unix seconds) lies in."""
        return int(now // self.seconds)

    def ends(self, now: float) -> float:
        """Return when that window ends, in Unix seconds."""
        return float((self.window(now) + 1) * self.seconds)


@dataclass(frozen=True)
class Budgets:
    """What one source may spend."""

    client: Budget
    """Failed tries of one address (IPv4) or /64 (IPv6)."""
    network: Budget
    """Failed tries of one /24 or /48."""
    accounts_of_client: int
    """Accounts at which one client may fail within its window."""
    accounts_of_network: int
    """Accounts at which one network may fail within its window."""


CALM = Budgets(Budget(60, 600), Budget(200, 600), accounts_of_client=6, accounts_of_network=40)
ATTACKED = Budgets(Budget(15, 600), Budget(60, 600), accounts_of_client=3, accounts_of_network=10)
"""While an attack on many accounts is under way."""
EVERYBODY = Budget(1200, 60)
"""Tries of all unknown browsers together: what two processors can hash. It is a limit of capacity, and known browsers have their own."""
OF_KNOWN = Budget(120, 60)
"""Forms of the known browsers of one account."""
OF_COOKIE = Budget(60, 60)
"""Addresses that are looked up for one cookie of a known browser before its tries are counted."""
KNOWN = Budget(1200, 60)
"""Tries of all known browsers together."""
PASSKEYS = Budget(60, 600)
"""Passkeys that one client may try. A signature is not guessed, so no attack on passwords touches them."""
MAILS = Budget(5, 3600)
"""Mails that one network may have sent to one address."""
SHARED_PASSWORD = 8
"""Accounts at which one password fails before it is refused everywhere."""


def delay_after(failures: int) -> float:
    """Return the seconds for which an account's factor is not tried after so many failures in a row."""
    if failures < FREE_FAILURES:
        return 0.0
    return float(min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(failures - FREE_FAILURES, 30)))
