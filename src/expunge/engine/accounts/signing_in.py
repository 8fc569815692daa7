"""Sign-in with a passkey that the keeper verifies: no account is named before the authenticator's answer does."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from expunge.core.accounts.asks import DIGEST_BYTES, sign_in_challenge
from expunge.core.accounts.credential_strength import Method
from expunge.engine.accounts.confirming import Confirming, parsed
from expunge.engine.accounts.tickets import Tickets
from expunge.errors import ProofRefused
from expunge.ports.accounts.account_guard import CHALLENGE_SECONDS, Ceremony
from expunge.ports.accounts.account_register import AccountRegister, CredentialRecord
from expunge.ports.accounts.authenticators import Passkeys

SIGN_IN_SECONDS = 12 * 3600.0
"""After which a sign-in ends, whatever happens in it (NIST SP 800-63B-4, AAL2 and AAL3)."""
MOST_SIGN_INS = 10_000
"""Sessions that are known together; the oldest ends."""


@dataclass(frozen=True)
class _Begun:
    session: bytes = field(repr=False)
    challenge: bytes = field(repr=False)


class SigningIn:
    """Begins and finishes sign-ins. Safe between threads."""

    def __init__(self, register: AccountRegister, passkeys: Passkeys, confirming: Confirming, now: Callable[[], float]) -> None:
        self._register, self._passkeys, self._confirming = register, passkeys, confirming
        self._begun: Tickets[_Begun] = Tickets("sign-in", now=now)

    def begin(self, session: bytes) -> Ceremony:
        """See the port of the guard."""
        begun = _Begun(session, sign_in_challenge(secrets.token_bytes(DIGEST_BYTES), session))
        # Why by the session: there is no account yet, and one browser that begins many sign-ins ends its own oldest alone.
        token = self._begun.put(UUID(bytes=session[:16]), begun, CHALLENGE_SECONDS)
        return Ceremony(token, self._passkeys.request_options(begun.challenge, ()))

    def finish(self, token: str, session: bytes, response: bytes) -> CredentialRecord:
        """Return the passkey that signed. Raises as the port of the guard."""
        begun = self._begun.take(token)
        if not secrets.compare_digest(begun.session, session):
            raise ProofRefused("the sign-in was begun in another session", help="begin again in this window")
        answer = parsed(response)
        claimed = self._passkeys.claimed(answer)
        record = self._register.credential(claimed.credential)
        if record is None or not secrets.compare_digest(claimed.handle, record.account.bytes):
            # The same words as for a signature that does not hold: nothing tells whether the credential is known.
            raise ProofRefused(
                "the passkey's answer does not hold for what was asked",
                help="begin again, on the page itself, and confirm with the device's lock",
            )
        return self._confirming.check_passkey(record.account, begun.challenge, response)


@dataclass(frozen=True)
class ShownPasskey:
    """The passkey that was shown last in a session."""

    credential: bytes
    method: Method
    seconds: int
    """Whole seconds since."""


@dataclass
class _Held:
    passkey: CredentialRecord
    begun: float
    shown: float


class SignIns:
    """The sign-ins that this keeper verified and that were not ended, by session. Safe between threads.

    They lie in memory: with the keeper all of them end, and people of staff show their passkeys again.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        """Know none. ``now``: seconds, from anywhere, never back."""
        self._now = now
        self._guard = threading.Lock()
        self._held: OrderedDict[bytes, _Held] = OrderedDict()

    def note(self, session: bytes, passkey: CredentialRecord) -> None:
        """Note that a passkey was shown in a session. Another account than before takes the session over."""
        with self._guard:
            now, known = self._now(), self._living(session)
            begun = known.begun if known is not None and known.passkey.account == passkey.account else now
            self._held.pop(session, None)
            self._held[session] = _Held(passkey, begun, now)
            while len(self._held) > MOST_SIGN_INS:
                self._held.popitem(last=False)

    def find(self, account: UUID, session: bytes) -> ShownPasskey | None:
        """Return what was shown last in a session of an account; None for a session that does not go on."""
        with self._guard:
            known = self._living(session)
            if known is None or known.passkey.account != account:
                return None
            method = Method.PASSKEY if known.passkey.backup_eligible else Method.SECURITY_KEY
            return ShownPasskey(known.passkey.credential, method, int(self._now() - known.shown))

    def end(self, session: bytes) -> None:
        """End a session."""
        with self._guard:
            self._held.pop(session, None)

    def end_all(self, account: UUID, but: bytes = b"") -> None:
        """End every session of an account, but for one."""
        with self._guard:
            for session in [each for each, held in self._held.items() if held.passkey.account == account and each != but]:
                del self._held[session]

    def _living(self, session: bytes) -> _Held | None:
        known = self._held.get(session)
        if known is not None and not 0 <= self._now() - known.begun < SIGN_IN_SECONDS:
            del self._held[session]
            return None
        return known
