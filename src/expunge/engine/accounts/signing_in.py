"""Sign-in with a passkey that the keeper verifies: no account is named before the authenticator's answer does."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from expunge.core.accounts.asks import DIGEST_BYTES, sign_in_challenge
from expunge.engine.accounts.confirming import Confirming, parsed
from expunge.engine.accounts.tickets import Tickets
from expunge.errors import ProofRefused
from expunge.ports.accounts.account_guard import CHALLENGE_SECONDS, Ceremony
from expunge.ports.accounts.account_register import AccountRegister
from expunge.ports.accounts.authenticators import Passkeys


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

    def finish(self, token: str, session: bytes, response: bytes) -> UUID:
        """See the port of the guard."""
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
        self._confirming.check_passkey(record.account, begun.challenge, response)
        return record.account
